//! `interdict attest impact`: which decisions rested on a statement, out of a journal or out of the log that has them.

use crate::attest::{instant, read};
use crate::attest_folder::{self, Attestations};
use crate::commands::Done;
use crate::log::Problem;
use crate::log_home::Home;
use crate::log_place::Place;
use crate::log_read;
use attest::impact::{self, Decision};
use attest::statement::Type;
use attest::timeline::Time;
use attest::{Condition, json as strict};
use clap::Args;
use ledger::disk::Folder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tlog::policy::Policy;
use tlog::tile::TILE_WIDTH;

/// Decisions that are weighed against one entry; a day of a large gate.
const DECISIONS_MAX: usize = 1_000_000;

/// Decisions of a log that are read at once.
const BUNDLE: usize = TILE_WIDTH as usize;

/// Options of `attest impact`.
#[derive(Debug, Args)]
pub(crate) struct Impact {
    /// The entry: a revocation, or the statement that should not have been believed
    index: u64,
    /// The decisions: events as `[records]` writes them, one a line; or the log that has them, named by the folder that
    /// `interdict log new` made
    #[arg(long, value_name = "FILE|DIR")]
    decisions: PathBuf,
    /// Only decisions made, or about something, from this instant on; absent is what a revocation says (`invalidSince`), or all
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// The decisions of a journal that may have turned on conditions; what each was about stays with it.
struct Recorded {
    decision: Decision,
    cites: BTreeSet<String>,
    of_known_subject: bool,
}

/// What an event says of a decision.
fn recorded_as(event: &Value) -> Result<Recorded, &'static str> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let id = text("/id").ok_or("`id` is missing")?;
    let time = text("/time").and_then(strict::parse_time).ok_or("`time` is missing")?;
    let at = text("/data/valid_at").and_then(strict::parse_time).unwrap_or(time);
    // It went by what was on file when it was made, or by what was known earlier if that was asked.
    let known = text("/data/known_at").and_then(strict::parse_time).map_or(time, |asked| asked.min(time));
    let instruments = ["/data/provisions", "/data/by"].into_iter().filter_map(|list| event.pointer(list)?.as_array());
    let cites = instruments.flatten().filter_map(Value::as_str);
    let cites = cites.map(|cited| cited.split(':').next().unwrap_or(cited).to_owned()).collect();
    let decision = Decision { id: id.to_owned(), known, at, artifact: None };
    Ok(Recorded { decision, cites, of_known_subject: text("/data/app").is_some() })
}

/// The decisions of a log that is kept here; of one that was erased nobody can say what it rested on.
fn recorded_in_log(folder: &Path) -> Result<Vec<Recorded>, String> {
    let told = |problem: Problem| problem.message;
    let home = Home::open(folder, None).map_err(told)?;
    let disk = home.disk("dec");
    let size = log_read::published_size(&disk).map_err(told)?;
    if size > DECISIONS_MAX as u64 {
        return Err(format!("{}: more than {DECISIONS_MAX} decisions", folder.display()));
    }
    let (public, policy) = (Place::public(&disk), Policy::of_log(home.vkey("dec").map_err(told)?));
    let mut found = Vec::new();
    let mut erased = 0_u64;
    for first in (0..size).step_by(BUNDLE) {
        // A service that goes on deciding puts its last files in other places: no more is read anew then than this.
        let read = |told: &mut Vec<Option<Recorded>>, index: u64, entry: &[u8]| {
            if log_read::commits(entry) {
                told.push(recorded_at(&disk, index, entry)?);
            }
            Ok(())
        };
        let range = first..size.min(first + BUNDLE as u64);
        for recorded in log_read::entries(&public, &policy, range, Vec::new, read).map_err(told)? {
            erased += u64::from(recorded.is_none());
            found.extend(recorded);
        }
    }
    if erased > 0 {
        eprintln!("{erased} decisions were erased: nobody can say what they rested on");
    }
    Ok(found)
}

/// What a log that is kept here has of a decision; `None` if it was erased.
fn recorded_at(disk: &Folder, index: u64, entry: &[u8]) -> Result<Option<Recorded>, Problem> {
    let fields = match log_read::opened(disk, index, log_read::published_size(disk)?, entry) {
        Ok((_, fields)) => fields,
        Err(problem) if problem.code == log_read::NOT_THERE => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let field = |name: &str| log_read::field(&fields, name);
    let (record, law, resource) = (field("record"), field("law"), field("resource"));
    let event = json!({ "id": index.to_string(), "time": record.get("at"), "data": { "app": resource.get("app"),
        "valid_at": law.get("valid_at"), "known_at": law.get("known_at"), "provisions": law.get("provisions"), "by": law.get("by") } });
    recorded_as(&event).map(Some).map_err(|why| Problem::new(2, format!("decision {index}: {why}")))
}

fn recorded(path: &Path) -> Result<Vec<Recorded>, String> {
    if path.is_dir() {
        return recorded_in_log(path);
    }
    let text = String::from_utf8(read(path)?).map_err(|_not| format!("{}: not UTF-8", path.display()))?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: &str| format!("{}:{}: {why}", path.display(), number + 1);
        if found.len() == DECISIONS_MAX {
            return Err(wrong(&format!("more than {DECISIONS_MAX} decisions; take a shorter period")));
        }
        let event: Value = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        found.push(recorded_as(&event).map_err(wrong)?);
    }
    Ok(found)
}

/// Whether a decision may have turned on a condition: it cites its order or what was made of it, or, since law that a
/// condition lifts is not cited, it is about a known subject and cites nothing.
fn turned_on(condition: &Condition, recorded: &Recorded) -> bool {
    let made = attest_folder::prefix(condition);
    let named = |cited: &String| *cited == condition.order || cited.starts_with(&made);
    recorded.cites.iter().any(named) || recorded.of_known_subject && recorded.cites.is_empty()
}

pub(crate) fn impact(folder: &Attestations, options: &Impact) -> Done {
    let entry = folder.history.records().iter().find(|record| record.index == options.index);
    let entry = entry.ok_or_else(|| format!("entry {} is not there, or counts for nothing", options.index))?;
    let targets: Vec<u64> = folder.history.targeted_by(options.index).iter().map(|record| record.index).collect();
    if entry.statement.kind == Type::Revocation && targets.is_empty() {
        return Err(format!("entry {} takes nothing back that was taken up here", options.index));
    }
    let said = entry.statement.claim("/invalidSince").and_then(Value::as_str).and_then(strict::parse_time);
    let since = instant("since", options.since.as_ref())?.or(said).unwrap_or(Time::MIN);
    let weighed = if targets.is_empty() { vec![options.index] } else { targets };
    let recorded = recorded(&options.decisions)?;
    let mut touched = Vec::new();
    for condition in &folder.conditions {
        let mut decisions: Vec<Decision> = Vec::new();
        for one in recorded.iter().filter(|one| turned_on(condition, one)) {
            if condition.needs_artifact() {
                // A record does not keep which artefact it was about: each that is distributed may have been.
                let each = folder.artifacts.iter().map(|artifact| Some(artifact.clone()));
                decisions.extend(each.map(|artifact| Decision { artifact, ..one.decision.clone() }));
            } else {
                decisions.push(one.decision.clone());
            }
        }
        for &index in &weighed {
            for found in impact::of(condition, &folder.history, index, since, &decisions) {
                touched.push(
                    json!({ "decision": found.id, "condition": condition.id, "entry": index, "turns": found.turns }),
                );
            }
        }
    }
    touched.sort_by_key(ToString::to_string);
    touched.dedup();
    let turns = touched.iter().any(|found| found["turns"] == json!(true));
    let mut out = std::io::stdout().lock();
    for found in &touched {
        let written = if options.json {
            writeln!(out, "{found}")
        } else {
            let how = if found["turns"] == json!(true) {
                "would have come out otherwise"
            } else {
                "rested on it among others"
            };
            writeln!(
                out,
                "{}: {how} ({}, entry {})",
                found["decision"].as_str().unwrap_or_default(),
                found["condition"].as_str().unwrap_or_default(),
                found["entry"]
            )
        };
        written.map_err(|error| format!("cannot write: {error}"))?;
    }
    if !options.json {
        // One may have rested on it under several conditions.
        let rested: BTreeSet<&str> = touched.iter().filter_map(|found| found["decision"].as_str()).collect();
        writeln!(out, "{} of {} decisions rested on it", rested.len(), recorded.len())
            .map_err(|error| error.to_string())?;
    }
    Ok(u8::from(turns))
}

//! A provider's inventory against the law: what an order reaches, row by row, and what a careless block would hit besides.

use crate::commands::{Done, Loading, print};
use crate::{clock, question, show};
use clap::Args;
use docket::finding::Verdict;
use docket::inquiry::{self, Actor, Inquiry, Resource};
use docket::moment::{format_rfc3339, parse_rfc3339};
use docket::place::Place;
use docket::subject::Attribution;
use docket::vocabulary::{Act, ResourceKind};
use docket::{Docket, Finding};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// An inventory of more rows is scanned in parts.
const ROWS_MAX: usize = 5_000_000;

/// Columns that name things, and what kind of name is in them.
const COLUMNS: [(&str, ResourceKind); 14] = [
    ("hostname", ResourceKind::Domain),
    ("host", ResourceKind::Domain),
    ("domain", ResourceKind::Domain),
    ("zone", ResourceKind::Domain),
    ("name", ResourceKind::Domain),
    ("customer", ResourceKind::Company),
    ("company", ResourceKind::Company),
    ("owner", ResourceKind::Company),
    ("asn", ResourceKind::Asn),
    ("app", ResourceKind::App),
    ("package", ResourceKind::AndroidPackage),
    ("bundle", ResourceKind::IosBundle),
    ("certificate", ResourceKind::CertSha256),
    ("purl", ResourceKind::Purl),
];

/// Options of `inventory`.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns that are read: hostname, host, domain, zone, name, customer, company, owner, asn, app, package, bundle, certificate, purl; and `place`, where users are.\nExit code: 0 nothing is reached, 1 something is forbidden, 2 the inventory cannot be read, 3 something must be looked at."
)]
pub(crate) struct Inventory {
    /// CSV with a head line, or a JSON array of objects; `-` reads standard input
    file: PathBuf,
    /// What is done for each row; may be repeated
    #[arg(long, default_value = "host.provide")]
    act: Vec<String>,
    /// In what role
    #[arg(long)]
    role: Option<String>,
    /// Where users are, for rows that do not say
    #[arg(long)]
    place: Option<String>,
    /// When; absent is now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// A fact of the service (`contracted=direct`); may be repeated
    #[arg(long = "fact", value_name = "FACT=VALUE")]
    facts: Vec<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    posture: crate::cli::PostureArgs,
}

/// One name of one row, and what was found of it.
struct Found {
    row: usize,
    column: String,
    id: String,
    act: Act,
    finding: Finding,
}

/// One name that no order reaches and a careless rule would block.
struct Near {
    row: usize,
    id: String,
    why: String,
}

pub(crate) fn inventory(loading: &Loading, options: &Inventory) -> Done {
    let docket = loading.docket()?;
    let rows = rows(&crate::commands::text(&options.file)?, &options.file.display().to_string())?;
    let acts: Vec<Act> = options
        .act
        .iter()
        .map(|act| inquiry::act(act).map_err(|problem| format!("--act: {}", problem.message)))
        .collect::<Result<_, _>>()?;
    let place = options.place.as_deref().map(Place::parse).transpose().map_err(|why| format!("--place: {why}"))?;
    let at = options.at.as_deref().map(parse_rfc3339).transpose().map_err(|why| format!("--at: {why}"))?;
    let at = at.unwrap_or_else(clock::now);
    let (mut found, mut near, mut names) = (Vec::new(), Vec::new(), 0);
    for (row, cells) in (1..).zip(&rows) {
        let stated = cells.get("place").filter(|code| !code.is_empty());
        let place = match stated {
            Some(code) => Some(Place::parse(code).map_err(|why| format!("row {row}: place: {why}"))?),
            None => place,
        };
        for (column, kind) in COLUMNS {
            let Some(id) = cells.get(column).filter(|id| !id.is_empty()) else { continue };
            names += 1;
            for act in &acts {
                let inquiry = Inquiry {
                    actor: Actor::read("business", "", options.role.as_deref(), None::<&str>)
                        .map_err(|problem| problem.message)?,
                    act: *act,
                    resource: Resource { kind, id: Cow::Owned(id.clone()) },
                    valid_at: at,
                    known_at: None,
                    place,
                    facts: question::facts(&options.facts)?,
                };
                let Ok(finding) = docket.find(&inquiry, question::posture(options.posture)) else { continue };
                if finding.verdict != Verdict::Permit {
                    found.push(Found { row, column: column.to_owned(), id: id.clone(), act: *act, finding });
                } else if let Some(why) = near_miss(&docket, kind, id, &finding) {
                    near.push(Near { row, id: id.clone(), why });
                }
            }
        }
    }
    near.retain(|near: &Near| !found.iter().any(|found: &Found| found.row == near.row && found.id == near.id));
    near.dedup_by(|a, b| a.row == b.row && a.id == b.id);
    if options.json {
        print(&format!("{:#}\n", document(rows.len(), &found, &near)))?;
    } else {
        print(&report(rows.len(), names, &found, &near))?;
    }
    let verdicts: Vec<Verdict> = found.iter().map(|found| found.finding.verdict).collect();
    Ok(show::exit_code(&verdicts))
}

/// Why a rule less careful than the order would block a name that may be served.
fn near_miss(docket: &Docket, kind: ResourceKind, id: &str, finding: &Finding) -> Option<String> {
    match docket.registry().resolve(kind, id).ok()? {
        Attribution::Subject(subject, _) if finding.grounds.is_empty() => {
            Some(format!("belongs to {}, of which this act is not prohibited here and now", subject.name()))
        }
        Attribution::Subject(_, _) => Some(finding.grounds.first()?.why.clone()),
        Attribution::Shared(_) => Some(String::from("used by others too: it identifies nobody")),
        Attribution::Nobody => {
            let plain: String = id.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
            let alike = docket.registry().subjects().iter().find(|subject| {
                // Shorter ids are parts of ordinary words.
                const TELLING_BYTES_MIN: usize = 5;
                subject.id.len() >= TELLING_BYTES_MIN && plain.contains(&subject.id.replace('-', ""))
            })?;
            Some(format!("only looks like {}: nobody known has this name", alike.name()))
        }
    }
}

/// Rows as cells by lower-case column.
fn rows(text: &str, name: &str) -> Result<Vec<BTreeMap<String, String>>, String> {
    let too_many = || format!("{name}: more than {ROWS_MAX} rows; scan it in parts");
    let wrong = |why: &dyn std::fmt::Display| format!("{name}: {why}");
    let mut rows = Vec::new();
    if text.trim_start().starts_with('[') {
        let list: Vec<BTreeMap<String, Value>> = serde_json::from_str(text).map_err(|error| wrong(&error))?;
        for object in list {
            let cell = |(column, value): (String, Value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (column.to_lowercase(), if value.is_null() { String::new() } else { text })
            };
            rows.push(object.into_iter().map(cell).collect());
        }
    } else {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns: Vec<String> =
            reader.headers().map_err(|error| wrong(&error))?.iter().map(str::to_lowercase).collect();
        for record in reader.records() {
            let record = record.map_err(|error| wrong(&error))?;
            rows.push(columns.iter().cloned().zip(record.iter().map(str::to_owned)).collect());
            if rows.len() > ROWS_MAX {
                return Err(too_many());
            }
        }
    }
    let named = |row: &BTreeMap<String, String>| COLUMNS.iter().any(|(column, _)| row.contains_key(*column));
    if !rows.is_empty() && !rows.iter().any(named) {
        let columns: Vec<&str> = COLUMNS.iter().map(|(column, _)| *column).collect();
        return Err(wrong(&format!("no column names anything; one must be called {}", columns.join(", "))));
    }
    if rows.len() > ROWS_MAX { Err(too_many()) } else { Ok(rows) }
}

fn report(rows: usize, names: usize, found: &[Found], near: &[Near]) -> String {
    let mut text = format!("{rows} rows, {names} names\n\nreached: {}\n", found.len());
    let mut line = |words: String| writeln!(text, "{words}").unwrap_or_default();
    for Found { row, column, id, act, finding } in found {
        let grounds: Vec<&str> = finding.grounds.iter().map(|ground| ground.provision.as_str()).collect();
        let until = if finding.until < law::time::FOREVER {
            format_rfc3339(finding.until)
        } else {
            String::from("no end known")
        };
        line(format!(
            "  row {row} {column} {id}: {} {} by {} until {until}",
            finding.verdict.word(),
            act.word(),
            grounds.join(", ")
        ));
        if !finding.needs.is_empty() {
            line(format!("    needs {}", finding.needs.join(", ")));
        }
    }
    line(format!("\nnot reached, and easily blocked by mistake: {}", near.len()));
    for Near { row, id, why } in near {
        line(format!("  row {row} {id}: {why}"));
    }
    text
}

fn document(rows: usize, found: &[Found], near: &[Near]) -> Value {
    let reached = |Found { row, column, id, act, finding }: &Found| {
        json!({
            "row": row, "column": column, "id": id, "act": act.word(), "app": finding.subject,
            "verdict": finding.verdict.word(),
            "provisions": finding.grounds.iter().map(|ground| ground.provision.as_str()).collect::<Vec<_>>(),
            "until": if finding.until < law::time::FOREVER { json!(format_rfc3339(finding.until)) } else { Value::Null },
            "needs": finding.needs,
        })
    };
    let close = |Near { row, id, why }: &Near| json!({ "row": row, "id": id, "why": why });
    json!({
        "rows": rows,
        "reached": found.iter().map(reached).collect::<Vec<_>>(),
        "not_reached": near.iter().map(close).collect::<Vec<_>>(),
    })
}

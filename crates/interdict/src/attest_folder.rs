//! Attestations: whom to trust, what was said in the order it was taken up, and the conditions; and what of it is law.
//! They lie in a folder, or in a gov log.
//!
//! In a folder, `trust.json` says whose word counts. `entries.ndjson` has one statement a line with its place and the instant it was
//! taken up; lines are only added. `conditions/*.json` are added to the shipped ones and go before one of the same name.
//! `artifacts` lists the SHA-256 of what is distributed, one a line, for conditions that turn on it.
//!
//! What law counts as met becomes orders, each an instrument that says so: so it is part of the edition, is logged with
//! it, and can be cited.

use crate::attest_weighed::Weighed;
use crate::clock;
use crate::log_serve::Counted;
use crate::log_statements::GovLog;
use crate::whole_file;
use attest::act::{self, Enacted, Met, Verb};
use attest::dsse::Envelope;
use attest::history::{Entry, History, Record};
use attest::statement::Type;
use attest::timeline::{ALWAYS, NEVER, Window};
use attest::{Condition, Time, Trust, door, json};
use docket::docket::Source;
use docket::order::Kind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The conditions that belong to the shipped orders.
const SHIPPED: [(&str, &str); 2] = [
    ("us/pafaca-divestiture.json", include_str!("../../../conditions/us/pafaca-divestiture.json")),
    ("us/tiktok-mitigation-2020.json", include_str!("../../../conditions/us/tiktok-mitigation-2020.json")),
];

/// A statement is at most a megabyte and mostly some kilobytes: ten thousand of them, with room.
const ENTRIES_BYTES_MAX: u64 = 64 << 20;
/// Statements in one folder: conditions are worked out anew after each of them.
const ENTRIES_MAX: usize = 10_000;
/// What is distributed under one condition: some builds for each of some stores.
const ARTIFACTS_MAX: usize = 256;
/// Condition files.
const CONDITIONS_MAX: usize = 256;

/// Where statements are taken up.
#[derive(Clone, Debug)]
pub(crate) enum Statements {
    /// A folder.
    Folder(PathBuf),
    /// A gov log, here or at an address.
    Log(Arc<GovLog>),
}

impl Statements {
    /// Those of this name: a log if there is one, else a folder. The key is that of a log.
    pub(crate) fn named(name: &Path, key: Option<&str>) -> Self {
        match GovLog::named(name, key) {
            Some(log) => Self::Log(Arc::new(log)),
            None => Self::Folder(name.to_owned()),
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// A report for people: what is wrong, in which file, and why.
    pub(crate) fn read(&self) -> Result<Arc<Attestations>, String> {
        match self {
            Self::Folder(folder) => Attestations::read(folder).map(Arc::new),
            Self::Log(log) => log.attestations(),
        }
    }

    /// What law counts as met, as orders beside those of the corpus.
    ///
    /// # Errors
    /// As [`Attestations::orders`].
    pub(crate) fn orders(&self, corpus: &[Source]) -> Result<Vec<Source>, String> {
        match self {
            Self::Folder(_) => self.read()?.orders(corpus),
            Self::Log(log) => log.orders(corpus),
        }
    }

    /// What law counts as met at an instant.
    pub(crate) fn states(&self, now: Time) -> Result<Vec<Counted>, String> {
        let read = self.read()?;
        let state = |(number, condition): (usize, &Condition)| {
            let law = read.weighed.in_law(&read, number);
            Counted {
                order: condition.order.clone(),
                condition: condition.id.clone(),
                met: law.contains(now),
                until: law.change_after(now).filter(|at| *at != NEVER),
                over: read.history.records().len() as u64,
            }
        };
        Ok(read.conditions.iter().enumerate().map(state).collect())
    }
}

/// Everything that was attested.
#[derive(Debug)]
pub(crate) struct Attestations {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) history: History,
    pub(crate) artifacts: Vec<String>,
    pub(crate) weighed: Weighed,
    /// How many of the conditions the operator wrote: those come first, and the law must know them.
    own: usize,
}

/// Whether nothing of this name is there, not even a link that leads nowhere.
fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn bytes(path: &Path, max: u64) -> Result<Option<Vec<u8>>, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    match std::fs::metadata(path) {
        Err(_absent) if is_absent(path) => return Ok(None),
        Err(error) => return Err(cannot(&error)),
        Ok(meta) if meta.len() > max => return Err(cannot(&format!("longer than {max} bytes"))),
        Ok(_) => {}
    }
    std::fs::read(path).map(Some).map_err(|error| cannot(&error))
}

fn document(path: &Path) -> Result<Value, String> {
    let bytes =
        bytes(path, json::DOCUMENT_BYTES_MAX as u64)?.ok_or_else(|| format!("{} is missing", path.display()))?;
    json::parse(&bytes).map_err(|fault| format!("{}: {fault}", path.display()))
}

/// The trust document of the folder.
pub(crate) fn trust(folder: &Path) -> Result<Trust, String> {
    let path = folder.join("trust.json");
    Trust::read(&document(&path)?).map_err(|fault| format!("{}: {fault}", path.display()))
}

/// The entries of the folder, in order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<Entry>, String> {
    let path = folder.join("entries.ndjson");
    let Some(bytes) = bytes(&path, ENTRIES_BYTES_MAX)? else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    if bytes.last().is_some_and(|last| *last != b'\n') {
        return Err(format!(
            "{}: the last line is cut off; remove it, nobody was told that it was taken up",
            path.display()
        ));
    }
    for (number, line) in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
        let wrong = |why: &dyn std::fmt::Display| format!("{}:{}: {why}", path.display(), number + 1);
        if number == ENTRIES_MAX {
            return Err(wrong(&format!("more than {ENTRIES_MAX} entries")));
        }
        let value = json::parse_within(line, json::DOCUMENT_BYTES_MAX * 2).map_err(|fault| wrong(&fault))?;
        let index = value.get("index").and_then(Value::as_u64).ok_or_else(|| wrong(&"`index` is missing"))?;
        let time = value.get("time").and_then(Value::as_str).and_then(json::parse_time);
        let time = time.ok_or_else(|| wrong(&"`time` is missing, or no instant like `2020-09-18T12:00:00Z`"))?;
        let envelope = value.get("envelope").ok_or_else(|| wrong(&"`envelope` is missing"))?;
        let envelope = Envelope::from_value(envelope).map_err(|fault| wrong(&fault))?;
        entries.push(Entry { index, time, envelope });
    }
    Ok(entries)
}

/// The conditions of a folder, each with its path.
pub(crate) fn conditions(folder: &Path) -> Result<Vec<(String, Condition)>, String> {
    let mut found = Vec::new();
    for path in condition_files(folder)? {
        let condition = Condition::read(&document(&path)?).map_err(|fault| format!("{}: {fault}", path.display()))?;
        found.push((path.display().to_string(), condition));
    }
    Ok(found)
}

/// The shipped conditions that these do not replace.
fn shipped(own: &[Condition]) -> Result<Vec<Condition>, String> {
    let mut found = Vec::new();
    for (name, text) in SHIPPED {
        let condition = json::parse(text.as_bytes()).and_then(|value| Condition::read(&value));
        let condition = condition.map_err(|fault| format!("{name}: {fault}"))?;
        if !own.iter().any(|known| known.order == condition.order && known.id == condition.id) {
            found.push(condition);
        }
    }
    Ok(found)
}

/// The files with conditions in a folder, sorted.
pub(crate) fn condition_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = folder.join("conditions");
    // One that is there and cannot be read is not none: the shipped conditions would count in the place of its own.
    if is_absent(&folder) {
        return Ok(Vec::new());
    }
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|kind| kind == "json") {
            paths.push(path);
        }
    }
    if paths.len() > CONDITIONS_MAX {
        return Err(format!("{}: more than {CONDITIONS_MAX} conditions", folder.display()));
    }
    paths.sort();
    Ok(paths)
}

/// The file that lists what is distributed.
pub(crate) fn artifacts_file(folder: &Path) -> Result<Option<Vec<u8>>, String> {
    bytes(&folder.join("artifacts"), 1 << 20)
}

/// What is distributed, from the bytes of such a file.
pub(crate) fn read_artifacts(path: &str, bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let text = String::from_utf8(bytes).map_err(|_not| format!("{path}: not UTF-8"))?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim().to_ascii_lowercase();
        if line.is_empty() {
            continue;
        }
        if line.len() != 64 || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) || found.len() == ARTIFACTS_MAX {
            let why = format!("a SHA-256 in hexadecimal is needed, on at most {ARTIFACTS_MAX} lines");
            return Err(format!("{path}:{}: {why}", number + 1));
        }
        found.push(line);
    }
    Ok(found)
}

impl Attestations {
    /// Those of nobody: no condition can be met.
    pub(crate) fn none() -> Self {
        Self {
            conditions: Vec::new(),
            history: History::none(),
            artifacts: Vec::new(),
            weighed: Weighed::default(),
            own: 0,
        }
    }

    /// The conditions of an operator, before the shipped ones they do not replace, and what was said.
    pub(crate) fn new(own: Vec<(String, Condition)>, history: History, artifacts: Vec<String>) -> Result<Self, String> {
        if own.len() > CONDITIONS_MAX {
            return Err(format!("more than {CONDITIONS_MAX} conditions"));
        }
        let mut conditions: Vec<Condition> = Vec::new();
        for (path, condition) in own {
            if conditions.iter().any(|known| known.order == condition.order && known.id == condition.id) {
                return Err(format!("{path}: there are two conditions `{}` of `{}`", condition.id, condition.order));
            }
            conditions.push(condition);
        }
        let own = conditions.len();
        conditions.extend(shipped(&conditions)?);
        Ok(Self { conditions, history, artifacts, weighed: Weighed::default(), own })
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// A report for people: what is wrong, in which file, and why.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let history = History::new(trust(folder)?, entries(folder)?);
        let history = history.map_err(|why| format!("{}: {why}", folder.join("entries.ndjson").display()))?;
        let path = folder.join("artifacts").display().to_string();
        let artifacts = artifacts_file(folder)?.map(|bytes| read_artifacts(&path, bytes)).transpose()?;
        Self::new(conditions(folder)?, history, artifacts.unwrap_or_default())
    }

    /// What law counts as met, as orders beside those of the corpus.
    ///
    /// # Errors
    /// If a condition of the operator's is no condition of an order in the corpus: it would silently mean nothing.
    pub(crate) fn orders(&self, corpus: &[Source]) -> Result<Vec<Source>, String> {
        if self.conditions.is_empty() {
            return Ok(Vec::new());
        }
        let read = docket::elaborate::read(corpus, None).corpus;
        let (mut orders, mut acted) = (Vec::new(), BTreeSet::new());
        for (number, condition) in self.conditions.iter().enumerate() {
            let order = read.instruments.iter().find(|known| known.id == condition.order);
            let declared = order.filter(|order| {
                let condition_of = |kind: &Kind| matches!(kind, Kind::Condition { .. });
                order.statements.iter().any(|said| said.id == condition.id && condition_of(&said.kind))
            });
            let Some(order) = declared else {
                if number < self.own {
                    let why = format!("`{}` has no `condition {}`", condition.order, condition.id);
                    return Err(format!("condition `{}`: {why} among the orders in force", condition.id));
                }
                continue;
            };
            let jurisdiction = order.jurisdiction.to_string();
            let history = act::history_of(condition, &self.history, &self.artifacts);
            let mut text: String =
                history.iter().enumerate().map(|(n, met)| instrument(condition, &jurisdiction, n, met)).collect();
            for (number, act) in act::enacted(condition, &self.history).iter().enumerate() {
                // Two conditions of one order may have one authority; it acts once.
                if acted.insert((act.index, act.valid, act.known)) {
                    text.push_str(&act_instrument(condition, &jurisdiction, number, act));
                }
            }
            if !text.is_empty() {
                orders.push(Source { path: format!("attested/{}/{}.order", condition.order, condition.id), text });
            }
        }
        Ok(orders)
    }
}

/// What instruments made of a condition are called, before their number.
pub(crate) fn prefix(condition: &Condition) -> String {
    format!("attested-{}-{}-", condition.order, condition.id)
}

/// One stretch over which a condition is met, as an instrument that was public while that was known.
fn instrument(condition: &Condition, jurisdiction: &str, number: usize, met: &Met) -> String {
    let title = format!("Attested: {} of {}", condition.id, condition.order);
    let says = format!("attest met{} {{ meets {} {} }}", stretch(met.valid), condition.order, condition.id);
    written(condition, &format!("{}{number}", prefix(condition)), &title, jurisdiction, met.known, &says)
}

/// What the authority did to its order itself, as an instrument of its own.
fn act_instrument(condition: &Condition, jurisdiction: &str, number: usize, act: &Enacted) -> String {
    let word = act.verb.word();
    let effect = match act.verb {
        Verb::Stay => "suspend",
        Verb::Forbear => "unenforced",
        // What is put off, or taken back, has no force meanwhile.
        Verb::Delay | Verb::Revoke | Verb::Lift | Verb::Pause | Verb::Reinstate => "remove",
    };
    let title = format!("Attested: {word} of {}, entry {}", condition.order, act.index);
    let says = format!("{effect} {word}{} {{ target {} }}", stretch(act.valid), condition.order);
    let id = format!("{}{word}-{}-{number}", prefix(condition), act.index);
    written(condition, &id, &title, jurisdiction, act.known, &says)
}

fn edge(word: &str, at: Time) -> String {
    match at {
        ALWAYS | NEVER => String::new(),
        at => format!(" {word} {}", json::format_time(at)),
    }
}

fn stretch(valid: Window) -> String {
    edge("from", valid.from) + &edge("until", valid.until)
}

fn written(condition: &Condition, id: &str, title: &str, jurisdiction: &str, known: Window, says: &str) -> String {
    let retracted = match edge("retracted", known.until) {
        none if none.is_empty() => none,
        line => format!(" {line}\n"),
    };
    format!(
        "instrument {id} {{\n  title \"{title}\"\n  jurisdiction {jurisdiction}; rank record; authority \"{authority}\"\n  \
         zone UTC\n  issued {from}\n  public {from}\n{retracted}  evidence computed\n  {says}\n}}\n",
        authority = condition.authority,
        from = json::format_time(known.from),
    )
}

/// Whether anything would come of a record: whether somebody listens to it, or it acts on the order of a condition.
///
/// # Errors
/// Why nothing would.
pub(crate) fn counts(read: &Attestations, record: &Record) -> Result<(), String> {
    let said = &record.statement;
    door::check(said).map_err(|fault| fault.to_string())?;
    read.history.heard(record)?;
    if said.kind != Type::Act {
        return Ok(());
    }
    let view = read.history.now();
    let mut why = String::from("it is about the order of no condition");
    for condition in &read.conditions {
        if !said.subjects.contains(&condition.order_subject()) {
            continue;
        }
        match act::weighed(condition, &view, record) {
            Ok(_acts) => return Ok(()),
            Err(other) => why = format!("condition `{}`: {other}", condition.id),
        }
    }
    Err(why)
}

/// Takes a statement up: adds it behind the others, durable, at the present instant; gives its place.
///
/// # Errors
/// If it would count for nothing, or could not be written.
pub(crate) fn take_up(folder: &Path, envelope: &Envelope) -> Result<u64, String> {
    let path = folder.join("entries.ndjson");
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).map_err(cannot)?;
    file.lock().map_err(cannot)?;
    let entries = entries(folder)?;
    let index = entries.last().map_or(Some(0), |last| last.index.checked_add(1)).ok_or("no index is left")?;
    // The clock of a machine may step back; the order of entries does not.
    let time = clock::now().max(entries.last().map_or(ALWAYS, |last| last.time));
    let read = Attestations::read(folder)?;
    let record = read.history.would_be(&Entry { index, time, envelope: envelope.clone() });
    let record = record.and_then(|record| counts(&read, &record).map(|()| record));
    let record = record.map_err(|why| format!("it would count for nothing: {why}"))?;
    if let Some(before) = read.history.said_before(&record) {
        return Err(format!("it was taken up before, as entry {before}"));
    }
    let line = serde_json::json!({ "index": index, "time": json::format_time(time), "envelope": envelope.to_value() });
    let line = format!("{line}\n");
    let length = file.metadata().map_err(cannot)?.len();
    // One more than are read would make the rest unreadable.
    if entries.len() >= ENTRIES_MAX || length + line.len() as u64 > ENTRIES_BYTES_MAX {
        let help = "begin a new folder, or keep them in a log: `interdict log new`, `interdict attest adopt`";
        return Err(format!("{} is full ({} entries, {length} bytes); {help}", path.display(), entries.len()));
    }
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
    let written = written.and_then(|()| whole_file::sync_folder(folder));
    if let Err(error) = written {
        // Half a line would make the rest unreadable.
        let undone = file.set_len(length);
        return Err(format!("{}{}", cannot(error), if undone.is_ok() { "" } else { "; its last line is cut off" }));
    }
    Ok(index)
}

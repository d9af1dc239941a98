//! What the keeper of a log adds to it about statements: the documents they are weighed by, and each that was handed in.

use crate::attest_folder::{self, Attestations};
use crate::clock;
use crate::log::Problem;
use crate::log_gov::{self, Known, Logged};
use crate::log_home::Home;
use crate::log_read::unhex;
use crate::log_statements::{FOLDER, GovLog};
use attest::history::Record;
use attest::ruling;
use attest::statement::{Subject, Type};
use attest::{Envelope, Statement, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use wire::entry::{ActOf, Change, Entry, Of, Ruling};

/// The log of a keeper, for adding to it.
pub(crate) struct Desk<'l> {
    log: &'l GovLog,
    home: Home,
}

/// What a log took over from a folder, or could not.
#[derive(Debug)]
pub(crate) enum Adopted {
    /// A file, which is new or has changed.
    File(String),
    /// A file that the folder has no more.
    Gone(String),
    /// The statement of an index in the folder, at an index of the log.
    Statement(u64, u64),
    /// The statement of an index that counts for nothing, and why.
    Refused(u64, String),
}

impl fmt::Display for Adopted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(out, "{name}"),
            Self::Gone(name) => write!(out, "{name} (gone)"),
            Self::Statement(index, entry) => write!(out, "statement {index} (entry {entry})"),
            Self::Refused(index, why) => write!(out, "statement {index} is not taken up: {why}"),
        }
    }
}

impl Adopted {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::File(name) => serde_json::json!({ "file": name, "gone": false }),
            Self::Gone(name) => serde_json::json!({ "file": name, "gone": true }),
            Self::Statement(index, entry) => serde_json::json!({ "statement": index, "entry": entry }),
            Self::Refused(index, why) => serde_json::json!({ "statement": index, "entry": null, "why": why }),
        }
    }
}

fn told(problem: Problem) -> String {
    problem.message
}

impl<'l> Desk<'l> {
    /// The desk at which this log is added to.
    ///
    /// # Errors
    /// Where it is somebody else's log, or cannot be signed for.
    pub(crate) fn open(log: &'l GovLog, signer: Option<&Path>) -> Result<Self, String> {
        let help = "only the keeper of a log adds to it: name the folder that `interdict log new` made";
        let folder = log.home.as_deref().ok_or(help)?;
        Ok(Self { log, home: Home::open(folder, signer).map_err(told)? })
    }

    /// Takes a signed statement up: it counts from the instant at which it is logged. Gives the index of its entry, and
    /// whether it waits for witnesses.
    ///
    /// # Errors
    /// If it would count for nothing, or could not be logged.
    pub(crate) fn take_up(&self, bytes: &[u8]) -> Result<(u64, bool), String> {
        let envelope = Envelope::parse(bytes).map_err(|fault| fault.to_string())?;
        let entry = self.entry(bytes, &envelope)?;
        if let Some(index) = self.place_of(&entry)? {
            return Err(format!("it was taken up before, as entry {index}"));
        }
        let gov = self.home.disk("gov");
        log_gov::publish_blob(&gov, bytes).map_err(told)?;
        if let Some(document) = self.document(&envelope)? {
            log_gov::publish_blob(&gov, &document).map_err(told)?;
        }
        match log_gov::hand_in(&self.home, &entry).map_err(told)? {
            Logged::Counts(index) => Ok((index, false)),
            Logged::AwaitsWitnesses(index) => Ok((index, true)),
            Logged::HandedIn => {
                let index = self.wait_for(&entry)?;
                Ok((index, entry.level() == wire::entry::Level::Witnessed))
            }
        }
    }

    /// The new trust document in a statement that is one, as it will be published.
    fn document(&self, envelope: &Envelope) -> Result<Option<Vec<u8>>, String> {
        let said = Statement::parse(&envelope.payload).map_err(|fault| fault.to_string())?;
        Ok(said
            .claim("/trust")
            .filter(|_| said.kind == Type::TrustDocument)
            .map(|trust| trust.to_string().into_bytes()))
    }

    /// The entry of a statement that counts.
    fn entry(&self, bytes: &[u8], envelope: &Envelope) -> Result<Entry, String> {
        let read = self.log.attestations()?;
        let said = Statement::parse(&envelope.payload).map_err(|fault| fault.to_string())?;
        let index = self.log.entries()?.last().map_or(0, |(last, _)| last + 1);
        let last = read.history.records().last().map_or(attest::timeline::ALWAYS, |record| record.time);
        let time = clock::now().max(last);
        let taken_up = attest::Entry { index, time, envelope: envelope.clone() };
        let record = read.history.would_be(&taken_up);
        let record = record.and_then(|record| attest_folder::counts(&read, &record).map(|()| record));
        let record = record.map_err(|why| format!("it would count for nothing: {why}"))?;
        if let Some(before) = read.history.said_before(&record) {
            return Err(format!("it was taken up before, as entry {before}"));
        }
        let view = read.history.now();
        let keys: Vec<_> = envelope.signed_by(view.trust().keys()).into_iter().cloned().collect();
        let by: Vec<String> = view.trust().holders(&keys, time).into_iter().map(str::to_owned).collect();
        let about: Vec<String> = said.subjects.iter().map(|subject| subject.text().to_owned()).collect();
        let (sha256, size) = (tlog::Hash::of(bytes).0, bytes.len() as u64);
        let entry = if said.kind == Type::Revocation {
            Entry::Revocation { at: 0, about, by, sha256, bytes: size }
        } else if said.kind == Type::TrustDocument {
            let document = self.document(envelope)?.unwrap_or_default();
            let version = said.claim("/trust/version").and_then(serde_json::Value::as_u64).unwrap_or_default();
            let (digest, bytes) = (tlog::Hash::of(&document).0, document.len() as u64);
            Entry::TrustPolicy { at: 0, of: Of::Principals, version, sha256: digest, bytes, signed: Some(sha256) }
        } else if said.kind == Type::Override {
            overruling(&read, &record, &said, sha256, size)?
        } else if let Some(act) = act(&said, &by, sha256, size) {
            act
        } else {
            Entry::Attestation { at: 0, says: said.kind.name().to_owned(), about, by, sha256, bytes: size }
        };
        let read_back = Entry::from_bytes(&entry.to_bytes());
        read_back.ok_or_else(|| String::from("it names more subjects or signers than an entry has room for"))
    }

    fn place_of(&self, entry: &Entry) -> Result<Option<u64>, String> {
        let mut known = Known::default();
        for (index, entry) in self.log.entries()? {
            known.learn(index, &entry);
        }
        Ok(known.has(entry))
    }

    /// Waits until the running service has published what was handed to it.
    fn wait_for(&self, entry: &Entry) -> Result<u64, String> {
        for _ in 0..log_gov::HAND_IN_TRIES {
            if let Some(index) = self.place_of(entry)? {
                return Ok(index);
            }
            std::thread::sleep(crate::log_home::START_PAUSE);
        }
        Err(String::from("the running service has not logged it yet; it stays handed in"))
    }

    /// Puts a folder's trust document, conditions, list of what is distributed and statements into the log; says what is new.
    ///
    /// # Errors
    /// If one cannot be read, or is another trust document than the log has.
    pub(crate) fn adopt(&self, folder: &Path) -> Result<Vec<Adopted>, String> {
        let path = folder.join("trust.json");
        let trust = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let version = attest_folder::trust(folder)?.version;
        let mut files: Vec<PathBuf> = attest_folder::condition_files(folder)?;
        attest_folder::conditions(folder)?;
        if let Some(bytes) = attest_folder::artifacts_file(folder)? {
            attest_folder::read_artifacts(&folder.join("artifacts").display().to_string(), bytes)?;
            files.push(folder.join("artifacts"));
        }
        let entries = self.log.entries()?;
        let principals = first_trust(&entries);
        let documents = documents(&entries);
        let gov = self.home.disk("gov");
        let mut done = Vec::new();
        let digest = tlog::Hash::of(&trust).0;
        match principals {
            Some(known) if known == digest => {}
            Some(_) => {
                let help = "sign the next version as a statement of type `trust` and hand it in with `attest add`";
                return Err(format!("{}: the log has another trust document; {help}", path.display()));
            }
            None => {
                let sha256 = log_gov::publish_blob(&gov, &trust).map_err(told)?;
                let bytes = trust.len() as u64;
                let entry = Entry::TrustPolicy { at: 0, of: Of::Principals, version, sha256, bytes, signed: None };
                log_gov::hand_in(&self.home, &entry).map_err(told)?;
                done.push(Adopted::File(String::from("trust.json")));
            }
        }
        let mut gone = documents.clone();
        for file in files {
            let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
            let path = format!("{FOLDER}{name}");
            let bytes = std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            gone.remove(&path);
            let sha256 = tlog::Hash::of(&bytes).0;
            let change = match documents.get(&path) {
                Some(known) if *known == sha256 => continue,
                Some(_) => Change::Amend,
                None => Change::Issue,
            };
            log_gov::publish_blob(&gov, &bytes).map_err(told)?;
            let entry = Entry::Document { at: 0, path, change, sha256, bytes: bytes.len() as u64 };
            log_gov::hand_in(&self.home, &entry).map_err(told)?;
            done.push(Adopted::File(name));
        }
        for path in gone.into_keys() {
            let name = path.strip_prefix(FOLDER).unwrap_or(&path).to_owned();
            let entry = Entry::Document { at: 0, path, change: Change::Revoke, sha256: [0; 32], bytes: 0 };
            log_gov::hand_in(&self.home, &entry).map_err(told)?;
            done.push(Adopted::Gone(name));
        }
        self.adopt_statements(folder, &mut done)?;
        Ok(done)
    }

    /// Takes up the statements of a folder that count when they are logged now. A log says when it was told something, so
    /// what was told to the folder more than a week ago has to be said again.
    fn adopt_statements(&self, folder: &Path, done: &mut Vec<Adopted>) -> Result<(), String> {
        let mut known = Known::default();
        for (index, entry) in self.log.entries()? {
            known.learn(index, &entry);
        }
        for attest::Entry { index, envelope, .. } in attest_folder::entries(folder)? {
            let bytes = format!("{}\n", envelope.to_value()).into_bytes();
            if known.statements.contains_key(&tlog::Hash::of(&bytes).0) {
                continue;
            }
            done.push(match self.take_up(&bytes) {
                Ok((entry, _)) => Adopted::Statement(index, entry),
                Err(why) => Adopted::Refused(index, why),
            });
        }
        Ok(())
    }
}

/// The entry of what people decided about a decision.
fn overruling(
    read: &Attestations,
    record: &Record,
    said: &Statement,
    sha256: [u8; 32],
    bytes: u64,
) -> Result<Entry, String> {
    let ruled =
        ruling::weighed(&read.history.now(), record).map_err(|why| format!("it would decide nothing: {why}"))?;
    let order = |subject: &Subject| Some(subject.text().strip_prefix("order:")?.to_owned());
    let digest = |text: &str| -> Option<[u8; 32]> { unhex(text)?.try_into().ok() };
    let reason = said.claim("/reason").and_then(serde_json::Value::as_str).and_then(digest);
    Ok(Entry::Override {
        at: 0,
        origin: ruled.decision.origin.clone(),
        index: ruled.decision.index,
        decision: digest(&ruled.decision.leaf).ok_or("`/decision/leaf` is no hash")?,
        about: said.subjects.iter().filter_map(order).collect(),
        ruling: if ruled.permits { Ruling::Permit } else { Ruling::Forbid },
        by: ruled.by.iter().map(|&name| name.to_owned()).collect(),
        reason: reason.ok_or("`/reason` is no commitment")?,
        expires: ruled.window.until,
        sha256,
        bytes,
    })
}

/// The first trust document of a log.
fn first_trust(entries: &[(u64, Entry)]) -> Option<[u8; 32]> {
    entries.iter().find_map(|(_, entry)| {
        let Entry::TrustPolicy { of: Of::Principals, sha256, .. } = entry else { return None };
        Some(*sha256)
    })
}

/// The documents that statements are weighed by.
fn documents(entries: &[(u64, Entry)]) -> BTreeMap<String, [u8; 32]> {
    let mut known = Known::default();
    entries.iter().for_each(|(index, entry)| known.learn(*index, entry));
    known.documents.retain(|path, _| path.starts_with(FOLDER));
    known.documents
}

/// The entry of an authority's act; `None` if it is no act of a kind that is known.
fn act(said: &Statement, by: &[String], sha256: [u8; 32], bytes: u64) -> Option<Entry> {
    if said.kind != Type::Act {
        return None;
    }
    let text = |pointer| said.claim(pointer).and_then(serde_json::Value::as_str);
    let order = said.subjects.first().map(Subject::text)?.strip_prefix("order:")?.to_owned();
    let act = ActOf::from_word(text("/act")?)?;
    let from = json::parse_time(text("/from")?)?;
    let until = text("/until").and_then(json::parse_time);
    Some(Entry::Act { at: 0, order, act, from, until, by: by.to_vec(), sha256, bytes })
}

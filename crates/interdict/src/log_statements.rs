//! The statements that a gov log has taken up: whom it trusts, what was said in the order it counts, and the conditions.
//!
//! The log is a folder of this machine or somebody else's address. Nothing of it is believed that its signed checkpoint
//! does not lead to, and what was read once has to be the beginning of what is read next.
//!
//! An entry counts from the instant it was logged; a lift, a revocation of an order, and a new trust document, from the instant at which the log
//! says that a quorum of witnesses had signed it.

use crate::attest_folder::{self, Attestations};
use crate::clock;
use crate::log_gov::blob_path;
use crate::log_place::{Place, is_address};
use attest::dsse::Envelope;
use attest::statement::Type;
use attest::{Condition, History, Statement, Trust, json};
use docket::docket::Source;
use ledger::disk::{Disk, Folder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::checkpoint::Checkpoint;
use tlog::note::{Note, VerifierKey};
use tlog::policy::Policy;
use tlog::reader::Reader;
use tlog::tile::{Level, TILE_WIDTH, Tile};
use tlog::{Hash, bundle, tree};
use wire::entry::{Change, Entry, Of};

/// Documents of the gov log under this path belong to statements and are no law: conditions, and what is distributed.
pub(crate) const FOLDER: &str = "attest/";

/// Entries that are read: what changes rules comes by the thousand, and a state of the log of decisions every minute.
const ENTRIES_MAX: u64 = 1 << 22;

/// Logs one after the other, each sealed but the last: one a year for longer than anybody keeps them.
const LOGS_MAX: u64 = 256;

/// How often a log is read again that has published anew meanwhile.
const READ_TRIES: u32 = 5;

/// How long another machine may take to answer: whoever follows it has other law to look at meanwhile.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// How often another machine is asked, in nanoseconds: as often as a log publishes.
const ASKED_EVERY_NANOS: u64 = 1_000_000_000;

/// The place of the gov log that was typed: an address, a public folder, or a folder it lies in.
fn named(typed: &Path) -> Place {
    let gov = typed.join("gov/public");
    if !is_address(typed) && gov.is_dir() {
        return Place::Folder(Folder::new(gov));
    }
    Place::at(typed).waiting(ANSWER_TIME_MAX)
}

/// A gov log and what was read of it.
#[derive(Debug)]
pub(crate) struct GovLog {
    /// The folder that `log new` made, if this is one: its keeper may add to it.
    pub(crate) home: Option<PathBuf>,
    place: Place,
    key: Option<String>,
    /// The number of the log among those that go on from each other.
    number: AtomicU64,
    seen: Mutex<Seen>,
    made: Mutex<Option<Made>>,
}

/// The orders that were made of statements and a corpus. Both are looked at several times a second and change rarely.
#[derive(Debug)]
struct Made {
    of: Arc<Attestations>,
    corpus: Vec<Source>,
    orders: Vec<Source>,
}

#[derive(Debug, Default)]
struct Seen {
    checkpoint: Option<Checkpoint>,
    /// The bytes of the checkpoint that was read last, whatever became of it.
    note: Option<Vec<u8>>,
    asked: Option<u64>,
    /// How many entries the logs had that this one goes on from.
    first: u64,
    entries: Vec<(u64, Entry)>,
    read: Option<Arc<Attestations>>,
}

impl GovLog {
    /// The log of this name, if it is the name of one: an address, the folder that `log new` made, or a public folder.
    pub(crate) fn named(name: &Path, key: Option<&str>) -> Option<Self> {
        let place = named(name);
        let is_one = match &place {
            Place::Folder(folder) => folder.path().join("vkey").is_file(),
            Place::Web { .. } => true,
        };
        let home = name.join("gov/public/vkey").is_file().then(|| name.to_owned());
        is_one.then(|| Self {
            home,
            place,
            key: key.map(str::to_owned),
            number: AtomicU64::new(0),
            seen: Mutex::default(),
            made: Mutex::default(),
        })
    }

    fn policy(&self) -> Result<Policy, String> {
        let named = match &self.key {
            Some(text) => match VerifierKey::parse(text.trim()) {
                Ok(key) => return Ok(Policy::of_log(key)),
                Err(_no_key) => std::fs::read(text).map_err(|error| format!("cannot read {text}: {error}"))?,
            },
            None => match &self.place {
                Place::Folder(folder) => {
                    folder.read("vkey").map_err(|error| format!("{}: {error}", folder.path().display()))?
                }
                Place::Web { base: url, .. } => {
                    let help = "its key or a policy with --attestations-key";
                    return Err(format!("{url}: say whose signature is believed: {help}"));
                }
            },
        };
        let text = String::from_utf8_lossy(&named);
        match VerifierKey::parse(text.trim()) {
            Ok(key) => Ok(Policy::of_log(key)),
            Err(_no_key) => Policy::parse(&named).map_err(|error| format!("{}: {error}", self.place)),
        }
    }

    /// Where the log of the key that is believed was sealed: the policy of the last log that goes on from it.
    fn followed(&self) -> Result<Option<Policy>, String> {
        let Some(mut key) = self.key.as_deref().and_then(|text| VerifierKey::parse(text.trim()).ok()) else {
            return Ok(None);
        };
        for _ in 0..LOGS_MAX {
            let Some(number) = number_of(key.name()) else { return Ok(None) };
            let past = self.place.past(number);
            let Some(note) = past.find("checkpoint")? else { return Ok(Some(Policy::of_log(key))) };
            let note = Note::parse(&note).map_err(|error| format!("{past}: {error}"))?;
            let Ok(ended) = Policy::of_log(key).check(&note) else { return Ok(None) };
            match entries_of(&past, &ended, ended.size.saturating_sub(1))?.pop() {
                Some((_, Entry::Seal { next, .. })) => match VerifierKey::parse(&next) {
                    Ok(next) => key = next,
                    Err(error) => return Err(format!("{past}: the key that follows: {error}")),
                },
                _no_seal => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Every entry that is published, with its index.
    pub(crate) fn entries(&self) -> Result<Vec<(u64, Entry)>, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut seen)?;
        Ok(seen.entries.clone())
    }

    /// How many entries the logs had that this one goes on from.
    pub(crate) fn first(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).first
    }

    /// What the statements of the log amount to.
    pub(crate) fn attestations(&self) -> Result<Arc<Attestations>, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut seen)?;
        if let Some(read) = &seen.read {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(self.weigh(&seen.entries)?);
        seen.read = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Reads what is new. A log that is open may put its last files in other places while it is read: then it is read
    /// again, under the checkpoint that says so.
    fn refresh(&self, seen: &mut Seen) -> Result<(), String> {
        for _ in 0..READ_TRIES {
            match self.refreshed(seen) {
                Err(_) if self.place.find("checkpoint")? != seen.note => {}
                done => return done,
            }
        }
        self.refreshed(seen)
    }

    fn refreshed(&self, seen: &mut Seen) -> Result<(), String> {
        let now = clock::nanos();
        let is_remote = matches!(self.place, Place::Web { .. });
        if is_remote && seen.asked.is_some_and(|asked| now.saturating_sub(asked) < ASKED_EVERY_NANOS) {
            return Ok(());
        }
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", self.place);
        let Some(note) = self.place.find("checkpoint")? else {
            // A log that published nothing says nothing; one that did does not fall silent.
            return if is_remote || seen.checkpoint.is_some() { Err(wrong(&"there is no checkpoint")) } else { Ok(()) };
        };
        seen.note = Some(note.clone());
        let note = Note::parse(&note).map_err(|error| wrong(&error))?;
        let checkpoint = match self.policy()?.check(&note) {
            Ok(checkpoint) => checkpoint,
            Err(refused) => {
                self.followed()?.and_then(|policy| policy.check(&note).ok()).ok_or_else(|| wrong(&refused))?
            }
        };
        self.number.store(number_of(&checkpoint.origin).unwrap_or(0), Ordering::Relaxed);
        if seen.checkpoint.as_ref() == Some(&checkpoint) {
            seen.asked = Some(now);
            return Ok(());
        }
        if checkpoint.size > ENTRIES_MAX {
            return Err(wrong(&format!("{} entries; at most {ENTRIES_MAX} are read", checkpoint.size)));
        }
        let fetch = |tile: Tile| self.place.find(&tile.to_string())?.ok_or_else(|| format!("{tile} is missing"));
        if let Some(before) = seen.checkpoint.clone().filter(|before| before.origin == checkpoint.origin) {
            let mut reader = Reader::new(&checkpoint, fetch).map_err(|error| wrong(&error))?;
            let grown = before.size <= checkpoint.size && {
                let proof = reader.prove_consistency(before.size).map_err(|error| wrong(&error))?;
                let (old, new) = ((before.size, before.root), (checkpoint.size, checkpoint.root));
                tree::verify_consistency(old, new, &proof).is_ok()
            };
            if !grown {
                return Err(wrong(&"another history than was read before"));
            }
            let entries = entries_of(&self.place, &checkpoint, before.size)?;
            let first = seen.first;
            seen.entries.extend(entries.into_iter().map(|(index, entry)| numbered(first, index, entry)));
        } else {
            let (first, entries) = self.whole_history(&checkpoint)?;
            if !entries.starts_with(&seen.entries) {
                return Err(wrong(&"another history than was read before"));
            }
            (seen.first, seen.entries) = (first, entries);
        }
        seen.checkpoint = Some(checkpoint);
        // Only what was read whole spares asking again.
        seen.asked = Some(now);
        seen.read = None;
        Ok(())
    }

    /// The entries of a log and of those it goes on from, and how many came before its own first.
    fn whole_history(&self, checkpoint: &Checkpoint) -> Result<(u64, Vec<(u64, Entry)>), String> {
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", self.place);
        let mut logs = vec![(checkpoint.size, entries_of(&self.place, checkpoint, 0)?)];
        let mut origin = checkpoint.origin.clone();
        while let Some((_, Entry::Successor { previous, .. })) = logs.last().and_then(|(_, entries)| entries.first()) {
            if logs.len() as u64 == LOGS_MAX {
                return Err(wrong(&format!("more than {LOGS_MAX} logs one after the other")));
            }
            // The log that goes on vouches for where it began: that is signed with the key that is believed.
            let note = Note::parse(previous.as_bytes()).map_err(|error| wrong(&error))?;
            let ended = Checkpoint::parse(&note.text).map_err(|error| wrong(&error))?;
            let follows = |before: &u64| number_of(&origin).is_some_and(|after| after == before + 1);
            let before = number_of(&ended.origin).filter(follows);
            let before = before.ok_or_else(|| wrong(&format!("`{origin}` does not follow `{}`", ended.origin)))?;
            let sizes = logs.iter().map(|(size, _)| *size);
            let size = sizes.fold(ended.size, u64::saturating_add);
            if size > ENTRIES_MAX {
                return Err(wrong(&format!("{size} entries with those before; at most {ENTRIES_MAX} are read")));
            }
            logs.push((ended.size, entries_of(&self.place.past(before), &ended, 0)?));
            origin = ended.origin;
        }
        let (mut first, mut all) = (0, Vec::new());
        for (size, entries) in logs.into_iter().rev() {
            all.extend(entries.into_iter().map(|(index, entry)| numbered(first, index, entry)));
            first += size;
        }
        Ok((first - checkpoint.size, all))
    }

    /// A document of the log, checked against its digest.
    pub(crate) fn blob(&self, sha256: &[u8; 32]) -> Result<Vec<u8>, String> {
        let path = blob_path(sha256);
        let mut found = self.place.find(&path)?;
        // Documents stay with the log that took them up.
        for number in before(self.number.load(Ordering::Relaxed)).rev() {
            if found.is_some() {
                break;
            }
            found = self.place.past(number).find(&path)?;
        }
        let bytes = found.ok_or_else(|| format!("{}: {path} is missing", self.place))?;
        if Hash::of(&bytes).0 == *sha256 {
            Ok(bytes)
        } else {
            Err(format!("{}: {path} is not what was logged", self.place))
        }
    }

    /// What law counts as met, as orders beside those of a corpus.
    pub(crate) fn orders(&self, corpus: &[Source]) -> Result<Vec<Source>, String> {
        let of = self.attestations()?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| Arc::ptr_eq(&made.of, &of) && made.corpus == corpus) {
            return Ok(made.orders.clone());
        }
        let orders = of.orders(corpus)?;
        *made = Some(Made { of, corpus: corpus.to_vec(), orders: orders.clone() });
        Ok(orders)
    }

    fn weigh(&self, entries: &[(u64, Entry)]) -> Result<Attestations, String> {
        let mut trust = None;
        let mut documents: BTreeMap<&str, [u8; 32]> = BTreeMap::new();
        let (mut counted, mut waiting): (Vec<attest::Entry>, Vec<attest::Entry>) = (Vec::new(), Vec::new());
        for (index, entry) in entries {
            if let Entry::TrustPolicy { of: Of::Principals, signed: None, sha256, .. } = entry
                && trust.is_none()
            {
                trust = Some(self.trust(sha256)?);
            } else if let Entry::Witnessed { at, size, .. } = entry {
                let (witnessed, rest) = waiting.into_iter().partition(|waits| waits.index < *size);
                let witnessed: Vec<attest::Entry> = witnessed;
                counted.extend(witnessed.into_iter().map(|waited| attest::Entry { time: *at, ..waited }));
                waiting = rest;
            } else if let Entry::Document { path, change, sha256, .. } = entry
                && path.starts_with(FOLDER)
            {
                match change {
                    Change::Issue | Change::Amend => documents.insert(path, *sha256),
                    Change::Revoke => documents.remove(path.as_str()),
                };
            }
            let Some(envelope) = entry.envelope() else { continue };
            let bytes = self.blob(&envelope)?;
            // One that cannot be read counts for nothing, and the others go on counting.
            let Ok(envelope) = Envelope::parse(&bytes) else { continue };
            let needs_witnesses = Statement::parse(&envelope.payload).is_ok_and(|said| needs_witnesses(&said));
            let taken_up = attest::Entry { index: *index, time: entry.at(), envelope };
            if needs_witnesses { waiting.push(taken_up) } else { counted.push(taken_up) }
        }
        let Some(trust) = trust else { return Ok(Attestations::none()) };
        let conditions = documents.iter().filter(|(path, _)| path.ends_with(".json"));
        let conditions: Result<Vec<(String, Condition)>, String> =
            conditions.map(|(path, sha256)| self.condition(path, sha256)).collect();
        let artifacts = match documents.get("attest/artifacts") {
            Some(sha256) => attest_folder::read_artifacts("attest/artifacts", self.blob(sha256)?)?,
            None => Vec::new(),
        };
        let history = History::new(trust, counted).map_err(|why| format!("{}: {why}", self.place))?;
        Attestations::new(conditions?, history, artifacts)
    }

    fn trust(&self, sha256: &[u8; 32]) -> Result<Trust, String> {
        let bytes = self.blob(sha256)?;
        let trust = json::parse(&bytes).and_then(|value| Trust::read(&value));
        trust.map_err(|fault| format!("{}: the trust document: {fault}", self.place))
    }

    fn condition(&self, path: &str, sha256: &[u8; 32]) -> Result<(String, Condition), String> {
        let bytes = self.blob(sha256)?;
        let condition = json::parse(&bytes).and_then(|value| Condition::read(&value));
        condition.map(|read| (path.to_owned(), read)).map_err(|fault| format!("{}: {path}: {fault}", self.place))
    }
}

/// The number of a log among those that go on from each other, as its name ends.
pub(crate) fn number_of(origin: &str) -> Option<u64> {
    origin.rsplit_once('/').and_then(|(_, number)| number.parse().ok())
}

/// The numbers of the logs that the log of this name goes on from, as far as anybody looks back: who names a log may name
/// it as they like.
pub(crate) fn ended_before(origin: &str) -> std::ops::Range<u64> {
    before(number_of(origin).unwrap_or(1))
}

fn before(number: u64) -> std::ops::Range<u64> {
    number.saturating_sub(LOGS_MAX).max(1)..number
}

/// The entries of a log from an index on, each checked against its leaf.
fn entries_of(place: &Place, checkpoint: &Checkpoint, from: u64) -> Result<Vec<(u64, Entry)>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{place}: {why}");
    let fetch = |tile: Tile| place.find(&tile.to_string())?.ok_or_else(|| format!("{tile} is missing"));
    let mut reader = Reader::new(checkpoint, fetch).map_err(|error| wrong(&error))?;
    let mut read = Vec::new();
    for number in from / TILE_WIDTH..checkpoint.size.div_ceil(TILE_WIDTH) {
        let Some(tile) = Tile::in_tree(Level::Entries, number, checkpoint.size) else { continue };
        let bytes = place.find(&tile.to_string())?.ok_or_else(|| wrong(&format!("{tile} is missing")))?;
        let entries = bundle::decode(tile.width, &bytes).ok_or_else(|| wrong(&format!("{tile} is damaged")))?;
        for (index, bytes) in (number * TILE_WIDTH..).zip(entries).filter(|(index, _)| *index >= from) {
            if reader.leaf(index).map_err(|error| wrong(&error))? != Hash::leaf(bytes) {
                return Err(wrong(&format!("the entry with index {index} is not the one signed")));
            }
            // What is of no known kind, as of a later version, changes nothing here.
            read.extend(Entry::from_bytes(bytes).map(|entry| (index, entry)));
        }
    }
    Ok(read)
}

/// An entry among those of all logs one after the other.
fn numbered(first: u64, index: u64, entry: Entry) -> (u64, Entry) {
    if let Entry::Witnessed { at, size, witnesses } = entry {
        return (first + index, Entry::Witnessed { at, size: first + size, witnesses });
    }
    (first + index, entry)
}

/// Whether a statement counts only once witnesses have signed it: one that lifts or revokes, or that says whose word counts.
pub(crate) fn needs_witnesses(said: &Statement) -> bool {
    let act = said.claim("/act").and_then(serde_json::Value::as_str);
    said.kind == Type::TrustDocument || said.kind == Type::Act && matches!(act, Some("lift" | "revoke"))
}

//! What the gov log has said so far, and how something is added to it: by the process that has it open, or through the
//! folder in which that process looks for what others hand in.

use crate::clock;
use crate::log::Problem;
use crate::log_home::{Home, START_PAUSE, covered};
use crate::log_place::Place;
use crate::log_read;
use ledger::disk::{Disk, Folder};
use ledger::log::Ledger;
use ledger::publish::Published;
use ledger::wal::Record;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use tlog::policy::Policy;
use wire::entry::{Change, Entry, Level, Of};

/// Where what is handed in waits for the process that has the log open.
const INBOX: &str = "inbox";

/// Where that of it lies which is no entry.
const UNREAD: &str = "unread";

/// How long a running service may take to log what was handed in: some of its rounds, on a slow machine.
pub(crate) const HAND_IN_TRIES: u32 = 2_400;

/// What the entries so far amount to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The files of the law in force, and their digests.
    pub(crate) documents: BTreeMap<String, [u8; 32]>,
    /// The policies in force: version and digest.
    pub(crate) principals: Option<(u64, [u8; 32])>,
    pub(crate) witnesses: Option<(u64, [u8; 32])>,
    /// The program that decides.
    pub(crate) engine: Option<[u8; 32]>,
    /// What law counts as met, by order and condition: whether, and until when.
    pub(crate) states: BTreeMap<(String, String), (bool, Option<law::Time>)>,
    /// Where each signed statement was taken up, by the digest of its envelope.
    pub(crate) statements: BTreeMap<[u8; 32], u64>,
    /// What people decided about decisions, by the log and index of each: where it is logged, and the last such entry.
    pub(crate) overrides: BTreeMap<(String, u64), (u64, Entry)>,
    /// What was erased, by the log and index of each: where it is logged, and the entry.
    pub(crate) erased: BTreeMap<(String, u64), (u64, Entry)>,
    /// The first index of the log of decisions that is handed out.
    pub(crate) retained_from: u64,
    /// The last entry that counts only once it is witnessed, and up to where entries were.
    pub(crate) awaits_witnesses: Option<u64>,
    pub(crate) witnessed: u64,
    /// Whether it ended, and another log goes on.
    pub(crate) sealed: bool,
    /// When the last entry was written: instants do not go backwards, whatever clocks do.
    pub(crate) last: law::Time,
}

impl Known {
    /// Reads what a gov log of this machine's own has published, as far as the entry before `until`. What is not what was
    /// signed is no ground for anything.
    pub(crate) fn read(disk: &Folder, until: u64) -> Result<Self, Problem> {
        let policy = Policy::of_log(Home::key_of(disk)?);
        log_read::entries(&Place::public(disk), &policy, 0..until, Self::default, |known, index, bytes| {
            if let Some(entry) = Entry::from_bytes(bytes) {
                known.learn(index, &entry);
            }
            Ok(())
        })
    }

    /// Whether an entry has not been witnessed that counts only then.
    pub(crate) fn waits(&self) -> bool {
        self.awaits_witnesses.is_some_and(|index| index >= self.witnessed)
    }

    /// Takes note of one more entry.
    pub(crate) fn learn(&mut self, index: u64, entry: &Entry) {
        self.last = self.last.max(entry.at());
        if entry.level() == Level::Witnessed {
            self.awaits_witnesses = Some(index);
        }
        if let Some(envelope) = entry.envelope() {
            self.statements.entry(envelope).or_insert(index);
        }
        match entry {
            Entry::Document { path, change, sha256, .. } => {
                match change {
                    Change::Issue | Change::Amend => self.documents.insert(path.clone(), *sha256),
                    Change::Revoke => self.documents.remove(path),
                };
            }
            Entry::TrustPolicy { of, version, sha256, .. } => {
                let policy = match of {
                    Of::Principals => &mut self.principals,
                    Of::Witnesses => &mut self.witnesses,
                };
                *policy = Some((*version, *sha256));
            }
            Entry::ConditionState { order, condition, met, until, .. } => {
                self.states.insert((order.clone(), condition.clone()), (*met, *until));
            }
            Entry::Override { origin, index: decision, .. } => {
                self.overrides.insert((origin.clone(), *decision), (index, entry.clone()));
            }
            Entry::Erasure { origin, index: decision, .. } => {
                self.erased.insert((origin.clone(), *decision), (index, entry.clone()));
            }
            Entry::Retention { from, .. } => self.retained_from = *from,
            Entry::Engine { sha256, .. } => self.engine = Some(*sha256),
            Entry::Witnessed { size, .. } => self.witnessed = self.witnessed.max(*size),
            Entry::Genesis { .. }
            | Entry::Successor { .. }
            | Entry::Act { .. }
            | Entry::Attestation { .. }
            | Entry::Revocation { .. }
            | Entry::Anchor { .. }
            | Entry::KeyEvent { .. }
            | Entry::Decision { .. } => {}
            Entry::Seal { .. } => self.sealed = true,
        }
    }

    /// Where the log has said what the entry says, if it has: a signed statement counts once, and so does an erasure, which
    /// is handed in again where the power went before it was off the list.
    pub(crate) fn has(&self, entry: &Entry) -> Option<u64> {
        if let Entry::Erasure { origin, index, reason: why, .. } = entry {
            let (at, logged) = self.erased.get(&(origin.clone(), *index))?;
            return matches!(logged, Entry::Erasure { reason, .. } if reason == why).then_some(*at);
        }
        self.statements.get(&entry.envelope()?).copied()
    }
}

/// Adds an entry to an open gov log, at the present instant, and waits until it is durable.
pub(crate) fn govern(gov: &Ledger, known: &mut Known, entry: &Entry) -> Result<u64, Problem> {
    let entry = entry.clone().at_instant(clock::now().max(known.last));
    let ticket = gov.append(Record { entry: entry.to_bytes(), private: Vec::new() });
    let index = ticket.and_then(|ticket| ticket.wait()).map_err(|error| Problem::new(6, format!("gov: {error}")))?;
    known.learn(index, &entry);
    Ok(index)
}

/// Logs that a quorum has signed, if something waits for it and one has. Whether nothing waits any more.
pub(crate) fn witnessed(gov: &Ledger, known: &mut Known) -> Result<bool, Problem> {
    let Some(index) = known.awaits_witnesses.filter(|index| *index >= known.witnessed) else { return Ok(true) };
    let Some(published) = gov.published().filter(|published| published.witnessed) else { return Ok(false) };
    let size = published.checkpoint.size;
    if size <= index {
        return Ok(false);
    }
    // The first signature is the log's own.
    let witnesses = u64::try_from(published.note.signatures.len()).unwrap_or(1).saturating_sub(1);
    govern(gov, known, &Entry::Witnessed { at: 0, size, witnesses })?;
    Ok(true)
}

/// Opens the gov log of a command, knowing what it says; `None` if a service has it open.
pub(crate) fn open(home: &Home) -> Result<Option<(Ledger, Known, std::fs::File)>, Problem> {
    let Some((gov, lock)) = home.start_unless_open("gov")? else { return Ok(None) };
    let known = learn(home, &gov)?;
    Ok(Some((gov, known, lock)))
}

fn published(gov: &Ledger, index: u64) -> Result<Published, Problem> {
    covered(gov, index).map_err(|problem| Problem { message: format!("gov: {}", problem.message), ..problem })
}

/// What an open gov log says: all of it, for which what is durable is published first.
pub(crate) fn learn(home: &Home, gov: &Ledger) -> Result<Known, Problem> {
    let Some(last) = gov.durable().checked_sub(1) else { return Ok(Known::default()) };
    let size = published(gov, last)?.checkpoint.size;
    Known::read(&home.disk("gov"), size)
}

/// Where something was logged, and whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logged {
    /// It is published, and counts.
    Counts(u64),
    /// It is published, and counts once a quorum of witnesses has signed it.
    AwaitsWitnesses(u64),
    /// A running service has it and will log it.
    HandedIn,
}

impl Logged {
    /// For programs: the entry of the gov log, where this process wrote it, and whether it counts already.
    pub(crate) fn to_json(self) -> Value {
        let (entry, state) = match self {
            Self::Counts(index) => (Some(index), "counts"),
            Self::AwaitsWitnesses(index) => (Some(index), "awaits_witnesses"),
            Self::HandedIn => (None, "handed_in"),
        };
        json!({ "entry": entry, "state": state })
    }
}

/// Adds an entry to the gov log, or hands it to the service that has the log open and waits until that has logged it.
pub(crate) fn hand_in(home: &Home, entry: &Entry) -> Result<Logged, Problem> {
    if let Some((gov, mut known, _lock)) = open(home)? {
        take_up(home, &gov, &mut known)?;
        let index = match known.has(entry) {
            Some(index) => index,
            None => govern(&gov, &mut known, entry)?,
        };
        return logged(gov, &mut known, (index, entry.level()));
    }
    let disk = home.disk("gov");
    let failed = |error| Problem::file(disk.path(), error);
    let name = format!("{INBOX}/{:020}-{}", clock::instance(), std::process::id());
    disk.make_folder_durably(INBOX).and_then(|()| disk.put_durably(&name, &entry.to_bytes())).map_err(failed)?;
    for _ in 0..HAND_IN_TRIES {
        if matches!(disk.read(&name), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Ok(Logged::HandedIn);
        }
        // Who had the log open may have been no service, or is gone.
        if let Some((gov, mut known, _lock)) = open(home)? {
            let taken = take_up(home, &gov, &mut known)?;
            let Some(index) = taken.get(&name) else { return Ok(Logged::HandedIn) };
            return logged(gov, &mut known, (*index, entry.level()));
        }
        std::thread::sleep(START_PAUSE);
    }
    let help = "whoever has the log open, or opens it next, logs it";
    Err(Problem::new(1, format!("not logged yet: it waits in {}; {help}", disk.path().join(&name).display())))
}

/// Waits until an entry that this process logged is published, and ends the log.
fn logged(gov: Ledger, known: &mut Known, (index, level): (u64, Level)) -> Result<Logged, Problem> {
    published(&gov, index)?;
    // Not only this one: what was logged while no quorum answered is witnessed now, if one answers.
    let none_waits = witnessed(&gov, known)?;
    let counts = level != Level::Witnessed || none_waits;
    gov.stop();
    Ok(if counts { Logged::Counts(index) } else { Logged::AwaitsWitnesses(index) })
}

/// Logs what was handed in; says where each file of it was logged.
pub(crate) fn take_up(home: &Home, gov: &Ledger, known: &mut Known) -> Result<BTreeMap<String, u64>, Problem> {
    let disk = home.disk("gov");
    let failed = |error| Problem::file(disk.path(), error);
    let names: BTreeSet<String> = disk.list(INBOX).map_err(failed)?.into_iter().collect();
    let mut taken = BTreeMap::new();
    for name in names.iter().filter(|name| !name.ends_with(ledger::disk::TEMPORARY)) {
        let path = format!("{INBOX}/{name}");
        let Some(entry) = Entry::from_bytes(&disk.read(&path).map_err(failed)?) else {
            // One of a later version perhaps: it is not for this one to throw away, and in nobody's way there.
            let aside = format!("{UNREAD}/{name}");
            disk.make_folder(UNREAD).and_then(|()| disk.rename(&path, &aside)).map_err(failed)?;
            eprintln!(
                "not logged, since it is no entry that this program knows: {}",
                disk.path().join(aside).display()
            );
            continue;
        };
        let index = match known.has(&entry) {
            Some(index) => index,
            None => govern(gov, known, &entry)?,
        };
        disk.remove(&path).map_err(failed)?;
        taken.insert(path, index);
    }
    Ok(taken)
}

/// Publishes a document under its digest, where every reader of the gov log finds it.
pub(crate) fn publish_blob(disk: &Folder, bytes: &[u8]) -> Result<[u8; 32], Problem> {
    let tlog::Hash(digest) = tlog::Hash::of(bytes);
    let path = format!("public/{}", blob_path(&digest));
    let folder = ledger::disk::folder_of(&path);
    let put = disk.make_folder_durably(folder).and_then(|()| disk.put_durably(&path, bytes));
    put.map_err(|error| Problem::file(disk.path(), error))?;
    Ok(digest)
}

/// Where a document lies below the public folder.
pub(crate) fn blob_path(digest: &[u8; 32]) -> String {
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("blob/sha256/{}/{name}", name.get(..2).unwrap_or_default())
}

//! Keeps the latest checkpoint of each log and signs only what grew from it: the signer of a log, and a witness.
//!
//! The latest checkpoint is durable before a signature over it exists anywhere else. So whoever holds the host of a
//! log, but not its keeper, can stop the log and cannot fork it.

use crate::disk::{Disk, folder_of};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};
use tlog::checkpoint::Checkpoint;
use tlog::note::{Kind, Note, Signature, SigningKey, VerifierKey};
use tlog::witness::{self, AddCheckpoint, Refusal, origin_hash};

/// The folder with one file for each log.
const FOLDER: &str = "latest";

/// Logs that one keeper knows; each costs a file and a few hundred bytes.
pub const LOGS_MAX: usize = 1024;

/// Why a keeper did not sign.
#[derive(Debug)]
pub enum Unsigned {
    /// It must not.
    Refused(Refusal),
    /// It cannot be reached, or cannot make durable what it would sign.
    Unavailable(String),
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unavailable(why) => write!(f, "not available: {why}"),
        }
    }
}

impl std::error::Error for Unsigned {}

/// Somebody who signs checkpoints: in this process, behind a socket, or behind HTTP.
pub trait Sign: Send {
    /// Who it is, for messages.
    fn name(&self) -> String;
    /// The size of the last checkpoint it signed for a log; 0 if it signed none.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned>;
    /// Signs, if the tree grew from the last one it signed.
    ///
    /// # Errors
    /// When it refuses or cannot be reached.
    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned>;
}

/// What a keeper asks of whoever brings a checkpoint.
#[derive(Clone, Debug)]
enum Trust {
    /// It is the log's own signer, behind a socket that only the log can open: any checkpoint of this origin.
    Own,
    /// It is a witness: a checkpoint that one of the log's keys signed.
    Logs(BTreeMap<String, Vec<VerifierKey>>),
}

/// Keeps and signs.
#[derive(Debug)]
pub struct Keeper<D> {
    disk: D,
    key: SigningKey,
    trust: Trust,
    /// The time, in seconds since 1970, that a cosignature states.
    now: fn() -> u64,
    /// By the hash of the origin, which is the name of its file: an origin may have any characters.
    latest: Mutex<BTreeMap<String, Kept>>,
}

/// What was signed last of a log.
#[derive(Clone, Debug)]
struct Kept {
    checkpoint: Checkpoint,
    /// The checkpoint as it was signed: by the log, as far as this keeper knows its keys, and by the keeper.
    note: Note,
}

impl<D: Disk> Keeper<D> {
    /// The signer of the log whose origin is the name of the key.
    ///
    /// # Errors
    /// When what it kept cannot be read.
    pub fn signer(disk: D, key: SigningKey) -> io::Result<Self> {
        Self::open(disk, key, Trust::Own, || 0)
    }

    /// A witness of these logs.
    ///
    /// # Errors
    /// When what it kept cannot be read, or there are more than [`LOGS_MAX`] logs.
    pub fn witness(disk: D, key: SigningKey, logs: &[VerifierKey], now: fn() -> u64) -> io::Result<Self> {
        if key.public().kind() != Kind::Cosignature {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a witness needs a cosignature key"));
        }
        let mut known: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in logs {
            known.entry(log.name().to_owned()).or_default().push(log.clone());
        }
        if known.len() > LOGS_MAX {
            return Err(io::Error::new(ErrorKind::InvalidInput, "more logs than a witness takes"));
        }
        Self::open(disk, key, Trust::Logs(known), now)
    }

    fn open(disk: D, key: SigningKey, trust: Trust, now: fn() -> u64) -> io::Result<Self> {
        disk.make_folder_durably(FOLDER)?;
        // Who was here before may have ended between giving a file its name and making that durable. What is read now is
        // signed again without being written again.
        disk.sync_folder(FOLDER)?;
        let mut latest = BTreeMap::new();
        for name in disk.list(FOLDER)?.iter().filter(|name| name.len() == 64) {
            latest.insert(name.clone(), kept(&disk, name)?);
        }
        Ok(Self { disk, key, trust, now, latest: Mutex::new(latest) })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// The checkpoint of a log that was signed last.
    #[must_use]
    pub fn latest(&self, origin: &str) -> Option<Checkpoint> {
        self.kept(&origin_hash(origin)).map(|kept| kept.checkpoint)
    }

    /// The same as it was signed, for whoever watches the log: `None` if none was signed, or before a keeper kept more than
    /// the text. Logs are named by [`origin_hash`].
    #[must_use]
    pub fn cosigned(&self, origin_hash: &str) -> Option<Note> {
        self.kept(origin_hash).map(|kept| kept.note).filter(|note| !note.signatures.is_empty())
    }

    fn kept(&self, name: &str) -> Option<Kept> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Signs a checkpoint that grew from the last one.
    ///
    /// # Errors
    /// When it did not, or cannot be kept.
    pub fn add(&self, request: &AddCheckpoint) -> Result<Signature, Unsigned> {
        let asked = witness::origin(request).map_err(Unsigned::Refused)?;
        let name = origin_hash(&asked.origin);
        // Held until the new checkpoint is durable: two requests at once cannot roll each other back.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let last = latest.get(&name).map(|kept| &kept.checkpoint);
        let (checkpoint, mut signatures) = match &self.trust {
            Trust::Own if asked.origin == self.key.public().name() => {
                witness::grows(request, &asked, last).map(|()| (asked, Vec::new()))
            }
            Trust::Own => Err(Refusal::UnknownLog),
            Trust::Logs(known) => {
                let keys = known.get(&asked.origin).ok_or(Unsigned::Refused(Refusal::UnknownLog))?;
                // One of each key, however often it stands there: what is kept must be as short as what is read.
                let of = |key: &VerifierKey| request.checkpoint.signatures.iter().find(|one| key.made(one)).cloned();
                witness::decide(request, keys, last)
                    .map(|checkpoint| (checkpoint, keys.iter().filter_map(of).collect()))
            }
        }
        .map_err(Unsigned::Refused)?;
        let signature = self.key.sign(&request.checkpoint.text, (self.now)());
        signatures.push(signature.clone());
        let note = Note { text: request.checkpoint.text.clone(), signatures };
        if last != Some(&checkpoint) {
            let kept = self.disk.put_durably(&format!("{FOLDER}/{name}"), note.to_string().as_bytes());
            kept.map_err(|error| Unsigned::Unavailable(error.to_string()))?;
        }
        latest.insert(name, Kept { checkpoint, note });
        Ok(signature)
    }
}

/// The checkpoint of a log that whoever keeps in this place signed last; `None` if it signed none.
///
/// # Errors
/// When it cannot be read, or is no checkpoint.
pub fn signed<D: Disk>(disk: &D, origin: &str) -> io::Result<Option<Checkpoint>> {
    match kept(disk, &origin_hash(origin)) {
        Ok(kept) => Ok(Some(kept.checkpoint)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a file of the folder says was signed last.
fn kept<D: Disk>(disk: &D, name: &str) -> io::Result<Kept> {
    let bytes = disk.read(&format!("{FOLDER}/{name}"))?;
    let unsigned = || Some(Note { text: String::from_utf8(bytes.clone()).ok()?, signatures: Vec::new() });
    let note = Note::parse(&bytes).ok().or_else(unsigned);
    let kept = note.and_then(|note| Some(Kept { checkpoint: Checkpoint::parse(&note.text).ok()?, note }));
    // Starting from nothing instead would sign a fork.
    let unreadable = || io::Error::new(ErrorKind::InvalidData, format!("{FOLDER}/{name} is no checkpoint"));
    kept.filter(|kept| origin_hash(&kept.checkpoint.origin) == *name).ok_or_else(unreadable)
}

impl<D: Disk> Sign for std::sync::Arc<Keeper<D>> {
    fn name(&self) -> String {
        self.key.public().name().to_owned()
    }

    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned> {
        Ok(self.latest(origin).map_or(0, |latest| latest.size))
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        self.add(request).map(|signature| vec![signature])
    }
}

/// Reads the checkpoint a log published, if it published one.
///
/// # Errors
/// When it cannot be read, or is no note.
pub fn published<D: Disk>(disk: &D, path: &str) -> io::Result<Option<Note>> {
    debug_assert_eq!(folder_of(path), "public");
    match disk.read(path) {
        Ok(bytes) => {
            let note = Note::parse(&bytes);
            note.map(Some).map_err(|malformed| io::Error::new(ErrorKind::InvalidData, format!("{path}: {malformed}")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

//! The service that records in a log: every decision becomes durable, bound to the law it was made under.
//!
//! The law is logged first. Whenever other files come into force, the gov log says which, and a decision names the size
//! the gov log had then; so anybody can see what was in force. From time to time the state of the log of decisions goes
//! into the gov log, so that whoever witnesses the one has witnessed both.

use crate::clock;
use crate::log::{Problem, chance};
use crate::log_keep::Home;
use crate::log_read::proof_of;
use crate::log_repeats::{self, Before, Repeats};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use docket::docket::Source;
use gate::recorder::{Durably, Keeper, Log, Unable};
use ledger::commitment::Seed;
use ledger::disk::{Disk, Folder};
use ledger::log::{Ledger, Ticket, Unavailable};
use ledger::private::Opening;
use ledger::wal::Record;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::Hash;
use tlog::policy::Policy;
use tlog::tile::{Level, TILE_WIDTH, Tile};
use wire::entry::{self, Change, Entry};

/// Records made durable together: enough that a slow disk keeps up, few enough to wait little.
const BATCH_RECORDS_MAX: usize = 1024;

/// How long to wait before a log that could not take a record is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How often the state of the log of decisions goes into the gov log.
const ANCHOR_EVERY_SECONDS: i64 = 60;

/// How often it is looked whether that time has come, and whether something was erased.
const TIE_EVERY: Duration = Duration::from_secs(1);

/// How far the clock may go back before it is said: more than what keeping it right takes.
const CLOCK_BACK_SECONDS_MAX: i64 = 5;

/// Editions remembered: whoever changes the law more often than that within the life of a queue is told.
const EDITIONS_MAX: usize = 256;

/// Both logs of a running service.
pub(crate) struct Kept {
    // In this order they end: each log publishes what is left, and its signer is needed for that.
    dec: Ledger,
    gov: Ledger,
    home: Home,
    /// How many entries the gov log had when an edition was in force.
    editions: Mutex<BTreeMap<String, u64>>,
    /// The files of the law as the gov log knows them.
    documents: Mutex<BTreeMap<String, [u8; 32]>>,
    anchored: Mutex<(i64, u64)>,
    repeats: Mutex<Repeats>,
    locks: [std::fs::File; 2],
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("locks", &self.locks.len()).finish_non_exhaustive()
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    /// Opens both logs.
    pub(crate) fn open(folder: &Path, signer: Option<&Path>) -> Result<Self, Problem> {
        let home = Home::open(folder, signer)?;
        let (gov, gov_lock) = home.start("gov")?;
        let (dec, dec_lock) = home.start("dec")?;
        let repeats = Repeats::read(&home.disk("dec"), dec.durable());
        let repeats = repeats.map_err(|why| Problem::new(6, format!("dec: {why}")))?;
        let kept = Self {
            repeats: Mutex::new(repeats),
            dec,
            gov,
            home,
            editions: Mutex::default(),
            documents: Mutex::default(),
            anchored: Mutex::new((clock::now(), 0)),
            locks: [gov_lock, dec_lock],
        };
        if kept.gov.durable() == 0 {
            let decisions = kept.home.vkey("dec")?.to_string();
            kept.govern(&Entry::Genesis { at: clock::now(), decisions })?;
        }
        kept.remember()?;
        Ok(kept)
    }

    /// Logs what changes the rules, and waits until it is durable.
    fn govern(&self, entry: &Entry) -> Result<u64, Problem> {
        let ticket = self.gov.append(Record { entry: entry.to_bytes(), private: Vec::new() });
        ticket.and_then(|ticket| ticket.wait()).map_err(|error| Problem::new(6, format!("gov: {error}")))
    }

    /// Reads which files of the law the gov log has seen.
    fn remember(&self) -> Result<(), Problem> {
        let size = self.gov.durable();
        let covered = self.gov.covered(size.saturating_sub(1), false).wait();
        let size = covered.map_err(|error| Problem::new(6, format!("gov: {error}")))?.checkpoint.size;
        let disk = self.home.disk("gov");
        let mut documents = held(&self.documents);
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let Some(tile) = Tile::in_tree(Level::Entries, index, size) else { continue };
            let bytes = disk.read(&format!("public/{tile}")).map_err(|error| Problem::file(disk.path(), error))?;
            for bytes in tlog::bundle::decode(tile.width, &bytes).unwrap_or_default() {
                if let Some(Entry::Document { path, change, digest, .. }) = Entry::from_bytes(bytes) {
                    match change {
                        Change::Issue | Change::Amend => documents.insert(path, digest),
                        Change::Revoke => documents.remove(&path),
                    };
                }
            }
        }
        Ok(())
    }

    /// Logs which files of the law come into force, before they do.
    pub(crate) fn in_force(&self, edition: &str, sources: &[Source]) -> Result<(), Problem> {
        let disk = self.home.disk("gov");
        let mut documents = held(&self.documents);
        let mut gone: BTreeMap<String, [u8; 32]> = documents.clone();
        for source in sources {
            let Hash(digest) = Hash::of(source.text.as_bytes());
            gone.remove(&source.path);
            let change = match documents.get(&source.path) {
                Some(known) if *known == digest => continue,
                Some(_) => Change::Amend,
                None => Change::Issue,
            };
            publish_document(&disk, &digest, source.text.as_bytes())?;
            let (path, bytes) = (source.path.clone(), source.text.len() as u64);
            self.govern(&Entry::Document { at: clock::now(), path: path.clone(), change, digest, bytes })?;
            documents.insert(path, digest);
        }
        for path in gone.into_keys() {
            let revoked = Entry::Document {
                at: clock::now(),
                path: path.clone(),
                change: Change::Revoke,
                digest: [0; 32],
                bytes: 0,
            };
            self.govern(&revoked)?;
            documents.remove(&path);
        }
        let mut editions = held(&self.editions);
        if editions.len() >= EDITIONS_MAX {
            // The oldest: the one with the smallest gov log.
            let oldest = editions.iter().min_by_key(|(_, size)| **size).map(|(edition, _)| edition.clone());
            oldest.map(|edition| editions.remove(&edition));
        }
        editions.insert(edition.to_owned(), self.gov.durable());
        Ok(())
    }

    /// Keeps every record until the last gate is gone, then closes both logs. Runs in a thread of its own.
    pub(crate) fn keep(self: Arc<Self>, mut keeper: Keeper) {
        let mut batch = Vec::with_capacity(BATCH_RECORDS_MAX);
        let mut failing = false;
        while keeper.records.blocking_recv_many(&mut batch, BATCH_RECORDS_MAX) > 0 {
            let mut records: Vec<Record> = Vec::with_capacity(batch.len());
            for record in batch.drain(..) {
                records.push(self.record(&record));
            }
            while let Err((unavailable, rest)) = self.durably(records) {
                records = rest;
                if !failing {
                    eprintln!("decisions cannot be recorded: {unavailable}");
                    keeper.set_failing(true);
                    failing = true;
                }
                if keeper.records.is_closed() {
                    let lost = records.len() + keeper.records.len();
                    eprintln!("{lost} decisions end unrecorded");
                    keeper.lost(lost as u64);
                    return;
                }
                std::thread::sleep(RETRY_AFTER);
            }
            if failing {
                eprintln!("decisions are recorded again");
                keeper.set_failing(false);
                failing = false;
            }
        }
    }

    /// Ties the log of decisions into the gov log from time to time, and once more when `running` has ended. Runs in a
    /// thread of its own.
    pub(crate) fn tie(&self, running: &Receiver<()>) {
        let mut latest = clock::now();
        while let Err(RecvTimeoutError::Timeout) = running.recv_timeout(TIE_EVERY) {
            let now = clock::now();
            if latest - now > CLOCK_BACK_SECONDS_MAX {
                let index = self.dec.durable();
                eprintln!(
                    "the clock went back by {} seconds: the log goes on, and from decision {index} on its times repeat",
                    latest - now
                );
            }
            latest = now;
            self.anchor(false);
        }
        self.anchor(true);
    }

    /// Makes records durable, in order; gives back those that are not.
    fn durably(&self, records: Vec<Record>) -> Result<(), (Unavailable, Vec<Record>)> {
        let mut tickets: Vec<Ticket> = Vec::with_capacity(records.len());
        for (position, record) in records.iter().enumerate() {
            match self.dec.append(record.clone()) {
                Ok(ticket) => tickets.push(ticket),
                Err(unavailable) => {
                    let done = tickets.iter().take_while(|ticket| ticket.wait().is_ok()).count();
                    return Err((unavailable, records.into_iter().skip(done.min(position)).collect()));
                }
            }
        }
        for (position, ticket) in tickets.iter().enumerate() {
            if let Err(unavailable) = ticket.wait() {
                return Err((unavailable, records.into_iter().skip(position).collect()));
            }
        }
        Ok(())
    }

    /// The entry of a decision, and what it commits to.
    fn record(&self, record: &wire::record::Record) -> Record {
        let seed = Seed(chance());
        let fields = entry::fields(record);
        let gov_size = held(&self.editions).get(&record.edition).copied().unwrap_or_else(|| self.gov.durable());
        let Hash(commitment) = seed.commit(&fields);
        let decision =
            Entry::Decision { at: record.at, gov_size, edition: edition_digest(&record.edition), commitment };
        let sealed = seed.seal(&fields).unwrap_or_default();
        Record { entry: decision.to_bytes(), private: Opening { seed: seed.0, sealed }.to_record() }
    }

    /// Puts the state of the log of decisions into the gov log, and what was erased meanwhile.
    fn anchor(&self, last: bool) {
        let now = clock::now();
        let mut anchored = held(&self.anchored);
        // A clock that was put back must not keep the next anchor away until it has caught up.
        if !last && (0..ANCHOR_EVERY_SECONDS).contains(&(now - anchored.0)) {
            return;
        }
        if last && self.dec.durable() > 0 {
            // What was decided last is in the checkpoint that is anchored last.
            if let Err(error) = self.dec.covered(self.dec.durable() - 1, false).wait() {
                eprintln!("the last decisions are durable and not yet published: {error}");
            }
        }
        let Some(published) = self.dec.published() else { return };
        let checkpoint = published.checkpoint;
        if checkpoint.size > anchored.1 {
            let Hash(root) = checkpoint.root;
            let entry = Entry::Anchor { at: now, origin: checkpoint.origin, size: checkpoint.size, root };
            match self.govern(&entry) {
                Ok(_) => *anchored = (now, checkpoint.size),
                Err(problem) => eprintln!("{}", problem.message),
            }
        }
        if let Err(error) = self.log_erasures() {
            eprintln!("erasures are not logged yet: {}", error.message);
        }
    }

    /// Logs what `interdict log erase` left here because this process has the gov log open.
    fn log_erasures(&self) -> Result<(), Problem> {
        let disk = self.home.disk("gov");
        let failed = |error| Problem::file(disk.path(), error);
        for name in disk.list("erased").map_err(failed)? {
            let path = format!("erased/{name}");
            if let Some(entry) = Entry::from_bytes(&disk.read(&path).map_err(failed)?) {
                self.govern(&entry)?;
            }
            disk.remove(&path).map_err(failed)?;
        }
        Ok(())
    }

    /// The routes under which both logs are read.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/log/{log}/receipt/{index}", get(receipt))
            .route("/log/{log}/{*path}", get(file))
            .with_state(Arc::clone(self))
    }
}

impl Log for Kept {
    fn hand_in(&self, record: &wire::record::Record, once: Option<&str>) -> Durably {
        let Some(once) = once else {
            return match self.dec.append(self.record(record)) {
                Ok(ticket) => Box::pin(async { ticket.await.map_err(|why| unable(&why)) }),
                Err(why) => Box::pin(std::future::ready(Err(unable(&why)))),
            };
        };
        let key = log_repeats::key(once, record);
        let entry = self.record(&log_repeats::keyed(record, &key));
        // Held until the record is handed in: of two at once, one is first.
        let mut repeats = held(&self.repeats);
        let ticket = match repeats.get(&key) {
            Some(Before::Index(index)) => return Box::pin(std::future::ready(Ok(index))),
            // One whose record did not become durable is handed in again by whoever asks next.
            Some(Before::Ticket(ticket)) => match ticket.ended() {
                Some(Err(_)) => self.dec.append(entry),
                Some(Ok(_)) | None => Ok(ticket),
            },
            None => self.dec.append(entry),
        };
        match ticket {
            Ok(ticket) => {
                repeats.insert(key, Before::Ticket(ticket.clone()));
                Box::pin(async { ticket.await.map_err(|why| unable(&why)) })
            }
            Err(why) => {
                repeats.forget(&key);
                Box::pin(std::future::ready(Err(unable(&why))))
            }
        }
    }
}

fn unable(why: &Unavailable) -> Unable {
    match why {
        Unavailable::Busy | Unavailable::Full(_) => Unable::Busy,
        Unavailable::Closed(_) | Unavailable::TooLong => Unable::Failed,
    }
}

/// The digest an edition is named by (`sha256:…`), or the digest of its name if it has another form.
fn edition_digest(edition: &str) -> [u8; 32] {
    let digits = edition.strip_prefix("sha256:").unwrap_or(edition).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let whole = bytes.filter(|_| rest.is_empty()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    whole.unwrap_or_else(|| Hash::of(edition.as_bytes()).0)
}

fn publish_document(disk: &Folder, digest: &[u8; 32], bytes: &[u8]) -> Result<(), Problem> {
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = format!("public/blob/sha256/{}", name.get(..2).unwrap_or_default());
    let put = disk.make_folder(&folder).and_then(|()| disk.put_durably(&format!("{folder}/{name}"), bytes));
    put.map_err(|error| Problem::file(disk.path(), error))
}

/// A file of the public folder, and no other: what a path may be is spelled out.
async fn file(State(kept): State<Arc<Kept>>, UrlPath((log, path)): UrlPath<(String, String)>) -> Response {
    let blob = path.strip_prefix("blob/sha256/").is_some_and(|rest| {
        rest.len() == 67
            && rest.bytes().enumerate().all(|(at, byte)| if at == 2 { byte == b'/' } else { byte.is_ascii_hexdigit() })
    });
    let known = matches!(path.as_str(), "checkpoint" | "vkey") || Tile::from_path(&path).is_some() || blob;
    if !matches!(log.as_str(), "gov" | "dec") || !known {
        return StatusCode::NOT_FOUND.into_response();
    }
    let disk = kept.home.disk(&log);
    let (kind, fresh) = match path.as_str() {
        "checkpoint" => ("text/plain; charset=utf-8", "max-age=1"),
        "vkey" => ("text/plain; charset=utf-8", "max-age=3600"),
        _ => ("application/octet-stream", "max-age=31536000, immutable"),
    };
    let read = tokio::task::spawn_blocking(move || disk.read(&format!("public/{path}"))).await;
    match read {
        Ok(Ok(bytes)) => ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)], bytes).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The proof that an entry is in the log, or, while it is durable and not yet published, when to ask again.
async fn receipt(State(kept): State<Arc<Kept>>, UrlPath((log, index)): UrlPath<(String, u64)>) -> Response {
    let ledger = match log.as_str() {
        "gov" => &kept.gov,
        "dec" => &kept.dec,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if index >= ledger.durable() {
        return StatusCode::NOT_FOUND.into_response();
    }
    if ledger.published().is_none_or(|published| published.checkpoint.size <= index) {
        return (StatusCode::ACCEPTED, [(header::RETRY_AFTER, "1")]).into_response();
    }
    let made = tokio::task::spawn_blocking(move || {
        let public = kept.home.disk(&log).path().join("public");
        let policy = Policy::of_log(kept.home.vkey(&log)?);
        proof_of(&public, &policy, index)
    });
    match made.await {
        Ok(Ok((proof, _))) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], proof.to_string()).into_response()
        }
        Ok(Err(problem)) => (StatusCode::INTERNAL_SERVER_ERROR, problem.message).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

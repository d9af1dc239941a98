//! What records in a log, a service or a run of a command: every decision becomes durable, bound to the law it was made under.
//!
//! The law is logged first. Whenever other files come into force, the gov log says which, and a decision names the size
//! the gov log had then; so anybody can see what was in force. From time to time the state of the log of decisions goes
//! into the gov log, so that whoever witnesses the one has witnessed both.

use crate::clock;
use crate::log::{Problem, chance};
use crate::log_gov::{self, Known};
use crate::log_home::{Home, covered};
use crate::log_place::Place;
use crate::log_read::proof_of;
use crate::log_repeats::{self, Before, Repeats};
use crate::log_rulings::Rules;
use crate::log_statements;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use docket::docket::Source;
use gate::metrics::{Durations, LogDurations, LogState, Unpublished};
use gate::recorder::{Durably, Keeper, Log, Unable};
use ledger::commitment::Seed;
use ledger::disk::{Disk, Folder};
use ledger::log::{Ledger, Unavailable};
use ledger::private::Opening;
use ledger::wal::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::Hash;
use tlog::policy::Policy;
use tlog::tile::{Level, TILE_WIDTH, Tile};
use wire::entry::{self, Change, Entry, Of};

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

/// A condition as law counts it.
pub(crate) struct Counted {
    pub(crate) order: String,
    pub(crate) condition: String,
    pub(crate) met: bool,
    pub(crate) until: Option<law::Time>,
    /// How many entries of statements were counted.
    pub(crate) over: u64,
}

/// Who says what law counts as met at an instant.
pub(crate) type Standing = dyn Fn(law::Time) -> Result<Vec<Counted>, String> + Send + Sync;

/// Both logs of a running service.
pub(crate) struct Kept {
    // In this order they end: each log publishes what is left, and its signer is needed for that.
    pub(crate) dec: Ledger,
    pub(crate) gov: Ledger,
    pub(crate) home: Home,
    /// How many entries the gov log had when an edition was in force.
    editions: Mutex<BTreeMap<String, u64>>,
    /// What the gov log says. Held while an entry is added to it, so that entries come in the order of their instants.
    pub(crate) known: Mutex<Known>,
    anchored: Mutex<(i64, u64)>,
    /// Since when a log could not be published: by the clock, and by one that does not jump, in nanoseconds.
    unpublished: Mutex<BTreeMap<&'static str, (i64, u64)>>,
    repeats: Mutex<Repeats>,
    /// What people decided, as far as it is published.
    pub(crate) rules: Rules,
    /// The first index that is handed out of each log of decisions that was sealed.
    retained_past: BTreeMap<u64, u64>,
    locks: [std::fs::File; 2],
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("locks", &self.locks.len()).finish_non_exhaustive()
    }
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
        let known = log_gov::learn(&home, &gov)?;
        let kept = Self {
            retained_past: retained_past(&home)?,
            repeats: Mutex::new(repeats),
            rules: Rules::of(folder),
            dec,
            gov,
            home,
            editions: Mutex::default(),
            known: Mutex::new(known),
            anchored: Mutex::new((clock::now(), 0)),
            unpublished: Mutex::default(),
            locks: [gov_lock, dec_lock],
        };
        if kept.gov.durable() == 0 {
            let decisions = kept.home.vkey("dec")?.to_string();
            kept.govern(&Entry::Genesis { at: 0, decisions })?;
        }
        kept.who_decides()?;
        Ok(kept)
    }

    /// The first index that is handed out of a log of decisions that was sealed.
    pub(crate) fn retained_of(&self, number: u64) -> u64 {
        self.retained_past.get(&number).copied().unwrap_or(0)
    }

    /// Logs what changes the rules, and waits until it is durable.
    fn govern(&self, entry: &Entry) -> Result<u64, Problem> {
        log_gov::govern(&self.gov, &mut held(&self.known), entry)
    }

    /// Logs which program decides and who witnesses it, where that is not what the log says.
    fn who_decides(&self) -> Result<(), Problem> {
        let program = std::env::current_exe().map_err(|error| Problem::new(1, error.to_string()))?;
        let bytes = std::fs::read(&program).map_err(|error| Problem::file(&program, error))?;
        let Hash(sha256) = Hash::of(&bytes);
        if held(&self.known).engine != Some(sha256) {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            self.govern(&Entry::Engine { at: 0, version, sha256, bytes: bytes.len() as u64 })?;
        }
        let policy = self.home.policy()?.map(|(bytes, _)| bytes).unwrap_or_default();
        let known = held(&self.known).witnesses;
        if known.is_none_or(|(_, digest)| digest != Hash::of(&policy).0) && (known.is_some() || !policy.is_empty()) {
            let sha256 = log_gov::publish_blob(&self.home.disk("gov"), &policy)?;
            let version = known.map_or(1, |(version, _)| version + 1);
            let bytes = policy.len() as u64;
            self.govern(&Entry::TrustPolicy { at: 0, of: Of::Witnesses, version, sha256, bytes, signed: None })?;
        }
        Ok(())
    }

    /// Logs which files of the law come into force, before they do.
    pub(crate) fn in_force(&self, edition: &str, sources: &[Source]) -> Result<(), Problem> {
        let disk = self.home.disk("gov");
        // Held throughout: the size the log has at the end speaks of these files and no others.
        let known = &mut *held(&self.known);
        let is_law = |path: &&String| !path.starts_with(log_statements::FOLDER);
        let mut gone: BTreeSet<String> = known.documents.keys().filter(is_law).cloned().collect();
        for source in sources {
            let Hash(digest) = Hash::of(source.text.as_bytes());
            gone.remove(&source.path);
            let change = match known.documents.get(&source.path) {
                Some(before) if *before == digest => continue,
                Some(_) => Change::Amend,
                None => Change::Issue,
            };
            let sha256 = log_gov::publish_blob(&disk, source.text.as_bytes())?;
            let (path, bytes) = (source.path.clone(), source.text.len() as u64);
            log_gov::govern(&self.gov, known, &Entry::Document { at: 0, path, change, sha256, bytes })?;
        }
        for path in gone {
            let revoked = Entry::Document { at: 0, path, change: Change::Revoke, sha256: [0; 32], bytes: 0 };
            log_gov::govern(&self.gov, known, &revoked)?;
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
                let record = self.record(&record);
                // Tried again and again, it would keep all that come after it.
                if record.is_too_long() {
                    eprintln!("a decision ends unrecorded: {}", Unavailable::TooLong);
                    keeper.lost(1);
                } else {
                    records.push(record);
                }
            }
            while let Err((unavailable, rest)) = self.dec.durably(records) {
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
    pub(crate) fn tie(&self, running: &Receiver<()>, standing: &Standing) {
        let (mut latest, mut told, mut absent) = (clock::now(), String::new(), BTreeSet::new());
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
            let done = self.take_up().and_then(|()| self.states(standing));
            let wrong = done.err().map(|problem| problem.message).unwrap_or_default();
            // Once, not every second.
            if wrong != told && !wrong.is_empty() {
                eprintln!("not all that changes the rules is logged: {wrong}");
            }
            told = wrong;
            let missing = self.missing();
            missing.difference(&absent).for_each(|why| eprintln!("{why}"));
            absent = missing;
            self.anchor(false);
        }
        if let Err(problem) = self.take_up() {
            eprintln!("what was handed in is logged at the next start: {}", problem.message);
        }
        self.anchor(true);
    }

    /// What somebody decided about a decision that was left to a person: where it is logged, and the entry.
    pub(crate) fn overruled(&self, origin: &str, index: u64) -> Option<(u64, Entry)> {
        held(&self.known).overrides.get(&(origin.to_owned(), index)).cloned()
    }

    /// Logs what commands handed in, and what a quorum of witnesses has signed.
    fn take_up(&self) -> Result<(), Problem> {
        let known = &mut *held(&self.known);
        log_gov::take_up(&self.home, &self.gov, known)?;
        log_gov::witnessed(&self.gov, known)?;
        Ok(())
    }

    /// Logs which conditions law counts as met, where that is not what the log says.
    fn states(&self, standing: &Standing) -> Result<(), Problem> {
        let states = standing(clock::now()).map_err(|why| Problem::new(2, why))?;
        for state in states {
            let key = (state.order.clone(), state.condition.clone());
            let known = &mut *held(&self.known);
            let before = known.states.get(&key).copied();
            // A condition that was never met is not news.
            if before == Some((state.met, state.until)) || before.is_none() && !state.met {
                continue;
            }
            let Counted { order, condition, met, until, over } = state;
            log_gov::govern(&self.gov, known, &Entry::ConditionState { at: 0, order, condition, met, until, over })?;
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

    fn both(&self) -> [(&'static str, &Ledger); 2] {
        [("gov", &self.gov), ("dec", &self.dec)]
    }

    /// What keeps either log from being published, and who did not sign its newest state.
    fn missing(&self) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        for (name, ledger) in self.both() {
            let kept = "what is recorded is durable";
            let trouble = ledger.trouble();
            let mut unpublished = held(&self.unpublished);
            match &trouble {
                Some(_) => _ = *unpublished.entry(name).or_insert_with(|| (clock::now(), clock::nanos())),
                None => _ = unpublished.remove(name),
            }
            missing.extend(trouble.map(|why| format!("{name} is not published, {kept}: {why}")));
            let unsigned = ledger.published().map(|published| published.missing).unwrap_or_default();
            missing.extend(unsigned.iter().map(|why| format!("{name} is published and not signed by {why}")));
        }
        missing
    }

    /// Puts the state of the log of decisions into the gov log. While something waits for witnesses, whether it grew or
    /// not: each new checkpoint is a new chance to be signed.
    pub(crate) fn anchor(&self, last: bool) {
        let now = clock::now();
        let mut anchored = held(&self.anchored);
        // A clock that was put back must not keep the next anchor away until it has caught up.
        if !last && (0..ANCHOR_EVERY_SECONDS).contains(&(now - anchored.0)) {
            return;
        }
        if last && self.dec.durable() > 0 {
            // What was decided last is in the checkpoint that is anchored last.
            if let Err(problem) = covered(&self.dec, self.dec.durable() - 1) {
                eprintln!("dec: {}", problem.message);
            }
        }
        let Some(published) = self.dec.published() else { return };
        let checkpoint = published.checkpoint;
        let waits = held(&self.known).waits();
        if checkpoint.size > anchored.1 || waits && !last {
            let Hash(root) = checkpoint.root;
            let entry = Entry::Anchor { at: now, origin: checkpoint.origin, size: checkpoint.size, root };
            match self.govern(&entry) {
                Ok(_) => *anchored = (now, checkpoint.size),
                Err(problem) => eprintln!("{}", problem.message),
            }
        }
    }

    /// The routes under which both logs are read.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/log/{log}/receipt/{index}", get(receipt))
            .route("/log/dec/override/{index}", get(overruled))
            .route("/log/past/{log}/{number}/{*path}", get(past))
            .route("/log/{log}/{*path}", get(file))
            .with_state(Arc::clone(self))
    }
}

impl Log for Kept {
    fn durations(&self) -> Option<LogDurations> {
        let of = |counted: &ledger::durations::Durations| {
            Durations::counted(counted.buckets(), counted.count(), counted.nanos())
        };
        Some(LogDurations { syncs: of(self.dec.syncs()), acknowledged: of(self.dec.acknowledged()) })
    }

    fn states(&self) -> Vec<LogState> {
        let unpublished = held(&self.unpublished).clone();
        let state = |(name, ledger): (&'static str, &Ledger)| {
            // Read before what is durable, so that it is never ahead of that.
            let published = ledger.published();
            let unpublished = ledger.trouble().map(|why| {
                let (since, nanos) = unpublished.get(name).copied().unwrap_or_else(|| (clock::now(), clock::nanos()));
                let seconds = clock::nanos().saturating_sub(nanos) / 1_000_000_000;
                Unpublished { since: (since, seconds), why }
            });
            LogState {
                name,
                durable: ledger.durable(),
                published: published.as_ref().map_or(0, |published| published.checkpoint.size),
                unsigned: published.map_or(0, |published| published.missing.len() as u64),
                unpublished,
            }
        };
        self.both().map(state).into()
    }

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

/// What the gov logs that were sealed said last of what is handed out. Where one cannot be read, nothing of its log of
/// decisions is.
fn retained_past(home: &Home) -> Result<BTreeMap<u64, u64>, Problem> {
    let names = Folder::new(home.folder()).list("past/gov");
    let names = names.map_err(|error| Problem::file(home.folder(), error))?;
    let numbers = names.iter().filter_map(|name| name.parse().ok());
    let from = |number| match Known::read(&home.past("gov", number), u64::MAX) {
        Ok(known) => (number, known.retained_from),
        Err(problem) => {
            eprintln!("of log {number}, which has ended, no entry of a decision is handed out: {}", problem.message);
            (number, u64::MAX)
        }
    };
    Ok(numbers.map(from).collect())
}

fn unable(why: &Unavailable) -> Unable {
    match why {
        Unavailable::Busy | Unavailable::Full(_) => Unable::Busy,
        Unavailable::Closed(_) | Unavailable::TooLong => Unable::Failed,
    }
}

/// The digest an edition is named by (`sha256:…`), or the digest of its name if it has another form.
pub(crate) fn edition_digest(edition: &str) -> [u8; 32] {
    let digits = edition.strip_prefix("sha256:").unwrap_or(edition).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let whole = bytes.filter(|_| rest.is_empty()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    whole.unwrap_or_else(|| Hash::of(edition.as_bytes()).0)
}

/// What a file of a public folder is and how long it stays so; `None` for all that is none: what a path may be is spelled
/// out.
fn kind(path: &str) -> Option<(&'static str, &'static str)> {
    let is_blob = path.strip_prefix("blob/sha256/").is_some_and(|rest| {
        rest.len() == 67
            && rest.bytes().enumerate().all(|(at, byte)| if at == 2 { byte == b'/' } else { byte.is_ascii_hexdigit() })
    });
    match path {
        "checkpoint" => Some(("text/plain; charset=utf-8", "max-age=1")),
        "vkey" => Some(("text/plain; charset=utf-8", "max-age=3600")),
        _ if is_blob || Tile::from_path(path).is_some() => {
            Some(("application/octet-stream", "max-age=31536000, immutable"))
        }
        _ => None,
    }
}

async fn sent(disk: Folder, path: String) -> Response {
    let Some((kind, fresh)) = kind(&path) else { return StatusCode::NOT_FOUND.into_response() };
    let read = tokio::task::spawn_blocking(move || disk.read(&format!("public/{path}"))).await;
    match read {
        Ok(Ok(bytes)) => ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)], bytes).into_response(),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => StatusCode::NOT_FOUND.into_response(),
        // Not that there is none: who checks the log must not be told so.
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// A bundle all of whose entries lie before the first that is handed out.
fn is_withheld(log: &str, path: &str, from: u64) -> bool {
    let until = |tile: Tile| tile.index.saturating_mul(TILE_WIDTH).saturating_add(u64::from(tile.width));
    let bundle = Tile::from_path(path).filter(|tile| log == "dec" && tile.level == Level::Entries);
    bundle.is_some_and(|tile| until(tile) <= from)
}

fn withheld() -> Response {
    (StatusCode::GONE, "not handed out any more; the gov log says on what ground\n").into_response()
}

/// A file of a log that is open.
async fn file(State(kept): State<Arc<Kept>>, UrlPath((log, path)): UrlPath<(String, String)>) -> Response {
    if !matches!(log.as_str(), "gov" | "dec") {
        return StatusCode::NOT_FOUND.into_response();
    }
    if is_withheld(&log, &path, held(&kept.known).retained_from) {
        return withheld();
    }
    sent(kept.home.disk(&log), path).await
}

/// A file of a log that was sealed.
async fn past(State(kept): State<Arc<Kept>>, UrlPath((log, number, path)): UrlPath<(String, u64, String)>) -> Response {
    if !matches!(log.as_str(), "gov" | "dec") {
        return StatusCode::NOT_FOUND.into_response();
    }
    if is_withheld(&log, &path, kept.retained_of(number)) {
        return withheld();
    }
    sent(kept.home.past(&log, number), path).await
}

/// What somebody decided about a decision, once a signed checkpoint covers it.
async fn overruled(State(kept): State<Arc<Kept>>, UrlPath(index): UrlPath<u64>) -> Response {
    let key = match kept.home.vkey("dec") {
        Ok(key) => key,
        Err(problem) => return (StatusCode::INTERNAL_SERVER_ERROR, problem.message).into_response(),
    };
    let Some((at, entry)) = kept.overruled(key.name(), index) else {
        return (StatusCode::NOT_FOUND, format!("nobody decided entry {index} by hand\n")).into_response();
    };
    if kept.gov.published().is_none_or(|published| published.checkpoint.size <= at) {
        return (StatusCode::ACCEPTED, [(header::RETRY_AFTER, "1")]).into_response();
    }
    let mut value = entry.to_json();
    if let Some(members) = value.as_object_mut() {
        members.insert("entry".to_owned(), at.into());
        members.insert("holds".to_owned(), kept.rules.holds(at, clock::now()).into());
    }
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], value.to_string())
        .into_response()
}

/// The proof that an entry is in the log, or, while it is durable and not yet published, when to ask again.
async fn receipt(State(kept): State<Arc<Kept>>, UrlPath((log, index)): UrlPath<(String, u64)>) -> Response {
    let ledger = match log.as_str() {
        "gov" => &kept.gov,
        "dec" => &kept.dec,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if index >= ledger.durable() {
        let why = format!("the log has no entry {index}: it has {}\n", ledger.durable());
        return (StatusCode::NOT_FOUND, why).into_response();
    }
    if ledger.published().is_none_or(|published| published.checkpoint.size <= index) {
        let why = ledger.trouble().map(|why| format!("; in the way of that is {why}")).unwrap_or_default();
        let words = format!("entry {index} is durable; its receipt comes with the next signed checkpoint{why}\n");
        return (StatusCode::ACCEPTED, [(header::RETRY_AFTER, "1")], words).into_response();
    }
    let made = tokio::task::spawn_blocking(move || {
        let public = Place::public(&kept.home.disk(&log));
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

//! What a screening run leaves behind: decision records in a log or a file, and the journal by which transactions that come
//! again are known. And what the service's settings provide for screening.

use crate::clock;
use crate::journal::Journal;
use crate::log_serve::Kept as Logs;
use crate::settings::Settings;
use clap::Args;
use docket::Docket;
use gate::payments::http::Provided;
use gate::payments::known::Lists;
use gate::payments::record::Desk;
use gate::payments::replays::{DAYS, Keeping, OnFull, Replays, Session, TRANSACTIONS_MAX};
use gate::recorder::{Durably, Log, OnFull as OnUnrecorded, QUEUE_RECORDS_MAX, Recorder, Unable};
use law::Time;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;
use wire::record::Record;

/// Records at the end of the file that are looked at for what is there already: more than are made durable at once
/// before the journal has them, each under some kilobytes.
const TAIL_BYTES_MAX: u64 = 16 << 20;

/// Options on what is kept.
#[derive(Debug, Args)]
pub(crate) struct Kept {
    /// Append a record of each decision to this file, one CloudEvent a line, before it is told. A file of its own: the
    /// service writes its records elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "what_if")]
    records: Option<PathBuf>,
    /// Record each decision in the log of this folder (`interdict log new` made it), before it is told. A service that
    /// keeps the log has it alone: screen through it then
    #[arg(long, value_name = "DIR", conflicts_with = "what_if")]
    log: Option<PathBuf>,
    /// Have the log signed by the signer behind this socket (`interdict log sign`), instead of a process of this run's own
    #[arg(long, value_name = "SOCKET", requires = "log")]
    log_signer: Option<PathBuf>,
    /// Know transactions that come again by their ids, from this journal; the service may share it (`[payments]` in its
    /// settings). The same is decided the same and recorded once; the same ids with another content are for review
    #[arg(long, value_name = "FILE", conflicts_with = "what_if")]
    replays: Option<PathBuf>,
    /// For how many days they are known
    #[arg(long, default_value_t = DAYS, value_name = "DAYS", requires = "replays")]
    replays_days: u32,
    /// How many are known at most; nothing more is screened when there are
    #[arg(long, default_value_t = TRANSACTIONS_MAX, value_name = "COUNT", requires = "replays")]
    replays_max: usize,
}

/// `[payments]`: what the payment gate of the service has beside the law.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// The journal by which transactions that come again are known, which `interdict pay screen --replays` may share.
    replays: Option<PathBuf>,
    /// For how many days they are known.
    #[serde(default = "days")]
    replays_days: NonZeroU32,
    /// How many are known at most.
    #[serde(default = "transactions_max")]
    replays_max: NonZeroUsize,
    /// What happens when there are more.
    #[serde(default)]
    on_full: OnFullChoice,
    /// Mapping files for `format=csv` and `format=json`, by the names that `map=` asks for them by.
    #[serde(default)]
    maps: BTreeMap<String, PathBuf>,
    /// Lists of people and companies to look for, as for `interdict pay screen --list`.
    #[serde(default)]
    lists: Vec<PathBuf>,
    /// The order that freezes the property of those on the lists.
    frozen_under: Option<String>,
}

const fn days() -> NonZeroU32 {
    match NonZeroU32::new(DAYS) {
        Some(days) => days,
        None => NonZeroU32::MIN,
    }
}

const fn transactions_max() -> NonZeroUsize {
    match NonZeroUsize::new(TRANSACTIONS_MAX) {
        Some(max) => max,
        None => NonZeroUsize::MIN,
    }
}

/// `on_full` of `[payments]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnFullChoice {
    /// Nothing more is screened.
    #[default]
    Refuse,
    /// The oldest are forgotten before their time.
    ForgetOldest,
}

impl Section {
    /// What the settings provide.
    ///
    /// # Errors
    /// What is wrong with it, for people. What comes again is not recorded again, so nothing is known by a journal whose
    /// records a sudden end could lose.
    pub(crate) fn provided(settings: &Settings, recorder: &Recorder) -> Result<Provided, String> {
        let Some(section) = &settings.payments else { return Ok(Provided::default()) };
        let mapping = |(name, path): (&String, &PathBuf)| {
            let mapping = crate::pay::mapping(&settings.path(path));
            Ok((name.clone(), mapping.map_err(|why| format!("[payments.maps] {name}: {why}"))?))
        };
        let mappings = section.maps.iter().map(mapping).collect::<Result<_, String>>()?;
        Ok(Provided { replays: section.replays(settings, recorder)?, mappings, lists: section.lists(settings)? })
    }

    fn lists(&self, settings: &Settings) -> Result<Option<Arc<Lists>>, String> {
        if self.lists.is_empty() {
            let alone = self.frozen_under.is_some();
            return if alone { Err(String::from("[payments] frozen_under: needs `lists`")) } else { Ok(None) };
        }
        let paths: Vec<PathBuf> = self.lists.iter().map(|path| settings.path(path)).collect();
        let published = crate::names::read(&paths).map_err(|why| format!("[payments] lists: {why}"))?;
        Ok(Some(Arc::new(Lists::new(published, self.frozen_under.as_deref()))))
    }

    fn replays(&self, settings: &Settings, recorder: &Recorder) -> Result<Option<Arc<Replays>>, String> {
        let Some(path) = &self.replays else { return Ok(None) };
        if recorder.only_queues() {
            return Err(String::from(
                "[payments] replays: what comes again is not recorded again, so its record must be on disk before the journal says so, and [records] and answer = \"queued\" do not wait for the disk; keep a log ([log] folder, answer = \"durable\"), or leave [payments] out",
            ));
        }
        let on_full = match self.on_full {
            OnFullChoice::Refuse => OnFull::Refuse,
            OnFullChoice::ForgetOldest => OnFull::ForgetOldest,
        };
        let keeping = Keeping { days: self.replays_days.get(), transactions_max: self.replays_max.get(), on_full };
        Replays::open(&settings.path(path), keeping, clock::now()).map(Arc::new).map(Some)
    }
}

/// What is kept of this run.
pub(crate) struct Keeper {
    recorder: Recorder,
    log: Option<Arc<Logs>>,
    replays: Option<Replays>,
    /// Receipts are waited for in it.
    runtime: Option<Runtime>,
}

impl Keeper {
    pub(crate) fn open(options: &Kept, docket: &Docket) -> Result<Self, String> {
        let keeping =
            Keeping { days: options.replays_days, transactions_max: options.replays_max, on_full: OnFull::Refuse };
        let open = |path: &PathBuf| Replays::open(path, keeping, clock::now());
        let replays = options.replays.as_ref().map(open).transpose()?;
        let durable = |log| Recorder::durable(clock::instance(), QUEUE_RECORDS_MAX, OnUnrecorded::Refuse, log);
        let mut recorder = Recorder::none();
        if let Some(path) = &options.records {
            recorder = durable(Arc::new(Records::open(path)?));
        }
        let mut log = None;
        if let Some(folder) = &options.log {
            let logs = Logs::open(folder, options.log_signer.as_deref());
            let logs = Arc::new(logs.map_err(|problem| problem.message)?);
            logs.in_force(docket.edition(), docket.sources()).map_err(|problem| problem.message)?;
            recorder = recorder.and(durable(Arc::<Logs>::clone(&logs)));
            log = Some(logs);
        }
        let is_waited_for = options.records.is_some() || log.is_some();
        let runtime = is_waited_for.then(|| tokio::runtime::Builder::new_current_thread().build()).transpose();
        let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
        Ok(Self { recorder, log, replays, runtime })
    }

    /// For one file.
    pub(crate) fn session(&self, decided_by: &str) -> Result<Option<Session<'_>>, String> {
        self.replays.as_ref().map(|replays| replays.session(decided_by, clock::now)).transpose()
    }

    pub(crate) fn desk<'r>(&'r self, session: Option<&'r Session<'r>>, known_at: Option<Time>) -> Desk<'r> {
        Desk::new(&self.recorder, session, clock::now, known_at)
    }

    /// While this is there, records can be waited for.
    pub(crate) fn entered(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            log.anchor(true);
        }
    }
}

/// A file of records. What is handed in is written and made durable when somebody waits for it, all at once.
#[derive(Debug)]
struct Records(Arc<Mutex<Writing>>);

#[derive(Debug)]
struct Writing {
    journal: Journal,
    /// Held so that no second run writes in between.
    _lock: File,
    lines: String,
    /// How many were handed in, and how many of them are durable.
    handed: u64,
    durable: u64,
    has_failed: bool,
    /// Records that a run before this one left, perhaps without having got to its journal.
    there: HashSet<String>,
}

impl Records {
    fn open(path: &Path) -> Result<Self, String> {
        let journal = Journal::open(path)?;
        let wrong = |error: std::io::Error| format!("cannot record in {}: {error}", path.display());
        let lock = File::open(path).map_err(wrong)?;
        lock.try_lock().map_err(|_held| format!("another run is recording in {}; name another", path.display()))?;
        let there = ids(&lock).map_err(wrong)?;
        let writing =
            Writing { journal, _lock: lock, lines: String::new(), handed: 0, durable: 0, has_failed: false, there };
        Ok(Self(Arc::new(Mutex::new(writing))))
    }
}

/// The ids of the last records of a file.
fn ids(mut file: &File) -> std::io::Result<HashSet<String>> {
    let metadata = file.metadata()?;
    let mut tail = Vec::new();
    if metadata.is_file() {
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(TAIL_BYTES_MAX)))?;
        file.take(TAIL_BYTES_MAX).read_to_end(&mut tail)?;
    }
    let events = tail.split(|byte| *byte == b'\n');
    let id = |line: &[u8]| {
        let event: serde_json::Value = serde_json::from_slice(line).ok()?;
        Some(event.get("id")?.as_str()?.to_owned())
    };
    Ok(events.filter_map(id).collect())
}

impl Writing {
    /// Makes everything handed in durable.
    fn settle(&mut self) -> Result<(), Unable> {
        if self.has_failed {
            return Err(Unable::Failed);
        }
        if self.durable == self.handed {
            return Ok(());
        }
        let done = self.journal.append(&self.lines).and_then(|()| self.journal.sync());
        self.lines.clear();
        done.map_err(|error| {
            eprintln!("decisions cannot be recorded: {error}");
            self.has_failed = true;
            Unable::Failed
        })?;
        self.durable = self.handed;
        Ok(())
    }
}

impl Log for Records {
    fn hand_in(&self, record: &Record, once: Option<&str>) -> Durably {
        let mut writing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = match once {
            Some(once) => Record { id: once.to_owned(), ..record.clone() },
            None => record.clone(),
        };
        if !writing.there.contains(&record.id) {
            writing.lines.push_str(&record.to_event());
            writing.lines.push('\n');
            writing.handed += 1;
        }
        let number = writing.handed;
        drop(writing);
        let writing = Arc::clone(&self.0);
        Box::pin(async move {
            let mut writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            if writing.durable < number {
                writing.settle()?;
            }
            Ok(number)
        })
    }
}

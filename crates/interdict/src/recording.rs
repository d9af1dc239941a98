//! Which gate records where, and when it may answer: the file of `[records]`, the log of `[log]` or `--log`, or both.

use crate::attest_folder::Statements;
use crate::cli::Serve;
use crate::clock;
use crate::journal::Journal;
use crate::log_mirror::{self, Mirror};
use crate::log_rulings::UNREAD_SECONDS_MAX;
use crate::log_serve::Kept;
use crate::settings::{OnFullChoice, Settings};
use docket::Docket;
use gate::recorder::{OnFull, QUEUE_RECORDS_MAX, Recorder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// `[log]`: the log that decisions are recorded in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// The folder that `interdict log new` made; the command line goes before.
    folder: Option<PathBuf>,
    /// The socket of a signer that runs already.
    signer: Option<PathBuf>,
    /// Whether the console shows what decisions were about.
    pub(crate) show_decisions: bool,
    /// When a gate may answer.
    answer: Answer,
    /// Gates (`api`, `edge`, `store`) that answer at another time.
    gates: BTreeMap<Name, Answer>,
    /// How many decisions may wait for the disk.
    queue_records_max: Option<NonZeroUsize>,
    /// What gates do when a decision cannot be recorded. Unlike that of a file it refuses unless somebody chose.
    on_full: Option<OnFullChoice>,
    /// How long what people decided is counted while the log that says so cannot be read.
    overrides_unread_seconds_max: Option<u32>,
    /// The bucket that strangers read the log from.
    publish: Option<log_mirror::Section>,
}

impl LogSection {
    /// The folder of the log, if there is to be one.
    pub(crate) fn folder(&self, options: &Serve, settings: &Settings) -> Option<PathBuf> {
        options.log.clone().or_else(|| self.folder.as_deref().map(|folder| settings.path(folder)))
    }

    pub(crate) fn overrides_unread_seconds_max(&self) -> u32 {
        self.overrides_unread_seconds_max.unwrap_or(UNREAD_SECONDS_MAX)
    }
}

/// When a gate may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// Once the decision is on disk.
    #[default]
    Durable,
    /// Once the decision waits for the disk.
    Queued,
}

/// A gate that records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// The decision API and the payment gate.
    Api,
    /// The gate that proxies ask.
    Edge,
    /// The gate in front of a repository.
    Store,
}

/// The recorders of the gates, and the threads behind them.
pub(crate) struct Recording {
    pub(crate) log: Option<Arc<Kept>>,
    answers: BTreeMap<Name, Answer>,
    durable: Recorder,
    queued: Recorder,
    threads: Vec<JoinHandle<()>>,
    tying: Option<(SyncSender<()>, JoinHandle<()>)>,
    copying: Option<Mirror>,
}

fn thread(work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    let thread = std::thread::Builder::new().name(String::from("records"));
    thread.spawn(work).map_err(|error| format!("cannot start: {error}"))
}

impl Recording {
    /// Opens what decisions are recorded in, with the law in force logged.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn open(
        options: &Serve,
        settings: &Settings,
        docket: &Docket,
        statements: Option<Statements>,
    ) -> Result<Self, String> {
        let mut recording = Self {
            log: None,
            answers: BTreeMap::new(),
            durable: Recorder::none(),
            queued: Recorder::none(),
            threads: Vec::new(),
            tying: None,
            copying: None,
        };
        if let Some(folder) = settings.log.folder(options, settings) {
            let signer = settings.log.signer.as_deref().map(|signer| settings.path(signer));
            let signer = options.log_signer.clone().or(signer);
            let kept = Kept::open(&folder, signer.as_deref()).map_err(|problem| problem.message)?;
            kept.in_force(docket.edition(), docket.sources()).map_err(|problem| problem.message)?;
            recording.log(&settings.log, Arc::new(kept), statements)?;
            if let Some(publish) = &settings.log.publish {
                let bucket = publish.bucket(|path| settings.path(path))?;
                recording.copying = Some(Mirror::start(&folder, &bucket)?);
                println!("copied to {bucket}");
            }
        } else if settings.log.publish.is_some() {
            return Err(String::from("[log.publish] copies a log, and none is kept: say [log] folder, or --log"));
        }
        if let Some(records) = &settings.records {
            let path = settings.path(&records.file);
            let journal = Journal::open(&path)?;
            let (recorder, keeper) =
                Recorder::new(clock::instance(), records.queue_records_max.get(), records.on_full.chosen());
            recording.threads.push(thread(move || journal.keep(keeper))?);
            recording.durable = recording.durable.and(recorder.clone());
            recording.queued = recording.queued.and(recorder);
            println!("records   {}", path.display());
        }
        Ok(recording)
    }

    fn log(&mut self, section: &LogSection, kept: Arc<Kept>, statements: Option<Statements>) -> Result<(), String> {
        let answer = |name| (name, section.gates.get(&name).copied().unwrap_or(section.answer));
        self.answers = [Name::Api, Name::Edge, Name::Store].map(answer).into();
        let instance = clock::instance();
        let records_max = section.queue_records_max.map_or(QUEUE_RECORDS_MAX, NonZeroUsize::get);
        let on_full = section.on_full.map_or(OnFull::Refuse, OnFullChoice::chosen);
        if self.answers.values().any(|answer| *answer == Answer::Queued) {
            // Ids of the two differ, since their instances do.
            let (recorder, keeper) = Recorder::new(instance ^ 1, records_max, on_full);
            let kept = Arc::clone(&kept);
            self.threads.push(thread(move || kept.keep(keeper))?);
            self.queued = recorder;
        }
        let log: Arc<dyn gate::recorder::Log> = Arc::<Kept>::clone(&kept);
        self.durable = Recorder::durable(instance, records_max, on_full, log);
        let (running, ended) = sync_channel(1);
        let tied = Arc::clone(&kept);
        let standing = move |now| statements.as_ref().map_or(Ok(Vec::new()), |statements| statements.states(now));
        self.tying = Some((running, thread(move || tied.tie(&ended, &standing))?));
        self.log = Some(kept);
        Ok(())
    }

    /// The recorder of a gate.
    pub(crate) fn of(&self, name: Name) -> Recorder {
        match self.answers.get(&name).copied().unwrap_or_default() {
            Answer::Durable => self.durable.clone().counting(&self.queued),
            Answer::Queued => self.queued.clone().counting(&self.durable),
        }
    }

    /// Once every gate is gone: writes what is left and ends.
    ///
    /// # Errors
    /// When a thread failed.
    pub(crate) fn end(self) -> Result<(), String> {
        let Self { log, durable, queued, threads, tying, copying, .. } = self;
        drop((durable, queued));
        let mut whole = true;
        for thread in threads {
            whole &= thread.join().is_ok();
        }
        if let Some((running, tying)) = tying {
            drop(running);
            whole &= tying.join().is_ok();
        }
        // Both logs publish what is left when they close; then it can be copied.
        drop(log);
        whole &= copying.is_none_or(Mirror::end);
        if whole { Ok(()) } else { Err(String::from("a thread that records decisions failed")) }
    }
}

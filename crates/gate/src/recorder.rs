//! Hands decision records to whoever keeps them: through a bounded queue to a file, which never holds up an answer;
//! or to a log that says of each record when it is durable, and then no answer leaves before it is.
//!
//! Gates never see the keeper. They leave a record with [`Recorder::keep`]; [`before_answer`], around the routes of a
//! gate, holds the answer back until all that was left while it was made is on disk.

use crate::metrics::{LogDurations, LogState};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use wire::record::Record;

/// The queue, unless settings say otherwise: some seconds of a busy gate, at under a kilobyte each.
pub const QUEUE_RECORDS_MAX: usize = 65_536;

/// How long an answer is held back for a full queue, where that was chosen: less than clients and proxies wait for one.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// How often a full queue is tried again meanwhile: about the time a disk takes to make a batch durable.
const WAIT_STEP: Duration = Duration::from_millis(5);

/// What is answered in the place of an answer that may not be given.
const UNRECORDED: &str = r#"{"error":{"at":"","message":"the decision cannot be recorded, and nothing is answered unrecorded here; try again"}}"#;
const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

/// Tells whoever asked under which indexes the log has the decisions of an answer, in their order.
pub const LOG_INDEX: HeaderName = HeaderName::from_static("interdict-log-index");

/// Indexes that follow each other are told as runs beyond this, and left out where that is too long too: proxies and
/// clients refuse an answer whose head is longer than some KB, and the log has the decisions all the same.
const LOG_INDEX_BYTES_MAX: usize = 2_048;

/// What a gate does when a decision cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnFull {
    /// Give no answer: nothing happens that is not on record.
    Refuse,
    /// Hold the answer back until there is room, at most [`WAIT_MAX`]; give none then. Behind a queue that says nothing
    /// of single records, as [`OnFull::Refuse`].
    Wait,
    /// Answer all the same, and count what is missing.
    #[default]
    AnswerUnrecorded,
}

/// A decision that could not be recorded, at a gate that answers nothing unrecorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded;

/// What becomes of a record that was handed in: its index, once it is durable.
pub type Durably = Pin<Box<dyn Future<Output = Result<u64, Unable>> + Send>>;

/// Why a log does not take a record now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unable {
    /// Too much waits for the disk, or the disk is full: later perhaps.
    Busy,
    /// It has failed, or is closed.
    Failed,
}

/// A log that says of each record when it is durable.
pub trait Log: fmt::Debug + Send + Sync {
    /// Hands in a record. With the key of a request that may come twice (`once`), the same decision under the same key
    /// is one record: a repetition gets the index of the first.
    fn hand_in(&self, record: &Record, once: Option<&str>) -> Durably;

    /// How long the disk and the log took each time, if it counts that.
    fn durations(&self) -> Option<LogDurations> {
        None
    }

    /// How far it is, and the log beside it that says under which rules.
    fn states(&self) -> Vec<LogState> {
        Vec::new()
    }
}

/// Where gates leave their records.
#[derive(Clone, Debug)]
pub struct Recorder {
    lanes: Vec<Lane>,
    /// Those of other gates, which are counted with these.
    others: Vec<Lane>,
}

/// One keeper of records.
#[derive(Clone, Debug)]
enum Lane {
    Queue(Sender<Record>, Arc<State>),
    Log(Arc<dyn Log>, Arc<State>),
}

/// The other end of a queue: where records come out, and where their keeper says how it is. It ends once the last
/// [`Recorder`] is gone.
#[derive(Debug)]
pub struct Keeper {
    /// The records, in the order they were left.
    pub records: Receiver<Record>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    on_full: OnFull,
    instance: u64,
    next: AtomicU64,
    is_failing: AtomicBool,
    unrecorded: AtomicU64,
    /// Handed to a log and not durable yet, and how many may be.
    pending: AtomicUsize,
    pending_max: usize,
}

impl State {
    fn new(instance: u64, records_max: usize, on_full: OnFull) -> Arc<Self> {
        Arc::new(Self {
            on_full,
            instance,
            next: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            unrecorded: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
            pending_max: records_max.max(1),
        })
    }

    /// One more that is not on record.
    fn missing(&self) -> Result<(), Unrecorded> {
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
        match self.on_full {
            OnFull::Refuse | OnFull::Wait => Err(Unrecorded),
            OnFull::AnswerUnrecorded => Ok(()),
        }
    }
}

impl Keeper {
    /// Says whether the keeper is in trouble: a full disk, a lost peer.
    pub fn set_failing(&self, is_failing: bool) {
        self.state.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// Says that records had to be given up.
    pub fn lost(&self, records: u64) {
        self.state.unrecorded.fetch_add(records, Ordering::Relaxed);
    }
}

type Pending = Pin<Box<dyn Future<Output = Result<Option<u64>, Unrecorded>> + Send>>;

/// A record on its way. Inside [`before_answer`] nothing more is to be done with it; elsewhere whoever left the record
/// waits with [`Receipt::wait`] before answering.
#[derive(Default)]
pub struct Receipt(Vec<Pending>);

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receipt").field(&self.0.len()).finish()
    }
}

impl Receipt {
    /// Waits, on a thread that may block, until the record is on disk, if there is a log that says so; its index there.
    ///
    /// # Errors
    /// It cannot be recorded, and the operator chose to answer nothing then.
    pub fn wait(self) -> Result<Option<u64>, Unrecorded> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_none| Unrecorded)?;
        let mut index = None;
        for pending in self.0 {
            index = index.or(runtime.block_on(pending)?);
        }
        Ok(index)
    }
}

tokio::task_local! {
    /// What was left while an answer is being made.
    static LEFT: RefCell<Vec<Pending>>;
}

/// Around the routes of a gate: an answer leaves once everything that was recorded while it was made is durable, or it
/// is `503`.
pub async fn before_answer(request: Request, next: Next) -> Response {
    let making = async {
        let response = next.run(request).await;
        (response, LEFT.with(RefCell::take))
    };
    let (mut response, left) = LEFT.scope(RefCell::default(), making).await;
    let mut indexes = Vec::new();
    for pending in left {
        match pending.await {
            Ok(index) => indexes.extend(index),
            Err(Unrecorded) => {
                return (StatusCode::SERVICE_UNAVAILABLE, [JSON], UNRECORDED).into_response();
            }
        }
    }
    if let Some(indexes) = listed(&indexes).and_then(|indexes| HeaderValue::try_from(indexes).ok()) {
        response.headers_mut().insert(LOG_INDEX, indexes);
    }
    response
}

/// Indexes as they are told: each, or in runs where that is too long; `None` if there are none, or still too many.
fn listed(indexes: &[u64]) -> Option<String> {
    let each = || indexes.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let runs = || {
        let runs = indexes.chunk_by(|one, next| one.checked_add(1) == Some(*next));
        let run = |run: &[u64]| match run {
            [first, .., last] => format!("{first}-{last}"),
            single => single.iter().map(u64::to_string).collect(),
        };
        runs.map(run).collect::<Vec<_>>().join(", ")
    };
    let fits = |text: &String| !text.is_empty() && text.len() <= LOG_INDEX_BYTES_MAX;
    Some(each()).filter(fits).or_else(|| Some(runs()).filter(fits))
}

impl Recorder {
    /// One that keeps nothing, because nobody asked for records.
    #[must_use]
    pub const fn none() -> Self {
        Self { lanes: Vec::new(), others: Vec::new() }
    }

    /// A queue of at most `records_max` and its other end. `instance` tells this run from every other run of
    /// the same installation: it begins every id.
    #[must_use]
    pub fn new(instance: u64, records_max: usize, on_full: OnFull) -> (Self, Keeper) {
        let (queue, records) = channel(records_max.max(1));
        let state = State::new(instance, records_max, on_full);
        (Self { lanes: vec![Lane::Queue(queue, Arc::clone(&state))], others: Vec::new() }, Keeper { records, state })
    }

    /// One whose records are durable before anything is answered. At most `records_max` wait for the log.
    #[must_use]
    pub fn durable(instance: u64, records_max: usize, on_full: OnFull, log: Arc<dyn Log>) -> Self {
        Self { lanes: vec![Lane::Log(log, State::new(instance, records_max, on_full))], others: Vec::new() }
    }

    /// Records in both. The ids are those of the first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.lanes.extend(other.lanes);
        self
    }

    /// Counts with its own what the recorder of another gate leaves unrecorded or waiting.
    #[must_use]
    pub fn counting(mut self, other: &Self) -> Self {
        let is_own = |lane: &Lane| self.lanes.iter().any(|own| Arc::ptr_eq(own.state(), lane.state()));
        self.others = other.lanes.iter().filter(|lane| !is_own(lane)).cloned().collect();
        self
    }

    /// Leaves a record. The id is given here. `record` is called only if somebody keeps records.
    ///
    /// # Errors
    /// It cannot be recorded, and the operator chose [`OnFull::Refuse`].
    pub fn keep(&self, record: impl FnOnce() -> Record) -> Result<Receipt, Unrecorded> {
        self.keep_once(None, record)
    }

    /// As [`Recorder::keep`], for a request that may come twice with the same key: a log has its decision once.
    ///
    /// # Errors
    /// As [`Recorder::keep`].
    pub fn keep_once(&self, once: Option<&str>, record: impl FnOnce() -> Record) -> Result<Receipt, Unrecorded> {
        let Some(first) = self.lanes.first() else { return Ok(Receipt::default()) };
        let record = Record { id: first.next_id(), ..record() };
        let mut receipt = Receipt::default();
        for lane in &self.lanes {
            receipt.0.extend(lane.keep(once, &record)?);
        }
        // Outside the making of an answer, whoever left the record has the receipt.
        let mut left = Some(receipt);
        let kept = LEFT.try_with(|answer| answer.borrow_mut().extend(left.take().unwrap_or_default().0));
        Ok(if kept.is_ok() { Receipt::default() } else { left.unwrap_or_default() })
    }

    /// How many decisions are not on record that should be.
    #[must_use]
    pub fn unrecorded(&self) -> u64 {
        self.lanes.iter().chain(&self.others).map(|lane| lane.state().unrecorded.load(Ordering::Relaxed)).sum()
    }

    /// Whether a record that is only in a queue could be lost by a sudden end: nothing says when it is on disk.
    #[must_use]
    pub fn only_queues(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.iter().all(|lane| matches!(lane, Lane::Queue(..)))
    }

    /// How long the disk and the log took each time, if there is a log that counts that.
    #[must_use]
    pub fn log_durations(&self) -> Option<LogDurations> {
        self.lanes.iter().chain(&self.others).find_map(|lane| match lane {
            Lane::Queue(..) => None,
            Lane::Log(log, _) => log.durations(),
        })
    }

    /// How far the logs are; none if there are none.
    #[must_use]
    pub fn logs(&self) -> Vec<LogState> {
        let mut logs = self.lanes.iter().chain(&self.others).filter_map(|lane| match lane {
            Lane::Queue(..) => None,
            Lane::Log(log, _) => Some(log.states()),
        });
        logs.find(|states| !states.is_empty()).unwrap_or_default()
    }

    /// How many wait for the keeper.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let waiting = self.lanes.iter().chain(&self.others).map(|lane| match lane {
            Lane::Queue(queue, _) => queue.max_capacity() - queue.capacity(),
            Lane::Log(_, state) => state.pending.load(Ordering::Relaxed),
        });
        waiting.max().unwrap_or(0)
    }
}

impl Lane {
    const fn state(&self) -> &Arc<State> {
        match self {
            Self::Queue(_, state) | Self::Log(_, state) => state,
        }
    }

    fn next_id(&self) -> String {
        let state = self.state();
        format!("{:x}-{:x}", state.instance, state.next.fetch_add(1, Ordering::Relaxed))
    }

    fn keep(&self, once: Option<&str>, record: &Record) -> Result<Option<Pending>, Unrecorded> {
        match self {
            Self::Queue(queue, state) => {
                let refuses = state.on_full != OnFull::AnswerUnrecorded;
                let place = if state.is_failing.load(Ordering::Relaxed) && refuses {
                    Err(())
                } else {
                    queue.try_reserve().map_err(|_full_or_closed| ())
                };
                match place {
                    Ok(place) => place.send(record.clone()),
                    Err(()) => state.missing()?,
                }
                Ok(None)
            }
            Self::Log(log, state) => {
                let handed = Handed::new(Arc::clone(state));
                if handed.is_too_many() && state.on_full != OnFull::Wait {
                    drop(handed);
                    return match state.on_full {
                        OnFull::Refuse | OnFull::Wait => Err(Unrecorded),
                        OnFull::AnswerUnrecorded => Ok(None),
                    };
                }
                // Handed in now, so that the order of records is the order of decisions.
                let first = (!handed.is_too_many()).then(|| log.hand_in(record, once));
                let (log, record, once) = (Arc::clone(log), record.clone(), once.map(str::to_owned));
                Ok(Some(Box::pin(async move { handed.settle(first, &log, &record, once.as_deref()).await })))
            }
        }
    }
}

/// A record that is with a log. Dropped before it is settled, it counts as missing: nobody knows whether it is durable.
struct Handed {
    state: Arc<State>,
    before: usize,
    is_durable: bool,
}

impl Handed {
    fn new(state: Arc<State>) -> Self {
        let before = state.pending.fetch_add(1, Ordering::Relaxed);
        Self { state, before, is_durable: false }
    }

    fn is_too_many(&self) -> bool {
        self.before >= self.state.pending_max
    }

    async fn settle(
        mut self,
        first: Option<Durably>,
        log: &Arc<dyn Log>,
        record: &Record,
        once: Option<&str>,
    ) -> Result<Option<u64>, Unrecorded> {
        let mut done = match first {
            Some(first) => first.await,
            None => Err(Unable::Busy),
        };
        let tries = if self.state.on_full == OnFull::Wait { WAIT_MAX.div_duration_f64(WAIT_STEP) as u32 } else { 0 };
        for _ in 0..tries {
            if done != Err(Unable::Busy) {
                break;
            }
            tokio::time::sleep(WAIT_STEP).await;
            done = log.hand_in(record, once).await;
        }
        match (done, self.state.on_full) {
            (Ok(index), _) => {
                self.is_durable = true;
                Ok(Some(index))
            }
            (Err(_unable), OnFull::Refuse | OnFull::Wait) => Err(Unrecorded),
            (Err(_unable), OnFull::AnswerUnrecorded) => Ok(None),
        }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.state.pending.fetch_sub(1, Ordering::Relaxed);
        if !self.is_durable {
            self.state.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Durably, LOG_INDEX, Log, OnFull, Receipt, Recorder, Unable, Unrecorded, before_answer, listed};
    use axum::Router;
    use axum::routing::get;
    use docket::finding::Verdict;
    use docket::vocabulary::{Act, ActorKind, ResourceKind};
    use law::{Status, Statuses};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use tokio::sync::oneshot;
    use wire::record::{Outcome, Record};

    fn kept(done: Result<Receipt, Unrecorded>) -> Result<(), Unrecorded> {
        done.and_then(Receipt::wait).map(|_index| ())
    }

    pub(crate) fn record() -> Record {
        Record {
            id: String::new(),
            at: 0,
            gate: String::from("edge"),
            outcome: Outcome::Permit,
            verdict: Verdict::Permit,
            overruled: None,
            possible: Statuses::only(Status::Permitted),
            act: Act::HostProvide,
            actor: ActorKind::Business,
            role: None,
            resource: ResourceKind::Domain,
            subject: None,
            place: None,
            evidence: Vec::new(),
            found: Vec::new(),
            valid_at: 0,
            known_at: None,
            provisions: Vec::new(),
            by: Vec::new(),
            until: law::time::FOREVER,
            edition: String::new(),
            request: None,
            question: None,
            private: Vec::new(),
        }
    }

    #[test]
    fn a_full_queue_fails_the_way_somebody_chose() {
        let (strict, mut keeper) = Recorder::new(0xab, 2, OnFull::Refuse);
        assert_eq!([kept(strict.keep(record)), kept(strict.keep(record))], [Ok(()), Ok(())]);
        assert_eq!(kept(strict.keep(record)), Err(Unrecorded));
        assert_eq!((strict.unrecorded(), strict.waiting()), (1, 2));
        assert_eq!(keeper.records.try_recv().unwrap().id, "ab-0");
        assert_eq!(keeper.records.try_recv().unwrap().id, "ab-1");
        assert_eq!(kept(strict.keep(record)), Ok(()));
        drop(keeper);
        assert_eq!(kept(strict.keep(record)), Err(Unrecorded), "a keeper that is gone keeps nothing");

        let (lenient, keeper) = Recorder::new(0, 1, OnFull::AnswerUnrecorded);
        assert_eq!([kept(lenient.keep(record)), kept(lenient.keep(record))], [Ok(()), Ok(())]);
        assert_eq!((lenient.unrecorded(), lenient.waiting()), (1, 1));
        drop(keeper);
    }

    #[test]
    fn a_keeper_in_trouble_stops_a_strict_gate_until_it_recovers() {
        let (strict, keeper) = Recorder::new(0, 8, OnFull::Refuse);
        keeper.set_failing(true);
        assert_eq!(kept(strict.keep(record)), Err(Unrecorded));
        keeper.set_failing(false);
        assert_eq!(kept(strict.keep(record)), Ok(()));
        assert_eq!(kept(Recorder::none().keep(|| panic!("nobody keeps it"))), Ok(()));
    }

    /// A disk that is ready when the test says so, and a log that takes a number of records before that.
    #[derive(Debug, Default)]
    struct Slow {
        waiting: Mutex<Vec<oneshot::Sender<Result<u64, Unable>>>>,
        busy: AtomicUsize,
        once: Mutex<Vec<Option<String>>>,
    }

    impl Log for Slow {
        fn hand_in(&self, _record: &Record, once: Option<&str>) -> Durably {
            if self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Box::pin(async { Err(Unable::Busy) });
            }
            let (done, durable) = oneshot::channel();
            self.waiting.lock().unwrap().push(done);
            self.once.lock().unwrap().push(once.map(str::to_owned));
            Box::pin(async { durable.await.unwrap_or(Err(Unable::Failed)) })
        }
    }

    impl Slow {
        /// Waits until so many records are there, and says what became of each.
        async fn settle(&self, count: usize, done: Result<u64, Unable>) {
            while self.waiting.lock().unwrap().len() < count {
                tokio::task::yield_now().await;
            }
            for (waiting, number) in self.waiting.lock().unwrap().drain(..).zip(0..) {
                waiting.send(done.map(|first| first + number)).unwrap();
            }
        }
    }

    fn service(recorder: Recorder) -> Router {
        let answer = move || async move {
            let done = [recorder.keep(record), recorder.keep_once(Some("k"), record)];
            done.into_iter().all(|left| left.is_ok()).to_string()
        };
        Router::new().route("/", get(answer)).layer(axum::middleware::from_fn(before_answer))
    }

    async fn asked(service: Router) -> (u16, Option<String>) {
        let request = axum::extract::Request::new(axum::body::Body::empty());
        let answer = tower::ServiceExt::oneshot(service, request).await.unwrap();
        let index = answer.headers().get(LOG_INDEX).map(|index| index.to_str().unwrap().to_owned());
        (answer.status().as_u16(), index)
    }

    #[tokio::test]
    async fn no_answer_leaves_before_its_records_are_durable() {
        let log = Arc::new(Slow::default());
        let recorder = Recorder::durable(1, 8, OnFull::Refuse, Arc::clone(&log) as Arc<dyn Log>);
        let answer = tokio::spawn(asked(service(recorder.clone())));
        while recorder.waiting() < 2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
            assert!(!answer.is_finished());
        }
        log.settle(2, Ok(7)).await;
        assert_eq!(answer.await.unwrap(), (200, Some(String::from("7, 8"))));
        assert_eq!((recorder.unrecorded(), recorder.waiting()), (0, 0));
        assert_eq!(*log.once.lock().unwrap(), [None, Some(String::from("k"))]);
    }

    #[test]
    fn the_indexes_of_a_batch_make_no_head_that_nobody_reads() {
        assert_eq!(listed(&[]), None);
        assert_eq!(listed(&[7, 8, 9, 4]).unwrap(), "7, 8, 9, 4");
        let long: Vec<u64> = (100..10_000).chain([50]).chain(20_000..30_000).collect();
        assert_eq!(listed(&long).unwrap(), "100-9999, 50, 20000-29999");
        let scattered: Vec<u64> = (0..10_000).map(|number| 2 * number).collect();
        assert_eq!(listed(&scattered), None);
    }

    #[tokio::test]
    async fn a_log_that_fails_is_no_answer_or_a_counted_gap() {
        for (on_full, status) in [(OnFull::Refuse, 503), (OnFull::Wait, 503), (OnFull::AnswerUnrecorded, 200)] {
            let log = Arc::new(Slow::default());
            let recorder = Recorder::durable(1, 8, on_full, Arc::clone(&log) as Arc<dyn Log>);
            let answer = tokio::spawn(asked(service(recorder.clone())));
            log.settle(2, Err(Unable::Failed)).await;
            assert_eq!(answer.await.unwrap(), (status, None), "{on_full:?}");
            assert_eq!((recorder.unrecorded(), recorder.waiting()), (2, 0), "{on_full:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_waits_for_room_where_that_was_chosen() {
        let log = Arc::new(Slow { busy: AtomicUsize::new(5), ..Slow::default() });
        let recorder = Recorder::durable(1, 1, OnFull::Wait, Arc::clone(&log) as Arc<dyn Log>);
        let answer = tokio::spawn(asked(service(recorder.clone())));
        log.settle(1, Ok(3)).await;
        log.settle(1, Ok(4)).await;
        assert_eq!(answer.await.unwrap(), (200, Some(String::from("3, 4"))));
        assert_eq!(recorder.unrecorded(), 0);

        let strict = Recorder::durable(1, 1, OnFull::Refuse, Arc::clone(&log) as Arc<dyn Log>);
        let (held, refused) = (strict.keep(record), strict.keep(record));
        assert_eq!((held.is_ok(), refused.err()), (true, Some(Unrecorded)), "one may wait, the second is one too many");
    }

    #[tokio::test]
    async fn a_record_can_be_kept_in_a_file_and_in_a_log() {
        let log = Arc::new(Slow::default());
        let (queue, mut keeper) = Recorder::new(0xab, 8, OnFull::Refuse);
        let both = Recorder::durable(0xcd, 8, OnFull::Refuse, Arc::clone(&log) as Arc<dyn Log>).and(queue);
        let answer = tokio::spawn(asked(service(both)));
        log.settle(2, Ok(0)).await;
        assert_eq!(answer.await.unwrap().0, 200);
        let ids = [keeper.records.recv().await.unwrap().id, keeper.records.recv().await.unwrap().id];
        assert_eq!(ids, ["cd-0", "cd-1"], "one id in both");
    }
}

//! A log that is open: takes records from many threads, makes those that came together durable together, and
//! publishes in the background.

use crate::disk::Disk;
use crate::durations::Durations;
use crate::publish::{self, Published, Publisher, Signers};
use crate::wal::{self, Record, Wal};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;
use tlog::note::VerifierKey;

/// Records that wait for the disk. At full speed that is a second of them; whoever comes then is refused, not kept.
pub const QUEUE_RECORDS_MAX: usize = 65_536;

/// Bytes of records that wait for the disk.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of a segment of the write-ahead log.
    pub segment_bytes: u64,
    /// How long until what is durable is published.
    pub publish_every: Duration,
    /// 32 bytes of chance.
    pub chance: fn() -> [u8; 32],
    /// Nanoseconds since some moment.
    pub nanos: fn() -> u64,
    /// Whether entries have a private part.
    pub keeps_private: bool,
}

/// Why a record is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// More waits for the disk than may.
    Busy,
    /// The disk is full. It may be tried again.
    Full(String),
    /// The log has failed or is closed, and takes nothing until it is opened anew.
    Closed(String),
    /// The record is longer than a log takes.
    TooLong,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("the log is busy: too many records wait for the disk"),
            Self::Full(why) => write!(f, "the log cannot grow: {why}"),
            Self::Closed(why) => write!(f, "the log is closed: {why}"),
            Self::TooLong => f.write_str("the record is longer than a log takes"),
        }
    }
}

impl std::error::Error for Unavailable {}

/// Something that happens once and wakes everybody who waits for it.
#[derive(Debug)]
struct Event<T> {
    state: Mutex<(Option<T>, Vec<Waker>)>,
    happened: Condvar,
}

impl<T: Clone> Event<T> {
    fn new() -> Self {
        Self { state: Mutex::new((None, Vec::new())), happened: Condvar::new() }
    }

    fn set(&self, value: T) {
        let mut state = lock(&self.state);
        state.0 = Some(value);
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        self.happened.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn wait(&self) -> T {
        let mut state = lock(&self.state);
        loop {
            match &state.0 {
                Some(value) => return value.clone(),
                None => state = self.happened.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<T> {
        let mut state = lock(&self.state);
        match &state.0 {
            Some(value) => Poll::Ready(value.clone()),
            None => {
                state.1.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Batch = Event<Written>;

/// What became of the records of a batch.
#[derive(Clone, Debug)]
struct Written {
    /// The index of its first.
    first: u64,
    /// How many of them, from the first on, are durable.
    durable: u64,
    /// Why the others are not.
    why: Unavailable,
}

impl Written {
    /// None of them.
    fn none(why: Unavailable) -> Self {
        Self { first: 0, durable: 0, why }
    }

    fn index(self, position: u64) -> Result<u64, Unavailable> {
        if position < self.durable { Ok(self.first + position) } else { Err(self.why) }
    }
}

/// A batch that somebody writes. Whoever waits for it is told, however that ends.
struct Writing(Arc<Batch>);

impl Drop for Writing {
    fn drop(&mut self) {
        if lock(&self.0.state).0.is_none() {
            self.0.set(Written::none(Unavailable::Closed(ENDED.to_owned())));
        }
    }
}

/// What is said of a thread that panicked.
const ENDED: &str = "the thread that keeps it has failed";

/// A record on its way to the disk. Waiting for it, or awaiting it, gives its index once it is durable.
#[derive(Clone, Debug)]
pub struct Ticket {
    batch: Arc<Batch>,
    position: u64,
}

impl Ticket {
    /// Waits until the record is durable, and gives its index.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn wait(&self) -> Result<u64, Unavailable> {
        self.batch.wait().index(self.position)
    }

    /// What became of it, if that is known by now.
    #[must_use]
    pub fn ended(&self) -> Option<Result<u64, Unavailable>> {
        let ended = lock(&self.batch.state).0.clone();
        ended.map(|written| written.index(self.position))
    }
}

impl Future for Ticket {
    type Output = Result<u64, Unavailable>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.batch.poll(context).map(|written| written.index(self.position))
    }
}

/// Records that wait.
struct Queue {
    records: Vec<Record>,
    /// When each came.
    came: Vec<u64>,
    bytes: usize,
    batch: Arc<Batch>,
    closed: Option<String>,
}

/// What waits for a checkpoint.
struct Waiting {
    index: u64,
    witnessed: bool,
    event: Arc<Event<Result<Published, Unavailable>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    came: Condvar,
    durable: AtomicU64,
    acknowledged: Durations,
    roll: AtomicBool,
    publisher: Mutex<PublisherState>,
    nudge: Condvar,
}

struct PublisherState {
    published: Option<Published>,
    witnessed: Option<Published>,
    waiting: Vec<Waiting>,
    hurry: bool,
    /// Whether the spare segment was taken.
    spare: bool,
    stop: bool,
    trouble: Option<String>,
}

/// An open log.
pub struct Ledger {
    shared: Arc<Shared>,
    syncs: Arc<Durations>,
    nanos: fn() -> u64,
    writer: Option<JoinHandle<()>>,
    publisher: Option<JoinHandle<()>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("durable", &self.durable()).finish_non_exhaustive()
    }
}

/// Why a log cannot be opened.
#[derive(Debug)]
pub enum Unopened {
    /// The write-ahead log.
    Wal(wal::Failed),
    /// What was published, or who signed it.
    Published(publish::Failed),
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wal(failed) => failed.fmt(f),
            Self::Published(failed) => failed.fmt(f),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for Unopened {}

/// How many entries the published checkpoint speaks of, for opening the write-ahead log of a log without segments.
fn published_size<D: Disk>(disk: &D) -> u64 {
    let note = crate::keeper::published(disk, publish::CHECKPOINT).ok().flatten();
    note.and_then(|note| tlog::Checkpoint::parse(&note.text).ok()).map_or(0, |checkpoint| checkpoint.size)
}

/// Opens the two halves of a log, without threads: the way in, and the way out.
///
/// # Errors
/// When it is damaged, or an old copy, or its signer does not answer.
pub fn open<D: Disk>(
    disk: &D,
    key: &VerifierKey,
    settings: Settings,
    signers: &mut Signers,
) -> Result<(Wal<D>, Publisher<D>), Unopened> {
    let first = published_size(disk);
    let wal = Wal::open(disk.clone(), settings, first).map_err(Unopened::Wal)?;
    let publisher = Publisher::open(disk.clone(), key.clone(), settings.keeps_private, wal.next(), signers)
        .map_err(Unopened::Published)?;
    Ok((wal, publisher))
}

impl Ledger {
    /// Opens a log and starts its threads.
    ///
    /// # Errors
    /// When it is damaged, or an old copy, or its signer does not answer.
    pub fn start<D: Disk>(
        disk: &D,
        key: &VerifierKey,
        settings: Settings,
        mut signers: Signers,
    ) -> Result<Self, Unopened> {
        let (wal, publisher) = open(disk, key, settings, &mut signers)?;
        let published = publisher.published().cloned();
        let witnessed = published.clone().filter(|published| published.witnessed);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                records: Vec::new(),
                came: Vec::new(),
                bytes: 0,
                batch: Arc::new(Batch::new()),
                closed: None,
            }),
            came: Condvar::new(),
            durable: AtomicU64::new(wal.next()),
            acknowledged: Durations::default(),
            roll: AtomicBool::new(false),
            publisher: Mutex::new(PublisherState {
                published,
                witnessed,
                waiting: Vec::new(),
                hurry: false,
                spare: false,
                stop: false,
                trouble: None,
            }),
            nudge: Condvar::new(),
        });
        let syncs = Arc::clone(wal.syncs());
        let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
        let disk = disk.clone();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let writer = thread("log writer").spawn(move || write(wal, settings.nanos, &one)).map_err(Unopened::Thread)?;
        let publisher = thread("log publisher")
            .spawn(move || publish(publisher, &disk, settings, signers, &other))
            .map_err(Unopened::Thread)?;
        Ok(Self { shared, syncs, nanos: settings.nanos, writer: Some(writer), publisher: Some(publisher) })
    }

    /// Makes records durable, in their order as far as none is refused, and gives back those that are not: each is there
    /// once, when the rest is handed in again.
    ///
    /// # Errors
    /// Why some are not.
    pub fn durably(&self, records: Vec<Record>) -> Result<(), (Unavailable, Vec<Record>)> {
        let (mut refused, mut tickets) = (None, Vec::with_capacity(records.len()));
        for record in &records {
            match self.append(record.clone()) {
                Ok(ticket) => tickets.push(ticket),
                // What comes after it waits with it.
                Err(why) => {
                    refused = Some(why);
                    break;
                }
            }
        }
        let mut rest = Vec::new();
        let mut tickets = tickets.into_iter();
        for record in records {
            match tickets.next().map(|ticket| ticket.wait()) {
                Some(Ok(_index)) => continue,
                Some(Err(why)) => refused = refused.or(Some(why)),
                None => {}
            }
            rest.push(record);
        }
        refused.map_or(Ok(()), |why| Err((why, rest)))
    }

    /// Hands in a record. It is durable when the ticket says so, and not before.
    ///
    /// # Errors
    /// When the log does not take it.
    pub fn append(&self, record: Record) -> Result<Ticket, Unavailable> {
        if record.is_too_long() {
            return Err(Unavailable::TooLong);
        }
        let mut queue = lock(&self.shared.queue);
        if let Some(why) = &queue.closed {
            return Err(Unavailable::Closed(why.clone()));
        }
        if queue.records.len() >= QUEUE_RECORDS_MAX || queue.bytes + record.bytes() > QUEUE_BYTES_MAX {
            return Err(Unavailable::Busy);
        }
        queue.bytes += record.bytes();
        let position = queue.records.len() as u64;
        queue.records.push(record);
        queue.came.push((self.nanos)());
        let ticket = Ticket { batch: Arc::clone(&queue.batch), position };
        drop(queue);
        if position == 0 {
            self.shared.came.notify_one();
        }
        Ok(ticket)
    }

    /// How many records are durable.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// How long the disk took for each commit.
    #[must_use]
    pub fn syncs(&self) -> &Durations {
        &self.syncs
    }

    /// How long each record took from when it was handed in until whoever waits for it was told that it is durable.
    #[must_use]
    pub fn acknowledged(&self) -> &Durations {
        &self.shared.acknowledged
    }

    /// The last checkpoint.
    #[must_use]
    pub fn published(&self) -> Option<Published> {
        lock(&self.shared.publisher).published.clone()
    }

    /// What keeps the log from publishing, if something does.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        lock(&self.shared.publisher).trouble.clone()
    }

    /// Resolves when a checkpoint covers an index, signed by the log, or also by a quorum of witnesses.
    pub fn covered(&self, index: u64, witnessed: bool) -> Covered {
        let event = Arc::new(Event::new());
        let mut state = lock(&self.shared.publisher);
        let last = if witnessed { &state.witnessed } else { &state.published };
        match last.clone().filter(|published| published.checkpoint.size > index) {
            Some(published) => event.set(Ok(published)),
            None if state.stop => event.set(Err(Unavailable::Closed("it publishes no more".to_owned()))),
            None => {
                state.waiting.push(Waiting { index, witnessed, event: Arc::clone(&event) });
                state.hurry = true;
                self.shared.nudge.notify_one();
            }
        }
        Covered(event)
    }

    /// Takes no more records, makes durable what came, publishes it, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        close(&self.shared, "it was asked to stop");
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has nothing more to write.
            let _ended = writer.join();
        }
        lock(&self.shared.publisher).stop = true;
        self.shared.nudge.notify_one();
        if let Some(publisher) = self.publisher.take() {
            let _ended = publisher.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for a checkpoint.
#[derive(Debug)]
pub struct Covered(Arc<Event<Result<Published, Unavailable>>>);

impl Covered {
    /// Waits for it.
    ///
    /// # Errors
    /// When the log ended before.
    pub fn wait(&self) -> Result<Published, Unavailable> {
        self.0.wait()
    }
}

impl Future for Covered {
    type Output = Result<Published, Unavailable>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

fn close(shared: &Shared, why: &str) {
    let mut queue = lock(&shared.queue);
    queue.closed.get_or_insert_with(|| why.to_owned());
    drop(queue);
    shared.came.notify_one();
}

/// The thread that writes. However it ends, nothing more is taken, and nobody waits for it.
struct Writer<'s>(&'s Shared);

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        close(self.0, ENDED);
        let mut queue = lock(&self.0.queue);
        queue.records.clear();
        let why = queue.closed.clone().unwrap_or_default();
        let rest = std::mem::replace(&mut queue.batch, Arc::new(Batch::new()));
        drop(queue);
        rest.set(Written::none(Unavailable::Closed(why)));
    }
}

/// The thread that publishes. However it ends, nobody waits for it.
struct Publishing<'s>(&'s Shared);

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.publisher);
        if !state.stop {
            state.trouble = Some(ENDED.to_owned());
        }
        state.stop = true;
        for waiting in std::mem::take(&mut state.waiting) {
            waiting.event.set(Err(Unavailable::Closed("it publishes no more".to_owned())));
        }
    }
}

/// The thread that writes: takes everything that came while it was writing, and writes it at once.
fn write<D: Disk>(mut wal: Wal<D>, nanos: fn() -> u64, shared: &Shared) {
    let _writer = Writer(shared);
    loop {
        let mut queue = lock(&shared.queue);
        while queue.records.is_empty() && queue.closed.is_none() && !shared.roll.load(Ordering::Acquire) {
            queue = shared.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let (records, came) = (std::mem::take(&mut queue.records), std::mem::take(&mut queue.came));
        let Writing(batch) = &Writing(std::mem::replace(&mut queue.batch, Arc::new(Batch::new())));
        queue.bytes = 0;
        let closed = queue.closed.is_some();
        drop(queue);
        if shared.roll.swap(false, Ordering::AcqRel)
            && let Err(wal::Failed::Disk(error)) = wal.roll()
        {
            close(shared, &format!("the disk failed: {error}"));
        }
        if records.is_empty() {
            if closed {
                return;
            }
            continue;
        }
        let first = wal.next();
        let done = wal.append(&records);
        // Of a long batch part may be durable although the rest is not.
        let durable = wal.next() - first;
        shared.durable.store(wal.next(), Ordering::Release);
        let why = match &done {
            Ok(()) => Unavailable::Busy,
            Err(wal::Failed::Full(error)) => Unavailable::Full(error.to_string()),
            Err(failed) => Unavailable::Closed(failed.to_string()),
        };
        if let Unavailable::Closed(why) = &why {
            close(shared, why);
        }
        batch.set(Written { first, durable, why });
        let told = nanos();
        let acknowledged = usize::try_from(durable).unwrap_or(usize::MAX);
        came.into_iter().take(acknowledged).for_each(|came| shared.acknowledged.add(told.saturating_sub(came)));
        // At full speed a segment lasts no longer than a publish cycle, and whoever writes would make the next.
        if wal.took_spare() {
            lock(&shared.publisher).spare = true;
            shared.nudge.notify_one();
        }
        match done {
            Ok(()) | Err(wal::Failed::Full(_)) => {}
            Err(_failed) => return,
        }
    }
}

/// Waits until a cycle is due or wanted, and meanwhile makes spare segments.
fn until_due<'s>(shared: &'s Shared, settings: Settings, prepare: &dyn Fn()) -> MutexGuard<'s, PublisherState> {
    let begun = (settings.nanos)();
    let mut state = lock(&shared.publisher);
    while !state.hurry && !state.stop {
        if std::mem::take(&mut state.spare) {
            drop(state);
            prepare();
            state = lock(&shared.publisher);
            continue;
        }
        let waited = Duration::from_nanos((settings.nanos)().saturating_sub(begun));
        let Some(rest) = settings.publish_every.checked_sub(waited).filter(|rest| !rest.is_zero()) else { break };
        let (woken, timeout) = shared.nudge.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        if timeout.timed_out() {
            break;
        }
    }
    state
}

/// The thread that publishes.
fn publish<D: Disk>(mut publisher: Publisher<D>, disk: &D, settings: Settings, mut signers: Signers, shared: &Shared) {
    let prepare = || {
        // A spare that cannot be made now is made by the writer when it needs one, or the disk is full then.
        let _spare: std::io::Result<()> = wal::prepare_spare(disk, settings.segment_bytes);
    };
    let _publishing = Publishing(shared);
    prepare();
    loop {
        let mut state = until_due(shared, settings, &prepare);
        state.hurry = false;
        let stop = state.stop;
        drop(state);
        let result = cycle(&mut publisher, shared, &mut signers);
        prepare();
        let mut state = lock(&shared.publisher);
        // Whoever waits for what became durable while this cycle was under way is not kept until the next is due.
        let size = state.published.as_ref().map_or(0, |published| published.checkpoint.size);
        let durable = shared.durable.load(Ordering::Acquire);
        let is_waited_for = state.waiting.iter().any(|waiting| (size..durable).contains(&waiting.index));
        state.hurry |= result.is_ok() && is_waited_for;
        state.trouble = result.err();
        if stop {
            return;
        }
    }
}

/// Publishes what is durable, and erases what is asked to be: that needs no signer.
fn cycle<D: Disk>(publisher: &mut Publisher<D>, shared: &Shared, signers: &mut Signers) -> Result<(), String> {
    let published = publish_durable(publisher, shared, signers);
    let held = publisher.erase().map_err(|failed| failed.to_string());
    published?;
    if held? {
        // Where nothing can be published no segment can go, and another one each time would only fill the disk. The writer
        // is told while it cannot be about to wait.
        let queue = lock(&shared.queue);
        shared.roll.store(true, Ordering::Release);
        shared.came.notify_one();
        drop(queue);
    }
    Ok(())
}

fn publish_durable<D: Disk>(
    publisher: &mut Publisher<D>,
    shared: &Shared,
    signers: &mut Signers,
) -> Result<(), String> {
    // What comes meanwhile is for the next cycle: under a steady load there would be no end, and every commit would have
    // to share the disk with this.
    let durable = shared.durable.load(Ordering::Acquire);
    while let Some(published) = publisher.publish(durable, signers).map_err(|failed| failed.to_string())? {
        let mut state = lock(&shared.publisher);
        if published.witnessed {
            state.witnessed = Some(published.clone());
        }
        state.published = Some(published.clone());
        let done = |waiting: &Waiting| {
            waiting.index < published.checkpoint.size && (published.witnessed || !waiting.witnessed)
        };
        let (done, rest) = state.waiting.drain(..).partition(done);
        state.waiting = rest;
        drop(state);
        let done: Vec<Waiting> = done;
        done.into_iter().for_each(|waiting| waiting.event.set(Ok(published.clone())));
    }
    Ok(())
}

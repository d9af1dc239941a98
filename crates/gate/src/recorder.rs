//! Hands decision records through a bounded queue to whoever keeps them: a file, a ledger. Gates never see
//! the keeper, and a keeper never holds up an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use wire::record::Record;

/// The queue, unless settings say otherwise: some seconds of a busy gate, at under a kilobyte each.
pub const QUEUE_RECORDS_MAX: usize = 65_536;

/// What a gate does when a decision cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnFull {
    /// Give no answer: nothing happens that is not on record.
    Refuse,
    /// Answer all the same, and count what is missing.
    #[default]
    AnswerUnrecorded,
}

/// A decision that could not be recorded, at a gate that answers nothing unrecorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded;

/// Where gates leave their records.
#[derive(Clone, Debug)]
pub struct Recorder {
    kept: Option<(Sender<Record>, Arc<State>)>,
}

/// The other end: where records come out, and where their keeper says how it is. It ends once the last
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

impl Recorder {
    /// One that keeps nothing, because nobody asked for records.
    #[must_use]
    pub const fn none() -> Self {
        Self { kept: None }
    }

    /// A queue of at most `records_max` and its other end. `instance` tells this run from every other run of
    /// the same installation: it begins every id.
    #[must_use]
    pub fn new(instance: u64, records_max: usize, on_full: OnFull) -> (Self, Keeper) {
        let (queue, records) = channel(records_max.max(1));
        let (next, is_failing, unrecorded) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
        let state = Arc::new(State { on_full, instance, next, is_failing, unrecorded });
        (Self { kept: Some((queue, Arc::clone(&state))) }, Keeper { records, state })
    }

    /// Leaves a record. The id is given here. `record` is called only if somebody keeps records.
    ///
    /// # Errors
    /// It cannot be recorded, and the operator chose [`OnFull::Refuse`].
    pub fn keep(&self, record: impl FnOnce() -> Record) -> Result<(), Unrecorded> {
        let Some((queue, state)) = &self.kept else { return Ok(()) };
        let place = if state.is_failing.load(Ordering::Relaxed) && state.on_full == OnFull::Refuse {
            Err(())
        } else {
            queue.try_reserve().map_err(|_full_or_closed| ())
        };
        let Ok(place) = place else {
            state.unrecorded.fetch_add(1, Ordering::Relaxed);
            return match state.on_full {
                OnFull::Refuse => Err(Unrecorded),
                OnFull::AnswerUnrecorded => Ok(()),
            };
        };
        let number = state.next.fetch_add(1, Ordering::Relaxed);
        place.send(Record { id: format!("{:x}-{number:x}", state.instance), ..record() });
        Ok(())
    }

    /// How many decisions are not on record that should be.
    #[must_use]
    pub fn unrecorded(&self) -> u64 {
        self.kept.as_ref().map_or(0, |(_, state)| state.unrecorded.load(Ordering::Relaxed))
    }

    /// How many wait for the keeper.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.kept.as_ref().map_or(0, |(queue, _)| queue.max_capacity() - queue.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::{OnFull, Recorder, Unrecorded};
    use docket::finding::Verdict;
    use docket::vocabulary::{Act, ActorKind, ResourceKind};
    use law::{Status, Statuses};
    use wire::record::{Outcome, Record};

    fn record() -> Record {
        Record {
            id: String::new(),
            at: 0,
            gate: String::from("edge"),
            outcome: Outcome::Permit,
            verdict: Verdict::Permit,
            possible: Statuses::only(Status::Permitted),
            act: Act::HostProvide,
            actor: ActorKind::Business,
            role: None,
            resource: ResourceKind::Domain,
            subject: None,
            place: None,
            evidence: Vec::new(),
            valid_at: 0,
            known_at: None,
            provisions: Vec::new(),
            by: Vec::new(),
            until: law::time::FOREVER,
            edition: String::new(),
            request: None,
            private: Vec::new(),
        }
    }

    #[test]
    fn a_full_queue_fails_the_way_somebody_chose() {
        let (strict, mut keeper) = Recorder::new(0xab, 2, OnFull::Refuse);
        assert_eq!([strict.keep(record), strict.keep(record)], [Ok(()), Ok(())]);
        assert_eq!(strict.keep(record), Err(Unrecorded));
        assert_eq!((strict.unrecorded(), strict.waiting()), (1, 2));
        assert_eq!(keeper.records.try_recv().unwrap().id, "ab-0");
        assert_eq!(keeper.records.try_recv().unwrap().id, "ab-1");
        assert_eq!(strict.keep(record), Ok(()));
        drop(keeper);
        assert_eq!(strict.keep(record), Err(Unrecorded), "a keeper that is gone keeps nothing");

        let (lenient, keeper) = Recorder::new(0, 1, OnFull::AnswerUnrecorded);
        assert_eq!([lenient.keep(record), lenient.keep(record)], [Ok(()), Ok(())]);
        assert_eq!((lenient.unrecorded(), lenient.waiting()), (1, 1));
        drop(keeper);
    }

    #[test]
    fn a_keeper_in_trouble_stops_a_strict_gate_until_it_recovers() {
        let (strict, keeper) = Recorder::new(0, 8, OnFull::Refuse);
        keeper.set_failing(true);
        assert_eq!(strict.keep(record), Err(Unrecorded));
        keeper.set_failing(false);
        assert_eq!(strict.keep(record), Ok(()));
        assert_eq!(Recorder::none().keep(|| panic!("nobody keeps it")), Ok(()));
    }
}

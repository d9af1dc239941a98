//! The question answered: a walk through compiled tables. Total, infallible, no allocation.

use crate::answer::Statuses;
use crate::case::Case;
use crate::image::{Image, LEAF, slice};
use crate::time::{ALWAYS, FOREVER, Time};

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is possible.
    pub statuses: Statuses,
    /// The number of its proof in the image, or [`UNREGULATED`].
    pub outcome: u32,
    /// Since when the answer has been this one, for this very case.
    pub from: Time,
    /// The next instant at which it changes.
    pub until: Time,
}

/// The outcome number where no provision names the app and act.
pub const UNREGULATED: u32 = u32::MAX;

impl Image {
    /// What law says of `case` when the act happens at `valid_at` and what was known at `known_at` counts.
    #[must_use]
    pub fn decide(&self, case: &Case, valid_at: Time, known_at: Time) -> Decision {
        match self.timeline_of(case, known_at) {
            Ok(timeline) => self.at(timeline, valid_at),
            Err(decision) => decision,
        }
    }

    /// Every answer to `case` over valid time, in order and without gaps.
    pub fn timeline(&self, case: &Case, known_at: Time) -> impl Iterator<Item = Decision> {
        let timeline = self.timeline_of(case, known_at);
        let mut next = Some(ALWAYS);
        std::iter::from_fn(move || {
            let from = next.take()?;
            let decision = timeline.map_or_else(|decision| decision, |at| self.at(at, from));
            next = (decision.until < FOREVER).then_some(decision.until);
            Some(decision)
        })
    }

    /// The timeline of a case, or the decision where there is none.
    fn timeline_of(&self, case: &Case, known_at: Time) -> Result<(u32, u32), Decision> {
        if u32::from(case.act) >= self.acts {
            return Err(UNREADABLE);
        }
        let pair = usize::from(case.app) * self.acts as usize + usize::from(case.act);
        let key = self.index.get(pair).ok_or(UNREADABLE)?.checked_sub(1).ok_or(UNREGULATED_ALWAYS)?;
        let slabs = *self.keys.get(key as usize).ok_or(UNREADABLE)?;
        let known = slice(&self.slab_known, slabs).ok_or(UNREADABLE)?;
        // Most questions count all that is known: the last slab.
        let slab = match known.last() {
            Some(last) if *last <= known_at => known.len() - 1,
            Some(_) | None => last_at_or_before(known, known_at),
        };
        let mut word = *self.slab_root.get(slabs.0 as usize + slab).ok_or(UNREADABLE)?;
        while word & LEAF == 0 {
            let node = self.nodes.get(word as usize).ok_or(UNREADABLE)?;
            let state = *case.states.get(node.facet as usize).ok_or(UNREADABLE)?;
            let map = slice(&self.maps, (node.map, node.states)).ok_or(UNREADABLE)?;
            let branch = *map.get(usize::from(state)).ok_or(UNREADABLE)?;
            word = *self.branches.get(node.branches as usize + usize::from(branch)).ok_or(UNREADABLE)?;
        }
        self.timelines.get((word & !LEAF) as usize).copied().ok_or(UNREADABLE)
    }

    fn at(&self, timeline: (u32, u32), valid_at: Time) -> Decision {
        let Some(starts) = slice(&self.stretch_from, timeline) else { return UNREADABLE };
        let n = last_at_or_before(starts, valid_at);
        let Some(outcome) = self.stretch_outcome.get(timeline.0 as usize + n).copied() else { return UNREADABLE };
        let statuses = self.statuses.get(outcome as usize).map_or(Statuses::ALL, |bits| Statuses(*bits));
        Decision {
            statuses,
            outcome,
            from: starts.get(n).copied().unwrap_or(ALWAYS),
            until: starts.get(n + 1).copied().unwrap_or(FOREVER),
        }
    }
}

const UNREGULATED_ALWAYS: Decision =
    Decision { statuses: Statuses::only(crate::Status::Permitted), outcome: UNREGULATED, from: ALWAYS, until: FOREVER };

/// For a case the image has no words for (an app, act or state out of range): nothing is known.
const UNREADABLE: Decision =
    Decision { statuses: Statuses::ALL, outcome: UNREGULATED - 1, from: ALWAYS, until: FOREVER };

/// The last index whose start is not after `at`; starts begin with [`ALWAYS`]. Branch-free halving.
fn last_at_or_before(starts: &[Time], at: Time) -> usize {
    let (mut low, mut length) = (0, starts.len());
    while length > 1 {
        let half = length / 2;
        low = if starts.get(low + half).is_some_and(|start| *start <= at) { low + half } else { low };
        length -= half;
    }
    low
}

/// A place in a compiled diagram: what is left to decide once some facets are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step(u32);

/// Walking compiled law whole, for those who compare two bodies of it rather than ask one.
impl Image {
    /// Since when the knowledge that decides an app and act has been what it is; empty where unregulated.
    #[must_use]
    pub fn known_edges(&self, app: u16, act: u8) -> &[Time] {
        self.slabs(app, act).and_then(|slabs| slice(&self.slab_known, slabs)).unwrap_or_default()
    }

    /// Where the decision of an app and act begins, as known at an instant; `None` where unregulated.
    #[must_use]
    pub fn begin(&self, app: u16, act: u8, known_at: Time) -> Option<Step> {
        let slabs = self.slabs(app, act)?;
        let n = last_at_or_before(slice(&self.slab_known, slabs)?, known_at);
        self.slab_root.get(slabs.0 as usize + n).map(|word| Step(*word))
    }

    /// The facet on which it goes on, unless nothing is left to ask.
    #[must_use]
    pub fn tests(&self, step: Step) -> Option<u8> {
        if step.0 & LEAF != 0 {
            return None;
        }
        self.nodes.get(step.0 as usize).and_then(|node| u8::try_from(node.facet).ok())
    }

    /// Where it goes on for a state of that facet.
    #[must_use]
    pub fn follow(&self, step: Step, state: crate::case::State) -> Option<Step> {
        let node = self.nodes.get(step.0 as usize)?;
        let branch = *slice(&self.maps, (node.map, node.states))?.get(usize::from(state))?;
        self.branches.get(node.branches as usize + usize::from(branch)).map(|word| Step(*word))
    }

    /// What holds from when, once nothing is left to ask.
    #[must_use]
    pub fn stretches(&self, step: Step) -> Vec<(Time, Statuses)> {
        let Some(at) = self.timelines.get((step.0 & !LEAF) as usize) else { return Vec::new() };
        let starts = slice(&self.stretch_from, *at).unwrap_or_default();
        let outcomes = slice(&self.stretch_outcome, *at).unwrap_or_default();
        let statuses =
            |outcome: &u32| self.statuses.get(*outcome as usize).map_or(Statuses::ALL, |bits| Statuses(*bits));
        starts.iter().copied().zip(outcomes.iter().map(statuses)).collect()
    }

    fn slabs(&self, app: u16, act: u8) -> Option<(u32, u32)> {
        let pair = usize::from(app) * self.acts as usize + usize::from(act);
        let key = self.index.get(pair)?.checked_sub(1)?;
        self.keys.get(key as usize).copied()
    }
}

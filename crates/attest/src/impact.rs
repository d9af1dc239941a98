//! Which decisions an entry touches: a revocation, or a statement that should not have been believed.

use crate::act::{self, Verb};
use crate::condition::{Condition, Effect};
use crate::history::{History, View};
use crate::standing::Standing;
use crate::timeline::{Time, Timeline};

/// A decision that asked whether a condition was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its name.
    pub id: String,
    /// What it went by: all that was known at this instant.
    pub known: Time,
    /// When that happens which it was about.
    pub at: Time,
    /// The artefact it was about, if any.
    pub artifact: Option<String>,
}

/// A decision that rested on a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The decision.
    pub id: String,
    /// Whether law would have counted the condition otherwise without the statement.
    pub turns: bool,
}

/// What law made of a condition, with a statement and without it. It is the same until something is taken up.
struct Weighed<'h> {
    view: View<'h>,
    artifact: Option<&'h str>,
    standing: Standing,
    with: Timeline,
    without: Timeline,
}

impl<'h> Weighed<'h> {
    fn new(condition: &Condition, view: View<'h>, artifact: Option<&'h str>, index: u64) -> Self {
        let standing = Standing::new(condition, &view, artifact);
        let with = act::met_on(condition, &view, &standing);
        let without = act::met(condition, &view.without(index), artifact);
        Self { view, artifact, standing, with, without }
    }

    /// Whether law counted the condition as met on this statement, be it among others.
    fn rests_on(&self, condition: &Condition, index: u64, at: Time) -> bool {
        if !self.with.contains(at) {
            return false;
        }
        let permits =
            |act: &act::Act<'_>| matches!(act.verb, Verb::Lift | Verb::Pause) && (act.from..act.until).contains(&at);
        let acts: Vec<act::Act<'_>> = act::acts(condition, &self.view).into_iter().filter(permits).collect();
        if acts.iter().any(|act| act.record.index == index) {
            return true;
        }
        // In the days of grace it rests on what it rested on when it lapsed.
        let windows = self.standing.timeline.windows().iter();
        let last = windows.rev().find(|window| window.from <= at).map(|window| at.min(window.until - 1));
        let by_evidence = condition.effect == Effect::AutomaticPause || acts.iter().any(|act| act.conditional);
        by_evidence && last.is_some_and(|at| self.standing.answer(at).evidence.contains(&index))
    }
}

/// The decisions made, or about something, at or after `since` that rested on the statement at `index`, or would have come
/// out otherwise without it, in the order given.
#[must_use]
pub fn of(condition: &Condition, history: &History, index: u64, since: Time, decisions: &[Decision]) -> Vec<Touched> {
    let mut touched = Vec::new();
    let acts: Vec<act::Enacted> =
        act::enacted(condition, history).into_iter().filter(|act| act.index == index).collect();
    let mut last: Option<Weighed<'_>> = None;
    for decision in decisions.iter().filter(|decision| decision.at.max(decision.known) >= since) {
        let (view, artifact) = (history.at(decision.known), decision.artifact.as_deref());
        let weighed = last.take().filter(|last| last.artifact == artifact && last.view.is_same(&view));
        let weighed = weighed.unwrap_or_else(|| Weighed::new(condition, view, artifact, index));
        let enacted = acts.iter().any(|act| act.valid.contains(decision.at) && act.known.contains(decision.known));
        let turns = enacted || weighed.with.contains(decision.at) != weighed.without.contains(decision.at);
        if turns || weighed.rests_on(condition, index, decision.at) {
            touched.push(Touched { id: decision.id.clone(), turns });
        }
        last = Some(weighed);
    }
    touched
}

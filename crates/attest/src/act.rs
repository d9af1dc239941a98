//! The authority's own acts, and when law counts a condition as met.
//!
//! Evidence makes an order *eligible* to be lifted. The lifting is an act that the authority signs, and a
//! different act in law from delaying, staying, not enforcing or revoking.

use crate::condition::{Condition, Effect};
use crate::history::{History, Record, View};
use crate::standing::Standing;
use crate::statement::Type;
use crate::timeline::{NEVER, Time, Timeline, Window};
use serde_json::Value;
use std::collections::BTreeSet;

/// What an authority can do about its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Puts it off.
    Delay,
    /// A court suspends it.
    Stay,
    /// Suspends it while the condition holds.
    Pause,
    /// Puts it back.
    Reinstate,
    /// Ends what it forbids.
    Lift,
    /// Takes it back altogether.
    Revoke,
    /// Leaves it standing, unenforced.
    Forbear,
}

impl Verb {
    const ALL: [(&'static str, Self); 7] = [
        ("delay", Self::Delay),
        ("stay", Self::Stay),
        ("pause", Self::Pause),
        ("reinstate", Self::Reinstate),
        ("lift", Self::Lift),
        ("revoke", Self::Revoke),
        ("forbear", Self::Forbear),
    ];

    /// The verb of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|&(_, verb)| verb)
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, verb)| *verb == self).map_or("", |(word, _)| word)
    }
}

/// An act signed by enough of the authority.
#[derive(Clone, Copy, Debug)]
pub struct Act<'h> {
    /// Where it is recorded.
    pub record: &'h Record,
    /// What it does.
    pub verb: Verb,
    /// From when on.
    pub from: Time,
    /// Until when, if it says so.
    pub until: Time,
    /// Whether it rests on the condition, so that a lapse ends it.
    pub conditional: bool,
}

/// The acts on a condition's order that the authority has signed, all of it needed on one document.
#[must_use]
pub fn acts<'h>(condition: &Condition, view: &View<'h>) -> Vec<Act<'h>> {
    let order = condition.order_subject();
    let mut found = Vec::new();
    for record in view.about(Type::Act, &order) {
        let speakers: BTreeSet<&str> = view.speakers(record, &order);
        let standing: BTreeSet<&str> =
            speakers.into_iter().filter(|speaker| view.revoked(record, speaker) == NEVER).collect();
        if !view.trust().suffices(&condition.authority, &standing) {
            continue;
        }
        let text = |pointer| record.statement.claim(pointer).and_then(Value::as_str);
        let time = |pointer| text(pointer).and_then(crate::json::parse_time);
        let (Some(verb), Some(from)) = (text("/act").and_then(Verb::from_word), time("/from")) else { continue };
        // Under a trust document that has expired nothing new is permitted; what forbids again always counts.
        if record.is_late && verb != Verb::Reinstate {
            continue;
        }
        let until = match record.statement.claim("/until") {
            None => NEVER,
            Some(_) => match time("/until") {
                Some(until) => until,
                None => continue,
            },
        };
        let basis = text("/condition");
        if basis.is_some_and(|basis| basis != condition.id) {
            continue;
        }
        found.push(Act { record, verb, from, until, conditional: basis.is_some() });
    }
    found
}

/// When law counts the condition as met, as known in this view.
///
/// An automatic pause follows the evidence. A lift or pause by the authority runs from its date to its
/// own end or the next reinstatement; one that rests on the condition also ends when the condition has
/// lapsed for longer than the grace. Watching has no effect in law.
#[must_use]
pub fn met(condition: &Condition, view: &View<'_>, artifact: Option<&str>) -> Timeline {
    met_on(condition, view, &Standing::new(condition, view, artifact))
}

/// The same, where it is known how the condition stands in this view.
#[must_use]
pub fn met_on(condition: &Condition, view: &View<'_>, standing: &Standing) -> Timeline {
    let carried = match condition.reinstate_after {
        Some(grace) => standing.timeline.lengthened(grace),
        None => standing.timeline.clone(),
    };
    let acts = acts(condition, view);
    let ends: Vec<Time> = acts.iter().filter(|act| act.verb == Verb::Reinstate).map(|act| act.from).collect();
    let mut windows: Vec<Timeline> = Vec::new();
    for act in acts.iter().filter(|act| matches!(act.verb, Verb::Lift | Verb::Pause)) {
        let end = ends.iter().copied().filter(|&end| end > act.from).min().unwrap_or(NEVER);
        let window: Timeline = [Window { from: act.from, until: act.until.min(end) }].into_iter().collect();
        if !act.conditional {
            windows.push(window);
        } else if standing.timeline.contains(act.from.max(act.record.time)) {
            // The condition has to hold when the act begins; how a later lapse counts is the condition's to say.
            windows.push(if condition.reinstate_after.is_some() { unbroken(&window, &carried, act) } else { window });
        }
    }
    match condition.effect {
        Effect::MonitorOnly => Timeline::never(),
        Effect::EligibleForLift => Timeline::any(&windows),
        Effect::AutomaticPause => Timeline::any(windows.iter().chain([&carried])),
    }
}

/// The act's window up to the first lapse: what has been reinstated needs a new act to be lifted again.
fn unbroken(window: &Timeline, carried: &Timeline, act: &Act<'_>) -> Timeline {
    let first = carried.window_at(act.from.max(act.record.time));
    let until = first.map_or(act.from, |carried| carried.until);
    window.and(&[Window { from: act.from, until }].into_iter().collect())
}

/// A stretch over which law counts a condition as met, and over which that was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Met {
    /// When it is met.
    pub valid: Window,
    /// From the entry that made it known to the one that changed it.
    pub known: Window,
}

/// The same over everything that is distributed: where a condition turns on the artefact, law counts it as met
/// only while it is met for each of these (lower-case hexadecimal), and for none of none.
#[must_use]
pub fn met_for_each(condition: &Condition, view: &View<'_>, artifacts: &[String]) -> Timeline {
    for_each(condition, artifacts, |artifact| met(condition, view, artifact))
}

/// What is so of everything that is distributed, where a condition turns on the artefact.
pub fn for_each(condition: &Condition, artifacts: &[String], mut of: impl FnMut(Option<&str>) -> Timeline) -> Timeline {
    if !condition.needs_artifact() {
        return of(None);
    }
    let each = artifacts.iter().map(|artifact| of(Some(artifact)));
    each.reduce(|all, one| all.and(&one)).unwrap_or_default()
}

/// The whole history of a condition in law's two times, for everything that is distributed.
#[must_use]
pub fn history_of(condition: &Condition, history: &History, artifacts: &[String]) -> Vec<Met> {
    let mut times: Vec<Time> = history.records().iter().map(|record| record.time).collect();
    times.dedup();
    let mut open: Vec<Met> = Vec::new();
    let mut closed = Vec::new();
    for time in times {
        let timeline = met_for_each(condition, &history.at(time), artifacts);
        let (kept, ended): (Vec<Met>, Vec<Met>) =
            open.into_iter().partition(|met| timeline.windows().contains(&met.valid));
        closed.extend(ended.into_iter().map(|met| Met { known: Window { until: time, ..met.known }, ..met }));
        open = kept;
        for &valid in timeline.windows() {
            if !open.iter().any(|met| met.valid == valid) {
                open.push(Met { valid, known: Window { from: time, until: NEVER } });
            }
        }
    }
    closed.extend(open);
    closed.sort_unstable();
    closed
}

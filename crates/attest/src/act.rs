//! The authority's own acts, and when law counts a condition as met.
//!
//! Evidence makes an order *eligible* to be lifted. The lifting is an act that the authority signs, and a
//! different act in law from delaying, staying, not enforcing or revoking.

use crate::Fault;
use crate::condition::{Condition, Effect};
use crate::history::{History, Record, View};
use crate::json::Members;
use crate::standing::Standing;
use crate::statement::{Statement, Type};
use crate::timeline::{ALWAYS, NEVER, Time, Timeline, Window};
use serde_json::Value;
use std::collections::BTreeSet;

/// What an authority can do about its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Act<'_> {
    /// How long it lasts. A reinstatement ends what was signed before it, even if that is yet to begin.
    fn lasts(&self, back: &[&Self]) -> Window {
        let ends = back.iter().filter(|back| back.record.index > self.record.index || back.from > self.from);
        let end = ends.map(|back| back.from).min().unwrap_or(NEVER);
        Window { from: self.from, until: self.until.min(end) }
    }
}

fn reinstatements<'a, 'h>(acts: &'a [Act<'h>]) -> Vec<&'a Act<'h>> {
    acts.iter().filter(|act| act.verb == Verb::Reinstate).collect()
}

/// What an act says.
pub(crate) struct Said {
    verb: Verb,
    from: Time,
    until: Time,
    /// The condition it rests on, if it rests on one.
    basis: Option<String>,
}

impl Said {
    /// Reads it. What is not known here, or is there and not said, could be a limit, and is not passed over.
    pub(crate) fn read(statement: &Statement) -> Result<Self, Fault> {
        let mut claims = Members::new(&statement.predicate, "/predicate")?;
        if let Some(name) = claims.null() {
            return Err(claims.fault(name, "is null; leave it out, or say what it is"));
        }
        let word = claims.text("act")?;
        let verb = Verb::from_word(word).ok_or_else(|| {
            let words = Verb::ALL.map(|(word, _)| word).join("`, `");
            claims.fault("act", format!("is none of `{words}`"))
        })?;
        let from = claims.optional_second("from")?.ok_or_else(|| claims.fault("from", "is missing"))?;
        let until = claims.optional_second("until")?.unwrap_or(NEVER);
        if until <= from {
            return Err(claims.fault("until", "is not after `from`"));
        }
        let basis = claims.optional_text("condition")?.map(String::from);
        if basis.is_some() && !matches!(verb, Verb::Lift | Verb::Pause | Verb::Reinstate) {
            return Err(claims.fault("condition", format!("only what lifts or pauses rests on one, not `{word}`")));
        }
        if verb == Verb::Delay && until == NEVER {
            return Err(claims.fault("until", "is missing: until when it is put off"));
        }
        claims.finish_with(&["timeCreated", "notBefore", "notAfter", "instrument", "reason", "comment"])?;
        Ok(Self { verb, from, until, basis })
    }

    /// What forbids again counts however it is written, at the latest from when it was taken up.
    fn at_least(record: &Record) -> Option<Self> {
        let text = |pointer| record.statement.claim(pointer).and_then(Value::as_str);
        let verb = text("/act").and_then(Verb::from_word).filter(|verb| *verb == Verb::Reinstate)?;
        let from = text("/from").and_then(crate::json::parse_time).unwrap_or(record.time);
        Some(Self { verb, from, until: NEVER, basis: text("/condition").map(String::from) })
    }
}

/// What a record of this type does to the condition's order.
///
/// # Errors
/// Why it does nothing.
pub fn weighed<'r>(condition: &Condition, view: &View<'r>, record: &'r Record) -> Result<Act<'r>, String> {
    let order = condition.order_subject();
    let said = Said::read(&record.statement);
    let said = said.or_else(|unclear| Said::at_least(record).ok_or_else(|| unclear.to_string()))?;
    let forbids = said.verb == Verb::Reinstate;
    // Under a trust document that has expired nothing new is permitted; what forbids again always counts.
    if record.is_late && !forbids {
        return Err(String::from("the trust document had expired, and nothing is permitted on it"));
    }
    if let Some(basis) = said.basis.as_ref().filter(|basis| **basis != condition.id) {
        return Err(format!("it rests on another condition, `{basis}`"));
    }
    let speakers: BTreeSet<&str> = view.speakers(record, &order);
    // To take back what forbids again would be to permit, which takes a new act.
    let of = |principal: &str| -> Timeline {
        let until = if forbids { NEVER } else { view.revoked(record, principal) };
        let word = Some(Window { from: ALWAYS, until }).filter(|_| speakers.contains(principal));
        word.into_iter().collect()
    };
    let support = view.trust().support(&condition.authority, &of);
    let stands = support.windows().first().filter(|window| window.until > record.time).ok_or_else(|| {
        let signed = speakers.iter().copied().collect::<Vec<_>>().join(", ");
        let signed = if signed.is_empty() { "nobody who may say so" } else { &signed };
        format!("it takes `{}` on one statement; {signed} signed, or it was taken back", condition.authority)
    })?;
    let (from, until) = match forbids {
        true => (said.from, NEVER),
        false => {
            let statement = &record.statement;
            (said.from.max(statement.not_before), said.until.min(statement.not_after).min(stands.until))
        }
    };
    if until <= from {
        return Err(String::from("it was taken back, or ceases to hold, before it begins"));
    }
    Ok(Act { record, verb: said.verb, from, until, conditional: said.basis.is_some() })
}

/// The acts on a condition's order that the authority has signed, all of it needed on one document.
#[must_use]
pub fn acts<'h>(condition: &Condition, view: &View<'h>) -> Vec<Act<'h>> {
    let order = condition.order_subject();
    view.about(Type::Act, &order).filter_map(|record| weighed(condition, view, record).ok()).collect()
}

/// When law counts the condition as met, as known in this view.
///
/// An automatic pause follows the evidence, but not from a reinstatement by the authority to its next lift or pause. A
/// lift or pause by the authority runs from its date to its own end, until it is taken back, or to a reinstatement that
/// comes after it; one that rests on the condition also ends when the condition has lapsed for longer than the grace.
/// Watching has no effect in law.
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
    let back = reinstatements(&acts);
    let permits: Vec<&Act<'_>> = acts.iter().filter(|act| matches!(act.verb, Verb::Lift | Verb::Pause)).collect();
    let mut windows: Vec<Timeline> = Vec::new();
    for act in &permits {
        let window: Timeline = [act.lasts(&back)].into_iter().collect();
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
        Effect::AutomaticPause => {
            let held = back.iter().map(|back| {
                let next = permits.iter().filter(|act| act.record.index > back.record.index).map(|act| act.from).min();
                Window { from: back.from, until: next.unwrap_or(NEVER) }
            });
            Timeline::any(windows.iter().chain([&carried.without(&held.collect())]))
        }
    }
}

/// The act's window up to the first lapse: what has been reinstated needs a new act to be lifted again.
fn unbroken(window: &Timeline, carried: &Timeline, act: &Act<'_>) -> Timeline {
    let first = carried.window_at(act.from.max(act.record.time));
    let until = first.map_or(act.from, |carried| carried.until);
    window.and(&[Window { from: act.from, until }].into_iter().collect())
}

/// An act that is law by itself, whatever becomes of the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Enacted {
    /// Where it is recorded.
    pub index: u64,
    /// What it does.
    pub verb: Verb,
    /// When it does that.
    pub valid: Window,
    /// From the entry that made it known to the one that changed it.
    pub known: Window,
}

/// What the authority did to its order itself, in law's two times: it put it off, a court stayed it, it took it back or left
/// it unenforced. Each runs from its date to its own end, until it is taken back, or to a reinstatement that comes after it.
#[must_use]
pub fn enacted(condition: &Condition, history: &History) -> Vec<Enacted> {
    let order = condition.order_subject();
    let now = history.now();
    // Only acts, and what takes them back, change what acts come to.
    let known =
        now.about(Type::Act, &order).chain(now.of_type(Type::Revocation)).chain(now.of_type(Type::TrustDocument));
    let times: BTreeSet<Time> = known.map(|record| record.time).collect();
    let (mut open, mut closed): (Vec<Enacted>, Vec<Enacted>) = (Vec::new(), Vec::new());
    for time in times {
        let acts = acts(condition, &history.at(time));
        let back = reinstatements(&acts);
        let of = |act: &Act<'_>| (act.record.index, act.verb, act.lasts(&back));
        let is_law = |act: &&Act<'_>| matches!(act.verb, Verb::Delay | Verb::Stay | Verb::Revoke | Verb::Forbear);
        let present: Vec<_> = acts.iter().filter(is_law).map(of).filter(|(.., valid)| !valid.is_empty()).collect();
        let is_present = |one: &Enacted| present.contains(&(one.index, one.verb, one.valid));
        let (kept, ended): (Vec<Enacted>, Vec<Enacted>) = open.into_iter().partition(is_present);
        closed.extend(ended.into_iter().map(|one| Enacted { known: Window { until: time, ..one.known }, ..one }));
        open = kept;
        for &(index, verb, valid) in &present {
            if !open.iter().any(|one| (one.index, one.verb, one.valid) == (index, verb, valid)) {
                open.push(Enacted { index, verb, valid, known: Window { from: time, until: NEVER } });
            }
        }
    }
    closed.extend(open);
    closed.sort_unstable();
    closed
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

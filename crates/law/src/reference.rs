//! The same answer from the definition: at one instant, for how long, and what one could claim. No tables.
//!
//! Shares nothing with the engine but ids, times and the shape of a question and an answer. Read it
//! beside the definition in ARCHITECTURE.md; it is here to be obviously right, not fast.

mod completions;
mod definition;

use crate::answer::{Outcome, Status};
use crate::case::Case;
use crate::law::{Law, Modality, ProvisionId, Scope};
use crate::time::{ALWAYS, Extent, FOREVER, Period, Time};
use completions::possibilities;
use std::collections::BTreeSet;

/// The answer and the longest period around `valid_at` on which it is the same.
#[must_use]
pub fn decide(law: &Law, case: &Case, valid_at: Time, known_at: Time) -> (Outcome, Period) {
    let at = |v| answer(law, case, v, known_at);
    let outcome = at(valid_at);
    let edges: BTreeSet<Time> =
        extents(law).flat_map(|e| [e.from, e.until]).flat_map(|e| [e.earliest, e.latest]).collect();
    let mut from = ALWAYS;
    for &edge in edges.iter().rev().filter(|&&edge| edge <= valid_at && edge > ALWAYS) {
        if at(edge - 1) != outcome {
            from = edge;
            break;
        }
    }
    let later = edges.iter().filter(|&&edge| edge > valid_at && edge < FOREVER);
    let until = later.copied().find(|&edge| at(edge) != outcome).unwrap_or(FOREVER);
    (outcome, Period { from, until })
}

fn extents(law: &Law) -> impl Iterator<Item = &Extent> {
    let forces = law.instruments.iter().map(|i| &i.force).chain(law.provisions.iter().map(|p| &p.force)).flatten();
    forces.chain(law.effects.iter().map(|e| &e.window)).chain(law.attestations.iter().map(|a| &a.window))
}

/// Whether an engine's answer is the definition's: the outcome at `v`, throughout `window` where anything
/// could change, and not beyond either end of it.
#[must_use]
pub fn confirms(law: &Law, case: &Case, v: Time, k: Time, outcome: &Outcome, window: Period) -> bool {
    let same = |at| answer(law, case, at, k) == *outcome;
    let ends = [window.from, window.until - 1].into_iter().filter(|at| *at > ALWAYS && *at < FOREVER - 1);
    window.contains(v)
        && same(v)
        && ends.into_iter().all(same)
        && (window.from == ALWAYS || !same(window.from - 1))
        && (window.until == FOREVER || !same(window.until))
}

/// The answer at one instant.
#[must_use]
pub fn answer(law: &Law, case: &Case, v: Time, k: Time) -> Outcome {
    let mut outcome = possibilities(law, case, v, k);
    let burdened = outcome.statuses.may_be_unlawful() || outcome.statuses.contains(Status::Stayed);
    for (e, exception) in ids(&law.provisions).filter(|(_, p)| p.modality == Modality::Permit && burdened) {
        for (n, scope) in (0..).zip(&exception.scopes) {
            if scope.names(case.app, case.act) && takes_out(law, case, v, k, &outcome, e, scope) {
                outcome.unless.push((e, n));
            }
        }
    }
    outcome
}

/// Whether claiming what `scope` asks, with any of the values it admits, frees the act through `exception`.
fn takes_out(law: &Law, case: &Case, v: Time, k: Time, now: &Outcome, exception: ProvisionId, scope: &Scope) -> bool {
    let cites = |o: &Outcome| o.grounds.iter().any(|g| g.provision == exception && g.status == Status::Excepted);
    let mut claims = vec![case.clone()];
    let mut claimed = false;
    for (f, admitted) in &scope.limits {
        let Some(facet) = law.facets.get(usize::from(*f)) else { return false };
        if case.state(*f) != facet.absent() || admitted >> facet.unclaimed() & 1 == 1 {
            continue;
        }
        claimed = true;
        let values = (0..facet.values).filter(|value| admitted >> value & 1 == 1);
        claims = values.flat_map(|value| claims.iter().map(move |c| c.clone().with(*f, value))).collect();
    }
    claimed
        && !claims.is_empty()
        && !cites(now)
        && claims.iter().all(|claim| {
            let then = possibilities(law, claim, v, k);
            then.statuses != now.statuses && !then.statuses.may_be_unlawful() && cites(&then)
        })
}

fn ids<T>(records: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (0..).zip(records)
}

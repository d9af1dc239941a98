//! Every way in which what nobody knows could be: the answer is what holds in any of them.

use super::definition::Point;
use super::extents;
use crate::answer::{Doubt, Ground, Outcome, Status};
use crate::case::Case;
use crate::law::{FacetId, Law, Modality, Operator, Value};
use crate::time::{Extent, Time};
use std::collections::{BTreeMap, BTreeSet};

/// What nobody knows: a facet, the reading of an edge, whether a disputed condition suffices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    Facet(FacetId),
    Doubt(Doubt),
}

/// One way to settle a variable: what prohibitions read, what exceptions and relief read, and whether
/// it is a part of a region that was only named at large.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Choice {
    pub(super) asked: Value,
    pub(super) claimed: Value,
    pub(super) part: bool,
}

pub(super) type Completion = BTreeMap<Variable, Choice>;
/// The status of a completion, its grounds, and whether it rests on an unranked tie.
pub(super) type Decided = (Status, Vec<Ground>, bool);

/// The answer of every completion, as one.
pub(super) fn possibilities(law: &Law, case: &Case, v: Time, k: Time) -> Outcome {
    let mut completions: Vec<Completion> = vec![BTreeMap::new()];
    for (variable, choices) in variables(law, case, v, k) {
        let extend = |c: &Completion, choice: &Choice| {
            let mut c = c.clone();
            c.insert(variable, *choice);
            c
        };
        completions = completions.iter().flat_map(|c| choices.iter().map(move |choice| extend(c, choice))).collect();
    }
    let decided: Vec<(Completion, Decided)> = completions
        .into_iter()
        .map(|settled| {
            let decision = Point { law, case, v, k, settled: &settled }.decide();
            (settled, decision)
        })
        .filter(|(settled, decision)| decision.0.is_unlawful() || settled.values().all(|choice| !choice.part))
        .collect();
    let mut pivots = BTreeSet::new();
    for (a, (status, ..)) in &decided {
        for (b, _) in decided.iter().filter(|(_, (other, ..))| other != status) {
            let mut differing = a.iter().filter(|(variable, choice)| b.get(*variable) != Some(*choice));
            if let (Some((variable, _)), None) = (differing.next(), differing.next()) {
                pivots.insert(*variable);
            }
        }
    }
    let grounds: BTreeSet<Ground> = decided.iter().flat_map(|(_, (_, grounds, _))| grounds.clone()).collect();
    Outcome {
        statuses: decided.iter().map(|(_, (status, ..))| *status).collect(),
        grounds: grounds.into_iter().collect(),
        needs: pivots.iter().filter_map(|p| if let Variable::Facet(f) = p { Some(*f) } else { None }).collect(),
        doubts: pivots.iter().filter_map(|p| if let Variable::Doubt(d) = p { Some(*d) } else { None }).collect(),
        unless: Vec::new(),
        conflict: decided.iter().any(|(_, (.., conflict))| *conflict),
    }
}

/// The variables that a record visible at `k` and possibly in its window at `v` turns on.
fn variables(law: &Law, case: &Case, v: Time, k: Time) -> BTreeMap<Variable, Vec<Choice>> {
    let mut found = BTreeMap::new();
    let running = |e: &Extent| e.from.passed(v) != Some(false) && e.until.passed(v) != Some(true);
    let asking =
        law.provisions.iter().filter(|p| p.known.contains(k)).map(|p| (p.modality == Modality::Prohibit, &p.scopes));
    let acting = law.effects.iter().filter(|e| e.known.contains(k) && running(&e.window));
    let acting = acting.map(|e| (e.operator == Operator::Extend, &e.slice));
    for (asks, scopes) in asking.chain(acting) {
        for (f, _) in scopes.iter().filter(|s| s.names(case.app, case.act)).flat_map(|s| &s.limits) {
            let Some(facet) = law.facets.get(usize::from(*f)) else { continue };
            let state = case.state(*f);
            let both = |value: Value, part| Choice { asked: value, claimed: value, part };
            let choices = if state < facet.values {
                vec![both(state, false)]
            } else if let Some(region) = facet.regions.get(usize::from(state - facet.values)) {
                let parts = region.within.iter().map(|part| both(*part, true));
                std::iter::once(both(region.own, false)).chain(parts).collect()
            } else if state == facet.absent() {
                let asked = if asks { 0..facet.values } else { facet.values..facet.values + 1 };
                asked.map(|asked| Choice { asked, claimed: facet.unclaimed(), part: false }).collect()
            } else {
                (0..facet.values).map(|value| both(value, false)).collect()
            };
            let known: &mut Vec<Choice> = found.entry(Variable::Facet(*f)).or_default();
            if known.len() < choices.len() || asks {
                *known = choices;
            }
        }
    }
    let yes_no =
        || vec![false, true].into_iter().map(|b| Choice { asked: b.into(), claimed: b.into(), part: false }).collect();
    for edge in extents(law).flat_map(|e| [e.from, e.until]).filter(|e| e.passed(v).is_none()) {
        found.insert(Variable::Doubt(Doubt::Reading(edge.reading)), yes_no());
    }
    for a in law.attestations.iter().filter(|a| a.known.contains(k) && running(&a.window)) {
        if law.conditions.get(a.condition as usize).is_some_and(|c| c.open) {
            found.insert(Variable::Doubt(Doubt::Condition(a.condition)), yes_no());
        }
    }
    found
}

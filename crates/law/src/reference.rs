//! The same answer from the definition: sets, recursion and every completion, no tables.
//!
//! Shares nothing with the engine but ids, times and the shape of a question and an answer. Read it
//! beside the definition in ARCHITECTURE.md; it is here to be obviously right, not fast.

#![expect(clippy::indexing_slicing, reason = "reads checked law; an id out of range is a fault to stop at")]

use crate::answer::{Agent, Doubt, Ground, Outcome, Status};
use crate::case::Case;
use crate::law::{
    Effect, EffectId, FacetId, Law, Modality, Node, Operator, Provision, ProvisionId, Scope, Target, Value,
};
use crate::time::{ALWAYS, Extent, FOREVER, Period, ReadingId, Time};
use std::collections::{BTreeMap, BTreeSet};

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

/// What nobody knows: a facet, the reading of an edge, whether a disputed condition suffices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Variable {
    Facet(FacetId),
    Doubt(Doubt),
}

/// One way to settle a variable: what prohibitions read, what exceptions and relief read, and whether
/// it is a part of a region that was only named at large.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Choice {
    asked: Value,
    claimed: Value,
    part: bool,
}

type Completion = BTreeMap<Variable, Choice>;
/// The status of a completion, its grounds, and whether it rests on an unranked tie.
type Decided = (Status, Vec<Ground>, bool);

fn possibilities(law: &Law, case: &Case, v: Time, k: Time) -> Outcome {
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

/// One completion of a case at one instant: nothing is open here.
struct Point<'a> {
    law: &'a Law,
    case: &'a Case,
    v: Time,
    k: Time,
    settled: &'a Completion,
}

impl Point<'_> {
    fn decide(&self) -> Decided {
        let live: Vec<ProvisionId> = ids(&self.law.provisions).filter(|(p, _)| self.live(*p)).map(|(p, _)| p).collect();
        let stayed = |p: &ProvisionId| !self.acting(*p, Operator::Suspend).is_empty();
        let in_force: Vec<_> = live.iter().copied().filter(|p| !stayed(p)).collect();
        let (accepted, defeated) = self.label(&in_force);
        let surviving: Vec<_> =
            in_force.iter().copied().filter(|p| self.forbids(*p) && !defeated.contains(p)).collect();
        let ground =
            |status, provision, by: BTreeSet<Agent>| Ground { status, provision, by: by.into_iter().collect() };
        if !surviving.is_empty() {
            let unenforced = |p: &ProvisionId| self.acting(*p, Operator::Unenforce);
            let status =
                |p: &ProvisionId| if unenforced(p).is_empty() { Status::Prohibited } else { Status::NotEnforced };
            let worst = surviving.iter().map(status).max().unwrap_or(Status::Prohibited);
            let tied = |p: ProvisionId, q: ProvisionId| {
                let home =
                    |a: ProvisionId| self.law.instruments[self.provision(a).instrument as usize].rank.jurisdiction;
                let opposed = self.forbids(p) != self.forbids(q) && home(p) == home(q);
                opposed && !self.prevails(p, q) && !self.prevails(q, p)
            };
            let conflict = surviving.iter().any(|p| in_force.iter().any(|q| tied(*p, *q)));
            let grounds = surviving.iter().map(|p| ground(status(p), *p, &unenforced(p) | &self.extending(*p)));
            return (worst, grounds.collect(), conflict);
        }
        let lifted: Vec<_> = live.iter().copied().filter(|p| self.forbids(*p) || !stayed(p)).collect();
        let (_, defeated_then) = self.label(&lifted);
        let held = lifted.iter().filter(|p| self.forbids(**p) && stayed(p) && !defeated_then.contains(p));
        let grounds: Vec<_> = held
            .map(|p| ground(Status::Stayed, *p, &self.acting(*p, Operator::Suspend) | &self.extending(*p)))
            .collect();
        if !grounds.is_empty() {
            return (Status::Stayed, grounds, false);
        }
        let exceptions: Vec<_> = accepted.iter().copied().filter(|p| !self.forbids(*p)).collect();
        if exceptions.is_empty() {
            return (Status::Permitted, Vec::new(), false);
        }
        let by = |p: ProvisionId| {
            exceptions.iter().filter(|e| self.prevails(**e, p)).map(|e| Agent::Provision(*e)).collect()
        };
        let express =
            exceptions.iter().map(|e| ground(Status::Excepted, *e, &self.fulfilling(*e) | &self.extending(*e)));
        let taken_out = defeated.iter().filter(|p| self.forbids(**p)).map(|p| ground(Status::Excepted, *p, by(*p)));
        (Status::Excepted, express.chain(taken_out).collect(), false)
    }

    fn provision(&self, p: ProvisionId) -> &Provision {
        &self.law.provisions[p as usize]
    }

    fn forbids(&self, p: ProvisionId) -> bool {
        self.provision(p).modality == Modality::Prohibit
    }

    /// Grounded labelling of the attacks inside `set`: (accepted, defeated).
    fn label(&self, set: &[ProvisionId]) -> (BTreeSet<ProvisionId>, BTreeSet<ProvisionId>) {
        let attackers = |p: ProvisionId| {
            set.iter().copied().filter(move |o| self.forbids(*o) != self.forbids(p) && self.prevails(*o, p))
        };
        let (mut accepted, mut defeated) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let next_in: BTreeSet<_> =
                set.iter().copied().filter(|p| attackers(*p).all(|o| defeated.contains(&o))).collect();
            let next_out: BTreeSet<_> =
                set.iter().copied().filter(|p| attackers(*p).any(|o| next_in.contains(&o))).collect();
            if next_in == accepted && next_out == defeated {
                return (accepted, defeated);
            }
            (accepted, defeated) = (next_in, next_out);
        }
    }

    fn prevails(&self, o: ProvisionId, p: ProvisionId) -> bool {
        let named = |a: ProvisionId, b: ProvisionId| {
            self.provision(a).overrides.contains(&b) || self.provision(b).subject_to.contains(&a)
        };
        let rank = |a: ProvisionId| self.law.instruments[self.provision(a).instrument as usize].rank;
        if named(o, p) || named(p, o) {
            return named(o, p) && !named(p, o);
        }
        rank(o).jurisdiction == rank(p).jurisdiction && rank(o).level > rank(p).level
    }

    fn live(&self, p: ProvisionId) -> bool {
        let provision = self.provision(p);
        matches!(provision.modality, Modality::Prohibit | Modality::Permit)
            && provision.known.contains(self.k)
            && provision.scopes.iter().any(|s| self.meets(s, self.forbids(p)))
            && self.rests_on(Node::Provision(p)).into_iter().all(|node| self.stands(node))
            && self.acting(p, Operator::Remove).is_empty()
    }

    /// The node, its document, and everything these rest on.
    fn rests_on(&self, node: Node) -> BTreeSet<Node> {
        let mut nodes = BTreeSet::new();
        let mut rest = vec![node];
        while let Some(node) = rest.pop() {
            if nodes.insert(node) {
                match node {
                    Node::Provision(p) => rest.push(Node::Instrument(self.provision(p).instrument)),
                    Node::Instrument(i) => rest.extend(&self.law.instruments[i as usize].under),
                }
            }
        }
        nodes
    }

    /// Whether a node is visible and has force, its own or by extension.
    fn stands(&self, node: Node) -> bool {
        let (known, own) = match node {
            Node::Instrument(i) => {
                let instrument = &self.law.instruments[i as usize];
                (instrument.known, instrument.force.iter().any(|e| self.inside(e)))
            }
            Node::Provision(p) => (self.provision(p).known, self.own_force(p)),
        };
        known.contains(self.k) && (own || !self.acting_on(node, Operator::Extend).is_empty())
    }

    fn own_force(&self, p: ProvisionId) -> bool {
        let provision = self.provision(p);
        provision.force.iter().any(|e| self.inside(e))
            && provision.until_met.is_none_or(|c| self.met(c).is_empty())
            && provision.while_met.is_none_or(|c| !self.met(c).is_empty())
    }

    fn met(&self, condition: u32) -> BTreeSet<Agent> {
        let doubt = Variable::Doubt(Doubt::Condition(condition));
        let suffices = self.settled.get(&doubt).is_none_or(|choice| choice.asked == 1);
        let attested =
            ids(&self.law.attestations).filter(|(_, a)| a.condition == condition && a.known.contains(self.k));
        attested.filter(|(_, a)| suffices && self.inside(&a.window)).map(|(a, _)| Agent::Attestation(a)).collect()
    }

    fn fulfilling(&self, p: ProvisionId) -> BTreeSet<Agent> {
        self.provision(p).while_met.map(|c| self.met(c)).unwrap_or_default()
    }

    fn extending(&self, p: ProvisionId) -> BTreeSet<Agent> {
        if self.own_force(p) { BTreeSet::new() } else { self.acting(p, Operator::Extend) }
    }

    fn acting(&self, p: ProvisionId, operator: Operator) -> BTreeSet<Agent> {
        self.acting_on(Node::Provision(p), operator)
    }

    /// The active effects of one kind on a node or on what it rests on.
    fn acting_on(&self, node: Node, operator: Operator) -> BTreeSet<Agent> {
        let nodes = self.rests_on(node);
        let own = match node {
            Node::Provision(p) => Some(Node::Instrument(self.provision(p).instrument)),
            Node::Instrument(_) => None,
        };
        let reaches = |e: &Effect| {
            let target = match e.target {
                Target::Instrument(i) => Node::Instrument(i),
                Target::Provision(p) => Node::Provision(p),
                Target::Effect(_) => return false,
            };
            nodes.contains(&target) && (!e.dependents_kept || target == node || Some(target) == own)
        };
        let effects = ids(&self.law.effects).filter(|(_, e)| e.operator == operator && reaches(e));
        effects.filter(|(id, _)| self.active(*id)).map(|(id, _)| Agent::Effect(id)).collect()
    }

    fn active(&self, id: EffectId) -> bool {
        let effect = &self.law.effects[id as usize];
        let ends =
            |e: &Effect| e.target == Target::Effect(id) && matches!(e.operator, Operator::Suspend | Operator::Remove);
        effect.known.contains(self.k)
            && self.inside(&effect.window)
            && effect.slice.iter().any(|s| self.meets(s, effect.operator == Operator::Extend))
            && !ids(&self.law.effects).any(|(other, e)| ends(e) && self.active(other))
    }

    /// Whether the completed case meets a scope, read as a prohibition reads it or as a claim.
    fn meets(&self, scope: &Scope, asks: bool) -> bool {
        scope.names(self.case.app, self.case.act)
            && scope.limits.iter().all(|(f, admitted)| {
                let choice = self.settled.get(&Variable::Facet(*f));
                choice.is_some_and(|c| admitted >> (if asks { c.asked } else { c.claimed }) & 1 == 1)
            })
    }

    fn inside(&self, extent: &Extent) -> bool {
        let passed = |reading: ReadingId| {
            self.settled.get(&Variable::Doubt(Doubt::Reading(reading))).is_some_and(|c| c.asked == 1)
        };
        let has_passed = |edge: crate::time::Edge| edge.passed(self.v).unwrap_or_else(|| passed(edge.reading));
        has_passed(extent.from) && !has_passed(extent.until)
    }
}

fn ids<T>(records: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (0..).zip(records)
}

//! The definition itself, where nothing is open: what is live, what prevails, what acts on it, and the status.

#![expect(clippy::indexing_slicing, reason = "reads checked law; an id out of range is a fault to stop at")]

use super::completions::{Completion, Decided, Variable};
use super::ids;
use crate::answer::{Agent, Doubt, Ground, Status};
use crate::case::Case;
use crate::law::{Effect, EffectId, Law, Modality, Node, Operator, Provision, ProvisionId, Scope, Target};
use crate::time::{Extent, ReadingId, Time};
use std::collections::BTreeSet;

/// One completion of a case at one instant: nothing is open here.
pub(super) struct Point<'a> {
    pub(super) law: &'a Law,
    pub(super) case: &'a Case,
    pub(super) v: Time,
    pub(super) k: Time,
    pub(super) settled: &'a Completion,
}

impl Point<'_> {
    /// Its status, the grounds, and whether it rests on an unranked tie.
    pub(super) fn decide(&self) -> Decided {
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

//! One completion of a case in one cell of time: every facet and every doubt settled.

use super::near::{Bits, Limits, Near, NearProvision};
use crate::answer::{Agent, Ground, Status};
use crate::law::{ConditionId, FACETS_MAX, Operator, Value};
use crate::time::Extent;

/// What is settled in a completion.
pub(super) struct Settled<'a> {
    /// What prohibitions read, by facet.
    pub(super) asked: &'a [Value; FACETS_MAX],
    /// What exceptions and relief read, by facet.
    pub(super) claimed: &'a [Value; FACETS_MAX],
    /// Whether an extent contains the instant, its readings settled.
    pub(super) inside: &'a dyn Fn(&Extent) -> bool,
    /// Whether what was attested of a condition suffices.
    pub(super) suffices: &'a dyn Fn(ConditionId) -> bool,
    /// Bits of the records visible in the cell.
    pub(super) visible: &'a Visible,
}

/// Which records can be known in a cell.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Visible {
    pub(super) provisions: Bits,
    pub(super) effects: Bits,
    pub(super) nodes: Vec<bool>,
    pub(super) attestations: Vec<bool>,
}

/// A status with its proof, and whether it rests on an unranked tie.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) grounds: Vec<Ground>,
    pub(super) conflict: bool,
}

struct Point<'a> {
    near: &'a Near,
    settled: &'a Settled<'a>,
    active: Bits,
}

/// Decides one completion.
pub(super) fn decide(near: &Near, settled: &Settled<'_>) -> Verdict {
    let mut point = Point { near, settled, active: 0 };
    point.active = point.active_effects();
    let live = point.live();
    let forbids = set(&near.provisions, |_, p| p.forbids);
    let stayed = live & set(&near.provisions, |_, p| p.acted_by(Operator::Suspend) & point.active != 0);
    let in_force = live & !stayed;
    let (accepted, defeated) = point.label(in_force);
    let surviving = in_force & !defeated & forbids;
    if surviving != 0 {
        return point.forbidden(surviving, in_force);
    }
    let lifted = live & !(stayed & !forbids);
    let (_, defeated_then) = point.label(lifted);
    let held = lifted & !defeated_then & forbids & stayed;
    if held != 0 {
        let grounds = point.each(held, |p| (Status::Stayed, point.agents(p.acted_by(Operator::Suspend))));
        return Verdict { status: Status::Stayed, grounds, conflict: false };
    }
    let exceptions = accepted & !forbids;
    if exceptions == 0 {
        return Verdict { status: Status::Permitted, grounds: Vec::new(), conflict: false };
    }
    let mut grounds = point.each(exceptions, |p| (Status::Excepted, point.fulfilling(p)));
    for (_, p) in members(&near.provisions, defeated & forbids) {
        let by = members(&near.provisions, p.attackers & exceptions).map(|(_, e)| Agent::Provision(e.id)).collect();
        grounds.push(Ground { status: Status::Excepted, provision: p.id, by });
    }
    grounds.sort();
    Verdict { status: Status::Excepted, grounds, conflict: false }
}

impl NearProvision {
    pub(super) const fn acted_by(&self, operator: Operator) -> Bits {
        let [suspend, remove, extend, unenforce] = self.acted;
        match operator {
            Operator::Suspend => suspend,
            Operator::Remove => remove,
            Operator::Extend => extend,
            Operator::Unenforce => unenforce,
        }
    }
}

impl Point<'_> {
    fn active_effects(&self) -> Bits {
        let mut active: Bits = 0;
        for (n, effect) in self.near.effects.iter().enumerate() {
            let read = if effect.extends { self.settled.asked } else { self.settled.claimed };
            let acts = self.settled.visible.effects >> n & 1 == 1
                && (self.settled.inside)(&effect.window)
                && effect.slice.iter().any(|limits| meets(limits, read))
                && effect.ended & active == 0;
            active |= Bits::from(acts) << n;
        }
        active
    }

    fn live(&self) -> Bits {
        set(&self.near.provisions, |n, p| {
            let read = if p.forbids { self.settled.asked } else { self.settled.claimed };
            self.settled.visible.provisions >> n & 1 == 1
                && p.scopes.iter().any(|(_, limits)| meets(limits, read))
                && p.acted_by(Operator::Remove) & self.active == 0
                && (self.own_force(p.own) || p.acted_by(Operator::Extend) & self.active != 0)
                && p.authority.iter().all(|node| self.stands(*node))
        })
    }

    fn own_force(&self, node: usize) -> bool {
        self.near.nodes.get(node).is_some_and(|node| {
            node.force.iter().any(|extent| (self.settled.inside)(extent))
                && node.until_met.is_none_or(|c| self.met(c).next().is_none())
                && node.while_met.is_none_or(|c| self.met(c).next().is_some())
        })
    }

    fn stands(&self, node: usize) -> bool {
        let extended = self.near.nodes.get(node).is_some_and(|node| node.extended & self.active != 0);
        self.settled.visible.nodes.get(node) == Some(&true) && (extended || self.own_force(node))
    }

    fn met(&self, condition: ConditionId) -> impl Iterator<Item = Agent> {
        let near = self.near.attestations.iter().zip(&self.settled.visible.attestations);
        near.filter(move |(a, visible)| {
            **visible
                && a.condition == condition
                && (self.settled.inside)(&a.window)
                && (!a.open || (self.settled.suffices)(condition))
        })
        .map(|(a, _)| Agent::Attestation(a.id))
    }

    /// The grounded labelling by propagation: an accepted provision defeats what it attacks; one whose
    /// attackers are all defeated is accepted; what is left attacks in a circle.
    fn label(&self, among: Bits) -> (Bits, Bits) {
        let (mut accepted, mut defeated): (Bits, Bits) = (0, 0);
        loop {
            let open = among & !accepted & !defeated;
            let free = open & set(&self.near.provisions, |_, p| p.attackers & among & !defeated == 0);
            if free == 0 {
                return (accepted, defeated);
            }
            accepted |= free;
            defeated |= members(&self.near.provisions, free).fold(0, |hit, (_, p)| hit | p.victims & among);
        }
    }

    fn forbidden(&self, surviving: Bits, in_force: Bits) -> Verdict {
        let unenforced = |p: &NearProvision| p.acted_by(Operator::Unenforce) & self.active;
        let status = |p: &NearProvision| if unenforced(p) == 0 { Status::Prohibited } else { Status::NotEnforced };
        let grounds = self.each(surviving, |p| (status(p), self.agents(p.acted_by(Operator::Unenforce))));
        let tied = |p: &NearProvision| in_force & p.tied != 0;
        Verdict {
            status: grounds.iter().map(|g| g.status).max().unwrap_or(Status::Prohibited),
            conflict: members(&self.near.provisions, surviving).any(|(_, p)| tied(p)),
            grounds,
        }
    }

    /// A ground for each provision of a set, the effects that extend its force added.
    fn each(&self, which: Bits, ground: impl Fn(&NearProvision) -> (Status, Vec<Agent>)) -> Vec<Ground> {
        let full = |(_, p): (usize, &NearProvision)| {
            let (status, mut by) = ground(p);
            if !self.own_force(p.own) {
                by.extend(self.agents(p.acted_by(Operator::Extend)));
            }
            by.sort();
            by.dedup();
            Ground { status, provision: p.id, by }
        };
        let mut grounds: Vec<Ground> = members(&self.near.provisions, which).map(full).collect();
        grounds.sort();
        grounds
    }

    fn agents(&self, effects: Bits) -> Vec<Agent> {
        members(&self.near.effects, effects & self.active).map(|(_, e)| Agent::Effect(e.id)).collect()
    }

    fn fulfilling(&self, p: &NearProvision) -> Vec<Agent> {
        let condition = self.near.nodes.get(p.own).and_then(|node| node.while_met);
        condition.map(|c| self.met(c).collect()).unwrap_or_default()
    }
}

fn meets(limits: &Limits, read: &[Value; FACETS_MAX]) -> bool {
    limits.iter().all(|(facet, admitted)| read.get(usize::from(*facet)).is_some_and(|value| admitted >> value & 1 == 1))
}

fn set<T>(items: &[T], holds: impl Fn(usize, &T) -> bool) -> Bits {
    items.iter().enumerate().filter(|(n, item)| holds(*n, item)).fold(0, |set, (n, _)| set | 1 << n)
}

fn members<T>(items: &[T], which: Bits) -> impl Iterator<Item = (usize, &T)> {
    items.iter().enumerate().filter(move |(n, _)| which >> n & 1 == 1)
}

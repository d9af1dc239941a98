//! The records that bear on one app and act, gathered and renumbered so that sets of them are bits.

use crate::law::{
    ActId, AppId, AttestationId, ConditionId, EffectId, FacetId, InstrumentId, Law, Modality, Node, Operator,
    ProvisionId, Scope, Target, Values,
};
use crate::time::{Extent, Period};
use std::collections::{BTreeMap, BTreeSet};

/// More provisions or effects than this on one app and act are refused at compile time: sets of them
/// are 128-bit words. The busiest real pair has about twenty.
pub(super) const BEARING_MAX: usize = 128;

/// A set of provisions or effects by local number.
pub(super) type Bits = u128;

/// A conjunction over facets, app and act already settled.
pub(super) type Limits = Vec<(FacetId, Values)>;

#[derive(PartialEq, Eq, Hash)]
pub(super) struct NearProvision {
    pub(super) id: ProvisionId,
    pub(super) forbids: bool,
    /// The scopes that name the app and act, with their index in the provision.
    pub(super) scopes: Vec<(u8, Limits)>,
    /// The node that is the provision itself.
    pub(super) own: usize,
    /// The nodes it rests on.
    pub(super) authority: Vec<usize>,
    /// Effects that act on it, by operator in the order of [`Operator`].
    pub(super) acted: [Bits; 4],
    /// Local provisions of the opposite modality that prevail over it.
    pub(super) attackers: Bits,
    /// Local provisions of the opposite modality it prevails over.
    pub(super) victims: Bits,
    /// Local provisions of the opposite modality in the same law that nothing ranks against it.
    pub(super) tied: Bits,
}

#[derive(PartialEq, Eq, Hash)]
pub(super) struct NearNode {
    pub(super) known: Period,
    pub(super) force: Vec<Extent>,
    pub(super) until_met: Option<ConditionId>,
    pub(super) while_met: Option<ConditionId>,
    /// Effects that extend it.
    pub(super) extended: Bits,
}

#[derive(PartialEq, Eq, Hash)]
pub(super) struct NearEffect {
    pub(super) id: EffectId,
    pub(super) extends: bool,
    pub(super) slice: Vec<Limits>,
    pub(super) window: Extent,
    pub(super) known: Period,
    /// Effects that end this one; they stand earlier in the list.
    pub(super) ended: Bits,
}

#[derive(PartialEq, Eq, Hash)]
pub(super) struct NearAttestation {
    pub(super) id: AttestationId,
    pub(super) condition: ConditionId,
    pub(super) open: bool,
    pub(super) window: Extent,
    pub(super) known: Period,
}

/// All that can decide cases of one app and act. Equal gatherings compile to equal tables.
#[derive(PartialEq, Eq, Hash, Default)]
pub(super) struct Near {
    pub(super) provisions: Vec<NearProvision>,
    pub(super) nodes: Vec<NearNode>,
    pub(super) effects: Vec<NearEffect>,
    pub(super) attestations: Vec<NearAttestation>,
}

/// What the gathering of every pair shares: who rests on what, what acts on what.
pub(super) struct Web<'l> {
    law: &'l Law,
    conduct: Vec<ProvisionId>,
    authority: BTreeMap<ProvisionId, BTreeSet<Node>>,
    /// Effects in an order in which what ends an effect comes before it.
    order: Vec<EffectId>,
}

impl<'l> Web<'l> {
    pub(super) fn new(law: &'l Law) -> Self {
        let conduct: Vec<ProvisionId> = (0..)
            .zip(&law.provisions)
            .filter(|(_, p)| matches!(p.modality, Modality::Prohibit | Modality::Permit))
            .map(|(id, _)| id)
            .collect();
        let authority = conduct.iter().map(|p| (*p, rests_on(law, Node::Provision(*p)))).collect();
        Self { law, conduct, authority, order: enders_first(law) }
    }

    /// What bears on `app` and `act`, or how many records too many there are.
    pub(super) fn gather(&self, app: AppId, act: ActId) -> Result<Near, usize> {
        let ids: Vec<ProvisionId> =
            self.conduct.iter().copied().filter(|p| !self.naming(*p, app, act).is_empty()).collect();
        let nodes: BTreeSet<Node> = ids.iter().filter_map(|p| self.authority.get(p)).flatten().copied().collect();
        let effect_ids = self.bearing_effects(&nodes);
        let excess = ids.len().max(effect_ids.len());
        if excess > BEARING_MAX {
            return Err(excess);
        }
        let effects = self.effects(&effect_ids, app, act);
        let node_list: Vec<Node> = nodes.iter().copied().collect();
        Ok(Near {
            provisions: ids.iter().map(|p| self.provision(*p, app, act, &ids, &node_list, &effect_ids)).collect(),
            nodes: node_list.iter().filter_map(|node| self.node(*node, &effect_ids)).collect(),
            attestations: self.attestations(&node_list),
            effects,
        })
    }

    fn naming(&self, p: ProvisionId, app: AppId, act: ActId) -> Vec<(u8, Limits)> {
        let scopes = self.law.provisions.get(p as usize).map(|p| p.scopes.as_slice()).unwrap_or_default();
        (0..).zip(scopes).filter(|(_, s)| s.names(app, act)).map(|(n, s)| (n, s.limits.clone())).collect()
    }

    fn bearing_effects(&self, nodes: &BTreeSet<Node>) -> Vec<EffectId> {
        let mut bearing: BTreeSet<EffectId> = BTreeSet::new();
        // What ends an effect precedes it in `order`, so the reverse meets every target before its enders.
        for id in self.order.iter().rev() {
            let reached = self.law.effects.get(*id as usize).is_some_and(|e| match e.target {
                Target::Instrument(i) => nodes.contains(&Node::Instrument(i)),
                Target::Provision(p) => nodes.contains(&Node::Provision(p)),
                Target::Effect(target) => {
                    bearing.contains(&target) && matches!(e.operator, Operator::Suspend | Operator::Remove)
                }
            });
            if reached {
                bearing.insert(*id);
            }
        }
        self.order.iter().copied().filter(|id| bearing.contains(id)).collect()
    }

    fn effects(&self, ids: &[EffectId], app: AppId, act: ActId) -> Vec<NearEffect> {
        let near = |id: &EffectId| {
            let effect = self.law.effects.get(*id as usize)?;
            let ends = |other: &EffectId| {
                self.law.effects.get(*other as usize).is_some_and(|e| {
                    e.target == Target::Effect(*id) && matches!(e.operator, Operator::Suspend | Operator::Remove)
                })
            };
            Some(NearEffect {
                id: *id,
                extends: effect.operator == Operator::Extend,
                slice: effect.slice.iter().filter(|s| s.names(app, act)).map(|s: &Scope| s.limits.clone()).collect(),
                window: effect.window,
                known: effect.known,
                ended: bits(ids, ends),
            })
        };
        ids.iter().filter_map(near).collect()
    }

    fn provision(
        &self,
        p: ProvisionId,
        app: AppId,
        act: ActId,
        ids: &[ProvisionId],
        nodes: &[Node],
        effects: &[EffectId],
    ) -> NearProvision {
        let nothing = BTreeSet::new();
        let authority = self.authority.get(&p).unwrap_or(&nothing);
        let operators = [Operator::Suspend, Operator::Remove, Operator::Extend, Operator::Unenforce];
        NearProvision {
            id: p,
            forbids: self.forbids(p),
            scopes: self.naming(p, app, act),
            own: nodes.iter().position(|node| *node == Node::Provision(p)).unwrap_or(usize::MAX),
            authority: authority
                .iter()
                .filter(|node| **node != Node::Provision(p))
                .filter_map(|node| nodes.iter().position(|other| other == node))
                .collect(),
            acted: operators.map(|op| bits(effects, |e| self.acts_on(*e, op, Node::Provision(p), authority))),
            attackers: bits(ids, |o| self.forbids(*o) != self.forbids(p) && self.prevails(*o, p)),
            victims: bits(ids, |o| self.forbids(*o) != self.forbids(p) && self.prevails(p, *o)),
            tied: bits(ids, |o| {
                let opposed = self.forbids(*o) != self.forbids(p) && self.home(*o) == self.home(p);
                opposed && !self.prevails(*o, p) && !self.prevails(p, *o)
            }),
        }
    }

    fn node(&self, node: Node, effects: &[EffectId]) -> Option<NearNode> {
        let authority = rests_on(self.law, node);
        let extended = bits(effects, |e| self.acts_on(*e, Operator::Extend, node, &authority));
        Some(match node {
            Node::Instrument(i) => {
                let instrument = self.law.instruments.get(i as usize)?;
                NearNode {
                    known: instrument.known,
                    force: instrument.force.clone(),
                    until_met: None,
                    while_met: None,
                    extended,
                }
            }
            Node::Provision(p) => {
                let provision = self.law.provisions.get(p as usize)?;
                NearNode {
                    known: provision.known,
                    force: provision.force.clone(),
                    until_met: provision.until_met,
                    while_met: provision.while_met,
                    extended,
                }
            }
        })
    }

    fn attestations(&self, nodes: &[Node]) -> Vec<NearAttestation> {
        let conditions: BTreeSet<ConditionId> = nodes
            .iter()
            .filter_map(|node| match node {
                Node::Provision(p) => self.law.provisions.get(*p as usize),
                Node::Instrument(_) => None,
            })
            .flat_map(|p| [p.until_met, p.while_met])
            .flatten()
            .collect();
        let near = |(id, a): (AttestationId, &crate::law::Attestation)| NearAttestation {
            id,
            condition: a.condition,
            open: self.law.conditions.get(a.condition as usize).is_some_and(|c| c.open),
            window: a.window,
            known: a.known,
        };
        (0..).zip(&self.law.attestations).filter(|(_, a)| conditions.contains(&a.condition)).map(near).collect()
    }

    fn acts_on(&self, e: EffectId, operator: Operator, node: Node, authority: &BTreeSet<Node>) -> bool {
        let Some(effect) = self.law.effects.get(e as usize).filter(|e| e.operator == operator) else { return false };
        let target = match effect.target {
            Target::Instrument(i) => Node::Instrument(i),
            Target::Provision(p) => Node::Provision(p),
            Target::Effect(_) => return false,
        };
        let itself = target == node || Some(target) == self.document(node).map(Node::Instrument);
        if effect.dependents_kept { itself } else { authority.contains(&target) }
    }

    fn document(&self, node: Node) -> Option<InstrumentId> {
        match node {
            Node::Provision(p) => self.law.provisions.get(p as usize).map(|p| p.instrument),
            Node::Instrument(_) => None,
        }
    }

    fn forbids(&self, p: ProvisionId) -> bool {
        self.law.provisions.get(p as usize).is_some_and(|p| p.modality == Modality::Prohibit)
    }

    fn prevails(&self, o: ProvisionId, p: ProvisionId) -> bool {
        prevails(self.law, o, p)
    }

    /// Whose law a provision is.
    fn home(&self, p: ProvisionId) -> Option<u16> {
        let instrument = self.law.provisions.get(p as usize)?.instrument;
        self.law.instruments.get(instrument as usize).map(|i| i.rank.jurisdiction)
    }
}

/// Whether `o` prevails over `p`: by an explicit edge, else by rank within one jurisdiction.
fn prevails(law: &Law, o: ProvisionId, p: ProvisionId) -> bool {
    let (Some(upper), Some(lower)) = (law.provisions.get(o as usize), law.provisions.get(p as usize)) else {
        return false;
    };
    let over = upper.overrides.contains(&p) || lower.subject_to.contains(&o);
    let under = lower.overrides.contains(&o) || upper.subject_to.contains(&p);
    if over || under {
        return over && !under;
    }
    let rank = |i: InstrumentId| law.instruments.get(i as usize).map(|i| i.rank);
    match (rank(upper.instrument), rank(lower.instrument)) {
        (Some(a), Some(b)) => a.jurisdiction == b.jurisdiction && a.level > b.level,
        (None, _) | (_, None) => false,
    }
}

/// The node, its document, and all that these rest on.
fn rests_on(law: &Law, node: Node) -> BTreeSet<Node> {
    let mut nodes = BTreeSet::new();
    let mut rest = vec![node];
    while let Some(node) = rest.pop() {
        if !nodes.insert(node) {
            continue;
        }
        match node {
            Node::Provision(p) => {
                rest.extend(law.provisions.get(p as usize).map(|p| Node::Instrument(p.instrument)));
            }
            Node::Instrument(i) => rest.extend(law.instruments.get(i as usize).into_iter().flat_map(|i| &i.under)),
        }
    }
    nodes
}

/// Effects ordered so that what acts on an effect comes before it. The relation has no cycle in checked law.
fn enders_first(law: &Law) -> Vec<EffectId> {
    let depth = |mut id: EffectId| {
        let mut depth = 0;
        while let Some(Target::Effect(target)) = law.effects.get(id as usize).map(|e| e.target) {
            depth += 1;
            id = target;
            if depth > law.effects.len() {
                break;
            }
        }
        depth
    };
    let mut order: Vec<EffectId> = (0..).zip(&law.effects).map(|(id, _)| id).collect();
    order.sort_by_key(|id| (std::cmp::Reverse(depth(*id)), *id));
    order
}

fn bits<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Bits {
    items.iter().enumerate().filter(|(_, item)| holds(item)).fold(0, |set, (n, _)| set | 1 << n)
}

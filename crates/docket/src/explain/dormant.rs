//! Prohibitions whose words reach the case and that do not bear on the answer: not known then, not in force, or lifted
//! and by what.

use super::Question;
use crate::docket::Docket;
use crate::lower::Origin;
use crate::moment::format_rfc3339;
use law::law::{Modality, Node, Operator, Provision, ProvisionId, Scope, Target};
use law::time::FOREVER;
use law::{Extent, Time};
use std::collections::BTreeSet;
use std::fmt;

/// What keeps prohibitions from bearing on an answer.
#[derive(Debug, Default)]
pub(super) struct Dormant {
    /// One line for each that is not known or not in force.
    pub(super) told: Vec<String>,
    /// For each that was taken away, everything that takes it away.
    pub(super) lifted: BTreeSet<BTreeSet<Origin>>,
}

/// How a provision stands at the instant of a question.
#[derive(Clone, Copy)]
enum Force {
    /// It has force of its own.
    Runs,
    /// It begins later.
    Later(Time),
    /// It has ended.
    Ended(Time),
    /// It has force, and nobody could know it yet.
    Unheard(Time),
    /// Neither then nor as known then.
    Unknown,
    /// Our record of it was withdrawn.
    Withdrawn,
}

impl fmt::Display for Force {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("in force"),
            Self::Later(from) => write!(f, "not in force before {}", format_rfc3339(*from)),
            Self::Ended(until) => write!(f, "no longer in force since {}", format_rfc3339(*until)),
            Self::Unheard(known) => write!(f, "not known before {}", format_rfc3339(*known)),
            Self::Unknown => f.write_str("not known"),
            Self::Withdrawn => f.write_str("withdrawn from the file"),
        }
    }
}

impl Docket {
    /// Prohibitions of this app and act that no limit keeps from the case, other than those that are `cited`.
    pub(super) fn dormant(&self, question: &Question, cited: &BTreeSet<Origin>) -> Dormant {
        let mut dormant = Dormant::default();
        let reaches = |scope: &Scope| {
            scope.names(question.case.app, question.case.act) && self.failing(question, scope).next().is_none()
        };
        for ((id, provision), origin) in (0..).zip(&self.lowered.law.provisions).zip(&self.lowered.provisions) {
            let forbids = provision.modality == Modality::Prohibit && !cited.contains(origin);
            if !forbids || !provision.scopes.iter().any(reaches) {
                continue;
            }
            let force = self.force(provision, question);
            match force {
                Force::Runs => dormant.lifted.extend([self.lifting(id, question)]),
                Force::Unknown => {}
                Force::Later(_) | Force::Ended(_) | Force::Unheard(_) | Force::Withdrawn => {
                    dormant.told.push(format!("{force}: {}", self.citation(*origin)));
                }
            }
        }
        dormant.lifted.remove(&BTreeSet::new());
        dormant
    }

    /// Whether a provision has force of its own then, as known then.
    fn force(&self, provision: &Provision, question: &Question) -> Force {
        let begins = provision.force.iter().map(|extent| extent.from.earliest).min().unwrap_or(FOREVER);
        let ends = provision.force.iter().map(|extent| extent.until.latest).max().unwrap_or(FOREVER);
        let runs = (begins..ends).contains(&question.valid_at);
        if question.known_at < provision.known.from {
            return if runs { Force::Unheard(provision.known.from) } else { Force::Unknown };
        }
        if provision.known.until <= question.known_at {
            return Force::Withdrawn;
        }
        match question.valid_at < begins {
            true => Force::Later(begins),
            false if runs => Force::Runs,
            false => Force::Ended(ends),
        }
    }

    /// The statements that may take a provision away: they act on it or on what it rests on, or meet its condition.
    fn lifting(&self, id: ProvisionId, question: &Question) -> BTreeSet<Origin> {
        let law = &self.lowered.law;
        let running = |window: &Extent| {
            window.from.passed(question.valid_at) != Some(false) && window.until.passed(question.valid_at) != Some(true)
        };
        let nodes = self.rests_on(Node::Provision(id));
        let removes = |target: &Target| match target {
            Target::Instrument(i) => nodes.contains(&Node::Instrument(*i)),
            Target::Provision(p) => nodes.contains(&Node::Provision(*p)),
            Target::Effect(_) => false,
        };
        let effects = law.effects.iter().zip(&self.lowered.effects).filter(|(effect, _)| {
            effect.operator == Operator::Remove
                && effect.known.contains(question.known_at)
                && running(&effect.window)
                && removes(&effect.target)
        });
        let condition = law.provisions.get(id as usize).and_then(|provision| provision.until_met);
        let attested = law.attestations.iter().zip(&self.lowered.attestations).filter(|(attestation, _)| {
            Some(attestation.condition) == condition
                && attestation.known.contains(question.known_at)
                && running(&attestation.window)
        });
        effects.map(|(_, origin)| *origin).chain(attested.map(|(_, origin)| *origin)).collect()
    }

    /// A node, its document, and everything these rest on.
    fn rests_on(&self, node: Node) -> BTreeSet<Node> {
        let law = &self.lowered.law;
        let mut nodes = BTreeSet::new();
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            if !nodes.insert(node) {
                continue;
            }
            match node {
                Node::Provision(p) => {
                    waiting
                        .extend(law.provisions.get(p as usize).map(|provision| Node::Instrument(provision.instrument)));
                }
                Node::Instrument(i) => {
                    waiting.extend(law.instruments.get(i as usize).into_iter().flat_map(|document| &document.under));
                }
            }
        }
        nodes
    }
}

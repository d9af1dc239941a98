//! Statuses, sets of statuses, and the proof that goes with a set.

use crate::law::{AttestationId, EffectId, FacetId, ProvisionId};

/// What law says of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Nothing in force reaches it.
    Permitted = 0,
    /// An express exception or licence takes it out.
    Excepted = 1,
    /// A court has suspended every provision that would prohibit it.
    Stayed = 2,
    /// Unlawful; the authority has been told not to act.
    NotEnforced = 3,
    /// A provision in force reaches it and nothing lifts it.
    Prohibited = 4,
}

impl Status {
    /// In order of rising restraint.
    pub const ALL: [Self; 5] = [Self::Permitted, Self::Excepted, Self::Stayed, Self::NotEnforced, Self::Prohibited];

    /// Whether a person doing the act breaks the law, enforced or not.
    #[must_use]
    pub const fn is_unlawful(self) -> bool {
        matches!(self, Self::NotEnforced | Self::Prohibited)
    }
}

/// A set of statuses, bit `s` for status `s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Statuses(pub u8);

impl Statuses {
    /// Every status: nothing is known.
    pub const ALL: Self = Self(0b1_1111);

    /// The set of one.
    #[must_use]
    pub const fn only(status: Status) -> Self {
        Self(1 << status as u8)
    }

    /// Whether `status` is possible.
    #[must_use]
    pub const fn contains(self, status: Status) -> bool {
        self.0 >> status as u8 & 1 == 1
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The only member, if there is one.
    #[must_use]
    pub fn single(self) -> Option<Status> {
        let mut members = self.iter();
        let first = members.next();
        if members.next().is_some() { None } else { first }
    }

    /// The members, in order of rising restraint.
    pub fn iter(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |status| self.contains(*status))
    }

    /// Whether a prohibition, enforced or not, is among the possibilities.
    #[must_use]
    pub const fn may_be_unlawful(self) -> bool {
        self.contains(Status::NotEnforced) || self.contains(Status::Prohibited)
    }
}

impl FromIterator<Status> for Statuses {
    fn from_iter<I: IntoIterator<Item = Status>>(statuses: I) -> Self {
        statuses.into_iter().fold(Self::default(), |set, status| set.union(Self::only(status)))
    }
}

/// A record that acts in a proof beside the provision it stands with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agent {
    /// A stay, an extension, an order not to enforce.
    Effect(EffectId),
    /// An exception that defeats a prohibition.
    Provision(ProvisionId),
    /// What met the condition of an exception.
    Attestation(AttestationId),
}

/// One provision that makes a status what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ground {
    /// The status it speaks for.
    pub status: Status,
    /// The provision.
    pub provision: ProvisionId,
    /// What acts on it, or fulfils it; sorted.
    pub by: Vec<Agent>,
}

/// Something that only a human reading of the words can settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// An edge whose readings disagree at this instant.
    Reading(u16),
    /// A condition whose sufficiency is disputed.
    Condition(u32),
}

/// A status set with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// What is possible; never empty.
    pub statuses: Statuses,
    /// Every ground of every possibility, sorted, none twice. Empty when simply permitted.
    pub grounds: Vec<Ground>,
    /// Facets not known whose value would change the status; sorted.
    pub needs: Vec<FacetId>,
    /// Doubts about words that change the status; sorted.
    pub doubts: Vec<Doubt>,
    /// Exceptions nobody claimed that would take the act out, each with the index of its scope; sorted.
    pub unless: Vec<(ProvisionId, u8)>,
    /// A prohibition survives only because nothing ranks it against an exception that also reaches
    /// the case.
    pub conflict: bool,
}

//! Law as numbers: instruments, provisions, the effects that act on them, conditions and attestations.
//!
//! Nothing here is ever edited by an event: a delay, a stay, a revocation is a record of its own that
//! acts on others, and every record says since when it can be known.

use crate::time::{Extent, Period, ReadingId};

/// An app, company or other subject an order can name.
pub type AppId = u16;
/// A leaf act (`app.distribute`, `host.provide`, …).
pub type ActId = u8;
/// A dimension other than app and act on which a scope may turn: place, actor, a fact.
pub type FacetId = u8;
/// A value of a facet, below [`Facet::values`].
pub type Value = u8;
/// A set of values of one facet, bit `v` for value `v`; bit [`Facet::values`] is "not claimed".
pub type Values = u128;

/// Index into [`Law::instruments`].
pub type InstrumentId = u32;
/// Index into [`Law::provisions`].
pub type ProvisionId = u32;
/// Index into [`Law::effects`].
pub type EffectId = u32;
/// Index into [`Law::conditions`].
pub type ConditionId = u32;
/// Index into [`Law::attestations`].
pub type AttestationId = u32;

/// More facets than this do not fit a case.
pub const FACETS_MAX: usize = 64;
/// A facet has at most this many values, so that a set of them and "not claimed" fit 128 bits.
pub const VALUES_MAX: u8 = 120;
/// A facet has at most this many regions, so that a state fits a byte.
pub const REGIONS_MAX: usize = 120;

/// A finite dimension of a case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facet {
    /// How many values there are. All of them are possible when the facet is not known.
    pub values: u8,
    /// Coarse answers ("in the United States") and what they leave open.
    pub regions: Vec<Region>,
    /// Every case states it: it has no state for absent or unknown, and a case without it is not answered.
    pub stated: bool,
}

/// A coarse value: the thing at large, and the parts that may have law of their own.
///
/// A region stands for itself at large. A part joins the answer only where it forbids the act or
/// leaves it unlawful but unenforced: what is free either way needs no finer answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// The value that is the region at large.
    pub own: Value,
    /// The values of its parts.
    pub within: Vec<Value>,
}

/// A conjunction over app, act and facets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The apps it names, sorted; `None` names every app.
    pub apps: Option<Vec<AppId>>,
    /// Bit `a` for act `a`.
    pub acts: u64,
    /// Facets it turns on, each with the admitted values; sorted, no facet twice.
    pub limits: Vec<(FacetId, Values)>,
}

impl Scope {
    /// The scope that every case meets.
    #[must_use]
    pub const fn any() -> Self {
        Self { apps: None, acts: u64::MAX, limits: Vec::new() }
    }

    /// Whether it names this app and act, whatever the facets say.
    #[must_use]
    pub fn names(&self, app: AppId, act: ActId) -> bool {
        self.acts >> act & 1 == 1 && self.apps.as_ref().is_none_or(|apps| apps.binary_search(&app).is_ok())
    }
}

/// What a provision does to conduct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Modality {
    /// Forbids.
    Prohibit,
    /// Takes out of a prohibition, expressly: exception, exemption, licence, authorisation.
    Permit,
    /// Commands; told beside an answer, never changes a status.
    Require,
    /// Gives power to issue further law; no effect on conduct.
    Enable,
    /// Nothing until exercised.
    Reserve,
}

/// Where a document stands. Courts stand outside: they act on rules, they do not outrank them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rank {
    /// Ranks compare within one jurisdiction only.
    pub jurisdiction: u16,
    /// Higher prevails; 0 never outranks.
    pub level: u8,
}

/// One issued document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instrument {
    /// What it rests on: it has no force while any of these has none.
    pub under: Vec<Node>,
    /// When it stands.
    pub force: Vec<Extent>,
    /// Since when it can be known, until when our record of it stands.
    pub known: Period,
    /// Its rank.
    pub rank: Rank,
}

/// Something a provision can rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A whole document.
    Instrument(InstrumentId),
    /// One provision, usually one that enables.
    Provision(ProvisionId),
}

/// One numbered sentence of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Provision {
    /// The document it stands in.
    pub instrument: InstrumentId,
    /// What it does.
    pub modality: Modality,
    /// What it reaches: any of these.
    pub scopes: Vec<Scope>,
    /// When it has force of its own.
    pub force: Vec<Extent>,
    /// Since when it can be known.
    pub known: Period,
    /// Provisions it prevails over whatever their rank.
    pub overrides: Vec<ProvisionId>,
    /// Provisions it yields to whatever their rank.
    pub subject_to: Vec<ProvisionId>,
    /// No force where this condition is met.
    pub until_met: Option<ConditionId>,
    /// Force only where this condition is met.
    pub while_met: Option<ConditionId>,
}

/// The four things an event can do to law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// Stay, injunction: the provision stands but restrains nobody.
    Suspend,
    /// Delay, vacatur, revocation, rescission, sunset.
    Remove,
    /// Force beyond its own.
    Extend,
    /// Still unlawful; the authority is told not to act.
    Unenforce,
}

/// What an effect acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Every provision of the document and, unless dependents are kept, all that rests on it.
    Instrument(InstrumentId),
    /// One provision and what rests on it.
    Provision(ProvisionId),
    /// Another effect.
    Effect(EffectId),
}

/// An event that acts on law.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Effect {
    /// The document that orders it.
    pub instrument: InstrumentId,
    /// What it does.
    pub operator: Operator,
    /// To what.
    pub target: Target,
    /// For which cases: any of these.
    pub slice: Vec<Scope>,
    /// When, in valid time.
    pub window: Extent,
    /// Since when it can be known.
    pub known: Period,
    /// A saving clause: what rests on the target keeps its force.
    pub dependents_kept: bool,
}

/// Something that is met or not met over time, by attestation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Whether what was attested suffices is disputed: both answers count.
    pub open: bool,
}

/// A signed statement that a condition was met over a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attestation {
    /// Which condition.
    pub condition: ConditionId,
    /// The document that says so.
    pub instrument: InstrumentId,
    /// When it was met.
    pub window: Extent,
    /// Since when it can be known, until when it was withdrawn.
    pub known: Period,
}

/// A whole body of law.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Law {
    /// How many apps there are.
    pub apps: u16,
    /// How many acts there are, at most 64.
    pub acts: u8,
    /// The facets, at most [`FACETS_MAX`].
    pub facets: Vec<Facet>,
    /// The documents.
    pub instruments: Vec<Instrument>,
    /// Their provisions.
    pub provisions: Vec<Provision>,
    /// The events that act on them.
    pub effects: Vec<Effect>,
    /// Conditions provisions turn on.
    pub conditions: Vec<Condition>,
    /// What has been attested.
    pub attestations: Vec<Attestation>,
    /// One more than the highest [`ReadingId`] in use.
    pub readings: ReadingId,
}

/// Why law cannot be compiled. Whoever lowered it knows the words; these are the numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// More than [`FACETS_MAX`] facets, or a facet with too many values or regions.
    FacetTooWide {
        /// The facet.
        facet: usize,
    },
    /// More than 64 acts.
    TooManyActs,
    /// A record names something that does not exist, or a value outside its facet.
    Dangling {
        /// Which record.
        record: Record,
    },
    /// An edge or period that ends before it begins.
    Backwards {
        /// Which record.
        record: Record,
    },
    /// An effect that, through what it acts on, acts on itself.
    Circle {
        /// One effect of the circle.
        effect: EffectId,
    },
    /// More records bear on one app and act than a compiled set holds.
    TooManyRecords {
        /// The app.
        app: AppId,
        /// The act.
        act: ActId,
        /// How many.
        count: usize,
    },
    /// More readings are open at one instant than can be told apart.
    TooManyDoubts {
        /// The app.
        app: AppId,
        /// The act.
        act: ActId,
        /// How many.
        count: usize,
    },
    /// The facets that matter at one instant have more combinations than can be listed.
    TooManyCombinations {
        /// The app.
        app: AppId,
        /// The act.
        act: ActId,
        /// How many.
        count: usize,
    },
}

/// A record of the law by kind and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// An instrument.
    Instrument(InstrumentId),
    /// A provision.
    Provision(ProvisionId),
    /// An effect.
    Effect(EffectId),
    /// An attestation.
    Attestation(AttestationId),
    /// A facet, by its place in the list.
    Facet(FacetId),
}

impl Law {
    /// Checks that every id exists, every period runs forward and no effect acts on itself.
    ///
    /// # Errors
    /// Every flaw found.
    pub fn check(&self) -> Result<(), Vec<Flaw>> {
        let mut flaws = self.facet_flaws();
        if self.acts > 64 {
            flaws.push(Flaw::TooManyActs);
        }
        for (id, instrument) in (0..).zip(&self.instruments) {
            let sound = instrument.under.iter().all(|node| self.has(*node));
            let forward = instrument.force.iter().all(runs_forward) && instrument.known.from <= instrument.known.until;
            note(&mut flaws, Record::Instrument(id), sound, forward);
        }
        for (id, provision) in (0..).zip(&self.provisions) {
            let named = provision.overrides.iter().chain(&provision.subject_to);
            let conditions = [provision.until_met, provision.while_met];
            let sound = (provision.instrument as usize) < self.instruments.len()
                && provision.scopes.len() <= 256
                && provision.scopes.iter().all(|scope| self.holds(scope))
                && named.clone().all(|p| (*p as usize) < self.provisions.len())
                && conditions.into_iter().flatten().all(|c| (c as usize) < self.conditions.len());
            let forward = provision.force.iter().all(runs_forward) && provision.known.from <= provision.known.until;
            note(&mut flaws, Record::Provision(id), sound, forward);
        }
        for (id, effect) in (0..).zip(&self.effects) {
            let target = match effect.target {
                Target::Instrument(i) => self.has(Node::Instrument(i)),
                Target::Provision(p) => self.has(Node::Provision(p)),
                Target::Effect(e) => (e as usize) < self.effects.len(),
            };
            let sound = target
                && (effect.instrument as usize) < self.instruments.len()
                && effect.slice.iter().all(|scope| self.holds(scope));
            let forward = runs_forward(&effect.window) && effect.known.from <= effect.known.until;
            note(&mut flaws, Record::Effect(id), sound, forward);
            if self.circles(id) {
                flaws.push(Flaw::Circle { effect: id });
            }
        }
        for (id, attestation) in (0..).zip(&self.attestations) {
            let sound = (attestation.condition as usize) < self.conditions.len()
                && (attestation.instrument as usize) < self.instruments.len();
            let forward = runs_forward(&attestation.window) && attestation.known.from <= attestation.known.until;
            note(&mut flaws, Record::Attestation(id), sound, forward);
        }
        if flaws.is_empty() { Ok(()) } else { Err(flaws) }
    }

    fn facet_flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (n, facet) in self.facets.iter().enumerate() {
            if n >= FACETS_MAX || facet.values == 0 || facet.values > VALUES_MAX || facet.regions.len() > REGIONS_MAX {
                flaws.push(Flaw::FacetTooWide { facet: n });
            }
            let mut named = facet.regions.iter().flat_map(|r| r.within.iter().chain([&r.own]));
            if named.any(|value| *value >= facet.values) {
                flaws.push(Flaw::Dangling { record: Record::Facet(u8::try_from(n).unwrap_or(u8::MAX)) });
            }
        }
        flaws
    }

    fn has(&self, node: Node) -> bool {
        match node {
            Node::Instrument(i) => (i as usize) < self.instruments.len(),
            Node::Provision(p) => (p as usize) < self.provisions.len(),
        }
    }

    fn holds(&self, scope: &Scope) -> bool {
        let sorted = scope.limits.is_sorted_by(|a, b| a.0 < b.0);
        let apps = scope
            .apps
            .as_ref()
            .is_none_or(|apps| apps.is_sorted_by(|a, b| a < b) && apps.iter().all(|app| *app < self.apps));
        sorted && apps && scope.limits.iter().all(|(facet, _)| usize::from(*facet) < self.facets.len())
    }

    fn circles(&self, start: EffectId) -> bool {
        let mut at = start;
        for _ in 0..=self.effects.len() {
            match self.effects.get(at as usize).map(|e| e.target) {
                Some(Target::Effect(next)) if next == start => return true,
                Some(Target::Effect(next)) => at = next,
                Some(Target::Instrument(_) | Target::Provision(_)) | None => return false,
            }
        }
        false
    }
}

fn runs_forward(extent: &Extent) -> bool {
    extent.from.earliest <= extent.from.latest
        && extent.until.earliest <= extent.until.latest
        && extent.from.earliest <= extent.until.latest
}

fn note(flaws: &mut Vec<Flaw>, record: Record, sound: bool, forward: bool) {
    if !sound {
        flaws.push(Flaw::Dangling { record });
    }
    if !forward {
        flaws.push(Flaw::Backwards { record });
    }
}

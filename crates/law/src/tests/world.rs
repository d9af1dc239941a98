//! Random law made to collide: few instants, equal ranks, effects on effects, regions, doubts.

use crate::case::Case;
use crate::law::{
    ActId, AppId, Attestation, Condition, Effect, Facet, Instrument, Law, Modality, Node, Operator, Provision, Rank,
    Region, Scope, Target, Values,
};
use crate::time::{ALWAYS, Edge, Extent, FOREVER, Period, Time};

/// A small generator whose whole stream follows from its seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

pub(crate) const APPS: AppId = 3;
pub(crate) const ACTS: ActId = 2;
/// Instants of the world; edges fall on `0..INSTANTS`.
pub(crate) const INSTANTS: usize = 8;

pub(crate) fn facets() -> Vec<Facet> {
    vec![
        Facet {
            values: 4,
            regions: vec![Region { own: 1, within: vec![2, 3] }, Region { own: 0, within: vec![2] }],
            stated: false,
        },
        Facet { values: 2, regions: vec![], stated: true },
        Facet { values: 3, regions: vec![], stated: false },
        Facet { values: 2, regions: vec![], stated: false },
    ]
}

fn time(c: &mut Chance) -> Time {
    c.below(INSTANTS) as Time
}

fn edge(c: &mut Chance, law: &mut Law) -> Edge {
    let earliest = time(c);
    if c.percent(12) {
        let latest = earliest + 1 + c.below(3) as Time;
        let reading =
            if law.readings > 1 && c.percent(30) { c.below(usize::from(law.readings)) as u16 } else { law.readings };
        law.readings = law.readings.max(reading + 1);
        Edge { earliest, latest, reading }
    } else {
        Edge::at(earliest)
    }
}

fn extent(c: &mut Chance, law: &mut Law) -> Extent {
    let from = if c.percent(30) { Edge::at(ALWAYS) } else { edge(c, law) };
    let mut until = if c.percent(65) { Edge::at(FOREVER) } else { edge(c, law) };
    if until.latest < from.earliest {
        until = Edge::at(FOREVER);
    }
    Extent { from, until }
}

fn known(c: &mut Chance) -> Period {
    let from = time(c) / 2;
    let until = if c.percent(90) { FOREVER } else { from + 1 + time(c) };
    Period { from, until }
}

fn scope(c: &mut Chance, facets: &[Facet], limit_percent: usize) -> Scope {
    let apps = if c.percent(50) {
        None
    } else {
        let mut apps = vec![c.below(usize::from(APPS)) as AppId, c.below(usize::from(APPS)) as AppId];
        apps.sort_unstable();
        apps.dedup();
        Some(apps)
    };
    let acts = if c.percent(60) { u64::MAX } else { 1 << c.below(usize::from(ACTS)) };
    let mut limits = Vec::new();
    for (n, facet) in (0..).zip(facets) {
        if c.percent(limit_percent) {
            let mut admitted: Values = 1 + c.below((1 << facet.values) - 1) as Values;
            if c.percent(20) {
                admitted |= 1 << facet.unclaimed();
            }
            limits.push((n, admitted));
        }
    }
    Scope { apps, acts, limits }
}

fn scopes(c: &mut Chance, facets: &[Facet], limit_percent: usize) -> Vec<Scope> {
    (0..1 + usize::from(c.percent(20))).map(|_| scope(c, facets, limit_percent)).collect()
}

pub(crate) struct Size {
    pub(crate) instruments: usize,
    pub(crate) provisions: usize,
    pub(crate) effects: usize,
    pub(crate) attestations: usize,
}

pub(crate) fn law(c: &mut Chance, size: &Size) -> Law {
    let facets = facets();
    let mut law = Law { apps: APPS, acts: ACTS, facets: facets.clone(), readings: 1, ..Law::default() };
    law.conditions = vec![Condition { open: false }, Condition { open: true }];
    for i in 0..size.instruments {
        let mut under = Vec::new();
        if i > 0 && c.percent(35) {
            under.push(Node::Instrument(c.below(i) as u32));
        }
        let force = vec![if c.percent(80) { Extent::ALL } else { extent(c, &mut law) }];
        let rank = Rank { jurisdiction: c.below(2) as u16, level: c.below(3) as u8 };
        law.instruments.push(Instrument { under, force, known: known(c), rank });
    }
    for p in 0..size.provisions {
        let provision = provision(c, &mut law, p);
        if c.percent(8) {
            let document = c.below(size.instruments);
            if document != provision.instrument as usize {
                law.instruments[document].under.push(Node::Provision(p as u32));
            }
        }
        law.provisions.push(provision);
    }
    for e in 0..size.effects {
        let target = match c.below(10) {
            0..=2 if e > 0 => Target::Effect(c.below(e) as u32),
            3..=4 => Target::Instrument(c.below(size.instruments) as u32),
            _ => Target::Provision(c.below(size.provisions) as u32),
        };
        let operator = match c.below(10) {
            0..=3 => Operator::Suspend,
            4..=6 => Operator::Remove,
            7 => Operator::Extend,
            _ => Operator::Unenforce,
        };
        let slice = if c.percent(60) { vec![Scope::any()] } else { scopes(c, &facets, 25) };
        let instrument = c.below(size.instruments) as u32;
        let window = extent(c, &mut law);
        law.effects.push(Effect {
            instrument,
            operator,
            target,
            slice,
            window,
            known: known(c),
            dependents_kept: c.percent(15),
        });
    }
    for _ in 0..size.attestations {
        let window = extent(c, &mut law);
        let instrument = c.below(size.instruments) as u32;
        law.attestations.push(Attestation { condition: c.below(2) as u32, instrument, window, known: known(c) });
    }
    law
}

fn provision(c: &mut Chance, law: &mut Law, p: usize) -> Provision {
    let modality = match c.below(20) {
        0..=11 => Modality::Prohibit,
        12..=18 => Modality::Permit,
        _ => Modality::Enable,
    };
    let earlier = |c: &mut Chance, percent| {
        if p > 0 && c.percent(percent) { vec![c.below(p) as u32] } else { vec![] }
    };
    let facets = law.facets.clone();
    let mut force = vec![extent(c, law)];
    if c.percent(15) {
        force.push(extent(c, law));
    }
    Provision {
        instrument: c.below(law.instruments.len()) as u32,
        modality,
        scopes: scopes(c, &facets, 35),
        force,
        known: known(c),
        overrides: earlier(c, 60),
        subject_to: earlier(c, 15),
        until_met: c.percent(10).then(|| c.below(2) as u32),
        while_met: c.percent(10).then(|| c.below(2) as u32),
    }
}

pub(crate) fn case(c: &mut Chance, law: &Law) -> Case {
    let mut case =
        Case::unstated(&law.facets, c.below(usize::from(APPS)) as AppId, c.below(usize::from(ACTS)) as ActId);
    for (n, facet) in (0..).zip(&law.facets) {
        let state = if !facet.stated && c.percent(25) { usize::from(facet.absent()) } else { c.below(facet.states()) };
        case = case.with(n, state as u8);
    }
    case
}

pub(crate) fn instant(c: &mut Chance) -> Time {
    c.below(INSTANTS + 6) as Time - 2
}

//! One body of law and one stream of questions, made from a seed, for every engine alike.
//!
//! Prohibitions with a start, an end and a day they became public, and stays on them: what a general policy
//! language can also say without help. Exceptions, doubts and places are left out, to the peers' advantage.

use law::law::{Effect, Instrument, Law, Modality, Operator, Provision, Rank, Scope, Target};
use law::time::FOREVER;
use law::{Case, Extent, Period, Time};

/// How much law there is.
pub struct Size {
    pub provisions: u32,
    pub stays: u32,
    pub apps: u16,
    pub acts: u8,
}

/// A question by number.
#[derive(Clone, Copy)]
pub struct Question {
    pub app: u16,
    pub act: u8,
    pub valid_at: Time,
    pub known_at: Time,
}

impl Question {
    pub fn case(&self) -> Case {
        Case::unstated(&[], self.app, self.act)
    }
}

/// xorshift64*: enough for a benchmark, the same everywhere.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn day(&mut self, limit: u64) -> Time {
        self.below(limit) as Time * 86_400
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

pub fn law(size: &Size, chance: &mut Chance) -> Law {
    let document = Instrument {
        under: vec![],
        force: vec![Extent::ALL],
        known: Period::ALL,
        rank: Rank { jurisdiction: 0, level: 1 },
    };
    let mut law =
        Law { apps: size.apps, acts: size.acts, instruments: vec![document], ..Law::default() };
    for _ in 0..size.provisions {
        let app = chance.below(u64::from(size.apps)) as u16;
        let acts = (0..=chance.below(3)).fold(0, |acts, _| acts | 1 << chance.below(u64::from(size.acts)));
        let public = chance.day(8_000);
        let from = public + chance.day(60);
        let until = if chance.percent(60) { FOREVER } else { from + 86_400 + chance.day(3_000) };
        law.provisions.push(Provision {
            instrument: 0,
            modality: Modality::Prohibit,
            scopes: vec![Scope { apps: Some(vec![app]), acts, limits: vec![] }],
            force: vec![Extent::exact(Period { from, until })],
            known: Period::since(public),
            overrides: vec![],
            subject_to: vec![],
            until_met: None,
            while_met: None,
        });
    }
    for _ in 0..size.stays {
        let provision = chance.below(u64::from(size.provisions)) as u32;
        let from = law.provisions[provision as usize].known.from + chance.day(40);
        let until = if chance.percent(50) { FOREVER } else { from + 86_400 + chance.day(900) };
        law.effects.push(Effect {
            instrument: 0,
            operator: Operator::Suspend,
            target: Target::Provision(provision),
            slice: vec![Scope::any()],
            window: Extent::exact(Period { from, until }),
            known: Period::since(from),
            dependents_kept: false,
        });
    }
    law
}

pub fn questions(size: &Size, count: usize, chance: &mut Chance) -> Vec<Question> {
    let ask = |chance: &mut Chance| Question {
        app: chance.below(u64::from(size.apps)) as u16,
        act: chance.below(u64::from(size.acts)) as u8,
        valid_at: chance.day(11_000),
        known_at: if chance.percent(70) { 20_000 * 86_400 } else { chance.day(11_000) },
    };
    (0..count).map(|_| ask(chance)).collect()
}

/// One prohibition as plain numbers, for writing it down in other languages.
pub struct Rule {
    pub app: u16,
    pub acts: Vec<u8>,
    pub public: Time,
    pub force: Period,
    pub stays: Vec<(Time, Period)>,
}

pub fn rules(law: &Law, acts: u8) -> Vec<Rule> {
    let plain = |extent: &Extent| Period { from: extent.from.earliest, until: extent.until.earliest };
    let rule = |p: &Provision| Rule {
        app: p.scopes[0].apps.as_ref().map_or(0, |apps| apps[0]),
        acts: (0..acts).filter(|act| p.scopes[0].acts >> act & 1 == 1).collect(),
        public: p.known.from,
        force: plain(&p.force[0]),
        stays: vec![],
    };
    let mut rules: Vec<Rule> = law.provisions.iter().map(rule).collect();
    for effect in &law.effects {
        if let Target::Provision(p) = effect.target {
            rules[p as usize].stays.push((effect.known.from, plain(&effect.window)));
        }
    }
    rules
}

//! The compiled engine and the definition agree on status set, proof and window.

use super::world::{self, Chance, Size};
use crate::case::Case;
use crate::compile::compile;
use crate::decide::UNREGULATED;
use crate::law::{Effect, Facet, Instrument, Law, Modality, Operator, Provision, Rank, Scope, Target, Values};
use crate::{Extent, Image, Outcome, Period, Time, reference};

/// How many random questions a run asks, unless `LAW_QUESTIONS` says otherwise.
const QUESTIONS: usize = 100_000;

fn engine(image: &Image, case: &Case, valid_at: Time, known_at: Time) -> (Outcome, Period) {
    let decision = image.decide(case, valid_at, known_at);
    let outcome = if decision.outcome == UNREGULATED {
        Outcome {
            statuses: decision.statuses,
            grounds: vec![],
            needs: vec![],
            doubts: vec![],
            unless: vec![],
            conflict: false,
        }
    } else {
        image.outcome(decision.outcome)
    };
    (outcome, Period { from: decision.from, until: decision.until })
}

fn agree(law: &Law, image: &Image, case: &Case, valid_at: Time, known_at: Time) -> Result<(), String> {
    let fast = engine(image, case, valid_at, known_at);
    let slow = reference::decide(law, case, valid_at, known_at);
    if fast == slow {
        return Ok(());
    }
    Err(format!("at {valid_at} as known {known_at}, {case:?}\nengine {fast:#?}\ndefinition {slow:#?}\n{law:#?}"))
}

#[test]
fn engines_agree_on_random_law() {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for by environment")]
    let questions = std::env::var("LAW_QUESTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(QUESTIONS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut asked = 0;
                let mut seed = thread as u64;
                while asked * threads < questions {
                    let mut c = Chance::new(seed);
                    seed += threads as u64;
                    let size = Size {
                        instruments: 1 + c.below(4),
                        provisions: 1 + c.below(7),
                        effects: c.below(7),
                        attestations: c.below(3),
                    };
                    let law = world::law(&mut c, &size);
                    let image = compile(&law, [0; 32]).unwrap_or_else(|flaws| panic!("seed {seed}: {flaws:?}"));
                    for _ in 0..25 {
                        let case = world::case(&mut c, &law);
                        let (valid_at, known_at) = (world::instant(&mut c), world::instant(&mut c));
                        if let Err(difference) = agree(&law, &image, &case, valid_at, known_at) {
                            panic!("seed {}: {difference}", seed - threads as u64);
                        }
                        asked += 1;
                    }
                }
            });
        }
    });
}

/// The random worlds are worth agreeing on: every kind of answer occurs, and often.
#[test]
fn random_law_reaches_every_kind_of_answer() {
    let mut counts = [0_usize; 12];
    for seed in 0..400 {
        let mut c = Chance::new(seed);
        let law = world::law(&mut c, &Size { instruments: 3, provisions: 6, effects: 6, attestations: 2 });
        let image = compile(&law, [0; 32]).unwrap();
        for _ in 0..25 {
            let case = world::case(&mut c, &law);
            let (outcome, window) = engine(&image, &case, world::instant(&mut c), world::instant(&mut c));
            for (n, status) in crate::Status::ALL.into_iter().enumerate() {
                counts[n] += usize::from(outcome.statuses.contains(status));
            }
            counts[5] += usize::from(outcome.statuses.single().is_none());
            counts[6] += usize::from(!outcome.needs.is_empty());
            counts[7] += usize::from(!outcome.doubts.is_empty());
            counts[8] += usize::from(!outcome.unless.is_empty());
            counts[9] += usize::from(outcome.conflict);
            counts[10] += usize::from(window.from > crate::time::ALWAYS && window.until < crate::time::FOREVER);
            counts[11] += usize::from(outcome.grounds.iter().any(|g| g.by.len() > 1));
        }
    }
    assert!(counts.iter().all(|count| *count > 40), "too rare among 10,000 questions: {counts:?}");
}

/// Every law of one or two provisions and up to two effects over two instants and one yes-or-no facet.
#[test]
fn engines_agree_on_every_small_world() {
    let provisions: Vec<Provision> = each3(
        &[Modality::Prohibit, Modality::Permit],
        &[vec![], vec![(0, 0b10)]],
        &[Period { from: 0, until: 1 }, Period::since(1)],
        |modality, limits: &Vec<(u8, Values)>, force| Provision {
            instrument: 0,
            modality: *modality,
            scopes: vec![Scope { apps: None, acts: 1, limits: limits.clone() }],
            force: vec![Extent::exact(*force)],
            known: Period::ALL,
            overrides: vec![],
            subject_to: vec![],
            until_met: None,
            while_met: None,
        },
    );
    let operators = [Operator::Suspend, Operator::Remove, Operator::Extend, Operator::Unenforce];
    let effects = |targets: &[Target]| -> Vec<Effect> {
        let windows = [(Period::ALL, vec![]), (Period::since(1), vec![]), (Period::ALL, vec![(0, 0b10)])];
        each3(&operators, targets, &windows, |operator, target, (window, limits)| Effect {
            instrument: 0,
            operator: *operator,
            target: *target,
            slice: vec![Scope { apps: None, acts: 1, limits: limits.clone() }],
            window: Extent::exact(*window),
            known: Period::ALL,
            dependents_kept: false,
        })
    };
    let firsts = effects(&[Target::Provision(0), Target::Provision(1)]);
    let seconds = effects(&[Target::Provision(0), Target::Provision(1), Target::Effect(0)]);
    let mut events: Vec<Vec<Effect>> = vec![vec![]];
    events.extend(firsts.iter().map(|first| vec![first.clone()]));
    for first in &firsts {
        events.extend(seconds.iter().map(|second| vec![first.clone(), second.clone()]));
    }
    let pairs: Vec<(&Provision, &Provision)> =
        provisions.iter().flat_map(|a| provisions.iter().map(move |b| (a, b))).collect();
    let half = pairs.len().div_ceil(2);
    std::thread::scope(|scope| {
        for pairs in pairs.chunks(half) {
            let events = &events;
            scope.spawn(move || pairs.iter().for_each(|(a, b)| small_worlds(a, b, events)));
        }
    });
}

fn small_worlds(a: &Provision, b: &Provision, events: &[Vec<Effect>]) {
    for (relation, effects) in [0, 1, 2].into_iter().flat_map(|r| events.iter().map(move |e| (r, e))) {
        let rank = |level| Rank { jurisdiction: 0, level };
        let document =
            |level| Instrument { under: vec![], force: vec![Extent::ALL], known: Period::ALL, rank: rank(level) };
        let mut second = b.clone();
        second.instrument = 1;
        if relation == 1 {
            second.overrides = vec![0];
        }
        let law = Law {
            apps: 1,
            acts: 1,
            facets: vec![Facet { values: 2, regions: vec![], stated: false }],
            instruments: vec![document(1), document(if relation == 2 { 2 } else { 1 })],
            provisions: vec![a.clone(), second],
            effects: effects.clone(),
            ..Law::default()
        };
        let image = compile(&law, [0; 32]).unwrap();
        for (state, valid_at) in (0..4).flat_map(|state| [(state, 0), (state, 1)]) {
            let case = Case::unstated(&law.facets, 0, 0).with(0, state);
            if let Err(difference) = agree(&law, &image, &case, valid_at, 0) {
                panic!("{difference}");
            }
        }
    }
}

fn each3<A, B, C, T>(xs: &[A], ys: &[B], zs: &[C], make: impl Fn(&A, &B, &C) -> T) -> Vec<T> {
    let mut made = Vec::new();
    for x in xs {
        for y in ys {
            made.extend(zs.iter().map(|z| make(x, y, z)));
        }
    }
    made
}

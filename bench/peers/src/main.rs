//! Interdict's law beside regorus and Cedar on the same questions, in one process.
//!
//! `bench/peers/run` prints, for each size of law, nanoseconds a decision and how many times slower each peer is.
//! Every engine's every answer is compared with the definition's first; a difference ends the run. What the
//! peers are not asked: the proof, the window, exceptions, doubts. Both are general languages; this prints the
//! price of their generality, not a fault of theirs.

mod cedar;
mod measure;
mod rego;
mod world;

use cedar::Cedar;
use law::law::Law;
use law::{Image, Status};
use measure::{Speed, clock_floor, measure};
use rego::Rego;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use world::{Chance, Question, Size};

const SEED: u64 = 7;
const QUESTIONS: usize = 4_096;
const BUDGET: Duration = Duration::from_secs(2);

const SIZES: &[Size] = &[
    Size { provisions: 20, stays: 12, apps: 2, acts: 12 },
    Size { provisions: 1_000, stays: 500, apps: 100, acts: 40 },
    Size { provisions: 10_000, stays: 5_000, apps: 500, acts: 40 },
    Size { provisions: 100_000, stays: 50_000, apps: 5_000, acts: 40 },
];

/// Beyond this many policies, Cedar unsliced takes too long to be asked every question.
const CEDAR_WHOLE_MAX: u32 = 1_000;

fn main() {
    println!("seed {SEED}, {QUESTIONS} questions a size; reading the clock takes {} ns of each single call", clock_floor());
    for size in SIZES {
        compare(size);
    }
}

fn compare(size: &Size) {
    let mut chance = Chance::new(SEED);
    let law = world::law(size, &mut chance);
    let questions = world::questions(size, QUESTIONS, &mut chance);
    let begun = Instant::now();
    let image = law::compile::compile(&law, [0; 32]).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    let took = begun.elapsed();
    let truth = truth(&law, &image, &questions);
    let forbidden = truth.iter().filter(|yes| **yes).count();
    println!(
        "\n{} provisions, {} stays, {} apps, {} acts: compiled in {took:.0?}, image {} KiB; {:.0} % of the questions prohibited",
        size.provisions,
        size.stays,
        size.apps,
        size.acts,
        image.to_bytes().len() / 1024,
        100.0 * forbidden as f64 / QUESTIONS as f64,
    );
    println!("{:<34} {:>12} {:>9} {:>10} {:>10}", "", "ns/decision", "ratio", "p50", "p99");
    let ours = interdict(&image, &questions, &truth);
    row("interdict, numbers in", ours, ours);
    row("interdict, strings in", from_strings(&image, size, &questions), ours);
    let rules = world::rules(&law, size.acts);
    regorus(&rules, &questions, &truth, ours);
    cedar(size, &rules, &questions, &truth, ours);
}

/// What the definition says; the compiled engine must say the same.
fn truth(law: &Law, image: &Image, questions: &[Question]) -> Vec<bool> {
    // The definition is slow on much law: there it judges a sample, and the peers judge the rest.
    let judged = (2_000_000 / (law.provisions.len() + law.effects.len())).clamp(64, questions.len());
    for question in questions.iter().take(judged) {
        let slow = law::reference::answer(law, &question.case(), question.valid_at, question.known_at);
        let fast = image.decide(&question.case(), question.valid_at, question.known_at);
        assert_eq!(fast.statuses, slow.statuses, "the engine and the definition differ");
    }
    let prohibited =
        |q: &Question| image.decide(&q.case(), q.valid_at, q.known_at).statuses.contains(Status::Prohibited);
    questions.iter().map(prohibited).collect()
}

fn interdict(image: &Image, questions: &[Question], truth: &[bool]) -> Speed {
    let cases: Vec<_> = questions.iter().map(|q| (q.case(), q.valid_at, q.known_at)).collect();
    let ask = |n: usize| {
        let (case, valid_at, known_at) = &cases[n];
        image.decide(case, *valid_at, *known_at).statuses.contains(Status::Prohibited)
    };
    agree("interdict", truth, ask);
    measure(cases.len(), 4_096, BUDGET, ask)
}

fn from_strings(image: &Image, size: &Size, questions: &[Question]) -> Speed {
    let apps: HashMap<String, u16> = (0..size.apps).map(|app| (format!("app{app}"), app)).collect();
    let acts: HashMap<String, u8> = (0..size.acts).map(|act| (format!("act{act}"), act)).collect();
    let named: Vec<_> = questions
        .iter()
        .map(|q| (format!("app{}", q.app), format!("act{}", q.act), q.valid_at, q.known_at))
        .collect();
    measure(named.len(), 4_096, BUDGET, |n| {
        let (app, act, valid_at, known_at) = &named[n];
        let case = law::Case::unstated(&[], apps[app], acts[act]);
        image.decide(&case, *valid_at, *known_at).statuses.contains(Status::Prohibited)
    })
}

fn regorus(rules: &[world::Rule], questions: &[Question], truth: &[bool], ours: Speed) {
    let mut rego = Rego::new(rules);
    let inputs: Vec<_> = questions.iter().map(Rego::input).collect();
    agree("regorus bytecode", truth, |n| rego.bytecode(&inputs[n]));
    agree("regorus compiled", truth, |n| rego.compiled(&inputs[n]));
    agree("regorus interpreted", truth, |n| rego.interpreted(&inputs[n]));
    let count = inputs.len();
    row("regorus, bytecode on a hot machine", measure(count, 64, BUDGET, |n| rego.bytecode(&inputs[n])), ours);
    row("regorus, compiled policy", measure(count, 64, BUDGET, |n| rego.compiled(&inputs[n])), ours);
    row("regorus, engine", measure(count, 64, BUDGET, |n| rego.interpreted(&inputs[n])), ours);
}

fn cedar(size: &Size, rules: &[world::Rule], questions: &[Question], truth: &[bool], ours: Speed) {
    let whole = size.provisions <= CEDAR_WHOLE_MAX;
    let cedar = Cedar::new(rules, size.apps, whole);
    let requests: Vec<_> = questions.iter().map(Cedar::request).collect();
    let sliced = |n: usize| cedar.sliced(&requests[n], questions[n].app);
    agree("cedar sliced", truth, sliced);
    let count = requests.len();
    row("cedar, policies of the app only", measure(count, 64, BUDGET, sliced), ours);
    let built = |n: usize| cedar.sliced(&Cedar::request(&questions[n]), questions[n].app);
    row("cedar, the same, request built", measure(count, 64, BUDGET, built), ours);
    if whole {
        agree("cedar whole", truth, |n| cedar.naive(&requests[n]));
        row("cedar, all policies", measure(count, 16, BUDGET, |n| cedar.naive(&requests[n])), ours);
    }
}

fn agree(engine: &str, truth: &[bool], mut ask: impl FnMut(usize) -> bool) {
    let wrong = (0..truth.len()).find(|n| ask(*n) != truth[*n]);
    if let Some(n) = wrong {
        eprintln!("{engine} answers question {n} differently");
        std::process::exit(1);
    }
}

fn row(name: &str, speed: Speed, ours: Speed) {
    println!("{name:<34} {:>12.1} {:>8.1}x {:>10} {:>10}", speed.mean, speed.mean / ours.mean, speed.p50, speed.p99);
}

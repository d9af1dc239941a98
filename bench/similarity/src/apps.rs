//! Real apps, built by others. Where their builders kept names, an app names the classes of the libraries it holds, so
//! that what is claimed of it can be told right or wrong without looking at its code.

use crate::world;
use similarity::artefact::{Artefact, Budgets, Language};
use similarity::background::Background;
use similarity::index::Index;
use similarity::matching::{self, Evidence};
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeSet;
use std::path::Path;

/// An app that names fewer classes of a library holds too little of it to be asked for; one that names any is not
/// unrelated.
const NAMED_MIN: usize = 5;
/// Pairs shown of a library that no name tells.
const PAIRS_TOLD: usize = 12;

#[derive(Default)]
struct Sum {
    unrelated: usize,
    falsely: [usize; 2],
    included: usize,
    found: [usize; 2],
}

fn classes(program: &Program) -> BTreeSet<&str> {
    program.functions.iter().map(|function| program.class_name(function)).collect()
}

pub fn run(folder: &Path) {
    let index = Index::new(world::references(folder), &Background::default());
    let shared = world::shared();
    let mut sum = Sum::default();
    for path in world::files(&folder.join("apps"), "apk") {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        let artefact = Artefact::open(&file, &bytes, &Budgets::default(), &mut |_, _| {});
        for why in &artefact.unclear {
            println!("  {file}: {why}");
        }
        for code in artefact.code.iter().filter(|code| code.language == Language::Bytecode) {
            println!("{file}: {} functions in {} bytes of code", code.program.functions.len(), code.program.code_bytes);
            told(&index, &shared, &code.program, &mut sum);
        }
    }
    println!("{} unrelated pairs: {} claimed, {} unsure", sum.unrelated, sum.falsely[0], sum.falsely[1]);
    println!("{} libraries named by {NAMED_MIN} classes and more: {} claimed, {} unsure", sum.included, sum.found[0], sum.found[1]);
}

/// For a person who judges what no name tells.
fn where_it_stands(known: &Program, program: &Program, evidence: &Evidence) {
    for pair in evidence.pairs.iter().take(PAIRS_TOLD) {
        let (ours, theirs) = (&known.functions[pair.reference as usize], &program.functions[pair.program as usize]);
        println!("    {:.0} {:.2} {} is {}", pair.distinct, pair.similarity, known.full_name(ours), program.full_name(theirs));
    }
}

fn told(index: &Index, shared: &[(String, String)], program: &Program, sum: &mut Sum) {
    let found = matching::find(index, program);
    let present = classes(program);
    let named: Vec<usize> = index.references().iter().map(|known| classes(&known.program).intersection(&present).count()).collect();
    for (n, known) in index.references().iter().enumerate() {
        let evidence = found.iter().find(|evidence| evidence.reference == n);
        let judged = evidence.map(|evidence| verdict::judge(index, evidence));
        let place = match judged.map(|judged| judged.verdict) {
            Some(Verdict::Contains) => Some(0),
            Some(Verdict::Unsure) => Some(1),
            Some(Verdict::DoesNotContain { .. }) | None => None,
        };
        let holds_relative = shared.iter().any(|(a, b)| {
            let other = if *a == known.lineage { b } else if *b == known.lineage { a } else { return false };
            index.references().iter().zip(&named).any(|(r, named)| r.lineage == *other && *named > 0)
        });
        let here = named[n];
        if here >= NAMED_MIN {
            sum.included += 1;
            place.into_iter().for_each(|place| sum.found[place] += 1);
        } else if here == 0 && !holds_relative {
            sum.unrelated += 1;
            place.into_iter().for_each(|place| sum.falsely[place] += 1);
        }
        if here > 0 || place.is_some() {
            let (p, functions, contained) = judged.zip(evidence).map_or((0.0, 0, 0.0), |(j, e)| (j.probability, e.functions, e.containment));
            println!("  {}: {here} classes by name; {p:.2}, {functions} functions, {contained:.3} contained", known.lineage);
            if let Some(evidence) = evidence.filter(|_| here == 0 && place.is_some()) {
                where_it_stands(&known.program, program, evidence);
            }
        }
    }
}

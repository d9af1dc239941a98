//! The matrix: every library under every transformation, looked for among all references.

use crate::mapping::Mapping;
use crate::world::{self, Made};
use rustc_hash::FxHashSet;
use similarity::background::Background;
use similarity::index::Index;
use similarity::matching::{self, Evidence, Via};
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// A pair is an inclusion when, by the mapping file alone, at least this many of the target's methods of
/// [`RECALL_TOKENS_MIN`] tokens and more stand in what was made, or half of all it has if that is less. A shrinker that keeps an interface or two has not
/// included the library, and nothing that reads code could tell.
const INCLUSION_METHODS_MIN: usize = 5;
/// Methods of fewer tokens are not asked for.
const RECALL_TOKENS_MIN: u32 = 20;

#[derive(Default)]
struct Row {
    pairs: Vec<(f32, f32, u32, String)>,
    hosts: Vec<(f32, f32, u32, String)>,
    claimed: [usize; 2],
    right: [usize; 2],
    wanted: usize,
    recalled: usize,
    direct: usize,
    verdicts: [usize; 3],
    empty: usize,
}

pub fn run(folder: &Path) {
    let start = Instant::now();
    let index = Index::new(world::references(folder), &Background::default());
    println!("{} references, {} functions, {} postings, {:.1?}", index.references().len(), index.functions(), index.postings(), start.elapsed());
    let mut rows: BTreeMap<(bool, String), Row> = BTreeMap::new();
    let mut unrelated: Vec<(f32, f32, u32, String)> = Vec::new();
    let mut none = 0;
    let mut judged: [Vec<(f32, bool, String)>; 2] = [Vec::new(), Vec::new()];
    let shared = world::shared();
    let mut features = Vec::new();
    let (mut read, mut matched, mut bytes) = (0.0, 0.0, 0_u64);
    for made in world::made(folder) {
        let Ok(raw) = std::fs::read(&made.path) else { continue };
        let t = Instant::now();
        let program = world::program(&raw);
        read += t.elapsed().as_secs_f64();
        bytes += raw.len() as u64;
        let t = Instant::now();
        let found = matching::find(&index, &program);
        matched += t.elapsed().as_secs_f64();
        let reference = |name: &str| index.references().iter().find(|r| r.lineage == name).map(|r| &r.program);
        let inside = |name: &str| reference(name).is_some_and(|known| is_included(known, &program, &made, folder));
        let (is_inclusion, is_host_included) = (inside(&made.target), made.host.as_deref().is_some_and(inside));
        let row = rows.entry((world::is_calibration(&made.target), made.row.clone())).or_default();
        let of = |name: &str| {
            let evidence = found.iter().find(|e| index.references()[e.reference].lineage == name);
            let (d, c, f) = evidence.map_or((0.0, 0.0, 0), |e| (e.distinct, e.containment, e.functions));
            (d, c, f, format!("{} in {}", name, made.path.file_name().expect("a name").to_string_lossy()))
        };
        if is_inclusion {
            row.pairs.push(of(&made.target));
        } else {
            row.empty += 1;
        }
        if let Some(host) = made.host.as_ref().filter(|_| is_host_included) {
            row.hosts.push(of(host));
        }
        for evidence in &found {
            let name = &index.references()[evidence.reference].lineage;
            let judgement = verdict::judge(&index, evidence);
            let related = |a: &str| shared.iter().any(|(x, y)| (x == a && y == name) || (y == a && x == name));
            let own = *name == made.target || Some(name) == made.host.as_ref();
            if !own && (related(&made.target) || made.host.as_deref().is_some_and(related)) {
                continue;
            }
            // Less than an inclusion, yet true: neither for nor against.
            if (*name == made.target && !is_inclusion) || (Some(name) == made.host.as_ref() && !is_host_included) {
                continue;
            }
            features.push(format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{name}\t{}", u8::from(world::is_calibration(&made.target)), u8::from(own), evidence.distinct, evidence.functions,
                evidence.classes, evidence.links, evidence.containment, judgement.probability, made.path.file_name().expect("a name").to_string_lossy()
            ));
            let half = &mut judged[usize::from(world::is_calibration(&made.target))];
            half.push((judgement.probability, own, format!("{name} in {}", made.path.file_name().expect("a name").to_string_lossy())));
            if *name == made.target && is_inclusion {
                row.verdicts[match judgement.verdict { Verdict::Contains => 0, Verdict::Unsure => 1, Verdict::DoesNotContain { .. } => 2 }] += 1;
            }
        }
        none += index.references().len() - found.len();
        for evidence in &found {
            let name = &index.references()[evidence.reference].lineage;
            if *name != made.target && Some(name) != made.host.as_ref() {
                unrelated.push(of(name));
            } else if *name == made.target {
                methods(&index, evidence, &program, &made, folder, row);
            }
        }
    }
    std::fs::write(folder.join("features.tsv"), features.join("\n")).expect("writable");
    report(&rows);
    reliability(&judged);
    unrelated.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("unrelated pairs: {} without anything, {} with something; heaviest:", none, unrelated.len());
    for (distinct, containment, functions, name) in unrelated.iter().take(25) {
        println!("  {distinct:7.1} {containment:.4} {functions:4} {name}");
    }
    println!("read {:.0} MB/s, matched {:.0} MB/s", bytes as f64 / 1e6 / read, bytes as f64 / 1e6 / matched);
}

/// Which methods of a program there are, by class and name.
fn present(program: &Program) -> FxHashSet<(&str, &str)> {
    program.functions.iter().map(|f| (program.class_name(f), program.words(f.name))).collect()
}

/// Whether a method of the original stands in what was made, by the mapping file.
fn survives(made: &Made, mapping: &Mapping, present: &FxHashSet<(&str, &str)>, class: &str, name: &str) -> bool {
    match mapping.methods.get(&(class.to_owned(), name.to_owned())) {
        Some(set) => set.iter().any(|(c, m)| present.contains(&(c.as_str(), m.as_str()))),
        None => made.row == "dx" || mapping.classes.get(class).is_some_and(|new| present.contains(&(new.as_str(), name))),
    }
}

fn mapping_of(made: &Made, folder: &Path) -> Option<Mapping> {
    let map = folder.join("maps").join(made.path.file_name().expect("a name")).with_extension("map");
    if made.row == "dx" { Some(Mapping::default()) } else { Mapping::read(&map) }
}

/// Whether enough of a library's methods that are long enough to be recognised are there.
fn is_included(known: &Program, program: &Program, made: &Made, folder: &Path) -> bool {
    let Some(mapping) = mapping_of(made, folder) else { return false };
    let present = present(program);
    let long = || known.functions.iter().filter(|f| f.tokens >= RECALL_TOKENS_MIN);
    let there = long().filter(|f| survives(made, &mapping, &present, known.class_name(f), known.words(f.name))).count();
    there > 0 && there >= INCLUSION_METHODS_MIN.min(long().count().div_ceil(2))
}

fn methods(index: &Index, evidence: &Evidence, program: &Program, made: &Made, folder: &Path, row: &mut Row) {
    let known = &index.references()[evidence.reference].program;
    let Some(mapping) = mapping_of(made, folder) else { return };
    let present = present(program);
    let mut found = FxHashSet::default();
    let mut direct = FxHashSet::default();
    for pair in &evidence.pairs {
        let (ours, theirs) = (&known.functions[pair.reference as usize], &program.functions[pair.program as usize]);
        let kind = usize::from(pair.via != Via::Fingerprints);
        row.claimed[kind] += 1;
        if mapping.agrees(known.class_name(ours), known.words(ours.name), program.class_name(theirs), program.words(theirs.name)) {
            row.right[kind] += 1;
            found.insert(pair.reference);
            if kind == 0 {
                direct.insert(pair.reference);
            }
        }
    }
    for (n, function) in known.functions.iter().enumerate().filter(|(_, f)| f.tokens >= RECALL_TOKENS_MIN) {
        let (class, name) = (known.class_name(function), known.words(function.name));
        if survives(made, &mapping, &present, class, name) {
            row.wanted += 1;
            row.recalled += usize::from(found.contains(&(n as u32)));
            row.direct += usize::from(direct.contains(&(n as u32)));
        }
    }
}

fn report(rows: &BTreeMap<(bool, String), Row>) {
    println!("{:<12} {:>8} {:>8} {:>9} {:>9} {:>9} {:>17} {:>17}  recall (direct)", "row", "≥50", "hosts", "least", "median", "contains", "direct precision", "others precision");
    for ((calibration, name), row) in rows {
        let mut weights: Vec<f32> = row.pairs.iter().map(|p| p.0).collect();
        weights.sort_by(f32::total_cmp);
        let mut shares: Vec<f32> = row.pairs.iter().map(|p| p.1).collect();
        shares.sort_by(f32::total_cmp);
        let n = weights.len();
        let hit = weights.iter().filter(|w| **w >= 50.0).count();
        let hosts = row.hosts.iter().filter(|h| h.0 >= 50.0).count();
        let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
        println!(
            "{:<12} {:>4}/{:<3} {:>4}/{:<3} {:>9.0} {:>9.0} {:>9.3} {:>8.3} of {:<6} {:>8.3} of {:<6} {:.3} ({:.3}) of {}",
            format!("{}{}", if *calibration { "c " } else { "t " }, name), hit, n, hosts, row.hosts.len(), weights[0], weights[n / 2], shares[n / 2],
            ratio(row.right[0], row.claimed[0]), row.claimed[0], ratio(row.right[1], row.claimed[1]), row.claimed[1],
            ratio(row.recalled, row.wanted), ratio(row.direct, row.wanted), row.wanted,
        );
        println!("      contains {}, unsure {}, not {}; {} where too little was kept", row.verdicts[0], row.verdicts[1], n - row.verdicts[0] - row.verdicts[1], row.empty);
        for (weight, share, functions, what) in row.pairs.iter().chain(&row.hosts).filter(|p| p.0 < 50.0) {
            println!("      missed {what}: {weight:.0} {share:.3} {functions}");
        }
    }
}

/// How far the probabilities can be believed, on each half.
fn reliability(judged: &[Vec<(f32, bool, String)>; 2]) {
    for (half, name) in judged.iter().zip(["test", "calibration"]) {
        let mut bins = [(0.0_f64, 0.0_f64, 0_usize); 10];
        for (p, truth, _) in half {
            let bin = &mut bins[((p * 10.0) as usize).min(9)];
            bin.0 += f64::from(*p);
            bin.1 += f64::from(u8::from(*truth));
            bin.2 += 1;
        }
        let error: f64 = bins.iter().map(|b| (b.0 - b.1).abs()).sum::<f64>() / half.len().max(1) as f64;
        let wrong = |least: f32| half.iter().filter(|(p, truth, _)| !truth && *p >= least).map(|(_, _, what)| what.clone()).collect::<Vec<_>>();
        println!("{name}: {} pairs with evidence, expected calibration error {error:.4}", half.len());
        println!("  falsely `contains`: {:?}", wrong(verdict::CONTAINS_MIN));
        println!("  falsely unsure or more: {}", wrong(verdict::UNSURE_MIN).len());
    }
}

//! How much of a library's machine code the next version still holds, and how much of it other libraries seem to.
//!
//!     cargo run --release --manifest-path bench/similarity/Cargo.toml --bin natives -- FOLDER
//!
//! FOLDER is what `factory/natives.sh` made: files called `LIBRARY@VERSION.aar` (or `.jar`, `.whl`, `.tgz`). The
//! first version of each library is the reference, later ones are looked into; other libraries are the unrelated.

use similarity::artefact::{Artefact, Budgets, Language};
use similarity::background::Background;
use similarity::fingerprint;
use similarity::index::{Index, Reference};
use similarity::matching;
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// A version of a library, opened: its machine code by processor.
struct Version {
    library: String,
    version: String,
    programs: Vec<(Language, Program)>,
}

fn versions(folder: &Path) -> Vec<Version> {
    let mut found: BTreeMap<(String, String), Version> = BTreeMap::new();
    let (mut bytes_read, mut time) = (0, 0.0);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some((library, rest)) = stem.split_once('@') else { continue };
        let version = rest.rsplit_once('.').map_or(rest, |(version, _)| version);
        let bytes = std::fs::read(&path).expect("readable");
        let start = std::time::Instant::now();
        let artefact = Artefact::open(&stem, &bytes, &Budgets::default(), &mut |_, _| {});
        time += start.elapsed().as_secs_f64();
        let native = artefact.code.into_iter().filter(|code| code.language.is_native());
        let programs: Vec<(Language, Program)> = native.map(|code| (code.language, code.program)).collect();
        bytes_read += programs.iter().map(|(_, program)| program.code_bytes).sum::<u64>();
        for why in artefact.unclear {
            println!("  {stem}: {why}");
        }
        let key = (library.to_owned(), version.to_owned());
        found.insert(key, Version { library: library.to_owned(), version: version.to_owned(), programs });
    }
    println!("read {:.1} MB of machine code, unpacking included: {:.0} MB/s", bytes_read as f64 / 1e6, bytes_read as f64 / 1e6 / time);
    let mut versions: Vec<Version> = found.into_values().collect();
    versions.sort_by_key(|one| (one.library.clone(), numbers(&one.version)));
    versions
}

/// A version as numbers, so that 1.10 comes behind 1.9.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn is_calibration(library: &str) -> bool {
    fingerprint::hash(library.as_bytes()) % 2 == 0
}

/// Libraries that hold the same code.
fn shared() -> Vec<(String, String)> {
    let lines = include_str!("../../factory/natives.txt").lines().filter_map(|line| line.strip_prefix("shared "));
    lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// Libraries whose code is everybody's.
fn common() -> Vec<&'static str> {
    include_str!("../../factory/natives.txt").lines().filter_map(|line| line.strip_prefix("common ")).collect()
}

/// What came of one processor's libraries.
#[derive(Default)]
struct Table {
    neighbours: [Vec<f32>; 2],
    pairs: usize,
    claimed: usize,
    others: Vec<(f32, String)>,
}

impl Table {
    fn row(&mut self, index: &Index, version: &Version, program: &Program, features: &mut String) {
        let half = usize::from(is_calibration(&version.library));
        let before = index.references().iter().filter(|r| r.lineage == version.library);
        let before = before.take_while(|r| r.label != version.version).last().map(|r| r.label.clone());
        let related = |a: &str| shared().iter().any(|(x, y)| (x == a && *y == version.library) || (y == a && *x == version.library));
        let mut seen = Vec::new();
        for evidence in matching::find(index, program) {
            let reference = &index.references()[evidence.reference];
            let is_own = reference.lineage == version.library;
            if (!is_own && related(&reference.lineage)) || (is_own && Some(&reference.label) != before.as_ref()) {
                continue;
            }
            // Of a library's versions the likeliest is told.
            if !is_own && seen.contains(&reference.lineage) {
                continue;
            }
            seen.push(reference.lineage.clone());
            let judgement = verdict::judge(index, &evidence);
            let what = format!("{} {} in {} {}", reference.lineage, reference.label, version.library, version.version);
            writeln!(
                features, "{half}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{what}", u8::from(is_own), evidence.distinct, evidence.functions, evidence.classes, evidence.links,
                evidence.containment, judgement.probability
            ).expect("written");
            let word = match judgement.verdict { Verdict::Contains => "contains", Verdict::Unsure => "unsure", Verdict::DoesNotContain { .. } => "not" };
            if is_own {
                self.neighbours[half].push(evidence.containment);
                println!(
                    "| {} {} | {} | {} of {} | {:.3} | {:.0} | {word} {:.3} |", if half == 0 { "test" } else { "calibration" }, version.library,
                    format_args!("{} in {}", reference.label, version.version), evidence.functions, program.functions.len(), evidence.containment, evidence.distinct, judgement.probability
                );
            } else {
                self.others.push((evidence.containment, format!("{what} ({:.0}, {} functions)", evidence.distinct, evidence.functions)));
                if judgement.verdict == Verdict::Contains {
                    self.claimed += 1;
                    println!("  falsely claimed: {what}: {:.0}, {} functions, {:.3}", evidence.distinct, evidence.functions, evidence.containment);
                }
            }
        }
        let mut lineages: Vec<&str> = index.references().iter().map(|r| r.lineage.as_str()).collect();
        lineages.dedup();
        self.pairs += lineages.iter().filter(|lineage| **lineage != version.library && !related(lineage)).count();
    }

    fn sum(&mut self) {
        for (half, name) in self.neighbours.iter_mut().zip(["test", "calibration"]) {
            half.sort_by(f32::total_cmp);
            let least = half.iter().filter(|c| **c >= 0.7).count();
            println!("{name}: {} neighbours, median {:.3}, {least} from .7, all {half:.2?}", half.len(), half.get(half.len() / 2).copied().unwrap_or(0.0));
        }
        self.others.sort_by(|a, b| b.0.total_cmp(&a.0));
        let many = self.others.iter().filter(|other| other.0 > 0.05).count();
        println!("{} unrelated pairs, {} claimed, {many} above .05: {:?}", self.pairs, self.claimed, self.others.iter().take(4).collect::<Vec<_>>());
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("usage: natives FOLDER");
    let versions = versions(Path::new(&folder));
    let mut features = String::new();
    for language in Language::ALL.into_iter().filter(|language| language.is_native()) {
        let mut background: Vec<u64> = Vec::new();
        let mut references: Vec<Reference> = Vec::new();
        let mut queries: Vec<(&Version, &Program)> = Vec::new();
        for version in &versions {
            let Some((_, program)) = version.programs.iter().find(|(known, _)| *known == language) else { continue };
            if common().contains(&version.library.as_str()) {
                background.extend(program.distinct_fingerprints());
                continue;
            }
            references.push(Reference {
                lineage: version.library.clone(),
                label: version.version.clone(),
                program: program.clone(),
                ..Reference::default()
            });
            queries.push((version, program));
        }
        background.sort_unstable();
        background.dedup();
        let index = Index::new(references, &Background::new(&background)).of(language);
        println!("\n{}: {} references, {} functions, {} postings", language.word(), index.references().len(), index.functions(), index.postings());
        println!("| library | versions | functions | contained | distinct | verdict |");
        println!("|---|---|---|---|---|---|");
        let mut table = Table::default();
        for (version, program) in queries {
            table.row(&index, version, program, &mut features);
        }
        table.sum();
    }
    std::fs::write(Path::new(&folder).join("features.tsv"), features).expect("writable");
}

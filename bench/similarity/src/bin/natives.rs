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
    found.into_values().collect()
}

fn is_calibration(library: &str) -> bool {
    fingerprint::hash(library.as_bytes()) % 2 == 0
}

/// Libraries that hold the same code.
fn shared() -> Vec<(String, String)> {
    let lines = include_str!("../../factory/natives.txt").lines().filter_map(|line| line.strip_prefix("shared "));
    lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn main() {
    let folder = std::env::args().nth(1).expect("usage: natives FOLDER");
    let versions = versions(Path::new(&folder));
    let shared = shared();
    let related = |a: &str, b: &str| shared.iter().any(|(x, y)| (x == a && y == b) || (y == a && x == b));
    let mut features = String::new();
    for language in Language::ALL.into_iter().filter(|language| language.is_native()) {
        let mut references: Vec<Reference> = Vec::new();
        let mut queries: Vec<(&Version, &Program)> = Vec::new();
        for version in &versions {
            let Some((_, program)) = version.programs.iter().find(|(known, _)| *known == language) else { continue };
            if references.iter().any(|reference| reference.lineage == version.library) {
                queries.push((version, program));
            } else {
                references.push(Reference {
                    lineage: version.library.clone(),
                    label: version.version.clone(),
                    program: program.clone(),
                    ..Reference::default()
                });
                // A library of one version is only looked into by the others.
                if versions.iter().filter(|other| other.library == version.library).count() == 1 {
                    queries.push((version, program));
                }
            }
        }
        let index = Index::new(references, &Background::default());
        println!("\n{}: {} references, {} functions, {} postings", language.word(), index.references().len(), index.functions(), index.postings());
        println!("| | version | functions | contained | by itself | distinct | verdict | unrelated, most |");
        println!("|---|---|---|---|---|---|---|---|");
        let (mut pairs, mut claimed, mut most) = (0, 0, (0.0, String::new()));
        for (version, program) in queries {
            let mut own = None;
            let mut other: (f32, String) = (0.0, String::new());
            for evidence in matching::find(&index, program) {
                let reference = &index.references()[evidence.reference];
                let judgement = verdict::judge(&index, &evidence);
                let is_own = reference.lineage == version.library;
                if !is_own && related(&reference.lineage, &version.library) {
                    continue;
                }
                writeln!(
                    features, "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{} in {}@{}", language.word(), u8::from(is_calibration(&version.library)), u8::from(is_own), evidence.distinct,
                    evidence.functions, evidence.classes, evidence.links, evidence.containment, judgement.probability, reference.lineage, version.library, version.version
                ).expect("written");
                if is_own {
                    own = Some((reference.label.clone(), evidence.functions, evidence.containment, evidence.distinct, judgement));
                } else {
                    if evidence.containment > other.0 {
                        other = (evidence.containment, format!("{} ({:.0}, {} functions)", reference.lineage, evidence.distinct, evidence.functions));
                    }
                    if judgement.verdict == Verdict::Contains {
                        claimed += 1;
                        println!("  falsely claimed: {} in {}@{}: {:.0}, {} functions, {:.3}", reference.lineage, version.library, version.version, evidence.distinct, evidence.functions, evidence.containment);
                    }
                }
            }
            pairs += index.references().iter().filter(|r| r.lineage != version.library && !related(&r.lineage, &version.library)).count();
            let half = if is_calibration(&version.library) { "c" } else { "t" };
            let Some((from, functions, containment, distinct, judgement)) = own else {
                println!("| {half} {} | {} | | | | | | {:.3} {} |", version.library, version.version, other.0, other.1);
                continue;
            };
            let whole = program.functions.len();
            let word = match judgement.verdict { Verdict::Contains => "contains", Verdict::Unsure => "unsure", Verdict::DoesNotContain { .. } => "not" };
            println!(
                "| {half} {} | {from} in {} | {functions} of {whole} | {containment:.3} | | {distinct:.0} | {word} {:.3} | {:.3} {} |",
                version.library, version.version, judgement.probability, other.0, other.1
            );
            if other.0 > most.0 {
                most = (other.0, format!("{} and {}", version.library, other.1));
            }
        }
        println!("{pairs} unrelated pairs, {claimed} claimed, most {:.3} {}", most.0, most.1);
    }
    std::fs::write(Path::new(&folder).join("features.tsv"), features).expect("writable");
}

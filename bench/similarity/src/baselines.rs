//! What simpler means find in the same files. Each is given the best threshold it could have on these very files:
//! the highest score of an unrelated pair, found out after the fact. Ours is given none.

use crate::libscan::{self, Scanned};
use crate::world::{self, Half};
use rustc_hash::{FxHashMap, FxHashSet};
use similarity::background::Background;
use similarity::fingerprint::Family;
use similarity::index::Index;
use similarity::matching;
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A body shorter than this is everyday code, whatever hash it has.
const BODY_TOKENS_MIN: u32 = 8;

struct Sets {
    bodies: FxHashSet<u64>,
    strings: FxHashSet<u64>,
    names: FxHashSet<u64>,
}

impl Sets {
    fn of(program: &Program) -> Self {
        let hash = |text: &str| similarity::fingerprint::hash(text.as_bytes());
        Self {
            bodies: program.functions.iter().filter(|f| f.tokens >= BODY_TOKENS_MIN).map(|f| f.body).collect(),
            strings: program.fingerprints.iter().copied().filter(|f| Family::of(*f) == Some(Family::Text)).collect(),
            names: program.classes.iter().map(|class| hash(program.words(class.name))).collect(),
        }
    }
}

/// Share of `ours` that `theirs` holds.
fn contained(ours: &FxHashSet<u64>, theirs: &FxHashSet<u64>) -> f64 {
    if ours.is_empty() { 0.0 } else { ours.intersection(theirs).count() as f64 / ours.len() as f64 }
}

/// Scores of the tool `ssdeep` (0 to 100), by the names of the file and the reference; pairs that are not told have none.
fn ssdeep(folder: &Path, made: &[PathBuf], known: &[PathBuf]) -> Option<FxHashMap<(String, String), f64>> {
    let told = |words: &[&str], files: &[PathBuf]| {
        let ran = Command::new("ssdeep").args(words).args(files).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let (theirs, ours) = (folder.join("ssdeep.made"), folder.join("ssdeep.known"));
    std::fs::write(&theirs, told(&["-s", "-b"], made)?).ok()?;
    std::fs::write(&ours, told(&["-s", "-b"], known)?).ok()?;
    let lines = told(&["-s", "-c", "-k", ours.to_str()?], &[theirs])?;
    let name = |word: &str| Some(word.trim_matches('"').rsplit_once(':')?.1.to_owned());
    let score = |line: &str| {
        let (left, score) = line.rsplit_once(',')?;
        let (made, known) = left.split_once("\",\"")?;
        Some(((name(made)?, name(known)?), score.parse().ok()?))
    };
    Some(lines.lines().filter_map(score).collect())
}

const NAMES: [&str; 6] = [
    "exact method hash",
    "strings only",
    "class names only",
    "TLSH of the file",
    "ssdeep of the file",
    "LibScan, written anew from its published stages",
];
/// Which of them has a threshold of its own.
const LIBSCAN: usize = 5;

pub fn run(folder: &Path) {
    let index = Index::new(world::references(folder), &Background::default());
    let shared = world::shared();
    let known: Vec<Sets> = index.references().iter().map(|r| Sets::of(&r.program)).collect();
    let fuzzy = |raw: &[u8]| tlsh2::TlshDefaultBuilder::build_from(raw);
    let paths: Vec<PathBuf> = index.references().iter().map(|r| folder.join("refs").join(format!("{}.dex", r.label))).collect();
    let bytes: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("readable")).collect();
    let known_fuzzy: Vec<_> = bytes.iter().map(|raw| fuzzy(raw)).collect();
    let known_scanned: Vec<Scanned> = bytes.iter().map(|raw| Scanned::of(raw)).collect();
    let scored: Vec<world::Made> = world::made(folder).into_iter().filter(|made| Half::of(&made.target) != Half::Calibration).collect();
    let made_paths: Vec<PathBuf> = scored.iter().map(|made| made.path.clone()).collect();
    let ssdeep = ssdeep(folder, &made_paths, &paths);
    if ssdeep.is_none() {
        println!("no tool `ssdeep` here: its row is empty");
    }
    let mut scores: Vec<(String, bool, [f64; 6])> = Vec::new();
    let mut ours: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut false_claims = 0;
    for made in scored {
        let Ok(raw) = std::fs::read(&made.path) else { continue };
        let program = world::program(&raw);
        let (sets, hash, scanned) = (Sets::of(&program), fuzzy(&raw), Scanned::of(&raw));
        let file = made.path.file_name().expect("a name").to_string_lossy().into_owned();
        for (n, reference) in index.references().iter().enumerate() {
            let name = &reference.lineage;
            let related = |a: &str| shared.iter().any(|(x, y)| (x == a && y == name) || (y == a && x == name));
            let own = *name == made.target;
            if Some(name) == made.host.as_ref() || (!own && (related(&made.target) || made.host.as_deref().is_some_and(related))) {
                continue;
            }
            let distance = hash.as_ref().zip(known_fuzzy[n].as_ref()).map_or(1_000, |(a, b)| a.diff(b, true));
            let k = &known[n];
            let piecewise = ssdeep.as_ref().and_then(|scores| scores.get(&(file.clone(), format!("{}.dex", reference.label))));
            let score = [
                contained(&k.bodies, &sets.bodies),
                contained(&k.strings, &sets.strings),
                contained(&k.names, &sets.names),
                -f64::from(distance),
                piecewise.copied().unwrap_or(0.0),
                known_scanned[n].share_in(&scanned),
            ];
            scores.push((made.row.clone(), own, score));
        }
        let found = matching::find(&index, &program);
        let row = ours.entry(made.row.clone()).or_default();
        row[1] += 1;
        for evidence in found.iter().filter(|e| verdict::judge(&index, e).verdict == Verdict::Contains) {
            let name = &index.references()[evidence.reference].lineage;
            let related = |a: &str| shared.iter().any(|(x, y)| (x == a && y == name) || (y == a && x == name));
            if *name == made.target {
                row[0] += 1;
            } else if Some(name) != made.host.as_ref() && !related(&made.target) && !made.host.as_deref().is_some_and(related) {
                false_claims += 1;
            }
        }
    }
    let unrelated = scores.iter().filter(|s| !s.1).count();
    println!("test and fresh halves, every file made, those too that hold next to nothing of their target; {unrelated} unrelated pairs");
    let cells = |of: &dyn Fn(&str) -> String| ours.keys().map(|row| format!("{:>8}", of(row))).collect::<String>();
    println!("{:<20}{}", "", cells(&|row| row.to_owned()));
    println!("{:<20}{}  false: {false_claims}", "ours", cells(&|row| format!("{}/{}", ours[row][0], ours[row][1])));
    let told = |k: usize, name: &str, threshold: f64| {
        let found = |row: &str| scores.iter().filter(|s| s.1 && s.0 == row && s.2[k] > threshold).count();
        let wrong = scores.iter().filter(|s| !s.1 && s.2[k] > threshold).count();
        println!("{name:<20}{}  false: {wrong}, at {threshold:.3}", cells(&|row| format!("{}/{}", found(row), ours[row][1])));
    };
    for (k, name) in NAMES.iter().enumerate() {
        told(k, name, scores.iter().filter(|s| !s.1).map(|s| s.2[k]).fold(f64::NEG_INFINITY, f64::max));
    }
    told(LIBSCAN, "the same at its published threshold", libscan::LIBRARY_MIN);
}

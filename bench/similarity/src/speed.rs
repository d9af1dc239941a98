//! How long it takes: reading a Dalvik file, and looking for fifty references in it, on one core, in processor time.

use crate::{cpu, world};
use similarity::background::Background;
use similarity::dex::{self, Dex};
use similarity::index::Index;
use similarity::matching;
use similarity::program::Program;
use std::path::Path;

/// References looked for.
const REFERENCES: usize = 50;
/// Size of the file looked in: about this many bytes of Dalvik.
const BYTES: usize = 5_000_000;
/// Runs; the median is told.
const RUNS: usize = 15;
/// What is wanted: milliseconds for one file, and megabytes a second read.
const MATCH_MS_WANTED: f64 = 60.0;
const READ_MBS_WANTED: f64 = 200.0;

pub fn run(folder: &Path) {
    let all = world::references(folder);
    let unrelated: Vec<_> = all.iter().skip(REFERENCES).cloned().collect();
    let index = Index::new(all.into_iter().take(REFERENCES).collect(), &Background::default());
    println!("{} references, {} functions, {} postings", index.references().len(), index.functions(), index.postings());
    // What nobody tried to hide has the most to be looked into.
    let open = world::made(folder).into_iter().filter(|made| made.row == "dx" || made.row.starts_with("r8"));
    let made: Vec<Vec<u8>> = open.filter_map(|made| std::fs::read(&made.path).ok()).collect();
    let related = take(&made);
    one("an app that holds many of them", &index, &related);
    let others: Vec<Vec<u8>> = unrelated
        .iter()
        .filter_map(|reference| std::fs::read(folder.join("refs").join(format!("{}.dex", reference.label))).ok())
        .collect();
    one("an app that holds none of them", &index, &take(&others));
}

fn take(files: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    // Spread over all there is.
    let mut rest: Vec<&Vec<u8>> = files.iter().collect();
    rest.sort_by_cached_key(|file| similarity::fingerprint::hash(file));
    for file in rest {
        if bytes + file.len() <= BYTES {
            bytes += file.len();
            taken.push(file.as_slice());
        }
    }
    taken
}

fn one(what: &str, index: &Index, files: &[&[u8]]) {
    let bytes: usize = files.iter().map(|file| file.len()).sum();
    let dexes: Vec<Dex<'_>> = files.iter().flat_map(|file| Dex::parse(file).expect("a dex")).collect();
    let read = median(|| dex::extract(&dexes, &mut |_, _| {}).expect("sound").functions.len());
    let program: Program = dex::extract(&dexes, &mut |_, _| {}).expect("sound");
    let found = matching::find(index, &program).len();
    let matched = median(|| matching::find(index, &program).len());
    println!("{what}: {bytes} bytes in {} files, {} functions, evidence of {found} references", files.len(), program.functions.len());
    let rate = bytes as f64 / 1e3 / read;
    println!("  reading {read:.1} ms, {rate:.0} MB/s (wanted {READ_MBS_WANTED:.0})");
    println!("  looking {matched:.1} ms; both {:.1} ms (wanted {MATCH_MS_WANTED:.0})", read + matched);
}

fn median(mut work: impl FnMut() -> usize) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = cpu::ms();
            std::hint::black_box(work());
            cpu::ms() - start
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

//! Many apps and many postings: what a hunt over ten thousand apps costs, and a lookup in three hundred million
//! postings on disk.

use crate::{cpu, world};
use rustc_hash::FxHashSet;
use similarity::background::Background;
use similarity::fingerprint::mix;
use similarity::index::Index;
use similarity::sketch;
use similarity::table::{self, Entry, Pages, Table};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// Apps hunted through.
const APPS: usize = 10_000;
/// One generated app in this many holds a part of one of the libraries.
const HOLDS_EVERY: u64 = 50;
/// Fingerprints of a large app, of which the sketch is looked up.
const APP_FINGERPRINTS: u64 = 200_000;
/// Share of them that is in the table.
const KNOWN_EVERY: u64 = 2;
const POSTINGS: u64 = 300_000_000;
const RUNS: u64 = 31;
/// Milliseconds a lookup may take.
const LOOKUP_MS_WANTED: f64 = 10.0;

struct Disk(File);

impl Pages for Disk {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

fn write(path: &Path, count: u64, entries: impl Iterator<Item = Entry>) -> Table<Disk> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("writable"));
    table::write(count, entries, &mut out).expect("room on the disk");
    out.flush().expect("room on the disk");
    Table::open(Disk(File::open(path).expect("there"))).expect("sound")
}

/// The sketch of a generated app: a third is code that several apps hold, the rest its own; some hold a tenth of a library.
fn generated(n: u64, libraries: &[Vec<u64>]) -> (Vec<u64>, Option<usize>) {
    let size = 500 + mix(n) % 4_000;
    let own = (0..size).map(|k| mix(mix(n) ^ k.wrapping_mul(3)));
    let popular = (0..size / 2).map(|k| mix(mix(n ^ k) % 50_000));
    let mut kept: Vec<u64> = own.chain(popular).map(|f| mix(f) | (6 << 61)).collect();
    let held = (n % HOLDS_EVERY == 0).then(|| mix(n) as usize % libraries.len());
    if let Some(library) = held.and_then(|held| libraries.get(held)) {
        let start = mix(n ^ 5) as usize % library.len();
        kept.extend(library.iter().cycle().skip(start).take(library.len().div_ceil(10)));
    }
    kept.sort_unstable();
    kept.dedup();
    (kept, held)
}

pub fn hunt(folder: &Path) {
    let index = Index::new(world::references(folder), &Background::default());
    let libraries: Vec<Vec<u64>> = (0..index.references().len()).map(|n| sketch::of_distinct(&index, n)).collect();
    let made = world::made(folder);
    let start = cpu::ms();
    let mut bytes = 0;
    let mut truth: FxHashSet<(u32, usize)> = FxHashSet::default();
    let number = |name: &str| index.references().iter().position(|r| r.lineage == name);
    let mut sketches: Vec<Vec<u64>> = Vec::new();
    for (app, n) in made.iter().zip(0_u32..) {
        let Ok(raw) = std::fs::read(&app.path) else { continue };
        bytes += raw.len();
        sketches.push(sketch::of(&world::program(&raw)));
        truth.extend([Some(&app.target), app.host.as_ref()].into_iter().flatten().filter_map(|name| Some((n, number(name)?))));
    }
    let real = sketches.len();
    println!("{real} real apps sketched, {:.2} ms and {} bytes of code each", (cpu::ms() - start) / real as f64, bytes / real.max(1));
    for n in real..APPS {
        let (kept, held) = generated(n as u64, &libraries);
        truth.extend(held.map(|held| (n as u32, held)));
        sketches.push(kept);
    }
    let mut entries: Vec<Entry> = sketches.iter().zip(0_u32..).flat_map(|(kept, n)| kept.iter().map(move |f| (*f, n))).collect();
    entries.sort_unstable();
    let path = folder.join("hunt.idt");
    let table = write(&path, entries.len() as u64, entries.iter().copied());
    let size = std::fs::metadata(&path).expect("there").len();
    println!("{APPS} apps, {} fingerprints kept, {} bytes an app", table.entries(), size / APPS as u64);
    let (mut candidates, mut found, mut wanted, mut right, mut asked) = (0, 0, 0, 0, 0);
    let mut spent = 0.0;
    for (n, kept) in libraries.iter().enumerate() {
        if kept.len() < sketch::KEPT_MIN {
            println!("  {} is too small to be asked for: {} kept", index.references()[n].label, kept.len());
            continue;
        }
        asked += 1;
        let start = cpu::ms();
        let mut shared = vec![0_usize; APPS];
        table.find(kept, 1, &mut |_, app| shared[app as usize] += 1).expect("sound");
        spent += cpu::ms() - start;
        for (app, shared) in shared.iter().enumerate() {
            let is_candidate = *shared >= sketch::shared_min(kept.len());
            let is_true = truth.contains(&(app as u32, n));
            candidates += usize::from(is_candidate);
            wanted += usize::from(is_true);
            right += usize::from(is_candidate && is_true);
            found += usize::from(is_candidate && is_true && app >= real);
        }
    }
    let asking = spent / f64::from(asked);
    println!("one reference asked for in {asking:.2} ms, {:.5} ms an app", asking / APPS as f64);
    println!("{right} of {wanted} inclusions are candidates ({found} of them in generated apps), among {candidates} candidates to be read again");
    std::fs::remove_file(path).expect("removed");
}

pub fn postings(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder to write in");
    // Evenly spread and shaken, so that they come sorted and nothing has to be held.
    let step = u64::MAX / POSTINGS;
    let of = |n: u64| n * step + mix(n) % step;
    let path = folder.join("postings.idt");
    if let Ok(table) = File::open(&path).map_err(table::Fault::from).and_then(|file| Table::open(Disk(file))) {
        println!("{} postings are there already", table.entries());
        return look(&path, &of);
    }
    let start = Instant::now();
    let table = write(&path, POSTINGS, (0..POSTINGS).map(|n| (of(n), (mix(n) >> 40) as u32)));
    println!("{} postings written in {:.0} s, {} MB", table.entries(), start.elapsed().as_secs_f64(), std::fs::metadata(&path).expect("there").len() / 1_000_000);
    look(&path, &of);
}

fn look(path: &Path, of: &dyn Fn(u64) -> u64) {
    let start = Instant::now();
    let table = Table::open(Disk(File::open(path).expect("there"))).expect("sound");
    println!("opened in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    for scale in [sketch::SCALE, 4 * sketch::SCALE] {
        lookups(&table, APP_FINGERPRINTS / scale, 1, of);
        lookups(&table, APP_FINGERPRINTS / scale, std::thread::available_parallelism().map_or(1, usize::from), of);
    }
    std::fs::remove_file(path).expect("removed");
}

/// Looks up as many fingerprints as a sketch has; half of them are in the table. With one thread, its processor time
/// is told, with several the time that goes by.
fn lookups(table: &Table<Disk>, count: u64, threads: usize, of: &dyn Fn(u64) -> u64) {
    let began = Instant::now();
    let now = || if threads == 1 { cpu::ms() } else { began.elapsed().as_secs_f64() * 1e3 };
    let mut times = Vec::new();
    for run in 0..RUNS {
        let fingerprint = |k: u64| if k.is_multiple_of(KNOWN_EVERY) { of(mix(run ^ (k << 8)) % POSTINGS) } else { mix(run ^ (k << 16)) };
        let mut wanted: Vec<u64> = (0..count).map(fingerprint).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = 0;
        let start = now();
        table.find(&wanted, threads, &mut |_, _| found += 1).expect("sound");
        times.push(now() - start);
        // Half of them, but for a few chosen twice.
        assert!(found * 21 >= wanted.len() * 10, "{found} of {} found", wanted.len());
    }
    let first = times[0];
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{count} fingerprints looked up by {threads}: first {first:.1} ms, median {median:.1} ms, worst {worst:.1} ms (wanted {LOOKUP_MS_WANTED:.0})");
}

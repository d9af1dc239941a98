//! What a log costs on this machine's disk, beside what the disk itself costs in the same run, and beside the Go team's
//! verifier where Debian's packages are installed. Prints figures; measures nothing that a test depends on.
//!
//!     cargo bench -p ledger [-- ENTRIES]

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark measures time and fails by panicking")]

use ledger::disk::{Disk, DiskFile, Folder};
use ledger::fsck;
use ledger::keeper::Keeper;
use ledger::log::{self, Ledger, Settings};
use ledger::publish::Signers;
use ledger::wal::{Record, SEGMENT_BYTES};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tlog::checkpoint::Checkpoint;
use tlog::note::{Kind, Note, SigningKey};
use tlog::policy::Policy;
use tlog::reader::Reader;

fn key() -> SigningKey {
    SigningKey::from_seed("log.example/dec/1", Kind::Text, &[1; 32]).unwrap()
}

fn nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

fn settings() -> Settings {
    Settings {
        segment_bytes: SEGMENT_BYTES,
        publish_every: Duration::from_secs(1),
        chance: || [7; 32],
        nanos,
        keeps_private: true,
    }
}

fn record(number: u64) -> Record {
    let mut entry = vec![3; 78];
    entry.splice(..8, number.to_be_bytes());
    Record { entry, private: vec![5; 500] }
}

struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

impl Place {
    fn folder(&self, name: &str) -> Folder {
        std::fs::create_dir_all(self.0.join(name)).unwrap();
        Folder::new(self.0.join(name))
    }
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// What one `fdatasync` costs here: frames of the same size into a file of zeros.
fn fdatasync(place: &Place) -> Vec<Duration> {
    let disk = place.folder("bare");
    let mut file = disk.create("file").unwrap();
    file.write_at(0, &vec![0; 32 << 20]).unwrap();
    file.sync().unwrap();
    let frame = vec![9; 32 * 1024];
    let mut taken: Vec<Duration> = (0..400)
        .map(|number| {
            let start = Instant::now();
            file.write_at(number * frame.len() as u64, &frame).unwrap();
            file.sync().unwrap();
            start.elapsed()
        })
        .collect();
    taken.sort_unstable();
    taken
}

/// Syncs a file of its own every few milliseconds until told to stop: what the disk costs while the log runs.
fn probe(place: &Place, name: &str, over: &AtomicBool) -> Vec<Duration> {
    let disk = place.folder(&format!("{name}-probe"));
    let mut file = disk.create("file").unwrap();
    file.write_at(0, &vec![0; 8 << 20]).unwrap();
    file.sync().unwrap();
    let mut taken = Vec::new();
    for number in 0_u64.. {
        if over.load(Ordering::Acquire) {
            break;
        }
        let start = Instant::now();
        file.write_at(number * 4096 % (8 << 20), &[9; 4096]).unwrap();
        file.sync().unwrap();
        taken.push(start.elapsed());
        std::thread::sleep(PROBE_EVERY);
    }
    taken.sort_unstable();
    taken
}

/// How often the disk is probed: seldom enough to cost it little.
const PROBE_EVERY: Duration = Duration::from_millis(4);

/// The p99 of what the disk took for the log's own commits.
fn own_tail(ledger: &Ledger) -> Duration {
    let buckets = ledger.syncs().buckets();
    let mut rest = (ledger.syncs().count() as f64 * 0.99).ceil() as u64;
    let above = buckets.iter().find(|(_, count)| {
        let within = rest <= *count;
        rest -= rest.min(*count);
        within
    });
    Duration::from_micros(above.map_or(0, |(bound, _)| *bound))
}

/// Hands in records at a rate, from one thread, while another waits for each, and a third asks the disk alone.
fn rate(place: &Place, per_second: u64, publish_every: Duration) {
    let publishing = publish_every < Duration::from_secs(60);
    let name = format!("rate-{per_second}-{publishing}");
    let disk = place.folder(&name);
    let keeper = Keeper::signer(place.folder(&format!("{name}-signer")), key()).unwrap();
    let signers = Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None };
    let settings = Settings { publish_every, ..settings() };
    let ledger = Ledger::start(&disk, key().public(), settings, signers).unwrap();
    // The first record makes the first segment.
    ledger.append(record(0)).unwrap().wait().unwrap();
    let total = per_second * 8;
    let (give, take) = std::sync::mpsc::sync_channel(1 << 20);
    let waiter = std::thread::spawn(move || {
        let mut taken = Vec::new();
        while let Ok((ticket, start)) = take.recv() {
            let ticket: log::Ticket = ticket;
            let start: Instant = start;
            ticket.wait().unwrap();
            taken.push(start.elapsed());
        }
        taken
    });
    let over = AtomicBool::new(false);
    let (begin, disk_alone) = std::thread::scope(|scope| {
        let probing = scope.spawn(|| probe(place, &name, &over));
        let begin = Instant::now();
        for number in 0..total {
            let due = Duration::from_nanos(number * 1_000_000_000 / per_second);
            while begin.elapsed() < due {
                std::thread::sleep((due - begin.elapsed().min(due)).min(Duration::from_micros(200)));
            }
            let start = Instant::now();
            give.send((ledger.append(record(number)).unwrap(), start)).unwrap();
        }
        over.store(true, Ordering::Release);
        (begin, probing.join().unwrap())
    });
    drop(give);
    let mut taken = waiter.join().unwrap();
    let whole = begin.elapsed();
    taken.sort_unstable();
    let (tail, bare, own) = (quantile(&taken, 0.99), quantile(&disk_alone, 0.99), own_tail(&ledger));
    println!(
        "durable at {per_second:>6}/s asked, {}: {:>6.0}/s, acknowledged p50 {:.2?} p99 {tail:.2?} = {:.1} x the p99 of \
         its own fdatasync ({own:.2?}), {:.1} x that of another's beside it (p50 {:.2?} p99 {bare:.2?})",
        if publishing { "published each second" } else { "not published" },
        total as f64 / whole.as_secs_f64(),
        quantile(&taken, 0.5),
        tail.as_secs_f64() / own.as_secs_f64(),
        tail.as_secs_f64() / bare.as_secs_f64(),
        quantile(&disk_alone, 0.5),
    );
    ledger.stop();
}

fn main() {
    let entries = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000_u64);
    let place = Place(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id())));
    let bare = fdatasync(&place);
    println!("fdatasync of 32 KiB: p50 {:.1?} p99 {:.1?}", quantile(&bare, 0.5), quantile(&bare, 0.99));
    for per_second in [200, 1_000, 10_000, 50_000] {
        for publish_every in [Duration::from_secs(1), Duration::from_secs(3_600)] {
            rate(&place, per_second, publish_every);
        }
    }
    let disk = place.folder("log");
    let keeper = Keeper::signer(place.folder("signer"), key()).unwrap();
    let mut signers = Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None };
    let (mut wal, _) = log::open(&disk, key().public(), settings(), &mut signers).unwrap();
    let records: Vec<Record> = (0..entries).map(|number| Record { private: Vec::new(), ..record(number) }).collect();
    let start = Instant::now();
    records.chunks(8_192).for_each(|some| wal.append(some).unwrap());
    println!("{entries} records in batches: {:.2?}", start.elapsed());
    drop((wal, records));
    let start = Instant::now();
    let settings = Settings { keeps_private: false, ..settings() };
    let (wal, mut publisher) = log::open(&disk, key().public(), settings, &mut signers).unwrap();
    println!("recovery of {} unpublished: {:.2?}", wal.next(), start.elapsed());
    let start = Instant::now();
    while publisher.publish(wal.next(), &mut signers).unwrap().is_some() {}
    println!("publishing them: {:.2?}", start.elapsed());
    let note = Note::parse(&disk.read("public/checkpoint").unwrap()).unwrap();
    let checkpoint = Checkpoint::parse(&note.text).unwrap();
    let mut reader = Reader::new(&checkpoint, |tile| disk.read(&format!("public/{tile}"))).unwrap();
    let indexes: Vec<u64> = (0..20_000).map(|number| number * 48_271 % entries.min(400_000)).collect();
    indexes.iter().for_each(|index| drop(reader.prove_inclusion(*index).unwrap()));
    let start = Instant::now();
    indexes.iter().for_each(|index| drop(reader.prove_inclusion(*index).unwrap()));
    println!("inclusion proof from warm tiles: {:.1?}", start.elapsed() / indexes.len() as u32);
    let mut ours = 0.0;
    for threads in [1, 2] {
        let start = Instant::now();
        let report = fsck::check(&disk, "public", &Policy::of_log(key().public().clone()), threads);
        assert!(report.damages.is_empty());
        ours = entries as f64 / start.elapsed().as_secs_f64();
        println!("fsck with {threads} threads: {ours:.0} entries/s");
    }
    std::fs::write(disk.path().join("public/vkey"), key().public().to_string()).unwrap();
    let program = place.0.join("verify");
    let built = Command::new("/usr/lib/go/bin/go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/verify.go"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env_remove("GOROOT")
        .status();
    if built.is_ok_and(|status| status.success()) {
        let start = Instant::now();
        assert!(Command::new(&program).arg(disk.path().join("public")).status().unwrap().success());
        let theirs = entries as f64 / start.elapsed().as_secs_f64();
        println!("the Go verifier: {theirs:.0} entries/s, so ours is {:.1} times as fast", ours / theirs);
    }
}

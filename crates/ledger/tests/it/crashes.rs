//! Power lost at every operation of a long run: whoever was told that a record is durable finds it, once, in its place.

use crate::simulated::{Chance, Loss, Simulated};
use crate::{Place, key, settings};
use ledger::disk::Disk;
use ledger::fsck;
use ledger::keeper::Keeper;
use ledger::log::{self, Settings};
use ledger::private::Opening;
use ledger::publish::Signers;
use ledger::wal::Record;
use std::sync::Arc;
use tlog::policy::Policy;

/// Crashes in every test run; the environment variable `LEDGER_CRASHES` asks for more.
const CRASHES: u64 = 1_500;

fn settings_of_one() -> Settings {
    // Segments of a few frames, so that the run crosses many.
    Settings { segment_bytes: 8 * 1024, ..settings() }
}

fn record(number: u64, chance: &mut Chance) -> Record {
    let length = 8 + chance.below(300) as usize;
    let mut entry = number.to_be_bytes().to_vec();
    entry.resize(length, number as u8);
    let opening = Opening { seed: [number as u8 | 1; 32], sealed: vec![number as u8; 20] };
    Record { entry, private: opening.to_record() }
}

fn signers(disk: &Simulated) -> Result<Signers, String> {
    let keeper = Keeper::signer(disk.clone(), key()).map_err(|error| error.to_string())?;
    Ok(Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None })
}

/// What the outside knows: what it was told is durable, and what it handed in and was told nothing about.
#[derive(Clone, Default)]
struct Outside {
    acknowledged: Vec<Vec<u8>>,
    unknown: Vec<Vec<u8>>,
    published: u64,
}

/// Runs a log until the power goes or the script is done. The signer has a disk of its own, which fails with the other.
fn run(disk: &Simulated, signer: &Simulated, script: u64, seed: u64, outside: &mut Outside) -> Result<(), String> {
    let mut chance = Chance(seed);
    let mut signers = signers(signer)?;
    let opened = log::open(disk, key().public(), settings_of_one(), &mut signers);
    let (mut wal, mut publisher) = opened.map_err(|error| format!("cannot open: {error}"))?;
    reconcile(wal.next(), outside)?;
    for _ in 0..script {
        let count = 1 + chance.below(6);
        let records: Vec<Record> =
            (0..count).map(|number| record(outside.acknowledged.len() as u64 + number, &mut chance)).collect();
        let entries = records.iter().map(|record| record.entry.clone());
        match wal.append(&records) {
            Ok(()) => outside.acknowledged.extend(entries),
            Err(error) => {
                outside.unknown = entries.collect();
                return Err(error.to_string());
            }
        }
        if chance.below(4) == 0 {
            match publisher.publish(wal.next(), &mut signers) {
                Ok(Some(published)) => outside.published = published.checkpoint.size,
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if chance.below(9) == 0 {
            let spare = ledger_spare(disk);
            spare.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn ledger_spare(disk: &Simulated) -> std::io::Result<()> {
    ledger::wal::prepare_spare(disk, settings_of_one().segment_bytes)
}

/// What was handed in last may be there in whole or in part, from its beginning; it counts from then on.
fn reconcile(next: u64, outside: &mut Outside) -> Result<(), String> {
    let told = outside.acknowledged.len() as u64;
    let unknown = std::mem::take(&mut outside.unknown);
    if next < told || next > told + unknown.len() as u64 {
        return Err(format!("violation: {told} records were acknowledged, and the log ends at {next}"));
    }
    outside.acknowledged.extend(unknown.into_iter().take((next - told) as usize));
    Ok(())
}

/// Everything that was acknowledged is there, in order, and the published log is sound.
fn check(disk: &Simulated, signer: &Simulated, outside: &mut Outside) -> Result<(), String> {
    let mut signers = signers(signer)?;
    let opened = log::open(disk, key().public(), settings_of_one(), &mut signers);
    let (wal, mut publisher) = opened.map_err(|error| format!("violation: cannot open: {error}"))?;
    reconcile(wal.next(), outside)?;
    if publisher.size() < outside.published {
        return Err(format!("violation: {} were published, now {}", outside.published, publisher.size()));
    }
    publisher.publish(wal.next(), &mut signers).map_err(|error| format!("violation: cannot publish: {error}"))?;
    if outside.acknowledged.is_empty() {
        return Ok(());
    }
    let report = fsck::check(disk, "public", &Policy::of_log(key().public().clone()), 1);
    if let Some(damage) = report.damages.first() {
        return Err(format!("violation: {damage}"));
    }
    let size = report.checkpoint.map_or(0, |checkpoint| checkpoint.size);
    if size != outside.acknowledged.len() as u64 {
        return Err(format!("violation: {size} entries for {} acknowledged", outside.acknowledged.len()));
    }
    for tile in tlog::tile::tiles(size).filter(|tile| tile.level == tlog::tile::Level::Entries) {
        let bytes = disk.read(&format!("public/{tile}")).map_err(|error| error.to_string())?;
        let entries = tlog::bundle::decode(tile.width, &bytes).ok_or("violation: a bundle")?;
        let from = tile.index as usize * 256;
        if entries != outside.acknowledged[from..from + entries.len()] {
            return Err(format!("violation: {tile} holds other entries than were acknowledged"));
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how many crashes to try is a setting of whoever runs the test")]
fn crashes() -> u64 {
    std::env::var("LEDGER_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(CRASHES)
}

#[test]
fn no_crash_loses_what_was_acknowledged() {
    let wanted = crashes();
    let mut done = 0;
    let mut seed = 1;
    let mut double = 0;
    while done < wanted {
        seed += 1;
        let script = 12 + seed % 30;
        let whole = Simulated::default();
        run(&whole, &Simulated::default(), script, seed, &mut Outside::default()).unwrap();
        let operations = whole.operations();
        for at in 0..operations {
            // Few of many points of each script, another selection for each seed.
            let mut chance = Chance(seed << 32 | at);
            if chance.below(8) != 0 {
                continue;
            }
            for loss in [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some] {
                let (disk, signer) = (Simulated::default(), Simulated::default());
                disk.crash_at(at);
                let mut outside = Outside::default();
                let ended = run(&disk, &signer, script, seed, &mut outside);
                assert!(ended.is_ok() || disk.is_down(), "seed {seed} operation {at}: {ended:?}");
                let mut disk = disk.after_crash(loss, &mut chance);
                // Every other time the power goes again while the log is being opened and goes on.
                if chance.below(2) == 0 {
                    disk.crash_at(chance.below(40));
                    let again = run(&disk, &signer, 5, seed + 7, &mut outside);
                    let violated = again.as_ref().is_err_and(|why| why.starts_with("violation"));
                    let for_nothing = again.is_err() && !disk.is_down();
                    assert!(!violated && !for_nothing, "seed {seed} operation {at} {loss:?}: {again:?}");
                    disk = disk.after_crash(loss, &mut chance);
                    double += 1;
                }
                let checked = check(&disk, &signer, &mut outside);
                assert_eq!(checked, Ok(()), "seed {seed} operation {at} {loss:?}");
                done += 1;
            }
        }
    }
    println!("{done} crashes, {double} of them twice, 0 violations");
}

#[test]
fn a_sync_that_fails_is_believed_and_what_was_under_way_is_made_durable_anew() {
    for number in 1..40 {
        for loss in [Loss::Everything, Loss::Some] {
            let (disk, signer) = (Simulated::default(), Simulated::default());
            disk.fail_sync(number);
            let mut outside = Outside::default();
            let ended = run(&disk, &signer, 30, 5, &mut outside);
            // The program ends, the machine goes on: the cache still shows what the disk does not have.
            let disk = disk.after_exit();
            let mut opened = signers(&signer).unwrap();
            let again = log::open(&disk, key().public(), settings_of_one(), &mut opened);
            let (wal, _) = again.unwrap_or_else(|error| panic!("sync {number}: {error}"));
            reconcile(wal.next(), &mut outside).unwrap();
            drop(wal);
            let mut chance = Chance(number);
            let disk = disk.after_crash(loss, &mut chance);
            assert_eq!(check(&disk, &signer, &mut outside), Ok(()), "sync {number} {ended:?}");
        }
    }
}

#[test]
fn a_segment_that_could_not_be_begun_is_the_last_thing_written() {
    for number in 1..3 {
        let (disk, signer) = (Simulated::default(), Simulated::default());
        let mut opened = signers(&signer).unwrap();
        let (mut wal, _publisher) = log::open(&disk, key().public(), settings_of_one(), &mut opened).unwrap();
        let mut chance = Chance(1);
        let mut outside = Outside::default();
        let mut append = |wal: &mut ledger::wal::Wal<Simulated>, outside: &mut Outside| {
            let record = record(outside.acknowledged.len() as u64, &mut chance);
            let done = wal.append(std::slice::from_ref(&record));
            if done.is_ok() { &mut outside.acknowledged } else { &mut outside.unknown }.push(record.entry);
            done
        };
        append(&mut wal, &mut outside).unwrap();
        disk.fail_sync_folder(1);
        assert!(wal.roll().is_err());
        // The new segment is there, and the old one would take more.
        (0..number).for_each(|_| assert!(append(&mut wal, &mut outside).is_err()));
        outside.unknown.clear();
        drop(wal);
        assert_eq!(check(&disk.after_exit(), &signer, &mut outside), Ok(()));
    }
}

#[test]
fn a_full_disk_refuses_records_and_takes_them_again_once_there_is_room() {
    let (disk, signer) = (Simulated::default(), Simulated::default());
    let mut opened = signers(&signer).unwrap();
    let (mut wal, _publisher) = log::open(&disk, key().public(), settings_of_one(), &mut opened).unwrap();
    let mut chance = Chance(1);
    disk.room(Some(20_000));
    let mut outside = Outside::default();
    let mut refused = 0;
    for number in 0..200 {
        if number == 150 {
            disk.room(None);
        }
        let record = record(number, &mut chance);
        match wal.append(std::slice::from_ref(&record)) {
            Ok(()) => outside.acknowledged.push(record.entry),
            Err(ledger::wal::Failed::Full(_)) => refused += 1,
            Err(failed) => panic!("{failed}"),
        }
    }
    assert!(refused > 50 && outside.acknowledged.len() > 60, "{refused} refused");
    drop(wal);
    assert_eq!(check(&disk, &signer, &mut outside), Ok(()));
}

#[test]
fn damage_where_records_were_acknowledged_is_named_and_nothing_is_repaired() {
    let (disk, signer) = (Simulated::default(), Simulated::default());
    let mut outside = Outside::default();
    let mut opened = signers(&signer).unwrap();
    let (mut wal, _) = log::open(&disk, key().public(), settings_of_one(), &mut opened).unwrap();
    let mut chance = Chance(3);
    for number in 0..20 {
        let record = record(number, &mut chance);
        wal.append(std::slice::from_ref(&record)).unwrap();
        outside.acknowledged.push(record.entry);
    }
    drop(wal);
    let segment = disk.paths().into_iter().find(|path| path.ends_with(".seg")).unwrap();
    // The second frame of the segment, of record 1: after it come others.
    disk.flip(&segment, 1024 + 40);
    let error = log::open(&disk, key().public(), settings_of_one(), &mut opened).unwrap_err().to_string();
    assert_eq!(error, format!("{segment} is damaged at byte 1024: the records from index 1 cannot be read"));
}

#[test]
fn a_byte_that_changes_between_writing_and_signing_stops_the_cycle_and_the_next_is_clean() {
    let place = Place::new();
    let disk = place.folder("log");
    let keeper = Arc::new(Keeper::signer(place.folder("signer"), key()).unwrap());
    let mut signers = Signers { log: Box::new(Arc::clone(&keeper)), witnesses: Vec::new(), policy: None };
    let (mut wal, _) = log::open(&disk, key().public(), settings(), &mut signers).unwrap();
    let mut chance = Chance(4);
    let records: Vec<Record> = (0..300).map(|number| record(number, &mut chance)).collect();
    wal.append(&records).unwrap();
    for path in ["public/tile/0/000", "public/tile/entries/000", "public/tile/0/001.p/44", "public/tile/1/000.p/1"] {
        let flipping = Flipping { disk: disk.clone(), path: path.to_owned() };
        let opened = ledger::publish::Publisher::open(flipping, key().public().clone(), true, 300, &mut signers);
        let failed = opened.unwrap().publish(300, &mut signers).unwrap_err().to_string();
        assert!(failed.contains("tile"), "{path}: {failed}");
        assert_eq!(keeper.latest("log.example/dec/1"), None, "{path}: it was signed");
    }
    let opened = ledger::publish::Publisher::open(disk.clone(), key().public().clone(), true, 300, &mut signers);
    assert_eq!(opened.unwrap().publish(300, &mut signers).unwrap().unwrap().checkpoint.size, 300);
    assert_eq!(fsck::check(&disk, "public", &Policy::of_log(key().public().clone()), 1).damages, []);
}

/// A disk that changes one byte of one file as it is written.
#[derive(Clone)]
struct Flipping {
    disk: ledger::disk::Folder,
    path: String,
}

impl Disk for Flipping {
    type File = std::fs::File;

    fn open(&self, path: &str) -> std::io::Result<Self::File> {
        self.disk.open(path)
    }

    fn create(&self, path: &str) -> std::io::Result<Self::File> {
        self.disk.create(path)
    }

    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn make_folder(&self, folder: &str) -> std::io::Result<()> {
        self.disk.make_folder(folder)
    }

    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_folder(&self, folder: &str) -> std::io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut bytes = bytes.to_vec();
        if path == self.path {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        }
        self.disk.put(path, &bytes)
    }
}

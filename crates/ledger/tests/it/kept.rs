//! A log on the real disk, from the first record to an erased one.

use crate::simulated::Simulated;
use crate::{Place, key, settings, signers, witness_key};
use ledger::commitment::{Fields, Seed};
use ledger::disk::Disk;
use ledger::fsck;
use ledger::keeper::{Keeper, Sign, Unsigned};
use ledger::log::{Ledger, Settings, Unavailable};
use ledger::private::{self, Opening};
use ledger::publish::{CHECKPOINT, CYCLE_BYTES_MAX, Signers};
use ledger::wal::{ENTRY_BYTES_MAX, PRIVATE_BYTES_MAX, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tlog::note::Signature;
use tlog::policy::Policy;
use tlog::witness::AddCheckpoint;

fn record(number: u64) -> (Record, Seed, Fields) {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let seed = Seed(seed);
    let mut fields = Fields::default();
    fields[0] = Some(format!("payer {number}").into_bytes());
    fields[4] = Some(b"forbid".to_vec());
    let private = Opening { seed: seed.0, sealed: seed.seal(&fields).unwrap() }.to_record();
    (Record { entry: seed.commit(&fields).0.to_vec(), private }, seed, fields)
}

#[test]
fn what_is_acknowledged_is_published_in_order_and_outlives_restarts() {
    let place = Place::new();
    let disk = place.folder("log");
    let policy = Policy::of_log(key().public().clone());
    let mut expected = Vec::new();
    for round in 0..4_u64 {
        let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
        assert_eq!(ledger.durable(), expected.len() as u64);
        let tickets: Vec<_> = (0..333)
            .map(|number| {
                let (record, ..) = record(round * 1_000 + number);
                expected.push(record.entry.clone());
                ledger.append(record).unwrap()
            })
            .collect();
        for (position, ticket) in tickets.iter().enumerate() {
            assert_eq!(ticket.wait(), Ok(round * 333 + position as u64));
        }
        let last = expected.len() as u64 - 1;
        let published = ledger.covered(last, false).wait().unwrap();
        assert!(published.checkpoint.size > last);
        ledger.stop();
        let report = fsck::check(&disk, "public", &policy, 2);
        assert_eq!(report.damages, []);
        assert_eq!(report.checkpoint.unwrap().size, expected.len() as u64);
    }
    for (index, entry) in expected.iter().enumerate() {
        let tile = tlog::tile::Tile::in_tree(tlog::tile::Level::Entries, index as u64 / 256, 1332).unwrap();
        let bytes = disk.read(&format!("public/{tile}")).unwrap();
        assert_eq!(tlog::bundle::decode(tile.width, &bytes).unwrap()[index % 256], entry);
    }
    // The segments of what is published are gone but for the one in use.
    let segments = disk.list("wal").unwrap().iter().filter(|name| name.ends_with(".seg")).count();
    assert!(segments <= 2, "{segments} segments stay");
}

/// A signer that says when it is asked, and signs when it is told to.
struct Told {
    signer: Box<dyn Sign>,
    asked: SyncSender<()>,
    may: Receiver<()>,
}

impl Sign for Told {
    fn name(&self) -> String {
        self.signer.name()
    }

    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned> {
        self.signer.latest_size(origin)
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        self.asked.send(()).unwrap();
        // Nobody there means that it may.
        let _told = self.may.recv();
        self.signer.sign(request)
    }
}

#[test]
fn what_becomes_durable_while_a_cycle_publishes_is_for_the_next_one() {
    let place = Place::new();
    let disk = place.folder("log");
    let ((asked, asks), (go, may)) = (sync_channel(8), sync_channel(8));
    let told = Told { signer: signers(&place).log, asked, may };
    let signers = Signers { log: Box::new(told), witnesses: Vec::new(), policy: None };
    let seldom = Settings { publish_every: Duration::from_secs(3_600), ..settings() };
    let ledger = Ledger::start(&disk, key().public(), seldom, signers).unwrap();
    let append = |number| ledger.append(record(number).0).unwrap().wait().unwrap();
    append(0);
    let first = ledger.covered(0, false);
    asks.recv().unwrap();
    append(1);
    go.send(()).unwrap();
    assert_eq!(first.wait().unwrap().checkpoint.size, 1);
    append(2);
    drop(go);
    ledger.stop();
    assert_eq!(asks.iter().count(), 1, "a cycle each for the first record and for the two that came later");
    let report = fsck::check(&disk, "public", &Policy::of_log(key().public().clone()), 1);
    assert_eq!((report.damages, report.checkpoint.unwrap().size), (Vec::new(), 3));
}

/// A signer that is away at times.
struct Away {
    signer: Box<dyn Sign>,
    is_away: Arc<AtomicBool>,
}

impl Sign for Away {
    fn name(&self) -> String {
        self.signer.name()
    }

    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned> {
        self.signer.latest_size(origin)
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        match self.is_away.load(Ordering::Acquire) {
            true => Err(Unsigned::Unavailable(String::from("away"))),
            false => self.signer.sign(request),
        }
    }
}

/// Waits for what other threads do, on however slow a machine.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut left = 6_000;
    while !holds() {
        assert!(left > 0, "{what}: not in a minute");
        left -= 1;
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_erased_cannot_be_shown_although_the_signer_is_away_and_is_gone_once_it_is_back() {
    let place = Place::new();
    let disk = place.folder("log");
    let is_away = Arc::<AtomicBool>::default();
    let away = Away { signer: signers(&place).log, is_away: Arc::clone(&is_away) };
    let signers = Signers { log: Box::new(away), witnesses: Vec::new(), policy: None };
    let ledger = Ledger::start(&disk, key().public(), settings(), signers).unwrap();
    ledger.append(record(0).0).unwrap();
    ledger.covered(0, false).wait().unwrap();
    is_away.store(true, Ordering::Release);
    ledger.append(record(1).0).unwrap().wait().unwrap();
    until("it cannot publish", || ledger.trouble().is_some());
    private::request_erasure(&disk, 0).unwrap();
    until("nobody can show it", || private::read(&disk, 0, 1).unwrap().seed().is_none());
    // The segment that still has it cannot go yet, and no other one is begun each time.
    std::thread::sleep(10 * settings().publish_every);
    let segments = disk.list("wal").unwrap().iter().filter(|name| name.ends_with(".seg")).count();
    assert_eq!((segments, private::erasures(&disk).unwrap()), (1, vec![0]));
    is_away.store(false, Ordering::Release);
    until("it is gone", || private::erasures(&disk).unwrap().is_empty());
    ledger.stop();
    is_nowhere(&record(0).1.0, disk.path());
    assert_eq!(private::read(&disk, 1, 2).unwrap().seed(), Some(record(1).1));
}

#[test]
fn what_was_erased_stands_nowhere_on_the_disk_not_even_where_files_were() {
    let disk = Simulated::default();
    let keeper = Keeper::signer(Simulated::default(), key()).unwrap();
    let mut signers = Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None };
    let (mut wal, mut publisher) = ledger::log::open(&disk, key().public(), settings(), &mut signers).unwrap();
    for number in 0..3 {
        wal.append(&[record(number).0]).unwrap();
        publisher.publish(wal.next(), &mut signers).unwrap();
    }
    assert!(disk.holds(&record(1).1.0));
    private::request_erasure(&disk, 1).unwrap();
    assert!(publisher.erase().unwrap(), "a segment still has it");
    wal.roll().unwrap();
    while publisher.erase().unwrap() {}
    assert!(!disk.holds(&record(1).1.0));
    assert_eq!(private::read(&disk, 2, 3).unwrap().seed(), Some(record(2).1));
}

#[test]
fn a_cycle_takes_no_more_than_a_small_machine_holds() {
    let place = Place::new();
    let settings = Settings { segment_bytes: ledger::wal::SEGMENT_BYTES, ..settings() };
    let mut signers = signers(&place);
    let disk = place.folder("log");
    let (mut wal, mut publisher) = ledger::log::open(&disk, key().public(), settings, &mut signers).unwrap();
    let longest = Record { entry: vec![1; ENTRY_BYTES_MAX], private: vec![2; PRIVATE_BYTES_MAX] };
    let count = CYCLE_BYTES_MAX / longest.bytes() * 3 / 2;
    (0..count).for_each(|_| wal.append(std::slice::from_ref(&longest)).unwrap());
    let first = publisher.publish(wal.next(), &mut signers).unwrap().unwrap().checkpoint.size;
    assert!((1..count as u64).contains(&first), "{first} of {count}");
    assert_eq!(publisher.publish(wal.next(), &mut signers).unwrap().unwrap().checkpoint.size, count as u64);
    let report = fsck::check(&disk, "public", &Policy::of_log(key().public().clone()), 1);
    assert_eq!(report.damages, []);
}

fn simulated() -> (Simulated, Ledger) {
    let disk = Simulated::default();
    let keeper = Keeper::signer(Simulated::default(), key()).unwrap();
    let signers = Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None };
    let seldom = Settings { publish_every: Duration::from_secs(3_600), segment_bytes: 8 * 1024, ..settings() };
    let ledger = Ledger::start(&disk, key().public(), seldom, signers).unwrap();
    until("there is a spare segment", || disk.paths().contains(&String::from("wal/spare.tmp")));
    (disk, ledger)
}

#[test]
fn whoever_waits_for_a_thread_that_failed_is_told() {
    let (disk, ledger) = simulated();
    disk.panic_sync();
    let closed = |why: Unavailable| assert!(why.to_string().contains("has failed"), "{why}");
    closed(ledger.append(record(0).0).unwrap().wait().unwrap_err());
    until("it is closed", || ledger.append(record(1).0).is_err());
    closed(ledger.append(record(1).0).unwrap_err());
    drop(ledger);

    let (disk, ledger) = simulated();
    ledger.append(record(0).0).unwrap().wait().unwrap();
    until("there is another", || disk.paths().contains(&String::from("wal/spare.tmp")));
    disk.panic_sync();
    assert!(ledger.covered(0, false).wait().is_err());
    assert!(ledger.trouble().unwrap().contains("has failed"));
    assert!(ledger.covered(0, false).wait().is_err());
    assert_eq!(ledger.append(record(1).0).unwrap().wait(), Ok(1), "what is recorded is durable all the same");
}

#[test]
fn what_a_full_disk_did_not_take_is_handed_in_again_and_everything_is_there_once() {
    let (disk, ledger) = simulated();
    let count = 400;
    let mut rest: Vec<Record> = (0..count).map(|number| record(number).0).collect();
    disk.room(Some(9 * 1024));
    let mut refused = 0;
    while let Err((why, left)) = ledger.durably(std::mem::take(&mut rest)) {
        assert!(matches!(why, Unavailable::Full(_)), "{why}");
        refused += 1;
        assert!((left.len() as u64) < count || refused > 1, "some of the first came in");
        rest = left;
        disk.room(Some(20 * 1024));
    }
    assert!(refused > 0);
    disk.room(None);
    ledger.stop();
    let policy = Policy::of_log(key().public().clone());
    let report = fsck::check(&disk, "public", &policy, 1);
    assert_eq!((report.damages, report.checkpoint.unwrap().size), (Vec::new(), count));
    let told = |tile: tlog::tile::Tile| disk.read(&format!("public/{tile}")).unwrap();
    let bundles = tlog::tile::tiles(count).filter(|tile| tile.level == tlog::tile::Level::Entries);
    let mut entries: Vec<Vec<u8>> = bundles
        .flat_map(|tile| {
            let bytes = told(tile);
            let entries = tlog::bundle::decode(tile.width, &bytes).unwrap();
            entries.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        })
        .collect();
    let mut wanted: Vec<Vec<u8>> = (0..count).map(|number| record(number).0.entry).collect();
    // Behind one that is refused there may be room for a smaller one, so not in the order in which they were made.
    entries.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(entries, wanted);
}

#[test]
fn what_goes_into_a_file_that_somebody_removed_is_not_acknowledged() {
    let place = Place::new();
    let disk = place.folder("log");
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    assert_eq!(ledger.append(record(0).0).unwrap().wait(), Ok(0));
    for entry in std::fs::read_dir(disk.path().join("wal")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let refused = ledger.append(record(1).0).unwrap().wait().unwrap_err();
    assert!(refused.to_string().contains("was removed while it was being written"), "{refused}");
    assert!(ledger.append(record(2).0).is_err_and(|why| !matches!(why, Unavailable::Full(_))), "nothing more is taken");
}

fn is_nowhere(bytes: &[u8], folder: &std::path::Path) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            is_nowhere(bytes, &path);
        } else {
            let found = std::fs::read(&path).unwrap();
            assert!(!found.windows(bytes.len()).any(|window| window == bytes), "it is still in {}", path.display());
        }
    }
}

#[test]
fn an_erased_opening_is_gone_everywhere_and_the_log_is_still_sound() {
    let place = Place::new();
    let disk = place.folder("log");
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    let count = 300;
    for number in 0..count - 10 {
        ledger.append(record(number).0).unwrap();
    }
    let size = ledger.covered(count - 11, false).wait().unwrap().checkpoint.size;
    let before = format!("private/seeds/001.p/{}", size - 256);
    let seeds = disk.read(&before).unwrap();
    for number in count - 10..count {
        ledger.append(record(number).0).unwrap();
    }
    let size = ledger.covered(count - 1, false).wait().unwrap().checkpoint.size;
    // As where the power went between the new checkpoint and the removal of what it makes superfluous.
    for path in [before, String::from("private/seeds/001.p/3"), String::from("private/seeds/001.p/44.tmp")] {
        disk.put_durably(&path, &seeds[..seeds.len().min(if path.ends_with("/3") { 96 } else { usize::MAX })]).unwrap();
    }
    let (_, seed, fields) = record(270);
    let opening = private::read(&disk, 270, size).unwrap();
    assert_eq!(opening.seed().unwrap().open(&opening.sealed), Some(fields));
    private::request_erasure(&disk, 270).unwrap();
    until("it is erased", || private::erasures(&disk).unwrap().is_empty());
    is_nowhere(&seed.0, disk.path());
    // It also stays erased when the file it stood in is written anew with more entries.
    for number in count..count + 10 {
        ledger.append(record(number).0).unwrap();
    }
    let size = ledger.covered(count + 9, false).wait().unwrap().checkpoint.size;
    assert_eq!(private::read(&disk, 270, size).unwrap().seed(), None);
    assert_eq!(private::read(&disk, 271, size).unwrap().seed(), Some(record(271).1));
    ledger.stop();
    is_nowhere(&seed.0, disk.path());
    assert_eq!(fsck::check(&disk, "public", &Policy::of_log(key().public().clone()), 1).damages, []);
}

#[test]
fn nothing_private_is_public() {
    let place = Place::new();
    let disk = place.folder("log");
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    for number in 0..300 {
        ledger.append(record(number).0).unwrap();
    }
    ledger.covered(299, false).wait().unwrap();
    ledger.stop();
    let mut secrets: Vec<Vec<u8>> = vec![b"forbid".to_vec(), b"payer".to_vec()];
    for number in [0, 100, 299] {
        let (_, seed, fields) = record(number);
        let value = fields[0].clone().unwrap();
        secrets.push(tlog::Hash::of(&value).0.to_vec());
        secrets.push(tlog::Hash::leaf(&value).0.to_vec());
        secrets.push(seed.0.to_vec());
        secrets.push(seed.disclose(&fields, 0).unwrap().salt.to_vec());
    }
    let mut files = 0;
    let mut folders = vec![disk.path().join("public")];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            for secret in &secrets {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
            }
        }
    }
    assert!(files >= 5);
}

#[test]
fn witnesses_make_a_quorum_and_one_that_is_away_is_named() {
    let place = Place::new();
    let disk = place.folder("log");
    let mut policy = format!("log {}\n", key().public());
    let mut signers = signers(&place);
    for number in 0..3 {
        policy += &format!("witness w{number} {}\n", witness_key(number).public());
        if number != 1 {
            let folder = place.folder(&format!("w{number}"));
            let witness = Keeper::witness(folder, witness_key(number), &[key().public().clone()], || 77).unwrap();
            signers.witnesses.push(Box::new(Arc::new(witness)));
        }
    }
    let two = Policy::parse(format!("{policy}group all2 2 w0 w1 w2\nquorum all2\n").as_bytes()).unwrap();
    let three = Policy::parse(format!("{policy}group all3 all w0 w1 w2\nquorum all3\n").as_bytes()).unwrap();
    signers.policy = Some(two.clone());
    let ledger = Ledger::start(&disk, key().public(), settings(), signers).unwrap();
    let ticket = ledger.append(record(0).0).unwrap();
    let published = ledger.covered(ticket.wait().unwrap(), true).wait().unwrap();
    assert!(published.witnessed);
    assert!(two.check(&published.note).is_ok());
    assert!(three.check(&published.note).is_err());
    ledger.stop();
    // The policy is also what the check of the files goes by.
    assert_eq!(fsck::check(&disk, "public", &two, 1).damages, []);
    assert_eq!(fsck::check(&disk, "public", &three, 1).damages[0].kind, fsck::Kind::Quorum);
}

#[test]
fn an_old_copy_is_refused_by_name() {
    let place = Place::new();
    let disk = place.folder("log");
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    ledger.append(record(0).0).unwrap();
    ledger.covered(0, false).wait().unwrap();
    ledger.stop();
    let copy = place.0.join("copy");
    let copied = std::process::Command::new("cp").arg("-r").arg(disk.path()).arg(&copy).status().unwrap();
    assert!(copied.success());
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    ledger.append(record(1).0).unwrap();
    ledger.covered(1, false).wait().unwrap();
    ledger.stop();
    let old = ledger::disk::Folder::new(copy);
    let error = Ledger::start(&old, key().public(), settings(), signers(&place)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "log.example/dec/1 knows another history of this log: it signed 2 entries, and there are 1 here"
    );
    // With the write-ahead log lost, or a signer that knows nothing, the checkpoint itself says so.
    std::fs::remove_dir_all(disk.path().join("wal")).unwrap();
    assert!(Ledger::start(&disk, key().public(), settings(), signers(&place)).is_ok(), "all was published");
    disk.remove(CHECKPOINT).unwrap();
    std::fs::remove_dir_all(disk.path().join("wal")).unwrap();
    assert!(Ledger::start(&disk, key().public(), settings(), signers(&place)).is_err());
}

#[test]
fn a_fork_is_not_signed() {
    let place = Place::new();
    let (one, other) = (place.folder("one"), place.folder("other"));
    for (disk, number) in [(&one, 0), (&other, 1)] {
        let ledger = Ledger::start(disk, key().public(), settings(), signers(&place));
        let Ok(ledger) = ledger else {
            assert_eq!(number, 1);
            return;
        };
        ledger.append(record(number).0).unwrap().wait().unwrap();
        until("it is signed, or refused", || ledger.published().is_some() || ledger.trouble().is_some());
        assert_eq!(ledger.published().is_some(), number == 0, "{:?}", ledger.trouble());
    }
}

#[test]
fn what_a_log_cannot_take_it_refuses() {
    let place = Place::new();
    let disk = place.folder("log");
    let ledger = Ledger::start(&disk, key().public(), settings(), signers(&place)).unwrap();
    let long = Record { entry: vec![0; ENTRY_BYTES_MAX + 1], private: Vec::new() };
    assert_eq!(ledger.append(long).unwrap_err(), Unavailable::TooLong);
    let longest = Record { entry: vec![0; ENTRY_BYTES_MAX], private: Vec::new() };
    assert_eq!(ledger.append(longest).unwrap().wait(), Ok(0));
}

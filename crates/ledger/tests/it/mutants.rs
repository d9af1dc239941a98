//! One byte of every published file changed, files cut, lengthened, removed and added: the check names each.

use crate::simulated::Simulated;
use crate::{key, settings};
use ledger::disk::Disk;
use ledger::fsck::{self, Kind};
use ledger::keeper::Keeper;
use ledger::log;
use ledger::publish::Signers;
use ledger::wal::Record;
use std::sync::Arc;
use tlog::policy::Policy;

fn published(count: u64) -> Simulated {
    let disk = Simulated::default();
    let keeper = Keeper::signer(Simulated::default(), key()).unwrap();
    let mut signers = Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None };
    let (mut wal, mut publisher) = log::open(&disk, key().public(), settings(), &mut signers).unwrap();
    let records: Vec<Record> = (0..count)
        .map(|number| Record { entry: format!("entry {number}").into_bytes(), private: vec![1; 40] })
        .collect();
    wal.append(&records).unwrap();
    publisher.publish(count, &mut signers).unwrap();
    disk
}

fn policy() -> Policy {
    Policy::of_log(key().public().clone())
}

fn files(disk: &Simulated) -> Vec<String> {
    disk.paths().into_iter().filter(|path| path.starts_with("public/")).collect()
}

#[test]
fn every_one_byte_mutant_is_caught_with_its_index() {
    let disk = published(600);
    assert_eq!(fsck::check(&disk, "public", &policy(), 2).damages, []);
    let mut mutants = 0;
    for path in files(&disk) {
        let length = disk.read(&path).unwrap().len();
        for at in (0..length).step_by(1 + length / 97) {
            disk.flip(&path, at);
            let report = fsck::check(&disk, "public", &policy(), 2);
            disk.flip(&path, at);
            mutants += 1;
            assert!(!report.damages.is_empty(), "{path} byte {at}");
            if path == "public/checkpoint" {
                continue;
            }
            assert!(report.damages.iter().any(|damage| !damage.indexes.is_empty()), "{path} byte {at}: no index");
            if let Some(tile) = path.strip_prefix("public/tile/0/") {
                let base = tile[..3].parse::<u64>().unwrap() * 256;
                let index = base + at as u64 / 32;
                let named = report.damages.iter().any(|damage| damage.indexes == (index..index + 1));
                assert!(named, "{path} byte {at}: {:?}", report.damages);
            }
        }
    }
    assert!(mutants > 500, "{mutants}");
}

#[test]
fn every_byte_of_a_small_log_changed_to_every_other_is_caught_with_its_index() {
    let disk = published(3);
    disk.put("public/vkey", format!("{}\n", key().public()).as_bytes()).unwrap();
    assert_eq!(fsck::check(&disk, "public", &policy(), 1).damages, []);
    let mut mutants = 0;
    for path in files(&disk) {
        let whole = disk.read(&path).unwrap();
        for at in 0..whole.len() {
            for change in 1..=255 {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                disk.put(&path, &bytes).unwrap();
                let damages = fsck::check(&disk, "public", &policy(), 1).damages;
                mutants += 1;
                let named = damages.iter().any(|damage| damage.path == path || !damage.indexes.is_empty());
                assert!(named, "{path} byte {at} ^ {change}: {damages:?}");
                if path.starts_with("public/tile/0/") {
                    let index = at as u64 / 32;
                    assert!(damages.iter().any(|damage| damage.indexes == (index..index + 1)), "{path} byte {at}");
                }
            }
        }
        disk.put(&path, &whole).unwrap();
    }
    assert!(mutants > 50_000, "{mutants}");
    assert_eq!(fsck::check(&disk, "public", &policy(), 1).damages, []);
}

#[test]
fn files_cut_lengthened_removed_and_added_are_named() {
    for path in files(&published(600)) {
        let whole = published(600).read(&path).unwrap();
        for change in [whole.len() - 1, whole.len().saturating_sub(32), whole.len() / 2, whole.len() + 1, 0] {
            let disk = published(600);
            let mut bytes = whole.clone();
            bytes.resize(change, 0);
            disk.put(&path, &bytes).unwrap();
            assert!(!fsck::check(&disk, "public", &policy(), 1).damages.is_empty(), "{path} with {change} bytes");
        }
        let disk = published(600);
        disk.remove(&path).unwrap();
        let report = fsck::check(&disk, "public", &policy(), 1);
        assert!(report.damages.iter().any(|damage| damage.kind == Kind::Storage && damage.path == path), "{path}");
    }
    for stranger in ["public/tile/0/003", "public/tile/0/002.p/200", "public/tile/entries/002.p/3", "public/x"] {
        let disk = published(600);
        disk.put(stranger, &[0; 64]).unwrap();
        let report = fsck::check(&disk, "public", &policy(), 1);
        assert!(report.damages.iter().any(|damage| damage.path == stranger), "{stranger}");
    }
}

/// A log may be as large as a signed checkpoint says, and have nothing of it.
#[test]
fn whoever_claims_to_have_more_than_there_can_be_keeps_nobody() {
    let disk = Simulated::default();
    let root = tlog::hash::EMPTY_ROOT;
    let size = tlog::checkpoint::SIZE_MAX;
    let text = tlog::Checkpoint { origin: key().public().name().to_owned(), size, root }.to_string();
    let note = tlog::note::Note { signatures: vec![key().sign(&text, 0)], text };
    disk.put("public/checkpoint", note.to_string().as_bytes()).unwrap();
    let report = fsck::check(&disk, "public", &policy(), 2);
    assert_eq!((report.damages.len(), report.root), (fsck::DAMAGES_MAX, None));
    assert!(report.damages.iter().all(|damage| damage.kind == fsck::Kind::Storage));
}

#[test]
fn an_earlier_state_of_a_tile_may_stay_if_it_is_one() {
    let disk = published(600);
    let bytes = disk.read("public/tile/0/002.p/88").unwrap();
    disk.put("public/tile/0/002.p/3", &bytes[..96]).unwrap();
    assert_eq!(fsck::check(&disk, "public", &policy(), 1).damages, []);
    disk.flip("public/tile/0/002.p/3", 40);
    assert_eq!(fsck::check(&disk, "public", &policy(), 1).damages.len(), 1);
}

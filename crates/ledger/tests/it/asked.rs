//! A signer that whoever holds the log's host asks for whatever they like: what it signs is one history that only grows.

use crate::simulated::{Chance, Loss, Simulated};
use crate::{Place, key};
use ledger::keeper::{Keeper, Sign as _};
use ledger::socket;
use std::collections::BTreeSet;
use tlog::checkpoint::Checkpoint;
use tlog::note::Note;
use tlog::witness::AddCheckpoint;
use tlog::{Hash, tree};

/// Requests, over several signers that begin with nothing.
const REQUESTS: u64 = 100_000;
const SIGNERS: u64 = 50;

/// Entries of each history, and where they part.
const ENTRIES: u64 = 200;
const FORK: u64 = 60;

/// Histories that begin alike.
const HISTORIES: u64 = 3;

fn leaves(history: u64) -> Vec<Hash> {
    let told = |index: u64| if index < FORK { format!("{index}") } else { format!("{index} of {history}") };
    (0..ENTRIES).map(|index| Hash::leaf(told(index).as_bytes())).collect()
}

fn proof(leaves: &[Hash], old: u64, new: u64) -> Vec<Hash> {
    let part = |span: &tree::Span| tree::root(&leaves[span.start as usize..span.end as usize]);
    tree::consistency_spans(old, new).iter().map(part).collect()
}

#[test]
fn whatever_is_asked_one_history_is_signed_and_it_only_grows() {
    let histories: Vec<Vec<Hash>> = (0..HISTORIES).map(leaves).collect();
    let root = |history: usize, size: u64| tree::root(&histories[history][..size as usize]);
    let mut chance = Chance(26);
    let (mut signed, mut refused) = (0_u64, 0_u64);
    for _ in 0..SIGNERS {
        let keeper = Keeper::signer(Simulated::default(), key()).unwrap();
        let mut latest: Option<Checkpoint> = None;
        let mut possible: BTreeSet<usize> = (0..histories.len()).collect();
        for _ in 0..REQUESTS / SIGNERS {
            let size = latest.as_ref().map_or(0, |latest| latest.size);
            let history = chance.below(HISTORIES) as usize;
            let old_size = if chance.below(5) > 0 { size } else { chance.below(ENTRIES) };
            let asked =
                if chance.below(3) > 0 { (size + chance.below(4)).min(ENTRIES) } else { chance.below(ENTRIES + 1) };
            let mut consistency = proof(&histories[history], old_size.min(asked), asked);
            match chance.below(8) {
                0 if !consistency.is_empty() => drop(consistency.pop()),
                1 => consistency.push(Hash([chance.next() as u8; 32])),
                2 if !consistency.is_empty() => {
                    let at = chance.below(consistency.len() as u64) as usize;
                    consistency[at].0[0] ^= 1;
                }
                3 => consistency = proof(&histories[chance.below(HISTORIES) as usize], old_size.min(asked), asked),
                4 => consistency.reverse(),
                _ => {}
            }
            let mut claimed = root(history, asked);
            if latest.is_some() && chance.below(10) == 0 {
                claimed.0[31] ^= 1;
            }
            let checkpoint = Checkpoint { origin: key().public().name().to_owned(), size: asked, root: claimed };
            let note = Note { text: checkpoint.to_string(), signatures: Vec::new() };
            if keeper.add(&AddCheckpoint { old_size, consistency, checkpoint: note }).is_err() {
                refused += 1;
                assert_eq!(keeper.latest(key().public().name()), latest, "what is refused changes nothing");
                continue;
            }
            signed += 1;
            assert!(asked >= size, "{asked} after {size}");
            possible.retain(|&history| root(history, asked) == claimed);
            assert!(!possible.is_empty(), "{asked}: another history than the one signed before");
            latest = Some(checkpoint);
        }
        assert!(latest.is_some());
    }
    assert!(signed > 1_000 && refused > REQUESTS / 2, "{signed} signed, {refused} refused");
    println!("{signed} of {REQUESTS} requests were signed");
}

/// What is ended in the middle of signing, and asked for the same again, has it on the disk before it signs.
#[test]
fn what_was_signed_is_known_after_a_crash_whatever_ended_the_signer_before() {
    let history = leaves(0);
    let asked = |old_size: u64, size: u64| {
        let origin = key().public().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root: tree::root(&history[..size as usize]) };
        let note = Note { text: checkpoint.to_string(), signatures: Vec::new() };
        AddCheckpoint { old_size, consistency: proof(&history, old_size, size), checkpoint: note }
    };
    let known = |keeper: &Keeper<Simulated>| keeper.latest(key().public().name()).map_or(0, |latest| latest.size);
    let mut ended = 0;
    for old in [0, 10] {
        for at in 0.. {
            let disk = Simulated::default();
            let keeper = Keeper::signer(disk.clone(), key()).unwrap();
            if old > 0 {
                keeper.add(&asked(0, old)).unwrap();
            }
            disk.crash_at(disk.operations() + at);
            if keeper.add(&asked(old, 20)).is_ok() {
                break;
            }
            ended += 1;
            let disk = disk.after_exit();
            let keeper = Keeper::signer(disk.clone(), key()).unwrap();
            keeper.add(&asked(known(&keeper), 20)).unwrap();
            for (loss, seed) in [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some].into_iter().zip(0..) {
                let disk = disk.after_crash(loss, &mut Chance(seed));
                let keeper = Keeper::signer(disk, key()).unwrap();
                assert_eq!(known(&keeper), 20, "ended in operation {at} after {old}, {loss:?}");
            }
        }
    }
    assert!(ended >= 8, "{ended}");
}

#[test]
fn a_signer_that_takes_nobody_keeps_nobody() {
    let place = Place::new();
    let path = place.folder("hangs").path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        match socket::connect(&path) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);
    let mut remote = socket::Remote::new(&path);
    let told = remote.latest_size("log.example/dec/1").unwrap_err();
    assert!(told.to_string().contains("no answer within 10 seconds") && remote.hangs(), "{told}");
    drop((listener, waiting));
    let told = remote.latest_size("log.example/dec/1").unwrap_err();
    assert!(told.to_string().contains("refused") && !remote.hangs(), "{told}");
}

//! Readers of foreign bytes: they end, with an answer, on anything; and what they accept they write back the same.

use proptest::prelude::*;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::note::{Kind, Note, SigningKey, VerifierKey};
use tlog::policy::{Policy, Refused};
use tlog::proof::{Proof, Unverified};
use tlog::tree;
use tlog::witness::AddCheckpoint;

/// Text that looks like what the readers read, so that their inner parts are reached.
fn near_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("— ".to_owned()),
        Just("old ".to_owned()),
        Just("index ".to_owned()),
        Just("c2sp.org/tlog-proof@v1\n".to_owned()),
        Just("log.example".to_owned()),
        Just("+".to_owned()),
        Just(" ".to_owned()),
        Just("group g any ".to_owned()),
        Just("witness w ".to_owned()),
        Just("quorum none".to_owned()),
        "[0-9]{1,20}",
        "[A-Za-z0-9+/]{43}=",
        "\\PC{0,8}",
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(6), ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in near_text()) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
        }
        if let Ok(request) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(request.to_string().into_bytes(), bytes.clone());
        }
        if let Ok(proof) = Proof::parse(&bytes) {
            prop_assert_eq!(proof.to_string().into_bytes(), bytes.clone());
        }
        prop_assert!(Policy::parse(&bytes).is_ok() || Policy::parse(&bytes).is_err());
        if let Ok(text) = str::from_utf8(&bytes) {
            if let Ok(key) = VerifierKey::parse(text) {
                prop_assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
            }
            prop_assert!(SigningKey::parse(text).is_err());
            if let Ok(checkpoint) = Checkpoint::parse(text) {
                prop_assert!(text.starts_with(&checkpoint.to_string()));
            }
        }
    }

    #[test]
    fn proofs_of_chance_prove_nothing(
        size in 0_u64..40,
        index in 0_u64..50,
        hashes in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..8),
    ) {
        let leaves: Vec<Hash> = (0..size).map(|index| Hash::leaf(&index.to_be_bytes())).collect();
        let root = tree::root(&leaves);
        let leaf = Hash::leaf(b"not in it");
        prop_assert!(tree::verify_inclusion(leaf, index, size, &hashes, root).is_err());
        let other = (index, Hash::leaf(b"no root"));
        prop_assert!(tree::verify_consistency(other, (size, root), &hashes).is_err());
    }
}

#[test]
fn every_changed_bit_of_a_proof_breaks_it() {
    let key = SigningKey::from_seed("log.example/1", Kind::Text, &[3; 32]).unwrap();
    let witness = SigningKey::from_seed("w.example", Kind::Cosignature, &[4; 32]).unwrap();
    let leaves: Vec<Hash> = (0..21_u8).map(|index| Hash::leaf(&[index])).collect();
    let checkpoint = Checkpoint { origin: "log.example/1".to_owned(), size: 21, root: tree::root(&leaves) };
    let text = checkpoint.to_string();
    let note = Note { signatures: vec![key.sign(&text, 0), witness.sign(&text, 9)], text };
    let spans = tree::inclusion_spans(21, 13);
    let hashes = spans.iter().map(|span| tree::root(&leaves[span.start as usize..span.end as usize])).collect();
    let proof = Proof { extra: None, index: 13, hashes, checkpoint: note };
    let policy = format!("log {}\nwitness w {}\nquorum w\n", key.public(), witness.public());
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    assert_eq!(proof.verify(&[13], &policy), Ok(checkpoint));
    assert!(matches!(proof.verify(&[12], &policy), Err(Unverified::Inclusion(_))));
    let whole = proof.to_string().into_bytes();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let verified = Proof::parse(&bytes).ok().and_then(|proof| proof.verify(&[13], &policy).ok());
            assert_eq!(verified, None, "byte {at} bit {bit}");
        }
    }
    let unwitnessed = Proof {
        checkpoint: Note { signatures: vec![key.sign(&proof.checkpoint.text, 0)], ..proof.checkpoint.clone() },
        ..proof
    };
    assert_eq!(unwitnessed.verify(&[13], &policy), Err(Unverified::Checkpoint(Refused::Quorum(0))));
}

//! Our logs, proofs and notes beside implementations nobody here wrote: two in Rust (`ct-merkle`, and `tlog_tiles` with
//! `signed_note`), one in Python (`pymerkle`, with the signatures of `cryptography`).

use crate::foreign::{kept_elsewhere, nothing_skipped, published};
use crate::{Place, key};
use ledger::disk::{Disk, Folder};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use std::process::Command;
use tlog::checkpoint::Checkpoint;
use tlog::note::{Note, SigningKey, VerifierKey};
use tlog::policy::Policy;
use tlog::reader::Reader;
use tlog::tile::{Level, TILE_WIDTH, Tile};
use tlog::{Hash, bundle};

/// Notes that are nearly one, on which both must agree.
const NOTES: u64 = 100_000;

fn checkpoint(public: &Folder) -> (Checkpoint, Note) {
    let note = Note::parse(&public.read("checkpoint").unwrap()).unwrap();
    let vkey = String::from_utf8(public.read("vkey").unwrap()).unwrap();
    let policy = Policy::of_log(VerifierKey::parse(vkey.trim()).unwrap());
    (policy.check(&note).unwrap(), note)
}

fn entries(public: &Folder, size: u64) -> Vec<Vec<u8>> {
    let tiles = (0..size.div_ceil(TILE_WIDTH)).filter_map(|index| Tile::in_tree(Level::Entries, index, size));
    tiles
        .flat_map(|tile| {
            let bytes = public.read(&tile.to_string()).unwrap();
            bundle::decode(tile.width, &bytes).unwrap().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
}

fn reader(public: &Folder, checkpoint: &Checkpoint) -> Reader<impl FnMut(Tile) -> std::io::Result<Vec<u8>>> {
    let public = public.clone();
    Reader::new(checkpoint, move |tile| public.read(&tile.to_string())).unwrap()
}

fn flat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

#[test]
fn two_implementations_in_rust_make_the_same_roots_and_accept_our_proofs() {
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 600] {
        let place = Place::new();
        let public = Folder::new(published(&place, size).path().join("public"));
        let (checkpoint, _) = checkpoint(&public);
        let mut reader = reader(&public, &checkpoint);
        let mut tree = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut roots = vec![tree.root()];
        let entries = entries(&public, size);
        for entry in &entries {
            tree.push(entry.clone());
            roots.push(tree.root());
        }
        let root = tree.root();
        assert_eq!(root.as_bytes().as_slice(), checkpoint.root.0, "{size} entries");
        let step = 1 + usize::try_from(size).unwrap() / 61;
        for index in (0..size).step_by(step) {
            let at = usize::try_from(index).unwrap();
            let proof = reader.prove_inclusion(index).unwrap();
            assert_eq!(tree.prove_inclusion(at).as_bytes(), flat(&proof), "{index} in {size}");
            let parsed = ct_merkle::InclusionProof::<Sha256>::try_from_bytes(flat(&proof)).unwrap();
            root.verify_inclusion(&entries[at], index, &parsed).unwrap();
            let leaf = tlog_tiles::record_hash(&entries[at]);
            let whole = tlog_tiles::Hash(checkpoint.root.0);
            tlog_tiles::check_record(&theirs(&proof), size, whole, index, leaf).unwrap();
            let other = (index + 1) % size;
            assert_eq!(tlog_tiles::check_record(&theirs(&proof), size, whole, other, leaf).is_ok(), other == index);
        }
        for old in (1..=size).step_by(step) {
            let proof = reader.prove_consistency(old).unwrap();
            let before = &roots[usize::try_from(old).unwrap()];
            let then = reader.root_at(old).unwrap();
            assert_eq!(before.as_bytes().as_slice(), then.0, "{old} of {size}");
            let added = usize::try_from(size - old).unwrap();
            assert_eq!(tree.prove_consistency(added).as_bytes(), flat(&proof), "{old} to {size}");
            let parsed = ct_merkle::ConsistencyProof::<Sha256>::try_from_bytes(flat(&proof)).unwrap();
            root.verify_consistency(before, &parsed).unwrap();
            let (whole, part) = (tlog_tiles::Hash(checkpoint.root.0), tlog_tiles::Hash(then.0));
            tlog_tiles::check_tree(&theirs(&proof), size, whole, old, part).unwrap();
            if size > 1 {
                assert!(tlog_tiles::check_tree(&theirs(&proof), size, whole, old, tlog_tiles::Hash([1; 32])).is_err());
            }
        }
    }
}

/// Tiles of a folder as the other implementation asks for them.
struct Tiles(Folder);

impl tlog_tiles::TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Their paths name the height; ours are those of a log whose tiles are all of one height.
        let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0.read(&path(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _tiles: &[tlog_tiles::Tile], _data: &[Vec<u8>]) {}
}

#[test]
fn the_forged_log_that_another_reader_accepts_is_refused_by_ours() {
    use tlog_tiles::HashReader as _;
    let place = Place::new();
    for (name, sound) in [("good_log_1000", true), ("forged_log_1000", false)] {
        let Some(public) = kept_elsewhere(&place, name).map(Folder::new) else { return };
        let (checkpoint, _) = checkpoint(&public);
        let tiles = Tiles(public.clone());
        let root = tlog_tiles::Hash(checkpoint.root.0);
        let reader = tlog_tiles::TileHashReader::new(checkpoint.size, root, &tiles);
        let leaves = entries(&public, checkpoint.size);
        let believed = (0..checkpoint.size).zip(&leaves).all(|(index, entry)| {
            let hashes = reader.read_hashes(&[tlog_tiles::stored_hash_index(0, index)]);
            hashes.is_ok_and(|hashes| hashes == [tlog_tiles::record_hash(entry)])
        });
        assert!(believed, "{name}: the other reader checks more than it did; this log is no trap for it any more");
        let mut reader = self::reader(&public, &checkpoint);
        let ours = (0..checkpoint.size)
            .zip(&leaves)
            .all(|(index, entry)| reader.leaf(index).is_ok_and(|hash| hash == Hash::leaf(entry)));
        assert_eq!(ours, sound, "{name}");
        assert_eq!(reader.leaf(300).is_ok(), sound, "{name}: the forged entry");
    }
}

#[test]
fn notes_are_read_signed_and_refused_alike() {
    let secret = key().to_secret_text();
    let signer = signed_note::StandardSigner::new(&secret).unwrap();
    let vkey = key().public().to_string();
    let verifier = signed_note::StandardVerifier::new(&vkey).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let text = format!("{}\n600\n{}\n", key().public().name(), Hash([7; 32]).to_base64());
    let ours = Note { signatures: vec![key().sign(&text, 0)], text: text.clone() };
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    assert_eq!(String::from_utf8(note.to_bytes()).unwrap(), ours.to_string(), "both sign to the same bytes");
    let other = SigningKey::from_seed("other.example/log", tlog::note::Kind::Text, &[9; 32]).unwrap();
    let two = Note { signatures: vec![ours.signatures[0].clone(), other.sign(&text, 0)], text };
    let own = [key().public().clone()];
    let (mut accepted, mut chance) = (0, 1_u64);
    for number in 0..NOTES {
        let mut bytes = if number % 2 == 0 { ours.to_string() } else { two.to_string() }.into_bytes();
        let mut below = |limit: usize| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(chance >> 33).unwrap() % limit
        };
        for _ in 0..below(3) {
            let at = below(bytes.len());
            match below(5) {
                0 => bytes[at] = b"\n\r\0 +\xe2\x80\x94=A/\x7f"[below(12)],
                1 => bytes.insert(at, b"\n \x01=+A"[below(6)]),
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at.max(1)),
                _ => {
                    let (from, length) = (below(bytes.len()), below(120));
                    let part: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
                    bytes.extend(part);
                }
            }
        }
        let here =
            Note::parse(&bytes).ok().is_some_and(|note| note.verify(&own).is_ok_and(|signed| !signed.is_empty()));
        let there = signed_note::Note::from_bytes(&bytes).is_ok_and(|note| note.verify(&known).is_ok());
        assert_eq!(here, there, "{:?}", String::from_utf8_lossy(&bytes));
        accepted += u64::from(here);
    }
    assert!(accepted > NOTES / 10 && accepted < NOTES, "{accepted} of {NOTES} are sound");
}

/// The Python of the test tools with the packages that are compared with.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/python3");
    let has = |python: &PathBuf| {
        let asked = Command::new(python).args(["-c", "import pymerkle, cryptography"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let found = Some(python).filter(has);
    if found.is_none() {
        assert!(!nothing_skipped(), "pymerkle is not installed");
        eprintln!("skipped: pymerkle is not installed; ./test installs it");
    }
    found
}

#[test]
fn an_implementation_in_python_accepts_our_log_and_refuses_changed_ones() {
    let Some(python) = python() else { return };
    let place = Place::new();
    let public = Folder::new(published(&place, 1_000).path().join("public"));
    let (checkpoint, _) = checkpoint(&public);
    let mut reader = reader(&public, &checkpoint);
    let mut proofs = String::new();
    for index in [0, 1, 2, 254, 255, 256, 511, 512, 998, 999] {
        let hashes: Vec<String> = reader.prove_inclusion(index).unwrap().iter().map(hex).collect();
        proofs += &format!("inclusion {index} {}\n", hashes.join(","));
    }
    for old in [1, 2, 3, 255, 256, 257, 768, 999, 1000] {
        proofs += &format!("root {old} {}\n", hex(&reader.root_at(old).unwrap()));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/check.py");
    let check = |folder: &Path, proofs: &str| {
        let path = place.0.join("proofs");
        std::fs::write(&path, proofs).unwrap();
        let output = Command::new(&python).arg(&script).arg(folder).arg(&path).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), text)
    };
    assert_eq!(check(public.path(), &proofs), (Some(0), "accepted: 1000 entries, 10 inclusions, 9 roots\n".to_owned()));
    let wrong = proofs.replacen("inclusion 255 ", "inclusion 254 ", 1);
    assert_eq!(check(public.path(), &wrong).0, Some(1));
    for path in ["tile/entries/001", "tile/entries/003.p/232", "checkpoint"] {
        let whole = public.read(path).unwrap();
        let mut changed = whole.clone();
        changed[40] ^= 1;
        public.put(path, &changed).unwrap();
        let (code, text) = check(public.path(), &proofs);
        assert_eq!(code, Some(1), "{path}: {text}");
        public.put(path, &whole).unwrap();
    }
    for (name, sound) in [("good_log_1000", 0), ("forged_log_1000", 1)] {
        let Some(public) = kept_elsewhere(&place, name) else { return };
        let (code, text) = check(&public, "");
        assert_eq!(code, Some(sound), "{name}: {text}");
    }
}

fn hex(hash: &Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

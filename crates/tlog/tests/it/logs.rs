//! Whole logs read through the tile reader: the good one gives every proof, the forged one nothing that is false.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::note::{Note, VerifierKey};
use tlog::policy::Policy;
use tlog::reader::{Reader, Untrusted};
use tlog::tile::{Edge, Level, Tile, encode, tiles};
use tlog::{bundle, tree};

/// A log held in memory: its files by path.
#[derive(Clone)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Unpacks an archive of the shared data.
    fn unpack(name: &str) -> Option<Self> {
        let archive = crate::shared(name)?;
        let folder = std::env::temp_dir().join(format!("tlog-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let unpacked = Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
        assert!(unpacked.success());
        let inner = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let mut files = BTreeMap::new();
        collect(&inner, &inner, &mut files);
        std::fs::remove_dir_all(&folder).unwrap();
        Some(Self(files))
    }

    fn get(&self, tile: Tile) -> Result<Vec<u8>, &'static str> {
        self.0.get(&tile.to_string()).cloned().ok_or("no such file")
    }

    fn checkpoint(&self) -> Checkpoint {
        let key = VerifierKey::parse(str::from_utf8(&self.0["vkey"]).unwrap().trim()).unwrap();
        let note = Note::parse(&self.0["checkpoint"]).unwrap();
        Policy::of_log(key).check(&note).unwrap()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// Makes a log of `size` entries in memory.
fn made(size: u64) -> (Files, Checkpoint) {
    let mut files = BTreeMap::new();
    let mut edge = Edge::default();
    for index in 0..size {
        edge.push(Hash::leaf(&index.to_be_bytes()), |filled| {
            let tile = Tile { level: Level::Hashes(filled.level), index: filled.index, width: 256 };
            files.insert(tile.to_string(), encode(&filled.hashes));
        });
    }
    for (level, hashes) in edge.partial().iter().enumerate() {
        let level = Level::Hashes(level as u8);
        if let Some(tile) = Tile::in_tree(level, tlog::tile::count_at(level, size) / 256, size) {
            files.insert(tile.to_string(), encode(hashes));
        }
    }
    (Files(files), Checkpoint { origin: "log.example".to_owned(), size, root: edge.root() })
}

#[test]
fn the_good_log_gives_every_leaf_and_every_proof() {
    let Some(files) = Files::unpack("good_log_1000.tar.gz") else { return };
    let checkpoint = files.checkpoint();
    let mut reader = Reader::new(&checkpoint, |tile| files.get(tile)).unwrap();
    for tile in tiles(checkpoint.size).filter(|tile| tile.level == Level::Entries) {
        let bytes = files.get(tile).unwrap();
        for (slot, entry) in bundle::decode(tile.width, &bytes).unwrap().into_iter().enumerate() {
            let index = tile.index * 256 + slot as u64;
            assert_eq!(reader.leaf(index), Ok(Hash::leaf(entry)));
            let proof = reader.prove_inclusion(index).unwrap();
            tree::verify_inclusion(Hash::leaf(entry), index, checkpoint.size, &proof, checkpoint.root).unwrap();
        }
    }
    for old in 0..=checkpoint.size {
        let proof = reader.prove_consistency(old).unwrap();
        let older = (old, reader.root_at(old).unwrap());
        tree::verify_consistency(older, (checkpoint.size, checkpoint.root), &proof).unwrap();
    }
    assert_eq!(reader.prove_inclusion(checkpoint.size), Err(Untrusted::OutOfRange));
    assert_eq!(reader.prove_consistency(checkpoint.size + 1), Err(Untrusted::OutOfRange));
}

#[test]
fn the_forged_log_is_refused_wherever_the_forged_tile_is_needed() {
    let Some(files) = Files::unpack("forged_log_1000.tar.gz") else { return };
    let checkpoint = files.checkpoint();
    let forged = Tile { level: Level::Hashes(0), index: 1, width: 256 };
    for index in 0..checkpoint.size {
        // A reader for each, so that what was asked before cannot help.
        let mut reader = Reader::new(&checkpoint, |tile| files.get(tile)).unwrap();
        let leaf = reader.leaf(index);
        assert_eq!(leaf.is_err(), (256..512).contains(&index), "{index}");
        if (256..512).contains(&index) {
            assert_eq!(leaf, Err(Untrusted::Hashes(forged)));
        }
    }
    // And one reader asked for everything, in both directions.
    let mut reader = Reader::new(&checkpoint, |tile| files.get(tile)).unwrap();
    for index in (0..checkpoint.size).chain((0..checkpoint.size).rev()) {
        assert_eq!(reader.leaf(index).is_err(), (256..512).contains(&index));
    }
}

/// Every byte of every tile, flipped: whatever is then asked is answered truly or not at all.
fn every_flip_is_noticed(size: u64, stride: usize) {
    let (files, checkpoint) = made(size);
    let last = checkpoint.size - 1;
    let sets = [vec![last / 3], (0..256).map(|i| (i * 7) % checkpoint.size).collect(), vec![0, last, last & !255]];
    let paths: Vec<String> = files.0.keys().cloned().collect();
    let mut flips = 0;
    for path in &paths {
        let tile = Tile::from_path(path).unwrap();
        let length = files.0[path].len();
        for at in (0..length).step_by(stride) {
            let fetch = |asked: Tile| {
                let mut bytes = files.get(asked)?;
                if asked == tile {
                    bytes[at] ^= 1 << (at % 8);
                }
                Ok::<_, &str>(bytes)
            };
            flips += 1;
            let Ok(mut reader) = Reader::new(&checkpoint, fetch) else { continue };
            assert!(tile.is_full(), "a flip in {path} on the edge went unnoticed");
            let Level::Hashes(level) = tile.level else { unreachable!() };
            assert_eq!(reader.tile(level, tile.index), Err(Untrusted::Hashes(tile)), "{path} byte {at}");
            for set in &sets {
                for index in set {
                    if let Ok(leaf) = reader.leaf(*index) {
                        assert_eq!(leaf, Hash::leaf(&index.to_be_bytes()), "{path} byte {at}");
                    }
                }
            }
        }
    }
    assert!(flips > 500);
}

#[test]
fn every_flipped_byte_of_a_small_log_is_noticed() {
    every_flip_is_noticed(1_000, 29);
}

#[test]
fn flipped_bytes_of_a_log_three_levels_high_are_noticed() {
    every_flip_is_noticed(70_000, 4_093);
}

#[test]
fn lengths_are_checked_before_hashes() {
    let (files, checkpoint) = made(1_000);
    for path in files.0.keys() {
        let tile = Tile::from_path(path).unwrap();
        for change in [-1_i64, 1, -32, 32] {
            let fetch = |asked: Tile| {
                let mut bytes = files.get(asked)?;
                if asked == tile {
                    bytes.resize((bytes.len() as i64 + change).max(0) as usize, 0);
                }
                Ok::<_, &str>(bytes)
            };
            let Level::Hashes(level) = tile.level else { unreachable!() };
            let read = Reader::new(&checkpoint, fetch).and_then(|mut reader| reader.tile(level, tile.index).map(drop));
            assert_eq!(read, Err(Untrusted::Length(tile)));
        }
    }
}

#[test]
fn a_reader_keeps_a_bounded_number_of_tiles_and_stays_right() {
    // 2,400 full tiles of level 0: more than are kept.
    let (files, checkpoint) = made(2_400 * 256 + 3);
    let mut reader = Reader::new(&checkpoint, |tile| files.get(tile)).unwrap();
    for index in (0..checkpoint.size).step_by(256).chain([0, 5, checkpoint.size - 1]) {
        assert_eq!(reader.leaf(index), Ok(Hash::leaf(&index.to_be_bytes())));
    }
}

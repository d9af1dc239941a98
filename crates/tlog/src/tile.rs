//! Tiles: the tree in files of up to 256 hashes (C2SP tlog-tiles), each written once; and the edge where it grows.

use crate::hash::{HASH_BYTES, Hash};
use crate::tree::{self, fold};
use std::fmt;

/// Hashes in a full tile: 2 to the tile height, 8.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree that one level of tiles spans.
pub const TILE_HEIGHT: u8 = 8;

/// The most tile levels: 2^63 leaves are eight times eight levels high.
pub const TILE_LEVELS: u8 = 8;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The entries under a tile of level 0.
    Entries,
    /// Hashes of tree level `8·n`.
    Hashes(u8),
}

/// Names a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Which level.
    pub level: Level,
    /// Which one of its level, from the left.
    pub index: u64,
    /// How many hashes or entries it holds, 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tile at `index` of `level` in a tree of `size` leaves; `None` if the tree has no such tile.
    #[must_use]
    pub fn in_tree(level: Level, index: u64, size: u64) -> Option<Self> {
        let count = count_at(level, size);
        let rest = count.checked_sub(index.checked_mul(TILE_WIDTH)?)?;
        let width = u16::try_from(rest.min(TILE_WIDTH)).ok()?;
        (width > 0).then_some(Self { level, index, width })
    }

    /// Whether it is full and so never written again.
    #[must_use]
    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// Whether a path names a tile, and which.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            digits => Level::Hashes(digits.parse().ok().filter(|level| *level < TILE_LEVELS)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| (1..256).contains(width))?),
            None => (rest, 256),
        };
        let mut index: u64 = 0;
        for part in number.split('/') {
            let digits: u64 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let tile = Self { level, index, width };
        // One spelling each: leading zeros, signs and misplaced `x` make another path.
        (tile.to_string() == path).then_some(tile)
    }
}

/// The path of a tile under the public folder of a log.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Entries => f.write_str("tile/entries/")?,
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        while rest >= 1000 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        groups.push(rest);
        while let Some(group) = groups.pop() {
            if groups.is_empty() {
                write!(f, "{group:03}")?;
            } else {
                write!(f, "x{group:03}/")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// How many hashes (or entries) a level of tiles holds in a tree of `size` leaves.
#[must_use]
pub fn count_at(level: Level, size: u64) -> u64 {
    match level {
        Level::Entries => size,
        Level::Hashes(level) => size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0),
    }
}

/// All tiles of a tree of `size` leaves, level by level; partial ones only at the right edge.
pub fn tiles(size: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::once(Level::Entries).chain((0..TILE_LEVELS).map(Level::Hashes));
    levels.flat_map(move |level| {
        let count = count_at(level, size).div_ceil(TILE_WIDTH);
        (0..count).filter_map(move |index| Tile::in_tree(level, index, size))
    })
}

/// The hashes of a tile of this width, or `None` if the bytes have another length.
#[must_use]
pub fn decode(width: u16, bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let sound = rest.is_empty() && hashes.len() == usize::from(width);
    sound.then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}

/// The bytes of a tile.
#[must_use]
pub fn encode(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Where the tree grows: the hashes of the partial tile of each level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// For each tile level the hashes of its last tile, fewer than 256.
    levels: Vec<Vec<Hash>>,
}

/// A tile that is now full, with its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its level.
    pub level: u8,
    /// Its index in the level.
    pub index: u64,
    /// Its 256 hashes.
    pub hashes: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree whose partial tiles, from level 0 upwards, these are; `None` if they do not fit the size.
    #[must_use]
    pub fn from_tiles(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let mut levels = levels;
        while levels.last().is_some_and(Vec::is_empty) {
            levels.pop();
        }
        let fits = (0..TILE_LEVELS).all(|level| {
            let width = count_at(Level::Hashes(level), size) % TILE_WIDTH;
            levels.get(usize::from(level)).map_or(0, Vec::len) as u64 == width
        });
        (fits && levels.len() <= usize::from(TILE_LEVELS)).then_some(Self { size, levels })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tiles, level by level; a level whose last tile is full has none.
    #[must_use]
    pub fn partial(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Adds a leaf; tiles that it fills are handed to `filled`, lower ones first.
    pub fn push(&mut self, leaf: Hash, mut filled: impl FnMut(Filled)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0..TILE_LEVELS {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { return };
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::take(hashes);
            hash = tree::root(&hashes);
            let index = (count_at(Level::Hashes(level), self.size) / TILE_WIDTH).saturating_sub(1);
            filled(Filled { level, index, hashes });
        }
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (peak, after) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(tree::root(peak));
                rest = after;
            }
        }
        fold(peaks.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = Tile { level: Level::Hashes(0), index: 1_234_067, width: 256 };
        assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
        let partial = Tile { level: Level::Entries, index: 3, width: 232 };
        assert_eq!(partial.to_string(), "tile/entries/003.p/232");
        for path in ["tile/0/x001/x234/067", "tile/entries/003.p/232", "tile/7/000", "tile/1/x001/000.p/1"] {
            assert_eq!(Tile::from_path(path).map(|tile| tile.to_string()).as_deref(), Some(path));
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        for path in [
            "tile/00/000",
            "tile/8/000",
            "tile/0/0",
            "tile/0/x000/001",
            "tile/0/001.p/256",
            "tile/0/001.p/0",
            "tile/0/001.p/01",
            "tile/0/+01",
            "tile/data/000",
            "tile/0/001/000",
            "tile/0/x001",
            "/tile/0/000",
            "tile/0/../0/000",
            "tile/entries/003.p/232/",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::from_path(path), None, "{path}");
        }
    }

    #[test]
    fn the_edge_fills_the_tiles_of_the_tree_and_knows_its_root() {
        let size = 66_000;
        let mut edge = Edge::default();
        let mut frontier = tree::Frontier::default();
        let mut seen = Vec::new();
        for index in 0..size {
            let leaf = Hash::leaf(&u64::to_be_bytes(index));
            frontier.push(leaf);
            edge.push(leaf, |filled| {
                assert_eq!(filled.hashes.len(), 256);
                seen.push((Level::Hashes(filled.level), filled.index));
            });
            if index % 97 == 0 || index < 600 {
                assert_eq!(edge.root(), frontier.root(), "at {index}");
                assert_eq!(Edge::from_tiles(edge.size(), edge.partial().to_vec()).as_ref(), Some(&edge));
            }
        }
        seen.sort_unstable();
        let full: Vec<_> = tiles(size)
            .filter(|tile| tile.is_full() && tile.level != Level::Entries)
            .map(|tile| (tile.level, tile.index))
            .collect();
        assert_eq!(seen, full);
        assert!(Edge::from_tiles(size - 1, edge.partial().to_vec()).is_none());
    }
}

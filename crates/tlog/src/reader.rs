//! Takes hashes and proofs out of published tiles, and returns none it has not traced to the root.
//!
//! A tile on the right edge is checked by making the root out of the edge; any other tile is full, and its own root
//! stands in the tile above, which is checked first in the same way. So there is no tile whose check depends on which
//! hashes were asked for.

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::tile::{self, Edge, Level, TILE_HEIGHT, TILE_LEVELS, TILE_WIDTH, Tile};
use crate::tree::{self, Span};
use std::collections::BTreeMap;
use std::fmt;

/// Tiles kept after their check, each with the hashes between its own and its root: 32 MiB, some two thousand.
const TILES_MAX: usize = 2048;

/// Why a hash cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Untrusted<E> {
    /// The tile could not be fetched.
    Missing(Tile, E),
    /// The tile has the wrong length.
    Length(Tile),
    /// The tile has hashes that do not lead to the root of the tree.
    Hashes(Tile),
    /// The tiles on the right edge do not make the root: one of them is wrong.
    Edge,
    /// Something outside the tree was asked for.
    OutOfRange,
}

impl<E: fmt::Display> fmt::Display for Untrusted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(tile, error) => write!(f, "{tile} cannot be read: {error}"),
            Self::Length(tile) => write!(f, "{tile} has the wrong length"),
            Self::Hashes(tile) => write!(f, "{tile} has hashes that do not lead to the root"),
            Self::Edge => f.write_str("the tiles on the right edge do not make the root"),
            Self::OutOfRange => f.write_str("the tree has no such entry"),
        }
    }
}

/// Reads the tiles of one tree.
pub struct Reader<F> {
    size: u64,
    fetch: F,
    edge: Edge,
    /// The complete subtrees in the tiles of the edge, level by level.
    edge_rows: Vec<Rows>,
    checked: BTreeMap<(u8, u64), Rows>,
}

/// The hashes of a tile, then those over each complete pair of them, and so on.
type Rows = Vec<Vec<Hash>>;

fn rows(hashes: Vec<Hash>) -> Rows {
    let mut rows = vec![hashes];
    while let Some(last) = rows.last().filter(|last| last.len() > 1) {
        let (pairs, _) = last.as_chunks::<2>();
        let above = pairs.iter().map(|[left, right]| Hash::node(*left, *right)).collect();
        rows.push(above);
    }
    rows
}

impl<F> fmt::Debug for Reader<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<E, F: FnMut(Tile) -> Result<Vec<u8>, E>> Reader<F> {
    /// Starts from a checkpoint whose signature was checked.
    ///
    /// # Errors
    /// When the right edge cannot be fetched or does not make the root.
    pub fn new(checkpoint: &Checkpoint, mut fetch: F) -> Result<Self, Untrusted<E>> {
        let size = checkpoint.size;
        let mut levels = Vec::new();
        for level in (0..TILE_LEVELS).map(Level::Hashes) {
            let last = tile::count_at(level, size) / TILE_WIDTH;
            levels.push(match Tile::in_tree(level, last, size) {
                Some(tile) => fetch_tile(&mut fetch, tile)?,
                None => Vec::new(),
            });
        }
        let edge = Edge::from_tiles(size, levels).ok_or(Untrusted::Edge)?;
        if edge.root() != checkpoint.root {
            return Err(Untrusted::Edge);
        }
        let edge_rows = edge.partial().iter().cloned().map(rows).collect();
        Ok(Self { size, fetch, edge, edge_rows, checked: BTreeMap::new() })
    }

    /// The right edge, from which the log goes on.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The hashes of a tile, traced to the root.
    ///
    /// # Errors
    /// When it, or one above it, cannot be fetched or is wrong.
    pub fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], Untrusted<E>> {
        self.rows(level, index).map(|rows| rows.first().map_or(&[][..], Vec::as_slice))
    }

    fn rows(&mut self, level: u8, index: u64) -> Result<&Rows, Untrusted<E>> {
        let tile = Tile::in_tree(Level::Hashes(level), index, self.size).ok_or(Untrusted::OutOfRange)?;
        if !tile.is_full() {
            return self.edge_rows.get(usize::from(level)).ok_or(Untrusted::OutOfRange);
        }
        // From the first tile above that is known down to the one asked for.
        let mut path = vec![(level, index)];
        while let Some((level, index)) = path.last().copied() {
            if self.checked.contains_key(&(level, index)) || !self.full(level, index) {
                path.pop();
                break;
            }
            path.push((level + 1, index / TILE_WIDTH));
        }
        if self.checked.len() + path.len() > TILES_MAX {
            // What is dropped is fetched and checked again.
            let last = path.last().copied().map(|(level, index)| (level + 1, index / TILE_WIDTH));
            self.checked.retain(|key, _| Some(*key) == last);
        }
        for (level, index) in path.into_iter().rev() {
            let tile = Tile { level: Level::Hashes(level), index, width: 256 };
            let rows = rows(fetch_tile(&mut self.fetch, tile)?);
            let above = self.slot(level + 1, index).ok_or(Untrusted::Hashes(tile))?;
            // The last row of a full tile is its root.
            if rows.last().is_none_or(|row| *row != [above]) {
                return Err(Untrusted::Hashes(tile));
            }
            self.checked.insert((level, index), rows);
        }
        self.checked.get(&(level, index)).ok_or(Untrusted::OutOfRange)
    }

    fn full(&self, level: u8, index: u64) -> bool {
        Tile::in_tree(Level::Hashes(level), index, self.size).is_some_and(Tile::is_full)
    }

    /// A hash of a tile that was checked or is on the edge.
    fn slot(&self, level: u8, index: u64) -> Option<Hash> {
        let (tile, slot) = (index / TILE_WIDTH, usize::try_from(index % TILE_WIDTH).ok()?);
        let hashes = match self.checked.get(&(level, tile)) {
            Some(rows) => rows.first()?,
            None if !self.full(level, tile) => self.edge.partial().get(usize::from(level))?,
            None => return None,
        };
        hashes.get(slot).copied()
    }

    /// The root of a complete subtree: the leaves `[index·2^level, (index+1)·2^level)`.
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, Untrusted<E>> {
        let (row, inner) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        // A row has half as many hashes as the one below it.
        let per_tile = TILE_WIDTH >> inner;
        let rows = self.rows(row, index / per_tile)?;
        let slot = usize::try_from(index % per_tile).unwrap_or(usize::MAX);
        let hash = rows.get(usize::from(inner)).and_then(|row| row.get(slot));
        hash.copied().ok_or(Untrusted::OutOfRange)
    }

    fn hashes(&mut self, spans: &[Span]) -> Result<Vec<Hash>, Untrusted<E>> {
        spans.iter().map(|span| tree::span_root(span, |level, index| self.node(level, index))).collect()
    }

    /// The hash of a leaf.
    ///
    /// # Errors
    /// When the tree has no such leaf, or a tile on the way to it cannot be fetched or is wrong.
    pub fn leaf(&mut self, index: u64) -> Result<Hash, Untrusted<E>> {
        self.node(0, index)
    }

    /// The proof that an entry is in the tree.
    ///
    /// # Errors
    /// When the tree has no such leaf, or a tile on the way cannot be fetched or is wrong.
    pub fn prove_inclusion(&mut self, index: u64) -> Result<Vec<Hash>, Untrusted<E>> {
        if index >= self.size {
            return Err(Untrusted::OutOfRange);
        }
        self.hashes(&tree::inclusion_spans(self.size, index))
    }

    /// The proof that the first `old` entries were the whole tree once.
    ///
    /// # Errors
    /// When the tree was never so large, or a tile on the way cannot be fetched or is wrong.
    pub fn prove_consistency(&mut self, old: u64) -> Result<Vec<Hash>, Untrusted<E>> {
        if old > self.size {
            return Err(Untrusted::OutOfRange);
        }
        self.hashes(&tree::consistency_spans(old, self.size))
    }

    /// The root when the tree had `size` leaves.
    ///
    /// # Errors
    /// When the tree was never so large, or a tile on the way cannot be fetched or is wrong.
    pub fn root_at(&mut self, size: u64) -> Result<Hash, Untrusted<E>> {
        if size > self.size {
            return Err(Untrusted::OutOfRange);
        }
        tree::span_root(&(0..size), |level, index| self.node(level, index))
    }
}

fn fetch_tile<E>(fetch: &mut impl FnMut(Tile) -> Result<Vec<u8>, E>, tile: Tile) -> Result<Vec<Hash>, Untrusted<E>> {
    let bytes = match fetch(tile) {
        Ok(bytes) => bytes,
        Err(error) => return Err(Untrusted::Missing(tile, error)),
    };
    tile::decode(tile.width, &bytes).ok_or(Untrusted::Length(tile))
}

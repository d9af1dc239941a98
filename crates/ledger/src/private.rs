//! What only the keeper of the log holds: for each entry its seed, and its fields encrypted under it.
//!
//! Seeds lie apart from the records, at a fixed place each, so that erasing is overwriting 32 bytes: the record, and
//! every copy of it, is noise from then on. The public entry and all proofs stay as they are. Files that held a seed are
//! overwritten before they are removed. What a disk or its file system keeps underneath, as snapshots and worn cells, this
//! does not reach: that is for the encryption of the disk.

use crate::commitment::Seed;
use crate::disk::{Disk, DiskFile, TEMPORARY, folder_of};
use crate::wal;
use std::io::{self, ErrorKind};
use tlog::tile::{Level, TILE_WIDTH, Tile};

/// The folder of requests to erase, one empty file each, named by the index.
const ERASURES: &str = "private/erase";

const SEED_BYTES: usize = 32;

/// A seed and what is encrypted under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The seed, or zeros if it was erased or there never was one.
    pub seed: [u8; SEED_BYTES],
    /// The encrypted fields.
    pub sealed: Vec<u8>,
}

impl Opening {
    /// As the write-ahead log carries it.
    #[must_use]
    pub fn to_record(&self) -> Vec<u8> {
        [&self.seed[..], &self.sealed].concat()
    }

    /// From what the write-ahead log carried.
    #[must_use]
    pub fn from_record(bytes: &[u8]) -> Self {
        match bytes.split_first_chunk() {
            Some((seed, sealed)) => Self { seed: *seed, sealed: sealed.to_vec() },
            None => Self::default(),
        }
    }

    /// The seed, unless it was erased.
    #[must_use]
    pub fn seed(&self) -> Option<Seed> {
        (self.seed != [0; SEED_BYTES]).then_some(Seed(self.seed))
    }
}

/// The file of the bundle that `index` lies in, in a log of `size` entries, in one of the two folders.
fn path(folder: &str, index: u64, size: u64) -> String {
    let tile = Tile::in_tree(Level::Entries, index / TILE_WIDTH, size).map(|tile| tile.to_string());
    tile.unwrap_or_default().replacen("tile/entries", &format!("private/{folder}"), 1)
}

/// Writes the openings of entries of one bundle, from `first` on, after those of that bundle that are there; says
/// in which files.
pub(crate) fn write<D: Disk>(disk: &D, first: u64, openings: &[Opening]) -> io::Result<Vec<String>> {
    let (mut seeds, mut records) = (Vec::new(), Vec::new());
    if !first.is_multiple_of(TILE_WIDTH) {
        seeds = disk.read(&path("seeds", first - 1, first))?;
        records = disk.read(&path("records", first - 1, first))?;
    }
    for opening in openings {
        seeds.extend(opening.seed);
        records.extend(u32::try_from(opening.sealed.len()).unwrap_or(0).to_be_bytes());
        records.extend_from_slice(&opening.sealed);
    }
    let size = first + openings.len() as u64;
    let mut paths = Vec::new();
    for (folder, bytes) in [("seeds", seeds), ("records", records)] {
        let path = path(folder, first, size);
        disk.make_folder(folder_of(&path))?;
        disk.put(&path, &bytes)?;
        paths.push(path);
    }
    Ok(paths)
}

/// The folders of partial files of the bundle these openings belong to, and which width stays in them.
pub(crate) fn partial_folders(first: u64, count: usize) -> [(String, Option<u16>); 2] {
    let size = first + count as u64;
    let full = first - first % TILE_WIDTH + TILE_WIDTH;
    let width = u16::try_from(size % TILE_WIDTH).ok().filter(|width| *width > 0);
    ["seeds", "records"].map(|folder| (format!("{}.p", path(folder, first, full)), width))
}

/// Reads the opening of an entry in a log of `size` published entries.
///
/// # Errors
/// When it cannot be read.
pub fn read<D: Disk>(disk: &D, index: u64, size: u64) -> io::Result<Opening> {
    if index >= size {
        return Err(io::Error::new(ErrorKind::NotFound, "the entry is not published"));
    }
    let slot = usize::try_from(index % TILE_WIDTH).unwrap_or(0);
    let short = || io::Error::new(ErrorKind::UnexpectedEof, "a private file is shorter than its entries");
    let seeds = disk.read(&path("seeds", index, size))?;
    let (seeds, _) = seeds.as_chunks::<SEED_BYTES>();
    let seed = *seeds.get(slot).ok_or_else(short)?;
    let records = disk.read(&path("records", index, size))?;
    let mut rest = records.as_slice();
    for _ in 0..slot {
        let (length, after) = rest.split_first_chunk().ok_or_else(short)?;
        rest = after.get(u32::from_be_bytes(*length) as usize..).ok_or_else(short)?;
    }
    let (length, after) = rest.split_first_chunk().ok_or_else(short)?;
    let sealed = after.get(..u32::from_be_bytes(*length) as usize).ok_or_else(short)?;
    Ok(Opening { seed, sealed: sealed.to_vec() })
}

/// Asks that an opening be erased; whoever has the log open does it.
///
/// # Errors
/// When the request cannot be made durable.
pub fn request_erasure<D: Disk>(disk: &D, index: u64) -> io::Result<()> {
    disk.make_folder_durably(ERASURES)?;
    disk.put_durably(&format!("{ERASURES}/{index}"), b"")
}

/// What is asked to be erased.
///
/// # Errors
/// When it cannot be read.
pub fn erasures<D: Disk>(disk: &D) -> io::Result<Vec<u64>> {
    Ok(disk.list(ERASURES)?.iter().filter_map(|name| name.parse().ok()).collect())
}

pub(crate) fn erased<D: Disk>(disk: &D, index: u64) -> io::Result<()> {
    disk.remove(&format!("{ERASURES}/{index}"))?;
    disk.sync_folder(ERASURES)
}

/// Erases the opening of an entry of a log that has ended with `size` published entries, and that nobody has open;
/// `false`, and nothing is done, if it has records that are not published.
///
/// # Errors
/// When the disk fails; then it is to be asked for again.
pub fn erase_ended<D: Disk>(disk: &D, index: u64, size: u64) -> io::Result<bool> {
    // First where it is a copy: the seed is what says whether it is done.
    let done = wal::discard(disk, size)?;
    if done {
        forget(disk, index, size)?;
    }
    Ok(done)
}

/// Overwrites the seed of an entry.
pub(crate) fn forget<D: Disk>(disk: &D, index: u64, size: u64) -> io::Result<()> {
    let at = index % TILE_WIDTH * SEED_BYTES as u64;
    let now = path("seeds", index, size);
    let full = path("seeds", index, (index / TILE_WIDTH + 1) * TILE_WIDTH);
    // What the file grew from is there as well where the power went before it was removed.
    let before = disk.list(&format!("{full}.p"))?.into_iter().map(|name| format!("{full}.p/{name}"));
    // And what it was to grow into, where a cycle came so far and no further.
    let after = [full.clone(), format!("{full}{TEMPORARY}")];
    for path in before.chain(after).filter(|path| *path != now).chain([now.clone()]) {
        let mut file = match disk.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound && path != now => continue,
            opened => opened?,
        };
        if file.read_at(at, &mut [0])? > 0 {
            file.write_at(at, &[0; SEED_BYTES])?;
            file.sync()?;
        }
    }
    Ok(())
}

//! Recomputes a published log from the bytes of its entries and names everything that differs.
//!
//! No tile is believed: leaf hashes come from the entries, each tile must be what they make, the root must be what the
//! signed checkpoint says, and a file that has no place in such a log is damage too.

use crate::disk::Disk;
use std::fmt;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::note::Note;
use tlog::policy::{Policy, Refused};
use tlog::tile::{self, Edge, Level, TILE_WIDTH, Tile};
use tlog::{bundle, tree};

/// Damage that is listed. A log with more has it everywhere, and is not looked through to its end: a checkpoint may claim
/// any size.
pub const DAMAGES_MAX: usize = 1000;

/// What is said of a tile that no signed checkpoint speaks of.
pub const UNSIGNED: &str = "the log has no such tile yet";

/// What kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The checkpoint is malformed.
    Malformed,
    /// Nobody who is trusted signed the checkpoint.
    Signature,
    /// Too few witnesses signed it.
    Quorum,
    /// An entry or a hash is not what was signed.
    Mismatch,
    /// A file is missing, cannot be read, has the wrong length, or does not belong there.
    Storage,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What kind.
    pub kind: Kind,
    /// In which file.
    pub path: String,
    /// The indexes of the entries concerned, from the first until before the last.
    pub indexes: std::ops::Range<u64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        match self.indexes.end.saturating_sub(self.indexes.start) {
            0 => Ok(()),
            1 => write!(f, " (index {})", self.indexes.start),
            _ => write!(f, " (indexes {} to {})", self.indexes.start, self.indexes.end - 1),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint, if one was signed.
    pub checkpoint: Option<Checkpoint>,
    /// The root that the entries make.
    pub root: Option<Hash>,
    /// How many files were compared.
    pub files: u64,
    /// What is wrong; nothing if the log is sound.
    pub damages: Vec<Damage>,
}

impl Report {
    fn damage(&mut self, kind: Kind, path: &str, indexes: std::ops::Range<u64>, what: impl Into<String>) {
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(Damage { kind, path: path.to_owned(), indexes, what: what.into() });
        }
    }
}

/// Checks the log under `folder` (`public`, or nothing for a bare copy of it), with so many threads.
pub fn check<D: Disk>(disk: &D, folder: &str, policy: &Policy, threads: usize) -> Report {
    let mut report = Report { checkpoint: None, root: None, files: 0, damages: Vec::new() };
    let at = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    let Some(checkpoint) = read_checkpoint(disk, &at("checkpoint"), policy, &mut report) else { return report };
    report.checkpoint = Some(checkpoint.clone());
    let size = checkpoint.size;
    let bundles = size.div_ceil(TILE_WIDTH);
    let share = bundles.div_ceil(threads.max(1) as u64).max(1);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let at = &at;
        let running: Vec<_> = (0..threads.max(1) as u64)
            .map(|thread| {
                let range = (thread * share).min(bundles)..((thread + 1) * share).min(bundles);
                scope.spawn(move || check_bundles(disk, at, size, range))
            })
            .collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    let mut rows: Vec<Vec<Option<Hash>>> = vec![Vec::new()];
    for part in parts {
        let Ok(part) = part else {
            report.damage(Kind::Storage, folder, 0..0, "the check itself failed");
            return report;
        };
        report.files += part.files;
        part.damages.into_iter().for_each(|damage| {
            report.damage(damage.kind, &damage.path, damage.indexes.clone(), damage.what.clone());
        });
        if let Some(row) = rows.first_mut() {
            row.extend(part.roots);
        }
    }
    if report.damages.len() >= DAMAGES_MAX {
        return report;
    }
    check_upper(disk, &at, size, &mut rows, &mut report);
    check_strangers(disk, folder, size, &mut report);
    check_key(disk, &at("vkey"), policy, &mut report);
    let edge = rows.pop().unwrap_or_default().into_iter().collect::<Option<Vec<Hash>>>();
    finish(&checkpoint, edge, &at("checkpoint"), &mut report);
    report
}

fn read_checkpoint<D: Disk>(disk: &D, path: &str, policy: &Policy, report: &mut Report) -> Option<Checkpoint> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.damage(Kind::Storage, path, 0..0, error.to_string());
            return None;
        }
    };
    report.files += 1;
    let note = match Note::parse(&bytes) {
        Ok(note) => note,
        Err(malformed) => {
            report.damage(Kind::Malformed, path, 0..0, malformed.to_string());
            return None;
        }
    };
    match policy.check(&note) {
        Ok(checkpoint) => Some(checkpoint),
        Err(refused) => {
            let kind = match refused {
                Refused::Text(_) => Kind::Malformed,
                Refused::NoLog | Refused::Forged(_) => Kind::Signature,
                Refused::Quorum(_) => Kind::Quorum,
            };
            report.damage(kind, path, 0..0, refused.to_string());
            let enough = matches!(kind, Kind::Quorum);
            enough.then(|| policy.check_log(&note).ok()).flatten()
        }
    }
}

/// What one thread found out about its bundles.
struct Part {
    /// The root of each full tile of level 0, or nothing where the entries are unreadable; of a partial one its
    /// hashes' peaks are made later, so its hashes are all kept.
    roots: Vec<Option<Hash>>,
    files: u64,
    damages: Vec<Damage>,
}

fn check_bundles<D: Disk>(
    disk: &D,
    at: &(impl Fn(&str) -> String + Sync),
    size: u64,
    range: std::ops::Range<u64>,
) -> Part {
    let mut part = Part { roots: Vec::new(), files: 0, damages: Vec::new() };
    for index in range {
        if part.damages.len() >= DAMAGES_MAX {
            break;
        }
        let Some(entries) = Tile::in_tree(Level::Entries, index, size) else { continue };
        let hashes = Tile { level: Level::Hashes(0), ..entries };
        let indexes = index * TILE_WIDTH..(index * TILE_WIDTH + u64::from(entries.width));
        let mut damage = |kind, path: &str, indexes: std::ops::Range<u64>, what: &str| {
            part.damages.push(Damage { kind, path: path.to_owned(), indexes, what: what.to_owned() });
        };
        part.files += 2;
        let (entries_path, hashes_path) = (at(&entries.to_string()), at(&hashes.to_string()));
        let leaves = match disk.read(&entries_path) {
            Ok(bytes) => bundle::decode(entries.width, &bytes)
                .map(|entries| entries.iter().map(|entry| Hash::leaf(entry)).collect::<Vec<Hash>>()),
            Err(error) => {
                damage(Kind::Storage, &entries_path, indexes.clone(), &error.to_string());
                None
            }
        };
        let stored = match disk.read(&hashes_path) {
            Ok(bytes) => tile::decode(hashes.width, &bytes),
            Err(error) => {
                damage(Kind::Storage, &hashes_path, indexes.clone(), &error.to_string());
                None
            }
        };
        match (&leaves, &stored) {
            (Some(leaves), Some(stored)) => {
                for (slot, _) in (0..).zip(leaves.iter().zip(stored)).filter(|(_, (leaf, hash))| leaf != hash) {
                    let one = indexes.start + slot;
                    damage(Kind::Mismatch, &entries_path, one..one + 1, "the entry is not the one of its hash");
                }
            }
            (None, _) if part.damages.last().is_none_or(|damage| damage.path != entries_path) => {
                part.damages.push(Damage {
                    kind: Kind::Storage,
                    path: entries_path,
                    indexes: indexes.clone(),
                    what: format!("not {} entries", entries.width),
                })
            }
            (Some(_), None) if part.damages.last().is_none_or(|damage| damage.path != hashes_path) => {
                part.damages.push(Damage {
                    kind: Kind::Storage,
                    path: hashes_path,
                    indexes: indexes.clone(),
                    what: format!("not {} hashes", hashes.width),
                });
            }
            (None, _) | (Some(_), None) => {}
        }
        // Where the entries cannot be read the hashes may still show that the rest is sound.
        match leaves.or(stored) {
            Some(leaves) if entries.is_full() => part.roots.push(Some(tree::root(&leaves))),
            Some(leaves) => part.roots.extend(leaves.into_iter().map(Some)),
            None if entries.is_full() => part.roots.push(None),
            None => part.roots.extend(std::iter::repeat_n(None, usize::from(entries.width))),
        }
    }
    part
}

/// Compares the tiles above level 0 with what those below make. `rows` ends as one list of the hashes on the edge, from
/// the highest level down.
fn check_upper<D: Disk>(
    disk: &D,
    at: &impl Fn(&str) -> String,
    size: u64,
    rows: &mut Vec<Vec<Option<Hash>>>,
    report: &mut Report,
) {
    let mut row = rows.pop().unwrap_or_default();
    let mut edge: Vec<Vec<Option<Hash>>> = Vec::new();
    let cut = usize::try_from(size / TILE_WIDTH).unwrap_or(usize::MAX).min(row.len());
    edge.push(row.split_off(cut));
    for level in 1..tile::TILE_LEVELS {
        if row.is_empty() {
            break;
        }
        let mut above = Vec::new();
        for (index, made) in (0..).zip(row.chunks(usize::try_from(TILE_WIDTH).unwrap_or(256))) {
            let Some(tile) = Tile::in_tree(Level::Hashes(level), index, size) else { continue };
            let path = at(&tile.to_string());
            let leaves = 1_u64.checked_shl(u32::from(level) * 8).unwrap_or(u64::MAX);
            let first = index * TILE_WIDTH * leaves;
            let whole = first..(first + u64::from(tile.width) * leaves);
            report.files += 1;
            let stored = disk.read(&path).ok().and_then(|bytes| tile::decode(tile.width, &bytes));
            match &stored {
                None => report.damage(Kind::Storage, &path, whole, format!("not {} hashes", tile.width)),
                Some(stored) => {
                    for (slot, _) in
                        (0..).zip(made.iter().zip(stored)).filter(|(_, (a, b))| a.is_some_and(|a| a != **b))
                    {
                        let from = first + slot * leaves;
                        let what = "the hash is not the one its entries make";
                        report.damage(Kind::Mismatch, &path, from..from + leaves, what);
                    }
                }
            }
            let made: Option<Vec<Hash>> = made.iter().copied().collect();
            match made.or(stored) {
                Some(hashes) if tile.is_full() => above.push(Some(tree::root(&hashes))),
                Some(hashes) => edge.push(hashes.into_iter().map(Some).collect()),
                None if tile.is_full() => above.push(None),
                None => edge.push(vec![None; usize::from(tile.width)]),
            }
        }
        if (row.len() as u64).is_multiple_of(TILE_WIDTH) {
            edge.push(Vec::new());
        }
        row = above;
    }
    *rows = vec![edge.into_iter().flatten().collect()];
}

/// The key beside the log is for whoever has no other; it must be the one the log is checked with.
fn check_key<D: Disk>(disk: &D, path: &str, policy: &Policy, report: &mut Report) {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => return report.damage(Kind::Storage, path, 0..0, error.to_string()),
    };
    report.files += 1;
    let known = |party: &tlog::policy::Party| {
        let key = party.key.to_string();
        bytes.strip_suffix(b"\n").unwrap_or(&bytes) == key.as_bytes()
    };
    if !policy.logs().iter().any(known) {
        report.damage(Kind::Mismatch, path, 0..0, "this is not the key that the log is checked with");
    }
}

/// Names files that have no place in the log. Partial tiles of an earlier size may stay, if they are what the full one
/// starts with.
fn check_strangers<D: Disk>(disk: &D, folder: &str, size: u64, report: &mut Report) {
    let mut folders = vec![String::new()];
    while let Some(inner) = folders.pop() {
        let at = |name: &str| {
            [folder, &inner, name].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/")
        };
        let names = match disk.list(&at("")) {
            Ok(names) => names,
            Err(error) => {
                report.damage(Kind::Storage, &at(""), 0..0, error.to_string());
                continue;
            }
        };
        for name in names {
            let path = if inner.is_empty() { name.clone() } else { format!("{inner}/{name}") };
            let full = at(&name);
            match Tile::from_path(&path) {
                Some(tile) => check_stranger(disk, folder, &full, tile, size, report),
                None if matches!(path.as_str(), "checkpoint" | "vkey") => {}
                None if path.ends_with(crate::disk::TEMPORARY) => {}
                None if disk.list(&full).is_ok() => folders.push(path),
                None if path.starts_with("blob/") => check_blob(disk, &full, &path, report),
                None => report.damage(Kind::Storage, &full, 0..0, "this file does not belong here"),
            }
        }
    }
}

fn check_blob<D: Disk>(disk: &D, full: &str, path: &str, report: &mut Report) {
    match disk.read(full) {
        Ok(bytes) => {
            report.files += 1;
            let Hash(hash) = Hash::of(&bytes);
            let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            if !path.ends_with(&name) {
                report.damage(Kind::Mismatch, full, 0..0, "the document is not the one of its name");
            }
        }
        Err(error) => report.damage(Kind::Storage, full, 0..0, error.to_string()),
    }
}

fn check_stranger<D: Disk>(disk: &D, folder: &str, full: &str, tile: Tile, size: u64, report: &mut Report) {
    let Some(now) = Tile::in_tree(tile.level, tile.index, size) else {
        return report.damage(Kind::Storage, full, 0..0, UNSIGNED);
    };
    if now == tile {
        return;
    }
    if tile.width > now.width {
        return report.damage(Kind::Storage, full, 0..0, UNSIGNED);
    }
    let real = if folder.is_empty() { now.to_string() } else { format!("{folder}/{now}") };
    let (Ok(old), Ok(new)) = (disk.read(full), disk.read(&real)) else { return };
    report.files += 1;
    if !new.starts_with(&old) || !right_length(tile, &old) {
        report.damage(Kind::Mismatch, full, 0..0, "an earlier state of this tile is not what it grew from");
    }
}

fn right_length(tile: Tile, bytes: &[u8]) -> bool {
    match tile.level {
        Level::Entries => bundle::decode(tile.width, bytes).is_some(),
        Level::Hashes(_) => tile::decode(tile.width, bytes).is_some(),
    }
}

fn finish(checkpoint: &Checkpoint, edge: Option<Vec<Hash>>, path: &str, report: &mut Report) {
    let Some(hashes) = edge else { return };
    let mut levels = Vec::new();
    let mut rest = hashes.as_slice();
    for level in 0..tile::TILE_LEVELS {
        let width = usize::try_from(tile::count_at(Level::Hashes(level), checkpoint.size) % TILE_WIDTH).unwrap_or(0);
        let Some((here, after)) = rest.split_at_checked(width) else { return };
        levels.push(here.to_vec());
        rest = after;
    }
    report.root = Edge::from_tiles(checkpoint.size, levels).map(|edge| edge.root());
    if report.root != Some(checkpoint.root) {
        let what = "the entries make another root than the one that was signed";
        report.damage(Kind::Mismatch, path, 0..checkpoint.size, what);
    }
}

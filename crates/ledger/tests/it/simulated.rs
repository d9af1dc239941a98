//! A disk that loses power. It keeps what was written apart from what is durable, and at the crash keeps of the rest
//! what chance decides: of each file some of the 512-byte sectors written since its last sync, of each folder some of
//! the names changed since its last sync, in any order; with a folder that nobody made durable, all that is in it.

use ledger::disk::{Disk, DiskFile, folder_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

/// A small, fast, seeded source of chance (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// What is kept of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Everything,
    Nothing,
    Some,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// Whether it was emptied since.
    emptied: bool,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Content>,
    next: u64,
    /// Names as programs see them, and as they are on the disk.
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
    durable_folders: BTreeSet<String>,
    operations: u64,
    crash_at: Option<u64>,
    /// Fails the sync with this number once, without making anything durable, as a disk does.
    fail_sync: Option<u64>,
    syncs: u64,
    /// Whether the next sync of a file panics.
    panics: bool,
    /// The same for the sync of a folder.
    fail_sync_folder: Option<u64>,
    folder_syncs: u64,
    room: Option<u64>,
    crashed: bool,
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct Open {
    disk: Simulated,
    id: u64,
}

fn lost() -> io::Error {
    io::Error::other("the power is gone")
}

impl State {
    /// Counts an operation; from the chosen one on, everything fails.
    fn step(&mut self) -> io::Result<()> {
        if self.crashed || self.crash_at == Some(self.operations) {
            self.crashed = true;
            return Err(lost());
        }
        self.operations += 1;
        Ok(())
    }

    fn sync_file(&mut self, id: u64) -> io::Result<()> {
        self.syncs += 1;
        if self.fail_sync == Some(self.syncs) {
            // What Linux does: the pages count as clean afterwards, and are on the disk nowhere.
            if let Some(content) = self.files.get_mut(&id) {
                content.dirty.clear();
                content.emptied = false;
            }
            return Err(io::Error::other("an input/output error"));
        }
        if let Some(content) = self.files.get_mut(&id) {
            if std::mem::take(&mut content.emptied) {
                content.durable.clear();
            }
            content.durable.resize(content.now.len(), 0);
            for sector in std::mem::take(&mut content.dirty) {
                let range = sector * SECTOR..((sector + 1) * SECTOR).min(content.now.len());
                if range.start < range.end {
                    content.durable[range.clone()].copy_from_slice(&content.now[range]);
                }
            }
        }
        Ok(())
    }
}

impl Simulated {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    pub(crate) fn crash_at(&self, operation: u64) {
        self.state().crash_at = Some(operation);
    }

    pub(crate) fn fail_sync(&self, number: u64) {
        let mut state = self.state();
        state.fail_sync = Some(state.syncs + number);
    }

    /// The next sync of a file panics: the program is wrong.
    pub(crate) fn panic_sync(&self) {
        self.state().panics = true;
    }

    pub(crate) fn fail_sync_folder(&self, number: u64) {
        let mut state = self.state();
        state.fail_sync_folder = Some(state.folder_syncs + number);
    }

    pub(crate) fn room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    pub(crate) fn is_down(&self) -> bool {
        self.state().crashed
    }

    /// The disk as it is when the power is back.
    pub(crate) fn after_crash(&self, loss: Loss, chance: &mut Chance) -> Self {
        let state = self.state();
        let keep = |chance: &mut Chance| match loss {
            Loss::Everything => false,
            Loss::Nothing => true,
            Loss::Some => chance.below(2) == 0,
        };
        let mut names = state.durable_names.clone();
        let changed: BTreeSet<&String> = state.names.keys().chain(state.durable_names.keys()).collect();
        for name in changed {
            if state.names.get(name) != state.durable_names.get(name) && keep(chance) {
                match state.names.get(name) {
                    Some(id) => names.insert(name.clone(), *id),
                    None => names.remove(name),
                };
            }
        }
        let mut files = BTreeMap::new();
        for (id, content) in &state.files {
            let is_emptied = content.emptied && keep(chance);
            let mut bytes = if is_emptied { Vec::new() } else { content.durable.clone() };
            for sector in &content.dirty {
                let range = sector * SECTOR..((sector + 1) * SECTOR).min(content.now.len());
                if range.start < range.end && keep(chance) {
                    bytes.resize(bytes.len().max(range.end), 0);
                    bytes[range.clone()].copy_from_slice(&content.now[range]);
                }
            }
            files.insert(*id, Content { now: bytes.clone(), durable: bytes, ..Content::default() });
        }
        let next = state.next;
        let lost = |folder: &&String| !state.durable_folders.contains(*folder) && !keep(chance);
        let lost: Vec<&String> = state.folders.iter().filter(lost).collect();
        let is_there = |path: &String| {
            let inside =
                |folder: &&&String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
            !lost.contains(&path) && !lost.iter().any(|folder| inside(&folder))
        };
        names.retain(|name, _| is_there(name));
        let folders: BTreeSet<String> = state.folders.iter().filter(|folder| is_there(folder)).cloned().collect();
        Self(Arc::new(Mutex::new(State {
            files,
            next,
            names: names.clone(),
            durable_names: names,
            durable_folders: folders.clone(),
            folders,
            ..State::default()
        })))
    }

    /// The disk after the program ended and the machine did not: what the cache holds is what is read.
    pub(crate) fn after_exit(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            next: state.next,
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            folders: state.folders.clone(),
            durable_folders: state.durable_folders.clone(),
            ..State::default()
        })))
    }

    /// Changes a byte behind everybody's back.
    pub(crate) fn flip(&self, path: &str, at: usize) {
        let mut state = self.state();
        let id = state.names[path];
        let content = state.files.get_mut(&id).unwrap();
        content.now[at] ^= 1;
        content.durable = content.now.clone();
    }

    /// Whether these bytes stand on the disk, be it where a file was.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let has = |content: &Vec<u8>| content.windows(bytes.len()).any(|window| window == bytes);
        self.state().files.values().any(|content| has(&content.now) || has(&content.durable))
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }
}

impl Disk for Simulated {
    type File = Open;

    fn open(&self, path: &str) -> io::Result<Open> {
        let id = self.state().names.get(path).copied().ok_or(ErrorKind::NotFound)?;
        Ok(Open { disk: self.clone(), id })
    }

    fn create(&self, path: &str) -> io::Result<Open> {
        let mut state = self.state();
        state.step()?;
        let id = state.names.get(path).copied().unwrap_or(state.next);
        state.next = state.next.max(id + 1);
        // A crash may show what it held, under whatever name is durable.
        let content = state.files.entry(id).or_default();
        *content = Content { durable: std::mem::take(&mut content.durable), emptied: true, ..Content::default() };
        state.names.insert(path.to_owned(), id);
        drop(state);
        Ok(Open { disk: self.clone(), id })
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        if state.crashed {
            return Err(lost());
        }
        let id = state.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(state.files[id].now.clone())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.crashed {
            return Err(lost());
        }
        if state.names.contains_key(folder) {
            return Err(ErrorKind::NotADirectory.into());
        }
        let inside = |path: &String| {
            let rest = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
            Some(rest.split('/').next()?.to_owned())
        };
        let names: BTreeSet<String> = state.names.keys().filter_map(inside).collect();
        Ok(names.into_iter().collect())
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.folders.contains(folder) {
            state.step()?;
        }
        let mut made = folder;
        while !made.is_empty() {
            state.folders.insert(made.to_owned());
            made = folder_of(made);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.names.remove(path);
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.folder_syncs += 1;
        if state.fail_sync_folder == Some(state.folder_syncs) {
            return Err(io::Error::other("an input/output error"));
        }
        let here = |name: &String| folder_of(name) == folder;
        let made: Vec<String> = state.folders.iter().filter(|name| here(name)).cloned().collect();
        state.durable_folders.extend(made);
        let gone: Vec<String> = state.durable_names.keys().filter(|name| here(name)).cloned().collect();
        for name in gone {
            state.durable_names.remove(&name);
        }
        let now: Vec<(String, u64)> =
            state.names.iter().filter(|(name, _)| here(name)).map(|(name, id)| (name.clone(), *id)).collect();
        state.durable_names.extend(now);
        Ok(())
    }
}

impl DiskFile for Open {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.state();
        if state.crashed {
            return Err(lost());
        }
        let bytes = &state.files[&self.id].now;
        let from = (offset as usize).min(bytes.len());
        let count = into.len().min(bytes.len() - from);
        into[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        // A write that power loss hits may have happened in part.
        let hit = state.step();
        let end = offset as usize + bytes.len();
        let grows = (end as u64).saturating_sub(state.files[&self.id].now.len() as u64);
        if let Some(room) = state.room {
            if grows > room {
                return Err(ErrorKind::StorageFull.into());
            }
            state.room = Some(room - grows);
        }
        let content = state.files.get_mut(&self.id).unwrap();
        content.now.resize(content.now.len().max(end), 0);
        content.now[offset as usize..end].copy_from_slice(bytes);
        content.dirty.extend(offset as usize / SECTOR..end.div_ceil(SECTOR));
        hit
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if std::mem::take(&mut state.panics) {
            drop(state);
            panic!("as a mistake in the program would");
        }
        state.step()?;
        state.sync_file(self.id)
    }
}

//! The sketches that hunts keep: sets of apps, each a list and a sorted table, written once and never changed. Small
//! sets are merged into larger ones, so that a folder that grows every day is still asked in few searches. Whatever
//! moment a run is broken at, what is left is either the sets before or the set they became.

use serde::{Deserialize, Serialize};
use similarity::table::{self, Entry, Pages, Table};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// A list of apps is no larger.
const LIST_BYTES_MAX: u64 = 1 << 30;
/// Apps of a merged set: its list then takes about half of what a list may.
const MERGED_APPS_MAX: usize = 1 << 21;
/// Version of the sketches: which fingerprints there are and which of them are kept.
const VERSION: u32 = 1;

/// An app as its sketch knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970, as the file system says.
    pub(crate) modified: u64,
    /// Fingerprints kept.
    pub(crate) kept: u32,
    /// Why nothing found in it would mean nothing.
    pub(crate) unclear: Option<String>,
}

/// The apps of one set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    apps: Vec<App>,
}

/// A file that a table is read from.
#[derive(Debug)]
pub(crate) struct Disk(fs::File);

impl Pages for Disk {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// Which batches a set holds, by their numbers: the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Batches {
    first: u32,
    last: u32,
}

impl Batches {
    fn of_stem(stem: &str) -> Option<Self> {
        let numbers = stem.strip_prefix("apps-")?;
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let batches = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        (batches.first <= batches.last).then_some(batches)
    }

    fn path(self, folder: &Path, ending: &str) -> PathBuf {
        let Self { first, last } = self;
        folder.join(if first == last {
            format!("apps-{first:04}.{ending}")
        } else {
            format!("apps-{first:04}-{last:04}.{ending}")
        })
    }
}

/// Apps and a table of what is kept of each.
pub(crate) struct Set {
    pub(crate) apps: Vec<App>,
    pub(crate) table: Table<Disk>,
    batches: Batches,
}

/// All sets of a folder, oldest first. While they are open no other run has them.
pub(crate) struct Sets {
    folder: PathBuf,
    all: Vec<Set>,
    _lock: fs::File,
}

impl Sets {
    /// Opens a folder, which is made if there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let told = |error: io::Error| format!("cannot write {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(told)?;
        let lock = fs::File::create(folder.join("lock")).map_err(told)?;
        lock.lock().map_err(told)?;
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).map_err(told)? {
            let path = entry.map_err(told)?.path();
            // Every set whose list was written: a table without one is what a broken run left.
            let stem = path.file_stem().filter(|_| path.extension().is_some_and(|ending| ending == "json"));
            if let Some(batches) = stem.and_then(|stem| Batches::of_stem(&stem.to_string_lossy())) {
                found.insert((batches.first, Reverse(batches.last)));
            }
        }
        let mut sets = Self { folder: folder.to_owned(), all: Vec::new(), _lock: lock };
        for (first, Reverse(last)) in found {
            let batches = Batches { first, last };
            match sets.all.last().map(|set| set.batches.last) {
                // They were merged into the set before, and not yet removed.
                Some(before) if last <= before => remove(folder, batches)?,
                Some(before) if first <= before => {
                    return Err(damaged(&batches.path(folder, "json"), &"holds what another set holds too"));
                }
                Some(_) | None => sets.all.push(read(folder, batches)?),
            }
        }
        Ok(sets)
    }

    pub(crate) fn all(&self) -> &[Set] {
        &self.all
    }

    /// Of each file that is as it was when it was sketched, where its sketch is. The newest counts.
    pub(crate) fn newest(&self, files: &BTreeMap<PathBuf, App>) -> BTreeMap<PathBuf, (usize, usize)> {
        let mut known = BTreeMap::new();
        for (s, set) in self.all.iter().enumerate() {
            for (n, app) in set.apps.iter().enumerate() {
                let same = |file: &App| file.bytes == app.bytes && file.modified == app.modified;
                if files.get(&app.path).is_some_and(same) {
                    known.insert(app.path.clone(), (s, n));
                }
            }
        }
        known
    }

    /// Writes a batch of apps and what is kept of them, and gives how many bytes that took.
    pub(crate) fn add(&mut self, apps: Vec<App>, mut entries: Vec<Entry>) -> Result<u64, String> {
        entries.sort_unstable();
        let next = self.all.last().map_or(0, |set| set.batches.last.saturating_add(1));
        let batches = Batches { first: next, last: next };
        let count = entries.len() as u64;
        self.write(batches, apps, |out| table::write(count, entries.into_iter(), out))
    }

    /// Merges the newest sets into one where one of them has grown smaller than those after it together: so there are
    /// never many, and an app is written again only as often as their number doubles.
    pub(crate) fn merge(&mut self) -> Result<(), String> {
        let mut after = 0;
        let mut from = self.all.len();
        for (n, set) in self.all.iter().enumerate().rev() {
            if after + set.apps.len() > MERGED_APPS_MAX {
                break;
            }
            if set.apps.len() < after {
                from = n;
            }
            after += set.apps.len();
        }
        let old = self.all.split_off(from);
        let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(()) };
        let batches = Batches { first: first.batches.first, last: last.batches.last };
        let (apps, places) = survivors(&old);
        let count = apps.iter().map(|app| u64::from(app.kept)).sum();
        let mut fault = None;
        let merging = |out: &mut _| table::write(count, Merging::new(&old, &places, &mut fault), out);
        let written = self.write(batches, apps, merging);
        if let Some((set, why)) = fault {
            return Err(damaged(&set.path(&self.folder, "idt"), &why));
        }
        written?;
        old.iter().try_for_each(|set| remove(&self.folder, set.batches))
    }

    /// Writes a set: its table, then its list, and with the list it is there.
    fn write(
        &mut self,
        batches: Batches,
        apps: Vec<App>,
        content: impl FnOnce(&mut io::BufWriter<fs::File>) -> io::Result<()>,
    ) -> Result<u64, String> {
        let list = serde_json::to_vec(&List { version: VERSION, apps }).map_err(|error| error.to_string())?;
        let size = put(&batches.path(&self.folder, "idt"), content)?
            + put(&batches.path(&self.folder, "json"), |out| out.write_all(&list))?;
        self.all.push(read(&self.folder, batches)?);
        Ok(size)
    }
}

/// Written beside, made to last and renamed, so that nobody ever reads half of it; gives how large it is.
fn put(path: &Path, content: impl FnOnce(&mut io::BufWriter<fs::File>) -> io::Result<()>) -> Result<u64, String> {
    let beside = path.with_extension("partial");
    let write = || {
        let mut out = io::BufWriter::with_capacity(1 << 20, fs::File::create(&beside)?);
        content(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok::<u64, io::Error>(file.metadata()?.len())
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Removes a set: first its list, without which its table is nothing.
fn remove(folder: &Path, batches: Batches) -> Result<(), String> {
    for ending in ["json", "idt"] {
        let path = batches.path(folder, ending);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("cannot remove {}: {error}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn damaged(path: &Path, why: &dyn fmt::Display) -> String {
    format!("{}: {why}; remove the folder to sketch its apps anew", path.display())
}

fn read(folder: &Path, batches: Batches) -> Result<Set, String> {
    let (list, pages) = (batches.path(folder, "json"), batches.path(folder, "idt"));
    let size = fs::metadata(&list).map_err(|error| damaged(&list, &error))?.len();
    if size > LIST_BYTES_MAX {
        return Err(damaged(&list, &"larger than any list of apps"));
    }
    let bytes = fs::read(&list).map_err(|error| damaged(&list, &error))?;
    let read: List = serde_json::from_slice(&bytes).map_err(|error| damaged(&list, &error))?;
    if read.version != VERSION {
        return Err(damaged(&list, &format_args!("sketches of version {}, not {VERSION}", read.version)));
    }
    let file = fs::File::open(&pages).map_err(|error| damaged(&pages, &error))?;
    let table = Table::open(Disk(file)).map_err(|why| damaged(&pages, &why))?;
    Ok(Set { apps: read.apps, table, batches })
}

/// The apps that a merged set holds, of each path the newest, and the new number of each app of each set.
fn survivors(sets: &[Set]) -> (Vec<App>, Vec<Vec<Option<u32>>>) {
    let mut newest = BTreeMap::new();
    for (s, set) in sets.iter().enumerate() {
        for (n, app) in set.apps.iter().enumerate() {
            newest.insert(&app.path, (s, n));
        }
    }
    let mut apps = Vec::with_capacity(newest.len());
    let number = |(s, set): (usize, &Set), apps: &mut Vec<App>| {
        let place = |(n, app): (usize, &App)| {
            (newest.get(&app.path) == Some(&(s, n))).then(|| {
                apps.push(app.clone());
                u32::try_from(apps.len() - 1).unwrap_or(u32::MAX)
            })
        };
        set.apps.iter().enumerate().map(place).collect()
    };
    let places = sets.iter().enumerate().map(|set| number(set, &mut apps)).collect();
    (apps, places)
}

/// The entries of several tables as those of one, in order, without what is no longer there.
struct Merging<'a> {
    tables: Vec<(Batches, table::Entries<'a, Disk>)>,
    places: &'a [Vec<Option<u32>>],
    /// The next entry of each table, the least first, and which table it is of.
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
    fault: &'a mut Option<(Batches, table::Fault)>,
}

impl<'a> Merging<'a> {
    fn new(sets: &'a [Set], places: &'a [Vec<Option<u32>>], fault: &'a mut Option<(Batches, table::Fault)>) -> Self {
        let tables: Vec<_> = sets.iter().map(|set| (set.batches, set.table.entries_in_order())).collect();
        let mut merging = Self { heads: BinaryHeap::with_capacity(tables.len()), tables, places, fault };
        (0..sets.len()).for_each(|table| merging.advance(table));
        merging
    }

    fn advance(&mut self, table: usize) {
        let Some((batches, entries)) = self.tables.get_mut(table) else { return };
        match entries.next() {
            Some(Ok(entry)) => self.heads.push(Reverse((entry, table))),
            Some(Err(why)) => *self.fault = Some((*batches, why)),
            None => {}
        }
    }
}

impl Iterator for Merging<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.fault.is_none() {
            let Reverse(((fingerprint, app), table)) = self.heads.pop()?;
            self.advance(table);
            if let Some(place) = self.places.get(table).and_then(|places| places.get(app as usize)).copied().flatten() {
                return Some((fingerprint, place));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, which ends with it.
    struct Folder(PathBuf);

    impl std::ops::Deref for Folder {
        type Target = Path;

        fn deref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("removed");
        }
    }

    fn folder(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("interdict-sets-{}-{name}", std::process::id())))
    }

    fn app(path: &str, kept: u32) -> App {
        App { path: PathBuf::from(path), bytes: 1, modified: kept.into(), kept, unclear: None }
    }

    /// Adds one app with fingerprints of its own, and one that all share.
    fn add(sets: &mut Sets, path: &str, kept: u32) {
        let own = (1..kept).map(|n| (u64::from(n) << 32 | u64::from(kept), 0));
        sets.add(vec![app(path, kept)], own.chain([(7, 0)]).collect()).expect("written");
    }

    /// What the sets say, in the words of paths, and how many sets there are.
    fn told(sets: &Sets) -> (Vec<(u64, String)>, usize) {
        let mut all = Vec::new();
        for set in sets.all() {
            let entries = set.table.entries_in_order().map(|entry| entry.expect("sound"));
            all.extend(entries.map(|(f, n)| (f, set.apps[n as usize].path.display().to_string())));
        }
        all.sort();
        (all, sets.all().len())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn few_sets_say_what_many_said_and_the_newest_of_an_app_counts() {
        let (one, two) = (folder("plain"), folder("merged"));
        let mut plain = Sets::open(&one).expect("opened");
        let mut merged = Sets::open(&two).expect("opened");
        for n in 0..40 {
            add(&mut plain, &format!("app{n}"), 400 + n);
            add(&mut merged, &format!("app{n}"), 400 + n);
            merged.merge().expect("merged");
        }
        let ((plain, forty), (after, few)) = (told(&plain), told(&merged));
        assert!(plain == after && forty == 40 && few <= 7, "{few} sets");
        add(&mut merged, "app3", 90);
        merged.merge().expect("merged");
        drop(merged);
        let merged = Sets::open(&two).expect("opened again");
        let of_app3 = |sets: &Sets| told(sets).0.iter().filter(|(_, path)| path == "app3").count();
        let files = BTreeMap::from([(PathBuf::from("app3"), app("app3", 90))]);
        assert!(of_app3(&merged) >= 90 && merged.newest(&files).len() == 1);
    }

    #[test]
    fn a_merge_broken_at_any_step_loses_nothing() {
        let folder = folder("broken");
        let mut sets = Sets::open(&folder).expect("opened");
        for n in 0..3 {
            add(&mut sets, &format!("app{n}"), 50 + n);
        }
        let before = told(&sets).0;
        let old: Vec<(String, Vec<u8>)> = names(&folder)
            .into_iter()
            .map(|name| (name.clone(), fs::read(folder.join(name)).expect("there")))
            .collect();
        sets.merge().expect("merged");
        drop(sets);
        assert_eq!(names(&folder), ["apps-0000-0002.idt", "apps-0000-0002.json", "lock"]);
        // Broken while the old ones were being removed: any of their files may still be there.
        for left in 0..1_u32 << old.len() {
            for (_, (name, bytes)) in old.iter().enumerate().filter(|(n, _)| left & (1 << n) != 0) {
                fs::write(folder.join(name), bytes).expect("written");
            }
            let sets = Sets::open(&folder).expect("opened");
            assert_eq!(told(&sets), (before.clone(), 1), "left: {left:b}");
        }
        // Broken before the list was there: the table alone is nothing.
        old.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).expect("written"));
        fs::remove_file(folder.join("apps-0000-0002.json")).expect("removed");
        let mut sets = Sets::open(&folder).expect("opened");
        assert_eq!(told(&sets), (before.clone(), 3));
        sets.merge().expect("merged again");
        assert_eq!(told(&sets), (before, 1));
    }

    #[test]
    fn a_damaged_table_is_not_merged_into_a_sound_one() {
        let folder = folder("damaged");
        let mut sets = Sets::open(&folder).expect("opened");
        for n in 0..3 {
            add(&mut sets, &format!("app{n}"), 500);
        }
        drop(sets);
        let path = folder.join("apps-0001.idt");
        let mut bytes = fs::read(&path).expect("there");
        bytes[5_000] ^= 1;
        fs::write(&path, bytes).expect("written");
        let told = Sets::open(&folder).expect("its fences are sound").merge();
        assert!(told.as_ref().is_err_and(|why| why.contains("apps-0001.idt: contradicts")), "{told:?}");
        assert_eq!(Sets::open(&folder).expect("opened").all().len(), 3, "what was there is there");
    }
}

//! Whether two packages are the same apart from their signatures, and if not, how much of them is.
//!
//! Signatures are the signing block and the files of the first scheme; whoever builds a package anew has neither. All
//! else counts, in the order it stands: what differs in order, compression or padding alone is the same content and not
//! the same package. A package that readers could read in two ways is the same as none.

use crate::Fault;
use crate::archive::{Archive, Entry};
use crate::oddity::Kind;
use crate::signing::is_v1_file;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The algorithm, as attestations name it: another version may judge otherwise.
pub const NORMALISER: &str = "interdict-apk-compare/1";

/// Up to this size a file is held to compare it with the other; of a larger one digests are compared.
const HELD_BYTES_MAX: u64 = 16 << 20;
/// Processors that inflate at once: more would wait for memory.
const THREADS_MAX: usize = 8;
/// Where the end record tells the offset of the directory.
const DIRECTORY_OFFSET: std::ops::Range<usize> = 16..20;
/// The end record without its comment.
const END_RECORD_BYTES: usize = 22;
/// Where a directory record tells the offset of its local header.
const LOCAL_OFFSET: std::ops::Range<usize> = 42..46;

/// How much of two packages is the same; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Identical outside the signing block.
    L0,
    /// Identical once the files of the first signature scheme are taken out.
    L1,
    /// The same files with the same content, in another order, compression or alignment.
    L2,
    /// The same code: every `.dex` and `.so`.
    L3,
}

impl Level {
    /// Its name in attestations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }

    /// Whether it is the same package: what conditions take for a reproduced build.
    #[must_use]
    pub const fn is_reproduced(self) -> bool {
        matches!(self, Self::L0 | Self::L1)
    }
}

/// One of two packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "the first",
            Self::Second => "the second",
        })
    }
}

/// What sets two packages apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Readers could read a package in two ways, or not at all; the entry it is about, if it is about one.
    Ambiguous(Side, Kind, Option<String>),
    /// A file is in one of them alone.
    Alone(Side, String),
    /// A file has other content.
    Content(String),
    /// A file has the same content, kept otherwise: compression, alignment, attributes.
    Kept(String),
    /// The files stand in another order.
    Order,
    /// The archives have different comments or end records.
    End,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ambiguous(side, kind, None) => write!(f, "{side} can be read in two ways: {kind}"),
            Self::Ambiguous(side, kind, Some(name)) => write!(f, "{side} can be read in two ways: {kind} ({name})"),
            Self::Alone(side, name) => write!(f, "only in {side}: {name}"),
            Self::Content(name) => write!(f, "other content: {name}"),
            Self::Kept(name) => write!(f, "same content, kept otherwise: {name}"),
            Self::Order => f.write_str("the files stand in another order"),
            Self::End => f.write_str("the archives end differently"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How much is the same; nothing if not even the code is, or a package is ambiguous.
    pub level: Option<Level>,
    /// What sets them apart, apart from signatures; empty at [`Level::L0`] and [`Level::L1`].
    pub differences: Vec<Difference>,
}

/// Compares two packages.
///
/// # Errors
/// A file cannot be inflated, or a budget of its archive is too small.
pub fn compare<'a>(first: &Archive<'a>, second: &Archive<'a>) -> Result<Comparison, Fault> {
    let mut differences: Vec<Difference> = ambiguities(Side::First, first).collect();
    differences.extend(ambiguities(Side::Second, second));
    if !differences.is_empty() {
        return Ok(Comparison { level: None, differences });
    }
    if outside(first) == outside(second) {
        return Ok(Comparison { level: Some(Level::L0), differences });
    }
    let [ours, theirs] = [first, second].map(files);
    let mut is_code_same = true;
    let (mut is_content_same, mut is_kept_same) = (true, true);
    let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    let mut alike = contents_alike(first, second, &kept_otherwise(first, &ours, second, &theirs))?;
    for name in names {
        let difference = match (ours.get(name), theirs.get(name), alike.remove(name)) {
            (Some(_), None, _) => Difference::Alone(Side::First, name.to_owned()),
            (None, _, _) => Difference::Alone(Side::Second, name.to_owned()),
            (Some(_), Some(_), None) => continue,
            (Some(_), Some(_), Some(true)) => Difference::Kept(name.to_owned()),
            (Some(_), Some(_), Some(false)) => Difference::Content(name.to_owned()),
        };
        let is_other = !matches!(difference, Difference::Kept(_));
        is_content_same &= !is_other;
        is_code_same &= !(is_other && is_code(name));
        is_kept_same = false;
        differences.push(difference);
    }
    if is_content_same {
        let end =
            |archive: &Archive<'_>| archive.span(&archive.layout().end).get(END_RECORD_BYTES..).map(<[u8]>::to_vec);
        let (in_order, in_directory) = (order(first) == order(second), directory(first) == directory(second));
        if !in_order || (is_kept_same && !in_directory) {
            differences.push(Difference::Order);
        }
        if end(first) != end(second) {
            differences.push(Difference::End);
        }
    }
    let level = match (differences.is_empty(), is_content_same, is_code_same) {
        (true, ..) => Some(Level::L1),
        (false, true, _) => Some(Level::L2),
        (false, false, true) if ours.keys().any(|name| is_code(name)) => Some(Level::L3),
        (false, false, _) => None,
    };
    Ok(Comparison { level, differences })
}

fn ambiguities<'a>(side: Side, archive: &'a Archive<'_>) -> impl Iterator<Item = Difference> + use<'a> {
    let name = |entry: u32| archive.entries().get(usize::try_from(entry).ok()?).map(|entry| entry.name.to_owned());
    archive
        .oddities()
        .iter()
        .filter(|oddity| !oddity.kind.innocent())
        .map(move |oddity| Difference::Ambiguous(side, oddity.kind, oddity.entry.and_then(name)))
}

/// All but the signing block: what is before it, the directory, and the end record without the offset that the block
/// moves. Zeros that align the block belong to it.
fn outside<'a>(archive: &Archive<'a>) -> (&'a [u8], &'a [u8], [&'a [u8]; 2]) {
    let layout = archive.layout();
    let last = archive.entries().iter().map(|entry| entry.extent.end).max().unwrap_or(0);
    let end = archive.span(&layout.end);
    let (before, after) = (end.get(..DIRECTORY_OFFSET.start), end.get(DIRECTORY_OFFSET.end..));
    let end = [before.unwrap_or_default(), after.unwrap_or_default()];
    (archive.span(&(0..last)), archive.span(&layout.central), end)
}

/// The files that are no signatures.
fn files<'s, 'a>(archive: &'s Archive<'a>) -> BTreeMap<&'a str, &'s Entry<'a>> {
    archive.entries().iter().filter(|entry| !is_v1_file(entry.name)).map(|entry| (entry.name, entry)).collect()
}

/// The names of the files as they stand.
fn order<'a>(archive: &Archive<'a>) -> Vec<&'a str> {
    let mut entries: Vec<&Entry<'a>> = archive.entries().iter().filter(|entry| !is_v1_file(entry.name)).collect();
    entries.sort_by_key(|entry| entry.extent.start);
    entries.into_iter().map(|entry| entry.name).collect()
}

/// The names of the files as the directory lists them.
fn directory<'a>(archive: &Archive<'a>) -> Vec<&'a str> {
    archive.entries().iter().map(|entry| entry.name).filter(|name| !is_v1_file(name)).collect()
}

/// Whether two files are byte for byte the same, with their headers, wherever they stand.
fn is_kept_alike(first: &Archive<'_>, a: &Entry<'_>, second: &Archive<'_>, b: &Entry<'_>) -> bool {
    let record = |archive: &Archive<'_>, entry: &Entry<'_>| {
        let mut record = archive.span(&entry.central).to_vec();
        if let Some(offset) = record.get_mut(LOCAL_OFFSET) {
            offset.fill(0);
        }
        record
    };
    first.span(&a.extent) == second.span(&b.extent) && record(first, a) == record(second, b)
}

/// A file of both packages.
type Pair<'s, 'a> = (&'s Entry<'a>, &'s Entry<'a>);

/// The files that both have and that are not byte for byte the same.
fn kept_otherwise<'s, 'a>(
    first: &Archive<'a>,
    ours: &BTreeMap<&'a str, &'s Entry<'a>>,
    second: &Archive<'a>,
    theirs: &BTreeMap<&'a str, &'s Entry<'a>>,
) -> Vec<Pair<'s, 'a>> {
    let both = ours.iter().filter_map(|(name, a)| Some((*a, *theirs.get(name)?)));
    both.filter(|(a, b)| !is_kept_alike(first, a, second, b)).collect()
}

/// Whether each of these has the same content, by its name. To inflate them is most of the work there is, so all
/// processors share it.
fn contents_alike<'a>(
    first: &Archive<'a>,
    second: &Archive<'a>,
    pairs: &[Pair<'_, 'a>],
) -> Result<BTreeMap<&'a str, bool>, Fault> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let pair = || pairs.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(pair).map(|(a, b)| (a.name, is_content_alike(first, a, second, b))).collect::<Vec<_>>()
    };
    let mut found = std::thread::scope(|scope| {
        // A thread that cannot be had leaves its share to the others.
        let other = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..processors.min(THREADS_MAX).min(pairs.len())).filter_map(other).collect();
        let mut found = work();
        for other in others {
            found.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        found
    });
    // Whoever was faster, the first fault by name is told.
    found.sort_by_key(|(name, _)| *name);
    found.into_iter().map(|(name, alike)| Ok((name, alike?))).collect()
}

fn is_content_alike(first: &Archive<'_>, a: &Entry<'_>, second: &Archive<'_>, b: &Entry<'_>) -> Result<bool, Fault> {
    if a.method == b.method && first.span(&a.data) == second.span(&b.data) {
        return Ok(true);
    }
    if a.size != b.size {
        return Ok(false);
    }
    if a.size <= HELD_BYTES_MAX {
        let held = first.read(a)?;
        let mut rest = Some(&*held.bytes);
        second.visit(b, &mut |bytes| rest = rest.and_then(|rest| rest.strip_prefix(bytes)))?;
        return Ok(rest.is_some_and(<[u8]>::is_empty));
    }
    let digest = |archive: &Archive<'_>, entry: &Entry<'_>| {
        let mut digest = Sha256::new();
        archive.visit(entry, &mut |bytes| digest.update(bytes)).map(|_is_crc_right| digest.finalize())
    };
    Ok(digest(first, a)? == digest(second, b)?)
}

fn is_code(name: &str) -> bool {
    (name.starts_with("classes") && name.ends_with(".dex") && !name.contains('/'))
        || (name.starts_with("lib/") && name.ends_with(".so"))
}

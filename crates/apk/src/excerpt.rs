//! The parts of an archive that say what it is, as an archive of their own: manifest, signatures, code and packages
//! within, without the assets that make it large. Made from a few ranges of an archive of any length, ZIP64 included,
//! so that nobody has to hold the whole.
//!
//! It is for recognising, not for installing: Android refuses ZIP64, and here its sizes are written as others are.

use crate::archive::{
    CENTRAL, CENTRAL_BYTES, COMMENT_BYTES_MAX, END, END_BYTES, FLAG_DESCRIPTOR, LOCAL_BYTES, SIGNING_FOOTER_BYTES,
    SIGNING_MAGIC, ZIP64_EXTRA, ZIP64_LOCATOR, ZIP64_LOCATOR_BYTES,
};
use crate::manifest::MANIFEST;
use crate::signing::is_signature_file;
use crate::window::Window;
use std::ops::Range;

/// Ranges asked for of one archive: a package has a manifest, some signatures and some tens of files of code.
pub const READS_MAX: usize = 400;
/// A central directory of 65,535 entries with long names; ZIP64 ones of this length have a million entries.
pub const DIRECTORY_BYTES_MAX: u64 = 64 << 20;
/// Signing blocks have some kilobytes; stores add metadata of their own.
pub const SIGNING_BYTES_MAX: u64 = 16 << 20;
/// A table of resources that a manifest may take its own words from; a longer one is left out.
const TABLE_BYTES_MAX: u64 = 32 << 20;
/// The end record, the longest comment behind it and what ZIP64 puts before it.
const TAIL_BYTES: u64 = (END_BYTES + COMMENT_BYTES_MAX + ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES) as u64;
/// Name, extra field and descriptor that stand beside an entry's content.
const BESIDE_BYTES_MAX: u64 = 2 * 65_535 + 24;
const ZIP64_END: [u8; 4] = *b"PK\x06\x06";
const ZIP64_END_BYTES: usize = 56;
/// Beyond this an entry is none of ours, and sizes no longer fit into the old records.
const EXCERPT_BYTES_MAX: u64 = u32::MAX as u64 / 2;

/// Bytes somewhere else, of which ranges can be had.
pub trait Ranges {
    /// Why a range cannot be had.
    type Fault;

    /// How many bytes there are.
    fn length(&self) -> u64;

    /// The bytes of a range, all of them.
    ///
    /// # Errors
    /// They cannot be had.
    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Self::Fault>;
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Excerpt {
    /// An archive of the parts that say what the whole is; `None` if the whole has no manifest and no package in it.
    Archive(Option<Vec<u8>>),
    /// It is no archive whose directory can be relied on.
    Unsound,
}

/// The excerpt, of at most `bytes_max` bytes of content: first what names the package, then code as far as it fits.
///
/// # Errors
/// A range cannot be had.
pub fn excerpt<R: Ranges>(from: &mut R, bytes_max: u64) -> Result<Excerpt, R::Fault> {
    let length = from.length();
    let tail_at = length.saturating_sub(TAIL_BYTES);
    let tail = from.read(tail_at..length)?;
    let Some(directory) = find_directory(from, &tail, tail_at)? else { return Ok(Excerpt::Unsound) };
    let records = from.read(directory.clone())?;
    let Some(mut entries) = entries(&records, directory.start) else { return Ok(Excerpt::Unsound) };
    if !entries.iter().any(|entry| entry.name == MANIFEST.as_bytes() || is_package(entry.name)) {
        return Ok(Excerpt::Archive(None));
    }
    let signing = signing_block(from, directory.start)?;
    let mut starts: Vec<u64> = entries.iter().map(|entry| entry.local).collect();
    starts.push(directory.start - signing.len() as u64);
    starts.sort_unstable();
    entries.retain(|entry| entry.rank().is_some());
    entries.sort_by_key(Entry::rank);
    let mut made = Made::default();
    for entry in entries.iter().take(READS_MAX) {
        let end = starts.partition_point(|start| *start <= entry.local);
        let next = starts.get(end).copied().unwrap_or(directory.start);
        let longest = (LOCAL_BYTES as u64 + BESIDE_BYTES_MAX).saturating_add(entry.compressed);
        let range = entry.local..next.min(entry.local.saturating_add(longest));
        let held = made.bytes.len() as u64;
        if range.is_empty() || held + (range.end - range.start) > bytes_max.min(EXCERPT_BYTES_MAX) {
            continue;
        }
        made.push(entry, from.read(range)?);
    }
    Ok(Excerpt::Archive(Some(made.finish(&signing))))
}

/// Where the central directory is, by the only end record there is.
fn find_directory<R: Ranges>(from: &mut R, tail: &[u8], tail_at: u64) -> Result<Option<Range<u64>>, R::Fault> {
    let last = tail.len().checked_sub(END_BYTES).map_or(0..0, |last| 0..last + 1);
    let found = || last.clone().filter(|at| tail.get(*at..).is_some_and(|rest| rest.starts_with(&END)));
    let is_whole = |at: &usize| {
        let comment = Window::at(tail, at + END_BYTES - 2).and_then(|mut window| window.u16());
        comment.is_some_and(|comment| at + END_BYTES + usize::from(comment) == tail.len())
    };
    // As strictly as elsewhere: the last one, whose comment ends the file, and none before it that could be meant.
    let Some(at) = found().next_back().filter(is_whole).filter(|_| found().filter(is_whole).count() == 1) else {
        return Ok(None);
    };
    let short = Window::at(tail, at + 12).and_then(|mut window| Some((window.u32()?, window.u32()?)));
    let Some((size, start)) = short else { return Ok(None) };
    let locator = at.checked_sub(ZIP64_LOCATOR_BYTES).and_then(|at| tail.get(at..));
    let range = match locator.filter(|bytes| bytes.starts_with(&ZIP64_LOCATOR)) {
        None => u64::from(start)..u64::from(start) + u64::from(size),
        Some(locator) => {
            let Some(end) = Window::at(locator, 8).and_then(|mut window| window.u64()) else { return Ok(None) };
            let Some(range) = end.checked_add(ZIP64_END_BYTES as u64).filter(|end| *end <= from.length()) else {
                return Ok(None);
            };
            let record = from.read(end..range)?;
            let told = record.starts_with(&ZIP64_END).then(|| Window::at(&record, 40)).flatten();
            let Some((size, start)) = told.and_then(|mut window| Some((window.u64()?, window.u64()?))) else {
                return Ok(None);
            };
            start..start.saturating_add(size)
        }
    };
    let sound = !range.is_empty() && range.end <= tail_at + at as u64 && range.end - range.start <= DIRECTORY_BYTES_MAX;
    Ok(sound.then_some(range))
}

/// The signing block before the directory, as long as it is one; empty if it is not.
fn signing_block<R: Ranges>(from: &mut R, directory: u64) -> Result<Vec<u8>, R::Fault> {
    let Some(footer_at) = directory.checked_sub(SIGNING_FOOTER_BYTES as u64) else { return Ok(Vec::new()) };
    let footer = from.read(footer_at..directory)?;
    let mut window = Window::new(&footer);
    let size = window.u64().filter(|size| *size <= SIGNING_BYTES_MAX && window.rest() == SIGNING_MAGIC);
    match size.and_then(|size| directory.checked_sub(size + 8)) {
        Some(start) => from.read(start..directory),
        None => Ok(Vec::new()),
    }
}

/// A record of the directory.
struct Entry<'d> {
    name: &'d [u8],
    /// The part of fixed length.
    fixed: &'d [u8],
    compressed: u64,
    size: u64,
    local: u64,
}

/// Every record; `None` if they are not what a directory has.
fn entries(records: &[u8], directory: u64) -> Option<Vec<Entry<'_>>> {
    let mut window = Window::new(records);
    let mut entries = Vec::new();
    while window.rest().starts_with(&CENTRAL.to_le_bytes()) {
        let fixed = window.take(CENTRAL_BYTES)?;
        let mut numbers = Window::at(fixed, 20)?;
        let (compressed, size) = (numbers.u32()?, numbers.u32()?);
        let (name, extra, comment) = (numbers.u16()?, numbers.u16()?, numbers.u16()?);
        let local = Window::at(fixed, 42)?.u32()?;
        let name = window.take(usize::from(name))?;
        let extra = window.take(usize::from(extra))?;
        window.take(usize::from(comment))?;
        let mut long = Window::new(zip64(extra));
        let mut number = |short: u32| if short == u32::MAX { long.u64() } else { Some(u64::from(short)) };
        let (size, compressed, local) = (number(size)?, number(compressed)?, number(local)?);
        if local >= directory {
            return None;
        }
        entries.push(Entry { name, fixed, compressed, size, local });
    }
    Some(entries)
}

/// The numbers that did not fit into a record.
fn zip64(extra: &[u8]) -> &[u8] {
    let mut window = Window::new(extra);
    while let (Some(id), Some(length)) = (window.u16(), window.u16()) {
        let Some(field) = window.take(usize::from(length)) else { break };
        if id == ZIP64_EXTRA {
            return field;
        }
    }
    &[]
}

fn ends_in(name: &[u8], end: &str) -> bool {
    name.len()
        .checked_sub(end.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|n| n.eq_ignore_ascii_case(end.as_bytes()))
}

fn is_package(name: &[u8]) -> bool {
    ends_in(name, ".apk")
}

impl Entry<'_> {
    /// How much it says of the whole, the most first; `None` if nothing.
    fn rank(&self) -> Option<u8> {
        let text = std::str::from_utf8(self.name).unwrap_or_default();
        match self.name {
            name if name == MANIFEST.as_bytes() => Some(0),
            _ if is_signature_file(text) => Some(1),
            b"resources.arsc" if self.size <= TABLE_BYTES_MAX => Some(2),
            name if is_package(name) => Some(3),
            name if ends_in(name, ".dex") => Some(4),
            name if ends_in(name, ".so") => Some(5),
            _ => None,
        }
    }
}

/// An archive that is being made.
#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

impl Made {
    /// Adds an entry with the bytes from its local header on.
    fn push(&mut self, entry: &Entry<'_>, mut local: Vec<u8>) {
        // Both fit, as the budget does.
        let sizes = [entry.compressed, entry.size].map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        let flags = Window::at(&local, 6).and_then(|mut window| window.u16()).unwrap_or(0);
        let long =
            Window::at(&local, 18).and_then(|mut window| Some(window.u32()? == u32::MAX || window.u32()? == u32::MAX));
        if long == Some(true) && flags & FLAG_DESCRIPTOR == 0 {
            let [compressed, size] = sizes;
            put(&mut local, 18, compressed);
            put(&mut local, 22, size);
        }
        let mut record = entry.fixed.to_vec();
        let [compressed, size] = sizes;
        put(&mut record, 20, compressed);
        put(&mut record, 24, size);
        // Neither extra fields nor a comment.
        put(&mut record, 30, 0);
        put(&mut record, 42, u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.directory.append(&mut record);
        self.directory.extend_from_slice(entry.name);
        self.bytes.append(&mut local);
        self.entries += 1;
    }

    fn finish(mut self, signing: &[u8]) -> Vec<u8> {
        self.bytes.extend_from_slice(signing);
        let word = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let start = word(self.bytes.len());
        let size = word(self.directory.len());
        self.bytes.append(&mut self.directory);
        self.bytes.extend_from_slice(&END);
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&self.entries.to_le_bytes());
        self.bytes.extend_from_slice(&self.entries.to_le_bytes());
        self.bytes.extend_from_slice(&size);
        self.bytes.extend_from_slice(&start);
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes
    }
}

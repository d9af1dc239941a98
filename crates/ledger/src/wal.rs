//! The write-ahead log: the one place where a record becomes durable.
//!
//! Records are written in frames, one frame for all that came while the last was on its way to the disk. A frame
//! starts at a multiple of 512 bytes, so that no later write touches a sector of an acknowledged one, and is written
//! into a segment that was filled with zeros before, so that a commit changes no length and is one `fdatasync`.
//!
//! At most one frame is under way at a time. So after a crash a frame that cannot be read is one that nobody was told
//! of if nothing readable follows it, and damage if something does; then nothing is repaired, and the place is named.

use crate::disk::{Disk, DiskFile, TEMPORARY, ZEROS_AT_ONCE, blank};
use crate::durations::Durations;
use crate::log::Settings;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// A sector: what a disk writes whole or not at all.
const SECTOR: u64 = 512;

const SEGMENT_MAGIC: &[u8; 16] = b"interdict wal 1\n";
const FRAME_MAGIC: u32 = 0x4957_4c46;
const HEADER_BYTES: usize = 32;
const SEGMENT_HEADER_BYTES: usize = 32;

/// The longest entry: larger things go to a file of their own and leave their hash here.
pub const ENTRY_BYTES_MAX: usize = 32 * 1024;

/// The longest private part of a record: sixty-four kilobytes, a large payment message.
pub const PRIVATE_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of records in a frame; what has gathered beyond goes into the next.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a segment: about a second of writing at full speed, and a recovery reads few of them.
pub const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;

/// Bytes of a segment that are read back at once: some hundred frames of a log with little to do.
const WINDOW_BYTES: usize = 256 * 1024;

/// The folder of the segments.
pub const FOLDER: &str = "wal";

/// A segment of zeros that whoever needs one takes by renaming it.
const SPARE: &str = "wal/spare.tmp";
const SPARE_NAME: &str = "spare.tmp";

/// The segment that is being made.
const COMING: &str = "wal/coming.tmp";

/// How the name of a segment ends whose records are needed no more.
const RETIRED: &str = ".retired.tmp";

/// One record: what becomes public, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The entry of the log.
    pub entry: Vec<u8>,
    /// What only the keeper of the log holds.
    pub private: Vec<u8>,
}

impl Record {
    /// How many bytes it takes in a frame.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entry.len() + self.private.len() + 8
    }

    /// Whether it is longer than a log takes.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.entry.len() > ENTRY_BYTES_MAX || self.private.len() > PRIVATE_BYTES_MAX
    }
}

/// Why records could not be made durable, or read again.
#[derive(Debug)]
pub enum Failed {
    /// The disk is full; nothing was written, and it may be tried again.
    Full(io::Error),
    /// The disk failed in the middle: whether the records are durable is not known, and nothing more is written until
    /// the log is opened anew.
    Disk(io::Error),
    /// A segment is damaged where records were acknowledged.
    Damaged {
        /// Its file.
        segment: String,
        /// The byte at which the frame starts.
        offset: u64,
        /// The index of the first record that cannot be read.
        index: u64,
    },
    /// It is not a record, being too long.
    TooLong,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(error) => write!(f, "no room for another segment: {error}"),
            Self::Disk(error) => write!(f, "the disk failed: {error}"),
            Self::Damaged { segment, offset, index } => {
                write!(f, "{segment} is damaged at byte {offset}: the records from index {index} cannot be read")
            }
            Self::TooLong => f.write_str("a record is longer than a log takes"),
        }
    }
}

impl std::error::Error for Failed {}

/// The segment that is being written.
#[derive(Debug)]
struct Segment<F> {
    file: F,
    nonce: u32,
    offset: u64,
}

/// Writes records.
#[derive(Debug)]
pub struct Wal<D: Disk> {
    disk: D,
    segment_bytes: u64,
    chance: fn() -> [u8; 32],
    nanos: fn() -> u64,
    syncs: Arc<Durations>,
    current: Option<Segment<D::File>>,
    next: u64,
    frame: Vec<u8>,
    took_spare: bool,
    /// Whether the disk failed in the middle, so that what is in memory may not be what is on it.
    has_failed: bool,
}

fn segment_name(first: u64) -> String {
    format!("{FOLDER}/{first:020}.seg")
}

/// The segments by the index of their first record.
fn segments<D: Disk>(disk: &D) -> io::Result<Vec<u64>> {
    let names = disk.list(FOLDER)?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect())
}

fn segment_header(first: u64, nonce: u32) -> Vec<u8> {
    let mut bytes = SEGMENT_MAGIC.to_vec();
    bytes.extend(nonce.to_le_bytes());
    bytes.extend(first.to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The nonce of a segment whose header is sound and says it starts with `first`.
fn read_segment_header(bytes: &[u8], first: u64) -> Option<u32> {
    let nonce = u32::from_le_bytes(bytes.get(16..20)?.try_into().ok()?);
    bytes.starts_with(&segment_header(first, nonce)).then_some(nonce)
}

fn padded(bytes: usize) -> u64 {
    (bytes as u64).next_multiple_of(SECTOR)
}

impl<D: Disk> Wal<D> {
    /// Opens the log: finds where it ends, cuts off what was never acknowledged, and makes sure that what it found is
    /// on the disk. `first` is the index of the first record of a log that has no segments.
    ///
    /// # Errors
    /// When a segment is damaged where records were acknowledged, or the disk fails.
    pub fn open(disk: D, settings: Settings, first: u64) -> Result<Self, Failed> {
        let Settings { segment_bytes, chance, nanos, .. } = settings;
        disk.make_folder_durably(FOLDER).map_err(Failed::Disk)?;
        let syncs = Arc::new(Durations::default());
        let mut wal = Self {
            disk,
            segment_bytes,
            chance,
            nanos,
            syncs,
            current: None,
            next: first,
            frame: Vec::new(),
            took_spare: false,
            has_failed: false,
        };
        let found = segments(&wal.disk).map_err(Failed::Disk)?;
        for (position, first) in found.iter().enumerate() {
            if position == 0 {
                wal.next = *first;
            }
            wal.scan(*first, found.get(position + 1).copied())?;
        }
        Ok(wal)
    }

    /// The index of the next record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether a segment was begun since this was asked last, so that another spare is wanted.
    pub(crate) const fn took_spare(&mut self) -> bool {
        std::mem::replace(&mut self.took_spare, false)
    }

    /// How long the disk took for each commit.
    #[must_use]
    pub const fn syncs(&self) -> &Arc<Durations> {
        &self.syncs
    }

    fn scan(&mut self, first: u64, following: Option<u64>) -> Result<(), Failed> {
        let name = segment_name(first);
        let damaged = |offset, index| Failed::Damaged { segment: name.clone(), offset, index };
        if first != self.next {
            return Err(damaged(0, self.next.min(first)));
        }
        let bytes = self.disk.read(&name).map_err(Failed::Disk)?;
        let nonce = read_segment_header(&bytes, first).ok_or_else(|| damaged(0, first))?;
        let (mut offset, mut last) = (SECTOR, None);
        while let Some(frame) = Frame::read(&bytes, offset, nonce).filter(|frame| frame.first == self.next) {
            last = Some(offset..offset + padded(frame.bytes));
            offset += padded(frame.bytes);
            self.next += frame.count;
        }
        if following.is_some_and(|following| following != self.next) {
            return Err(damaged(offset, self.next));
        }
        if following.is_some() {
            return Ok(());
        }
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or(&[]);
        let later = (1..rest.len() as u64 / SECTOR).map(|sector| offset + sector * SECTOR);
        if later.into_iter().any(|at| Frame::read(&bytes, at, nonce).is_some_and(|frame| frame.first > self.next)) {
            return Err(damaged(offset, self.next));
        }
        let mut file = self.disk.open(&name).map_err(Failed::Disk)?;
        // After a failed sync the cache may hold what the disk does not. Writing the last frame again makes it so.
        if let Some(last) = last {
            let range = usize::try_from(last.start).unwrap_or(0)..usize::try_from(last.end).unwrap_or(0);
            file.write_at(last.start, bytes.get(range).unwrap_or(&[])).map_err(Failed::Disk)?;
        }
        // What is left of a frame that never became whole.
        if let Some(end) = rest.iter().rposition(|byte| *byte != 0) {
            file.write_at(offset, &vec![0; end + 1]).map_err(Failed::Disk)?;
        }
        file.sync().map_err(Failed::Disk)?;
        self.current = Some(Segment { file, nonce, offset });
        Ok(())
    }

    /// Makes records durable. When it returns without error they are, in this order, from index [`Wal::next`] on.
    ///
    /// # Errors
    /// After [`Failed::Full`] none of the records not yet counted by [`Wal::next`] is written. After [`Failed::Disk`] it is not known,
    /// and the log must be opened anew.
    pub fn append(&mut self, records: &[Record]) -> Result<(), Failed> {
        let limit = FRAME_BYTES_MAX.min(usize::try_from(self.segment_bytes / 2).unwrap_or(FRAME_BYTES_MAX));
        if records.iter().any(Record::is_too_long) {
            return Err(Failed::TooLong);
        }
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|record| {
                bytes += record.bytes();
                bytes <= limit
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            self.unless_failed(|wal| wal.commit(now))?;
            rest = later;
        }
        Ok(())
    }

    /// Does this, unless the disk has failed in the middle before.
    fn unless_failed(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Failed>) -> Result<(), Failed> {
        if self.has_failed {
            return Err(Failed::Disk(io::Error::other("it failed before, and the log was not opened anew since")));
        }
        let done = work(self);
        self.has_failed |= matches!(done, Err(Failed::Disk(_)));
        done
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), Failed> {
        let bytes: usize = HEADER_BYTES + records.iter().map(Record::bytes).sum::<usize>();
        let room = self.current.as_ref().map_or(0, |segment| self.segment_bytes.saturating_sub(segment.offset));
        if padded(bytes) > room {
            self.begin_segment()?;
        }
        let Some(segment) = &mut self.current else { return Err(Failed::Disk(ErrorKind::NotFound.into())) };
        Frame::write(&mut self.frame, segment.nonce, self.next, records);
        segment.file.write_at(segment.offset, &self.frame).map_err(Failed::Disk)?;
        let begun = (self.nanos)();
        segment.file.sync().map_err(Failed::Disk)?;
        self.syncs.add((self.nanos)().saturating_sub(begun));
        segment.offset += self.frame.len() as u64;
        self.next += records.len() as u64;
        Ok(())
    }

    /// Goes on in a new segment. The one before holds only whole frames then.
    ///
    /// # Errors
    /// When there is no room for it ([`Failed::Full`]): the present segment stays in use then. When the disk fails: as of
    /// [`Wal::append`].
    pub fn roll(&mut self) -> Result<(), Failed> {
        self.unless_failed(Self::begin_segment)
    }

    fn begin_segment(&mut self) -> Result<(), Failed> {
        let [a, b, c, d, ..] = (self.chance)();
        let nonce = u32::from_le_bytes([a, b, c, d]);
        let taken = self.disk.rename(SPARE, COMING).and_then(|()| self.disk.open(COMING));
        let mut file = match taken {
            Ok(file) => file,
            // Whoever writes waits for it.
            Err(_absent) => fill(&self.disk, COMING, self.segment_bytes, false).map_err(Failed::Full)?,
        };
        let header = segment_header(self.next, nonce);
        let name = segment_name(self.next);
        let done = file
            .write_at(0, &header)
            .and_then(|()| file.sync())
            .and_then(|()| self.disk.rename(COMING, &name))
            .and_then(|()| self.disk.sync_folder(FOLDER));
        done.map_err(Failed::Disk)?;
        self.current = Some(Segment { file, nonce, offset: SECTOR });
        self.took_spare = true;
        Ok(())
    }
}

/// Fills a file with zeros, durably, under a name that recovery ignores; `aside` lets the disk do other things meanwhile,
/// which makes it take longer.
fn fill<D: Disk>(disk: &D, path: &str, segment_bytes: u64, aside: bool) -> io::Result<D::File> {
    let mut file = disk.create(path)?;
    let zeros = vec![0; ZEROS_AT_ONCE];
    let mut offset = 0;
    while offset < segment_bytes {
        let length = usize::try_from(segment_bytes - offset).unwrap_or(ZEROS_AT_ONCE).min(ZEROS_AT_ONCE);
        file.write_at(offset, zeros.get(..length).unwrap_or(&zeros))?;
        if aside {
            file.sync()?;
        }
        offset += length as u64;
    }
    file.sync()?;
    Ok(file)
}

fn has_spare<D: Disk>(disk: &D) -> io::Result<bool> {
    Ok(disk.list(FOLDER)?.iter().any(|name| *name == SPARE_NAME))
}

/// Prepares the next segment if there is none yet, so that the writer need not wait for it.
///
/// # Errors
/// When there is no room.
pub fn prepare_spare<D: Disk>(disk: &D, segment_bytes: u64) -> io::Result<()> {
    if has_spare(disk)? {
        return Ok(());
    }
    let filling = format!("{SPARE}{TEMPORARY}");
    fill(disk, &filling, segment_bytes, true)?;
    disk.rename(&filling, SPARE)
}

/// Removes the segments all of whose records lie below `index`, except the last; they are overwritten first, since
/// they hold what somebody may ask to have erased. One of them becomes the spare if there is none.
///
/// # Errors
/// When the disk fails.
pub(crate) fn retire<D: Disk>(disk: &D, index: u64) -> io::Result<usize> {
    let found = segments(disk)?;
    let done = found.iter().zip(found.iter().skip(1)).filter(|(_, following)| **following <= index);
    let done: Vec<u64> = done.map(|(first, _)| *first).collect();
    for first in &done {
        disk.rename(&segment_name(*first), &format!("{FOLDER}/{first:020}{RETIRED}"))?;
        // One by one: if the power goes, an older one must not be there while a later one is gone.
        disk.sync_folder(FOLDER)?;
    }
    // Those of an interrupted time before, too.
    for name in disk.list(FOLDER)?.iter().filter(|name| name.ends_with(RETIRED)) {
        let path = format!("{FOLDER}/{name}");
        blank(disk, &path)?;
        if has_spare(disk)? { disk.remove(&path) } else { disk.rename(&path, SPARE) }?;
    }
    Ok(done.len())
}

/// Overwrites and removes every segment of a log that has ended with `size` published entries; `false`, and nothing is
/// done, if it has records that are not published.
///
/// # Errors
/// When the disk fails.
pub(crate) fn discard<D: Disk>(disk: &D, size: u64) -> io::Result<bool> {
    let has_more = Cursor::start(disk)?.read(disk, size + 1, u64::MAX, |_index, _record| {}).is_ok();
    let names = disk.list(FOLDER)?;
    if names.is_empty() || has_more {
        return Ok(names.is_empty());
    }
    for name in names {
        let path = format!("{FOLDER}/{name}");
        blank(disk, &path)?;
        disk.remove(&path)?;
    }
    disk.sync_folder(FOLDER)?;
    Ok(true)
}

/// Whether a record may still stand in a segment.
///
/// # Errors
/// When the disk fails.
pub fn holds<D: Disk>(disk: &D, index: u64) -> io::Result<bool> {
    let retiring = disk.list(FOLDER)?.iter().any(|name| name.ends_with(RETIRED));
    Ok(retiring || segments(disk)?.first().is_some_and(|first| *first <= index))
}

/// A place in the log from which to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    segment: u64,
    offset: u64,
    next: u64,
}

impl Cursor {
    /// At the beginning of what there is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn start<D: Disk>(disk: &D) -> io::Result<Self> {
        let first = segments(disk)?.first().copied().unwrap_or(0);
        Ok(Self { segment: first, offset: SECTOR, next: first })
    }

    /// The index of the record it stands before.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Goes on to the segment that starts with the next record, if there is one.
    fn follow<D: Disk>(&mut self, disk: &D) -> Result<bool, Failed> {
        let more = self.segment != self.next && segments(disk).map_err(Failed::Disk)?.contains(&self.next);
        if more {
            (self.segment, self.offset) = (self.next, SECTOR);
        }
        Ok(more)
    }

    /// Reads frames back from the file, not from memory, until the index `until` or `count` records; `each` is given
    /// the index of each record and the record.
    ///
    /// # Errors
    /// When a frame that was acknowledged cannot be read.
    pub fn read<D: Disk>(
        &mut self,
        disk: &D,
        until: u64,
        count: u64,
        mut each: impl FnMut(u64, Record),
    ) -> Result<(), Failed> {
        self.read_while(disk, until, count, |index, record| {
            each(index, record);
            true
        })
    }

    /// The same, and no further than the frame of the record after which `each` says that it wants no more.
    pub(crate) fn read_while<D: Disk>(
        &mut self,
        disk: &D,
        until: u64,
        count: u64,
        mut each: impl FnMut(u64, Record) -> bool,
    ) -> Result<(), Failed> {
        let stop = until.min(self.next.saturating_add(count));
        let mut open: Option<(u64, u32, Window<D::File>)> = None;
        while self.next < stop {
            let name = segment_name(self.segment);
            let damaged = |offset, index| Failed::Damaged { segment: name.clone(), offset, index };
            if open.as_ref().is_none_or(|(segment, ..)| *segment != self.segment) {
                let file = match disk.open(&name) {
                    Ok(file) => file,
                    // All of it was read, so it may be retired by now.
                    Err(error) if error.kind() == ErrorKind::NotFound && self.follow(disk)? => continue,
                    Err(error) => return Err(Failed::Disk(error)),
                };
                let mut window = Window { file, offset: 0, bytes: Vec::new() };
                let header = window.at(0, SEGMENT_HEADER_BYTES).map_err(Failed::Disk)?;
                let nonce = read_segment_header(header, self.segment).ok_or_else(|| damaged(0, self.segment))?;
                open = Some((self.segment, nonce, window));
            }
            let Some((_, nonce, window)) = &mut open else { break };
            let head = window.at(self.offset, HEADER_BYTES).map_err(Failed::Disk)?;
            let length = Frame::length(head).unwrap_or(0);
            let bytes = window.at(self.offset, length).map_err(Failed::Disk)?;
            let frame = Frame::read(bytes, 0, *nonce).filter(|frame| frame.first == self.next);
            match frame {
                Some(frame) => {
                    let records = frame.records().ok_or_else(|| damaged(self.offset, self.next))?;
                    let mut may_be_more = true;
                    for record in records {
                        may_be_more = each(self.next, record);
                        self.next += 1;
                    }
                    self.offset += padded(frame.bytes);
                    if !may_be_more {
                        break;
                    }
                }
                None => {
                    if !self.follow(disk)? {
                        return Err(damaged(self.offset, self.next));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What was read of a file last. Most frames are small, and to read each by itself would keep whoever writes from the
/// processor.
struct Window<F> {
    file: F,
    offset: u64,
    bytes: Vec<u8>,
}

impl<F: DiskFile> Window<F> {
    /// At least so many bytes from an offset on, or all there are.
    fn at(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let skipped = offset.checked_sub(self.offset).and_then(|skipped| usize::try_from(skipped).ok());
        let has = skipped.is_some_and(|skipped| skipped + length <= self.bytes.len());
        if !has {
            self.bytes.resize(length.max(WINDOW_BYTES), 0);
            let got = self.file.read_at(offset, &mut self.bytes)?;
            self.bytes.truncate(got);
            self.offset = offset;
        }
        let from = if has { skipped.unwrap_or(0) } else { 0 };
        Ok(self.bytes.get(from..).unwrap_or(&[]))
    }
}

/// A frame in the bytes of a segment.
struct Frame<'a> {
    first: u64,
    count: u64,
    /// Header and records, without the padding.
    bytes: usize,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    fn write(into: &mut Vec<u8>, nonce: u32, first: u64, records: &[Record]) {
        into.clear();
        into.resize(HEADER_BYTES, 0);
        for record in records {
            for part in [&record.entry, &record.private] {
                into.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
                into.extend_from_slice(part);
            }
        }
        let payload = u32::try_from(into.len() - HEADER_BYTES).unwrap_or(u32::MAX);
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(FRAME_MAGIC.to_le_bytes());
        header.extend(payload.to_le_bytes());
        header.extend(first.to_le_bytes());
        header.extend(count.to_le_bytes());
        header.extend(nonce.to_le_bytes());
        let sum = crc32c::crc32c_append(crc32c::crc32c(&header), into.get(HEADER_BYTES..).unwrap_or(&[]));
        header.extend(sum.to_le_bytes());
        for (to, from) in into.iter_mut().zip(header) {
            *to = from;
        }
        into.resize(usize::try_from(padded(into.len())).unwrap_or(usize::MAX), 0);
    }

    /// How long a frame with this header is, if it is the header of one.
    fn length(head: &[u8]) -> Option<usize> {
        let word = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        (word(0)? == FRAME_MAGIC).then(|| word(4)).flatten().map(|payload| HEADER_BYTES + payload as usize)
    }

    fn read(bytes: &'a [u8], offset: u64, nonce: u32) -> Option<Self> {
        let bytes = bytes.get(usize::try_from(offset).ok()?..)?;
        let length = Self::length(bytes)?;
        let (head, payload) = bytes.get(..length)?.split_at_checked(HEADER_BYTES)?;
        let word = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let sum = crc32c::crc32c_append(crc32c::crc32c(head.get(..24)?), payload);
        let first = u64::from_le_bytes(head.get(8..16)?.try_into().ok()?);
        (word(20)? == nonce && word(24)? == sum).then_some(())?;
        Some(Self { first, count: u64::from(word(16)?), bytes: length, payload })
    }

    fn records(&self) -> Option<Vec<Record>> {
        let mut rest = self.payload;
        let mut part = || {
            let (length, after) = rest.split_first_chunk()?;
            let (part, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(part.to_vec())
        };
        let mut records = Vec::new();
        for _ in 0..self.count {
            records.push(Record { entry: part()?, private: part()? });
        }
        rest.is_empty().then_some(records)
    }
}

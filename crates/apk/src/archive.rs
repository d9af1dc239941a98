//! The zip archive: which entry is where, and its content, within budgets.
//!
//! Android's reader decides what the archive says: the end record is the last one in the file and its
//! comment ends the file; the central directory decides names, sizes and methods; a local header only
//! says where the content starts, and has to agree. What Android refuses is a [`Fault`]; what it reads
//! past is an [`Oddity`]. Every entry is located once, in [`Archive::open`].

use crate::oddity::{Kind, Oddity};
use crate::window::{Window, index};
use flate2::{Decompress, FlushDecompress, Status};
use foldhash::{HashMap, HashMapExt};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// An archive without ZIP64 cannot count further.
pub const ENTRIES_MAX: usize = 65_535;
/// The largest single file of a package that anyone looks into; a game's assets are larger and are not read.
pub const ENTRY_BYTES_MAX: u64 = 512 << 20;
/// All content read from one archive: a few times the largest base package a store accepts.
pub const TOTAL_BYTES_MAX: u64 = 4 << 30;
/// Inflated to deflated; code and resources stay under 20, and deflate itself ends at 1,032.
pub const RATIO_MAX: u64 = 300;
/// Up to this size an entry may have any ratio: an empty texture is not an attack.
pub const RATIO_FREE_BYTES: u64 = 16 << 20;

/// One chunk of inflated content: fits the second-level cache beside its input.
const CHUNK_BYTES: usize = 64 << 10;

const LOCAL: u32 = 0x0403_4b50;
pub(crate) const CENTRAL: u32 = 0x0201_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
pub(crate) const END: [u8; 4] = *b"PK\x05\x06";
pub(crate) const ZIP64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
pub(crate) const END_BYTES: usize = 22;
pub(crate) const LOCAL_BYTES: usize = 30;
pub(crate) const CENTRAL_BYTES: usize = 46;
pub(crate) const COMMENT_BYTES_MAX: usize = 65_535;
pub(crate) const ZIP64_LOCATOR_BYTES: usize = 20;
pub(crate) const ZIP64_EXTRA: u16 = 0x0001;
const FLAG_ENCRYPTED: u16 = 1;
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
pub(crate) const SIGNING_MAGIC: &[u8; 16] = b"APK Sig Block 42";
/// Size field, then the magic, directly before the central directory.
pub(crate) const SIGNING_FOOTER_BYTES: usize = 24;

/// How much may be read, and no more. The default is [`ENTRIES_MAX`] and its neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// Entries in the archive.
    pub entries_max: usize,
    /// Bytes of content of one entry.
    pub entry_bytes_max: u64,
    /// Bytes of content read from the archive in all, repeated reads counted again.
    pub total_bytes_max: u64,
    /// Inflated size over deflated size, beyond [`RATIO_FREE_BYTES`].
    pub ratio_max: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            entries_max: ENTRIES_MAX,
            entry_bytes_max: ENTRY_BYTES_MAX,
            total_bytes_max: TOTAL_BYTES_MAX,
            ratio_max: RATIO_MAX,
        }
    }
}

/// Why a package, or one entry of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No end record: not a zip archive, or cut short.
    NoEnd,
    /// Bytes follow the end record, or a second one hides in its comment.
    EndUnclear,
    /// ZIP64, which neither Android's installer nor its signature schemes accept.
    Zip64,
    /// The central directory is not where the end record says.
    DirectoryMissing,
    /// The numbered entry of the central directory is cut short or has no signature.
    DirectoryBroken {
        /// Which, from zero.
        entry: usize,
    },
    /// A name that is not UTF-8, is empty or contains NUL.
    NameMalformed {
        /// Which, from zero.
        entry: usize,
    },
    /// Two entries of one name: readers disagree which counts, and Android refuses.
    DuplicateName(String),
    /// The archive has no entries.
    Empty,
    /// The package has no entry of this name.
    Absent(String),
    /// The entry cannot be read, for this reason.
    Unreadable(String, Kind),
    /// The content does not inflate to the size it is said to have.
    Inflate(String),
    /// A budget is used up.
    Budget {
        /// The entry, or what else was counted.
        what: String,
        /// The member of [`Budgets`] (or a module's constant) that says how much.
        budget: &'static str,
        /// How much.
        max: u64,
    },
    /// A file of the package is not what its format requires.
    Format {
        /// The file.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEnd => f.write_str("no zip end record: not a package, or cut short"),
            Self::EndUnclear => f.write_str("bytes follow the zip end record, or its comment holds a second one"),
            Self::Zip64 => f.write_str("a ZIP64 archive, which Android does not install"),
            Self::DirectoryMissing => f.write_str("the central directory is not where the end record says"),
            Self::DirectoryBroken { entry } => write!(f, "entry {entry} of the central directory is broken"),
            Self::NameMalformed { entry } => {
                write!(f, "entry {entry} has a name that is empty, not UTF-8 or contains NUL")
            }
            Self::DuplicateName(name) => write!(f, "two entries named `{name}`"),
            Self::Empty => f.write_str("the archive has no entries"),
            Self::Absent(name) => write!(f, "no entry `{name}`"),
            Self::Unreadable(name, kind) => write!(f, "`{name}` cannot be read: {kind}"),
            Self::Inflate(name) => write!(f, "`{name}` does not inflate to the size it is said to have"),
            Self::Budget { what, budget, max } => write!(f, "{what} exceeds {budget} = {max}"),
            Self::Format { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

/// How an entry's content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflated.
    Deflated,
    /// Any other method, which Android reads as stored.
    Unknown(u16),
}

/// One file of the archive, as the central directory describes it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// How its content is kept.
    pub method: Method,
    /// The general-purpose flags of the central directory.
    pub flags: u16,
    /// CRC-32 of the content, as stated.
    pub crc32: u32,
    /// Size in the archive, as stated.
    pub compressed_size: u64,
    /// Size of the content, as stated.
    pub size: u64,
    /// Its record in the central directory.
    pub central: Range<usize>,
    /// Local header, content and data descriptor. Empty if there is no local header.
    pub extent: Range<usize>,
    /// The content as it is kept. Empty if the entry is unreadable.
    pub data: Range<usize>,
    index: u32,
    unreadable: Option<Kind>,
}

/// Content of an entry.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// The bytes; borrowed if the entry is stored.
    pub bytes: Cow<'a, [u8]>,
    /// Whether they have the CRC-32 the entry states. Android does not look.
    pub crc_matches: bool,
}

/// Where the parts of the archive are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The central directory.
    pub central: Range<usize>,
    /// The end record with its comment, to the end of the file.
    pub end: Range<usize>,
    /// The APK Signing Block, sizes and magic included.
    pub signing: Option<Range<usize>>,
}

/// An archive whose entries have all been located.
#[derive(Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry<'a>>,
    named: HashMap<&'a str, u32>,
    oddities: Vec<Oddity>,
    gaps: Vec<Range<usize>>,
    layout: Layout,
    budgets: Budgets,
    read_bytes: AtomicU64,
}

impl<'a> Archive<'a> {
    /// Finds every entry. Nothing is inflated.
    ///
    /// # Errors
    /// A [`Fault`] if Android would refuse the file as a whole, or a budget is too small.
    pub fn open(bytes: &'a [u8], budgets: &Budgets) -> Result<Self, Fault> {
        let end = End::find(bytes)?;
        let mut oddities = end.oddities();
        let central = end.directory.clone();
        let mut entries = read_directory(bytes, &end, budgets, &mut oddities)?;
        let signing = find_signing_block(bytes, central.start, &mut oddities);
        for entry in &mut entries {
            locate(bytes, central.start, entry, &mut oddities);
        }
        let mut named = HashMap::with_capacity(entries.len());
        for (entry, number) in entries.iter().zip(0_u32..) {
            if named.insert(entry.name, number).is_some() {
                return Err(Fault::DuplicateName(String::from(entry.name)));
            }
        }
        let limit = signing.as_ref().map_or(central.start, |block| block.start);
        let gaps = lay_out(bytes, limit, &entries, &mut oddities);
        oddities.sort_unstable();
        oddities.dedup();
        let layout = Layout { central, end: end.record, signing };
        Ok(Self { bytes, entries, named, oddities, gaps, layout, budgets: *budgets, read_bytes: AtomicU64::new(0) })
    }

    /// The whole file.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The entries, in the order of the central directory.
    #[must_use]
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// The entry of this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.named.get(name).and_then(|&number| self.entries.get(index(number)))
    }

    /// Everything odd about the archive, sorted.
    #[must_use]
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Runs of bytes before the signing block or directory that belong to no entry, in order.
    #[must_use]
    pub fn gaps(&self) -> &[Range<usize>] {
        &self.gaps
    }

    /// Where the parts are.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The bytes of a span of this archive; empty if it is not one.
    #[must_use]
    pub fn span(&self, span: &Range<usize>) -> &'a [u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    /// The code, in the order Android loads it: `classes.dex`, `classes2.dex` and so on until one is missing.
    pub fn dex(&self) -> impl Iterator<Item = &Entry<'a>> {
        let first = std::iter::once(String::from("classes.dex"));
        let more = (2_u32..).map(|number| format!("classes{number}.dex"));
        first.chain(more).map_while(|name| self.entry(&name))
    }

    /// The content of the entry of this name.
    ///
    /// # Errors
    /// As [`Archive::read`]; [`Fault::Absent`] if there is none.
    pub fn read_named(&self, name: &str) -> Result<Content<'a>, Fault> {
        self.read(self.entry(name).ok_or_else(|| Fault::Absent(String::from(name)))?)
    }

    /// The content of an entry of this archive.
    ///
    /// # Errors
    /// [`Fault::Unreadable`] if Android cannot read it either, [`Fault::Inflate`] if the content is not
    /// what is stated, [`Fault::Budget`] if a budget is used up.
    pub fn read(&self, entry: &Entry<'a>) -> Result<Content<'a>, Fault> {
        self.read_while(entry, &mut |_bytes| true)
    }

    /// The same as long as the caller goes along: it is told of each stretch that was inflated, and may end it there.
    ///
    /// # Errors
    /// As [`Archive::read`], and [`Fault::Budget`] where the caller did not go along.
    pub fn read_while(&self, entry: &Entry<'a>, goes_on: &mut dyn FnMut(usize) -> bool) -> Result<Content<'a>, Fault> {
        let kept = self.admit(entry)?;
        match entry.method {
            Method::Stored | Method::Unknown(_) => {
                Ok(Content { crc_matches: crc32fast::hash(kept) == entry.crc32, bytes: Cow::Borrowed(kept) })
            }
            Method::Deflated => {
                // A false size must not make us reserve more than deflate could ever fill.
                let reserve = entry.size.min(entry.compressed_size.saturating_mul(1_032));
                let mut bytes = Vec::with_capacity(usize::try_from(reserve).unwrap_or(0));
                let crc32 = inflate(entry, kept, &mut |chunk| {
                    bytes.extend_from_slice(chunk);
                    goes_on(chunk.len())
                })?;
                Ok(Content { crc_matches: crc32 == entry.crc32, bytes: Cow::Owned(bytes) })
            }
        }
    }

    /// Shows the content of an entry in chunks, so that it need not be held. True if its CRC-32 is as stated.
    ///
    /// # Errors
    /// As [`Archive::read`]; chunks already shown are then void.
    pub fn visit(&self, entry: &Entry<'a>, show: &mut dyn FnMut(&[u8])) -> Result<bool, Fault> {
        let kept = self.admit(entry)?;
        match entry.method {
            Method::Stored | Method::Unknown(_) => {
                show(kept);
                Ok(crc32fast::hash(kept) == entry.crc32)
            }
            Method::Deflated => {
                let mut show = |chunk: &[u8]| {
                    show(chunk);
                    true
                };
                inflate(entry, kept, &mut show).map(|crc32| crc32 == entry.crc32)
            }
        }
    }

    /// The bytes kept for an entry, once its size has been paid for.
    fn admit(&self, entry: &Entry<'a>) -> Result<&'a [u8], Fault> {
        if let Some(kind) = entry.unreadable {
            return Err(Fault::Unreadable(String::from(entry.name), kind));
        }
        let over = |budget, max| Err(Fault::Budget { what: format!("`{}`", entry.name), budget, max });
        if entry.size > self.budgets.entry_bytes_max {
            return over("entry_bytes_max", self.budgets.entry_bytes_max);
        }
        let ratio = entry.size / entry.compressed_size.max(1);
        if entry.method == Method::Deflated && entry.size > RATIO_FREE_BYTES && ratio > self.budgets.ratio_max {
            return over("ratio_max", self.budgets.ratio_max);
        }
        let before = self.read_bytes.fetch_add(entry.size, Ordering::Relaxed);
        if before.saturating_add(entry.size) > self.budgets.total_bytes_max {
            self.read_bytes.fetch_sub(entry.size, Ordering::Relaxed);
            return over("total_bytes_max", self.budgets.total_bytes_max);
        }
        Ok(self.span(&entry.data))
    }
}

/// The end record and what it says.
struct End {
    record: Range<usize>,
    directory: Range<usize>,
    entries: usize,
    several_disks: bool,
}

impl End {
    /// The last end record of the file. Its comment must end the file and hold no second one, since some
    /// readers search from the front of the comment and some from the back.
    fn find(bytes: &[u8]) -> Result<Self, Fault> {
        let last = bytes.len().checked_sub(END_BYTES).ok_or(Fault::NoEnd)?;
        let first = last.saturating_sub(COMMENT_BYTES_MAX);
        let at = (first..=last)
            .rev()
            .find(|&at| bytes.get(at..).is_some_and(|tail| tail.starts_with(&END)))
            .ok_or(Fault::NoEnd)?;
        let mut window = Window::at(bytes, at + END.len()).ok_or(Fault::NoEnd)?;
        let mut short = || window.u16().ok_or(Fault::NoEnd);
        let (disk, directory_disk) = (short()?, short()?);
        let (entries_here, entries) = (short()?, short()?);
        let size = index(window.u32().ok_or(Fault::NoEnd)?);
        let start = index(window.u32().ok_or(Fault::NoEnd)?);
        let comment = usize::from(window.u16().ok_or(Fault::NoEnd)?);
        if window.rest().len() != comment {
            return Err(Fault::EndUnclear);
        }
        // A comment long enough to reach a second record further back is the same trick from the other side.
        let reaches = |at: usize| {
            let mut tail = Window::at(bytes, at + END_BYTES - 2)?;
            let length = usize::from(tail.u16()?);
            Some(tail.rest().len() == length)
        };
        let earlier = (first..at).filter(|&at| bytes.get(at..).is_some_and(|tail| tail.starts_with(&END)));
        if earlier.into_iter().any(|at| reaches(at) == Some(true)) {
            return Err(Fault::EndUnclear);
        }
        let locator = at.checked_sub(ZIP64_LOCATOR_BYTES).and_then(|at| bytes.get(at..));
        if locator.is_some_and(|bytes| bytes.starts_with(&ZIP64_LOCATOR)) || start == index(u32::MAX) {
            return Err(Fault::Zip64);
        }
        let end = start.checked_add(size).filter(|&end| end <= at).ok_or(Fault::DirectoryMissing)?;
        if entries == 0 {
            return Err(Fault::Empty);
        }
        let several_disks = disk != 0 || directory_disk != 0 || entries_here != entries;
        let entries = usize::from(entries);
        Ok(Self { record: at..bytes.len(), directory: start..end, entries, several_disks })
    }

    fn oddities(&self) -> Vec<Oddity> {
        let found = [
            (self.several_disks, Kind::SeveralDisks),
            (self.directory.end < self.record.start, Kind::GapBeforeEnd),
            (self.record.len() > END_BYTES, Kind::Comment),
        ];
        found.into_iter().filter(|&(odd, _)| odd).map(|(_, kind)| Oddity { kind, entry: None }).collect()
    }
}

fn read_directory<'a>(
    bytes: &'a [u8],
    end: &End,
    budgets: &Budgets,
    oddities: &mut Vec<Oddity>,
) -> Result<Vec<Entry<'a>>, Fault> {
    if end.entries > budgets.entries_max {
        let max = u64::try_from(budgets.entries_max).unwrap_or(u64::MAX);
        return Err(Fault::Budget { what: String::from("the archive"), budget: "entries_max", max });
    }
    // Checked before anything is reserved: each entry takes at least this much.
    if end.entries.saturating_mul(CENTRAL_BYTES) > end.directory.len() {
        return Err(Fault::DirectoryBroken { entry: end.directory.len() / CENTRAL_BYTES });
    }
    let mut at = end.directory.start;
    let mut entries = Vec::with_capacity(end.entries);
    for (number, position) in (0_u32..).zip(0..end.entries) {
        let directory = bytes.get(at..end.directory.end).ok_or(Fault::DirectoryBroken { entry: position })?;
        let (entry, extra) = read_central(directory, at, number).ok_or(Fault::DirectoryBroken { entry: position })?;
        if entry.name.is_empty() || entry.name.contains('\0') {
            return Err(Fault::NameMalformed { entry: position });
        }
        let mut odd = |kind| oddities.push(Oddity { kind, entry: Some(number) });
        match extra_fields(extra) {
            None => odd(Kind::ExtraMalformed),
            Some(true) => odd(Kind::Zip64Extra),
            Some(false) => {}
        }
        if entry.flags & FLAG_ENCRYPTED != 0 {
            odd(Kind::EncryptedFlag);
        }
        if matches!(entry.method, Method::Unknown(_)) {
            odd(Kind::UnknownMethod);
        }
        if entry.method != Method::Deflated && entry.size != entry.compressed_size {
            odd(Kind::StoredSizesDiffer);
        }
        if is_unsafe(entry.name) {
            odd(Kind::UnsafeName);
        }
        at = entry.central.end;
        entries.push(entry);
    }
    if at < end.directory.end {
        oddities.push(Oddity { kind: Kind::DirectoryTail, entry: None });
    }
    Ok(entries)
}

/// One record of the directory and its extra fields. The position of its local header waits in `extent`,
/// until [`locate`] has looked there. A name that is not UTF-8 comes back empty.
fn read_central<'a>(directory: &'a [u8], at: usize, number: u32) -> Option<(Entry<'a>, &'a [u8])> {
    let mut window = Window::new(directory);
    if window.u32()? != CENTRAL {
        return None;
    }
    window.take(4)?;
    let flags = window.u16()?;
    let method = match window.u16()? {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => Method::Unknown(other),
    };
    window.take(4)?;
    let crc32 = window.u32()?;
    let (compressed, size) = (window.u32()?, window.u32()?);
    let name_length = usize::from(window.u16()?);
    let extra_length = usize::from(window.u16()?);
    let comment_length = usize::from(window.u16()?);
    window.take(8)?;
    let local = window.u32()?;
    let name = std::str::from_utf8(window.take(name_length)?).unwrap_or_default();
    let extra = window.take(extra_length)?;
    window.take(comment_length)?;
    let large = [compressed, size, local].contains(&u32::MAX);
    let length = directory.len() - window.rest().len();
    let entry = Entry {
        name,
        method,
        flags,
        crc32,
        compressed_size: u64::from(compressed),
        size: u64::from(size),
        central: at..at + length,
        extent: index(local)..index(local),
        data: 0..0,
        index: number,
        unreadable: large.then_some(Kind::Zip64Sizes),
    };
    Some((entry, extra))
}

/// Whether there is a ZIP64 field among the extra fields; `None` if they do not add up.
fn extra_fields(extra: &[u8]) -> Option<bool> {
    let mut window = Window::new(extra);
    let mut zip64 = false;
    while !window.is_empty() {
        zip64 |= window.u16()? == ZIP64_EXTRA;
        let length = usize::from(window.u16()?);
        window.take(length)?;
    }
    Some(zip64)
}

fn is_unsafe(name: &str) -> bool {
    name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..")
}

/// Follows an entry to its local header and fixes its extent and content.
fn locate(bytes: &[u8], limit: usize, entry: &mut Entry<'_>, oddities: &mut Vec<Oddity>) {
    let number = entry.index;
    let mut odd = |kind| oddities.push(Oddity { kind, entry: Some(number) });
    let local = bytes.get(..limit).and_then(|bytes| Local::read(bytes, entry.extent.start));
    let (Some(local), None) = (local, entry.unreadable) else {
        let kind = entry.unreadable.unwrap_or(Kind::LocalHeaderMissing);
        odd(kind);
        entry.unreadable = Some(kind);
        entry.extent = 0..0;
        return;
    };
    let described = local.flags & FLAG_DESCRIPTOR != 0;
    let sizes = (entry.crc32, entry.compressed_size, entry.size);
    if local.name != entry.name.as_bytes() {
        entry.unreadable = Some(Kind::LocalNameDiffers);
    } else if !described && (local.crc32, u64::from(local.compressed), u64::from(local.size)) != sizes {
        entry.unreadable = Some(Kind::LocalSizesDiffer);
    }
    if local.method != entry.method {
        odd(Kind::LocalMethodDiffers);
    }
    if local.flags != entry.flags {
        odd(Kind::LocalFlagsDiffer);
    }
    let length = match entry.method {
        Method::Stored | Method::Unknown(_) => entry.size,
        Method::Deflated => entry.compressed_size,
    };
    let end = usize::try_from(length).ok().and_then(|length| local.data.checked_add(length));
    match end.filter(|&end| end <= limit) {
        None => {
            entry.unreadable = Some(Kind::DataOutOfRange);
            entry.extent = entry.extent.start..local.data;
        }
        Some(end) => {
            let descriptor = if described { descriptor_length(bytes, end, entry) } else { Some(0) };
            if descriptor.is_none() {
                odd(Kind::DescriptorWrong);
            }
            entry.extent = entry.extent.start..end + descriptor.unwrap_or(0);
            entry.data = local.data..end;
        }
    }
    if let Some(kind) = entry.unreadable {
        odd(kind);
        entry.data = 0..0;
    }
}

/// What a local header says.
struct Local<'a> {
    name: &'a [u8],
    flags: u16,
    method: Method,
    crc32: u32,
    compressed: u32,
    size: u32,
    /// Where the content starts.
    data: usize,
}

impl<'a> Local<'a> {
    fn read(bytes: &'a [u8], at: usize) -> Option<Self> {
        let mut window = Window::at(bytes, at)?;
        if window.u32()? != LOCAL {
            return None;
        }
        window.take(2)?;
        let flags = window.u16()?;
        let method = match window.u16()? {
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Unknown(other),
        };
        window.take(4)?;
        let (crc32, compressed, size) = (window.u32()?, window.u32()?, window.u32()?);
        let (name_length, extra_length) = (usize::from(window.u16()?), usize::from(window.u16()?));
        let name = window.take(name_length)?;
        window.take(extra_length)?;
        Some(Self { name, flags, method, crc32, compressed, size, data: at + LOCAL_BYTES + name_length + extra_length })
    }
}

/// The length of the descriptor behind an entry's content, with or without its optional signature.
fn descriptor_length(bytes: &[u8], at: usize, entry: &Entry<'_>) -> Option<usize> {
    let matches = |at: usize| {
        let mut window = Window::at(bytes, at)?;
        let stated = (window.u32()?, u64::from(window.u32()?), u64::from(window.u32()?));
        Some(stated == (entry.crc32, entry.compressed_size, entry.size))
    };
    let signed = Window::at(bytes, at).and_then(|mut window| window.u32()) == Some(DESCRIPTOR);
    if signed && matches(at + 4) == Some(true) {
        return Some(16);
    }
    (matches(at) == Some(true)).then_some(12)
}

/// The block directly before the central directory, if there is one.
fn find_signing_block(bytes: &[u8], central: usize, oddities: &mut Vec<Oddity>) -> Option<Range<usize>> {
    let mut footer = Window::at(bytes, central.checked_sub(SIGNING_FOOTER_BYTES)?)?;
    let size = footer.u64()?;
    if footer.take(SIGNING_MAGIC.len())? != SIGNING_MAGIC {
        return None;
    }
    let start = usize::try_from(size).ok().and_then(|size| central.checked_sub(size.checked_add(8)?));
    let same = |&start: &usize| Window::at(bytes, start).and_then(|mut window| window.u64()) == Some(size);
    let block = start.filter(same).filter(|&start| central - start >= SIGNING_FOOTER_BYTES + 8);
    if block.is_none() {
        oddities.push(Oddity { kind: Kind::SigningBlockMalformed, entry: None });
    }
    block.map(|start| start..central)
}

/// Finds overlaps and the gaps between entries.
fn lay_out(bytes: &[u8], limit: usize, entries: &[Entry<'_>], oddities: &mut Vec<Oddity>) -> Vec<Range<usize>> {
    let mut order: Vec<&Entry<'_>> = entries.iter().filter(|entry| !entry.extent.is_empty()).collect();
    order.sort_unstable_by_key(|entry| (entry.extent.start, entry.extent.end, entry.index));
    let mut gaps = Vec::new();
    let (mut covered, mut last) = (0, None);
    for entry in order {
        if entry.extent.start < covered || entry.extent.end > limit {
            oddities.push(Oddity { kind: Kind::Overlap, entry: Some(entry.index) });
            if let (true, Some(last)) = (entry.extent.start < covered, last) {
                oddities.push(Oddity { kind: Kind::Overlap, entry: Some(last) });
            }
        } else if entry.extent.start > covered {
            gaps.push(covered..entry.extent.start);
        }
        if entry.extent.end > covered {
            covered = entry.extent.end;
            last = Some(entry.index);
        }
    }
    if covered < limit {
        gaps.push(covered..limit);
    }
    for gap in &gaps {
        let zeros = bytes.get(gap.clone()).is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0));
        if gap.start == 0 {
            oddities.push(Oddity { kind: Kind::Prefix, entry: None });
        } else if !zeros {
            oddities.push(Oddity { kind: Kind::HiddenBytes, entry: None });
        }
    }
    gaps
}

/// Inflates to exactly the stated size and gives the CRC-32. A byte more or less is a fault, as in Android.
fn inflate(entry: &Entry<'_>, kept: &[u8], show: &mut dyn FnMut(&[u8]) -> bool) -> Result<u32, Fault> {
    let wrong = || Fault::Inflate(String::from(entry.name));
    let mut stream = Decompress::new(false);
    let mut crc = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(entry.size).unwrap_or(CHUNK_BYTES).max(1))];
    loop {
        let (read_before, written_before) = (stream.total_in(), stream.total_out());
        let rest = usize::try_from(read_before).ok().and_then(|at| kept.get(at..)).ok_or_else(wrong)?;
        let status = stream.decompress(rest, &mut chunk, FlushDecompress::None).map_err(|_corrupt| wrong())?;
        let written = stream.total_out() - written_before;
        if stream.total_out() > entry.size {
            return Err(wrong());
        }
        let fresh = usize::try_from(written).ok().and_then(|length| chunk.get(..length)).ok_or_else(wrong)?;
        crc.update(fresh);
        if !show(fresh) {
            let what = format!("`{}`", entry.name);
            return Err(Fault::Budget { what, budget: "its reader's", max: stream.total_out() });
        }
        match status {
            Status::StreamEnd if stream.total_out() == entry.size => return Ok(crc.finalize()),
            Status::StreamEnd => return Err(wrong()),
            Status::Ok | Status::BufError if written == 0 && stream.total_in() == read_before => return Err(wrong()),
            Status::Ok | Status::BufError => {}
        }
    }
}

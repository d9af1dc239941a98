//! Archives within archives, down to the files that hold code, within budgets. What a file is, its first bytes
//! tell; a name decides only where text has no mark of its own.

use crate::artefact::{Budgets, Names, Unclear, hex};
use crate::work::Work;
use crate::{class, plist};
use apk::archive::{Archive, Fault, Method};
use apk::{Manifest, signing};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::Read;

/// Bytes of a header of a tar archive, and of its blocks.
const TAR_BLOCK: usize = 512;
/// Inflated size over deflated size beyond which a stream is a bomb.
const RATIO_MAX: u64 = 300;
/// A stream may inflate to this much whatever its own size.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Inflated between two counts of work.
const CHUNK_BYTES: u64 = 1 << 20;
/// Packages, bundles and certificates in one artefact, of each kind: a store's whole catalogue is no artefact.
const NAMES_MAX: usize = 10_000;
/// Scripts shorter than this hold nothing worth a claim.
const SCRIPT_BYTES_MIN: usize = 256;
/// Smaller files are too short for a measure of disorder, and for a program.
const OPAQUE_BYTES_MIN: usize = 32 << 10;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Dex,
    Class,
    Elf,
    MachO,
    Script,
    Python,
}

impl Kind {
    /// Whether it is machine code.
    pub(crate) const fn is_native(self) -> bool {
        match self {
            Self::Dex | Self::Class | Self::Script | Self::Python => false,
            Self::Elf | Self::MachO => true,
        }
    }
}

/// A file that holds code.
#[derive(Debug)]
pub(crate) struct Leaf<'a> {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// What has been found so far, and what may still be spent.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    budgets: Budgets,
    pub(crate) work: &'a Work<'a>,
    spent_bytes: u64,
    pub(crate) files: usize,
    pub(crate) leaves: Vec<Leaf<'a>>,
    pub(crate) names: Names,
    pub(crate) unclear: Vec<Unclear>,
    /// SHA-256 of the archives and the files of code inside, single classes not counted.
    pub(crate) digests: Vec<String>,
    /// Every path, for marks that only a name bears.
    pub(crate) paths: Vec<String>,
    /// Classes that manifests name.
    pub(crate) components: Vec<String>,
    /// Large files of no known kind in which every byte is as likely as any other.
    pub(crate) opaque: Vec<String>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(budgets: Budgets, work: &'a Work<'a>) -> Self {
        Self {
            budgets,
            work,
            spent_bytes: 0,
            files: 0,
            leaves: Vec::new(),
            names: Names::default(),
            unclear: Vec::new(),
            digests: Vec::new(),
            paths: Vec::new(),
            components: Vec::new(),
            opaque: Vec::new(),
        }
    }

    fn unclear(&mut self, why: Unclear) {
        if self.unclear.len() < crate::artefact::UNCLEAR_MAX {
            self.unclear.push(why);
        }
    }

    fn damaged(&mut self, path: &str, why: impl ToString) {
        self.unclear(Unclear::Damaged { path: path.to_owned(), why: why.to_string() });
    }

    fn exceeded(&mut self, path: &str, what: &'static str) {
        self.unclear(Unclear::Budget { path: path.to_owned(), what });
    }

    /// Keeps what something calls itself, once.
    fn called(&mut self, path: &str, kind: impl Fn(&mut Names) -> &mut Vec<String>, name: String) {
        let known = kind(&mut self.names);
        if known.contains(&name) {
            return;
        }
        if known.len() == NAMES_MAX {
            return self.exceeded(path, "NAMES_MAX");
        }
        known.push(name);
    }

    fn left(&self) -> u64 {
        self.budgets.total_bytes_max.saturating_sub(self.spent_bytes)
    }
}

/// Opens a file: an archive is opened in turn, code is kept, anything else is passed over.
pub(crate) fn open<'a>(opening: &mut Opening<'a>, path: &str, bytes: &'a [u8], depth: usize) {
    take(opening, path, Cow::Borrowed(bytes), depth);
}

fn take<'a>(opening: &mut Opening<'a>, path: &str, bytes: Cow<'a, [u8]>, depth: usize) {
    if opening.files >= opening.budgets.files_max {
        return opening.exceeded(path, "FILES_MAX");
    }
    opening.files += 1;
    opening.spent_bytes += bytes.len() as u64;
    if opening.left() == 0 {
        return opening.exceeded(path, "TOTAL_BYTES_MAX");
    }
    opening.work.grant((bytes.len() as u64).saturating_mul(opening.budgets.work_per_byte));
    // Why is told of the whole artefact, once.
    if opening.work.spend(bytes.len() as u64).is_err() {
        return;
    }
    opening.paths.push(path.to_owned());
    let (kind, form) = (code(path, &bytes), archive(path, &bytes));
    let is_listable = kind.map_or(form.is_some(), |kind| kind != Kind::Class);
    if depth > 0 && is_listable && opening.work.spend(bytes.len() as u64).is_ok() {
        opening.digests.push(hex(&Sha256::digest(&bytes)));
    }
    if let Some(kind) = kind {
        opening.leaves.push(Leaf { path: path.to_owned(), kind, bytes });
        return;
    }
    let Some(archive) = form else {
        if let Some(what) = unread(&bytes).or_else(|| absent(path, &bytes)) {
            opening.unclear(Unclear::NotRead { path: path.to_owned(), what });
        } else if is_opaque(&bytes) {
            opening.opaque.push(path.to_owned());
        }
        return;
    };
    if depth == opening.budgets.depth_max {
        return opening.exceeded(path, "DEPTH_MAX");
    }
    match archive {
        Form::Zip => zip(opening, path, &bytes, depth),
        Form::Gzip => gzip(opening, path, &bytes, depth),
        Form::Tar => tar(opening, path, &bytes, depth),
        Form::Ar => ar(opening, path, &bytes, depth),
        Form::Fat => fat(opening, path, &bytes, depth),
    }
}

fn code(path: &str, bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"dex\n") {
        Some(Kind::Dex)
    } else if class::is_class(bytes) {
        Some(Kind::Class)
    } else if bytes.starts_with(b"\x7fELF") {
        Some(Kind::Elf)
    } else if [&b"\xcf\xfa\xed\xfe"[..], b"\xce\xfa\xed\xfe"].iter().any(|magic| bytes.starts_with(magic)) {
        Some(Kind::MachO)
    } else if is_script(path, bytes) {
        Some(Kind::Script)
    } else if path.ends_with(".py") && is_text(bytes) {
        Some(Kind::Python)
    } else {
        None
    }
}

fn is_script(path: &str, bytes: &[u8]) -> bool {
    let named = [".js", ".mjs", ".cjs", ".jsbundle", ".bundle"].iter().any(|ending| path.ends_with(ending));
    named && is_text(bytes)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.get(..SCRIPT_BYTES_MIN).is_some_and(|head| !head.contains(&0))
}

enum Form {
    Zip,
    Gzip,
    Tar,
    Ar,
    Fat,
}

fn archive(path: &str, bytes: &[u8]) -> Option<Form> {
    // Android reads a package from its end, so what stands before the first entry hides nothing.
    let named = [".apk", ".jar", ".aar", ".aab", ".apks", ".xapk", ".apkm", ".ipa", ".whl", ".zip"];
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") || named.iter().any(|e| path.ends_with(e)) {
        Some(Form::Zip)
    } else if bytes.starts_with(b"\x1f\x8b") {
        Some(Form::Gzip)
    } else if is_tar(bytes) {
        Some(Form::Tar)
    } else if bytes.starts_with(b"!<arch>\n") {
        Some(Form::Ar)
    } else if bytes.starts_with(b"\xca\xfe\xba\xbe") || bytes.starts_with(b"\xca\xfe\xba\xbf") {
        Some(Form::Fat)
    } else {
        None
    }
}

/// Forms of code and of archives that are known and not read.
fn unread(bytes: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 9] = [
        (b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f", "Hermes bytecode"),
        (b"\0asm", "WebAssembly"),
        (b"cdex", "compact Dalvik code"),
        (b"vdex", "verified Dalvik code"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
        (b"BZh", "a bzip2 archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
    ];
    MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, what)| *what)
}

/// What stands for a file that lies elsewhere, where its name says that it would be code or an archive.
fn absent(path: &str, bytes: &[u8]) -> Option<&'static str> {
    // Archives by their names are opened, and found damaged.
    const ENDINGS: [&str; 7] = [".a", ".dex", ".dylib", ".gz", ".js", ".so", ".tgz"];
    let is_code = ENDINGS.iter().any(|ending| path.ends_with(ending));
    (is_code && bytes.starts_with(b"version https://git-lfs.github.com/spec/"))
        .then_some("a pointer of Git LFS to a file that is not here")
}

/// Whether a large file of no known kind looks encrypted or packed.
fn is_opaque(bytes: &[u8]) -> bool {
    const KNOWN: [&[u8]; 14] = [
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"RIFF",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"wOF",
        b"%PDF",
        b"\x1aE\xdf\xa3",
        b"BM",
        b"\xff\xfb",
        b"\xff\xf3",
        b"DDS ",
    ];
    let media = KNOWN.iter().any(|mark| bytes.starts_with(mark)) || bytes.get(4..8) == Some(b"ftyp");
    bytes.len() >= OPAQUE_BYTES_MIN && !media && disorder(bytes) > 7.98
}

/// Shannon entropy in bits a byte.
pub(crate) fn disorder<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> f64 {
    let mut counts = [0_u32; 256];
    let mut all = 0.0;
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
        all += 1.0;
    }
    let part = |count: u32| f64::from(count) / all;
    counts.iter().filter(|count| **count > 0).map(|count| -part(*count) * part(*count).log2()).sum()
}

fn inside(path: &str, name: &str) -> String {
    format!("{path}!{name}")
}

fn zip(opening: &mut Opening<'_>, path: &str, bytes: &[u8], depth: usize) {
    let budgets = apk::Budgets { total_bytes_max: opening.left(), ..apk::Budgets::default() };
    let archive = match Archive::open(bytes, &budgets) {
        Ok(archive) => archive,
        // Nothing is in it, and nothing stands before its directory that another reader could take for more.
        Err(Fault::Empty) if bytes.starts_with(b"PK\x05\x06") => return,
        Err(fault) => return opening.damaged(path, fault),
    };
    let work = opening.work;
    package(opening, path, &archive);
    bundle(opening, path, &archive);
    for entry in archive.entries() {
        if entry.name.ends_with('/') {
            continue;
        }
        let within = inside(path, entry.name);
        // Android takes any other method for none; other readers know some, and then this is not the content.
        if matches!(entry.method, Method::Unknown(_)) && entry.size != entry.compressed_size {
            let what = "compressed in a way that Android has not";
            opening.unclear(Unclear::NotRead { path: within.clone(), what });
        }
        match archive.read_while(entry, &mut |bytes| work.spend(bytes as u64).is_ok()) {
            // Android ignores the mark; elsewhere it means what it says, and the content does not inflate.
            Ok(content) => take(opening, &within, Cow::Owned(content.bytes.into_owned()), depth + 1),
            // Why is told of the whole artefact, once.
            Err(_) if work.stopped().is_some() => return,
            Err(_) if entry.flags & 1 != 0 => opening.unclear(Unclear::Encrypted { path: within }),
            // One entry that is too much hides no other.
            Err(Fault::Budget { budget: "entry_bytes_max", .. }) => opening.exceeded(&within, "ENTRY_BYTES_MAX"),
            Err(Fault::Budget { budget: "ratio_max", .. }) => opening.exceeded(&within, "RATIO_MAX"),
            Err(Fault::Budget { .. }) => return opening.exceeded(&within, "TOTAL_BYTES_MAX"),
            Err(fault) => opening.damaged(&within, fault),
        }
    }
}

/// What an app bundle for Android or an app for iOS says of itself.
fn bundle(opening: &mut Opening<'_>, path: &str, archive: &Archive<'_>) {
    if archive.entry(apk::bundle::MANIFEST).is_some() {
        let content = archive.read_named(apk::bundle::MANIFEST);
        match content.and_then(|content| apk::bundle::manifest(&content.bytes)) {
            Ok(manifest) => {
                opening.called(path, |names| &mut names.packages, manifest.package);
                opening.components.extend(manifest.components);
            }
            Err(fault) => opening.damaged(&inside(path, apk::bundle::MANIFEST), fault),
        }
    }
    for entry in archive.entries() {
        // `Payload/Shop.app/Info.plist`; frameworks and extensions have their own further down.
        let mut parts = entry.name.split('/');
        let app = parts.next() == Some("Payload") && parts.next().is_some_and(|app| app.ends_with(".app"));
        if !app || parts.next() != Some("Info.plist") || parts.next().is_some() {
            continue;
        }
        let id = archive.read(entry).ok().and_then(|content| plist::bundle_id(&content.bytes));
        match id {
            Some(id) => opening.called(path, |names| &mut names.bundles, id),
            None => opening.damaged(&inside(path, entry.name), "no bundle id can be read in it"),
        }
    }
}

/// What an Android package says of itself.
fn package(opening: &mut Opening<'_>, path: &str, archive: &Archive<'_>) {
    if archive.entry("AndroidManifest.xml").is_none() || archive.entry("classes.jar").is_some() {
        return;
    }
    match Manifest::read(archive) {
        Ok(manifest) => {
            opening.called(path, |names| &mut names.packages, manifest.package);
            opening.components.extend(manifest.components);
        }
        // A library's manifest, or a bundle's, is in another form; only a package's is binary.
        Err(fault) if archive.entry("classes.dex").is_some() => {
            opening.damaged(&inside(path, "AndroidManifest.xml"), fault)
        }
        Err(_) => {}
    }
    match signing::signers(archive) {
        Ok(signers) => {
            for digest in signers.iter().flat_map(|s| std::iter::once(&s.certificate_sha256).chain(&s.rotated_from)) {
                opening.called(path, |names| &mut names.certificates, hex(digest));
            }
        }
        Err(fault) => opening.damaged(path, format!("its signature: {fault}")),
    }
}

fn gzip(opening: &mut Opening<'_>, path: &str, bytes: &[u8], depth: usize) {
    let most = (bytes.len() as u64).saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES).min(opening.left());
    let mut content = Vec::new();
    let mut stream = flate2::read::MultiGzDecoder::new(bytes).take(most + 1);
    let read = loop {
        match stream.by_ref().take(CHUNK_BYTES).read_to_end(&mut content) {
            Ok(0) => break Ok(()),
            // Why is told of the whole artefact, once.
            Ok(fresh) if opening.work.spend(fresh as u64).is_err() => return,
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    match read {
        Err(error) => opening.damaged(path, error),
        Ok(()) if content.len() as u64 > most => opening.exceeded(path, "TOTAL_BYTES_MAX"),
        Ok(()) => {
            let name = path.rsplit(['/', '!']).next().unwrap_or(path);
            let name = name
                .strip_suffix(".tgz")
                .map_or_else(|| name.trim_end_matches(".gz").to_owned(), |n| format!("{n}.tar"));
            take(opening, &inside(path, &name), Cow::Owned(content), depth + 1);
        }
    }
}

/// Whether there is the mark of a tar archive, or, before there was one, the sum of its first header.
fn is_tar(bytes: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let Some(header) = bytes.get(..TAR_BLOCK) else { return false };
    let blank = |(at, byte): (usize, &u8)| if SUM.contains(&at) { u64::from(b' ') } else { u64::from(*byte) };
    let sum: u64 = header.iter().enumerate().map(blank).sum();
    header.get(257..262) == Some(b"ustar") || octal(header.get(SUM).unwrap_or(&[])) == sum
}

/// A number in a header of a tar archive; one that is too large for its digits is there in binary.
fn octal(field: &[u8]) -> u64 {
    match field.split_first() {
        Some((0x80, low)) => low.iter().fold(0, |sum, byte| sum.saturating_mul(256).saturating_add(u64::from(*byte))),
        _ => {
            let digits = field.iter().skip_while(|byte| **byte == b' ');
            let digits = digits.take_while(|byte| (b'0'..=b'7').contains(byte));
            digits.fold(0, |sum, digit| sum.saturating_mul(8).saturating_add(u64::from(digit - b'0')))
        }
    }
}

/// The name in an extended header: records of a length, a key and a value.
fn extended_name(mut records: &[u8]) -> Option<String> {
    while let Some(space) = records.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(records.get(..space)?).ok()?.parse().ok()?;
        let record = records.get(space + 1..length)?;
        if let Some(name) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(name)).into_owned());
        }
        records = records.get(length..)?;
    }
    None
}

fn tar(opening: &mut Opening<'_>, path: &str, bytes: &[u8], depth: usize) {
    let mut rest = bytes;
    // A name that the next header has no room for.
    let mut long: Option<String> = None;
    while let Some(header) = rest.get(..TAR_BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return;
        }
        let size = usize::try_from(octal(header.get(124..136).unwrap_or(&[]))).unwrap_or(usize::MAX);
        let Some(content) = size.checked_add(TAR_BLOCK).and_then(|end| rest.get(TAR_BLOCK..end)) else {
            return opening.damaged(path, Fault::NoEnd);
        };
        let name = |range: std::ops::Range<usize>| {
            let bytes = header.get(range).unwrap_or(&[]);
            String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
        };
        let prefix = name(345..500);
        let short = if prefix.is_empty() { name(0..100) } else { format!("{prefix}/{}", name(0..100)) };
        match header.get(156) {
            Some(b'L') => {
                long = content.split(|byte| *byte == 0).next().map(|n| String::from_utf8_lossy(n).into_owned())
            }
            Some(b'x') => long = extended_name(content).or(long),
            Some(b'0' | b'7' | 0) => {
                let full = inside(path, &long.take().unwrap_or(short));
                take(opening, &full, Cow::Owned(content.to_vec()), depth + 1);
            }
            Some(b'S') => {
                let path = inside(path, &long.take().unwrap_or(short));
                opening.unclear(Unclear::NotRead { path, what: "a file with holes in a tar archive" });
            }
            // Folders, links and devices hold nothing.
            _ => long = None,
        }
        let padded = size.div_ceil(TAR_BLOCK).saturating_mul(TAR_BLOCK).saturating_add(TAR_BLOCK);
        rest = rest.get(padded..).unwrap_or(&[]);
    }
    if rest.iter().any(|byte| *byte != 0) {
        opening.damaged(path, Fault::NoEnd);
    }
}

/// A static library, or a Debian package: `ar` with the names of BSD and of System V.
fn ar(opening: &mut Opening<'_>, path: &str, bytes: &[u8], depth: usize) {
    const HEADER: usize = 60;
    let mut rest = bytes.get(8..).unwrap_or(&[]);
    while let Some(header) = rest.get(..HEADER) {
        let text =
            |range: std::ops::Range<usize>| String::from_utf8_lossy(header.get(range).unwrap_or(&[])).trim().to_owned();
        let Some(size) = text(48..58).parse::<usize>().ok().filter(|size| *size <= rest.len() - HEADER) else {
            return opening.damaged(path, "a member of the archive lies outside it");
        };
        let content = rest.get(HEADER..HEADER + size).unwrap_or(&[]);
        let name = text(0..16);
        let (name, content) = match name.strip_prefix("#1/").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                let (name, content) = content.split_at_checked(length).unwrap_or((&[], content));
                (String::from_utf8_lossy(name).trim_end_matches('\0').to_owned(), content)
            }
            None => (name.trim_end_matches('/').to_owned(), content),
        };
        if !name.is_empty() && !name.starts_with("__.SYMDEF") {
            take(opening, &inside(path, &name), Cow::Owned(content.to_vec()), depth + 1);
        }
        rest = rest.get(HEADER + size + size % 2..).unwrap_or(&[]);
    }
    if rest.iter().any(|byte| *byte != b'\n') {
        opening.damaged(path, "it ends in the middle of a member's header");
    }
}

/// A Mach-O file for several machines: each is opened by itself.
fn fat(opening: &mut Opening<'_>, path: &str, bytes: &[u8], depth: usize) {
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four));
    let long = |at: usize| bytes.get(at..)?.first_chunk().map(|eight| u64::from_be_bytes(*eight));
    let wide = bytes.get(3) == Some(&0xbf);
    /// More machines than there are kinds of them.
    const SLICES_MAX: u32 = 32;
    let count = word(4).unwrap_or(0);
    if count > SLICES_MAX {
        return opening.damaged(path, "neither a class file nor a Mach-O file that is known");
    }
    for n in 0..count as usize {
        let slice = if wide {
            long(8 + n * 32 + 8).zip(long(8 + n * 32 + 16))
        } else {
            word(8 + n * 20 + 8).map(u64::from).zip(word(8 + n * 20 + 12).map(u64::from))
        };
        let range =
            slice.and_then(|(at, size)| Some(usize::try_from(at).ok()?..usize::try_from(at.checked_add(size)?).ok()?));
        match range.and_then(|range| bytes.get(range)) {
            Some(slice) => take(opening, &inside(path, &format!("slice{n}")), Cow::Owned(slice.to_vec()), depth + 1),
            None => return opening.damaged(path, "a slice lies outside the file"),
        }
    }
}

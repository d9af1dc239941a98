//! Machine code, function by function: what the instructions do with registers and addresses gone, which imports
//! they call, which strings and numbers they use. Containers are read by `elf` and `macho`, processors by the other
//! rooms; here they meet.

mod arm;
mod arm64;
mod elf;
mod macho;
mod objc;
mod x86;

use crate::artefact::Language;
use crate::fingerprint::{Gatherer, hash, mix, of_text};
use crate::program::{Class, Damage, Function, Program, Span};
use crate::work::Work;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::rc::Rc;

/// A shorter string is everyday text.
const TEXT_BYTES_MIN: usize = 6;
/// Longer strings are told by their beginning.
const TEXT_BYTES_MAX: usize = 512;
/// Smaller numbers are everyday arithmetic.
const NUMBER_MIN: u64 = 1 << 12;
/// Fewer operations are a stub or a jump.
const TOKENS_MIN: usize = 4;
/// Functions of one file: four times what the largest browser engine has.
const FUNCTIONS_MAX: usize = 1 << 21;
/// Bytes that the least entry of any table takes. Tables do not overlap, so a file has no more entries than this leaves
/// room for, however often its tables are pointed at.
const ENTRY_BYTES_MIN: u64 = 4;
/// Entries that a file has whatever its size.
const ENTRIES_FREE: u64 = 1 << 10;
/// Times that a byte of a name may be part of one: linkers let names share their ends, classes their methods' names.
const NAMED_TIMES_MAX: u64 = 4;
/// Bytes of names that a file has whatever its size.
const NAMES_FREE: u64 = 1 << 16;
/// Units of work for a byte of code.
const WORK_CODE_BYTE: u64 = 8;
/// Times that a byte of a file may stand at an address: once, or twice where a linker was thrifty.
const MAPPED_TIMES_MAX: u64 = 4;
/// A name longer than this is cut.
const NAME_BYTES_MAX: usize = 256;
/// Code below this many bytes is too short for a measure of disorder.
const PACKED_BYTES_MIN: usize = 16 << 10;
/// Bits a byte beyond which code is packed or encrypted: machine code has 5.5 to 6.7, deflated bytes have 7.9.
const PACKED_BITS: f64 = 7.5;

/// A processor whose code is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Arm64,
    Arm,
    X64,
    X86,
}

impl Machine {
    const fn language(self) -> Language {
        match self {
            Self::Arm64 => Language::Arm64,
            Self::Arm => Language::Arm,
            Self::X64 => Language::X64,
            Self::X86 => Language::X86,
        }
    }
}

/// Bytes that stand at an address.
#[derive(Clone, Copy, Debug)]
struct Stretch<'a> {
    address: u64,
    bytes: &'a [u8],
    is_code: bool,
}

impl Stretch<'_> {
    const fn end(&self) -> u64 {
        self.address.saturating_add(self.bytes.len() as u64)
    }
}

/// Where a function begins.
#[derive(Clone, Debug, Default)]
struct Start {
    address: u64,
    /// Empty where there is none.
    name: String,
    /// Of the class it belongs to, where its language has such.
    class: String,
    /// Whether it is in the short instruction set of ARM; nothing where nobody says.
    is_thumb: Option<bool>,
}

/// What a linker would put in a place.
#[derive(Clone, Debug)]
enum Site {
    Import(Rc<str>),
    Address(u64),
}

/// A class of Objective-C: what it is called and what its methods and variables are.
#[derive(Clone, Debug, Default)]
struct Interface {
    name: String,
    members: Vec<String>,
}

/// A file of machine code as a loader sees it.
#[derive(Debug)]
struct Image<'a> {
    machine: Machine,
    stretches: Vec<Stretch<'a>>,
    starts: Vec<Start>,
    /// Whether the file itself lists its functions.
    is_listed: bool,
    /// Stubs by address.
    imports: FxHashMap<u64, Site>,
    /// Pointers that the loader fills, by address.
    slots: FxHashMap<u64, Site>,
    /// Pointers to strings of method names, by address.
    selectors: FxHashMap<u64, u64>,
    sites: FxHashMap<u64, Site>,
    /// What 32-bit code reaches its data by.
    table: Option<u64>,
    interfaces: Vec<Interface>,
    build: String,
    is_encrypted: bool,
    allowance: Allowance,
    work: &'a Work<'a>,
}

/// What a file of some size can honestly have.
#[derive(Debug)]
struct Allowance {
    entries: Cell<u64>,
    name_bytes: Cell<u64>,
    is_exceeded: Cell<bool>,
}

impl Allowance {
    fn of(bytes: usize) -> Self {
        let bytes = bytes as u64;
        Self {
            entries: Cell::new(bytes / ENTRY_BYTES_MIN + ENTRIES_FREE),
            name_bytes: Cell::new(bytes.saturating_mul(NAMED_TIMES_MAX).saturating_add(NAMES_FREE)),
            is_exceeded: Cell::new(false),
        }
    }

    /// Another entry of any table.
    fn entry(&self) -> Option<()> {
        self.take(&self.entries, 1)
    }

    /// Another name.
    fn name(&self, name: &str) -> Option<()> {
        self.take(&self.name_bytes, name.len() as u64)
    }

    fn take(&self, from: &Cell<u64>, many: u64) -> Option<()> {
        match from.get().checked_sub(many) {
            Some(left) => from.set(left),
            None => self.is_exceeded.set(true),
        }
        (!self.is_exceeded.get()).then_some(())
    }

    /// Why reading ended too early.
    fn damage(&self) -> Damage {
        if self.is_exceeded.get() { Damage::Budget } else { Damage::Truncated }
    }
}

impl<'a> Image<'a> {
    fn new(machine: Machine, size: usize, work: &'a Work<'a>) -> Self {
        Self {
            machine,
            allowance: Allowance::of(size),
            work,
            stretches: Vec::new(),
            starts: Vec::new(),
            is_listed: false,
            imports: FxHashMap::default(),
            slots: FxHashMap::default(),
            selectors: FxHashMap::default(),
            sites: FxHashMap::default(),
            table: None,
            interfaces: Vec::new(),
            build: String::new(),
            is_encrypted: false,
        }
    }

    /// The bytes from an address to the end of what it stands in.
    fn at(&self, address: u64) -> Option<&'a [u8]> {
        let n = self.stretches.partition_point(|stretch| stretch.address <= address).checked_sub(1)?;
        let stretch = self.stretches.get(n)?;
        stretch.bytes.get(usize::try_from(address - stretch.address).ok()?..)
    }

    fn is_code(&self, address: u64) -> bool {
        let n = self.stretches.partition_point(|stretch| stretch.address <= address);
        let stretch = n.checked_sub(1).and_then(|n| self.stretches.get(n));
        stretch.is_some_and(|stretch| stretch.is_code && address < stretch.end())
    }

    fn u32(&self, address: u64) -> Option<u32> {
        self.at(address)?.first_chunk().map(|four| u32::from_le_bytes(*four))
    }

    fn u64(&self, address: u64) -> Option<u64> {
        self.at(address)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
    }

    /// The readable string at an address.
    fn text(&self, address: u64) -> Option<&'a [u8]> {
        let bytes = self.at(address)?;
        let bytes = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
        let text = bytes.split(|byte| *byte == 0).next()?;
        let is_readable =
            text.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || matches!(byte, b'\n' | b'\t' | b'\r'));
        (is_readable && text.len() >= TEXT_BYTES_MIN).then_some(text)
    }

    /// What a stub at an address jumps to: an import, or a function of the program's own that others may replace.
    fn behind(&self, address: u64) -> Option<&Site> {
        if let Some(site) = self.imports.get(&address) {
            return Some(site);
        }
        let slot = match self.machine {
            Machine::Arm64 => arm64::stub(self, address),
            Machine::Arm => arm::stub(self, address),
            Machine::X64 | Machine::X86 => x86::stub(self, address),
        };
        self.slots.get(&slot?)
    }

    /// Puts stretches and starts in order, each start once, a named one before a nameless.
    fn settle(&mut self) {
        self.stretches.retain(|stretch| !stretch.bytes.is_empty());
        self.stretches.sort_by_key(|stretch| stretch.address);
        let starts = std::mem::take(&mut self.starts);
        self.starts = starts.into_iter().filter(|start| self.is_code(start.address)).collect();
        self.order();
    }

    fn order(&mut self) {
        self.starts.sort_by(|a, b| {
            let named = |start: &Start| (start.class.is_empty(), start.name.is_empty(), start.is_thumb.is_none());
            a.address.cmp(&b.address).then(named(a).cmp(&named(b))).then_with(|| a.name.cmp(&b.name))
        });
        self.starts.dedup_by(|later, kept| {
            let same = later.address == kept.address;
            if same && kept.is_thumb.is_none() {
                kept.is_thumb = later.is_thumb;
            }
            same
        });
        if self.starts.len() > FUNCTIONS_MAX {
            self.allowance.is_exceeded.set(true);
        }
    }
}

/// What is known of a file of machine code.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) language: Language,
    pub(crate) program: Program,
    /// What names this very build, in hexadecimal digits; empty if nothing does.
    pub(crate) build: String,
    /// Whether its code is encrypted for a store's customers.
    pub(crate) is_encrypted: bool,
    /// Whether its code looks like anything but code.
    pub(crate) is_packed: bool,
}

/// Reads a file of machine code.
///
/// # Errors
/// If it is damaged, or for a processor whose code is not read ([`Damage::Version`]).
pub(crate) fn extract(path: &str, bytes: &[u8], work: &Work<'_>) -> Result<Native, Damage> {
    let mut image = if bytes.starts_with(b"\x7fELF") { elf::read(bytes, work)? } else { macho::read(bytes, work)? };
    let mapped: u64 = image.stretches.iter().map(|stretch| stretch.bytes.len() as u64).sum();
    if mapped > (bytes.len() as u64).saturating_mul(MAPPED_TIMES_MAX) {
        return Err(Damage::Budget);
    }
    image.settle();
    if image.allowance.is_exceeded.get() {
        return Err(Damage::Budget);
    }
    let is_packed = is_packed(&image);
    if !is_packed && (!image.is_listed || image.machine == Machine::Arm) {
        discover(&mut image);
    }
    let mut program = Program { code_bytes: bytes.len() as u64, ..Program::default() };
    if !image.is_encrypted && !is_packed {
        functions(&image, path, &mut program);
    }
    interfaces(&image, &mut program);
    if image.allowance.is_exceeded.get() || work.stopped().is_some() {
        return Err(Damage::Budget);
    }
    Ok(Native {
        language: image.machine.language(),
        program,
        build: image.build,
        is_encrypted: image.is_encrypted,
        is_packed,
    })
}

/// Where a function ends: where the next begins, or the stretch.
fn ends(image: &Image<'_>) -> Vec<u64> {
    let next = image.starts.iter().skip(1).map(|start| start.address).chain(std::iter::once(u64::MAX));
    let end = |start: &Start| {
        let n = image.stretches.partition_point(|stretch| stretch.address <= start.address);
        n.checked_sub(1).and_then(|n| image.stretches.get(n)).map_or(start.address, Stretch::end)
    };
    image.starts.iter().zip(next).map(|(start, next)| next.min(end(start))).collect()
}

/// Whether functions are in the short instruction set where nobody says so.
fn mostly_thumb(image: &Image<'_>) -> bool {
    let said = |wanted: bool| image.starts.iter().filter(|start| start.is_thumb == Some(wanted)).count();
    said(true) >= said(false)
}

/// Adds the functions that others call.
fn discover(image: &mut Image<'_>) {
    let mut found: Vec<Start> = Vec::new();
    if image.starts.is_empty() {
        let code = image.stretches.iter().filter(|stretch| stretch.is_code);
        found.extend(code.map(|stretch| Start { address: stretch.address, ..Start::default() }));
        image.starts.append(&mut found);
    }
    let mut gatherer = Gatherer::default();
    each(image, &mut gatherer, &mut |_, reading| {
        let called = reading.calls.iter().filter(|(target, _)| image.is_code(*target));
        found.extend(called.map(|(address, thumb)| Start { address: *address, is_thumb: *thumb, ..Start::default() }));
    });
    found.sort_by_key(|start| start.address);
    found.dedup_by_key(|start| start.address);
    image.starts.append(&mut found);
    image.order();
}

/// What is being read of one function.
struct Reading<'a, 'b> {
    image: &'b Image<'a>,
    gatherer: &'b mut Gatherer,
    start: u64,
    end: u64,
    /// The program's own functions that are called, and in which instruction set where that is said.
    calls: Vec<(u64, Option<bool>)>,
}

/// Kinds of operation that every processor has; what only one has begins behind them.
#[derive(Clone, Copy)]
enum Common {
    Branch = 1,
    Call,
    Indirect,
    Text,
}

impl Reading<'_, '_> {
    fn op(&mut self, kind: u32, immediate: u64) {
        self.gatherer.token(mix(mix(u64::from(kind)) ^ immediate));
    }

    fn branch(&mut self) {
        self.op(Common::Branch as u32, 0);
    }

    fn indirect(&mut self) {
        self.op(Common::Indirect as u32, 0);
    }

    fn named(&mut self, name: &str) {
        self.gatherer.call(mix(hash(name.as_bytes()) ^ Common::Call as u64));
    }

    /// A jump: within the function it is nothing, out of it a call.
    fn jump(&mut self, site: u64, target: u64, thumb: Option<bool>) {
        if self.image.sites.contains_key(&site) || !(self.start..self.end).contains(&target) {
            self.call(site, target, thumb);
        }
    }

    fn call(&mut self, site: u64, target: u64, thumb: Option<bool>) {
        let target = match self.image.sites.get(&site) {
            Some(Site::Import(name)) => return self.named(name),
            Some(Site::Address(address)) => *address,
            None => target,
        };
        let target = match self.image.behind(target) {
            Some(Site::Import(name)) => return self.named(name),
            Some(Site::Address(address)) => *address,
            None => target,
        };
        self.op(Common::Call as u32, 0);
        self.calls.push((target, thumb));
    }

    /// A call through a pointer at an address.
    fn call_slot(&mut self, slot: u64) {
        match self.image.slots.get(&slot) {
            Some(Site::Import(name)) => self.named(name),
            Some(Site::Address(address)) => self.call(u64::MAX, *address, None),
            None => self.indirect(),
        }
    }

    /// An address that is taken: a string counts, anything else is a place like any other.
    fn address(&mut self, address: u64) {
        if let Some(text) = self.image.text(address) {
            self.text(text);
        }
    }

    /// A pointer that is loaded from a known place.
    fn load(&mut self, slot: u64) {
        if let Some(text) = self.image.selectors.get(&slot).and_then(|at| self.image.text(*at)) {
            self.text(text);
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.gatherer.text(hash(text));
        self.op(Common::Text as u32, 0);
    }

    fn number(&mut self, number: u64) {
        if number >= NUMBER_MIN && !self.image.is_code(number) {
            self.gatherer.number(number);
        }
    }
}

/// Reads every function in turn.
fn each(image: &Image<'_>, gatherer: &mut Gatherer, seen: &mut dyn FnMut(&Start, &mut Reading<'_, '_>)) {
    let thumb = mostly_thumb(image);
    for (start, end) in image.starts.iter().zip(ends(image)) {
        let length = usize::try_from(end - start.address).unwrap_or(usize::MAX);
        let Some(bytes) = image.at(start.address).map(|bytes| bytes.get(..length).unwrap_or(bytes)) else { continue };
        if image.work.spend(bytes.len() as u64 * WORK_CODE_BYTE).is_err() {
            return;
        }
        gatherer.clear();
        let mut reading = Reading { image, gatherer, start: start.address, end, calls: Vec::new() };
        match image.machine {
            Machine::Arm64 => arm64::read(&mut reading, bytes),
            Machine::Arm if start.is_thumb.unwrap_or(thumb) => arm::read_thumb(&mut reading, bytes),
            Machine::Arm => arm::read(&mut reading, bytes),
            Machine::X64 => x86::read(&mut reading, bytes, true),
            Machine::X86 => x86::read(&mut reading, bytes, false),
        }
        seen(start, &mut reading);
    }
}

fn cut(name: &str) -> &str {
    let end = (0..=NAME_BYTES_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or(0)).unwrap_or("")
}

fn class_of<'a>(classes: &mut FxHashMap<&'a str, u32>, program: &mut Program, name: &'a str) -> u32 {
    *classes.entry(name).or_insert_with(|| {
        let class = Class { name: program.keep(cut(name)) };
        program.classes.push(class);
        u32::try_from(program.classes.len() - 1).unwrap_or(u32::MAX)
    })
}

fn functions(image: &Image<'_>, path: &str, program: &mut Program) {
    let file = hash(path.as_bytes());
    let mut classes: FxHashMap<&str, u32> = FxHashMap::default();
    let mut gatherer = Gatherer::default();
    let mut rows: Vec<(usize, u64, usize, Span, Span)> = Vec::new();
    let mut number = 0;
    each(image, &mut gatherer, &mut |_, reading| {
        let n = number;
        number += 1;
        let tokens = reading.gatherer.tokens();
        if tokens < TOKENS_MIN {
            return;
        }
        let start = program.fingerprints.len();
        let body = reading.gatherer.body();
        reading.gatherer.finish(&mut program.fingerprints);
        let calls = program.calls.len();
        program.calls.extend(reading.calls.iter().map(|(target, _)| mix(file ^ mix(*target))));
        let spans = (Span::since(start, program.fingerprints.len()), Span::since(calls, program.calls.len()));
        rows.push((n, body, tokens, spans.0, spans.1));
    });
    for (n, body, tokens, fingerprints, calls) in rows {
        let Some(start) = image.starts.get(n) else { continue };
        let class = if start.class.is_empty() { path } else { &start.class };
        let class = class_of(&mut classes, program, class);
        let name = if start.name.is_empty() {
            program.keep(&format!("{:#x}", start.address))
        } else {
            program.keep(cut(&start.name))
        };
        program.functions.push(Function {
            class,
            name,
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            symbol: mix(file ^ mix(start.address)),
            shape: 0,
            body,
            fingerprints,
            calls,
        });
    }
}

/// What a class of Objective-C is asked by name: it survives where its code is compiled anew.
fn interfaces(image: &Image<'_>, program: &mut Program) {
    for interface in &image.interfaces {
        let start = program.fingerprints.len();
        let long = interface.members.iter().filter(|member| member.len() >= TEXT_BYTES_MIN);
        let mut names: Vec<u64> = long.map(|member| of_text(hash(member.as_bytes()))).collect();
        names.push(of_text(hash(interface.name.as_bytes())));
        names.sort_unstable();
        names.dedup();
        program.fingerprints.append(&mut names);
        let class = Class { name: program.keep(cut(&interface.name)) };
        let name = program.keep("(interface)");
        program.classes.push(class);
        let body = program.fingerprints.get(start..).unwrap_or(&[]).iter().fold(0, |h, f| mix(h ^ f));
        let calls = program.calls.len();
        program.functions.push(Function {
            class: u32::try_from(program.classes.len() - 1).unwrap_or(u32::MAX),
            name,
            tokens: u32::try_from(interface.members.len()).unwrap_or(u32::MAX),
            symbol: mix(body),
            shape: 0,
            body,
            fingerprints: Span::since(start, program.fingerprints.len()),
            calls: Span::since(calls, calls),
        });
    }
}

fn is_packed(image: &Image<'_>) -> bool {
    let code = || image.stretches.iter().filter(|stretch| stretch.is_code);
    let all: usize = code().map(|stretch| stretch.bytes.len()).sum();
    all >= PACKED_BYTES_MIN && crate::container::disorder(code().flat_map(|stretch| stretch.bytes)) > PACKED_BITS
}

/// Little-endian numbers of a file by their offset.
#[derive(Clone, Copy)]
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.0.get(at..)?.first_chunk().map(|two| u16::from_le_bytes(*two))
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
    }

    fn u64(self, at: usize) -> Option<u64> {
        self.0.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
    }

    /// As wide as an address is.
    fn word(self, at: usize, is_wide: bool) -> Option<u64> {
        if is_wide { self.u64(at) } else { self.u32(at).map(u64::from) }
    }

    fn text(self, at: usize) -> String {
        let bytes = self.0.get(at..).unwrap_or(&[]);
        let bytes = bytes.get(..NAME_BYTES_MAX).unwrap_or(bytes);
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
    }

    fn part(self, at: u64, size: u64) -> Option<&'a [u8]> {
        self.0.get(usize::try_from(at).ok()?..usize::try_from(at.checked_add(size)?).ok()?)
    }
}

/// A signed number of fewer bits, in the lowest bits of a word.
const fn signed(value: u64, bits: u32) -> u64 {
    let shift = 64 - bits;
    (((value << shift) as i64) >> shift) as u64
}

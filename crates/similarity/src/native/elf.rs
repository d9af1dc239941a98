//! ELF as a loader reads it: by program headers and the dynamic table, since the section headers of a library can
//! say anything. Only object files, which no loader reads, are read by their sections.

use super::{Image, Machine, Numbers, Site, Start, Stretch};
use crate::program::Damage;
use crate::work::Work;
use rustc_hash::FxHashMap;
use std::rc::Rc;

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NOTE: u32 = 4;
const UNWIND: u32 = 0x6474_e550;
const UNWIND_ARM: u32 = 0x7000_0001;
/// Kinds of sections.
const SYMBOLS: u32 = 2;
const RELOCATIONS_ADDENDS: u32 = 4;
const NOBITS: u32 = 8;
const RELOCATIONS: u32 = 9;
/// Parts of a dynamic table.
const TABLES: [u64; 9] = [4, 5, 6, 7, 17, 23, 0x6fff_fef5, 0x6fff_fff0, 0x6fff_fffe];
/// Object files have no addresses: their sections are laid out from here.
const LAYOUT_START: u64 = 0x10_0000;

/// A file, and how wide its numbers are.
#[derive(Clone, Copy)]
struct File<'a> {
    bytes: Numbers<'a>,
    is_wide: bool,
    machine: Machine,
}

#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
}

struct Symbol {
    name: u32,
    kind: u8,
    section: u16,
    value: u64,
}

pub(super) fn read<'a>(bytes: &'a [u8], work: &'a Work<'a>) -> Result<Image<'a>, Damage> {
    let numbers = Numbers(bytes);
    let (Some(class), Some(order), Some(machine), Some(kind)) =
        (numbers.u8(4), numbers.u8(5), numbers.u16(18), numbers.u16(16))
    else {
        return Err(Damage::Truncated);
    };
    let is_wide = class == 2;
    let machine = match (machine, order) {
        (183, 1) if is_wide => Machine::Arm64,
        (40, 1) if !is_wide => Machine::Arm,
        (62, 1) if is_wide => Machine::X64,
        (3, 1) if !is_wide => Machine::X86,
        _ => return Err(Damage::Version),
    };
    let file = File { bytes: numbers, is_wide, machine };
    let mut image = Image::new(machine, bytes.len(), work);
    if kind == 1 {
        file.object(&mut image).ok_or_else(|| image.allowance.damage())?;
    } else {
        file.loaded(&mut image).ok_or_else(|| image.allowance.damage())?;
        // Names that were left in help people; what they say of code is believed only where code is.
        file.symbol_sections(&mut image);
    }
    Ok(image)
}

impl<'a> File<'a> {
    fn word(self, at: usize) -> Option<u64> {
        self.bytes.word(at, self.is_wide)
    }

    fn loaded(self, image: &mut Image<'a>) -> Option<()> {
        let (table, size, count) = if self.is_wide { (32, 54, 56) } else { (28, 42, 44) };
        let (table, size) = (usize::try_from(self.word(table)?).ok()?, usize::from(self.bytes.u16(size)?));
        let count = usize::from(self.bytes.u16(count)?);
        let mut found: Vec<(u32, u64, u64)> = Vec::new();
        for n in 0..count {
            image.allowance.entry()?;
            let at = table.checked_add(n.checked_mul(size)?)?;
            let kind = self.bytes.u32(at)?;
            let (flags, offset, address, filled) =
                if self.is_wide { (at + 4, at + 8, at + 16, at + 32) } else { (at + 24, at + 4, at + 8, at + 16) };
            let (offset, address, filled) = (self.word(offset)?, self.word(address)?, self.word(filled)?);
            if kind == LOAD {
                let is_code = self.bytes.u32(flags)? & 1 != 0;
                image.stretches.push(Stretch { address, bytes: self.bytes.part(offset, filled)?, is_code });
            }
            found.push((kind, address, filled));
        }
        image.stretches.sort_by_key(|stretch| stretch.address);
        for (kind, address, size) in found {
            // A damaged table of these hides names and bounds, not code.
            match kind {
                DYNAMIC => self.dynamic(image, address, size),
                NOTE => note(image, address, size),
                UNWIND => unwind(image, address),
                UNWIND_ARM => unwind_arm(image, address, size),
                _ => Some(()),
            };
        }
        Some(())
    }

    fn dynamic(self, image: &mut Image<'a>, address: u64, size: u64) -> Option<()> {
        let width = if self.is_wide { 8 } else { 4 };
        let bytes = image.at(address)?;
        let table = Numbers(bytes.get(..usize::try_from(size).ok()?).unwrap_or(bytes));
        let mut tags: Vec<(u64, u64)> = Vec::new();
        for n in 0.. {
            image.allowance.entry()?;
            let at = n * 2 * width;
            let (Some(tag), Some(value)) = (table.word(at, self.is_wide), table.word(at + width, self.is_wide)) else {
                break;
            };
            if tag == 0 {
                break;
            }
            tags.push((tag, value));
        }
        let get = |wanted: u64| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        image.table = get(3);
        let (names, symbols) = (get(5)?, get(6)?);
        // Nothing says how many symbols there are: they go on to where the next table begins.
        let tables = tags.iter().filter(|(tag, value)| TABLES.contains(tag) && *value > symbols);
        let end = tables.map(|(_, value)| *value).min()?;
        let entry = if self.is_wide { 24 } else { 16 };
        let count = usize::try_from((end - symbols) / entry).ok()?;
        let (text, list) = (Numbers(image.at(names)?), Numbers(image.at(symbols)?));
        for n in 0..count {
            let Some(symbol) = self.symbol(list, n) else { break };
            self.start(image, &symbol, symbol.value, text)?;
        }
        let mut imports = Imports::default();
        for (at, size, has_addend) in
            [(get(23), get(2), get(20) == Some(7)), (get(7), get(8), true), (get(17), get(18), false)]
        {
            let (Some(at), Some(size)) = (at, size) else { continue };
            let Some(table) = image.at(at) else { continue };
            let table = Numbers(table.get(..usize::try_from(size).ok()?).unwrap_or(table));
            for n in 0.. {
                let Some((place, number, _, _)) = self.relocation(table, n, has_addend) else { break };
                image.allowance.entry()?;
                let symbol = self.symbol(list, number as usize).filter(|symbol| number > 0 && symbol.name > 0);
                if let Some(symbol) = symbol {
                    // A function of its own that others may replace is still its own, whatever it is called.
                    let site = if symbol.section == 0 {
                        import(image, &mut imports, text, symbol.name)?
                    } else {
                        Site::Address(symbol.value & if self.machine == Machine::Arm { !1 } else { !0 })
                    };
                    image.slots.insert(place, site);
                }
            }
        }
        Some(())
    }

    fn symbol(self, list: Numbers<'_>, n: usize) -> Option<Symbol> {
        let at = n.checked_mul(if self.is_wide { 24 } else { 16 })?;
        let (info, section, value) = if self.is_wide { (4, 6, 8) } else { (12, 14, 4) };
        Some(Symbol {
            name: list.u32(at)?,
            kind: list.u8(at + info)? & 15,
            section: list.u16(at + section)?,
            value: list.word(at + value, self.is_wide)?,
        })
    }

    /// Place, number of the symbol, kind, addend.
    fn relocation(self, table: Numbers<'_>, n: usize, has_addend: bool) -> Option<(u64, u64, u64, u64)> {
        let width = if self.is_wide { 8 } else { 4 };
        let at = n.checked_mul(width * if has_addend { 3 } else { 2 })?;
        let (place, info) = (table.word(at, self.is_wide)?, table.word(at + width, self.is_wide)?);
        let addend = if has_addend { table.word(at + 2 * width, self.is_wide)? } else { 0 };
        Some(if self.is_wide {
            (place, info >> 32, info & 0xffff_ffff, addend)
        } else {
            (place, info >> 8, info & 0xff, addend)
        })
    }

    /// A defined function begins where a symbol says.
    fn start(self, image: &mut Image<'a>, symbol: &Symbol, value: u64, names: Numbers<'_>) -> Option<()> {
        image.allowance.entry()?;
        if symbol.section == 0 || !matches!(symbol.kind, 2 | 10) {
            return Some(());
        }
        let is_arm = self.machine == Machine::Arm;
        let name = names.text(symbol.name as usize);
        image.allowance.name(&name)?;
        image.starts.push(Start {
            address: if is_arm { value & !1 } else { value },
            name,
            class: String::new(),
            is_thumb: is_arm.then_some(value & 1 == 1),
        });
        Some(())
    }

    fn sections(self, image: &Image<'_>) -> Option<Vec<Section>> {
        let (table, size, count) = if self.is_wide { (40, 58, 60) } else { (32, 46, 48) };
        let (table, size) = (usize::try_from(self.word(table)?).ok()?, usize::from(self.bytes.u16(size)?));
        let mut count = usize::from(self.bytes.u16(count)?);
        let read = |n: usize| {
            image.allowance.entry()?;
            let at = table.checked_add(n.checked_mul(size)?)?;
            let wide = self.is_wide;
            let (flags, offset, length, link) =
                if wide { (at + 8, at + 24, at + 32, at + 40) } else { (at + 8, at + 16, at + 20, at + 24) };
            Some(Section {
                kind: self.bytes.u32(at + 4)?,
                flags: self.word(flags)?,
                offset: self.word(offset)?,
                size: self.word(length)?,
                link: self.bytes.u32(link)?,
                info: self.bytes.u32(link + 4)?,
            })
        };
        if count == 0 && table != 0 {
            count = usize::try_from(read(0)?.size).ok()?;
        }
        (0..count).map(read).collect()
    }

    fn symbol_sections(self, image: &mut Image<'a>) -> Option<()> {
        let sections = self.sections(image)?;
        for section in sections.iter().filter(|section| section.kind == SYMBOLS) {
            let list = Numbers(self.bytes.part(section.offset, section.size)?);
            let names = sections.get(section.link as usize)?;
            let names = Numbers(self.bytes.part(names.offset, names.size)?);
            let mut n = 0;
            while let Some(symbol) = self.symbol(list, n) {
                self.start(image, &symbol, symbol.value, names)?;
                n += 1;
            }
        }
        Some(())
    }

    /// An object file: sections side by side, and what a linker would write where.
    fn object(self, image: &mut Image<'a>) -> Option<()> {
        let sections = self.sections(image)?;
        let mut places: Vec<Option<u64>> = Vec::with_capacity(sections.len());
        let mut next = LAYOUT_START;
        for section in &sections {
            let is_here = section.flags & 2 != 0 && section.kind != NOBITS;
            places.push(is_here.then_some(next));
            if is_here {
                let bytes = self.bytes.part(section.offset, section.size)?;
                image.stretches.push(Stretch { address: next, bytes, is_code: section.flags & 4 != 0 });
                next = next.checked_add(section.size)?.checked_add(31)? & !15;
            }
        }
        let place = |n: u64| places.get(usize::try_from(n).ok()?).copied().flatten();
        let symbols = sections.iter().find(|section| section.kind == SYMBOLS);
        let Some(symbols) = symbols else { return Some(()) };
        image.is_listed = true;
        let list = Numbers(self.bytes.part(symbols.offset, symbols.size)?);
        let names = sections.get(symbols.link as usize)?;
        let names = Numbers(self.bytes.part(names.offset, names.size)?);
        let mut n = 0;
        while let Some(symbol) = self.symbol(list, n) {
            image.allowance.entry()?;
            if let Some(base) = place(u64::from(symbol.section)) {
                self.start(image, &symbol, base.wrapping_add(symbol.value), names)?;
            }
            n += 1;
        }
        let relocated = |section: &&Section| matches!(section.kind, RELOCATIONS | RELOCATIONS_ADDENDS);
        let mut imports = Imports::default();
        for section in sections.iter().filter(relocated) {
            let Some(base) = place(u64::from(section.info)) else { continue };
            let table = Numbers(self.bytes.part(section.offset, section.size)?);
            for n in 0.. {
                image.allowance.entry()?;
                let Some((at, number, kind, addend)) = self.relocation(table, n, section.kind == RELOCATIONS_ADDENDS)
                else {
                    break;
                };
                let Some(symbol) = self.symbol(list, usize::try_from(number).ok()?) else { continue };
                let site = if symbol.section == 0 {
                    import(image, &mut imports, names, symbol.name)?
                } else {
                    let Some(target) = place(u64::from(symbol.section)) else { continue };
                    // On x86 what is reached from a place counts from the end of four bytes.
                    let back = if self.machine == Machine::X64 && matches!(kind, 2 | 4 | 9 | 41 | 42) { 4 } else { 0 };
                    Site::Address(target.wrapping_add(symbol.value).wrapping_add(addend).wrapping_add(back))
                };
                image.sites.insert(base.wrapping_add(at), site);
            }
        }
        Some(())
    }
}

/// Names of what is to be found elsewhere, by their place: many relocations share one.
type Imports = FxHashMap<u32, Rc<str>>;

fn import(image: &Image<'_>, known: &mut Imports, names: Numbers<'_>, at: u32) -> Option<Site> {
    if let Some(name) = known.get(&at) {
        return Some(Site::Import(name.clone()));
    }
    let name: Rc<str> = names.text(at as usize).into();
    image.allowance.name(&name)?;
    known.insert(at, name.clone());
    Some(Site::Import(name))
}

/// The mark of a build that linkers write.
fn note(image: &mut Image<'_>, address: u64, size: u64) -> Option<()> {
    let bytes = image.at(address)?;
    let mut rest = bytes.get(..usize::try_from(size).ok()?).unwrap_or(bytes);
    loop {
        image.allowance.entry()?;
        let head = Numbers(rest);
        let (name, length, kind) = (head.u32(0)? as usize, head.u32(4)? as usize, head.u32(8)?);
        let from = name.checked_next_multiple_of(4)?.checked_add(12)?;
        let content = rest.get(from..from.checked_add(length)?)?;
        if kind == 3 && rest.get(12..16) == Some(b"GNU\0") {
            image.build = crate::artefact::hex(content.get(..64).unwrap_or(content));
        }
        rest = rest.get(from.checked_add(length.checked_next_multiple_of(4)?)?..)?;
    }
}

/// The sorted table of functions that unwinding of the stack goes by.
fn unwind(image: &mut Image<'_>, address: u64) -> Option<()> {
    let table = Numbers(image.at(address)?);
    // Version 1; count in four bytes; entries counted from the table in four bytes.
    if table.u8(0)? != 1 || table.u8(2)? != 3 || table.u8(3)? != 0x3b {
        return None;
    }
    let first = if table.u8(1)? & 15 == 12 { 16 } else { 12 };
    let count = table.u32(first - 4)? as usize;
    for n in 0..count {
        let Some(offset) = table.u32(first + 8 * n) else { break };
        image.allowance.entry()?;
        let start = address.wrapping_add_signed(i64::from(offset.cast_signed()));
        image.starts.push(Start { address: start, ..Start::default() });
    }
    image.is_listed |= count > 0;
    Some(())
}

/// The same for 32-bit ARM.
fn unwind_arm(image: &mut Image<'_>, address: u64, size: u64) -> Option<()> {
    let table = Numbers(image.at(address)?);
    for n in 0..usize::try_from(size / 8).ok()? {
        let Some(word) = table.u32(8 * n) else { break };
        image.allowance.entry()?;
        let offset = super::signed(u64::from(word & 0x7fff_ffff), 31);
        let start = address.wrapping_add(8 * n as u64).wrapping_add(offset) & 0xffff_fffe;
        image.starts.push(Start { address: start, ..Start::default() });
    }
    Some(())
}

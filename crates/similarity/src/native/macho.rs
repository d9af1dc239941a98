//! Mach-O, linked or not, in 32 and 64 bits: sections, symbols, stubs, the list of functions, and what a linker or a
//! loader would fill in.

use super::{Allowance, Image, Machine, Numbers, Site, Start, Stretch, objc};
use crate::program::Damage;
use crate::work::Work;
use std::rc::Rc;

const SEGMENT: u32 = 0x1;
const SEGMENT_WIDE: u32 = 0x19;
const SYMBOLS: u32 = 0x2;
const DYNAMIC_SYMBOLS: u32 = 0xb;
const UUID: u32 = 0x1b;
const ENCRYPTION: u32 = 0x21;
const FUNCTION_STARTS: u32 = 0x26;
const ENCRYPTION_WIDE: u32 = 0x2c;
/// A file with more commands is none.
const COMMANDS_MAX: u32 = 1 << 16;
const SECTIONS_MAX: usize = 1 << 16;

/// A part of a segment.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) address: u64,
    pub(super) size: u64,
    relocations: (usize, usize),
    kind: u32,
    first_indirect: u32,
    stub_size: u32,
}

/// What the commands of a file say.
#[derive(Default)]
struct Commands {
    sections: Vec<Section>,
    symbols: Option<(usize, usize, usize, usize)>,
    indirect: Option<(usize, usize)>,
    starts: Option<(u64, u64)>,
    /// Where the image begins.
    base: Option<u64>,
}

#[derive(Clone)]
struct Symbol {
    name: Rc<str>,
    value: u64,
    is_defined: bool,
    is_thumb: bool,
}

pub(super) fn read<'a>(bytes: &'a [u8], work: &'a Work<'a>) -> Result<Image<'a>, Damage> {
    let numbers = Numbers(bytes);
    let (Some(magic), Some(machine), Some(kind)) = (numbers.u32(0), numbers.u32(4), numbers.u32(12)) else {
        return Err(Damage::Truncated);
    };
    let machine = match machine {
        0x0100_000c => Machine::Arm64,
        12 => Machine::Arm,
        0x0100_0007 => Machine::X64,
        7 => Machine::X86,
        _ => return Err(Damage::Version),
    };
    let is_wide = magic == 0xfeed_facf;
    if is_wide != matches!(machine, Machine::Arm64 | Machine::X64) {
        return Err(Damage::Malformed);
    }
    let mut image = Image::new(machine, bytes.len(), work);
    if numbers.u32(16).is_some_and(|count| count > COMMANDS_MAX) {
        return Err(Damage::Budget);
    }
    let commands = commands(numbers, is_wide, &mut image).ok_or(Damage::Truncated)?;
    image.stretches.sort_by_key(|stretch| stretch.address);
    let symbols = symbols(numbers, &commands, is_wide, &image.allowance);
    if kind == 1 {
        image.is_listed = true;
        relocations(numbers, &commands, &symbols, &mut image);
    }
    starts(&commands, &symbols, &mut image);
    listed(numbers, &commands, &mut image);
    indirect(numbers, &commands, &symbols, is_wide, &mut image);
    objc::read(&mut image, &commands.sections, commands.base.unwrap_or(0), is_wide);
    Ok(image)
}

fn commands<'a>(bytes: Numbers<'a>, is_wide: bool, image: &mut Image<'a>) -> Option<Commands> {
    let mut commands = Commands::default();
    let count = bytes.u32(16)?;
    let mut at = if is_wide { 32 } else { 28 };
    for _ in 0..count {
        let (command, size) = (bytes.u32(at)?, bytes.u32(at + 4)? as usize);
        match command {
            SEGMENT | SEGMENT_WIDE => segment(bytes, at, is_wide, image, &mut commands)?,
            SYMBOLS => {
                let n = |n: usize| bytes.u32(at + n).map(|n| n as usize);
                commands.symbols = Some((n(8)?, n(12)?, n(16)?, n(20)?));
            }
            DYNAMIC_SYMBOLS => commands.indirect = Some((bytes.u32(at + 56)? as usize, bytes.u32(at + 60)? as usize)),
            UUID => image.build = crate::artefact::hex(bytes.part(at as u64 + 8, 16)?),
            ENCRYPTION | ENCRYPTION_WIDE => image.is_encrypted |= bytes.u32(at + 16)? != 0,
            FUNCTION_STARTS => commands.starts = Some((bytes.u32(at + 8)?.into(), bytes.u32(at + 12)?.into())),
            _ => {}
        }
        at = at.checked_add(size.max(8))?;
    }
    Some(commands)
}

fn segment<'a>(
    bytes: Numbers<'a>,
    at: usize,
    is_wide: bool,
    image: &mut Image<'a>,
    commands: &mut Commands,
) -> Option<()> {
    let (address, count, head, each) = if is_wide { (24, 64, 72, 80) } else { (24, 48, 56, 68) };
    if bytes.text(at + 8).starts_with("__TEXT") {
        commands.base = bytes.word(at + address, is_wide);
    }
    for n in 0..bytes.u32(at + count)? as usize {
        if commands.sections.len() >= SECTIONS_MAX {
            return None;
        }
        let section = at.checked_add(head)?.checked_add(n.checked_mul(each)?)?;
        let (size, rest) = if is_wide { (40, 48) } else { (36, 40) };
        let name: String = bytes.text(section).chars().take(16).collect();
        let (address, size) = (bytes.word(section + 32, is_wide)?, bytes.word(section + size, is_wide)?);
        let number = |n: usize| bytes.u32(section + rest + n);
        let flags = number(16)?;
        // Sections of nothing but zeros are not in the file.
        if !matches!(flags & 0xff, 1 | 12 | 18) {
            let content = bytes.part(number(0)?.into(), size)?;
            let is_code = flags & 0x8000_0400 != 0;
            image.stretches.push(Stretch { address, bytes: content, is_code });
        }
        commands.sections.push(Section {
            name,
            address,
            size,
            relocations: (number(8)? as usize, number(12)? as usize),
            kind: flags & 0xff,
            first_indirect: number(20)?,
            stub_size: number(24)?,
        });
    }
    Some(())
}

fn symbols(bytes: Numbers<'_>, commands: &Commands, is_wide: bool, allowance: &Allowance) -> Vec<Symbol> {
    let Some((at, count, names, size)) = commands.symbols else { return Vec::new() };
    let Some(names) = bytes.part(names as u64, size as u64) else { return Vec::new() };
    let each = if is_wide { 16 } else { 12 };
    let read = |n: usize| {
        let at = at.checked_add(n.checked_mul(each)?)?;
        let kind = bytes.u8(at + 4)?;
        let name = Numbers(names).text(bytes.u32(at)? as usize);
        allowance.entry()?;
        allowance.name(&name)?;
        Some(Symbol {
            name: Rc::from(name.strip_prefix('_').unwrap_or(&name)),
            value: bytes.word(at + 8, is_wide)?,
            // Neither for debuggers nor from elsewhere.
            is_defined: kind & 0xe0 == 0 && kind & 0x0e == 0x0e,
            is_thumb: bytes.u16(at + 6)? & 8 != 0,
        })
    };
    (0..count).map_while(read).collect()
}

fn starts(commands: &Commands, symbols: &[Symbol], image: &mut Image<'_>) {
    let is_arm = image.machine == Machine::Arm;
    for symbol in symbols.iter().filter(|symbol| symbol.is_defined && !symbol.name.starts_with("ltmp")) {
        let (class, name) = method(&symbol.name);
        image.starts.push(Start {
            address: symbol.value,
            name: name.to_owned(),
            class: class.to_owned(),
            is_thumb: is_arm.then_some(symbol.is_thumb),
        });
    }
    // A linker may have left sections that no symbol is in.
    let code = commands.sections.iter().filter(|section| section.name == "__text");
    image.starts.extend(code.map(|section| Start { address: section.address, ..Start::default() }));
}

/// The class and the name of `-[Class method]`; of anything else no class.
fn method(name: &str) -> (&str, &str) {
    let inner = name.strip_prefix("-[").or_else(|| name.strip_prefix("+[")).and_then(|rest| rest.strip_suffix(']'));
    inner.and_then(|inner| inner.split_once(' ')).unwrap_or(("", name))
}

/// The list of functions: how far each is from the one before.
fn listed(bytes: Numbers<'_>, commands: &Commands, image: &mut Image<'_>) {
    let Some((at, size)) = commands.starts else { return };
    let Some(list) = bytes.part(at, size) else { return };
    let mut address = commands.base.unwrap_or(0);
    let (mut value, mut shift) = (0_u64, 0_u32);
    for byte in list {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 != 0 {
            continue;
        }
        if value == 0 || image.allowance.entry().is_none() {
            break;
        }
        address = address.wrapping_add(value);
        let is_arm = image.machine == Machine::Arm;
        let start = if is_arm { address & !1 } else { address };
        image.starts.push(Start { address: start, is_thumb: is_arm.then_some(address & 1 == 1), ..Start::default() });
        image.is_listed = true;
        (value, shift) = (0, 0);
    }
}

/// Stubs and pointers that the loader fills.
fn indirect(bytes: Numbers<'_>, commands: &Commands, symbols: &[Symbol], is_wide: bool, image: &mut Image<'_>) {
    let Some((table, count)) = commands.indirect else { return };
    for section in &commands.sections {
        let each = match section.kind {
            8 => u64::from(section.stub_size),
            6 | 7 => {
                if is_wide {
                    8
                } else {
                    4
                }
            }
            _ => continue,
        };
        if each == 0 {
            continue;
        }
        for n in 0..section.size / each {
            let number = u64::from(section.first_indirect) + n;
            let Some(at) = usize::try_from(number).ok().filter(|number| *number < count) else { break };
            let Some(symbol) = bytes.u32(table.saturating_add(at * 4)) else { break };
            if image.allowance.entry().is_none() {
                return;
            }
            let Some(symbol) = symbols.get(symbol as usize) else { continue };
            let into = if section.kind == 8 { &mut image.imports } else { &mut image.slots };
            let site = if symbol.is_defined { Site::Address(symbol.value) } else { Site::Import(symbol.name.clone()) };
            into.insert(section.address.wrapping_add(n * each), site);
        }
    }
}

/// What a linker would fill in, in an object file.
fn relocations(bytes: Numbers<'_>, commands: &Commands, symbols: &[Symbol], image: &mut Image<'_>) {
    for section in &commands.sections {
        let (table, count) = section.relocations;
        let mut addend = 0_u64;
        for n in 0..count {
            let at = table.saturating_add(n.saturating_mul(8));
            let (Some(place), Some(word)) = (bytes.u32(at), bytes.u32(at.saturating_add(4))) else { break };
            if image.allowance.entry().is_none() {
                return;
            }
            // The scattered kind names addresses, not symbols.
            if place & 0x8000_0000 != 0 {
                continue;
            }
            let (number, kind, is_symbol) = (word & 0xff_ffff, word >> 28, word & 0x0800_0000 != 0);
            if image.machine == Machine::Arm64 && kind == 10 {
                addend = super::signed(u64::from(number), 24);
                continue;
            }
            let symbol = symbols.get(number as usize).filter(|_| is_symbol);
            let site = section.address.wrapping_add(u64::from(place));
            if let Some(symbol) = symbol {
                let target = if symbol.is_defined {
                    Site::Address(symbol.value.wrapping_add(std::mem::take(&mut addend)))
                } else {
                    Site::Import(symbol.name.clone())
                };
                image.sites.insert(site, target);
            }
            addend = 0;
        }
    }
}

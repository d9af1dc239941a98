//! x86 in 32 and 64 bits: how long each instruction is and what it does. Knows no operand but those that say
//! something: numbers, offsets into objects, strings, callees.

use super::{Image, Reading, signed};

/// Numbers of this processor's operations begin here.
const BASE: u32 = 0x1000;
/// No instruction is longer.
const BYTES_MAX: usize = 15;
/// The stack pointer and the frame pointer.
const STACK: u8 = 4;
const FRAME: u8 = 5;

/// An instruction, as far as it is looked into.
#[derive(Clone, Copy, Debug, Default)]
struct Instruction {
    length: usize,
    /// 0 one byte, 1 behind `0f`, 2 behind `0f38`, 3 behind `0f3a`.
    map: u8,
    opcode: u8,
    /// What `66`, `f2`, `f3` make of it, where they do.
    prefix: u8,
    modrm: Option<u8>,
    /// The register that an address is counted from; nothing for none or the place itself.
    base: Option<u8>,
    displacement: Option<i32>,
    is_relative: bool,
    immediate: Option<u64>,
}

impl Instruction {
    fn register(&self) -> u8 {
        self.modrm.map_or(0, |modrm| (modrm >> 3) & 7)
    }

    fn is_memory(&self) -> bool {
        self.modrm.is_some_and(|modrm| modrm >> 6 != 3)
    }

    fn is_stack(&self) -> bool {
        self.is_memory() && matches!(self.base, Some(STACK | FRAME))
    }
}

/// The pointer that a stub jumps through.
pub(super) fn stub(image: &Image<'_>, address: u64) -> Option<u64> {
    let bytes = image.at(address)?;
    let landing = usize::from(bytes.starts_with(b"\xf3\x0f\x1e\xfa") || bytes.starts_with(b"\xf3\x0f\x1e\xfb")) * 4;
    let rest = bytes.get(landing..)?;
    let bound = usize::from(rest.first() == Some(&0xf2));
    let rest = rest.get(bound..)?;
    let number = rest.get(2..)?.first_chunk().map(|four| u32::from_le_bytes(*four))?;
    match (rest.first()?, rest.get(1)?, image.machine) {
        (0xff, 0x25, super::Machine::X64) => {
            let next = address.wrapping_add((landing + bound + 6) as u64);
            Some(next.wrapping_add(signed(u64::from(number), 32)))
        }
        (0xff, 0x25, _) => Some(u64::from(number)),
        (0xff, 0xa3, _) => Some(u64::from((image.table? as u32).wrapping_add(number))),
        _ => None,
    }
}

pub(super) fn read(reading: &mut Reading<'_, '_>, bytes: &[u8], is_wide: bool) {
    let mut rest = bytes;
    let mut at = reading.start;
    while !rest.is_empty() {
        let instruction = decode(rest, is_wide);
        let length = instruction.map_or(1, |instruction| instruction.length.clamp(1, rest.len()));
        let next = at.wrapping_add(length as u64);
        if let Some(instruction) = instruction {
            tell(reading, &instruction, at, next, is_wide);
        }
        at = next;
        rest = rest.get(length..).unwrap_or(&[]);
    }
}

fn tell(reading: &mut Reading<'_, '_>, one: &Instruction, at: u64, next: u64, is_wide: bool) {
    let relative = one.immediate.map(|value| {
        let target = next.wrapping_add(value);
        if is_wide { target } else { target & 0xffff_ffff }
    });
    // What a linker fills in stands at the end of a call or a jump.
    let site = next.wrapping_sub(4);
    match (one.map, one.opcode, relative) {
        (0, 0xe8, Some(target)) => return reading.call(site, target, None),
        (0, 0xe9 | 0xeb, Some(target)) => {
            return reading.jump(if one.opcode == 0xe9 { site } else { at }, target, None);
        }
        (0, 0x70..=0x7f | 0xe0..=0xe3, _) | (1, 0x80..=0x8f, _) => return reading.branch(),
        _ => {}
    }
    let pointed = pointed(reading, one, next, is_wide);
    if one.map == 0 && one.opcode == 0xff && matches!(one.register(), 2 | 4) {
        return match pointed {
            Some(slot) => reading.call_slot(slot),
            None => reading.indirect(),
        };
    }
    if is_silent(one) {
        return;
    }
    if let Some(address) = pointed {
        let linked = match reading.image.sites.get(&site) {
            Some(super::Site::Address(address)) => Some(*address),
            Some(super::Site::Import(_)) => None,
            None => Some(address),
        };
        if let Some(address) = linked {
            // `lea` takes the address; anything else reads there.
            if one.map == 0 && one.opcode == 0x8d {
                return reading.address(address);
            }
            reading.load(address);
            reading.address(address);
        }
    }
    operation(reading, one, pointed.is_some());
}

/// The place that an operand names, if the instruction alone says which.
fn pointed(reading: &Reading<'_, '_>, one: &Instruction, next: u64, is_wide: bool) -> Option<u64> {
    let displacement = one.displacement.filter(|_| one.is_memory())?;
    if one.is_relative {
        return Some(next.wrapping_add(displacement as u64));
    }
    // 32-bit code counts from its table of addresses; a small offset is one into an object.
    let far = !is_wide && displacement.unsigned_abs() > 0x800 && !one.is_stack();
    let table = reading.image.table.filter(|_| far)?;
    let address = u64::from((table as u32).wrapping_add_signed(displacement));
    reading.image.at(address).map(|_| address)
}

/// What moves things between registers and the stack, and what does nothing.
fn is_silent(one: &Instruction) -> bool {
    let between = !one.is_memory() || one.is_stack();
    match (one.map, one.opcode) {
        (0, 0x50..=0x5f | 0x68 | 0x6a | 0x90 | 0xc2 | 0xc3 | 0xc9 | 0xcc) => true,
        (0, 0x88..=0x8b | 0x8d) => between,
        (0, 0xc6 | 0xc7) => one.is_stack(),
        (1, 0x10 | 0x11 | 0x28 | 0x29 | 0x6f | 0x7f) => between,
        (1, 0x1e | 0x1f) => true,
        // Clearing a register.
        (0, 0x31 | 0x33) => one.modrm.is_some_and(|modrm| modrm >> 6 == 3 && modrm & 7 == (modrm >> 3) & 7),
        // Making room on the stack.
        (0, 0x81 | 0x83) => one.modrm.is_some_and(|modrm| modrm >> 6 == 3 && modrm & 7 == STACK),
        _ => false,
    }
}

fn operation(reading: &mut Reading<'_, '_>, one: &Instruction, is_place: bool) {
    // One operation in several encodings is one.
    let (kind, selects) = match (one.map, one.opcode) {
        (0, opcode @ 0x00..=0x3f) => (u32::from(opcode >> 3), false),
        (0, 0x80..=0x83) => (u32::from(one.register()), false),
        (0, 0x88..=0x8b) => (0x88 + u32::from(one.opcode & 2), false),
        (0, 0xb8..=0xbf) => (0xb8, false),
        (0, opcode @ (0xc0 | 0xc1 | 0xd0..=0xd3)) => (0xc0 + u32::from(opcode & 2), true),
        (0, opcode @ (0xf6 | 0xf7 | 0xfe | 0xff | 0xd8..=0xdf | 0x8f)) => (u32::from(opcode), true),
        (map, opcode) => (u32::from(map) << 8 | u32::from(opcode) | u32::from(one.prefix) << 12, false),
    };
    let kind = BASE + (kind << 3 | if selects { u32::from(one.register()) } else { 0 });
    let offset = one.displacement.filter(|_| one.is_memory() && !one.is_stack() && !is_place);
    let number = one.immediate.unwrap_or(0);
    if one.map == 0 && matches!(one.opcode, 0xb8..=0xbf | 0xc7) && kind != 0 {
        reading.number(number & 0xffff_ffff);
        if matches!(one.opcode, 0xb8..=0xbf) {
            return;
        }
    }
    let small = if number < 0x1000 { number } else { 0 };
    reading.op(kind, (offset.unwrap_or(0) as u32 as u64) << 32 | small);
}

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    Byte,
    Short,
    /// As wide as the operand, four bytes at most.
    Operand,
    Four,
    /// `mov` to a register takes eight where it is told to.
    Full,
    /// An address.
    Address,
    Three,
    Six,
}

/// Whether an opcode of the first map has operands, and what follows; nothing for what is no opcode here.
fn shape(opcode: u8, is_wide: bool) -> Option<(bool, Tail)> {
    Some(match opcode {
        0x00..=0x3f => match opcode & 7 {
            0..=3 => (true, Tail::Nothing),
            4 => (false, Tail::Byte),
            5 => (false, Tail::Operand),
            _ if is_wide => return None,
            _ => (false, Tail::Nothing),
        },
        0x63 | 0x84..=0x8f | 0xd0..=0xd3 | 0xd8..=0xdf | 0xf6 | 0xf7 | 0xfe | 0xff => (true, Tail::Nothing),
        0x62 => (true, Tail::Nothing),
        0x68 => (false, Tail::Operand),
        0x69 | 0x81 | 0xc7 => (true, Tail::Operand),
        0x6b | 0x80 | 0x82 | 0x83 | 0xc0 | 0xc1 | 0xc6 => (true, Tail::Byte),
        0x6a | 0x70..=0x7f | 0xa8 | 0xb0..=0xb7 | 0xcd | 0xd4 | 0xd5 | 0xe0..=0xe7 | 0xeb => (false, Tail::Byte),
        0x9a | 0xea => (false, Tail::Six),
        0xa0..=0xa3 => (false, Tail::Address),
        0xa9 => (false, Tail::Operand),
        0xb8..=0xbf => (false, Tail::Full),
        0xc2 | 0xca => (false, Tail::Short),
        0xc8 => (false, Tail::Three),
        0xe8 | 0xe9 => (false, Tail::Four),
        _ => (false, Tail::Nothing),
    })
}

/// The same for the map behind `0f`.
const fn shape_0f(opcode: u8) -> (bool, Tail) {
    match opcode {
        0x05..=0x09 | 0x0b | 0x0e | 0x30..=0x37 | 0x77 | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf => {
            (false, Tail::Nothing)
        }
        0x80..=0x8f => (false, Tail::Four),
        0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6 => (true, Tail::Byte),
        _ => (true, Tail::Nothing),
    }
}

struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn peek(&self) -> Option<u8> {
        self.all.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        (self.at <= BYTES_MAX).then_some(byte)
    }

    /// A little-endian number of so many bytes, signed.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let mut value = 0;
        for n in 0..bytes {
            value |= u64::from(self.next()?) << (8 * n);
        }
        Some(if bytes == 0 { 0 } else { signed(value, 8 * bytes as u32) })
    }
}

fn decode(all: &[u8], is_wide: bool) -> Option<Instruction> {
    let mut bytes = Bytes { all, at: 0 };
    let mut one = Instruction::default();
    let (mut is_short, mut rex) = (false, 0);
    let mut opcode = loop {
        match bytes.next()? {
            0x66 => {
                is_short = true;
                one.prefix = one.prefix.max(1);
            }
            byte @ (0xf2 | 0xf3) => one.prefix = byte & 3,
            0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x67 | 0xf0 => {}
            byte @ 0x40..=0x4f if is_wide => rex = byte,
            other => break other,
        }
    };
    let is_vector = is_wide || bytes.peek().is_some_and(|next| next >> 6 == 3);
    let (has_modrm, tail) = match opcode {
        0xc4 | 0xc5 | 0x62 if is_vector => {
            opcode = vector(&mut bytes, &mut one, opcode)?;
            if one.map == 1 { shape_0f(opcode) } else { (true, if one.map == 3 { Tail::Byte } else { Tail::Nothing }) }
        }
        0x0f => {
            opcode = bytes.next()?;
            (one.map, opcode) = match opcode {
                0x38 => (2, bytes.next()?),
                0x3a => (3, bytes.next()?),
                other => (1, other),
            };
            match one.map {
                1 => shape_0f(opcode),
                2 => (true, Tail::Nothing),
                _ => (true, Tail::Byte),
            }
        }
        other => shape(other, is_wide)?,
    };
    one.opcode = opcode;
    if has_modrm {
        operands(&mut bytes, &mut one, is_wide)?;
        // Registers eight to fifteen are neither stack nor frame.
        one.base = one.base.map(|base| base | (rex & 1) << 3);
    }
    let tests = one.map == 0 && matches!(opcode, 0xf6 | 0xf7) && one.register() < 2;
    let size = width(tail, opcode, tests, is_short, if rex & 8 != 0 { 8 } else { 4 }, is_wide);
    if size > 0 {
        one.immediate = Some(bytes.number(size)?);
    }
    one.length = bytes.at;
    Some(one)
}

/// Bytes that follow.
fn width(tail: Tail, opcode: u8, tests: bool, is_short: bool, full: usize, is_wide: bool) -> usize {
    let operand = if is_short { 2 } else { 4 };
    match tail {
        Tail::Nothing if tests && opcode == 0xf6 => 1,
        Tail::Nothing if tests => operand,
        Tail::Nothing => 0,
        Tail::Byte => 1,
        Tail::Short => 2,
        Tail::Three => 3,
        Tail::Operand => operand,
        Tail::Four => 4,
        Tail::Full if is_short => operand,
        Tail::Full => full,
        Tail::Address if is_wide => 8,
        Tail::Address => 4,
        Tail::Six => 6,
    }
}

/// The prefixes of vector instructions; gives the opcode behind them.
fn vector(bytes: &mut Bytes<'_>, one: &mut Instruction, mark: u8) -> Option<u8> {
    let first = bytes.next()?;
    let (map, kind) = match mark {
        0xc5 => (1, first),
        0xc4 => (first & 31, bytes.next()?),
        _ => {
            let kind = bytes.next()?;
            bytes.next()?;
            (first & 7, kind)
        }
    };
    one.map = map;
    one.prefix = kind & 3;
    bytes.next()
}

fn operands(bytes: &mut Bytes<'_>, one: &mut Instruction, is_wide: bool) -> Option<()> {
    let modrm = bytes.next()?;
    one.modrm = Some(modrm);
    let (mode, mut base) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return Some(());
    }
    let mut scaled = false;
    if base == STACK {
        base = bytes.next()? & 7;
        scaled = true;
    }
    match mode {
        0 if base == 5 => {
            one.displacement = Some(bytes.number(4)? as i32);
            one.is_relative = is_wide && !scaled;
            return Some(());
        }
        1 => one.displacement = Some(bytes.number(1)? as i32),
        2 => one.displacement = Some(bytes.number(4)? as i32),
        _ => {}
    }
    one.base = Some(base);
    Some(())
}

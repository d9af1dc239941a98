//! 32-bit ARM, in both its instruction sets: the long one, and Thumb, which phones' libraries are in. The same
//! operation in a short and a long encoding is one operation.

use super::{Image, Reading, Site, signed};

/// Numbers of this processor's operations begin here.
const BASE: u32 = 0x200;
const STACK: u32 = 13;
const PLACE: u32 = 15;
/// Frame pointers of the two instruction sets.
const FRAMES: [u32; 2] = [7, 11];

/// Operations that both encodings of Thumb have.
#[derive(Clone, Copy)]
enum Op {
    Add = 0,
    Subtract,
    Compare,
    ShiftLeft,
    ShiftRight,
    ShiftSigned,
    Load,
    LoadByte,
    LoadShort,
    LoadSigned,
    Store,
    StoreByte,
    StoreShort,
    /// Of two registers; the operation's own number follows.
    Register,
    Other,
    Long,
    Multiple,
}

/// What registers are known to hold.
#[derive(Default)]
struct Known([Option<u32>; 16]);

impl Known {
    fn get(&self, register: u32) -> Option<u32> {
        self.0.get(register as usize).copied().flatten()
    }

    fn set(&mut self, register: u32, value: Option<u32>) {
        if let Some(slot) = self.0.get_mut(register as usize) {
            *slot = value;
        }
    }
}

/// The pointer that a stub jumps through: `add ip, pc, …; add ip, ip, …; ldr pc, [ip, …]!`.
pub(super) fn stub(image: &Image<'_>, address: u64) -> Option<u64> {
    // From Thumb the stub is entered by `bx pc`.
    let skip = if image.u32(address)? & 0xffff == 0x4778 { 4 } else { 0 };
    let at = address.wrapping_add(skip);
    let mut sum = (at as u32).wrapping_add(8);
    for n in 0..4 {
        let word = image.u32(at + 4 * n)?;
        match word & 0xffff_f000 {
            0xe28f_c000 | 0xe28c_c000 => sum = sum.wrapping_add((word & 0xff).rotate_right((word >> 7) & 30)),
            0xe5bc_f000 => return Some(u64::from(sum.wrapping_add(word & 0xfff))),
            _ => return None,
        }
    }
    None
}

fn is_frame(register: u32) -> bool {
    register == STACK || FRAMES.contains(&register)
}

/// Reads a function in Thumb.
pub(super) fn read_thumb(reading: &mut Reading<'_, '_>, bytes: &[u8]) {
    let mut known = Known::default();
    let mut rest = bytes;
    let mut at = reading.start;
    while let Some(first) = rest.first_chunk().map(|two| u32::from(u16::from_le_bytes(*two))) {
        let second = rest.get(2..).and_then(|rest| rest.first_chunk()).map(|two| u32::from(u16::from_le_bytes(*two)));
        let is_long = first >> 11 >= 0b11101;
        match second.filter(|_| is_long) {
            Some(second) => long(reading, &mut known, first, second, at),
            None if is_long => return,
            None => short(reading, &mut known, first, at),
        }
        let length = if is_long { 4 } else { 2 };
        rest = rest.get(length..).unwrap_or(&[]);
        at += length as u64;
    }
}

fn tell(reading: &mut Reading<'_, '_>, op: Op, detail: u32) {
    reading.op(BASE + op as u32, u64::from(detail));
}

/// A word that stands in the code.
fn literal(reading: &Reading<'_, '_>, at: u64, offset: u32) -> Option<u32> {
    let place = (at & !3).wrapping_add(4).wrapping_add(u64::from(offset));
    match reading.image.sites.get(&place) {
        Some(Site::Address(address)) => Some(*address as u32),
        Some(Site::Import(_)) => None,
        None => reading.image.u32(place),
    }
}

fn short(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (low, middle) = (word & 7, (word >> 3) & 7);
    let (wide, byte) = ((word >> 8) & 7, word & 0xff);
    match word >> 11 {
        // A shift by nothing is a move.
        0 if (word >> 6) & 31 == 0 => known.set(low, known.get(middle)),
        kind @ 0..=2 => {
            known.set(low, None);
            let op = [Op::ShiftLeft, Op::ShiftRight, Op::ShiftSigned].get(kind as usize).copied().unwrap_or(Op::Other);
            tell(reading, op, (word >> 6) & 31);
        }
        3 => {
            known.set(low, None);
            let op = if word & 0x200 == 0 { Op::Add } else { Op::Subtract };
            tell(reading, op, if word & 0x400 == 0 { 0x1_0000 } else { (word >> 6) & 7 });
        }
        4 => known.set(wide, None),
        5 => tell(reading, Op::Compare, byte),
        6 | 7 => {
            known.set(wide, None);
            tell(reading, if word >> 11 == 6 { Op::Add } else { Op::Subtract }, byte);
        }
        8 if word & 0x0400 == 0 => registers(reading, known, word),
        8 => high(reading, known, word, at),
        9 => {
            let value = literal(reading, at, byte * 4);
            known.set(wide, value);
        }
        10 | 11 => {
            known.set(low, None);
            tell(reading, Op::Register, 0x100 | (word >> 9));
        }
        kind @ 12..=17 => {
            let op = [Op::Store, Op::Load, Op::StoreByte, Op::LoadByte, Op::StoreShort, Op::LoadShort];
            let op = op.get(kind as usize - 12).copied().unwrap_or(Op::Other);
            let scale = [2, 2, 0, 0, 1, 1].get(kind as usize - 12).copied().unwrap_or(0);
            access(reading, known, op, (low, middle, ((word >> 6) & 31) << scale));
        }
        // The stack, and addresses near by.
        18 | 19 => known.set(wide, None),
        20 => {
            known.set(wide, None);
            reading.address((at & !3).wrapping_add(4 + u64::from(byte) * 4));
        }
        22 | 23 => miscellaneous(reading, word),
        24 | 25 => tell(reading, Op::Multiple, word >> 11),
        26 | 27 => reading.branch(),
        28 => {
            let target = at.wrapping_add(4).wrapping_add(signed(u64::from(word & 0x7ff) << 1, 12));
            reading.jump(at, target & 0xffff_ffff, Some(true));
        }
        _ => {}
    }
}

fn registers(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32) {
    known.set(word & 7, None);
    match (word >> 6) & 15 {
        // Comparisons have an operation of their own.
        10 => tell(reading, Op::Compare, 0x1_0000),
        // Shifts by a register: `lsl`, `lsr`, `asr`.
        kind => tell(reading, Op::Register, kind),
    }
}

/// Operations on all registers, jumps through one among them.
fn high(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (to, from) = (word & 7 | (word >> 4) & 8, (word >> 3) & 15);
    match (word >> 8) & 3 {
        0 if from == PLACE => {
            let sum = known.get(to).map(|value| value.wrapping_add(at as u32).wrapping_add(4));
            known.set(to, sum);
            if let Some(address) = sum {
                reading.address(u64::from(address));
                reading.load(u64::from(address));
            }
        }
        0 => {
            known.set(to, None);
            tell(reading, Op::Add, 0x1_0000);
        }
        1 => tell(reading, Op::Compare, 0x1_0000),
        2 => known.set(to, known.get(from)),
        _ if from == 14 && word & 0x80 == 0 => {}
        _ => {
            known.0 = [None; 16];
            reading.indirect();
        }
    }
}

fn miscellaneous(reading: &mut Reading<'_, '_>, word: u32) {
    match (word >> 8) & 15 {
        // Comparing with zero and jumping.
        1 | 3 | 9 | 11 => reading.branch(),
        2 | 10 => tell(reading, Op::Other, word >> 6),
        // Pushing, popping, the stack, `it` and hints.
        _ => {}
    }
}

/// A load or a store: target, base, offset.
fn access(reading: &mut Reading<'_, '_>, known: &mut Known, op: Op, (to, base, offset): (u32, u32, u32)) {
    let from = known.get(base);
    if matches!(op, Op::Load | Op::LoadByte | Op::LoadShort | Op::LoadSigned) {
        known.set(to, None);
    }
    if let (Op::Load, Some(from)) = (op, from) {
        return reading.load(u64::from(from.wrapping_add(offset)));
    }
    if !is_frame(base) {
        tell(reading, op, offset);
    }
}

fn long(reading: &mut Reading<'_, '_>, known: &mut Known, first: u32, second: u32, at: u64) {
    let to = (second >> 8) & 15;
    let base = first & 15;
    if first >> 11 == 0b11110 && second & 0x8000 != 0 {
        return branches(reading, known, first, second, at);
    }
    if first >> 11 == 0b11110 {
        return immediates(reading, known, first, second);
    }
    match (first >> 9) & 15 {
        // Several registers, two registers, tables of jumps.
        0b0100 => {
            if base != STACK {
                tell(reading, Op::Multiple, 0x100 | (first >> 4) & 0x1f);
            }
        }
        0b0101 => {
            let kind = (first >> 5) & 15;
            let is_move = kind == 2 && base == PLACE && second & 0x70f0 == 0;
            known.set(to, if is_move { known.get(second & 15) } else { None });
            if !is_move {
                let compares = to == PLACE && kind == 13;
                if compares { tell(reading, Op::Compare, 0x1_0000) } else { tell(reading, Op::Register, kind << 4) }
            }
        }
        0b1100 | 0b1101 if (first >> 8) & 1 == 0 || first & 0x0100 != 0 => single(reading, known, first, second, at),
        _ => {
            // Multiplication, coprocessors, vectors.
            known.set(to, None);
            reading.op(BASE + Op::Long as u32, u64::from(first & 0xffb0) << 16 | u64::from(second & 0x0ff0 & !0x00a0));
        }
    }
}

/// Loads and stores of one register.
fn single(reading: &mut Reading<'_, '_>, known: &mut Known, first: u32, second: u32, at: u64) {
    let (base, to) = (first & 15, second >> 12);
    let is_far = first & 0x80 != 0;
    if first & 0xfe00 != 0xf800 {
        known.set((second >> 8) & 15, None);
        return reading.op(BASE + Op::Long as u32, u64::from(first & 0xffb0) << 16 | u64::from(second & 0x00f0));
    }
    if base == PLACE {
        let value = if is_far { literal(reading, at, second & 0xfff) } else { None };
        return known.set(to, value);
    }
    let op = match (first >> 4) & 7 {
        0 => Op::StoreByte,
        1 if first & 0x100 == 0 => Op::LoadByte,
        2 => Op::StoreShort,
        3 if first & 0x100 == 0 => Op::LoadShort,
        4 => Op::Store,
        5 => Op::Load,
        _ => Op::LoadSigned,
    };
    let offset = if is_far {
        second & 0xfff
    } else if second & 0x800 == 0 {
        0x1_0000
    } else {
        0x2_0000 | second & 0x7ff
    };
    access(reading, known, op, (to, base, offset));
}

fn branches(reading: &mut Reading<'_, '_>, known: &mut Known, first: u32, second: u32, at: u64) {
    let sign = (first >> 10) & 1;
    let (one, two) = ((second >> 13) & 1, (second >> 11) & 1);
    let (high, low) = (!(one ^ sign) & 1, !(two ^ sign) & 1);
    let offset = sign << 24 | high << 23 | low << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
    let offset = signed(u64::from(offset), 25);
    let place = at.wrapping_add(4);
    match (second >> 12) & 5 {
        // Calls, within Thumb and out of it.
        5 => {
            known.0 = [None; 16];
            reading.call(at, place.wrapping_add(offset) & 0xffff_ffff, Some(true));
        }
        4 => {
            known.0 = [None; 16];
            reading.call(at, (place & !3).wrapping_add(offset & !3) & 0xffff_ffff, Some(false));
        }
        1 => reading.jump(at, place.wrapping_add(offset) & 0xffff_ffff, Some(true)),
        // Conditional jumps; what else stands here are barriers and system registers.
        _ if (first >> 7) & 7 != 7 => reading.branch(),
        _ => {}
    }
}

fn immediates(reading: &mut Reading<'_, '_>, known: &mut Known, first: u32, second: u32) {
    let (base, to) = (first & 15, (second >> 8) & 15);
    let number = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff;
    if first & 0x200 == 0 {
        let kind = (first >> 5) & 15;
        let was = known.get(to);
        known.set(to, None);
        return match kind {
            // `mov` and `mvn`.
            2 | 3 if base == PLACE => {}
            8 if to != PLACE && !is_frame(base) => tell(reading, Op::Add, number),
            13 if to != PLACE && !is_frame(base) => tell(reading, Op::Subtract, number),
            8 | 13 if to == PLACE => {
                known.set(to, was);
                tell(reading, Op::Compare, number);
            }
            8 | 13 => {}
            _ => tell(reading, Op::Register, 0x1000 | kind << 16 | number),
        };
    }
    let half = base << 12 | number;
    match (first >> 4) & 31 {
        // `movw` and `movt` put a number together.
        4 => known.set(to, Some(half)),
        12 => {
            let sum = known.get(to).map(|low| half << 16 | low & 0xffff);
            known.set(to, sum);
            if let Some(sum) = sum {
                reading.number(u64::from(sum));
                reading.address(u64::from(sum));
            }
        }
        0 | 10 => {
            known.set(to, None);
            if !is_frame(base) && base != PLACE {
                tell(reading, if (first >> 4) & 31 == 0 { Op::Add } else { Op::Subtract }, number);
            }
        }
        kind => {
            known.set(to, None);
            tell(reading, Op::Other, kind << 12 | second & 0x70df);
        }
    }
}

/// Reads a function in the long instruction set.
pub(super) fn read(reading: &mut Reading<'_, '_>, bytes: &[u8]) {
    let mut known = Known::default();
    let (words, _) = bytes.as_chunks::<4>();
    let mut at = reading.start;
    for word in words {
        one(reading, &mut known, u32::from_le_bytes(*word), at);
        at = at.wrapping_add(4);
    }
}

fn one(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (base, to) = ((word >> 16) & 15, (word >> 12) & 15);
    match (word >> 25) & 7 {
        5 => {
            let target = at.wrapping_add(8).wrapping_add(signed(u64::from(word & 0xff_ffff) << 2, 26)) & 0xffff_ffff;
            match (word >> 28, word & 0x0100_0000) {
                (15, _) => reading.call(at, target, Some(true)),
                (_, 0x0100_0000) => {
                    known.0 = [None; 16];
                    reading.call(at, target, Some(false));
                }
                (14, _) => reading.jump(at, target, Some(false)),
                _ => reading.branch(),
            }
        }
        // Loads and stores.
        2 | 3 => {
            let is_load = word & 0x0010_0000 != 0;
            if base == PLACE && is_load {
                let place = at.wrapping_add(8).wrapping_add(u64::from(word & 0xfff));
                let value = if word & 0x0080_0000 != 0 { reading.image.u32(place) } else { None };
                return known.set(to, value);
            }
            if is_load {
                known.set(to, None);
            }
            if !is_frame(base) {
                let offset = if word & 0x0200_0000 == 0 { word & 0xfff } else { 0x1_0000 };
                reading.op(BASE + Op::Long as u32, u64::from(word & 0x0250_0000) << 32 | u64::from(offset));
            }
        }
        4 if base == STACK => {}
        0 | 1 => arithmetic(reading, known, word, at),
        _ => reading.op(BASE + Op::Long as u32, u64::from(word & 0x0ff0_0f70)),
    }
}

fn arithmetic(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (base, to, from) = ((word >> 16) & 15, (word >> 12) & 15, word & 15);
    if word & 0x0fff_ffd0 == 0x012f_ff10 {
        // `bx lr` returns.
        return if from == 14 { known.set(0, None) } else { reading.indirect() };
    }
    let kind = (word >> 21) & 15;
    // `mov` from register to register, and of a number.
    if kind == 13 || kind == 15 {
        let is_plain = word & 0x0200_0ff0 == 0;
        return known.set(to, if is_plain { known.get(from) } else { None });
    }
    if word & 0x0fe0_0ff0 == 0x0080_0000 && (base == PLACE || from == PLACE) {
        let other = if base == PLACE { from } else { base };
        let sum = known.get(other).map(|value| value.wrapping_add(at as u32).wrapping_add(8));
        known.set(to, sum);
        if let Some(address) = sum {
            reading.address(u64::from(address));
            reading.load(u64::from(address));
        }
        return;
    }
    known.set(to, None);
    if is_frame(base) {
        return;
    }
    let number = if word & 0x0200_0000 == 0 { word & 0x0ff0 } else { word & 0xfff };
    reading.op(BASE + Op::Register as u32, u64::from(word & 0x0ff0_0000) << 32 | u64::from(number));
}

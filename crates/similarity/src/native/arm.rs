//! 32-bit ARM, in both its instruction sets: the long one, and Thumb, which phones' libraries are in. The same
//! operation in a short and a long encoding is one operation.

use super::{Image, Reading, Site, signed};
use rustc_hash::FxHashSet;

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

/// What registers are known to hold, and what stands between instructions.
#[derive(Default)]
struct Known {
    registers: [Option<u32>; 16],
    /// Which of these numbers came whole out of the code, and may yet turn out to be a distance from here.
    loose: [bool; 16],
    /// Numbers that were none.
    numbers: Vec<u32>,
    /// Where numbers stand in the code, to be read by it and not run.
    literals: FxHashSet<u64>,
    /// Up to here there is a table of jumps.
    table_end: u64,
    /// What was compared last: how long a table of jumps is.
    compared: u32,
}

impl Known {
    fn get(&self, register: u32) -> Option<u32> {
        self.registers.get(register as usize).copied().flatten()
    }

    fn set(&mut self, register: u32, value: Option<u32>) {
        self.settle(register);
        if let Some(slot) = self.registers.get_mut(register as usize) {
            *slot = value;
        }
    }

    /// A number that the code holds.
    fn load(&mut self, register: u32, value: Option<u32>) {
        self.set(register, value);
        if let Some(loose) = self.loose.get_mut(register as usize) {
            *loose = value.is_some();
        }
    }

    /// The upper half of a number whose lower half is there.
    fn raise(&mut self, register: u32, half: u32) {
        let sum = self.get(register).map(|low| half << 16 | low & 0xffff);
        self.is_distance(register);
        self.load(register, sum);
    }

    /// What is moved is no other number.
    fn copy(&mut self, to: u32, from: u32) {
        let loose = self.loose.get_mut(from as usize).map(std::mem::take).unwrap_or(false);
        self.set(to, self.get(from));
        if let Some(slot) = self.loose.get_mut(to as usize) {
            *slot = loose;
        }
    }

    /// What was a distance says nothing.
    fn is_distance(&mut self, register: u32) {
        if let Some(loose) = self.loose.get_mut(register as usize) {
            *loose = false;
        }
    }

    fn settle(&mut self, register: u32) {
        if self.loose.get_mut(register as usize).map(std::mem::take).unwrap_or(false) {
            self.numbers.extend(self.get(register));
        }
    }

    /// After a call nothing is known.
    fn forget(&mut self) {
        (0..16).for_each(|register| self.settle(register));
        self.registers = [None; 16];
    }

    /// Whether an instruction cannot stand at a place.
    fn is_data(&self, at: u64) -> bool {
        at < self.table_end || self.literals.contains(&(at & !3))
    }

    fn tell(mut self, reading: &mut Reading<'_, '_>) {
        self.forget();
        for number in self.numbers {
            reading.number(u64::from(number));
            reading.address(u64::from(number));
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
        let is_long = first >> 11 >= 0b11101 && !known.is_data(at);
        match second.filter(|_| is_long) {
            _ if known.is_data(at) => {}
            Some(second) => long(reading, &mut known, first, second, at),
            None if is_long => break,
            None => short(reading, &mut known, first, at),
        }
        let length = if is_long { 4 } else { 2 };
        rest = rest.get(length..).unwrap_or(&[]);
        at += length as u64;
    }
    known.tell(reading);
}

fn tell(reading: &mut Reading<'_, '_>, op: Op, detail: u32) {
    reading.op(BASE + op as u32, u64::from(detail));
}

/// A word that stands in the code.
fn literal(reading: &Reading<'_, '_>, known: &mut Known, place: u64) -> Option<u32> {
    known.literals.insert(place & !3);
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
        0 if (word >> 6) & 31 == 0 => known.copy(low, middle),
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
        5 => {
            known.compared = byte;
            tell(reading, Op::Compare, byte);
        }
        6 | 7 => {
            known.set(wide, None);
            tell(reading, if word >> 11 == 6 { Op::Add } else { Op::Subtract }, byte);
        }
        8 if word & 0x0400 == 0 => registers(reading, known, word),
        8 => high(reading, known, word, at),
        9 => {
            let value = literal(reading, known, near(at, byte * 4));
            known.load(wide, value);
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
            known.is_distance(to);
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
        2 => known.copy(to, from),
        _ if from == 14 && word & 0x80 == 0 => {}
        _ => {
            known.forget();
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
    // A table of jumps, each a byte or two.
    if first == 0xe8df && second & 0xffe0 == 0xf000 {
        let each = if second & 0x10 == 0 { 1 } else { 2 };
        known.table_end = (at + 4 + (u64::from(known.compared) + 1) * each).next_multiple_of(2);
        return reading.indirect();
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
            if is_move {
                known.copy(to, second & 15);
            } else {
                known.set(to, None);
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
        let distance = u64::from(second & 0xfff);
        let from = near(at, 0);
        let place = if is_far { from.wrapping_add(distance) } else { from.wrapping_sub(distance) };
        let value = literal(reading, known, place);
        return known.load(to, value);
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
            known.forget();
            reading.call(at, place.wrapping_add(offset) & 0xffff_ffff, Some(true));
        }
        4 => {
            known.forget();
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
                known.compared = number & 0xff;
                tell(reading, Op::Compare, number);
            }
            8 | 13 => {}
            _ => tell(reading, Op::Register, 0x1000 | kind << 16 | number),
        };
    }
    let half = base << 12 | number;
    match (first >> 4) & 31 {
        // `movw` and `movt` put a number together.
        4 => known.load(to, Some(half)),
        12 => known.raise(to, half),
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
        if !known.is_data(at) {
            one(reading, &mut known, u32::from_le_bytes(*word), at);
        }
        at = at.wrapping_add(4);
    }
    known.tell(reading);
}

/// What is reached from an instruction of Thumb counts from here.
const fn near(at: u64, offset: u32) -> u64 {
    (at & !3).wrapping_add(4).wrapping_add(offset as u64)
}

fn one(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (base, to) = ((word >> 16) & 15, (word >> 12) & 15);
    match (word >> 25) & 7 {
        5 => {
            let target = at.wrapping_add(8).wrapping_add(signed(u64::from(word & 0xff_ffff) << 2, 26)) & 0xffff_ffff;
            match (word >> 28, word & 0x0100_0000) {
                (15, _) => reading.call(at, target, Some(true)),
                (_, 0x0100_0000) => {
                    known.forget();
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
                let here = at.wrapping_add(8);
                let distance = u64::from(word & 0xfff);
                let is_forward = word & 0x0080_0000 != 0;
                if word & 0x0200_0000 == 0 {
                    let place = if is_forward { here.wrapping_add(distance) } else { here.wrapping_sub(distance) };
                    let value = literal(reading, known, place);
                    return known.load(to, value);
                }
                // `ldr r0, [pc, r0]` takes a pointer from the loader's table.
                let slot = known.get(word & 15).map(|value| value.wrapping_add(here as u32));
                known.is_distance(word & 15);
                known.set(to, None);
                if let Some(slot) = slot {
                    reading.load(u64::from(slot));
                }
                return;
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
        let is_plain = kind == 13 && word & 0x0200_0ff0 == 0;
        return if is_plain { known.copy(to, from) } else { known.set(to, None) };
    }
    // `movw` and `movt` put a number together.
    match word & 0x0ff0_0000 {
        0x0300_0000 => return known.load(to, Some(base << 12 | word & 0xfff)),
        0x0340_0000 => return known.raise(to, base << 12 | word & 0xfff),
        _ => {}
    }
    if word & 0x0fe0_0ff0 == 0x0080_0000 && (base == PLACE || from == PLACE) {
        let other = if base == PLACE { from } else { base };
        known.is_distance(other);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Gatherer;
    use crate::native::{Machine, Stretch};
    use crate::work::Work;

    /// Tokens and fingerprints of code that stands at an address.
    fn fingerprints(halves: &[u16], is_thumb: bool) -> (usize, Vec<u64>) {
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let work = Work::endless();
        let mut image = Image::new(Machine::Arm, bytes.len(), &work);
        image.stretches.push(Stretch { address: 0x1000, bytes: &bytes, is_code: true });
        let mut gatherer = Gatherer::default();
        let end = 0x1000 + bytes.len() as u64;
        let mut reading = Reading { image: &image, gatherer: &mut gatherer, start: 0x1000, end, calls: Vec::new() };
        if is_thumb {
            read_thumb(&mut reading, &bytes)
        } else {
            read(&mut reading, &bytes)
        }
        let (tokens, mut out) = (gatherer.tokens(), Vec::new());
        gatherer.finish(&mut out);
        (tokens, out)
    }

    /// Where things lie differs from build to build; numbers do not.
    #[test]
    fn a_distance_says_nothing_and_a_number_does() {
        // `ldr r0, [pc]; add r0, pc; ldr r1, [pc]; bx lr`, and the two words.
        let thumb = |distance: u16, number: u16| {
            fingerprints(&[0x4801, 0x4478, 0x4901, 0x4770, distance, 0x0071, number, 0x5a5a], true)
        };
        // `movw`, `movt`, `add r0, pc`, the same without, `bx lr`.
        let halves = |distance: u16, number: u16| {
            let half =
                |first: u16, to: u16, value: u16| [first | value >> 12, value << 4 & 0x7000 | to << 8 | value & 0xff];
            let [a, b] = half(0xf240, 0, distance);
            let [c, d] = half(0xf2c0, 0, 0x0071);
            let [e, f] = half(0xf240, 1, number);
            let [g, h] = half(0xf2c0, 1, 0x5a5a);
            fingerprints(&[a, b, c, d, 0x4478, e, f, g, h, 0x4770], true)
        };
        // `ldr r0, [pc]; add r0, pc, r0; ldr r1, [pc]; bx lr` in the long instruction set.
        let long = |distance: u16, number: u16| {
            let code =
                [0x0008, 0xe59f, 0x0000, 0xe08f, 0x1004, 0xe59f, 0xff1e, 0xe12f, distance, 0x0071, number, 0x5a5a];
            fingerprints(&code, false)
        };
        for (name, read) in [("thumb", &thumb as &dyn Fn(u16, u16) -> _), ("halves", &halves), ("long", &long)] {
            assert_eq!(read(0x234, 0x1677), read(0x6f8, 0x1677), "{name}: another distance");
            assert_ne!(read(0x234, 0x1677), read(0x234, 0x1678), "{name}: another number");
            assert_eq!(read(0x234, 0x1677).1.len(), 1, "{name}: one number");
        }
    }

    /// `cmp r0, #3; tbb [pc, r0]`, its four bytes, `adds r1, r1, r2` and `bx lr`.
    #[test]
    fn a_table_of_jumps_is_no_code() {
        let read = |table: [u16; 2]| fingerprints(&[0x2803, 0xe8df, 0xf000, table[0], table[1], 0x1889, 0x4770], true);
        assert_eq!(read([0x0402, 0x0806]), read([0x1889, 0x1889]));
        assert_eq!(read([0x0402, 0x0806]).0, 3, "comparing, jumping, adding");
    }
}

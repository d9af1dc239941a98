//! 64-bit ARM: each instruction to what it does. Knows which bits name registers, and drops them.

use super::{Image, Reading, signed};

/// Numbers of this processor's operations begin here.
const BASE: u32 = 0x100;
/// The stack pointer, or the register that is always zero.
const STACK: u32 = 31;
/// The frame pointer.
const FRAME: u32 = 29;

/// What registers are known to hold.
#[derive(Default)]
struct Known {
    values: [Option<u64>; 32],
    /// A number that is being put together, and where.
    number: Option<(u32, u64)>,
}

impl Known {
    fn get(&self, register: u32) -> Option<u64> {
        self.values.get(register as usize).copied().flatten()
    }

    fn set(&mut self, register: u32, value: Option<u64>) {
        if let Some(slot) = self.values.get_mut(register as usize) {
            *slot = value;
        }
    }
}

/// The pointer that a stub jumps through.
pub(super) fn stub(image: &Image<'_>, address: u64) -> Option<u64> {
    let word = |n: u64| image.u32(address.wrapping_add(4 * n));
    // A landing pad may stand first.
    let skip = u64::from(word(0)? == 0xd503_245f);
    let (page, load) = (word(skip)?, word(skip + 1)?);
    if page & 0x9f00_0000 != 0x9000_0000 || load & 0xffc0_0000 != 0xf940_0000 || (load >> 5) & 31 != page & 31 {
        return None;
    }
    Some(adr(page, address + 4 * skip).wrapping_add(u64::from((load >> 10) & 0xfff) * 8))
}

const fn adr(word: u32, at: u64) -> u64 {
    let low = (word >> 29) & 3;
    let high = (word >> 5) & 0x7_ffff;
    let offset = signed((high << 2 | low) as u64, 21);
    if word >> 31 == 1 { (at & !0xfff).wrapping_add(offset << 12) } else { at.wrapping_add(offset) }
}

pub(super) fn read(reading: &mut Reading<'_, '_>, bytes: &[u8]) {
    let mut known = Known::default();
    let (words, _) = bytes.as_chunks::<4>();
    let mut at = reading.start;
    for word in words {
        let word = u32::from_le_bytes(*word);
        if !is_wide_move(word) {
            flush(reading, &mut known);
        }
        match (word >> 25) & 15 {
            0b1000 | 0b1001 => immediate(reading, &mut known, word, at),
            0b1010 | 0b1011 => control(reading, &mut known, word, at),
            0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(reading, &mut known, word, at),
            0b0101 | 0b1101 => registers(reading, &mut known, word),
            0b0111 | 0b1111 => reading.op(BASE, u64::from(word & 0xffe0_fc00)),
            // Not allocated, or padding.
            _ => {}
        }
        at = at.wrapping_add(4);
    }
    flush(reading, &mut known);
}

const fn is_wide_move(word: u32) -> bool {
    word & 0x1f80_0000 == 0x1280_0000
}

fn flush(reading: &mut Reading<'_, '_>, known: &mut Known) {
    if let Some((_, number)) = known.number.take() {
        reading.number(number);
    }
}

fn immediate(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (to, from) = (word & 31, (word >> 5) & 31);
    match (word >> 23) & 7 {
        // Addresses.
        0 | 1 => {
            let address = adr(word, at);
            let linked = match reading.image.sites.get(&at) {
                Some(super::Site::Address(address)) => Some(*address),
                Some(super::Site::Import(_)) => None,
                None => Some(address),
            };
            if word >> 31 == 0
                && let Some(address) = linked
            {
                reading.address(address);
            }
            known.set(to, linked);
        }
        // Adding and subtracting.
        2 => {
            let value = u64::from((word >> 10) & 0xfff) << (12 * ((word >> 22) & 1));
            let base = known.get(from);
            known.set(to, None);
            if let Some(base) = base.filter(|_| word & 0xff80_0000 == 0x9100_0000) {
                let address = match reading.image.sites.get(&at) {
                    Some(super::Site::Address(address)) => *address,
                    Some(super::Site::Import(_)) | None => base.wrapping_add(value),
                };
                known.set(to, Some(address));
                return reading.address(address);
            }
            if from != STACK && from != FRAME {
                reading.op(BASE + 1, u64::from(word & 0xff80_0000) << 32 | value);
            }
        }
        // Logic.
        4 => {
            known.set(to, None);
            reading.op(BASE + 2, u64::from(word & 0xffff_fc00));
        }
        5 => wide_move(reading, known, word),
        // Bit fields and extraction.
        6 | 7 => {
            known.set(to, None);
            reading.op(BASE + 3, u64::from(word & 0xffe0_fc00));
        }
        _ => known.set(to, None),
    }
}

fn wide_move(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32) {
    let to = word & 31;
    known.set(to, None);
    let value = u64::from((word >> 5) & 0xffff) << (16 * ((word >> 21) & 3));
    match (word >> 29) & 3 {
        2 => {
            flush(reading, known);
            known.number = Some((to, value));
        }
        3 => match known.number.as_mut().filter(|(register, _)| *register == to) {
            Some((_, number)) => *number |= value,
            None => known.number = Some((to, value)),
        },
        // The complement: small negative numbers are everyday arithmetic.
        _ => flush(reading, known),
    }
}

fn control(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    if word & 0x7c00_0000 == 0x1400_0000 {
        let target = at.wrapping_add(signed(u64::from(word & 0x3ff_ffff), 26) << 2);
        if word >> 31 == 1 {
            known.values = [None; 32];
            reading.call(at, target, None);
        } else {
            reading.jump(at, target, None);
        }
    } else if word & 0x7c00_0000 == 0x3400_0000 || word & 0xfe00_0000 == 0x5400_0000 {
        reading.branch();
    } else if word & 0xfe00_0000 == 0xd600_0000 {
        // Returns are everywhere; a call or a jump through a register is not.
        if (word >> 21) & 3 != 2 {
            known.values = [None; 32];
            reading.indirect();
        }
    } else if word & 0xff00_0000 == 0xd400_0000 {
        reading.op(BASE + 4, u64::from(word & 0xffe0_001f));
    } else if word & 0xffe0_0000 == 0xd520_0000 || word & 0xffe0_0000 == 0xd500_0000 {
        // Hints, barriers, system registers; hints do nothing.
        if word & 0xffff_f01f != 0xd503_201f {
            reading.op(BASE + 5, u64::from(word & 0xffff_ffe0));
        }
    }
}

fn memory(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32, at: u64) {
    let (to, base) = (word & 31, (word >> 5) & 31);
    let is_load = word & 0x0040_0000 != 0;
    let from = known.get(base);
    if word & 0x0400_0000 == 0 {
        known.set(to, None);
    }
    // Literals are addresses in the code.
    if word & 0x3b00_0000 == 0x1800_0000 {
        return;
    }
    if word & 0x3b00_0000 == 0x3900_0000 {
        let scale = (word >> 30) + if word & 0x0480_0000 == 0x0480_0000 { 4 } else { 0 };
        let offset = u64::from((word >> 10) & 0xfff);
        if let Some(from) = from {
            if is_load && word & 0xffc0_0000 == 0xf940_0000 {
                let slot = match reading.image.sites.get(&at) {
                    Some(super::Site::Address(address)) => *address,
                    Some(super::Site::Import(_)) | None => from.wrapping_add(offset << scale.min(4)),
                };
                reading.load(slot);
            }
            return;
        }
        if base != STACK && base != FRAME {
            reading.op(BASE + 6, u64::from(word & 0xffc0_0000) << 32 | offset);
        }
        return;
    }
    // What is kept on the stack depends on how registers were handed out.
    if base == STACK || base == FRAME {
        return;
    }
    let is_pair = word & 0x3a00_0000 == 0x2800_0000;
    let kept = if is_pair {
        word & 0xffc0_0000
    } else if word & 0x3b20_0000 == 0x3800_0000 {
        word & 0xffff_fc00
    } else {
        word & 0xffe0_fc00
    };
    reading.op(BASE + 7, u64::from(kept));
}

fn registers(reading: &mut Reading<'_, '_>, known: &mut Known, word: u32) {
    let to = word & 31;
    // `mov` from register to register.
    if word & 0x7fe0_ffe0 == 0x2a00_03e0 {
        let value = known.get((word >> 16) & 31);
        return known.set(to, value);
    }
    known.set(to, None);
    let kept = match (word >> 24) & 31 {
        // Three sources: the fourth register goes too.
        0b11011 => word & 0xffe0_8000,
        // Conditions: compilers turn them round.
        0b11010 if (word >> 21) & 7 == 4 || (word >> 21) & 7 == 2 => word & 0xffe0_0c00,
        _ => word & 0xffe0_fc00,
    };
    reading.op(BASE + 8, u64::from(kept));
}

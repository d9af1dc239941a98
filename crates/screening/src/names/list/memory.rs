//! Tables are seldom in a core's nearest cache: what will be needed of them is asked for at once, so that it is waited
//! for once and not each time.

use std::hint::black_box;

/// Something whose first byte tells that all of a line is there.
pub(super) trait Line {
    fn first(&self) -> u8;
}

impl Line for u32 {
    fn first(&self) -> u8 {
        *self as u8
    }
}

impl Line for u64 {
    fn first(&self) -> u8 {
        *self as u8
    }
}

/// Reads a little at each place of a table, none waiting for another.
#[inline]
pub(super) fn fetch<L: Line>(table: &[L], places: impl Iterator<Item = usize>) {
    black_box(places.filter_map(|place| table.get(place)).fold(0, |all, line| all ^ line.first()));
}

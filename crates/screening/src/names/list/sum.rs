//! Texts as numbers: what two run together are found under follows without writing them, and a few bits say that
//! a text is none of many.

use super::memory;

/// The letters of a text as one number, and what a text before it counts for beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    sum: u64,
    power: u64,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Sum {
    pub(super) const NONE: Self = Self { sum: 0, power: 1 };

    pub(super) fn of(text: &str) -> Self {
        text.bytes().fold(Self::NONE, Self::letter)
    }

    fn letter(self, letter: u8) -> Self {
        let sum = self.sum.wrapping_mul(BASE).wrapping_add(u64::from(letter));
        Self { sum, power: self.power.wrapping_mul(BASE) }
    }

    /// This text and another behind it.
    pub(super) const fn then(self, next: Self) -> Self {
        let sum = self.sum.wrapping_mul(next.power).wrapping_add(next.sum);
        Self { sum, power: self.power.wrapping_mul(next.power) }
    }

    /// What the text is found under.
    pub(super) const fn key(self) -> u64 {
        mixed(self.sum)
    }
}

pub(super) const fn mixed(key: u64) -> u64 {
    let key = (key ^ key >> 32).wrapping_mul(BASE);
    (key ^ key >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A set of keys that says of few others that they are in it, and of none in it that they are not.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<u64>);

impl Filter {
    /// With room for so many, at some bits each.
    pub(super) fn for_keys(count: usize, bits: usize) -> Self {
        Self(vec![0; (count * bits / 64).next_power_of_two()])
    }

    pub(super) fn put(&mut self, key: u64) {
        let place = self.place(key);
        if let Some(word) = self.0.get_mut(place) {
            *word |= bits(key);
        }
    }

    #[inline]
    pub(super) fn has(&self, key: u64) -> bool {
        self.0.get(self.place(key)).is_some_and(|word| word & bits(key) == bits(key))
    }

    /// Fetches what is asked of many keys.
    pub(super) fn fetch(&self, keys: impl Iterator<Item = u64>) {
        memory::fetch(&self.0, keys.map(|key| self.place(key)));
    }

    fn place(&self, key: u64) -> usize {
        // The length is a power of two; the upper bits choose the word, the lowest the bits in it.
        (key >> 24) as usize & self.0.len().wrapping_sub(1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * size_of::<u64>()
    }
}

/// Two of a word's bits.
const fn bits(key: u64) -> u64 {
    1 << (key & 63) | 1 << (key >> 6 & 63)
}

#[cfg(test)]
mod tests {
    use super::{Filter, Sum};

    #[test]
    fn what_runs_together_is_found_under_the_same() {
        for (a, b) in [("abd", "allah"), ("", "x"), ("müller", ""), ("金", "正恩")] {
            assert_eq!(Sum::of(a).then(Sum::of(b)).key(), Sum::of(&format!("{a}{b}")).key());
            assert_eq!(Sum::of(a).then(Sum::of(b)).then(Sum::of(a)).key(), Sum::of(&format!("{a}{b}{a}")).key());
        }
        assert_ne!(Sum::of("abd").then(Sum::of("allah")).key(), Sum::of("allah").then(Sum::of("abd")).key());
    }

    #[test]
    fn a_filter_has_what_was_put_and_little_else() {
        let mut filter = Filter::for_keys(1_000, 8);
        (0..1_000).for_each(|n| filter.put(Sum::of(&format!("in {n}")).key()));
        assert!((0..1_000).all(|n| filter.has(Sum::of(&format!("in {n}")).key())));
        let wrong = (0..10_000).filter(|n| filter.has(Sum::of(&format!("out {n}")).key())).count();
        assert!(wrong < 1_000, "{wrong}");
        assert!(!Filter::default().has(7));
    }
}

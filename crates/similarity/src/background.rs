//! Code that is everybody's: fingerprints of common libraries, kept as a filter so that a million of them cost
//! about a megabyte. A filter that errs, errs towards "common", never towards "distinct".

use crate::fingerprint::mix;

/// Hashes per fingerprint; with ten bits each the filter errs once in about a hundred and twenty.
const PROBES: u64 = 6;
/// Bits for each fingerprint.
const BITS_EACH: usize = 10;

/// A set of fingerprints that may hold a few it was never given (a Bloom filter).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    words: Vec<u64>,
}

impl Background {
    /// Of these fingerprints.
    #[must_use]
    pub fn new(fingerprints: &[u64]) -> Self {
        if fingerprints.is_empty() {
            return Self::default();
        }
        let mut words = vec![0_u64; (fingerprints.len() * BITS_EACH).div_ceil(64)];
        let bits = words.len() as u64 * 64;
        for fingerprint in fingerprints {
            for bit in places(*fingerprint, bits) {
                if let Some(word) = words.get_mut((bit / 64) as usize) {
                    *word |= 1 << (bit % 64);
                }
            }
        }
        Self { words }
    }

    /// Whether it holds a fingerprint, or errs.
    #[must_use]
    pub fn holds(&self, fingerprint: u64) -> bool {
        let bits = self.words.len() as u64 * 64;
        bits != 0
            && places(fingerprint, bits)
                .all(|bit| self.words.get((bit / 64) as usize).is_some_and(|word| word & (1 << (bit % 64)) != 0))
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// From bytes that [`Self::to_bytes`] made.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        Self { words: words.iter().map(|word| u64::from_le_bytes(*word)).collect() }
    }
}

fn places(fingerprint: u64, bits: u64) -> impl Iterator<Item = u64> {
    let (one, two) = (mix(fingerprint), mix(fingerprint ^ 0x5bd1_e995) | 1);
    (0..PROBES).map(move |n| {
        let h = one.wrapping_add(n.wrapping_mul(two));
        ((u128::from(h) * u128::from(bits)) >> 64) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_given_and_little_else() {
        let given: Vec<u64> = (0..20_000).map(mix).collect();
        let background = Background::new(&given);
        assert!(given.iter().all(|f| background.holds(*f)));
        let wrong = (20_000..120_000).filter(|n| background.holds(mix(*n))).count();
        assert!(wrong < 1_500, "{wrong} of 100,000 wrongly held");
        assert_eq!(Background::from_bytes(&background.to_bytes()), background);
        assert!(!Background::default().holds(given[0]));
    }
}

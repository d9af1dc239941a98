//! Few fingerprints that stand for all of a program's: one in sixteen, chosen by the fingerprint alone, so that what
//! is kept of a part is kept of the whole. Containment can be estimated from them; a claim never rests on them.

use crate::fingerprint::mix;
use crate::index::Index;
use crate::program::Program;

/// One fingerprint in this many is kept. At one in sixty-four, code of which 3 % was taken leaves too few.
pub const SCALE: u64 = 16;
/// A reference with fewer kept fingerprints cannot be looked for by them.
pub const KEPT_MIN: usize = 8;
/// Spreads the choice over all families, whose mark is in a fingerprint's highest bits.
const CHOICE: u64 = 0x51ed_270b_0a1f_39c1;

/// Whether a fingerprint is kept, wherever it occurs.
#[must_use]
pub const fn is_kept(fingerprint: u64) -> bool {
    mix(fingerprint ^ CHOICE) < u64::MAX / SCALE
}

/// What is kept of a program, sorted, each once.
#[must_use]
pub fn of(program: &Program) -> Vec<u64> {
    let mut kept: Vec<u64> = program.fingerprints.iter().copied().filter(|f| is_kept(*f)).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// What is kept of a reference's distinct code, sorted, each once.
#[must_use]
pub fn of_distinct(index: &Index, reference: usize) -> Vec<u64> {
    let program = index.references().get(reference).map(|reference| &reference.program);
    let mut kept = program.map(of).unwrap_or_default();
    kept.retain(|fingerprint| index.knows(*fingerprint) == Some(true));
    kept
}

/// Shared fingerprints from which an artefact is worth reading again. Two are chance; a larger reference leaves
/// more of them.
#[must_use]
pub const fn shared_min(kept: usize) -> usize {
    let share = kept / 200;
    if share > 3 { share } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_part_is_kept_of_the_whole() {
        let program =
            |range: std::ops::Range<u64>| Program { fingerprints: range.map(mix).collect(), ..Program::default() };
        let (whole, part) = (of(&program(0..16_000)), of(&program(4_000..8_000)));
        assert!(part.iter().all(|f| whole.binary_search(f).is_ok()));
        assert!((900..1_100).contains(&whole.len()), "{} of 16,000 kept", whole.len());
        assert!((200..300).contains(&part.len()), "{} of 4,000 kept", part.len());
    }

    #[test]
    fn more_is_asked_of_larger_references() {
        assert_eq!((shared_min(8), shared_min(600), shared_min(2_000)), (3, 3, 10));
    }
}

//! The Merkle tree of RFC 6962: its root as entries come, the proofs taken out of it, and their verification.

use crate::hash::{EMPTY_ROOT, Hash};

/// The most hashes a proof can have: a tree of 2^63 leaves is 63 high.
pub const PROOF_HASHES_MAX: usize = 63;

/// The hashes of a proof in a text, one a line up to a blank one, and what follows it; `None` if a line is no hash, or
/// there are more than [`PROOF_HASHES_MAX`].
pub(crate) fn read_hashes(text: &str) -> Option<(Vec<Hash>, &str)> {
    let (mut hashes, mut rest) = (Vec::new(), text);
    loop {
        let (line, after) = rest.split_once('\n')?;
        rest = after;
        if line.is_empty() {
            return Some((hashes, rest));
        }
        if hashes.len() == PROOF_HASHES_MAX {
            return None;
        }
        hashes.push(Hash::from_base64(line)?);
    }
}

/// Why a proof does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The index lies outside the tree, or the older tree is the larger one.
    OutOfRange,
    /// More or fewer hashes than a proof between these two has.
    Length,
    /// The hashes lead to another root.
    Root,
}

impl std::fmt::Display for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "the proof is about something outside the tree",
            Self::Length => "the proof has too many or too few hashes",
            Self::Root => "the proof leads to another root",
        })
    }
}

impl std::error::Error for Unproven {}

/// The root of a growing tree, in one hash for each one-bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees the leaves fall into, largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                hash = Hash::node(left, hash);
            }
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(self.peaks.iter().copied())
    }
}

/// The root over the roots of complete subtrees, largest first.
pub(crate) fn fold(peaks: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    peaks.rev().reduce(|right, left| Hash::node(left, right)).unwrap_or(EMPTY_ROOT)
}

/// The root of these leaves.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// A run of leaves whose root is a hash of a proof: `[from, to)`.
pub type Span = std::ops::Range<u64>;

/// Which runs of leaves an inclusion proof names, from the leaf's sibling upwards (RFC 9162 §2.1.3.1).
#[must_use]
pub fn inclusion_spans(size: u64, index: u64) -> Vec<Span> {
    let (mut from, mut to) = (0, size);
    let mut spans = Vec::new();
    while index < size && to - from > 1 {
        let middle = from + half(to - from);
        if index < middle {
            spans.push(middle..to);
            to = middle;
        } else {
            spans.push(from..middle);
            from = middle;
        }
    }
    spans.reverse();
    spans
}

/// Which runs of leaves a consistency proof names (RFC 9162 §2.1.4.1).
#[must_use]
pub fn consistency_spans(old: u64, new: u64) -> Vec<Span> {
    let (mut from, mut to) = (0, new);
    let mut spans = Vec::new();
    if old == 0 || old >= new {
        return spans;
    }
    // Descend to where the old tree ends exactly; what lies beside the way is what the proof names.
    while to != old {
        let middle = from + half(to - from);
        if old <= middle {
            spans.push(middle..to);
            to = middle;
        } else {
            spans.push(from..middle);
            from = middle;
        }
    }
    if from != 0 {
        spans.push(from..to);
    }
    spans.reverse();
    spans
}

/// The largest power of two smaller than `count`, which is at least two.
fn half(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Takes the root of a span out of roots of complete subtrees: `node(level, index)` is the root of the leaves
/// `[index·2^level, (index+1)·2^level)`.
///
/// # Errors
/// When `node` does.
pub fn span_root<E>(span: &Span, mut node: impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut peaks = Vec::new();
    let mut from = span.start;
    while from < span.end {
        let fits = (span.end - from).ilog2();
        let level = if from == 0 { fits } else { fits.min(from.trailing_zeros()) };
        peaks.push(node(u8::try_from(level).unwrap_or(u8::MAX), from >> level)?);
        from += 1 << level;
    }
    Ok(fold(peaks.into_iter()))
}

/// Checks that a leaf stands at an index of a tree (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Says why the proof does not prove it.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), Unproven> {
    if index >= size {
        return Err(Unproven::OutOfRange);
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(Unproven::Length);
        }
        if at & 1 == 1 || at == last {
            hash = Hash::node(*sibling, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(hash, *sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(Unproven::Length);
    }
    if hash == root { Ok(()) } else { Err(Unproven::Root) }
}

/// Checks that a tree is an earlier state of another (RFC 9162 §2.1.4.2). The empty tree is one of every tree, and its
/// proof is empty.
///
/// # Errors
/// Says why the proof does not prove it.
pub fn verify_consistency(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> Result<(), Unproven> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(Unproven::OutOfRange);
    }
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(Unproven::Length);
        }
        let expected = if old_size == 0 { EMPTY_ROOT } else { new_root };
        return if old_root == expected { Ok(()) } else { Err(Unproven::Root) };
    }
    let mut hashes = proof.iter().copied();
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // Where the old tree is one complete subtree its root starts the proof and is not repeated in it.
    let start = if old_size.is_power_of_two() { old_root } else { hashes.next().ok_or(Unproven::Length)? };
    let (mut from_old, mut from_new) = (start, start);
    for sibling in hashes {
        if last == 0 {
            return Err(Unproven::Length);
        }
        if at & 1 == 1 || at == last {
            from_old = Hash::node(sibling, from_old);
            from_new = Hash::node(sibling, from_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            from_new = Hash::node(from_new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(Unproven::Length);
    }
    if from_old == old_root && from_new == new_root { Ok(()) } else { Err(Unproven::Root) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 §2.1, word for word.
    fn reference(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_ROOT,
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                Hash::node(reference(&leaves[..k]), reference(&leaves[k..]))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
    }

    fn proof(leaves: &[Hash], spans: Vec<Span>) -> Vec<Hash> {
        spans.iter().map(|span| reference(&leaves[span.start as usize..span.end as usize])).collect()
    }

    const SIZES: u64 = 70;

    #[test]
    fn roots_are_those_of_the_definition() {
        let all = leaves(SIZES);
        for size in 0..=all.len() {
            assert_eq!(root(&all[..size]), reference(&all[..size]), "at {size}");
        }
    }

    #[test]
    fn every_inclusion_proof_proves_its_leaf_and_no_other() {
        let all = leaves(SIZES);
        for size in 1..=SIZES {
            let tree = &all[..size as usize];
            let root = reference(tree);
            for index in 0..size {
                let proof = proof(tree, inclusion_spans(size, index));
                assert_eq!(verify_inclusion(all[index as usize], index, size, &proof, root), Ok(()));
                for other in (0..size).filter(|other| *other != index) {
                    assert!(verify_inclusion(all[index as usize], other, size, &proof, root).is_err());
                    assert!(verify_inclusion(all[other as usize], index, size, &proof, root).is_err());
                }
                assert_eq!(
                    verify_inclusion(all[index as usize], index, size, &[&proof[..], &[root]].concat(), root),
                    Err(Unproven::Length)
                );
                if let Some((_, short)) = proof.split_last() {
                    assert!(verify_inclusion(all[index as usize], index, size, short, root).is_err());
                }
            }
            assert_eq!(verify_inclusion(all[0], size, size, &[], root), Err(Unproven::OutOfRange));
        }
        assert_eq!(verify_inclusion(all[0], 0, 0, &[], EMPTY_ROOT), Err(Unproven::OutOfRange));
    }

    #[test]
    fn every_consistency_proof_proves_its_growth_and_no_other() {
        let all = leaves(SIZES);
        let roots: Vec<Hash> = (0..=all.len()).map(|size| reference(&all[..size])).collect();
        for new in 0..=SIZES {
            for old in 0..=new {
                let proof = proof(&all[..new as usize], consistency_spans(old, new));
                let (older, newer) = ((old, roots[old as usize]), (new, roots[new as usize]));
                assert_eq!(verify_consistency(older, newer, &proof), Ok(()), "{old} in {new}");
                let wrong = Hash::leaf(b"wrong");
                assert!(verify_consistency((old, wrong), newer, &proof).is_err());
                assert!(verify_consistency(older, (new, wrong), &proof).is_err() || old == 0);
                assert!(verify_consistency(older, newer, &[&proof[..], &[wrong]].concat()).is_err());
                for at in 0..proof.len() {
                    let mut changed = proof.clone();
                    changed[at] = wrong;
                    assert!(verify_consistency(older, newer, &changed).is_err());
                    changed.remove(at);
                    assert!(verify_consistency(older, newer, &changed).is_err());
                }
            }
        }
        assert_eq!(verify_consistency((2, roots[2]), (1, roots[1]), &[]), Err(Unproven::OutOfRange));
    }

    #[test]
    fn spans_are_made_of_complete_subtrees() {
        let all = leaves(SIZES);
        let node = |level: u8, index: u64| -> Result<Hash, ()> {
            let from = (index << level) as usize;
            Ok(reference(&all[from..from + (1 << level)]))
        };
        for size in 1..=SIZES {
            for index in 0..size {
                for span in inclusion_spans(size, index) {
                    let direct = reference(&all[span.start as usize..span.end as usize]);
                    assert_eq!(span_root(&span, node), Ok(direct));
                }
            }
        }
    }

    #[test]
    fn a_proof_in_the_largest_tree_has_the_most_hashes() {
        assert_eq!(inclusion_spans(1 << 63, 0).len(), PROOF_HASHES_MAX);
        assert_eq!(inclusion_spans(u64::MAX, 1).len(), 64, "sizes of 2^63 and more are refused where they are read");
    }
}

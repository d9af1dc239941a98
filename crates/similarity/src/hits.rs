//! The fingerprints of a program that some reference has, as numbers of the index's keys: worked out once, since
//! every reference that is looked for asks the same.

use crate::index::Index;
use crate::program::{Program, Span};
use std::ops::Range;

/// What the index says about a fingerprint, taken out of it in the order in which it is asked for: looking it up
/// again would be most of the work.
pub(crate) struct Hit {
    /// Where the functions that hold it stand among all postings.
    pub(crate) postings: Span,
    pub(crate) weight: f32,
    pub(crate) distinct: bool,
}

/// The fingerprints of a program that some reference has, function by function.
pub(crate) struct Hits {
    keys: Vec<u32>,
    hits: Vec<Hit>,
    /// Behind the last of each function.
    ends: Vec<u32>,
}

impl Hits {
    pub(crate) fn of(index: &Index, program: &Program) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let ends = Vec::with_capacity(program.functions.len());
        let mut hits = Self { keys: Vec::new(), hits: Vec::new(), ends };
        for function in &program.functions {
            for (key, hit) in program.fingerprints_of(function).iter().filter_map(|f| index.hit(*f)) {
                hits.keys.push(count(key));
                hits.hits.push(hit);
            }
            hits.ends.push(count(hits.keys.len()));
        }
        hits
    }

    /// Where the keys of a function stand among all.
    pub(crate) fn place_of(&self, function: u32) -> Range<usize> {
        let at = |n: usize| self.ends.get(n).map_or(0, |end| *end as usize);
        let function = function as usize;
        function.checked_sub(1).map_or(0, at)..at(function)
    }

    /// The keys of a function, in order.
    pub(crate) fn of_function(&self, function: u32) -> &[u32] {
        self.keys.get(self.place_of(function)).unwrap_or(&[])
    }

    /// How many there are, functions counted each.
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn by_function(&self) -> impl Iterator<Item = (u32, &[Hit])> {
        let mut start = 0;
        self.ends.iter().zip(0_u32..).map(move |(end, number)| {
            let hits = self.hits.get(start..*end as usize).unwrap_or(&[]);
            start = *end as usize;
            (number, hits)
        })
    }

    /// Of each reference, the worth of the distinct fingerprints that the program holds anywhere.
    pub(crate) fn held(&self, index: &Index) -> Vec<f32> {
        let mut held = vec![0_f32; index.references().len()];
        let mut seen = vec![false; index.keys()];
        for (key, hit) in self.keys.iter().zip(&self.hits).filter(|(_, hit)| hit.distinct) {
            match seen.get_mut(*key as usize) {
                Some(seen) if !*seen => *seen = true,
                Some(_) | None => continue,
            }
            // Postings are in order, so those of one reference stand together.
            let mut last = usize::MAX;
            for id in index.postings_at(hit.postings) {
                let owner = index.owner_of(*id);
                if owner != last {
                    last = owner;
                    if let Some(held) = held.get_mut(owner) {
                        *held += hit.weight;
                    }
                }
            }
        }
        held
    }
}

//! Which functions of a program are candidates for which of the references: each fingerprint votes for all pairs
//! that share it.

use crate::hits::Hits;
use crate::index::Index;
use crate::matching::{WEIGHT_MIN, WORTH_MIN};
use crate::work::Work;

/// Functions of the program kept as candidates for one of the reference.
pub(crate) const CANDIDATES: usize = 4;
/// A fingerprint with more postings than this says too little for the work; a common one is dropped sooner.
const POSTINGS_MAX: usize = 1_024;
const COMMON_POSTINGS_MAX: usize = 48;

/// Units of work for a vote and what becomes of it.
const WORK_POSTING: u64 = 2;

/// A function of the program and the weight it shares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Candidate {
    pub(crate) weight: f32,
    pub(crate) function: u32,
}

/// For each function of the references that may be there, its best candidates.
pub(crate) struct Votes {
    best: Vec<[Candidate; CANDIDATES]>,
    /// Of each reference, what to take from a function's number to find it in `best`; nothing for a reference
    /// that cannot be there.
    base: Vec<Option<u32>>,
    /// Of each reference, the distinct worth that the program holds anywhere.
    held: Vec<f32>,
}

impl Votes {
    pub(crate) fn count(index: &Index, hits: &Hits, work: &Work<'_>) -> Self {
        let held = hits.held(index);
        let mut base = Vec::with_capacity(held.len());
        let mut functions = 0_u32;
        for (reference, held) in held.iter().enumerate() {
            let range = index.functions_of(reference);
            // Without distinct worth no pair can be evidence: its votes need not be counted.
            base.push((*held >= WORTH_MIN).then(|| range.start.wrapping_sub(functions)));
            functions += if *held >= WORTH_MIN { range.end - range.start } else { 0 };
        }
        let mut votes = Self { best: vec![[Candidate::default(); CANDIDATES]; functions as usize], base, held };
        if functions > 0 {
            votes.poll(index, hits, work);
        }
        votes
    }

    fn poll(&mut self, index: &Index, hits: &Hits, work: &Work<'_>) {
        let mut weights = vec![0_f32; index.functions()];
        let mut touched: Vec<u32> = Vec::new();
        for (number, hits) in hits.by_function() {
            for hit in hits {
                let most = if hit.distinct { POSTINGS_MAX } else { COMMON_POSTINGS_MAX };
                if hit.postings.len() > most {
                    continue;
                }
                if work.spend(WORK_POSTING * hit.postings.len() as u64).is_err() {
                    return;
                }
                for id in index.postings_at(hit.postings) {
                    if let Some(weight) = weights.get_mut(*id as usize) {
                        if *weight == 0.0 {
                            touched.push(*id);
                        }
                        *weight += hit.weight;
                    }
                }
            }
            for id in touched.drain(..) {
                let weight = weights.get_mut(id as usize).map(std::mem::take).unwrap_or_default();
                // Most share one everyday fingerprint and no more.
                if weight >= WORTH_MIN
                    && let Some(best) = self.place(index, id).and_then(|at| self.best.get_mut(at as usize))
                {
                    insert(best, Candidate { weight, function: number });
                }
            }
        }
    }

    fn place(&self, index: &Index, id: u32) -> Option<u32> {
        let base = self.base.get(index.owner_of(id)).copied().flatten()?;
        Some(id.wrapping_sub(base))
    }

    /// The best candidates for each function of a reference, in order.
    pub(crate) fn of(&self, index: &Index, reference: usize) -> &[[Candidate; CANDIDATES]] {
        let Some(base) = self.base.get(reference).copied().flatten() else { return &[] };
        let ids = index.functions_of(reference);
        let start = ids.start.wrapping_sub(base) as usize;
        self.best.get(start..start + ids.len()).unwrap_or(&[])
    }

    pub(crate) fn weight_of(&self, index: &Index, reference: usize) -> f32 {
        let first = self.of(index, reference).iter().filter_map(|best| best.first());
        first.map(|first| first.weight).filter(|weight| *weight >= WEIGHT_MIN).sum()
    }

    /// The distinct worth of a reference that the program holds anywhere.
    pub(crate) fn held(&self, reference: usize) -> f32 {
        self.held.get(reference).copied().unwrap_or(0.0)
    }

    pub(crate) fn containment(&self, index: &Index, reference: usize) -> f32 {
        let all = index.distinct_worth(reference);
        if all <= 0.0 { 0.0 } else { (self.held(reference) / all).min(1.0) }
    }
}

fn insert(best: &mut [Candidate; CANDIDATES], new: Candidate) {
    let mut new = new;
    for slot in best {
        if new.weight > slot.weight {
            std::mem::swap(slot, &mut new);
        }
    }
}

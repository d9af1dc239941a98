//! Functions too short or too changed to be recognised alone, recognised by their company: what calls them, what
//! they call, the class they stand in. Such pairs explain a finding and carry no evidence.

use crate::company::Company;
use crate::index::Index;
use crate::matching::{Pair, Via, both};
use crate::program::{Function, Program};
use rustc_hash::{FxHashMap, FxHashSet};

/// Rounds in which what was found leads to more; later ones find almost nothing.
const ROUNDS: usize = 3;
/// Likeness from which a neighbour counts as the same function, by how it was reached.
const CALLED_MIN: f32 = 0.55;
const CALLING_MIN: f32 = 0.62;
const CLASS_MIN: f32 = 0.62;
/// Share of a function's fingerprints that must stand in another for it to be inlined there.
const INLINED_MIN: f32 = 0.5;
/// Fingerprints a function must have for that.
const INLINED_FINGERPRINTS_MIN: usize = 3;
/// Functions compared with each other in one pair of classes or call lists: larger ones are generated code.
const COMPARED_MAX: usize = 64;

struct Sides<'a> {
    known: &'a Program,
    program: &'a Program,
    known_company: &'a Company,
    company: &'a Company,
}

/// Adds to `pairs` what follows from them.
pub(crate) fn extend(index: &Index, reference: usize, program: &Program, company: &Company, pairs: &mut Vec<Pair>) {
    let (Some(known), Some(known_company)) =
        (index.references().get(reference).map(|r| &r.program), index.company_of(reference))
    else {
        return;
    };
    let sides = Sides { known, program, known_company, company };
    let mut ours: FxHashMap<u32, u32> = pairs.iter().map(|pair| (pair.reference, pair.program)).collect();
    let mut theirs: FxHashSet<u32> = pairs.iter().map(|pair| pair.program).collect();
    let mut from = 0;
    for _ in 0..ROUNDS {
        let new = sides.round(pairs.get(from..).unwrap_or(&[]), pairs, &ours, &theirs);
        from = pairs.len();
        for pair in new {
            if !ours.contains_key(&pair.reference) && !theirs.contains(&pair.program) {
                ours.insert(pair.reference, pair.program);
                theirs.insert(pair.program);
                pairs.push(pair);
            }
        }
        if pairs.len() == from {
            break;
        }
    }
    let inlined = sides.inlined(pairs, &ours);
    pairs.extend(inlined);
}

impl Sides<'_> {
    /// Likely pairs next to those just found, likeliest first.
    fn round(&self, fresh: &[Pair], all: &[Pair], ours: &FxHashMap<u32, u32>, theirs: &FxHashSet<u32>) -> Vec<Pair> {
        let mut proposals: Vec<(f32, u32, u32)> = Vec::new();
        let mut propose = |known: &[u32], program: &[u32], least: f32| {
            for k in known.iter().filter(|k| !ours.contains_key(k)).take(COMPARED_MAX) {
                for p in program.iter().filter(|p| !theirs.contains(p)).take(COMPARED_MAX) {
                    let likeness = self.likeness(*k, *p);
                    if likeness >= least {
                        proposals.push((likeness, *k, *p));
                    }
                }
            }
        };
        for pair in fresh {
            let known = self.known_company.callees(pair.reference);
            propose(known, self.company.callees(pair.program), CALLED_MIN);
            let known = self.known_company.callers(pair.reference);
            propose(known, self.company.callers(pair.program), CALLING_MIN);
        }
        for (known, program) in self.classes(fresh, all) {
            propose(known, program, CLASS_MIN);
        }
        proposals.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let pair = |(similarity, reference, program)| Pair {
            reference,
            program,
            similarity,
            distinct: 0.0,
            common: 0.0,
            via: Via::Neighbours,
        };
        proposals.into_iter().map(pair).collect()
    }

    /// The functions of classes that go together by the pairs so far, where something is new.
    fn classes(&self, fresh: &[Pair], all: &[Pair]) -> Vec<(&[u32], &[u32])> {
        let class = |program: &Program, n: u32| program.functions.get(n as usize).map(|f| f.class);
        let both = |pair: &Pair| Some((class(self.known, pair.reference)?, class(self.program, pair.program)?));
        let mut weights: FxHashMap<(u32, u32), f32> = FxHashMap::default();
        for pair in all {
            if let Some(classes) = both(pair) {
                *weights.entry(classes).or_insert(0.0) += pair.distinct + pair.common + 1.0;
            }
        }
        let mut best: FxHashMap<u32, (f32, u32)> = FxHashMap::default();
        for ((known, program), weight) in weights {
            let entry = best.entry(known).or_insert((weight, program));
            if (weight, u32::MAX - program) > (entry.0, u32::MAX - entry.1) {
                *entry = (weight, program);
            }
        }
        let mut touched: Vec<(u32, u32)> = fresh
            .iter()
            .filter_map(both)
            .filter(|(known, program)| best.get(known).is_some_and(|(_, chosen)| chosen == program))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        touched.into_iter().map(|(k, p)| (self.known_company.members(k), self.company.members(p))).collect()
    }

    /// How alike two functions are when their company already is: 0 to 1.
    fn likeness(&self, known: u32, program: u32) -> f32 {
        let (Some(ours), Some(theirs)) =
            (self.known.functions.get(known as usize), self.program.functions.get(program as usize))
        else {
            return 0.0;
        };
        let shape = if ours.shape == theirs.shape { 1.0 } else { 0.0 };
        if ours.body == theirs.body {
            return 0.8 + 0.2 * shape;
        }
        let share = overlap(self.known.fingerprints_of(ours), self.program.fingerprints_of(theirs));
        0.55 * share + 0.2 * shape + 0.25 * ratio(ours, theirs)
    }

    /// Functions of the reference that found no partner and whose code stands in their caller's partner.
    fn inlined(&self, pairs: &[Pair], ours: &FxHashMap<u32, u32>) -> Vec<Pair> {
        let mut found: FxHashMap<u32, Pair> = FxHashMap::default();
        for pair in pairs {
            let Some(host) = self.program.functions.get(pair.program as usize) else { continue };
            for callee in self.known_company.callees(pair.reference).iter().copied() {
                if ours.contains_key(&callee) {
                    continue;
                }
                let Some(function) = self.known.functions.get(callee as usize) else { continue };
                let wanted = self.known.fingerprints_of(function);
                if wanted.len() < INLINED_FINGERPRINTS_MIN {
                    continue;
                }
                let share = contained(wanted, self.program.fingerprints_of(host));
                if share >= INLINED_MIN && found.get(&callee).is_none_or(|known| known.similarity < share) {
                    let pair = Pair {
                        reference: callee,
                        program: pair.program,
                        similarity: share,
                        distinct: 0.0,
                        common: 0.0,
                        via: Via::Inlined,
                    };
                    found.insert(callee, pair);
                }
            }
        }
        let mut found: Vec<Pair> = found.into_values().collect();
        found.sort_by_key(|pair| pair.reference);
        found
    }
}

fn count(n: usize) -> f32 {
    u16::try_from(n).map_or(f32::from(u16::MAX), f32::from)
}

fn contained(ours: &[u64], theirs: &[u64]) -> f32 {
    if ours.is_empty() { 0.0 } else { count(both(ours, theirs).count()) / count(ours.len()) }
}

/// Shared fingerprints as a share of the shorter list.
fn overlap(ours: &[u64], theirs: &[u64]) -> f32 {
    let least = ours.len().min(theirs.len());
    if least == 0 { 0.0 } else { count(both(ours, theirs).count()) / count(least) }
}

fn ratio(ours: &Function, theirs: &Function) -> f32 {
    let (a, b) = (count(ours.tokens as usize), count(theirs.tokens as usize));
    (a.min(b) + 1.0) / (a.max(b) + 1.0)
}

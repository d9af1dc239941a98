//! Functions too short or too changed to be recognised alone, recognised by their company: what calls them, what
//! they call, the class they stand in, a name that no renaming may touch. Such pairs explain a finding and carry no
//! evidence.

use crate::company::Company;
use crate::matching::{Pair, Search, Via, both};
use crate::program::{Function, Program};
use crate::work::Work;
use rustc_hash::{FxHashMap, FxHashSet};

/// Rounds in which what was found leads to more; later ones find almost nothing.
const ROUNDS: usize = 3;
/// Times that what was inlined is looked for, and that what it calls leads further.
const PASSES: usize = 2;
/// Likeness from which a neighbour counts as the same function, by how it was reached.
const CALLED_MIN: f32 = 0.55;
const CALLING_MIN: f32 = 0.6;
const CLASS_MIN: f32 = 0.55;
/// What makes functions alike: shared fingerprints, the same types, a like length; and, on top of that, the same name
/// and neighbours that are known to be the same.
const BY_SHARE: f32 = 0.55;
const BY_SHAPE: f32 = 0.2;
const BY_LENGTH: f32 = 0.25;
const BY_NAME: f32 = 0.2;
const BY_COMPANY: f32 = 0.3;
/// Two proposals closer than this are as likely as each other.
const MARGIN: f32 = 0.01;
/// Shorter names are what renaming makes.
const NAME_BYTES_MIN: usize = 3;
/// Share of a function's fingerprints that must stand in another for it to be inlined there.
const INLINED_MIN: f32 = 0.35;
/// Fingerprints a function must have for that.
const INLINED_FINGERPRINTS_MIN: usize = 3;
/// Functions compared with each other in one pair of classes or call lists: larger ones are generated code.
const COMPARED_MAX: usize = 64;

struct Sides<'a> {
    search: &'a Search<'a>,
    /// The number of the reference's first function among all.
    first: u32,
    known: &'a Program,
    program: &'a Program,
    known_company: &'a Company,
    company: &'a Company,
}

/// Who is whose partner so far, by number: asked for far more often than changed.
struct Partners {
    ours: Vec<Option<u32>>,
    theirs: Vec<bool>,
}

impl Partners {
    fn add(&mut self, pairs: &[Pair]) {
        for pair in pairs {
            if let Some(slot) = self.ours.get_mut(pair.reference as usize) {
                *slot = Some(pair.program);
            }
            // Where something was inlined, what stands there has another partner already.
            if let Some(slot) = self.theirs.get_mut(pair.program as usize) {
                *slot = true;
            }
        }
    }

    fn of(&self, known: u32) -> Option<u32> {
        self.ours.get(known as usize).copied().flatten()
    }

    fn is_taken(&self, program: u32) -> bool {
        self.theirs.get(program as usize).is_some_and(|taken| *taken)
    }
}

/// What of a function is compared with others: taken together once for many comparisons.
struct Face<'a> {
    number: u32,
    shape: u64,
    body: u64,
    /// One more than there are, so that none is a length too.
    tokens: f32,
    /// A name that renaming did not make: what the platform calls keeps its name.
    name: Option<&'a str>,
    fingerprints: usize,
    keys: &'a [u32],
}

impl<'a> Face<'a> {
    fn new(program: &'a Program, function: &Function, number: u32, keys: &'a [u32]) -> Self {
        let name = Some(program.words(function.name)).filter(|name| name.len() >= NAME_BYTES_MIN);
        let fingerprints = program.fingerprints_of(function).len();
        let tokens = count(function.tokens as usize) + 1.0;
        Self { number, shape: function.shape, body: function.body, tokens, name, fingerprints, keys }
    }
}

/// Adds to `pairs` what follows from them.
pub(crate) fn extend(search: &Search<'_>, reference: usize, company: &Company, pairs: &mut Vec<Pair>) {
    let (index, program) = (search.index, search.program);
    let (Some(known), Some(known_company)) =
        (index.references().get(reference).map(|r| &r.program), index.company_of(reference))
    else {
        return;
    };
    let first = index.functions_of(reference).start;
    let sides = Sides { search, first, known, program, known_company, company };
    let mut partners =
        Partners { ours: vec![None; known.functions.len()], theirs: vec![false; program.functions.len()] };
    partners.add(pairs);
    let (mut from, mut looked_into) = (0, 0);
    for _ in 0..PASSES {
        for _ in 0..ROUNDS {
            let new = sides.round(pairs.get(from..).unwrap_or(&[]), pairs, &partners);
            from = pairs.len();
            partners.add(&new);
            pairs.extend(new);
            if pairs.len() == from {
                break;
            }
        }
        let inlined = sides.inlined(pairs.get(looked_into..).unwrap_or(&[]), &partners);
        looked_into = pairs.len();
        partners.add(&inlined);
        pairs.extend(inlined);
    }
}

impl Sides<'_> {
    /// Likely pairs next to those just found, likeliest first.
    fn round(&self, fresh: &[Pair], all: &[Pair], partners: &Partners) -> Vec<Pair> {
        let mut proposals: Vec<(f32, u32, u32)> = Vec::new();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut propose = |known: &[u32], program: &[u32], least: f32| {
            ours.clear();
            let open = known.iter().filter(|k| partners.of(**k).is_none()).take(COMPARED_MAX);
            ours.extend(open.filter_map(|k| self.known_face(*k)));
            if ours.is_empty() {
                return;
            }
            theirs.clear();
            let open = program.iter().filter(|p| !partners.is_taken(**p)).take(COMPARED_MAX);
            theirs.extend(open.filter_map(|p| self.face(*p)));
            for ours in &ours {
                for theirs in &theirs {
                    if let Some(likeness) = self.likeness(ours, theirs, least, partners) {
                        proposals.push((likeness, ours.number, theirs.number));
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
        proposals.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        proposals.dedup();
        settle(&proposals, self.search.work)
    }

    /// What of a function of the reference is compared.
    fn known_face(&self, number: u32) -> Option<Face<'_>> {
        let function = self.known.functions.get(number as usize)?;
        let keys = self.search.index.keys_of(self.first + number);
        Some(Face::new(self.known, function, number, keys))
    }

    /// What of a function of the program is compared.
    fn face(&self, number: u32) -> Option<Face<'_>> {
        let function = self.program.functions.get(number as usize)?;
        Some(Face::new(self.program, function, number, self.search.hits.of_function(number)))
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

    /// How alike two functions are when their company already is: from `wanted` to 1, nothing below.
    fn likeness(&self, ours: &Face<'_>, theirs: &Face<'_>, wanted: f32, partners: &Partners) -> Option<f32> {
        let shape = if ours.shape == theirs.shape { BY_SHAPE } else { 0.0 };
        let agreement = || BY_COMPANY * self.agreement(ours.number, theirs.number, partners);
        if ours.body == theirs.body {
            return Some(0.6 + shape + agreement());
        }
        let name = if ours.name.is_some() && ours.name == theirs.name { BY_NAME } else { 0.0 };
        let length = ours.tokens.min(theirs.tokens) / ours.tokens.max(theirs.tokens);
        let around = shape + BY_LENGTH * length + name;
        let least = ours.fingerprints.min(theirs.fingerprints);
        // No more can be shared than any reference has; most pairs need no closer look.
        let most = ours.fingerprints.min(theirs.keys.len());
        if BY_SHARE * share(most, least) + around + BY_COMPANY < wanted {
            return None;
        }
        let alone = BY_SHARE * share(both(ours.keys, theirs.keys).count(), least) + around;
        if alone + BY_COMPANY < wanted {
            return None;
        }
        let likeness = (alone + agreement()).min(1.0);
        Some(likeness).filter(|likeness| *likeness >= wanted)
    }

    /// How many of a function's neighbours with known partners have them beside the other function: 0 to 1, and less
    /// than 1 where there are few.
    fn agreement(&self, known: u32, program: u32, partners: &Partners) -> f32 {
        let (mut met, mut all) = (0, 0);
        let mut count = |neighbours: &[u32], beside: &[u32]| {
            for partner in neighbours.iter().take(COMPARED_MAX).filter_map(|n| partners.of(*n)) {
                all += 1;
                met += usize::from(partner == program || beside.binary_search(&partner).is_ok());
            }
        };
        count(self.known_company.callees(known), self.company.callees(program));
        count(self.known_company.callers(known), self.company.callers(program));
        share(met, all + 1)
    }

    /// How many fingerprints two functions share.
    fn shared(&self, known: u32, program: u32) -> usize {
        if !self.search.compares(self.search.index.keys_of(self.first + known).len(), program) {
            return 0;
        }
        both(self.search.index.keys_of(self.first + known), self.search.hits.of_function(program)).count()
    }

    /// Functions of the reference that found no partner and whose code stands in their caller's, or in what their
    /// caller was inlined into.
    fn inlined(&self, fresh: &[Pair], partners: &Partners) -> Vec<Pair> {
        let mut found: FxHashMap<u32, Pair> = FxHashMap::default();
        let mut callers: Vec<(u32, u32)> = fresh.iter().map(|pair| (pair.reference, pair.program)).collect();
        while let Some((caller, host)) = callers.pop() {
            for callee in self.known_company.callees(caller).iter().copied() {
                let wanted =
                    self.known.functions.get(callee as usize).map_or(0, |f| self.known.fingerprints_of(f).len());
                if partners.of(callee).is_some() || wanted < INLINED_FINGERPRINTS_MIN {
                    continue;
                }
                let similarity = share(self.shared(callee, host), wanted);
                if similarity < INLINED_MIN || found.get(&callee).is_some_and(|known| known.similarity >= similarity) {
                    continue;
                }
                let pair = Pair {
                    reference: callee,
                    program: host,
                    similarity,
                    distinct: 0.0,
                    common: 0.0,
                    via: Via::Inlined,
                };
                found.insert(callee, pair);
                callers.push((callee, host));
            }
        }
        let mut found: Vec<Pair> = found.into_values().collect();
        found.sort_by_key(|pair| pair.reference);
        found
    }
}

/// Takes proposals, likeliest first. One for which there is another as likely is left alone: later something may tell
/// them apart, and a guess helps nobody.
fn settle(proposals: &[(f32, u32, u32)], work: &Work<'_>) -> Vec<Pair> {
    let mut of_known: FxHashMap<u32, Vec<(f32, u32)>> = FxHashMap::default();
    let mut of_program: FxHashMap<u32, Vec<(f32, u32)>> = FxHashMap::default();
    for (likeness, known, program) in proposals {
        of_known.entry(*known).or_default().push((*likeness, *program));
        of_program.entry(*program).or_default().push((*likeness, *known));
    }
    let (mut ours, mut theirs) = (FxHashSet::default(), FxHashSet::default());
    let mut pairs = Vec::new();
    for (likeness, known, program) in proposals {
        let rivals = |others: &FxHashMap<u32, Vec<(f32, u32)>>, of: u32| others.get(&of).map_or(0, Vec::len);
        if work.spend((rivals(&of_known, *known) + rivals(&of_program, *program)) as u64).is_err() {
            break;
        }
        let rival = |others: &FxHashMap<u32, Vec<(f32, u32)>>, of: u32, chosen: u32, taken: &FxHashSet<u32>| {
            let near = |(other, n): &&(f32, u32)| *n != chosen && *other > likeness - MARGIN && !taken.contains(n);
            others.get(&of).is_some_and(|others| others.iter().find(near).is_some())
        };
        if ours.contains(known)
            || theirs.contains(program)
            || rival(&of_known, *known, *program, &theirs)
            || rival(&of_program, *program, *known, &ours)
        {
            continue;
        }
        ours.insert(*known);
        theirs.insert(*program);
        pairs.push(Pair {
            reference: *known,
            program: *program,
            similarity: *likeness,
            distinct: 0.0,
            common: 0.0,
            via: Via::Neighbours,
        });
    }
    pairs
}

fn count(n: usize) -> f32 {
    u16::try_from(n).map_or(f32::from(u16::MAX), f32::from)
}

fn share(part: usize, all: usize) -> f32 {
    if all == 0 { 0.0 } else { count(part) / count(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(proposals: &[(f32, u32, u32)]) -> Vec<(u32, u32)> {
        settle(proposals, &Work::endless()).iter().map(|pair| (pair.reference, pair.program)).collect()
    }

    #[test]
    fn what_could_as_well_be_another_is_left_alone() {
        assert_eq!(settled(&[(0.9, 1, 10), (0.8, 1, 11), (0.7, 2, 11)]), [(1, 10), (2, 11)], "likeliest first");
        assert_eq!(settled(&[(0.9, 1, 10), (0.9, 1, 11)]), [], "one of ours, two of theirs");
        assert_eq!(settled(&[(0.9, 1, 10), (0.9, 2, 10)]), [], "two of ours, one of theirs");
        assert_eq!(settled(&[(0.95, 2, 11), (0.9, 1, 10), (0.9, 1, 11)]), [(2, 11), (1, 10)], "the other one is taken");
    }
}

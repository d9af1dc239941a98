//! Which functions of a program are which functions of a reference. Fingerprints vote for pairs; each fingerprint
//! of the program can be claimed once, so that one function is not evidence for ten.

use crate::company::Company;
use crate::fingerprint::Family;
use crate::index::Index;
use crate::program::{Function, Program};
use crate::propagate;
use rustc_hash::{FxHashMap, FxHashSet};

/// Functions of the program kept as candidates for one of the reference.
const CANDIDATES: usize = 4;
/// A fingerprint with more postings than this says too little for the work; a common one is dropped sooner.
const POSTINGS_MAX: usize = 1_024;
const COMMON_POSTINGS_MAX: usize = 48;
/// Fewer tokens are a getter or a delegate: left to propagation.
const TOKENS_MIN: u32 = 6;
/// A reference function worth less than this proves nothing.
const WORTH_MIN: f32 = 3.0;
/// A pair counts by itself from this similarity and weight,
const SIMILARITY_MIN: f32 = 0.6;
const WEIGHT_MIN: f32 = 6.0;
/// or, where the two classes already go together, from these.
const SIMILARITY_SUPPORTED_MIN: f32 = 0.4;
const WEIGHT_SUPPORTED_MIN: f32 = 9.0;
/// Other evidence for the pair of classes, as a multiple of the pair's own.
const SUPPORT: f32 = 1.0;
/// How sharply the best candidate is told from the second when classes are put together.
const TWIN_POWER: i32 = 4;
/// A function of fewer tokens has twins in other classes: it counts only where its class went as a whole.
const TWIN_TOKENS: u32 = 16;
const TWIN_CLASS_SHARE: f32 = 0.5;
/// Of a pair's weight at least this share must not have been claimed by another.
const FRESH_MIN: f32 = 0.5;
/// No single pair is evidence for more than this: a table-driven initialiser is one function.
const PAIR_WEIGHT_MAX: f32 = 60.0;
/// References whose best pairs together weigh less are not looked at further.
const REFERENCE_WEIGHT_MIN: f32 = 12.0;
/// Less distinct weight than this is no finding in any verdict, and needs no further explanation.
const EXPLAINED_WEIGHT_MIN: f32 = 30.0;

/// How a pair was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Via {
    /// By its own fingerprints.
    Fingerprints,
    /// By its callers, callees or class; no evidence of its own.
    Neighbours,
    /// Its code stands inside another function.
    Inlined,
}

impl Via {
    /// In the words of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fingerprints => "fingerprints",
            Self::Neighbours => "neighbours",
            Self::Inlined => "inlined",
        }
    }
}

/// A function of the reference found in the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Number of the function in the reference.
    pub reference: u32,
    /// Number of the function in the program.
    pub program: u32,
    /// Share of the reference function's worth that was found, 0 to 1.
    pub similarity: f32,
    /// Distinct evidence, claimed once.
    pub distinct: f32,
    /// Common evidence, claimed once: explains, never decides.
    pub common: f32,
    /// How it was found.
    pub via: Via,
}

/// What was found of one reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Which reference of the index.
    pub reference: usize,
    /// Sum of distinct evidence.
    pub distinct: f32,
    /// Sum of common evidence.
    pub common: f32,
    /// Functions found by their own fingerprints with distinct evidence.
    pub functions: u32,
    /// Classes of the reference with such functions.
    pub classes: u32,
    /// How often two such functions belong together on both sides: one calls the other, or they share a class.
    /// Chance finds functions here and there; code that was taken keeps its company.
    pub links: u32,
    /// Share of the reference's distinct worth that the program holds, 0 to 1.
    pub containment: f32,
    /// The pairs, heaviest first; those found by neighbours last.
    pub pairs: Vec<Pair>,
}

/// What a program holds of the references, most evidence first.
#[must_use]
pub fn find(index: &Index, program: &Program) -> Vec<Evidence> {
    let votes = Votes::count(index, program);
    let mut company = None;
    let mut found: Vec<Evidence> = (0..index.references().len())
        .filter(|reference| votes.weight_of(index, *reference) >= REFERENCE_WEIGHT_MIN)
        .filter_map(|reference| {
            let mut pairs = assign(index, program, reference, &votes);
            let mut evidence = sum(index, reference, &pairs, votes.containment(index, reference));
            if evidence.functions == 0 {
                return None;
            }
            let company = company.get_or_insert_with(|| Company::new(program));
            evidence.links = links(index, reference, program, company, &pairs);
            if evidence.distinct >= EXPLAINED_WEIGHT_MIN {
                propagate::extend(index, reference, program, company, &mut pairs);
            }
            evidence.pairs = pairs;
            Some(evidence)
        })
        .collect();
    found.sort_by(|a, b| {
        b.distinct
            .total_cmp(&a.distinct)
            .then(b.containment.total_cmp(&a.containment))
            .then(a.reference.cmp(&b.reference))
    });
    found
}

fn sum(index: &Index, reference: usize, pairs: &[Pair], containment: f32) -> Evidence {
    let program = index.references().get(reference).map(|r| &r.program);
    let class = |pair: &Pair| program.and_then(|p| p.functions.get(pair.reference as usize)).map(|f| f.class);
    let decisive = || pairs.iter().filter(|pair| pair.distinct >= WORTH_MIN);
    let classes: FxHashSet<u32> = decisive().filter_map(class).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Evidence {
        reference,
        distinct: pairs.iter().map(|pair| pair.distinct).sum(),
        common: pairs.iter().map(|pair| pair.common).sum(),
        functions: count(decisive().count()),
        classes: count(classes.len()),
        links: 0,
        containment,
        pairs: Vec::new(),
    }
}

/// How often pairs with evidence of their own agree about who calls whom and who shares a class.
fn links(index: &Index, reference: usize, program: &Program, company: &Company, pairs: &[Pair]) -> u32 {
    let (Some(known), Some(known_company)) =
        (index.references().get(reference).map(|r| &r.program), index.company_of(reference))
    else {
        return 0;
    };
    let decisive = || pairs.iter().filter(|pair| pair.distinct >= WORTH_MIN);
    let partner: FxHashMap<u32, u32> = decisive().map(|pair| (pair.reference, pair.program)).collect();
    let mut together: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    let mut links = 0;
    for pair in decisive() {
        let class = |program: &Program, n: u32| program.functions.get(n as usize).map_or(0, |f| f.class);
        let classes = (class(known, pair.reference), class(program, pair.program));
        let before = together.entry(classes).or_insert(0);
        links += u32::from(*before > 0);
        *before += 1;
        let called = company.callees(pair.program);
        for callee in known_company.callees(pair.reference).iter().filter_map(|callee| partner.get(callee)) {
            links += u32::from(*callee == pair.program || called.binary_search(callee).is_ok());
        }
    }
    links
}

/// A function of the program and the weight it shares.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    weight: f32,
    function: u32,
}

/// For each function of the references that may be there, its best candidates.
struct Votes {
    best: Vec<[Candidate; CANDIDATES]>,
    /// Of each reference, what to take from a function's number to find it in `best`; nothing for a reference
    /// that cannot be there.
    base: Vec<Option<u32>>,
    /// Of each reference, the distinct worth that the program holds anywhere.
    held: Vec<f32>,
}

/// The fingerprints of a program that some reference has, function by function.
struct Hits {
    keys: Vec<u32>,
    /// Behind the last of each function.
    ends: Vec<u32>,
}

impl Hits {
    fn of(index: &Index, program: &Program) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut hits = Self { keys: Vec::new(), ends: Vec::with_capacity(program.functions.len()) };
        for function in &program.functions {
            let own = program.fingerprints_of(function);
            hits.keys.extend(own.iter().filter_map(|f| index.key(*f)).map(count));
            hits.ends.push(count(hits.keys.len()));
        }
        hits
    }

    fn by_function(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let mut start = 0;
        self.ends.iter().zip(0_u32..).map(move |(end, number)| {
            let keys = self.keys.get(start..*end as usize).unwrap_or(&[]);
            start = *end as usize;
            (number, keys)
        })
    }

    /// Of each reference, the worth of the distinct fingerprints that the program holds anywhere.
    fn held(&self, index: &Index) -> Vec<f32> {
        let mut held = vec![0_f32; index.references().len()];
        let mut seen = vec![false; index.keys()];
        for key in &self.keys {
            match seen.get_mut(*key as usize) {
                Some(seen) if !*seen => *seen = true,
                Some(_) | None => continue,
            }
            let Some((key, postings)) = index.held_by(*key as usize).filter(|(key, _)| key.distinct) else { continue };
            // Postings are in order, so those of one reference stand together.
            let mut last = usize::MAX;
            for id in postings {
                let owner = index.owner_of(*id);
                if owner != last {
                    last = owner;
                    if let Some(held) = held.get_mut(owner) {
                        *held += key.weight;
                    }
                }
            }
        }
        held
    }
}

impl Votes {
    fn count(index: &Index, program: &Program) -> Self {
        let hits = Hits::of(index, program);
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
            votes.poll(index, &hits);
        }
        votes
    }

    fn poll(&mut self, index: &Index, hits: &Hits) {
        let mut weights = vec![0_f32; self.best.len()];
        let mut touched: Vec<u32> = Vec::new();
        for (number, keys) in hits.by_function() {
            for (key, postings) in keys.iter().filter_map(|key| index.held_by(*key as usize)) {
                let most = if key.distinct { POSTINGS_MAX } else { COMMON_POSTINGS_MAX };
                if postings.len() > most {
                    continue;
                }
                for id in postings {
                    let Some(at) = self.place(index, *id) else { continue };
                    if let Some(weight) = weights.get_mut(at as usize) {
                        if *weight == 0.0 {
                            touched.push(at);
                        }
                        *weight += key.weight;
                    }
                }
            }
            for at in touched.drain(..) {
                let (Some(weight), Some(best)) = (weights.get_mut(at as usize), self.best.get_mut(at as usize)) else {
                    continue;
                };
                insert(best, Candidate { weight: std::mem::take(weight), function: number });
            }
        }
    }

    fn place(&self, index: &Index, id: u32) -> Option<u32> {
        let base = self.base.get(index.owner_of(id)).copied().flatten()?;
        Some(id.wrapping_sub(base))
    }

    /// The best candidates for a function of the index.
    fn best(&self, index: &Index, id: u32) -> &[Candidate] {
        let best = self.place(index, id).and_then(|at| self.best.get(at as usize));
        best.map_or(&[][..], |best| &best[..])
    }

    fn weight_of(&self, index: &Index, reference: usize) -> f32 {
        let best = index.functions_of(reference).filter_map(|id| self.best(index, id).first());
        best.map(|first| first.weight).filter(|weight| *weight >= WEIGHT_MIN).sum()
    }

    fn containment(&self, index: &Index, reference: usize) -> f32 {
        let all = index.distinct_worth(reference);
        if all <= 0.0 { 0.0 } else { (self.held.get(reference).copied().unwrap_or(0.0) / all).min(1.0) }
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

struct Proposal {
    rank: f32,
    reference: u32,
    program: u32,
    similarity: f32,
}

/// Pairs by fingerprints: heaviest first, each claiming what it rests on.
fn assign(index: &Index, program: &Program, reference: usize, votes: &Votes) -> Vec<Pair> {
    let Some(known) = index.references().get(reference).map(|r| &r.program) else { return Vec::new() };
    let mut claims = Claims::default();
    let mut settled = vec![false; known.functions.len()];
    let mut pairs = Vec::new();
    for proposal in proposals(index, program, known, index.functions_of(reference), votes) {
        let (Some(settled), Some(ours), Some(theirs)) = (
            settled.get_mut(proposal.reference as usize),
            known.functions.get(proposal.reference as usize),
            program.functions.get(proposal.program as usize),
        ) else {
            continue;
        };
        if *settled {
            continue;
        }
        let shared = shared(index, known.fingerprints_of(ours), program.fingerprints_of(theirs));
        let Some((distinct, common)) = claims.claim(proposal.program, &shared) else { continue };
        *settled = true;
        let limit = PAIR_WEIGHT_MAX / (distinct + common).max(PAIR_WEIGHT_MAX);
        pairs.push(Pair {
            reference: proposal.reference,
            program: proposal.program,
            similarity: proposal.similarity,
            distinct: distinct * limit,
            common: common * limit,
            via: Via::Fingerprints,
        });
    }
    pairs
}

fn proposals(
    index: &Index,
    program: &Program,
    known: &Program,
    range: std::ops::Range<u32>,
    votes: &Votes,
) -> Vec<Proposal> {
    let class_of = |candidate: &Candidate| program.functions.get(candidate.function as usize).map_or(0, |f| f.class);
    let rows = || known.functions.iter().zip(range.clone()).zip(0_u32..);
    let best = |id: u32| votes.best(index, id);
    let mut together: FxHashMap<(u32, u32), f32> = FxHashMap::default();
    for ((function, id), _) in rows() {
        let candidates = best(id);
        let all: f32 = candidates.iter().map(|candidate| candidate.weight.powi(TWIN_POWER)).sum();
        for candidate in candidates.iter().filter(|candidate| candidate.weight > 0.0) {
            // Twins share what they say about their classes.
            let share = candidate.weight * candidate.weight.powi(TWIN_POWER) / all;
            *together.entry((function.class, class_of(candidate))).or_insert(0.0) += share;
        }
    }
    let mut most: FxHashMap<u32, f32> = FxHashMap::default();
    for ((class, _), weight) in &together {
        let entry = most.entry(*class).or_insert(0.0);
        *entry = entry.max(*weight);
    }
    let mut proposals = Vec::new();
    for ((function, id), number) in rows() {
        let worth = index.worth_of(id).all;
        if function.tokens < TOKENS_MIN || worth < WORTH_MIN {
            continue;
        }
        for candidate in best(id).iter().filter(|candidate| candidate.weight > 0.0) {
            let similarity = candidate.weight / worth;
            let class_weight = together.get(&(function.class, class_of(candidate))).copied().unwrap_or(0.0);
            let supported = class_weight - candidate.weight > SUPPORT * candidate.weight;
            if (similarity > SIMILARITY_MIN && candidate.weight > WEIGHT_MIN)
                || (similarity > SIMILARITY_SUPPORTED_MIN && candidate.weight > WEIGHT_SUPPORTED_MIN && supported)
            {
                // Twins in weight are told apart by what their classes have in common, then by length.
                let length = length_ratio(function, program.functions.get(candidate.function as usize));
                let class_share = class_weight / most.get(&function.class).copied().unwrap_or(1.0).max(1.0);
                let rank = candidate.weight * (0.8 + 0.1 * length + 0.1 * class_share) + 0.001 * class_weight;
                if function.tokens < TWIN_TOKENS && class_share < TWIN_CLASS_SHARE {
                    continue;
                }
                proposals.push(Proposal {
                    rank,
                    reference: number,
                    program: candidate.function,
                    similarity: similarity.min(1.0),
                });
            }
        }
    }
    proposals
        .sort_by(|a, b| b.rank.total_cmp(&a.rank).then(a.reference.cmp(&b.reference)).then(a.program.cmp(&b.program)));
    proposals
}

fn length_ratio(ours: &Function, theirs: Option<&Function>) -> f32 {
    let (a, b) = (ours.tokens, theirs.map_or(0, |f| f.tokens));
    let (least, most) = (a.min(b).min(65_535), a.max(b).clamp(1, 65_535));
    f32::from(u16::try_from(least).unwrap_or(u16::MAX)) / f32::from(u16::try_from(most).unwrap_or(u16::MAX))
}

/// A fingerprint that two functions share.
#[derive(Clone, Copy)]
struct Shared {
    fingerprint: u64,
    weight: f32,
    distinct: bool,
}

fn shared(index: &Index, ours: &[u64], theirs: &[u64]) -> Vec<Shared> {
    let keys = both(ours, theirs).filter_map(|f| index.find(f));
    keys.map(|key| Shared { fingerprint: key.fingerprint, weight: key.weight, distinct: key.distinct }).collect()
}

/// What two sorted lists have in common.
pub(crate) fn both<'a>(ours: &'a [u64], theirs: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
    let mut rest = theirs;
    ours.iter().copied().filter(move |wanted| {
        let skipped = rest.iter().take_while(|f| *f < wanted).count();
        rest = rest.get(skipped..).unwrap_or(&[]);
        rest.first() == Some(wanted)
    })
}

/// What has been claimed of the program's fingerprints.
#[derive(Default)]
struct Claims {
    taken: FxHashSet<(u32, u64)>,
}

impl Claims {
    /// Claims what a pair rests on, unless most of it is taken: gives the distinct and the common weight left.
    fn claim(&mut self, function: u32, shared: &[Shared]) -> Option<(f32, f32)> {
        let (mut all, mut distinct, mut common) = (0.0, 0.0, 0.0);
        for one in shared {
            all += one.weight;
            if !self.taken.contains(&(function, one.fingerprint)) {
                *(if one.distinct { &mut distinct } else { &mut common }) += one.weight;
            }
        }
        let fresh: f32 = distinct + common;
        if fresh < FRESH_MIN * all || fresh < WEIGHT_MIN {
            return None;
        }
        self.taken.extend(shared.iter().map(|one| (function, one.fingerprint)));
        Some((distinct, common))
    }
}

/// What a pair rests on, family by family: how many fingerprints both share.
#[must_use]
pub fn reasons(ours: &[u64], theirs: &[u64]) -> Vec<(Family, usize)> {
    let shared: Vec<Family> = both(ours, theirs).filter_map(Family::of).collect();
    let counted = Family::ALL.map(|family| (family, shared.iter().filter(|f| **f == family).count()));
    counted.into_iter().filter(|(_, n)| *n > 0).collect()
}

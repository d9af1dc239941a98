//! Which functions of a program are which functions of a reference. Fingerprints vote for pairs; each fingerprint
//! of the program can be claimed once, so that one function is not evidence for ten.

use crate::company::Company;
use crate::fingerprint::Family;
use crate::hits::Hits;
use crate::index::Index;
use crate::program::{Function, Program};
use crate::propagate;
use crate::votes::{CANDIDATES, Candidate, Votes};
use crate::work::Work;
use rustc_hash::{FxHashMap, FxHashSet};

/// Fewer tokens are a getter or a delegate: left to propagation.
const TOKENS_MIN: u32 = 6;
/// A reference function worth less than this proves nothing.
pub(crate) const WORTH_MIN: f32 = 3.0;
/// A pair counts by itself from this similarity and weight,
const SIMILARITY_MIN: f32 = 0.6;
pub(crate) const WEIGHT_MIN: f32 = 6.0;
/// or, where the two classes already go together, from these.
const SIMILARITY_SUPPORTED_MIN: f32 = 0.33;
const WEIGHT_SUPPORTED_MIN: f32 = 7.0;
/// Other evidence for the pair of classes, as a multiple of the pair's own.
const SUPPORT: f32 = 0.5;
/// How sharply the best candidate is told from the second when classes are put together.
const TWIN_POWER: i32 = 4;
/// A function of fewer tokens has twins in other classes: it counts only where its class went as a whole.
const TWIN_TOKENS: u32 = 16;
const TWIN_CLASS_SHARE: f32 = 0.5;
/// And only if no other candidate has as much as this share of its weight: which of the two it is, company may tell.
const TWIN_RIVAL_SHARE: f32 = 0.95;
/// Of a pair's weight at least this share must not have been claimed by another.
const FRESH_MIN: f32 = 0.35;
/// No single pair is evidence for more than this: a table-driven initialiser is one function.
const PAIR_WEIGHT_MAX: f32 = 60.0;
/// References whose best pairs together weigh less are not looked at further.
const REFERENCE_WEIGHT_MIN: f32 = 12.0;
/// Less distinct weight than this is no finding in any verdict, and needs no further explanation.
const EXPLAINED_WEIGHT_MIN: f32 = 30.0;

/// Versions of one lineage with at least this share of the most evidence of it are told apart by how they fit.
const RIVAL_SHARE: f32 = 0.8;

/// What a version has and the program lacks says less than what both have: a shrinker may have removed it.
const LACK: f32 = 0.25;

/// Units of work for a fingerprint that is looked up.
const WORK_LOOKUP: u64 = 8;

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
    /// Between versions of one lineage: the distinct worth that the program holds and this version has, less a part of
    /// what its found functions have and the program's lack. The version that the code was taken from has the most.
    pub fit: f32,
    /// The pairs, heaviest first; those found by neighbours last.
    pub pairs: Vec<Pair>,
}

/// What is looked in and looked for.
pub(crate) struct Search<'a> {
    pub(crate) index: &'a Index,
    pub(crate) program: &'a Program,
    pub(crate) hits: Hits,
    pub(crate) work: &'a Work<'a>,
}

impl Search<'_> {
    /// Counts a comparison of a function of the reference with one of the program, which may hold a whole program.
    pub(crate) fn compares(&self, ours: usize, function: u32) -> bool {
        let theirs = self.hits.of_function(function).len();
        self.work.spend((ours + theirs) as u64).is_ok()
    }
}

/// What a program holds of the references: the lineage with the most evidence first, of each lineage the version that
/// fits best.
#[must_use]
pub fn find(index: &Index, program: &Program) -> Vec<Evidence> {
    find_within(index, program, &Work::endless())
}

/// The same, counting work. Where it ends too early, what was found until then is told.
#[must_use]
pub fn find_within(index: &Index, program: &Program, work: &Work<'_>) -> Vec<Evidence> {
    if work.spend(WORK_LOOKUP * program.fingerprints.len() as u64).is_err() {
        return Vec::new();
    }
    let hits = Hits::of(index, program);
    let votes = Votes::count(index, &hits, work);
    let search = Search { index, program, hits, work };
    let mut claims = Claims::new(&search.hits);
    let mut company = None;
    let mut found: Vec<Evidence> = (0..index.references().len())
        .take_while(|_| work.stopped().is_none())
        .filter(|reference| votes.weight_of(index, *reference) >= REFERENCE_WEIGHT_MIN)
        .filter_map(|reference| {
            let mut pairs = assign(&search, reference, &votes, &mut claims);
            let mut evidence = sum(index, reference, &pairs, votes.containment(index, reference));
            if evidence.functions == 0 {
                return None;
            }
            let company = company.get_or_insert_with(|| Company::new(program));
            evidence.links = links(index, reference, program, company, &pairs);
            if index.has_versions(reference) {
                evidence.fit = votes.held(reference) - LACK * lacking(&search, reference, &pairs);
            }
            if evidence.distinct >= EXPLAINED_WEIGHT_MIN {
                propagate::extend(&search, reference, company, &mut pairs);
            }
            evidence.pairs = pairs;
            Some(evidence)
        })
        .collect();
    rank(index, &mut found);
    found
}

/// Lineages by evidence; within one, versions with almost as much evidence as the best by how well they fit.
fn rank(index: &Index, found: &mut [Evidence]) {
    let lineage = |evidence: &Evidence| index.references().get(evidence.reference).map_or("", |r| r.lineage.as_str());
    let mut most: FxHashMap<&str, (f32, usize)> = FxHashMap::default();
    for evidence in found.iter() {
        let entry = most.entry(lineage(evidence)).or_insert((evidence.distinct, evidence.reference));
        if evidence.distinct > entry.0 {
            *entry = (evidence.distinct, evidence.reference);
        }
    }
    let of = |evidence: &Evidence| most.get(lineage(evidence)).copied().unwrap_or_default();
    let rivals = |evidence: &Evidence| evidence.distinct >= RIVAL_SHARE * of(evidence).0;
    found.sort_by(|a, b| {
        let between = of(b).0.total_cmp(&of(a).0).then(of(a).1.cmp(&of(b).1)).then(rivals(b).cmp(&rivals(a)));
        between
            .then(b.fit.total_cmp(&a.fit))
            .then(b.containment.total_cmp(&a.containment))
            .then(a.reference.cmp(&b.reference))
    });
}

/// What a reference's found functions have of distinct worth and their partners lack.
fn lacking(search: &Search<'_>, reference: usize, pairs: &[Pair]) -> f32 {
    let first = search.index.functions_of(reference).start;
    let lacking = |pair: &Pair| {
        let id = first + pair.reference;
        if !search.compares(search.index.keys_of(id).len(), pair.program) {
            return 0.0;
        }
        let shared = both(search.index.keys_of(id), search.hits.of_function(pair.program));
        let keys = shared.filter_map(|(_, key)| search.index.key_at(key)).filter(|key| key.distinct);
        search.index.worth_of(id).distinct - keys.map(|key| key.weight).sum::<f32>()
    };
    pairs.iter().map(lacking).sum()
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
        fit: 0.0,
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

struct Proposal {
    rank: f32,
    reference: u32,
    program: u32,
    similarity: f32,
}

/// Pairs by fingerprints: heaviest first, each claiming what it rests on.
fn assign(search: &Search<'_>, reference: usize, votes: &Votes, claims: &mut Claims) -> Vec<Pair> {
    let index = search.index;
    let Some(known) = index.references().get(reference).map(|r| &r.program) else { return Vec::new() };
    claims.begin();
    let mut settled = vec![false; known.functions.len()];
    let mut pairs = Vec::new();
    let ids = index.functions_of(reference);
    for proposal in proposals(index, search.program, known, ids.start, votes.of(index, reference)) {
        let Some(settled) = settled.get_mut(proposal.reference as usize).filter(|settled| !**settled) else { continue };
        let ours = index.keys_of(ids.start + proposal.reference);
        if !search.compares(ours.len(), proposal.program) {
            break;
        }
        let Some((distinct, common)) = claims.claim(search, ours, proposal.program) else { continue };
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
    first: u32,
    votes: &[[Candidate; CANDIDATES]],
) -> Vec<Proposal> {
    let class_of = |candidate: &Candidate| program.functions.get(candidate.function as usize).map_or(0, |f| f.class);
    let mut rows: Vec<(u32, &Function, &[Candidate])> = Vec::new();
    for ((function, candidates), number) in known.functions.iter().zip(votes).zip(0_u32..) {
        let some = candidates.iter().take_while(|candidate| candidate.weight > 0.0).count();
        if let Some(candidates) = candidates.get(..some).filter(|candidates| !candidates.is_empty()) {
            rows.push((number, function, candidates));
        }
    }
    let mut together: FxHashMap<(u32, u32), f32> = FxHashMap::default();
    for (_, function, candidates) in &rows {
        let all: f32 = candidates.iter().map(|candidate| candidate.weight.powi(TWIN_POWER)).sum();
        for candidate in *candidates {
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
    for (number, function, candidates) in rows {
        let worth = index.worth_of(first + number).all;
        if function.tokens < TOKENS_MIN || worth < WORTH_MIN {
            continue;
        }
        let has_twins = function.tokens < TWIN_TOKENS
            && matches!(candidates, [first, second, ..] if second.weight > TWIN_RIVAL_SHARE * first.weight);
        for candidate in candidates.iter().filter(|_| !has_twins) {
            let similarity = candidate.weight / worth;
            let class_weight = together.get(&(function.class, class_of(candidate))).copied().unwrap_or(0.0);
            let supported = class_weight - candidate.weight > SUPPORT * candidate.weight;
            if (similarity > SIMILARITY_MIN && candidate.weight > WEIGHT_MIN)
                || (similarity > SIMILARITY_SUPPORTED_MIN && candidate.weight > WEIGHT_SUPPORTED_MIN && supported)
            {
                // Twins in weight are told apart by what their classes have in common, by length and by types.
                let partner = program.functions.get(candidate.function as usize);
                let length = length_ratio(function, partner);
                let shape = if partner.is_some_and(|partner| partner.shape == function.shape) { 1.0 } else { 0.0 };
                let class_share = class_weight / most.get(&function.class).copied().unwrap_or(1.0).max(1.0);
                let alike = 0.7 + 0.1 * length + 0.1 * class_share + 0.1 * shape;
                let rank = candidate.weight * alike + 0.001 * class_weight;
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

/// What two sorted lists have in common, by its place in the second.
pub(crate) fn both<'a, T: Copy + Ord>(ours: &'a [T], theirs: &'a [T]) -> impl Iterator<Item = (usize, T)> + 'a {
    let mut at = 0;
    ours.iter().filter_map(move |wanted| {
        while theirs.get(at).is_some_and(|one| one < wanted) {
            at += 1;
        }
        theirs.get(at).filter(|one| *one == wanted).map(|one| (at, *one))
    })
}

/// What has been claimed of the program's fingerprints.
struct Claims {
    /// By the place of a hit, the round that claimed it.
    taken: Vec<u32>,
    round: u32,
    shared: Vec<usize>,
}

impl Claims {
    fn new(hits: &Hits) -> Self {
        Self { taken: vec![0; hits.count()], round: 0, shared: Vec::new() }
    }

    /// For another reference: nothing is claimed.
    fn begin(&mut self) {
        self.round += 1;
    }

    /// Claims what a pair rests on, unless most of it is taken: gives the distinct and the common weight left.
    fn claim(&mut self, search: &Search<'_>, ours: &[u32], function: u32) -> Option<(f32, f32)> {
        let (mut all, mut distinct, mut common) = (0.0, 0.0, 0.0);
        let place = search.hits.place_of(function);
        self.shared.clear();
        for (at, key) in both(ours, search.hits.of_function(function)) {
            let Some(key) = search.index.key_at(key) else { continue };
            all += key.weight;
            let at = place.start + at;
            if self.taken.get(at).is_some_and(|round| *round != self.round) {
                *(if key.distinct { &mut distinct } else { &mut common }) += key.weight;
            }
            self.shared.push(at);
        }
        let fresh: f32 = distinct + common;
        if fresh < FRESH_MIN * all || fresh < WEIGHT_MIN {
            return None;
        }
        for at in &self.shared {
            if let Some(taken) = self.taken.get_mut(*at) {
                *taken = self.round;
            }
        }
        Some((distinct, common))
    }
}

/// What a pair rests on, family by family: how many fingerprints both share.
#[must_use]
pub fn reasons(ours: &[u64], theirs: &[u64]) -> Vec<(Family, usize)> {
    let shared: Vec<Family> = both(ours, theirs).filter_map(|(_, f)| Family::of(f)).collect();
    let counted = Family::ALL.map(|family| (family, shared.iter().filter(|f| **f == family).count()));
    counted.into_iter().filter(|(_, n)| *n > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Background;
    use crate::fingerprint::{mix, of_text};
    use crate::index::Reference;
    use crate::program::{Class, Span};

    /// A program of one class whose functions hold these numbers as strings.
    fn program(functions: &[&[u64]]) -> Program {
        let mut program = Program::default();
        let name = program.keep("a");
        program.classes.push(Class { name });
        for (function, n) in functions.iter().zip(0_u64..) {
            let start = program.fingerprints.len();
            let mut own: Vec<u64> = function.iter().map(|text| of_text(mix(*text))).collect();
            own.sort_unstable();
            program.fingerprints.extend(own);
            program.functions.push(Function {
                class: 0,
                name,
                tokens: 40,
                symbol: mix(n),
                shape: 1,
                body: mix(function.iter().sum()),
                fingerprints: Span::since(start, program.fingerprints.len()),
                calls: Span::default(),
            });
        }
        program
    }

    /// The versions in the order in which they are told.
    fn told(versions: &[(&str, &[&[u64]])], of: &[&[u64]]) -> Vec<String> {
        let reference = |(label, functions): &(&str, &[&[u64]])| Reference {
            lineage: label.split('-').next().unwrap_or_default().to_owned(),
            label: (*label).to_owned(),
            program: program(functions),
            ..Reference::default()
        };
        let index = Index::new(versions.iter().map(reference).collect(), &Background::default());
        let found = find(&index, &program(of));
        found.iter().map(|evidence| index.references()[evidence.reference].label.clone()).collect()
    }

    #[test]
    fn of_several_versions_the_one_that_fits_is_told_first() {
        let (pay, close): (&[u64], &[u64]) = (&[1, 2, 3, 4, 5, 6], &[11, 12, 13, 14, 15]);
        let (pay_later, open): (&[u64], &[u64]) = (&[1, 2, 3, 4, 5, 7], &[21, 22, 23, 24, 25]);
        let versions: [(&str, &[&[u64]]); 4] = [
            ("shop-1", &[pay]),
            ("shop-2", &[pay, close]),
            ("shop-3", &[pay_later, close, open]),
            ("other-1", &[&[31, 32, 33, 34, 35]]),
        ];
        for (at, version) in versions.iter().enumerate() {
            assert_eq!(told(&versions, version.1)[0], version.0, "version {at} as it is");
        }
        // A shrinker took the rest of it: what is there still says which.
        assert_eq!(told(&versions, &[pay_later, close])[0], "shop-3");
        // The other lineage has less evidence, and comes behind every version of the first.
        assert_eq!(told(&versions, &[pay, close, &[31, 32, 33, 34]]), ["shop-2", "shop-3", "shop-1", "other-1"]);
    }
}

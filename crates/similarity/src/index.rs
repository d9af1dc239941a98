//! Reference code to look for, and how rare each of its fingerprints is. Knows lineages: all versions of one
//! subject's code are one, so that fifty versions of an app do not make its own code look common.

use crate::artefact::Language;
use crate::background::Background;
use crate::company::Company;
use crate::fingerprint::Family;
use crate::hits::Hit;
use crate::program::{Program, Span};
use rustc_hash::FxHashMap;

/// Code held by this many lineages is nobody's own.
pub const COMMON_LINEAGES: u32 = 3;
/// Where rarity is counted from: weights must not depend on how many references somebody happens to keep, or no
/// calibration holds for another index.
const WORLD_LINEAGES: f32 = 100.0;
/// What a common fingerprint still says about which function is which.
const COMMON_WORTH: f32 = 0.25;
/// A compiler writes what a runtime library says into every program, in many functions that call each other. Counting
/// each fact for a third gave the least error of calibration on the calibration half of `bench/similarity`.
const ECHOES_NATIVE: f32 = 3.0;
/// Bits of a fingerprint that choose its place in the directory, beyond which it would not fit a cache.
const DIRECTORY_BITS_MAX: u32 = 22;
/// Bits of the filter for each fingerprint: of eight that are not there, seven are turned away without a look.
const FILTER_BITS_EACH: usize = 8;

/// One artefact that is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// Whose code it is: the id of a subject. All references of one lineage share it.
    pub lineage: String,
    /// Which artefact and version, for people.
    pub label: String,
    /// Where it came from.
    pub source: String,
    /// SHA-256 of the artefact, in hexadecimal digits.
    pub sha256: String,
    /// Its code.
    pub program: Program,
}

/// References ready to be searched.
#[derive(Debug)]
pub struct Index {
    references: Vec<Reference>,
    /// Of each reference, the number of its first function among all.
    first: Vec<u32>,
    /// Of each reference, how many there are of its lineage.
    versions: Vec<u32>,
    /// Of each function, its reference.
    owner: Vec<u32>,
    /// Of each function, the worth of its fingerprints: all, and those that are distinct.
    worth: Vec<Worth>,
    /// Of each reference, the worth of its distinct fingerprints, each counted once.
    distinct: Vec<f32>,
    keys: Vec<Key>,
    postings: Vec<u32>,
    /// The keys of all functions, one function after the other, each in order, and where each function's begin.
    own_keys: Vec<u32>,
    own_starts: Vec<u32>,
    directory: Vec<u32>,
    shift: u32,
    /// One bit for each fingerprint, by its lowest bits.
    filter: Vec<u64>,
    /// Of each reference, who goes with whom.
    company: Vec<Company>,
    /// Facts of its kind of code that together say what one fact of bytecode says.
    echoes: f32,
}

/// A fingerprint that occurs, and where its postings begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) fingerprint: u64,
    start: u32,
    /// What it says about which function is which.
    pub(crate) weight: f32,
    /// Whether it is of this lineage and at most one other.
    pub(crate) distinct: bool,
}

/// The worth of a function's fingerprints.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Worth {
    pub(crate) all: f32,
    pub(crate) distinct: f32,
}

impl Index {
    /// Sorts what is to be looked for. `background` holds code that is everybody's.
    #[must_use]
    pub fn new(references: Vec<Reference>, background: &Background) -> Self {
        let mut lineages: FxHashMap<&str, u32> = FxHashMap::default();
        let mut pairs = Vec::with_capacity(references.iter().map(|r| r.program.fingerprints.len()).sum());
        let (mut first, mut owner, mut lineage_of) = (Vec::new(), Vec::new(), Vec::new());
        for (reference, number) in references.iter().zip(0_u32..) {
            let next = u32::try_from(lineages.len()).unwrap_or(u32::MAX);
            lineage_of.push(*lineages.entry(&reference.lineage).or_insert(next));
            first.push(u32::try_from(owner.len()).unwrap_or(u32::MAX));
            for function in &reference.program.functions {
                let id = u32::try_from(owner.len()).unwrap_or(u32::MAX);
                owner.push(number);
                pairs.extend(reference.program.fingerprints_of(function).iter().map(|f| (*f, id)));
            }
        }
        let versions = lineage_of.iter().map(|lineage| lineage_of.iter().filter(|other| *other == lineage).count());
        let versions = versions.map(|count| u32::try_from(count).unwrap_or(u32::MAX)).collect();
        pairs.sort_unstable();
        let mut keys: Vec<Key> = Vec::new();
        let mut seen: Vec<u32> = Vec::new();
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some((fingerprint, _)) = run.first().copied() else { continue };
            seen.clear();
            for (_, id) in run {
                let lineage = owner.get(*id as usize).and_then(|r| lineage_of.get(*r as usize));
                if let Some(lineage) = lineage.filter(|lineage| !seen.contains(lineage)) {
                    seen.push(*lineage);
                    if seen.len() >= COMMON_LINEAGES as usize {
                        break;
                    }
                }
            }
            let start = keys.last().map_or(0, |key| key.start);
            let held =
                if background.holds(fingerprint) { COMMON_LINEAGES } else { u32::try_from(seen.len()).unwrap_or(1) };
            keys.push(Key {
                fingerprint,
                start: start + u32::try_from(run.len()).unwrap_or(u32::MAX),
                weight: weight(fingerprint, held),
                distinct: held < COMMON_LINEAGES,
            });
        }
        // So far each start is an end; shift them by one.
        let mut before = 0;
        for key in &mut keys {
            before = std::mem::replace(&mut key.start, before);
        }
        let postings = pairs.into_iter().map(|(_, id)| id).collect();
        let mut index = Self {
            references,
            first,
            versions,
            owner,
            worth: Vec::new(),
            distinct: Vec::new(),
            keys,
            postings,
            own_keys: Vec::new(),
            own_starts: Vec::new(),
            directory: Vec::new(),
            shift: 0,
            filter: Vec::new(),
            company: Vec::new(),
            echoes: 1.0,
        };
        index.company = index.references.iter().map(|reference| Company::new(&reference.program)).collect();
        index.turn_over();
        index.build_directory();
        index.build_filter();
        index.weigh();
        index
    }

    /// The same, of a kind of code.
    #[must_use]
    pub fn of(self, language: Language) -> Self {
        Self { echoes: if language.is_native() { ECHOES_NATIVE } else { 1.0 }, ..self }
    }

    /// Facts of its kind of code that together say what one fact of bytecode says.
    pub(crate) const fn echoes(&self) -> f32 {
        self.echoes
    }

    /// From which functions hold a key to which keys a function holds.
    fn turn_over(&mut self) {
        let mut starts = vec![0_u32; self.owner.len() + 1];
        for id in &self.postings {
            if let Some(slot) = starts.get_mut(*id as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        let mut own = vec![0_u32; self.postings.len()];
        for n in 0..self.keys.len() {
            let number = u32::try_from(n).unwrap_or(u32::MAX);
            let Some(start) = self.keys.get(n).map(|key| key.start) else { break };
            for id in self.postings_at(Span { start, end: self.end_of(n) }) {
                let Some(at) = next.get_mut(*id as usize) else { continue };
                if let Some(slot) = own.get_mut(*at as usize) {
                    *slot = number;
                }
                *at += 1;
            }
        }
        (self.own_keys, self.own_starts) = (own, starts);
    }

    fn build_directory(&mut self) {
        let bits = (usize::BITS - self.keys.len().leading_zeros()).clamp(4, DIRECTORY_BITS_MAX);
        self.shift = 64 - bits;
        let mut directory = vec![0_u32; (1 << bits) + 1];
        for key in &self.keys {
            if let Some(slot) = directory.get_mut((key.fingerprint >> self.shift) as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut directory {
            sum += *slot;
            *slot = sum;
        }
        self.directory = directory;
    }

    fn build_filter(&mut self) {
        let words = (self.keys.len() * FILTER_BITS_EACH).div_ceil(64).next_power_of_two();
        let mut filter = vec![0_u64; words];
        for key in &self.keys {
            let (word, bit) = place(key.fingerprint, words);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
        }
        self.filter = filter;
    }

    fn weigh(&mut self) {
        let mut worth = Vec::with_capacity(self.owner.len());
        let mut distinct = Vec::with_capacity(self.references.len());
        for id in 0..u32::try_from(self.owner.len()).unwrap_or(u32::MAX) {
            let keys = self.keys_of(id).iter().filter_map(|n| self.key_at(*n));
            worth.push(keys.fold(Worth::default(), |sum, key| Worth {
                all: sum.all + key.weight,
                distinct: sum.distinct + if key.distinct { key.weight } else { 0.0 },
            }));
        }
        for reference in &self.references {
            let keys = reference.program.distinct_fingerprints();
            let keys = keys.iter().filter_map(|f| self.find(*f)).filter(|key| key.distinct);
            distinct.push(keys.map(|key| key.weight).sum());
        }
        self.worth = worth;
        self.distinct = distinct;
    }

    /// All references.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Whether a reference is one of several of its lineage.
    pub(crate) fn has_versions(&self, reference: usize) -> bool {
        self.versions.get(reference).is_some_and(|versions| *versions > 1)
    }

    /// How many functions all references have.
    #[must_use]
    pub fn functions(&self) -> usize {
        self.owner.len()
    }

    /// How many fingerprints, functions counted each.
    #[must_use]
    pub fn postings(&self) -> usize {
        self.postings.len()
    }

    /// The worth of what only this reference's lineage holds.
    #[must_use]
    pub fn distinct_worth(&self, reference: usize) -> f32 {
        self.distinct.get(reference).copied().unwrap_or(0.0)
    }

    /// Whether a fingerprint is known, and if so whether it is distinct.
    #[must_use]
    pub fn knows(&self, fingerprint: u64) -> Option<bool> {
        self.find(fingerprint).map(|key| key.distinct)
    }

    pub(crate) fn find(&self, fingerprint: u64) -> Option<&Key> {
        self.locate(fingerprint).map(|(_, key)| key)
    }

    fn locate(&self, fingerprint: u64) -> Option<(usize, &Key)> {
        let slot = (fingerprint >> self.shift) as usize;
        let (start, end) = (*self.directory.get(slot)? as usize, *self.directory.get(slot + 1)? as usize);
        let n = self.keys.get(start..end)?.iter().position(|key| key.fingerprint == fingerprint)?;
        self.keys.get(start + n).map(|key| (start + n, key))
    }

    /// The number of a fingerprint's key, and what it says. Most fingerprints of a program are in no reference, and
    /// the filter, which fits a cache, says so for most of them.
    pub(crate) fn hit(&self, fingerprint: u64) -> Option<(usize, Hit)> {
        let (word, bit) = place(fingerprint, self.filter.len());
        if self.filter.get(word)? & bit == 0 {
            return None;
        }
        let (n, key) = self.locate(fingerprint)?;
        let postings = Span { start: key.start, end: self.end_of(n) };
        Some((n, Hit { postings, weight: key.weight, distinct: key.distinct }))
    }

    fn end_of(&self, n: usize) -> u32 {
        let all = || u32::try_from(self.postings.len()).unwrap_or(u32::MAX);
        self.keys.get(n + 1).map_or_else(all, |next| next.start)
    }

    /// The functions at a place among all postings, in order.
    pub(crate) fn postings_at(&self, place: Span) -> &[u32] {
        self.postings.get(place.range()).unwrap_or(&[])
    }

    /// How many different fingerprints there are.
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The keys of a function, in order.
    pub(crate) fn keys_of(&self, function: u32) -> &[u32] {
        let at = |n: usize| self.own_starts.get(n).map(|start| *start as usize);
        let (Some(start), Some(end)) = (at(function as usize), at(function as usize + 1)) else { return &[] };
        self.own_keys.get(start..end).unwrap_or(&[])
    }

    /// A key by its number.
    pub(crate) fn key_at(&self, n: u32) -> Option<&Key> {
        self.keys.get(n as usize)
    }

    /// Who goes with whom in a reference.
    pub(crate) fn company_of(&self, reference: usize) -> Option<&Company> {
        self.company.get(reference)
    }

    /// The reference a function belongs to.
    pub(crate) fn owner_of(&self, function: u32) -> usize {
        self.owner.get(function as usize).map_or(usize::MAX, |owner| *owner as usize)
    }

    pub(crate) fn worth_of(&self, function: u32) -> Worth {
        self.worth.get(function as usize).copied().unwrap_or_default()
    }

    /// The functions of a reference, by their numbers among all.
    pub(crate) fn functions_of(&self, reference: usize) -> std::ops::Range<u32> {
        let start = self.first.get(reference).copied().unwrap_or(0);
        let end = self.first.get(reference + 1).copied();
        start..end.unwrap_or(u32::try_from(self.owner.len()).unwrap_or(u32::MAX))
    }
}

/// The word and the bit of a fingerprint in a filter of `words`, a power of two.
fn place(fingerprint: u64, words: usize) -> (usize, u64) {
    ((fingerprint >> 6) as usize & words.wrapping_sub(1), 1 << (fingerprint & 63))
}

fn weight(fingerprint: u64, lineages: u32) -> f32 {
    let family = Family::of(fingerprint).map_or(0.0, Family::worth);
    let held = u16::try_from(lineages.max(1)).map_or(WORLD_LINEAGES, f32::from);
    let rarity = (WORLD_LINEAGES / held).ln().max(0.0);
    family * rarity * if lineages < COMMON_LINEAGES { 1.0 } else { COMMON_WORTH }
}

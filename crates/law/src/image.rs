//! Compiled law as one run of little-endian words: no pointers, a digest in its header, checked whole at load.
//!
//! Layout: `INTERDCT`, format and semantics versions (u32 each), edition (32 bytes), SHA-256 of all
//! that follows (32 bytes), then the sections in the order of [`Image`], each a u32 count and its
//! items. A decision can name the image that made it by its digest.

use crate::answer::{Agent, Doubt, Ground, Outcome, Status, Statuses};
use crate::case::State;
use crate::law::{Facet, FacetId, Region};
use crate::time::{ALWAYS, Time};
use sha2::{Digest, Sha256};
use std::fmt;

/// Marks a diagram word as a leaf: the rest is the number of a timeline.
pub(crate) const LEAF: u32 = 1 << 31;

const MAGIC: &[u8; 8] = b"INTERDCT";
/// Changes with the layout.
const FORMAT: u32 = 1;
/// Changes when the same law would decide otherwise.
const SEMANTICS: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 4 + 32 + 32;

/// Compiled law.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    edition: [u8; 32],
    digest: [u8; 32],
    facets: Vec<Facet>,
    pub(crate) acts: u32,
    /// App × act to key number; 0 is unregulated, else one more than the key.
    pub(crate) index: Vec<u32>,
    /// Key to its slabs: offset and count.
    pub(crate) keys: Vec<(u32, u32)>,
    pub(crate) slab_known: Vec<Time>,
    pub(crate) slab_root: Vec<u32>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) maps: Vec<u8>,
    pub(crate) branches: Vec<u32>,
    /// Timeline to its stretches: offset and count.
    pub(crate) timelines: Vec<(u32, u32)>,
    pub(crate) stretch_from: Vec<Time>,
    pub(crate) stretch_outcome: Vec<u32>,
    pub(crate) statuses: Vec<u8>,
    /// Outcome to its proof: offset and count in `proofs`.
    proof_at: Vec<(u32, u32)>,
    proofs: Vec<u32>,
}

/// A test of one facet in a compiled diagram.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) facet: u32,
    /// Offset of its state-to-branch map.
    pub(crate) map: u32,
    /// How many states the facet has: the length of the map.
    pub(crate) states: u32,
    /// Offset of its branches.
    pub(crate) branches: u32,
}

/// What the compiler hands over.
pub(crate) struct Parts<'l> {
    pub(crate) edition: [u8; 32],
    pub(crate) facets: &'l [Facet],
    pub(crate) apps: u16,
    pub(crate) acts: u8,
    pub(crate) index: Vec<u32>,
    pub(crate) keys: Vec<Vec<(Time, u32)>>,
    pub(crate) nodes: Vec<(FacetId, Vec<u8>, Vec<u32>)>,
    pub(crate) timelines: Vec<Vec<(Time, u32)>>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// Why bytes are no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// Not an image at all.
    NotAnImage,
    /// Made by another version.
    Version {
        /// Format version found.
        format: u32,
        /// Semantics version found.
        semantics: u32,
    },
    /// Shorter than it says.
    Truncated,
    /// The digest in the header is not that of the content.
    Damaged,
    /// The content contradicts itself at this section.
    Inconsistent {
        /// The section.
        section: &'static str,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnImage => f.write_str("not a compiled law image"),
            Self::Version { format, semantics } => write!(
                f,
                "made for format {format}, semantics {semantics}; this program reads format {FORMAT}, semantics \
                 {SEMANTICS}: compile the orders again"
            ),
            Self::Truncated => f.write_str("the image ends before its last section"),
            Self::Damaged => f.write_str("the image does not match the digest in its header"),
            Self::Inconsistent { section } => write!(f, "the {section} of the image contradict the rest"),
        }
    }
}

impl std::error::Error for ImageError {}

impl Image {
    pub(crate) fn assemble(parts: Parts<'_>) -> Self {
        let mut image = Self {
            edition: parts.edition,
            digest: [0; 32],
            facets: parts.facets.to_vec(),
            acts: u32::from(parts.acts),
            index: parts.index,
            keys: Vec::new(),
            slab_known: Vec::new(),
            slab_root: Vec::new(),
            nodes: Vec::new(),
            maps: Vec::new(),
            branches: Vec::new(),
            timelines: Vec::new(),
            stretch_from: Vec::new(),
            stretch_outcome: Vec::new(),
            statuses: Vec::new(),
            proof_at: Vec::new(),
            proofs: Vec::new(),
        };
        debug_assert_eq!(image.index.len(), usize::from(parts.apps) * usize::from(parts.acts));
        for slabs in parts.keys {
            image.keys.push((count(&image.slab_known), count(&slabs)));
            image.slab_known.extend(slabs.iter().map(|(known, _)| *known));
            image.slab_root.extend(slabs.iter().map(|(_, root)| *root));
        }
        for (facet, map, branches) in parts.nodes {
            image.nodes.push(Node {
                facet: u32::from(facet),
                map: count(&image.maps),
                states: count(&map),
                branches: count(&image.branches),
            });
            image.maps.extend(map);
            image.branches.extend(branches);
        }
        for timeline in parts.timelines {
            image.timelines.push((count(&image.stretch_from), count(&timeline)));
            image.stretch_from.extend(timeline.iter().map(|(from, _)| *from));
            image.stretch_outcome.extend(timeline.iter().map(|(_, outcome)| *outcome));
        }
        for outcome in &parts.outcomes {
            let proof = write_proof(outcome);
            image.statuses.push(outcome.statuses.0);
            image.proof_at.push((count(&image.proofs), count(&proof)));
            image.proofs.extend(proof);
        }
        image.digest = Sha256::digest(image.content()).into();
        image
    }

    /// Digest of the text the law was lowered from.
    #[must_use]
    pub const fn edition(&self) -> [u8; 32] {
        self.edition
    }

    /// SHA-256 of the content: names the exact law a decision used.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The facets cases are stated in.
    #[must_use]
    pub fn facets(&self) -> &[Facet] {
        &self.facets
    }

    /// How many different outcomes there are.
    #[must_use]
    pub const fn outcomes(&self) -> usize {
        self.statuses.len()
    }

    /// The proof behind an outcome number of this image; unknown numbers prove nothing.
    #[must_use]
    pub fn outcome(&self, outcome: u32) -> Outcome {
        let n = outcome as usize;
        let statuses = self.statuses.get(n).map_or(Statuses::ALL, |bits| Statuses(*bits));
        let words = self.proof_at.get(n).and_then(|at| slice(&self.proofs, *at)).unwrap_or_default();
        read_proof(statuses, words).unwrap_or_else(|| unprovable(statuses))
    }

    /// The image as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = self.content();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(SEMANTICS.to_le_bytes());
        bytes.extend(self.edition);
        bytes.extend(self.digest);
        bytes.extend(content);
        bytes
    }

    /// Reads an image and checks all of it: afterwards no decision can go out of bounds.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut reader = Reader { rest: bytes };
        if reader.take(8).ok() != Some(MAGIC.as_slice()) {
            return Err(ImageError::NotAnImage);
        }
        let (format, semantics) = (reader.word()?, reader.word()?);
        if (format, semantics) != (FORMAT, SEMANTICS) {
            return Err(ImageError::Version { format, semantics });
        }
        let edition = reader.digest()?;
        let digest = reader.digest()?;
        if <[u8; 32]>::from(Sha256::digest(reader.rest)) != digest {
            return Err(ImageError::Damaged);
        }
        let image = Self {
            edition,
            digest,
            facets: reader.facets()?,
            acts: reader.word()?,
            index: reader.words()?,
            keys: reader.pairs()?,
            slab_known: reader.times()?,
            slab_root: reader.words()?,
            nodes: reader.nodes()?,
            maps: reader.bytes()?,
            branches: reader.words()?,
            timelines: reader.pairs()?,
            stretch_from: reader.times()?,
            stretch_outcome: reader.words()?,
            statuses: reader.bytes()?,
            proof_at: reader.pairs()?,
            proofs: reader.words()?,
        };
        if !reader.rest.is_empty() {
            return Err(ImageError::Inconsistent { section: "length" });
        }
        image.check()?;
        Ok(image)
    }

    fn content(&self) -> Vec<u8> {
        let mut w = Writer { bytes: Vec::new() };
        w.facets(&self.facets);
        w.word(self.acts);
        w.words(&self.index);
        w.pairs(&self.keys);
        w.times(&self.slab_known);
        w.words(&self.slab_root);
        w.word(count(&self.nodes));
        for node in &self.nodes {
            [node.facet, node.map, node.states, node.branches].into_iter().for_each(|word| w.word(word));
        }
        w.raw(&self.maps);
        w.words(&self.branches);
        w.pairs(&self.timelines);
        w.times(&self.stretch_from);
        w.words(&self.stretch_outcome);
        w.raw(&self.statuses);
        w.pairs(&self.proof_at);
        w.words(&self.proofs);
        w.bytes
    }

    fn check(&self) -> Result<(), ImageError> {
        let ensure = |section, holds: bool| if holds { Ok(()) } else { Err(ImageError::Inconsistent { section }) };
        let key = |key: &u32| *key as usize <= self.keys.len();
        ensure("index", self.acts > 0 && self.acts <= 64 && self.index.len().is_multiple_of(self.acts as usize))?;
        ensure("index", self.index.iter().all(key))?;
        ensure("slabs", self.slab_known.len() == self.slab_root.len())?;
        ensure("slabs", self.keys.iter().all(|at| starts_sorted(&self.slab_known, *at)))?;
        ensure("roots", self.slab_root.iter().all(|root| self.follows(*root, None)))?;
        ensure("diagrams", self.nodes.iter().all(|node| self.sound(node)))?;
        ensure("timelines", self.stretch_from.len() == self.stretch_outcome.len())?;
        ensure("timelines", self.timelines.iter().all(|at| starts_sorted(&self.stretch_from, *at)))?;
        ensure("timelines", self.stretch_outcome.iter().all(|o| (*o as usize) < self.statuses.len()))?;
        ensure("statuses", self.statuses.iter().all(|bits| *bits != 0 && *bits <= Statuses::ALL.0))?;
        ensure("proofs", self.proof_at.len() == self.statuses.len())?;
        let proves = |(statuses, at): (&u8, &(u32, u32))| {
            slice(&self.proofs, *at).and_then(|words| read_proof(Statuses(*statuses), words)).is_some()
        };
        ensure("proofs", self.statuses.iter().zip(&self.proof_at).all(proves))
    }

    fn sound(&self, node: &Node) -> bool {
        let states = self.facets.get(node.facet as usize).map(Facet::states);
        let map = slice(&self.maps, (node.map, node.states)).filter(|map| Some(map.len()) == states);
        map.is_some_and(|map| {
            map.iter().all(|branch| {
                let word = self.branches.get(node.branches as usize + usize::from(*branch));
                word.is_some_and(|word| self.follows(*word, Some(node.facet)))
            })
        })
    }

    /// Whether a diagram word leads somewhere, and below its parent: a later facet, so no walk is endless.
    fn follows(&self, word: u32, parent: Option<u32>) -> bool {
        if word & LEAF != 0 {
            return ((word & !LEAF) as usize) < self.timelines.len();
        }
        self.nodes.get(word as usize).is_some_and(|node| parent.is_none_or(|facet| node.facet > facet))
    }
}

/// A range that starts at the beginning of time and rises.
fn starts_sorted(times: &[Time], at: (u32, u32)) -> bool {
    slice(times, at).is_some_and(|times| times.first() == Some(&ALWAYS) && times.is_sorted_by(|a, b| a < b))
}

pub(crate) fn slice<T>(items: &[T], (at, count): (u32, u32)) -> Option<&[T]> {
    items.get(at as usize..(at as usize).checked_add(count as usize)?)
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// What is said of an outcome whose proof cannot be read: the statuses, and that nothing grounds them.
const fn unprovable(statuses: Statuses) -> Outcome {
    Outcome { statuses, grounds: Vec::new(), needs: Vec::new(), doubts: Vec::new(), unless: Vec::new(), conflict: true }
}

fn write_proof(outcome: &Outcome) -> Vec<u32> {
    let mut words = vec![u32::from(outcome.conflict), count(&outcome.grounds)];
    for ground in &outcome.grounds {
        words.extend([ground.status as u32, ground.provision, count(&ground.by)]);
        for agent in &ground.by {
            words.extend(match agent {
                Agent::Effect(id) => [0, *id],
                Agent::Provision(id) => [1, *id],
                Agent::Attestation(id) => [2, *id],
            });
        }
    }
    words.push(count(&outcome.needs));
    words.extend(outcome.needs.iter().map(|facet| u32::from(*facet)));
    words.push(count(&outcome.doubts));
    for doubt in &outcome.doubts {
        words.extend(match doubt {
            Doubt::Reading(id) => [0, u32::from(*id)],
            Doubt::Condition(id) => [1, *id],
        });
    }
    words.push(count(&outcome.unless));
    words.extend(outcome.unless.iter().flat_map(|(p, scope)| [*p, u32::from(*scope)]));
    words
}

fn read_proof(statuses: Statuses, words: &[u32]) -> Option<Outcome> {
    let mut words = words.iter().copied();
    let conflict = words.next()? == 1;
    let mut grounds = Vec::new();
    for _ in 0..words.next()? {
        let status = *Status::ALL.get(words.next()? as usize)?;
        let provision = words.next()?;
        let mut by = Vec::new();
        for _ in 0..words.next()? {
            by.push(match (words.next()?, words.next()?) {
                (0, id) => Agent::Effect(id),
                (1, id) => Agent::Provision(id),
                (2, id) => Agent::Attestation(id),
                (_, _) => return None,
            });
        }
        grounds.push(Ground { status, provision, by });
    }
    let mut outcome = Outcome { grounds, conflict, ..unprovable(statuses) };
    for _ in 0..words.next()? {
        outcome.needs.push(u8::try_from(words.next()?).ok()?);
    }
    for _ in 0..words.next()? {
        outcome.doubts.push(match (words.next()?, words.next()?) {
            (0, id) => Doubt::Reading(u16::try_from(id).ok()?),
            (1, id) => Doubt::Condition(id),
            (_, _) => return None,
        });
    }
    for _ in 0..words.next()? {
        outcome.unless.push((words.next()?, u8::try_from(words.next()?).ok()?));
    }
    words.next().is_none().then_some(outcome)
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn word(&mut self, word: u32) {
        self.bytes.extend(word.to_le_bytes());
    }

    fn words(&mut self, words: &[u32]) {
        self.word(count(words));
        words.iter().for_each(|word| self.word(*word));
    }

    fn pairs(&mut self, pairs: &[(u32, u32)]) {
        self.word(count(pairs));
        pairs.iter().flat_map(|(a, b)| [*a, *b]).for_each(|word| self.word(word));
    }

    fn times(&mut self, times: &[Time]) {
        self.word(count(times));
        times.iter().for_each(|time| self.bytes.extend(time.to_le_bytes()));
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.word(count(bytes));
        self.bytes.extend(bytes);
    }

    fn facets(&mut self, facets: &[Facet]) {
        self.word(count(facets));
        for facet in facets {
            self.raw(&[facet.values, u8::from(facet.stated)]);
            self.word(count(&facet.regions));
            for region in &facet.regions {
                self.raw(&[region.own]);
                self.raw(&region.within);
            }
        }
    }
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], ImageError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ImageError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        self.take(N)?.first_chunk().copied().ok_or(ImageError::Truncated)
    }

    fn digest(&mut self) -> Result<[u8; 32], ImageError> {
        self.array()
    }

    fn word(&mut self) -> Result<u32, ImageError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A run of items, refused before any allocation when it is longer than what is left.
    fn run<const N: usize>(&mut self) -> Result<impl Iterator<Item = [u8; N]> + use<'b, N>, ImageError> {
        let items = self.word()? as usize;
        let bytes = self.take(items.checked_mul(N).ok_or(ImageError::Truncated)?)?;
        Ok(bytes.chunks_exact(N).map(|chunk| chunk.try_into().unwrap_or([0; N])))
    }

    fn words(&mut self) -> Result<Vec<u32>, ImageError> {
        Ok(self.run::<4>()?.map(u32::from_le_bytes).collect())
    }

    fn pairs(&mut self) -> Result<Vec<(u32, u32)>, ImageError> {
        let pair =
            |[a, b, c, d, e, f, g, h]: [u8; 8]| (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        Ok(self.run::<8>()?.map(pair).collect())
    }

    fn times(&mut self) -> Result<Vec<Time>, ImageError> {
        Ok(self.run::<8>()?.map(Time::from_le_bytes).collect())
    }

    fn bytes(&mut self) -> Result<Vec<u8>, ImageError> {
        let items = self.word()? as usize;
        Ok(self.take(items)?.to_vec())
    }

    fn nodes(&mut self) -> Result<Vec<Node>, ImageError> {
        let items = self.word()? as usize;
        let bytes = self.take(items.checked_mul(16).ok_or(ImageError::Truncated)?)?;
        let mut words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap_or([0; 4])));
        let mut nodes = Vec::with_capacity(items);
        while let (Some(facet), Some(map), Some(states), Some(branches)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            nodes.push(Node { facet, map, states, branches });
        }
        Ok(nodes)
    }

    fn facets(&mut self) -> Result<Vec<Facet>, ImageError> {
        let wide = ImageError::Inconsistent { section: "facets" };
        let mut facets = Vec::new();
        let count = self.word()? as usize;
        if count > crate::law::FACETS_MAX {
            return Err(wide);
        }
        for _ in 0..count {
            let (values, stated) = match *self.bytes()?.as_slice() {
                [values, stated] => (values, stated == 1),
                _ => return Err(wide),
            };
            let region_count = self.word()? as usize;
            if values == 0 || values > crate::law::VALUES_MAX || region_count > crate::law::REGIONS_MAX {
                return Err(wide);
            }
            let mut regions = Vec::new();
            for _ in 0..region_count {
                let own: State = *self.bytes()?.first().ok_or(wide)?;
                regions.push(Region { own, within: self.bytes()? });
            }
            facets.push(Facet { values, regions, stated });
        }
        Ok(facets)
    }
}

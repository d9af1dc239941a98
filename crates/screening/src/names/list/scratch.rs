//! What a search writes down: kept from one to the next for its room, and for the words that were looked up.

use super::List;
use super::open::{Beside, Opened};
use super::reach::Joined;
use crate::names::name::{Class, Name};
use crate::names::score::How;
use foldhash::HashMap;
use std::ops::Range;

/// Words whose neighbours are remembered from one query to the next. Names of people repeat: this many are
/// met in some hundred thousand payments, and take some 20 MB, four times that beside a list of millions.
const REMEMBERED_MAX: usize = 1 << 16;

/// Two or three tokens that run together are a word; two have the second twice.
pub(super) type Run = [u32; 3];

/// A token of the vocabulary that one of the query may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub(super) id: u32,
    pub(super) similarity: f32,
    pub(super) how: How,
    pub(super) weight: f32,
}

impl Neighbour {
    /// Whether another makes as much of a name.
    fn is_worth(&self, other: &Self) -> bool {
        self.similarity == other.similarity && self.weight == other.weight
    }
}

/// Room to look for the neighbours of a word.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub(super) keys: Vec<u64>,
    pub(super) parts: Vec<Range<u32>>,
    pub(super) ids: Vec<u32>,
}

/// Where in [`Scratch`] it is what is known of a token of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    neighbours: Range<usize>,
    /// The common ones by worth.
    worth: Range<usize>,
    runs: Range<usize>,
    /// In how many names stands what it may be.
    standing: usize,
}

/// Room for a search, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    list: u64,
    /// Why names are looked at.
    pub(super) opened: Vec<Opened>,
    /// Room for pairs of common tokens.
    pub(super) beside: Beside,
    /// Names opened because tokens run together or are initials.
    pub(super) joined: Vec<Joined>,
    /// Names that may reach the threshold.
    pub(super) hopeful: Vec<u32>,
    /// What tokens may be, of each token by number: the commonest first.
    neighbours: Vec<Neighbour>,
    /// Those of them that are common, of each token by worth.
    by_worth: Vec<Neighbour>,
    /// Tokens that run together are one of a query.
    runs: Vec<Run>,
    /// What is known of a word, by what kind of word it is, and whether its script writes vowels.
    remembered: [HashMap<String, Known>; 6],
    asked: Vec<Known>,
    /// A bit for each token of the vocabulary that one of the query may be.
    met: Vec<u64>,
    /// A bit for each that was looked at, while neighbours are sought.
    looked: Vec<u64>,
    pub(super) looks: Looks,
    /// Room for words run together.
    pub(super) text: String,
}

impl Scratch {
    /// Makes ready for a search among the words of a list.
    pub(super) fn begin(&mut self, list: &List) {
        self.opened.clear();
        self.joined.clear();
        self.hopeful.clear();
        let size = list.words.len().div_ceil(64);
        if self.list != list.fingerprint || self.met.len() != size {
            *self = Self { list: list.fingerprint, ..Self::default() };
            self.met.resize(size, 0);
            self.looked.resize(size, 0);
        }
        for known in self.asked.drain(..) {
            for neighbour in self.neighbours.get(known.neighbours).unwrap_or_default() {
                if let Some(word) = self.met.get_mut(neighbour.id as usize / 64) {
                    *word = 0;
                }
            }
        }
    }

    /// Finds what each token of a query may be.
    pub(super) fn ask(&mut self, list: &List, query: &Name) {
        if self.remembered.iter().map(HashMap::len).sum::<usize>() > REMEMBERED_MAX {
            self.remembered.iter_mut().for_each(HashMap::clear);
            self.neighbours.clear();
            self.by_worth.clear();
            self.runs.clear();
        }
        for token in &query.tokens {
            let class = match token.class {
                Class::Word | Class::Common => Some(0),
                Class::Particle => Some(1),
                Class::Initial => Some(2),
                Class::Number | Class::Form(_) => None,
            };
            let place = class.map(|class| class + 3 * usize::from(query.abjad));
            let known = place.and_then(|place| self.remembered.get(place)?.get(&token.text).cloned());
            let known = known.unwrap_or_else(|| {
                let (from, runs) = (self.neighbours.len(), self.runs.len());
                list.words.neighbours(token, query.abjad, self);
                let own = self.neighbours.get_mut(from..).unwrap_or_default();
                own.sort_unstable_by_key(|neighbour| neighbour.id);
                let (common, _) = own.split_at(own.partition_point(|one| list.postings.is_common(one.id)));
                let worth = self.by_worth.len()..self.by_worth.len() + common.len();
                self.by_worth.extend(common);
                let by_worth = self.by_worth.get_mut(worth.clone()).unwrap_or_default();
                by_worth.sort_by(|a, b| {
                    b.similarity.total_cmp(&a.similarity).then(b.weight.total_cmp(&a.weight)).then(a.id.cmp(&b.id))
                });
                let known = Known {
                    worth,
                    standing: own.iter().map(|neighbour| list.postings.names(neighbour.id).len()).sum(),
                    neighbours: from..from + own.len(),
                    runs: {
                        list.parted_in(token, &mut |run| self.runs.push(run));
                        runs..self.runs.len()
                    },
                };
                if let Some(memory) = place.and_then(|place| self.remembered.get_mut(place)) {
                    memory.insert(token.text.clone(), known.clone());
                }
                known
            });
            for neighbour in self.neighbours.get(known.neighbours.clone()).unwrap_or_default() {
                if let Some(word) = self.met.get_mut(neighbour.id as usize / 64) {
                    *word |= 1 << (neighbour.id % 64);
                }
            }
            self.asked.push(known);
        }
    }

    /// The tokens of a query, the rarest first.
    pub(super) fn rarest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.asked.len()).collect();
        order.sort_by_key(|n| self.asked.get(*n).map_or(0, |known| known.standing));
        order
    }

    /// What a token of a query may be, common tokens and others.
    pub(super) fn neighbours(&self, n: usize) -> (&[Neighbour], &[Neighbour]) {
        let known = self.asked.get(n);
        let own = known.and_then(|known| self.neighbours.get(known.neighbours.clone())).unwrap_or_default();
        own.split_at_checked(known.map_or(0, |known| known.worth.len())).unwrap_or_default()
    }

    /// Common tokens that one of a query may be, those together that are worth the same.
    pub(super) fn by_worth(&self, n: usize) -> impl Iterator<Item = &[Neighbour]> {
        let own = self.asked.get(n).and_then(|known| self.by_worth.get(known.worth.clone()));
        own.unwrap_or_default().chunk_by(Neighbour::is_worth)
    }

    /// Tokens that run together are this one of a query.
    pub(super) fn runs(&self, n: usize) -> &[Run] {
        self.asked.get(n).and_then(|known| self.runs.get(known.runs.clone())).unwrap_or_default()
    }

    /// Whether a token of the vocabulary is one that some of the query may be.
    #[inline]
    pub(super) fn is_met(&self, id: u32) -> bool {
        self.met.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// What a token of a query and one of the vocabulary make of each other.
    pub(super) fn met_by(&self, n: usize, id: u32) -> Option<&Neighbour> {
        let own = self.neighbours.get(self.asked.get(n)?.neighbours.clone())?;
        own.get(own.binary_search_by_key(&id, |neighbour| neighbour.id).ok()?)
    }

    /// Calls back with the tokens of a query that one of the vocabulary may be.
    #[inline]
    pub(super) fn each_met(&self, id: u32, mut found: impl FnMut(usize, &Neighbour)) {
        if self.is_met(id) {
            for n in 0..self.asked.len() {
                if let Some(neighbour) = self.met_by(n, id) {
                    found(n, neighbour);
                }
            }
        }
    }

    /// Whether a token of the vocabulary is looked at for the first time since [`Scratch::forget_looks`].
    pub(super) fn is_first_look(&mut self, id: u32) -> bool {
        let Some(word) = self.looked.get_mut(id as usize / 64) else { return false };
        let bit = 1 << (id % 64);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        true
    }

    pub(super) fn forget_looks(&mut self, ids: &[u32]) {
        for id in ids {
            if let Some(word) = self.looked.get_mut(*id as usize / 64) {
                *word = 0;
            }
        }
    }

    pub(super) fn add(&mut self, neighbour: Neighbour) {
        self.neighbours.push(neighbour);
    }
}

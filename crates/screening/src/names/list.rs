//! A list of names, and which of them a name may be, found without looking at all of them.
//!
//! Every word of the list is kept once, with the names it stands in, by the words beside it. A word of a query is
//! looked up with up to three letters dropped, by sound and by custom, which finds every word [`score::alike`] would
//! pair it with. One word in common is seldom enough: which must be met together follows from their weights, the
//! rarest are looked up, and names are opened that have two of them. How much of two names can match at most then
//! follows without aligning them, so that nearly every name that is not the one asked for is passed over, and none
//! that is: a search finds what scoring every name would.

use super::name::{Class, Kind, Name, Token};
use super::score::{self, Alignment, How, Scripts};
use foldhash::HashMap;
use std::ops::Range;

mod build;
mod memory;
mod near;
mod open;
mod postings;
mod reach;
mod scratch;
mod sum;
mod together;
mod words;

pub use build::Builder;
pub use scratch::Scratch;

use near::Near;
use postings::Postings;
use reach::Reach;
use sum::Filter;
use words::Words;

/// Words met that so many strangers would share by chance, with others left over, are too little to go by: two of
/// the commonest given and family names. In parts of what it takes to tell one party of the list from all others.
const TOLD_MIN: f32 = 1.7;
/// How fast a word tells less when it is not spelled the same.
const SLIPS_TELL: f32 = 2.0;
/// What is too little to go by counts for less.
const UNTOLD: f32 = 0.9;
/// What rounding may add to a sum of a few dozen terms below 24.
const ROUNDING: f32 = 1e-4;

/// One name of a listed party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The party, by its keeper's number.
    pub party: u32,
    /// Whether it is a person.
    pub kind: Kind,
}

/// A list, ready to be searched.
#[derive(Debug, Default)]
pub struct List {
    parties: Vec<u32>,
    texts: String,
    text_ends: Vec<u32>,
    tokens: Vec<u32>,
    token_ends: Vec<u32>,
    words: Words,
    /// How well each token tells its parties from all others: 1 where it has but one. Empty where the list is short.
    telling: Vec<f32>,
    postings: Postings,
    /// What words are, run together.
    runs: Filter,
    /// Companies by initials.
    initials: Near,
    /// Names that have one by custom, run together.
    joined_by_custom: HashMap<u16, Vec<u32>>,
    /// Tells one list from another to a [`Scratch`].
    fingerprint: u64,
}

/// A name a query may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Which entry.
    pub entry: usize,
    /// How alike, and why.
    pub alignment: Alignment,
}

impl List {
    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Bytes it takes, what its tables have in them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let short = self.text_ends.len() + self.tokens.len() + self.token_ends.len() + self.telling.len();
        let joined = self.joined_by_custom.values().map(Vec::len).sum::<usize>();
        self.parties.len() * size_of::<u32>()
            + self.texts.len()
            + (short + joined) * size_of::<u32>()
            + self.words.bytes()
            + self.postings.bytes()
            + self.runs.bytes()
            + self.initials.bytes()
    }

    /// An entry.
    #[must_use]
    pub fn entry(&self, n: usize) -> Option<Entry> {
        Some(Entry { party: *self.parties.get(n)?, kind: self.postings.kind(n)? })
    }

    /// An entry's name as written.
    #[must_use]
    pub fn text(&self, n: usize) -> &str {
        let range = stretch(&self.text_ends, n);
        self.texts.get(range).unwrap_or("")
    }

    /// An entry's tokens.
    #[must_use]
    pub fn tokens(&self, n: usize) -> Vec<&Token> {
        self.ids(n).iter().filter_map(|id| self.words.token(*id)).collect()
    }

    fn ids(&self, n: usize) -> &[u32] {
        self.tokens.get(stretch(&self.token_ends, n)).unwrap_or_default()
    }

    /// Names a query may be, the likeliest first, none below `least`: the same as [`List::search_all`] finds.
    #[must_use]
    pub fn search(&self, query: &Name, least: f32, scratch: &mut Scratch) -> Vec<Match> {
        scratch.begin(self);
        let reach = Reach::new(query);
        scratch.ask(self, query);
        if !self.open(&reach, least, scratch) {
            // So low a threshold, or so odd a name, that anything may be it.
            return self.search_all(query, least);
        }
        self.run_together(query, least, scratch);
        self.close(query, least, &reach, scratch)
    }

    /// The same by scoring every name: what [`List::search`] is measured against.
    #[must_use]
    pub fn search_all(&self, query: &Name, least: f32) -> Vec<Match> {
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let all = (0..self.len()).filter_map(|entry| self.aligned(query, &tokens, entry, least, None));
        ordered(all.collect())
    }

    /// Looks closely at the opened names that can still reach the threshold.
    fn close(&self, query: &Name, least: f32, reach: &Reach<'_>, scratch: &mut Scratch) -> Vec<Match> {
        let mut names = std::mem::take(&mut scratch.hopeful);
        self.fetch_tokens(&names);
        names.retain(|name| reach.may_be(self, *name, scratch) + ROUNDING >= least);
        let is_hopeful = |name: u32, joined| reach.of(self, name, joined, scratch) + ROUNDING >= least;
        names.retain(|name| is_hopeful(*name, None));
        let joined = scratch.joined.iter().filter(|joined| is_hopeful(joined.name, Some(*joined)));
        names.extend(joined.map(|joined| joined.name));
        names.sort_unstable();
        names.dedup();
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let aligned = |name: &u32| {
            let ids = self.ids(*name as usize);
            let pair = |n: usize, m: usize| self.paired(tokens.get(n)?, n, *ids.get(m)?, scratch);
            self.aligned(query, &tokens, *name as usize, least, Some(&pair))
        };
        let matches = ordered(names.iter().filter_map(aligned).collect());
        scratch.hopeful = names;
        matches
    }

    /// How alike a token of the query and one of the vocabulary are, as was found when the query was asked.
    fn paired(&self, asked: &Token, n: usize, id: u32, scratch: &Scratch) -> Option<(f32, How)> {
        if let Some(known) = scratch.met_by(n, id) {
            return Some((known.similarity, known.how));
        }
        // What an initial stands for is too much to be found before.
        let gist = self.words.gist(id)?;
        let initial = asked.class == Class::Initial || gist.class == Class::Initial;
        initial.then(|| score::alike(asked, self.words.token(id)?, false)).flatten()
    }

    /// Fetches what names are made of, before it is looked at.
    fn fetch_tokens(&self, names: &[u32]) {
        memory::fetch(&self.tokens, names.iter().map(|name| stretch(&self.token_ends, *name as usize).start));
    }

    fn aligned(
        &self,
        query: &Name,
        tokens: &[&Token],
        entry: usize,
        least: f32,
        known: Option<score::Pairing<'_>>,
    ) -> Option<Match> {
        let listed = self.tokens(entry);
        let mark = self.postings.mark(entry)?;
        let kind = mark.kind();
        let syllabic = query.syllabic || mark.is_syllabic();
        let scripts = Scripts { across: query.abjad, syllabic };
        let mut alignment = match known {
            Some(pair) => score::align_by(tokens, &listed, kind, scripts, pair),
            None => score::align(tokens, &listed, kind, scripts),
        };
        let same = || tokens.len() == listed.len() && tokens.iter().zip(&listed).all(|(a, b)| a.text == b.text);
        if alignment.score >= 0.99 && same() {
            alignment.score = 1.0;
        } else if alignment.score >= least && kind == Kind::Person && self.is_untold(entry, &alignment, tokens, &listed)
        {
            alignment.score *= UNTOLD;
            alignment.factors.push(("what was met is common, and more was not met", UNTOLD));
        }
        (alignment.score >= least).then_some(Match { entry, alignment })
    }

    /// Whether what was met is so common that it tells nobody, and a word that tells was not met.
    fn is_untold(&self, entry: usize, alignment: &Alignment, a: &[&Token], b: &[&Token]) -> bool {
        let left = |tokens, left: &[usize]| score::is_telling(tokens, left, Kind::Person);
        if self.telling.is_empty() || !(left(a, &alignment.left_a) || left(b, &alignment.left_b)) {
            return false;
        }
        let ids = self.ids(entry);
        let of_pair = |pair: &score::Pair| {
            let spelled = (1.0 - SLIPS_TELL * (1.0 - pair.similarity)).max(0.0);
            let words = ids.get(pair.b.clone()).unwrap_or_default().iter().filter_map(|id| {
                let weight = self.words.token(*id)?.weight;
                Some(weight * self.telling.get(*id as usize)?)
            });
            words.sum::<f32>() * spelled
        };
        alignment.pairs.iter().map(of_pair).sum::<f32>() < TOLD_MIN
    }
}

fn ordered(mut matches: Vec<Match>) -> Vec<Match> {
    matches.sort_by(|a, b| b.alignment.score.total_cmp(&a.alignment.score).then(a.entry.cmp(&b.entry)));
    matches
}

fn stretch(ends: &[u32], n: usize) -> Range<usize> {
    let end = ends.get(n).copied().unwrap_or(0) as usize;
    let from = n.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    from..end
}

#[cfg(test)]
mod tests;

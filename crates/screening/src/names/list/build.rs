//! A list being gathered.

use super::near::{self, Pairs};
use super::postings::{Mark, NAMES_MAX, Postings, TOKENS_MAX};
use super::sum::{Filter, Sum};
use super::together::{self, CUSTOM_LETTERS_MAX};
use super::words::Words;
use super::{Entry, List};
use crate::names::name::{self, Class, Kind, Name, Token};
use crate::names::score;
use foldhash::HashMap;
use std::hash::BuildHasher;

/// Of fewer parties nobody can tell which words are common.
const PARTIES_MIN: usize = 1_000;
/// Bits by which it is told that no words run together are a text.
const RUN_BITS: usize = 5;

/// Gathers names for a list.
#[derive(Debug, Default)]
pub struct Builder {
    list: List,
    /// What each names, and whether it is written in syllables.
    kinds: Vec<(Kind, bool)>,
    vocabulary: Vec<Token>,
    places: HashMap<(String, Class, u32), u32>,
    initials: Pairs,
}

impl Builder {
    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a name.
    pub fn add(&mut self, written: &str, entry: Entry) {
        let name = Name::new(written, entry.kind);
        let Some(number) = u32::try_from(self.len()).ok().filter(|number| *number < NAMES_MAX) else { return };
        for token in &name.tokens {
            let next = u32::try_from(self.vocabulary.len()).unwrap_or(u32::MAX);
            if next >= TOKENS_MAX {
                continue;
            }
            let id = *self.places.entry((token.text.clone(), token.class, token.weight.to_bits())).or_insert(next);
            if id == next {
                self.vocabulary.push(token.clone());
            }
            self.list.tokens.push(id);
        }
        let tokens: Vec<&Token> = name.tokens.iter().collect();
        score::each_run(&tokens, &mut |_, text| {
            let groups = if text.len() <= CUSTOM_LETTERS_MAX { name::groups(text) } else { &[] };
            for group in groups {
                self.list.joined_by_custom.entry(*group).or_default().push(number);
            }
        });
        if entry.kind == Kind::Company {
            score::each_initials(&tokens, &mut |_, text| self.initials.put(near::whole(text), number));
        }
        self.list.token_ends.push(u32::try_from(self.list.tokens.len()).unwrap_or(u32::MAX));
        self.list.texts.push_str(written);
        self.list.text_ends.push(u32::try_from(self.list.texts.len()).unwrap_or(u32::MAX));
        self.list.parties.push(entry.party);
        self.kinds.push((entry.kind, name.syllabic));
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> List {
        self.number_by_count();
        let mut list = self.list;
        let sums: Vec<Sum> = self.vocabulary.iter().map(|token| Sum::of(&token.text)).collect();
        list.runs = runs(&list, &sums);
        list.words = Words::new(self.vocabulary);
        let count = list.len();
        let marks = (0..).zip(self.kinds).map(|(n, (kind, syllabic))| list.mark(n, kind, syllabic)).collect();
        list.postings = Postings::new(list.words.len(), marks, (0..count).map(|n| list.ids(n)));
        list.telling = list.tell();
        list.initials = self.initials.finish();
        list.fingerprint = foldhash::fast::FixedState::default().hash_one(&list.texts) ^ count as u64;
        list
    }

    /// Numbers tokens anew, the commonest first.
    fn number_by_count(&mut self) {
        let mut counts: Vec<(u32, u32)> = (0..).zip(&self.vocabulary).map(|(id, _)| (0, id)).collect();
        for n in 0..self.list.len() {
            let ids = self.list.ids(n);
            for (at, id) in ids.iter().enumerate() {
                if let Some((count, _)) = counts.get_mut(*id as usize).filter(|_| !ids.iter().take(at).any(|b| b == id))
                {
                    *count += 1;
                }
            }
        }
        counts.sort_unstable_by_key(|(count, id)| (std::cmp::Reverse(*count), *id));
        let mut numbers = vec![0; counts.len()];
        let mut old: Vec<Option<Token>> = std::mem::take(&mut self.vocabulary).into_iter().map(Some).collect();
        for (new, (_, id)) in (0..).zip(&counts) {
            if let Some(number) = numbers.get_mut(*id as usize) {
                *number = new;
            }
            self.vocabulary.extend(old.get_mut(*id as usize).and_then(Option::take));
        }
        for id in &mut self.list.tokens {
            *id = numbers.get(*id as usize).copied().unwrap_or(0);
        }
    }
}

/// What words of the names are, run together.
fn runs(list: &List, sums: &[Sum]) -> Filter {
    let names = || (0..list.len()).map(|n| list.ids(n));
    let count = names().map(|ids| 2 * (ids.len().saturating_sub(1) + ids.len().saturating_sub(2))).sum();
    let mut runs = Filter::for_keys(count, RUN_BITS);
    let mut own = Vec::new();
    for ids in names() {
        own.clear();
        own.extend(ids.iter().filter_map(|id| sums.get(*id as usize)).copied());
        together::each_run(&own, &mut |_, _, _, sum| runs.put(sum.key()));
    }
    runs
}

impl List {
    fn mark(&self, n: usize, kind: Kind, syllabic: bool) -> Mark {
        let tokens = || self.ids(n).iter().filter_map(|id| self.words.gist(*id));
        let words = tokens().filter(|token| score::tells(token.class, kind)).count();
        Mark::new(kind, tokens().map(|token| token.weight).sum(), syllabic, words)
    }

    /// How well each token tells who is named.
    fn tell(&self) -> Vec<f32> {
        let mut parties = self.parties.clone();
        parties.sort_unstable();
        parties.dedup();
        if parties.len() < PARTIES_MIN {
            return Vec::new();
        }
        let whole = (parties.len() as f32).log2();
        let tokens = 0..u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let tell = |token| {
            parties.clear();
            let names = self.postings.names(token).iter();
            parties.extend(names.filter_map(|name| self.parties.get(*name as usize)));
            parties.sort_unstable();
            parties.dedup();
            1.0 - (parties.len().max(1) as f32).log2() / whole
        };
        tokens.map(tell).collect()
    }
}

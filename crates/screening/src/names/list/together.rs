//! Names that pair with a query by words run together, or by initials.

use super::List;
use super::near;
use super::reach::{Joined, Tokens, each};
use super::scratch::{Run, Scratch};
use super::sum::Sum;
use crate::names::name::{self, Class, Kind, Name, Token};
use crate::names::score;

/// Names that are one by custom have no more letters.
pub(super) const CUSTOM_LETTERS_MAX: usize = 12;
/// Initials of a company, in bytes, are no more: six of the longest letters.
const INITIALS_BYTES_MAX: usize = 24;

impl List {
    /// Finds them.
    pub(super) fn run_together(&self, query: &Name, least: f32, scratch: &mut Scratch) {
        let mut joined = std::mem::take(&mut scratch.joined);
        let mut text = std::mem::take(&mut scratch.text);
        let tokens = &query.tokens;
        for (n, token) in tokens.iter().enumerate().filter(|(_, token)| token.class != Class::Initial) {
            scratch.runs(n).iter().for_each(|run| self.beside_each_other(*run, 1 << n, &mut joined));
            for group in token.customs {
                let names = self.joined_by_custom.get(group).into_iter().flatten();
                joined.extend(names.map(|name| Joined { name: *name, asked: 1 << n, parts: None }));
            }
        }
        let mut sums = [Sum::NONE; name::TOKENS_MAX];
        for (sum, token) in sums.iter_mut().zip(tokens) {
            *sum = Sum::of(&token.text);
        }
        let sums = sums.get(..tokens.len().min(sums.len())).unwrap_or_default();
        for (n, (pair, sums)) in tokens.windows(2).zip(sums.windows(2)).enumerate() {
            let ([first, second], [x, y]) = (pair, sums) else { continue };
            if self.runs.has(x.then(*y).key()) {
                text.clear();
                text.extend([first.text.as_str(), &second.text]);
                let is_other = |at| at != first.text.len();
                self.parted(&text, &is_other, false, &mut |run| self.beside_each_other(run, 0b11 << n, &mut joined));
            }
        }
        self.run_in_query(tokens, sums, &mut text, &mut joined);
        let by_runs = joined.len();
        let is_short = |token: &Token| (3..=INITIALS_BYTES_MAX).contains(&token.text.len());
        for (n, sum) in sums.iter().enumerate() {
            if tokens.get(n).is_some_and(|token| token.class == Class::Word && is_short(token)) {
                let names = self.initials.get(sum.key());
                joined.extend(names.map(|name| Joined { name, asked: 1 << n, parts: None }));
            }
        }
        if tokens.len() >= score::INITIALS_MIN {
            let tokens: Vec<&Token> = tokens.iter().collect();
            score::each_initials(&tokens, &mut |run, text| {
                let run: Tokens = run.fold(0, |run, n| run | 1 << n);
                let others = (0..tokens.len()).fold(0, |all, n| all | 1 << n) & !run;
                if self.words.may_be(Sum::of(text)) {
                    for id in self.words.spelled(text) {
                        self.abbreviated((id, run, others), least, scratch, (&mut joined, by_runs));
                    }
                }
            });
        }
        joined.sort_unstable_by_key(|joined| joined.name);
        joined.dedup_by(|later, first| {
            let same = later.name == first.name;
            if same {
                first.add(later);
            }
            same
        });
        (scratch.joined, scratch.text) = (joined, text);
    }

    /// Names with a word that neighbouring words of a query are, run together, letter for letter or by custom.
    fn run_in_query(&self, tokens: &[Token], sums: &[Sum], text: &mut String, joined: &mut Vec<Joined>) {
        each_run(sums, &mut |from, length, turned, sum| {
            let parts = tokens.get(from..from + length).unwrap_or_default();
            let letters: usize = parts.iter().map(|token| token.text.len()).sum();
            let is_run = letters >= score::RUN_LETTERS_MIN;
            let (spelled, customary) = (is_run && self.words.may_be(sum), is_run && self.words.may_be_custom(sum));
            if !spelled && !customary {
                return;
            }
            text.clear();
            if turned {
                text.extend(parts.iter().rev().map(|token| token.text.as_str()));
            } else {
                text.extend(parts.iter().map(|token| token.text.as_str()));
            }
            let asked = ((1 << length) - 1) << from;
            let spelled = spelled.then(|| self.words.spelled(text)).into_iter().flatten();
            for id in spelled.chain(self.words.customary(text)) {
                let names = self.postings.names(id).iter();
                joined.extend(names.map(|name| Joined { name: *name, asked, parts: Some([id; 3]) }));
            }
        });
    }

    /// Names in which a token is what tokens of the query begin with. That alone is too little for any but a low
    /// threshold, so that one of the others must be met beside it, or be run together.
    fn abbreviated(
        &self,
        (id, run, others): (u32, Tokens, Tokens),
        least: f32,
        scratch: &Scratch,
        (joined, by_runs): (&mut Vec<Joined>, usize),
    ) {
        let mut opened: Vec<u32> = Vec::new();
        if score::ACRONYM * score::ACRONYM + super::ROUNDING >= least {
            opened.extend(self.postings.names(id));
        } else {
            let other = joined.iter().take(by_runs).map(|joined| joined.name);
            opened.extend(other.filter(|name| self.ids(*name as usize).contains(&id)));
            for n in each(others) {
                let (common, rare) = scratch.neighbours(n);
                for other in common.iter().chain(rare) {
                    opened.extend(self.postings.together(id, other.id).iter().map(|row| row.name()));
                }
            }
        }
        let is_company = |name: &u32| self.postings.kind(*name as usize) == Some(Kind::Company);
        let names = opened.into_iter().filter(is_company);
        joined.extend(names.map(|name| Joined { name, asked: run, parts: Some([id; 3]) }));
    }

    /// Tokens that run together are a token of a query.
    pub(super) fn parted_in(&self, token: &Token, put: &mut dyn FnMut(Run)) {
        if token.class != Class::Initial && self.runs.has(near::whole(&token.text)) {
            self.parted(&token.text, &|_| true, true, put);
        }
    }

    /// Tokens that run together are a text, two of them or, if so many may be, three.
    fn parted(&self, text: &str, may_part: &dyn Fn(usize) -> bool, in_three: bool, put: &mut dyn FnMut(Run)) {
        if text.len() < score::RUN_LETTERS_MIN {
            return;
        }
        let mut each = |a: &str, b: &str, c: Option<&str>| {
            for x in self.words.spelled(a) {
                for y in self.words.spelled(b) {
                    match c {
                        None => put([x, y, y]),
                        Some(c) => self.words.spelled(c).for_each(|z| put([x, y, z])),
                    }
                }
            }
        };
        let is_word = |text: &str| self.words.may_be(Sum::of(text));
        for (at, _) in text.char_indices().skip(1) {
            let (first, rest) = text.split_at(at);
            if !is_word(first) {
                continue;
            }
            if may_part(at) && is_word(rest) {
                each(first, rest, None);
            }
            for (at, _) in rest.char_indices().skip(1).filter(|_| in_three) {
                let (second, third) = rest.split_at(at);
                if is_word(second) && is_word(third) {
                    each(first, second, Some(third));
                }
            }
        }
    }

    fn beside_each_other(&self, run: Run, asked: Tokens, joined: &mut Vec<Joined>) {
        let [x, y, z] = run;
        let names = self.postings.together(x, y).iter().map(|row| row.name());
        let names = names.filter(|name| y == z || self.ids(*name as usize).contains(&z));
        joined.extend(names.map(|name| Joined { name, asked, parts: Some(run) }));
    }
}

/// Calls back with two and three neighbours run together, forwards and backwards: from where, how many, and whether
/// backwards.
pub(super) fn each_run(sums: &[Sum], found: &mut dyn FnMut(usize, usize, bool, Sum)) {
    for length in 2..=3 {
        for (from, run) in sums.windows(length).enumerate() {
            let then = |all: Sum, next: &Sum| all.then(*next);
            found(from, length, false, run.iter().fold(Sum::NONE, then));
            found(from, length, true, run.iter().rev().fold(Sum::NONE, then));
        }
    }
}

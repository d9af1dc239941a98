//! Which names each token stands in, and which two stand in together: names that have both of two tokens are found
//! without walking through all that have one of them, however common both are, the lighter names first.
//!
//! Tokens are numbered by how common they are, the commonest first, and two that stand together are kept once, with
//! the rarer.

use super::memory::{self, Line};
use super::sum::{Filter, mixed};
use crate::names::name::Kind;
use std::ops::Range;

/// No list has more tokens that differ, or more names, so that one of each fits beside a mark in 64 bits.
pub(super) const TOKENS_MAX: u32 = 1 << 24;
pub(super) const NAMES_MAX: u32 = 1 << NAME_BITS;
const NAME_BITS: u32 = 28;
const MARK_BITS: u32 = 12;
/// Parts of one in which the weight of a name is noted, rounded down.
pub(super) const WEIGHTS: f32 = 8.0;
/// The heaviest that is told from heavier ones.
pub(super) const WEIGHT_MAX: u8 = 127;
/// No more of a name's words are counted.
const WORDS_MAX: u8 = 7;
/// Tokens that stand in more names are common: two of them are looked up together, of others all that is known is read.
const COMMON_MIN: u32 = 12;
/// Of so many rows one is marked in a table small enough for a core's cache.
const MARKED: usize = 32;
/// Bits by which it is told of two common tokens that they never stand together.
const FILTER_BITS: usize = 8;

/// A name, what is beside a token in it, and its mark, in 64 bits: ordered by what is beside, then by mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row(u64);

impl Row {
    fn new(partner: u32, mark: Mark, name: u32) -> Self {
        Self(u64::from(partner) << (NAME_BITS + MARK_BITS) | u64::from(mark.0) << NAME_BITS | u64::from(name))
    }

    pub(super) const fn partner(self) -> u32 {
        (self.0 >> (NAME_BITS + MARK_BITS)) as u32
    }

    pub(super) const fn mark(self) -> Mark {
        Mark((self.0 >> NAME_BITS) as u16 & ((1 << MARK_BITS) - 1))
    }

    pub(super) const fn name(self) -> u32 {
        self.0 as u32 & (NAMES_MAX - 1)
    }
}

impl Line for Row {
    fn first(&self) -> u8 {
        self.0 as u8
    }
}

/// What is known of a name without looking at it: what is named, how much it weighs, whether it is written in
/// syllables, and how many of its words tell. So ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u16);

impl Mark {
    const SYLLABIC: u16 = 1 << 3;

    pub(super) fn new(kind: Kind, weight: f32, syllabic: bool, words: usize) -> Self {
        let least = Self::least(kind, (weight * WEIGHTS).min(f32::from(WEIGHT_MAX)) as u8);
        let words = u8::try_from(words).map_or(WORDS_MAX, |words| words.min(WORDS_MAX));
        Self(least.0 | u16::from(words) | if syllabic { Self::SYLLABIC } else { 0 })
    }

    /// The first of a kind that weighs so much.
    const fn least(kind: Kind, weight: u8) -> Self {
        Self((weight as u16) << 4 | if matches!(kind, Kind::Company) { 1 << 11 } else { 0 })
    }

    /// The last of a kind that weighs no more.
    const fn at_most(kind: Kind, weight: u8) -> Self {
        Self(Self::least(kind, weight).0 | 0xf)
    }

    pub(super) const fn kind(self) -> Kind {
        if self.0 >> 11 == 1 { Kind::Company } else { Kind::Person }
    }

    pub(super) const fn weight(self) -> u8 {
        (self.0 >> 4) as u8 & WEIGHT_MAX
    }

    pub(super) const fn is_syllabic(self) -> bool {
        self.0 & Self::SYLLABIC != 0
    }

    /// How many of its words tell at least.
    pub(super) const fn words(self) -> u8 {
        self.0 as u8 & WORDS_MAX
    }
}

/// What each token stands in and beside.
#[derive(Debug, Default)]
pub(super) struct Postings {
    marks: Vec<Mark>,
    /// Names by token, in the order of their marks.
    names: Vec<u32>,
    name_ends: Vec<u32>,
    rows: Vec<Row>,
    row_ends: Vec<u32>,
    /// The partner in each row that is marked.
    partners: Vec<u32>,
    /// Tokens of lower numbers are common.
    common: u32,
    /// Common tokens that stand together.
    together: Filter,
}

impl Postings {
    /// The postings of names, of which so many tokens are in use: each with its tokens.
    pub(super) fn new<'n>(tokens: usize, marks: Vec<Mark>, names: impl Iterator<Item = &'n [u32]> + Clone) -> Self {
        let (mut name_ends, mut row_ends) = (vec![0_u32; tokens], vec![0_u32; tokens]);
        for ids in names.clone() {
            each_token(ids, &mut |token| count(&mut name_ends, token));
            each_pair(ids, &mut |token, _| count(&mut row_ends, token));
        }
        let common = short(name_ends.partition_point(|count| *count >= COMMON_MIN));
        let mut postings = Self { marks, common, ..Self::default() };
        postings.names = vec![0; summed(&mut name_ends)];
        postings.rows = vec![Row(0); summed(&mut row_ends)];
        for (name, ids) in (0_u32..).zip(names) {
            let Some(mark) = postings.marks.get(name as usize).copied() else { continue };
            each_token(ids, &mut |token| put(&mut postings.names, &mut name_ends, token, name));
            each_pair(ids, &mut |token, partner| {
                put(&mut postings.rows, &mut row_ends, token, Row::new(partner, mark, name));
            });
        }
        name_ends.push(short(postings.names.len()));
        row_ends.push(short(postings.rows.len()));
        (postings.name_ends, postings.row_ends) = (name_ends, row_ends);
        postings.sort(tokens);
        postings
    }

    fn sort(&mut self, tokens: usize) {
        let marks = &self.marks;
        let mark = |name: &u32| (marks.get(*name as usize).copied(), *name);
        for token in 0..tokens {
            self.names.get_mut(part(&self.name_ends, token)).unwrap_or_default().sort_unstable_by_key(mark);
            self.rows.get_mut(part(&self.row_ends, token)).unwrap_or_default().sort_unstable();
        }
        self.partners = self.rows.iter().step_by(MARKED).map(|row| row.partner()).collect();
        let common = self.row_ends.get(self.common as usize).map_or(0, |end| *end as usize);
        self.together = Filter::for_keys(common, FILTER_BITS);
        for token in 0..self.common {
            for row in self.rows.get(part(&self.row_ends, token as usize)).unwrap_or_default() {
                self.together.put(pair_key(token, row.partner()));
            }
        }
    }

    /// A name's mark.
    pub(super) fn mark(&self, name: usize) -> Option<Mark> {
        self.marks.get(name).copied()
    }

    /// What a name names.
    pub(super) fn kind(&self, name: usize) -> Option<Kind> {
        self.mark(name).map(Mark::kind)
    }

    pub(super) const fn is_common(&self, token: u32) -> bool {
        token < self.common
    }

    /// The rows of a token beside those more common than it is.
    pub(super) fn rows(&self, token: u32) -> &[Row] {
        self.rows.get(part(&self.row_ends, token as usize)).unwrap_or_default()
    }

    /// Fetches the rows of rare tokens, before they are read.
    pub(super) fn fetch_rows(&self, tokens: impl Iterator<Item = u32>) {
        memory::fetch(&self.rows, tokens.map(|token| part(&self.row_ends, token as usize).start));
    }

    /// Names a token stands in.
    pub(super) fn names(&self, token: u32) -> &[u32] {
        self.names.get(part(&self.name_ends, token as usize)).unwrap_or_default()
    }

    /// Those of a kind that weigh no more.
    pub(super) fn lighter(&self, token: u32, kind: Kind, weight: u8) -> impl Iterator<Item = (u32, Mark)> {
        let names = self.names(token);
        let mark = move |name: &u32| self.mark(*name as usize);
        let from = names.partition_point(|name| mark(name) < Some(Mark::least(kind, 0)));
        let to = names.partition_point(|name| mark(name) <= Some(Mark::at_most(kind, weight)));
        let names = names.get(from..to).unwrap_or_default().iter();
        names.filter_map(move |name| Some((*name, mark(name)?)))
    }

    /// Leaves of pairs of common tokens those that may stand together.
    pub(super) fn retain_together<P>(&self, pairs: &mut Vec<P>, tokens: impl Fn(&P) -> (u32, u32)) {
        let key = |pair: &P| {
            let (a, b) = tokens(pair);
            pair_key(a.max(b), a.min(b))
        };
        self.together.fetch(pairs.iter().map(key));
        pairs.retain(|pair| self.together.has(key(pair)));
    }

    /// Rows of two tokens that stand together.
    pub(super) fn together(&self, a: u32, b: u32) -> &[Row] {
        let (rarer, partner) = (a.max(b), a.min(b));
        if self.is_common(rarer) && !self.together.has(pair_key(rarer, partner)) {
            return &[];
        }
        self.beside(rarer, partner)
    }

    /// The rows of a token that have a partner.
    fn beside(&self, token: u32, partner: u32) -> &[Row] {
        let all = part(&self.row_ends, token as usize);
        let marked = all.start.div_ceil(MARKED)..all.end.div_ceil(MARKED);
        let before = self.partners.get(marked.clone()).unwrap_or_default().partition_point(|one| *one < partner);
        let next = marked.start + before;
        let near = next.saturating_sub(1) * MARKED..next * MARKED;
        let near = near.start.max(all.start)..near.end.min(all.end);
        let from = near.start + self.rows.get(near).unwrap_or_default().partition_point(|row| row.partner() < partner);
        let rest = self.rows.get(from..all.end).unwrap_or_default();
        rest.get(..run(rest, |row| row.partner() == partner)).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        let short = self.names.len() + self.name_ends.len() + self.row_ends.len() + self.partners.len();
        self.marks.len() * size_of::<Mark>()
            + short * size_of::<u32>()
            + self.rows.len() * size_of::<Row>()
            + self.together.bytes()
    }
}

/// How many rows are so before one is not, and none after it: seldom many.
fn run(rows: &[Row], is_so: impl Fn(&Row) -> bool) -> usize {
    let (mut before, mut step) = (0, 1);
    while rows.get(before + step - 1).is_some_and(&is_so) {
        before += step;
        step *= 2;
    }
    let next = rows.get(before..rows.len().min(before + step)).unwrap_or_default();
    before + next.partition_point(is_so)
}

/// Those of rows of one partner that are of a kind and weigh no more.
pub(super) fn lighter(rows: &[Row], kind: Kind, weight: u8) -> &[Row] {
    let from = rows.partition_point(|row| row.mark() < Mark::least(kind, 0));
    let to = rows.partition_point(|row| row.mark() <= Mark::at_most(kind, weight));
    rows.get(from..to).unwrap_or_default()
}

const fn pair_key(a: u32, b: u32) -> u64 {
    mixed((a as u64) << 32 | b as u64)
}

fn part(ends: &[u32], token: usize) -> Range<usize> {
    let end = |n: usize| ends.get(n).map_or(0, |end| *end as usize);
    end(token)..end(token + 1)
}

fn count(counts: &mut [u32], token: u32) {
    if let Some(count) = counts.get_mut(token as usize) {
        *count += 1;
    }
}

/// Counts become sums: filled from the end, each says in the end where its own begin.
fn summed(counts: &mut [u32]) -> usize {
    counts.iter_mut().fold(0_u32, |sum, count| {
        *count += sum;
        *count
    }) as usize
}

fn put<T>(all: &mut [T], ends: &mut [u32], token: u32, one: T) {
    let Some(at) = ends.get_mut(token as usize) else { return };
    *at -= 1;
    if let Some(place) = all.get_mut(*at as usize) {
        *place = one;
    }
}

/// Each token of a name once, with its place.
fn once(ids: &[u32]) -> impl Iterator<Item = (usize, u32)> {
    let is_first = move |(n, token): &(usize, u32)| !ids.iter().take(*n).any(|before| before == token);
    ids.iter().copied().enumerate().filter(is_first)
}

fn each_token(ids: &[u32], put: &mut dyn FnMut(u32)) {
    once(ids).for_each(|(_, token)| put(token));
}

/// Each two of a name's tokens once, the rarer first; a token that it has twice stands beside itself.
fn each_pair(ids: &[u32], put: &mut dyn FnMut(u32, u32)) {
    for (n, token) in once(ids) {
        if ids.iter().skip(n + 1).any(|later| *later == token) {
            put(token, token);
        }
        for (_, partner) in once(ids).filter(|(m, _)| *m > n) {
            put(token.max(partner), token.min(partner));
        }
    }
}

fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

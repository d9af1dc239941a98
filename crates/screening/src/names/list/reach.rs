//! How high two names can score at most, from what they meet, without aligning them.

use super::postings::{Mark, WEIGHT_MAX, WEIGHTS};
use super::scratch::{Neighbour, Scratch};
use super::{List, ROUNDING};
use crate::names::name::{self, Class, Kind, Name, Token};
use crate::names::score;

/// Tokens that weigh less stand in very many names, and are met besides others.
const LIGHT: f32 = 0.2;

/// Tokens of a query, a bit each.
pub(super) type Tokens = u32;

/// The tokens of a set.
pub(super) fn each(tokens: Tokens) -> impl Iterator<Item = usize> {
    let mut left = tokens;
    std::iter::from_fn(move || {
        let n = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (n < Tokens::BITS).then_some(n as usize)
    })
}

/// A name that meets tokens of a query by words run together or by initials.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joined {
    pub(super) name: u32,
    /// Those of the query.
    pub(super) asked: Tokens,
    /// Those of the name, by their ids; `None` where it may be any.
    pub(super) parts: Option<[u32; 3]>,
}

impl Joined {
    /// Both of what two say of one name.
    pub(super) fn add(&mut self, other: &Self) {
        self.asked |= other.asked;
        if self.parts != other.parts {
            self.parts = None;
        }
    }

    fn has(&self, id: u32) -> bool {
        self.parts.is_none_or(|parts| parts.contains(&id))
    }
}

/// Tokens of a query a name meets none of, and those it does meet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Besides {
    pub(super) none_of: Tokens,
    pub(super) met: Tokens,
}

/// Besides the tokens of a query that a name meets: those it meets none of, and those it is looked up by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sides {
    pub(super) none_of: Tokens,
    pub(super) sought: Tokens,
}

/// What is left of a query besides the tokens a name is looked up by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// What it weighs that meets nothing, and whether a word that tells is of it.
    lost: f32,
    word_lost: bool,
    /// How many others there are, how many of them are loose, what the rest weigh, and whether a word that tells is
    /// of it.
    others: u8,
    loose: u8,
    of_others: f32,
    word_of_others: bool,
    /// Whether all of the rest are looked up too.
    all_sought: bool,
}

/// Names that may reach a threshold and meet some tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fits {
    /// If they are met by no other but loose ones.
    pub(super) alone: Fit,
    /// If they are.
    pub(super) with_others: Fit,
}

/// Names that may reach a threshold, by their marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// How many of their words may meet something.
    words: u8,
    /// Whether a word of the query that tells meets nothing.
    word_lost: bool,
    /// Whether either is written in syllables: the query.
    syllabic: bool,
    /// How much they may weigh, in parts of [`WEIGHTS`].
    plain: Option<u8>,
    /// How much if words that are left over count against them.
    substituted: Option<u8>,
}

impl Fit {
    /// Whether a name is one.
    #[inline]
    pub(super) fn has(&self, mark: Mark) -> bool {
        let left_over = LeftOver { asked: self.word_lost, listed: mark.words() > self.words };
        let syllabic = self.syllabic || mark.is_syllabic();
        let most = if left_over.is_substitution(mark.kind(), syllabic) { self.substituted } else { self.plain };
        most.is_some_and(|most| mark.weight() <= most)
    }

    /// How much the heaviest weighs, if there are any.
    pub(super) const fn heaviest(&self) -> Option<u8> {
        self.plain
    }
}

/// On which sides words that tell are left over.
#[derive(Clone, Copy, Debug)]
struct LeftOver {
    asked: bool,
    listed: bool,
}

impl LeftOver {
    const fn is_substitution(self, kind: Kind, syllabic: bool) -> bool {
        if syllabic && matches!(kind, Kind::Person) { self.asked || self.listed } else { self.asked && self.listed }
    }
}

/// What is left of a score where words are left over on both sides.
const fn substitution(kind: Kind) -> f32 {
    match kind {
        Kind::Person => score::SUBSTITUTION_PERSON,
        Kind::Company => score::SUBSTITUTION_COMPANY,
    }
}

/// How high a query can score at most.
pub(super) struct Reach<'q> {
    query: &'q Name,
    whole: f32,
    words: usize,
    telling: usize,
    numbers: bool,
    initials: usize,
}

impl<'q> Reach<'q> {
    pub(super) fn new(query: &'q Name) -> Self {
        let count = |is: fn(Class) -> bool| query.tokens.iter().filter(|token| is(token.class)).count();
        Self {
            query,
            whole: query.weight().max(0.01),
            words: count(|class| matches!(class, Class::Word | Class::Common)),
            telling: count(|class| class == Class::Word),
            numbers: count(|class| class == Class::Number) > 0,
            initials: count(|class| class == Class::Initial),
        }
    }

    /// Of a name that meets none of some tokens and reaches a threshold: tokens of which it meets one besides `met`,
    /// as few and as rare as may be. `None` where it may be enough to meet `met`.
    pub(super) fn needed(&self, kind: Kind, rarest_first: &[usize], besides: Besides, least: f32) -> Option<Tokens> {
        let Besides { none_of, met } = besides;
        let enough = |tokens: Tokens| self.without(kind, tokens) + ROUNDING >= least;
        if enough(met) {
            return None;
        }
        let (mut left, mut needed) = (met, 0);
        for n in rarest_first.iter().rev().filter(|n| (none_of | met) >> **n & 1 == 0) {
            if enough(left | 1 << n) {
                needed |= 1 << n;
            } else {
                left |= 1 << n;
            }
        }
        Some(needed)
    }

    /// How high a name of a kind can score that meets none but these tokens, and initials of any.
    fn without(&self, kind: Kind, meets: Tokens) -> f32 {
        let initial = score::INITIAL * score::INITIAL;
        let (mut met, mut telling, mut partners, mut best) = (0.0, 0, 0, initial);
        for (n, token) in self.query.tokens.iter().enumerate() {
            if meets >> n & 1 == 1 {
                best = 1.0;
                met += token.weight;
                telling += usize::from(token.class == Class::Word);
            } else if token.class == Class::Initial {
                met += token.weight * initial;
            } else {
                continue;
            }
            partners += 1;
        }
        let a = (met / self.whole).min(1.0);
        let b = best;
        if kind == Kind::Company {
            return (a * b).sqrt();
        }
        let base = 0.62 * a.max(b) + 0.38 * a.min(b);
        let substituted = base * if telling < self.telling { score::SUBSTITUTION_PERSON } else { 1.0 };
        if self.query.syllabic {
            return substituted;
        }
        // Either the other name has words left over too, or it has no more words than there are partners.
        let covered = base * if partners <= 1 && self.words >= 2 { score::LONE } else { 1.0 };
        substituted.max(covered)
    }

    /// Tokens of the query that are not loose.
    pub(super) fn firm(&self) -> Tokens {
        let firm = (0_u32..).zip(&self.query.tokens).filter(|(_, token)| !is_loose(token));
        firm.fold(0, |all, (n, _)| all | 1 << n)
    }

    /// Whether a token of the query is light.
    pub(super) fn is_light(&self, n: usize) -> bool {
        self.query.tokens.get(n).is_some_and(is_light)
    }

    /// What is left of a query besides some tokens.
    pub(super) fn left(&self, kind: Kind, besides: Tokens, sides: Sides) -> Left {
        let mut left = Left { all_sought: true, ..Left::default() };
        for (n, token) in self.query.tokens.iter().enumerate().filter(|(n, _)| besides >> n & 1 == 0) {
            // Initials are met by more than is looked up. Each of the others may meet a token of full weight.
            if sides.none_of >> n & 1 == 1 && token.class != Class::Initial {
                left.lost += token.weight;
                left.word_lost |= score::tells(token.class, kind);
            } else {
                left.others += 1;
                if is_loose(token) {
                    left.loose += 1;
                    continue;
                }
                left.of_others += token.weight;
                left.all_sought &= sides.sought >> n & 1 == 1;
                left.word_of_others |= score::tells(token.class, kind);
            }
        }
        left
    }

    /// Names of a kind that may reach a threshold and meet tokens of the query by these, with what is left of it
    /// besides. `None` where none does.
    #[inline]
    pub(super) fn fits(&self, kind: Kind, by: &[(usize, &Neighbour)], left: &Left, least: f32) -> Option<Fits> {
        let (mut lost, mut met, mut weight) = (left.lost, 0.0, 0.0);
        for (n, other) in by {
            let squared = other.similarity * other.similarity;
            lost += self.query.tokens.get(*n).map_or(0.0, |token| token.weight * (1.0 - squared));
            met += other.weight * squared;
            weight += other.weight;
        }
        let heaviest = |lost: f32, others: f32, least: f32| {
            let a = (self.whole - lost) / self.whole;
            let least = least - ROUNDING;
            let b = match kind {
                Kind::Company => least * least / a.max(0.01),
                Kind::Person => needed(a, least),
            };
            if b > (others + met) / (others + weight).max(0.01) + ROUNDING {
                return None;
            }
            let heaviest = (others + met) / b.max(0.01) + ROUNDING;
            Some((heaviest * WEIGHTS).min(f32::from(WEIGHT_MAX)) as u8)
        };
        let count = u8::try_from(by.len()).unwrap_or(u8::MAX);
        let fit = |lost: f32, others: u8, word_lost: bool| {
            let syllabic = self.query.syllabic;
            let must = LeftOver { asked: word_lost, listed: false }.is_substitution(kind, syllabic);
            let most = if must { 1.0 / substitution(kind) } else { 1.0 };
            let plain = heaviest(lost, f32::from(others), least * most);
            let substituted = plain.and_then(|_| heaviest(lost, f32::from(others), least / substitution(kind)));
            Fit { words: count + others, word_lost, syllabic, plain, substituted }
        };
        let with_others = fit(lost, left.others, left.word_lost);
        with_others.plain?;
        let alone = if left.all_sought {
            fit(lost + left.of_others, left.loose, left.word_lost || left.word_of_others)
        } else {
            with_others
        };
        Some(Fits { alone, with_others })
    }

    /// How high a name can score of which it is known how alike it meets tokens of the query, squared and in 255 parts,
    /// and which it does not meet; the others it may.
    pub(super) fn most(&self, mark: Mark, best: &[u8], not_met: Tokens) -> f32 {
        let (mut asked_met, mut met, mut partners) = (0.0, 0.0, 0);
        let mut left_over = LeftOver { asked: false, listed: false };
        for (n, (token, best)) in self.query.tokens.iter().zip(best).enumerate() {
            let squared = if *best > 0 {
                f32::from(*best) / 255.0
            } else if not_met >> n & 1 == 0 || is_loose(token) {
                1.0
            } else {
                left_over.asked |= score::tells(token.class, mark.kind());
                continue;
            };
            asked_met += token.weight * squared;
            met += squared;
            partners += 1;
        }
        left_over.listed = mark.words() > partners;
        let weight = f32::from(mark.weight()) / WEIGHTS;
        let (a, b) = (asked_met / self.whole, (met / weight.max(0.01)).min(1.0));
        let base = match mark.kind() {
            Kind::Person => 0.62 * a.max(b) + 0.38 * a.min(b),
            Kind::Company => (a * b).sqrt(),
        };
        let syllabic = self.query.syllabic || mark.is_syllabic();
        base * if left_over.is_substitution(mark.kind(), syllabic) { substitution(mark.kind()) } else { 1.0 }
    }

    /// How high a name can score of whose tokens it is only asked whether they are met.
    pub(super) fn may_be(&self, list: &List, name: u32, scratch: &Scratch) -> f32 {
        let Some(mark) = list.postings.mark(name as usize) else { return 0.0 };
        let met = list.ids(name as usize).iter().filter(|id| scratch.is_met(**id)).count() + self.initials;
        let left_over = LeftOver { asked: false, listed: usize::from(mark.words()) > met };
        let syllabic = self.query.syllabic || mark.is_syllabic();
        if left_over.is_substitution(mark.kind(), syllabic) { substitution(mark.kind()) } else { 1.0 }
    }

    /// How high a name can score whose tokens are known, were every token free to take any partner.
    pub(super) fn of(&self, list: &List, name: u32, joined: Option<&Joined>, scratch: &Scratch) -> f32 {
        let Some(mark) = list.postings.mark(name as usize) else { return 0.0 };
        let kind = mark.kind();
        let mut best = [0.0_f32; name::TOKENS_MAX];
        let (mut own, mut met, mut words, mut numbers) = (0.0, 0.0, 0, false);
        let mut left_over = LeftOver { asked: false, listed: false };
        for id in list.ids(name as usize) {
            let Some(token) = list.words.gist(*id) else { continue };
            let mut most = if joined.is_some_and(|joined| joined.has(*id)) { 1.0 } else { 0.0_f32 };
            scratch.each_met(*id, |n, by| {
                most = most.max(by.similarity);
                if let Some(best) = best.get_mut(n) {
                    *best = best.max(by.similarity);
                }
            });
            if self.initials > 0 {
                for (asked, best) in self.query.tokens.iter().zip(&mut best) {
                    let may_be = asked.class == Class::Initial && token.begins_like(asked);
                    if may_be && list.words.token(*id).is_some_and(|token| is_initial_of(asked, token)) {
                        most = most.max(score::INITIAL);
                        *best = best.max(score::INITIAL);
                    }
                }
            }
            own += token.weight;
            met += token.weight * most * most;
            words += usize::from(matches!(token.class, Class::Word | Class::Common));
            numbers |= token.class == Class::Number;
            left_over.listed |= most == 0.0 && score::tells(token.class, kind);
        }
        let mut asked_met = 0.0;
        let is_joined = |n: usize| joined.is_some_and(|joined| joined.asked >> n & 1 == 1);
        for (n, (asked, best)) in self.query.tokens.iter().zip(best).enumerate() {
            let best = if is_joined(n) { 1.0 } else { best };
            asked_met += asked.weight * best * best;
            left_over.asked |= best == 0.0 && score::tells(asked.class, kind);
        }
        let (a, b) = (asked_met / self.whole, met / f32::max(own, 0.01));
        let (most, least) = (a.max(b), a.min(b));
        let substituted = left_over.is_substitution(kind, self.query.syllabic || mark.is_syllabic());
        let substituted = if substituted { substitution(kind) } else { 1.0 };
        match kind {
            Kind::Person => {
                let lone = words.min(self.words) <= 1 && words.max(self.words) >= 2 && joined.is_none();
                (0.62 * most + 0.38 * least) * substituted * if lone { score::LONE } else { 1.0 }
            }
            Kind::Company => {
                (most * least).sqrt() * substituted * if numbers == self.numbers { 1.0 } else { score::NUMBERED }
            }
        }
    }
}

/// How much of the other name must be met, at least, where so much of one is.
fn needed(met: f32, least: f32) -> f32 {
    if met >= least { (least - 0.62 * met) / 0.38 } else { (least - 0.38 * met) / 0.62 }
}

/// Whether a token weighs so little that no name is looked at for its sake: `al`, `de`, `llc`.
fn is_light(token: &Token) -> bool {
    token.weight < LIGHT
}

/// Whether a token may be met by names that are not looked at for its sake: an initial is by too many.
fn is_loose(token: &Token) -> bool {
    token.class == Class::Initial || is_light(token)
}

/// Whether one is an initial and stands for the other, a word.
fn is_initial_of(initial: &Token, word: &Token) -> bool {
    initial.class == Class::Initial
        && matches!(word.class, Class::Word | Class::Common | Class::Particle)
        && initial.text.chars().next() == word.text.chars().next()
}

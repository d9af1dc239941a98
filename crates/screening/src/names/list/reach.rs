//! How high two names can score at most, from what they meet, without aligning them.

use super::postings::WEIGHTS;
use super::{List, Neighbour, ROUNDING, Scratch};
use crate::names::name::{self, Class, Kind, Name, Token};
use crate::names::score;

/// Tokens of a query, a bit each.
pub(super) type Tokens = u32;

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

/// Besides two tokens of a query: those a name meets none of, and those it is looked up by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) none_of: Tokens,
    pub(super) sought: Tokens,
}

/// How much a name may weigh that meets two tokens, in parts of [`WEIGHTS`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    /// If it is met by no other that is looked up.
    pub(super) alone: u8,
    /// If it is.
    pub(super) with_others: u8,
}

/// How high a query can score at most.
pub(super) struct Reach<'q> {
    query: &'q Name,
    whole: f32,
    words: usize,
    telling: usize,
    numbers: bool,
    initials: bool,
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
            initials: count(|class| class == Class::Initial) > 0,
        }
    }

    /// Of a name that meets none of some tokens and reaches a threshold: tokens of which it meets one besides `met`,
    /// as few and as rare as may be. `None` where it may be enough to meet `met`.
    pub(super) fn needed(&self, rarest_first: &[usize], none_of: Tokens, met: Tokens, least: f32) -> Option<Tokens> {
        let enough = |tokens: Tokens| self.without(|n| tokens >> n & 1 == 1) + ROUNDING >= least;
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

    /// How high a name can score that meets none but these tokens, and initials of any.
    fn without(&self, meets: impl Fn(usize) -> bool) -> f32 {
        let initial = score::INITIAL * score::INITIAL;
        let (mut met, mut telling, mut partners, mut best) = (0.0, 0, 0, initial);
        for (n, token) in self.query.tokens.iter().enumerate() {
            if meets(n) {
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
        let base = 0.62 * a.max(b) + 0.38 * a.min(b);
        // Either the other name has words left over too, or it has no more words than there are partners.
        let substituted = base * if telling < self.telling { score::SUBSTITUTION_PERSON } else { 1.0 };
        let covered = base * if partners <= 1 && self.words >= 2 { score::LONE } else { 1.0 };
        (a * b).sqrt().max(substituted).max(covered)
    }

    /// How much a name may weigh that reaches a threshold and meets two tokens of the query by these two. `None` where
    /// none reaches it.
    pub(super) fn pair(
        &self,
        one: (usize, &Neighbour),
        two: (usize, &Neighbour),
        sides: Sides,
        least: f32,
    ) -> Option<Weights> {
        let (mut lost, mut met, mut weight) = (0.0, 0.0, 0.0);
        for (n, other) in [one, two] {
            let squared = other.similarity * other.similarity;
            lost += self.query.tokens.get(n).map_or(0.0, |token| token.weight * (1.0 - squared));
            met += other.weight * squared;
            weight += other.weight;
        }
        let (mut others, mut of_others, mut all_sought) = (0.0, 0.0, true);
        for (n, token) in self.query.tokens.iter().enumerate().filter(|(n, _)| *n != one.0 && *n != two.0) {
            // Initials are met by more than is looked up. Each of the others may meet a token of full weight.
            if sides.none_of >> n & 1 == 1 && token.class != Class::Initial {
                lost += token.weight;
            } else {
                others += 1.0;
                of_others += token.weight;
                all_sought &= sides.sought >> n & 1 == 1 && token.class != Class::Initial;
            }
        }
        let heaviest = |lost: f32, others: f32| {
            let a = (self.whole - lost) / self.whole;
            let least = least - ROUNDING;
            let b = if a >= least { (least - 0.62 * a) / 0.38 } else { (least - 0.38 * a) / 0.62 };
            if b > (others + met) / (others + weight).max(0.01) + ROUNDING {
                return None;
            }
            let heaviest = (others + met) / b.max(0.01) + ROUNDING;
            Some((heaviest * WEIGHTS).min(255.0) as u8)
        };
        let with_others = heaviest(lost, others)?;
        let alone = if all_sought { heaviest(lost + of_others, 0.0).unwrap_or(0) } else { with_others };
        Some(Weights { alone, with_others })
    }

    /// How high a name can score whose tokens are known, were every token free to take any partner.
    pub(super) fn of(&self, list: &List, name: u32, joined: Option<&Joined>, scratch: &Scratch) -> f32 {
        let kind = list.entries.get(name as usize).map_or(self.query.kind, |entry| entry.kind);
        let mut best = [0.0_f32; name::TOKENS_MAX];
        let (mut own, mut met, mut words, mut telling_left, mut numbers) = (0.0, 0.0, 0, false, false);
        for id in list.ids(name as usize) {
            let Some(token) = list.gists.get(*id as usize) else { continue };
            let mut most = if joined.is_some_and(|joined| joined.has(*id)) { 1.0 } else { 0.0_f32 };
            for (n, similarity, _) in scratch.met_by(*id) {
                most = most.max(similarity);
                if let Some(best) = best.get_mut(n as usize) {
                    *best = best.max(similarity);
                }
            }
            if self.initials {
                for (asked, best) in self.query.tokens.iter().zip(&mut best) {
                    if list.vocabulary.get(*id as usize).is_some_and(|token| is_initial_of(asked, token)) {
                        most = most.max(score::INITIAL);
                        *best = best.max(score::INITIAL);
                    }
                }
            }
            own += token.weight;
            met += token.weight * most * most;
            words += usize::from(matches!(token.class, Class::Word | Class::Common));
            numbers |= token.class == Class::Number;
            telling_left |= most == 0.0 && is_telling(token.class, kind);
        }
        let (mut asked_met, mut asked_left) = (0.0, false);
        let is_joined = |n: usize| joined.is_some_and(|joined| joined.asked >> n & 1 == 1);
        for (n, (asked, best)) in self.query.tokens.iter().zip(best).enumerate() {
            let best = if is_joined(n) { 1.0 } else { best };
            asked_met += asked.weight * best * best;
            asked_left |= best == 0.0 && is_telling(asked.class, kind);
        }
        let (a, b) = (asked_met / self.whole, met / f32::max(own, 0.01));
        let (most, least) = (a.max(b), a.min(b));
        let both_left = telling_left && asked_left;
        match kind {
            Kind::Person => {
                let lone = words.min(self.words) <= 1 && words.max(self.words) >= 2 && joined.is_none();
                let base = 0.62 * most + 0.38 * least;
                base * if both_left { score::SUBSTITUTION_PERSON } else { 1.0 } * if lone { score::LONE } else { 1.0 }
            }
            Kind::Company => {
                let base = (most * least).sqrt();
                base * if both_left { score::SUBSTITUTION_COMPANY } else { 1.0 }
                    * if numbers == self.numbers { 1.0 } else { score::NUMBERED }
            }
        }
    }
}

fn is_telling(class: Class, kind: Kind) -> bool {
    match kind {
        Kind::Person => class == Class::Word,
        Kind::Company => matches!(class, Class::Word | Class::Number),
    }
}

/// Whether one is an initial and stands for the other, a word.
fn is_initial_of(initial: &Token, word: &Token) -> bool {
    initial.class == Class::Initial
        && matches!(word.class, Class::Word | Class::Common | Class::Particle)
        && initial.text.chars().next() == word.text.chars().next()
}

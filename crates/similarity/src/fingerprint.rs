//! Fingerprints: what stays of a function's code when its names are gone. Knows how tokens become hashes, and
//! which family of hashes is worth how much; knows nothing of file formats.

/// What a fingerprint was made from. Its number is the top three bits of the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Three calls into the platform in a row.
    Calls = 1,
    /// The whole token sequence of a function.
    Body = 2,
    /// All calls into the platform, in no order.
    CallSet = 3,
    /// A string constant.
    Text = 4,
    /// A number that is not small, or a table of numbers.
    Number = 5,
    /// Five tokens in a row, thinned by winnowing.
    Gram = 6,
    /// Two platform calls that follow each other within a few tokens, in no order.
    Pair = 7,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 7] =
        [Self::Calls, Self::Body, Self::CallSet, Self::Text, Self::Number, Self::Gram, Self::Pair];

    /// The family of a fingerprint.
    #[must_use]
    pub const fn of(fingerprint: u64) -> Option<Self> {
        match fingerprint >> 61 {
            1 => Some(Self::Calls),
            2 => Some(Self::Body),
            3 => Some(Self::CallSet),
            4 => Some(Self::Text),
            5 => Some(Self::Number),
            6 => Some(Self::Gram),
            7 => Some(Self::Pair),
            0 | 8.. => None,
        }
    }

    /// Worth beside the others: how hard it is to hit upon by chance, and how much of the function it stands for.
    #[must_use]
    pub const fn worth(self) -> f32 {
        match self {
            Self::Calls | Self::Number => 1.0,
            Self::Body | Self::Text => 1.5,
            Self::CallSet => 1.2,
            Self::Gram => 0.7,
            Self::Pair => 0.5,
        }
    }

    /// In the words of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calls => "call sequence",
            Self::Body => "whole body",
            Self::CallSet => "set of calls",
            Self::Text => "string",
            Self::Number => "number",
            Self::Gram => "code sequence",
            Self::Pair => "pair of calls",
        }
    }
}

/// Tokens in a gram: shorter ones are everyday code, longer ones break at each edit.
const GRAM_TOKENS: usize = 5;
/// Of this many grams in a row at least one is kept (winnowing).
const WINDOW_GRAMS: usize = 4;
/// A body of fewer tokens is everyday code.
const BODY_TOKENS_MIN: usize = 8;
/// More numbers than this in one function are a table: one fingerprint, or an initialiser outweighs a program.
const NUMBERS_MAX: usize = 24;
/// Calls further apart than this many calls are no pair.
const PAIR_REACH: usize = 2;
/// Multiplier of the rolling hash: odd, no pattern.
const ROLL: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads every bit over all others.
#[must_use]
pub const fn mix(mut x: u64) -> u64 {
    x ^= x >> 32;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^= x >> 32;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

/// A hash of bytes that is the same on every machine and in every version.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut h = ROLL ^ bytes.len() as u64;
    for word in words {
        h = mix(h ^ u64::from_le_bytes(*word));
    }
    if rest.is_empty() {
        return h;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(h ^ u64::from_le_bytes(last))
}

const fn tagged(family: Family, h: u64) -> u64 {
    let tag = family as u64;
    (mix(h ^ tag.wrapping_mul(ROLL)) >> 3) | (tag << 61)
}

/// The fingerprint of a string constant, told from the string alone.
#[must_use]
pub fn of_text(text_hash: u64) -> u64 {
    tagged(Family::Text, text_hash)
}

/// Gathers one function's tokens, then turns them into fingerprints. Used again for each function.
#[derive(Debug, Default)]
pub struct Gatherer {
    tokens: Vec<u64>,
    calls: Vec<u64>,
    texts: Vec<u64>,
    numbers: Vec<u64>,
    grams: Vec<u64>,
}

impl Gatherer {
    /// Begins another function.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.calls.clear();
        self.texts.clear();
        self.numbers.clear();
    }

    /// How many tokens there are.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// An operation.
    pub fn token(&mut self, token: u64) {
        self.tokens.push(token);
    }

    /// A use of the platform: an operation that names something no obfuscator can rename.
    pub fn call(&mut self, token: u64) {
        self.tokens.push(token);
        self.calls.push(token);
    }

    /// A string constant, by its hash.
    pub fn text(&mut self, text_hash: u64) {
        self.texts.push(tagged(Family::Text, text_hash));
    }

    /// A number.
    pub fn number(&mut self, number: u64) {
        self.numbers.push(tagged(Family::Number, number));
    }

    /// One hash of everything, for functions too short to have fingerprints of their own.
    #[must_use]
    pub fn body(&self) -> u64 {
        self.tokens.iter().fold(self.tokens.len() as u64, |h, token| mix(h ^ token))
    }

    /// Appends the fingerprints of the function to `out`, sorted, each once.
    pub fn finish(&mut self, out: &mut Vec<u64>) {
        let start = out.len();
        if self.tokens.len() >= BODY_TOKENS_MIN {
            out.push(tagged(Family::Body, self.body()));
        }
        self.winnow(out);
        self.call_families(out);
        if self.numbers.len() > NUMBERS_MAX {
            let all = self.numbers.iter().fold(0, |h, number| mix(h ^ number));
            out.push(tagged(Family::Number, all));
        } else {
            out.extend_from_slice(&self.numbers);
        }
        out.extend_from_slice(&self.texts);
        if let Some(own) = out.get_mut(start..) {
            own.sort_unstable();
            let kept = dedup(own);
            out.truncate(start + kept);
        }
    }

    fn winnow(&mut self, out: &mut Vec<u64>) {
        self.grams.clear();
        let mut leading = 1_u64;
        for _ in 0..GRAM_TOKENS {
            leading = leading.wrapping_mul(ROLL);
        }
        let mut rolling = 0_u64;
        for (n, token) in self.tokens.iter().enumerate() {
            rolling = rolling.wrapping_add(*token).wrapping_mul(ROLL);
            if let Some(gone) = n.checked_sub(GRAM_TOKENS).and_then(|k| self.tokens.get(k)) {
                rolling = rolling.wrapping_sub(gone.wrapping_mul(leading).wrapping_mul(ROLL));
            }
            if n + 1 >= GRAM_TOKENS {
                self.grams.push(tagged(Family::Gram, rolling));
            }
        }
        if self.grams.len() <= WINDOW_GRAMS {
            out.extend(self.grams.iter().min());
            return;
        }
        // The rightmost of the least in each window, so that a run of equal grams is told once a window.
        let mut least = (u64::MAX, 0);
        let mut told = usize::MAX;
        for (n, gram) in self.grams.iter().enumerate() {
            if *gram <= least.0 {
                least = (*gram, n);
            } else if least.1 + WINDOW_GRAMS <= n {
                let start = n + 1 - WINDOW_GRAMS;
                let window = self.grams.get(start..=n).unwrap_or(&[]).iter().zip(start..);
                least =
                    window.fold((u64::MAX, 0), |least, (gram, at)| if *gram <= least.0 { (*gram, at) } else { least });
            }
            if n + 1 >= WINDOW_GRAMS && least.1 != told {
                told = least.1;
                out.push(least.0);
            }
        }
    }

    fn call_families(&mut self, out: &mut Vec<u64>) {
        for three in self.calls.windows(3) {
            out.push(tagged(Family::Calls, three.iter().fold(0, |h, call| mix(h ^ call))));
        }
        for (n, one) in self.calls.iter().enumerate() {
            for other in self.calls.iter().skip(n + 1).take(PAIR_REACH).filter(|other| *other != one) {
                out.push(tagged(Family::Pair, mix(*one.min(other)) ^ one.max(other)));
            }
        }
        if self.calls.len() >= 2 {
            self.calls.sort_unstable();
            out.push(tagged(Family::CallSet, self.calls.iter().fold(0, |h, call| mix(h ^ call))));
        }
    }
}

/// Moves each distinct item of a sorted slice to its front; gives how many there are.
fn dedup(sorted: &mut [u64]) -> usize {
    let mut kept = 0;
    let mut last = None;
    for n in 0..sorted.len() {
        let Some(item) = sorted.get(n).copied() else { break };
        if last != Some(item) {
            last = Some(item);
            if let Some(to) = sorted.get_mut(kept) {
                *to = item;
            }
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tokens: &[u64]) -> Vec<u64> {
        let mut gatherer = Gatherer::default();
        let mut out = Vec::new();
        tokens.iter().for_each(|token| gatherer.token(mix(*token)));
        gatherer.finish(&mut out);
        out
    }

    #[test]
    fn a_gram_is_the_same_wherever_it_stands() {
        let inside: Vec<u64> = (0..40).collect();
        let around: Vec<u64> = (100..120).chain(0..40).chain(200..230).collect();
        let (inside, around) = (of(&inside), of(&around));
        let grams = inside.iter().filter(|f| Family::of(**f) == Some(Family::Gram));
        let (found, all) = grams.fold((0, 0), |(found, all), f| (found + usize::from(around.contains(f)), all + 1));
        assert!(all >= 8 && found + 2 >= all, "{found} of {all} grams survive code around them");
    }

    #[test]
    fn fingerprints_are_sorted_distinct_and_tagged() {
        let mut gatherer = Gatherer::default();
        for n in 0..300_u64 {
            gatherer.call(mix(n % 7));
            gatherer.number(n);
            gatherer.text(hash(b"again"));
        }
        let mut out = vec![9];
        gatherer.finish(&mut out);
        assert_eq!(out[0], 9, "what was there stays");
        assert!(out[1..].windows(2).all(|two| two[0] < two[1]));
        assert!(out[1..].iter().all(|f| Family::of(*f).is_some()));
        let numbers = out.iter().filter(|f| Family::of(**f) == Some(Family::Number)).count();
        assert_eq!(numbers, 1, "a table of numbers is one fact");
    }

    #[test]
    fn hashes_are_fixed_for_ever() {
        assert_eq!(hash(b"interdict"), 0x22ea_8daf_5ce7_8b65);
        assert_eq!(hash(b""), ROLL);
    }
}

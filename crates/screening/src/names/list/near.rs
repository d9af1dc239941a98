//! Keys under which words that are written alike meet, and a table of them.
//!
//! Two words within `k` slips of each other (a letter more, less, another, or two swapped) share what is left
//! of their beginnings after at most `k` letters are dropped from each. How many slips count grows with length
//! as in [`score::alike`](super::score::alike), so a word of six letters is under one drop and under two.

use super::memory::{self, Line};
use super::sum::{Sum, mixed};
use crate::names::name::{Class, Token};
use std::ops::Range;

/// Lengths of words, how much of their beginning counts, and how many letters are dropped from it. The lengths
/// overlap where a word and one within as many slips fall under different budgets.
const DROPS: [(std::ops::RangeInclusive<usize>, usize, u32); 3] =
    [(2..=6, 6, 1), (6..=11, 7, 2), (10..=usize::MAX, 8, 3)];

/// What a whole word is found under.
pub(super) fn whole(text: &str) -> u64 {
    Sum::of(text).key()
}

/// What initials of a letter are found under.
pub(super) fn initial(letter: char) -> u64 {
    mixed(0x1_0000_0000 | u64::from(letter))
}

/// What legal forms of a class are found under.
pub(super) fn form(class: u8) -> u64 {
    mixed(0x2_0000_0000 | u64::from(class))
}

/// Everything a token is kept and looked up under.
pub(super) fn keys(token: &Token, put: &mut impl FnMut(u64)) {
    put(whole(&token.text));
    if !is_word(token.class) {
        return;
    }
    for (salt, (lengths, beginning, drops)) in (3_u64..).zip(&DROPS) {
        if lengths.contains(&token.text.len()) {
            let bytes = token.text.bytes().take(*beginning);
            let (word, length) = bytes.fold((0, 0), |(word, n), b| (word | u64::from(b) << (8 * n), n + 1));
            drop_letters(word, length, 0, *drops, salt << 60, put);
        }
    }
    if token.sound.len() >= 2 {
        put(!whole(&token.sound));
    }
}

const fn is_word(class: Class) -> bool {
    matches!(class, Class::Word | Class::Common | Class::Particle)
}

/// What is left of a word of at most eight letters after dropping any `drops` of them or fewer.
fn drop_letters(word: u64, length: u32, from: u32, drops: u32, salt: u64, put: &mut impl FnMut(u64)) {
    put(mixed(word ^ salt));
    if drops == 0 {
        return;
    }
    for at in from..length {
        let before = word & !(u64::MAX << (8 * at));
        let behind = word.checked_shr(8 * (at + 1)).unwrap_or(0) << (8 * at);
        drop_letters(before | behind, length - 1, at, drops - 1, salt, put);
    }
}

/// What is looked at of a token before the token itself: small, so that a whole vocabulary stays in a core's cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gist {
    pub(super) weight: f32,
    pub(super) class: Class,
    length: u8,
    /// The byte it begins with.
    first: u8,
    /// Which letters of the alphabet are in it, and more that a bit says.
    letters: u32,
    /// Of how it sounds.
    sound: u32,
    /// All of it, where it is short.
    begin: [u8; BEGIN],
}

/// Of a word with its gist, so that both are in half a line of a core's cache.
const BEGIN: usize = 12;

/// Bits of [`Gist::letters`] that are letters.
const ALPHABET: u32 = (1 << 27) - 1;
/// It is no word: an initial, a number, a legal form.
const OTHER: u32 = 1 << 29;
/// It is one of several names that are one by custom.
const CUSTOM: u32 = 1 << 30;
/// It has letters beyond ASCII.
const FOREIGN: u32 = 1 << 31;

impl Gist {
    /// Whether it begins with the same byte as a token.
    pub(super) fn begins_like(&self, token: &Token) -> bool {
        token.text.as_bytes().first() == Some(&self.first)
    }

    pub(super) fn of(token: &Token) -> Self {
        let custom = if token.customs.is_empty() { 0 } else { CUSTOM };
        let other = if is_word(token.class) { 0 } else { OTHER };
        let foreign = if token.text.is_ascii() { 0 } else { FOREIGN };
        let mut begin = [0; BEGIN];
        begin.iter_mut().zip(token.text.bytes()).for_each(|(place, letter)| *place = letter);
        Self {
            begin,
            weight: token.weight,
            class: token.class,
            length: u8::try_from(token.text.len()).unwrap_or(u8::MAX),
            first: token.text.bytes().next().unwrap_or(0),
            letters: letters(&token.text) | custom | foreign | other,
            sound: tag(whole(&token.sound)),
        }
    }
}

impl Line for Gist {
    fn first(&self) -> u8 {
        self.first
    }
}

/// The letters of a text, a bit for each; what is no small letter shares the last.
fn letters(text: &str) -> u32 {
    let place = |letter: u8| if letter.is_ascii_lowercase() { letter - b'a' } else { 26 };
    text.bytes().fold(0, |letters, letter| letters | 1 << place(letter))
}

/// A word ready to be compared with many.
pub(super) struct Letters<'t> {
    token: &'t Token,
    pub(super) gist: Gist,
    /// Where each ASCII letter stands in it.
    places: [u64; 128],
    /// Its letters tell nothing, since it is compared by sound.
    pub(super) across: bool,
}

impl<'t> Letters<'t> {
    pub(super) fn of(token: &'t Token, across: bool) -> Self {
        let mut places = [0; 128];
        for (n, letter) in token.text.bytes().enumerate().take(64) {
            if let Some(place) = places.get_mut(usize::from(letter)) {
                *place |= 1 << n;
            }
        }
        Self { token, gist: Gist::of(token), places, across }
    }

    /// A quick no to most words: more letters differ than may.
    #[inline]
    pub(super) fn may_be_alike<'o>(&self, gist: &Gist, other: impl FnOnce() -> Option<&'o Token>) -> bool {
        let (here, there) = (usize::from(self.gist.length), usize::from(gist.length));
        let (some, both) = (self.gist.letters | gist.letters, self.gist.letters & gist.letters);
        if self.across || some & (OTHER | FOREIGN) != 0 || both & CUSTOM != 0 || here.max(there) > 32 {
            return self.may_be_otherwise(gist);
        }
        // Words that sound alike may differ in one letter more, and letters that look alike cost 0.7 of one.
        let sounds = self.gist.sound == gist.sound;
        let short = here.min(there);
        let budget =
            1 + usize::from(short > 5) + usize::from(short > 9) + if sounds { 1 + usize::from(short > 5) } else { 0 };
        // A letter more, less or other changes at most two of those that are in it.
        here.abs_diff(there) <= budget
            && ((self.gist.letters ^ gist.letters) & ALPHABET).count_ones() as usize <= 2 * budget
            && match gist.begin.get(..there) {
                Some(text) => self.slips(text) <= budget,
                None => other().is_some_and(|other| self.slips(other.text.as_bytes()) <= budget),
            }
    }

    /// The same where letters are not all that counts.
    fn may_be_otherwise(&self, gist: &Gist) -> bool {
        match (self.gist.class, gist.class) {
            (Class::Initial, _) | (_, Class::Initial) => self.gist.first == gist.first,
            (Class::Form(a), Class::Form(b)) => a == b,
            (Class::Form(_) | Class::Number, _) | (_, Class::Form(_) | Class::Number) => {
                self.gist.length == gist.length && (self.gist.letters ^ gist.letters) & ALPHABET == 0
            }
            (Class::Word | Class::Common | Class::Particle, Class::Word | Class::Common | Class::Particle) => true,
        }
    }

    /// Letters more, less, other or swapped (Hyyrö 2003, bit-parallel, with transpositions).
    fn slips(&self, other: &[u8]) -> usize {
        let length = self.token.text.len();
        let (mut more, mut less, mut diagonal, mut last) = (u64::MAX, 0_u64, 0_u64, 0_u64);
        let mut slips = length;
        let end = 1_u64 << (length.max(1) - 1);
        for letter in other {
            let places = self.places.get(usize::from(*letter)).copied().unwrap_or(0);
            let swapped = ((!diagonal & places) << 1) & last;
            diagonal = (((places & more).wrapping_add(more)) ^ more) | places | less | swapped;
            let (up, down) = (less | !(diagonal | more), diagonal & more);
            slips = slips + usize::from(up & end != 0) - usize::from(down & end != 0);
            let (up, down) = (up << 1 | 1, down << 1);
            more = down | !(diagonal | up);
            less = up & diagonal;
            last = places;
        }
        slips
    }
}

/// Keys and what is under them, being gathered.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(u64, u32)>);

impl Pairs {
    pub(super) fn put(&mut self, key: u64, id: u32) {
        self.0.push((key, id));
    }

    pub(super) fn finish(mut self) -> Near {
        self.0.sort_unstable();
        self.0.dedup();
        // Two to four in a bucket.
        let bits = (self.0.len().max(8) as u64).ilog2() - 1;
        let ids = self.0.iter().map(|(_, id)| *id).max().unwrap_or(0);
        let mut near =
            Near { shift: 64 - bits, ids: u32::MAX.checked_shr(ids.leading_zeros()).unwrap_or(0), ..Near::default() };
        near.rows.reserve_exact(self.0.len());
        let mut pairs = self.0.iter().peekable();
        for bucket in 0..1_u64 << bits {
            near.starts.push(u32::try_from(near.rows.len()).unwrap_or(u32::MAX));
            while let Some((key, id)) = pairs.next_if(|(key, _)| key >> near.shift == bucket) {
                near.rows.push(near.tag(*key) | *id);
            }
        }
        near.starts.push(u32::try_from(near.rows.len()).unwrap_or(u32::MAX));
        near
    }
}

/// What is under each key. A key is told from others by those of its bits that ids leave room for, so that now and
/// then something is found that is not under it, and is looked at in vain.
#[derive(Debug, Default)]
pub(super) struct Near {
    shift: u32,
    /// The bits that ids take.
    ids: u32,
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Near {
    pub(super) fn bytes(&self) -> usize {
        (self.starts.len() + self.rows.len()) * size_of::<u32>()
    }

    /// What of a key stands above an id.
    const fn tag(&self, key: u64) -> u32 {
        key as u32 & !self.ids
    }

    pub(super) fn get(&self, key: u64) -> impl Iterator<Item = u32> {
        self.under(key, self.part(key))
    }

    /// What is under many keys. What is read does not wait for what was read before: each step takes all keys.
    pub(super) fn get_all(&self, keys: &[u64], parts: &mut Vec<Range<u32>>, ids: &mut Vec<u32>) {
        parts.clear();
        parts.extend(keys.iter().map(|key| self.part(*key)));
        memory::fetch(&self.rows, parts.iter().map(|part| part.start as usize));
        for (key, part) in keys.iter().zip(parts) {
            ids.extend(self.under(*key, part.clone()));
        }
    }

    /// Where in the rows a key is.
    fn part(&self, key: u64) -> Range<u32> {
        let bucket = usize::try_from(key >> self.shift.min(63)).unwrap_or(usize::MAX);
        let end = bucket.checked_add(1).and_then(|next| self.starts.get(next)).copied().unwrap_or(0);
        self.starts.get(bucket).map_or(0, |start| *start)..end
    }

    fn under(&self, key: u64, part: Range<u32>) -> impl Iterator<Item = u32> {
        let (tag, ids) = (self.tag(key), self.ids);
        let rows = self.rows.get(part.start as usize..part.end as usize).unwrap_or_default();
        rows.iter().filter(move |row| **row & !ids == tag).map(move |row| row & ids)
    }
}

fn tag(key: u64) -> u32 {
    u32::try_from(key & 0xffff_ffff).unwrap_or(0)
}

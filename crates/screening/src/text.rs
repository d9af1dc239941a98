//! Text made comparable, in a fixed order: repaired, compatibility-composed, rid of what cannot be seen,
//! confusable letters folded before anything is transliterated, case and accents folded, Han letters
//! simplified, and a second key in Latin letters beside the first in the text's own script.
//!
//! A [`Key`] keeps for every byte where in the text it came from, so that what matched can be pointed at.

use crate::door::NO_TEXT;
use crate::han;
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

/// A word begins at this byte.
pub const BEGINS: u8 = 1;
/// A name may begin or end before this byte though no word does: between Han letters, at a dropped dot,
/// between letters and digits.
pub const SEAM: u8 = 2;

/// The letters and digits of a text, run together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Lower-case letters and digits.
    pub letters: String,
    /// [`BEGINS`] and [`SEAM`] for each byte of them.
    pub marks: Vec<u8>,
    /// Where in the text the letter each byte belongs to came from, and where it ended.
    pub from: Vec<(u32, u32)>,
}

impl Key {
    fn push(&mut self, letter: char, mark: u8, from: (u32, u32)) {
        let before = self.letters.len();
        self.letters.push(letter);
        for n in before..self.letters.len() {
            self.marks.push(if n == before { mark } else { 0 });
            self.from.push(from);
        }
    }

    /// The bytes of the text that a stretch of letters came from.
    #[must_use]
    pub fn source(&self, letters: Range<usize>) -> Range<usize> {
        let pieces = self.from.get(letters).unwrap_or_default();
        let from = pieces.iter().map(|(from, _)| *from as usize).min().unwrap_or(0);
        let to = pieces.iter().map(|(_, to)| *to as usize).max().unwrap_or(from);
        from..to
    }

    /// The words of the key, as stretches of its letters.
    pub fn words(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = self.marks.iter().enumerate().filter(|(_, mark)| **mark & BEGINS != 0).map(|(n, _)| n);
        let ends = starts.clone().skip(1).chain([self.letters.len()]);
        starts.zip(ends).map(|(from, to)| from..to)
    }
}

/// A text in every form it is compared in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// In its own script.
    pub own: Key,
    /// In Latin letters, where that is another.
    pub latin: Option<Key>,
    /// The same two after a repair of letters that were decoded wrongly.
    pub repaired: Option<Box<Keys>>,
    /// Letters were lost on the way: what it says cannot be known.
    pub unreadable: bool,
}

/// Whether `text` needs nothing but lower case: no letter beyond ASCII, no escape left in it.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Without an early way out, so that it is done many bytes at a time.
    !text.bytes().fold(false, |found, b| found | (b >= 0x80) | (b == b'&') | (b == NO_TEXT as u8))
}

/// Whether letters may have been lost from a text: `false` is a no, `true` calls for a closer look.
#[must_use]
pub fn may_be_unreadable(text: &str) -> bool {
    text.bytes().fold(false, |found, b| found | (b == b'?') | (b == NO_TEXT as u8) | (b == 0xef))
}

/// Brings a text into its forms.
#[must_use]
pub fn keys(text: &str) -> Keys {
    if is_plain(text) {
        let unreadable = may_be_unreadable(text) && is_lost(text);
        return Keys { own: plain(text), unreadable, ..Keys::default() };
    }
    let letters = unescape(text);
    let repaired = repair(&letters).map(|letters| Box::new(forms(letters)));
    let mut keys = forms(letters);
    keys.repaired = repaired;
    keys.unreadable = is_lost(text);
    keys
}

/// The forms of a text as it is written, which is all that is compared of a name.
#[must_use]
pub fn written(text: &str) -> (Key, Option<Key>) {
    if is_plain(text) {
        return (plain(text), None);
    }
    let Keys { own, latin, .. } = forms(unescape(text));
    (own, latin)
}

/// The key of a plain text, and [`each_plain`] where its letters come from.
fn plain(text: &str) -> Key {
    let mut key = Key::default();
    key.letters.reserve(text.len());
    key.marks.reserve(text.len());
    key.from.reserve(text.len());
    each_plain(text, &mut |at, letter, mark| {
        key.letters.push(char::from(letter));
        key.marks.push(mark);
        key.from.push((short(at), short(at + 1)));
    });
    key
}

/// Each letter and digit of a plain text in lower case, where it is, and its mark.
pub(crate) fn each_plain(text: &str, put: &mut impl FnMut(usize, u8, u8)) {
    let bytes = text.as_bytes();
    let mut between = BEGINS;
    let mut last = 0_u8;
    for (n, byte) in bytes.iter().enumerate() {
        if byte.is_ascii_alphanumeric() {
            let seam = last.is_ascii_digit() != byte.is_ascii_digit() || last == 0;
            put(n, byte.to_ascii_lowercase(), between | if seam { SEAM } else { 0 });
            between = 0;
            last = *byte;
        } else {
            let dropped = matches!(byte, b'.' | b'\'' | b'`')
                && last != 0
                && bytes.get(n + 1).is_some_and(u8::is_ascii_alphanumeric);
            between |= if dropped { SEAM } else { BEGINS };
        }
    }
}

/// A letter on its way, and the bytes of the text it came from.
#[derive(Clone, Copy, Debug)]
struct Letter {
    is: char,
    from: (u32, u32),
}

fn forms(letters: Vec<Letter>) -> Keys {
    let letters = unconfuse(visible(composed(letters)));
    let own = key(folded(&letters));
    let latin = (!own.letters.is_ascii()).then(|| key(latin(&own)));
    Keys { own, latin, repaired: None, unreadable: false }
}

/// Undoes one layer of XML escapes that somebody upstream put on top of another.
fn unescape(text: &str) -> Vec<Letter> {
    const NAMES: [(&str, char); 5] = [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')];
    let mut letters = Vec::with_capacity(text.len());
    let mut skip_to = 0;
    for (at, is) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        let rest = text.get(at + is.len_utf8()..).unwrap_or("");
        let escape = if is == '&' {
            let named = NAMES.iter().find(|(name, _)| rest.starts_with(name)).map(|(name, is)| (name.len(), *is));
            named.or_else(|| numbered(rest))
        } else {
            None
        };
        let (length, is) = escape.unwrap_or((0, is));
        let end = if length == 0 { at + is.len_utf8() } else { at + 1 + length };
        skip_to = end;
        letters.push(Letter { is, from: (short(at), short(end)) });
    }
    letters
}

/// `#26;` or `#x1a;`: how long it is, and the letter.
fn numbered(rest: &str) -> Option<(usize, char)> {
    let end = rest.bytes().take(10).position(|b| b == b';')?;
    let number = rest.get(1..end).filter(|_| rest.starts_with('#'))?;
    let value = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some((end + 1, char::from_u32(value)?))
}

/// Runs of letters that are UTF-8 once read as the bytes Windows-1252 has for them.
fn repair(letters: &[Letter]) -> Option<Vec<Letter>> {
    if letters.iter().all(|letter| letter.is.is_ascii()) {
        return None;
    }
    let mut repaired = Vec::with_capacity(letters.len());
    let mut found = false;
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let run: Vec<u8> = letters.iter().skip(at).map_while(|letter| windows_1252(letter.is)).collect();
        match std::str::from_utf8(&run).ok().filter(|text| !text.is_empty()) {
            Some(text) => {
                for (offset, is) in text.char_indices() {
                    let first = letters.get(at + offset).map_or(letter.from.0, |letter| letter.from.0);
                    let last = letters.get(at + offset + is.len_utf8() - 1).map_or(letter.from.1, |l| l.from.1);
                    repaired.push(Letter { is, from: (first, last) });
                }
                found = true;
                at += run.len();
            }
            None => {
                // A run that is no UTF-8 is left as it is.
                let length = run.len().max(1);
                repaired.extend(letters.iter().skip(at).take(length));
                at += length;
            }
        }
    }
    found.then_some(repaired)
}

/// The byte above 127 that Windows-1252 has for a letter.
fn windows_1252(letter: char) -> Option<u8> {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match letter as u32 {
        0..=0x7f | 0x2c7..=0x2db | 0x2dd..=0x2012 | 0x2123.. => return None,
        code @ 0x80..=0xff => return u8::try_from(code).ok(),
        _ => {}
    }
    let place = HIGH.chars().position(|known| known == letter)?;
    u8::try_from(0x80 + place).ok()
}

/// NFKC, cluster by cluster, so that each letter keeps its place.
fn composed(letters: Vec<Letter>) -> Vec<Letter> {
    if letters.iter().all(|letter| letter.is.is_ascii()) {
        return letters;
    }
    let mut out = Vec::with_capacity(letters.len());
    let mut at = 0;
    while let Some(first) = letters.get(at) {
        let more = letters.iter().skip(at + 1).take_while(|letter| joins(letter.is)).count();
        if more == 0 && is_composed(first.is) {
            out.push(*first);
            at += 1;
            continue;
        }
        let cluster = letters.get(at..=at + more).unwrap_or_default();
        let to = cluster.last().map_or(first.from.1, |letter| letter.from.1);
        let from = (first.from.0, to);
        out.extend(cluster.iter().map(|letter| letter.is).nfkc().map(|is| Letter { is, from }));
        at += more + 1;
    }
    out
}

/// Whether a letter is its own compatibility composition: of the commonest that are, a syllable's or a letter's block each.
const fn is_composed(letter: char) -> bool {
    matches!(letter, '\0'..='\u{9f}' | '\u{c0}'..='\u{131}' | '\u{621}'..='\u{64a}' | '\u{410}'..='\u{44f}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Whether a letter may compose with the one before it.
fn joins(letter: char) -> bool {
    if matches!(letter, '\0'..='\u{2ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}') {
        return false;
    }
    let vowel_or_final_jamo = matches!(letter, '\u{1160}'..='\u{11ff}');
    canonical_combining_class(letter) != 0 || vowel_or_final_jamo || matches!(letter, '\u{3099}' | '\u{309a}' | 'ﾞ' | 'ﾟ')
}

fn visible(mut letters: Vec<Letter>) -> Vec<Letter> {
    letters.retain(|letter| !is_invisible(letter.is));
    letters
}

/// Format characters (general category Cf), variation selectors and fillers: nothing of them shows.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}'..='\u{e01ef}')
}

/// Where one word mixes Latin with Cyrillic or Greek letters, the foreign ones stand for those they look like;
/// a word of nothing but such letters does beside a word with Latin ones.
fn unconfuse(mut letters: Vec<Letter>) -> Vec<Letter> {
    if letters.iter().all(|letter| letter.is.is_ascii()) {
        return letters;
    }
    let any_latin = letters.iter().any(|letter| is_latin(letter.is));
    let mut from = 0;
    while from < letters.len() {
        let length = letters.iter().skip(from).take_while(|letter| is_counted(letter.is)).count();
        let word = letters.get_mut(from..from + length).unwrap_or_default();
        let mixed = word.iter().any(|letter| is_latin(letter.is));
        let all = || word.iter().all(|letter| looks_latin(letter.is) && unconfused(letter.is) != letter.is);
        if mixed || (any_latin && all()) {
            for letter in word.iter_mut().filter(|letter| looks_latin(letter.is)) {
                letter.is = unconfused(letter.is);
            }
        }
        from += length + 1;
    }
    letters
}

/// Whether it is a letter or a digit; what nearly all of them are is told without a table.
fn is_counted(letter: char) -> bool {
    match letter {
        '\0'..='\u{7f}' => letter.is_ascii_alphanumeric(),
        '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2c1}' | '\u{400}'..='\u{481}' | '\u{620}'..='\u{64a}' => true,
        '\u{904}'..='\u{939}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => true,
        other => other.is_alphanumeric(),
    }
}

fn is_latin(letter: char) -> bool {
    letter.is_ascii_alphabetic() || matches!(letter, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

fn looks_latin(letter: char) -> bool {
    matches!(letter, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{1f00}'..='\u{1fff}')
}

fn unconfused(letter: char) -> char {
    let look = |letter: char| {
        let mut buffer = [0; 4];
        let like = skeleton(letter.encode_utf8(&mut buffer)).find(|like| like.is_alphanumeric());
        like.filter(|like| like.is_ascii_alphabetic())
    };
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    let upper = letter.to_uppercase().next().unwrap_or(letter);
    look(lower).or_else(|| look(upper)).unwrap_or(letter)
}

/// Lower case, without accents on Latin letters and marks on Arabic and Hebrew ones, Han letters simplified,
/// hiragana as katakana.
fn folded(letters: &[Letter]) -> Vec<Letter> {
    let mut out: Vec<Letter> = Vec::with_capacity(letters.len());
    for letter in letters {
        if letter.is.is_ascii() {
            out.push(Letter { is: letter.is.to_ascii_lowercase(), from: letter.from });
            continue;
        }
        if is_pointing(letter.is) {
            continue;
        }
        for lower in letter.is.to_lowercase() {
            let mut put = |is: char| out.push(Letter { is, from: letter.from });
            match lower {
                'a'..='z' | '0'..='9' => put(lower),
                'ß' => ['s', 's'].into_iter().for_each(put),
                'æ' => ['a', 'e'].into_iter().for_each(put),
                'œ' => ['o', 'e'].into_iter().for_each(put),
                'þ' => ['t', 'h'].into_iter().for_each(put),
                'ø' => put('o'),
                'ł' => put('l'),
                'đ' | 'ð' => put('d'),
                'ħ' => put('h'),
                'ı' => put('i'),
                'ŧ' => put('t'),
                'ə' => put('a'),
                'أ' | 'إ' | 'آ' | 'ٱ' => put('ا'),
                'ى' => put('ي'),
                'ة' => put('ه'),
                '\u{3041}'..='\u{3096}' => put(char::from_u32(lower as u32 + 0x60).unwrap_or(lower)),
                _ if is_latin(lower) => decompose_canonical(lower, |part| {
                    if !is_combining_mark(part) {
                        put(part);
                    }
                }),
                // A mark that did not compose, on a Latin letter.
                _ if is_combining_mark(lower) && matches!(lower, '\u{300}'..='\u{36f}') => {}
                _ => put(han::simplified(lower)),
            }
        }
    }
    out
}

/// Vowel signs and lengthening strokes of Arabic and Hebrew.
fn is_pointing(letter: char) -> bool {
    matches!(letter, '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// The own key in Latin letters; what stands between the letters comes from the text.
fn latin(own: &Key) -> Vec<Letter> {
    let mut out = Vec::with_capacity(own.letters.len());
    let mut last = (0, 0);
    for (at, letter) in own.letters.char_indices() {
        let from = own.from.get(at).copied().unwrap_or_default();
        let mark = own.marks.get(at).copied().unwrap_or(0);
        if mark & BEGINS != 0 || (mark & SEAM != 0 && is_syllable(letter)) {
            // A space, so that syllables written as words are words.
            out.push(Letter { is: ' ', from: (last.1, from.0.max(last.1)) });
        }
        last = from;
        let written = any_ascii::any_ascii_char(letter);
        out.extend(written.chars().map(|is| Letter { is: is.to_ascii_lowercase(), from }));
    }
    out
}

/// Runs the letters and digits together, marking where words begin.
fn key(letters: Vec<Letter>) -> Key {
    let mut key = Key::default();
    let mut between = BEGINS;
    let mut last: Option<char> = None;
    for (n, letter) in letters.iter().enumerate() {
        if !is_counted(letter.is) {
            let next = letters.get(n + 1).map(|letter| letter.is);
            between |= match letter.is {
                '.' | '\'' | '’' | '`' if last.is_some() && next.is_some_and(char::is_alphanumeric) => SEAM,
                _ if is_combining_mark(letter.is) => 0,
                _ => BEGINS,
            };
            continue;
        }
        let seam = last.is_none_or(|last| is_seam(last, letter.is));
        key.push(letter.is, between | if seam { SEAM } else { 0 }, letter.from);
        between = 0;
        last = Some(letter.is);
    }
    key
}

fn is_seam(last: char, next: char) -> bool {
    runs_on(last)
        || runs_on(next)
        || last.is_ascii_digit() != next.is_ascii_digit()
        || last.is_ascii() != next.is_ascii()
}

/// Letters that are syllables, which in names are words.
#[must_use]
pub fn is_syllable(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Letters of scripts that do not part words, or hang endings on them.
fn runs_on(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether most of a text is what is left where letters could not be written.
fn is_lost(text: &str) -> bool {
    let lost = |letter: char| matches!(letter, '?' | '\u{fffd}' | NO_TEXT);
    let solid = text.chars().filter(|letter| !letter.is_whitespace()).count();
    let gone = text.chars().filter(|letter| lost(*letter)).count();
    gone >= 3 && gone * 2 >= solid
}

fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

//! How alike two names are: tokens aligned best first, each side's share that found a partner, and what was
//! left over on both sides.

use super::name::{self, Class, Kind, Name, Token};
use crate::text;
use std::ops::Range;
use std::sync::LazyLock;

/// Initials stand for a name they begin.
pub(super) const INITIAL: f32 = 0.75;
/// One name of one person by custom: Bob and Robert.
const CUSTOM: f32 = 0.85;
/// Same consonants in a script that writes no vowels.
const CONSONANTS: f32 = 0.8;
/// Less alike than this, tokens are other tokens.
const PARTNER_MIN: f32 = 0.5;
/// Distinctive tokens left over on both sides are another father's name, another city.
pub(super) const SUBSTITUTION_PERSON: f32 = 0.72;
pub(super) const SUBSTITUTION_COMPANY: f32 = 0.85;
/// One word beside several says little.
pub(super) const LONE: f32 = 0.9;
/// A son of his own father's father: the names stand the other way round.
const TURNED: f32 = 0.8;
/// A numeral on one side only is another fund, another ship.
pub(super) const NUMBERED: f32 = 0.85;
/// Legal forms of other classes are seldom one company's.
const FORMED: f32 = 0.97;
/// Two words parted at another letter.
const PARTED: f32 = 0.97;
/// Shorter than this, two words that spell two others do so by chance.
const PARTED_LETTERS_MIN: usize = 5;
/// Fewer words have no initials that spell a name.
pub(super) const INITIALS_MIN: usize = 3;
/// Initials that spell a short name.
pub(super) const ACRONYM: f32 = 0.85;

/// Why two names score as they do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alignment {
    /// The score, between 0 and 1.
    pub score: f32,
    /// Tokens that found partners.
    pub pairs: Vec<Pair>,
    /// Tokens of the first name that found none.
    pub left_a: Vec<usize>,
    /// Tokens of the second.
    pub left_b: Vec<usize>,
    /// The share of each name, by weight, that found partners.
    pub coverage: (f32, f32),
    /// What else the score was multiplied by, and why.
    pub factors: Vec<(&'static str, f32)>,
}

/// Tokens that found each other; more than one on a side were run together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Of the first name.
    pub a: Range<usize>,
    /// Of the second.
    pub b: Range<usize>,
    /// How alike.
    pub similarity: f32,
    /// How they are alike.
    pub how: How,
}

/// How two tokens are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Letter for letter.
    Same,
    /// But for some letters.
    Spelling,
    /// An initial and a name it begins.
    Initial,
    /// One name by custom.
    Custom,
    /// In consonants, across scripts.
    Consonants,
    /// Legal forms of one class.
    Form,
}

/// How alike two names of a kind are. Where both are in one script other than Latin they are compared in it.
#[must_use]
pub fn compare(a: &str, b: &str, kind: Kind) -> Alignment {
    let (latin_a, latin_b) = (Name::new(a, kind), Name::new(b, kind));
    let alignment = align_names(&latin_a, &latin_b);
    if latin_a.transliterated && latin_b.transliterated {
        let own = align_names(&Name::own(a, kind), &Name::own(b, kind));
        // One syllable is a letter there and a word here; elsewhere the script shows slips that Latin letters blur.
        let syllables = latin_a.whole.chars().any(text::is_syllable) && latin_b.whole.chars().any(text::is_syllable);
        let keep_own = if syllables { own.score < alignment.score } else { own.score > alignment.score };
        return if keep_own { own } else { alignment };
    }
    alignment
}

/// The same for names taken apart.
#[must_use]
pub fn align_names(a: &Name, b: &Name) -> Alignment {
    let (tokens_a, tokens_b): (Vec<&Token>, Vec<&Token>) = (a.tokens.iter().collect(), b.tokens.iter().collect());
    let scripts = Scripts { across: a.abjad != b.abjad, syllabic: a.syllabic || b.syllabic };
    let mut alignment = align(&tokens_a, &tokens_b, a.kind, scripts);
    if !a.whole.is_empty() && a.whole == b.whole {
        alignment.score = 1.0;
    }
    alignment
}

/// What the scripts of two names make of their words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// One of them writes no vowels, and the other does.
    pub across: bool,
    /// One of them writes syllables. People leave out a middle name, but no half of a given one.
    pub syllabic: bool,
}

/// The same for tokens.
#[must_use]
pub fn align(a: &[&Token], b: &[&Token], kind: Kind, scripts: Scripts) -> Alignment {
    let pair = |n: usize, m: usize| alike(a.get(n)?, b.get(m)?, scripts.across);
    align_by(a, b, kind, scripts, &pair)
}

/// How alike two tokens are, by their places.
pub(super) type Pairing<'p> = &'p dyn Fn(usize, usize) -> Option<(f32, How)>;

/// The same where it is known how alike two tokens are.
#[must_use]
pub(super) fn align_by(a: &[&Token], b: &[&Token], kind: Kind, scripts: Scripts, pair: Pairing<'_>) -> Alignment {
    let mut found = partners(a, b, kind, pair);
    found.sort_by(|x, y| y.worth.total_cmp(&x.worth));
    let (mut used_a, mut used_b) = (0_u32, 0_u32);
    let mut alignment = Alignment::default();
    let (mut met_a, mut met_b) = (0.0, 0.0);
    for Partner { pair, .. } in found {
        let (mask_a, mask_b) = (mask(&pair.a), mask(&pair.b));
        if used_a & mask_a != 0 || used_b & mask_b != 0 {
            continue;
        }
        used_a |= mask_a;
        used_b |= mask_b;
        let squared = pair.similarity * pair.similarity;
        met_a += weight(a, &pair.a) * squared;
        met_b += weight(b, &pair.b) * squared;
        alignment.pairs.push(pair);
    }
    alignment.left_a = (0..a.len()).filter(|n| used_a >> n & 1 == 0).collect();
    alignment.left_b = (0..b.len()).filter(|n| used_b >> n & 1 == 0).collect();
    let (whole_a, whole_b) = (weight(a, &(0..a.len())), weight(b, &(0..b.len())));
    let coverage = (met_a / whole_a.max(0.01), met_b / whole_b.max(0.01));
    alignment.coverage = coverage;
    let (most, least) = (coverage.0.max(coverage.1), coverage.0.min(coverage.1));
    let base = match kind {
        Kind::Person => 0.62 * most + 0.38 * least,
        Kind::Company => (most * least).sqrt(),
    };
    factors(&mut alignment, a, b, kind, scripts.syllabic);
    alignment.score = alignment.factors.iter().fold(base, |score, (_, factor)| score * factor).min(0.995);
    alignment
}

/// Whether a word that tells is left over.
pub(super) fn is_telling(tokens: &[&Token], left: &[usize], kind: Kind) -> bool {
    left.iter().filter_map(|n| tokens.get(*n)).any(|token| tells(token.class, kind))
}

/// Whether tokens of a class tell one name of a kind from another.
pub(super) fn tells(class: Class, kind: Kind) -> bool {
    match kind {
        Kind::Person => class == Class::Word,
        Kind::Company => matches!(class, Class::Word | Class::Number),
    }
}

fn factors(alignment: &mut Alignment, a: &[&Token], b: &[&Token], kind: Kind, syllabic: bool) {
    let telling = (is_telling(a, &alignment.left_a, kind), is_telling(b, &alignment.left_b, kind));
    if kind == Kind::Person && syllabic && telling.0 != telling.1 {
        alignment.factors.push(("a syllable of a name without partner", SUBSTITUTION_PERSON));
    }
    if telling == (true, true) {
        let factor = match kind {
            Kind::Person => SUBSTITUTION_PERSON,
            Kind::Company => SUBSTITUTION_COMPANY,
        };
        alignment.factors.push(("words without partner on both sides", factor));
    }
    if kind == Kind::Person && is_turned(alignment, a, b) {
        alignment.factors.push(("father and son the other way round", TURNED));
    }
    if kind == Kind::Company {
        let numbers = |tokens: &[&Token]| tokens.iter().any(|token| token.class == Class::Number);
        if numbers(a) != numbers(b) {
            alignment.factors.push(("a number on one side only", NUMBERED));
        }
        let form = |tokens: &[&Token], left: &[usize]| {
            left.iter().filter_map(|n| tokens.get(*n)).any(|token| matches!(token.class, Class::Form(_)))
        };
        if form(a, &alignment.left_a) && form(b, &alignment.left_b) {
            alignment.factors.push(("other legal forms", FORMED));
        }
    }
    let words =
        |tokens: &[&Token]| tokens.iter().filter(|token| matches!(token.class, Class::Word | Class::Common)).count();
    let (few, many) = (words(a).min(words(b)), words(a).max(words(b)));
    if few <= 1 && many >= 2 && kind == Kind::Person && alignment.pairs.iter().all(|pair| pair.a.len() == pair.b.len())
    {
        alignment.factors.push(("one word beside several", LONE));
    }
}

/// Whether what stands before `bin` on one side stands after it on the other, and the reverse.
fn is_turned(alignment: &Alignment, a: &[&Token], b: &[&Token]) -> bool {
    let son = |tokens: &[&Token]| {
        tokens.iter().position(|token| matches!(token.text.as_str(), "bin" | "ben" | "ibn" | "bint"))
    };
    let (Some(at_a), Some(at_b)) = (son(a), son(b)) else { return false };
    let crossed = |before_a: bool| {
        alignment.pairs.iter().any(|pair| {
            let telling = a.get(pair.a.start).is_some_and(|token| token.class == Class::Word);
            telling
                && (pair.a.start < at_a) == before_a
                && (pair.b.start > at_b) == before_a
                && pair.b.start != at_b
                && pair.a.start != at_a
        })
    };
    crossed(true) && crossed(false)
}

struct Partner {
    pair: Pair,
    worth: f32,
}

fn mask(range: &Range<usize>) -> u32 {
    range.clone().fold(0, |mask, n| mask | 1 << n.min(31))
}

fn weight(tokens: &[&Token], range: &Range<usize>) -> f32 {
    tokens.get(range.clone()).unwrap_or_default().iter().map(|token| token.weight).sum()
}

/// Every pair alike enough, tokens run together among them.
fn partners(a: &[&Token], b: &[&Token], kind: Kind, pair: Pairing<'_>) -> Vec<Partner> {
    let mut found = Vec::with_capacity(a.len() + b.len());
    for (n, x) in a.iter().enumerate() {
        for (m, y) in b.iter().enumerate() {
            let Some((similarity, how)) = pair(n, m) else { continue };
            let near = 0.001 * (1.0 - (n as f32 - m as f32).abs() / 32.0);
            let worth = similarity + 0.05 * x.weight.min(y.weight) + near;
            found.push(Partner { pair: Pair { a: n..n + 1, b: m..m + 1, similarity, how }, worth });
        }
    }
    let mut put = |pair: Pair, more: f32| {
        let worth = pair.similarity + more;
        found.push(Partner { pair, worth });
    };
    if kind == Kind::Company {
        let how = How::Initial;
        acronym(a, b, &mut |a, b| put(Pair { a, b, similarity: ACRONYM, how }, 0.0));
        acronym(b, a, &mut |b, a| put(Pair { a, b, similarity: ACRONYM, how }, 0.0));
    }
    joined(a, b, &mut |a, b, similarity| put(Pair { a, b, similarity, how: How::Spelling }, 0.02));
    joined(b, a, &mut |b, a, similarity| put(Pair { a, b, similarity, how: How::Spelling }, 0.02));
    parted(a, b, &mut |a, b| put(Pair { a, b, similarity: PARTED, how: How::Spelling }, 0.0));
    found
}

/// Three to six words of `many` whose initials are a word of `one`.
fn acronym(many: &[&Token], one: &[&Token], found: &mut dyn FnMut(Range<usize>, Range<usize>)) {
    // Six initials of the longest letters take no more bytes.
    if !one.iter().any(|token| token.class == Class::Word && (3..=24).contains(&token.text.len())) {
        return;
    }
    each_initials(many, &mut |run, letters| {
        for (m, _) in one.iter().enumerate().filter(|(_, t)| t.class == Class::Word && t.text == letters) {
            found(run.clone(), m..m + 1);
        }
    });
}

/// Calls back with the initials of each run of three to six words.
pub(super) fn each_initials(tokens: &[&Token], found: &mut dyn FnMut(Range<usize>, &str)) {
    if tokens.len() < INITIALS_MIN {
        return;
    }
    let is_part = |token: &Token| matches!(token.class, Class::Word | Class::Common) && token.weight > 0.1;
    let words: Vec<(usize, char)> = (0..)
        .zip(tokens)
        .filter(|(_, token)| is_part(token))
        .filter_map(|(n, token)| Some((n, token.text.chars().next()?)))
        .collect();
    for length in 3..=6 {
        for run in words.windows(length) {
            let letters: String = run.iter().map(|(_, letter)| *letter).collect();
            if let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) {
                found(*first..*last + 1, &letters);
            }
        }
    }
}

/// Two or three tokens of `many` run together that are one of `one`, or are by custom.
fn joined(many: &[&Token], one: &[&Token], found: &mut dyn FnMut(Range<usize>, Range<usize>, f32)) {
    // Nearly no two names have any: a length alone tells.
    let longest = one.iter().map(|token| token.text.len()).max().unwrap_or(0);
    let shortest =
        many.windows(2).map(|pair| pair.iter().map(|token| token.text.len()).sum()).min().unwrap_or(usize::MAX);
    if shortest > longest + CUSTOM_LETTERS_MAX {
        return;
    }
    let customs = one.iter().any(|token| !token.customs.is_empty());
    let whole = |length| customs || one.iter().any(|token| token.text.len() == length);
    each_run_of(many, &whole, &mut |run, text| {
        let custom = if customs { name::groups(text) } else { &[] };
        let whole = |token: &&&Token| token.text.len() >= RUN_LETTERS_MIN && token.class != Class::Initial;
        for (m, token) in one.iter().enumerate().filter(|(_, token)| whole(token)) {
            if token.text == text {
                found(run.clone(), m..m + 1, 1.0);
            } else if name::share(token.customs, custom) {
                found(run.clone(), m..m + 1, CUSTOM);
            }
        }
    });
}

/// Two tokens of each that are one run of letters, parted elsewhere: `Ho Jin` and `Hoj In`.
fn parted(a: &[&Token], b: &[&Token], found: &mut dyn FnMut(Range<usize>, Range<usize>)) {
    let length = |pair: &[&Token]| pair.iter().map(|token| token.text.len()).sum::<usize>();
    for (n, x) in a.windows(2).enumerate() {
        for (m, y) in b.windows(2).enumerate() {
            let ([x0, x1], [y0, y1]) = (x, y) else { continue };
            let same = || x0.text.bytes().chain(x1.text.bytes()).eq(y0.text.bytes().chain(y1.text.bytes()));
            if length(x) >= PARTED_LETTERS_MIN && length(x) == length(y) && x0.text.len() != y0.text.len() && same() {
                found(n..n + 2, m..m + 2);
            }
        }
    }
}

/// Shorter than this, words that happen to stand side by side spell too much.
pub(super) const RUN_LETTERS_MIN: usize = 4;
/// Names that are one by custom differ in length by less than this.
const CUSTOM_LETTERS_MAX: usize = 8;

/// Calls back with two and three neighbouring tokens run together, forwards and backwards.
pub(super) fn each_run(tokens: &[&Token], found: &mut dyn FnMut(Range<usize>, &str)) {
    each_run_of(tokens, &|_| true, found);
}

/// The same for runs of lengths that are looked for.
fn each_run_of(tokens: &[&Token], is_sought: &dyn Fn(usize) -> bool, found: &mut dyn FnMut(Range<usize>, &str)) {
    let mut text = String::new();
    for length in 2..=3 {
        for (n, run) in tokens.windows(length).enumerate() {
            if !is_sought(run.iter().map(|token| token.text.len()).sum()) {
                continue;
            }
            for turned in [false, true] {
                text.clear();
                let mut put = |token: &&Token| text.push_str(&token.text);
                if turned {
                    run.iter().rev().for_each(&mut put)
                } else {
                    run.iter().for_each(&mut put)
                }
                if text.len() >= RUN_LETTERS_MIN {
                    found(n..n + length, &text);
                }
            }
        }
    }
}

/// How alike two tokens are, if they are.
#[must_use]
pub fn alike(x: &Token, y: &Token, across: bool) -> Option<(f32, How)> {
    if x.text == y.text {
        return Some((1.0, How::Same));
    }
    match (x.class, y.class) {
        (Class::Form(a), Class::Form(b)) => return (a == b).then_some((1.0, How::Form)),
        (Class::Form(_), _) | (_, Class::Form(_)) | (Class::Number, _) | (_, Class::Number) => return None,
        (Class::Initial, Class::Initial) => return None,
        (Class::Initial, _) | (_, Class::Initial) => {
            let same = x.text.chars().next() == y.text.chars().next();
            return same.then_some((INITIAL, How::Initial));
        }
        (Class::Word | Class::Common | Class::Particle, Class::Word | Class::Common | Class::Particle) => {}
    }
    if name::share(x.customs, y.customs) {
        return Some((CUSTOM, How::Custom));
    }
    let sounds = x.sound.len() >= 2 && x.sound == y.sound;
    let similarity = spelling(&x.text, &y.text, sounds);
    if similarity >= PARTNER_MIN {
        return Some((similarity, How::Spelling));
    }
    (across && sounds).then_some((CONSONANTS, How::Consonants))
}

/// One less the share of letters that differ, zero past a budget that grows with length.
fn spelling(a: &str, b: &str, sounds: bool) -> f32 {
    let (count_a, count_b) =
        if a.is_ascii() && b.is_ascii() { (a.len(), b.len()) } else { (a.chars().count(), b.chars().count()) };
    let (short, long) = (count_a.min(count_b), count_a.max(count_b));
    let budget = match short {
        // Of two letters only a doubled one is a slip.
        0..=2 => return if long == 3 && short == 2 && is_doubled(a, b) { 0.75 } else { 0.0 },
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let budget = budget + usize::from(sounds);
    if long - short > budget {
        return 0.0;
    }
    let edits = edits(a, b, budget);
    // Letters that look alike cost less, yet no more of them may differ: three at 0.7 are within 2.75, four are not.
    if edits > budget as f32 - if budget >= 3 && !sounds { 0.25 } else { 0.0 } {
        return 0.0;
    }
    let first = a.chars().next() != b.chars().next() && !sounds;
    let cost = if sounds { edits * 0.5 } else { edits } + if first { 0.5 } else { 0.0 };
    (1.0 - cost / long as f32).max(0.0)
}

fn is_doubled(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let mut single: Vec<char> = long.chars().collect();
    single.dedup();
    single.iter().copied().eq(short.chars())
}

/// Longest token compared letter by letter; longer ones are compared by their beginnings.
const LETTERS_MAX: usize = 32;

/// Insertions, deletions, replacements and swaps of neighbours; letters that look or sound alike cost less.
fn edits(a: &str, b: &str, budget: usize) -> f32 {
    let beginning = |text: &'_ str| text.len().min(LETTERS_MAX);
    if a.is_ascii() && b.is_ascii() {
        let (short_a, short_b) = (a.as_bytes().get(..beginning(a)), b.as_bytes().get(..beginning(b)));
        return edits_of(short_a.unwrap_or_default(), short_b.unwrap_or_default(), budget);
    }
    let letters = |text: &str| text.chars().take(LETTERS_MAX).map(u32::from).collect::<Vec<u32>>();
    edits_of(&letters(a), &letters(b), budget)
}

/// What two words begin and end with alike costs nothing, and nearly all there is.
fn edits_of<L: Copy + PartialEq + Into<u32>>(a: &[L], b: &[L], budget: usize) -> f32 {
    let begin = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(begin..).unwrap_or_default(), b.get(begin..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(..a.len() - end).unwrap_or_default(), b.get(..b.len() - end).unwrap_or_default());
    match (a, b) {
        ([], rest) | (rest, []) => rest.len() as f32,
        ([x], [y]) => replacement((*x).into(), (*y).into(), &LOOKS).min(2.0),
        (a, b) => edits_between(a, b, budget),
    }
}

fn edits_between<L: Copy + PartialEq + Into<u32>>(a: &[L], b: &[L], budget: usize) -> f32 {
    let (count_b, looks) = (b.len(), &*LOOKS);
    // Only cells as far from the diagonal as letters may be more or less; beyond them nothing is within the budget.
    let mut rows = [[f32::MAX; LETTERS_MAX + 2]; 3];
    let [now, before, earlier] = &mut rows;
    let (mut now, mut before, mut earlier) = (now, before, earlier);
    for (n, cell) in now.iter_mut().enumerate().take(count_b.min(budget) + 1) {
        *cell = n as f32;
    }
    for (n, x) in a.iter().enumerate() {
        (now, before, earlier) = (earlier, now, before);
        let from = (n + 1).saturating_sub(budget);
        let to = (n + 1 + budget).min(count_b);
        let mut left = if from == 0 { (n + 1) as f32 } else { f32::MAX };
        let mut least = left;
        if let Some(cell) = now.get_mut(from.saturating_sub(1)) {
            *cell = left;
        }
        let at = |row: &[f32; LETTERS_MAX + 2], m: usize| row.get(m).copied().unwrap_or(f32::MAX);
        for m in from.max(1)..=to {
            let Some(y) = b.get(m - 1) else { break };
            let replaced = at(before, m - 1) + replacement((*x).into(), (*y).into(), looks);
            let mut cost = replaced.min(at(before, m) + 1.0).min(left + 1.0);
            if n > 0 && m > 1 && a.get(n - 1) == Some(y) && b.get(m - 2) == Some(x) {
                cost = cost.min(at(earlier, m - 2) + 1.0);
            }
            left = cost;
            least = least.min(cost);
            if let Some(cell) = now.get_mut(m) {
                *cell = cost;
            }
        }
        if let Some(cell) = now.get_mut(to + 1) {
            *cell = f32::MAX;
        }
        if least > budget as f32 {
            return f32::MAX;
        }
    }
    now.get(count_b).copied().unwrap_or(f32::MAX)
}

/// What it costs to take one letter for another.
#[inline]
fn replacement(x: u32, y: u32, looks: &[[bool; 128]; 128]) -> f32 {
    if x == y {
        return 0.0;
    }
    let is_digit = |letter: u32| (0x30..0x3a).contains(&letter);
    if looks.get(x as usize).is_some_and(|looks| looks.get(y as usize) == Some(&true)) {
        0.7
    } else if is_digit(x) || is_digit(y) {
        1.5
    } else {
        1.0
    }
}

/// Letters that look or sound alike.
const LOOK_ALIKE: [&[u8]; 15] =
    [b"iyj", b"ckq", b"sz", b"vwf", b"il1", b"o0", b"ou", b"ei", b"ae", b"dt", b"bp", b"9g", b"3e", b"5s", b"4a"];

/// Which letters are among them together.
static LOOKS: LazyLock<[[bool; 128]; 128]> = LazyLock::new(|| {
    let mut looks = [[false; 128]; 128];
    for letters in LOOK_ALIKE {
        for x in letters {
            for y in letters {
                if let Some(alike) = looks.get_mut(usize::from(*x)).and_then(|row| row.get_mut(usize::from(*y))) {
                    *alike = true;
                }
            }
        }
    }
    looks
});

#[cfg(test)]
mod tests {
    use super::*;

    fn score(a: &str, b: &str, kind: Kind) -> f32 {
        let (there, back) = (compare(a, b, kind).score, compare(b, a, kind).score);
        assert!((there - back).abs() < 1e-4, "{a} | {b}: {there} {back}");
        there
    }

    #[test]
    fn the_same_person_scores_high() {
        for (a, b) in [
            ("Vladimir Putin", "PUTIN, Vladimir"),
            ("Sergei Lavrov", "Sergey Lavrov"),
            ("Bob Smith", "Robert Smith"),
            ("SergeiLavrov", "Sergei Lavrov"),
            ("Мухаммад Али", "Muhammad Ali"),
            ("习近平", "Xi Jinping"),
            ("J. Smith", "John Smith"),
            ("Vladimir Vladimirovich Putin", "Vladimir Putin"),
            ("Barack Obama", "Barackk Obama"),
        ] {
            assert!(score(a, b, Kind::Person) >= 0.75, "{a} | {b}: {}", score(a, b, Kind::Person));
        }
        assert_eq!(score("Vladimir PUTIN", "vladimir putin", Kind::Person), 1.0);
    }

    #[test]
    fn another_person_scores_low() {
        for (a, b) in [
            ("Khamis Sirhan al-Muhammad", "Khamis Sirhan al-Mosuli"),
            ("Daniel Ortiz", "Daniel Ortega"),
            ("Angelo Cruz", "Angela Merkel"),
            ("Kim Sok Jin", "Kim Sok Chol"),
            ("John", "Mary"),
        ] {
            assert!(score(a, b, Kind::Person) < 0.75, "{a} | {b}: {}", score(a, b, Kind::Person));
        }
    }

    #[test]
    fn companies_are_told_by_their_own_words() {
        for (a, b, same) in [
            ("Siemens AG", "Siemens Aktiengesellschaft", true),
            ("ABC Co.", "A.B.C. Company", true),
            ("OOO Oboronnye Initsiativy", "Oboronnye Initsiativy OOO", true),
            ("Bowne of Atlanta, Inc.", "Bowne of Boston, Inc.", false),
            ("Atlas Corp", "Zenith Corp", false),
        ] {
            assert_eq!(score(a, b, Kind::Company) >= 0.75, same, "{a} | {b}: {}", score(a, b, Kind::Company));
        }
    }

    #[test]
    fn an_explanation_says_what_did_not_match() {
        let alignment = compare("Khamis Sirhan al-Muhammad", "Khamis Sirhan al-Mosuli", Kind::Person);
        assert_eq!((alignment.left_a.as_slice(), alignment.left_b.as_slice()), ([3].as_slice(), [3].as_slice()));
        assert_eq!(alignment.factors.len(), 1);
    }

    #[test]
    fn scores_stay_between_none_and_one() {
        let odd = [
            "",
            " ",
            "a",
            "?",
            "x".repeat(5_000).leak(),
            "a b c d e f g h i j k l m n o p q r s t u v w x y z",
            "١٢٣",
            "👍",
        ];
        for a in odd {
            for b in odd {
                for kind in [Kind::Person, Kind::Company] {
                    let score = compare(a, b, kind).score;
                    assert!((0.0..=1.0).contains(&score), "{a} {b} {score}");
                }
            }
        }
    }
}

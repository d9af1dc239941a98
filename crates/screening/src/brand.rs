//! Finds the names of apps, wallets and companies in the text of a payment: exactly over all text, and
//! within one slip of the pen where parties, agents, accounts and merchants are named.

use crate::payment::{Field, Payment, Says};
use crate::text::{self, BEGINS, Key, Keys, SEAM};
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use std::ops::Range;

/// Latin names of fewer letters are words of many languages: they count only beside other evidence.
pub const STRONG_LETTERS_MIN: usize = 5;
/// From this length on, one slip of any kind still leaves a name recognisable.
const SLIP_LETTERS_MIN: usize = 7;
/// From this length on, a name written as several words is still that name in running text.
const SPLIT_LETTERS_MIN: usize = 8;
/// The least of a name at the end of a field cut at the width of a rail.
const CUT_LETTERS_MIN: usize = 6;
/// Words run together when looking for slips: `Wei Xin Zhi Fu` has four.
const WINDOW_WORDS_MAX: usize = 4;
/// The widths at which rails cut: NACHA company and individual names, MT lines, ISO 20022 short texts.
pub const RAIL_WIDTHS: [usize; 4] = [16, 22, 35, 140];
/// Hits kept of one payment; a text made of nothing but names has told enough by then.
pub const HITS_MAX: usize = 256;
/// Matches of the automaton looked at in one payment, words' edges or not.
const MATCHES_MAX: usize = 16 * 1024;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sense {
    /// A means of paying.
    Wallet,
    /// An app, which may also be a means of paying.
    App,
    /// A company.
    Company,
}

/// One name of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name as written.
    pub text: String,
    /// The subject's number, whatever its keeper counts by.
    pub subject: u16,
    /// What it names.
    pub sense: Sense,
    /// Counts only beside other evidence.
    pub weak: bool,
    /// Where it is from.
    pub source: String,
}

/// How well a name was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// A name too short or too common to count alone.
    Weak,
    /// The beginning of a name, at the end of a field cut at the width of a rail.
    Cut,
    /// A name with one slip in it, or written as several words.
    Near,
    /// The name.
    Exact,
}

impl Grade {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Cut => "cut",
            Self::Near => "near",
            Self::Exact => "exact",
        }
    }
}

/// A name met in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which alias.
    pub alias: usize,
    /// In which field.
    pub field: usize,
    /// How well.
    pub grade: Grade,
    /// What of the field's text it is.
    pub text: Range<usize>,
    /// The letters compared, as they were after normalisation.
    pub letters: String,
}

/// Every name, ready to be looked for.
#[derive(Debug)]
pub struct Brands {
    aliases: Vec<Alias>,
    /// For each pattern the alias, or nothing where it is an ordinary word that contains a name.
    patterns: Vec<Pattern>,
    finder: AhoCorasick,
    /// Latin patterns by number of letters, for slips.
    by_length: Vec<Fuzzies>,
    neighbours: Vec<String>,
}

#[derive(Debug)]
struct Pattern {
    alias: Option<usize>,
    letters: String,
    /// Where its own words begin.
    begins: Vec<usize>,
}

/// Patterns of one length, and the letters of each as a set, which rules nearly all of them out.
#[derive(Debug, Default)]
struct Fuzzies {
    alphabets: Vec<u64>,
    patterns: Vec<Fuzzy>,
}

#[derive(Debug)]
struct Fuzzy {
    pattern: usize,
    letters: Vec<u8>,
}

/// Room for one payment's letters; kept from payment to payment.
#[derive(Debug, Default)]
pub struct Scratch {
    letters: Vec<u8>,
    marks: Vec<u8>,
    pieces: Vec<Piece>,
    /// Each word of a piece, and its letters as a set.
    words: Vec<(Range<usize>, u64)>,
    /// The forms of fields that are more than plain letters.
    keys: Vec<(usize, Keys)>,
    /// Stretches of such fields that were met in their own script: what they sound like is no further name.
    covered: Vec<(usize, Range<usize>)>,
}

#[derive(Clone, Debug)]
struct Piece {
    field: usize,
    form: Form,
    letters: Range<usize>,
    takes_part: bool,
}

/// In which form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Own,
    Latin,
    Repaired,
    RepairedLatin,
}

impl Brands {
    /// Prepares names, and the ordinary words that contain or resemble them.
    ///
    /// # Errors
    /// The names are too many for an automaton.
    pub fn new(aliases: Vec<Alias>, neighbours: &[&str]) -> Result<Self, BuildError> {
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut aliases = aliases;
        for neighbour in neighbours {
            let key = text::keys(neighbour).own;
            patterns.push(Pattern { alias: None, letters: key.letters, begins: Vec::new() });
        }
        for (number, alias) in aliases.iter_mut().enumerate() {
            let key = text::keys(&alias.text).own;
            let latin = key.letters.is_ascii();
            alias.weak |= latin && key.letters.len() < STRONG_LETTERS_MIN;
            // One letter of any script names nothing.
            if key.letters.chars().count() < 2 || patterns.iter().any(|known| known.letters == key.letters) {
                continue;
            }
            let begins = key.words().map(|word| word.start).collect();
            patterns.push(Pattern { alias: Some(number), letters: key.letters, begins });
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns.iter().map(|pattern| pattern.letters.as_bytes()))?;
        let mut by_length: Vec<Fuzzies> = Vec::new();
        for (number, pattern) in patterns.iter().enumerate() {
            let strong = pattern.alias.and_then(|alias| aliases.get(alias)).is_some_and(|alias| !alias.weak);
            if !strong || !pattern.letters.is_ascii() {
                continue;
            }
            let letters = pattern.letters.as_bytes().to_vec();
            by_length.resize_with(by_length.len().max(letters.len() + 1), Fuzzies::default);
            if let Some(same) = by_length.get_mut(letters.len()) {
                same.alphabets.push(alphabet(&letters));
                same.patterns.push(Fuzzy { pattern: number, letters });
            }
        }
        let neighbours = neighbours.iter().map(|word| text::keys(word).own.letters).collect();
        Ok(Self { aliases, patterns, finder, by_length, neighbours })
    }

    /// The names.
    #[must_use]
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// Every name met in a payment, each subject at most once a field, the best first met.
    pub fn scan(&self, payment: &Payment, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        scratch.gather(payment);
        self.exact(payment, scratch, hits);
        self.near(payment, scratch, hits);
        if hits.len() > 1 {
            self.best(hits);
        }
    }

    /// Keeps of each subject and field the best hit.
    fn best(&self, hits: &mut Vec<Hit>) {
        let subject = |hit: &Hit| self.aliases.get(hit.alias).map_or(0, |alias| alias.subject);
        hits.sort_by(|a, b| {
            let whole = |hit: &Hit| hit.text.end - hit.text.start;
            (a.field, subject(a), b.grade, whole(b)).cmp(&(b.field, subject(b), a.grade, whole(a)))
        });
        hits.dedup_by(|later, first| later.field == first.field && subject(later) == subject(first));
        // A name within a longer one is part of it.
        let whole: Vec<(usize, Range<usize>)> = hits.iter().map(|hit| (hit.field, hit.text.clone())).collect();
        hits.retain(|hit| {
            let wider = |(field, text): &(usize, Range<usize>)| {
                *field == hit.field && *text != hit.text && text.start <= hit.text.start && hit.text.end <= text.end
            };
            !whole.iter().any(wider)
        });
    }

    fn exact(&self, payment: &Payment, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        let edge = |n: usize| scratch.marks.get(n).is_none_or(|mark| mark & (BEGINS | SEAM) != 0);
        let found = self.finder.find_overlapping_iter(&scratch.letters).take(MATCHES_MAX);
        let whole = found.filter(|found| edge(found.start()) && edge(found.end()));
        let mut found: Vec<(Range<usize>, usize)> =
            whole.map(|found| (found.range(), found.pattern().as_usize())).collect();
        // The leftmost, and of those the longest; what begins within it is part of it.
        found.sort_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let mut at = 0;
        for (range, number) in found {
            if range.start < at || hits.len() >= HITS_MAX {
                continue;
            }
            at = range.end;
            if let Some(pattern) = self.patterns.get(number) {
                self.met(payment, scratch, pattern, range, hits);
            }
        }
    }

    /// A pattern met between edges of words.
    fn met(
        &self,
        payment: &Payment,
        scratch: &mut Scratch,
        pattern: &Pattern,
        range: Range<usize>,
        hits: &mut Vec<Hit>,
    ) {
        let Some(piece) = scratch.piece(range.start).cloned() else { return };
        let plain = !scratch.keys.iter().any(|(field, _)| *field == piece.field);
        if plain && pattern.alias.is_none() {
            return;
        }
        let Some((text, letters)) = scratch.source(payment, &piece, &range) else { return };
        if !plain && scratch.is_covered(piece.field, &text) && piece.form != Form::Own {
            return;
        }
        if !plain {
            scratch.covered.push((piece.field, text.clone()));
        }
        let Some(alias) = pattern.alias else { return };
        if let Some(grade) = self.grade(alias, pattern, scratch, &range, piece.takes_part) {
            hits.push(Hit { alias, field: piece.field, grade, text, letters });
        }
    }

    fn grade(
        &self,
        alias: usize,
        pattern: &Pattern,
        scratch: &Scratch,
        range: &Range<usize>,
        takes_part: bool,
    ) -> Option<Grade> {
        match split(pattern, scratch, range) {
            _ if self.aliases.get(alias)?.weak => Some(Grade::Weak),
            Split::AsWritten | Split::Spelled => Some(Grade::Exact),
            Split::Words if pattern.letters.len() >= SPLIT_LETTERS_MIN => Some(Grade::Exact),
            Split::Words if takes_part => Some(Grade::Near),
            // `please share it`, `as we chat`: words that happen to stand together.
            Split::Words => None,
        }
    }

    fn near(&self, payment: &Payment, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        let mut words = std::mem::take(&mut scratch.words);
        for piece in scratch.pieces.iter().filter(|piece| piece.takes_part) {
            if !scratch.letters.get(piece.letters.clone()).is_some_and(<[u8]>::is_ascii) {
                continue;
            }
            scratch.part(piece, &mut words);
            for (n, (first, _)) in words.iter().enumerate() {
                let mut alphabet = 0;
                for (last, of_last) in words.iter().skip(n).take(WINDOW_WORDS_MAX) {
                    let range = first.start..last.end;
                    alphabet |= of_last;
                    let letters = scratch.letters.get(range.clone()).unwrap_or_default();
                    if letters.len() > self.by_length.len() + 1 {
                        break;
                    }
                    let found = self.slip(letters, alphabet);
                    if let Some((alias, grade)) = found
                        && hits.len() < HITS_MAX
                    {
                        hits.extend(scratch.hit(payment, piece, &range, alias, grade));
                    }
                }
            }
            if hits.len() < HITS_MAX {
                hits.extend(self.cut(payment, piece, scratch, &words));
            }
        }
        scratch.words = words;
    }

    /// The alias these letters are within one slip of; `alphabet` is the set of them.
    fn slip(&self, letters: &[u8], alphabet: u64) -> Option<(usize, Grade)> {
        if letters.len() + 1 < STRONG_LETTERS_MIN {
            return None;
        }
        let near = self.by_length.iter().skip(letters.len().saturating_sub(1)).take(3);
        let pairs = near.flat_map(|same| same.alphabets.iter().zip(&same.patterns));
        for (_, fuzzy) in pairs.filter(|(other, _)| is_near(alphabet, **other)) {
            if fuzzy.letters == letters {
                continue;
            }
            let shorter = letters.len().min(fuzzy.letters.len());
            let slip = slip_between(letters, &fuzzy.letters);
            let counts = match slip {
                None => false,
                // Two letters swapped or one doubled are slips in any name; digits that look like letters too.
                Some(Slip::Swapped | Slip::Doubled) => shorter >= STRONG_LETTERS_MIN,
                Some(Slip::Alike) => shorter >= STRONG_LETTERS_MIN,
                Some(Slip::Other) => shorter >= SLIP_LETTERS_MIN,
            };
            if counts && !self.neighbours.iter().any(|word| word.as_bytes() == letters) {
                return self.patterns.get(fuzzy.pattern)?.alias.map(|alias| (alias, Grade::Near));
            }
        }
        None
    }

    /// A name begun at the end of a field that is as long as its rail allows.
    fn cut(&self, payment: &Payment, piece: &Piece, scratch: &Scratch, words: &[(Range<usize>, u64)]) -> Option<Hit> {
        let (last, _) = words.last()?;
        let field = payment.fields.get(piece.field)?;
        if !RAIL_WIDTHS.contains(&payment.text_of(field).chars().count()) {
            return None;
        }
        let from_words = words.iter().rev().take(WINDOW_WORDS_MAX);
        for (first, _) in from_words {
            let range = first.start..last.end;
            let letters = scratch.letters.get(range.clone())?;
            if letters.len() < CUT_LETTERS_MIN {
                continue;
            }
            let longer = self.by_length.iter().skip(letters.len() + 1).flat_map(|same| &same.patterns);
            let begun = longer
                .filter(|fuzzy| fuzzy.letters.starts_with(letters))
                .find(|fuzzy| letters.len() * 5 >= fuzzy.letters.len() * 3);
            if let Some(fuzzy) = begun {
                let alias = self.patterns.get(fuzzy.pattern)?.alias?;
                return scratch.hit(payment, piece, &range, alias, Grade::Cut);
            }
        }
        None
    }
}

impl Scratch {
    /// Brings the text of a payment into letters.
    fn gather(&mut self, payment: &Payment) {
        self.letters.clear();
        self.marks.clear();
        self.pieces.clear();
        self.keys.clear();
        self.covered.clear();
        for (number, field) in payment.fields.iter().enumerate().filter(|(_, field)| has_names(field)) {
            let text = payment.text_of(field);
            // A link is read as one: what its host happens to contain is no name.
            if field.says == Says::ProxyId && text.contains("://") {
                continue;
            }
            let takes_part = field.role.takes_part();
            if text::is_plain(text) {
                let from = self.letters.len();
                self.plain(text);
                self.close(number, Form::Own, from, takes_part);
                continue;
            }
            let keys = text::keys(text);
            self.key(&keys.own, number, Form::Own, takes_part);
            if let Some(latin) = &keys.latin {
                self.key(latin, number, Form::Latin, takes_part);
            }
            if let Some(repaired) = &keys.repaired {
                self.key(&repaired.own, number, Form::Repaired, takes_part);
                if let Some(latin) = &repaired.latin {
                    self.key(latin, number, Form::RepairedLatin, takes_part);
                }
            }
            self.keys.push((number, keys));
        }
    }

    /// What of a field's text letters came from, and the letters themselves.
    fn source(&self, payment: &Payment, piece: &Piece, range: &Range<usize>) -> Option<(Range<usize>, String)> {
        let within = range.start - piece.letters.start..range.end - piece.letters.start;
        let found = self.keys.iter().find(|(field, _)| *field == piece.field);
        let Some((_, keys)) = found else {
            let key = text::keys(payment.text_of(payment.fields.get(piece.field)?)).own;
            return Some((key.source(within.clone()), key.letters.get(within)?.to_owned()));
        };
        let key = match piece.form {
            Form::Own => Some(&keys.own),
            Form::Latin => keys.latin.as_ref(),
            Form::Repaired => keys.repaired.as_ref().map(|repaired| &repaired.own),
            Form::RepairedLatin => keys.repaired.as_ref().and_then(|repaired| repaired.latin.as_ref()),
        }?;
        Some((key.source(within.clone()), key.letters.get(within)?.to_owned()))
    }

    fn hit(&self, payment: &Payment, piece: &Piece, range: &Range<usize>, alias: usize, grade: Grade) -> Option<Hit> {
        let (text, letters) = self.source(payment, piece, range)?;
        if piece.form != Form::Own && self.is_covered(piece.field, &text) {
            return None;
        }
        Some(Hit { alias, field: piece.field, grade, text, letters })
    }

    fn is_covered(&self, field: usize, text: &Range<usize>) -> bool {
        self.covered.iter().any(|(of, stretch)| *of == field && stretch.start < text.end && text.start < stretch.end)
    }

    fn key(&mut self, key: &Key, field: usize, form: Form, takes_part: bool) {
        let from = self.letters.len();
        self.letters.extend_from_slice(key.letters.as_bytes());
        self.marks.extend_from_slice(&key.marks);
        self.close(field, form, from, takes_part);
    }

    /// Ends a piece with a byte that is in no name.
    fn close(&mut self, field: usize, form: Form, from: usize, takes_part: bool) {
        if self.letters.len() > from {
            self.pieces.push(Piece { field, form, letters: from..self.letters.len(), takes_part });
            self.letters.push(0xff);
            self.marks.push(BEGINS);
        }
    }

    /// What [`text::keys`] makes of plain text, without remembering where each letter was.
    fn plain(&mut self, text: &str) {
        text::each_plain(text, &mut |_, letter, mark| {
            self.letters.push(letter);
            self.marks.push(mark);
        });
    }

    /// Parts a piece of plain letters into its words.
    fn part(&self, piece: &Piece, words: &mut Vec<(Range<usize>, u64)>) {
        words.clear();
        let mut begin = piece.letters.start;
        let mut alphabet = 0;
        let letters = self.letters.get(piece.letters.clone()).unwrap_or_default();
        let marks = self.marks.get(piece.letters.clone()).unwrap_or_default();
        for (n, (letter, mark)) in piece.letters.clone().zip(letters.iter().zip(marks)) {
            if mark & BEGINS != 0 && n > begin {
                words.push((begin..n, alphabet));
                (begin, alphabet) = (n, 0);
            }
            alphabet |= bit(*letter);
        }
        words.push((begin..piece.letters.end, alphabet));
    }

    fn piece(&self, at: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.letters.start <= at);
        self.pieces.get(after.checked_sub(1)?)
    }
}

/// Whether a field can have a name in it.
fn has_names(field: &Field) -> bool {
    match field.says {
        Says::Name | Says::ProxyId | Says::Address | Says::Instruction | Says::Text | Says::OrganisationId => true,
        Says::EndToEndId | Says::TransactionId | Says::InstructionId | Says::AccountId => true,
        Says::Bic
        | Says::Lei
        | Says::Member
        | Says::Clearing
        | Says::PrivateId
        | Says::ProxyKind
        | Says::Country
        | Says::Subdivision
        | Says::Residence
        | Says::Purpose
        | Says::MessageId
        | Says::BatchId
        | Says::Uetr
        | Says::Amount
        | Says::ValueDate
        | Says::Accepted
        | Says::Created
        | Says::Count
        | Says::Sum
        | Says::Code => false,
    }
}

/// How the words of a match lie beside those of the name.
enum Split {
    AsWritten,
    /// `W e C h a t`
    Spelled,
    /// `We Chat`
    Words,
}

fn split(pattern: &Pattern, scratch: &Scratch, range: &Range<usize>) -> Split {
    let marks = scratch.marks.get(range.clone()).unwrap_or_default();
    let begins = || marks.iter().enumerate().skip(1).filter(|(_, mark)| **mark & BEGINS != 0).map(|(n, _)| n);
    if begins().all(|n| pattern.begins.contains(&n)) {
        return Split::AsWritten;
    }
    if begins().count() + 1 == pattern.letters.chars().count() { Split::Spelled } else { Split::Words }
}

/// The letters and digits of a word as a set.
fn alphabet(letters: &[u8]) -> u64 {
    letters.iter().fold(0, |set, letter| set | bit(*letter))
}

const fn bit(letter: u8) -> u64 {
    match letter {
        b'a'..=b'z' => 1 << (letter - b'a'),
        b'0'..=b'9' => 1 << (26 + letter - b'0'),
        _ => 1 << 63,
    }
}

/// Whether two sets may be those of words one slip apart: at most one letter of each is not in the other.
const fn is_near(a: u64, b: u64) -> bool {
    // Takes the lowest of those letters away, twice.
    let other = a ^ b;
    let other = other & other.wrapping_sub(1);
    other & other.wrapping_sub(1) == 0
}

/// A slip of the pen between two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    /// Two neighbouring letters swapped.
    Swapped,
    /// One letter written twice, or a double letter once.
    Doubled,
    /// A digit for the letter it looks like.
    Alike,
    /// One letter more, fewer or other.
    Other,
}

/// The one slip that makes `a` of `b`, if one does.
fn slip_between(a: &[u8], b: &[u8]) -> Option<Slip> {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (a.get(same..)?, b.get(same..)?);
    match (rest_a, rest_b) {
        ([x, tail_a @ ..], [y, tail_b @ ..]) if tail_a == tail_b => {
            Some(if look_alike(*x, *y) { Slip::Alike } else { Slip::Other })
        }
        ([w, x, tail_a @ ..], [y, z, tail_b @ ..]) if w == z && x == y && tail_a == tail_b => Some(Slip::Swapped),
        ([x, tail @ ..], whole) | (whole, [x, tail @ ..]) if tail == whole => {
            let before = same.checked_sub(1).and_then(|n| a.get(n));
            Some(if before == Some(x) || tail.first() == Some(x) { Slip::Doubled } else { Slip::Other })
        }
        _ => None,
    }
}

fn look_alike(x: u8, y: u8) -> bool {
    let pair = |a: u8, b: u8| (x == a && y == b) || (x == b && y == a);
    pair(b'0', b'o')
        || pair(b'1', b'l')
        || pair(b'1', b'i')
        || pair(b'3', b'e')
        || pair(b'4', b'a')
        || pair(b'5', b's')
        || pair(b'7', b't')
        || pair(b'8', b'b')
}

/// Whether words that move money stand near a name in running text: it is then told as a way, not a topic.
#[must_use]
pub fn speaks_of_moving_money(text: &str, around: &Range<usize>, verbs: &[&str]) -> bool {
    const REACH_LETTERS: usize = 24;
    let before = text.get(..around.start).unwrap_or("");
    let after = text.get(around.end..).unwrap_or("");
    let from = before.char_indices().rev().take(REACH_LETTERS).last().map_or(before.len(), |(n, _)| n);
    let to = after.char_indices().nth(REACH_LETTERS).map_or(after.len(), |(n, _)| n);
    let near = [before.get(from..).unwrap_or(""), after.get(..to).unwrap_or("")];
    near.iter().any(|piece| {
        let key = text::keys(piece).own;
        let words: Vec<&str> = key.words().filter_map(|word| key.letters.get(word)).collect();
        let padded = format!(" {} ", words.join(" "));
        verbs.iter().any(|verb| {
            if verb.is_ascii() { padded.contains(&format!(" {verb} ")) } else { key.letters.contains(verb) }
        })
    })
}

#[cfg(test)]
mod tests;

//! A list of names, and which of them a name may be, found without looking at all of them.
//!
//! Tokens are kept once, with the names they stand in. A query's tokens are looked up as they are, with one
//! letter dropped, by sound, and run together; names that share too little with it are never opened, so
//! there is no slow path over the whole list.

use super::name::{Class, Kind, Name, Token};
use super::score::{self, Alignment};
use foldhash::HashMap;
use std::hash::BuildHasher;

/// Names looked at closely for one query.
const CLOSE_MAX: usize = 256;
/// Vocabulary one token may stand for; the nearest count.
const VARIANTS_MAX: usize = 48;
/// Names opened for one token. A token in more of them tells nothing on its own.
const OPENED_MAX: usize = 60_000;
/// Letters of a token that are looked up with one dropped: slips beyond them are rare and found by sound.
const PREFIX_LETTERS: usize = 8;

/// One name of a listed party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The party, by its keeper's number.
    pub party: u32,
    /// Whether it is a person.
    pub kind: Kind,
}

/// A list, ready to be searched.
#[derive(Debug, Default)]
pub struct List {
    entries: Vec<Entry>,
    texts: String,
    text_ends: Vec<u32>,
    tokens: Vec<u32>,
    token_ends: Vec<u32>,
    vocabulary: Vec<Token>,
    /// Names each token stands in, and where its part of the postings ends.
    postings: Vec<u32>,
    posting_ends: Vec<u32>,
    by_text: HashMap<u64, u32>,
    /// By hash: tokens with one letter dropped, and tokens by sound.
    near: Vec<(u32, u32)>,
    near_index: HashMap<u32, (u32, u32)>,
    /// By hash: names whose neighbouring tokens run together.
    joined: Vec<(u32, u32)>,
    joined_index: HashMap<u32, (u32, u32)>,
    hasher: foldhash::fast::FixedState,
}

/// A name a query may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Which entry.
    pub entry: usize,
    /// How alike, and why.
    pub alignment: Alignment,
}

/// Room for a search, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    stamps: Vec<u32>,
    now: u32,
    opened: Vec<u32>,
    /// Those opened because tokens run together, at most [`CLOSE_MAX`].
    joined: Vec<u32>,
}

/// Gathers names for a list.
#[derive(Debug, Default)]
pub struct Builder {
    list: List,
    places: HashMap<(String, u8), u32>,
    standing: Vec<Vec<u32>>,
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
        let Ok(number) = u32::try_from(self.list.entries.len()) else { return };
        let company = u8::from(entry.kind == Kind::Company);
        let mut ids = Vec::with_capacity(name.tokens.len());
        for token in &name.tokens {
            let next = u32::try_from(self.list.vocabulary.len()).unwrap_or(u32::MAX);
            let id = *self.places.entry((token.text.clone(), company)).or_insert(next);
            if id == next {
                self.list.vocabulary.push(token.clone());
                self.standing.push(Vec::new());
            }
            if let Some(names) = self.standing.get_mut(id as usize)
                && names.last() != Some(&number)
            {
                names.push(number);
            }
            ids.push(id);
        }
        for pair in name.tokens.windows(2) {
            let [first, second] = pair else { continue };
            for text in [format!("{}{}", first.text, second.text), format!("{}{}", second.text, first.text)] {
                self.list.joined.push((self.list.hash32(&text), number));
            }
        }
        self.list.tokens.extend(ids);
        self.list.token_ends.push(u32::try_from(self.list.tokens.len()).unwrap_or(u32::MAX));
        self.list.texts.push_str(written);
        self.list.text_ends.push(u32::try_from(self.list.texts.len()).unwrap_or(u32::MAX));
        self.list.entries.push(entry);
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> List {
        for names in &self.standing {
            self.list.postings.extend(names);
            self.list.posting_ends.push(u32::try_from(self.list.postings.len()).unwrap_or(u32::MAX));
        }
        let mut near = Vec::new();
        for (id, token) in (0..).zip(&self.list.vocabulary) {
            self.list.by_text.entry(self.list.hash64(&token.text, token_kind(token))).or_insert(id);
            self.list.variants(token, &mut |hash| near.push((hash, id)));
        }
        // Tokens of people and of companies are kept apart only by what they are; both are looked up.
        near.sort_unstable();
        near.dedup();
        self.list.near_index = index(&near);
        self.list.near = near;
        self.list.joined.sort_unstable();
        self.list.joined.dedup();
        self.list.joined_index = index(&self.list.joined);
        self.list
    }
}

/// Tokens of one spelling may be a word for people and a common word for companies.
fn token_kind(token: &Token) -> u8 {
    match token.class {
        Class::Word | Class::Initial | Class::Particle => 0,
        Class::Number => 1,
        Class::Form(_) | Class::Common => 2,
    }
}

/// Where the run of each hash lies in a sorted table.
fn index(table: &[(u32, u32)]) -> HashMap<u32, (u32, u32)> {
    let mut index: HashMap<u32, (u32, u32)> = HashMap::default();
    for (n, (hash, _)) in (0..).zip(table) {
        index.entry(*hash).and_modify(|(_, end)| *end = n + 1).or_insert((n, n + 1));
    }
    index
}

impl List {
    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An entry.
    #[must_use]
    pub fn entry(&self, n: usize) -> Option<&Entry> {
        self.entries.get(n)
    }

    /// An entry's name as written.
    #[must_use]
    pub fn text(&self, n: usize) -> &str {
        let range = stretch(&self.text_ends, n);
        self.texts.get(range).unwrap_or("")
    }

    /// An entry's tokens.
    #[must_use]
    pub fn tokens(&self, n: usize) -> Vec<&Token> {
        self.ids(n).iter().filter_map(|id| self.vocabulary.get(*id as usize)).collect()
    }

    fn ids(&self, n: usize) -> &[u32] {
        self.tokens.get(stretch(&self.token_ends, n)).unwrap_or_default()
    }

    fn names_of(&self, token: u32) -> &[u32] {
        self.postings.get(stretch(&self.posting_ends, token as usize)).unwrap_or_default()
    }

    fn hash32(&self, text: &str) -> u32 {
        // The upper half of a 64-bit hash is as good as any.
        u32::try_from(self.hasher.hash_one(text) >> 32).unwrap_or(0)
    }

    fn hash64(&self, text: &str, kind: u8) -> u64 {
        self.hasher.hash_one((text, kind))
    }

    /// The hashes a token is found under besides its own: with one letter of its beginning dropped, and by
    /// its sound.
    fn variants(&self, token: &Token, put: &mut dyn FnMut(u32)) {
        if !matches!(token.class, Class::Word | Class::Common) || token.text.len() < 3 {
            return;
        }
        let end = token.text.char_indices().nth(PREFIX_LETTERS).map_or(token.text.len(), |(n, _)| n);
        let prefix = token.text.get(..end).unwrap_or("");
        put(self.hash32(prefix));
        let mut without = String::with_capacity(prefix.len());
        for (n, letter) in prefix.char_indices() {
            without.clear();
            without.push_str(prefix.get(..n).unwrap_or(""));
            without.push_str(prefix.get(n + letter.len_utf8()..).unwrap_or(""));
            put(self.hash32(&without));
        }
        if token.sound.len() >= 2 {
            without.clear();
            without.push('~');
            without.push_str(&token.sound);
            put(self.hash32(&without));
        }
    }

    /// Names a query may be, the likeliest first, none below `least`.
    #[must_use]
    pub fn search(&self, query: &Name, least: f32, scratch: &mut Scratch) -> Vec<Match> {
        let asked = self.asked(query);
        scratch.begin(self.entries.len());
        let words = asked.iter().filter(|asked| asked.telling).count();
        let mut order: Vec<&Asked> = asked.iter().filter(|asked| asked.telling && !asked.variants.is_empty()).collect();
        order.sort_by_key(|asked| asked.standing);
        // Of several words at least two must be met, so the most common need open nothing.
        let openers = if words >= 2 { order.len().min(words - 1) } else { order.len() };
        for asked in order.iter().take(openers) {
            let mut opened = 0;
            for (token, _) in &asked.variants {
                let names = self.names_of(*token);
                opened += names.len();
                if opened > OPENED_MAX {
                    break;
                }
                scratch.open(names);
            }
        }
        self.open_joined(query, scratch);
        self.close(query, &asked, least, scratch)
    }

    /// What each token of a query may be in the vocabulary.
    fn asked(&self, query: &Name) -> Vec<Asked> {
        query
            .tokens
            .iter()
            .map(|token| {
                let telling = matches!(token.class, Class::Word | Class::Common | Class::Number);
                let mut variants: Vec<(u32, f32)> = Vec::new();
                for kind in 0..3 {
                    if let Some(id) = self.by_text.get(&self.hash64(&token.text, kind)) {
                        variants.push((*id, 1.0));
                    }
                }
                if telling {
                    self.variants(token, &mut |hash| {
                        let (from, to) = self.near_index.get(&hash).copied().unwrap_or((0, 0));
                        for (_, id) in self.near.get(from as usize..to as usize).unwrap_or_default() {
                            if variants.len() >= VARIANTS_MAX || variants.iter().any(|(known, _)| known == id) {
                                continue;
                            }
                            let Some(other) = self.vocabulary.get(*id as usize) else { continue };
                            if let Some((similarity, _)) = score::alike(token, other, query.abjad) {
                                variants.push((*id, similarity));
                            }
                        }
                    });
                }
                let standing = variants.iter().map(|(id, _)| self.names_of(*id).len()).sum();
                Asked { variants, standing, telling, weight: token.weight }
            })
            .collect()
    }

    fn open_joined(&self, query: &Name, scratch: &mut Scratch) {
        for token in query.tokens.iter().filter(|token| token.text.len() >= 6) {
            let (from, to) = self.joined_index.get(&self.hash32(&token.text)).copied().unwrap_or((0, 0));
            for (_, name) in self.joined.get(from as usize..to as usize).unwrap_or_default() {
                scratch.open_joined(*name);
            }
        }
        for pair in query.tokens.windows(2) {
            let [first, second] = pair else { continue };
            let text = format!("{}{}", first.text, second.text);
            for kind in 0..3 {
                if let Some(id) = self.by_text.get(&self.hash64(&text, kind)) {
                    self.names_of(*id).iter().for_each(|name| scratch.open_joined(*name));
                }
            }
        }
    }

    /// Looks closely at the opened names that can still reach the threshold.
    fn close(&self, query: &Name, asked: &[Asked], least: f32, scratch: &Scratch) -> Vec<Match> {
        let mut met: Vec<(u32, u8, f32)> = Vec::new();
        for (n, asked) in (0..).zip(asked) {
            met.extend(asked.variants.iter().map(|(id, similarity)| (*id, n, *similarity * asked.weight.max(0.1))));
        }
        met.sort_unstable_by_key(|(id, ..)| *id);
        let whole = query.weight();
        let mut hopeful: Vec<(f32, u32)> = Vec::new();
        for name in &scratch.opened {
            let ids = self.ids(*name as usize);
            let (mut shared, mut own, mut seen) = (0.0, 0.0, 0_u32);
            for id in ids {
                let weight = self.vocabulary.get(*id as usize).map_or(0.0, |token| token.weight);
                own += weight;
                let at = met.partition_point(|(known, ..)| known < id);
                if let Some((_, n, _)) = met.get(at).filter(|(known, ..)| known == id) {
                    shared += weight;
                    seen |= 1 << n;
                }
            }
            let asked_met: f32 =
                (0..).zip(asked).filter(|(n, _): &(u32, _)| seen >> n & 1 == 1).map(|(_, asked)| asked.weight).sum();
            let bound = {
                let (a, b) = (asked_met / whole.max(0.01), shared / own.max(0.01));
                0.62 * a.max(b) + 0.38 * a.min(b)
            };
            // Tokens run together are not seen here.
            if bound >= least - 0.08 || scratch.joined.contains(name) {
                hopeful.push((bound, *name));
            }
        }
        hopeful.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let mut matches = Vec::new();
        for (_, name) in hopeful.iter().take(CLOSE_MAX) {
            let listed = self.tokens(*name as usize);
            let kind = self.entries.get(*name as usize).map_or(query.kind, |entry| entry.kind);
            let mut alignment = score::align(&tokens, &listed, kind, query.abjad);
            let same = || tokens.len() == listed.len() && tokens.iter().zip(&listed).all(|(a, b)| a.text == b.text);
            if alignment.score >= 0.99 && same() {
                alignment.score = 1.0;
            }
            if alignment.score >= least {
                matches.push(Match { entry: *name as usize, alignment });
            }
        }
        matches.sort_by(|a, b| b.alignment.score.total_cmp(&a.alignment.score).then(a.entry.cmp(&b.entry)));
        matches
    }
}

/// A token of a query and what it may be.
#[derive(Debug)]
struct Asked {
    variants: Vec<(u32, f32)>,
    standing: usize,
    telling: bool,
    weight: f32,
}

impl Scratch {
    fn begin(&mut self, names: usize) {
        self.opened.clear();
        self.joined.clear();
        if self.stamps.len() != names || self.now == u32::MAX {
            self.stamps.clear();
            self.stamps.resize(names, 0);
            self.now = 0;
        }
        self.now += 1;
    }

    fn open(&mut self, names: &[u32]) {
        for name in names {
            if let Some(stamp) = self.stamps.get_mut(*name as usize)
                && *stamp != self.now
            {
                *stamp = self.now;
                self.opened.push(*name);
            }
        }
    }
}

impl Scratch {
    fn open_joined(&mut self, name: u32) {
        if self.joined.len() < CLOSE_MAX {
            self.open(&[name]);
            self.joined.push(name);
        }
    }
}

fn stretch(ends: &[u32], n: usize) -> std::ops::Range<usize> {
    let end = ends.get(n).copied().unwrap_or(0) as usize;
    let from = n.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    from..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let mut builder = Builder::default();
        for (party, (name, kind)) in (0..).zip([
            ("PUTIN, Vladimir Vladimirovich", Kind::Person),
            ("LAVROV, Sergey Viktorovich", Kind::Person),
            ("AL-TIKRITI, Barzan Ibrahim Hasan", Kind::Person),
            ("ROSNEFT OIL COMPANY", Kind::Company),
            ("Bank Melli Iran", Kind::Company),
            ("USMANOV, Alisher", Kind::Person),
        ]) {
            builder.add(name, Entry { party, kind });
        }
        builder.finish()
    }

    fn best(list: &List, query: &str, kind: Kind) -> Option<(usize, f32)> {
        let matches = list.search(&Name::new(query, kind), super::super::NOTE, &mut Scratch::default());
        matches.first().map(|found| (found.entry, found.alignment.score))
    }

    #[test]
    fn listed_names_are_found_as_people_write_them() {
        let list = list();
        for (query, kind, entry) in [
            ("Vladimir Putin", Kind::Person, 0),
            ("Wladimir Putin", Kind::Person, 0),
            ("Владимир Путин", Kind::Person, 0),
            ("Sergei Lavrov", Kind::Person, 1),
            ("Barzan Ibrahim Hasan al-Tikriti", Kind::Person, 2),
            ("Rosneft", Kind::Company, 3),
            ("Bank Meli Iran", Kind::Company, 4),
            ("AlisherUsmanov", Kind::Person, 5),
        ] {
            assert_eq!(best(&list, query, kind).map(|(entry, _)| entry), Some(entry), "{query}");
        }
        assert_eq!(best(&list, "PUTIN, Vladimir Vladimirovich", Kind::Person), Some((0, 1.0)));
        assert_eq!(list.text(5), "USMANOV, Alisher");
    }

    #[test]
    fn other_names_are_not() {
        let list = list();
        for query in ["John Smith", "Vladimir Petrov", "Hasan Petrov", "", "x", "Maria Putinova Garcia Lopez"] {
            assert_eq!(best(&list, query, Kind::Person), None, "{query}");
        }
    }

    #[test]
    fn an_empty_list_finds_nothing() {
        let list = Builder::default().finish();
        assert!(list.is_empty() && list.entry(0).is_none());
        assert_eq!(best(&list, "John Smith", Kind::Person), None);
    }
}

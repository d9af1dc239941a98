//! A list of names, and which of them a name may be, found without looking at all of them.
//!
//! Every word of the list is kept once, with the names it stands in. A word of a query is looked up with up to
//! three letters dropped, by sound and by custom, which finds every word [`score::alike`] would pair it with.
//! How much of two names can match at most then follows without aligning them, so that nearly every name that
//! is not the one asked for is passed over, and none that is: a search finds what scoring every name would.

use super::name::{self, Class, Kind, Name, Token};
use super::score::{self, Alignment, How, Scripts};
use foldhash::HashMap;
use std::hash::BuildHasher;

mod near;

use near::{Gist, Near, Pairs};

/// Words whose neighbours are remembered from one query to the next. Names of people repeat: this many are
/// met in some hundred thousand payments, and take about 8 MB.
const REMEMBERED_MAX: usize = 1 << 16;
/// How many names are noted in the time one is looked at.
const NOTES_A_LOOK: usize = 12;
/// Tokens of a query for which every combination has its bound worked out once.
const COMBINED_MAX: usize = 8;
/// Of fewer parties nobody can tell which words are common.
const PARTIES_MIN: usize = 1_000;
/// Words met that so many strangers would share by chance, with others left over, are too little to go by: two of
/// the commonest given and family names. In parts of what it takes to tell one party of the list from all others.
const TOLD_MIN: f32 = 1.7;
/// How fast a word tells less when it is not spelled the same.
const SLIPS_TELL: f32 = 2.0;
/// What is too little to go by counts for less.
const UNTOLD: f32 = 0.9;
/// What rounding may add to a sum of a few dozen terms below 24.
const ROUNDING: f32 = 1e-4;

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
    /// What bounds need of each token.
    gists: Vec<Gist>,
    /// How well each token tells its parties from all others: 1 where it has but one. Empty where the list is short.
    telling: Vec<f32>,
    /// Whether a name is written in syllables.
    syllabic: Vec<bool>,
    /// Names each token stands in, and where its part of the postings ends.
    postings: Vec<u32>,
    posting_ends: Vec<u32>,
    /// Tokens by what they are looked up by.
    near: Near,
    /// Names by their neighbouring tokens run together, and companies by initials.
    joined: Near,
    /// Tokens by customary group, and names that have one run together.
    customary: HashMap<u16, Vec<u32>>,
    joined_by_custom: HashMap<u16, Vec<u32>>,
    hasher: foldhash::fast::FixedState,
    /// Tells one list from another to a [`Scratch`].
    fingerprint: u64,
}

/// A name a query may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Which entry.
    pub entry: usize,
    /// How alike, and why.
    pub alignment: Alignment,
}

/// A token of a query: what it may be in the vocabulary, in how many names that stands.
#[derive(Clone, Debug, Default)]
struct Asked {
    /// Its part of [`Scratch::neighbours`].
    from: u32,
    to: u32,
    standing: usize,
}

/// Room for a search, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    list: u64,
    /// When each name was last opened, and which tokens of the query it meets.
    seen: Vec<(u32, u32)>,
    now: u32,
    opened: Vec<u32>,
    /// Opened because tokens run together or are initials: bounds do not see that.
    joined: Vec<u32>,
    /// Tokens, and how alike the asked one is.
    neighbours: Vec<(u32, f32, How)>,
    /// The place of a word's neighbours, by what kind of word it is, and whether its script writes vowels.
    remembered: [HashMap<String, (u32, u32)>; 6],
    asked: Vec<Asked>,
    /// For each token of the vocabulary: when, and the last of its rows in `met`.
    slots: Vec<(u32, u32)>,
    /// Which token of the query is how alike, and the row before.
    met: Vec<(u32, f32, How, u32)>,
}

/// Gathers names for a list.
#[derive(Debug, Default)]
pub struct Builder {
    list: List,
    places: HashMap<(String, Class, u32), u32>,
    standing: Vec<Vec<u32>>,
    joined: Pairs,
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
        self.list.syllabic.push(name.syllabic);
        let Ok(number) = u32::try_from(self.list.entries.len()) else { return };
        for token in &name.tokens {
            let next = u32::try_from(self.list.vocabulary.len()).unwrap_or(u32::MAX);
            let id = *self.places.entry((token.text.clone(), token.class, token.weight.to_bits())).or_insert(next);
            if id == next {
                self.list.vocabulary.push(token.clone());
                self.standing.push(Vec::new());
            }
            if let Some(names) = self.standing.get_mut(id as usize)
                && names.last() != Some(&number)
            {
                names.push(number);
            }
            self.list.tokens.push(id);
        }
        let tokens: Vec<&Token> = name.tokens.iter().collect();
        score::each_run(&tokens, &mut |_, text| self.joined.put(self.list.hash(text), number));
        if entry.kind == Kind::Company {
            score::each_initials(&tokens, &mut |_, text| self.joined.put(self.list.hash(text), number));
        }
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
        let mut pairs = Pairs::default();
        for (id, token) in (0..).zip(&self.list.vocabulary) {
            near::keys(token, &mut |key| pairs.put(key, id));
            match (token.class, token.text.chars().next()) {
                (Class::Initial, Some(letter)) => pairs.put(near::initial(letter), id),
                (Class::Form(class), _) => pairs.put(near::form(class), id),
                (Class::Initial | Class::Word | Class::Common | Class::Particle | Class::Number, _) => {}
            }
            for group in token.customs {
                self.list.customary.entry(*group).or_default().push(id);
            }
        }
        self.list.telling = self.list.tell();
        self.list.gists = self.list.vocabulary.iter().map(Gist::of).collect();
        self.list.near = pairs.finish();
        self.list.joined = self.joined.finish();
        for (group, name) in name::customs() {
            let joined = self.list.joined.get(self.list.hash(name));
            self.list.joined_by_custom.entry(group).or_default().extend(joined);
        }
        self.list.fingerprint = self.list.hash(&self.list.texts) ^ self.list.entries.len() as u64;
        self.list
    }
}

impl List {
    /// How well each token tells who is named.
    fn tell(&self) -> Vec<f32> {
        let mut parties: Vec<u32> = self.entries.iter().map(|entry| entry.party).collect();
        parties.sort_unstable();
        parties.dedup();
        if parties.len() < PARTIES_MIN {
            return Vec::new();
        }
        let whole = (parties.len() as f32).log2();
        let tokens = 0..u32::try_from(self.vocabulary.len()).unwrap_or(u32::MAX);
        let tell = |token| {
            parties.clear();
            parties.extend(
                self.names_of(token).iter().filter_map(|name| self.entries.get(*name as usize)).map(|e| e.party),
            );
            parties.sort_unstable();
            parties.dedup();
            1.0 - (parties.len().max(1) as f32).log2() / whole
        };
        tokens.map(tell).collect()
    }

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

    /// Bytes it takes, what its tables have in them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let short = self.text_ends.len() + self.tokens.len() + self.token_ends.len() + self.postings.len();
        let short = short + self.posting_ends.len() + self.telling.len();
        let words = |token: &Token| size_of::<Token>() + token.text.len() + token.sound.len();
        let customs = self.customary.values().chain(self.joined_by_custom.values()).map(Vec::len).sum::<usize>();
        self.entries.len() * (size_of::<Entry>() + size_of::<bool>())
            + self.texts.len()
            + (short + customs) * size_of::<u32>()
            + self.gists.len() * size_of::<Gist>()
            + self.vocabulary.iter().map(words).sum::<usize>()
            + self.near.bytes()
            + self.joined.bytes()
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

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// Names a query may be, the likeliest first, none below `least`: the same as [`List::search_all`] finds.
    #[must_use]
    pub fn search(&self, query: &Name, least: f32, scratch: &mut Scratch) -> Vec<Match> {
        scratch.begin(self);
        self.ask(query, scratch);
        let Some(openers) = Reach::new(query).openers(&scratch.asked, least) else {
            // So low a threshold, or so odd a name, that anything may be it.
            return self.search_all(query, least);
        };
        self.run_together(query, &mut |name| scratch.joined.push(name));
        self.open(&openers, scratch);
        self.close(query, least, scratch)
    }

    /// Opens every name that meets one of the openers, and notes which other tokens it meets.
    fn open(&self, openers: &[usize], scratch: &mut Scratch) {
        let Scratch { seen, now, opened, neighbours, asked, .. } = scratch;
        let names = |asked: &Asked| {
            let part = neighbours.get(asked.from as usize..asked.to as usize).unwrap_or_default();
            part.iter().flat_map(|(token, _, _)| self.names_of(*token))
        };
        for n in openers {
            for name in asked.get(*n).into_iter().flat_map(names) {
                let Some((stamp, met)) = seen.get_mut(*name as usize) else { continue };
                if *stamp != *now {
                    (*stamp, *met) = (*now, 0);
                    opened.push(*name);
                }
                *met |= 1 << n;
            }
        }
        for (n, asked) in asked.iter().enumerate().filter(|(n, _)| !openers.contains(n)) {
            // To take it that they do costs a closer look at each, which is as dear as some dozen notes.
            let dear = asked.standing > opened.len().saturating_mul(NOTES_A_LOOK);
            if dear {
                for name in opened.iter() {
                    if let Some((_, met)) = seen.get_mut(*name as usize) {
                        *met |= 1 << n;
                    }
                }
                continue;
            }
            for name in names(asked) {
                if let Some((stamp, met)) = seen.get_mut(*name as usize)
                    && *stamp == *now
                {
                    *met |= 1 << n;
                }
            }
        }
    }

    /// The same by scoring every name: what [`List::search`] is measured against.
    #[must_use]
    pub fn search_all(&self, query: &Name, least: f32) -> Vec<Match> {
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let all = (0..self.entries.len()).filter_map(|entry| self.aligned(query, &tokens, entry, least, None));
        ordered(all.collect())
    }

    /// Finds what each token of a query may be in the vocabulary.
    fn ask(&self, query: &Name, scratch: &mut Scratch) {
        if scratch.remembered.iter().map(HashMap::len).sum::<usize>() > REMEMBERED_MAX {
            scratch.remembered.iter_mut().for_each(HashMap::clear);
            scratch.neighbours.clear();
        }
        for (n, token) in (0..).zip(&query.tokens) {
            let class = match token.class {
                Class::Word | Class::Common => Some(0),
                Class::Particle => Some(1),
                Class::Initial => Some(2),
                Class::Number | Class::Form(_) => None,
            };
            let place = class.map(|class| class + 3 * usize::from(query.abjad));
            let memory = place.and_then(|place| scratch.remembered.get_mut(place));
            let (from, to) = match memory.as_ref().and_then(|memory| memory.get(&token.text)) {
                Some(known) => *known,
                None => {
                    let part = self.neighbours(token, query.abjad, &mut scratch.neighbours);
                    if let Some(memory) = memory {
                        memory.insert(token.text.clone(), part);
                    }
                    part
                }
            };
            let mut standing = 0;
            for (id, similarity, how) in scratch.neighbours.get(from as usize..to as usize).unwrap_or_default() {
                standing += self.names_of(*id).len();
                let Some(slot) = scratch.slots.get_mut(*id as usize) else { continue };
                let before = if slot.0 == scratch.now { slot.1 } else { u32::MAX };
                *slot = (scratch.now, u32::try_from(scratch.met.len()).unwrap_or(u32::MAX));
                scratch.met.push((n, *similarity, *how, before));
            }
            scratch.asked.push(Asked { from, to, standing });
        }
    }

    /// Every token of the vocabulary that a token may be, but for those an initial stands for, which are too
    /// many to name.
    fn neighbours(&self, token: &Token, abjad: bool, found: &mut Vec<(u32, f32, How)>) -> (u32, u32) {
        let from = found.len();
        let mut seen: Vec<u32> = Vec::new();
        near::keys(token, &mut |key| seen.extend(self.near.get(key)));
        if let (Class::Word | Class::Common | Class::Particle, Some(letter)) = (token.class, token.text.chars().next())
        {
            seen.extend(self.near.get(near::initial(letter)));
        }
        if let Class::Form(class) = token.class {
            seen.extend(self.near.get(near::form(class)));
        }
        for group in token.customs {
            seen.extend(self.customary.get(group).into_iter().flatten());
        }
        seen.sort_unstable();
        seen.dedup();
        let letters = near::Letters::of(token, abjad);
        for id in seen {
            let (Some(gist), Some(other)) = (self.gists.get(id as usize), self.vocabulary.get(id as usize)) else {
                continue;
            };
            if token.class == Class::Initial && other.text != token.text {
                continue;
            }
            if letters.may_be_alike(gist, other)
                && let Some((similarity, how)) = score::alike(token, other, abjad)
            {
                found.push((id, similarity, how));
            }
        }
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (short(from), short(found.len()))
    }

    /// Names that pair with a query by tokens run together, or by initials.
    fn run_together(&self, query: &Name, open: &mut dyn FnMut(u32)) {
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        for token in tokens.iter().filter(|token| token.text.len() >= 3) {
            self.joined.get(self.hash(&token.text)).for_each(&mut *open);
            for group in token.customs {
                self.joined_by_custom.get(group).into_iter().flatten().for_each(|name| open(*name));
            }
        }
        let mut parted = Vec::new();
        let mut spelled = |text: &str| {
            let mut open_all = |id: u32| self.names_of(id).iter().for_each(|name| open(*name));
            for id in self.near.get(near::whole(text)) {
                if self.vocabulary.get(id as usize).is_some_and(|token| token.text == text) {
                    open_all(id);
                }
            }
            for group in name::groups(text) {
                self.customary.get(group).into_iter().flatten().for_each(|id| open_all(*id));
            }
        };
        score::each_run(&tokens, &mut |run, text| {
            spelled(text);
            if run.len() == 2 {
                parted.push(self.hash(text));
            }
        });
        score::each_initials(&tokens, &mut |_, text| spelled(text));
        for run in parted {
            self.joined.get(run).for_each(&mut *open);
        }
    }

    /// Looks closely at the opened names that can still reach the threshold.
    fn close(&self, query: &Name, least: f32, scratch: &Scratch) -> Vec<Match> {
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let reach = Reach::new(query);
        // By combination of tokens met: whether that can be enough. Worked out when first asked.
        let mut combined: [Option<bool>; 1 << COMBINED_MAX] = [None; 1 << COMBINED_MAX];
        let hopeful = scratch.opened.iter().filter(|name| {
            let met = scratch.seen.get(**name as usize).map_or(0, |seen| seen.1);
            if let Some(known) = combined.get_mut(met as usize) {
                let enough = || reach.without(|n| met >> n & 1 == 1) + ROUNDING >= least;
                if !*known.get_or_insert_with(enough) {
                    return false;
                }
            }
            let kind = self.entries.get(**name as usize).map_or(query.kind, |entry| entry.kind);
            reach.of(self, self.ids(**name as usize), kind, scratch) + ROUNDING >= least
        });
        let mut names: Vec<u32> = hopeful.chain(&scratch.joined).copied().collect();
        names.sort_unstable();
        names.dedup();
        let aligned = |name: u32| {
            let ids = self.ids(name as usize);
            let pair = |n: usize, m: usize| self.paired(tokens.get(n)?, n, *ids.get(m)?, scratch);
            self.aligned(query, &tokens, name as usize, least, Some(&pair))
        };
        ordered(names.into_iter().filter_map(aligned).collect())
    }

    /// How alike a token of the query and one of the vocabulary are, as was found when the query was asked.
    fn paired(&self, asked: &Token, n: usize, id: u32, scratch: &Scratch) -> Option<(f32, How)> {
        let slot = scratch.slots.get(id as usize).filter(|slot| slot.0 == scratch.now);
        let mut row = slot.map_or(u32::MAX, |slot| slot.1);
        while let Some((of, similarity, how, before)) = scratch.met.get(row as usize) {
            if *of as usize == n {
                return Some((*similarity, *how));
            }
            row = *before;
        }
        // What an initial stands for is too much to be found before.
        let gist = self.gists.get(id as usize)?;
        let initial = asked.class == Class::Initial || gist.class == Class::Initial;
        initial.then(|| score::alike(asked, self.vocabulary.get(id as usize)?, false)).flatten()
    }

    fn aligned(
        &self,
        query: &Name,
        tokens: &[&Token],
        entry: usize,
        least: f32,
        known: Option<score::Pairing<'_>>,
    ) -> Option<Match> {
        let listed = self.tokens(entry);
        let kind = self.entries.get(entry).map_or(query.kind, |entry| entry.kind);
        let syllabic = query.syllabic || self.syllabic.get(entry).copied().unwrap_or(false);
        let scripts = Scripts { across: query.abjad, syllabic };
        let mut alignment = match known {
            Some(pair) => score::align_by(tokens, &listed, kind, scripts, pair),
            None => score::align(tokens, &listed, kind, scripts),
        };
        let same = || tokens.len() == listed.len() && tokens.iter().zip(&listed).all(|(a, b)| a.text == b.text);
        if alignment.score >= 0.99 && same() {
            alignment.score = 1.0;
        } else if alignment.score >= least && kind == Kind::Person && self.is_untold(entry, &alignment, tokens, &listed)
        {
            alignment.score *= UNTOLD;
            alignment.factors.push(("what was met is common, and more was not met", UNTOLD));
        }
        (alignment.score >= least).then_some(Match { entry, alignment })
    }

    /// Whether what was met is so common that it tells nobody, and a word that tells was not met.
    fn is_untold(&self, entry: usize, alignment: &Alignment, a: &[&Token], b: &[&Token]) -> bool {
        let left = |tokens, left: &[usize]| score::is_telling(tokens, left, Kind::Person);
        if self.telling.is_empty() || !(left(a, &alignment.left_a) || left(b, &alignment.left_b)) {
            return false;
        }
        let ids = self.ids(entry);
        let of_pair = |pair: &score::Pair| {
            let spelled = (1.0 - SLIPS_TELL * (1.0 - pair.similarity)).max(0.0);
            let words = ids.get(pair.b.clone()).unwrap_or_default().iter().filter_map(|id| {
                let weight = self.vocabulary.get(*id as usize)?.weight;
                Some(weight * self.telling.get(*id as usize)?)
            });
            words.sum::<f32>() * spelled
        };
        alignment.pairs.iter().map(of_pair).sum::<f32>() < TOLD_MIN
    }
}

fn ordered(mut matches: Vec<Match>) -> Vec<Match> {
    matches.sort_by(|a, b| b.alignment.score.total_cmp(&a.alignment.score).then(a.entry.cmp(&b.entry)));
    matches
}

/// How high a query can score at most.
struct Reach<'q> {
    query: &'q Name,
    whole: f32,
    words: usize,
    telling: usize,
    numbers: bool,
}

impl<'q> Reach<'q> {
    fn new(query: &'q Name) -> Self {
        let count = |is: fn(Class) -> bool| query.tokens.iter().filter(|token| is(token.class)).count();
        Self {
            query,
            whole: query.weight().max(0.01),
            words: count(|class| matches!(class, Class::Word | Class::Common)),
            telling: count(|class| class == Class::Word),
            numbers: count(|class| class == Class::Number) > 0,
        }
    }

    /// The tokens whose names must be opened: the rest, the commonest, reach nothing by themselves. `None`
    /// where anything may.
    fn openers(&self, asked: &[Asked], least: f32) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = (0..asked.len()).collect();
        order.sort_by_key(|n| std::cmp::Reverse(asked.get(*n).map_or(0, |asked| asked.standing)));
        let mut left = 0_u32;
        if self.without(|_| false) + ROUNDING >= least {
            return None;
        }
        for n in &order {
            let more = left | 1 << n;
            if self.without(|n| more >> n & 1 == 1) + ROUNDING >= least {
                break;
            }
            left = more;
        }
        order.retain(|n| left >> n & 1 == 0);
        Some(order)
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

    /// How high a name can score whose tokens are known, were every token free to take any partner.
    fn of(&self, list: &List, ids: &[u32], kind: Kind, scratch: &Scratch) -> f32 {
        let mut best = [0.0_f32; name::TOKENS_MAX];
        let (mut own, mut met, mut words, mut telling_left, mut numbers) = (0.0, 0.0, 0, false, false);
        for id in ids {
            let Some(token) = list.gists.get(*id as usize) else { continue };
            let mut most = 0.0_f32;
            let slot = scratch.slots.get(*id as usize).filter(|slot| slot.0 == scratch.now);
            let mut row = slot.map_or(u32::MAX, |slot| slot.1);
            while let Some((n, similarity, _, before)) = scratch.met.get(row as usize) {
                most = most.max(*similarity);
                if let Some(best) = best.get_mut(*n as usize) {
                    *best = best.max(*similarity);
                }
                row = *before;
            }
            for (asked, best) in self.query.tokens.iter().zip(&mut best) {
                if asked.class == Class::Initial
                    && list.vocabulary.get(*id as usize).is_some_and(|token| is_initial_of(asked, token))
                {
                    most = most.max(score::INITIAL);
                    *best = best.max(score::INITIAL);
                }
            }
            own += token.weight;
            met += token.weight * most * most;
            words += usize::from(matches!(token.class, Class::Word | Class::Common));
            numbers |= token.class == Class::Number;
            telling_left |= most == 0.0 && is_telling(token.class, kind);
        }
        let (mut asked_met, mut asked_left) = (0.0, false);
        for (token, best) in self.query.tokens.iter().zip(best) {
            asked_met += token.weight * best * best;
            asked_left |= best == 0.0 && is_telling(token.class, kind);
        }
        let (a, b) = (asked_met / self.whole, met / f32::max(own, 0.01));
        let (most, least) = (a.max(b), a.min(b));
        let both_left = telling_left && asked_left;
        match kind {
            Kind::Person => {
                let lone = words.min(self.words) <= 1 && words.max(self.words) >= 2;
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

/// Whether an initial stands for a word.
fn is_initial_of(initial: &Token, word: &Token) -> bool {
    matches!(word.class, Class::Word | Class::Common | Class::Particle)
        && initial.text.chars().next() == word.text.chars().next()
}

impl Scratch {
    fn begin(&mut self, list: &List) {
        self.opened.clear();
        self.joined.clear();
        self.asked.clear();
        self.met.clear();
        if self.list != list.fingerprint || self.seen.len() != list.entries.len() || self.now == u32::MAX {
            *self = Self { list: list.fingerprint, ..Self::default() };
            self.seen.resize(list.entries.len(), (0, 0));
            self.slots.resize(list.vocabulary.len(), (0, 0));
        }
        self.now += 1;
    }
}

fn stretch(ends: &[u32], n: usize) -> std::ops::Range<usize> {
    let end = ends.get(n).copied().unwrap_or(0) as usize;
    let from = n.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    from..end
}

#[cfg(test)]
mod tests;

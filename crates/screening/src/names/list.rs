//! A list of names, and which of them a name may be, found without looking at all of them.
//!
//! Every word of the list is kept once, with the names it stands in, by the words beside it. A word of a query is
//! looked up with up to three letters dropped, by sound and by custom, which finds every word [`score::alike`] would
//! pair it with. One word in common is seldom enough: which must be met together follows from their weights, the
//! rarest are looked up, and names are opened that have two of them. How much of two names can match at most then
//! follows without aligning them, so that nearly every name that is not the one asked for is passed over, and none
//! that is: a search finds what scoring every name would.

use super::name::{self, Class, Kind, Name, Token};
use super::score::{self, Alignment, How, Scripts};
use foldhash::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

mod near;
mod postings;
mod reach;

use near::{Gist, Letters, Near, Pairs};
use postings::{ALONE, Postings, name_of, partner_of, weight_of};
use reach::{Joined, Reach, Sides, Tokens, Weights};

/// Words whose neighbours are remembered from one query to the next. Names of people repeat: this many are
/// met in some hundred thousand payments, and take about 8 MB.
const REMEMBERED_MAX: usize = 1 << 16;
/// Steps of a search among rows, in the time one row is read.
const READS_A_SEARCH: usize = 24;
/// Names that are one by custom have no more letters.
const CUSTOM_LETTERS_MAX: usize = 12;
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
    postings: Postings,
    /// Tokens by what they are looked up by.
    near: Near,
    /// Companies by initials.
    initials: Near,
    /// A bit for each word, and for some others.
    words: Vec<u64>,
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

/// Two or three tokens that run together are a word; two have the second twice.
type Run = [u32; 3];

/// Where in [`Scratch`] it is what is known of a token.
#[derive(Clone, Debug, Default)]
struct Known {
    neighbours: Range<usize>,
    runs: Range<usize>,
}

/// A token of a query: what is known of it, and in how many rows of names stands what it may be.
#[derive(Clone, Debug, Default)]
struct Asked {
    known: Known,
    standing: usize,
}

/// A token of the vocabulary that one of the query may be.
#[derive(Clone, Copy, Debug)]
struct Neighbour {
    id: u32,
    similarity: f32,
    how: How,
    weight: f32,
}

/// Room for a search, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    list: u64,
    now: u32,
    /// Names that meet enough words to be looked at.
    opened: Vec<Opened>,
    /// Names opened because tokens run together or are initials.
    joined: Vec<Joined>,
    /// What tokens may be.
    neighbours: Vec<Neighbour>,
    /// The place of a word's neighbours, by what kind of word it is, and whether its script writes vowels.
    remembered: [HashMap<String, Known>; 6],
    /// Tokens that run together are one of a query.
    runs: Vec<Run>,
    asked: Vec<Asked>,
    /// When each token of the vocabulary was last looked at.
    looked: Vec<u32>,
    looks: u32,
    /// For each token of the vocabulary: when, and the last of its rows in `met`.
    slots: Vec<(u32, u32)>,
    /// Which token of the query is how alike, and the row before.
    met: Vec<(u32, f32, How, u32)>,
    /// For each token of the vocabulary, whether it is sought beside another.
    sought: Sought,
    /// Tokens that are enough beside one, in names that weigh no more.
    fitting: Vec<Fitting>,
}

/// A token that may be enough beside another, in names of so much weight.
#[derive(Clone, Copy, Debug)]
struct Fitting {
    id: u32,
    /// The token of the query it may be.
    asked: Tokens,
    weights: Weights,
}

/// A name that meets a token of a query, and those it meets besides.
#[derive(Clone, Copy, Debug)]
struct Opened {
    name: u32,
    met: Tokens,
}

/// In place of tokens met: they are enough.
const ENOUGH: Tokens = Tokens::MAX;

impl Neighbour {
    fn counts_like(&self, other: &Self) -> bool {
        self.similarity == other.similarity && self.weight == other.weight
    }
}

/// What is looked for in names: one of some tokens beside one that a token of the query may be.
struct Beside<'b> {
    own: &'b [Neighbour],
    partners: Tokens,
    /// How much a name may weigh in which the two are enough, if any is.
    fits: &'b dyn Fn(&Neighbour, usize, &Neighbour) -> Option<Weights>,
}

/// Gathers names for a list.
#[derive(Debug, Default)]
pub struct Builder {
    list: List,
    places: HashMap<(String, Class, u32), u32>,
    initials: Pairs,
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
            if next >= ALONE {
                continue;
            }
            let id = *self.places.entry((token.text.clone(), token.class, token.weight.to_bits())).or_insert(next);
            if id == next {
                self.list.vocabulary.push(token.clone());
            }
            self.list.tokens.push(id);
        }
        let tokens: Vec<&Token> = name.tokens.iter().collect();
        score::each_run(&tokens, &mut |_, text| {
            let groups = if text.len() <= CUSTOM_LETTERS_MAX { name::groups(text) } else { &[] };
            for group in groups {
                self.list.joined_by_custom.entry(*group).or_default().push(number);
            }
        });
        if entry.kind == Kind::Company {
            score::each_initials(&tokens, &mut |_, text| self.initials.put(near::whole(text), number));
        }
        self.list.token_ends.push(u32::try_from(self.list.tokens.len()).unwrap_or(u32::MAX));
        self.list.texts.push_str(written);
        self.list.text_ends.push(u32::try_from(self.list.texts.len()).unwrap_or(u32::MAX));
        self.list.entries.push(entry);
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> List {
        self.list.words = vec![0; (self.list.vocabulary.len() / 8).next_power_of_two()];
        for token in &self.list.vocabulary {
            if let Some((word, bit)) = place_of(&token.text, self.list.words.len())
                && let Some(word) = self.list.words.get_mut(word)
            {
                *word |= bit;
            }
        }
        let count = self.list.entries.len();
        self.list.postings = Postings::new(self.list.vocabulary.len(), (0..count).map(|n| self.list.weighed(n)));
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
        self.list.initials = self.initials.finish();
        self.list.fingerprint = self.list.hasher.hash_one(&self.list.texts) ^ count as u64;
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
            let names = self.postings.names(token);
            parties.extend(names.filter_map(|name| self.entries.get(name as usize)).map(|entry| entry.party));
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
        let short = self.text_ends.len() + self.tokens.len() + self.token_ends.len() + self.telling.len();
        let words = |token: &Token| size_of::<Token>() + token.text.len() + token.sound.len();
        let customs = self.customary.values().chain(self.joined_by_custom.values()).map(Vec::len).sum::<usize>();
        self.entries.len() * (size_of::<Entry>() + size_of::<bool>())
            + self.texts.len()
            + (short + customs) * size_of::<u32>()
            + self.gists.len() * size_of::<Gist>()
            + self.vocabulary.iter().map(words).sum::<usize>()
            + self.words.len() * size_of::<u64>()
            + self.postings.bytes()
            + self.near.bytes()
            + self.initials.bytes()
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

    fn weighed(&self, n: usize) -> (&[u32], f32) {
        let ids = self.ids(n);
        (ids, ids.iter().filter_map(|id| self.vocabulary.get(*id as usize)).map(|token| token.weight).sum())
    }

    fn ids(&self, n: usize) -> &[u32] {
        self.tokens.get(stretch(&self.token_ends, n)).unwrap_or_default()
    }

    /// Names a query may be, the likeliest first, none below `least`: the same as [`List::search_all`] finds.
    #[must_use]
    pub fn search(&self, query: &Name, least: f32, scratch: &mut Scratch) -> Vec<Match> {
        scratch.begin(self);
        let reach = Reach::new(query);
        self.ask(query, scratch);
        let order = rarest_first(&scratch.asked);
        let Some(openers) = reach.needed(&order, 0, 0, least) else {
            // So low a threshold, or so odd a name, that anything may be it.
            return self.search_all(query, least);
        };
        let mut done: Tokens = 0;
        for n in order.iter().copied().filter(|n| openers >> n & 1 == 1) {
            let partners = reach.needed(&order, done, 1 << n, least);
            done |= 1 << n;
            let Scratch { opened, neighbours, asked, .. } = scratch;
            let own = asked.get(n).and_then(|asked| neighbours.get(asked.known.neighbours.clone())).unwrap_or_default();
            match partners {
                Some(0) => {}
                None => {
                    let names = own.iter().flat_map(|own| self.postings.names(own.id));
                    opened.extend(names.map(|name| Opened { name, met: ENOUGH }));
                }
                Some(partners) => {
                    let sides = Sides { none_of: done & !(1 << n), sought: partners };
                    let fits =
                        |own: &Neighbour, m: usize, other: &Neighbour| reach.pair((n, own), (m, other), sides, least);
                    let own = own.to_vec();
                    self.pairs(&Beside { own: &own, partners, fits: &fits }, scratch);
                }
            }
        }
        self.run_together(query, least, scratch);
        self.close(query, least, &reach, scratch)
    }

    /// Opens names in which one of some tokens stands beside one that a token of the query may be.
    fn pairs(&self, beside: &Beside<'_>, scratch: &mut Scratch) {
        let Scratch { opened, neighbours, asked, fitting, sought, .. } = scratch;
        let parts =
            each(beside.partners).filter_map(|n| Some((n, neighbours.get(asked.get(n)?.known.neighbours.clone())?)));
        let partners: Vec<(usize, &[Neighbour])> = parts.collect();
        let mut last: Option<&Neighbour> = None;
        for own in beside.own {
            if last.replace(own).is_none_or(|last| !last.counts_like(own)) {
                fitting.clear();
                for (n, part) in &partners {
                    for same in part.chunk_by(Neighbour::counts_like) {
                        let Some(weights) = same.first().and_then(|other| (beside.fits)(own, *n, other)) else {
                            continue;
                        };
                        fitting.extend(same.iter().map(|other| Fitting { id: other.id, asked: 1 << n, weights }));
                    }
                }
            }
            let rows = self.postings.rows(own.id);
            let open = |row: u64, asked: Tokens, alone: u8| Opened {
                name: name_of(row),
                met: if weight_of(row) <= alone { ENOUGH } else { asked },
            };
            if rows.len() > READS_A_SEARCH * fitting.len() {
                for Fitting { id, asked, weights } in fitting.iter() {
                    let rows = postings::beside(rows, *id, weights.with_others);
                    opened.extend(rows.map(|row| open(row, *asked, weights.alone)));
                }
                continue;
            }
            fitting.iter().for_each(|fitting| sought.put(fitting));
            for row in rows {
                if let Some((asked, alone)) = sought.has(*row) {
                    opened.push(open(*row, asked, alone));
                }
            }
            fitting.iter().for_each(|fitting| sought.take(fitting.id));
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
            scratch.runs.clear();
        }
        for (n, token) in (0..).zip(&query.tokens) {
            let class = match token.class {
                Class::Word | Class::Common => Some(0),
                Class::Particle => Some(1),
                Class::Initial => Some(2),
                Class::Number | Class::Form(_) => None,
            };
            let place = class.map(|class| class + 3 * usize::from(query.abjad));
            let known = place.and_then(|place| scratch.remembered.get(place)?.get(&token.text).cloned());
            let known = known.unwrap_or_else(|| {
                let neighbours = self.neighbours(token, query.abjad, scratch);
                let from = scratch.runs.len();
                if token.class != Class::Initial {
                    self.parted(&token.text, &|_| true, true, &mut |run| scratch.runs.push(run));
                }
                let known = Known { neighbours, runs: from..scratch.runs.len() };
                if let Some(memory) = place.and_then(|place| scratch.remembered.get_mut(place)) {
                    memory.insert(token.text.clone(), known.clone());
                }
                known
            });
            let mut standing = 0;
            for neighbour in scratch.neighbours.get(known.neighbours.clone()).unwrap_or_default() {
                standing += self.postings.rows(neighbour.id).len();
                let Some(slot) = scratch.slots.get_mut(neighbour.id as usize) else { continue };
                let before = if slot.0 == scratch.now { slot.1 } else { u32::MAX };
                *slot = (scratch.now, short(scratch.met.len()));
                scratch.met.push((n, neighbour.similarity, neighbour.how, before));
            }
            scratch.asked.push(Asked { known, standing });
        }
    }

    /// Every token of the vocabulary that a token may be, but for those an initial stands for, which are too
    /// many to name.
    fn neighbours(&self, token: &Token, abjad: bool, scratch: &mut Scratch) -> Range<usize> {
        let Scratch { neighbours, looked, looks, .. } = scratch;
        let (from, letters) = (neighbours.len(), Letters::of(token, abjad));
        *looks += 1;
        let mut look = |id: u32| {
            let (Some(gist), Some(last)) = (self.gists.get(id as usize), looked.get_mut(id as usize)) else { return };
            if *last == *looks {
                return;
            }
            *last = *looks;
            let other = || self.vocabulary.get(id as usize);
            if !letters.may_be_alike(gist, other) {
                return;
            }
            let Some(other) = other() else { return };
            if token.class == Class::Initial && other.text != token.text {
                return;
            }
            if let Some((similarity, how)) = score::alike(token, other, abjad) {
                neighbours.push(Neighbour { id, similarity, how, weight: gist.weight });
            }
        };
        near::keys(token, &mut |key| self.near.get(key).for_each(&mut look));
        if let (Class::Word | Class::Common | Class::Particle, Some(letter)) = (token.class, token.text.chars().next())
        {
            self.near.get(near::initial(letter)).for_each(&mut look);
        }
        if let Class::Form(class) = token.class {
            self.near.get(near::form(class)).for_each(&mut look);
        }
        for group in token.customs {
            self.customary.get(group).into_iter().flatten().for_each(|id| look(*id));
        }
        let by_count = |a: &Neighbour, b: &Neighbour| {
            b.similarity.total_cmp(&a.similarity).then(b.weight.total_cmp(&a.weight)).then(a.id.cmp(&b.id))
        };
        neighbours.get_mut(from..).unwrap_or_default().sort_unstable_by(by_count);
        from..neighbours.len()
    }

    /// Tokens that are this text.
    fn spelled(&self, text: &str) -> impl Iterator<Item = u32> {
        self.near
            .get(near::whole(text))
            .filter(move |id| self.vocabulary.get(*id as usize).is_some_and(|t| t.text == text))
    }

    fn is_word(&self, text: &str) -> bool {
        let place = place_of(text, self.words.len());
        place.is_some_and(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }

    /// Names that pair with a query by tokens run together, or by initials.
    fn run_together(&self, query: &Name, least: f32, scratch: &mut Scratch) {
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let mut joined = std::mem::take(&mut scratch.joined);
        for (n, token) in tokens.iter().enumerate().filter(|(_, token)| token.class != Class::Initial) {
            let runs = scratch.asked.get(n).and_then(|asked| scratch.runs.get(asked.known.runs.clone()));
            runs.into_iter().flatten().for_each(|run| self.beside_each_other(*run, 1 << n, &mut joined));
            for group in token.customs {
                let names = self.joined_by_custom.get(group).into_iter().flatten();
                joined.extend(names.map(|name| Joined { name: *name, asked: 1 << n, parts: None }));
            }
        }
        for (n, pair) in tokens.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let text = format!("{}{}", first.text, second.text);
            let is_other = |at| at != first.text.len();
            self.parted(&text, &is_other, false, &mut |run| self.beside_each_other(run, 0b11 << n, &mut joined));
        }
        score::each_run(&tokens, &mut |run, text| {
            let asked = run.fold(0, |asked, n| asked | 1 << n);
            let customary = name::groups(text).iter().filter_map(|group| self.customary.get(group)).flatten().copied();
            for id in self.spelled(text).chain(customary) {
                joined.extend(self.postings.names(id).map(|name| Joined { name, asked, parts: Some([id; 3]) }));
            }
        });
        let by_runs = joined.len();
        for (n, token) in tokens.iter().enumerate().filter(|(_, t)| t.class == Class::Word && t.text.len() >= 3) {
            let names = self.initials.get(near::whole(&token.text));
            joined.extend(names.map(|name| Joined { name, asked: 1 << n, parts: None }));
        }
        score::each_initials(&tokens, &mut |run, text| {
            let run: Tokens = run.fold(0, |run, n| run | 1 << n);
            let others = (0..tokens.len()).fold(0, |all, n| all | 1 << n) & !run;
            for id in self.spelled(text) {
                self.abbreviated((id, run, others), least, scratch, (&mut joined, by_runs));
            }
        });
        joined.sort_unstable_by_key(|joined| joined.name);
        joined.dedup_by(|later, first| {
            let same = later.name == first.name;
            if same {
                first.add(later);
            }
            same
        });
        scratch.joined = joined;
    }

    /// Names in which a token is what tokens of the query begin with. That alone is too little for any but a low
    /// threshold, so that one of the others must be met beside it, or be run together.
    fn abbreviated(
        &self,
        (id, run, others): (u32, Tokens, Tokens),
        least: f32,
        scratch: &mut Scratch,
        (joined, by_runs): (&mut Vec<Joined>, usize),
    ) {
        let kept = std::mem::take(&mut scratch.opened);
        if score::ACRONYM * score::ACRONYM + ROUNDING >= least {
            scratch.opened.extend(self.postings.names(id).map(|name| Opened { name, met: ENOUGH }));
        } else {
            let other = joined.iter().take(by_runs).map(|joined| joined.name);
            let other = other.filter(|name| self.ids(*name as usize).contains(&id));
            scratch.opened.extend(other.map(|name| Opened { name, met: ENOUGH }));
            let own = [Neighbour { id, similarity: score::ACRONYM, how: How::Initial, weight: 1.0 }];
            self.pairs(
                &Beside {
                    own: &own,
                    partners: others,
                    fits: &|_, _, _| Some(Weights { alone: u8::MAX, with_others: u8::MAX }),
                },
                scratch,
            );
        }
        let opened = std::mem::replace(&mut scratch.opened, kept);
        let is_company = |name: &u32| self.entries.get(*name as usize).is_some_and(|e| e.kind == Kind::Company);
        let names = opened.into_iter().map(|opened| opened.name).filter(is_company);
        joined.extend(names.map(|name| Joined { name, asked: run, parts: Some([id; 3]) }));
    }

    /// Tokens that run together are a text, two of them or, if so many may be, three.
    fn parted(&self, text: &str, may_part: &dyn Fn(usize) -> bool, in_three: bool, put: &mut dyn FnMut(Run)) {
        if text.len() < score::RUN_LETTERS_MIN {
            return;
        }
        let mut each = |a: &str, b: &str, c: Option<&str>| {
            for x in self.spelled(a) {
                for y in self.spelled(b) {
                    match c {
                        None => put([x, y, y]),
                        Some(c) => self.spelled(c).for_each(|z| put([x, y, z])),
                    }
                }
            }
        };
        for (at, _) in text.char_indices().skip(1) {
            let (first, rest) = text.split_at(at);
            if !self.is_word(first) {
                continue;
            }
            if may_part(at) && self.is_word(rest) {
                each(first, rest, None);
            }
            for (at, _) in rest.char_indices().skip(1).filter(|_| in_three) {
                let (second, third) = rest.split_at(at);
                if self.is_word(second) && self.is_word(third) {
                    each(first, second, Some(third));
                }
            }
        }
    }

    fn beside_each_other(&self, run: Run, asked: Tokens, joined: &mut Vec<Joined>) {
        let [x, y, z] = run;
        let names = self.postings.together(x, y).filter(|name| y == z || self.ids(*name as usize).contains(&z));
        joined.extend(names.map(|name| Joined { name, asked, parts: Some(run) }));
    }

    /// Looks closely at the opened names that can still reach the threshold.
    fn close(&self, query: &Name, least: f32, reach: &Reach<'_>, scratch: &mut Scratch) -> Vec<Match> {
        scratch.opened.sort_unstable_by_key(|opened| opened.name);
        scratch.opened.dedup_by(|later, first| {
            let same = later.name == first.name;
            first.met |= if same { later.met } else { 0 };
            same
        });
        scratch.opened.retain(|opened| opened.met.count_ones() > 1);
        let hopeful = |name: u32, joined| reach.of(self, name, joined, scratch) + ROUNDING >= least;
        let opened = scratch.opened.iter().map(|opened| opened.name).filter(|name| hopeful(*name, None));
        let joined = scratch.joined.iter().filter(|joined| hopeful(joined.name, Some(*joined)));
        let mut names: Vec<u32> = opened.chain(joined.map(|joined| joined.name)).collect();
        names.sort_unstable();
        names.dedup();
        let tokens: Vec<&Token> = query.tokens.iter().collect();
        let aligned = |name: u32| {
            let ids = self.ids(name as usize);
            let pair = |n: usize, m: usize| self.paired(tokens.get(n)?, n, *ids.get(m)?, scratch);
            self.aligned(query, &tokens, name as usize, least, Some(&pair))
        };
        ordered(names.into_iter().filter_map(aligned).collect())
    }

    /// How alike a token of the query and one of the vocabulary are, as was found when the query was asked.
    fn paired(&self, asked: &Token, n: usize, id: u32, scratch: &Scratch) -> Option<(f32, How)> {
        let known = scratch.met_by(id).find(|(of, _, _)| *of as usize == n);
        if let Some((_, similarity, how)) = known {
            return Some((similarity, how));
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

impl Scratch {
    fn begin(&mut self, list: &List) {
        self.opened.clear();
        self.joined.clear();
        self.asked.clear();
        self.met.clear();
        let size = list.vocabulary.len();
        let is_worn = self.now == u32::MAX || self.looks > u32::MAX - 32;
        if self.list != list.fingerprint || self.slots.len() != size || is_worn {
            *self = Self { list: list.fingerprint, ..Self::default() };
            self.slots.resize(size, (0, 0));
            self.looked.resize(size, 0);
            self.sought.0.resize(size, (0, 0, 0));
        }
        self.now += 1;
    }

    /// Which tokens of the query a token of the vocabulary meets.
    fn met_by(&self, id: u32) -> impl Iterator<Item = (u32, f32, How)> {
        let slot = self.slots.get(id as usize).filter(|slot| slot.0 == self.now);
        let mut row = slot.map_or(u32::MAX, |slot| slot.1);
        std::iter::from_fn(move || {
            let (of, similarity, how, before) = *self.met.get(row as usize)?;
            row = before;
            Some((of, similarity, how))
        })
    }
}

/// For each token of the vocabulary the tokens of a query it may be, one more than what a name may weigh that has it, and
/// what it may weigh if it has no other.
#[derive(Debug, Default)]
struct Sought(Vec<(Tokens, u8, u8)>);

impl Sought {
    fn has(&self, row: u64) -> Option<(Tokens, u8)> {
        let (asked, more, alone) = *self.0.get(partner_of(row) as usize)?;
        (weight_of(row) < more).then_some((asked, alone))
    }

    fn put(&mut self, fitting: &Fitting) {
        if let Some((asked, more, alone)) = self.0.get_mut(fitting.id as usize) {
            *asked |= fitting.asked;
            *more = (*more).max(fitting.weights.with_others.saturating_add(1));
            *alone = (*alone).max(fitting.weights.alone);
        }
    }

    fn take(&mut self, id: u32) {
        if let Some(sought) = self.0.get_mut(id as usize) {
            *sought = (0, 0, 0);
        }
    }
}

/// The tokens of a query, the rarest first.
fn rarest_first(asked: &[Asked]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|n| asked.get(*n).map_or(0, |asked| asked.standing));
    order
}

/// The word and bit for a text among so many words, a power of two.
fn place_of(text: &str, words: usize) -> Option<(usize, u64)> {
    let step = |key: u64, letter: u8| (key ^ u64::from(letter)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let key = text.bytes().fold(1, step);
    let word = usize::try_from(key >> 38).ok()? & words.checked_sub(1)?;
    Some((word, 1 << (key >> 32 & 63)))
}

/// The tokens of a set.
fn each(tokens: Tokens) -> impl Iterator<Item = usize> {
    (0..name::TOKENS_MAX).filter(move |n| tokens >> n & 1 == 1)
}

/// A number that fits, as all here do.
fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn stretch(ends: &[u32], n: usize) -> std::ops::Range<usize> {
    let end = ends.get(n).copied().unwrap_or(0) as usize;
    let from = n.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    from..end
}

#[cfg(test)]
mod tests;

//! What the facets of the law mean: which values words of an inquiry or an order stand for.

use crate::fault::{Fault, did_you_mean};
use crate::inquiry::Stated;
use crate::lower::Origin;
use crate::order::{Corpus, Scope, Span};
use crate::place::Place;
use crate::subject::Registry;
use crate::vocabulary::{Act, ActorKind, BRANCHES, Fact, FactKind, Role};
use foldhash::HashMap;
use law::Case;
use law::case::State;
use law::law::{AppId, FACETS_MAX, Facet, FacetId, Region, Value, Values};
use std::collections::{BTreeMap, BTreeSet};

const PLACE: FacetId = 0;
const ACTOR: FacetId = 1;
const GOVERNMENT: FacetId = 2;
const ROLE: FacetId = 3;
const PARTY: FacetId = 4;

/// What a facet is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Where the act has effect.
    Place,
    /// Who acts: kind of actor.
    Actor,
    /// Which government.
    Government,
    /// In what role.
    Role,
    /// Which party.
    Party,
    /// A fact with one value.
    Fact(Fact),
    /// Whether any of a fact's places lies in these.
    Within(Fact, Vec<Place>),
    /// A term nobody can read with certainty, of one statement.
    Open(Origin, String),
}

/// The facets of one edition of the law.
#[derive(Clone, Debug)]
pub struct Facets {
    meanings: Vec<Meaning>,
    places: Places,
    governments: Vec<String>,
    parties: Vec<String>,
    operators: Vec<String>,
    outsides: Vec<Place>,
    /// What law is told of each facet.
    shapes: Vec<Facet>,
    /// The states of a case of which nothing is stated; an open term is never known.
    unstated: [State; FACETS_MAX],
    /// The facet of each fact, in the order of the vocabulary.
    of_fact: [Option<FacetId>; Fact::ALL.len()],
    /// The facets of facts that have several places.
    withins: Vec<(Fact, FacetId, Vec<Place>)>,
}

/// The limits of a scope in law's numbers, and what could not be put into them.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) masks: Vec<(FacetId, Values)>,
    pub(crate) faults: Vec<Fault>,
}

impl Facets {
    pub(crate) fn of(corpus: &Corpus, registry: &Registry) -> Self {
        let statements = || {
            let numbered = corpus.instruments.iter().enumerate();
            numbered.flat_map(|(instrument, document)| {
                let inner = document.statements.iter().enumerate();
                inner.map(move |(statement, s)| (Origin { instrument, statement }, s))
            })
        };
        let scopes = || statements().flat_map(|(origin, s)| s.scopes.iter().map(move |scope| (origin, scope)));
        let facts = || scopes().flat_map(|(_, scope)| &scope.facts);
        let mut meanings = vec![Meaning::Place, Meaning::Actor, Meaning::Government, Meaning::Role, Meaning::Party];
        meanings.extend(singles().map(Meaning::Fact));
        let mut derived: BTreeSet<Meaning> = BTreeSet::new();
        for limit in facts().filter(|limit| limit.fact.kind() == FactKind::Places) {
            derived.insert(Meaning::Within(limit.fact, place_values(&limit.values)));
        }
        for (origin, scope) in scopes() {
            derived.extend(scope.open.iter().map(|term| Meaning::Open(origin, term.clone())));
        }
        meanings.extend(derived);
        let named = |fact: Fact| {
            let values = facts().filter(move |limit| limit.fact == fact).flat_map(|limit| limit.values.clone());
            values.collect::<BTreeSet<String>>()
        };
        let spoken = scopes().flat_map(|(_, s)| s.places.iter().chain(&s.not_places)).copied();
        let paid = [Fact::PayerPlace, Fact::PayeePlace].into_iter().flat_map(|fact| place_values(&named(fact)));
        let governments = scopes().flat_map(|(_, s)| s.governments.iter().cloned());
        let companies = registry.subjects().iter().filter(|s| s.is_company).map(|s| s.id.clone());
        let mut facets = Self {
            meanings,
            places: Places::of(spoken.chain(paid)),
            governments: BRANCHES
                .iter()
                .map(|b| (*b).to_owned())
                .chain(governments)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            parties: scopes()
                .flat_map(|(_, s)| s.parties.iter().cloned())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            operators: companies.chain(named(Fact::Operator)).collect::<BTreeSet<_>>().into_iter().collect(),
            outsides: place_values(&named(Fact::IntendedOutside)),
            shapes: Vec::new(),
            unstated: [0; FACETS_MAX],
            of_fact: [None; Fact::ALL.len()],
            withins: Vec::new(),
        };
        facets.number();
        facets
    }

    /// Finds facets by number, so that stating a case searches nothing.
    fn number(&mut self) {
        self.shapes = self.meanings.iter().map(|meaning| self.facet(meaning)).collect();
        self.unstated = Case::unstated(&self.shapes, 0, 0).states;
        for ((n, meaning), shape) in (0..).zip(&self.meanings).zip(&self.shapes) {
            match meaning {
                Meaning::Fact(fact) => {
                    if let Some(slot) = self.of_fact.get_mut(*fact as usize) {
                        *slot = Some(n);
                    }
                }
                Meaning::Within(fact, places) => self.withins.push((*fact, n, places.clone())),
                Meaning::Open(..) => {
                    if let Some(state) = self.unstated.get_mut(usize::from(n)) {
                        *state = shape.unknown();
                    }
                }
                Meaning::Place | Meaning::Actor | Meaning::Government | Meaning::Role | Meaning::Party => {}
            }
        }
    }

    /// What law is told of each facet.
    pub(crate) fn to_law(&self) -> Vec<Facet> {
        self.shapes.clone()
    }

    fn facet(&self, meaning: &Meaning) -> Facet {
        let plain = |values: usize| Facet { values: small(values), regions: Vec::new(), stated: false };
        match meaning {
            Meaning::Place | Meaning::Fact(Fact::PayerPlace | Fact::PayeePlace) => {
                Facet { values: small(self.places.values.len() + 1), regions: self.places.regions(), stated: false }
            }
            Meaning::Actor => Facet { stated: true, ..plain(ActorKind::ALL.len()) },
            Meaning::Government => {
                let legislative = self.government("US-federal-legislative");
                let chambers = ["US-federal-legislative-house", "US-federal-legislative-senate"];
                let region = Region { own: legislative, within: chambers.map(|c| self.government(c)).to_vec() };
                Facet { values: small(self.governments.len() + 1), regions: vec![region], stated: false }
            }
            Meaning::Role => plain(Role::ALL.len()),
            Meaning::Party => Facet { stated: true, ..plain(self.parties.len() + 1) },
            Meaning::Fact(fact) => plain(match fact.kind() {
                FactKind::Choice(words) => words.len(),
                FactKind::Operator => self.operators.len() + 1,
                FactKind::PlaceOrNone => self.outsides.len() + 2,
                FactKind::Bool | FactKind::Place | FactKind::Places => 2,
            }),
            Meaning::Within(..) | Meaning::Open(..) => plain(2),
        }
    }

    /// What a facet is about.
    #[must_use]
    pub fn meaning(&self, facet: FacetId) -> Option<&Meaning> {
        self.meanings.get(usize::from(facet))
    }

    fn government(&self, name: &str) -> Value {
        position(&self.governments, name).map_or(0, |n| n + 1)
    }

    /// The limits of a scope as masks over facet values.
    pub(crate) fn limits(&self, scope: &Scope, origin: Origin, registry: &Registry) -> Limits {
        let mut limits = Limits::default();
        let mut masks: BTreeMap<FacetId, Values> = BTreeMap::new();
        let mut add = |facet: FacetId, mask: Values| {
            masks.entry(facet).and_modify(|known| *known &= mask).or_insert(mask);
        };
        if !scope.places.is_empty() || !scope.not_places.is_empty() {
            let all = (1 << (self.places.values.len() + 1)) - 1;
            let inside = if scope.places.is_empty() { all } else { self.places.mask(&scope.places) };
            add(PLACE, inside & !self.places.mask(&scope.not_places));
        }
        if !scope.actors.is_empty() {
            add(ACTOR, scope.actors.iter().fold(0, |mask, kind| mask | 1 << *kind as u32));
        }
        if !scope.roles.is_empty() {
            add(ROLE, scope.roles.iter().fold(0, |mask, role| mask | 1 << *role as u32));
        }
        if !scope.governments.is_empty() {
            let inside = |name: &String, wanted: &String| {
                name == wanted
                    || name.starts_with(&format!("{wanted}-federal"))
                    || (wanted == "US-federal-legislative" && name.starts_with(wanted))
            };
            let named =
                (1..).zip(&self.governments).filter(|(_, name)| scope.governments.iter().any(|g| inside(name, g)));
            add(GOVERNMENT, named.fold(0, |mask, (n, _): (u32, _)| mask | 1 << n));
        }
        if !scope.parties.is_empty() {
            for party in scope.parties.iter().filter(|party| registry.get(party).is_none()) {
                let ids = registry.subjects().iter().map(|s| s.id.as_str());
                let fault = Fault::error(format!("unknown party `{party}`"), &Span::default(), "names it");
                limits.faults.push(fault.help(did_you_mean(party, ids)));
            }
            let named = (1..).zip(&self.parties).filter(|(_, name)| scope.parties.contains(name));
            add(PARTY, named.fold(0, |mask, (n, _): (u32, _)| mask | 1 << n));
        }
        for limit in &scope.facts {
            let (facet, mut mask) = self.fact_mask(limit.fact, &limit.values);
            if limit.negated {
                let width = self.meanings.get(usize::from(facet)).map_or(2, |m| u32::from(self.facet(m).values));
                mask = ((1 << (width + 1)) - 1) & !mask;
            }
            add(facet, mask);
        }
        for term in &scope.open {
            if let Some(facet) = self.find(&Meaning::Open(origin, term.clone())) {
                add(facet, 0b10);
            }
        }
        limits.masks = masks.into_iter().collect();
        limits
    }

    fn find(&self, meaning: &Meaning) -> Option<FacetId> {
        self.meanings.iter().position(|known| known == meaning).map(small)
    }

    fn fact_mask(&self, fact: Fact, values: &[String]) -> (FacetId, Values) {
        let places = || place_values(values);
        if fact.kind() == FactKind::Places {
            return (self.find(&Meaning::Within(fact, places())).unwrap_or(u8::MAX), 0b10);
        }
        let facet = self.find(&Meaning::Fact(fact)).unwrap_or(u8::MAX);
        let mask = match fact.kind() {
            FactKind::Place | FactKind::Places => self.places.mask(&places()),
            // Nobody who does not claim `yes` has claimed it: an unstated yes-or-no claim reads as `no`.
            FactKind::Bool => values.iter().fold(0, |mask, value| mask | if value == "yes" { 0b010 } else { 0b101 }),
            FactKind::Choice(_) | FactKind::Operator | FactKind::PlaceOrNone => {
                values.iter().fold(0, |mask, value| mask | 1 << self.word_value(fact, value))
            }
        };
        (facet, mask)
    }

    fn word_value(&self, fact: Fact, word: &str) -> Value {
        match fact.kind() {
            FactKind::Choice(words) => words.iter().position(|known| *known == word).map_or(0, small),
            FactKind::Operator => position(&self.operators, word).map_or(0, |n| n + 1),
            FactKind::PlaceOrNone if word == "none" => 1,
            FactKind::PlaceOrNone => {
                let place = Place::parse(word).ok();
                self.outsides.iter().position(|known| Some(*known) == place).map_or(0, |n| small(n + 2))
            }
            FactKind::Bool | FactKind::Place | FactKind::Places => 0,
        }
    }

    /// Whether `word` names an operator the subject files or orders know.
    #[must_use]
    pub fn knows_operator(&self, word: &str) -> bool {
        position(&self.operators, word).is_some()
    }

    /// The operators an inquiry may name.
    #[must_use]
    pub fn operators(&self) -> &[String] {
        &self.operators
    }

    /// A case of `app` of which nothing is stated but what cannot be left out: the place (`None` is not
    /// known) and the kind of actor.
    pub(crate) fn begin(&self, app: AppId, act: Act, place: Option<Place>, actor: ActorKind) -> Case {
        let mut case = Case { app, act: act as u8, states: self.unstated };
        let place = place.map_or_else(|| self.unknown(PLACE), |place| self.place_state(place));
        case.set(PLACE, place);
        case.set(ACTOR, small(actor as usize));
        case.set(PARTY, 0);
        case
    }

    pub(crate) fn state_role(case: &mut Case, role: Role) {
        case.set(ROLE, small(role as usize));
    }

    pub(crate) fn state_government(&self, case: &mut Case, name: &str) {
        case.set(GOVERNMENT, self.government_state(name));
    }

    /// A party that no order names is like any other.
    pub(crate) fn state_party(&self, case: &mut Case, id: &str) {
        case.set(PARTY, position(&self.parties, id).map_or(0, |n| n + 1));
    }

    pub(crate) fn state_fact(&self, case: &mut Case, fact: Fact, stated: &Stated<'_>) {
        if let Some(facet) = self.of_fact(fact) {
            case.set(facet, self.fact_state(facet, fact, stated));
        }
        for (_, facet, places) in self.withins.iter().filter(|(of, ..)| *of == fact) {
            case.set(*facet, within(places, stated).unwrap_or_else(|| self.unknown(*facet)));
        }
    }

    /// The facet of a fact that has one of its own.
    fn of_fact(&self, fact: Fact) -> Option<FacetId> {
        self.of_fact.get(fact as usize).copied().flatten()
    }

    fn unknown(&self, facet: FacetId) -> State {
        self.shapes.get(usize::from(facet)).map_or(0, Facet::unknown)
    }

    fn fact_state(&self, facet: FacetId, fact: Fact, stated: &Stated<'_>) -> State {
        match stated {
            Stated::Unknown | Stated::Places(_) => self.unknown(facet),
            Stated::Bool(yes) => u8::from(*yes),
            Stated::Word(word) => self.word_value(fact, word),
            Stated::NoPlace => 1,
            Stated::Place(place) if fact == Fact::IntendedOutside => self.word_value(fact, place.code()),
            Stated::Place(place) => self.place_state(*place),
        }
    }

    fn place_state(&self, place: Place) -> State {
        self.shapes.get(usize::from(PLACE)).map_or(0, |shape| self.places.state(shape, place))
    }

    fn government_state(&self, name: &str) -> State {
        match self.shapes.get(usize::from(GOVERNMENT)) {
            Some(shape) if name == "US-federal-legislative" => shape.region(0),
            Some(_) | None => self.government(name),
        }
    }
}

/// A value of a dimension in words, for those who compare two bodies of law.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// A word of the vocabulary, a place, a party.
    Name(String),
    /// A country outside its subdivisions with law of their own.
    Rest(String),
    /// None of those any order names.
    Other,
    /// Not stated.
    Absent,
    /// Expressly not known.
    Unknown,
}

impl Facets {
    /// Every value of a dimension that either of two bodies of law can tell apart.
    pub(crate) fn words(&self, other: &Self, meaning: &Meaning) -> Vec<Word> {
        let names = |names: &[String], more: &[String]| {
            let all: BTreeSet<Word> = names.iter().chain(more).cloned().map(Word::Name).collect();
            all.into_iter().chain([Word::Other]).collect::<Vec<_>>()
        };
        let fixed = |words: &[&str]| words.iter().map(|word| Word::Name((*word).to_owned())).collect::<Vec<_>>();
        let codes = |places: &[Place]| places.iter().map(ToString::to_string).collect::<Vec<String>>();
        let places = || {
            let mut words = names(&codes(&self.places.values), &codes(&other.places.values));
            let divided: BTreeSet<&Place> = self.places.divided.iter().chain(&other.places.divided).collect();
            words.extend(divided.into_iter().map(|country| Word::Rest(country.to_string())));
            words
        };
        let mut words = match meaning {
            Meaning::Place => places(),
            Meaning::Actor => return fixed(&ActorKind::ALL.iter().map(|k| k.word()).collect::<Vec<_>>()),
            Meaning::Party => return names(&self.parties, &other.parties),
            Meaning::Open(..) => return vec![Word::Unknown],
            Meaning::Government => names(&self.governments, &other.governments),
            Meaning::Role => fixed(&Role::ALL.iter().map(|r| r.word()).collect::<Vec<_>>()),
            Meaning::Within(..) => fixed(&["yes", "no"]),
            Meaning::Fact(fact) => match fact.kind() {
                FactKind::Choice(choices) => fixed(choices),
                FactKind::Bool => fixed(&["yes", "no"]),
                FactKind::Operator => names(&self.operators, &other.operators),
                FactKind::PlaceOrNone => {
                    let mut words = names(&codes(&self.outsides), &codes(&other.outsides));
                    words.push(Word::Name(String::from("none")));
                    words
                }
                FactKind::Place | FactKind::Places => places(),
            },
        };
        if *meaning != Meaning::Place {
            words.push(Word::Absent);
        }
        words.push(Word::Unknown);
        words
    }

    /// The words that a set of values of a facet admits; the parts of a country that is admitted whole are not told.
    pub(crate) fn admitted(&self, facet: FacetId, values: Values) -> Vec<String> {
        let Some((meaning, shape)) = self.meaning(facet).zip(self.shapes.get(usize::from(facet))) else {
            return Vec::new();
        };
        let stands_for = |word: &Word| {
            let state = self.word_state(facet, word);
            let region = usize::from(state).checked_sub(usize::from(shape.values));
            region.map_or(Some(state), |region| Some(shape.regions.get(region)?.own))
        };
        let admits = |word: &Word| stands_for(word).is_some_and(|value| values >> value & 1 == 1);
        let words = self.words(self, meaning);
        let whole: Vec<String> = words
            .iter()
            .filter(|word| matches!(word, Word::Name(_) | Word::Other) && admits(word))
            .map(ToString::to_string)
            .collect();
        let part = |word: &String| word.split_once('-').is_some_and(|(country, _)| whole.iter().any(|w| w == country));
        whole.iter().filter(|word| !part(word)).cloned().collect()
    }

    /// The state of a word in this body of law.
    pub(crate) fn word_state(&self, facet: FacetId, word: &Word) -> State {
        let n = usize::from(facet);
        let (Some(meaning), Some(shape)) = (self.meanings.get(n), self.shapes.get(n)) else { return 0 };
        let name = match word {
            Word::Absent => return shape.absent(),
            Word::Unknown => return shape.unknown(),
            Word::Other => return 0,
            Word::Rest(country) => {
                let place = Place::parse(country).ok();
                return place.and_then(|place| self.places.index.get(&place)).copied().unwrap_or(0);
            }
            Word::Name(name) => name,
        };
        match meaning {
            Meaning::Place | Meaning::Fact(Fact::PayerPlace | Fact::PayeePlace) => {
                Place::parse(name).map_or_else(|_| shape.unknown(), |place| self.place_state(place))
            }
            Meaning::Actor => ActorKind::from_word(name).map_or(0, |kind| small(kind as usize)),
            Meaning::Government => self.government_state(name),
            Meaning::Role => Role::from_word(name).map_or(0, |role| small(role as usize)),
            Meaning::Party => position(&self.parties, name).map_or(0, |n| n + 1),
            Meaning::Within(..) | Meaning::Open(..) => u8::from(name == "yes"),
            Meaning::Fact(fact) if fact.kind() == FactKind::Bool => u8::from(name == "yes"),
            Meaning::Fact(fact) => self.word_value(*fact, name),
        }
    }
}

/// Facts that have a facet of their own.
fn singles() -> impl Iterator<Item = Fact> {
    Fact::ALL.iter().copied().filter(|fact| fact.kind() != FactKind::Places)
}

/// Whether stated places lie in any of `wanted`: yes, no, or not known (`None`), as where they are coarser.
fn within(wanted: &[Place], stated: &Stated<'_>) -> Option<State> {
    let list = match stated {
        Stated::Places(list) => list.as_slice(),
        Stated::Place(place) => std::slice::from_ref(place),
        Stated::NoPlace => &[],
        Stated::Unknown | Stated::Word(_) | Stated::Bool(_) => return None,
    };
    if list.iter().any(|place| wanted.iter().any(|wanted| wanted.contains(*place))) {
        return Some(1);
    }
    let coarser = list.iter().any(|place| wanted.iter().any(|wanted| place.contains(*wanted)));
    (!coarser).then_some(0)
}

fn place_values<'v>(values: impl IntoIterator<Item = &'v String>) -> Vec<Place> {
    values.into_iter().filter_map(|code| Place::parse(code).ok()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Where a name stands in a sorted list.
fn position(names: &[String], name: &str) -> Option<u8> {
    names.binary_search_by(|known| known.as_str().cmp(name)).ok().map(small)
}

fn small(n: usize) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

/// The places law speaks of: value 0 is elsewhere; then countries at large and subdivisions.
#[derive(Clone, Debug)]
struct Places {
    values: Vec<Place>,
    index: HashMap<Place, u8>,
    /// Countries with subdivisions of their own law, in region order.
    divided: Vec<Place>,
}

impl Places {
    fn of(spoken: impl Iterator<Item = Place>) -> Self {
        let mut values: BTreeSet<Place> = BTreeSet::new();
        for place in spoken {
            values.insert(place);
            values.extend(Place::parse(place.country()));
        }
        let values: Vec<Place> = values.into_iter().collect();
        let index = (1..).zip(&values).map(|(n, place)| (*place, n)).collect();
        let parted = |country: &&Place| values.iter().any(|p| *p != **country && country.contains(*p));
        let divided = values.iter().filter(|p| p.is_country()).filter(parted).copied().collect();
        Self { values, index, divided }
    }

    fn regions(&self) -> Vec<Region> {
        let region = |country: &Place| Region {
            own: self.index.get(country).copied().unwrap_or(0),
            within: self.parts(*country).collect(),
        };
        self.divided.iter().map(region).collect()
    }

    fn parts(&self, country: Place) -> impl Iterator<Item = u8> {
        (1..).zip(&self.values).filter(move |(_, p)| **p != country && country.contains(**p)).map(|(n, _)| n)
    }

    /// The values a list of places stands for: a country is itself at large and all its parts.
    fn mask(&self, places: &[Place]) -> Values {
        let inside = |value: &Place| places.iter().any(|place| place.contains(*value));
        (1..).zip(&self.values).filter(|(_, value)| inside(value)).fold(0, |mask, (n, _): (u32, _)| mask | 1 << n)
    }

    fn state(&self, facet: &Facet, place: Place) -> State {
        if place.is_country()
            && let Some(region) = self.divided.iter().position(|country| *country == place)
        {
            return facet.region(small(region));
        }
        let exact = self.index.get(&place);
        let country = || Place::parse(place.country()).ok().and_then(|country| self.index.get(&country));
        exact.or_else(country).copied().unwrap_or(0)
    }
}

//! The one question: who does what to which thing, where, with which facts, when, as known when.

use crate::fault::did_you_mean;
use crate::place::Place;
use crate::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role, government};
use law::Time;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// A question, read: every word is in the vocabulary, every instant exists. It may borrow its text from
/// wherever that stands: a request, a row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry<'a> {
    /// Who acts.
    pub actor: Actor<'a>,
    /// What is done.
    pub act: Act,
    /// What it is done to.
    pub resource: Resource<'a>,
    /// When the act happens.
    pub valid_at: Time,
    /// Only what could be known by then counts; `None` counts all that is on file.
    pub known_at: Option<Time>,
    /// Where the act has effect; `None` is not known.
    pub place: Option<Place>,
    /// What else is stated.
    pub facts: Facts<'a>,
}

/// What is stated of facts, each fact at most once. Few questions state more than four.
pub type Facts<'a> = SmallVec<[(Fact, Stated<'a>); 4]>;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Business, consumer, government or contractor.
    pub kind: ActorKind,
    /// Any name; decides only where an order names this party.
    pub id: Cow<'a, str>,
    /// In what role, if stated.
    pub role: Option<Role>,
    /// Which government, for governments and contractors (`US-federal-executive`, `US-TX-local`).
    pub government: Option<Cow<'a, str>>,
}

/// A thing, by an identifier known to belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The kind of identifier.
    pub kind: ResourceKind,
    /// The identifier, as written by the asker.
    pub id: Cow<'a, str>,
}

/// The stated value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stated<'a> {
    /// `null`: not known, and possibly claimed.
    Unknown,
    /// One of the fact's words, or an operator.
    Word(Cow<'a, str>),
    /// A yes-or-no fact.
    Bool(bool),
    /// One place.
    Place(Place),
    /// `none`: no place.
    NoPlace,
    /// Several places.
    Places(SmallVec<[Place; 4]>),
}

impl Stated<'_> {
    /// The same, its text its own.
    #[must_use]
    pub fn into_owned(self) -> Stated<'static> {
        match self {
            Self::Word(word) => Stated::Word(Cow::Owned(word.into_owned())),
            Self::Unknown => Stated::Unknown,
            Self::Bool(yes) => Stated::Bool(yes),
            Self::Place(place) => Stated::Place(place),
            Self::NoPlace => Stated::NoPlace,
            Self::Places(places) => Stated::Places(places),
        }
    }
}

/// An inquiry as words, the way a command line, a form or the columns of a row hold it.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Kind of actor.
    pub actor: &'a str,
    /// Its name, or empty.
    pub actor_id: &'a str,
    /// Its role.
    pub role: Option<&'a str>,
    /// Its government.
    pub government: Option<&'a str>,
    /// The act.
    pub act: &'a str,
    /// The kind of identifier.
    pub resource: &'a str,
    /// The identifier.
    pub resource_id: &'a str,
    /// The place; `None` is not known.
    pub place: Option<&'a str>,
    /// Facts and their values; several places stand with commas between, `unknown` is expressly not known.
    pub facts: &'a [(&'a str, &'a str)],
    /// When the act happens.
    pub valid_at: Time,
    /// As known when.
    pub known_at: Option<Time>,
}

/// Why a question cannot be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The member of the inquiry that is wrong (`resource.id`), as in the contract.
    pub member: String,
    /// What is wrong with it, and what to write instead.
    pub message: String,
}

impl Problem {
    /// Something wrong with a member.
    pub fn of(member: impl Into<String>, message: impl Into<String>) -> Self {
        Self { member: member.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member, self.message)
    }
}

impl std::error::Error for Problem {}

impl<'a> Inquiry<'a> {
    /// Reads an inquiry from its words.
    ///
    /// # Errors
    /// The first word that is not in the vocabulary, with the nearest that is.
    pub fn read(words: &Words<'a>) -> Result<Self, Problem> {
        let place = words.place.map(Place::parse).transpose();
        Ok(Self {
            actor: Actor::read(words.actor, words.actor_id, words.role, words.government)?,
            act: act(words.act)?,
            resource: Resource { kind: resource_kind(words.resource)?, id: Cow::Borrowed(words.resource_id) },
            valid_at: words.valid_at,
            known_at: words.known_at,
            place: place.map_err(|message| Problem::of("context.place", message))?,
            facts: facts(words.facts.iter().copied())?,
        })
    }
}

impl Inquiry<'_> {
    /// The same, its text its own.
    #[must_use]
    pub fn into_owned(self) -> Inquiry<'static> {
        let Actor { kind, id, role, government } = self.actor;
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Inquiry {
            actor: Actor { kind, id: owned(id), role, government: government.map(owned) },
            act: self.act,
            resource: Resource { kind: self.resource.kind, id: owned(self.resource.id) },
            valid_at: self.valid_at,
            known_at: self.known_at,
            place: self.place,
            facts: self.facts.into_iter().map(|(fact, stated)| (fact, stated.into_owned())).collect(),
        }
    }
}

impl<'a> Actor<'a> {
    /// Reads an actor from its words.
    ///
    /// # Errors
    /// The first that is not in the vocabulary.
    pub fn read(
        kind: &str,
        id: impl Into<Cow<'a, str>>,
        role: Option<&str>,
        of: Option<impl Into<Cow<'a, str>>>,
    ) -> Result<Self, Problem> {
        let known = |text| {
            known(text, "subject type", ActorKind::from_word(text), || words_of(ActorKind::ALL, ActorKind::word))
        };
        let kind = known(kind).map_err(|message| Problem::of("subject.type", message))?;
        let role =
            role.map(|text| self::known(text, "role", Role::from_word(text), || words_of(Role::ALL, Role::word)));
        let role = role.transpose().map_err(|message| Problem::of("subject.properties.role", message))?;
        let of = of.map(Into::into);
        if let Some(name) = &of {
            government(name).map_err(|message| Problem::of("subject.properties.government", message))?;
        }
        Ok(Self { kind, id: id.into(), role, government: of })
    }
}

/// Reads an act.
///
/// # Errors
/// It is not in the vocabulary.
pub fn act(text: &str) -> Result<Act, Problem> {
    let read = known(text, "act", Act::from_word(text), || words_of(Act::ALL, Act::word));
    read.map_err(|message| Problem::of("action.name", message))
}

/// Reads a kind of identifier.
///
/// # Errors
/// It is not in the vocabulary.
pub fn resource_kind(text: &str) -> Result<ResourceKind, Problem> {
    let all = || words_of(ResourceKind::ALL, ResourceKind::word);
    let read = known(text, "resource type", ResourceKind::from_word(text), all);
    read.map_err(|message| Problem::of("resource.type", message))
}

/// Reads the name of a fact.
///
/// # Errors
/// It is not in the vocabulary.
pub fn fact(text: &str) -> Result<Fact, Problem> {
    let read = known(text, "fact", Fact::from_word(text), || words_of(Fact::ALL, Fact::word));
    read.map_err(|message| Problem::of(format!("context.facts.{}", shorten(text)), message))
}

/// Reads facts and their values.
///
/// # Errors
/// The first name or value that is none, or that is stated twice.
pub fn facts<'a>(written: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Facts<'a>, Problem> {
    let mut facts = Facts::new();
    for (name, value) in written {
        let fact = fact(name)?;
        if facts.iter().any(|(known, _)| *known == fact) {
            return Err(Problem::of(format!("context.facts.{name}"), format!("`{name}` is stated twice")));
        }
        let several = fact.kind() == FactKind::Places;
        let words: SmallVec<[&str; 4]> =
            if several { value.split(',').collect() } else { SmallVec::from_slice(&[value]) };
        let stated = stated(fact, &words);
        let wrong = |(message, help): (String, String)| {
            Problem::of(format!("context.facts.{name}"), format!("{message}; {help}"))
        };
        facts.push((fact, stated.map_err(wrong)?));
    }
    Ok(facts)
}

/// The stated value of a fact from words, as written in cases and on the command line.
///
/// # Errors
/// What is wrong, and what may be written.
pub fn stated<'a>(fact: Fact, words: &[&'a str]) -> Result<Stated<'a>, (String, String)> {
    if words == ["unknown"] || words == ["null"] {
        return Ok(Stated::Unknown);
    }
    let unknown = |value: &str, help: String| (format!("`{}` cannot be `{}`", fact.word(), shorten(value)), help);
    let place = |value: &str| Place::parse(value).map_err(|message| unknown(value, message));
    if fact.kind() == FactKind::Places {
        return words.iter().map(|word| place(word)).collect::<Result<_, _>>().map(Stated::Places);
    }
    let [value] = words else {
        return Err((format!("`{}` takes one value", fact.word()), String::from("write one word")));
    };
    match fact.kind() {
        FactKind::Bool => match *value {
            "yes" | "true" => Ok(Stated::Bool(true)),
            "no" | "false" => Ok(Stated::Bool(false)),
            _ => Err(unknown(value, String::from("write `yes` or `no`"))),
        },
        FactKind::Choice(choices) if choices.contains(value) => Ok(Stated::Word(Cow::Borrowed(value))),
        FactKind::Choice(choices) => Err(unknown(value, did_you_mean(value, choices.iter().copied()))),
        FactKind::PlaceOrNone if *value == "none" => Ok(Stated::NoPlace),
        FactKind::Place | FactKind::PlaceOrNone | FactKind::Places => place(value).map(Stated::Place),
        FactKind::Operator => Ok(Stated::Word(Cow::Borrowed(value))),
    }
}

fn known<T>(text: &str, what: &str, found: Option<T>, all: impl Fn() -> Vec<&'static str>) -> Result<T, String> {
    found.ok_or_else(|| format!("unknown {what} `{}`; {}", shorten(text), did_you_mean(text, all().into_iter())))
}

fn words_of<T: Copy>(all: &'static [T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|item| word(*item)).collect()
}

/// Enough of somebody's text to recognise it by.
fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(60).chain(['…']).collect() }
}

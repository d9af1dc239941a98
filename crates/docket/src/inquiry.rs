//! The one question: who does what to which thing, where, with which facts, when, as known when.

use crate::place::Place;
use crate::vocabulary::{Act, ActorKind, Fact, ResourceKind, Role};
use law::Time;

/// A question, parsed: every word is in the vocabulary, every instant exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Who acts.
    pub actor: Actor,
    /// What is done.
    pub act: Act,
    /// What it is done to.
    pub resource: Resource,
    /// When the act happens.
    pub valid_at: Time,
    /// Only what could be known by then counts; `None` counts all that is on file.
    pub known_at: Option<Time>,
    /// Where the act has effect; `None` is not known.
    pub place: Option<Place>,
    /// What else is stated, each fact at most once.
    pub facts: Vec<(Fact, Stated)>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Business, consumer, government or contractor.
    pub kind: ActorKind,
    /// Any name; decides only where an order names this party.
    pub id: String,
    /// In what role, if stated.
    pub role: Option<Role>,
    /// Which government, for governments and contractors (`US-federal-executive`, `US-TX-local`).
    pub government: Option<String>,
}

/// A thing, by an identifier known to belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The kind of identifier.
    pub kind: ResourceKind,
    /// The identifier, as written by the asker.
    pub id: String,
}

/// The stated value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stated {
    /// `null`: not known, and possibly claimed.
    Unknown,
    /// One of the fact's words, or an operator.
    Word(String),
    /// A yes-or-no fact.
    Bool(bool),
    /// One place.
    Place(Place),
    /// `none`: no place.
    NoPlace,
    /// Several places.
    Places(Vec<Place>),
}

//! The typed tree of orders and their cases: what the words of a file mean, still in words.

use crate::inquiry::Inquiry;
use crate::place::Place;
use crate::vocabulary::{Act, ActorKind, Fact, Role};
use law::{Statuses, Time};
use std::ops::Range;

/// A place in a source file: index of the file and byte range in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Index into the sources the corpus was read from.
    pub file: usize,
    /// Bytes.
    pub bytes: Range<usize>,
}

/// How far a fact can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// Read in the text itself.
    Seen,
    /// Read in a second-hand source only.
    Secondary,
    /// Worked out from other facts (a date counted, a gap inferred).
    Computed,
    /// Remembered, not checked.
    #[default]
    Recalled,
}

impl Evidence {
    /// Every grade, best first.
    pub const ALL: &'static [Self] = &[Self::Seen, Self::Secondary, Self::Computed, Self::Recalled];

    /// The grade a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grade| grade.word() == word)
    }

    /// The word in order files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Secondary => "secondary",
            Self::Computed => "computed",
            Self::Recalled => "recalled",
        }
    }
}

/// Where a statement comes from and what is said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// How far to trust it; an inner statement without one inherits the instrument's.
    pub evidence: Evidence,
    /// Documents it was read in (URLs or citations).
    pub sources: Vec<String>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Points on which sources disagree; told as caveats wherever the statement grounds an answer.
    pub disputed: Vec<String>,
}

/// Where a document stands (level 0 to 5 in law).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rank {
    /// Acts on rules, does not outrank them.
    Court,
    /// A private document or statement: says what happened, commands nothing.
    Record,
    /// Guidance, memoranda.
    Guidance,
    /// Agency rules and notices.
    Agency,
    /// Orders of a head of state or government.
    ExecutiveOrder,
    /// Acts of a legislature.
    Statute,
    /// A constitution.
    Constitution,
}

impl Rank {
    /// Every rank, lowest first.
    pub const ALL: &'static [Self] = &[
        Self::Court,
        Self::Record,
        Self::Guidance,
        Self::Agency,
        Self::ExecutiveOrder,
        Self::Statute,
        Self::Constitution,
    ];

    /// The word in order files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Record => "record",
            Self::Guidance => "guidance",
            Self::Agency => "agency",
            Self::ExecutiveOrder => "executive-order",
            Self::Statute => "statute",
            Self::Constitution => "constitution",
        }
    }
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its id, lower case with hyphens.
    pub id: String,
    /// Ids it used to have.
    pub aliases: Vec<String>,
    /// Its title.
    pub title: String,
    /// Its citation.
    pub cite: Option<String>,
    /// Whose law it is.
    pub jurisdiction: Place,
    /// Its rank.
    pub rank: Rank,
    /// Who issued it.
    pub authority: Option<String>,
    /// Zone of its civil times.
    pub zone: String,
    /// When it was made.
    pub issued: Moment,
    /// When it could first be known, and on what basis (`public-inspection`, `docket`, `press`, …).
    pub public: Moment,
    /// The basis word.
    pub public_basis: Option<String>,
    /// When our record of it was withdrawn.
    pub retracted: Option<Moment>,
    /// What it rests on.
    pub under: Vec<Reference>,
    /// Trust and sources.
    pub provenance: Provenance,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// The whole statement in its file.
    pub span: Span,
    /// The id word.
    pub id_span: Span,
}

/// A numbered statement of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its number or name, unique in the document (`1`, `2(c)(1)`, `exc3`, `pi`).
    pub id: String,
    /// What kind.
    pub kind: Kind,
    /// The words of the document, white space folded.
    pub text: Option<String>,
    /// When it begins; absent: when the document was issued.
    pub from: Option<Moment>,
    /// When it ends; absent: never.
    pub until: Option<Moment>,
    /// Since when it can be known, where that differs from the document.
    pub public: Option<Moment>,
    /// What it reaches (provisions) or for which cases it acts (effects): any of these.
    pub scopes: Vec<Scope>,
    /// Trust and sources.
    pub provenance: Provenance,
    /// The whole statement in its file.
    pub span: Span,
    /// The id word.
    pub id_span: Span,
}

/// What a statement is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Forbids.
    Prohibit(Edges),
    /// Takes out (`except`) or allows (`authorize`).
    Permit(Edges),
    /// Commands; told beside answers. The duty in our words.
    Require(String),
    /// Gives power.
    Enable,
    /// Nothing until exercised.
    Reserve,
    /// Acts on law.
    Effect(Action),
    /// A court or agency refused to act; kept because it defeats an inference.
    Denies(Vec<Reference>),
    /// Something met or not met; `open` where sufficiency is disputed. Who decides, in words.
    Condition {
        /// Sufficiency is disputed.
        open: bool,
        /// Who may say that it is met.
        decides: Option<String>,
    },
    /// Says that conditions were met from `from` until `until`.
    Attest {
        /// Which conditions.
        meets: Vec<Reference>,
        /// What gives it the power to say so; cited beside it.
        relies_on: Vec<Reference>,
    },
}

/// How a provision relates to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// Prevails over these.
    pub overrides: Vec<Reference>,
    /// Yields to these.
    pub subject_to: Vec<Reference>,
    /// No force once met.
    pub until_met: Option<Reference>,
    /// Force only while met.
    pub while_met: Option<Reference>,
}

/// What an effect does, in the word the event goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The word.
    pub verb: Verb,
    /// On what; several statements of one document give several references.
    pub targets: Vec<Reference>,
    /// A saving clause.
    pub dependents_kept: bool,
}

/// The words for effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Stay or injunction: suspends.
    Suspend,
    /// Vacatur, dissolution: removes, by default for all of time.
    Remove,
    /// Revocation, rescission, repeal: removes from a date on.
    Revoke,
    /// Delay to a date: removes until then.
    Delay,
    /// Adds force.
    Extend,
    /// Not to be enforced.
    Unenforced,
}

/// A reference to a document, or to one statement of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The document.
    pub instrument: String,
    /// The statement; absent: the whole document.
    pub statement: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// A conjunction in words. An empty list does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Subjects by id.
    pub apps: Vec<String>,
    /// Companies and everything they operate.
    pub apps_of: Vec<String>,
    /// Acts.
    pub acts: Vec<Act>,
    /// Actor kinds.
    pub actors: Vec<ActorKind>,
    /// Governments of governments and contractors.
    pub governments: Vec<String>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Actors by party id (a company of the subject files).
    pub parties: Vec<String>,
    /// Where the act has effect (`users-in`, `performed-in`).
    pub places: Vec<Place>,
    /// Inside these places, but outside those (`not-in`).
    pub not_places: Vec<Place>,
    /// Facts that must have one of the values, or (`unless`) none of them.
    pub facts: Vec<FactLimit>,
    /// Terms nobody can read with certainty (`open`): each makes reach a doubt.
    pub open: Vec<String>,
}

/// A fact a scope turns on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactLimit {
    /// The fact.
    pub fact: Fact,
    /// The values, as words of the vocabulary (`yes`/`no`, choices, place codes, operators).
    pub values: Vec<String>,
    /// `unless` rather than `when`.
    pub negated: bool,
    /// Where it is written.
    pub span: Span,
}

/// An instant as a document states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// On the earliest reading.
    pub earliest: Time,
    /// On the latest reading; equal to `earliest` when there is one reading.
    pub latest: Time,
    /// As written in the file (`2020-09-20 precision day`).
    pub written: String,
    /// Where it is written.
    pub span: Span,
}

/// A case: a question with its known answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// The question.
    pub inquiry: Inquiry<'static>,
    /// The statuses expected.
    pub expect: Statuses,
    /// Citations that must be among the grounds (a document stands for any of its statements).
    pub by: Vec<String>,
    /// The `until` expected, if the case says one.
    pub until: Option<Time>,
    /// The `from` expected, if the case says one.
    pub from: Option<Time>,
    /// What must be among `needs`.
    pub needs: Vec<String>,
    /// Exceptions that must be among `unless`.
    pub unless: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// Everything the order files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// Documents, sorted by id.
    pub instruments: Vec<Instrument>,
    /// Cases, in the order of the files.
    pub cases: Vec<Case>,
}

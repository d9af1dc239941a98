//! Signed statements by named principals, and conditions over them.
//!
//! Reading order: [`json`] (JSON without second meanings), [`dsse`] (the envelope: which bytes were signed,
//! by which keys), [`trust`] (whose keys they are, who may say what, how many it takes), [`statement`]
//! (what was said, about what), [`history`] (statements in the order a log took them up), [`timeline`]
//! (sets of instants), [`door`] (what nobody should sign or hand in), `row` (what is asked of all of them, side by side), `tiling` (reports that
//! follow on each other), [`condition`] (what has to hold), [`standing`] (when it holds, until when, what is
//! missing), [`oscal`] (what a file of findings comes to, for a statement about it), [`act`] (the authority's own acts, and when law counts a condition as met), [`ruling`] (what people decided where law
//! left it to them), [`impact`] (what a revocation touches).
//!
//! Time is the log's: an instant at which a statement was taken up. What a statement says of its own
//! time can only narrow that. Not known, not signed, not yet, no longer: all are *unmet*. There is no
//! clock here, no file and no network.

pub mod act;
pub mod condition;
pub mod door;
pub mod dsse;
pub mod history;
pub mod impact;
pub mod json;
pub mod oscal;
mod row;
pub mod ruling;
pub mod standing;
pub mod statement;
mod tiling;
pub mod timeline;
pub mod trust;

pub use condition::Condition;
pub use dsse::Envelope;
pub use history::{Entry, History, View};
pub use standing::{Answer, Remembered, Standing};
pub use statement::Statement;
pub use timeline::{Time, Timeline};
pub use trust::Trust;

/// What is wrong with a document: where in it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer, empty for the document itself.
    pub at: String,
    /// Why.
    pub why: String,
}

impl Fault {
    pub(crate) fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at.is_empty() { f.write_str(&self.why) } else { write!(f, "`{}`: {}", self.at, self.why) }
    }
}

impl std::error::Error for Fault {}

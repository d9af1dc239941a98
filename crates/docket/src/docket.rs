//! Orders, subjects and compiled law together, ready to be asked.

use crate::finding::{Finding, Posture};
use crate::inquiry::Inquiry;
use crate::order::Corpus;
use law::Time;

/// A source file handed in by whoever may read files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as diagnostics and digests name it (`orders/us/wechat-2020.order`).
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Everything known, immutable; a change of law is another docket.
pub struct Docket {
    corpus: Corpus,
    edition: String,
}

/// One stretch of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Since when.
    pub from: Time,
    /// Until when.
    pub until: Time,
    /// What holds.
    pub finding: Finding,
}

impl Docket {
    /// What the order files say.
    #[must_use]
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// Digest of every source, `sha256:` and hex.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.edition
    }

    /// Answers the question under `posture`.
    #[must_use]
    pub fn find(&self, inquiry: &Inquiry, posture: Posture) -> Finding {
        todo!("{inquiry:?} {posture:?}")
    }

    /// The answers to the same question over all of valid time, in order, without gaps.
    #[must_use]
    pub fn timeline(&self, inquiry: &Inquiry, posture: Posture) -> Vec<Stretch> {
        todo!("{inquiry:?} {posture:?}")
    }
}

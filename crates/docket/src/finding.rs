//! The one answer: what is possible, the verdict under a posture, why, until when, what would change it.

use law::{Status, Statuses, Time};

/// What a gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Let it happen.
    Permit,
    /// Ask a person, or ask for the missing fact.
    Refer,
    /// Refuse.
    Forbid,
}

impl Verdict {
    /// The word of the inquiry contract.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Refer => "refer",
            Self::Forbid => "forbid",
        }
    }
}

/// The word of the inquiry contract for a status.
#[must_use]
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Permitted => "permitted",
        Status::Excepted => "excepted",
        Status::Stayed => "stayed",
        Status::NotEnforced => "not_enforced",
        Status::Prohibited => "prohibited",
    }
}

/// What an operator does with each status; a table somebody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posture {
    /// For [`Status::Permitted`].
    pub permitted: Verdict,
    /// For [`Status::Excepted`].
    pub excepted: Verdict,
    /// For [`Status::Stayed`].
    pub stayed: Verdict,
    /// For [`Status::NotEnforced`].
    pub not_enforced: Verdict,
    /// For [`Status::Prohibited`].
    pub prohibited: Verdict,
}

impl Default for Posture {
    fn default() -> Self {
        Self {
            permitted: Verdict::Permit,
            excepted: Verdict::Permit,
            stayed: Verdict::Permit,
            not_enforced: Verdict::Refer,
            prohibited: Verdict::Forbid,
        }
    }
}

impl Posture {
    /// What it does with one status.
    #[must_use]
    pub const fn of(self, status: Status) -> Verdict {
        match status {
            Status::Permitted => self.permitted,
            Status::Excepted => self.excepted,
            Status::Stayed => self.stayed,
            Status::NotEnforced => self.not_enforced,
            Status::Prohibited => self.prohibited,
        }
    }

    /// What it does with a set: the common verdict, or refer.
    #[must_use]
    pub fn verdict(self, statuses: Statuses) -> Verdict {
        let mut verdicts = statuses.iter().map(|status| self.of(status));
        let Some(first) = verdicts.next() else { return Verdict::Refer };
        if verdicts.all(|verdict| verdict == first) { first } else { Verdict::Refer }
    }
}

/// The answer to an [`Inquiry`](crate::Inquiry), in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is possible; never empty.
    pub possible: Statuses,
    /// The set seen through the posture.
    pub verdict: Verdict,
    /// Every provision that makes a possibility what it is.
    pub grounds: Vec<Reason>,
    /// The instant since which this answer has held (`law::time::ALWAYS`: since always).
    pub from: Time,
    /// The next instant at which it could change (`law::time::FOREVER`: never, under law as known).
    pub until: Time,
    /// Facts (or `place`, `role`, `government`) not known that would settle or change it.
    pub needs: Vec<String>,
    /// Exceptions nobody claimed that would take the act out.
    pub unless: Vec<Claim>,
    /// What a careful reader is told besides: readings, disputes, shared identifiers, weak evidence.
    pub caveats: Vec<String>,
    /// The subject the resource was attributed to, if any.
    pub subject: Option<String>,
    /// Digest of the edition that decided (`sha256:` and hex).
    pub edition: String,
    /// What people decided, where the law referred it to them; the verdict is theirs then.
    pub overruled: Option<Box<Overruled>>,
}

/// Who decided what the law left to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overruled {
    /// Where the gov log says so.
    pub entry: u64,
    /// Who decided.
    pub by: Vec<String>,
    /// Until when it holds, if nobody takes it back.
    pub until: Time,
    /// Since when it cannot be read whether somebody took it back, if it cannot.
    pub unread_since: Option<Time>,
}

/// One ground of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The citation, `instrument:provision`.
    pub provision: String,
    /// The status it speaks for.
    pub status: Status,
    /// Instruments that act on it or fulfil it.
    pub by: Vec<String>,
    /// One sentence a lawyer and an engineer both accept.
    pub why: String,
}

/// A claim nobody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The facts to claim, each with the value (`("purpose", "wages")`); the first is the lead.
    pub facts: Vec<(String, String)>,
    /// The exception, `instrument:provision`.
    pub by: String,
}

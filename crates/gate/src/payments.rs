//! Payments: who in a message is named in which role, what the law of its value date says of that, and what
//! becomes of the transaction.
//!
//! [`known`] gathers names and identifiers, [`place`] and [`party`] read where and what the parties are,
//! [`judge`] asks the docket and decides one transaction, `listed` looks through the operator's lists, [`format`] tells in which format
//! they are written, [`run`] takes a whole file through, byte for byte, and keeps the accounts, [`table`] reads rows by a mapping, [`split`] parts a file, [`say`] puts it into JSON, [`record`] into decision records, [`replays`] knows what came before, [`http`] does it all over a connection, [`answer`] tells the sender in the rail's own words.

pub mod answer;
pub mod format;
pub mod http;
pub mod judge;
pub mod known;
mod listed;
mod once;
pub mod party;
pub mod place;
pub mod record;
pub mod replays;
pub mod run;
pub mod say;
pub mod split;
pub mod table;

pub use judge::{Judge, Judged, Settings};
pub use known::Known;

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing in force reaches it.
    Pass,
    /// An exception takes it out.
    PassByException,
    /// A person decides: something is not known, or only likely.
    Review,
    /// Not processed, returned.
    Reject,
    /// Not processed, and the funds are held: the holder's property is frozen.
    Block,
}

impl Outcome {
    /// Every outcome, in order of rising restraint.
    pub const ALL: [Self; 5] = [Self::Pass, Self::PassByException, Self::Review, Self::Reject, Self::Block];

    /// The word in reports and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassByException => "pass_by_exception",
            Self::Review => "review",
            Self::Reject => "reject",
            Self::Block => "block",
        }
    }

    /// Whether the transaction goes on.
    #[must_use]
    pub const fn passes(self) -> bool {
        match self {
            Self::Pass | Self::PassByException => true,
            Self::Review | Self::Reject | Self::Block => false,
        }
    }
}

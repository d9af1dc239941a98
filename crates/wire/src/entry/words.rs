//! The words an entry chooses from, each with the number that stands for it in bytes for ever.

use super::coding::Part;
use crate::cbor::{Reader, Writer};
use serde_json::Value;

/// A choice of words, each with its number.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $number:literal $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// In a word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }

            const fn number(self) -> u64 {
                match self { $(Self::$variant => $number,)* }
            }
        }

        impl Part for $name {
            fn write(&self, out: &mut Writer) {
                out.unsigned(self.number());
            }
            fn read(from: &mut Reader<'_>) -> Option<Self> {
                let number = from.unsigned()?;
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
            fn json(&self) -> Value {
                Value::from(self.word())
            }
        }
    )*};
}

words! {
    /// What happened to a document of the law.
    Change {
        /// It is new.
        Issue = 1 "issue",
        /// It has other words.
        Amend = 2 "amend",
        /// It is gone.
        Revoke = 8 "revoke",
    }
    /// What an authority did about its order, in numbers that those of [`Change`] leave free.
    ActOf {
        /// Put it off.
        Delay = 3 "delay",
        /// A court suspended it.
        Stay = 4 "stay",
        /// Suspended it while a condition holds.
        Pause = 5 "pause",
        /// Put it back.
        Reinstate = 6 "reinstate",
        /// Ended what it forbids.
        Lift = 7 "lift",
        /// Took it back altogether.
        Revoke = 8 "revoke",
        /// Left it standing, unenforced.
        Forbear = 9 "forbear",
    }
    /// Whom a policy speaks of.
    Of {
        /// Those whose statements count: principals, groups and what each may say.
        Principals = 1 "principals",
        /// The witnesses of this log and their quorum.
        Witnesses = 2 "witnesses",
    }
    /// What became of a key.
    KeyChange {
        /// It signs from here on.
        Add = 1 "add",
        /// It signs no more.
        Drop = 2 "drop",
        /// It is gone, so that its log could not be sealed.
        Lost = 3 "lost",
        /// Somebody else has it.
        Compromised = 4 "compromised",
    }
    /// What somebody decided where the law left it to a person.
    Ruling {
        /// Let it happen.
        Permit = 1 "permit",
        /// Refused.
        Forbid = 2 "forbid",
    }
    /// How far an entry has to be before it counts. What permits more needs more than what permits less.
    Level {
        /// It is on disk.
        Durable = 1 "durable",
        /// A signed checkpoint covers it.
        Published = 2 "published",
        /// A checkpoint covers it that a quorum of witnesses signed.
        Witnessed = 3 "witnessed",
    }
}

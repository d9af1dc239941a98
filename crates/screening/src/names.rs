//! Names of people and companies: how alike two are, which of a list a name may be, and why.
//!
//! [`name`] takes a name apart into weighted tokens, [`sound`] says how a token sounds, [`score`] aligns two
//! names, [`list`] finds candidates among millions without looking at all, [`published`] reads lists as their keepers write them, [`ofac`] says what the public search
//! of the United States Treasury would.
//!
//! A score orders what a person looks at; it is no probability.

pub mod list;
pub mod name;
pub mod ofac;
pub mod published;
pub mod score;
pub mod sound;

/// From here on a payment is held for a person.
pub const HOLD: f32 = 0.85;
/// From here on a hit is worth a note, and a customer worth a look.
pub const NOTE: f32 = 0.75;

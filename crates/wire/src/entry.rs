//! What the two logs publish. The *gov* log has what changes the rules, in the clear; the *dec* log has one entry a
//! decision, which binds it to the law in force and says nothing else.
//!
//! Entries are deterministic CBOR (RFC 8949 § 4.2.1), arrays only. A reader accepts the one encoding and nothing else.

mod coding;
mod fields;
mod kinds;
mod words;

use crate::cbor::Reader;
pub use coding::{LIST_MAX, TEXT_BYTES_MAX};
pub use fields::{FIELDS, fields};
pub use kinds::Entry;
pub use words::{ActOf, Change, KeyChange, Level, Of, Ruling};

impl Entry {
    /// Reads an entry; `None` if it is not the one encoding of one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let entry = Self::read(&mut from)?;
        (from.is_at_end() && entry.to_bytes() == bytes).then_some(entry)
    }

    /// SHA-256 of the signed envelope that it takes up, under which the log publishes that.
    #[must_use]
    pub const fn envelope(&self) -> Option<[u8; 32]> {
        match self {
            Self::Act { sha256, .. }
            | Self::Attestation { sha256, .. }
            | Self::Revocation { sha256, .. }
            | Self::Override { sha256, .. } => Some(*sha256),
            Self::TrustPolicy { signed, .. } => *signed,
            Self::Genesis { .. }
            | Self::Successor { .. }
            | Self::Document { .. }
            | Self::ConditionState { .. }
            | Self::Anchor { .. }
            | Self::KeyEvent { .. }
            | Self::Erasure { .. }
            | Self::Seal { .. }
            | Self::Retention { .. }
            | Self::Engine { .. }
            | Self::Witnessed { .. }
            | Self::Decision { .. } => None,
        }
    }

    /// What it commits to, if it is a decision.
    #[must_use]
    pub const fn commitment(&self) -> Option<[u8; 32]> {
        if let Self::Decision { commitment, .. } = self { Some(*commitment) } else { None }
    }

    /// How far it has to be before it counts.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::TrustPolicy { .. } | Self::KeyEvent { .. } | Self::Act { act: ActOf::Lift | ActOf::Revoke, .. } => {
                Level::Witnessed
            }
            Self::Override { .. } | Self::ConditionState { .. } | Self::Act { .. } => Level::Published,
            Self::Genesis { .. }
            | Self::Successor { .. }
            | Self::Document { .. }
            | Self::Attestation { .. }
            | Self::Revocation { .. }
            | Self::Anchor { .. }
            | Self::Erasure { .. }
            | Self::Seal { .. }
            | Self::Retention { .. }
            | Self::Engine { .. }
            | Self::Witnessed { .. }
            | Self::Decision { .. } => Level::Durable,
        }
    }
}

#[cfg(test)]
mod tests;

//! One file that proves offline that an entry is in a log (C2SP tlog-proof).

use crate::checkpoint::{Checkpoint, decimal};
use crate::hash::Hash;
use crate::note::{self, NOTE_BYTES_MAX, Note};
use crate::policy::{Policy, Refused};
use crate::tree::{self, Unproven};
use base64ct::{Base64, Encoding};
use std::fmt;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest proof that is read: a note, 63 hashes, and as much again for what an application adds.
pub const PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + 4096;

/// A proof that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whatever the application adds. Nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// Where the entry stands.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a text is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Too long, not text, or without its first line.
    Header,
    /// The line with what the application adds is not base64.
    Extra,
    /// No line `index N`.
    Index,
    /// A hash that is none, or more than 63.
    Hashes,
    /// The checkpoint at the end is not a note.
    Note(note::Malformed),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => write!(f, "the first line is not `{HEADER}`"),
            Self::Extra => f.write_str("the `extra` line is not base64"),
            Self::Index => f.write_str("there is no line `index N`"),
            Self::Hashes => f.write_str("a line of the proof is no hash, or there are more than 63"),
            Self::Note(malformed) => malformed.fmt(f),
        }
    }
}

impl std::error::Error for Malformed {}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// The checkpoint is not to be trusted.
    Checkpoint(Refused),
    /// The entry is not where the proof says.
    Inclusion(Unproven),
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(refused) => refused.fmt(f),
            Self::Inclusion(unproven) => unproven.fmt(f),
        }
    }
}

impl std::error::Error for Unverified {}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= PROOF_BYTES_MAX).ok_or(Malformed::Header)?;
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(Malformed::Header)?;
        let (extra, rest) = match rest.strip_prefix("extra ") {
            None => (None, rest),
            Some(rest) => {
                let (line, rest) = rest.split_once('\n').ok_or(Malformed::Extra)?;
                (Some(Base64::decode_vec(line).ok().ok_or(Malformed::Extra)?), rest)
            }
        };
        let line = rest.strip_prefix("index ").and_then(|rest| rest.split_once('\n'));
        let (index, rest) = line.ok_or(Malformed::Index)?;
        let index = decimal(index).ok_or(Malformed::Index)?;
        let (hashes, rest) = tree::read_hashes(rest).ok_or(Malformed::Hashes)?;
        let checkpoint = Note::parse(rest.as_bytes()).map_err(Malformed::Note)?;
        Ok(Self { extra, index, hashes, checkpoint })
    }

    /// Checks that `entry` is in a log of the policy, as a checkpoint of it that the policy accepts says.
    ///
    /// # Errors
    /// Says why the proof does not prove it.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Checkpoint, Unverified> {
        let checkpoint = policy.check(&self.checkpoint).map_err(Unverified::Checkpoint)?;
        tree::verify_inclusion(Hash::leaf(entry), self.index, checkpoint.size, &self.hashes, checkpoint.root)
            .map_err(Unverified::Inclusion)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", Base64::encode_string(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

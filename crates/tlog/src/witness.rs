//! How a checkpoint comes to a cosignature (C2SP tlog-witness): what is asked, and whether to sign.
//!
//! [`decide`] is the whole judgement of a witness. It has no state: whoever calls it keeps the latest checkpoint of
//! each log, holds it still while deciding, and makes the new one durable before the signature leaves.

use crate::checkpoint::{Checkpoint, decimal};
use crate::hash::{EMPTY_ROOT, Hash};
use crate::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use crate::tree;
use std::fmt;

/// The longest request: a note, 63 hashes, and the line before them.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 4096;

/// A request to sign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the proof starts from.
    pub old_size: u64,
    /// The proof that the new tree grew from that one.
    pub consistency: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub checkpoint: Note,
}

/// Why a witness does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is not one, or its sizes are the wrong way round (400).
    Malformed,
    /// No key of the log signed (403).
    Unsigned,
    /// The log is not known here (404).
    UnknownLog,
    /// The proof starts from another size than the one last signed, which this is; or the same size had another
    /// root (409).
    Conflict(u64),
    /// The tree did not grow from the one last signed (422).
    Inconsistent,
}

impl Refusal {
    /// The HTTP status that says so.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unsigned => 403,
            Self::UnknownLog => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the request is malformed"),
            Self::Unsigned => f.write_str("no known key of the log signed the checkpoint"),
            Self::UnknownLog => f.write_str("the log is not known here"),
            Self::Conflict(size) => write!(f, "the checkpoint last signed has {size} entries"),
            Self::Inconsistent => f.write_str("the tree did not grow from the one last signed"),
        }
    }
}

impl std::error::Error for Refusal {}

impl AddCheckpoint {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::parse_with(bytes, |rest| Note::parse(rest.as_bytes()).ok())
    }

    /// Reads the body of a request whose checkpoint nobody has signed yet: what a log asks its signer.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse_unsigned(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::parse_with(bytes, |rest| {
            let text = rest.strip_suffix('\n').filter(|text| text.ends_with('\n'))?;
            Some(Note { text: text.to_owned(), signatures: Vec::new() })
        })
    }

    fn parse_with(bytes: &[u8], note: impl FnOnce(&str) -> Option<Note>) -> Result<Self, Refusal> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= REQUEST_BYTES_MAX);
        let rest = text.and_then(|text| text.strip_prefix("old ")).ok_or(Refusal::Malformed)?;
        let (size, rest) = rest.split_once('\n').ok_or(Refusal::Malformed)?;
        let old_size = decimal(size).ok_or(Refusal::Malformed)?;
        let (consistency, rest) = tree::read_hashes(rest).ok_or(Refusal::Malformed)?;
        let checkpoint = note(rest).ok_or(Refusal::Malformed)?;
        Ok(Self { old_size, consistency, checkpoint })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.consistency.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// How a log is called where a witness tells what it signed last of it, `GET HASH/checkpoint`: the SHA-256 of its origin in
/// lowercase hexadecimal.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    let Hash(bytes) = Hash::of(origin.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds the origin a request is about without trusting anything of it.
///
/// # Errors
/// When the text is no checkpoint.
pub fn origin(request: &AddCheckpoint) -> Result<Checkpoint, Refusal> {
    Checkpoint::parse(&request.checkpoint.text).ok().ok_or(Refusal::Malformed)
}

/// Whether to sign: `keys` are those the log may sign with, `latest` the checkpoint of it that was signed last.
///
/// # Errors
/// Says why not.
pub fn decide(
    request: &AddCheckpoint,
    keys: &[VerifierKey],
    latest: Option<&Checkpoint>,
) -> Result<Checkpoint, Refusal> {
    let checkpoint = origin(request)?;
    let Ok(signed) = request.checkpoint.verify(keys) else { return Err(Refusal::Unsigned) };
    if signed.is_empty() {
        return Err(Refusal::Unsigned);
    }
    grows(request, &checkpoint, latest)?;
    Ok(checkpoint)
}

/// Whether a checkpoint grew from the latest, as the request proves; says nothing of who signed it.
///
/// # Errors
/// Says why not.
pub fn grows(request: &AddCheckpoint, checkpoint: &Checkpoint, latest: Option<&Checkpoint>) -> Result<(), Refusal> {
    if request.old_size > checkpoint.size {
        return Err(Refusal::Malformed);
    }
    let latest = latest.map_or((0, EMPTY_ROOT), |latest| (latest.size, latest.root));
    if request.old_size != latest.0 {
        return Err(Refusal::Conflict(latest.0));
    }
    if checkpoint.size == latest.0 && checkpoint.root != latest.1 {
        return Err(Refusal::Conflict(latest.0));
    }
    let proven = tree::verify_consistency(latest, (checkpoint.size, checkpoint.root), &request.consistency);
    proven.ok().ok_or(Refusal::Inconsistent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{Kind, SigningKey};

    fn log() -> SigningKey {
        SigningKey::from_seed("log.example", Kind::Text, &[1; 32]).unwrap()
    }

    fn checkpoint(size: u64, salt: u8) -> (Checkpoint, Vec<Hash>) {
        let leaves: Vec<Hash> = (0..size).map(|index| Hash::leaf(&[index as u8, salt])).collect();
        (Checkpoint { origin: "log.example".to_owned(), size, root: tree::root(&leaves) }, leaves)
    }

    fn request(old: u64, new: u64, salt: u8) -> AddCheckpoint {
        let (checkpoint, leaves) = checkpoint(new, salt);
        let text = checkpoint.to_string();
        let spans = tree::consistency_spans(old, new);
        let consistency =
            spans.iter().map(|span| tree::root(&leaves[span.start as usize..span.end as usize])).collect();
        AddCheckpoint { old_size: old, consistency, checkpoint: Note { signatures: vec![log().sign(&text, 0)], text } }
    }

    #[test]
    fn what_is_asked_is_read_as_written() {
        for request in [request(0, 0, 0), request(3, 9, 0), request(4, 4, 0)] {
            assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()), Ok(request));
        }
        let text = request(3, 9, 0).to_string();
        for bad in [text.replace("old 3", "old 03"), text.replace("old", "new"), text.replacen('\n', "\n\n", 1)] {
            let read = AddCheckpoint::parse(bad.as_bytes());
            assert!(read.is_err() || read.is_ok_and(|read| decide(&read, &[], None).is_err()), "{bad}");
        }
    }

    #[test]
    fn a_witness_signs_growth_and_nothing_else() {
        let keys = [log().public().clone()];
        let latest = checkpoint(5, 0).0;
        let ask = |request: &AddCheckpoint| decide(request, &keys, Some(&latest)).map(|new| new.size);
        assert_eq!(ask(&request(5, 9, 0)), Ok(9));
        assert_eq!(ask(&request(5, 5, 0)), Ok(5));
        assert_eq!(ask(&request(3, 9, 0)), Err(Refusal::Conflict(5)));
        assert_eq!(ask(&request(0, 4, 0)), Err(Refusal::Conflict(5)));
        assert_eq!(ask(&request(5, 5, 1)), Err(Refusal::Conflict(5)));
        assert_eq!(ask(&request(5, 9, 1)), Err(Refusal::Inconsistent));
        assert_eq!(ask(&AddCheckpoint { old_size: 10, ..request(5, 9, 0) }), Err(Refusal::Malformed));
        assert_eq!(decide(&request(0, 3, 0), &keys, None).map(|new| new.size), Ok(3));
        assert_eq!(decide(&request(0, 0, 0), &keys, None).map(|new| new.size), Ok(0));
        let other = SigningKey::from_seed("log.example", Kind::Text, &[2; 32]).unwrap();
        assert_eq!(decide(&request(5, 9, 0), &[other.public().clone()], Some(&latest)), Err(Refusal::Unsigned));
        let mut forged = request(5, 9, 0);
        forged.checkpoint.text = forged.checkpoint.text.replace('9', "8");
        assert_eq!(ask(&forged), Err(Refusal::Unsigned));
    }
}

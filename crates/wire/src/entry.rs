//! What the two logs publish. The *gov* log has what changes the rules, in the clear; the *dec* log has one entry a
//! decision, which binds it to the law in force and says nothing else.
//!
//! Entries are deterministic CBOR (RFC 8949 § 4.2.1), arrays only. A reader accepts the one encoding and nothing else.

use crate::cbor::{Reader, Writer};
use crate::record::Record;
use docket::finding::status_word;
use docket::moment::format_rfc3339;
use docket::vocabulary::Role;
use law::Time;
use serde_json::{Value, json};

/// The format of entries; another number is another format.
const VERSION: u64 = 1;

/// The longest text in an entry: a path, an origin, a reason in a sentence or two.
pub const TEXT_BYTES_MAX: usize = 4096;

const GENESIS: u64 = 1;
const DOCUMENT: u64 = 3;
const ANCHOR: u64 = 8;
const ERASURE: u64 = 10;
const DECISION: u64 = 64;

/// What happened to a document of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Issue,
    /// It has other words.
    Amend,
    /// It is gone.
    Revoke,
}

impl Change {
    const ALL: [(Self, u64, &'static str); 3] =
        [(Self::Issue, 1, "issue"), (Self::Amend, 2, "amend"), (Self::Revoke, 8, "revoke")];

    fn number(self) -> u64 {
        Self::ALL.into_iter().find(|(change, ..)| *change == self).map_or(0, |(_, number, _)| number)
    }

    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(change, ..)| *change == self).map_or("", |(.., word)| word)
    }
}

/// An entry of either log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// *gov*: the log begins, and names the log of decisions and its key.
    Genesis {
        /// When.
        at: Time,
        /// The key of the log of decisions, as `name+id+base64`.
        decisions: String,
    },
    /// *gov*: a file of the law in force changed. The files of a log of a given size are the law in force then.
    Document {
        /// When the change took effect here.
        at: Time,
        /// Where the file lies in the corpus.
        path: String,
        /// What happened.
        change: Change,
        /// SHA-256 of its bytes, under which the log publishes them; zeros when it is gone.
        digest: [u8; 32],
        /// How many bytes.
        bytes: u64,
    },
    /// *gov*: the state of the log of decisions, so that whoever witnesses one log has witnessed both.
    Anchor {
        /// When.
        at: Time,
        /// The log of decisions.
        origin: String,
        /// How many entries it has.
        size: u64,
        /// The root of its tree.
        root: [u8; 32],
    },
    /// *gov*: what an entry of the log of decisions commits to was erased and cannot be shown any more.
    Erasure {
        /// When.
        at: Time,
        /// The log of decisions.
        origin: String,
        /// The index of the entry.
        index: u64,
        /// On what ground.
        reason: String,
    },
    /// *dec*: a decision.
    Decision {
        /// When, to the second.
        at: Time,
        /// How many entries the gov log had: which law was in force.
        gov_size: u64,
        /// Digest of the edition that decided.
        edition: [u8; 32],
        /// The commitment to the fields of the record.
        commitment: [u8; 32],
    },
}

impl Entry {
    /// The bytes that are logged.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Genesis { at, decisions } => {
                head(&mut out, 4, GENESIS, *at);
                out.text(decisions);
            }
            Self::Document { at, path, change, digest, bytes } => {
                head(&mut out, 7, DOCUMENT, *at);
                out.text(path);
                out.unsigned(change.number());
                out.bytes(digest);
                out.unsigned(*bytes);
            }
            Self::Anchor { at, origin, size, root } => {
                head(&mut out, 6, ANCHOR, *at);
                out.text(origin);
                out.unsigned(*size);
                out.bytes(root);
            }
            Self::Erasure { at, origin, index, reason } => {
                head(&mut out, 6, ERASURE, *at);
                out.text(origin);
                out.unsigned(*index);
                out.text(reason);
            }
            Self::Decision { at, gov_size, edition, commitment } => {
                head(&mut out, 6, DECISION, *at);
                out.unsigned(*gov_size);
                out.bytes(edition);
                out.bytes(commitment);
            }
        }
        out.into_bytes()
    }

    /// Reads an entry; `None` if it is not the one encoding of one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let parts = from.array()?;
        (from.unsigned()? == VERSION).then_some(())?;
        let (kind, at) = (from.unsigned()?, from.integer()?);
        let entry = match (kind, parts) {
            (GENESIS, 4) => Self::Genesis { at, decisions: text(&mut from)? },
            (DOCUMENT, 7) => Self::Document {
                at,
                path: text(&mut from)?,
                change: change(from.unsigned()?)?,
                digest: digest(&mut from)?,
                bytes: from.unsigned()?,
            },
            (ANCHOR, 6) => {
                Self::Anchor { at, origin: text(&mut from)?, size: from.unsigned()?, root: digest(&mut from)? }
            }
            (ERASURE, 6) => {
                Self::Erasure { at, origin: text(&mut from)?, index: from.unsigned()?, reason: text(&mut from)? }
            }
            (DECISION, 6) => Self::Decision {
                at,
                gov_size: from.unsigned()?,
                edition: digest(&mut from)?,
                commitment: digest(&mut from)?,
            },
            _ => return None,
        };
        (from.is_at_end() && entry.to_bytes() == bytes).then_some(entry)
    }

    /// As JSON, for people and programs that read and do not verify.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Genesis { at, decisions } => {
                json!({ "kind": "genesis", "at": format_rfc3339(*at), "decisions": decisions })
            }
            Self::Document { at, path, change, digest, bytes } => json!({
                "kind": "document", "at": format_rfc3339(*at), "path": path, "change": change.word(),
                "sha256": hex(digest), "bytes": bytes,
            }),
            Self::Anchor { at, origin, size, root } => json!({
                "kind": "anchor", "at": format_rfc3339(*at), "origin": origin, "size": size, "root": hex(root),
            }),
            Self::Erasure { at, origin, index, reason } => json!({
                "kind": "erasure", "at": format_rfc3339(*at), "origin": origin, "index": index, "reason": reason,
            }),
            Self::Decision { at, gov_size, edition, commitment } => json!({
                "kind": "decision", "at": format_rfc3339(*at), "gov_size": gov_size, "edition": hex(edition),
                "commitment": hex(commitment),
            }),
        }
    }
}

fn head(out: &mut Writer, parts: usize, kind: u64, at: Time) {
    out.array(parts);
    out.unsigned(VERSION);
    out.unsigned(kind);
    out.integer(at);
}

fn text(from: &mut Reader<'_>) -> Option<String> {
    from.text().filter(|text| text.len() <= TEXT_BYTES_MAX).map(str::to_owned)
}

fn digest(from: &mut Reader<'_>) -> Option<[u8; 32]> {
    from.bytes()?.try_into().ok()
}

fn change(number: u64) -> Option<Change> {
    Change::ALL.into_iter().find(|(_, known, _)| *known == number).map(|(change, ..)| change)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of a decision that can be shown one by one, in the order of their commitment.
pub const FIELDS: [&str; 8] = ["act", "resource", "actor", "place", "outcome", "law", "private", "record"];

/// The fields of a record, each as JSON; one that does not apply is absent.
#[must_use]
pub fn fields(record: &Record) -> [Option<Vec<u8>>; FIELDS.len()] {
    let instant = |at: Time| format_rfc3339(at);
    let possible: Vec<&str> = record.possible.iter().map(status_word).collect();
    let private: serde_json::Map<String, Value> =
        record.private.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let bytes = |value: Value| Some(value.to_string().into_bytes());
    [
        bytes(json!({ "act": record.act.word() })),
        bytes(json!({ "type": record.resource.word(), "app": record.subject, "found": record.found })),
        bytes(json!({ "actor": record.actor.word(), "role": record.role.map(Role::word) })),
        record.place.as_ref().and_then(|place| bytes(json!({ "place": place.code(), "evidence": record.evidence }))),
        bytes(json!({ "outcome": record.outcome.word(), "verdict": record.verdict.word(), "possible": possible })),
        bytes(json!({
            "provisions": record.provisions, "by": record.by, "edition": record.edition,
            "valid_at": instant(record.valid_at), "known_at": record.known_at.map(instant),
            "until": (record.until != law::time::FOREVER).then(|| instant(record.until)),
        })),
        if private.is_empty() { None } else { bytes(Value::Object(private)) },
        bytes(json!({ "id": record.id, "at": instant(record.at), "gate": record.gate, "request": record.request })),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::Genesis { at: 1_600_000_000, decisions: String::from("a.example/dec/1+00000000+AAAA") },
            Entry::Document {
                at: 1,
                path: String::from("orders/us/x.order"),
                change: Change::Amend,
                digest: [3; 32],
                bytes: 70_000,
            },
            Entry::Anchor { at: -1, origin: String::from("a.example/dec/1"), size: 1 << 40, root: [4; 32] },
            Entry::Erasure { at: 0, origin: String::from("a.example/dec/1"), index: 24, reason: String::from("asked") },
            Entry::Decision { at: 1_600_000_000, gov_size: 255, edition: [1; 32], commitment: [2; 32] },
        ]
    }

    #[test]
    fn entries_have_one_encoding() {
        for entry in entries() {
            let bytes = entry.to_bytes();
            assert_eq!(Entry::from_bytes(&bytes).as_ref(), Some(&entry));
            assert_eq!(Entry::from_bytes(&[&bytes[..], &[0]].concat()), None);
            for cut in 0..bytes.len() {
                assert_eq!(Entry::from_bytes(&bytes[..cut]), None);
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert_ne!(Entry::from_bytes(&changed), Some(entry.clone()));
            }
        }
    }

    #[test]
    fn a_decision_says_when_under_which_law_and_nothing_else() {
        let decision = entries().pop().unwrap();
        assert_eq!(decision.to_bytes().len(), 1 + 1 + 2 + 5 + 2 + 34 + 34);
    }
}

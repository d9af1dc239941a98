//! Every kind of entry there is: its number, its word and its parts, in the order in which they are written.

use super::coding::{Part, VERSION, entries, head, parts};
use super::words::{ActOf, Change, KeyChange, Of, Ruling};
use crate::cbor::{Reader, Writer};
use law::Time;
use serde_json::{Value, json};

entries! {
    /// *gov*: the log begins, and names the log of decisions and its key.
    Genesis = 1 "genesis" {
        /// The key of the log of decisions, as `name+id+base64`.
        decisions: String,
    }
    /// The log begins where another one ended.
    Successor = 1 "genesis" {
        /// *gov*: the key of the log of decisions.
        decisions: Option<String>,
        /// The last checkpoint of the log before, whole.
        previous: String,
    }
    /// *gov*: whose word counts, from here on.
    TrustPolicy = 2 "trust-policy" {
        /// Whom it speaks of.
        of: Of,
        /// Counts up.
        version: u64,
        /// SHA-256 of the document, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
        /// SHA-256 of the envelope that the version before signed it with; the first is taken on its keeper's word.
        signed: Option<[u8; 32]>,
    }
    /// *gov*: a file of the law in force changed. The files of a log of a given size are the law in force then.
    Document = 3 "document" {
        /// Where the file lies in the corpus.
        path: String,
        /// What happened.
        change: Change,
        /// SHA-256 of its bytes, under which the log publishes them; zeros when it is gone.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: an authority's own signed act about its order.
    Act = 3 "act" {
        /// The order.
        order: String,
        /// What was done.
        act: ActOf,
        /// From when.
        from: Time,
        /// Until when, if it says so.
        until: Option<Time>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: a signed statement was taken up and counts from here.
    Attestation = 4 "attestation" {
        /// The type of the statement.
        says: String,
        /// What it is about.
        about: Vec<String>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: statements were taken back, from here on.
    Revocation = 5 "revocation" {
        /// What it is about.
        about: Vec<String>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: law counts a condition as met, or no longer.
    ConditionState = 6 "condition-state" {
        /// The order it is a condition of.
        order: String,
        /// The condition.
        condition: String,
        /// Whether it is met.
        met: bool,
        /// When that changes if nothing is added.
        until: Option<Time>,
        /// How many entries of statements were counted.
        over: u64,
    }
    /// *gov*: somebody decided what the law left to a person.
    Override = 7 "override" {
        /// The log of decisions.
        origin: String,
        /// The index of the decision.
        index: u64,
        /// The hash of its leaf.
        decision: [u8; 32],
        /// The orders it fell under.
        about: Vec<String>,
        /// What was decided.
        ruling: Ruling,
        /// Who signed.
        by: Vec<String>,
        /// The commitment to the reason, which may be about a person.
        reason: [u8; 32],
        /// Until when it holds.
        expires: Time,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: the state of the log of decisions, so that whoever witnesses one log has witnessed both.
    Anchor = 8 "anchor" {
        /// The log of decisions.
        origin: String,
        /// How many entries it has.
        size: u64,
        /// The root of its tree.
        root: [u8; 32],
    }
    /// *gov*: what became of a key of a log.
    KeyEvent = 9 "key-event" {
        /// What became of it.
        event: KeyChange,
        /// The key, as `name+id+base64`.
        key: String,
        /// From when on its signatures count for nothing alone, if it was compromised.
        since: Option<Time>,
        /// The last checkpoint that is sure, whole, if the log ends there.
        checkpoint: Option<String>,
    }
    /// *gov*: what an entry of the log of decisions commits to was erased and cannot be shown any more.
    Erasure = 10 "erasure" {
        /// The log of decisions.
        origin: String,
        /// The index of the entry.
        index: u64,
        /// On what ground.
        reason: String,
    }
    /// The log ends here and goes on under another key.
    Seal = 11 "seal" {
        /// The key of the log that follows.
        next: String,
    }
    /// *gov*: entries before an index are not handed out any more; they and all proofs are kept.
    Retention = 12 "retention" {
        /// The log of decisions.
        origin: String,
        /// The first index that is handed out.
        from: u64,
        /// On what ground.
        reason: String,
    }
    /// *gov*: the program that decides from here on.
    Engine = 13 "engine-release" {
        /// Its version.
        version: String,
        /// SHA-256 of the executable.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: a quorum had signed a checkpoint of this log; what needs witnesses counts from here, up to that size.
    Witnessed = 14 "witnessed" {
        /// How many entries that checkpoint covered.
        size: u64,
        /// How many witnesses signed it; 0 where the log asks for none.
        witnesses: u64,
    }
    /// *dec*: a decision. It says to the second when, and under which law.
    Decision = 64 "decision" {
        /// How many entries the gov log had: which law was in force.
        gov_size: u64,
        /// Digest of the edition that decided.
        edition: [u8; 32],
        /// The commitment to the fields of the record.
        commitment: [u8; 32],
    }
}

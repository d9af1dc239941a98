//! Parties with fixed keys, a trust document, and a log to which they say things.

use attest::dsse::{Envelope, IN_TOTO, Signer};
use attest::history::{Entry, History};
use attest::json::parse_time;
use attest::statement::{Type, compose, named_subject};
use attest::{Time, Trust};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The key of a name: the same on every run.
pub(crate) fn key(name: &str) -> Signer {
    let seed: [u8; 32] = Sha256::digest(name).into();
    Signer::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
}

pub(crate) fn spki(name: &str) -> String {
    use base64ct::{Base64, Encoding};
    use ed25519_dalek::pkcs8::EncodePublicKey;
    let Signer::Ed25519(key) = key(name) else { unreachable!() };
    Base64::encode_string(key.verifying_key().to_public_key_der().unwrap().as_bytes())
}

pub(crate) fn principal(id: &str, org: &str) -> Value {
    json!({ "id": id, "org": org, "keys": [{ "spki": spki(id) }] })
}

pub(crate) fn t(text: &str) -> Time {
    parse_time(text).unwrap_or_else(|| panic!("{text}"))
}

/// A log under construction.
pub(crate) struct World {
    pub(crate) trust: Value,
    pub(crate) entries: Vec<Entry>,
}

impl World {
    pub(crate) fn new(trust: Value) -> Self {
        Self { trust, entries: Vec::new() }
    }

    /// Says something, made when it is taken up unless it says otherwise; gives its place and its digest.
    pub(crate) fn say(&mut self, at: &str, by: &[&str], kind: Type, about: &str, mut claims: Value) -> (u64, String) {
        if claims.get("timeCreated").is_none() {
            claims["timeCreated"] = json!(at);
        }
        let subject = match about.strip_prefix("artifact:") {
            Some(digest) => json!({ "digest": { "sha256": digest } }),
            None => named_subject(about),
        };
        let envelope = sign(&compose(kind, &[subject], &claims), by);
        self.push(at, envelope)
    }

    pub(crate) fn push(&mut self, at: &str, envelope: Envelope) -> (u64, String) {
        let index = self.entries.len() as u64;
        let digest = attest::dsse::hex(&envelope.statement_digest());
        self.entries.push(Entry { index, time: t(at), envelope });
        (index, digest)
    }

    pub(crate) fn history(&self) -> History {
        History::new(Trust::read(&self.trust).unwrap(), self.entries.clone()).unwrap()
    }
}

pub(crate) fn sign(statement: &Value, by: &[&str]) -> Envelope {
    let payload = serde_json::to_vec(statement).unwrap();
    let mut envelope = Envelope { payload_type: IN_TOTO.into(), payload, signatures: Vec::new() };
    for name in by {
        key(name).sign(&mut envelope);
    }
    envelope
}

/// Two rebuilders of one organisation, two of others, an auditor, an agency; three groups.
pub(crate) fn small_trust() -> Value {
    let mut superior = principal("r1", "red");
    superior["superior"] = json!("agency");
    json!({
        "version": 1,
        "principals": [superior, principal("r2", "red"), principal("g", "green"), principal("b", "blue"),
            principal("auditor", "audit"), principal("agency", "state"), principal("chief", "state")],
        "groups": [
            { "name": "rebuilders", "need": 2, "members": ["r1", "r2", "g", "b"], "distinct": "org" },
            { "name": "anyone", "need": "any", "members": ["r1", "auditor"] },
            { "name": "root", "need": "all", "members": ["agency", "chief"] }
        ],
        "accept": [
            { "by": "rebuilders", "type": "build-reproduced", "subject": "artifact:*" },
            { "by": "anyone", "type": "audit-report", "subject": "system:*" },
            { "by": "anyone", "type": "source-review", "subject": "artifact:*" },
            { "by": "agency", "type": "adverse-finding", "subject": "order:*" },
            { "by": "agency", "type": "resolution", "subject": "order:*" },
            { "by": "agency", "type": "act", "subject": "order:*" }
        ]
    })
}

/// A condition on order `o` with this need.
pub(crate) fn condition(need: Value) -> attest::Condition {
    let value = json!({ "order": "o", "condition": "c", "effect": "eligible-for-lift",
        "onLapse": { "act": "reinstate", "grace": "PT24H" }, "authority": "agency", "need": need });
    attest::Condition::read(&value).unwrap()
}

pub(crate) const APK: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const SOURCE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const OTHER: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

//! What a decision commits to: the fields of its record, which can be shown one by one.

use super::coding::hex;
use crate::record::Record;
use docket::finding::status_word;
use docket::moment::format_rfc3339;
use docket::vocabulary::Role;
use law::Time;
use serde_json::{Value, json};

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
    let mut outcome = json!({ "outcome": record.outcome.word(), "verdict": record.verdict.word(), "possible": possible,
        "override": record.overruled.map(|by| by.entry) });
    if let (Some(since), Some(members)) = (record.overruled.and_then(|by| by.unread_since), outcome.as_object_mut()) {
        members.insert("override_unread_since".to_owned(), instant(since).into());
    }
    [
        bytes(json!({ "act": record.act.word() })),
        bytes(json!({ "type": record.resource.word(), "app": record.subject, "found": record.found })),
        bytes(json!({ "actor": record.actor.word(), "role": record.role.map(Role::word) })),
        record.place.as_ref().and_then(|place| bytes(json!({ "place": place.code(), "evidence": record.evidence }))),
        bytes(outcome),
        bytes(json!({
            "provisions": record.provisions, "by": record.by, "edition": record.edition,
            "valid_at": instant(record.valid_at), "known_at": record.known_at.map(instant),
            "until": (record.until != law::time::FOREVER).then(|| instant(record.until)),
        })),
        if private.is_empty() { None } else { bytes(Value::Object(private)) },
        bytes(json!({ "id": record.id, "at": instant(record.at), "gate": record.gate, "request": record.request,
            "question": record.question.map(|digest| hex(&digest)) })),
    ]
}

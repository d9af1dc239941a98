//! JSON Schemas (2020-12) of what is promised: the inquiry, the finding, and the exported corpus.

use crate::export::KINDS;
use docket::order::{Evidence, Rank};
use docket::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role};
use serde_json::{Map, Value, json};

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Value {
    all.iter().map(|item| Value::from(word(*item))).collect()
}

/// The JSON Schema of an inquiry.
#[must_use]
pub fn inquiry() -> Value {
    let facts: Map<String, Value> = Fact::ALL.iter().map(|f| (f.word().to_owned(), fact(*f))).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["subject", "action", "resource"],
        "properties": {
            "subject": {
                "type": "object", "additionalProperties": false, "required": ["type", "id"],
                "properties": {
                    "type": { "enum": words(ActorKind::ALL, ActorKind::word) },
                    "id": { "type": "string", "description": "free; decides only where an order names this party" },
                    "properties": {
                        "type": "object", "additionalProperties": false,
                        "properties": {
                            "role": { "enum": words(Role::ALL, Role::word) },
                            "government": { "type": "string", "examples": ["US-federal-executive", "US-TX", "US-TX-local"] }
                        }
                    }
                }
            },
            "action": {
                "type": "object", "additionalProperties": false, "required": ["name"],
                "properties": { "name": { "enum": words(Act::ALL, Act::word) } }
            },
            "resource": {
                "type": "object", "additionalProperties": false, "required": ["type", "id"],
                "properties": { "type": { "enum": words(ResourceKind::ALL, ResourceKind::word) }, "id": { "type": "string" } }
            },
            "context": {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "valid_at": { "type": ["string", "null"], "format": "date-time", "description": "when the act happens; absent is now" },
                    "known_at": { "type": ["string", "null"], "format": "date-time", "description": "only what could be known by then counts; absent counts all" },
                    "place": { "type": ["string", "null"], "description": "ISO 3166-1 or 3166-2 code; null is not known" },
                    "facts": { "type": "object", "additionalProperties": false, "properties": facts }
                }
            }
        }
    })
}

fn fact(fact: Fact) -> Value {
    match fact.kind() {
        FactKind::Choice(words) => {
            json!({ "enum": words.iter().map(|w| json!(w)).chain([Value::Null]).collect::<Vec<_>>() })
        }
        FactKind::Bool => json!({ "type": ["boolean", "null"] }),
        FactKind::Place | FactKind::PlaceOrNone | FactKind::Operator => json!({ "type": ["string", "null"] }),
        FactKind::Places => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
    }
}

/// The JSON Schema of a finding.
#[must_use]
pub fn finding() -> Value {
    let status = json!({ "enum": ["permitted", "excepted", "stayed", "not_enforced", "prohibited"] });
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object", "additionalProperties": false, "required": ["decision", "context"],
        "properties": {
            "decision": { "type": "boolean" },
            "context": {
                "type": "object", "additionalProperties": false,
                "required": ["verdict", "status", "possible", "grounds", "until", "needs", "unless", "caveats", "law"],
                "properties": {
                    "verdict": { "enum": ["permit", "refer", "forbid"] },
                    "status": { "enum": ["permitted", "excepted", "stayed", "not_enforced", "prohibited", "undetermined"] },
                    "possible": { "type": "array", "minItems": 1, "items": status },
                    "grounds": { "type": "array", "items": {
                        "type": "object", "additionalProperties": false, "required": ["provision", "status", "by", "why"],
                        "properties": { "provision": { "type": "string" }, "status": status, "by": strings, "why": { "type": "string" } }
                    } },
                    "until": { "type": ["string", "null"], "format": "date-time" },
                    "needs": strings,
                    "unless": { "type": "array", "items": { "type": "object", "required": ["fact", "is", "then", "by"] } },
                    "caveats": strings,
                    "override": {
                        "type": "object",
                        "required": ["entry", "by", "until"],
                        "additionalProperties": false,
                        "properties": {
                            "entry": { "type": "integer", "description": "Where the gov log says what people decided, where the law left it to them." },
                            "by": strings,
                            "until": { "type": ["string", "null"], "format": "date-time" },
                            "unread_since": { "type": "string", "format": "date-time", "description": "Since when it cannot be read whether somebody took it back, if it cannot." },
                        },
                    },
                    "law": { "type": "object", "additionalProperties": false, "required": ["edition", "known_at"],
                        "properties": { "edition": { "type": "string" }, "known_at": { "type": ["string", "null"], "format": "date-time" } } }
                }
            }
        }
    })
}

/// An object all of whose members are there, and no others.
fn object(properties: Value) -> Value {
    let required: Vec<String> = properties.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

/// The JSON Schema of the exported corpus.
#[must_use]
pub fn corpus() -> Value {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let texts = json!({ "type": "array", "items": text });
    let moment = object(json!({
        "written": { "type": "string", "description": "as the document states it" },
        "earliest": { "type": "string", "format": "date-time" },
        "latest": { "type": "string", "format": "date-time", "description": "the same as `earliest` where there is one reading" },
    }));
    let bound = json!({ "anyOf": [{ "$ref": "#/$defs/moment" }, { "type": "null" }] });
    let evidence = words(Evidence::ALL, Evidence::word);
    let fact = object(
        json!({ "fact": { "enum": words(Fact::ALL, Fact::word) }, "values": texts, "negated": { "type": "boolean" } }),
    );
    let scope = object(json!({
        "apps": texts, "apps_of": texts,
        "acts": { "type": "array", "items": { "enum": words(Act::ALL, Act::word) } },
        "actors": { "type": "array", "items": { "enum": words(ActorKind::ALL, ActorKind::word) } },
        "governments": texts, "roles": { "type": "array", "items": { "enum": words(Role::ALL, Role::word) } },
        "parties": texts, "places": texts, "not_places": texts, "facts": { "type": "array", "items": fact }, "open": texts,
    }));
    let mut statement = object(json!({
        "id": text, "kind": { "enum": KINDS }, "text": maybe, "from": bound, "until": bound,
        "evidence": { "enum": evidence }, "sources": texts, "notes": texts, "disputed": texts,
        "scopes": { "type": "array", "items": { "$ref": "#/$defs/scope" }, "description": "any of these; an empty list in a scope does not limit" },
    }));
    let particular = json!({
        "overrides": texts, "subject_to": texts, "until_met": maybe, "while_met": maybe, "targets": texts,
        "dependents_kept": { "type": "boolean" }, "duty": text, "open": { "type": "boolean" }, "decides": maybe,
        "meets": texts, "relies_on": texts,
    });
    if let (Some(all), Some(more)) =
        (statement.get_mut("properties").and_then(Value::as_object_mut), particular.as_object())
    {
        all.extend(more.clone());
    }
    let instrument = object(json!({
        "id": text, "aliases": texts, "title": text, "cite": maybe, "jurisdiction": text,
        "rank": { "enum": words(Rank::ALL, Rank::word) }, "authority": maybe, "zone": text,
        "issued": { "$ref": "#/$defs/moment" }, "public": { "$ref": "#/$defs/moment" }, "public_basis": maybe, "retracted": bound,
        "under": texts, "evidence": { "enum": evidence }, "sources": texts, "notes": texts, "disputed": texts,
        "statements": { "type": "array", "items": { "$ref": "#/$defs/statement" } },
    }));
    let identifier = object(json!({
        "type": { "enum": words(ResourceKind::ALL, ResourceKind::word) }, "id": text,
        "shared": { "type": "boolean", "description": "identifies nobody on its own" },
        "evidence": { "enum": evidence }, "sources": texts, "from": bound, "until": bound,
    }));
    let operator = object(json!({ "company": text, "from": bound, "until": bound }));
    let subject = object(json!({
        "id": text, "kind": { "enum": ["app", "company"] }, "names": texts,
        "operators": { "type": "array", "items": operator }, "identifiers": { "type": "array", "items": identifier },
    }));
    let mut whole = object(json!({
        "edition": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
        "instruments": { "type": "array", "items": instrument }, "subjects": { "type": "array", "items": subject },
    }));
    if let Some(members) = whole.as_object_mut() {
        members.insert(String::from("$schema"), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert(String::from("$defs"), json!({ "moment": moment, "scope": scope, "statement": statement }));
    }
    whole
}

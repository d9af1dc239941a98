//! The HTTP interface described for machines: OpenAPI 3.1, and the AuthZEN discovery document.

use docket::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role};
use serde_json::{Value, json};

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Value {
    all.iter().map(|item| Value::from(word(*item))).collect()
}

/// The JSON Schema of an inquiry.
#[must_use]
pub fn inquiry_schema() -> Value {
    let facts: serde_json::Map<String, Value> =
        Fact::ALL.iter().map(|fact| (fact.word().to_owned(), fact_schema(*fact))).collect();
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

fn fact_schema(fact: Fact) -> Value {
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
pub fn finding_schema() -> Value {
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
                    "law": { "type": "object", "additionalProperties": false, "required": ["edition", "known_at"],
                        "properties": { "edition": { "type": "string" }, "known_at": { "type": ["string", "null"], "format": "date-time" } } }
                }
            }
        }
    })
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn document() -> Value {
    let body = |schema: Value| json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    let answer =
        |schema: Value| json!({ "description": "the answer", "content": { "application/json": { "schema": schema } } });
    let problem = json!({ "description": "the question is malformed", "content": { "application/json": { "schema": {
        "type": "object", "required": ["error"],
        "properties": { "error": { "type": "object", "properties": { "at": { "type": "string" }, "message": { "type": "string" } } } } } } } });
    let inquiry = json!({ "$ref": "#/components/schemas/Inquiry" });
    let finding = json!({ "$ref": "#/components/schemas/Finding" });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Interdict decision API", "version": "1", "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "What law says of an act at an instant, as known at an instant. AuthZEN Authorization API 1.0." },
        "paths": {
            "/access/v1/evaluation": { "post": { "summary": "ask one question", "requestBody": body(inquiry.clone()),
                "responses": { "200": answer(finding.clone()), "400": problem } } },
            "/access/v1/evaluations": { "post": { "summary": "ask many questions",
                "requestBody": body(json!({ "type": "object", "properties": {
                    "evaluations": { "type": "array", "items": { "type": "object" } },
                    "options": { "type": "object", "properties": { "evaluations_semantic": { "enum": ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] } } } } })),
                "responses": { "200": answer(json!({ "type": "object", "properties": { "evaluations": { "type": "array", "items": finding } } })), "400": problem } } },
            "/.well-known/authzen-configuration": { "get": { "summary": "where the endpoints are", "responses": { "200": answer(json!({ "type": "object" })) } } },
            "/healthz": { "get": { "summary": "alive, and with which law", "responses": { "200": answer(json!({ "type": "object" })) } } },
            "/metrics": { "get": { "summary": "Prometheus metrics", "responses": { "200": { "description": "metrics", "content": { "text/plain": {} } } } } }
        },
        "components": { "schemas": { "Inquiry": inquiry_schema(), "Finding": finding_schema() } }
    })
}

/// The AuthZEN discovery document for a service reached at `base` (`http://127.0.0.1:8642`).
#[must_use]
pub fn configuration(base: &str) -> Value {
    json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
    })
}

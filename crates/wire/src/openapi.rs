//! The HTTP interface described for machines: OpenAPI 3.1, and the AuthZEN discovery document.

use crate::schema;
use serde_json::{Value, json};

/// The OpenAPI 3.1 document.
#[must_use]
pub fn document() -> Value {
    let body = |schema: Value| json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    let answer =
        |schema: Value| json!({ "description": "the answer", "content": { "application/json": { "schema": schema } } });
    let problem = |why: &str| {
        let error = json!({ "type": "object", "required": ["error"], "properties": { "error": error(&[]) } });
        json!({ "description": why, "content": { "application/json": { "schema": error } } })
    };
    let logged = |schema: Value| {
        json!({ "description": "the answer", "headers": { "Interdict-Log-Index": log_index() },
            "content": { "application/json": { "schema": schema } } })
    };
    let unrecorded = json!({ "description": "the decision could not be recorded, and is not given; ask again", "content": { "application/json": {} } });
    let inquiry = json!({ "$ref": "#/components/schemas/Inquiry" });
    let finding = json!({ "$ref": "#/components/schemas/Finding" });
    let responses = |schema: Value| {
        json!({ "200": logged(schema), "400": problem("the question is malformed"), "408": problem("it took too long"),
            "413": problem("the request is too long"), "415": problem("the request is not JSON"), "503": unrecorded })
    };
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Interdict decision API", "version": "1", "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "What law says of an act at an instant, as known at an instant. AuthZEN Authorization API 1.0." },
        "paths": {
            "/access/v1/evaluation": { "post": { "summary": "ask one question", "requestBody": body(inquiry.clone()), "parameters": [once()],
                "responses": responses(finding.clone()) } },
            "/access/v1/evaluations": { "post": { "summary": "ask many questions", "parameters": [once()],
                "requestBody": body(json!({ "type": "object", "properties": {
                    "evaluations": { "type": "array", "items": { "type": "object" } },
                    "options": { "type": "object", "properties": { "evaluations_semantic": { "enum": ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] } } } } })),
                "responses": responses(json!({ "type": "object", "properties": { "evaluations": {
                    "type": "array", "items": { "anyOf": [finding, { "$ref": "#/components/schemas/Refused" }] } } } })) } },
            "/log/{log}/receipt/{index}": { "get": receipt() },
            "/log/dec/override/{index}": { "get": overruled() },
            "/log/{log}/checkpoint": { "get": { "summary": "the state of a log, signed (C2SP tlog-checkpoint); tiles lie beside it (tlog-tiles)", "parameters": [which_log()],
                "responses": { "200": { "description": "a signed note", "content": { "text/plain": {} } }, "404": { "description": "no decisions are recorded in a log here" } } } },
            "/.well-known/authzen-configuration": { "get": { "summary": "where the endpoints are", "responses": { "200": answer(json!({ "type": "object" })) } } },
            "/healthz": { "get": { "summary": "alive, and with which law", "responses": { "200": answer(json!({ "type": "object" })) } } },
            "/metrics": { "get": { "summary": "Prometheus metrics", "responses": { "200": { "description": "metrics", "content": { "text/plain": {} } } } } }
        },
        "components": { "schemas": { "Inquiry": schema::inquiry(), "Finding": schema::finding(), "Refused": refused() } }
    })
}

/// What is wrong, and where.
fn error(more: &[&str]) -> Value {
    let names: Vec<&str> = ["at", "message"].iter().chain(more).copied().collect();
    json!({ "type": "object", "required": names, "properties": {
        "at": { "type": "string" }, "message": { "type": "string" }, "status": { "type": "integer" } } })
}

/// The place of an answer in a batch, taken by what is wrong with its question.
fn refused() -> Value {
    json!({ "type": "object", "required": ["decision", "context"], "properties": { "decision": { "const": false },
        "context": { "type": "object", "required": ["error"], "properties": { "error": error(&["status"]) } } } })
}

/// Which records of a log an answer is.
fn log_index() -> Value {
    json!({ "schema": { "type": "string", "pattern": "^[0-9]+(-[0-9]+)?(, [0-9]+(-[0-9]+)?)*$" }, "description":
        "where decisions are recorded in a log: the index of each decision of this answer, in their order and without the questions that are refused, once it is on disk; beyond 2,048 characters those that follow each other as runs (`7-12`), and none where even those are longer; its receipt is at /log/dec/receipt/{index}" })
}

fn once() -> Value {
    json!({ "name": "Idempotency-Key", "in": "header", "required": false, "schema": { "type": "string" }, "description":
        "where decisions are recorded in a log: the same question under the same key is on record once, under one index" })
}

fn which_log() -> Value {
    json!({ "name": "log", "in": "path", "required": true, "schema": { "enum": ["gov", "dec"] }, "description":
        "`gov` has what changes the rules, `dec` one commitment a decision" })
}

fn receipt() -> Value {
    json!({ "summary": "the proof that an entry is in a log (C2SP tlog-proof)",
        "parameters": [which_log(), { "name": "index", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 } }],
        "responses": {
            "200": { "description": "a proof that anybody can check offline", "content": { "text/plain": {} } },
            "202": { "description": "durable, and not yet published", "headers": { "Retry-After": { "schema": { "type": "integer" } } } },
            "404": { "description": "there is no such entry" } } })
}

fn overruled() -> Value {
    json!({ "summary": "what somebody decided by hand about a decision that the law left to a person",
        "parameters": [{ "name": "index", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 } }],
        "responses": {
            "200": { "description": "it counts: a signed checkpoint covers it", "content": { "application/json": { "schema": {
                "type": "object", "required": ["ruling", "by", "expires", "holds", "entry"], "properties": {
                    "ruling": { "enum": ["permit", "forbid"] }, "by": { "type": "array", "items": { "type": "string" } },
                    "expires": { "type": "string", "format": "date-time" },
                    "holds": { "type": "boolean", "description": "whether gates answer by it: it is signed by enough people, not over and not taken back" },
                    "entry": { "type": "integer", "description": "the entry of the gov log that says so" } } } } } },
            "202": { "description": "logged, and it does not count yet", "headers": { "Retry-After": { "schema": { "type": "integer" } } } },
            "404": { "description": "nobody has decided" } } })
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

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn headers_of_recorded_decisions_are_described() {
        let document = document();
        for path in ["/access/v1/evaluation", "/access/v1/evaluations"] {
            let asked = &document["paths"][path]["post"];
            assert_eq!(asked["parameters"][0]["name"], "Idempotency-Key", "{path}");
            assert!(asked["responses"]["200"]["headers"]["Interdict-Log-Index"]["schema"].is_object(), "{path}");
            assert!(asked["responses"]["503"].is_object(), "{path}");
        }
        assert!(document["paths"]["/log/{log}/receipt/{index}"]["get"]["responses"]["202"].is_object());
    }
}

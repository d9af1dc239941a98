//! The HTTP interface described for machines: OpenAPI 3.1, and the AuthZEN discovery document.

use crate::schema;
use serde_json::{Value, json};

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
        "components": { "schemas": { "Inquiry": schema::inquiry(), "Finding": schema::finding() } }
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

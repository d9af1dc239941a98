//! The decision API over HTTP: AuthZEN 1.0, its discovery document, OpenAPI, health and metrics.

use crate::live::Live;
use crate::metrics::Metrics;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use docket::finding::Posture;
use law::Time;
use std::sync::Arc;
use std::time::Duration;
use wire::inquiry::{BODY_BYTES_MAX, Malformed};

/// A request that is not answered within this is given up: the slowest honest one takes milliseconds.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the gate is told from outside: it has no clock of its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The instant, for questions that do not say when.
    pub now: fn() -> Time,
    /// Nanoseconds since some fixed moment, for measuring.
    pub nanos: fn() -> u64,
}

/// Everything a request needs.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The law in force.
    pub live: Arc<Live>,
    /// What operators chose to do with each status.
    pub posture: Posture,
    /// The clock.
    pub clock: Clock,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// How clients reach the service (`http://127.0.0.1:8642`).
    pub base: String,
}

/// The routes of the decision API.
pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/access/v1/evaluation", post(evaluation))
        .route("/access/v1/evaluations", post(evaluations))
        .route("/.well-known/authzen-configuration", get(configuration))
        .route("/openapi.json", get(openapi))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(gate.clone(), around))
        .with_state(gate)
}

/// Echoes the request id, measures, and gives up on what takes too long.
async fn around(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let start = (gate.clock.nanos)();
    let id = request.headers().get(REQUEST_ID).cloned();
    let mut response = match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => problem(StatusCode::REQUEST_TIMEOUT, "", "the request took too long"),
    };
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    gate.metrics.answered((gate.clock.nanos)().saturating_sub(start));
    response
}

async fn evaluation(
    State(gate): State<Gate>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let body = match accept(&headers, body) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match wire::evaluation::one(&gate.live.current(), &body, gate.posture, (gate.clock.now)()) {
        Ok((answer, verdict)) => {
            gate.metrics.decided(verdict);
            json(answer)
        }
        Err(malformed) => refused(&gate, &malformed),
    }
}

async fn evaluations(
    State(gate): State<Gate>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let body = match accept(&headers, body) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let count = |verdict| gate.metrics.decided(verdict);
    match wire::evaluation::many(&gate.live.current(), &body, gate.posture, (gate.clock.now)(), count) {
        Ok(answer) => json(answer),
        Err(malformed) => refused(&gate, &malformed),
    }
}

/// The body of a request that says it is JSON and is not too long.
fn accept(
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Bytes, Box<Response>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    if !kind.starts_with("application/json") {
        let message = format!("send `application/json`, not `{kind}`");
        return Err(Box::new(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "", &message)));
    }
    body.map_err(|rejection| Box::new(problem(rejection.status(), "", &rejection.body_text())))
}

fn refused(gate: &Gate, malformed: &Malformed) -> Response {
    gate.metrics.malformed();
    problem(StatusCode::BAD_REQUEST, &malformed.at, &malformed.message)
}

fn problem(status: StatusCode, at: &str, message: &str) -> Response {
    let body = serde_json::json!({ "error": { "at": at, "message": message } }).to_string();
    let mut response = json(body);
    *response.status_mut() = status;
    response
}

fn json(body: String) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const FRESH: HeaderValue = HeaderValue::from_static("no-store");
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, FRESH);
    response
}

async fn configuration(State(gate): State<Gate>) -> Response {
    json(wire::openapi::configuration(&gate.base).to_string())
}

async fn openapi() -> Response {
    json(wire::openapi::document().to_string())
}

async fn healthz(State(gate): State<Gate>) -> Response {
    let docket = gate.live.current();
    let refused = gate.live.refused();
    json(
        serde_json::json!({
            "status": if refused.is_some() { "serving the last sound law" } else { "ok" },
            "edition": docket.edition(),
            "refused_edit": refused,
        })
        .to_string(),
    )
}

async fn metrics(State(gate): State<Gate>) -> Response {
    let text = gate.metrics.render(gate.live.current().edition());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

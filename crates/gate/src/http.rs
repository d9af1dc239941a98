//! The decision API over HTTP: AuthZEN 1.0, its discovery document, OpenAPI, health and metrics.

use crate::live::Live;
use crate::metrics::{LogState, Metrics};
use crate::recorder::{Recorder, Unrecorded, before_answer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use docket::finding::{Posture, Verdict};
use docket::moment::format_rfc3339;
use docket::{Finding, Inquiry};
use law::Time;
use std::sync::Arc;
use std::time::Duration;
use wire::evaluation::Seen;
use wire::inquiry::{BODY_BYTES_MAX, Malformed};
use wire::record::{Outcome, Record};

/// A request that is not answered within this is given up: the slowest honest one takes milliseconds.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);

/// The name of this gate in records and metrics.
const GATE: &str = "api";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whoever asks again with the same key, because an answer was lost, has the decision on record once.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
    /// Where decisions are left.
    pub recorder: Recorder,
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
        .layer(middleware::from_fn(before_answer))
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
    let mut kept = Ok(());
    let (now, start) = ((gate.clock.now)(), (gate.clock.nanos)());
    let answer = wire::evaluation::one(&gate.live.current(), &body, gate.posture, now, |inquiry, found| {
        let nanos = (gate.clock.nanos)().saturating_sub(start);
        kept = gate.decided(now, inquiry, found, &headers, 0, nanos);
    });
    answered(&gate, answer, kept)
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
    let mut kept = Ok(());
    let (now, mut start, mut place) = ((gate.clock.now)(), (gate.clock.nanos)(), 0);
    let answer = wire::evaluation::many(&gate.live.current(), &body, gate.posture, now, |seen| {
        let end = (gate.clock.nanos)();
        match seen {
            Seen::Answered(inquiry, found) => {
                kept = kept.and(gate.decided(now, inquiry, found, &headers, place, end.saturating_sub(start)));
            }
            Seen::Refused(_) => gate.metrics.malformed(),
        }
        (start, place) = (end, place + 1);
    });
    answered(&gate, answer, kept)
}

impl Gate {
    /// Counts and records an answer, at its place among those of a request; whoever asked does the enforcing.
    fn decided(
        &self,
        now: Time,
        inquiry: &Inquiry<'_>,
        found: &mut Finding,
        headers: &HeaderMap,
        place: usize,
        nanos: u64,
    ) -> Result<(), Unrecorded> {
        self.live.overrule(inquiry, found, &[]);
        let outcome = match found.verdict {
            Verdict::Permit => Outcome::Permit,
            Verdict::Refer => Outcome::Refer,
            Verdict::Forbid => Outcome::Refuse,
        };
        let request = request_id(headers).map(str::to_owned);
        let record = Record { request, ..Record::of(GATE, now, outcome, inquiry, found) };
        self.metrics.decided(GATE, outcome, record.order(), nanos);
        // Whatever it is: one that was passed over would leave two decisions where somebody relies on one.
        let once = headers.get(IDEMPOTENCY_KEY).map(|key| format!("{place} {}", key.as_bytes().escape_ascii()));
        self.recorder.keep_once(once.as_deref(), || record).map(drop)
    }
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    /// Enough for every usual form of id; a longer one is cut off from the record, not refused.
    const REQUEST_ID_BYTES_MAX: usize = 128;
    headers.get(REQUEST_ID)?.to_str().ok().filter(|id| id.len() <= REQUEST_ID_BYTES_MAX)
}

fn answered(gate: &Gate, answer: Result<String, Malformed>, kept: Result<(), Unrecorded>) -> Response {
    match (answer, kept) {
        (Ok(answer), Ok(())) => json(answer),
        (Ok(_), Err(Unrecorded)) => {
            let message = "the decision cannot be recorded, and nothing is answered unrecorded here; try again";
            problem(StatusCode::SERVICE_UNAVAILABLE, "", message)
        }
        (Err(malformed), _) => refused(gate, &malformed),
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

/// How far a log is, and what is in the way.
fn told(log: &LogState) -> serde_json::Value {
    let unpublished = log
        .unpublished
        .as_ref()
        .map(|unpublished| serde_json::json!({ "since": format_rfc3339(unpublished.since.0), "why": unpublished.why }));
    serde_json::json!({
        "durable": log.durable,
        "published": log.published,
        "witnesses_missing": log.unsigned,
        "unpublished": unpublished,
    })
}

async fn healthz(State(gate): State<Gate>) -> Response {
    let docket = gate.live.current();
    let (refused, unread) = (gate.live.refused(), gate.live.unread());
    let logs = gate.recorder.logs();
    let status = match (&refused, &unread) {
        (Some(_), _) => "serving the last sound law",
        (None, Some(_)) => "what people decided cannot be read",
        (None, None) if logs.iter().any(|log| log.unpublished.is_some()) => {
            "what is recorded is durable and not published"
        }
        (None, None) => "ok",
    };
    let logs: serde_json::Map<_, _> = logs.into_iter().map(|log| (log.name.to_owned(), told(&log))).collect();
    let unread = unread.map(|unread| {
        serde_json::json!({
            "since": format_rfc3339(unread.since),
            "why": unread.why,
            "permits": if unread.is_over { "not counted" } else { "counted as they were read last" },
        })
    });
    json(
        serde_json::json!({
            "status": status,
            "edition": docket.edition(),
            "refused_edit": refused,
            "overrides_unread": unread,
            "logs": logs,
        })
        .to_string(),
    )
}

async fn metrics(State(gate): State<Gate>) -> Response {
    let text = gate.metrics.render(gate.live.current().edition(), (gate.clock.now)(), &gate.recorder);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

//! The way of one request: what the index says, what the repository answers, what the file itself is, and then the
//! repository's answer as it came, or a refusal.

use super::examine::{Asked, Unclear, examine};
use super::index::canonical;
use super::judge::{Clue, Judgement, inquiry};
use super::{Store, refusal};
use crate::recorder::{Unrecorded, before_answer};
use crate::territory::{Doubt, Evidence};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use docket::finding::Verdict;
use docket::vocabulary::Act;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use law::Time;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use wire::question;
use wire::record::{Outcome, Record};

/// A repository silent for this long in the middle of a file has gone.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// How often a file may change under our eyes before we give up on it.
const CHANGES_MAX: usize = 3;
/// A path longer than this is no file's.
const PATH_BYTES_MAX: usize = 4_096;
/// RFC 9110 § 7.6.1: what concerns one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// By which a request is found again in the records of whoever sent it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The gate as a service: every path is the repository's.
pub fn router(store: Arc<Store>) -> Router {
    Router::new().fallback(serve).layer(axum::middleware::from_fn(before_answer)).with_state(store)
}

async fn serve(
    State(store): State<Arc<Store>>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request<Body>,
) -> Response {
    // A request for a file has no body that anybody would read.
    let (head, _) = request.into_parts();
    answer(&store, peer.map(|Extension(ConnectInfo(peer))| peer.ip()), &head).await
}

async fn answer(store: &Store, peer: Option<std::net::IpAddr>, request: &Parts) -> Response {
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "a repository is read with GET and HEAD");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let Some(target) = request.uri.path_and_query().filter(|path| path.as_str().len() <= PATH_BYTES_MAX) else {
        return plain(StatusCode::URI_TOO_LONG, "the path is too long for a file of this repository");
    };
    let client = peer.and_then(|peer| store.chosen.hops.client(peer, &request.headers));
    let sighting = client.ok_or(Doubt::Nothing).and_then(|client| store.chosen.locator.locate(client));
    let mut evidence = Evidence::of_address(sighting);
    if peer.is_some_and(|peer| store.chosen.hops.is_trusted(peer)) {
        evidence = store.chosen.headers.read(&request.headers, evidence);
    }
    let path = canonical(target.path());
    if let Some(variant) = store.variant(&path, &evidence, &request.headers) {
        return variant;
    }
    let index = store.index.load();
    let mut is_spoken_of = false;
    let is_listed = index.of(&path).is_some();
    if let Some(listed) = index.of(&path) {
        match decide(store, &path, Clue::listed(listed), &evidence, &request.headers, false) {
            Decided::Answered(answer) => return *answer,
            Decided::Served { is_known } => is_spoken_of = is_known,
        }
    }
    drop(index);
    for _ in 0..CHANGES_MAX {
        let headers = forwarded(store, &request.headers);
        let upstream = match store.chosen.upstream.send(request.method.clone(), target, headers).await {
            Ok(response) => response,
            Err((status, why)) => return unreachable(status, &why),
        };
        let asked = Asked { method: &request.method, path: &path, target, is_listed };
        match examine(store, upstream, asked).await {
            Ok((response, None)) => return for_one(is_spoken_of, passed(store, response)),
            Ok((response, Some(identity))) => {
                return match decide(store, &path, Clue::found(&identity), &evidence, &request.headers, true) {
                    Decided::Answered(answer) => *answer,
                    Decided::Served { is_known } => for_one(is_known || is_spoken_of, passed(store, response)),
                };
            }
            Err(Unclear::Changed) => {}
            Err(Unclear::Unread(why)) => return unreachable(StatusCode::BAD_GATEWAY, &why),
            Err(Unclear::NoRoom(why)) => return no_room(&why),
        }
    }
    unreachable(StatusCode::BAD_GATEWAY, "the file changes while it is read")
}

/// What came of a judgement.
enum Decided {
    Answered(Box<Response>),
    Served {
        /// It is an app the law may speak of, to others or at other times.
        is_known: bool,
    },
}

/// Decides by these clues. What is permitted by the index is decided again, and only then on record, when the file itself
/// has spoken.
fn decide<'c>(
    store: &Store,
    path: &str,
    clues: impl Iterator<Item = Clue<'c>>,
    evidence: &Evidence,
    headers: &HeaderMap,
    is_last: bool,
) -> Decided {
    let (start, now) = ((store.clock.nanos)(), (store.clock.now)());
    let docket = store.live.current();
    let took = || (store.clock.nanos)().saturating_sub(start);
    let name = &store.chosen.name;
    let Some(mut judged) = store.judge(&docket, clues, evidence, now) else {
        if is_last {
            store.metrics.decided(name, Outcome::Permit, None, took());
        }
        return Decided::Served { is_known: false };
    };
    let asked = inquiry(judged.kind, "", Act::AppDistribute, judged.place, now);
    // The question is about this file: what people decide about it says nothing of another by the same hand.
    let also = [path, judged.because.as_deref().unwrap_or_default()];
    let question = (judged.finding.verdict == Verdict::Refer).then(|| question::digest(&asked, &judged.finding, &also));
    store.live.overrule(&asked, &mut judged.finding, &also);
    let outcome = store.chosen.stance.outcome(judged.finding.verdict);
    if outcome != Outcome::Refuse && !is_last {
        return Decided::Served { is_known: true };
    }
    let heard = Heard { evidence, headers, now, start };
    let record = Record { question, ..store.record_of("", &judged, outcome, &heard) };
    store.metrics.decided(name, outcome, record.order(), took());
    if let Err(Unrecorded) = store.recorder.keep(|| record) {
        let words = "this decision cannot be recorded, and nothing may happen here unrecorded";
        return Decided::Answered(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, words)));
    }
    match outcome {
        Outcome::Refuse => {
            let refused = refusal::refusal(&docket, &judged, &store.chosen.operator, headers);
            Decided::Answered(Box::new(refused))
        }
        Outcome::Permit | Outcome::Shadow | Outcome::Refer => Decided::Served { is_known: true },
    }
}

/// Who asked and when, as far as a record says.
pub(super) struct Heard<'r> {
    pub(super) evidence: &'r Evidence,
    pub(super) headers: &'r HeaderMap,
    pub(super) now: Time,
    /// When deciding began, by the clock of durations.
    pub(super) start: u64,
}

impl Store {
    /// The record of a judgement, by the gate's name and what of it decided.
    fn record_of(&self, part: &str, judged: &Judgement, outcome: Outcome, heard: &Heard<'_>) -> Record {
        let (evidence, now) = (heard.evidence, heard.now);
        let asked = inquiry(judged.kind, "", Act::AppDistribute, judged.place, now);
        let id = heard.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        Record {
            evidence: evidence.sources().map(|source| source.word().to_owned()).collect(),
            found: judged.because.iter().cloned().collect(),
            request: id.map(|id| id.chars().take(200).collect()),
            ..Record::of(&format!("{}{part}", self.chosen.name), now, outcome, &asked, &judged.finding)
        }
    }

    /// Counts what an index shows or leaves out, and leaves the record.
    pub(super) fn record(
        &self,
        part: &str,
        judged: &Judgement,
        outcome: Outcome,
        heard: &Heard<'_>,
    ) -> Result<(), Unrecorded> {
        let record = self.record_of(part, judged, outcome, heard);
        let took = (self.clock.nanos)().saturating_sub(heard.start);
        self.metrics.decided(&record.gate, outcome, record.order(), took);
        self.recorder.keep(|| record).map(drop)
    }
}

/// Keeps an answer out of shared caches where somebody else may get another one.
fn for_one(is_spoken_of: bool, mut response: Response) -> Response {
    if is_spoken_of {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

/// The client's headers, without those that concern its connection to us or claim to speak of it.
fn forwarded(store: &Store, headers: &HeaderMap) -> HeaderMap {
    let mut forwarded = without_hop_by_hop(headers);
    for (_, name) in &store.chosen.headers.told {
        forwarded.remove(name);
    }
    for name in ["host", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "expect"]
    {
        forwarded.remove(name);
    }
    forwarded.remove(header::CONTENT_LENGTH);
    forwarded
}

fn without_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for named in headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok()) {
        for name in named.split(',') {
            kept.remove(name.trim());
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

/// The repository's answer, for the client.
fn passed(store: &Store, response: Response<Body>) -> Response {
    let (mut head, body) = response.into_parts();
    head.headers = without_hop_by_hop(&head.headers);
    if let Some(location) = head.headers.get(header::LOCATION).and_then(|location| location.to_str().ok()) {
        // A redirect to the repository's own address would lead around the gate.
        let own = store.chosen.upstream.own_path(location);
        if let Some(path) = own.and_then(|path| HeaderValue::from_str(path).ok()) {
            head.headers.insert(header::LOCATION, path);
        }
    }
    Response::from_parts(head, Body::new(Patient::new(body)))
}

fn unreachable(status: StatusCode, why: &str) -> Response {
    let mut response = plain(status, &format!("the repository behind this gate cannot be reached: {why}"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

/// The gate itself cannot look, and what nobody has looked at may be anything.
fn no_room(why: &str) -> Response {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, &format!("this file cannot be looked into now: {why}"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

pub(super) fn plain(status: StatusCode, words: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{words}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body that is given up when nothing comes for too long.
pub(crate) struct Patient {
    body: Body,
    silence: Pin<Box<Sleep>>,
}

impl Patient {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, silence: Box::pin(sleep(SILENCE_TIME_MAX)) }
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let deadline = tokio::time::Instant::now() + SILENCE_TIME_MAX;
            self.silence.as_mut().reset(deadline);
            return Poll::Ready(frame);
        }
        match self.silence.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(axum::Error::new("the repository fell silent")))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

//! The way of one request: what the index says, what the repository answers, what the file itself is, and then the
//! repository's answer as it came, or a refusal.

use super::identity::{Identity, PACKAGE_BYTES_MAX};
use super::index::canonical;
use super::judge::{Clue, inquiry};
use super::upstream::{read_all, validator};
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
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};
use wire::question;
use wire::record::{Outcome, Record};

/// A repository silent for this long in the middle of a file has gone.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// Packages examined at once; each may take [`PACKAGE_BYTES_MAX`] of memory.
const EXAMINED_AT_ONCE_MAX: usize = 2;
/// How often a file may change under our eyes before we give up on it.
const CHANGES_MAX: usize = 3;
/// A path longer than this is no file's.
const PATH_BYTES_MAX: usize = 4_096;
/// Bytes looked at to see whether a file may be a package.
const MAGIC_BYTES: usize = 4;

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

static EXAMINING: Semaphore = Semaphore::const_new(EXAMINED_AT_ONCE_MAX);

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
        match examine(store, upstream, &path, target, is_listed).await {
            Ok((response, None)) => return for_one(is_spoken_of, passed(store, response)),
            Ok((response, Some(identity))) => {
                return match decide(store, &path, Clue::found(&identity), &evidence, &request.headers, true) {
                    Decided::Answered(answer) => *answer,
                    Decided::Served { is_known } => for_one(is_known || is_spoken_of, passed(store, response)),
                };
            }
            Err(Unclear::Changed) => {}
            Err(Unclear::Unread(why)) => return unreachable(StatusCode::BAD_GATEWAY, &why),
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
    let mut record = Record::of(name, now, outcome, &asked, &judged.finding);
    record.evidence = evidence.sources().map(|source| source.word().to_owned()).collect();
    record.found = judged.because.iter().cloned().collect();
    record.question = question;
    record.request = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(|id| id.chars().take(200).collect());
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

/// Keeps an answer out of shared caches where somebody else may get another one.
fn for_one(is_spoken_of: bool, mut response: Response) -> Response {
    if is_spoken_of {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

enum Unclear {
    /// The file is not the one that was looked at.
    Changed,
    /// It cannot be read.
    Unread(String),
}

/// What the file behind an answer says of itself, if it may be a package; and the answer, as it came.
async fn examine(
    store: &Store,
    response: Response<Body>,
    path: &str,
    target: &PathAndQuery,
    is_listed: bool,
) -> Result<(Response<Body>, Option<Arc<Identity>>), Unclear> {
    if response.status() != StatusCode::OK && response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok((response, None));
    }
    let seen = validator(response.headers());
    if let Some(known) = seen.as_deref().and_then(|seen| store.identities.of(path, seen)) {
        return Ok((response, Some(known)));
    }
    let (response, may_be) = if is_listed || is_package_name(path) || is_package_type(response.headers()) {
        (response, true)
    } else {
        begins_as_package(store, response, target).await.map_err(Unclear::Unread)?
    };
    if !may_be {
        return Ok((response, None));
    }
    let _turn = EXAMINING.acquire().await.map_err(|closed| Unclear::Unread(closed.to_string()))?;
    // Somebody else may have found it out meanwhile.
    if let Some(known) = seen.as_deref().and_then(|seen| store.identities.of(path, seen)) {
        return Ok((response, Some(known)));
    }
    let whole = store.chosen.upstream.send(Method::GET, target, HeaderMap::new()).await;
    let whole = whole.map_err(|(_, why)| Unclear::Unread(why))?;
    let found = validator(whole.headers());
    if whole.status() != StatusCode::OK || found != seen {
        return Err(Unclear::Changed);
    }
    if HttpBody::size_hint(whole.body()).lower() > PACKAGE_BYTES_MAX as u64 {
        return Ok((response, None));
    }
    let bytes = read_all(whole.into_body(), PACKAGE_BYTES_MAX).await.map_err(Unclear::Unread)?;
    let search = store.chosen.search.clone();
    let read = tokio::task::spawn_blocking(move || {
        let code = search.map_or_else(Vec::new, |search| search.find(&bytes));
        Identity { code, ..Identity::of(&bytes) }
    });
    let read = read.await;
    let identity = read.map_err(|error| Unclear::Unread(error.to_string()))?;
    Ok((response, Some(store.identities.remember(path, seen.as_deref(), identity))))
}

fn is_package_name(path: &str) -> bool {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    ["apk", "apks", "apkm", "xapk", "aab"].iter().any(|known| end.eq_ignore_ascii_case(known))
}

fn is_package_type(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/vnd.android"))
}

/// Whether the first bytes are those of an archive, or of code that an archive may follow.
fn is_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") || bytes.starts_with(b"dex\n")
}

/// Looks at the first bytes of a file: those that came, if they are the first, or others asked for.
async fn begins_as_package(
    store: &Store,
    response: Response<Body>,
    target: &PathAndQuery,
) -> Result<(Response<Body>, bool), String> {
    let headers = response.headers();
    let plain = response.status() == StatusCode::OK && !headers.contains_key(header::CONTENT_ENCODING);
    if plain {
        let (head, mut body) = response.into_parts();
        let mut first = Vec::new();
        while first.iter().map(Bytes::len).sum::<usize>() < MAGIC_BYTES {
            match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                None => break,
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(frame)) => first.extend(frame.into_data()),
            }
        }
        let start: Vec<u8> = first.iter().flatten().copied().take(MAGIC_BYTES).collect();
        let body = Body::new(Resumed { first: first.into_iter().collect(), rest: body });
        return Ok((Response::from_parts(head, body), is_magic(&start)));
    }
    let mut range = HeaderMap::new();
    range.insert(header::RANGE, HeaderValue::from_static("bytes=0-3"));
    let probe = store.chosen.upstream.send(Method::GET, target, range).await.map_err(|(_, why)| why)?;
    // A server without ranges sends the whole file; the first frame of it is enough.
    let mut body = probe.into_body();
    let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    let start = frame.transpose().map_err(|error| error.to_string())?.and_then(|frame| frame.into_data().ok());
    Ok((response, start.is_some_and(|start| is_magic(&start))))
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

pub(super) fn plain(status: StatusCode, words: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{words}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body some of which has been looked at already.
struct Resumed {
    first: std::collections::VecDeque<Bytes>,
    rest: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        match self.first.pop_front() {
            Some(bytes) => Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let first: u64 = self.first.iter().map(|bytes| bytes.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = http_body::SizeHint::new();
        hint.set_lower(rest.lower() + first);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + first);
        }
        hint
    }
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

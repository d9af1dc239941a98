//! What the file behind an answer is: whether it may be a package, and what the package says of itself.
//!
//! The repository is asked once where the answer to the client is the whole file and there is room to hold it: then what
//! is judged is what is served. Of a file too long to hold, ranges are read; a repository that gives none has the file
//! fetched to disk for as long as it is read.

use super::Store;
use super::identity::{Identity, PACKAGE_BYTES_MAX};
use super::large::{Remote, SPOOLED_BYTES_MAX, Spooled};
use super::upstream::{read_all, validator};
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Packages examined at once; each may take [`PACKAGE_BYTES_MAX`] of memory.
const EXAMINED_AT_ONCE_MAX: usize = 2;
/// Bytes looked at to see whether a file may be a package.
const MAGIC_BYTES: usize = 4;

/// Kilobytes held of packages that have been examined and are on their way to clients, of all clients together; what finds
/// no room is fetched a second time. A client that reads slowly takes room and keeps nobody from anything.
const HELD_KB_MAX: u32 = 256 << 10;

static EXAMINING: Semaphore = Semaphore::const_new(EXAMINED_AT_ONCE_MAX);
static HELD: Semaphore = Semaphore::const_new(HELD_KB_MAX as usize);

/// Why it is not known what a file is.
#[derive(Debug)]
pub(super) enum Unclear {
    /// The file is not the one that was looked at.
    Changed,
    /// It cannot be read.
    Unread(String),
    /// There is no room to read it in.
    NoRoom(String),
}

/// What is asked of the repository.
#[derive(Clone, Copy)]
pub(super) struct Asked<'r> {
    pub(super) method: &'r Method,
    /// The path in its one spelling.
    pub(super) path: &'r str,
    pub(super) target: &'r PathAndQuery,
    /// Whether the index says that it is a package.
    pub(super) is_listed: bool,
}

/// What the file behind an answer says of itself, if it may be a package; and the answer, as it came.
pub(super) async fn examine(
    store: &Store,
    response: Response<Body>,
    asked: Asked<'_>,
) -> Result<(Response<Body>, Option<Arc<Identity>>), Unclear> {
    if response.status() != StatusCode::OK && response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok((response, None));
    }
    let seen = validator(response.headers());
    let known = || seen.as_deref().and_then(|seen| store.identities.of(asked.path, seen));
    if let Some(known) = known() {
        return Ok((response, Some(known)));
    }
    let (response, may_be) = if asked.is_listed || is_package_name(asked.path) || is_package_type(response.headers()) {
        (response, true)
    } else {
        begins_as_package(store, response, asked).await.map_err(Unclear::Unread)?
    };
    if !may_be {
        return Ok((response, None));
    }
    let _turn = EXAMINING.acquire().await.map_err(|closed| Unclear::Unread(closed.to_string()))?;
    // Somebody else may have found it out meanwhile.
    if let Some(known) = known() {
        return Ok((response, Some(known)));
    }
    let (response, identity) = match room(&response, asked.method) {
        Some(room) => {
            let (head, body) = response.into_parts();
            let bytes = read_all(body, PACKAGE_BYTES_MAX).await.map_err(Unclear::Unread)?;
            let identity = read(store, bytes.clone()).await?;
            let held = Resumed { first: [bytes].into(), rest: Body::empty(), _room: Some(room) };
            (Response::from_parts(head, Body::new(held)), identity)
        }
        None => {
            let told = total(&response);
            let identity = apart(store, told, seen.as_deref(), asked.target).await?;
            (response, identity)
        }
    };
    Ok((response, Some(store.identities.remember(asked.path, seen.as_deref(), identity))))
}

/// Room to hold an answer that is the whole file.
fn room(response: &Response<Body>, method: &Method) -> Option<SemaphorePermit<'static>> {
    let is_whole = *method == Method::GET && response.status() == StatusCode::OK;
    let length = total(response).filter(|length| is_whole && *length <= PACKAGE_BYTES_MAX as u64)?;
    HELD.try_acquire_many(u32::try_from(length.div_ceil(1 << 10)).ok()?).ok()
}

/// How long the file is of which an answer is, or is a part.
fn total(response: &Response<Body>) -> Option<u64> {
    let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    match response.status() {
        StatusCode::PARTIAL_CONTENT => text(header::CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok(),
        _ => text(header::CONTENT_LENGTH)?.parse().ok(),
    }
}

/// What a file says of itself, of which an answer is a part or an encoding, or is too long to hold.
async fn apart(
    store: &Store,
    told: Option<u64>,
    seen: Option<&str>,
    target: &PathAndQuery,
) -> Result<Identity, Unclear> {
    let too_long = |length: &u64| *length > PACKAGE_BYTES_MAX as u64;
    if let Some(length) = told.filter(too_long) {
        return large(store, length, seen, target).await;
    }
    let whole = store.chosen.upstream.send(Method::GET, target, HeaderMap::new()).await;
    let whole = whole.map_err(|(_, why)| Unclear::Unread(why))?;
    if whole.status() != StatusCode::OK || validator(whole.headers()).as_deref() != seen {
        return Err(Unclear::Changed);
    }
    if let Some(length) = total(&whole).filter(too_long) {
        drop(whole);
        return large(store, length, seen, target).await;
    }
    let bytes = read_all(whole.into_body(), PACKAGE_BYTES_MAX).await.map_err(Unclear::Unread)?;
    read(store, bytes).await
}

/// What a package says of itself.
async fn read(store: &Store, bytes: Bytes) -> Result<Identity, Unclear> {
    let search = store.chosen.search.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let code = search.map_or_else(Vec::new, |search| search.find(&bytes));
        Identity { code, ..Identity::of(&bytes) }
    });
    reading.await.map_err(|error| Unclear::Unread(error.to_string()))
}

/// What a package says of itself that is too long to hold.
async fn large(store: &Store, length: u64, seen: Option<&str>, target: &PathAndQuery) -> Result<Identity, Unclear> {
    let (search, spool) = (store.chosen.search.clone(), store.chosen.spool.clone());
    let mut remote = Remote::new(store.chosen.upstream.clone(), target.clone(), length, seen.map(str::to_owned));
    let reading = tokio::task::spawn_blocking(move || {
        if remote.gives_ranges()? {
            return Identity::of_ranges(&mut remote, search.as_ref());
        }
        if length > SPOOLED_BYTES_MAX {
            return Ok(Identity { fault: Some(String::from("too long for a package")), ..Identity::default() });
        }
        let mut spooled = Spooled::fetch(&remote, &spool)?;
        let content = spooled.content();
        Ok(Identity { content: Some(content), ..Identity::of_ranges(&mut spooled, search.as_ref())? })
    });
    reading.await.map_err(|error| Unclear::Unread(error.to_string()))?
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
    asked: Asked<'_>,
) -> Result<(Response<Body>, bool), String> {
    let is_encoded = response.headers().contains_key(header::CONTENT_ENCODING);
    let plain = *asked.method == Method::GET && response.status() == StatusCode::OK && !is_encoded;
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
        let body = Body::new(Resumed { first: first.into_iter().collect(), rest: body, _room: None });
        return Ok((Response::from_parts(head, body), is_magic(&start)));
    }
    let mut range = HeaderMap::new();
    range.insert(header::RANGE, HeaderValue::from_static("bytes=0-3"));
    let probe = store.chosen.upstream.send(Method::GET, asked.target, range).await.map_err(|(_, why)| why)?;
    // A server without ranges sends the whole file; the first frame of it is enough.
    let mut body = probe.into_body();
    let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    let start = frame.transpose().map_err(|error| error.to_string())?.and_then(|frame| frame.into_data().ok());
    Ok((response, start.is_some_and(|start| is_magic(&start))))
}

/// A body some of which has been looked at already.
struct Resumed {
    first: std::collections::VecDeque<Bytes>,
    rest: Body,
    /// What it takes of [`HELD_KB_MAX`].
    _room: Option<SemaphorePermit<'static>>,
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

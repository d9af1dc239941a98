//! Files too long to hold, read in ranges: from the repository, or from a disk where it gives none.

use super::examine::Unclear;
use super::proxy::Patient;
use super::upstream::{Upstream, read_all, validator};
use apk::excerpt::Ranges;
use axum::body::{Body, Bytes, HttpBody};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::{fmt, future};
use tokio::runtime::Handle;

/// The longest file that is fetched to disk to be read: twice what any store takes. Android installs nothing of 4 GB, so
/// what is longer, at a repository without ranges, is nobody's app.
pub(super) const SPOOLED_BYTES_MAX: u64 = 8 << 30;

/// Makes files that are gone when they are closed.
#[derive(Clone)]
pub struct Spool(Arc<dyn Fn() -> io::Result<File> + Send + Sync>);

impl Spool {
    /// Files by whoever knows where there is room.
    pub fn new(open: impl Fn() -> io::Result<File> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spool")
    }
}

/// A file at the repository. It waits for answers on the thread it is used on, which may block.
pub(super) struct Remote {
    upstream: Upstream,
    target: PathAndQuery,
    length: u64,
    seen: Option<String>,
    runtime: Handle,
}

impl Remote {
    pub(super) fn new(upstream: Upstream, target: PathAndQuery, length: u64, seen: Option<String>) -> Self {
        Self { upstream, target, length, seen, runtime: Handle::current() }
    }

    fn ask(&self, range: Option<&str>) -> Result<Response<Body>, Unclear> {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            let range = HeaderValue::from_str(range).map_err(|error| Unclear::Unread(error.to_string()))?;
            headers.insert(header::RANGE, range);
        }
        let answer = self.runtime.block_on(self.upstream.send(Method::GET, &self.target, headers));
        let answer = answer.map_err(|(_, why)| Unclear::Unread(why))?;
        // A file that is still new has no validator, and only its length tells.
        let is_same = self.seen.is_none() || validator(answer.headers()) == self.seen;
        if is_same { Ok(answer) } else { Err(Unclear::Changed) }
    }

    /// Whether the repository answers with the range that is asked for.
    pub(super) fn gives_ranges(&self) -> Result<bool, Unclear> {
        Ok(self.ask(Some("bytes=0-0"))?.status() == StatusCode::PARTIAL_CONTENT)
    }
}

impl Ranges for Remote {
    type Fault = Unclear;

    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Unclear> {
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else { return Ok(Vec::new()) };
        let answer = self.ask(Some(&format!("bytes={}-{last}", range.start)))?;
        let told = answer.headers().get(header::CONTENT_RANGE).and_then(|told| told.to_str().ok());
        if told != Some(&format!("bytes {}-{last}/{}", range.start, self.length)) {
            return Err(Unclear::Changed);
        }
        let wanted = usize::try_from(range.end - range.start).map_err(|error| Unclear::NoRoom(error.to_string()))?;
        let bytes = self.runtime.block_on(read_all(answer.into_body(), wanted)).map_err(Unclear::Unread)?;
        if bytes.len() == wanted { Ok(bytes.into()) } else { Err(Unclear::Unread(String::from("it broke off"))) }
    }
}

/// A file that was fetched to disk.
pub(super) struct Spooled {
    file: File,
    length: u64,
    content: [u8; 32],
}

impl Spooled {
    /// Fetches a file whole.
    pub(super) fn fetch(remote: &Remote, spool: &Spool) -> Result<Self, Unclear> {
        let no_room = |error: io::Error| {
            Unclear::NoRoom(format!(
                "the repository gives no ranges of it, and the disk that holds it meanwhile: {error}"
            ))
        };
        let mut file = (spool.0)().map_err(no_room)?;
        let mut body = Patient::new(remote.ask(None)?.into_body());
        let (mut digest, mut length) = (Sha256::new(), 0);
        while let Some(part) = remote.runtime.block_on(next(&mut body))? {
            length += part.len() as u64;
            if length > remote.length {
                return Err(Unclear::Changed);
            }
            digest.update(&part);
            file.write_all(&part).map_err(no_room)?;
        }
        if length != remote.length {
            return Err(Unclear::Unread(String::from("it broke off")));
        }
        Ok(Self { file, length, content: digest.finalize().into() })
    }

    /// SHA-256 of all of it.
    pub(super) const fn content(&self) -> [u8; 32] {
        self.content
    }
}

/// The next bytes of a body.
async fn next(body: &mut Patient) -> Result<Option<Bytes>, Unclear> {
    loop {
        let frame = future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame.transpose().map_err(|error| Unclear::Unread(error.to_string()))? {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

impl Ranges for Spooled {
    type Fault = Unclear;

    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Unclear> {
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        let mut bytes = vec![0; wanted];
        let read = self.file.read_exact_at(&mut bytes, range.start);
        read.map_err(|error| Unclear::NoRoom(format!("what was fetched of it cannot be read back: {error}")))?;
        Ok(bytes)
    }
}

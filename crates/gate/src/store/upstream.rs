//! The repository behind the gate: reached over HTTP or HTTPS, waited for within limits.

use axum::body::{Body, Bytes};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// A repository stands near its gate.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a repository may think before it answers.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Idle connections kept, so that requests at once need no new ones.
const IDLE_CONNECTIONS_MAX: usize = 256;
/// How long they are kept. Common servers close theirs after 60 to 75 seconds.
const IDLE_TIME_MAX: Duration = Duration::from_secs(45);

/// Dates of HTTP have seconds.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Where the repository is.
#[derive(Clone, Debug)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    repository: String,
    connections: Connections,
}

/// A file asked for as a whole.
#[derive(Debug)]
pub enum Fetched {
    /// It is the one already known.
    Unchanged,
    /// There is none.
    Missing,
    /// Its bytes and its validator.
    Body(Bytes, Option<String>),
}

impl Upstream {
    /// A repository by the URL of the folder that holds its index (`http://127.0.0.1:8080/fdroid/repo`).
    ///
    /// # Errors
    /// Why the URL cannot be used.
    pub fn new(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)).cloned();
        let scheme =
            scheme.ok_or_else(|| format!("`{url}`: write http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH"))?;
        let authority = uri.authority().cloned().ok_or_else(|| format!("`{url}` names no host"))?;
        let repository = super::index::canonical(uri.path()).trim_end_matches('/').to_owned();
        let connections = Connections::new(scheme == Scheme::HTTPS).map_err(|why| format!("`{url}`: {why}"))?;
        Ok(Self { scheme, authority, repository, connections })
    }

    /// The path of the folder that holds the index, without a slash at its end.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// A path of the repository's own host, of a URL that leads there.
    #[must_use]
    pub(crate) fn own_path<'u>(&self, url: &'u str) -> Option<&'u str> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
        let path = rest.strip_prefix(self.authority.as_str())?;
        path.starts_with('/').then_some(path)
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// The status to answer with, and why.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &PathAndQuery,
        headers: HeaderMap,
    ) -> Result<Response<Body>, (StatusCode, String)> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path.clone())
            .build()
            .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        match tokio::time::timeout(HEAD_TIME_MAX, self.connections.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(Body::new)),
            Ok(Err(error)) => Err((StatusCode::BAD_GATEWAY, reason(&error))),
            Err(_elapsed) => Err((StatusCode::GATEWAY_TIMEOUT, String::from("it did not answer in time"))),
        }
    }

    /// Fetches a whole file, unless it is still the one with validator `known`.
    ///
    /// # Errors
    /// It cannot be had, or is longer than `bytes_max`.
    pub(crate) async fn fetch(&self, path: &str, known: Option<&str>, bytes_max: usize) -> Result<Fetched, String> {
        let fault = |why: String| format!("{}://{}{path}: {why}", self.scheme, self.authority);
        let target: PathAndQuery = path.parse().map_err(|error| fault(format!("{error}")))?;
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = known.and_then(|known| known.split_once('\0')) {
            let name = if name == "etag" { header::IF_NONE_MATCH } else { header::IF_MODIFIED_SINCE };
            headers.insert(name, value.parse().map_err(|error| fault(format!("{error}")))?);
        }
        let response = self.send(Method::GET, &target, headers).await.map_err(|(_, why)| fault(why))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Fetched::Missing),
            other => return Err(fault(format!("it answered {other}"))),
        }
        let validator = validator(response.headers());
        let body = read_all(response.into_body(), bytes_max).await.map_err(fault)?;
        Ok(Fetched::Body(body, validator))
    }
}

/// Connections to the repository, kept for the next request.
#[derive(Clone, Debug)]
enum Connections {
    Plain(Client<HttpConnector, Body>),
    /// To a host for which an authority vouches that this machine trusts.
    Tls(Client<HttpsConnector<HttpConnector>, Body>),
}

impl Connections {
    fn new(is_tls: bool) -> Result<Self, String> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIME_MAX));
        connector.set_nodelay(true);
        let mut pool = Client::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        if !is_tls {
            return Ok(Self::Plain(pool.build(connector)));
        }
        connector.enforce_http(false);
        let trusting = HttpsConnectorBuilder::new().with_native_roots();
        let trusting = trusting.map_err(|error| {
            format!("{error}: whom this machine trusts is in its package ca-certificates, or in the file that SSL_CERT_FILE names")
        })?;
        Ok(Self::Tls(pool.build(trusting.https_only().enable_http1().wrap_connector(connector))))
    }

    fn request(&self, request: Request<Body>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

/// What tells one content of a path from the next: its entity tag, or its date. `None` where there is neither, and while
/// the file is so new that it could change again without either changing (RFC 9110 § 8.8.2.2): entity tags too are
/// mostly made of dates.
pub(crate) fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let instant = |name| text(name).and_then(|text| httpdate::parse_http_date(text).ok());
    if let (Some(changed), Some(now)) = (instant(header::LAST_MODIFIED), instant(header::DATE))
        && now.duration_since(changed).unwrap_or_default() < SETTLED_AFTER
    {
        return None;
    }
    let date = || text(header::LAST_MODIFIED).map(|date| format!("date\0{date}"));
    text(header::ETAG).map(|tag| format!("etag\0{tag}")).or_else(date)
}

/// A whole body, within a length, without long silences.
pub(crate) async fn read_all(body: Body, bytes_max: usize) -> Result<Bytes, String> {
    let read = axum::body::to_bytes(Body::new(super::proxy::Patient::new(body)), bytes_max).await;
    read.map_err(|error| reason(&error))
}

/// An error with what it came from.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Upstream;

    #[test]
    fn urls_that_cannot_be_used_are_refused_with_what_to_do() {
        for (url, told) in [
            ("ftp://x/", "write http://"),
            ("/repo", "write http://"),
            ("127.0.0.1:80", "write http://"),
            ("http://", "no URL"),
            ("http://a b/", "no URL"),
        ] {
            let why = Upstream::new(url).map(|_| ()).unwrap_err();
            assert!(why.contains(told), "{url}: {why}");
        }
        assert_eq!(Upstream::new("http://127.0.0.1:80/fdroid//repo/").unwrap().repository(), "/fdroid/repo");
        assert_eq!(Upstream::new("http://h").unwrap().repository(), "");
    }
}

//! A bucket of an object store that speaks the S3 API: getting, putting, listing and removing objects, each request signed
//! (AWS Signature Version 4). An object is put only in the place of what it is to replace, so that of two who write one
//! is told.
//!
//! Nothing secret travels: what is put is public, the key only signs, and a signature covers every header and the bytes.
//! So a store without TLS, as there are on loopbacks, is one that may be written to.

use crate::{clock, outgoing};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one request may take: a bundle of the longest entries over a slow line.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(30);

/// The longest text that a store answers: what is wrong, or the names of a thousand objects.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// A longer file is no credentials.
const CREDENTIALS_BYTES_MAX: u64 = 64 * 1024;

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What went wrong, for people.
    pub(crate) why: String,
    /// Whether it may be otherwise in a moment.
    pub(crate) again: bool,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// What an object is put in the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Of nothing.
    Nothing,
    /// Of the object with this tag (`ETag`).
    This(String),
}

/// An object of the store.
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    /// Its tag, if the store says one.
    pub(crate) tag: Option<String>,
}

/// What became of an object that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there, with this tag if the store says so.
    Done(Option<String>),
    /// Something else is in its place.
    Taken,
}

/// Who signs requests.
#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    id: String,
    secret: String,
    session: Option<String>,
}

impl Credentials {
    /// Reads the profile `default` of a file as the tools of AWS write it.
    fn parse(text: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        let mut default = false;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if line.starts_with('[') {
                default = line == "[default]";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| default) {
                values.insert(name.trim(), value.trim().to_owned());
            }
        }
        let mut value = |name: &str| {
            let value = values.remove(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("`[default]` has no `{name}`"))
        };
        let (id, secret) = (value("aws_access_key_id")?, value("aws_secret_access_key")?);
        Ok(Self { id, secret, session: value("aws_session_token").ok() })
    }

    fn read(path: &Path) -> Result<Self, String> {
        let cannot = |why: &dyn std::fmt::Display| format!("credentials {}: {why}", path.display());
        let length = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
        if length > CREDENTIALS_BYTES_MAX {
            return Err(cannot(&format!("longer than {CREDENTIALS_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
        Self::parse(&text).map_err(|why| cannot(&why))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// One request as its signature covers it. Names of headers are in lower case; all of them are signed.
struct Request<'r> {
    method: &'r str,
    /// Percent-encoded already.
    path: &'r str,
    query: &'r str,
    headers: BTreeMap<&'static str, String>,
    /// The digest of the body, in hexadecimal.
    body: &'r str,
}

impl Request<'_> {
    /// The value of `Authorization`. `at` is `YYYYMMDDTHHMMSSZ`, the same as in `x-amz-date`.
    fn authorization(&self, credentials: &Credentials, region: &str, at: &str) -> String {
        let names: Vec<&str> = self.headers.keys().copied().collect();
        let names = names.join(";");
        let headers = self.headers.iter().fold(String::new(), |text, (name, value)| text + name + ":" + value + "\n");
        let Self { method, path, query, body, .. } = self;
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}");
        let day = at.get(..8).unwrap_or_default();
        let scope = format!("{day}/{region}/s3/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let key = mac(format!("AWS4{}", credentials.secret).as_bytes(), day);
        let key = [region, "s3", "aws4_request"].iter().fold(key, |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &text));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", credentials.id)
    }
}

/// Where in which bucket.
#[derive(Clone)]
pub(crate) struct Bucket {
    /// `https://host:port`, without a slash at its end.
    endpoint: String,
    bucket: String,
    /// What every key starts with: empty, or with a slash at its end.
    prefix: String,
    region: String,
    credentials: PathBuf,
    agent: ureq::Agent,
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))
    }
}

/// Characters of a key that mean themselves everywhere.
fn plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().all(is_plain) && !text.split('/').any(|part| matches!(part, "." | ".."))
}

impl Bucket {
    /// The place `s3://bucket/prefix` of the store at `endpoint`.
    ///
    /// # Errors
    /// What is wrong with either, for people.
    pub(crate) fn new(to: &str, endpoint: &str, region: &str, credentials: &Path) -> Result<Self, String> {
        let named = to.strip_prefix("s3://").ok_or_else(|| format!("`{to}` is not s3://BUCKET/PREFIX"))?;
        let (bucket, prefix) = named.split_once('/').unwrap_or((named, ""));
        let prefix = prefix.trim_matches('/');
        if bucket.is_empty() || !plain(bucket) || !plain(prefix) {
            return Err(format!("`{to}`: a bucket, and letters, digits, `-`, `.`, `_`, `~` and `/` after it"));
        }
        let parts = endpoint.split_once("://").map(|(scheme, host)| (scheme, host.trim_end_matches('/')));
        let port = |scheme: &str| if scheme == "https" { ":443" } else { ":80" };
        let sound = |(scheme, host): &(&str, &str)| {
            matches!(*scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '?', '#', '@'])
        };
        let (scheme, host) = parts.filter(sound).ok_or_else(|| format!("`{endpoint}` is not https://HOST[:PORT]"))?;
        Credentials::read(credentials)?;
        Ok(Self {
            endpoint: format!("{scheme}://{}", host.strip_suffix(port(scheme)).unwrap_or(host)),
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            region: region.to_owned(),
            credentials: credentials.to_owned(),
            agent: outgoing::agent(REQUEST_WAIT_MAX, 0),
        })
    }

    /// The same bucket, further down.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}/", self.prefix), ..self.clone() }
    }

    /// The address of an object and the headers of a signed request for it.
    fn signed(
        &self,
        method: &str,
        (key, query): (Option<&str>, &str),
        body: &[u8],
        more: &[(&'static str, &str)],
    ) -> Result<(String, BTreeMap<&'static str, String>), Failed> {
        // Read each time: credentials are replaced while a service runs.
        let credentials = Credentials::read(&self.credentials).map_err(|why| Failed { why, again: true })?;
        let at = jiff::Timestamp::from_second(clock::now()).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        let digest = hex(&Sha256::digest(body));
        let path = match key {
            Some(key) => format!("/{}/{}{key}", self.bucket, self.prefix),
            None => format!("/{}", self.bucket),
        };
        let host = self.endpoint.split_once("://").map_or_else(String::new, |(_, host)| host.to_owned());
        let mut headers =
            BTreeMap::from([("host", host), ("x-amz-content-sha256", digest.clone()), ("x-amz-date", at.clone())]);
        headers.extend(credentials.session.clone().map(|token| ("x-amz-security-token", token)));
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let request = Request { method, path: &path, query, headers, body: &digest };
        let authorization = request.authorization(&credentials, &self.region, &at);
        let mut headers = request.headers;
        headers.insert("authorization", authorization);
        let mark = if query.is_empty() { "" } else { "?" };
        Ok((format!("{}{path}{mark}{query}", self.endpoint), headers))
    }

    /// Puts an object, if what it is to replace is what is there.
    ///
    /// # Errors
    /// When the store says neither that it has it nor that something else is there.
    pub(crate) fn put(
        &self,
        key: &str,
        (kind, caching): (&str, &str),
        bytes: &[u8],
        over: &Over,
    ) -> Result<Put, Failed> {
        let condition = match over {
            Over::Nothing => ("if-none-match", "*"),
            Over::This(tag) => ("if-match", tag.as_str()),
        };
        let more = [("content-type", kind), ("cache-control", caching), condition];
        let (url, headers) = self.signed("PUT", (Some(key), ""), bytes, &more)?;
        let mut request = self.agent.put(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(bytes).map_err(|error| unreached(&url, &error))?;
        match (answer.status().as_u16(), over) {
            (200, _) => Ok(Put::Done(tag(&answer))),
            (412, _) => Ok(Put::Taken),
            // What was to be replaced is gone; that there is no such bucket is another matter.
            (404, Over::This(_)) => match refused(&url, 404, answer.body_mut()) {
                missing if missing.why.contains("NoSuchBucket") => Err(missing),
                _no_such_key => Ok(Put::Taken),
            },
            (status, _) => Err(refused(&url, status, answer.body_mut())),
        }
    }

    /// An object of at most so many bytes, or `None` if there is no such.
    ///
    /// # Errors
    /// When the store says neither.
    pub(crate) fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Found>, Failed> {
        let (url, headers) = self.signed("GET", (Some(key), ""), b"", &[])?;
        let mut answer = self.fetched(&url, headers)?;
        match answer.status().as_u16() {
            200 => {
                let body = answer.body_mut().with_config().limit(bytes_max).read_to_vec();
                let bytes = body.map_err(|error| unreached(&url, &error))?;
                Ok(Some(Found { bytes, tag: tag(&answer) }))
            }
            404 => match refused(&url, 404, answer.body_mut()) {
                missing if missing.why.contains("NoSuchBucket") => Err(missing),
                _no_such_key => Ok(None),
            },
            status => Err(refused(&url, status, answer.body_mut())),
        }
    }

    /// The keys of objects in a folder, without the prefix of this place; a thousand at most.
    ///
    /// # Errors
    /// When the store does not list them.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>, Failed> {
        let prefix = format!("{}{folder}/", self.prefix).replace('/', "%2F");
        let (url, headers) = self.signed("GET", (None, &format!("list-type=2&prefix={prefix}")), b"", &[])?;
        let mut answer = self.fetched(&url, headers)?;
        match answer.status().as_u16() {
            200 => {
                let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
                let text = text.map_err(|error| unreached(&url, &error))?;
                let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
                Ok(keys.filter_map(|(key, _)| key.strip_prefix(&self.prefix).map(str::to_owned)).collect())
            }
            status => Err(refused(&url, status, answer.body_mut())),
        }
    }

    fn fetched(
        &self,
        url: &str,
        headers: BTreeMap<&'static str, String>,
    ) -> Result<ureq::http::Response<ureq::Body>, Failed> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.call().map_err(|error| unreached(url, &error))
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// When the store does not say that it is gone.
    pub(crate) fn remove(&self, key: &str) -> Result<(), Failed> {
        let (url, headers) = self.signed("DELETE", (Some(key), ""), b"", &[])?;
        let mut request = self.agent.delete(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.call().map_err(|error| unreached(&url, &error))?;
        match answer.status().as_u16() {
            200 | 204 | 404 => Ok(()),
            status => Err(refused(&url, status, answer.body_mut())),
        }
    }
}

fn tag(answer: &ureq::http::Response<ureq::Body>) -> Option<String> {
    answer.headers().get("etag")?.to_str().ok().map(str::to_owned)
}

fn unreached(url: &str, error: &ureq::Error) -> Failed {
    Failed { why: format!("{url}: {error}"), again: true }
}

/// What the store says is wrong: its answer is XML with a `Code` and a `Message`.
fn refused(url: &str, status: u16, body: &mut ureq::Body) -> Failed {
    let text = body.with_config().limit(ANSWER_BYTES_MAX).read_to_string().unwrap_or_default();
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(part, _)| part)
    };
    let said: Vec<&str> = ["Code", "Message"].into_iter().filter_map(part).collect();
    // Of two who write at once, one is told to come again.
    let again = (status >= 500 && status != 501) || matches!(status, 408 | 409 | 429);
    Failed { why: format!("{url}: the store answers {status} {}", said.join(": ")).trim_end().to_owned(), again }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Credentials, Request};
    use std::collections::BTreeMap;
    use std::path::Path;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn example(method: &str, path: &str, query: &str, body: &str, more: &[(&'static str, &str)]) -> String {
        let text = "[other]\naws_access_key_id = no\n[default]\n# ours\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n\
                    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";
        let credentials = Credentials::parse(text).unwrap();
        let mut headers = BTreeMap::from([
            ("host", String::from("examplebucket.s3.amazonaws.com")),
            ("x-amz-content-sha256", body.to_owned()),
            ("x-amz-date", String::from("20130524T000000Z")),
        ]);
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let request = Request { method, path, query, headers, body };
        let signed = request.authorization(&credentials, "us-east-1", "20130524T000000Z");
        signed.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    /// The examples of the specification, "Signature Calculations for the Authorization Header".
    #[test]
    fn requests_are_signed_as_the_specification_signs_its_examples() {
        let range = [("range", "bytes=0-9")];
        assert_eq!(
            example("GET", "/test.txt", "", EMPTY, &range),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        let body = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        assert_eq!(
            example("PUT", "/test%24file.text", "", body, &put),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        assert_eq!(
            example("GET", "/", "lifecycle=", EMPTY, &[]),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_would_be() {
        let place = |to: &str, endpoint: &str| {
            Bucket::new(to, endpoint, "us-east-1", Path::new("/nonexistent")).err().unwrap_or_default()
        };
        assert!(place("bucket/log", "http://s3.example").contains("is not s3://BUCKET/PREFIX"));
        assert!(place("s3:///log", "http://s3.example").contains("a bucket"));
        assert!(place("s3://bucket/a/../b", "http://s3.example").contains("a bucket"));
        assert!(place("s3://bucket/log", "s3.example").contains("is not https://HOST"));
        assert!(place("s3://bucket/log", "http://user@s3.example").contains("is not https://HOST"));
        assert!(place("s3://bucket/log", "http://s3.example").contains("credentials /nonexistent"));
        assert!(Credentials::parse("[default]\naws_access_key_id = a\n").is_err_and(|why| why.contains("secret")));
    }
}

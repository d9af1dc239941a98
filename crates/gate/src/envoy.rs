//! Envoy's external authorization, `envoy.service.auth.v3.Authorization/Check`: one call, one message each way.
//!
//! A unary gRPC call is a POST over HTTP/2 whose body is one message behind five bytes, and whose status stands in
//! trailers; the messages are the few fields this gate reads and writes, by their published numbers.

use crate::edge::{Answer, Asked, Gate};
use crate::forward::REQUEST_ID_BYTES_MAX;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;

/// Where Envoy asks.
pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Envoy limits request headers to 60 KiB and sends a body only if told to; a longer message is refused.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A flag and a length stand before each message.
const PREFIX_BYTES: usize = 5;

/// Statuses of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Ok = 0,
    InvalidArgument = 3,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}

/// The messages, named and numbered as Envoy's API names and numbers them.
mod message {
    use std::collections::HashMap;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct CheckRequest {
        #[prost(message, optional, tag = "1")]
        pub(super) attributes: Option<AttributeContext>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct AttributeContext {
        #[prost(message, optional, tag = "1")]
        pub(super) source: Option<Peer>,
        #[prost(message, optional, tag = "4")]
        pub(super) request: Option<RequestContext>,
        #[prost(message, optional, tag = "12")]
        pub(super) tls_session: Option<TlsSession>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Peer {
        #[prost(message, optional, tag = "1")]
        pub(super) address: Option<Address>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Address {
        #[prost(message, optional, tag = "1")]
        pub(super) socket_address: Option<SocketAddress>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct SocketAddress {
        #[prost(string, tag = "2")]
        pub(super) address: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct RequestContext {
        #[prost(message, optional, tag = "2")]
        pub(super) http: Option<HttpRequest>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HttpRequest {
        #[prost(map = "string, string", tag = "3")]
        pub(super) headers: HashMap<String, String>,
        #[prost(string, tag = "5")]
        pub(super) host: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TlsSession {
        #[prost(string, tag = "1")]
        pub(super) sni: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct CheckResponse {
        #[prost(message, optional, tag = "1")]
        pub(super) status: Option<Status>,
        #[prost(message, optional, tag = "2")]
        pub(super) denied_response: Option<DeniedHttpResponse>,
    }

    /// `google.rpc.Status`.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Status {
        #[prost(int32, tag = "1")]
        pub(super) code: i32,
        #[prost(string, tag = "2")]
        pub(super) message: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct DeniedHttpResponse {
        #[prost(message, optional, tag = "1")]
        pub(super) status: Option<HttpStatus>,
        #[prost(message, repeated, tag = "2")]
        pub(super) headers: Vec<HeaderValueOption>,
        #[prost(string, tag = "3")]
        pub(super) body: String,
    }

    /// The code is an enumeration without 451, which Envoy sends all the same when it is given the number.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HttpStatus {
        #[prost(int32, tag = "1")]
        pub(super) code: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HeaderValueOption {
        #[prost(message, optional, tag = "1")]
        pub(super) header: Option<HeaderPair>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HeaderPair {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }
}
use message::{CheckRequest, CheckResponse, DeniedHttpResponse, HeaderPair, HeaderValueOption, HttpStatus, Status};

pub(crate) async fn check(State(gate): State<Gate>, request: Request) -> Response {
    let body = match axum::body::to_bytes(request.into_body(), MESSAGE_BYTES_MAX + PREFIX_BYTES).await {
        Ok(body) => body,
        Err(_too_long) => return failed(Code::ResourceExhausted, "the message is too long"),
    };
    match unframed(&body) {
        Ok(message) => match CheckRequest::decode(message) {
            Ok(asked) => answered(&respond(&gate, &asked)),
            Err(_malformed) => failed(Code::InvalidArgument, "not a CheckRequest"),
        },
        Err((code, why)) => failed(code, why),
    }
}

/// The message behind its flag and length.
fn unframed(body: &[u8]) -> Result<&[u8], (Code, &'static str)> {
    let cut = (Code::InvalidArgument, "the message is cut off");
    let (prefix, message) = body.split_at_checked(PREFIX_BYTES).ok_or(cut)?;
    let [flag, length @ ..] = prefix else { return Err(cut) };
    if *flag != 0 {
        return Err((Code::Unimplemented, "compressed messages are not read"));
    }
    let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    if length == message.len() { Ok(message) } else { Err(cut) }
}

fn respond(gate: &Gate, asked: &CheckRequest) -> CheckResponse {
    let attributes = asked.attributes.as_ref();
    let source = attributes.and_then(|all| all.source.as_ref()?.address.as_ref()?.socket_address.as_ref());
    let client = source.and_then(|source| source.address.parse().ok());
    let http = attributes.and_then(|all| all.request.as_ref()?.http.as_ref());
    let sni = attributes.and_then(|all| all.tls_session.as_ref()).map(|session| session.sni.as_str());
    let host = http.map(|http| http.host.as_str()).filter(|host| !host.is_empty()).or(sni).unwrap_or("");
    let request = http.and_then(|http| http.headers.get("x-request-id")).map(String::as_str);
    let request = request.filter(|id| id.len() <= REQUEST_ID_BYTES_MAX);
    let status = |code: Code| Some(Status { code: code as i32, message: String::new() });
    match gate.decide(Asked { host, client, request }) {
        Answer::Serve => CheckResponse { status: status(Code::Ok), denied_response: None },
        Answer::Refuse(refusal) => {
            let (code, headers, body) = refusal.answer(&gate.edge.blocker);
            CheckResponse {
                status: status(Code::PermissionDenied),
                denied_response: Some(denied(code, &headers, body)),
            }
        }
        Answer::Unrecorded => {
            let code = http::StatusCode::SERVICE_UNAVAILABLE;
            let body = String::from("the decision cannot be recorded\n");
            let denied = denied(code, &HeaderMap::new(), body);
            CheckResponse { status: status(Code::Unavailable), denied_response: Some(denied) }
        }
    }
}

fn denied(code: http::StatusCode, headers: &HeaderMap, body: String) -> DeniedHttpResponse {
    let pair = |(name, value): (&header::HeaderName, &HeaderValue)| {
        let header = HeaderPair { key: name.as_str().to_owned(), value: value.to_str().unwrap_or("").to_owned() };
        HeaderValueOption { header: Some(header) }
    };
    let headers = headers.iter().map(pair).collect();
    DeniedHttpResponse { status: Some(HttpStatus { code: i32::from(code.as_u16()) }), headers, body }
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

fn answered(message: &CheckResponse) -> Response {
    let len = message.encoded_len();
    let mut framed = Vec::with_capacity(PREFIX_BYTES + len);
    framed.push(0);
    framed.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend(message.encode_to_vec());
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// An answer without a message has its status in the head.
fn failed(code: Code, why: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    headers.insert("grpc-status", HeaderValue::from(code as i32));
    headers.insert("grpc-message", HeaderValue::from_static(why));
    response
}

#[cfg(test)]
mod tests {
    use super::message::CheckRequest;
    use super::{Code, unframed};
    use prost::Message as _;

    #[test]
    fn a_message_is_read_only_whole() {
        assert_eq!(unframed(&[0, 0, 0, 0, 2, 7, 8]), Ok(&[7, 8][..]));
        assert_eq!(unframed(&[0, 0, 0, 0, 0]), Ok(&[][..]));
        for cut in [&[][..], &[0, 0], &[0, 0, 0, 0, 3, 1, 2], &[0, 0, 0, 0, 1, 1, 2], &[0, 255, 255, 255, 255, 1]] {
            assert_eq!(unframed(cut).map_err(|(code, _)| code), Err(Code::InvalidArgument), "{cut:?}");
        }
        assert_eq!(unframed(&[1, 0, 0, 0, 0]).map_err(|(code, _)| code), Err(Code::Unimplemented));
    }

    #[test]
    fn noise_is_no_message_and_no_panic() {
        let mut seed = 7_u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        for _ in 0..50_000 {
            let noise: Vec<u8> = (0..random() % 64).map(|_| (random() & 0xff) as u8).collect();
            let _read = CheckRequest::decode(noise.as_slice()).is_ok();
        }
        // A group inside a group inside a group … is given up, not followed.
        assert!(CheckRequest::decode([0x0b; 10_000].as_slice()).is_err());
    }
}

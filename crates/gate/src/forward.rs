//! Forward authentication: a proxy asks whether it may go on, and copies the answer if not.
//!
//! `/edge/authorize` answers 451 with the page, which Caddy, Traefik and their like hand on. nginx's `auth_request`
//! takes only 2xx, 401 and 403, so `/edge/authorize/nginx` answers 403 with the same header fields, and the
//! configuration turns it into 451.

use crate::edge::{Answer, Asked, Gate};
use crate::envoy;
use crate::recorder::before_answer;
use axum::Router;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids are left off the record.
pub(crate) const REQUEST_ID_BYTES_MAX: usize = 128;

/// The routes of the edge gate: forward authentication and Envoy's authorization service.
pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/edge/authorize", any(authorize))
        .route("/edge/authorize/nginx", any(authorize_nginx))
        .route(envoy::CHECK, post(envoy::check))
        .layer(axum::middleware::from_fn(before_answer))
        .with_state(gate)
}

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

async fn authorize(State(gate): State<Gate>, peer: Peer, headers: HeaderMap) -> Response {
    match decide(&gate, peer, &headers) {
        Answer::Serve => StatusCode::OK.into_response(),
        Answer::Refuse(refusal) => refusal.answer(&gate.edge.blocker).into_response(),
        Answer::Unrecorded => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn authorize_nginx(State(gate): State<Gate>, peer: Peer, headers: HeaderMap) -> Response {
    match decide(&gate, peer, &headers) {
        Answer::Serve => StatusCode::OK.into_response(),
        Answer::Refuse(refusal) => (StatusCode::FORBIDDEN, refusal.headers(&gate.edge.blocker)).into_response(),
        Answer::Unrecorded => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn decide(gate: &Gate, peer: Peer, headers: &HeaderMap) -> Answer {
    let peer: Option<IpAddr> = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
    let client = peer.and_then(|peer| gate.edge.hops.client(peer, headers));
    // A proxy that adds to what a client sent adds at the end.
    let named = headers.get_all(FORWARDED_HOST).iter().next_back().or_else(|| headers.get(header::HOST));
    let host = named.and_then(|host| host.to_str().ok()).and_then(|hosts| hosts.rsplit(',').next());
    let request = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX);
    gate.decide(Asked { host: host.unwrap_or("").trim(), client, request })
}

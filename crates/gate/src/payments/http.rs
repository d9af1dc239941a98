//! Screening over HTTP: a message is posted, its transactions come back decided, one JSON object a line, while the
//! message is still being sent.
//!
//! The last line is the accounts. A stream that ends without it was cut off, and nothing of it may be relied on.

use super::judge::{Judge, Settings};
use super::known::Known;
use super::record::Desk;
use super::replays::Replays;
use super::run::{Item, run};
use super::say;
use crate::http::Gate;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use docket::moment::parse_rfc3339;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces of a message, and lines of an answer, waiting to be worked on: whoever is faster waits.
const WAITING_MAX: usize = 16;
/// Messages screened at once; each has a thread. Those beyond are told to come again.
const RUNS_MAX: usize = 16;
/// Lines are sent together up to this size.
const LINE_BYTES_MAX: usize = 32 * 1024;

/// What may be asked besides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    known_at: Option<String>,
    zone: Option<String>,
}

#[derive(Clone, Debug)]
struct Screening {
    gate: Gate,
    replays: Option<Arc<Replays>>,
    runs: Arc<Semaphore>,
}

/// The route of the payments gate. Its body may be as long as it likes: it is never held whole.
/// With `replays`, what came before is known.
pub fn router(gate: Gate, replays: Option<Arc<Replays>>) -> Router {
    let state = Screening { gate, replays, runs: Arc::new(Semaphore::new(RUNS_MAX)) };
    Router::new().route("/payments/v1/screen", post(screen)).with_state(state)
}

async fn screen(State(state): State<Screening>, Query(asked): Query<Asked>, request: Request) -> Response {
    let settings = match settings(&state.gate, &asked) {
        Ok(settings) => settings,
        Err(why) => return problem(StatusCode::BAD_REQUEST, &why),
    };
    let Ok(permit) = Arc::clone(&state.runs).try_acquire_owned() else {
        let mut response =
            problem(StatusCode::SERVICE_UNAVAILABLE, "as many messages are being screened as there is room for");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    };
    let (pieces, source) = channel::<io::Result<Bytes>>(WAITING_MAX);
    let (lines, answer) = channel::<Result<Bytes, io::Error>>(WAITING_MAX);
    tokio::spawn(feed(request.into_body(), pieces));
    let docket = state.gate.live.current();
    tokio::task::spawn_blocking(move || {
        let _while_it_runs = permit;
        let source = Pieces { source, piece: Bytes::new() };
        if let Err(why) = work(&state, &docket, settings, source, &lines) {
            // The answer ends without accounts, which is how the asker knows.
            let _gone = lines.blocking_send(Err(io::Error::other(why))).is_err();
        }
    });
    let body = Body::new(Answer(answer));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn settings(gate: &Gate, asked: &Asked) -> Result<Settings, String> {
    let zone = asked.zone.as_deref().unwrap_or("America/New_York");
    Ok(Settings {
        known_at: asked.known_at.as_deref().map(parse_rfc3339).transpose().map_err(|why| format!("known_at: {why}"))?,
        zone: TimeZone::get(zone).map_err(|error| format!("zone: {error}"))?,
        posture: gate.posture,
    })
}

fn work(
    state: &Screening,
    docket: &docket::Docket,
    settings: Settings,
    source: Pieces,
    lines: &Sender<Result<Bytes, io::Error>>,
) -> Result<(), String> {
    let Screening { gate, replays, .. } = state;
    let known = Known::of(docket)?;
    let (known_at, now) = (settings.known_at, gate.clock.now);
    let session = replays.as_deref().map(|replays| replays.session(&settings.words(docket.edition()), now));
    let session = session.transpose()?;
    let mut judge = Judge::new(docket, &known, settings);
    let mut waiting = Vec::new();
    let mut desk = Desk::new(&gate.recorder, session.as_ref(), now, known_at);
    let send = |waiting: &mut Vec<u8>, desk: &mut Desk<'_>| {
        // On disk before it is told.
        desk.settle()?;
        let sent = lines.blocking_send(Ok(Bytes::from(std::mem::take(waiting))));
        sent.map_err(|_gone| String::from("the asker has gone"))
    };
    let mut sink = |item: &Item<'_>| {
        desk.take(item)?;
        waiting.extend_from_slice(say::item(item, "", false).to_string().as_bytes());
        waiting.push(b'\n');
        if waiting.len() >= LINE_BYTES_MAX { send(&mut waiting, &mut desk) } else { Ok(()) }
    };
    let mut reader = screening::iso20022::Reader::new(source);
    let accounts = run(&mut reader, &mut judge, session.as_ref(), &mut sink).map_err(|broken| broken.to_string())?;
    waiting.extend_from_slice(say::accounts(&accounts, docket.edition(), false).to_string().as_bytes());
    waiting.push(b'\n');
    send(&mut waiting, &mut desk)
}

/// Hands on a body piece by piece.
async fn feed(body: Body, pieces: Sender<io::Result<Bytes>>) {
    let mut body = Box::pin(body);
    loop {
        let next = std::future::poll_fn(|context| http_body::Body::poll_frame(Pin::as_mut(&mut body), context)).await;
        let piece = match next {
            None => return,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => Ok(data),
                Err(_trailers) => continue,
            },
            Some(Err(error)) => Err(io::Error::other(error)),
        };
        let broken = piece.is_err();
        if pieces.send(piece).await.is_err() || broken {
            return;
        }
    }
}

/// A body as something to read from, on a thread of its own.
struct Pieces {
    source: Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.source.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let count = self.piece.len().min(into.len());
        let taken = self.piece.split_to(count);
        for (to, from) in into.iter_mut().zip(taken.iter()) {
            *to = *from;
        }
        Ok(count)
    }
}

/// Lines as a body.
struct Answer(Receiver<Result<Bytes, io::Error>>);

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|next| next.map(|piece| piece.map(http_body::Frame::data)))
    }
}

fn problem(status: StatusCode, why: &str) -> Response {
    let body = serde_json::json!({ "error": { "message": why } }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

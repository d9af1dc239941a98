//! Screening over HTTP: a message is posted, its transactions come back decided, one JSON object a line, while the
//! message is still being sent; what to tell its sender comes behind them, in the words of a rail, where one is asked for.
//!
//! The last line is the accounts. A stream that ends without it was cut off, and nothing of it may be relied on.

use super::answer::{Answers, Profile};
use super::format::Format;
use super::judge::{ByHand, Judge, Settings};
use super::known::{Known, Lists};
use super::record::Desk;
use super::replays::Replays;
use super::run::{Item, run};
use super::say;
use super::table::Mapping;
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
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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
    format: Option<String>,
    map: Option<String>,
    rail: Option<String>,
}

/// What the operator provides beside the law.
#[derive(Clone, Debug, Default)]
pub struct Provided {
    /// By what it is known what came before.
    pub replays: Option<Arc<Replays>>,
    /// Which column or member is what, by the names they are asked for by.
    pub mappings: BTreeMap<String, Mapping>,
    /// Lists of people and companies to look for.
    pub lists: Option<Arc<Lists>>,
}

#[derive(Clone, Debug)]
struct Screening {
    gate: Gate,
    provided: Arc<Provided>,
    runs: Arc<Semaphore>,
    known: Arc<Mutex<Option<Held>>>,
}

/// What is looked for, and the edition of the law it is from.
#[derive(Debug)]
struct Held {
    edition: String,
    known: Arc<Known>,
}

impl Screening {
    /// What is looked for under this law; made anew when the law has changed.
    fn known(&self, docket: &docket::Docket) -> Result<Arc<Known>, String> {
        let mut held = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| held.edition == docket.edition()) {
            return Ok(Arc::clone(&held.known));
        }
        let mut known = Known::of(docket)?;
        if let Some(lists) = &self.provided.lists {
            known = known.with_lists(Arc::clone(lists));
        }
        let known = Arc::new(known);
        *held = Some(Held { edition: docket.edition().to_owned(), known: Arc::clone(&known) });
        Ok(known)
    }
}

/// The route of the payments gate. Its body may be as long as it likes: it is never held whole.
pub fn router(gate: Gate, provided: Provided) -> Router {
    let state = Screening {
        gate,
        provided: Arc::new(provided),
        runs: Arc::new(Semaphore::new(RUNS_MAX)),
        known: Arc::default(),
    };
    Router::new().route("/payments/v1/screen", post(screen)).with_state(state)
}

async fn screen(State(state): State<Screening>, Query(asked): Query<Asked>, request: Request) -> Response {
    let task = match task(&state, &asked) {
        Ok(task) => task,
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
        if let Err(why) = work(&state, &docket, task, source, &lines) {
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

/// One message, and how it is to be screened.
struct Task {
    settings: Settings,
    format: Format,
    mapping: Option<Mapping>,
    rail: Option<Profile>,
}

fn task(state: &Screening, asked: &Asked) -> Result<Task, String> {
    let zone = asked.zone.as_deref().unwrap_or("America/New_York");
    let settings = Settings {
        known_at: asked.known_at.as_deref().map(parse_rfc3339).transpose().map_err(|why| format!("known_at: {why}"))?,
        zone: TimeZone::get(zone).map_err(|error| format!("zone: {error}"))?,
        posture: state.gate.posture,
    };
    let format = asked.format.as_deref().map(Format::named).transpose().map_err(|why| format!("format: {why}"))?;
    let format = format.unwrap_or_default();
    let mappings = &state.provided.mappings;
    let mapping = asked.map.as_deref().map(|name| {
        mappings.get(name).cloned().ok_or_else(|| format!("map: the service has no mapping `{name}`; [payments.maps]"))
    });
    let mapping = mapping.transpose()?;
    if mapping.is_none() && matches!(format, Format::Csv | Format::Json) {
        return Err(format!("map: name one of the service's mappings for {}; [payments.maps]", format.word()));
    }
    let rail = asked.rail.as_deref().map(Profile::named).transpose().map_err(|why| format!("rail: {why}"))?;
    Ok(Task { settings, format, mapping, rail })
}

fn work(
    state: &Screening,
    docket: &docket::Docket,
    task: Task,
    source: Pieces,
    lines: &Sender<Result<Bytes, io::Error>>,
) -> Result<(), String> {
    let Screening { gate, provided, .. } = state;
    let Task { settings, format, mapping, rail } = task;
    let known = state.known(docket)?;
    let (known_at, now) = (settings.known_at, gate.clock.now);
    let replays = provided.replays.as_deref();
    let session = replays.map(|replays| replays.session(&settings.words(docket.edition()), now)).transpose()?;
    let mut answers = rail.map(|rail| Answers::new(rail, now()));
    let (rulings, unread) = gate.live.ruled();
    let mut judge = Judge::new(docket, &known, settings).ruled(ByHand { rulings, unread, now: now() });
    let mut waiting = Lines::default();
    let mut desk = Desk::new(&gate.recorder, session.as_ref(), now, known_at);
    let send = |waiting: &mut Lines, desk: &mut Desk<'_>| {
        // On disk before it is told.
        let told = waiting.told(desk.settle()?);
        let sent = lines.blocking_send(Ok(told));
        sent.map_err(|_gone| String::from("the asker has gone"))
    };
    let mut sink = |item: &Item<'_>| {
        answers.iter_mut().try_for_each(|answers| answers.take(item))?;
        let records = desk.take(item)?;
        waiting.push(say::item(item, "", false).to_string(), records);
        if waiting.bytes >= LINE_BYTES_MAX { send(&mut waiting, &mut desk) } else { Ok(()) }
    };
    let mut reader = format.reader(Box::new(source), || mapping.ok_or_else(|| String::from("no mapping")))?;
    let accounts = run(&mut *reader, &mut judge, session.as_ref(), &mut sink).map_err(|broken| broken.to_string())?;
    for answer in answers.iter().flat_map(|answers| answers.write(&accounts)) {
        waiting.push(say::answer(&answer).to_string(), 0);
    }
    waiting.push(say::accounts(&accounts, docket.edition(), false).to_string(), 0);
    send(&mut waiting, &mut desk)
}

/// Lines that are not told yet, each with how many decisions are recorded of it.
#[derive(Default)]
struct Lines {
    lines: Vec<(String, usize)>,
    bytes: usize,
}

impl Lines {
    fn push(&mut self, line: String, records: usize) {
        self.bytes += line.len();
        self.lines.push((line, records));
    }

    /// All of them, each with where a log has what is recorded of it.
    fn told(&mut self, indexes: Vec<Option<u64>>) -> Bytes {
        let mut indexes = indexes.into_iter();
        let mut text = String::with_capacity(self.bytes + self.lines.len());
        for (line, records) in self.lines.drain(..) {
            let own: Vec<String> = indexes.by_ref().take(records).flatten().map(|index| index.to_string()).collect();
            match line.strip_suffix('}').filter(|_| !own.is_empty()) {
                Some(open) => text.extend([open, ",\"log\":[", &own.join(","), "]}"]),
                None => text.push_str(&line),
            }
            text.push('\n');
        }
        self.bytes = 0;
        Bytes::from(text)
    }
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

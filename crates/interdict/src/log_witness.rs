//! A witness over HTTP (C2SP tlog-witness): the service, and the client that a log asks with.

use crate::commands::print;
use crate::log::{Problem, read};
use crate::outgoing;
use crate::{clock, listen, whole_file};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as Named, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ledger::disk::Folder;
use ledger::keeper::{Keeper, Sign, Unsigned};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tlog::note::{Kind, Note, Signature, SigningKey, VerifierKey};
use tlog::policy::Party;
use tlog::witness::{AddCheckpoint, REQUEST_BYTES_MAX, Refusal, origin_hash};

/// How long a log waits for a witness before it publishes without it.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A private key. One that others may read too is said, and used all the same: machines hand keys in differently.
pub(crate) fn signing_key(path: &Path) -> Result<SigningKey, Problem> {
    let text = String::from_utf8(read(path)?).unwrap_or_default();
    if std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
        eprintln!("note: others on this machine can read or change {}; `chmod 600` it", path.display());
    }
    SigningKey::parse(text.trim()).map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))
}

pub(crate) fn serve(key: &Path, state: &Path, logs: &[String], address: SocketAddr) -> Result<u8, Problem> {
    let path = key;
    let key = signing_key(path)?;
    if key.public().kind() != Kind::Cosignature {
        let help = "make one with `interdict log key NAME --witness --output FILE`";
        return Err(Problem::new(1, format!("{}: that is no key of a witness; {help}", path.display())));
    }
    let logs: Result<Vec<VerifierKey>, _> = logs.iter().map(|log| VerifierKey::parse(log)).collect();
    let logs = logs.map_err(|error| Problem::new(2, format!("--log: {error}")))?;
    whole_file::make_folder(state).map_err(|error| Problem::file(state, error))?;
    let disk = Folder::new(state);
    let lock = disk.lock("lock").map_err(|error| Problem::file(state, error))?;
    let _held = lock.ok_or_else(|| Problem::new(1, format!("{} is in use by another witness", state.display())))?;
    let now = || u64::try_from(clock::now()).unwrap_or(0);
    let keeper = Keeper::witness(disk, key, &logs, now).map_err(|error| Problem::file(state, error))?;
    let keeper = Arc::new(keeper);
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(checkpoint))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(Arc::clone(&keeper));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::new(1, format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let ends = crate::serve::stop();
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.map_err(|error| Problem::new(1, format!("cannot listen on {address}: {error}")))?;
        let bound = listener.local_addr().map_err(|error| Problem::new(1, error.to_string()))?;
        let known: BTreeSet<&str> = logs.iter().map(VerifierKey::name).collect();
        let signed = known.iter().map(|origin| {
            let hash = origin_hash(origin);
            format!("signed    http://{bound}/{hash}/checkpoint   of {origin}\n")
        });
        let signed: String = signed.collect();
        // At once: whoever reads only the first lines may be gone before another is written.
        let told = format!("witness   http://{bound}/add-checkpoint\nkey       {}\n{signed}", keeper.public());
        print(&told).map_err(|error| Problem::new(1, error))?;
        listen::serve(listener, routes, ends).await;
        Ok(0)
    })
}

/// What was signed last of a log, for whoever watches it.
async fn checkpoint(State(keeper): State<Arc<Keeper<Folder>>>, Named(origin_hash): Named<String>) -> Response {
    // A signature waits for the disk while it holds what is asked for here.
    let kept = tokio::task::spawn_blocking(move || keeper.cosigned(&origin_hash)).await;
    match kept {
        Ok(Some(note)) => ([(header::CACHE_CONTROL, "no-cache")], note.to_string()).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "nothing was signed here for a log with that hash\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn add_checkpoint(State(keeper): State<Arc<Keeper<Folder>>>, body: Bytes) -> Response {
    let signed = tokio::task::spawn_blocking(move || {
        let request = AddCheckpoint::parse(&body).map_err(Unsigned::Refused)?;
        keeper.add(&request)
    });
    match signed.await {
        Ok(Ok(signature)) => signature.to_string().into_response(),
        Ok(Err(Unsigned::Refused(refusal))) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refusal {
                Refusal::Conflict(size) => {
                    (status, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
                }
                Refusal::Malformed | Refusal::Unsigned | Refusal::UnknownLog | Refusal::Inconsistent => {
                    (status, format!("{refusal}\n")).into_response()
                }
            }
        }
        Ok(Err(Unsigned::Unavailable(why))) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What a witness says that it signed last of a log, which nobody has checked. One that has signed nothing answers as one
/// that tells nobody does.
pub(crate) fn signed_last(witness: &Party, origin: &str) -> Result<Note, String> {
    let url = witness.url.as_deref().ok_or("the policy gives no address of it")?;
    let url = format!("{}/{}/checkpoint", url.trim_end_matches('/'), origin_hash(origin));
    let unread = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let mut answer = outgoing::agent(WAIT_MAX, 0).get(&url).call().map_err(|error| unread(&error))?;
    match answer.status().as_u16() {
        200 => {
            let body = answer.body_mut().with_config().limit(REQUEST_BYTES_MAX as u64).read_to_vec();
            let note = Note::parse(&body.map_err(|error| unread(&error))?);
            note.map_err(|error| unread(&error))
        }
        404 => Err(unread(&"it has signed nothing of this log, or tells nobody (404)")),
        other => Err(unread(&format!("status {other}"))),
    }
}

/// A witness at an address of the policy.
pub(crate) struct HttpWitness {
    key: VerifierKey,
    url: String,
    agent: ureq::Agent,
    latest: u64,
}

impl HttpWitness {
    pub(crate) fn new(key: VerifierKey, url: &str) -> Self {
        Self { key, url: url.trim_end_matches('/').to_owned(), agent: outgoing::agent(WAIT_MAX, 0), latest: 0 }
    }
}

impl Sign for HttpWitness {
    fn name(&self) -> String {
        format!("the witness {}", self.key.name())
    }

    fn latest_size(&mut self, _origin: &str) -> Result<u64, Unsigned> {
        Ok(self.latest)
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        let unavailable = |error: &dyn std::fmt::Display| Unsigned::Unavailable(format!("{}: {error}", self.url));
        let url = format!("{}/add-checkpoint", self.url);
        let mut answer = self.agent.post(&url).send(request.to_string()).map_err(|error| unavailable(&error))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(REQUEST_BYTES_MAX as u64).read_to_vec();
        let body = body.map_err(|error| unavailable(&error))?;
        let refusal = match status {
            200 => {
                let mut signatures = Note::parse_signatures(&body).map_err(|error| unavailable(&error))?;
                signatures.retain(|signature| self.key.made(signature));
                // One that is not its own would make readers refuse the checkpoint, whoever else has signed it.
                let cosigned = Note { text: request.checkpoint.text.clone(), signatures };
                if cosigned.verify(std::slice::from_ref(&self.key)).map_err(|forged| unavailable(&forged))?.is_empty() {
                    return Err(unavailable(&"it answers without a signature of its key"));
                }
                let new = tlog::witness::origin(request).map_err(Unsigned::Refused)?;
                self.latest = new.size;
                return Ok(cosigned.signatures.into_iter().take(1).collect());
            }
            400 => Refusal::Malformed,
            403 => Refusal::Unsigned,
            404 => Refusal::UnknownLog,
            409 => {
                let size = String::from_utf8_lossy(&body).trim().parse().map_err(|error| unavailable(&error))?;
                self.latest = size;
                Refusal::Conflict(size)
            }
            422 => Refusal::Inconsistent,
            other => return Err(unavailable(&format!("status {other}"))),
        };
        Err(Unsigned::Refused(refusal))
    }
}

/// The path of a socket that can be bound: these have at most 107 bytes.
pub(crate) fn socket_path(path: &Path) -> Result<PathBuf, Problem> {
    const SOCKET_PATH_BYTES_MAX: usize = 107;
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return Err(Problem::new(1, format!("{} is too long for a socket; name another", path.display())));
    }
    Ok(path.to_owned())
}

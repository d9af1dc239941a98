//! A signer in a process of its own, behind a socket that only the log's user can open.
//!
//! A message is its length in four bytes and its text. Asked is `latest ORIGIN` or `sign` with, from the next line on,
//! what a witness is sent, only that nobody has signed the checkpoint yet. Answered is `ok` with what was asked for
//! from the next line on, `refused STATUS SIZE`, or `failed` and why.

use crate::disk::Disk;
use crate::keeper::{Keeper, Sign, Unsigned};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tlog::note::{Note, Signature};
use tlog::witness::{AddCheckpoint, REQUEST_BYTES_MAX, Refusal};

/// The longest message: a request and the word before it.
const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + 16;

/// How long a signer may take. It writes one small file.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

fn send(stream: &mut UnixStream, text: &str) -> io::Result<()> {
    let length = u32::try_from(text.len()).ok().filter(|length| *length as usize <= MESSAGE_BYTES_MAX);
    let length = length.ok_or(io::Error::from(ErrorKind::InvalidInput))?;
    stream.write_all(&[&length.to_be_bytes()[..], text.as_bytes()].concat())
}

fn receive(stream: &mut UnixStream) -> io::Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let passing = [Errno::MFILE, Errno::NFILE, Errno::CONNABORTED, Errno::INTR, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}

/// Answers on a socket, for the logs whose signers these are, until accepting fails.
///
/// # Errors
/// When no connection can be accepted any more.
pub fn serve<D: Disk>(listener: &UnixListener, keepers: &[Arc<Keeper<D>>]) -> io::Result<()> {
    std::thread::scope(|scope| {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                // Who asked is gone already, or others hold all there may be: for now.
                Err(error) if is_passing(&error) => {
                    std::thread::sleep(ACCEPT_PAUSE);
                    continue;
                }
                Err(error) => return Err(error),
            };
            // One log asks, on one connection for each of its halves; who breaks off is done.
            let asked = move || {
                while let Ok(asked) = receive(&mut stream) {
                    if send(&mut stream, &answer(keepers, &asked)).is_err() {
                        break;
                    }
                }
            };
            // Whoever no thread can be had for finds the connection closed, and asks again.
            if std::thread::Builder::new().spawn_scoped(scope, asked).is_err() {
                std::thread::sleep(ACCEPT_PAUSE);
            }
        }
    })
}

/// What is answered to a message.
#[must_use]
pub fn answer<D: Disk>(keepers: &[Arc<Keeper<D>>], asked: &str) -> String {
    let of = |origin: &str| keepers.iter().find(|keeper| keeper.public().name() == origin);
    if let Some(origin) = asked.strip_prefix("latest ") {
        return match of(origin) {
            Some(keeper) => format!("ok\n{}", keeper.latest(origin).map_or(0, |latest| latest.size)),
            None => "refused 404 0".to_owned(),
        };
    }
    let Some(body) = asked.strip_prefix("sign\n") else { return "refused 400 0".to_owned() };
    let request = AddCheckpoint::parse_unsigned(body.as_bytes());
    let origin = request.and_then(|request| Ok((tlog::witness::origin(&request)?.origin, request)));
    let signed = origin
        .map_err(Unsigned::Refused)
        .and_then(|(origin, request)| of(&origin).ok_or(Unsigned::Refused(Refusal::UnknownLog))?.add(&request));
    match signed {
        Ok(signature) => format!("ok\n{signature}"),
        Err(Unsigned::Refused(refusal)) => {
            let size = if let Refusal::Conflict(size) = refusal { size } else { 0 };
            format!("refused {} {size}", refusal.status())
        }
        Err(Unsigned::Unavailable(why)) => format!("failed {why}"),
    }
}

/// Connects to a signer. One that is there and takes nobody, since it hangs and many wait already, is
/// [`ErrorKind::WouldBlock`] at once; the standard library would wait for it without end.
///
/// # Errors
/// When it is not there, or takes nobody.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// The signer behind a socket.
#[derive(Debug)]
pub struct Remote {
    path: PathBuf,
    stream: Option<UnixStream>,
    hangs: bool,
}

impl Remote {
    /// Behind this socket. Nothing is asked yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), stream: None, hangs: false }
    }

    /// Whether it was there when it was asked last and did not answer in time: asked again, it would take as long.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.hangs
    }

    fn ask(&mut self, text: &str) -> Result<String, Unsigned> {
        let reused = self.stream.is_some();
        let answer = match self.exchange(text) {
            // The signer was started anew since; asking twice is harmless, it signs what it signed.
            Err(error) if reused && !is_over(&error) => self.exchange(text),
            answer => answer,
        };
        self.hangs = answer.as_ref().is_err_and(is_over);
        answer.map_err(|error| self.unavailable(&error))
    }

    fn exchange(&mut self, text: &str) -> io::Result<String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = connect(&self.path)?;
                stream.set_read_timeout(Some(TIME_MAX))?;
                stream.set_write_timeout(Some(TIME_MAX))?;
                stream
            }
        };
        send(&mut stream, text)?;
        let answer = receive(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }

    fn unavailable(&self, error: &io::Error) -> Unsigned {
        let place = self.path.display();
        Unsigned::Unavailable(match is_over(error) {
            true => format!("{place}: no answer within {} seconds", TIME_MAX.as_secs()),
            false => format!("{place}: {error}"),
        })
    }
}

/// Whether a time is over, which the kernel calls otherwise.
fn is_over(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn understood(answer: &str) -> Result<&str, Unsigned> {
    if let Some(rest) = answer.strip_prefix("ok\n") {
        return Ok(rest);
    }
    let refused = answer.strip_prefix("refused ").and_then(|rest| rest.split_once(' '));
    let refusal = refused.and_then(|(status, size)| match status {
        "400" => Some(Refusal::Malformed),
        "403" => Some(Refusal::Unsigned),
        "404" => Some(Refusal::UnknownLog),
        "409" => size.parse().ok().map(Refusal::Conflict),
        "422" => Some(Refusal::Inconsistent),
        _ => None,
    });
    Err(refusal.map_or_else(|| Unsigned::Unavailable(answer.to_owned()), Unsigned::Refused))
}

impl Sign for Remote {
    fn name(&self) -> String {
        format!("the signer at {}", self.path.display())
    }

    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned> {
        let answer = self.ask(&format!("latest {origin}"))?;
        let size = understood(&answer)?.parse().ok();
        size.ok_or_else(|| Unsigned::Unavailable("it answered with no size".to_owned()))
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        let answer = self.ask(&format!("sign\n{request}"))?;
        let lines = understood(&answer)?;
        Note::parse_signatures(lines.as_bytes()).map_err(|malformed| Unsigned::Unavailable(malformed.to_string()))
    }
}

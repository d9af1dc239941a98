//! The folder of a log, and who signs for it.
//!
//! The folder of a log has `gov` and `dec`, one log each; `keys` with their private keys, which may lie elsewhere once a
//! signer of its own holds them; `signer` with what was signed; and, if others witness it, a `policy` that names them.

use crate::clock;
use crate::log::{Problem, chance, read};
use crate::log_witness::{HttpWitness, socket_path};
use ledger::disk::Folder;
use ledger::keeper::{Sign, Unsigned};
use ledger::log::{Ledger, Settings};
use ledger::publish::{self, Published, Signers};
use ledger::socket::Remote;
use ledger::wal::SEGMENT_BYTES;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::note::{Signature, VerifierKey};
use tlog::policy::Policy;
use tlog::witness::AddCheckpoint;

/// How often what is durable is published.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// How long a signer may take to start.
const START_TRIES: u32 = 400;
pub(crate) const START_PAUSE: Duration = Duration::from_millis(25);

/// How long what is durable is waited for to be published while something is in the way: some publish cycles.
const PUBLISH_TRIES: u32 = 200;

/// A signer that was started for this process. It ends when its standard input does: with this process, however that
/// ends, kill -9 included.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // One that has already ended needs no ending.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The folder of a log, and who signs for it.
pub(crate) struct Home {
    folder: PathBuf,
    signer: Signer,
    is_rolling: bool,
}

/// The signer of a log: one that runs at a named socket, or else one that is started when it is needed, and again if it
/// has ended.
#[derive(Clone)]
enum Signer {
    Named(PathBuf),
    Own { folder: PathBuf, socket: PathBuf, started: Arc<Mutex<Option<Started>>> },
}

impl Signer {
    fn socket(&self) -> &Path {
        match self {
            Self::Named(socket) | Self::Own { socket, .. } => socket,
        }
    }

    /// Makes sure that somebody answers, as far as that is for this process to do.
    fn ensure(&self) -> Result<(), Problem> {
        let Self::Own { folder, socket, started } = self else { return Ok(()) };
        let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for _ in 0..START_TRIES {
            // A signer that is already there, as of a service that runs, serves this process too.
            match ledger::socket::connect(socket) {
                Ok(_there) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(_gone) => {}
            }
            let gone = match started.as_mut().map(|Started(child)| child.try_wait()) {
                None => true,
                Some(Ok(None)) => false,
                Some(Ok(Some(status))) => {
                    last = Some(status);
                    true
                }
                Some(Err(error)) => return Err(Problem::new(1, error.to_string())),
            };
            if gone {
                if last.is_some() && held_by_another(folder) {
                    let help = "name its socket with --signer (of `serve`: --log-signer)";
                    return Err(Problem::new(
                        1,
                        format!("another signer holds the keys of {}; {help}", folder.display()),
                    ));
                }
                *started = Some(start(folder, socket)?);
            }
            std::thread::sleep(START_PAUSE);
        }
        let ended = last.map(|status| format!("; the last one ended: {status}")).unwrap_or_default();
        Err(Problem::new(1, format!("the signer does not answer at {}{ended}", socket.display())))
    }
}

/// Whether a signer that does not answer at the usual place remembers in this folder.
fn held_by_another(folder: &Path) -> bool {
    // Who has just ended may hold it for a moment more.
    !(0..5).any(|_| {
        std::thread::sleep(START_PAUSE);
        Folder::new(folder.join("signer")).lock("lock").is_ok_and(|lock| lock.is_some())
    })
}

fn start(folder: &Path, socket: &Path) -> Result<Started, Problem> {
    let program = std::env::current_exe().map_err(|error| Problem::new(1, error.to_string()))?;
    let child = Command::new(program)
        .args(["log", "sign", "--with-input", "--key"])
        .arg(folder.join("keys/gov.key"))
        .arg("--key")
        .arg(folder.join("keys/dec.key"))
        .arg("--state")
        .arg(folder.join("signer"))
        .arg("--socket")
        .arg(socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    child.map(Started).map_err(|error| Problem::new(1, format!("cannot start the signer: {error}")))
}

/// Asks the signer, which is started if nobody answers.
struct Asked {
    signer: Signer,
    remote: Remote,
}

impl Asked {
    fn ask<T>(&mut self, ask: impl Fn(&mut Remote) -> Result<T, Unsigned>) -> Result<T, Unsigned> {
        match ask(&mut self.remote) {
            Err(Unsigned::Unavailable(_)) if !self.remote.hangs() => {
                self.signer.ensure().map_err(|problem| Unsigned::Unavailable(problem.message))?;
                ask(&mut self.remote)
            }
            answered => answered,
        }
    }
}

impl Sign for Asked {
    fn name(&self) -> String {
        self.remote.name()
    }

    fn latest_size(&mut self, origin: &str) -> Result<u64, Unsigned> {
        self.ask(|remote| remote.latest_size(origin))
    }

    fn sign(&mut self, request: &AddCheckpoint) -> Result<Vec<Signature>, Unsigned> {
        self.ask(|remote| remote.sign(request))
    }
}

/// That a folder is not one of the two logs in the place of the folder they lie in.
pub(crate) fn holds_both(folder: &Path) -> Result<(), Problem> {
    let Some(home) = folder.parent().filter(|_| folder.join("public/vkey").is_file()) else { return Ok(()) };
    let home = if home.as_os_str().is_empty() { Path::new(".") } else { home };
    let help = format!("name the folder that has both: {}", home.display());
    Err(Problem::new(1, format!("{} is one of two logs; {help}", folder.display())))
}

impl Home {
    /// Finds the log in a folder; it is signed for at `socket`, or by whoever is started to hold the keys of the folder.
    pub(crate) fn open(folder: &Path, socket: Option<&Path>) -> Result<Self, Problem> {
        if let Err(error) = std::fs::metadata(folder.join("dec/public/vkey"))
            && error.kind() != ErrorKind::NotFound
        {
            return Err(Problem::file(folder, error));
        }
        if !folder.join("dec/public/vkey").is_file() && folder.join("next").is_dir() {
            let help = "end that with `interdict log roll`";
            return Err(Problem::new(1, format!("{} is being rolled; {help}", folder.display())));
        }
        holds_both(folder)?;
        if !folder.join("dec/public/vkey").is_file() {
            let help = format!("make one with `interdict log new {} --name NAME`", folder.display());
            return Err(Problem::new(1, format!("{} holds no log; {help}", folder.display())));
        }
        let signer = match socket {
            Some(socket) => Signer::Named(socket.to_owned()),
            None => Signer::Own {
                folder: folder.to_owned(),
                socket: socket_path(&folder.join("signer/socket"))?,
                started: Arc::default(),
            },
        };
        Ok(Self { folder: folder.to_owned(), signer, is_rolling: false })
    }

    /// The same for whoever ends one pair of logs and begins the next.
    pub(crate) fn rolling(self) -> Self {
        Self { is_rolling: true, ..self }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The public key of one of the two logs.
    pub(crate) fn vkey(&self, log: &str) -> Result<VerifierKey, Problem> {
        Self::key_of(&self.disk(log))
    }

    /// The public key beside a log.
    pub(crate) fn key_of(log: &Folder) -> Result<VerifierKey, Problem> {
        let path = log.path().join(publish::KEY);
        let text = String::from_utf8(read(&path)?).unwrap_or_default();
        VerifierKey::parse(text.trim()).map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))
    }

    pub(crate) fn disk(&self, log: &str) -> Folder {
        Folder::new(self.folder.join(log))
    }

    /// Where the log of a number lies that was sealed.
    pub(crate) fn past(&self, log: &str, number: u64) -> Folder {
        Folder::new(self.folder.join("past").join(log).join(number.to_string()))
    }

    /// The policy that names the witnesses of this log, if there are any.
    pub(crate) fn policy(&self) -> Result<Option<(Vec<u8>, Policy)>, Problem> {
        let path = self.folder.join("policy");
        // One that is named and cannot be read is not one that asks for nobody.
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Ok(_) | Err(_) => {}
        }
        let bytes = read(&path)?;
        let policy = Policy::parse(&bytes);
        let policy = policy.map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))?;
        Ok(Some((bytes, policy)))
    }

    fn signers(&self) -> Result<Signers, Problem> {
        let asked = Asked { signer: self.signer.clone(), remote: Remote::new(self.signer.socket()) };
        let mut signers = Signers { log: Box::new(asked), witnesses: Vec::new(), policy: None };
        if let Some((_, policy)) = self.policy()? {
            for witness in policy.witnesses() {
                if let Some(url) = &witness.url {
                    let client: Box<dyn Sign> = Box::new(HttpWitness::new(witness.key.clone(), url));
                    signers.witnesses.push(client);
                }
            }
            signers.policy = Some(policy);
        }
        Ok(signers)
    }

    /// Opens one of the two logs; `None` if another process has it open. The lock is held as long as the answer is kept.
    pub(crate) fn start_unless_open(&self, log: &str) -> Result<Option<(Ledger, std::fs::File)>, Problem> {
        if !self.is_rolling && self.folder.join("next").is_dir() {
            let help = "end that with `interdict log roll`";
            return Err(Problem::new(1, format!("{} is being rolled; {help}", self.folder.display())));
        }
        let disk = self.disk(log);
        let Some(lock) = disk.lock("lock").map_err(|error| Problem::file(disk.path(), error))? else { return Ok(None) };
        let settings = Settings {
            segment_bytes: SEGMENT_BYTES,
            publish_every: PUBLISH_EVERY,
            chance,
            nanos: clock::nanos,
            keeps_private: log == "dec",
        };
        let started = Ledger::start(&disk, &self.vkey(log)?, settings, self.signers()?);
        let ledger = started.map_err(|error| Problem::new(unopened(&error), format!("{log}: {error}")))?;
        Ok(Some((ledger, lock)))
    }

    /// The same, where nobody else may have it open.
    pub(crate) fn start(&self, log: &str) -> Result<(Ledger, std::fs::File), Problem> {
        let in_use = || Problem::new(1, format!("{} is in use by another process", self.disk(log).path().display()));
        self.start_unless_open(log)?.ok_or_else(in_use)
    }
}

/// Waits until a checkpoint covers an index, but not for ever where something is in its way.
pub(crate) fn covered(ledger: &Ledger, index: u64) -> Result<Published, Problem> {
    let mut tries = 0;
    // Who waits hurries the log.
    let _hurry = ledger.covered(index, false);
    loop {
        if let Some(published) = ledger.published().filter(|published| published.checkpoint.size > index) {
            return Ok(published);
        }
        if let Some(trouble) = ledger.trouble() {
            tries += 1;
            if tries > PUBLISH_TRIES {
                let why = format!("all of it is durable, and not published yet: {trouble}");
                return Err(Problem::new(6, why));
            }
        }
        std::thread::sleep(START_PAUSE);
    }
}

fn unopened(error: &ledger::log::Unopened) -> u8 {
    use ledger::log::Unopened;
    match error {
        Unopened::Wal(_) => 6,
        Unopened::Published(publish::Failed::Inconsistent { .. }) => 4,
        Unopened::Published(publish::Failed::Damaged(_)) => 5,
        Unopened::Published(publish::Failed::Disk(_) | publish::Failed::Wal(_)) => 6,
        Unopened::Published(publish::Failed::Signer(_)) | Unopened::Thread(_) => 1,
    }
}

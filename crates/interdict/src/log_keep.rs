//! The commands that keep a log, and the log that a service records in.
//!
//! The folder of a log has `gov` and `dec`, one log each; `keys` with their private keys, which may lie elsewhere once a
//! signer of its own holds them; `signer` with what was signed; and, if others witness it, a `policy` that names them.

use crate::clock;
use crate::log::{Problem, chance, read};
use crate::log_witness::{HttpWitness, signing_key, socket_path};
use ledger::disk::{Disk, Folder};
use ledger::keeper::{Keeper, Sign};
use ledger::log::{Ledger, Settings};
use ledger::private;
use ledger::publish::{self, Signers};
use ledger::socket::{self, Remote};
use ledger::wal::{Record, SEGMENT_BYTES};
use std::io::{BufRead, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tlog::note::{Kind, SigningKey, VerifierKey};
use tlog::policy::Policy;
use wire::entry::Entry;

type Ended = Result<u8, Problem>;

/// How often what is durable is published.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// How long a signer may take to start.
const START_TRIES: u32 = 200;
const START_PAUSE: Duration = Duration::from_millis(25);

/// How long what was appended is waited for to be published while something is in the way: some publish cycles.
const PUBLISH_TRIES: u32 = 200;

/// How long an erasure may take while the service runs: some publish cycles.
const ERASE_TRIES: u32 = 400;

fn write_secret(path: &Path, text: &str) -> Result<(), Problem> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| Problem::file(path, error))
}

fn make_private(folder: &Path) -> Result<(), Problem> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Problem::file(folder, error))
}

fn new_key(name: &str, kind: Kind) -> Result<SigningKey, Problem> {
    SigningKey::from_seed(name, kind, &chance()).map_err(|error| Problem::new(1, format!("`{name}`: {error}")))
}

pub(crate) fn key(name: &str, witness: bool, output: &Path) -> Ended {
    let key = new_key(name, if witness { Kind::Cosignature } else { Kind::Text })?;
    write_secret(output, &format!("{}\n", key.to_secret_text()))?;
    println!("{}", key.public());
    Ok(0)
}

pub(crate) fn new(folder: &Path, name: &str) -> Ended {
    if folder.join("keys").exists() {
        return Err(Problem::new(1, format!("{} already holds a log", folder.display())));
    }
    make_private(&folder.join("keys"))?;
    make_private(&folder.join("signer"))?;
    for log in ["gov", "dec"] {
        // The shard: a log that is sealed is followed by one with the next number.
        let key = new_key(&format!("{name}/{log}/1"), Kind::Text)?;
        let public = folder.join(log).join("public");
        std::fs::create_dir_all(&public).map_err(|error| Problem::file(&public, error))?;
        let vkey = format!("{}\n", key.public());
        std::fs::write(public.join("vkey"), &vkey).map_err(|error| Problem::file(&public, error))?;
        write_secret(&folder.join("keys").join(format!("{log}.key")), &format!("{}\n", key.to_secret_text()))?;
        print!("{log}       {vkey}");
    }
    Ok(0)
}

pub(crate) fn sign(keys: &[PathBuf], state: &Path, path: &Path) -> Ended {
    let path = socket_path(path)?;
    make_private(state)?;
    let disk = Folder::new(state);
    let lock = disk.lock("lock").map_err(|error| Problem::file(state, error))?;
    let _held = lock.ok_or_else(|| Problem::new(1, format!("{} is in use by another signer", state.display())))?;
    let mut keepers = Vec::new();
    for key in keys {
        let keeper = Keeper::signer(disk.clone(), signing_key(key)?).map_err(|error| Problem::file(state, error))?;
        keepers.push(Arc::new(keeper));
    }
    // The lock says that nobody answers on it.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Problem::file(&path, error));
    }
    let listener = UnixListener::bind(&path).map_err(|error| Problem::file(&path, error))?;
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, only_owner).map_err(|error| Problem::file(&path, error))?;
    for keeper in &keepers {
        println!("signer    {}", keeper.public());
    }
    socket::serve(&listener, &keepers).map_err(|error| Problem::file(&path, error))?;
    Ok(0)
}

/// A signer that was started for this process and ends with it.
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
    socket: PathBuf,
    _signer: Option<Started>,
}

impl Home {
    /// Finds the signer at `socket`, or starts one that holds the keys of the folder.
    pub(crate) fn open(folder: &Path, socket: Option<&Path>) -> Result<Self, Problem> {
        if !folder.join("dec/public/vkey").is_file() {
            let help = format!("make one with `interdict log new {} --name NAME`", folder.display());
            return Err(Problem::new(1, format!("{} holds no log; {help}", folder.display())));
        }
        if let Some(socket) = socket {
            return Ok(Self { folder: folder.to_owned(), socket: socket.to_owned(), _signer: None });
        }
        let socket = socket_path(&folder.join("signer/socket"))?;
        // A signer that is already there, as of a service that runs, serves this process too.
        if UnixStream::connect(&socket).is_ok() {
            return Ok(Self { folder: folder.to_owned(), socket, _signer: None });
        }
        let program = std::env::current_exe().map_err(|error| Problem::new(1, error.to_string()))?;
        let child = Command::new(program)
            .args(["log", "sign", "--key"])
            .arg(folder.join("keys/gov.key"))
            .arg("--key")
            .arg(folder.join("keys/dec.key"))
            .arg("--state")
            .arg(folder.join("signer"))
            .arg("--socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let mut child = child.map_err(|error| Problem::new(1, format!("cannot start the signer: {error}")))?;
        for _ in 0..START_TRIES {
            if UnixStream::connect(&socket).is_ok() {
                return Ok(Self { folder: folder.to_owned(), socket, _signer: Some(Started(child)) });
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(Problem::new(1, format!("the signer ended at once: {status}")));
            }
            std::thread::sleep(START_PAUSE);
        }
        drop(Started(child));
        Err(Problem::new(1, "the signer does not answer".to_owned()))
    }

    pub(crate) fn vkey(&self, log: &str) -> Result<VerifierKey, Problem> {
        let path = self.folder.join(log).join(publish::KEY);
        let text = String::from_utf8(read(&path)?).unwrap_or_default();
        VerifierKey::parse(text.trim()).map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))
    }

    pub(crate) fn disk(&self, log: &str) -> Folder {
        Folder::new(self.folder.join(log))
    }

    fn signers(&self) -> Result<Signers, Problem> {
        let path = self.folder.join("policy");
        let mut signers = Signers { log: Box::new(Remote::new(&self.socket)), witnesses: Vec::new(), policy: None };
        if path.is_file() {
            let policy = Policy::parse(&read(&path)?);
            let policy = policy.map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))?;
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

    /// Opens one of the two logs. The lock is held as long as the answer is kept.
    pub(crate) fn start(&self, log: &str) -> Result<(Ledger, std::fs::File), Problem> {
        let disk = self.disk(log);
        let lock = disk.lock("lock").map_err(|error| Problem::file(disk.path(), error))?;
        let in_use = || Problem::new(1, format!("{} is in use by another process", disk.path().display()));
        let lock = lock.ok_or_else(in_use)?;
        let settings = Settings {
            segment_bytes: SEGMENT_BYTES,
            publish_every: PUBLISH_EVERY,
            chance,
            keeps_private: log == "dec",
        };
        let started = Ledger::start(&disk, &self.vkey(log)?, settings, self.signers()?);
        let ledger = started.map_err(|error| Problem::new(unopened(&error), format!("{log}: {error}")))?;
        Ok((ledger, lock))
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

pub(crate) fn append(folder: &Path, to: &str, signer: Option<&Path>) -> Ended {
    if !matches!(to, "gov" | "dec") {
        return Err(Problem::new(1, format!("`{to}` is neither `gov` nor `dec`")));
    }
    let home = Home::open(folder, signer)?;
    let (ledger, _lock) = home.start(to)?;
    let mut output = std::io::stdout().lock();
    let mut last = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Problem::new(1, error.to_string()))?;
        let ticket = ledger.append(Record { entry: line.into_bytes(), private: Vec::new() });
        let index = ticket.and_then(|ticket| ticket.wait()).map_err(|error| Problem::new(6, error.to_string()))?;
        writeln!(output, "{index}")
            .and_then(|()| output.flush())
            .map_err(|error| Problem::new(1, error.to_string()))?;
        last = Some(index);
    }
    let ended = last.map_or(Ok(()), |index| await_checkpoint(&ledger, index));
    ledger.stop();
    ended.map(|()| 0)
}

/// Waits until a checkpoint covers an index, but not for ever where something is in its way.
fn await_checkpoint(ledger: &Ledger, index: u64) -> Result<(), Problem> {
    let mut tries = 0;
    // Who waits hurries the log.
    let _hurry = ledger.covered(index, false);
    loop {
        if let Some(published) = ledger.published().filter(|published| published.checkpoint.size > index) {
            // What is durable and published without them stays so; whoever relies on them must know.
            published.missing.iter().for_each(|why| eprintln!("not signed by {why}"));
            return Ok(());
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

pub(crate) fn erase(folder: &Path, index: u64, reason: &str, signer: Option<&Path>) -> Ended {
    let home = Home::open(folder, signer)?;
    let disk = home.disk("dec");
    let published = ledger::keeper::published(&disk, publish::CHECKPOINT).map_err(|e| Problem::file(disk.path(), e))?;
    let size = published.and_then(|note| tlog::Checkpoint::parse(&note.text).ok()).map_or(0, |known| known.size);
    if index >= size {
        return Err(Problem::new(1, format!("{size} decisions are published, so there is none with index {index}")));
    }
    private::request_erasure(&disk, index).map_err(|error| Problem::file(disk.path(), error))?;
    // Whoever has the log open erases; if nobody has, this process opens it.
    let own = match home.start("dec") {
        Ok(own) => Some(own),
        Err(problem) if problem.message.contains("in use") => None,
        Err(problem) => return Err(problem),
    };
    let mut tries = 0;
    while private::erasures(&disk).map_err(|error| Problem::file(disk.path(), error))?.contains(&index) {
        tries += 1;
        if tries > ERASE_TRIES {
            let why = own.as_ref().and_then(|(ledger, _)| ledger.trouble()).unwrap_or_default();
            return Err(Problem::new(6, format!("not erased yet; the request stands and will be carried out. {why}")));
        }
        std::thread::sleep(START_PAUSE);
    }
    drop(own);
    let origin = home.vkey("dec")?.name().to_owned();
    let entry = Entry::Erasure { at: clock::now(), origin, index, reason: reason.to_owned() };
    match home.start("gov") {
        Ok((gov, _lock)) => {
            let ticket = gov.append(Record { entry: entry.to_bytes(), private: Vec::new() });
            let logged = ticket.and_then(|ticket| ticket.wait()).and_then(|at| gov.covered(at, false).wait());
            logged.map_err(|error| Problem::new(6, error.to_string()))?;
            println!("erased; the log says so");
        }
        // The service that has it open logs what it finds here.
        Err(problem) if problem.message.contains("in use") => {
            let gov = home.disk("gov");
            let name = format!("erased/{index}");
            let noted = gov.make_folder("erased").and_then(|()| gov.put_durably(&name, &entry.to_bytes()));
            noted.map_err(|error| Problem::file(gov.path(), error))?;
            println!("erased; the running service logs it");
        }
        Err(problem) => return Err(problem),
    }
    Ok(0)
}

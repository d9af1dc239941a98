//! The commands that make a log, sign for it and add to it.

use crate::log::{Problem, chance, told};
use crate::log_gov::Logged;
use crate::log_home::{Home, START_PAUSE, covered};
use crate::log_read::{is_decision, published_size};
use crate::log_witness::{signing_key, socket_path};
use crate::{clock, log_gov, whole_file};
use ledger::disk::Folder;
use ledger::keeper::Keeper;
use ledger::private;
use ledger::socket;
use ledger::wal::Record;
use serde_json::json;
use std::io::{BufRead, ErrorKind, Read as _, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tlog::note::{Kind, SigningKey};
use wire::entry::Entry;

type Ended = Result<u8, Problem>;

/// How long an erasure may take while the service runs: some publish cycles.
const ERASE_TRIES: u32 = 400;

pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Problem> {
    whole_file::write_secret(path, text.as_bytes()).map_err(|error| match error.kind() == ErrorKind::AlreadyExists {
        true => Problem::new(1, format!("{} is there, and no key is overwritten; name another file", path.display())),
        false => Problem::file(path, error),
    })
}

pub(crate) fn make_private(folder: &Path) -> Result<(), Problem> {
    whole_file::make_private(folder).map_err(|error| Problem::file(folder, error))
}

pub(crate) fn new_key(name: &str, kind: Kind) -> Result<SigningKey, Problem> {
    SigningKey::from_seed(name, kind, &chance()).map_err(|error| Problem::new(1, format!("`{name}`: {error}")))
}

pub(crate) fn key(name: &str, witness: bool, output: &Path, as_json: bool) -> Ended {
    let key = new_key(name, if witness { Kind::Cosignature } else { Kind::Text })?;
    write_secret(output, &format!("{}\n", key.to_secret_text()))?;
    let public = key.public().to_string();
    let facts = json!({ "key": public, "file": output.display().to_string() });
    told(as_json, &facts, &format!("{public}\n"))
}

pub(crate) fn new(folder: &Path, name: &str, as_json: bool) -> Ended {
    if folder.join("keys").exists() {
        let is_whole = ["dec/public/vkey", "next", "past"].iter().any(|made| folder.join(made).exists());
        let what = if is_whole { "already holds a log" } else { "was not made whole: remove it, and make it again" };
        return Err(Problem::new(1, format!("{} {what}", folder.display())));
    }
    // The shard: a log that is sealed is followed by one with the next number.
    let made = ["gov", "dec"].map(|log| (log, new_key(&format!("{name}/{log}/1"), Kind::Text)));
    if let Some((_, Err(problem))) = made.iter().find(|(_, key)| key.is_err()) {
        return Err(Problem::new(problem.code, format!("--name {}", problem.message)));
    }
    make_private(&folder.join("keys"))?;
    make_private(&folder.join("signer"))?;
    let (mut words, mut keys) = (String::new(), serde_json::Map::new());
    for (log, key) in made {
        let key = key?;
        let public = folder.join(log).join("public");
        whole_file::make_folder(&public).map_err(|error| Problem::file(&public, error))?;
        write_secret(&folder.join("keys").join(format!("{log}.key")), &format!("{}\n", key.to_secret_text()))?;
        // Last: by it the log counts as made.
        let (path, vkey) = (public.join("vkey"), format!("{}\n", key.public()));
        whole_file::write(&path, vkey.as_bytes()).map_err(|error| Problem::file(&path, error))?;
        words.push_str(&format!("{log}       {vkey}"));
        keys.insert(log.to_owned(), key.public().to_string().into());
    }
    told(as_json, &json!({ "folder": folder.display().to_string(), "keys": keys }), &words)
}

/// Ends this process when its standard input ends: whoever started it is gone.
fn end_with_input(path: &Path) {
    let path = path.to_owned();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = [0; 64];
        // An error says the same as an end: nobody is there.
        while input.read(&mut bytes).is_ok_and(|read| read > 0) {}
        // Nobody should find it and be left alone a moment later. What it signed is durable before anybody sees it.
        let _gone = std::fs::remove_file(&path);
        std::process::exit(0);
    });
}

/// Removes the socket that a signer before left behind; that nobody answers on it, the lock says.
fn make_room(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(std::io::Error::other("there is something else of this name; name another place for the socket")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) fn sign(keys: &[PathBuf], state: &Path, path: &Path, with_input: bool) -> Ended {
    let path = socket_path(path)?;
    make_private(state)?;
    let disk = Folder::new(state);
    let lock = disk.lock("lock").map_err(|error| Problem::file(state, error))?;
    let _held = lock.ok_or_else(|| Problem::new(1, format!("{} is in use by another signer", state.display())))?;
    let mut keepers = Vec::new();
    for path in keys {
        let key = signing_key(path)?;
        if key.public().kind() != Kind::Text {
            return Err(Problem::new(
                1,
                format!("{}: that is the key of a witness, and no log has one", path.display()),
            ));
        }
        let keeper = Keeper::signer(disk.clone(), key).map_err(|error| Problem::file(state, error))?;
        if keepers.iter().any(|other: &Arc<Keeper<Folder>>| other.public().name() == keeper.public().name()) {
            let why = "there is another key of this log already, and one signs";
            return Err(Problem::new(1, format!("{}: {why}", path.display())));
        }
        keepers.push(Arc::new(keeper));
    }
    make_room(&path).map_err(|error| Problem::file(&path, error))?;
    let listener = UnixListener::bind(&path).map_err(|error| Problem::file(&path, error))?;
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, only_owner).map_err(|error| Problem::file(&path, error))?;
    if with_input {
        end_with_input(&path);
    }
    for keeper in &keepers {
        println!("signer    {}", keeper.public());
    }
    socket::serve(&listener, &keepers).map_err(|error| Problem::file(&path, error))?;
    Ok(0)
}

pub(crate) fn append(folder: &Path, to: &str, signer: Option<&Path>, as_json: bool) -> Ended {
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
        let written = if as_json {
            writeln!(output, "{}", json!({ "log": to, "index": index }))
        } else {
            writeln!(output, "{index}")
        };
        written.and_then(|()| output.flush()).map_err(|error| Problem::new(1, error.to_string()))?;
        last = Some(index);
    }
    let published = last.map(|index| covered(&ledger, index)).transpose();
    ledger.stop();
    // What is durable and published without them stays so; whoever relies on them must know.
    let missing = published?.map(|published| published.missing).unwrap_or_default();
    missing.iter().for_each(|why| eprintln!("not signed by {why}"));
    Ok(0)
}

pub(crate) fn erase(
    folder: &Path,
    (sealed, index): (Option<u64>, u64),
    reason: &str,
    signer: Option<&Path>,
    as_json: bool,
) -> Ended {
    let home = Home::open(folder, signer)?;
    let disk = sealed.map_or_else(|| home.disk("dec"), |number| home.past("dec", number));
    let size = published_size(&disk)?;
    if index >= size {
        let why = format!("{size} entries are published, so there is none with index {index} that could be erased yet");
        return Err(Problem::new(1, why));
    }
    is_decision(&disk, index)?;
    if sealed.is_some() {
        let done = private::erase_ended(&disk, index, size).map_err(|error| Problem::file(disk.path(), error))?;
        if !done {
            let why = "it ended with records that were never published, and they would be gone too";
            return Err(Problem::new(6, format!("{}: {why}", disk.path().display())));
        }
    } else {
        erased(&home, &disk, index)?;
    }
    let origin = Home::key_of(&disk)?.name().to_owned();
    let erased = Entry::Erasure { at: clock::now(), origin, index, reason: reason.to_owned() };
    let logged = log_gov::hand_in(&home, &erased)?;
    let words = match logged {
        Logged::Counts(_) | Logged::AwaitsWitnesses(_) => "erased; the log says so\n",
        Logged::HandedIn => "erased; the running service has logged it\n",
    };
    told(as_json, &json!({ "erased": index, "logged": logged.to_json() }), words)
}

/// Has an opening of the present log of decisions erased.
fn erased(home: &Home, disk: &Folder, index: u64) -> Result<(), Problem> {
    private::request_erasure(disk, index).map_err(|error| Problem::file(disk.path(), error))?;
    // Whoever has the log open erases; if nobody has, this process opens it.
    let own = home.start_unless_open("dec")?;
    let mut tries = 0;
    while private::erasures(disk).map_err(|error| Problem::file(disk.path(), error))?.contains(&index) {
        tries += 1;
        if tries > ERASE_TRIES {
            let why = match &own {
                Some((ledger, _)) => ledger.trouble().unwrap_or_default(),
                None => String::from(
                    "The running service does it before its next checkpoint; its /healthz says what is in the way",
                ),
            };
            return Err(Problem::new(6, format!("not erased yet; the request stands and will be carried out. {why}")));
        }
        std::thread::sleep(START_PAUSE);
    }
    Ok(())
}

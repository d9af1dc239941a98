//! Where a log ends and the next one begins: the old pair is sealed with the keys of the new pair, and the new pair begins
//! with the last checkpoints of the old, so that whoever believes the new keys need not know the old ones.
//!
//! The old pair goes to `past`, each under its number. The new pair lies in `next` meanwhile, and as long as it does
//! nobody else opens the log: a roll that was interrupted is ended by the next one.

use crate::clock;
use crate::log::{Problem, read, told};
use crate::log_gov;
use crate::log_home::{Home, covered};
use crate::log_keep::{make_private, new_key, write_secret};
use crate::log_place::Place;
use crate::log_read::proof_of;
use crate::whole_file;
use clap::{Args, ValueEnum};
use ledger::log::Ledger;
use ledger::publish::CHECKPOINT;
use ledger::wal::Record;
use serde_json::json;
use std::path::{Path, PathBuf};
use tlog::note::{Kind, VerifierKey};
use tlog::policy::Policy;
use wire::entry::{Entry, KeyChange};

/// Options of `log roll`.
#[derive(Debug, Args)]
pub(crate) struct Roll {
    /// The folder that `log new` made; no service may have it open
    folder: PathBuf,
    /// The old keys cannot sign any more: the new log says so in the place of a seal
    #[arg(long, value_enum)]
    without_seal: Option<Lacking>,
    /// The socket of a signer that holds the old keys; without it, one is started
    #[arg(long, value_name = "PATH")]
    signer: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Why an old log has no seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lacking {
    /// The keys are gone.
    Lost,
    /// Somebody else may have them.
    Compromised,
}

const LOGS: [&str; 2] = ["dec", "gov"];

/// One after the other is on the disk: whoever ends an interrupted roll goes by which of them are done.
fn renamed(from: &Path, to: &Path) -> Result<(), Problem> {
    whole_file::rename(from, to).map_err(|error| Problem::file(from, error))
}

/// The name of a log without its number, and the number.
fn numbered(key: &VerifierKey) -> Result<(String, u64), Problem> {
    let parts = key
        .name()
        .rsplit_once('/')
        .and_then(|(name, number)| Some((name.to_owned(), number.parse().ok().filter(|number| *number > 0)?)));
    parts.ok_or_else(|| Problem::new(1, format!("`{}` has no number at its end to count on from", key.name())))
}

/// Makes the folders and keys of the pair that follows, or finds those an interrupted roll made.
fn next(home: &Home) -> Result<(), Problem> {
    let next = home.folder().join("next");
    make_private(&next)?;
    for log in LOGS {
        let (name, number) = numbered(&home.vkey(log)?)?;
        let vkey = next.join(log).join("public/vkey");
        if vkey.is_file() {
            continue;
        }
        let key = new_key(&format!("{name}/{}", number + 1), Kind::Text)?;
        let secret = next.join(format!("{log}.key"));
        // One without its public half was not used yet.
        let _unused = std::fs::remove_file(&secret);
        write_secret(&secret, &format!("{}\n", key.to_secret_text()))?;
        let public = next.join(log).join("public");
        let made = whole_file::make_folder(&public);
        made.and_then(|()| whole_file::write(&vkey, format!("{}\n", key.public()).as_bytes()))
            .map_err(|error| Problem::file(&vkey, error))?;
    }
    Ok(())
}

/// The key of the log in a folder.
fn key_in(log: &Path) -> Result<VerifierKey, Problem> {
    let path = log.join("public/vkey");
    let text = String::from_utf8(read(&path)?).unwrap_or_default();
    VerifierKey::parse(text.trim()).map_err(|error| Problem::file(&path, error))
}

fn add(ledger: &Ledger, entry: &Entry) -> Result<(), Problem> {
    let failed = |error: ledger::log::Unavailable| Problem::new(6, error.to_string());
    let ticket = ledger.append(Record { entry: entry.to_bytes(), private: Vec::new() }).map_err(failed)?;
    let index = ticket.wait().map_err(failed)?;
    covered(ledger, index).map(drop)
}

/// Whether the last entry of an open log is its seal.
fn ends_sealed(home: &Home, log: &str, ledger: &Ledger) -> Result<bool, Problem> {
    let Some(last) = ledger.durable().checked_sub(1) else { return Ok(false) };
    covered(ledger, last)?;
    let (_, entry) = proof_of(&Place::public(&home.disk(log)), &Policy::of_log(home.vkey(log)?), last)?;
    Ok(matches!(Entry::from_bytes(&entry), Some(Entry::Seal { .. })))
}

/// Seals both logs with the keys that follow.
fn seal(home: &Home) -> Result<(), Problem> {
    let next = home.folder().join("next");
    let (gov, mut known, _lock) = log_gov::open(home)?.ok_or_else(|| in_use(home))?;
    let (dec, _dec_lock) = home.start("dec")?;
    log_gov::take_up(home, &gov, &mut known)?;
    if !known.sealed && !log_gov::witnessed(&gov, &mut known)? {
        let waits = known.awaits_witnesses.unwrap_or_default();
        return Err(Problem::new(
            7,
            format!("entry {waits} of the gov log waits for witnesses, who sign no sealed log"),
        ));
    }
    if !known.sealed {
        // A roll that was killed may have come as far as this.
        if !ends_sealed(home, "dec", &dec)? {
            add(&dec, &Entry::Seal { at: clock::now(), next: key_in(&next.join("dec"))?.to_string() })?;
        }
        if let Some(published) = dec.published() {
            let checkpoint = published.checkpoint;
            let (origin, size, tlog::Hash(root)) = (checkpoint.origin, checkpoint.size, checkpoint.root);
            log_gov::govern(&gov, &mut known, &Entry::Anchor { at: 0, origin, size, root })?;
        }
        add(&gov, &Entry::Seal { at: clock::now().max(known.last), next: key_in(&next.join("gov"))?.to_string() })?;
    }
    dec.stop();
    gov.stop();
    Ok(())
}

fn in_use(home: &Home) -> Problem {
    Problem::new(1, format!("{} is in use: end the service first", home.folder().display()))
}

/// Puts the next pair in the place of the old one, as far as that is not done yet.
fn shift(folder: &Path) -> Result<(), Problem> {
    for log in LOGS {
        let next = folder.join("next").join(log);
        if !next.is_dir() {
            continue;
        }
        let (_, number) = numbered(&key_in(&next)?)?;
        let old = (number - 1).to_string();
        if folder.join(log).is_dir() {
            renamed(&folder.join(log), &folder.join("past").join(log).join(&old))?;
        }
        let (key, secret) =
            (folder.join("keys").join(format!("{log}.key")), folder.join("next").join(format!("{log}.key")));
        if secret.is_file() {
            if key.is_file() {
                renamed(&key, &folder.join(format!("keys/past/{log}-{old}.key")))?;
            }
            renamed(&secret, &key)?;
        }
        renamed(&next, &folder.join(log))?;
    }
    Ok(())
}

/// Begins both logs with the last checkpoints of those before.
fn begin(home: &Home, without_seal: Option<Lacking>) -> Result<(), Problem> {
    for log in LOGS {
        let (ledger, _lock) = home.start(log)?;
        let key = home.vkey(log)?;
        let (_, number) = numbered(&key)?;
        let past = home.folder().join("past").join(log).join((number - 1).to_string());
        let previous = String::from_utf8(read(&past.join(CHECKPOINT))?).unwrap_or_default();
        if ledger.durable() == 0 {
            let decisions = if log == "gov" { Some(home.vkey("dec")?.to_string()) } else { None };
            add(&ledger, &Entry::Successor { at: clock::now(), decisions, previous: previous.clone() })?;
        }
        let event = without_seal.map(|lacking| match lacking {
            Lacking::Lost => KeyChange::Lost,
            Lacking::Compromised => KeyChange::Compromised,
        });
        if let Some(event) = event.filter(|_| log == "gov" && ledger.durable() == 1) {
            let since = (event == KeyChange::Compromised).then(clock::now);
            let key = key_in(&past)?.to_string();
            add(&ledger, &Entry::KeyEvent { at: clock::now(), event, key, since, checkpoint: Some(previous) })?;
        }
        ledger.stop();
    }
    Ok(())
}

/// The file that says that the old pair takes nothing any more, so that what is left is to put the new one in its place.
const SEALED: &str = "next/sealed";

pub(crate) fn roll(options: &Roll) -> Result<u8, Problem> {
    let Roll { folder, without_seal, signer, json: as_json } = options;
    let sealed = folder.join(SEALED);
    if !sealed.is_file() {
        let home = Home::open(folder, signer.as_deref())?.rolling();
        for log in LOGS {
            let disk = home.disk(log);
            disk.lock("lock").map_err(|error| Problem::file(disk.path(), error))?.ok_or_else(|| in_use(&home))?;
        }
        if let Some(log) = LOGS.iter().find(|log| !folder.join(log).join(CHECKPOINT).is_file()) {
            return Err(Problem::new(1, format!("{log} has published nothing that another could go on from")));
        }
        next(&home)?;
        if without_seal.is_none() {
            seal(&home)?;
        }
        whole_file::write(&sealed, b"").map_err(|error| Problem::file(&sealed, error))?;
        // The signer of the old keys ends here, and gives its place to that of the new ones.
    }
    shift(folder)?;
    let home = Home::open(folder, None)?.rolling();
    begin(&home, *without_seal)?;
    let next = folder.join("next");
    std::fs::remove_dir_all(&next).map_err(|error| Problem::file(&next, error))?;
    let (mut words, mut keys) = (String::new(), serde_json::Map::new());
    for log in LOGS {
        let key = home.vkey(log)?.to_string();
        words.push_str(&format!("{log}       {key}\n"));
        keys.insert(log.to_owned(), key.into());
    }
    told(*as_json, &json!({ "folder": folder.display().to_string(), "keys": keys }), &words)
}

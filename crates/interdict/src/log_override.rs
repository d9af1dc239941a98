//! What people decide about a log by hand: a decision that the law left to somebody, what is not handed out any more, and
//! what became of a key. And the law that a decision was made under, written out.

use crate::commands::faulty;
use crate::log::{Problem, chance, told};
use crate::log_gov::{self, Logged};
use crate::log_home::Home;
use crate::log_place::Place;
use crate::log_read::{field, opened, proof_of, published_size, settled};
use crate::log_statements::{self, GovLog};
use crate::{clock, log_serve, whole_file};
use attest::ruling::{self, Decision};
use clap::Args;
use docket::Docket;
use docket::docket::Source;
use docket::moment::{format_rfc3339, parse_rfc3339};
use ledger::disk::Disk;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use tlog::Hash;
use tlog::checkpoint::Checkpoint;
use tlog::note::VerifierKey;
use tlog::policy::Policy;
use wire::entry::{Change, Entry, KeyChange, Ruling};

type Ended = Result<u8, Problem>;

/// Options of `log override`.
#[derive(Debug, Args)]
pub(crate) struct Override {
    /// The folder that `log new` made
    folder: PathBuf,
    /// Which entry of the log of decisions
    index: u64,
    /// What is decided: permit or forbid
    ruling: String,
    /// Why. Only a commitment to it is logged; the text stays in the folder
    #[arg(long)]
    reason: String,
    /// Until when it holds
    #[arg(long, value_name = "INSTANT")]
    expires: String,
    /// Where to write the statement for `interdict attest sign`; standard output otherwise
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say in JSON what was written to that file
    #[arg(long, requires = "output")]
    json: bool,
}

/// Options of `log retain`.
#[derive(Debug, Args)]
pub(crate) struct Retain {
    /// The folder that `log new` made
    folder: PathBuf,
    /// The first entry of the log of decisions that is handed out
    #[arg(long, value_name = "INDEX")]
    from: u64,
    /// On what ground; it is logged, and public: no names of people
    #[arg(long)]
    reason: String,
    /// The socket of the signer; without it, one is started if it is needed
    #[arg(long, value_name = "PATH")]
    signer: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Options of `log key-event`.
#[derive(Debug, Args)]
pub(crate) struct KeyEvent {
    /// The folder that `log new` made
    folder: PathBuf,
    /// What became of the key: add, drop, lost or compromised
    event: String,
    /// The public key (`name+id+base64`)
    key: String,
    /// From when on others may have had it, if it was compromised
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// The last checkpoint that is sure, if the log of this key ends there
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The socket of the signer; without it, one is started if it is needed
    #[arg(long, value_name = "PATH")]
    signer: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Options of `log law`.
#[derive(Debug, Args)]
pub(crate) struct Law {
    /// The folder that `log new` made
    folder: PathBuf,
    /// The law that this entry of the log of decisions was decided under
    #[arg(long, value_name = "INDEX", required_unless_present = "size")]
    decision: Option<u64>,
    /// The law that was in force when the gov log had so many entries
    #[arg(long, value_name = "ENTRIES", conflicts_with = "decision")]
    size: Option<u64>,
    /// In the logs of this number, which were sealed
    #[arg(long, value_name = "NUMBER")]
    sealed: Option<u64>,
    /// The folder to write it to; `interdict --corpus` reads it
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Say in JSON what was written
    #[arg(long)]
    json: bool,
}

fn instant(option: &str, text: &str) -> Result<law::Time, Problem> {
    parse_rfc3339(text).map_err(|why| Problem::new(1, format!("--{option}: {why}")))
}

fn said(logged: Logged, as_json: bool) -> Ended {
    let words = match logged {
        Logged::Counts(index) => format!("logged, entry {index} of the gov log\n"),
        Logged::AwaitsWitnesses(index) => {
            format!("logged, entry {index} of the gov log; it counts once a quorum of witnesses has signed\n")
        }
        Logged::HandedIn => String::from("the running service has logged it\n"),
    };
    told(as_json, &json!({ "logged": logged.to_json() }), &words)
}

/// What was decided, as a statement that names it.
struct Left {
    decision: Decision,
    orders: Vec<String>,
}

/// A decision that the law left to a person.
fn left(home: &Home, index: u64) -> Result<Left, Problem> {
    let (disk, key) = (home.disk("dec"), home.vkey("dec")?);
    let origin = key.name().to_owned();
    let (public, policy) = (Place::public(&disk), Policy::of_log(key));
    let (entry, fields) = settled(&public, || {
        let (proof, entry) = proof_of(&public, &policy, index)?;
        let size = Checkpoint::parse(&proof.checkpoint.text).map_or(0, |checkpoint| checkpoint.size);
        let (_, fields) = opened(&disk, index, size, &entry)?;
        Ok((entry, fields))
    })?;
    let refused = |why: String| Err(Problem::new(1, format!("decision {index} {why}")));
    let verdict = field(&fields, "outcome").get("verdict").and_then(Value::as_str).unwrap_or_default().to_owned();
    if verdict != "refer" {
        return refused(format!("came out `{verdict}`; only what the law leaves to a person can be decided by one"));
    }
    if field(&fields, "record").get("question").is_none_or(Value::is_null) {
        return refused(String::from("is not asked again: what waits for it is released or returned where it waits"));
    }
    let cited = field(&fields, "law");
    let cited = cited.get("provisions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let orders: BTreeSet<String> = cited.map(|cited| cited.split(':').next().unwrap_or(cited).to_owned()).collect();
    if orders.is_empty() {
        return refused(String::from("rests on no order, so nobody has a say in it; supply the fact that it needs"));
    }
    let decision = Decision { origin, index, leaf: attest::dsse::hex(&Hash::leaf(&entry).0) };
    Ok(Left { decision, orders: orders.into_iter().collect() })
}

pub(crate) fn overrule(options: &Override) -> Ended {
    let Override { folder, index, ruling, reason, expires, output, json: as_json } = options;
    let word = || Problem::new(1, format!("`{ruling}` is neither `permit` nor `forbid`"));
    let ruling = Ruling::from_word(ruling).ok_or_else(word)?;
    let expires = instant("expires", expires)?;
    let now = clock::now();
    if expires <= now {
        return Err(Problem::new(1, "--expires: that is over".to_owned()));
    }
    let home = Home::open(folder, None)?;
    let Left { decision, orders } = left(&home, *index)?;
    let salt = chance();
    let commitment = attest::dsse::hex(&commit(&salt, reason));
    let kept = json!({ "decision": index, "reason": reason, "salt": Hash(salt).to_base64() }).to_string();
    let disk = home.disk("gov");
    let put = disk.make_folder_durably("private/reasons");
    let put = put.and_then(|()| disk.put_durably(&format!("private/reasons/{commitment}"), kept.as_bytes()));
    put.map_err(|error| Problem::file(disk.path(), error))?;
    let statement = ruling::composed(&decision, &orders, ruling == Ruling::Permit, expires, &commitment, now);
    let text = format!("{statement:#}\n");
    let Some(path) = output else { return told(false, &Value::Null, &text) };
    whole_file::write(path, text.as_bytes()).map_err(|error| Problem::file(path, error))?;
    let facts = json!({
        "file": path.display().to_string(), "decision": index, "ruling": ruling.word(), "orders": orders,
        "expires": format_rfc3339(expires), "reason": commitment,
    });
    told(*as_json, &facts, "")
}

/// The commitment to a reason.
fn commit(salt: &[u8; 32], reason: &str) -> [u8; 32] {
    let length = (reason.len() as u64).to_be_bytes();
    Hash::of(&[&b"interdict/reason/v1"[..], salt, &length, reason.as_bytes()].concat()).0
}

pub(crate) fn retain(options: &Retain) -> Ended {
    let Retain { folder, from, reason, signer, json: as_json } = options;
    let home = Home::open(folder, signer.as_deref())?;
    let size = published_size(&home.disk("dec"))?;
    if *from > size {
        return Err(Problem::new(1, format!("{size} decisions are published; {from} is beyond them")));
    }
    let origin = home.vkey("dec")?.name().to_owned();
    let retention = Entry::Retention { at: 0, origin, from: *from, reason: reason.clone() };
    said(log_gov::hand_in(&home, &retention)?, *as_json)
}

pub(crate) fn key_event(options: &KeyEvent) -> Ended {
    let KeyEvent { folder, event, key, since, checkpoint, signer, json: as_json } = options;
    let words: Vec<&str> = KeyChange::ALL.iter().map(|event| event.word()).collect();
    let no_word = || Problem::new(1, format!("`{event}` is none of {}", words.join(", ")));
    let event = KeyChange::from_word(event).ok_or_else(no_word)?;
    let key = VerifierKey::parse(key).map_err(|error| Problem::new(2, format!("the key: {error}")))?.to_string();
    let since = since.as_deref().map(|since| instant("since", since)).transpose()?;
    let checkpoint = checkpoint.as_deref().map(note).transpose()?;
    let home = Home::open(folder, signer.as_deref())?;
    said(log_gov::hand_in(&home, &Entry::KeyEvent { at: 0, event, key, since, checkpoint })?, *as_json)
}

fn note(path: &Path) -> Result<String, Problem> {
    let note = tlog::note::Note::parse(&crate::log::read(path)?);
    note.map(|note| note.to_string()).map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))
}

/// The files of the law when the gov log had so many entries.
fn in_force(log: &GovLog, size: u64) -> Result<Vec<Source>, Problem> {
    let entries = log.entries().map_err(|why| Problem::new(5, why))?;
    // A log that goes on from another has all of the law again.
    let first = log.first();
    let end = first.saturating_add(size);
    if entries.last().is_none_or(|(last, _)| *last + 1 < end) {
        return Err(Problem::new(1, format!("the gov log has not published {size} entries")));
    }
    let mut files: BTreeMap<&String, [u8; 32]> = BTreeMap::new();
    for (_, entry) in entries.iter().filter(|(index, _)| (first..end).contains(index)) {
        if let Entry::Document { path, change, sha256, .. } = entry {
            match change {
                Change::Issue | Change::Amend => files.insert(path, *sha256),
                Change::Revoke => files.remove(path),
            };
        }
    }
    let mut sources = Vec::new();
    for (path, sha256) in files.into_iter().filter(|(path, _)| !path.starts_with(log_statements::FOLDER)) {
        let bytes = log.blob(&sha256).map_err(|why| Problem::new(5, why))?;
        let text = String::from_utf8(bytes).map_err(|_not| Problem::new(5, format!("{path} is not UTF-8")))?;
        sources.push(Source { path: path.clone(), text });
    }
    Ok(sources)
}

pub(crate) fn law(options: &Law) -> Ended {
    let Law { folder, decision, size, sealed, output, json: as_json } = options;
    let home = Home::open(folder, None)?;
    let disk = |log: &str| sealed.map_or_else(|| home.disk(log), |number| home.past(log, number));
    let log = GovLog::named(&disk("gov").path().join("public"), None);
    let log = log.ok_or_else(|| Problem::file(disk("gov").path(), "no log"))?;
    let (size, named) = match decision {
        None => (size.unwrap_or_default(), None),
        Some(index) => {
            let dec = disk("dec");
            let (_, entry) = proof_of(&Place::public(&dec), &Policy::of_log(Home::key_of(&dec)?), *index)?;
            match Entry::from_bytes(&entry) {
                Some(Entry::Decision { gov_size, edition, .. }) => (gov_size, Some(edition)),
                _other => return Err(Problem::new(2, format!("entry {index} is no decision"))),
            }
        }
    };
    let sources = in_force(&log, size)?;
    for source in &sources {
        let path = Path::new(&source.path);
        // A log is written by its keeper, and still has no say in where this machine keeps other files.
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Problem::new(2, format!("`{}` leads out of the folder", source.path)));
        }
        let path = output.join(path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| whole_file::write(&path, source.text.as_bytes()))
            .map_err(|error| Problem::file(&path, error))?;
    }
    let docket = Docket::load(sources.clone());
    let docket = docket.map_err(|faults| Problem::new(5, faulty(&faults, &sources)))?;
    let named = named.map(|edition| edition == log_serve::edition_digest(docket.edition()));
    let same = if named == Some(true) { "the edition that the decision names\n" } else { "" };
    let facts = json!({
        "folder": output.display().to_string(), "files": sources.len(), "edition": docket.edition(),
        "decision": decision, "is_the_edition_named": named,
    });
    told(*as_json, &facts, &format!("{} files, edition {}\n{same}", sources.len(), docket.edition()))?;
    match named {
        Some(false) => Err(Problem::new(5, "another edition than the decision names".to_owned())),
        Some(true) | None => Ok(0),
    }
}

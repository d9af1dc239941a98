//! The commands that check and show: they believe nothing that a signature does not lead to.

use crate::commands::print;
use crate::log::{Problem, Trust, read, told};
use crate::log_home::{self, Home};
use crate::log_place::{Place, is_address};
use crate::log_statements::ended_before;
use crate::log_told::{self, Proven};
use crate::whole_file;
use ledger::commitment::{Disclosure, FIELDS, Fields, PATH, Seed};
use ledger::disk::{Disk, Folder};
use ledger::fsck::{self, Kind};
use ledger::{keeper, private};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tlog::checkpoint::Checkpoint;
use tlog::note::{Note, VerifierKey};
use tlog::policy::{Policy, Refused};
use tlog::proof::{Proof, Unverified};
use tlog::reader::{Reader, Untrusted};
use tlog::tile::{Level, TILE_WIDTH, Tile};
use tlog::{Hash, bundle};
use wire::entry::{self, Entry};

/// How long a cycle may take between writing and signing.
const CYCLE_TRIES: u32 = 5;
const CYCLE_PAUSE: std::time::Duration = std::time::Duration::from_millis(300);

pub(crate) type Ended = Result<u8, Problem>;

/// The code of a file that is missing or unreadable.
pub(crate) const MISSING: u8 = 6;

/// The code of what was asked for and is not there to be had.
pub(crate) const NOT_THERE: u8 = 1;

pub(crate) fn refused(refused: &Refused) -> Problem {
    let code = match refused {
        Refused::Text(_) => 2,
        Refused::NoLog | Refused::Forged(_) => 3,
        Refused::Quorum(_) => 7,
    };
    Problem::new(code, refused.to_string())
}

pub(crate) fn untrusted(error: &Untrusted<std::io::Error>) -> Problem {
    let code = match error {
        Untrusted::Missing(..) | Untrusted::Length(_) => 6,
        Untrusted::Hashes(_) | Untrusted::Edge => 5,
        Untrusted::OutOfRange => 1,
    };
    Problem::new(code, error.to_string())
}

/// The checkpoint of a published log, with its note.
pub(crate) fn checkpoint(public: &Place, policy: &Policy) -> Result<(Checkpoint, Note), Problem> {
    if is_empty(public)? {
        return Err(Problem::new(MISSING, format!("{public}: nothing is published yet")));
    }
    let note = Note::parse(&public.read("checkpoint")?);
    let note = note.map_err(|error| Problem::new(2, format!("{public}/checkpoint: {error}")))?;
    let checkpoint = policy.check(&note).map_err(|error| refused(&error))?;
    Ok((checkpoint, note))
}

pub(crate) type Fetch = Box<dyn FnMut(Tile) -> std::io::Result<Vec<u8>>>;

pub(crate) fn reader(public: &Place, checkpoint: &Checkpoint) -> Result<Reader<Fetch>, Problem> {
    let disk = public.clone();
    let fetch: Fetch = Box::new(move |tile| Disk::read(&disk, &tile.to_string()));
    Reader::new(checkpoint, fetch).map_err(|error| untrusted(&error))
}

/// The file of the bundle that an entry lies in.
struct Bundle {
    path: PathBuf,
    width: u16,
    bytes: Vec<u8>,
}

impl Bundle {
    fn of(public: &Place, size: u64, index: u64) -> Result<Self, Problem> {
        let tile = Tile::in_tree(Level::Entries, index / TILE_WIDTH, size).filter(|_| index < size);
        let beyond = || {
            let why = format!("{size} entries are published, so there is none with index {index}");
            Problem::new(NOT_THERE, why)
        };
        let tile = tile.ok_or_else(beyond)?;
        let bytes = public.read(&tile.to_string())?;
        Ok(Self { path: public.file(&tile.to_string()), width: tile.width, bytes })
    }

    /// Its entries, which nobody has checked.
    fn entries(&self) -> Result<Vec<&[u8]>, Problem> {
        let entries = bundle::decode(self.width, &self.bytes);
        entries.ok_or_else(|| Problem::file(&self.path, format!("not {} entries", self.width)))
    }
}

/// Whether these are the bytes of the entry that was signed.
fn is_signed(reader: &mut Reader<Fetch>, path: &Path, index: u64, entry: &[u8]) -> Result<(), Problem> {
    if reader.leaf(index).map_err(|error| untrusted(&error))? == Hash::leaf(entry) {
        return Ok(());
    }
    Err(Problem::new(5, format!("{}: the entry with index {index} is not the one signed", path.display())))
}

/// The bytes of an entry, checked against its leaf.
fn entry_of(
    public: &Place,
    checkpoint: &Checkpoint,
    reader: &mut Reader<Fetch>,
    index: u64,
) -> Result<Vec<u8>, Problem> {
    let bundle = Bundle::of(public, checkpoint.size, index)?;
    let slot = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
    let entry = bundle.entries()?.get(slot).copied().unwrap_or_default();
    is_signed(reader, &bundle.path, index, entry)?;
    Ok(entry.to_vec())
}

/// Hands the published entries of a range to `each`, in order, each checked against its leaf. `made` begins what is made of
/// them, and begins it anew where the log went on while it was read.
pub(crate) fn entries<T>(
    public: &Place,
    policy: &Policy,
    range: Range<u64>,
    made: impl Fn() -> T,
    mut each: impl FnMut(&mut T, u64, &[u8]) -> Result<(), Problem>,
) -> Result<T, Problem> {
    settled(public, || {
        let (checkpoint, _) = checkpoint(public, policy)?;
        let mut reader = reader(public, &checkpoint)?;
        let (mut made, mut next) = (made(), range.start);
        while next < range.end.min(checkpoint.size) {
            let bundle = Bundle::of(public, checkpoint.size, next)?;
            let rest = bundle.entries()?.into_iter().skip(usize::try_from(next % TILE_WIDTH).unwrap_or(usize::MAX));
            for (index, entry) in (next..range.end).zip(rest) {
                is_signed(&mut reader, &bundle.path, index, entry)?;
                each(&mut made, index, entry)?;
                next = index + 1;
            }
        }
        Ok(made)
    })
}

pub(crate) fn verify(proof: &Path, entry: Option<&Path>, trust: &Trust, as_json: bool) -> Ended {
    if is_address(proof) {
        return fsck(proof, trust, as_json);
    }
    if proof.is_dir() {
        let help = "a log in a folder is checked with `interdict log fsck`";
        return Err(Problem::new(1, format!("{} is no proof; {help}", proof.display())));
    }
    let bytes = read(proof)?;
    if !trust.names_somebody() {
        return Err(Problem::new(3, log_told::claimed(proof, &bytes)));
    }
    let policy = trust.policy(None)?;
    if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
        return verify_disclosure(&value, &policy, as_json);
    }
    let parsed = Proof::parse(&bytes).map_err(|error| Problem::new(2, format!("{}: {error}", proof.display())))?;
    let Some(entry) = entry else {
        let help = "`log prove` writes it beside the proof as `.entry`, and the page of a decision tells its bytes";
        return Err(Problem::new(1, format!("name the file with the entry that the proof is about; {help}")));
    };
    let entry_bytes = read(entry)?;
    let checkpoint = verified(&parsed, &entry_bytes, &policy);
    let checkpoint = checkpoint.map_err(|problem| {
        let what = format!("{} with {}: {}", proof.display(), entry.display(), problem.message);
        let message = what + &log_told::unproven(&parsed, &policy, problem.code);
        Problem { message, ..problem }
    })?;
    let proven = Proven { checkpoint, proof: &parsed, entry: &entry_bytes, policy: &policy, shown: None };
    told(as_json, &proven.facts(), &proven.words())
}

fn verified(proof: &Proof, entry: &[u8], policy: &Policy) -> Result<Checkpoint, Problem> {
    proof.verify(entry, policy).map_err(|error| match &error {
        Unverified::Checkpoint(reason) => refused(reason),
        Unverified::Inclusion(_) => Problem::new(5, error.to_string()),
    })
}

fn verify_disclosure(value: &Value, policy: &Policy, as_json: bool) -> Ended {
    let malformed = || Problem::new(2, "this is no disclosure that `interdict log disclose` wrote".to_owned());
    let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or_else(malformed);
    let name = text("field")?;
    let field = entry::FIELDS.iter().position(|known| *known == name).ok_or_else(malformed)?;
    let hash = |text: &str| Hash::from_base64(text).ok_or_else(malformed);
    let path = value.get("path").and_then(Value::as_array).ok_or_else(malformed)?;
    let hashes = path.iter().map(|item| hash(item.as_str().unwrap_or_default())).collect::<Result<Vec<_>, _>>()?;
    let path: [Hash; PATH] = hashes.try_into().ok().ok_or_else(malformed)?;
    let shown = Disclosure { field, salt: hash(text("salt")?)?.0, value: text("value")?.as_bytes().to_vec(), path };
    let proof = Proof::parse(text("proof")?.as_bytes()).map_err(|error| Problem::new(2, error.to_string()))?;
    let bytes = unhex(text("entry")?).ok_or_else(malformed)?;
    let checkpoint = verified(&proof, &bytes, policy).map_err(|problem| {
        let message = problem.message + &log_told::unproven(&proof, policy, problem.code);
        Problem { code: problem.code, message }
    })?;
    let Some(Entry::Decision { commitment, .. }) = Entry::from_bytes(&bytes) else {
        return Err(Problem::new(2, "the entry is not a decision".to_owned()));
    };
    if !shown.opens(Hash(commitment)) {
        return Err(Problem::new(5, "the field shown is not the one that was committed to".to_owned()));
    }
    let value = String::from_utf8_lossy(&shown.value);
    let proven = Proven { checkpoint, proof: &proof, entry: &bytes, policy, shown: Some((name, &value)) };
    told(as_json, &proven.facts(), &proven.words())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[char; 2]| u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// The logs of what was typed: one, or the two of a folder that `log new` made or of an address that serves it, with those
/// they go on from.
fn logs(typed: &Path) -> Vec<Place> {
    let place = Place::at(typed);
    let two = ["gov", "dec"];
    let found: Vec<Place> = match &place {
        // Both were made at once: one that is gone is not one that there never was.
        Place::Folder(_) => {
            let folders = two.map(|log| typed.join(log).join("public"));
            let is_home = folders.iter().any(|path| path.is_dir());
            folders.into_iter().filter(|_| is_home).map(|path| Place::Folder(Folder::new(path))).collect()
        }
        Place::Web { .. } if matches!(place.find("checkpoint"), Ok(Some(_))) => Vec::new(),
        // Where one of them is, the other is too unless the server says that it is not: what it does not answer is told.
        Place::Web { .. } => {
            let asked = two.map(|log| place.below(log)).map(|place| (place.find("checkpoint"), place));
            let is_any = asked.iter().any(|(found, _)| matches!(found, Ok(Some(_))));
            let there = asked.into_iter().filter(|(found, _)| is_any && !matches!(found, Ok(None)));
            there.map(|(_, place)| place).collect()
        }
    };
    if found.is_empty() {
        return vec![place];
    }
    // By what it signs: the key beside it may be gone.
    let signed = |place: &Place| {
        let note = Note::parse(&Disk::read(place, "checkpoint").ok()?).ok()?;
        Checkpoint::parse(&note.text).ok().map(|checkpoint| checkpoint.origin)
    };
    let named = |place: &Place| {
        let key = VerifierKey::parse(String::from_utf8(Disk::read(place, "vkey").ok()?).ok()?.trim()).ok();
        key.map(|key| key.name().to_owned())
    };
    let ended = |place: &Place| {
        let numbers = signed(place).or_else(|| named(place)).map(|origin| ended_before(&origin));
        numbers.into_iter().flatten().map(|number| place.past(number)).collect::<Vec<_>>()
    };
    let past: Vec<Place> = found.iter().flat_map(ended).collect();
    found.into_iter().chain(past).collect()
}

/// Whether nothing of a log in a folder is published. A log that is not there, or that somebody took away, is no such.
fn is_empty(public: &Place) -> Result<bool, Problem> {
    let Place::Folder(disk) = public else { return Ok(false) };
    if disk.path().join("checkpoint").exists() || disk.path().join("tile").exists() {
        return Ok(false);
    }
    let missing = |why: String| Err(Problem::new(MISSING, format!("{public}: {why}")));
    let Ok(text) = disk.read("vkey") else { return missing(String::from("no log lies here")) };
    let key = VerifierKey::parse(String::from_utf8_lossy(&text).trim());
    let key = key.map_err(|error| Problem::new(2, format!("{public}/vkey: {error}")))?;
    let home = disk.path().parent().and_then(Path::parent);
    match home.map(|home| keeper::signed(&Folder::new(home.join("signer")), key.name())) {
        Some(Ok(Some(signed))) => {
            missing(format!("its signer has signed {} entries, and no file of them is here", signed.size))
        }
        Some(Err(error)) => missing(format!("what its signer has signed cannot be read: {error}")),
        Some(Ok(None)) | None => Ok(true),
    }
}

/// The policy to check one of the logs of a folder by; `None` if it has ended and those who were named are not its own.
fn policy_for(public: &Place, trust: &Trust) -> Result<Option<Policy>, Problem> {
    let policy = trust.policy(Some(public))?;
    let key = match Disk::read(public, "vkey") {
        // Whose it is nobody can say then, and not that it is none of those named.
        Err(error) if public.is_past() => return Err(Problem::file(&public.file("vkey"), error)),
        read => read.unwrap_or_default(),
    };
    let key = String::from_utf8_lossy(&key).trim().to_owned();
    let is_known = policy.logs().iter().any(|party| party.key.to_string() == key);
    Ok(Some(policy).filter(|_| is_known || !public.is_past()))
}

pub(crate) fn code_of(report: &fsck::Report) -> u8 {
    let codes = report.damages.iter().map(|damage| match damage.kind {
        Kind::Malformed => 2,
        Kind::Signature => 3,
        Kind::Mismatch => 5,
        Kind::Storage => MISSING,
        Kind::Quorum => 7,
    });
    codes.max().unwrap_or(0)
}

pub(crate) fn listed(public: &Place, report: &fsck::Report) -> String {
    report.damages.iter().map(|damage| format!("{public}/{damage}\n")).collect()
}

/// What is wrong with a log that may go on while it is read.
pub(crate) fn checked(public: &Place, policy: &Policy) -> fsck::Report {
    let mut report = fsck::check(public, "", policy, public.threads());
    for _ in 0..CYCLE_TRIES {
        if report.damages.is_empty() {
            break;
        }
        // A log that is open may be between writing its tiles and signing them, or drop the last tiles of the state
        // before.
        let between = report.damages.iter().all(|damage| damage.what == fsck::UNSIGNED);
        let now = checkpoint(public, policy).ok().map(|(now, _)| now);
        if !between && (now.is_none() || now == report.checkpoint) {
            break;
        }
        std::thread::sleep(CYCLE_PAUSE);
        report = fsck::check(public, "", policy, public.threads());
    }
    report
}

/// What was found of a log, for programs.
fn found(public: &Place, size: u64, root: Option<Hash>, files: u64, damages: &[Value]) -> Value {
    let root = root.map(Hash::to_base64);
    json!({ "log": public.to_string(), "size": size, "root": root, "files": files, "damages": damages })
}

pub(crate) fn fsck(folder: &Path, trust: &Trust, as_json: bool) -> Ended {
    let mut worst = 0;
    for public in logs(folder) {
        // An address need not have all that its keeper has, as a bucket has not.
        if matches!(public, Place::Web { .. }) && public.is_past() && Disk::read(&public, "vkey").is_err() {
            eprintln!("note: {public} has ended, is not there, and is not checked");
            continue;
        }
        if is_empty(&public)? {
            let text = if as_json {
                format!("{}\n", found(&public, 0, None, 0, &[]))
            } else {
                format!("{public}: nothing is published yet\n")
            };
            print(&text).map_err(|error| Problem::new(1, error))?;
            continue;
        }
        let Some(policy) = policy_for(&public, trust)? else {
            eprintln!(
                "note: {public} has ended and is not checked; name its key, or none to go by those beside the logs"
            );
            continue;
        };
        let report = checked(&public, &policy);
        worst = worst.max(code_of(&report));
        let size = report.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let text = if as_json {
            let damages: Vec<Value> = report
                .damages
                .iter()
                .map(|damage| {
                    json!({ "path": damage.path, "from": damage.indexes.start, "until": damage.indexes.end, "what": damage.what })
                })
                .collect();
            format!("{}\n", found(&public, size, report.root, report.files, &damages))
        } else if report.damages.is_empty() {
            format!("{public}: sound, {size} entries in {} files\n", report.files)
        } else {
            listed(&public, &report)
        };
        print(&text).map_err(|error| Problem::new(1, error))?;
    }
    Ok(worst)
}

/// Reads a log that is open: where a file was gone because a new checkpoint came meanwhile, reads again under that.
pub(crate) fn settled<T>(public: &Place, mut read: impl FnMut() -> Result<T, Problem>) -> Result<T, Problem> {
    let checkpoint = || Disk::read(public, "checkpoint").ok();
    for _ in 0..CYCLE_TRIES {
        let before = checkpoint();
        match read() {
            Err(problem) if problem.code == MISSING && checkpoint() != before => {}
            done => return done,
        }
    }
    read()
}

/// The proof of an entry, and the entry.
pub(crate) fn proof_of(public: &Place, policy: &Policy, index: u64) -> Result<(Proof, Vec<u8>), Problem> {
    settled(public, || proof_now(public, policy, index))
}

fn proof_now(public: &Place, policy: &Policy, index: u64) -> Result<(Proof, Vec<u8>), Problem> {
    let (checkpoint, note) = checkpoint(public, policy)?;
    let mut reader = reader(public, &checkpoint)?;
    let entry = entry_of(public, &checkpoint, &mut reader, index)?;
    let hashes = reader.prove_inclusion(index).map_err(|error| untrusted(&error))?;
    Ok((Proof { extra: None, index, hashes, checkpoint: note }, entry))
}

pub(crate) fn prove(folder: &Path, index: u64, trust: &Trust, output: &Path, as_json: bool) -> Ended {
    let public = Place::at(folder);
    let policy = trust.policy(Some(&public))?;
    let (proof, entry) = proof_of(&public, &policy, index)?;
    let beside = output.with_extension("entry");
    if beside == output {
        let why = "that is where the entry goes, beside the proof; name another file";
        return Err(Problem::new(1, format!("{}: {why}", output.display())));
    }
    whole_file::write(&beside, &entry).map_err(|error| Problem::file(&beside, error))?;
    whole_file::write(output, proof.to_string().as_bytes()).map_err(|error| Problem::file(output, error))?;
    let within = Checkpoint::parse(&proof.checkpoint.text).ok();
    let facts = json!({
        "log": within.as_ref().map(|checkpoint| &checkpoint.origin), "index": index,
        "size": within.as_ref().map(|checkpoint| checkpoint.size),
        "proof": output.display().to_string(), "entry": beside.display().to_string(),
    });
    told(as_json, &facts, "")
}

pub(crate) fn cat(folder: &Path, from: u64, count: u64, trust: &Trust) -> Ended {
    let public = Place::at(folder);
    let policy = trust.policy(Some(&public))?;
    let (now, _) = checkpoint(&public, &policy)?;
    if from > now.size {
        return Err(Problem::new(NOT_THERE, format!("{} entries are published; {from} is beyond them", now.size)));
    }
    let mut next = from;
    entries(
        &public,
        &policy,
        from..from.saturating_add(count),
        || (),
        |(), index, bytes| {
            if index < next {
                return Ok(());
            }
            let mut value = match Entry::from_bytes(bytes) {
                Some(entry) => entry.to_json(),
                None => json!({ "kind": "unknown", "hex": hex(bytes) }),
            };
            if let Some(members) = value.as_object_mut() {
                members.insert("index".to_owned(), Value::from(index));
            }
            next = index + 1;
            print(&format!("{value}\n")).map(drop).map_err(|error| Problem::new(1, error))
        },
    )?;
    Ok(0)
}

/// What an entry, whose bytes these are, commits to, which only the keeper of the log can say.
pub(crate) fn opened(disk: &Folder, index: u64, size: u64, entry: &[u8]) -> Result<(Seed, Fields), Problem> {
    let read = |size| private::read(disk, index, size).map_err(|error| Problem::file(disk.path(), error));
    let (mut size, mut opening) = (size, read(size)?);
    for _ in 0..CYCLE_TRIES {
        // A file in whose place there is a longer one is overwritten before it goes, and looks as if all in it were erased.
        let now = if opening.seed().is_none() { published_size(disk)? } else { size };
        if now == size {
            break;
        }
        (size, opening) = (now, read(now)?);
    }
    let erased = || Problem::new(NOT_THERE, format!("what entry {index} commits to was erased"));
    let seed = opening.seed().ok_or_else(erased)?;
    let unreadable = || Problem::new(6, format!("the private record of entry {index} is damaged"));
    let fields = seed.open(&opening.sealed).ok_or_else(unreadable)?;
    // Whoever could change this folder, and no key, must not have one decision pass for another.
    if Entry::from_bytes(entry).and_then(|entry| entry.commitment()) != Some(seed.commit(&fields).0) {
        let why = "the private record is not what the entry commits to; it proves nothing and is not shown";
        return Err(Problem::new(5, format!("entry {index}: {why}")));
    }
    Ok((seed, fields))
}

/// A field of what was opened, as JSON; null if it is absent.
pub(crate) fn field(fields: &Fields, name: &str) -> Value {
    let place = entry::FIELDS.iter().position(|known| *known == name);
    let bytes = place.and_then(|place| fields.get(place)?.as_deref());
    bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

/// How many entries a log of this machine's own has published.
pub(crate) fn published_size(disk: &Folder) -> Result<u64, Problem> {
    let note = ledger::keeper::published(disk, ledger::publish::CHECKPOINT);
    let note = note.map_err(|error| Problem::file(disk.path(), error))?;
    Ok(note.and_then(|note| Checkpoint::parse(&note.text).ok()).map_or(0, |known| known.size))
}

/// Whether an entry is that of a decision: nothing else commits to anything.
pub(crate) fn commits(entry: &[u8]) -> bool {
    Entry::from_bytes(entry).is_some_and(|entry| entry.commitment().is_some())
}

/// That an entry is that of a decision.
fn decision(entry: &[u8], index: u64) -> Result<(), Problem> {
    let is_one = commits(entry);
    let none = || Problem::new(2, format!("entry {index} is no decision: it commits to nothing"));
    is_one.then_some(()).ok_or_else(none)
}

/// That an entry that this machine's log of decisions has published is a decision.
pub(crate) fn is_decision(disk: &Folder, index: u64) -> Result<(), Problem> {
    let policy = Policy::of_log(Home::key_of(disk)?);
    let (_, entry) = proof_of(&Place::public(disk), &policy, index)?;
    decision(&entry, index)
}

pub(crate) fn disclose(folder: &Path, sealed: Option<u64>, index: u64, field: &str) -> Ended {
    let number = entry::FIELDS.iter().position(|known| *known == field);
    let number = number
        .ok_or_else(|| Problem::new(1, format!("`{field}` is no field; there are {}", entry::FIELDS.join(", "))))?;
    const { assert!(FIELDS == entry::FIELDS.len()) };
    log_home::holds_both(folder)?;
    let log = sealed.map_or_else(|| folder.join("dec"), |number| folder.join("past/dec").join(number.to_string()));
    let public = Place::public(&Folder::new(&log));
    let text = String::from_utf8(public.read("vkey")?).unwrap_or_default();
    let key = VerifierKey::parse(text.trim()).map_err(|error| Problem::new(2, error.to_string()))?;
    let policy = Policy::of_log(key);
    let (proof, entry, seed, fields) = settled(&public, || {
        let (proof, entry) = proof_now(&public, &policy, index)?;
        decision(&entry, index)?;
        let size = Checkpoint::parse(&proof.checkpoint.text).map_or(0, |checkpoint| checkpoint.size);
        let (seed, fields) = opened(&Folder::new(&log), index, size, &entry)?;
        Ok((proof, entry, seed, fields))
    })?;
    let Some(shown) = seed.disclose(&fields, number) else {
        return Err(Problem::new(1, format!("entry {index} has no `{field}`")));
    };
    let path: Vec<String> = shown.path.iter().map(|hash| hash.to_base64()).collect();
    let value = json!({
        "field": field,
        "value": String::from_utf8_lossy(&shown.value),
        "salt": Hash(shown.salt).to_base64(),
        "path": path,
        "entry": hex(&entry),
        "proof": proof.to_string(),
    });
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    print(&format!("{text}\n")).map_err(|error| Problem::new(1, error))
}

#[cfg(test)]
mod tests {
    use super::logs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::path::Path;

    /// What an address is taken for whose server answers so for the checkpoint at it, of `gov` and of `dec`.
    fn taken(statuses: [u16; 3]) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut bytes) = (stream.unwrap(), [0; 4096]);
                let length = stream.read(&mut bytes).unwrap();
                let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let number = ["/gov/checkpoint", "/dec/checkpoint"].iter().position(|path| asked.contains(path));
                let status = if asked.contains("checkpoint") { statuses[number.map_or(0, |at| at + 1)] } else { 404 };
                write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx").unwrap();
            }
        });
        let places = logs(Path::new(&address));
        places.iter().map(|place| place.to_string().replace(&address, "")).collect()
    }

    #[test]
    fn a_log_that_does_not_answer_is_not_one_that_is_not_there() {
        assert_eq!(taken([404, 200, 200]), ["/gov", "/dec"]);
        assert_eq!(taken([404, 200, 403]), ["/gov", "/dec"]);
        assert_eq!(taken([403, 200, 404]), ["/gov"]);
        assert_eq!(taken([200, 404, 404]), [""]);
        assert_eq!(taken([404, 404, 404]), [""]);
    }
}

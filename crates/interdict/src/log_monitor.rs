//! Watches a log: that it only grew since the last look, and that it shows here what its witnesses signed elsewhere.

use crate::log::{Problem, Trust, read, told};
use crate::log_place::Place;
use crate::log_read::{Ended, checked, checkpoint, code_of, listed, reader, refused, settled, untrusted};
use crate::log_witness::signed_last;
use crate::whole_file;
use docket::moment::format_rfc3339;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tlog::checkpoint::Checkpoint;
use tlog::note::Note;
use tlog::policy::{Party, Policy};
use tlog::tree;

/// How long a log may take from the signature of a witness to its own publishing, and how often it is looked at meanwhile.
const PUBLISHED_TRIES: u32 = 25;
const PUBLISHED_PAUSE: Duration = Duration::from_millis(200);

/// The code of a log that is not what it was, or not to everybody the same.
const FORKED: u8 = 4;

/// A checkpoint as it was signed.
type Signed = (Checkpoint, Note);

/// Whether a log is what it was grown from; if not, both notes are the evidence.
fn grown(public: &Place, (then, seen): &Signed, (now, note): &Signed) -> Result<(), Problem> {
    let other = |why: &str| Problem::new(FORKED, format!("another history: {why}\nseen before:\n{seen}\nnow:\n{note}"));
    if then.size > now.size {
        return Err(other(&format!("it had {} entries and has {} now", then.size, now.size)));
    }
    let proof = reader(public, now)?.prove_consistency(then.size).map_err(|error| untrusted(&error))?;
    let consistent = tree::verify_consistency((then.size, then.root), (now.size, now.root), &proof);
    consistent.map_err(|_not| other("what it had is not what it grew from"))
}

/// What a log was when it was looked at before, if it has only grown since.
fn before(public: &Place, state: &Path, policy: &Policy, now: &Signed) -> Result<u64, Problem> {
    let bytes = read(state)?;
    let note = Note::parse(&bytes).map_err(|error| Problem::new(2, format!("{}: {error}", state.display())))?;
    let then = policy.check(&note).map_err(|error| refused(&error))?;
    if then.origin != now.0.origin {
        let help = "a log that goes on from another is remembered in a file of its own";
        let told = format!("{} remembers {}, not {}; {help}", state.display(), then.origin, now.0.origin);
        return Err(Problem::new(1, told));
    }
    let then = (then, note);
    grown(public, &then, now)?;
    Ok(then.0.size)
}

/// What a witness says that it signed last of the log.
struct Seen<'p> {
    witness: &'p Party,
    /// With the second at which it says it signed; or why that is not known.
    signed: Result<(Signed, Option<u64>), String>,
}

impl Seen<'_> {
    fn size(&self) -> Option<u64> {
        let ((checkpoint, _), _) = self.signed.as_ref().ok()?;
        Some(checkpoint.size)
    }

    fn time(&self) -> Option<String> {
        let (_, time) = self.signed.as_ref().ok()?;
        Some(format_rfc3339(i64::try_from((*time)?).ok()?))
    }

    fn facts(&self) -> Value {
        let problem = self.signed.as_ref().err();
        json!({ "witness": self.witness.key.name(), "size": self.size(), "at": self.time(), "problem": problem })
    }

    fn words(&self) -> String {
        let name = self.witness.key.name();
        match &self.signed {
            Ok(((signed, _), _)) => {
                let at = self.time().map(|time| format!(", at {time}")).unwrap_or_default();
                format!("the witness {name} signed it last with {} entries{at}\n", signed.size)
            }
            Err(why) => format!("the witness {name} does not say what it signed: {why}\n"),
        }
    }

    /// That the log shows here what the witness signed.
    fn is_shown(&self, public: &Place, now: &Signed) -> Result<(), Problem> {
        let Ok((signed, _)) = &self.signed else { return Ok(()) };
        grown(public, signed, now).map_err(|problem| {
            if problem.code != FORKED {
                return problem;
            }
            let help = "a log that ended meanwhile publishes what was signed once it runs again";
            let who = format!("the witness {} signed what is not shown here; {help}", self.witness.key.name());
            Problem::new(FORKED, format!("{who}\n{}", problem.message))
        })
    }
}

/// Asks all witnesses of a policy at once.
fn ask<'p>(policy: &'p Policy, origin: &str) -> Vec<Seen<'p>> {
    let one = |witness: &'p Party| {
        let checked = |note: Note| {
            let signed = policy.check_log(&note).map_err(|error| error.to_string())?;
            let by_it = note.verify(std::slice::from_ref(&witness.key)).map_err(|error| error.to_string())?;
            let time = by_it.first().filter(|_| signed.origin == origin).map(|signed| signed.time);
            let time = time.ok_or("what it answers is no checkpoint of this log that it signed")?;
            Ok(((signed, note), time))
        };
        Seen { witness, signed: signed_last(witness, origin).and_then(checked) }
    };
    std::thread::scope(|scope| {
        let asking: Vec<_> = policy.witnesses().iter().map(|witness| scope.spawn(move || one(witness))).collect();
        let asked = asking.into_iter().map(|asked| asked.join());
        asked.map(|asked| asked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The checkpoint that is shown here, and what the witnesses signed last. They are asked first: so that is published here,
/// or will be in a moment.
fn seen<'p>(public: &Place, policy: &'p Policy) -> Result<(Signed, Vec<Seen<'p>>), Problem> {
    let origin = checkpoint(public, policy)?.0.origin;
    let seen = ask(policy, &origin);
    let Some(newest) = seen.iter().filter_map(Seen::size).max() else {
        let words: String = seen.iter().map(Seen::words).collect();
        return Err(Problem::new(7, format!("no witness says what it signed last of {origin}\n{words}")));
    };
    for _ in 0..PUBLISHED_TRIES {
        let now = checkpoint(public, policy)?;
        if now.0.size >= newest {
            return Ok((now, seen));
        }
        std::thread::sleep(PUBLISHED_PAUSE);
    }
    Ok((checkpoint(public, policy)?, seen))
}

/// What a look at a log comes to.
struct Looked<'p> {
    now: Signed,
    /// How many entries it had at the last look.
    before: Option<u64>,
    seen: Vec<Seen<'p>>,
}

fn look<'p>(public: &Place, policy: &'p Policy, state: &Path, asks_witnesses: bool) -> Result<Looked<'p>, Problem> {
    let (now, seen) = if asks_witnesses { seen(public, policy)? } else { (checkpoint(public, policy)?, Vec::new()) };
    let is_known = state.try_exists().map_err(|error| Problem::file(state, error))?;
    let before = is_known.then(|| before(public, state, policy, &now)).transpose()?;
    seen.iter().try_for_each(|one| one.is_shown(public, &now))?;
    Ok(Looked { now, before, seen })
}

pub(crate) fn monitor(folder: &Path, state: &Path, trust: &Trust, asks_witnesses: bool, as_json: bool) -> Ended {
    let public = Place::at(folder);
    let policy = trust.policy(Some(&public))?;
    // A log that goes on publishing puts its last files in other places.
    let looked = settled(&public, || look(&public, &policy, state, asks_witnesses));
    // What is damaged is named file by file, before what does not follow from it.
    let report = checked(&public, &policy);
    if !report.damages.is_empty() {
        return Err(Problem::new(code_of(&report), listed(&public, &report)));
    }
    let Looked { now: (now, note), before, seen } = looked?;
    whole_file::write(state, note.to_string().as_bytes()).map_err(|error| Problem::file(state, error))?;
    let mut facts = json!({
        "log": now.origin, "size": now.size, "root": now.root.to_base64(), "size_before": before,
        "state": state.display().to_string(),
    });
    if let Some(facts) = facts.as_object_mut().filter(|_| asks_witnesses) {
        facts.insert("witnesses".to_owned(), seen.iter().map(Seen::facts).collect());
    }
    let since = match before {
        Some(before) => format!("grown from the {before} it had"),
        None => format!("seen for the first time; {} remembers it", state.display()),
    };
    let witnesses: String = seen.iter().map(Seen::words).collect();
    told(as_json, &facts, &format!("{}: {} entries, {since}\n{witnesses}", now.origin, now.size))
}

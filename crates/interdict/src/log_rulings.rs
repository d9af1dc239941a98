//! What people decided about decisions of a log, as gates answer by it.
//!
//! A ruling speaks of a decision by its index; what was asked then only the private record says. So it is found here, by
//! the keeper of the log, and a gate compares digests. What was erased is no longer known, and what was decided about it
//! has no effect any more.

use crate::attest_folder::Attestations;
use crate::clock;
use crate::log::Problem;
use crate::log_home::Home;
use crate::log_place::Place;
use crate::log_read::{NOT_THERE, field, opened, proof_of, published_size, settled, unhex};
use crate::log_serve::Kept;
use crate::log_statements::GovLog;
use attest::ruling::{self, Decision};
use attest::timeline::Window;
use docket::moment::parse_rfc3339;
use gate::live::{Live, Ruling, Rulings, Unread};
use gate::metrics::Metrics;
use ledger::disk::Folder;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::Hash;
use tlog::note::VerifierKey;
use tlog::policy::Policy;

/// How often it is looked whether somebody decided something: as often as the log publishes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long what people decided is counted after the log that says so can no longer be read, unless settings say
/// otherwise: time for whoever is told to mend it, and not for ever, since what was taken back meanwhile nobody knows.
pub(crate) const UNREAD_SECONDS_MAX: u32 = 900;

/// The rulings of a log, read anew when it has published.
#[derive(Debug)]
pub(crate) struct Rules {
    log: Option<GovLog>,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    of: Option<Arc<Attestations>>,
    rulings: Arc<Rulings>,
    /// When each counts, by its entry of the gov log.
    windows: BTreeMap<u64, Window>,
}

impl Rules {
    /// Those of the log in this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { log: GovLog::named(folder, None), read: Mutex::default() }
    }

    /// Whether the ruling of an entry counts at an instant.
    pub(crate) fn holds(&self, entry: u64, at: law::Time) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.windows.get(&entry).is_some_and(|window| window.contains(at))
    }

    /// What people decided, as far as it is published.
    pub(crate) fn rulings(&self, home: &Home) -> Result<Arc<Rulings>, String> {
        let Some(log) = &self.log else { return Ok(Arc::default()) };
        let of = log.attestations()?;
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.of.as_ref().is_some_and(|known| Arc::ptr_eq(known, &of)) {
            return Ok(Arc::clone(&known.rulings));
        }
        drop(known);
        let (mut rulings, mut windows) = (Rulings::new(), BTreeMap::new());
        for ruled in ruling::rulings(&of.history.now()) {
            windows.insert(ruled.record.index, ruled.window);
            let asked = asked(home, &ruled.decision).map_err(|problem| problem.message)?;
            let Some((question, from)) = asked else { continue };
            // The last one about a question is the one that counts.
            let by = ruled.by.iter().map(|&name| name.to_owned()).collect();
            let (entry, until) = ((ruled.record.index, ruled.record.time), ruled.window.until);
            let from = from.min(ruled.window.from);
            rulings.insert(question, Ruling { permits: ruled.permits, by, entry, from, until });
        }
        let rulings = Arc::new(rulings);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        *read = Read { of: Some(of), rulings: Arc::clone(&rulings), windows };
        Ok(rulings)
    }
}

/// The log of decisions of this name, present or sealed.
pub(crate) fn decisions_of(home: &Home, origin: &str) -> Result<(Folder, VerifierKey), Problem> {
    let now = home.vkey("dec")?;
    if now.name() == origin {
        return Ok((home.disk("dec"), now));
    }
    let number = origin.rsplit_once('/').and_then(|(_, number)| number.parse::<u64>().ok()).unwrap_or(0);
    let disk = home.past("dec", number);
    let unknown = || Problem::new(NOT_THERE, format!("no log of decisions `{origin}` is kept here"));
    // One that cannot be read is not one that there never was: what people forbade in it would end unseen.
    if !disk.path().try_exists().map_err(|error| Problem::file(disk.path(), error))? {
        return Err(unknown());
    }
    let key = Home::key_of(&disk)?;
    if key.name() == origin { Ok((disk, key)) } else { Err(unknown()) }
}

/// What was asked when a decision was made, and when the act was to happen; `None` if nobody can say any more, or if it is
/// asked nowhere again.
fn asked(home: &Home, decision: &Decision) -> Result<Option<([u8; 32], law::Time)>, Problem> {
    let (disk, key) = match decisions_of(home, &decision.origin) {
        Err(problem) if problem.code == NOT_THERE => return Ok(None),
        found => found?,
    };
    let public = Place::public(&disk);
    let policy = Policy::of_log(key);
    let found = settled(&public, || {
        let (_, entry) = proof_of(&public, &policy, decision.index)?;
        let (_, fields) = opened(&disk, decision.index, published_size(&disk)?, &entry)?;
        Ok((entry, fields))
    });
    let (entry, fields) = match found {
        Err(problem) if problem.code == NOT_THERE => return Ok(None),
        found => found?,
    };
    let Hash(leaf) = Hash::leaf(&entry);
    if attest::dsse::hex(&leaf) != decision.leaf {
        return Ok(None);
    }
    let (record, law, outcome) = (field(&fields, "record"), field(&fields, "law"), field(&fields, "outcome"));
    let text = |value: &serde_json::Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let question = text(&record, "question").and_then(|text| unhex(&text)?.try_into().ok());
    let from = text(&law, "valid_at").and_then(|at| parse_rfc3339(&at).ok());
    let is_left = text(&outcome, "verdict").as_deref() == Some("refer");
    Ok(question.zip(from).filter(|_| is_left))
}

/// Keeps gates answering by what people decided; for so many seconds also while that cannot be read.
pub(crate) async fn keep(
    kept: Option<Arc<Kept>>,
    unread_seconds_max: u32,
    live: &Live,
    metrics: &Metrics,
) -> std::convert::Infallible {
    let Some(kept) = kept else { return std::future::pending().await };
    let (mut told, mut since) = (String::new(), None);
    loop {
        let kept = Arc::clone(&kept);
        let read = tokio::task::spawn_blocking(move || kept.rules.rulings(&kept.home)).await;
        match read.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(rulings) => {
                live.rule(rulings);
                metrics.overrides_unread(0);
                told.clear();
                since = None;
            }
            Err(why) => {
                if why != told {
                    eprintln!("what people decided cannot be read: {why}");
                    told.clone_from(&why);
                }
                // By a clock that does not jump: this is how long ago it was, whatever the time.
                let since = *since.get_or_insert((clock::now(), clock::nanos()));
                let seconds = clock::nanos().saturating_sub(since.1) / 1_000_000_000;
                live.rule_unread(Unread { since: since.0, why, is_over: seconds >= u64::from(unread_seconds_max) });
                metrics.overrides_unread(seconds);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

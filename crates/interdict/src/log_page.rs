//! The decisions of a log that is kept here, for the pages of the console.

use crate::log::Problem;
use crate::log_find::{self, About};
use crate::log_gov::{Known, blob_path};
use crate::log_home::Home;
use crate::log_place::Place;
use crate::log_read::{MISSING, NOT_THERE, entries, field, opened, proof_of, published_size, settled};
use crate::log_serve::{Kept, held};
use console::Decisions;
use console::decisions::{Decision, Erasure, Field, Fields, Line, Looked, Newest, Overruled, Sealed, Sought};
use ledger::commitment::Seed;
use ledger::disk::{Disk as _, Folder};
use std::sync::Arc;
use tlog::checkpoint::Checkpoint;
use tlog::policy::Policy;
use wire::entry::{self, Entry};

/// Decisions in the list: a screen or two.
const LINES_MAX: u64 = 50;

/// Decisions that are looked through for one page: some tenths of a second.
const LOOKED_MAX: u64 = 2_560;

/// The fields that a list may be searched by: those it shows.
const LISTED: [&str; 4] = ["act", "resource", "place", "outcome"];

/// The field that concerns people and payments. No page of ours has it, whatever the operator chose.
const PRIVATE: &str = "private";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pages of this log; with what decisions were about if the operator chose to show it.
pub(crate) fn decisions(kept: Option<Arc<Kept>>, shows: bool) -> Decisions {
    let Some(kept) = kept else { return Decisions::default() };
    let again = Arc::clone(&kept);
    Decisions {
        newest: Arc::new(move |sought| {
            let newest = settled(&kept.public(), || kept.newest(sought, shows));
            newest.map(Some).map_err(|problem| problem.message)
        }),
        one: Arc::new(move |sealed, index| {
            let public = Place::public(&again.log("dec", sealed));
            settled(&public, || again.page(sealed, index, shows)).map_err(|problem| problem.message)
        }),
    }
}

impl Kept {
    /// The present log, or the one of a number that is sealed.
    fn log(&self, log: &str, sealed: Option<u64>) -> Folder {
        sealed.map_or_else(|| self.home.disk(log), |number| self.home.past(log, number))
    }

    /// The logs of decisions that were sealed, the newest first.
    fn sealed(&self) -> Result<Vec<Sealed>, Problem> {
        let names = Folder::new(self.home.folder()).list("past/dec");
        let names = names.map_err(|error| Problem::file(self.home.folder(), error))?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let size = |number| published_size(&self.home.past("dec", number));
        numbers.into_iter().map(|number| Ok(Sealed { number, size: size(number)? })).collect()
    }

    fn public(&self) -> Place {
        Place::public(&self.home.disk("dec"))
    }

    /// A page of the list, and where the next one begins.
    fn newest(&self, sought: &Sought, shows: bool) -> Result<Newest, Problem> {
        let size = self.dec.published().map_or(0, |published| published.checkpoint.size);
        let (unpublished, trouble) = (self.dec.durable().saturating_sub(size), self.dec.trouble());
        let behind = Newest { size, shows, unpublished, trouble, sealed: self.sealed()?, ..Newest::default() };
        if size == 0 {
            return Ok(behind);
        }
        let disk = self.home.disk("dec");
        let least = held(&self.known).retained_from;
        let before = sought.before.map_or(size, |before| before.min(size));
        let is_all = sought.about.is_empty() && sought.day.is_none();
        let first = before.saturating_sub(if is_all { LINES_MAX } else { LOOKED_MAX }).max(least).min(before);
        let policy = Policy::of_log(self.home.vkey("dec")?);
        let made = entries(&self.public(), &policy, first..before, Vec::new, |made, index, bytes| {
            // The first entry of a log that goes on from another is no decision.
            let decision = Entry::from_bytes(bytes).filter(|entry| entry.commitment().is_some());
            made.extend(decision.map(|entry| (index, entry.at(), bytes.to_vec())));
            Ok(())
        })?;
        let about = About::read(&sought.about, &sought.docket);
        let (mut lines, mut last) = (Vec::new(), before);
        for (index, at, bytes) in made.into_iter().rev() {
            last = index;
            if sought.day.is_some_and(|(from, until)| at < from || until <= at) {
                continue;
            }
            let fields = match shows.then(|| opened(&disk, index, size, &bytes)) {
                None => None,
                Some(Ok((_, fields))) => Some(fields),
                Some(Err(problem)) if problem.code == NOT_THERE => None,
                Some(Err(problem)) => return Err(problem),
            };
            let is_sought = fields.as_ref().map_or(sought.about.is_empty(), |fields| about.is_in(fields, &LISTED));
            if !is_sought {
                continue;
            }
            let ruling = self.by_hand(self.home.vkey("dec")?.name(), index).map(|overruled| overruled.ruling);
            lines.push(Line { index, at, shown: fields.as_ref().map(log_find::summary), ruling });
            if lines.len() as u64 == LINES_MAX {
                break;
            }
        }
        let reached = reached(lines.len() as u64, first, last);
        Ok(Newest { lines, older: (reached > least).then_some(reached), ..behind })
    }

    fn by_hand(&self, origin: &str, index: u64) -> Option<Overruled> {
        let (at, entry) = self.overruled(origin, index)?;
        let Entry::Override { ruling, by, expires, .. } = entry else { return None };
        let counts = self.rules.holds(at, crate::clock::now());
        Some(Overruled { ruling: ruling.word().to_owned(), by, expires, entry: at, counts })
    }

    fn erasure(&self, origin: &str, index: u64) -> Option<Erasure> {
        let found = held(&self.known).erased.get(&(origin.to_owned(), index)).cloned();
        let (entry, Entry::Erasure { at, reason, .. }) = found? else { return None };
        Some(Erasure { at, reason, entry })
    }

    fn page(&self, sealed: Option<u64>, index: u64, shows: bool) -> Result<Looked, Problem> {
        let dec = self.log("dec", sealed);
        let (size, from) = match sealed {
            None => (self.dec.durable(), held(&self.known).retained_from),
            Some(number) => (published_size(&dec)?, self.retained_of(number)),
        };
        if index >= size {
            return Ok(Looked::Missing);
        }
        if index < from {
            return Ok(Looked::Retired);
        }
        if sealed.is_none() && self.dec.published().is_none_or(|published| published.checkpoint.size <= index) {
            return Ok(Looked::Waiting(self.dec.trouble()));
        }
        let key = Home::key_of(&dec)?;
        let public = Place::public(&dec);
        let (proof, bytes) = proof_of(&public, &Policy::of_log(key.clone()), index)?;
        let Some(Entry::Decision { at, gov_size, edition, .. }) = Entry::from_bytes(&bytes) else {
            return Ok(Looked::Missing);
        };
        let size = Checkpoint::parse(&proof.checkpoint.text).map_or(0, |checkpoint| checkpoint.size);
        let (fields, law) = match opened(&dec, index, size, &bytes) {
            Err(problem) if problem.code == NOT_THERE => (Fields::Erased(self.erasure(key.name(), index)), Vec::new()),
            Err(problem) => return Err(problem),
            Ok(_) if !shows => (Fields::Withheld, Vec::new()),
            Ok((seed, fields)) => (Fields::Shown(shown(&seed, &fields)), self.cited(&fields, sealed, gov_size)?),
        };
        let policy = self.home.policy()?.map(|(_, policy)| policy);
        let witnesses = policy.iter().flat_map(Policy::witnesses).map(|witness| witness.key.to_string()).collect();
        Ok(Looked::Found(Box::new(Decision {
            sealed,
            index,
            at,
            gov_size,
            edition: hex(&edition),
            entry: hex(&bytes),
            receipt: proof.to_string(),
            key: key.to_string(),
            witnesses,
            law,
            fields,
            overruled: self.by_hand(key.name(), index),
        })))
    }

    /// The files of the law that a decision cites, as the gov log had them then.
    fn cited(
        &self,
        fields: &ledger::commitment::Fields,
        sealed: Option<u64>,
        gov_size: u64,
    ) -> Result<Vec<(String, String)>, Problem> {
        let law = field(fields, "law");
        let cited = ["provisions", "by"].iter().filter_map(|list| law.get(list)?.as_array()).flatten();
        let cited: Vec<&str> = cited.filter_map(|cited| cited.as_str()?.split(':').next()).collect();
        let disk = self.log("gov", sealed);
        let known = match Known::read(&disk, gov_size) {
            // The receipt stands without them, and gates go on for a while.
            Err(problem) if problem.code == MISSING => return Ok(Vec::new()),
            read => read?,
        };
        let mut files = Vec::new();
        for (path, digest) in known.documents {
            let text = disk.read(&format!("public/{}", blob_path(&digest)));
            let text = text.map_err(|error| Problem::file(disk.path(), error))?;
            let declared = String::from_utf8_lossy(&text);
            let mut declared = declared.lines().filter_map(|line| line.trim_start().strip_prefix("instrument "));
            if declared.any(|line| cited.iter().any(|id| line.split([' ', '{']).next() == Some(id))) {
                files.push((path, hex(&digest)));
            }
        }
        Ok(files)
    }
}

/// How far down a page has looked that has so many lines, of which `last` is the last, out of the entries from `first` on.
const fn reached(lines: u64, first: u64, last: u64) -> u64 {
    if lines < LINES_MAX { first } else { last }
}

/// The fields that are shown, each with what it takes to check it.
fn shown(seed: &Seed, fields: &ledger::commitment::Fields) -> Vec<Field> {
    let names = entry::FIELDS.iter().enumerate().filter(|(_, name)| **name != PRIVATE);
    let show = |(number, name): (usize, &&str)| {
        let shown = seed.disclose(fields, number)?;
        Some(Field {
            name: (*name).to_owned(),
            value: String::from_utf8_lossy(&shown.value).into_owned(),
            salt: tlog::Hash(shown.salt).to_base64(),
            path: shown.path.iter().map(|hash| hash.to_base64()).collect(),
        })
    };
    names.filter_map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, reached};

    #[test]
    fn the_next_page_begins_below_what_this_one_looked_at() {
        assert_eq!(reached(LINES_MAX, 100, 120), 120, "a page that is full");
        // Below the last decision there is an entry that is none: the first of a log that goes on from another.
        assert_eq!(reached(LINES_MAX - 1, 0, 1), 0);
        assert_eq!(reached(0, 0, 1), 0);
    }
}

//! `interdict log find`: from an app, a domain or words, and a day, to the decisions of a log that is kept here. The log itself
//! says nothing of what decisions were about; its keeper's private records do.

use crate::commands::{Loading, print};
use crate::log::Problem;
use crate::log_home::Home;
use crate::log_place::Place;
use crate::log_read::{MISSING, NOT_THERE, entries, field, opened, published_size, settled};
use clap::Args;
use docket::Docket;
use docket::moment::{format_rfc3339, parse_rfc3339};
use docket::subject::Attribution;
use law::Time;
use law::time::{ALWAYS, FOREVER};
use ledger::commitment::Fields;
use ledger::disk::Folder;
use serde_json::json;
use std::path::PathBuf;
use tlog::policy::Policy;
use wire::entry::{Entry, FIELDS};

/// After how many decisions that were looked at it is said how far this is.
const TOLD_EVERY: u64 = 20_000;

const DAY_SECONDS: Time = 86_400;

/// Options of `log find`.
#[derive(Debug, Args)]
#[command(
    after_help = "An identifier that is known (`interdict subjects ID`) finds the decisions about its app; anything else is looked for as \
                  words in all that was recorded, what concerns people and payments included.\n\
                  Exit code: 0 some were found, 1 none, others as `interdict log --help` says.\n\n  \
                  interdict log find LOG com.tencent.mm --on 2026-03-01\n  \
                  interdict log find LOG 'Jane Doe' --json"
)]
pub(crate) struct Find {
    /// The folder that `log new` made
    folder: PathBuf,
    /// What it was about: a package, a domain, an app or any words; without it, everything
    about: Option<String>,
    /// Decisions made on this day, in UTC
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "until"])]
    on: Option<String>,
    /// Decisions made from this instant on
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Decisions made before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// In the log of this number, which has ended
    #[arg(long, value_name = "NUMBER")]
    sealed: Option<u64>,
    /// Write JSON, one decision a line
    #[arg(long)]
    json: bool,
}

/// The day that is written so, in UTC: its first instant and the one after it.
pub(crate) fn day(written: &str) -> Result<(Time, Time), String> {
    let first = parse_rfc3339(&format!("{written}T00:00:00Z"));
    let first = first.map_err(|_other| format!("`{written}` is no day; write it as 2026-03-01"))?;
    Ok((first, first.saturating_add(DAY_SECONDS)))
}

/// What decisions are looked for by.
pub(crate) enum About {
    Anything,
    /// The app with this id.
    App(String),
    /// These words, in lower case and as JSON writes them.
    Words(String),
}

impl About {
    pub(crate) fn read(written: &str, docket: &Docket) -> Self {
        let registry = docket.registry();
        match registry.resolve(registry.recognise(written), written) {
            _ if written.is_empty() => Self::Anything,
            Ok(Attribution::Subject(subject, _)) => Self::App(subject.id.clone()),
            _ => Self::words(written),
        }
    }

    fn words(written: &str) -> Self {
        let json = json!(written.to_lowercase()).to_string();
        Self::Words(json.get(1..json.len() - 1).unwrap_or_default().to_owned())
    }

    /// Whether a decision is one of those, going by these of its fields.
    pub(crate) fn is_in(&self, fields: &Fields, names: &[&str]) -> bool {
        match self {
            Self::Anything => true,
            Self::App(app) => field(fields, "resource").get("app").and_then(|app| app.as_str()) == Some(app),
            Self::Words(words) => {
                names.iter().any(|name| field(fields, name).to_string().to_lowercase().contains(words))
            }
        }
    }
}

/// What came out, and what it was about.
pub(crate) fn summary(fields: &Fields) -> (String, String) {
    let text = |name: &str, member: &str| Some(field(fields, name).get(member)?.as_str()?.to_owned());
    let about = [text("act", "act"), text("resource", "app"), text("place", "place")];
    let about: Vec<String> = about.into_iter().flatten().collect();
    (text("outcome", "verdict").unwrap_or_default(), about.join(", "))
}

fn instant(option: &str, written: Option<&String>, without: Time) -> Result<Time, Problem> {
    let read = written.map(|written| parse_rfc3339(written)).transpose();
    Ok(read.map_err(|why| Problem::new(2, format!("--{option}: {why}")))?.unwrap_or(without))
}

/// A decision of a log: its index, its instant, and the bytes of its entry.
type Made = (u64, Time, Vec<u8>);

/// The decisions of a log within a time.
fn within(disk: &Folder, (from, until): (Time, Time)) -> Result<Vec<Made>, Problem> {
    let policy = Policy::of_log(Home::key_of(disk)?);
    let size = published_size(disk)?;
    entries(&Place::public(disk), &policy, 0..size, Vec::new, |found, index, bytes| {
        if let Some(Entry::Decision { at, .. }) = Entry::from_bytes(bytes)
            && from <= at
            && at < until
        {
            found.push((index, at, bytes.to_vec()));
        }
        Ok(())
    })
}

pub(crate) fn find(loading: &Loading, options: &Find) -> Result<u8, Problem> {
    let home = Home::open(&options.folder, None)?;
    let disk = options.sealed.map_or_else(|| home.disk("dec"), |number| home.past("dec", number));
    let time = match &options.on {
        Some(written) => day(written).map_err(|why| Problem::new(2, format!("--on: {why}")))?,
        None => (instant("from", options.from.as_ref(), ALWAYS)?, instant("until", options.until.as_ref(), FOREVER)?),
    };
    let docket = loading.docket().map_err(|why| Problem::new(2, why))?;
    let about = About::read(options.about.as_deref().unwrap_or_default(), &docket);
    if published_size(&disk)? == 0 {
        return Err(Problem::new(NOT_THERE, format!("{}: nothing is published yet", disk.path().display())));
    }
    let candidates = within(&disk, time)?;
    let (mut found, mut erased, mut looked_at) = (0_u64, 0_u64, 0_u64);
    for (index, at, entry) in &candidates {
        // A service that goes on deciding puts its last files in other places.
        match settled(&Place::public(&disk), || opened(&disk, *index, published_size(&disk)?, entry)) {
            Ok((_, fields)) if about.is_in(&fields, &FIELDS) => {
                found += 1;
                print(&line(*index, *at, &fields, options.json)).map_err(|why| Problem::new(MISSING, why))?;
            }
            Ok(_other) => {}
            Err(problem) if problem.code == NOT_THERE => erased += 1,
            Err(problem) => return Err(problem),
        }
        looked_at += 1;
        if looked_at.is_multiple_of(TOLD_EVERY) {
            eprintln!("{looked_at} of {} decisions looked at", candidates.len());
        }
    }
    if erased > 0 {
        eprintln!("note: {erased} more were erased: nobody can say what they were about");
    }
    if found == 0 {
        eprintln!(
            "none of {} decisions of that time; those of the last second or two are not published yet",
            candidates.len()
        );
    }
    Ok(u8::from(found == 0))
}

fn line(index: u64, at: Time, fields: &Fields, as_json: bool) -> String {
    let (verdict, about) = summary(fields);
    if !as_json {
        return format!("{index}\t{}\t{verdict}\t{about}\n", format_rfc3339(at));
    }
    let mut value = json!({ "index": index, "at": format_rfc3339(at) });
    if let Some(members) = value.as_object_mut() {
        members.extend(FIELDS.iter().map(|name| ((*name).to_owned(), field(fields, name))));
    }
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::About;
    use ledger::commitment::Fields;
    use wire::entry::FIELDS;

    #[test]
    fn words_are_found_however_a_record_writes_them() {
        let mut fields = Fields::default();
        fields[6] = Some(br#"{"debtor":"Jane \"JD\" Doe \\ Sons"}"#.to_vec());
        for written in [r#"jane "jd""#, r"\ Sons", "doe"] {
            assert!(About::words(written).is_in(&fields, &FIELDS), "{written}");
        }
        assert!(!About::words("Jim").is_in(&fields, &FIELDS));
    }
}

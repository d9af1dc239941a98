//! `interdict pay`: screens payment files and says what becomes of each transaction.

use crate::clock;
use crate::commands::{Done, Loading, print};
use crate::pay_report::{Page, Table};
use clap::{Args, Subcommand};
use docket::Docket;
use docket::finding::Posture;
use docket::moment::parse_rfc3339;
use gate::payments::answer::{Answers, PROFILES, Written};
use gate::payments::run::{Accounts, Item, run};
use gate::payments::{Judge, Known, Outcome, Settings, say};
use jiff::tz::TimeZone;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// What to do with payments.
#[derive(Debug, Subcommand)]
pub(crate) enum Pay {
    /// Screen payment files: who is named in which role, what the law of the value date says, what becomes of it
    #[command(
        after_help = "Reads pain.001, pacs.008 and pacs.009 (with COV), any version and prefix, in any envelope; `-` is standard input.\n\nOutcomes: pass; pass_by_exception; review (a person decides); reject; block (only where property is frozen).\nExit code: 0 everything passes, 1 something is rejected or blocked, 3 something is for review and nothing rejected,\n4 part of a file could not be read (which is for review), 2 nothing was screened because of an error.\n\n  interdict pay screen --known-at 2020-09-19T10:00-04:00 payments.xml\n  interdict pay screen --what-if hypothetical.order --json payments.xml"
    )]
    Screen(Screen),
}

/// Options of `pay screen`.
#[derive(Debug, Args)]
pub(crate) struct Screen {
    /// Files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write JSON lines: one for each transaction, one with the accounts at the end
    #[arg(long)]
    json: bool,
    /// Write a page with the accounts and every held transaction, evidence highlighted
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Screen as if these orders were in force too (files or folders); marked as such everywhere
    #[arg(long, value_name = "ORDER")]
    what_if: Vec<PathBuf>,
    /// As known when (`2020-09-19T10:00-04:00`); absent counts all that is known
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<String>,
    /// Write pacs.002 and pain.002 for what is held into this folder
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    /// In the way of this rail: iso, cbpr+, sct-inst, fednow, tch
    #[arg(long, default_value = "iso", value_name = "RAIL")]
    rail: String,
    /// In whose civil time a value date is a day
    #[arg(long, default_value = "America/New_York", value_name = "ZONE")]
    zone: String,
}

pub(crate) fn pay(loading: &Loading, command: &Pay) -> Done {
    match command {
        Pay::Screen(options) => screen(loading, options),
    }
}

/// The law to screen by: what is on file, and what is supposed besides.
fn law(loading: &Loading, what_if: &[PathBuf]) -> Result<Docket, String> {
    if what_if.is_empty() {
        return loading.docket();
    }
    let supposed = crate::corpus::read(what_if)
        .map_err(|unreadable| format!("cannot read {}: {}", unreadable.path.display(), unreadable.error))?;
    if supposed.is_empty() {
        return Err(String::from("--what-if: no .order file there"));
    }
    let mut sources = loading.sources()?;
    sources.retain(|source| supposed.iter().all(|other| other.path != source.path));
    sources.extend(supposed);
    Docket::load(sources.clone()).map_err(|faults| crate::commands::faulty(&faults, &sources))
}

fn screen(loading: &Loading, options: &Screen) -> Done {
    let docket = law(loading, &options.what_if)?;
    let known = Known::of(&docket)?;
    let settings = Settings {
        known_at: options
            .known_at
            .as_deref()
            .map(parse_rfc3339)
            .transpose()
            .map_err(|why| format!("--known-at: {why}"))?,
        zone: TimeZone::get(&options.zone).map_err(|error| format!("--zone: {error}"))?,
        posture: Posture::default(),
    };
    let mut judge = Judge::new(&docket, &known, settings);
    let as_if = !options.what_if.is_empty();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut page = options.html.as_ref().map(|_| Page::default());
    let mut table = Table::default();
    let mut total = Accounts::default();
    let started = clock::nanos();
    let profile = PROFILES.into_iter().find(|profile| profile.name == options.rail).ok_or_else(|| {
        format!("--rail: `{}` is none of {}", options.rail, PROFILES.map(|profile| profile.name).join(", "))
    })?;
    for path in &options.files {
        let name = path.display().to_string();
        let source = open(path)?;
        let mut told = Progress::new(&name);
        let mut answers = options.answers.as_ref().map(|_| Answers::new(profile, &offset_time(clock::now())));
        let mut sink = |item: &Item<'_>| -> Result<(), String> {
            told.step(item);
            answers.iter_mut().try_for_each(|answers| answers.take(item))?;
            if options.json {
                let line = say::item(item, &name, as_if);
                return match writeln!(out, "{line}") {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
                    Err(_) | Ok(()) => page.iter_mut().try_for_each(|page| page.take(item, &name)),
                };
            }
            table.take(item, &name);
            page.iter_mut().try_for_each(|page| page.take(item, &name))
        };
        let accounts = run(source, &mut judge, &mut sink).map_err(|broken| format!("{name}: {broken}"))?;
        told.end();
        if let (Some(answers), Some(folder)) = (answers, &options.answers) {
            write_answers(folder, &answers.write(&accounts))?;
        }
        total.add(&accounts);
    }
    if !total.balance() {
        return Err(String::from(
            "the books of the files together do not balance, so no result of this run may be used",
        ));
    }
    let seconds = (clock::nanos() - started) as f64 / 1e9;
    if options.json {
        writeln!(out, "{}", say::accounts(&total, docket.edition(), as_if))
            .map_err(|error| format!("cannot write: {error}"))?;
    }
    out.flush().map_err(|error| format!("cannot write: {error}"))?;
    drop(out);
    if !options.json {
        print(&table.render(&total, docket.edition(), as_if, seconds))?;
    }
    if let (Some(page), Some(path)) = (page, &options.html) {
        std::fs::write(path, page.render(&total, docket.edition(), as_if))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(code(&total))
}

/// An instant with its offset, as ISO 20022 wants it.
fn offset_time(at: law::Time) -> String {
    docket::moment::format_rfc3339(at).replace('Z', "+00:00")
}

/// Each in a file of its own, whole or not at all.
fn write_answers(folder: &Path, answers: &[Written]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for answer in answers {
        let path = folder.join(format!("{}.xml", answer.id));
        let beside = path.with_extension("new");
        std::fs::write(&beside, &answer.xml)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn Read>, String> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Box::new(file))
}

fn code(accounts: &Accounts) -> u8 {
    if accounts.of(Outcome::Reject) + accounts.of(Outcome::Block) > 0 {
        1
    } else if accounts.unread > 0 {
        4
    } else if accounts.of(Outcome::Review) > 0 {
        3
    } else {
        0
    }
}

/// Says on a terminal how far it is, every second or so.
struct Progress {
    name: String,
    seen: u64,
    told: u64,
    live: bool,
}

impl Progress {
    const EVERY: u64 = 20_000;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), seen: 0, told: 0, live: io::stderr().is_terminal() }
    }

    fn step(&mut self, item: &Item<'_>) {
        self.seen += 1;
        if self.live && self.seen - self.told >= Self::EVERY {
            self.told = self.seen;
            let at = match item {
                Item::Payment(screened) => screened.bytes.end,
                Item::Unread(bytes, _) => bytes.end,
            };
            eprint!("\r{}: {} transactions, {} MB", self.name, self.seen, at / 1_000_000);
        }
    }

    fn end(&self) {
        if self.told > 0 {
            eprint!("\r\x1b[K");
        }
    }
}

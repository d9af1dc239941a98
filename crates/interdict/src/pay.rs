//! `interdict pay`: screens payment files and says what becomes of each transaction.

use crate::clock;
use crate::commands::{Done, Loading, print, tell};
use crate::pay_keep::{Keeper, Kept};
use crate::pay_report::{Page, Table};
use crate::whole_file;
use clap::{Args, Subcommand};
use docket::Docket;
use docket::finding::Posture;
use docket::moment::parse_rfc3339;
use gate::payments::answer::{Answers, Profile, Written};
use gate::payments::format::Format;
use gate::payments::judge::ByHand;
use gate::payments::known::Lists;
use gate::payments::record::Desk;
use gate::payments::replays::Session;
use gate::payments::run::{Accounts, Item, run};
use gate::payments::split::{Plan, Side};
use gate::payments::table::Mapping;
use gate::payments::{Judge, Known, Outcome, Settings, say};
use jiff::tz::TimeZone;
use screening::ahead::Ahead;
use screening::parts::Parts;
use serde_json::json;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to do with payments.
#[derive(Debug, Subcommand)]
pub(crate) enum Pay {
    /// Screen payment files: who is named in which role, what the law of the value date says, what becomes of it
    #[command(
        after_help = "Reads pain.001, pacs.008 and pacs.009 (with COV), any version and prefix, in any envelope; MT103; NACHA (PPD, CCD, IAT);\nrows by a mapping and fields of ISO 8583 with `--format`; `-` is standard input.\n\nOutcomes: pass; pass_by_exception; review (a person decides); reject; block (only where property is frozen).\nExit code: 0 everything passes, 1 something is rejected or blocked, 3 something is for review and nothing rejected,\n4 part of a file could not be read (which is for review), 2 nothing was screened because of an error.\n\n  interdict pay screen --known-at 2020-09-19T10:00-04:00 payments.xml\n  interdict pay screen --what-if hypothetical.order --json payments.xml"
    )]
    Screen(Box<Screen>),
    /// Part an ISO 20022 file into what goes on and what is held, byte for byte
    #[command(
        after_help = "No transaction is written anew: only counts, sums and identifications in the headers are. Refused, so that the whole file\nis for a person: what is signed, what cannot be read whole, what has totals that do not hold.\nExit code: 0 nothing is held, 1 something is, 2 it may not be split."
    )]
    Split(Split),
}

/// Options of `pay split`.
#[derive(Debug, Args)]
pub(crate) struct Split {
    /// The file
    file: PathBuf,
    /// Where to write what goes on
    #[arg(long, value_name = "FILE")]
    released: PathBuf,
    /// Where to write what is held
    #[arg(long, value_name = "FILE")]
    held: PathBuf,
    /// As known when; absent counts all that is known
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<String>,
    /// In whose civil time a value date is a day
    #[arg(long, default_value = "America/New_York", value_name = "ZONE")]
    zone: String,
    /// Say in JSON what was written
    #[arg(long)]
    json: bool,
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
    /// A list of people and companies to look for (OFAC's sdn.csv and alt.csv, the UN's XML, one name a line); may be
    /// repeated. A name that may be theirs is for review
    #[arg(long = "list", value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// The order that freezes the property of those on the lists: their bank codes and identifiers block
    #[arg(long, value_name = "ORDER", requires = "lists")]
    frozen_under: Option<String>,
    /// As known when (`2020-09-19T10:00-04:00`); absent counts all that is known
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<String>,
    /// What the files are: auto, iso20022, mt103, nacha, csv, json, iso8583 (its fields as JSON); JSON is objects, one a line or in a list
    #[arg(long, default_value = "auto", value_name = "FORMAT")]
    format: String,
    /// For csv and json: a file of lines `column = path` (`payee = Cdtr/Nm`)
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Write pacs.002 and pain.002 for what is held into this folder; never under a supposition, since nothing in them
    /// could say so
    #[arg(long, value_name = "DIR", conflicts_with = "what_if")]
    answers: Option<PathBuf>,
    /// In the way of this rail: iso, cbpr+, sct-inst, fednow, tch
    #[arg(long, default_value = "iso", value_name = "RAIL")]
    rail: String,
    /// In whose civil time a value date is a day
    #[arg(long, default_value = "America/New_York", value_name = "ZONE")]
    zone: String,
    #[command(flatten)]
    kept: Kept,
}

pub(crate) fn pay(loading: &Loading, command: &Pay) -> Done {
    match command {
        Pay::Screen(options) => screen(loading, options),
        Pay::Split(options) => split(loading, options),
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

fn settings(known_at: Option<&str>, zone: &str) -> Result<Settings, String> {
    Ok(Settings {
        known_at: known_at.map(parse_rfc3339).transpose().map_err(|why| format!("--known-at: {why}"))?,
        zone: TimeZone::get(zone).map_err(|error| format!("--zone: {error}"))?,
        posture: Posture::default(),
    })
}

fn split(loading: &Loading, options: &Split) -> Done {
    let file = || File::open(&options.file).map_err(|error| format!("cannot read {}: {error}", options.file.display()));
    let plan = Plan::read(file()?).map_err(|why| format!("{} may not be split: {why}", options.file.display()))?;
    let docket = loading.docket()?;
    let known = Known::of(&docket)?;
    let settings = settings(options.known_at.as_deref(), &options.zone)?;
    let mut judge = Judge::new(&docket, &known, settings).ruled(by_hand(loading)?);
    let mut held: HashSet<u64> = HashSet::new();
    let mut sink = |item: &Item<'_>| {
        if let Item::Payment(screened) = item
            && !screened.judged.outcome().passes()
        {
            held.insert(screened.number);
        }
        Ok(())
    };
    let mut parts = ahead(Box::new(screening::iso20022::Reader::new(file()?)))?;
    let accounts = run(&mut parts, &mut judge, None, &mut sink);
    let accounts = accounts.map_err(|broken| broken.to_string())?;
    if accounts.unread > 0 || accounts.came_in != plan.len() {
        return Err(format!("{} changed while it was read", options.file.display()));
    }
    let write = |path: &Path, side: Side| {
        let written = whole_file::write_with(path, |out| {
            let mut out = BufWriter::new(out);
            let count = plan.write(io::BufReader::new(File::open(&options.file)?), side, &held, &mut out)?;
            out.flush()?;
            Ok(count)
        });
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    let stays = write(&options.held, Side::Held)?;
    let goes = write(&options.released, Side::Released)?;
    let part = |side: Side, path: &Path, count: u64| {
        let id = plan.identification(side, stays).map(|(was, is)| json!({ "was": was, "is": is }));
        json!({ "file": path.display().to_string(), "transactions": count, "message": id })
    };
    let facts = json!({
        "held": part(Side::Held, &options.held, stays),
        "released": part(Side::Released, &options.released, goes),
    });
    let line = |count: u64, path: &Path| format!("{count} transactions in {}\n", path.display());
    tell(options.json, &facts, &(line(stays, &options.held) + &line(goes, &options.released)))?;
    Ok(u8::from(!held.is_empty()))
}

/// What people decided, where the log that says so is this machine's.
fn by_hand(loading: &Loading) -> Result<ByHand, String> {
    Ok(ByHand { rulings: loading.rulings()?, unread: None, now: clock::now() })
}

/// What is looked for: what the subjects are called, and who is on the lists given.
fn known(docket: &Docket, options: &Screen) -> Result<Known, String> {
    let known = Known::of(docket)?;
    if options.lists.is_empty() {
        return Ok(known);
    }
    let lists = Lists::new(crate::names::read(&options.lists)?, options.frozen_under.as_deref());
    Ok(known.with_lists(Arc::new(lists)))
}

fn screen(loading: &Loading, options: &Screen) -> Done {
    let docket = law(loading, &options.what_if)?;
    let known = known(&docket, options)?;
    let settings = settings(options.known_at.as_deref(), &options.zone)?;
    let (known_at, decided_by) = (settings.known_at, settings.words(docket.edition()));
    let mut judge = Judge::new(&docket, &known, settings);
    let as_if = !options.what_if.is_empty();
    // Nobody decided anything about what is only supposed.
    if !as_if {
        judge = judge.ruled(by_hand(loading)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut told = Told { json: options.json.then(Vec::new), as_if, ..Told::default() };
    told.page = options.html.as_ref().map(|_| Page::default());
    let started = clock::nanos();
    let keeper = Keeper::open(&options.kept, &docket)?;
    let _entered = keeper.entered();
    let mut total = Accounts::default();
    for path in &options.files {
        let session = keeper.session(&decided_by)?;
        let mut desk = keeper.desk(session.as_ref(), known_at);
        let kept = (session.as_ref(), &mut desk);
        total.add(&screen_file(path, options, &mut judge, kept, &mut told, &mut out)?);
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
        print(&told.table.render(&total, docket.edition(), as_if, seconds))?;
    }
    if let (Some(page), Some(path)) = (told.page, &options.html) {
        whole_file::write(path, page.render(&total, docket.edition(), as_if).as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(code(&total))
}

/// Screens one file; what is told of it is on disk before.
fn screen_file<'k>(
    path: &Path,
    options: &Screen,
    judge: &mut Judge<'_>,
    (session, desk): (Option<&'k Session<'k>>, &mut Desk<'k>),
    told: &mut Told,
    out: &mut dyn Write,
) -> Result<Accounts, String> {
    let profile = Profile::named(&options.rail).map_err(|why| format!("--rail: {why}"))?;
    told.name = path.display().to_string();
    let name = told.name.clone();
    let source = open(path)?;
    let mut progress = Progress::new(&name);
    let mut answers = options.answers.as_ref().map(|_| Answers::new(profile, clock::now()));
    let mut sink = |item: &Item<'_>| -> Result<(), String> {
        progress.step(item);
        answers.iter_mut().try_for_each(|answers| answers.take(item))?;
        desk.take(item)?;
        told.take(item)?;
        if desk.waiting() >= BATCH_MAX || told.waiting() >= LINE_BYTES_MAX {
            desk.settle()?;
            told.send(out)?;
        }
        Ok(())
    };
    let accounts = run(&mut ahead(reader(source, options)?)?, judge, session, &mut sink);
    let accounts = accounts.map_err(|broken| format!("{name}: {broken}"))?;
    desk.settle()?;
    told.send(out)?;
    progress.end();
    if let (Some(answers), Some(folder)) = (answers, &options.answers) {
        write_answers(folder, &answers.write(&accounts))?;
    }
    Ok(accounts)
}

/// Decisions made durable at once: what a disk does in one go, and what is done again after a sudden end.
const BATCH_MAX: usize = 1_024;
/// Lines held until their decisions are durable.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// What has been decided and is not told yet, in each of the ways asked for.
#[derive(Default)]
struct Told {
    name: String,
    as_if: bool,
    json: Option<Vec<u8>>,
    table: Table,
    page: Option<Page>,
}

impl Told {
    fn take(&mut self, item: &Item<'_>) -> Result<(), String> {
        match &mut self.json {
            Some(lines) => {
                lines.extend_from_slice(say::item(item, &self.name, self.as_if).to_string().as_bytes());
                lines.push(b'\n');
            }
            None => self.table.take(item, &self.name),
        }
        self.page.iter_mut().try_for_each(|page| page.take(item, &self.name))
    }

    fn waiting(&self) -> usize {
        self.json.as_ref().map_or(0, Vec::len)
    }

    fn send(&mut self, out: &mut dyn Write) -> Result<(), String> {
        let Some(lines) = &mut self.json else { return Ok(()) };
        let written = out.write_all(lines);
        lines.clear();
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
            Err(_) | Ok(()) => Ok(()),
        }
    }
}

/// Each in a file of its own, whole or not at all.
fn write_answers(folder: &Path, answers: &[Written]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for answer in answers {
        let path = folder.join(format!("{}.xml", answer.id));
        whole_file::write(&path, answer.xml.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// Reads while what was read before is decided.
fn ahead(parts: Box<dyn Parts + Send>) -> Result<Ahead, String> {
    Ahead::read(parts).map_err(|error| format!("cannot start to read: {error}"))
}

/// A reader for the format asked for, or for the one the first bytes show.
fn reader(source: Box<dyn Read + Send>, options: &Screen) -> Result<Box<dyn Parts + Send>, String> {
    let format = Format::named(&options.format).map_err(|why| format!("--format: {why}"))?;
    format.reader(source, || {
        let path = options.map.as_ref().ok_or("--map: say which column is what, one `column = path` a line")?;
        mapping(path)
    })
}

/// A mapping file.
pub(crate) fn mapping(path: &Path) -> Result<Mapping, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Mapping::read(&text).map_err(|why| format!("{}: {why}", path.display()))
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, String> {
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

//! What a store's access log says would have been refused, had it asked the law each time.
//!
//! Lines are read in blocks, on every core; each is looked up by its path, and only those for apps the law speaks of cost
//! more. What came of them is tallied by app, place and answer, day by day, so that a report needs no second reading.

use super::access_log::{LINE_BYTES_MAX, Line, parse};
use super::index::{Index, canonical};
use super::judge::inquiry;
use crate::territory::{Doubt, Locator};
use docket::Docket;
use docket::place::Place;
use docket::subject::Attribution;
use docket::vocabulary::{Act, ResourceKind};
use foldhash::HashMap;
use law::{Decision, Time};
use std::io::{self, Read};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Read and handed over at once: large enough that handing over costs nothing, small enough for every cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks waiting for a thread.
const BLOCKS_MAX: usize = 8;
/// Different paths a thread remembers; a repository has some ten thousand.
const PATHS_MAX: usize = 1 << 18;

/// As known when the past is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// At the time of each request: what the store could have known.
    Then,
    /// At one instant, or (`None`) everything on file.
    At(Option<Time>),
}

impl Known {
    /// For a request at `at`.
    #[must_use]
    pub const fn at(self, at: Time) -> Option<Time> {
        match self {
            Self::Then => Some(at),
            Self::At(known) => known,
        }
    }
}

/// What is consulted.
#[derive(Clone, Copy, Debug)]
pub struct Consulted<'a> {
    /// The law.
    pub docket: &'a Docket,
    /// Where addresses are.
    pub locator: &'a Locator,
    /// The repository's index; without one, file names `PACKAGE_CODE.apk` tell.
    pub index: Option<&'a Index>,
    /// As known when.
    pub known: Known,
}

/// Requests with one answer, for one package, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Kind {
    package: u32,
    place: Result<Place, Doubt>,
    install: (u8, u32),
    update: (u8, u32),
}

/// How many, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Requests.
    pub requests: u64,
    /// The first.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// By day since 1970, UTC.
    pub days: HashMap<i64, u64>,
}

/// What a log came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Lines read.
    pub lines: u64,
    /// Lines that are none of the formats, or too long.
    pub unreadable: u64,
    /// Lines about something else than sending a file.
    pub others: u64,
    /// Packages sent, of apps nobody's order names.
    pub untouched: u64,
    /// Packages already refused with 451.
    pub refused_already: u64,
    /// The first and the last instant.
    pub span: Option<(Time, Time)>,
    packages: Vec<String>,
    kinds: HashMap<Kind, Count>,
}

/// Requests with one answer.
#[derive(Clone, Debug)]
pub struct Row<'t> {
    /// The package asked for.
    pub package: &'t str,
    /// Where the user was.
    pub place: Result<Place, Doubt>,
    /// How many, and when.
    pub count: &'t Count,
}

impl Tally {
    /// Every answer, in a defined order.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<(&str, &Kind, &Count)> = self
            .kinds
            .iter()
            .map(|(kind, count)| (self.packages.get(kind.package as usize).map_or("", String::as_str), kind, count))
            .collect();
        rows.sort_by_key(|(package, kind, count)| (*package, kind.place, count.first, kind.install, kind.update));
        rows.into_iter().map(|(package, kind, count)| Row { package, place: kind.place, count }).collect()
    }

    /// Packages sent of apps that law speaks of.
    #[must_use]
    pub fn spoken_of(&self) -> u64 {
        self.kinds.values().map(|count| count.requests).sum()
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.unreadable += other.unreadable;
        self.others += other.others;
        self.untouched += other.untouched;
        self.refused_already += other.refused_already;
        if let Some((first, last)) = other.span {
            self.seen(first);
            self.seen(last);
        }
        for (kind, count) in other.kinds {
            let name = other.packages.get(kind.package as usize).cloned().unwrap_or_default();
            let package = self.number(name);
            let own = self.kinds.entry(Kind { package, ..kind }).or_insert_with(|| Count::new(count.first));
            own.requests += count.requests;
            own.first = own.first.min(count.first);
            own.last = own.last.max(count.last);
            for (day, requests) in count.days {
                *own.days.entry(day).or_default() += requests;
            }
        }
    }

    fn number(&mut self, package: String) -> u32 {
        let position = self.packages.iter().position(|known| *known == package);
        position.unwrap_or_else(|| {
            self.packages.push(package);
            self.packages.len() - 1
        }) as u32
    }

    fn seen(&mut self, at: Time) {
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
    }
}

impl Count {
    fn new(at: Time) -> Self {
        Self { requests: 0, first: at, last: at, days: HashMap::default() }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
enum Leads {
    NoPackage,
    Untouched,
    Spoken(u32),
}

struct Reader<'a> {
    consulted: Consulted<'a>,
    tally: Tally,
    paths: HashMap<Vec<u8>, Leads>,
}

impl Reader<'_> {
    fn block(&mut self, block: &[u8]) {
        for line in block.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                self.line(line);
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.tally.lines += 1;
        let Some(line) = Some(line).filter(|line| line.len() <= LINE_BYTES_MAX).and_then(parse) else {
            self.tally.unreadable += 1;
            return;
        };
        self.tally.seen(line.at);
        let known = if line.is_get && matches!(line.status, 200 | 206 | 451) {
            self.path(&line.path)
        } else {
            Leads::NoPackage
        };
        match known {
            Leads::NoPackage => self.tally.others += 1,
            Leads::Untouched | Leads::Spoken(_) if line.status == 451 => self.tally.refused_already += 1,
            Leads::Untouched => self.tally.untouched += 1,
            Leads::Spoken(package) => self.decide(package, &line),
        }
    }

    fn path(&mut self, path: &[u8]) -> Leads {
        if let Some(known) = self.paths.get(path) {
            return *known;
        }
        let text = canonical(&String::from_utf8_lossy(path));
        let package = match self.consulted.index {
            Some(index) => index.of(&text).map(|listed| listed.package.to_string()),
            None => named(&text),
        };
        let known = match package {
            None => Leads::NoPackage,
            Some(package) => {
                let registry = self.consulted.docket.registry();
                match registry.resolve(ResourceKind::AndroidPackage, &package) {
                    Ok(Attribution::Subject(..)) => Leads::Spoken(self.tally.number(package)),
                    Ok(Attribution::Shared(_) | Attribution::Nobody) | Err(_) => Leads::Untouched,
                }
            }
        };
        if self.paths.len() >= PATHS_MAX {
            self.paths.clear();
        }
        self.paths.insert(path.to_vec(), known);
        known
    }

    fn decide(&mut self, package: u32, line: &Line<'_>) {
        let place = line.address().ok_or(Doubt::Nothing).and_then(|address| self.consulted.locator.locate(address));
        let Consulted { docket, known, .. } = self.consulted;
        let Some(name) = self.tally.packages.get(package as usize) else { return };
        let asked = |act| {
            let mut asked = inquiry(ResourceKind::AndroidPackage, name, act, place.ok(), line.at);
            asked.known_at = known.at(line.at);
            docket.decide(&asked).ok().flatten()
        };
        let answer = |decision: Option<Decision>| decision.map_or((0, 0), |d| (d.statuses.0, d.outcome));
        let kind =
            Kind { package, place, install: answer(asked(Act::AppDistribute)), update: answer(asked(Act::AppUpdate)) };
        let count = self.tally.kinds.entry(kind).or_insert_with(|| Count::new(line.at));
        count.requests += 1;
        count.first = count.first.min(line.at);
        count.last = count.last.max(line.at);
        *count.days.entry(line.at.div_euclid(86_400)).or_default() += 1;
    }
}

/// The package that a file is named after, as F-Droid names files: `PACKAGE_CODE.apk`.
fn named(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let (stem, _) = file.rsplit_once('.').filter(|(_, end)| end.eq_ignore_ascii_case("apk"))?;
    let package = match stem.rsplit_once('_') {
        Some((package, code)) if code.bytes().all(|byte| byte.is_ascii_digit()) => package,
        Some(_) | None => stem,
    };
    Some(package.to_owned())
}

/// Reads a log to its end on `threads` threads. `progress` is told how many bytes have been read.
///
/// # Errors
/// The log cannot be read on.
pub fn replay(
    mut log: impl Read,
    consulted: Consulted<'_>,
    threads: usize,
    mut progress: impl FnMut(u64),
) -> io::Result<Tally> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(BLOCKS_MAX);
    let receiver = Mutex::new(receiver);
    let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    let work = || {
        let mut reader = Reader { consulted, tally: Tally::default(), paths: HashMap::default() };
        while let Some(block) = next() {
            reader.block(&block);
        }
        reader.tally
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut carried = Vec::new();
        let mut total = 0;
        loop {
            let mut block = std::mem::take(&mut carried);
            let start = block.len();
            block.reserve(BLOCK_BYTES);
            let read = log.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
            total += read as u64;
            progress(total);
            if read > 0 {
                // A line longer than a block goes on in the next, to be found too long as a whole.
                let end = block.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                if end == 0 && start > LINE_BYTES_MAX {
                    carried = block.get(..LINE_BYTES_MAX + 1).unwrap_or_default().to_vec();
                    continue;
                }
                carried = block.split_off(end);
            }
            if !block.is_empty() && sender.send(block).is_err() {
                break;
            }
            if read == 0 {
                break;
            }
        }
        drop(sender);
        let mut tally = Tally::default();
        for worker in workers {
            match worker.join() {
                Ok(part) => tally.add(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(tally)
    })
}

//! What a gate refuses by the law in force, as tables that a proxy reads without asking anybody: for each domain, or path
//! of a store, and place, from when, until when, by which paragraph.
//!
//! The same law, posture and identifiers decide here as at the gate itself. A proxy holds the end of each refusal and
//! a clock, so a refusal ends by itself though everything of ours is gone. [`render`] writes the tables in the words of
//! each proxy, and [`lookup`] reads what a helper of ours is asked by.

pub mod lookup;
pub mod render;

use crate::edge::Edge;
use crate::shadow::Mode;
use docket::Docket;
use docket::docket::ALL_THAT_IS_KNOWN;
use docket::identifier::domain_and_above;
use docket::place::Place;
use docket::subject::{Identifier, Subject};
use docket::vocabulary::ResourceKind;
use law::Time;
use law::time::{FOREVER, Period};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use wire::record::Outcome;

/// More domains than all subjects of the world's orders have; a list beyond is refused, not cut.
pub const ENTRIES_MAX: usize = 200_000;

/// One domain in one place, or one path of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The domain, in its one spelling.
    pub domain: String,
    /// Only this name, not what lies below.
    pub exact: bool,
    /// Where users are; `None` is a place not known.
    pub place: Option<Place>,
    /// When and by what it is refused; `None` takes it out of a wider entry that is.
    pub refused: Option<Window>,
}

/// A stretch of refusal, now or to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first instant refused.
    pub from: Time,
    /// The first instant served again.
    pub until: Time,
    /// The paragraph, `instrument:provision`.
    pub order: String,
}

/// All that one edge refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The digest of the law it was made from.
    pub edition: String,
    /// Sorted; narrower domains before those they lie below.
    pub entries: Vec<Entry>,
    /// Every domain that leads to somebody, refused or not, and whether it says nothing of what lies below.
    pub known: BTreeSet<(String, bool)>,
}

impl Table {
    /// What `edge` refuses from `now` on.
    ///
    /// # Errors
    /// More than [`ENTRIES_MAX`] entries.
    pub fn build(docket: &Docket, edge: &Edge, now: Time) -> Result<Self, String> {
        let identifiers = || docket.registry().subjects().iter().flat_map(domains);
        let known = identifiers().filter(|(_, identifier)| !identifier.shared);
        let known = known.map(|(_, identifier)| (identifier.id.clone(), identifier.exact)).collect();
        let mut table = Self { edition: docket.edition().to_owned(), entries: Vec::new(), known };
        if edge.stance.mode == Mode::Shadow {
            return Ok(table);
        }
        let places = places();
        let mut known = Known { docket, edge, now, windows: BTreeMap::new() };
        let mut refused: BTreeSet<(&str, Option<Place>)> = BTreeSet::new();
        for (subject, identifier) in identifiers() {
            for place in &places {
                let Some(window) = known.window(subject, identifier, *place) else { continue };
                refused.insert((&identifier.id, *place));
                table.push(identifier, *place, Some(window))?;
            }
        }
        // What belongs to somebody else, or to nobody alone, below a domain that is refused.
        for (_, identifier) in identifiers() {
            for place in &places {
                let above = domain_and_above(&identifier.id).skip(1).any(|domain| refused.contains(&(domain, *place)));
                if above && !refused.contains(&(identifier.id.as_str(), *place)) {
                    table.push(identifier, *place, None)?;
                }
            }
        }
        table.entries.sort_by(|a, b| b.domain.len().cmp(&a.domain.len()).then_with(|| a.cmp(b)));
        table.entries.dedup();
        Ok(table)
    }

    fn push(&mut self, of: &Identifier, place: Option<Place>, refused: Option<Window>) -> Result<(), String> {
        if self.entries.len() >= ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} domains and places to refuse"));
        }
        self.entries.push(Entry { domain: of.id.clone(), exact: of.exact, place, refused });
        Ok(())
    }

    /// Whether it says the same, of whichever edition.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.entries == other.entries && self.known == other.known
    }

    /// The known domains, each with whether it says nothing of what lies below, without those below another: a request
    /// for anything else concerns nobody, and nobody is asked about it.
    #[must_use]
    pub fn concerned(&self) -> Vec<(&str, bool)> {
        let wide = |domain: &str| self.known.contains(&(domain.to_owned(), false));
        let covered = |domain: &str| domain_and_above(domain).skip(1).any(wide);
        let known = self.known.iter().filter(|(domain, exact)| !(covered(domain) || *exact && wide(domain)));
        known.map(|(domain, exact)| (domain.as_str(), *exact)).collect()
    }

    /// The places it tells apart.
    #[must_use]
    pub fn places(&self) -> BTreeSet<Place> {
        self.entries.iter().filter_map(|entry| entry.place).collect()
    }

    /// When it must be made anew: the next beginning or end of a refusal after `now`.
    #[must_use]
    pub fn next_change(&self, now: Time) -> Time {
        let edges = self.entries.iter().filter_map(|entry| entry.refused.as_ref()).flat_map(|w| [w.from, w.until]);
        edges.filter(|edge| *edge > now).min().unwrap_or(FOREVER)
    }

    /// For each order, the first instant at which something it refuses now is served again.
    #[must_use]
    pub fn sunsets(&self, now: Time) -> BTreeMap<String, Time> {
        let mut ends = BTreeMap::new();
        for window in self.entries.iter().filter_map(|entry| entry.refused.as_ref()).filter(|w| w.from <= now) {
            let order = window.order.split_once(':').map_or(window.order.as_str(), |(order, _)| order);
            let end = ends.entry(order.to_owned()).or_insert(window.until);
            *end = window.until.min(*end);
        }
        ends
    }
}

/// The domains by which a subject can be known.
fn domains(subject: &Subject) -> impl Iterator<Item = (&Subject, &Identifier)> {
    let domain = |identifier: &&Identifier| identifier.kind == ResourceKind::Domain;
    subject.identifiers.iter().filter(domain).map(move |identifier| (subject, identifier))
}

/// Every country, each territory of the United States, and the place that is not known.
pub(crate) fn places() -> Vec<Option<Place>> {
    let letters = b'A'..=b'Z';
    let pairs = letters.clone().flat_map(|first| letters.clone().map(move |second| [first, second]));
    let place = |pair: [u8; 2]| std::str::from_utf8(&pair).ok().and_then(|code| Place::parse(code).ok());
    pairs.filter_map(place).map(Some).chain([None]).collect()
}

/// What has been found out: domains of one subject share their answers.
struct Known<'d> {
    docket: &'d Docket,
    edge: &'d Edge,
    now: Time,
    windows: BTreeMap<(u16, Option<String>, Option<Place>), Vec<Window>>,
}

impl Known<'_> {
    /// The present or next stretch in which the domain is refused, if it leads to the subject then.
    fn window(&mut self, subject: &Subject, identifier: &Identifier, place: Option<Place>) -> Option<Window> {
        if identifier.shared {
            return None;
        }
        let key = (subject.number, identifier.form.clone(), place);
        let (docket, edge, now) = (self.docket, self.edge, self.now);
        let windows = self.windows.entry(key).or_insert_with(|| stretches(docket, edge, &identifier.id, place, now));
        let from = identifier.from.as_ref().map_or(law::time::ALWAYS, |from| from.earliest);
        let until = identifier.until.as_ref().map_or(FOREVER, |until| until.latest);
        let held = |window: &Window| Window {
            from: window.from.max(from),
            until: window.until.min(until),
            order: window.order.clone(),
        };
        windows.iter().map(held).find(|window| window.from < window.until && window.until > now)
    }
}

/// Every stretch from `now` on in which a host is refused in a place.
fn stretches(docket: &Docket, edge: &Edge, host: &str, place: Option<Place>, now: Time) -> Vec<Window> {
    let mut refused: Vec<(Period, usize)> = Vec::new();
    for (n, act) in edge.acts.iter().enumerate() {
        // Asked of an instant at which the domain is theirs, whichever that is: the case holds for all of time.
        let Some(case) = case_of(docket, edge, *act, host, place) else { continue };
        for decision in docket.image().timeline(&case, ALL_THAT_IS_KNOWN) {
            let verdict = edge.stance.posture.verdict(decision.statuses);
            if decision.until > now && edge.stance.outcome(verdict) == Outcome::Refuse {
                refused.push((Period { from: decision.from, until: decision.until }, n));
            }
        }
    }
    refused.sort_unstable();
    let mut windows: Vec<Window> = Vec::new();
    for (period, n) in refused {
        match windows.last_mut() {
            Some(last) if period.from <= last.until => last.until = last.until.max(period.until),
            Some(_) | None => {
                let act = edge.acts.get(n).copied();
                let found = act.and_then(|act| {
                    let inquiry = edge.inquiry(act, host, place, period.from.max(now));
                    docket.find(&inquiry, edge.stance.posture).ok()
                });
                let ground = found.as_ref().and_then(|found| {
                    found.grounds.iter().find(|ground| ground.status.is_unlawful()).or(found.grounds.first())
                });
                let order = ground.map_or_else(String::new, |ground| ground.provision.clone());
                windows.push(Window { from: period.from, until: period.until, order });
            }
        }
    }
    windows
}

fn case_of(
    docket: &Docket,
    edge: &Edge,
    act: docket::vocabulary::Act,
    host: &str,
    place: Option<Place>,
) -> Option<law::Case> {
    let held = docket.registry().resolve(ResourceKind::Domain, host).ok()?;
    let at = match held {
        docket::subject::Attribution::Subject(_, Some(identifier)) => {
            identifier.from.as_ref().map_or(law::time::ALWAYS, |from| from.earliest)
        }
        docket::subject::Attribution::Subject(_, None)
        | docket::subject::Attribution::Shared(_)
        | docket::subject::Attribution::Nobody => law::time::ALWAYS,
    };
    docket.ask(&edge.inquiry(act, host, place, at)).ok()?.case
}

/// A line for people: how much is refused, and where.
impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let refused: BTreeSet<&str> =
            self.entries.iter().filter(|entry| entry.refused.is_some()).map(|entry| entry.domain.as_str()).collect();
        let mut places = String::new();
        for place in self.places() {
            write!(places, " {place}")?;
        }
        let places = if places.is_empty() { " no place" } else { &places };
        write!(f, "{} domains in{places}", refused.len())
    }
}

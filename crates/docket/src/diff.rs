//! What two bodies of law answer differently: every case, as boxes a person can approve.

use crate::docket::Docket;
use crate::facets::{Meaning, Word};
use crate::finding::status_word;
use crate::moment::format_rfc3339;
use crate::vocabulary::Act;
use law::decide::Step;
use law::time::{ALWAYS, FOREVER};
use law::{Period, Status, Statuses, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

/// Cases that the old law answers in one way and the new law in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// To what.
    pub subject: String,
    /// What is done.
    pub act: Act,
    /// Whom, where and with which facts: each a dimension and its values. Empty: everyone, everywhere.
    pub conditions: Vec<(String, Vec<String>)>,
    /// When the act happens.
    pub valid: Period,
    /// As known when.
    pub known: Period,
    /// What the old law says.
    pub old: Statuses,
    /// What the new law says.
    pub new: Statuses,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |set: Statuses| set.iter().map(status_word).collect::<Vec<_>>().join(" or ");
        writeln!(f, "{} {}: {} → {}", self.subject, self.act.word(), words(self.old), words(self.new))?;
        for (dimension, values) in &self.conditions {
            writeln!(f, "  {dimension}: {}", values.join(", "))?;
        }
        let bounds = |period: Period| format!("{} .. {}", format_rfc3339(period.from), format_rfc3339(period.until));
        writeln!(f, "  happening {}\n  as known  {}", bounds(self.valid), bounds(self.known))
    }
}

/// What is left of a box below some point of both diagrams.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rest {
    conditions: Vec<(String, Vec<String>)>,
    valid: Period,
    old: Statuses,
    new: Statuses,
}

/// Every difference between two loaded corpora, in a fixed order.
#[must_use]
pub fn diff(old: &Docket, new: &Docket) -> Vec<Difference> {
    let ids: BTreeSet<&str> =
        old.registry().subjects().iter().chain(new.registry().subjects()).map(|s| s.id.as_str()).collect();
    let mut walk = Walk { old, new, memo: BTreeMap::new() };
    let mut differences = Vec::new();
    for id in ids {
        for act in Act::ALL {
            differences.extend(walk.pair(id, *act));
        }
    }
    differences
}

struct Walk<'d> {
    old: &'d Docket,
    new: &'d Docket,
    memo: BTreeMap<Pair, Rc<Vec<Rest>>>,
}

/// A point of the old diagram and one of the new.
type Pair = (Option<Step>, Option<Step>);

impl Walk<'_> {
    /// Differences of one subject and act; a box that holds over several stretches of knowledge is told once.
    fn pair(&mut self, id: &str, act: Act) -> Vec<Difference> {
        let app = |docket: &Docket| docket.registry().get(id).map(|subject| subject.number);
        let (old_app, new_app) = (app(self.old), app(self.new));
        let edges = |docket: &Docket, app: Option<u16>| {
            app.map(|app| docket.image().known_edges(app, act as u8).to_vec()).unwrap_or_default()
        };
        let known: BTreeSet<Time> =
            edges(self.old, old_app).into_iter().chain(edges(self.new, new_app)).chain([ALWAYS]).collect();
        let known: Vec<Time> = known.into_iter().collect();
        let mut open: BTreeMap<Rest, Time> = BTreeMap::new();
        let mut done = Vec::new();
        let mut close = |rest: Rest, from: Time, until: Time| {
            done.push(Difference {
                subject: id.to_owned(),
                act,
                conditions: rest.conditions,
                valid: rest.valid,
                known: Period { from, until },
                old: rest.old,
                new: rest.new,
            });
        };
        for at in known {
            let begin =
                |docket: &Docket, app: Option<u16>| app.and_then(|app| docket.image().begin(app, act as u8, at));
            let here: BTreeSet<Rest> =
                self.below(begin(self.old, old_app), begin(self.new, new_app)).iter().cloned().collect();
            let ended: Vec<Rest> = open.keys().filter(|rest| !here.contains(rest)).cloned().collect();
            for rest in ended {
                if let Some(from) = open.remove(&rest) {
                    close(rest, from, at);
                }
            }
            for rest in here {
                open.entry(rest).or_insert(at);
            }
        }
        for (rest, from) in open {
            close(rest, from, FOREVER);
        }
        done
    }

    fn below(&mut self, old: Option<Step>, new: Option<Step>) -> Rc<Vec<Rest>> {
        if let Some(known) = self.memo.get(&(old, new)) {
            return Rc::clone(known);
        }
        let tested = |docket: &Docket, step: Option<Step>| {
            let facet = docket.image().tests(step?)?;
            docket.lowered().facets.meaning(facet).cloned().map(|meaning| (facet, meaning))
        };
        let (in_old, in_new) = (tested(self.old, old), tested(self.new, new));
        let next = in_old.iter().chain(&in_new).map(|(_, meaning)| meaning).min().cloned();
        let rest = match next {
            None => self.leaf(old, new),
            Some(meaning) => {
                let at = |tested: Option<(u8, Meaning)>| tested.filter(|(_, m)| *m == meaning).map(|(facet, _)| facet);
                self.branch(&meaning, (old, at(in_old)), (new, at(in_new)))
            }
        };
        let rest = Rc::new(rest);
        self.memo.insert((old, new), Rc::clone(&rest));
        rest
    }

    fn branch(
        &mut self,
        meaning: &Meaning,
        (old, in_old): (Option<Step>, Option<u8>),
        (new, in_new): (Option<Step>, Option<u8>),
    ) -> Vec<Rest> {
        let (old_facets, new_facets) = (&self.old.lowered().facets, &self.new.lowered().facets);
        let words = old_facets.words(new_facets, meaning);
        let mut groups: BTreeMap<Pair, Vec<String>> = BTreeMap::new();
        let mut all = 0;
        for word in words {
            let step = |docket: &Docket, from: Option<Step>, facet: Option<u8>| match (from, facet) {
                (Some(step), Some(facet)) => {
                    let state = docket.lowered().facets.word_state(facet, &word);
                    docket.image().follow(step, state)
                }
                (from, _) => from,
            };
            let key = (step(self.old, old, in_old), step(self.new, new, in_new));
            groups.entry(key).or_default().push(word.to_string());
            all += 1;
        }
        let mut found = Vec::new();
        for ((old, new), values) in groups {
            for rest in self.below(old, new).iter() {
                let mut rest = rest.clone();
                if values.len() < all {
                    rest.conditions.insert(0, (meaning.to_string(), values.clone()));
                }
                found.push(rest);
            }
        }
        found
    }

    fn leaf(&self, old: Option<Step>, new: Option<Step>) -> Vec<Rest> {
        let stretches = |docket: &Docket, step: Option<Step>| match step {
            Some(step) => docket.image().stretches(step),
            None => vec![(ALWAYS, Statuses::only(Status::Permitted))],
        };
        let (old, new) = (stretches(self.old, old), stretches(self.new, new));
        let edges: BTreeSet<Time> = old.iter().chain(&new).map(|(from, _)| *from).collect();
        let at = |stretches: &[(Time, Statuses)], when: Time| {
            stretches.iter().rev().find(|(from, _)| *from <= when).map_or(Statuses::ALL, |(_, statuses)| *statuses)
        };
        let mut rests: Vec<Rest> = Vec::new();
        for from in &edges {
            let until = edges.range(from + 1..).next().copied().unwrap_or(FOREVER);
            let (was, is) = (at(&old, *from), at(&new, *from));
            if was == is {
                continue;
            }
            match rests.last_mut().filter(|last| last.valid.until == *from && last.old == was && last.new == is) {
                Some(last) => last.valid.until = until,
                None => {
                    rests.push(Rest { conditions: Vec::new(), valid: Period { from: *from, until }, old: was, new: is })
                }
            }
        }
        rests
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Rest(country) => write!(f, "elsewhere in {country}"),
            Self::Other => f.write_str("any other"),
            Self::Absent => f.write_str("not stated"),
            Self::Unknown => f.write_str("not known"),
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place => f.write_str("place"),
            Self::Actor => f.write_str("actor"),
            Self::Government => f.write_str("government"),
            Self::Role => f.write_str("role"),
            Self::Party => f.write_str("party"),
            Self::Fact(fact) => f.write_str(fact.word()),
            Self::Within(fact, places) => {
                let codes: Vec<&str> = places.iter().map(crate::place::Place::code).collect();
                write!(f, "{} in {}", fact.word(), codes.join(" or "))
            }
            Self::Open(_, term) => write!(f, "whether “{term}” covers it"),
        }
    }
}

//! Answers in words: grounds, caveats, claims, and what is wrong with law that will not compile.

use crate::docket::Docket;
use crate::facets::Meaning;
use crate::fault::Fault;
use crate::finding::{Claim, Reason};
use crate::inquiry::Inquiry;
use crate::lower::{Lowered, Origin};
use crate::order::{Corpus, Evidence, Instrument, Kind, Moment, Span, Statement};
use crate::subject::Holders;
use law::answer::{Agent, Doubt};
use law::law::{Flaw, Record};
use law::{Ground, Outcome, Status, Statuses};
use std::collections::BTreeSet;

pub(crate) fn unregulated() -> Outcome {
    Outcome {
        statuses: Statuses::only(Status::Permitted),
        grounds: Vec::new(),
        needs: Vec::new(),
        doubts: Vec::new(),
        unless: Vec::new(),
        conflict: false,
    }
}

pub(crate) fn shared(id: &str, holders: Holders<'_>) -> String {
    let names: Vec<&str> = holders.iter().map(|(subject, _)| subject.name()).collect();
    format!("`{id}` is used by {} and by others: it identifies nobody on its own", names.join(" and "))
}

impl Docket {
    /// Instrument and statement of an origin.
    #[must_use]
    pub fn origin(&self, origin: Origin) -> Option<(&Instrument, &Statement)> {
        let instrument = self.corpus.instruments.get(origin.instrument)?;
        Some((instrument, instrument.statements.get(origin.statement)?))
    }

    /// `instrument:statement` of an origin.
    #[must_use]
    pub fn citation(&self, origin: Origin) -> String {
        self.origin(origin).map_or_else(String::new, |(instrument, s)| format!("{}:{}", instrument.id, s.id))
    }

    /// Where an agent of a proof comes from.
    #[must_use]
    pub fn agent(&self, agent: Agent) -> Option<Origin> {
        let table = match agent {
            Agent::Effect(_) => &self.lowered.effects,
            Agent::Provision(_) => &self.lowered.provisions,
            Agent::Attestation(_) => &self.lowered.attestations,
        };
        let (Agent::Effect(n) | Agent::Provision(n) | Agent::Attestation(n)) = agent;
        table.get(n as usize).copied()
    }

    pub(crate) fn reasons(&self, outcome: &Outcome) -> Vec<Reason> {
        outcome.grounds.iter().filter_map(|ground| self.reason(ground)).collect()
    }

    fn reason(&self, ground: &Ground) -> Option<Reason> {
        let origin = *self.lowered.provisions.get(ground.provision as usize)?;
        let (instrument, statement) = self.origin(origin)?;
        let mut by: Vec<String> = Vec::new();
        let mut titles: Vec<String> = Vec::new();
        for agent in &ground.by {
            let Some((document, acting)) = self.agent(*agent).and_then(|origin| self.origin(origin)) else { continue };
            let cited = match agent {
                Agent::Provision(_) => format!("{}:{}", document.id, acting.id),
                Agent::Effect(_) | Agent::Attestation(_) => document.id.clone(),
            };
            titles.push(format!("“{}”", document.title));
            by.push(cited);
            if let Kind::Attest { relies_on, .. } = &acting.kind {
                by.extend(relies_on.iter().map(|reference| reference.instrument.clone()));
            }
        }
        dedup(&mut by);
        dedup(&mut titles);
        let what = format!("provision {} of “{}”", statement.id, instrument.title);
        let who = titles.join(" and ");
        let exception = matches!(statement.kind, Kind::Permit(_));
        let why = match ground.status {
            Status::Prohibited if titles.is_empty() => format!("{what} is in force and prohibits this"),
            Status::Prohibited => format!("{what} prohibits this, kept in force by {who}"),
            Status::NotEnforced => format!("{what} prohibits this, and {who} directs that it not be enforced"),
            Status::Stayed => format!("{what} would prohibit this, and {who} suspends it"),
            Status::Excepted if exception && titles.is_empty() => format!("{what} takes this out"),
            Status::Excepted if exception => format!("{what} takes this out, its condition met by {who}"),
            Status::Excepted => format!("{what} reaches this, and {} takes it out", by.join(" and ")),
            Status::Permitted => format!("{what} does not reach this"),
        };
        Some(Reason { provision: self.citation(origin), status: ground.status, by, why })
    }

    /// Every statement a proof rests on.
    pub(crate) fn cited(&self, outcome: &Outcome) -> BTreeSet<Origin> {
        let provisions = outcome.grounds.iter().filter_map(|g| self.lowered.provisions.get(g.provision as usize));
        let agents = outcome.grounds.iter().flat_map(|g| &g.by).filter_map(|agent| self.agent(*agent));
        provisions.copied().chain(agents).collect()
    }

    pub(crate) fn caveats(&self, outcome: &Outcome) -> Vec<String> {
        let mut caveats = Vec::new();
        for origin in self.cited(outcome) {
            let Some((instrument, statement)) = self.origin(origin) else { continue };
            let name = if matches!(statement.kind, Kind::Prohibit(_) | Kind::Permit(_)) {
                format!("provision {}", statement.id)
            } else {
                format!("{}:{}", instrument.id, statement.id)
            };
            caveats.extend(loose(&statement.from, "start", &name));
            caveats.extend(loose(&statement.until, "end", &name));
            caveats.extend(statement.provenance.disputed.iter().map(|point| format!("disputed: {point}")));
            if statement.provenance.evidence == Evidence::Recalled {
                caveats.push(format!("{}:{} is recalled, not read in a source", instrument.id, statement.id));
            }
        }
        for doubt in &outcome.doubts {
            match doubt {
                Doubt::Reading(reading) => caveats.extend(self.reading(*reading)),
                Doubt::Condition(condition) => {
                    let origin = self.lowered.conditions.get(*condition as usize).copied();
                    let name = origin.map(|origin| self.citation(origin)).unwrap_or_default();
                    caveats.push(format!("whether what was attested meets {name} is disputed"));
                }
            }
        }
        for facet in &outcome.needs {
            if let Some(Meaning::Open(origin, term)) = self.lowered.facets.meaning(*facet) {
                let name = self.citation(*origin);
                caveats.push(format!("whether “{term}” in {name} covers this cannot be read with certainty"));
            }
        }
        if outcome.conflict {
            caveats.push(String::from("an exception also reaches this, and nothing says which prevails"));
        }
        dedup(&mut caveats);
        caveats
    }

    fn reading(&self, reading: u16) -> Vec<String> {
        let edges = self.lowered.readings.get(usize::from(reading)).map(Vec::as_slice).unwrap_or_default();
        let loose_edge = |(origin, is_start): &(Origin, bool)| {
            let (instrument, statement) = self.origin(*origin)?;
            let (moment, edge) = if *is_start { (&statement.from, "start") } else { (&statement.until, "end") };
            loose(moment, edge, &format!("{}:{}", instrument.id, statement.id))
        };
        // One sentence stands for all edges written alike in one document.
        edges.iter().filter_map(loose_edge).take(1).map(|edge| format!("readings differ here: {edge}")).collect()
    }

    /// Claims nobody made, each with the facts to state.
    pub(crate) fn claims(&self, inquiry: &Inquiry<'_>, outcome: &Outcome) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (provision, n) in &outcome.unless {
            let Some(origin) = self.lowered.provisions.get(*provision as usize).copied() else { continue };
            let Some((_, statement)) = self.origin(origin) else { continue };
            let Some(scope) = statement.scopes.get(usize::from(*n)) else { continue };
            let stated = |limit: &&crate::order::FactLimit| inquiry.facts.iter().any(|(fact, _)| *fact == limit.fact);
            let open: Vec<_> = scope.facts.iter().filter(|limit| !limit.negated && !stated(limit)).collect();
            let mut facts: Vec<(String, String)> = Vec::new();
            if inquiry.actor.role.is_none() {
                facts.extend(scope.roles.first().map(|role| (String::from("role"), role.word().to_owned())));
            }
            facts.extend(open.iter().filter_map(|limit| {
                let value = limit.values.first()?;
                let value = match value.as_str() {
                    "yes" => "true",
                    "no" => "false",
                    other => other,
                };
                Some((limit.fact.word().to_owned(), value.to_owned()))
            }));
            let by = self.citation(origin);
            let alternatives = match open.as_slice() {
                [only] if facts.len() == 1 => only.values.get(1..).unwrap_or_default(),
                _ => &[],
            };
            let lead = facts.first().map(|(fact, _)| fact.clone()).unwrap_or_default();
            claims.push(Claim { facts, by: by.clone() });
            let others =
                alternatives.iter().map(|value| Claim { facts: vec![(lead.clone(), value.clone())], by: by.clone() });
            claims.extend(others);
        }
        claims
    }
}

/// How an edge with several readings is told.
fn loose(moment: &Option<Moment>, edge: &str, name: &str) -> Option<String> {
    let moment = moment.as_ref().filter(|moment| moment.earliest != moment.latest)?;
    Some(if moment.written.contains("precision day") && !moment.written.contains("reading") {
        format!("{edge} of {name} is stated as a date only")
    } else {
        format!("{edge} of {name} has several readings: {}", moment.written)
    })
}

fn dedup(items: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(item.clone()));
}

/// A flaw of the law in the words it came from.
pub(crate) fn flaw(flaw: &Flaw, corpus: &Corpus, lowered: &Lowered) -> Fault {
    let origin = |record: &Record| match record {
        Record::Provision(p) => lowered.provisions.get(*p as usize),
        Record::Effect(e) => lowered.effects.get(*e as usize),
        Record::Attestation(a) => lowered.attestations.get(*a as usize),
        Record::Instrument(_) | Record::Facet(_) => None,
    };
    let span = |record: &Record| {
        let found = origin(record).and_then(|o| corpus.instruments.get(o.instrument)?.statements.get(o.statement));
        found.map_or_else(Span::default, |statement| statement.id_span.clone())
    };
    let width = |what: &str, count: usize| {
        Fault::error(format!("{count} {what} bear on one app and act"), &Span::default(), "too many to compile")
    };
    match flaw {
        Flaw::Dangling { record } => Fault::error("refers to something that does not exist", &span(record), "here"),
        Flaw::Backwards { record } => Fault::error("ends before it begins", &span(record), "here"),
        Flaw::Circle { effect } => {
            Fault::error("effect acts on itself", &span(&Record::Effect(*effect)), "through what it acts on")
        }
        Flaw::FacetTooWide { facet } => {
            let name = lowered.facets.meaning(u8::try_from(*facet).unwrap_or(u8::MAX));
            Fault::error(format!("too many values of {name:?} in one body of law"), &Span::default(), "here")
        }
        Flaw::TooManyActs => Fault::error("too many acts in the vocabulary", &Span::default(), "here"),
        Flaw::TooManyRecords { count, .. } => width("provisions or effects", *count),
        Flaw::TooManyDoubts { count, .. } => width("open readings at one instant", *count),
        Flaw::TooManyCombinations { count, .. } => width("combinations of facts at one instant", *count),
    }
}

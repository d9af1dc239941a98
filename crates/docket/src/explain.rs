//! Why: authority, provision, exceptions considered, effects, what would change the answer, what nearly reached.

mod dormant;

use crate::docket::{ALL_THAT_IS_KNOWN, Docket};
use crate::facets::Meaning;
use crate::finding::{Finding, Posture, status_word};
use crate::inquiry::{Inquiry, Problem, Stated};
use crate::lower::Origin;
use crate::moment::format_rfc3339;
use crate::order::{FactLimit, Instrument, Kind, Moment, Reference, Statement};
use law::answer::Agent;
use law::law::{FacetId, Modality, Scope, Values};
use law::{Case, Outcome, Status, Statuses, Time, reference};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A finding with its reasons told out.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The answer.
    pub finding: Finding,
    /// One link of the chain per cited statement, provisions before what acts on them.
    pub links: Vec<Link>,
    /// "would be `prohibited` but for …".
    pub counterfactuals: Vec<String>,
    /// Prohibitions whose words reach the case, and that are not known or not in force then.
    pub dormant: Vec<String>,
    /// Prohibitions that fail to reach the case in exactly one point.
    pub near_misses: Vec<String>,
    /// Duties that go with a cited document.
    pub duties: Vec<String>,
}

/// A cited statement.
#[derive(Clone, Debug)]
pub struct Link {
    /// `instrument:statement`.
    pub citation: String,
    /// The document's title.
    pub title: String,
    /// Its citation.
    pub cite: Option<String>,
    /// The documents it rests on, nearest first.
    pub authority: Vec<String>,
    /// The words of the document.
    pub text: Option<String>,
    /// When it has force, as written.
    pub force: String,
    /// Since when it can be known.
    pub known: String,
    /// Evidence grade.
    pub evidence: &'static str,
    /// Where it was read.
    pub sources: Vec<String>,
    /// Exceptions of the same document to this act, and why they do not help.
    pub exceptions: Vec<String>,
}

/// A question in law's words.
struct Question {
    case: Case,
    valid_at: Time,
    known_at: Time,
}

impl Docket {
    /// Explains the answer to a question.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn explain(&self, inquiry: &Inquiry<'_>, posture: Posture) -> Result<Explanation, Problem> {
        let finding = self.find(inquiry, posture)?;
        let (Some(decision), Some(case)) = (self.decide(inquiry)?, self.ask(inquiry)?.case) else {
            let (links, counterfactuals, dormant, near_misses, duties) = Default::default();
            return Ok(Explanation { finding, links, counterfactuals, dormant, near_misses, duties });
        };
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        let question = Question { case, valid_at: inquiry.valid_at, known_at };
        let outcome = self.outcome(decision);
        let cited = self.cited(&outcome);
        let documents: BTreeSet<usize> = cited.iter().map(|origin| origin.instrument).collect();
        let dormant = self.dormant(&question, &cited);
        let groups = std::iter::once(acting(self, &outcome)).chain(dormant.lifted);
        Ok(Explanation {
            links: self.in_order(&outcome).into_iter().filter_map(|origin| self.link(origin, inquiry)).collect(),
            counterfactuals: self.counterfactuals(&question, outcome.statuses, groups),
            dormant: dormant.told,
            near_misses: self.near_misses(&question, &cited),
            duties: documents.into_iter().flat_map(|n| self.duties(n)).collect(),
            finding,
        })
    }

    fn in_order(&self, outcome: &Outcome) -> Vec<Origin> {
        let mut order: Vec<Origin> = Vec::new();
        for ground in &outcome.grounds {
            let provision = self.lowered.provisions.get(ground.provision as usize).copied();
            order.extend(provision);
            order.extend(ground.by.iter().filter_map(|agent| self.agent(*agent)));
        }
        let mut seen = BTreeSet::new();
        order.retain(|origin| seen.insert(*origin));
        order
    }

    fn link(&self, origin: Origin, inquiry: &Inquiry<'_>) -> Option<Link> {
        let (instrument, statement) = self.origin(origin)?;
        Some(Link {
            citation: self.citation(origin),
            title: instrument.title.clone(),
            cite: instrument.cite.clone(),
            authority: self.authority(instrument),
            text: statement.text.clone(),
            force: force(instrument, statement),
            known: statement.public.as_ref().unwrap_or(&instrument.public).written.clone(),
            evidence: statement.provenance.evidence.word(),
            sources: statement.provenance.sources.clone(),
            exceptions: self.exceptions(instrument, statement, inquiry),
        })
    }

    fn authority(&self, instrument: &Instrument) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = instrument.under.first();
        while let Some(reference) = next.filter(|_| chain.len() < 8) {
            chain.push(reference.instrument.clone());
            next = self.corpus.instruments.iter().find(|i| i.id == reference.instrument).and_then(|i| i.under.first());
        }
        chain
    }

    /// Every exception to a provision, wherever it is written, and whether the question claims it.
    fn exceptions(&self, instrument: &Instrument, provision: &Statement, inquiry: &Inquiry<'_>) -> Vec<String> {
        if !matches!(provision.kind, Kind::Prohibit(_)) {
            return Vec::new();
        }
        let overridden = |reference: &Reference| {
            let here = reference.instrument == instrument.id || instrument.aliases.contains(&reference.instrument);
            here && reference.statement.as_deref() == Some(provision.id.as_str())
        };
        let told = |document: &Instrument, exception: &Statement| {
            let name = match document.id == instrument.id {
                true => exception.id.clone(),
                false => format!("{}:{}", document.id, exception.id),
            };
            let scopes = exception
                .scopes
                .iter()
                .map(|scope| scope.facts.iter().map(|limit| claimed(limit, inquiry)).collect::<Vec<_>>().join(" and "));
            let asks: Vec<String> = scopes.filter(|asks| !asks.is_empty()).collect();
            if asks.is_empty() { name } else { format!("{name}: if {}", asks.join(", or ")) }
        };
        let documents = self.corpus.instruments.iter();
        let all = documents.flat_map(|document| document.statements.iter().map(move |s| (document, s)));
        all.filter(|(_, exception)| match &exception.kind {
            Kind::Permit(edges) => edges.overrides.iter().any(overridden),
            Kind::Prohibit(_)
            | Kind::Require(_)
            | Kind::Enable
            | Kind::Reserve
            | Kind::Effect(_)
            | Kind::Denies(_)
            | Kind::Condition { .. }
            | Kind::Attest { .. } => false,
        })
        .map(|(document, exception)| told(document, exception))
        .collect()
    }

    /// What the answer would be without the statements of each group: one by one, and together where that differs.
    fn counterfactuals(
        &self,
        question: &Question,
        now: Statuses,
        groups: impl Iterator<Item = BTreeSet<Origin>>,
    ) -> Vec<String> {
        let without = |removed: &BTreeSet<Origin>| {
            let law = self.lowered.without(removed);
            reference::answer(&law, &question.case, question.valid_at, question.known_at).statuses
        };
        let mut told: Vec<String> = Vec::new();
        let mut tell = |removed: &BTreeSet<Origin>, then: Statuses| {
            let statuses: Vec<&str> = then.iter().map(status_word).collect();
            let names: Vec<String> = removed.iter().map(|origin| self.citation(*origin)).collect();
            let line = format!("would be `{}` but for {}", statuses.join("` or `"), names.join(" and "));
            if !told.contains(&line) {
                told.push(line);
            }
        };
        for group in groups {
            let mut known = BTreeSet::from([now]);
            for origin in &group {
                let one = BTreeSet::from([*origin]);
                let then = without(&one);
                if then != now {
                    tell(&one, then);
                    known.insert(then);
                }
            }
            let together = if group.len() > 1 { without(&group) } else { now };
            if !known.contains(&together) {
                tell(&group, together);
            }
        }
        told
    }

    /// Prohibitions in force, of this app and act, that one limit alone keeps from reaching the case.
    fn near_misses(&self, question: &Question, cited: &BTreeSet<Origin>) -> Vec<String> {
        let mut told = Vec::new();
        for (provision, origin) in self.lowered.law.provisions.iter().zip(&self.lowered.provisions) {
            let running = provision.force.iter().any(|extent| {
                extent.from.passed(question.valid_at) != Some(false)
                    && extent.until.passed(question.valid_at) != Some(true)
            });
            let forbids = provision.modality == Modality::Prohibit;
            if !(forbids && running && provision.known.contains(question.known_at)) || cited.contains(origin) {
                continue;
            }
            for scope in provision.scopes.iter().filter(|scope| scope.names(question.case.app, question.case.act)) {
                let mut failing = self.failing(question, scope);
                if let (Some((facet, admitted)), None) = (failing.next(), failing.next()) {
                    told.push(format!("not reached: {} {}", self.citation(*origin), self.needed(facet, admitted)));
                }
            }
        }
        told.dedup();
        told
    }

    /// The limits of a scope that the case, as far as it is stated, does not meet.
    fn failing<'s>(
        &'s self,
        question: &'s Question,
        scope: &'s Scope,
    ) -> impl Iterator<Item = (FacetId, Values)> + use<'s> {
        let facets = &self.lowered.law.facets;
        scope.limits.iter().copied().filter(move |(facet, admitted)| {
            let state = question.case.state(*facet);
            let values = facets.get(usize::from(*facet)).map_or(0, |facet| facet.values);
            state < values && admitted >> state & 1 == 0
        })
    }

    /// What a limit asks for, in the words of a question.
    fn needed(&self, facet: FacetId, admitted: Values) -> String {
        let what = self.lowered.facets.meaning(facet).map_or("something else", name);
        match self.lowered.facets.admitted(facet, admitted).as_slice() {
            words @ ([_] | [_, _] | [_, _, _]) => format!("needs `{what}` to be `{}`", words.join("` or `")),
            _ => format!("turns on `{what}`"),
        }
    }

    fn duties(&self, instrument: usize) -> Vec<String> {
        let Some(instrument) = self.corpus.instruments.get(instrument) else { return Vec::new() };
        let duty = |statement: &Statement| match &statement.kind {
            Kind::Require(duty) if !duty.is_empty() => Some(format!("{}:{}: {duty}", instrument.id, statement.id)),
            Kind::Require(_)
            | Kind::Prohibit(_)
            | Kind::Permit(_)
            | Kind::Enable
            | Kind::Reserve
            | Kind::Effect(_)
            | Kind::Denies(_)
            | Kind::Condition { .. }
            | Kind::Attest { .. } => None,
        };
        instrument.statements.iter().filter_map(duty).collect()
    }
}

/// The stays, orders not to enforce, extensions and statements that an outcome rests on.
fn acting(docket: &Docket, outcome: &Outcome) -> BTreeSet<Origin> {
    let agents = outcome.grounds.iter().flat_map(|ground| &ground.by);
    let acting = agents.filter(|agent| matches!(agent, Agent::Effect(_) | Agent::Attestation(_)));
    acting.filter_map(|agent| docket.agent(*agent)).collect()
}

/// What an exception asks of a fact, and what the question says of it.
fn claimed(limit: &FactLimit, inquiry: &Inquiry<'_>) -> String {
    let verb = if limit.negated { "is not" } else { "is" };
    let stated = inquiry.facts.iter().find(|(fact, _)| *fact == limit.fact).map(|(_, stated)| stated);
    let state = match stated {
        None => String::from("not claimed"),
        Some(Stated::Unknown) => String::from("not known"),
        Some(Stated::Word(word)) => format!("stated: {word}"),
        Some(Stated::Bool(yes)) => format!("stated: {}", if *yes { "yes" } else { "no" }),
        Some(Stated::Place(place)) => format!("stated: {place}"),
        Some(Stated::NoPlace) => String::from("stated: none"),
        Some(Stated::Places(places)) => {
            format!("stated: {}", places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    format!("`{}` {verb} {} ({state})", limit.fact.word(), limit.values.join(" or "))
}

const fn name(meaning: &Meaning) -> &'static str {
    match meaning {
        Meaning::Place => "place",
        Meaning::Actor => "actor",
        Meaning::Government => "government",
        Meaning::Role => "role",
        Meaning::Party => "party",
        Meaning::Fact(fact) | Meaning::Within(fact, _) => fact.word(),
        Meaning::Open(..) => "an open term",
    }
}

fn force(instrument: &Instrument, statement: &Statement) -> String {
    let written = |moment: &Option<Moment>| moment.as_ref().map(|m| m.written.clone());
    let from = written(&statement.from).unwrap_or_else(|| instrument.issued.written.clone());
    match written(&statement.until) {
        Some(until) => format!("from {from} until {until}"),
        None => format!("from {from}"),
    }
}

impl Explanation {
    /// The explanation for people, line by line.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let statuses: Vec<&str> = self.finding.possible.iter().map(status_word).collect();
        let mut line = |words: String| writeln!(text, "{words}").unwrap_or_default();
        line(format!("{} ({})", statuses.join(" or "), self.finding.verdict.word()));
        if self.finding.until < law::time::FOREVER {
            line(format!("  until {}", format_rfc3339(self.finding.until)));
        }
        for reason in &self.finding.grounds {
            line(format!("  {} {}: {}", status_word(reason.status), reason.provision, reason.why));
        }
        for link in &self.links {
            line(String::new());
            line(format!("{}  {}", link.citation, link.title));
            line(format!("  {}; known since {}; evidence {}", link.force, link.known, link.evidence));
            link.cite.iter().for_each(|cite| line(format!("  {cite}")));
            link.text.iter().for_each(|words| line(format!("  “{words}”")));
            link.sources.iter().for_each(|source| line(format!("  {source}")));
            if !link.authority.is_empty() {
                line(format!("  rests on {}", link.authority.join(", then ")));
            }
            link.exceptions.iter().for_each(|exception| line(format!("  exception considered, {exception}")));
        }
        let sections = [
            ("", &self.counterfactuals),
            ("", &self.dormant),
            ("", &self.near_misses),
            ("duty ", &self.duties),
            ("note: ", &self.finding.caveats),
        ];
        for (prefix, lines) in sections {
            lines.iter().for_each(|told| line(format!("{prefix}{told}")));
        }
        for claim in &self.finding.unless {
            let facts: Vec<String> = claim.facts.iter().map(|(fact, is)| format!("`{fact}` is `{is}`")).collect();
            line(format!("unless {}: then excepted by {}", facts.join(" and "), claim.by));
        }
        for fact in &self.finding.needs {
            line(format!("needs `{fact}`"));
        }
        text
    }

    /// Whether anything unlawful is among the possibilities.
    #[must_use]
    pub fn may_be_unlawful(&self) -> bool {
        self.finding.possible.iter().any(Status::is_unlawful)
    }
}

//! Why: authority, provision, exceptions considered, effects, what would change the answer, what nearly reached.

use crate::docket::{ALL_THAT_IS_KNOWN, Docket};
use crate::facets::Meaning;
use crate::finding::{Finding, Posture, status_word};
use crate::inquiry::{Inquiry, Problem};
use crate::lower::Origin;
use crate::moment::format_rfc3339;
use crate::order::{Instrument, Kind, Moment, Statement};
use law::answer::Agent;
use law::law::{Modality, Operator};
use law::{Outcome, Period, Status, reference};
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

impl Docket {
    /// Explains the answer to a question.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn explain(&self, inquiry: &Inquiry<'_>, posture: Posture) -> Result<Explanation, Problem> {
        let finding = self.find(inquiry, posture)?;
        let Some(decision) = self.decide(inquiry)? else {
            let (links, counterfactuals, near_misses, duties) = Default::default();
            return Ok(Explanation { finding, links, counterfactuals, near_misses, duties });
        };
        let outcome = self.outcome(decision);
        let cited = self.cited(&outcome);
        let documents: BTreeSet<usize> = cited.iter().map(|origin| origin.instrument).collect();
        Ok(Explanation {
            links: self.in_order(&outcome).into_iter().filter_map(|origin| self.link(origin, inquiry)).collect(),
            counterfactuals: self.counterfactuals(inquiry, &outcome)?,
            near_misses: self.near_misses(inquiry, &cited)?,
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

    fn exceptions(&self, instrument: &Instrument, provision: &Statement, inquiry: &Inquiry<'_>) -> Vec<String> {
        if !matches!(provision.kind, Kind::Prohibit(_)) {
            return Vec::new();
        }
        let considered = instrument.statements.iter().filter_map(|other| {
            let Kind::Permit(edges) = &other.kind else { return None };
            let overrides = edges.overrides.iter().any(|r| r.statement.as_deref() == Some(&provision.id));
            let needs = other.scopes.first()?.facts.iter().map(|limit| {
                let verb = if limit.negated { "is not" } else { "is" };
                let stated = inquiry.facts.iter().any(|(fact, _)| *fact == limit.fact);
                let state = if stated { "stated otherwise or so" } else { "not claimed" };
                format!("`{}` {verb} {} ({state})", limit.fact.word(), limit.values.join(" or "))
            });
            overrides.then(|| format!("{}: if {}", other.id, needs.collect::<Vec<_>>().join(" and ")))
        });
        considered.collect()
    }

    /// What the answer would be without each stay or order not to enforce that it rests on.
    fn counterfactuals(&self, inquiry: &Inquiry<'_>, outcome: &Outcome) -> Result<Vec<String>, Problem> {
        const NEVER: Period = Period { from: 0, until: 0 };
        let asked = self.ask(inquiry)?;
        let Some(case) = asked.case else { return Ok(Vec::new()) };
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        let agents: BTreeSet<Origin> = outcome
            .grounds
            .iter()
            .flat_map(|ground| &ground.by)
            .filter(|agent| matches!(agent, Agent::Effect(_) | Agent::Attestation(_)))
            .filter_map(|agent| self.agent(*agent))
            .collect();
        let mut told = Vec::new();
        let mut without = |removed: &BTreeSet<Origin>, name: &str| {
            let mut law = self.lowered.law.clone();
            for (effect, from) in law.effects.iter_mut().zip(&self.lowered.effects) {
                if removed.contains(from) && effect.operator != Operator::Remove {
                    effect.known = NEVER;
                }
            }
            for (attestation, from) in law.attestations.iter_mut().zip(&self.lowered.attestations) {
                if removed.contains(from) {
                    attestation.known = NEVER;
                }
            }
            let then = reference::answer(&law, &case, inquiry.valid_at, known_at);
            if then.statuses != outcome.statuses {
                let statuses: Vec<&str> = then.statuses.iter().map(status_word).collect();
                told.push(format!("would be `{}` but for {name}", statuses.join("` or `")));
            }
        };
        for origin in &agents {
            without(&BTreeSet::from([*origin]), &self.citation(*origin));
        }
        if agents.len() > 1 {
            let names: Vec<String> = agents.iter().map(|origin| self.citation(*origin)).collect();
            without(&agents, &names.join(" and "));
        }
        Ok(told)
    }

    /// Prohibitions in force, of this app and act, that one limit alone keeps from reaching the case.
    fn near_misses(&self, inquiry: &Inquiry<'_>, cited: &BTreeSet<Origin>) -> Result<Vec<String>, Problem> {
        let asked = self.ask(inquiry)?;
        let Some(case) = asked.case else { return Ok(Vec::new()) };
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        let mut told = Vec::new();
        for (provision, origin) in self.lowered.law.provisions.iter().zip(&self.lowered.provisions) {
            let running = provision.force.iter().any(|extent| {
                extent.from.passed(inquiry.valid_at) != Some(false)
                    && extent.until.passed(inquiry.valid_at) != Some(true)
            });
            let forbids = provision.modality == Modality::Prohibit;
            if !(forbids && running && provision.known.contains(known_at)) || cited.contains(origin) {
                continue;
            }
            for scope in provision.scopes.iter().filter(|scope| scope.names(case.app, case.act)) {
                let failing: Vec<_> = scope
                    .limits
                    .iter()
                    .filter(|(facet, admitted)| {
                        let state = case.state(*facet);
                        let values = self.lowered.law.facets.get(usize::from(*facet)).map_or(0, |f| f.values);
                        state < values && admitted >> state & 1 == 0
                    })
                    .collect();
                if let [(facet, _)] = failing.as_slice() {
                    let what = self.lowered.facets.meaning(*facet).map_or("something else", name);
                    told.push(format!("not reached: {} turns on `{what}`", self.citation(*origin)));
                }
            }
        }
        told.dedup();
        Ok(told)
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

//! What an OSCAL assessment comes to: one answer for each control, until when, and whether all of it is satisfied. And
//! what a plan of action comes to: whether anything in it is overdue, and until when nothing is.
//!
//! OSCAL has no signatures. So somebody signs a statement that names the file by its digest and says what it comes
//! to; whoever has the file can work the same out again and compare. What the file does not say, says twice or says
//! differently in two places, is not satisfied.

use crate::Fault;
use crate::dsse::hex;
use crate::json::{self, Members, format_time};
use crate::statement::{self, Type};
use crate::timeline::{NEVER, Time};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The largest assessment: some thousand findings, each with a page of prose.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Findings of one assessment; the catalogue of NIST SP 800-53 has some thousand objectives.
pub const FINDINGS_MAX: usize = 20_000;
/// Controls that a statement lists by name; beyond that it says how many there are.
pub const LISTED_MAX: usize = 200;

/// The versions whose assessment results have the members that are read.
const VERSIONS: [&str; 2] = ["1.1.", "1.2."];

/// Which document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// What was found.
    Results,
    /// What is to be done about it, and by when (a POA&M). It finds nothing satisfied.
    Plan,
}

impl Model {
    const ALL: [Self; 2] = [Self::Results, Self::Plan];

    /// Its name in OSCAL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Results => "assessment-results",
            Self::Plan => "plan-of-action-and-milestones",
        }
    }
}

/// What an assessment comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Which document it is.
    pub model: Model,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
    /// Its length.
    pub bytes: usize,
    /// How the document is called in OSCAL.
    pub uuid: String,
    /// Its version of OSCAL.
    pub version: String,
    /// Whether each control is satisfied: those that were found about, by their target.
    pub controls: BTreeMap<String, bool>,
    /// Risks that are open though their deadline has passed by then: deadline and name.
    pub deadlines: Vec<(Time, String)>,
    /// When the first and the last observation were collected.
    pub collected: (Time, Time),
    /// When the first observation that a finding rests on expires; [`NEVER`] if none says.
    pub expires: Time,
    /// From when the oldest finding ages whose observations do not all say when they expire: when the last of them was
    /// collected; [`NEVER`] if all say.
    pub ages_from: Time,
}

/// What a finding rests on.
struct Observed {
    collected: Time,
    expires: Time,
}

impl Assessment {
    /// Reads assessment results or a plan of action in JSON.
    ///
    /// # Errors
    /// Where the file is no such thing, or something rests on what is not in it.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let value = json::parse_within(bytes, FILE_BYTES_MAX)?;
        let found = Model::ALL.iter().find_map(|model| Some((*model, value.get(model.name())?)));
        let (model, body) = found.ok_or_else(|| {
            let names = Model::ALL.map(Model::name).join("` or `");
            Fault::new("", format!("`{names}` is needed: no other model says what was found, or is to be done"))
        })?;
        let at = format!("/{}", model.name());
        let mut members = Members::new(body, &at)?;
        let uuid = members.text("uuid")?.to_owned();
        let mut metadata = Members::new(members.needed("metadata")?, &format!("{at}/metadata"))?;
        let version = metadata.text("oscal-version")?.to_owned();
        if !VERSIONS.iter().any(|known| version.starts_with(known)) {
            return Err(metadata.fault("oscal-version", format!("`{version}` is not 1.1 or 1.2")));
        }
        let mut read = Self {
            model,
            digest: hex(&Sha256::digest(bytes)),
            bytes: bytes.len(),
            uuid,
            version,
            controls: BTreeMap::new(),
            deadlines: Vec::new(),
            collected: (NEVER, Time::MIN),
            expires: NEVER,
            ages_from: NEVER,
        };
        match model {
            Model::Results => read.results(&mut members, &at)?,
            Model::Plan => {
                // A plan is as old as its last edit, whatever it looks back on.
                let edited = metadata.time("last-modified")?;
                read.plan(&mut members, body, &at)?;
                read.collected = (read.collected.0.min(edited), edited);
            }
        }
        Ok(read)
    }

    fn results(&mut self, members: &mut Members<'_>, at: &str) -> Result<(), Fault> {
        let mut findings = 0;
        for (number, result) in members.list("results")?.iter().enumerate() {
            let at = format!("{at}/results/{number}");
            Members::new(result, &at)?.time("start")?;
            findings += self.result(result, &at)?;
            if findings > FINDINGS_MAX {
                return Err(Fault::new(at, format!("more than {FINDINGS_MAX} findings")));
            }
        }
        if self.controls.is_empty() {
            return Err(members.fault("results", "nothing was found in any of them"));
        }
        Ok(())
    }

    /// Each item of a plan names risks that are in it; their deadlines are what the plan promises.
    fn plan(&mut self, members: &mut Members<'_>, body: &Value, at: &str) -> Result<(), Fault> {
        self.result(body, at)?;
        let risks: BTreeSet<&str> =
            members.optional_list("risks")?.iter().filter_map(|risk| risk.get("uuid")?.as_str()).collect();
        let items = members.list("poam-items")?;
        if items.is_empty() || items.len() > FINDINGS_MAX {
            return Err(members.fault("poam-items", format!("between 1 and {FINDINGS_MAX} are needed")));
        }
        for (number, item) in items.iter().enumerate() {
            let mut item = Members::new(item, &format!("{at}/poam-items/{number}"))?;
            for related in item.optional_list("related-risks")? {
                let named = related.get("risk-uuid").and_then(Value::as_str);
                if named.is_none_or(|named| !risks.contains(named)) {
                    return Err(item.fault("related-risks", "there is no such risk"));
                }
            }
        }
        Ok(())
    }

    fn result(&mut self, result: &Value, at: &str) -> Result<usize, Fault> {
        let mut members = Members::new(result, at)?;
        let mut observations = BTreeMap::new();
        for (number, item) in members.optional_list("observations")?.iter().enumerate() {
            let mut item = Members::new(item, &format!("{at}/observations/{number}"))?;
            let uuid = item.text("uuid")?;
            let observed = Observed {
                collected: item.time("collected")?,
                expires: item.optional_time("expires")?.unwrap_or(NEVER),
            };
            if observations.insert(uuid, observed).is_some() {
                return Err(item.fault("uuid", "two observations have it"));
            }
        }
        for (number, item) in members.optional_list("risks")?.iter().enumerate() {
            let mut item = Members::new(item, &format!("{at}/risks/{number}"))?;
            let (uuid, open) = (item.text("uuid")?.to_owned(), item.text("status")? != "closed");
            if let (Some(deadline), true) = (item.optional_time("deadline")?, open) {
                self.deadlines.push((deadline, uuid));
            }
        }
        self.deadlines.sort();
        let findings = members.optional_list("findings")?;
        for (number, item) in findings.iter().enumerate() {
            self.finding(item, &format!("{at}/findings/{number}"), &observations)?;
        }
        Ok(findings.len())
    }

    fn finding(&mut self, item: &Value, at: &str, observations: &BTreeMap<&str, Observed>) -> Result<(), Fault> {
        let mut members = Members::new(item, at)?;
        let mut target = Members::new(members.needed("target")?, &format!("{at}/target"))?;
        let kind = target.text("type")?;
        if !matches!(kind, "objective-id" | "statement-id") {
            return Err(target.fault("type", format!("`{kind}` is neither `objective-id` nor `statement-id`")));
        }
        let control = target.text("target-id")?.to_owned();
        let mut status = Members::new(target.needed("status")?, &format!("{at}/target/status"))?;
        let satisfied = match status.text("state")? {
            "satisfied" => true,
            "not-satisfied" => false,
            other => return Err(status.fault("state", format!("`{other}` is neither `satisfied` nor `not-satisfied`"))),
        };
        let related = members.optional_list("related-observations")?;
        let (mut last, mut all_expire) = (Time::MIN, true);
        for (number, item) in related.iter().enumerate() {
            let mut item = Members::new(item, &format!("{at}/related-observations/{number}"))?;
            let uuid = item.text("observation-uuid")?;
            let observed = observations.get(uuid);
            let observed = observed.ok_or_else(|| item.fault("observation-uuid", "there is no such observation"))?;
            self.collected = (self.collected.0.min(observed.collected), self.collected.1.max(observed.collected));
            self.expires = self.expires.min(observed.expires);
            last = last.max(observed.collected);
            all_expire &= observed.expires != NEVER;
        }
        if !all_expire {
            self.ages_from = self.ages_from.min(last);
        }
        // What nobody observed is not found, and what is said twice is not said.
        let first = !self.controls.contains_key(&control);
        self.controls.insert(control, satisfied && first && !related.is_empty());
        Ok(())
    }

    /// Controls that were not found to be satisfied: those named, and those of `required` that nothing was found about.
    #[must_use]
    pub fn unsatisfied<'a>(&'a self, required: &'a BTreeSet<String>) -> Vec<&'a str> {
        let found = self.controls.iter().filter(|(_, satisfied)| !**satisfied).map(|(control, _)| control.as_str());
        let missing = required.iter().filter(|control| !self.controls.contains_key(*control)).map(String::as_str);
        let all: BTreeSet<&str> = found.chain(missing).collect();
        all.into_iter().collect()
    }

    /// The statement that an assessor signs about a system, unsigned, if it is made at this instant.
    ///
    /// It ceases to hold when the first observation expires or the first deadline of an open risk passes. How old it is
    /// counts from the observations, not from the signature: nothing in it is older, unless it says itself when it expires.
    ///
    /// # Errors
    /// If it was observed later than it is signed.
    pub fn statement(
        &self,
        system: &str,
        framework: &str,
        required: &BTreeSet<String>,
        at: Time,
    ) -> Result<Value, Fault> {
        let (first, last) = self.collected;
        if last > at {
            let why = format!("an observation was collected {}, after the statement is made", format_time(last));
            return Err(Fault::new(format!("/{}", self.model.name()), why));
        }
        let unsatisfied = self.unsatisfied(required);
        let overdue: Vec<&str> =
            self.deadlines.iter().filter(|(deadline, _)| *deadline <= at).map(|(_, risk)| risk.as_str()).collect();
        let deadline = self.deadlines.iter().map(|(deadline, _)| *deadline).find(|deadline| *deadline > at);
        let until = self.expires.min(deadline.unwrap_or(NEVER));
        let listed = |names: &[&str]| names.iter().take(LISTED_MAX).map(|name| json!(name)).collect::<Vec<_>>();
        let mut predicate = json!({
            "timeCreated": format_time(at),
            "framework": framework,
            "controls": self.controls.len(),
            "unsatisfied": listed(&unsatisfied),
            "unsatisfiedCount": unsatisfied.len(),
            "overdueRisks": listed(&overdue),
            "oscal": { "model": self.model.name(), "uuid": self.uuid, "version": self.version },
            "document": { "sha256": self.digest, "size": self.bytes, "media": "application/oscal+json" },
        });
        if let Some(members) = predicate.as_object_mut() {
            let holds = overdue.is_empty() && until > at;
            match self.model {
                Model::Results => members.insert(String::from("satisfied"), json!(unsatisfied.is_empty() && holds)),
                Model::Plan => members.insert(String::from("onTime"), json!(holds)),
            };
            let mut say = |name: &str, time: Time| members.insert(name.to_owned(), json!(format_time(time)));
            if first <= last {
                // A period has a length; what was collected at one instant was collected within that second.
                let end = last.min(self.ages_from);
                say("periodStart", first.min(end - 1));
                say("periodEnd", end);
            }
            if until != NEVER {
                say("notAfter", until);
            }
            if !required.is_empty() {
                let digest = hex(&Sha256::digest(required.iter().fold(String::new(), |text, name| text + name + "\n")));
                members.insert(String::from("required"), json!({ "sha256": digest, "controls": required.len() }));
            }
        }
        let subject = statement::named_subject(&format!("system:{system}"));
        Ok(statement::compose(Type::OscalAssessment, &[subject], &predicate))
    }

    /// Where a statement that was signed says something else than this assessment comes to; nothing if it says the same.
    ///
    /// # Errors
    /// If it is no statement about an assessment of one system.
    pub fn differences(&self, signed: &[u8], required: &BTreeSet<String>) -> Result<Vec<String>, Fault> {
        let said = crate::Statement::parse(signed)?;
        let system = match said.subjects.as_slice() {
            [subject] => subject.text().strip_prefix("system:"),
            _ => None,
        };
        let system = system.ok_or_else(|| Fault::new("/subject", "one `system:…` is needed"))?;
        if said.kind != Type::OscalAssessment {
            return Err(Fault::new("/predicateType", format!("`{}` is not about an assessment", said.kind.name())));
        }
        let framework = said.claim("/framework").and_then(Value::as_str).unwrap_or_default();
        let made = self.statement(system, framework, required, said.created)?;
        let made = made.get("predicate").and_then(Value::as_object).cloned().unwrap_or_default();
        let there = said.predicate.as_object().cloned().unwrap_or_default();
        let names: BTreeSet<&String> = made.keys().chain(there.keys()).collect();
        let differs = |name: &&&String| made.get(**name) != there.get(**name) && name.as_str() != "timeCreated";
        Ok(names.iter().filter(differs).map(|name| (*name).clone()).collect())
    }
}

//! Orders, subjects and compiled law together, ready to be asked.

use crate::facets::{Facets, Meaning};
use crate::fault::{Fault, Grade};
use crate::finding::{Finding, Posture, Reason};
use crate::inquiry::{Actor, Inquiry, Problem, Stated};
use crate::lower::{Lowered, lower};
use crate::order::{Corpus, Span};
use crate::subject::{Attribution, Identifier, Registry, Subject};
use crate::vocabulary::{Fact, ResourceKind, Role};
use crate::{elaborate, subject, words};
use law::{Case, Decision, Image, Outcome, Statuses, Time};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// What counts when an inquiry does not say as known when: everything on file.
pub const ALL_THAT_IS_KNOWN: Time = law::time::FOREVER - 1;

/// A source file handed in by whoever may read files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as diagnostics and digests name it (`orders/us/wechat-2020.order`).
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Everything known, immutable; a change of law is another docket.
pub struct Docket {
    sources: Vec<Source>,
    pub(crate) corpus: Corpus,
    pub(crate) registry: Registry,
    pub(crate) lowered: Lowered,
    image: Image,
    /// The proof of each outcome in words, made when somebody first reads it: thousands of questions share it.
    told: Box<[OnceLock<Told>]>,
    edition: String,
    warnings: Vec<Fault>,
}

/// An outcome in words: what a finding says that depends on nothing else.
#[derive(Clone, Debug)]
struct Told {
    outcome: Outcome,
    grounds: Vec<Reason>,
    needs: Vec<String>,
    caveats: Vec<String>,
}

impl fmt::Debug for Docket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docket").field("edition", &self.edition).finish_non_exhaustive()
    }
}

/// One stretch of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Since when.
    pub from: Time,
    /// Until when.
    pub until: Time,
    /// What holds.
    pub finding: Finding,
}

/// A question in law's numbers, with what its resource was attributed to.
#[derive(Clone, Debug)]
pub struct Asked<'d> {
    /// The case; `None` where the resource is no known subject.
    pub case: Option<Case>,
    /// The subject.
    pub subject: Option<&'d Subject>,
    /// What the resource leads to; to another subject than above if it was not theirs at the time.
    attribution: Attribution<'d>,
}

impl Docket {
    /// Reads, lowers and compiles orders and subjects.
    ///
    /// # Errors
    /// Every fault of every file; warnings alone do not prevent loading.
    pub fn load(sources: Vec<Source>) -> Result<Self, Vec<Fault>> {
        Self::load_with(sources, None)
    }

    /// The same, sparing the compilation where `image` was made from these very sources.
    ///
    /// # Errors
    /// As [`Docket::load`]; an image of other sources is passed over, not an error.
    pub fn load_with(sources: Vec<Source>, image: Option<Image>) -> Result<Self, Vec<Fault>> {
        let (registry, subject_faults) = subject::read(&sources);
        let wrong = |faults: &[Fault]| faults.iter().any(|fault| fault.grade == Grade::Error);
        let read = elaborate::read(&sources, if wrong(&subject_faults) { None } else { Some(&registry) });
        let mut faults = read.faults;
        faults.extend(subject_faults);
        let lowered = match lower(&read.corpus, &registry) {
            Ok(lowered) if !wrong(&faults) => lowered,
            Ok(_) => return Err(faults),
            Err(more) => {
                faults = with_further(faults, more, &read.corpus);
                return Err(faults);
            }
        };
        let edition = digest(&sources);
        let image = match image.filter(|image| image.edition() == edition) {
            Some(image) => image,
            None => law::compile::compile(&lowered.law, edition).map_err(|flaws| {
                flaws.iter().map(|flaw| words::flaw(flaw, &read.corpus, &lowered)).collect::<Vec<_>>()
            })?,
        };
        let edition = format!("sha256:{}", hex(&edition));
        let told = (0..image.outcomes()).map(|_| OnceLock::new()).collect();
        Ok(Self { sources, corpus: read.corpus, registry, lowered, image, told, edition, warnings: faults })
    }

    /// What the order files say.
    #[must_use]
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// Apps, companies and their identifiers.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The files it was read from.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The law and the way back to its words.
    #[must_use]
    pub fn lowered(&self) -> &Lowered {
        &self.lowered
    }

    /// The compiled law.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Faults that did not prevent loading.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Digest of every source, `sha256:` and hex.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.edition
    }

    /// Puts a question into law's numbers.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn ask(&self, inquiry: &Inquiry<'_>) -> Result<Asked<'_>, Problem> {
        let resource = &inquiry.resource;
        let attribution = self.registry.resolve(resource.kind, &resource.id);
        let attribution = attribution.map_err(|message| Problem::of("resource.id", message))?;
        let subject = attribution.subject_at(inquiry.valid_at);
        let case = subject.map(|(subject, identifier)| {
            let facets = &self.lowered.facets;
            let mut case = facets.begin(subject.number, inquiry.act, inquiry.place, inquiry.actor.kind);
            let Actor { id, role, government, .. } = &inquiry.actor;
            self.state_actor(&mut case, id, *role, government.as_deref());
            self.state_form(&mut case, resource.kind, identifier);
            for (fact, stated) in &inquiry.facts {
                facets.state_fact(&mut case, *fact, stated);
            }
            case
        });
        Ok(Asked { case, subject: subject.map(|(subject, _)| subject), attribution })
    }

    pub(crate) fn state_actor(&self, case: &mut Case, id: &str, role: Option<Role>, government: Option<&str>) {
        let facets = &self.lowered.facets;
        if let Some(party) = if id.is_empty() { None } else { self.registry.party(id) } {
            facets.state_party(case, &party.id);
        }
        if let Some(role) = role {
            Facets::state_role(case, role);
        }
        if let Some(government) = government {
            facets.state_government(case, government);
        }
    }

    /// States what an identifier shows about the form of the app; what the inquiry states comes after.
    pub(crate) fn state_form(&self, case: &mut Case, kind: ResourceKind, identifier: Option<&Identifier>) {
        let recorded = identifier.and_then(|identifier| identifier.form.as_deref());
        let mobile = matches!(kind, ResourceKind::AndroidPackage | ResourceKind::IosBundle | ResourceKind::AppStoreId);
        if let Some(form) = recorded.or(if mobile { Some("mobile") } else { None }) {
            self.lowered.facets.state_fact(case, Fact::Form, &Stated::Word(Cow::Borrowed(form)));
        }
    }

    /// What a reader must be told of the attribution.
    fn attributed(&self, inquiry: &Inquiry<'_>, asked: &Asked<'_>) -> Option<String> {
        let id = &inquiry.resource.id;
        match &asked.attribution {
            Attribution::Shared(holders) => Some(words::shared(id, *holders)),
            Attribution::Nobody => Some(self.nobody(id)),
            Attribution::Subject(..) if asked.subject.is_some() => None,
            Attribution::Subject(subject, _) => {
                Some(format!("`{id}` did not belong to {} at that time", subject.name()))
            }
        }
    }

    fn nobody(&self, id: &str) -> String {
        let near = self.registry.subjects().iter().find_map(|subject| {
            let (_, why) = subject.near_misses.iter().find(|(name, _)| name.eq_ignore_ascii_case(id))?;
            Some(format!("`{id}` is not {}: {why}", subject.name()))
        });
        near.unwrap_or_else(|| format!("`{id}` is no known subject"))
    }

    /// The bare decision, without words.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn decide(&self, inquiry: &Inquiry<'_>) -> Result<Option<Decision>, Problem> {
        let asked = self.ask(inquiry)?;
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        Ok(asked.case.map(|case| self.image.decide(&case, inquiry.valid_at, known_at)))
    }

    /// Answers the question under `posture`.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn find(&self, inquiry: &Inquiry<'_>, posture: Posture) -> Result<Finding, Problem> {
        let asked = self.ask(inquiry)?;
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        let decision = asked.case.as_ref().map(|case| self.image.decide(case, inquiry.valid_at, known_at));
        Ok(self.finding(inquiry, &asked, decision, posture))
    }

    /// The answers to the same question over all of valid time, in order, without gaps.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn timeline(&self, inquiry: &Inquiry<'_>, posture: Posture) -> Result<Vec<Stretch>, Problem> {
        let asked = self.ask(inquiry)?;
        let known_at = inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
        let Some(case) = &asked.case else {
            let finding = self.finding(inquiry, &asked, None, posture);
            return Ok(vec![Stretch { from: finding.from, until: finding.until, finding }]);
        };
        let stretch = |decision: Decision| Stretch {
            from: decision.from,
            until: decision.until,
            finding: self.finding(inquiry, &asked, Some(decision), posture),
        };
        Ok(self.image.timeline(case, known_at).map(stretch).collect())
    }

    /// The proof behind a decision; nothing grounds an unregulated one.
    #[must_use]
    pub fn outcome(&self, decision: Decision) -> Outcome {
        if decision.outcome == law::decide::UNREGULATED {
            words::unregulated()
        } else {
            self.image.outcome(decision.outcome)
        }
    }

    fn finding(
        &self,
        inquiry: &Inquiry<'_>,
        asked: &Asked<'_>,
        decision: Option<Decision>,
        posture: Posture,
    ) -> Finding {
        let decision = decision.unwrap_or(Decision {
            statuses: Statuses::only(law::Status::Permitted),
            outcome: law::decide::UNREGULATED,
            from: law::time::ALWAYS,
            until: law::time::FOREVER,
        });
        let told = self.told(decision.outcome);
        let mut caveats: Vec<String> = self.attributed(inquiry, asked).into_iter().collect();
        caveats.extend_from_slice(&told.caveats);
        Finding {
            possible: decision.statuses,
            verdict: posture.verdict(decision.statuses),
            grounds: told.grounds.clone(),
            from: decision.from,
            until: decision.until,
            needs: told.needs.clone(),
            unless: self.claims(inquiry, &told.outcome),
            caveats,
            subject: asked.subject.map(|subject| subject.id.clone()),
            edition: self.edition.clone(),
            overruled: None,
        }
    }

    /// What an outcome says in words.
    fn told(&self, number: u32) -> Cow<'_, Told> {
        let tell = |outcome: Outcome| Told {
            grounds: self.reasons(&outcome),
            needs: self.needs(&outcome),
            caveats: self.caveats(&outcome),
            outcome,
        };
        match self.told.get(number as usize) {
            Some(told) => Cow::Borrowed(told.get_or_init(|| tell(self.image.outcome(number)))),
            None => Cow::Owned(tell(words::unregulated())),
        }
    }

    fn needs(&self, outcome: &Outcome) -> Vec<String> {
        let mut needs: Vec<String> = Vec::new();
        for facet in &outcome.needs {
            let name = match self.lowered.facets.meaning(*facet) {
                Some(Meaning::Place) => "place",
                Some(Meaning::Actor) => "actor",
                Some(Meaning::Government) => "government",
                Some(Meaning::Role) => "role",
                Some(Meaning::Party) => "party",
                Some(Meaning::Fact(fact) | Meaning::Within(fact, _)) => fact.word(),
                Some(Meaning::Open(..)) | None => continue,
            };
            if !needs.iter().any(|known| known == name) {
                needs.push(name.to_owned());
            }
        }
        needs
    }
}

/// Adds what lowering found wrong, but for statements already found wrong: their words did not all arrive.
fn with_further(mut faults: Vec<Fault>, more: Vec<Fault>, corpus: &Corpus) -> Vec<Fault> {
    let statements = || corpus.instruments.iter().flat_map(|instrument| &instrument.statements);
    let inside = |outer: &Span, inner: &Span| {
        outer.file == inner.file && outer.bytes.start <= inner.bytes.start && inner.bytes.end <= outer.bytes.end
    };
    let followed = |fault: &Fault| {
        let told = |span: &Span| faults.iter().any(|earlier| inside(span, &earlier.span));
        statements().any(|statement| inside(&statement.span, &fault.span) && told(&statement.span))
    };
    let more: Vec<Fault> = more.into_iter().filter(|fault| !followed(fault)).collect();
    faults.extend(more);
    faults
}

/// What identifies the law that these files are, in any order.
#[must_use]
pub fn edition(sources: &[Source]) -> String {
    format!("sha256:{}", hex(&digest(sources)))
}

/// SHA-256 over the sorted paths and digests of the sources.
fn digest(sources: &[Source]) -> [u8; 32] {
    let mut listed: Vec<(&str, [u8; 32])> =
        sources.iter().map(|s| (s.path.as_str(), Sha256::digest(s.text.as_bytes()).into())).collect();
    listed.sort_unstable();
    let mut hasher = Sha256::new();
    for (path, content) in listed {
        hasher.update(path.as_bytes());
        hasher.update([0]);
        hasher.update(content);
    }
    hasher.finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

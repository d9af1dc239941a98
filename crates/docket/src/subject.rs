//! Apps and companies: their names, who operates them, and every identifier known to be theirs.

use crate::docket::Source;
use crate::fault::{Fault, Grade, did_you_mean};
use crate::grammar::{self, Context};
use crate::identifier::{ascii_name, canonical, domain_and_above};
use crate::moment;
use crate::order::{Evidence, Moment, Provenance, Span};
use crate::place::Place;
use crate::syntax::{self, Statement, Word};
use crate::vocabulary::ResourceKind;
use foldhash::HashMap;
use law::Time;

/// An app or a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub id: String,
    /// Its position among all subjects, which is its number in law.
    pub number: u16,
    /// Whether it is a company rather than an app or service.
    pub is_company: bool,
    /// Its names, the one to show first.
    pub names: Vec<String>,
    /// Who operates it, and when.
    pub operators: Vec<Operator>,
    /// Who owns it (companies).
    pub parents: Vec<String>,
    /// Where it is established.
    pub places: Vec<Place>,
    /// Its identifiers.
    pub identifiers: Vec<Identifier>,
    /// Near misses: a name, and why it is not this subject.
    pub near_misses: Vec<(String, String)>,
    /// Trust and sources.
    pub provenance: Provenance,
    /// The whole statement in its file.
    pub span: Span,
}

/// Who operates an app, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The company id.
    pub company: String,
    /// Since when; absent: always.
    pub from: Option<Moment>,
    /// Until when; absent: still.
    pub until: Option<Moment>,
    /// Where it is written.
    pub span: Span,
}

/// One identifier of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its one spelling.
    pub id: String,
    /// As written in the file.
    pub written: String,
    /// Also used by others: never identifies on its own.
    pub shared: bool,
    /// For a domain: only this name, not what lies below.
    pub exact: bool,
    /// The form of app it belongs to, where that is not the ordinary one.
    pub form: Option<String>,
    /// Since when it has been theirs.
    pub from: Option<Moment>,
    /// Until when it was theirs.
    pub until: Option<Moment>,
    /// Trust and sources.
    pub provenance: Provenance,
    /// Where it is written.
    pub span: Span,
}

impl Subject {
    /// The name to show.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or(self.id.as_str(), String::as_str)
    }
}

/// Every subject, findable by id and by identifier.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    subjects: Vec<Subject>,
    by_id: HashMap<String, usize>,
    /// By kind of identifier, in the order of the vocabulary.
    by_identifier: [HashMap<String, Vec<Holder>>; ResourceKind::ALL.len()],
}

/// A subject and one of its identifiers, by their positions.
#[derive(Clone, Copy, Debug)]
struct Holder {
    subject: usize,
    identifier: usize,
}

/// To whom an identifier leads.
#[derive(Clone, Debug)]
pub enum Attribution<'r> {
    /// It belongs to this subject alone. The identifier, where one matched (an id or a name needs none).
    Subject(&'r Subject, Option<&'r Identifier>),
    /// It is used by others than these subjects too, so it identifies nobody.
    Shared(Holders<'r>),
    /// No known subject has it.
    Nobody,
}

impl<'r> Attribution<'r> {
    /// The subject that alone has the identifier, if it was theirs at `at`.
    #[must_use]
    pub fn subject_at(&self, at: Time) -> Option<(&'r Subject, Option<&'r Identifier>)> {
        match self {
            Self::Subject(subject, identifier) if identifier.is_none_or(|held| held.held_at(at)) => {
                Some((subject, *identifier))
            }
            Self::Subject(..) | Self::Shared(_) | Self::Nobody => None,
        }
    }
}

impl Identifier {
    /// Whether it was theirs, by any reading of the dates on file.
    #[must_use]
    pub fn held_at(&self, at: Time) -> bool {
        self.from.as_ref().is_none_or(|from| from.earliest <= at)
            && self.until.as_ref().is_none_or(|until| at < until.latest)
    }
}

/// Everybody who has an identifier.
#[derive(Clone, Copy, Debug)]
pub struct Holders<'r> {
    registry: &'r Registry,
    list: &'r [Holder],
    /// Whether what was asked lies below the identifier, as one domain below another.
    below: bool,
}

impl<'r> Holders<'r> {
    /// Each with the identifier.
    pub fn iter(self) -> impl Iterator<Item = (&'r Subject, &'r Identifier)> {
        self.list.iter().filter_map(move |holder| {
            let subject = self.registry.subjects.get(holder.subject)?;
            let identifier = subject.identifiers.get(holder.identifier)?;
            // One marked `exact` says nothing of what lies below it.
            (!(self.below && identifier.exact)).then_some((subject, identifier))
        })
    }
}

const fn article(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::App
        | ResourceKind::AndroidPackage
        | ResourceKind::IosBundle
        | ResourceKind::AppStoreId
        | ResourceKind::Asn => "an",
        ResourceKind::Domain
        | ResourceKind::Wallet
        | ResourceKind::Company
        | ResourceKind::CertSha256
        | ResourceKind::Purl
        | ResourceKind::CodeSha256 => "a",
    }
}

impl Registry {
    /// Every subject, sorted by id.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The kind under which an identifier is known; where it is not known, the kind it looks like.
    #[must_use]
    pub fn recognise(&self, id: &str) -> ResourceKind {
        let known = |kind: &&ResourceKind| {
            matches!(self.resolve(**kind, id), Ok(Attribution::Subject(..) | Attribution::Shared(_)))
        };
        let shaped = |kind: &&ResourceKind| canonical(**kind, id).is_ok();
        let guesses = [ResourceKind::App, ResourceKind::AndroidPackage, ResourceKind::Domain, ResourceKind::Company];
        let found = ResourceKind::ALL.iter().find(known).or_else(|| guesses.iter().find(shaped));
        found.copied().unwrap_or(ResourceKind::Company)
    }

    /// The subject with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Subject> {
        self.by_id.get(id).and_then(|n| self.subjects.get(*n))
    }

    /// Whose `written` is.
    ///
    /// # Errors
    /// A sentence saying why `written` is no identifier of this kind.
    pub fn resolve(&self, kind: ResourceKind, written: &str) -> Result<Attribution<'_>, String> {
        // What is kept is kept in its canonical spelling, so what is found as written needs no other.
        if let Some(found) = self.exactly(kind, written) {
            return Ok(found);
        }
        let id = canonical(kind, written)
            .map_err(|why| format!("`{written}` is not {} {}: {why}", article(kind), kind.word()))?;
        let found = if id == written { None } else { self.exactly(kind, &id) };
        let above = || {
            let mut above = domain_and_above(&id).skip(1);
            above.find_map(|domain| self.attribute(self.holders(kind, domain)?, true))
        };
        let found = if kind == ResourceKind::Domain { found.or_else(above) } else { found };
        Ok(found.unwrap_or(Attribution::Nobody))
    }

    /// Whose the identifier is that is kept in just this spelling.
    fn exactly(&self, kind: ResourceKind, id: &str) -> Option<Attribution<'_>> {
        let by_id = || self.get(id).filter(|subject| subject.is_company == (kind == ResourceKind::Company));
        match kind {
            ResourceKind::App => return by_id().map(|subject| Attribution::Subject(subject, None)),
            ResourceKind::Company => {
                if let Some(subject) = by_id() {
                    return Some(Attribution::Subject(subject, None));
                }
            }
            ResourceKind::AndroidPackage
            | ResourceKind::IosBundle
            | ResourceKind::AppStoreId
            | ResourceKind::Domain
            | ResourceKind::Asn
            | ResourceKind::Wallet
            | ResourceKind::CertSha256
            | ResourceKind::Purl
            | ResourceKind::CodeSha256 => {}
        }
        self.attribute(self.holders(kind, id)?, false)
    }

    fn holders(&self, kind: ResourceKind, id: &str) -> Option<&[Holder]> {
        self.by_identifier.get(kind as usize)?.get(id).map(Vec::as_slice)
    }

    /// Whose an identifier is that `holders` have.
    fn attribute<'r>(&'r self, list: &'r [Holder], below: bool) -> Option<Attribution<'r>> {
        let holders = Holders { registry: self, list, below };
        let mut held = holders.iter();
        let (first, identifier) = held.next()?;
        let mut own = (!identifier.shared).then_some(identifier);
        for (subject, identifier) in held {
            if subject.number != first.number {
                return Some(Attribution::Shared(holders));
            }
            own = own.or((!identifier.shared).then_some(identifier));
        }
        Some(own.map_or(Attribution::Shared(holders), |own| Attribution::Subject(first, Some(own))))
    }

    /// The company or app a party's name or id leads to, if one alone.
    #[must_use]
    pub fn party(&self, name: &str) -> Option<&Subject> {
        if let Some(subject) = self.get(name) {
            return Some(subject);
        }
        let mut buffer = [0; 64];
        let attribution = match ascii_name(name, &mut buffer) {
            Some(folded) => self.attribute(self.holders(ResourceKind::Company, folded)?, false)?,
            None => self.resolve(ResourceKind::Company, name).ok()?,
        };
        match attribution {
            Attribution::Subject(subject, _) => Some(subject),
            Attribution::Shared(_) | Attribution::Nobody => None,
        }
    }
}

/// Reads subject files; other files are passed over.
#[must_use]
pub fn read(sources: &[Source]) -> (Registry, Vec<Fault>) {
    let mut reader = Reader { faults: Vec::new() };
    let mut subjects: Vec<Subject> = Vec::new();
    for (file, source) in sources.iter().enumerate().filter(|(_, s)| s.path.ends_with(".subject")) {
        let (statements, faults) = syntax::parse(file, &source.text);
        reader.faults.extend(faults);
        for statement in &statements {
            match statement.keyword() {
                "app" => subjects.extend(reader.subject(statement, false)),
                "company" => subjects.extend(reader.subject(statement, true)),
                _ => reader.unknown(Context::Subjects, "at the top of a subject file", statement),
            }
        }
    }
    subjects.sort_by(|a, b| a.id.cmp(&b.id));
    let registry = reader.index(subjects);
    (registry, reader.faults)
}

struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn unknown(&mut self, context: Context, place: &str, statement: &Statement) {
        let Some(word) = statement.words.first() else { return };
        let help = did_you_mean(&word.text, grammar::keywords(context));
        let fault = Fault::error(format!("`{}` is not a statement {place}", word.text), &word.span, "unknown keyword");
        self.faults.push(fault.help(help));
    }

    fn subject(&mut self, statement: &Statement, is_company: bool) -> Option<Subject> {
        let keyword = statement.words.first()?;
        let Some(id) = statement.words.get(1) else {
            self.faults.push(Fault::error("subject without an id", &keyword.span, "expected an id after this"));
            return None;
        };
        if let Err(why) = canonical(ResourceKind::App, &id.text)
            .and_then(|c| if c == id.text { Ok(()) } else { Err(String::from("ids are lower case")) })
        {
            self.faults.push(Fault::error(format!("`{}` is not an id", id.text), &id.span, why));
        }
        let mut subject = Subject {
            id: id.text.clone(),
            number: 0,
            is_company,
            names: Vec::new(),
            operators: Vec::new(),
            parents: Vec::new(),
            places: Vec::new(),
            identifiers: Vec::new(),
            near_misses: Vec::new(),
            provenance: provenance(&statement.block, &Provenance::default(), &mut self.faults),
            span: statement.span.clone(),
        };
        for inner in &statement.block {
            self.detail(inner, &mut subject);
        }
        // A company is found by its names; an app is not, since names of apps are not exclusive.
        if is_company {
            for name in subject.names.clone() {
                self.identifier(ResourceKind::Company, &name, &statement.span, &[], &mut subject, &[]);
            }
        }
        Some(subject)
    }

    fn detail(&mut self, statement: &Statement, subject: &mut Subject) {
        let keyword = statement.keyword();
        if grammar::find(Context::Subject, keyword).is_none() {
            self.unknown(Context::Subject, "in a subject", statement);
            return;
        }
        let Some((first, rest)) = statement.arguments().split_first() else {
            let fault = Fault::error(format!("`{keyword}` says nothing"), &statement.span, "expected a value");
            self.faults.push(fault);
            return;
        };
        let kind = match keyword {
            "name" => return subject.names.extend(statement.arguments().iter().map(|word| word.text.clone())),
            "parent" => return subject.parents.extend(statement.arguments().iter().map(|word| word.text.clone())),
            "not" => {
                let why = rest.first().map(|word| word.text.clone()).unwrap_or_default();
                return subject.near_misses.push((first.text.clone(), why));
            }
            "place" => {
                for word in statement.arguments() {
                    match Place::parse(&word.text) {
                        Ok(place) => subject.places.push(place),
                        Err(message) => self.faults.push(Fault::error(message, &word.span, "not a place")),
                    }
                }
                return;
            }
            "operator" => {
                let (from, until, _) = self.qualifiers(rest);
                let company = first.text.clone();
                return subject.operators.push(Operator { company, from, until, span: statement.span.clone() });
            }
            "android" => ResourceKind::AndroidPackage,
            "ios" => ResourceKind::IosBundle,
            "app-store" => ResourceKind::AppStoreId,
            "domain" => ResourceKind::Domain,
            "asn" => ResourceKind::Asn,
            "cert-sha256" => ResourceKind::CertSha256,
            "code-sha256" => ResourceKind::CodeSha256,
            "purl" => ResourceKind::Purl,
            "wallet" => ResourceKind::Wallet,
            _ => return,
        };
        self.identifier(kind, &first.text, &first.span, rest, subject, &statement.block);
    }

    fn identifier(
        &mut self,
        kind: ResourceKind,
        written: &str,
        span: &Span,
        qualifiers: &[Word],
        subject: &mut Subject,
        block: &[Statement],
    ) {
        let (from, until, flags) = self.qualifiers(qualifiers);
        for inner in block.iter().filter(|s| grammar::find(Context::Identifier, s.keyword()).is_none()) {
            self.unknown(Context::Identifier, "in an identifier", inner);
        }
        let form = block.iter().find(|s| s.keyword() == "form").and_then(|s| s.arguments().first());
        if let Some(form) = form.filter(|word| !["mobile", "desktop", "web", "tv"].contains(&word.text.as_str())) {
            let fault = Fault::error(format!("unknown form `{}`", form.text), &form.span, "here");
            self.faults.push(fault.help("known: mobile, desktop, web, tv"));
        }
        match canonical(kind, written) {
            Ok(id) => subject.identifiers.push(Identifier {
                kind,
                id: id.into_owned(),
                written: written.to_owned(),
                shared: flags.iter().any(|flag| flag == "shared"),
                exact: flags.iter().any(|flag| flag == "exact"),
                form: form.map(|word| word.text.clone()),
                from,
                until,
                provenance: provenance(block, &subject.provenance, &mut self.faults),
                span: span.clone(),
            }),
            Err(why) => {
                let message = format!("`{written}` is not {} {}", article(kind), kind.word());
                self.faults.push(Fault::error(message, span, why));
            }
        }
    }

    /// `shared`, `exact`, `from …` and `until …` after an identifier or operator.
    fn qualifiers(&mut self, mut words: &[Word]) -> (Option<Moment>, Option<Moment>, Vec<String>) {
        let (mut from, mut until, mut flags) = (None, None, Vec::new());
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            match word.text.as_str() {
                "shared" | "exact" => flags.push(word.text.clone()),
                "from" | "until" if !rest.is_empty() => match moment::read(rest, "UTC") {
                    Ok((moment, taken)) => {
                        let slot = if word.text == "from" { &mut from } else { &mut until };
                        *slot = Some(moment);
                        words = rest.get(taken..).unwrap_or_default();
                    }
                    Err(fault) => {
                        self.faults.push(*fault);
                        words = rest.get(1..).unwrap_or_default();
                    }
                },
                _ => {
                    let fault =
                        Fault::error(format!("`{}` is not expected here", word.text), &word.span, "unknown word");
                    self.faults.push(fault.help("known: shared, exact, from, until"));
                }
            }
        }
        (from, until, flags)
    }

    fn index(&mut self, subjects: Vec<Subject>) -> Registry {
        let mut registry = Registry { subjects, ..Registry::default() };
        for (n, subject) in (0..=u16::MAX).zip(&mut registry.subjects) {
            subject.number = n;
        }
        if let Some(surplus) = registry.subjects.get(usize::from(u16::MAX) + 1) {
            self.faults.push(Fault::error("more than 65,536 subjects", &surplus.span, "one too many"));
        }
        for (n, subject) in registry.subjects.iter().enumerate() {
            if registry.by_id.insert(subject.id.clone(), n).is_some() {
                let message = format!("subject `{}` is written twice", subject.id);
                self.faults.push(Fault::error(message, &subject.span, "again here"));
            }
            for (m, identifier) in subject.identifiers.iter().enumerate() {
                if let Some(kind) = registry.by_identifier.get_mut(identifier.kind as usize) {
                    kind.entry(identifier.id.clone()).or_default().push(Holder { subject: n, identifier: m });
                }
            }
        }
        for holders in registry.by_identifier.iter().flat_map(|kind| kind.values()) {
            let held: Vec<&Identifier> = holders
                .iter()
                .filter_map(|held| registry.subjects.get(held.subject).and_then(|s| s.identifiers.get(held.identifier)))
                .collect();
            let owners = holders.iter().map(|held| held.subject).collect::<std::collections::BTreeSet<_>>().len();
            if let Some(first) = held.iter().find(|identifier| owners > 1 && !identifier.shared) {
                let message = format!("`{}` belongs to {owners} subjects and is not marked `shared`", first.written);
                let fault = Fault::error(message, &first.span, "identifies nobody on its own");
                self.faults.push(fault.help("add `shared` to each, or keep it with the one it identifies"));
            }
        }
        let companies = registry.subjects.iter().filter(|s| s.is_company).map(|s| s.id.as_str());
        for subject in &registry.subjects {
            let named = subject.operators.iter().map(|o| (&o.company, &o.span));
            for (company, span) in named.chain(subject.parents.iter().map(|p| (p, &subject.span))) {
                if !registry.get(company).is_some_and(|s| s.is_company) {
                    let fault = Fault::error(format!("unknown company `{company}`"), span, "not in the subject files");
                    self.faults.push(fault.help(did_you_mean(company, companies.clone())));
                }
            }
        }
        registry
    }
}

pub(crate) fn provenance(block: &[Statement], outer: &Provenance, faults: &mut Vec<Fault>) -> Provenance {
    let mut own = Provenance { evidence: outer.evidence, ..Provenance::default() };
    for statement in block {
        let texts = || statement.arguments().iter().map(|word| word.text.clone());
        match statement.keyword() {
            "source" => own.sources.extend(texts()),
            "note" => own.notes.extend(texts()),
            "disputed" => own.disputed.extend(texts()),
            "evidence" => {
                for word in statement.arguments() {
                    match Evidence::from_word(&word.text) {
                        Some(grade) => own.evidence = grade,
                        None => faults.push(Fault {
                            help: Some(did_you_mean(&word.text, Evidence::ALL.iter().map(|g| g.word()))),
                            grade: Grade::Error,
                            ..Fault::error(format!("unknown evidence grade `{}`", word.text), &word.span, "here")
                        }),
                    }
                }
            }
            _ => {}
        }
    }
    if own.sources.is_empty() {
        own.sources.clone_from(&outer.sources);
    }
    own
}

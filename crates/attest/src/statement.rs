//! What was said, about what: in-toto statements, and the types of them we know.

use crate::Fault;
use crate::dsse::hex;
use crate::json::{self, Members};
use crate::timeline::{NEVER, Time};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The one statement format we read.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Before the name of our own types.
pub const OWN: &str = "urn:interdict:attestation:";
/// Digests by which a subject may be named, and how many digits they have: those of git are SHA-1 or SHA-256.
const DIGESTS: [(&str, &[usize]); 4] =
    [("sha256", &[64]), ("gitTree", &[40, 64]), ("gitCommit", &[40, 64]), ("sha1", &[40])];
/// Subjects of one statement.
pub const SUBJECTS_MAX: usize = 1_024;

macro_rules! types {
    ($($variant:ident = $name:literal, $uri:expr, $doc:literal;)*) => {
        /// What a statement is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Type { $(#[doc = $doc] $variant,)* }

        impl Type {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its short name, in trust documents and conditions.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The foreign predicate type it is read from, if it is not ours.
            const fn foreign(self) -> Option<&'static str> {
                match self { $(Self::$variant => $uri,)* }
            }
        }
    };
}

types! {
    BuildReproduced = "build-reproduced", None, "Somebody built the same artefact from the named source.";
    SourceReview = "source-review", None, "Somebody read the source.";
    DataResidencyAudit = "data-residency-audit", None, "Where data lie and who keeps them.";
    AccessLog = "access-log", None, "Who reached the system over a period.";
    OperationsControl = "operations-control", None, "Who runs the system.";
    ModelRetrained = "model-retrained", None, "On what, where and by whom a model was trained.";
    Ownership = "ownership", None, "Who owns an entity.";
    GovernanceControl = "governance-control", None, "Who governs an entity.";
    OperationalRelationship = "operational-relationship", None, "What ties two entities.";
    OscalAssessment = "oscal-assessment", None, "The digest of an OSCAL assessment.";
    AuditReport = "audit-report", None, "An auditor's opinion over a period.";
    CodeTransparency = "code-transparency", None, "A developer's own word on code and native libraries.";
    GovernmentOversight = "government-oversight", None, "An agency says that it oversees.";
    SubmissionDigest = "submission-digest", None, "The digest of a binary as it was submitted to a store.";
    Act = "act", None, "The authority's own act: lift, pause, delay, stay, resume.";
    Override = "override", None, "What people decided about one decision that law left to them.";
    Revocation = "revocation", None, "Takes statements back.";
    AdverseFinding = "adverse-finding", None, "A veto.";
    Resolution = "resolution", None, "Ends a veto.";
    TrustDocument = "trust", None, "A new trust document.";
    SlsaProvenance = "slsa-provenance", Some("https://slsa.dev/provenance/v1"), "SLSA: how an artefact was built.";
    SlsaSummary = "slsa-vsa", Some("https://slsa.dev/verification_summary/v1"), "SLSA: that a policy was met.";
    VerificationResult = "svr", Some("https://in-toto.io/attestation/svr/v0.2"), "in-toto: properties that were verified.";
}

impl Type {
    /// The type of a short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The predicate type.
    #[must_use]
    pub fn uri(self) -> String {
        self.foreign().map_or_else(|| format!("{OWN}{}:v1", self.name()), String::from)
    }

    /// Where a foreign type keeps the time it was made, if not in `timeCreated`.
    fn foreign_time(self) -> Option<&'static str> {
        if self == Self::SlsaProvenance {
            return Some("/runDetails/metadata/finishedOn");
        }
        (self == Self::SlsaSummary).then_some("/timeVerified")
    }

    /// The type of a predicate type.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.uri() == uri)
    }
}

/// Something a statement is about: an artefact by digest, or an order, system or entity by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// An artefact or source tree of this digest, lower-case hexadecimal.
    #[must_use]
    pub fn artifact(digest: &str) -> Self {
        Self(format!("artifact:{digest}"))
    }

    /// A name such as `order:us-…`, `system:…`, `entity:…`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(String::from(name))
    }

    /// As trust documents write it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Whether a subject's name stands for something that has no bytes of its own.
pub(crate) fn is_name(name: &str) -> bool {
    ["order:", "system:", "entity:"].iter().any(|kind| name.starts_with(kind))
}

/// A statement, parsed from the bytes that were signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its type.
    pub kind: Type,
    /// What it is about: each of them, by itself.
    pub subjects: Vec<Subject>,
    /// What it says.
    pub predicate: Value,
    /// When it says it was made.
    pub created: Time,
    /// When it says it begins to hold.
    pub not_before: Time,
    /// When it says it ceases to hold.
    pub not_after: Time,
    /// The period it reports on.
    pub period: Option<(Time, Time)>,
}

impl Statement {
    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// If it is no in-toto statement, of no type we know, without a time, or about nothing.
    pub fn parse(payload: &[u8]) -> Result<Self, Fault> {
        let value = json::parse(payload)?;
        let mut members = Members::new(&value, "")?;
        if members.text("_type")? != STATEMENT {
            return Err(members.fault("_type", format!("`{STATEMENT}` is needed")));
        }
        let uri = members.text("predicateType")?;
        let kind = Type::from_uri(uri).ok_or_else(|| members.fault("predicateType", unknown(uri)))?;
        let list = members.list("subject")?;
        if list.is_empty() || list.len() > SUBJECTS_MAX {
            return Err(members.fault("subject", format!("between 1 and {SUBJECTS_MAX} are needed")));
        }
        let subjects = list.iter().enumerate().map(|(number, item)| read_subject(item, &format!("/subject/{number}")));
        let subjects = subjects.collect::<Result<Vec<_>, _>>()?;
        let predicate = members.needed("predicate")?.clone();
        members.finish()?;
        let mut claims = Members::new(&predicate, "/predicate")?;
        let foreign = kind.foreign_time();
        let created = match foreign {
            Some(pointer) => predicate.pointer(pointer).and_then(Value::as_str).and_then(json::parse_time),
            None => claims.optional_time("timeCreated")?,
        };
        let created = created.ok_or_else(|| {
            let at = foreign.unwrap_or("/timeCreated");
            Fault::new(format!("/predicate{at}"), "an instant like `2020-09-18T12:00:00Z` is needed")
        })?;
        let (start, end) = (claims.optional_second("periodStart")?, claims.optional_second("periodEnd")?);
        let period = match (start, end) {
            (None, None) => None,
            (Some(start), Some(end)) if start < end => Some((start, end)),
            _ => return Err(claims.fault("periodEnd", "a period needs a start and a later end")),
        };
        // How old a report is counts from the end of its period: one that lies ahead would never age.
        if period.is_some_and(|(_, end)| end > created) {
            return Err(claims.fault("periodEnd", "is later than the statement was made; report on what is over"));
        }
        let not_before = claims.optional_second("notBefore")?.unwrap_or(Time::MIN);
        let not_after = claims.optional_second("notAfter")?.unwrap_or(NEVER);
        Ok(Self { kind, subjects, predicate, created, not_before, not_after, period })
    }

    /// What the statement says at this JSON pointer.
    #[must_use]
    pub fn claim(&self, pointer: &str) -> Option<&Value> {
        json::at(&self.predicate, pointer)
    }
}

/// That a predicate type is not known, and which ones are.
fn unknown(uri: &str) -> String {
    let foreign = Type::ALL.iter().filter_map(|kind| kind.foreign()).collect::<Vec<_>>().join("`, `");
    let own = Type::ALL.iter().filter(|kind| kind.foreign().is_none()).map(|kind| kind.name()).collect::<Vec<_>>();
    format!(
        "`{}` is not known; known are `{OWN}NAME:v1`, where NAME is one of {}, and `{foreign}`",
        uri.escape_debug(),
        own.join(", ")
    )
}

/// An artefact has a digest; a name has the digest of itself, since the format wants one.
fn read_subject(item: &Value, at: &str) -> Result<Subject, Fault> {
    let mut item = Members::new(item, at)?;
    let name = item.optional_text("name")?.unwrap_or_default();
    let digest = read_digest(item.needed("digest")?, &item.path("digest"))?;
    if !is_name(name) {
        return Ok(Subject::artifact(digest));
    }
    if !json::is_plain(name) {
        return Err(item.fault("name", json::PLAIN));
    }
    if digest != hex(&Sha256::digest(name)) {
        return Err(
            item.fault("digest", format!("a name carries the SHA-256 of itself: {}", hex(&Sha256::digest(name))))
        );
    }
    Ok(Subject::named(name))
}

/// The first of the digests that we know; each of them has to be one.
fn read_digest<'v>(digests: &'v Value, at: &str) -> Result<&'v str, Fault> {
    let mut digests = Members::new(digests, at)?;
    let mut first = None;
    for (kind, lengths) in DIGESTS {
        let Some(digest) = digests.optional_text(kind)? else { continue };
        if !lengths.contains(&digest.len()) || !is_hex(digest) {
            let lengths = lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            return Err(digests.fault(kind, format!("{lengths} lower-case hexadecimal digits are needed")));
        }
        first = first.or(Some(digest));
    }
    first.ok_or_else(|| Fault::new(at, "`sha256`, `gitTree`, `gitCommit` or `sha1` is needed"))
}

/// Whether these are lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An unsigned statement, ready for an envelope.
#[must_use]
pub fn compose(kind: Type, subjects: &[Value], predicate: &Value) -> Value {
    serde_json::json!({ "_type": STATEMENT, "subject": subjects, "predicateType": kind.uri(), "predicate": predicate })
}

/// The subject of a name.
#[must_use]
pub fn named_subject(name: &str) -> Value {
    serde_json::json!({ "name": name, "digest": { "sha256": hex(&Sha256::digest(name)) } })
}

//! Asks the docket about a package, for a user whose place some evidence shows.

use super::Store;
use super::code::Coded;
use super::identity::Identity;
use super::index::Listed;
use crate::territory::{Evidence, Rule, Sighting};
use docket::finding::{Finding, Reason, Verdict};
use docket::inquiry::{Actor, Facts, Inquiry, Resource, Stated};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, Fact, ResourceKind, Role};
use docket::{Docket, finding::Posture};
use law::Time;
use std::borrow::Cow;
use std::fmt::Write as _;

/// How evidence of a place is read: by a rule for all orders, and by other rules for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For orders without a rule of their own.
    pub all: Rule,
    /// By the id of an instrument.
    pub own: Vec<(String, Rule)>,
}

impl Rules {
    /// What each rule reads, with the instrument it is for (`None`: every instrument without one).
    fn read<'r>(&'r self, evidence: &Evidence) -> impl Iterator<Item = (Option<&'r str>, Sighting)> {
        let own = self.own.iter().map(|(id, rule)| (Some(id.as_str()), rule.read(evidence)));
        std::iter::once((None, self.all.read(evidence))).chain(own)
    }

    /// Whether the rule for `instrument` (`None`: for all others) is the one for a provision.
    fn is_for(&self, instrument: Option<&str>, provision: &str) -> bool {
        let cited = provision.split(':').next().unwrap_or(provision);
        match instrument {
            Some(id) => id == cited,
            None => self.own.iter().all(|(id, _)| id != cited),
        }
    }
}

/// Who found code of the app.
pub(crate) const CODE: &str = "code";
/// Who could not tell whether code of the app is there.
pub(crate) const UNCLEARED: &str = "uncleared";

/// An identifier, and who says that it is the package's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clue<'a> {
    /// Its kind.
    pub kind: ResourceKind,
    /// The identifier.
    pub id: Cow<'a, str>,
    /// `index`, `manifest`, `signer`, `content`, [`CODE`] or [`UNCLEARED`].
    pub from: &'static str,
    /// What was found, where the clue is not simply there to be read.
    pub because: Option<&'a str>,
}

impl<'a> Clue<'a> {
    /// What the index says of a path.
    pub fn listed(listed: &'a Listed) -> impl Iterator<Item = Self> {
        let clue = |kind, id: &'a str| Self { kind, id: Cow::Borrowed(id), from: "index", because: None };
        let name = clue(ResourceKind::AndroidPackage, &listed.package);
        let signers = listed.signers.iter().map(move |signer| clue(ResourceKind::CertSha256, signer));
        let content = listed.sha256.iter().map(move |sha256| clue(ResourceKind::CodeSha256, sha256));
        std::iter::once(name).chain(signers).chain(content)
    }

    /// What a file says of itself.
    pub fn found(identity: &'a Identity) -> impl Iterator<Item = Self> {
        let hex = |bytes: &[u8; 32]| {
            let mut text = String::with_capacity(64);
            bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap_or_default());
            Cow::Owned(text)
        };
        let because = None;
        let name =
            move |id| Self { kind: ResourceKind::AndroidPackage, id: Cow::Borrowed(id), from: "manifest", because };
        let names = identity.packages.iter().map(move |package| name(package.as_str()));
        let certificate =
            move |digest| Self { kind: ResourceKind::CertSha256, id: hex(digest), from: "signer", because };
        let content = identity.content.iter().map(move |content| Self {
            kind: ResourceKind::CodeSha256,
            id: hex(content),
            from: "content",
            because,
        });
        let code = |coded: &'a Coded| Self {
            kind: ResourceKind::App,
            id: Cow::Borrowed(coded.subject.as_str()),
            from: if coded.is_found { CODE } else { UNCLEARED },
            because: Some(&coded.what),
        };
        names.chain(identity.certificates.iter().map(certificate)).chain(content).chain(identity.code.iter().map(code))
    }
}

/// The strictest finding that any clue leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What was found.
    pub finding: Finding,
    /// The clue.
    pub kind: ResourceKind,
    /// Who gave it.
    pub from: &'static str,
    /// What was found, where the clue is not simply there to be read.
    pub because: Option<String>,
    /// Where the user is, by the rule of the order that decided.
    pub place: Option<Place>,
}

impl Store {
    /// What law says of a package that these clues point to; `None` where no clue leads to a known subject.
    pub(crate) fn judge<'c>(
        &self,
        docket: &Docket,
        clues: impl Iterator<Item = Clue<'c>>,
        evidence: &Evidence,
        now: Time,
    ) -> Option<Judgement> {
        let mut strictest: Option<Judgement> = None;
        for clue in clues {
            // Nearly every package is nobody's that law speaks of; only for the others is anything worked out.
            let Ok(found) = docket.registry().resolve(clue.kind, &clue.id) else { continue };
            if found.subject_at(now).is_none() {
                continue;
            }
            let found = find(docket, &clue, &self.chosen.rules, evidence, self.chosen.stance.posture, now);
            let Some((mut finding, place)) = found else { continue };
            if clue.from == CODE || clue.from == UNCLEARED {
                // It may be the app renamed, a library that any app uses, or neither: a person decides.
                finding.verdict = finding.verdict.min(Verdict::Refer);
            }
            if strictest.as_ref().is_none_or(|known| finding.verdict > known.finding.verdict) {
                strictest = Some(Judgement {
                    finding,
                    kind: clue.kind,
                    from: clue.from,
                    because: clue.because.map(str::to_owned),
                    place,
                });
            }
        }
        strictest
    }
}

/// The finding on one clue: under each rule's place as far as the provisions are concerned that the rule is for.
fn find(
    docket: &Docket,
    clue: &Clue<'_>,
    rules: &Rules,
    evidence: &Evidence,
    posture: Posture,
    now: Time,
) -> Option<(Finding, Option<Place>)> {
    let read: Vec<(Option<&str>, Option<Place>)> =
        rules.read(evidence).map(|(instrument, sighting)| (instrument, sighting.ok())).collect();
    if let Some((_, first)) = read.first()
        && read.iter().all(|(_, place)| place == first)
    {
        return Some((ask(docket, (clue.kind, &clue.id), *first, posture, (now, None))?, *first));
    }
    let mut strictest: Option<(Finding, Option<Place>)> = None;
    for (instrument, place) in read {
        let mut finding = ask(docket, (clue.kind, &clue.id), place, posture, (now, None))?;
        let concerns = |reason: &Reason| reason.status.is_unlawful() && rules.is_for(instrument, &reason.provision);
        if finding.verdict != Verdict::Permit && !finding.grounds.iter().any(concerns) {
            // Another rule's provisions stand in the way; that rule answers for them.
            finding.verdict = Verdict::Permit;
        }
        if strictest.as_ref().is_none_or(|(known, _)| finding.verdict > known.verdict) {
            strictest = Some((finding, place));
        }
    }
    strictest
}

/// What law says of a package known by an identifier, for a user in a place.
///
/// A request for a package does not say whether it installs or updates. Where law treats the two differently, the answer
/// is not known: it is the stricter finding, and refers.
#[must_use]
pub fn ask(
    docket: &Docket,
    (kind, id): (ResourceKind, &str),
    place: Option<Place>,
    posture: Posture,
    (valid_at, known_at): (Time, Option<Time>),
) -> Option<Finding> {
    let asked = |act| {
        let inquiry = Inquiry { known_at, ..inquiry(kind, id, act, place, valid_at) };
        docket.find(&inquiry, posture).ok()
    };
    let (install, update) = (asked(Act::AppDistribute)?, asked(Act::AppUpdate)?);
    let until = install.until.min(update.until);
    let differ = install.verdict != update.verdict;
    let mut stricter = if update.verdict > install.verdict { update } else { install };
    stricter.until = until;
    if differ {
        stricter.verdict = Verdict::Refer;
    }
    Some(stricter)
}

/// The question a store asks of a package known by this identifier.
pub(crate) fn inquiry(kind: ResourceKind, id: &str, act: Act, place: Option<Place>, now: Time) -> Inquiry<'_> {
    let mut facts = Facts::new();
    if kind != ResourceKind::AndroidPackage {
        // A package name brings its form with it; a package known by its signer or digest is for a device all the same.
        facts.push((Fact::Form, Stated::Word(Cow::Borrowed("mobile"))));
    }
    Inquiry {
        actor: Actor { kind: ActorKind::Business, id: Cow::Borrowed(""), role: Some(Role::AppStore), government: None },
        act,
        resource: Resource { kind, id: Cow::Borrowed(id) },
        valid_at: now,
        known_at: None,
        place,
        facts,
    }
}

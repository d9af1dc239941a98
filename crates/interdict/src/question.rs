//! A question from the command line: the same words as the inquiry, in options.

use crate::cli::{Choice, PostureArgs, Question};
use docket::elaborate::case::stated;
use docket::elaborate::scope::government;
use docket::fault::did_you_mean;
use docket::finding::{Posture, Verdict};
use docket::inquiry::{Actor, Inquiry, Resource, Stated};
use docket::moment::parse_rfc3339;
use docket::place::Place;
use docket::subject::{Attribution, Registry};
use docket::vocabulary::{Act, ActorKind, Fact, ResourceKind, Role};
use law::Time;

/// The posture that options describe.
pub(crate) fn posture(args: PostureArgs) -> Posture {
    let verdict = |choice| match choice {
        Choice::Permit => Verdict::Permit,
        Choice::Refer => Verdict::Refer,
        Choice::Forbid => Verdict::Forbid,
    };
    Posture { not_enforced: verdict(args.not_enforced), stayed: verdict(args.stayed), ..Posture::default() }
}

/// The inquiry that options describe, or the option that is wrong and why.
pub(crate) fn inquiry(question: &Question, registry: &Registry, now: Time) -> Result<Inquiry, String> {
    let act = question.act.as_deref().ok_or("say what is done: --act app.distribute")?;
    let instant = |option: &str, text: &Option<String>| {
        text.as_deref().map(parse_rfc3339).transpose().map_err(|message| format!("{option}: {message}"))
    };
    let role = question.role.as_deref().map(|role| word(role, "--role", Role::ALL, Role::word)).transpose()?;
    if let Some(name) = question.government.as_deref() {
        government(name).map_err(|message| format!("--government: {message}"))?;
    }
    Ok(Inquiry {
        actor: Actor {
            kind: word(&question.actor, "--actor", ActorKind::ALL, ActorKind::word)?,
            id: question.id.clone(),
            role,
            government: question.government.clone(),
        },
        act: word(act, "--act", Act::ALL, Act::word)?,
        resource: resource(question, registry)?,
        valid_at: instant("--at", &question.at)?.unwrap_or(now),
        known_at: instant("--known-at", &question.known_at)?,
        place: question
            .place
            .as_deref()
            .map(Place::parse)
            .transpose()
            .map_err(|message| format!("--place: {message}"))?,
        facts: facts(&question.facts)?,
    })
}

fn word<T: Copy>(text: &str, option: &str, all: &'static [T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|item| name(*item) == text);
    found.ok_or_else(|| {
        format!("{option}: unknown `{text}`; {}", did_you_mean(text, all.iter().map(|item| name(*item))))
    })
}

fn resource(question: &Question, registry: &Registry) -> Result<Resource, String> {
    if let Some(written) = &question.resource {
        let (kind, id) =
            written.split_once(':').ok_or("--resource: write it as KIND:ID, for example domain:tiktok.com")?;
        return Ok(Resource {
            kind: word(kind, "--resource", ResourceKind::ALL, ResourceKind::word)?,
            id: id.to_owned(),
        });
    }
    let id = question.app.as_deref().ok_or("say to what: --app com.tencent.mm")?;
    Ok(any_kind(id, registry))
}

/// The kind of identifier under which `id` is known; where it is not known, the kind it looks like.
pub(crate) fn any_kind(id: &str, registry: &Registry) -> Resource {
    let resource = |kind| Resource { kind, id: id.to_owned() };
    let known = |kind: &&ResourceKind| {
        matches!(registry.resolve(**kind, id), Ok(Attribution::Subject(..) | Attribution::Shared(_)))
    };
    if let Some(kind) = ResourceKind::ALL.iter().find(known) {
        return resource(*kind);
    }
    let shaped = |kind: &&ResourceKind| docket::identifier::canonical(**kind, id).is_ok();
    let guesses = [ResourceKind::App, ResourceKind::AndroidPackage, ResourceKind::Domain, ResourceKind::Company];
    resource(guesses.iter().find(shaped).copied().unwrap_or(ResourceKind::Company))
}

fn facts(written: &[String]) -> Result<Vec<(Fact, Stated)>, String> {
    let mut facts: Vec<(Fact, Stated)> = Vec::new();
    for text in written {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("--fact {text}: write it as FACT=VALUE"))?;
        let fact = word(name, "--fact", Fact::ALL, Fact::word)?;
        if facts.iter().any(|(known, _)| *known == fact) {
            return Err(format!("--fact: `{name}` is stated twice"));
        }
        let values: Vec<&str> = value.split(',').collect();
        let stated = stated(fact, &values).map_err(|(message, help)| format!("--fact: {message}; {help}"))?;
        facts.push((fact, stated));
    }
    Ok(facts)
}

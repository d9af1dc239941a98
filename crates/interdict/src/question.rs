//! A question from the command line: the same words as the inquiry, in options.

use crate::cli::{PostureArgs, Question};
use docket::finding::Posture;
use docket::inquiry::{self, Actor, Facts, Inquiry, Problem, Resource};
use docket::moment::parse_rfc3339;
use docket::place::Place;
use docket::subject::Registry;
use law::Time;

/// The posture that options describe.
pub(crate) fn posture(args: PostureArgs) -> Posture {
    let (not_enforced, stayed) = (args.not_enforced.verdict(), args.stayed.verdict());
    Posture { not_enforced, stayed, ..Posture::default() }
}

/// The inquiry that options describe, or the option that is wrong and why.
pub(crate) fn inquiry(question: &Question, registry: &Registry, now: Time) -> Result<Inquiry<'static>, String> {
    let act = question.act.as_deref().ok_or("say what is done: --act app.distribute")?;
    let instant = |option: &str, text: &Option<String>| {
        text.as_deref().map(parse_rfc3339).transpose().map_err(|message| format!("{option}: {message}"))
    };
    let place = question.place.as_deref().map(Place::parse).transpose();
    let actor =
        Actor::read(&question.actor, question.id.clone(), question.role.as_deref(), question.government.clone());
    Ok(Inquiry {
        actor: actor.map_err(option)?,
        act: inquiry::act(act).map_err(option)?,
        resource: resource(question, registry)?,
        valid_at: instant("--at", &question.at)?.unwrap_or(now),
        known_at: instant("--known-at", &question.known_at)?,
        place: place.map_err(|message| format!("--place: {message}"))?,
        facts: facts(&question.facts)?,
    })
}

/// A problem with a member of the inquiry, told of the option that states it.
fn option(problem: Problem) -> String {
    let option = match problem.member.as_str() {
        "subject.type" => "--actor",
        "subject.properties.role" => "--role",
        "subject.properties.government" => "--government",
        "action.name" => "--act",
        "resource.type" => "--resource",
        _ => "--fact",
    };
    format!("{option}: {}", problem.message)
}

fn resource(question: &Question, registry: &Registry) -> Result<Resource<'static>, String> {
    if let Some(written) = &question.resource {
        let (kind, id) =
            written.split_once(':').ok_or("--resource: write it as KIND:ID, for example domain:tiktok.com")?;
        return Ok(Resource { kind: inquiry::resource_kind(kind).map_err(option)?, id: id.to_owned().into() });
    }
    let id = question.app.as_deref().ok_or("say to what: --app com.tencent.mm")?;
    Ok(Resource { kind: registry.recognise(id), id: id.to_owned().into() })
}

/// What options state of facts.
pub(crate) fn facts(written: &[String]) -> Result<Facts<'static>, String> {
    let split = |text: &'_ String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(format!("--fact {text}: write it as FACT=VALUE")),
    };
    let pairs = written.iter().map(split).collect::<Result<Vec<_>, _>>()?;
    let facts = inquiry::facts(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(facts.map_err(option)?.into_iter().map(|(fact, stated)| (fact, stated.into_owned())).collect())
}

//! A form that is the inquiry, and under it the answer.

use crate::Params;
use crate::layout::{instant, page as whole, tag, word};
use axum::http::StatusCode;
use docket::Docket;
use docket::elaborate::case::stated;
use docket::explain::Explanation;
use docket::finding::Posture;
use docket::inquiry::{Actor, Inquiry, Resource};
use docket::moment::{format_rfc3339, parse_rfc3339};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role};
use law::Time;
use law::time::FOREVER;
use maud::{Markup, html};

pub(crate) fn page(docket: &Docket, params: &Params, now: Time) -> (StatusCode, Markup) {
    let asked = params.contains_key("act");
    let answer = asked.then(|| answer(docket, params, now));
    let status = if matches!(answer, Some(Err(_))) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let html = whole(
        docket,
        "/ask",
        "Ask",
        html! {
            h1 { "Ask" }
            p class="lede" { "May this be done, here, then, as known when? What you leave empty is not known: the answer says whether it matters." }
            (form(params, now))
            @match &answer {
                None => {}
                Some(Err(message)) => { div class="answer prohibited" role="alert" { p class="big" { "The question cannot be put" } p { (message) } } }
                Some(Ok((inquiry, explanation))) => { (show(inquiry, explanation)) }
            }
        },
    );
    (status, html)
}

fn text<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    params.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn answer(docket: &Docket, params: &Params, now: Time) -> Result<(Inquiry, Explanation), String> {
    let inquiry = inquiry(params, now)?;
    let explanation = docket.explain(&inquiry, Posture::default()).map_err(|problem| problem.to_string())?;
    Ok((inquiry, explanation))
}

fn inquiry(params: &Params, now: Time) -> Result<Inquiry, String> {
    let instant = |name: &str| text(params, name).map(parse_rfc3339).transpose();
    let unknown = |what: &str, word: &str| format!("unknown {what} `{word}`");
    let act = text(params, "act").ok_or("choose an act")?;
    let kind = text(params, "type").unwrap_or("app");
    let actor = text(params, "actor").unwrap_or("business");
    let role =
        text(params, "role").map(|role| Role::from_word(role).ok_or_else(|| unknown("role", role))).transpose()?;
    let government = text(params, "government").map(str::to_owned);
    if let Some(name) = &government {
        docket::elaborate::scope::government(name)?;
    }
    let mut facts = Vec::new();
    for fact in Fact::ALL {
        let Some(value) = text(params, fact.word()) else { continue };
        let values: Vec<&str> = value.split([',', ' ']).filter(|v| !v.is_empty()).collect();
        facts.push((*fact, stated(*fact, &values).map_err(|(message, help)| format!("{message}; {help}"))?));
    }
    Ok(Inquiry {
        actor: Actor {
            kind: ActorKind::from_word(actor).ok_or_else(|| unknown("actor", actor))?,
            id: text(params, "name").unwrap_or_default().to_owned(),
            role,
            government,
        },
        act: Act::from_word(act).ok_or_else(|| unknown("act", act))?,
        resource: Resource {
            kind: ResourceKind::from_word(kind).ok_or_else(|| unknown("resource type", kind))?,
            id: text(params, "id").ok_or("say to what: the app, domain or other identifier")?.to_owned(),
        },
        valid_at: instant("at")?.unwrap_or(now),
        known_at: instant("known")?,
        place: text(params, "place").map(Place::parse).transpose()?,
        facts,
    })
}

fn field(params: &Params, name: &str, label: &str, hint: &str) -> Markup {
    html! { div { label for=(name) { (label) } input id=(name) name=(name) value=(text(params, name).unwrap_or("")) placeholder=(hint); } }
}

fn choice(params: &Params, name: &str, label: &str, words: &[&str], fallback: &str) -> Markup {
    let chosen = text(params, name).unwrap_or(fallback);
    html! { div { label for=(name) { (label) } select id=(name) name=(name) {
        @if fallback.is_empty() { option value="" { "not stated" } }
        @for word in words { option value=(word) selected[*word == chosen] { (word) } }
    } } }
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|item| word(*item)).collect()
}

fn form(params: &Params, now: Time) -> Markup {
    html! {
        form class="ask" method="get" action="/ask" {
            (choice(params, "act", "What is done", &words(Act::ALL, Act::word), "app.distribute"))
            (choice(params, "type", "To what kind of thing", &words(ResourceKind::ALL, ResourceKind::word), "app"))
            (field(params, "id", "Which", "wechat, com.tencent.mm, tiktok.com"))
            (field(params, "place", "Where it has effect", "US-NY; empty: not known"))
            (field(params, "at", "When", &format_rfc3339(now)))
            (field(params, "known", "As known when", "empty: all that is known"))
            (choice(params, "actor", "Who acts", &words(ActorKind::ALL, ActorKind::word), "business"))
            details open[Fact::ALL.iter().any(|fact| text(params, fact.word()).is_some())] {
                summary { "More about who, and the facts an order may ask" }
                div {
                    (field(params, "name", "Name of who acts", "TikTok Inc."))
                    (choice(params, "role", "Role", &words(Role::ALL, Role::word), ""))
                    (field(params, "government", "Government", "US-federal-executive, US-TX"))
                    @for fact in Fact::ALL {
                        @match fact.kind() {
                            FactKind::Choice(options) => { (choice(params, fact.word(), fact.word(), &options.iter().copied().chain(["unknown"]).collect::<Vec<_>>(), "")) }
                            FactKind::Bool => { (choice(params, fact.word(), fact.word(), &["yes", "no", "unknown"], "")) }
                            FactKind::Place | FactKind::PlaceOrNone => { (field(params, fact.word(), fact.word(), "a place code")) }
                            FactKind::Places => { (field(params, fact.word(), fact.word(), "place codes, with commas")) }
                            FactKind::Operator => { (field(params, fact.word(), fact.word(), "bytedance, tiktok-usds-jv")) }
                        }
                    }
                }
            }
            button type="submit" { "Ask" }
        }
    }
}

fn show(inquiry: &Inquiry, explanation: &Explanation) -> Markup {
    let finding = &explanation.finding;
    let status = word(finding.possible);
    html! {
        section class={ "answer " (status) } aria-label="Answer" {
            p class={ "big " (status) } { strong { (finding.verdict.word()) } ": " (tag(finding.possible)) }
            @for reason in &finding.grounds { p { a class="mono" href={ "/orders/" (reason.provision.split(':').next().unwrap_or("")) } { (reason.provision) } " — " (reason.why) "." } }
            @if finding.grounds.is_empty() { p { "Nothing in force reaches it." } }
            p { @if finding.until < FOREVER { "Holds until " strong { (instant(finding.until)) } ", under the law as known." } @else { "No change is on file." } }
            @for claim in &finding.unless { p { "Unless " @for (n, (fact, is)) in claim.facts.iter().enumerate() { @if n > 0 { " and " } code { (fact) " = " (is) } } ": then excepted by " span class="mono" { (claim.by) } "." } }
            @if !finding.needs.is_empty() { p { "What would settle it: " code { (finding.needs.join(", ")) } "." } }
            @for caveat in &finding.caveats { p class="quiet" { "Note: " (caveat) "." } }
        }
        @if !(explanation.counterfactuals.is_empty() && explanation.near_misses.is_empty() && explanation.duties.is_empty()) {
            h2 { "What would change it" }
            ul {
                @for told in explanation.counterfactuals.iter().chain(&explanation.near_misses) { li { (told) } }
                @for duty in &explanation.duties { li { "duty: " (duty) } }
            }
        }
        @if !explanation.links.is_empty() {
            h2 { "The chain" }
            @for link in &explanation.links {
                h3 { a href={ "/orders/" (link.citation.split(':').next().unwrap_or("")) } { span class="mono" { (link.citation) } } " " (link.title) }
                @if let Some(text) = &link.text { blockquote { "“" (text) "”" } }
                dl {
                    dt { "force" } dd { (link.force) }
                    dt { "known since" } dd { (link.known) }
                    @if !link.authority.is_empty() { dt { "rests on" } dd class="mono" { (link.authority.join(" ← ")) } }
                    dt { "evidence" } dd { (link.evidence) @for source in &link.sources { " · " a href=(source) rel="noreferrer" { (source) } } }
                    @for exception in &link.exceptions { dt { "exception" } dd { (exception) } }
                }
            }
        }
        h2 { "The same question elsewhere" }
        pre { (command(inquiry)) }
    }
}

/// The command line that asks the same.
fn command(inquiry: &Inquiry) -> String {
    use docket::inquiry::Stated;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut parts = vec![
        format!(
            "interdict decide --act {} --resource {}",
            inquiry.act.word(),
            quoted(&format!("{}:{}", inquiry.resource.kind.word(), inquiry.resource.id))
        ),
        format!("--at {}", format_rfc3339(inquiry.valid_at)),
        format!("--actor {}", inquiry.actor.kind.word()),
    ];
    parts.extend(inquiry.known_at.map(|at| format!("--known-at {}", format_rfc3339(at))));
    parts.extend(inquiry.place.map(|place| format!("--place {place}")));
    parts.extend(inquiry.actor.role.map(|role| format!("--role {}", role.word())));
    parts.extend(inquiry.actor.government.as_ref().map(|g| format!("--government {}", quoted(g))));
    if !inquiry.actor.id.is_empty() {
        parts.push(format!("--id {}", quoted(&inquiry.actor.id)));
    }
    for (fact, stated) in &inquiry.facts {
        let value = match stated {
            Stated::Unknown => String::from("unknown"),
            Stated::Word(word) => word.clone(),
            Stated::Bool(yes) => String::from(if *yes { "yes" } else { "no" }),
            Stated::Place(place) => place.to_string(),
            Stated::NoPlace => String::from("none"),
            Stated::Places(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        };
        parts.push(format!("--fact {}={}", fact.word(), quoted(&value)));
    }
    parts.join(" \\\n  ")
}

//! A form that is the inquiry, and under it the answer.

use crate::Params;
use crate::layout::{instant, page as whole, prose, tag, word};
use axum::http::StatusCode;
use docket::Docket;
use docket::explain::Explanation;
use docket::finding::Posture;
use docket::inquiry::{Inquiry, Stated, Words};
use docket::moment::{format_rfc3339, parse_rfc3339};
use docket::subject::Registry;
use docket::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role};
use law::Time;
use law::time::FOREVER;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

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
                Some(Err(message)) => { div class="answer problem" role="alert" { h2 { "The question cannot be put" } p { (prose(message)) } } }
                Some(Ok((inquiry, explanation))) => { (show(explanation)) (elsewhere(inquiry, explanation, now)) }
            }
        },
    );
    (status, html)
}

fn text<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    params.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn answer(docket: &Docket, params: &Params, now: Time) -> Result<(Inquiry<'static>, Explanation), String> {
    let inquiry = inquiry(params, docket.registry(), now)?;
    let explanation = docket.explain(&inquiry, Posture::default()).map_err(|problem| problem.to_string())?;
    Ok((inquiry, explanation))
}

/// The kind of identifier to choose when it does not matter or is not known.
const ANY: &str = "any identifier";

fn inquiry(params: &Params, registry: &Registry, now: Time) -> Result<Inquiry<'static>, String> {
    let instant = |name: &str| text(params, name).map(parse_rfc3339).transpose();
    // A form separates places as people do.
    let lists: Vec<(&str, String)> = Fact::ALL
        .iter()
        .filter_map(|fact| {
            let value = text(params, fact.word())?;
            let values: Vec<&str> = value.split([',', ' ']).filter(|v| !v.is_empty()).collect();
            Some((fact.word(), values.join(",")))
        })
        .collect();
    let facts: Vec<(&str, &str)> = lists.iter().map(|(fact, value)| (*fact, value.as_str())).collect();
    let id = text(params, "id").ok_or("say to what: the app, domain or other identifier")?;
    let words = Words {
        actor: text(params, "actor").unwrap_or("business"),
        actor_id: text(params, "name").unwrap_or_default(),
        role: text(params, "role"),
        government: text(params, "government"),
        act: text(params, "act").ok_or("choose an act")?,
        resource: text(params, "type").filter(|kind| *kind != ANY).unwrap_or_else(|| registry.recognise(id).word()),
        resource_id: id,
        place: text(params, "place"),
        facts: &facts,
        valid_at: instant("at")?.unwrap_or(now),
        known_at: instant("known")?,
    };
    Ok(Inquiry::read(&words).map_err(|problem| problem.message)?.into_owned())
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

fn label(fact: Fact) -> String {
    fact.word().replace('_', " ")
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|item| word(*item)).collect()
}

fn form(params: &Params, now: Time) -> Markup {
    html! {
        form class="ask" method="get" action="/ask" {
            (choice(params, "act", "What is done", &words(Act::ALL, Act::word), "app.distribute"))
            (field(params, "id", "To what", "wechat, com.tencent.mm, tiktok.com"))
            (choice(params, "type", "Named by its", &[&[ANY], words(ResourceKind::ALL, ResourceKind::word).as_slice()].concat(), ANY))
            (field(params, "place", "Where it has effect (empty: not known)", "US-NY, IN"))
            (field(params, "at", "When (with zone offset; empty: now)", &format_rfc3339(now)))
            (field(params, "known", "As known when (empty: all on file)", "2020-09-19T10:00:00-04:00"))
            (choice(params, "actor", "Who acts", &words(ActorKind::ALL, ActorKind::word), "business"))
            details open[Fact::ALL.iter().any(|fact| text(params, fact.word()).is_some())] {
                summary { "More about who, and the facts an order may ask" }
                div {
                    (field(params, "name", "Name of who acts", "TikTok Inc."))
                    (choice(params, "role", "Role", &words(Role::ALL, Role::word), ""))
                    (field(params, "government", "Government", "US-federal-executive, US-TX"))
                    @for fact in Fact::ALL {
                        @match fact.kind() {
                            FactKind::Choice(options) => { (choice(params, fact.word(), &label(*fact), &options.iter().copied().chain(["unknown"]).collect::<Vec<_>>(), "")) }
                            FactKind::Bool => { (choice(params, fact.word(), &label(*fact), &["yes", "no", "unknown"], "")) }
                            FactKind::Place | FactKind::PlaceOrNone => { (field(params, fact.word(), &label(*fact), "a place code")) }
                            FactKind::Places => { (field(params, fact.word(), &label(*fact), "place codes, with commas")) }
                            FactKind::Operator => { (field(params, fact.word(), &label(*fact), "bytedance, tiktok-usds-jv")) }
                        }
                    }
                }
            }
            button type="submit" { "Ask" }
        }
    }
}

fn show(explanation: &Explanation) -> Markup {
    let finding = &explanation.finding;
    let status = word(finding.possible);
    html! {
        section class={ "answer " (status) } aria-label="Answer" {
            h2 class={ "big " (status) } { (finding.verdict.word()) " " (tag(finding.possible)) }
            @for reason in &finding.grounds { p { a class="mono" href={ "/orders/" (reason.provision.split(':').next().unwrap_or("")) } { (reason.provision) } " — " (prose(&reason.why)) "." } }
            @if finding.grounds.is_empty() { p { "Nothing in force reaches it." } }
            p { @if finding.until < FOREVER { "Holds until " strong { (instant(finding.until)) } ", under the law as known." } @else { "No change is on file." } }
            @for claim in &finding.unless { p { "Unless " @for (n, (fact, is)) in claim.facts.iter().enumerate() { @if n > 0 { " and " } code { (fact) " = " (is) } } ": then excepted by " span class="mono" { (claim.by) } "." } }
            @if !finding.needs.is_empty() { p { "What would settle it: " code { (finding.needs.join(", ")) } "." } }
            @for caveat in &finding.caveats { p class="quiet" { "Note: " (prose(caveat)) "." } }
        }
        @let told = || explanation.counterfactuals.iter().chain(&explanation.dormant).chain(&explanation.near_misses);
        @if told().next().is_some() || !explanation.duties.is_empty() {
            h2 { "What would change it" }
            ul {
                @for told in told() { li { (prose(told)) } }
                @for duty in &explanation.duties { li { "duty: " (prose(duty)) } }
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
                    dt { "evidence" } dd { (link.evidence) (crate::weave::sources(&link.sources)) }
                    @for exception in &link.exceptions { dt { "exception" } dd { (prose(exception)) } }
                }
            }
        }
    }
}

fn elsewhere(inquiry: &Inquiry<'_>, explanation: &Explanation, now: Time) -> Markup {
    let answer = wire::finding::to_json(&explanation.finding, inquiry.known_at.unwrap_or(now));
    let answer = serde_json::from_str(&answer).map_or(answer, |value: Value| format!("{value:#}"));
    html! {
        h2 { "The same question elsewhere" }
        pre tabindex="0" { (command(inquiry)) }
        details { summary { "As JSON: the question" } pre tabindex="0" { (format!("{:#}", question(inquiry))) } }
        details { summary { "As JSON: the answer" } pre tabindex="0" { (answer) } }
    }
}

/// The inquiry as `/access/v1/evaluation` reads it.
fn question(inquiry: &Inquiry<'_>) -> Value {
    let mut properties = Map::new();
    if let Some(role) = inquiry.actor.role {
        properties.insert(String::from("role"), Value::from(role.word()));
    }
    if let Some(government) = &inquiry.actor.government {
        properties.insert(String::from("government"), Value::from(government.as_ref()));
    }
    let facts: Map<String, Value> =
        inquiry.facts.iter().map(|(fact, value)| (fact.word().to_owned(), json_of(value))).collect();
    json!({
        "subject": { "type": inquiry.actor.kind.word(), "id": inquiry.actor.id, "properties": properties },
        "action": { "name": inquiry.act.word() },
        "resource": { "type": inquiry.resource.kind.word(), "id": inquiry.resource.id },
        "context": {
            "valid_at": format_rfc3339(inquiry.valid_at),
            "known_at": inquiry.known_at.map(format_rfc3339),
            "place": inquiry.place.map(|place| place.to_string()),
            "facts": facts,
        },
    })
}

fn json_of(stated: &Stated<'_>) -> Value {
    match stated {
        Stated::Unknown => Value::Null,
        Stated::Word(word) => Value::from(word.as_ref()),
        Stated::Bool(yes) => Value::from(*yes),
        Stated::Place(place) => Value::from(place.to_string()),
        Stated::NoPlace => Value::from("none"),
        Stated::Places(places) => places.iter().map(ToString::to_string).collect(),
    }
}

/// The command line that asks the same.
fn command(inquiry: &Inquiry<'_>) -> String {
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
            Stated::Word(word) => word.to_string(),
            Stated::Bool(yes) => String::from(if *yes { "yes" } else { "no" }),
            Stated::Place(place) => place.to_string(),
            Stated::NoPlace => String::from("none"),
            Stated::Places(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        };
        parts.push(format!("--fact {}={}", fact.word(), quoted(&value)));
    }
    parts.join(" \\\n  ")
}

#[cfg(test)]
mod tests {
    use super::{Inquiry, Params, command, inquiry, question};

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_question_shown_as_json_is_the_question_asked() {
        let asked = params(&[
            ("act", "transit.provide"),
            ("type", "domain"),
            ("id", "wechat.com"),
            ("place", "US-NY"),
            ("at", "2020-09-21T12:00:00-04:00"),
            ("known", "2020-09-19T10:00:00-04:00"),
            ("actor", "contractor"),
            ("name", "O'Neill \"& Sons\""),
            ("role", "network-operator"),
            ("government", "US-TX"),
            ("contracted", "arranged"),
            ("for_fee", "yes"),
            ("purpose", "unknown"),
            ("intended_outside", "none"),
            ("developed_in", "CN, SG"),
            ("payer_place", "US"),
        ]);
        let inquiry = inquiry(&asked, &docket::subject::Registry::default(), 0).expect("a question");
        assert_eq!(inquiry.facts.len(), 6);
        let json = question(&inquiry).to_string();
        assert_eq!(wire::inquiry::parse(json.as_bytes(), 0).map(Inquiry::into_owned).as_ref(), Ok(&inquiry));
        assert!(command(&inquiry).contains(r#"--id 'O'\''Neill "& Sons"'"#), "{}", command(&inquiry));
    }

    #[test]
    fn what_is_left_empty_is_not_stated() {
        let asked = params(&[("act", "app.use"), ("id", " tiktok "), ("place", ""), ("form", " "), ("at", "")]);
        let inquiry = inquiry(&asked, &docket::subject::Registry::default(), 7).expect("a question");
        assert_eq!((inquiry.resource.id.as_ref(), inquiry.valid_at), ("tiktok", 7));
        assert!(inquiry.place.is_none() && inquiry.facts.is_empty() && inquiry.known_at.is_none());
    }
}

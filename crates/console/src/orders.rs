//! The orders on file, and one order woven: words, encoding, cases, what acts on it.

use crate::conditions::{self, Condition};
use crate::layout::page as whole;
use crate::weave::woven;
use docket::Docket;
use docket::order::Kind;
use maud::{Markup, html};

pub(crate) fn list(docket: &Docket) -> Markup {
    let mut instruments: Vec<_> = docket.corpus().instruments.iter().collect();
    instruments.sort_by_key(|i| i.issued.earliest);
    whole(
        docket,
        "/orders",
        "Orders",
        html! {
            h1 { "Orders" }
            p class="lede" { (instruments.len()) " instruments: statutes, orders, notices, judgments and statements, each with its source and how far it can be trusted." }
            div class="scroll" tabindex="0" role="region" aria-label="Table" { table class="cards" {
                thead { tr { th scope="col" { "issued" } th scope="col" { "instrument" } th scope="col" { "issued by" } th scope="col" { "law of" } th scope="col" { "evidence" } } }
                tbody { @for i in instruments { tr {
                    td { (i.issued.written) }
                    td { a href={ "/orders/" (i.id) } { (i.title) } br; span class="mono quiet" { (i.id) } }
                    td { (i.authority.as_deref().unwrap_or("")) }
                    td data-head="law of" { (i.jurisdiction.code()) }
                    td data-head="evidence" { (i.provenance.evidence.word()) }
                } } }
            } }
        },
    )
}

/// One order; with its conditions, or those that made it law.
pub(crate) fn one(docket: &Docket, id: &str, conditions: &[Condition]) -> Option<Markup> {
    let instrument =
        docket.corpus().instruments.iter().find(|i| i.id == id || i.aliases.iter().any(|alias| alias == id))?;
    let acting: Vec<(String, String)> = docket
        .corpus()
        .instruments
        .iter()
        .flat_map(|document| document.statements.iter().map(move |s| (document, s)))
        .filter(|(_, s)| match &s.kind {
            Kind::Effect(action) => action.targets.iter().any(|t| t.instrument == instrument.id),
            Kind::Denies(targets) => targets.iter().any(|t| t.instrument == instrument.id),
            Kind::Attest { meets, .. } => meets.iter().any(|t| t.instrument == instrument.id),
            Kind::Prohibit(_)
            | Kind::Permit(_)
            | Kind::Require(_)
            | Kind::Enable
            | Kind::Reserve
            | Kind::Condition { .. } => false,
        })
        .map(|(document, s)| (document.id.clone(), format!("{}:{}", document.id, s.id)))
        .collect();
    let resting: Vec<&str> = docket
        .corpus()
        .instruments
        .iter()
        .filter(|i| i.under.iter().any(|r| r.instrument == instrument.id))
        .map(|i| i.id.as_str())
        .collect();
    let lifting: Vec<_> = conditions.iter().filter(|condition| condition.order == instrument.id).collect();
    let attested = conditions.iter().find(|condition| {
        !condition.instruments.is_empty() && instrument.id.starts_with(condition.instruments.as_str())
    });
    Some(whole(
        docket,
        "/orders",
        &instrument.title,
        html! {
            h1 { (instrument.title) }
            @if !acting.is_empty() { p { "Acted on by " @for (n, (id, citation)) in acting.iter().enumerate() { @if n > 0 { ", " } a class="mono" href={ "/orders/" (id) } { (citation) } } "." } }
            @if !resting.is_empty() { p { "Carries " @for (n, id) in resting.iter().enumerate() { @if n > 0 { ", " } a class="mono" href={ "/orders/" (id) } { (id) } } "." } }
            @if !lifting.is_empty() { p { "What could lift it: " @for (n, condition) in lifting.iter().enumerate() { @if n > 0 { "; " } (conditions::line(condition)) } "." } }
            @if let Some(condition) = attested { p { "It was made of signed statements. Which, and who signed them: " (conditions::line(condition)) "." } }
            (woven(docket, instrument, &|id| Some(format!("/orders/{id}"))))
        },
    ))
}

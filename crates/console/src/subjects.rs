//! Apps and companies: names, identifiers, who operates them, and what orders say of them today.

use crate::layout::{page as whole, tag};
use crate::now::{reach_of, suggested};
use docket::Docket;
use docket::finding::Posture;
use docket::order::Moment;
use law::Time;
use maud::{Markup, html};

pub(crate) fn list(docket: &Docket) -> Markup {
    let (companies, apps): (Vec<_>, Vec<_>) = docket.registry().subjects().iter().partition(|s| s.is_company);
    whole(
        docket,
        "/subjects",
        "Subjects",
        html! {
            h1 { "Subjects" }
            p class="lede" { "An order speaks of apps and companies; a package name, certificate, domain or wallet is evidence of one. A shared identifier never identifies on its own." }
            @for (title, group) in [("Apps and services", apps), ("Companies", companies)] {
                h2 { (title) }
                div class="scroll" tabindex="0" role="region" aria-label="Table" { table class="cards" {
                    thead { tr { th scope="col" { "name" } th scope="col" { "also" } th scope="col" { "identifiers" } th scope="col" { "evidence" } } }
                    tbody { @for s in group { tr {
                        td { a href={ "/subjects/" (s.id) } { (s.name()) } }
                        td { (s.names.iter().skip(1).cloned().collect::<Vec<_>>().join(", ")) }
                        td data-head="identifiers" { (s.identifiers.len()) }
                        td data-head="evidence" { (s.provenance.evidence.word()) }
                    } } }
                } }
            }
        },
    )
}

fn period(from: Option<&Moment>, until: Option<&Moment>) -> String {
    let part =
        |word: &str, moment: Option<&Moment>| moment.map(|m| format!("{word} {}", m.written)).unwrap_or_default();
    format!("{} {}", part("from", from), part("until", until)).trim().to_owned()
}

pub(crate) fn one(docket: &Docket, id: &str, now: Time) -> Option<Markup> {
    let subject = docket.registry().get(id)?;
    let inquiries: Vec<_> = suggested(docket, now).into_iter().filter(|i| i.resource.id == id).collect();
    Some(whole(
        docket,
        "/subjects",
        subject.name(),
        html! {
            h1 { (subject.name()) }
            @if subject.names.len() > 1 { p class="lede" { (subject.names.iter().skip(1).cloned().collect::<Vec<_>>().join(" · ")) } }
            dl {
                dt { "id" } dd class="mono" { (subject.id) }
                @for operator in &subject.operators { dt { "operated by" } dd { a href={ "/subjects/" (operator.company) } { (operator.company) } " " (period(operator.from.as_ref(), operator.until.as_ref())) } }
                @for parent in &subject.parents { dt { "owned by" } dd { a href={ "/subjects/" (parent) } { (parent) } } }
                @if !subject.places.is_empty() { dt { "established in" } dd { (subject.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) } }
                @for (name, why) in &subject.near_misses { dt { "not" } dd { span class="mono" { (name) } ": " (why) } }
                @for note in &subject.provenance.notes { dt { "note" } dd { (note) } }
            }
            @if !inquiries.is_empty() {
                h2 { "What orders say today" }
                div class="scroll" tabindex="0" role="region" aria-label="Table" { table class="cards" {
                    thead { tr { th scope="col" { "act" } th scope="col" { "who, where" } th scope="col" { "status" } th scope="col" { "by" } } }
                    tbody { @for inquiry in &inquiries {
                        @if let Ok(finding) = docket.find(inquiry, Posture::default()) { tr {
                            td class="mono" { (inquiry.act.word()) } td { (reach_of(inquiry)) } td class="status" { (tag(finding.possible)) }
                            td class="mono" { @for cited in docket::check::cited_by(&finding) { a href={ "/orders/" (cited.split(':').next().unwrap_or_default()) } { (cited) } " " } }
                        } }
                    } }
                } }
                p { a href={ "/timeline?app=" (subject.id) } { "Over time" } }
            }
            p { a href={ "/decisions?about=" (subject.id) } { "Decisions about it on record here" } }
            h2 { "Identifiers" }
            div class="scroll" tabindex="0" role="region" aria-label="Table" { table class="cards" {
                thead { tr { th scope="col" { "kind" } th scope="col" { "identifier" } th scope="col" { "held" } th scope="col" { "evidence" } th scope="col" { "remark" } } }
                tbody { @for i in &subject.identifiers { tr {
                    td { (i.kind.word()) } td class="mono" { (i.id) }
                    td data-head="held" { @if i.shared { "shared" } " " (period(i.from.as_ref(), i.until.as_ref())) }
                    td data-head="evidence" { (i.provenance.evidence.word()) } td { (i.provenance.notes.join("; ")) }
                } } }
            } }
        },
    ))
}

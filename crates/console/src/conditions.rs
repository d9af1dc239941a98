//! Conditions that lift an order: what holds, what is missing and whose word it takes, until when, and who could lift.

use crate::layout::{distance, instant, page as whole, prose};
use docket::Docket;
use law::Time;
use maud::{Markup, html};

/// How the conditions stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether anybody's statements are counted at all.
    pub is_attested: bool,
    /// Each of them.
    pub conditions: Vec<Condition>,
}

/// A condition as it stands, as whoever keeps the attestations says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its id.
    pub id: String,
    /// The instrument it is a condition of.
    pub order: String,
    /// Whether all it takes has been attested.
    pub is_met: bool,
    /// Until when, if nothing is added.
    pub until: Option<Time>,
    /// All that it takes.
    pub takes: Vec<Taken>,
    /// Names in it that nobody says whose they are.
    pub unknown: Vec<String>,
    /// The artefact that the requirements are told of, if it is for one at a time.
    pub artefact: Option<String>,
    /// Requirements that are fulfilled.
    pub holds: Vec<String>,
    /// Requirements that are not.
    pub missing: Vec<Missing>,
    /// Requirements that would lapse, and when.
    pub lapses: Vec<(String, Time)>,
    /// What the authority has done.
    pub acts: Vec<Act>,
    /// Whose act lifts.
    pub authority: String,
    /// Whether it is for one artefact at a time.
    pub needs_artefact: bool,
    /// Whether law counts it as met.
    pub counts: bool,
    /// Until when that stays so.
    pub counts_until: Option<Time>,
}

/// A requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub requirement: String,
    /// What has to be said.
    pub asks: String,
    /// By whom.
    pub by: String,
}

/// A requirement that is not fulfilled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub requirement: String,
    /// Why it is not.
    pub why: String,
    /// Whose word it takes.
    pub by: String,
}

/// An act of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// `lift`, `stay` and so on.
    pub verb: String,
    /// From when.
    pub from: Time,
    /// Until when, if an end is set.
    pub until: Option<Time>,
    /// Whether it holds only while the condition is met.
    pub is_conditional: bool,
}

fn until(at: Option<Time>) -> String {
    at.map_or_else(String::new, |at| format!(" until {}", instant(at)))
}

fn met(is_met: bool) -> Markup {
    html! { @if is_met { span class="tag permitted" { "met" } } @else { span class="tag not_enforced" { "not met" } } }
}

fn summary(condition: &Condition) -> String {
    let all = condition.holds.len() + condition.missing.len();
    format!("{} of {all} requirements hold", condition.holds.len())
}

pub(crate) fn list(docket: &Docket, standing: &Result<Standing, String>) -> Markup {
    whole(
        docket,
        "/conditions",
        "Conditions",
        html! {
            h1 { "Conditions" }
            p class="lede" { "An order can say what would end the concern it was made for. Signed statements say whether that is so; the authority's own signed act lifts." }
            @match standing {
                Err(why) => { p role="alert" { "The attestations cannot be read: " (why) } }
                Ok(Standing { is_attested, conditions }) => {
                    @if !is_attested {
                        p { "No attestations are supplied here, so nothing counts as met. " code { "interdict serve --attestations DIR" } " counts them; " code { "interdict attest --help" } " says how they are made." }
                    }
                    div class="scroll" tabindex="0" role="region" aria-label="Table" { table {
                        thead { tr { th scope="col" { "condition" } th scope="col" { "of" } th scope="col" { "now" } th scope="col" { "requirements" } th scope="col" { "in law" } } }
                        tbody { @for c in conditions { tr {
                            td { a href={ "/conditions/" (c.order) "/" (c.id) } { (c.id) } }
                            td { a href={ "/orders/" (c.order) } { (c.order) } }
                            td { (met(c.is_met)) (until(c.until)) }
                            td { (summary(c)) }
                            td { @if c.counts { "counts as met" (until(c.counts_until)) } @else { "counts as not met" } }
                        } } }
                    } }
                }
            }
        },
    )
}

pub(crate) fn one(docket: &Docket, condition: &Condition, now: Time) -> Markup {
    whole(
        docket,
        "/conditions",
        &condition.id,
        html! {
            h1 { (condition.id) }
            p class="lede" { "A condition of " a href={ "/orders/" (condition.order) } { (condition.order) } "." }
            dl {
                dt { "now" } dd { (met(condition.is_met)) (until(condition.until)) }
                dt { "in law" } dd { @if condition.counts { "counts as met" (until(condition.counts_until)) } @else { "counts as not met" (until(condition.counts_until)) } }
                dt { "who could lift" } dd { (condition.authority) }
                @if condition.needs_artefact {
                    dt { "artefact" }
                    dd {
                        "It turns on which package is distributed, and counts while it is met for each that is. "
                        @match &condition.artefact {
                            Some(digest) => { "Told here is how it stands for " span class="mono" { (digest) } "." }
                            None => { "Nobody has said what is distributed." }
                        }
                    }
                }
                @if !condition.unknown.is_empty() { dt { "unknown" } dd { "The trust document does not say who this is: " (condition.unknown.join(", ")) "." } }
            }
            h2 { "What is missing" }
            @if condition.missing.is_empty() { p { "Nothing." } } @else {
                div class="scroll" tabindex="0" role="region" aria-label="Table" { table {
                    thead { tr { th scope="col" { "requirement" } th scope="col" { "why" } th scope="col" { "whose word it takes" } } }
                    tbody { @for missing in &condition.missing { tr {
                        td class="mono" { (missing.requirement) } td { (prose(&missing.why)) } td { (missing.by) }
                    } } }
                } }
            }
            h2 { "What holds" }
            @if condition.holds.is_empty() { p { "Nothing yet." } } @else {
                ul { @for name in &condition.holds {
                    @let lapse = condition.lapses.iter().find(|(lapsing, _)| lapsing == name);
                    li { span class="mono" { (name) } @if let Some((_, at)) = lapse { ", lapses " (instant(*at)) " (in " (distance(now, *at)) ")" } }
                } }
            }
            @if !condition.takes.is_empty() {
                h2 { "All that it takes" }
                div class="scroll" tabindex="0" role="region" aria-label="Table" { table {
                    thead { tr { th scope="col" { "requirement" } th scope="col" { "what has to be said" } th scope="col" { "by whom" } } }
                    tbody { @for taken in &condition.takes { tr {
                        td class="mono" { (taken.requirement) } td { (prose(&taken.asks)) } td { (taken.by) }
                    } } }
                } }
            }
            @if !condition.acts.is_empty() {
                h2 { "What the authority did" }
                div class="scroll" tabindex="0" role="region" aria-label="Table" { table {
                    thead { tr { th scope="col" { "act" } th scope="col" { "from" } th scope="col" { "until" } th scope="col" { "while the condition is met" } } }
                    tbody { @for act in &condition.acts { tr {
                        td { (act.verb) } td { (instant(act.from)) } td { (act.until.map_or_else(|| String::from("no end is set"), instant)) } td { @if act.is_conditional { "only" } @else { "whatever becomes of it" } }
                    } } }
                } }
            }
        },
    )
}

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
    /// What a lapse does to a lift, in words.
    pub on_lapse: String,
    /// What the names of the instruments begin with that law has of it.
    pub instruments: String,
    /// What was said that it looks at, the newest first.
    pub said: Vec<Said>,
}

/// A signed statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its entry.
    pub entry: u64,
    /// Its type.
    pub kind: String,
    /// What it is about.
    pub about: Vec<String>,
    /// Who signed it.
    pub signed_by: Vec<String>,
    /// When it was taken up.
    pub taken_up: Time,
    /// Its digest, in hexadecimal.
    pub sha256: String,
    /// What it says, as JSON, if that is short enough for a page.
    pub says: Option<String>,
    /// Whether the condition rests on it now.
    pub rests: bool,
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
    /// Its entry.
    pub entry: u64,
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
                    @if conditions.is_empty() {
                        p { "No condition of an order on file is kept where the statements are. " code { "interdict --attestations LOG attest adopt DIR" } " puts the conditions of a folder into a log, with whose word counts." }
                    } @else { (table(conditions)) }
                }
            }
        },
    )
}

fn table(conditions: &[Condition]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Conditions" { table class="cards" {
            thead { tr { th scope="col" { "condition" } th scope="col" { "of" } th scope="col" { "now" } th scope="col" { "requirements" } th scope="col" { "in law" } } }
            tbody { @for c in conditions { tr {
                th scope="row" { a href=(href(c)) { (c.id) } }
                td data-head="of" { a href={ "/orders/" (c.order) } { (c.order) } }
                td class="status" { (met(c.is_met)) (until(c.until)) }
                td { (summary(c)) }
                td data-head="in law" { (counted(c)) }
            } } }
        } }
    }
}

/// The page of a condition.
pub(crate) fn href(condition: &Condition) -> String {
    format!("/conditions/{}/{}", condition.order, condition.id)
}

/// A line about a condition, for the pages of the orders it belongs to and of what law made of it.
pub(crate) fn line(condition: &Condition) -> Markup {
    html! { a href=(href(condition)) { (condition.id) } " " (met(condition.is_met)) "; in law it " (counted(condition)) }
}

/// How law counts it.
fn counted(condition: &Condition) -> String {
    let how = if condition.counts { "counts as met" } else { "counts as not met" };
    how.to_owned() + &until(condition.counts_until)
}

/// Why law counts it otherwise than it stands, if it does.
fn otherwise(condition: &Condition) -> Option<String> {
    match (condition.is_met, condition.counts) {
        (false, true) => Some(format!("What the authority did while it was met still counts: {}.", condition.on_lapse)),
        (true, false) => Some(String::from("Being met lifts nothing by itself: it takes the act of who could lift.")),
        _ => None,
    }
}

/// Words in which `entry N` leads to that statement on the same page.
fn linked(text: &str, said: &[Said]) -> Markup {
    let mut parts = text.split("entry ");
    html! {
        (prose(parts.next().unwrap_or_default()))
        @for part in parts {
            @let (number, rest) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
            @if said.iter().any(|said| said.entry.to_string() == number) { a href={ "#entry-" (number) } { "entry " (number) } }
            @else { "entry " (number) }
            (prose(rest))
        }
    }
}

pub(crate) fn one(docket: &Docket, condition: &Condition, now: Time) -> Markup {
    whole(
        docket,
        "/conditions",
        &condition.id,
        html! {
            h1 { (condition.id) }
            p class="lede" { "A condition of " a href={ "/orders/" (condition.order) } { (condition.order) } ", as it stands " (instant(now)) "." }
            (stands(docket, condition))
            h2 { "What is missing" }
            @if condition.missing.is_empty() { p { "Nothing." } } @else {
                div class="scroll" tabindex="0" role="region" aria-label="What is missing" { table class="cards" {
                    thead { tr { th scope="col" { "requirement" } th scope="col" { "why" } th scope="col" { "whose word it takes" } } }
                    tbody { @for missing in &condition.missing { tr {
                        th scope="row" class="mono" { (missing.requirement) } td { (linked(&missing.why, &condition.said)) } td data-head="whose word it takes:" { (missing.by) }
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
            (takes(&condition.takes))
            (acts(condition))
            (said(condition))
        },
    )
}

fn stands(docket: &Docket, condition: &Condition) -> Markup {
    let known = docket.corpus().instruments.iter().map(|known| known.id.as_str());
    let made: Vec<&str> = known
        .filter(|id| !condition.instruments.is_empty() && id.starts_with(condition.instruments.as_str()))
        .collect();
    html! {
        dl {
            dt { "now" } dd { (met(condition.is_met)) (until(condition.until)) }
            dt { "in law" } dd {
                (counted(condition))
                @for (n, id) in made.iter().enumerate() { @if n == 0 { ", as " } @else { ", " } a class="mono" href={ "/orders/" (id) } { (id) } }
                @if let Some(why) = otherwise(condition) { ". " (why) }
            }
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
    }
}

fn takes(takes: &[Taken]) -> Markup {
    html! { @if !takes.is_empty() {
        h2 { "All that it takes" }
        div class="scroll" tabindex="0" role="region" aria-label="All that it takes" { table class="cards" {
            thead { tr { th scope="col" { "requirement" } th scope="col" { "what has to be said" } th scope="col" { "by whom" } } }
            tbody { @for taken in takes { tr {
                th scope="row" class="mono" { (taken.requirement) } td { (prose(&taken.asks)) } td data-head="by" { (taken.by) }
            } } }
        } }
    } }
}

fn acts(condition: &Condition) -> Markup {
    html! {
        h2 { "What the authority did" }
        @if condition.acts.is_empty() { p { "Nothing that was taken up here." } } @else {
            div class="scroll" tabindex="0" role="region" aria-label="What the authority did" { table class="cards" {
                thead { tr { th scope="col" { "act" } th scope="col" { "from" } th scope="col" { "until" } th scope="col" { "how long" } } }
                tbody { @for act in &condition.acts { tr {
                    th scope="row" { (act.verb) " (" (linked(&format!("entry {}", act.entry), &condition.said)) ")" } td data-head="from" { (instant(act.from)) } td data-head="until" { (act.until.map_or_else(|| String::from("no end is set"), instant)) }
                    td { @if act.is_conditional { "it rests on the condition: " (condition.on_lapse) } @else { "whatever becomes of the condition" } }
                } } }
            } }
        }
    }
}

/// Each statement it looks at, with who signed it.
fn said(condition: &Condition) -> Markup {
    html! {
        h2 { "What was said, and who signed it" }
        @if condition.said.is_empty() { p { "No statement about this was taken up here." } } @else {
            div class="scroll" tabindex="0" role="region" aria-label="What was said" { table class="cards" {
                thead { tr { th scope="col" { "entry" } th scope="col" { "statement" } th scope="col" { "signed by" } th scope="col" { "taken up" } th scope="col" { "counts" } } }
                tbody { @for said in &condition.said { tr id={ "entry-" (said.entry) } {
                    th scope="row" { (said.entry) }
                    td {
                        (said.kind) " about " (said.about.join(", "))
                        details { summary { "what it says" }
                            @match &said.says { Some(says) => pre tabindex="0" { (says) }, None => p { "It is too long for this page." } }
                            p class="quiet mono" { "sha256:" (said.sha256) }
                        }
                    }
                    td data-head="signed by" { @if said.signed_by.is_empty() { "nobody who is known now" } @else { (said.signed_by.join(", ")) } }
                    td data-head="taken up" { (instant(said.taken_up)) }
                    td { @if said.rests { "the condition rests on it" } @else if condition.acts.iter().any(|act| act.entry == said.entry) { "an act of the authority" } @else { "no requirement rests on it now" } }
                } } }
            } }
        }
    }
}

//! Decisions on record: what was asked and found as far as it is shown, under which law, and the receipt, which the
//! reader's own browser checks.
//!
//! What a decision was about is nobody's business: a page has it only where the operator chose to show it, and never the
//! part that concerns people and payments. Whoever was given a disclosure pastes it, and their browser checks it.

use crate::Params;
use crate::layout::{instant, page as whole};
use docket::Docket;
use docket::moment::parse_rfc3339;
use law::Time;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// The script that checks a receipt.
pub(crate) const SCRIPT: &str = include_str!("../assets/decision.js");

/// A decision in the list of the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its index.
    pub index: u64,
    /// When it was made.
    pub at: Time,
    /// What came out and about what, if it is shown.
    pub shown: Option<(String, String)>,
    /// What somebody decided about it by hand.
    pub ruling: Option<String>,
}

/// Which decisions are listed.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Only those below this index.
    pub before: Option<u64>,
    /// What they were about: an identifier, or words. Empty is anything.
    pub about: String,
    /// When they were made: from, until.
    pub day: Option<(Time, Time)>,
    /// The day as it was typed.
    pub day_written: String,
    /// The law in force, which knows identifiers.
    pub docket: Arc<Docket>,
}

impl Sought {
    /// All of them.
    pub(crate) fn all(docket: &Arc<Docket>) -> Self {
        Self { before: None, about: String::new(), day: None, day_written: String::new(), docket: Arc::clone(docket) }
    }
}

/// What somebody who filled in the form is led to.
pub(crate) enum Wanted {
    One(u64),
    List(Sought),
}

const DAY_SECONDS: Time = 86_400;

/// Reads the form.
pub(crate) fn sought(docket: &Arc<Docket>, params: &Params) -> Result<Wanted, String> {
    let text = |name: &str| params.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let number = |name: &str| {
        let read = text(name).map(|text| text.parse().map_err(|_other| format!("`{text}` is no number of an entry.")));
        read.transpose()
    };
    if let Some(index) = number("entry")? {
        return Ok(Wanted::One(index));
    }
    let day = text("day").map(|day| {
        let first = parse_rfc3339(&format!("{day}T00:00:00Z"));
        first.map_err(|_other| format!("`{day}` is no day; write it as 2026-03-01."))
    });
    let day = day.transpose()?.map(|first| (first, first.saturating_add(DAY_SECONDS)));
    Ok(Wanted::List(Sought {
        before: number("before")?,
        about: text("about").unwrap_or_default().to_owned(),
        day,
        day_written: text("day").unwrap_or_default().to_owned(),
        docket: Arc::clone(docket),
    }))
}

/// The newest decisions, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// How many are published.
    pub size: u64,
    /// The newest first.
    pub lines: Vec<Line>,
    /// Below which index those go on that were not looked at, if there are any.
    pub older: Option<u64>,
    /// Whether it is shown what decisions were about.
    pub shows: bool,
    /// How many are on record and not published yet.
    pub unpublished: u64,
    /// What is in the way of publishing, if something is.
    pub trouble: Option<String>,
    /// The logs before this one, the newest first.
    pub sealed: Vec<Sealed>,
}

/// A log of decisions that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its number.
    pub number: u64,
    /// How many entries it has.
    pub size: u64,
}

/// A decision as its log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The number of the log, if that has ended.
    pub sealed: Option<u64>,
    /// Its index in the log.
    pub index: u64,
    /// When it was made.
    pub at: Time,
    /// How many entries the gov log had.
    pub gov_size: u64,
    /// Digest of the edition that decided, in hexadecimal.
    pub edition: String,
    /// The bytes of its entry, in hexadecimal.
    pub entry: String,
    /// Its receipt.
    pub receipt: String,
    /// The public key of the log.
    pub key: String,
    /// The public keys of the witnesses that the log names.
    pub witnesses: Vec<String>,
    /// The files of the law it cites, with their digests, as the gov log had them at that size.
    pub law: Vec<(String, String)>,
    /// What it was about.
    pub fields: Fields,
    /// What somebody decided about it by hand.
    pub overruled: Option<Overruled>,
}

/// What a decision was about, as far as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// Not here.
    #[default]
    Withheld,
    /// To nobody any more; on what ground, where the gov log that says so goes on.
    Erased(Option<Erasure>),
    /// These, each with what it takes to check it.
    Shown(Vec<Field>),
}

/// Why nobody can show what a decision was about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// When that was logged.
    pub at: Time,
    /// On what ground.
    pub reason: String,
    /// The entry of the gov log that says so.
    pub entry: u64,
}

/// A field that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it says, as JSON.
    pub value: String,
    /// Its salt, in base64.
    pub salt: String,
    /// The hashes beside the way to the commitment, in base64.
    pub path: Vec<String>,
}

/// What somebody decided about a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overruled {
    /// `permit` or `forbid`.
    pub ruling: String,
    /// By whom.
    pub by: Vec<String>,
    /// Until when it holds.
    pub expires: Time,
    /// The entry of the gov log that says so.
    pub entry: u64,
    /// Whether gates answer by it: it is published, nobody took it back, and it is not over.
    pub counts: bool,
}

/// What is found under an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// No decision.
    Missing,
    /// One that no signed checkpoint covers yet, and what is in the way of that, if something is.
    Waiting(Option<String>),
    /// One that is not handed out any more.
    Retired,
    /// One with its receipt.
    Found(Box<Decision>),
}

/// The list.
pub(crate) fn list(docket: &Docket, newest: &Result<Option<Newest>, String>, sought: &Sought) -> Markup {
    let is_all = sought.about.is_empty() && sought.day.is_none();
    whole(
        docket,
        "/decisions",
        "Decisions",
        html! {
            h1 { "Decisions" }
            p class="lede" { "Each decision is an entry of a log that anybody can check: when it was made, under which law, and a commitment, which seals what was decided and opens field by field. The log says nothing about whom it concerned." }
            @match newest {
                Err(why) => { p role="alert" { "The log cannot be read: " (why) } }
                Ok(None) => { p { "No log is kept here. " code { "interdict serve --log DIR" } " keeps one; " code { "interdict log --help" } " says what it is." } }
                Ok(Some(newest)) if newest.size == 0 => { (behind(newest)) p { "Nothing has been decided and published yet." } (sealed(&newest.sealed)) }
                Ok(Some(newest)) => {
                    (behind(newest))
                    (form(sought, newest.shows))
                    p { (counted(newest.size, "decision is", "decisions are")) " published; " @if is_all { "the newest first." } @else { "those that were sought, the newest first." } }
                    (sealed(&newest.sealed))
                    (table(newest, is_all))
                    @if let Some(before) = newest.older { (older(sought, before)) }
                }
            }
        },
    )
}

/// That publishing has stopped, where it has.
fn behind(newest: &Newest) -> Markup {
    html! { @if let Some(why) = &newest.trouble {
        p role="alert" { strong { "The log is not published: " } (why) ". " (counted(newest.unpublished, "decision is", "decisions are")) " on record and durable, and " @if newest.unpublished == 1 { "waits for its receipt." } @else { "wait for their receipts." } }
    } }
}

fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Leads on to those before an entry, with what was sought.
fn older(sought: &Sought, before: u64) -> Markup {
    html! {
        form method="get" action="/decisions" {
            input type="hidden" name="before" value=(before);
            @for (name, text) in [("about", &sought.about), ("day", &sought.day_written)] {
                @if !text.is_empty() { input type="hidden" name=(name) value=(text); }
            }
            button { "Look on before entry " (before) }
        }
    }
}

fn form(sought: &Sought, shows: bool) -> Markup {
    html! {
        form class="ask" method="get" action="/decisions" {
            @if shows { div { label for="about" { "About (package, domain, app or words)" } input id="about" name="about" value=(sought.about) placeholder="com.tencent.mm"; } }
            div { label for="day" { "Made on (day in UTC)" } input id="day" name="day" type="date" value=(sought.day_written); }
            div { label for="entry" { "Or the number of an entry" } input id="entry" name="entry" inputmode="numeric"; }
            button { "Find" }
        }
        @if !shows { p class="quiet" { "What decisions were about is not shown here; whoever keeps the log finds them with " code { "interdict log find LOG ID --on DAY" } "." } }
    }
}

fn table(newest: &Newest, is_all: bool) -> Markup {
    if newest.lines.is_empty() {
        let more = if newest.older.is_some() { "None among those looked through so far." } else { "None." };
        return html! { p { @if is_all { "None is handed out." } @else { (more) } } };
    }
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Decisions" { table class="dense cards" {
            thead { tr { th scope="col" { "entry" } th scope="col" { "when" } th scope="col" { "what came out" } th scope="col" { "about" } th scope="col" { "by hand" } } }
            tbody { @for line in &newest.lines { tr {
                th scope="row" { a href={ "/decisions/" (line.index) } { (line.index) } }
                td class="when" { (instant(line.at)) }
                @match &line.shown {
                    Some((outcome, about)) => { td { (outcome) } td { (about) } }
                    None => { td class="quiet" { @if newest.shows { "erased" } @else { "not shown here" } } td {} }
                }
                td data-head="by hand:" { (line.ruling.as_deref().unwrap_or_default()) }
            } } }
        } }
    }
}

/// The logs before this one.
fn sealed(logs: &[Sealed]) -> Markup {
    html! {
        @for Sealed { number, size } in logs {
            p {
                "Log " (number) " has ended with " (size) " entries"
                // The last one is the seal, if there is one.
                @if let Some(last) = size.checked_sub(2) { ", for instance " a href={ "/decisions/sealed/" (number) "/" (last) } { "decision " (last) } }
                "."
            }
        }
    }
}

/// A decision of which there is only a word to say.
fn unshown(docket: &Docket, index: u64, lede: &Markup) -> Markup {
    whole(
        docket,
        "/decisions",
        &format!("Decision {index}"),
        html! {
            h1 { "Decision " (index) }
            p class="lede" { (lede) }
        },
    )
}

/// A decision that is on record and in no signed checkpoint yet.
pub(crate) fn waiting(docket: &Docket, index: u64, trouble: Option<&str>) -> Markup {
    let lede = html! {
        "It is on record. Its receipt comes with the next signed checkpoint, "
        @match trouble {
            None => { "within a second or two: " a href={ "/decisions/" (index) } { "look again" } "." }
            Some(why) => { "and something is in the way of that: " (why) "." }
        }
    };
    unshown(docket, index, &lede)
}

/// A decision that is not handed out any more.
pub(crate) fn retired(docket: &Docket, index: u64) -> Markup {
    let lede = html! { "It is on record and not handed out any more; the gov log says on what ground. Proofs of it that somebody has stay sound." };
    unshown(docket, index, &lede)
}

/// The page of one decision.
pub(crate) fn one(docket: &Docket, decision: &Decision) -> Markup {
    whole(
        docket,
        "/decisions",
        &format!("Decision {}", decision.index),
        html! {
            h1 { "Decision " (decision.index) }
            p class="lede" { "Made " (instant(decision.at)) "." @if let Some(number) = decision.sealed { " It is in log " (number) ", which has ended." } }
            p id="verdict" role="status" { "Not checked: this page checks its receipt with a script of its own, which does not run here. The command below does the same." }
            ol id="checks" class="checks" {}
            details { summary { "What the receipt proves, and what it does not" } (proves(decision)) }
            @if let Some(overruled) = &decision.overruled { (by_hand(overruled)) }
            h2 { "What was decided" }
            (what(docket, decision))
            h2 { "Under which law" }
            (under(docket, decision))
            div class="paste" {
            h2 { "Show a field" }
            p class="quiet" { "A disclosure shows one field of this decision and nothing else. Paste one: your browser checks it against the commitment, and sends it to nobody." }
            div { label for="disclosure" { "What " code { "interdict log disclose LOG " (decision.index) (option(decision)) " --field NAME" } " wrote" } textarea id="disclosure" rows="3" spellcheck="false" {} }
            p id="disclosed" role="status" {}
            }
            h2 { "The receipt" }
            (receipt(decision))
            div id="decision" hidden="hidden" data-index=(decision.index) data-time=(decision.at) data-gov-size=(decision.gov_size) data-edition=(decision.edition) data-entry=(decision.entry) {}
            script src="/decision.js" defer="defer" {}
        },
    )
}

/// What a receipt that was checked says to somebody who knows nothing of logs.
fn proves(decision: &Decision) -> Markup {
    html! {
        ul {
            li { "It proves that whoever holds the key below signed a log that has this very entry: it cannot be changed or taken out unnoticed." }
            li { "The entry says when the decision was made and under which law; that time is its keeper's word. It commits to what was decided: a field that is shown here, or in a disclosure, was so when the entry was written." }
            @if decision.witnesses.is_empty() { li { "It does not prove that the log shows everybody the same: no witness is named." } }
            @else { li { "Each witness that signed saw this state of the log, then, and no other history before." } }
            li { "It does not prove that the law was applied rightly: the command under “Under which law” writes that law out, and it can be asked again." }
            li { "It does not prove whose key that is: compare it with one that you have by another way." }
        }
    }
}

/// What people had decided before, which this decision rests on.
fn by_hand_before(entry: u64, outcome: &Value) -> String {
    let unread = words(outcome, "override_unread_since");
    let unread = unread.map(|since| format!("; since {since} it could not be read whether that still holds"));
    format!("as people had decided: entry {entry} of the gov log{}", unread.unwrap_or_default())
}

fn by_hand(overruled: &Overruled) -> Markup {
    let class = if overruled.ruling == "permit" { "answer permitted" } else { "answer prohibited" };
    html! {
        div class=(class) {
            p class="big" { "Decided by hand: " (overruled.ruling) }
            p { "By " (overruled.by.join(" and ")) ", until " (instant(overruled.expires)) "; entry " (overruled.entry) " of the gov log." }
            @if overruled.counts { p { "Gates answer so when the same is asked again." } }
            @else { p { "It does not count: it is not published yet, is over, or was taken back." } }
        }
    }
}

fn parsed(fields: &[Field], name: &str) -> Value {
    let field = fields.iter().find(|field| field.name == name);
    field.and_then(|field| serde_json::from_str(&field.value).ok()).unwrap_or_default()
}

/// A member as words; a list with commas; nothing for what is absent.
fn words(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if !items.is_empty() => {
            Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A member that is an instant, as all pages write them.
fn moment(value: &Value, name: &str) -> Option<String> {
    words(value, name).map(|written| parse_rfc3339(&written).map_or(written, instant))
}

fn what(docket: &Docket, decision: &Decision) -> Markup {
    let fields = match &decision.fields {
        Fields::Erased(erasure) => {
            return html! {
                p { "What this decision was about was erased. The entry and its receipt stay sound, and nobody can show it any more." }
                @match erasure {
                    Some(Erasure { at, reason, entry }) => { p { "On the ground: " (reason) ". Logged " (instant(*at)) ", entry " (entry) " of the gov log." } }
                    None => { p { "The gov log of that time says on what ground." } }
                }
            };
        }
        Fields::Withheld => {
            return html! { p { "Not shown here. The operator shows a field with a disclosure, or all but what concerns people and payments with " code { "interdict serve --show-decisions" } "." } };
        }
        Fields::Shown(fields) => fields,
    };
    let (act, thing, actor) = (parsed(fields, "act"), parsed(fields, "resource"), parsed(fields, "actor"));
    let (place, outcome) = (parsed(fields, "place"), parsed(fields, "outcome"));
    let (law, record) = (parsed(fields, "law"), parsed(fields, "record"));
    let row =
        |name: &str, value: Option<String>| html! { @if let Some(value) = value { dt { (name) } dd { (value) } } };
    let status = words(&outcome, "possible").unwrap_or_default();
    let app = words(&thing, "app").filter(|app| docket.registry().subjects().iter().any(|known| known.id == *app));
    html! {
        dl {
            dt { "verdict" } dd { strong { (words(&outcome, "verdict").unwrap_or_default()) } @if !status.is_empty() { " " span class={ "tag " (if status.contains(',') { "undetermined" } else { &status }) } { (status.replace('_', " ").replace(", ", " or ")) } } }
            (row("the gate", words(&outcome, "outcome").map(|did| format!("{}: {did}", words(&record, "gate").unwrap_or_default()))))
            (row("by hand", outcome.get("override").and_then(Value::as_u64).map(|entry| by_hand_before(entry, &outcome))))
            (row("act", words(&act, "act")))
            dt { "about" } dd { @match &app { Some(app) => a href={ "/subjects/" (app) } { (app) }, None => "nothing that is known" } ", named by its " (words(&thing, "type").unwrap_or_default()) @if let Some(found) = words(&thing, "found") { "; " (found) } }
            (row("who", words(&actor, "actor").map(|who| match words(&actor, "role") { Some(role) => format!("{who}, as {role}"), None => who })))
            dt { "where" } dd { @match words(&place, "place") { Some(place) => (place), None => "not known" } @if let Some(evidence) = words(&place, "evidence") { " (" (evidence) ")" } }
            (row("valid at", moment(&law, "valid_at")))
            (row("as known at", moment(&law, "known_at")))
            dt { "until" } dd { (moment(&law, "until").unwrap_or_else(|| String::from("no change is in sight"))) }
            (row("request", words(&record, "request")))
            (row("record", words(&record, "id")))
        }
        h3 { "Because of" }
        (grounds(docket, &law))
        details { summary { "The fields as they were committed to" }
            dl { @for field in fields {
                dt { (field.name) } dd class="mono" data-field=(field.name) data-salt=(field.salt) data-path=(field.path.join(" ")) data-value=(field.value) { (field.value) }
            } }
        }
    }
}

/// The provisions that were cited and what acts on them, with a link where the law in force still has them.
fn grounds(docket: &Docket, law: &Value) -> Markup {
    let list = |name: &str| -> Vec<String> {
        let items = law.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let known = |cited: &str| {
        let id = cited.split(':').next().unwrap_or(cited);
        docket.corpus().instruments.iter().any(|known| known.id == id).then(|| format!("/orders/{id}"))
    };
    let link = |cited: &String| html! { @match known(cited) { Some(href) => a href=(href) { (cited) }, None => span class="mono" { (cited) } } };
    let (provisions, by) = (list("provisions"), list("by"));
    html! {
        @if provisions.is_empty() { p { "No provision in force reached it." } } @else {
            ul { @for cited in &provisions { li { (link(cited)) } } }
        }
        @if !by.is_empty() { p { "with what acts on that: " @for (n, cited) in by.iter().enumerate() { @if n > 0 { ", " } (link(cited)) } "." } }
    }
}

/// What a command is told of the log a decision is in, if it has ended.
fn option(decision: &Decision) -> String {
    decision.sealed.map(|number| format!(" --sealed {number}")).unwrap_or_default()
}

fn under(docket: &Docket, decision: &Decision) -> Markup {
    let is_now = docket.edition() == format!("sha256:{}", decision.edition);
    html! {
        dl {
            dt { "edition" } dd class="mono" { "sha256:" (decision.edition) }
            dt { "rules" } dd { "what the first " (decision.gov_size) " entries of the gov log say, and nothing after them: orders, statements and who is trusted are logged there" }
            dt { "since then" } dd { @if is_now { "the same law is in force now" } @else { "the law in force has changed; the provisions linked above are as they are now" } }
        }
        @if !decision.law.is_empty() {
            p { "The files it cites, as they were:" }
            ul { @for (path, sha256) in &decision.law {
                li { span class="mono" { (path) } " " span class="quiet mono" { "sha256:" (sha256) } }
            } }
        }
        p { "Write all of it out, and check that it is that edition: " code { "interdict log law LOG" (option(decision)) " --decision " (decision.index) " --output DIR" } }
    }
}

fn receipt(decision: &Decision) -> Markup {
    let index = decision.index;
    html! {
        p class="quiet" { "What is checked is what stands in these boxes. Put in the key that you know to be the log's, if you have it from elsewhere; change a letter, and see." }
        div { label for="receipt" { "Proof and signed checkpoint (C2SP tlog-proof)" } textarea id="receipt" class="mono" rows=(decision.receipt.lines().count() + 1) spellcheck="false" { (decision.receipt) } }
        div { label for="key" { "Public key of the log" } input id="key" class="mono" value=(decision.key) spellcheck="false" autocomplete="off"; }
        div { label for="witnesses" { "Public keys of its witnesses, one a line" } textarea id="witnesses" class="mono" rows=(decision.witnesses.len().max(1)) spellcheck="false" { (decision.witnesses.join("\n")) } }
        p {
            "The same without this page: save "
            a href=(saved(decision.receipt.as_bytes())) download={ (index) ".tlog-proof" } { "the receipt" } " and "
            a href=(saved(&bytes_of(&decision.entry))) download={ (index) ".entry" } { "the entry" }
            " in one folder. There, this says in words what they prove and what they do not; any other verifier of C2SP tlog-proof reads them too."
        }
        pre tabindex="0" { "interdict log verify " (index) ".tlog-proof " (index) ".entry --key '" (decision.key) "'" }
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(hex: &str) -> Vec<u8> {
    let (pairs, _rest) = hex.as_bytes().as_chunks::<2>();
    pairs.iter().filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// An address that holds a file, so that it can be saved from a page that was itself saved or sent.
fn saved(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("data:application/octet-stream,"), |text, byte| text + &format!("%{byte:02X}"))
}

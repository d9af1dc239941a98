//! The page a lawyer signs: the order's words, the encoding and the cases, side by side.

use crate::layout::{STYLE, instant, prose};
use docket::Docket;
use docket::check::shown_by;
use docket::finding::status_word;
use docket::lower::Origin;
use docket::order::{Action, Case, Instrument, Kind, Moment, Reference, Scope, Statement, Verb};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

/// Cases shown beside a statement: enough to see what it does.
const CASES_MAX: usize = 6;

/// The woven page of some instruments, or of all, as one HTML file with nothing outside it.
#[must_use]
pub fn page(docket: &Docket, ids: &[String]) -> String {
    let chosen = docket.corpus().instruments.iter().filter(|i| ids.is_empty() || ids.contains(&i.id));
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Orders for sign-off" } style { (PreEscaped(STYLE)) } }
            body { main {
                h1 { "Orders for sign-off" }
                p class="lede" { "Read each provision from left to right: the words of the document, what they were understood to say, and how that decides cases. Sign what you find right." }
                p class="mono quiet" { "edition " (docket.edition()) }
                @for instrument in chosen {
                    h2 id=(instrument.id) { (instrument.title) }
                    (woven(docket, instrument, &|id| if ids.is_empty() || ids.iter().any(|chosen| chosen == id) { Some(format!("#{id}")) } else { None }))
                    div class="signature" { p { "Read and found right" } p { "Name" } p { "Signature" } p { "Date" } }
                }
            } }
        }
    }
    .into_string()
}

/// The same as JSON, every case of every statement included.
#[must_use]
pub fn json(docket: &Docket, ids: &[String]) -> Value {
    let chosen = docket.corpus().instruments.iter().filter(|i| ids.is_empty() || ids.contains(&i.id));
    let case = |(case, holds): (&Case, bool)| {
        let expect: Vec<&str> = case.expect.iter().map(status_word).collect();
        json!({ "title": case.title, "expect": expect, "holds": holds })
    };
    let statement = |instrument: &Instrument, statement: &Statement| {
        let shown = origin(docket, instrument, statement).map(|origin| shown_by(docket, origin)).unwrap_or_default();
        json!({
            "id": statement.id, "kind": heading(&statement.kind), "text": statement.text,
            "understood": encoding(instrument, statement), "notes": statement.provenance.notes,
            "disputed": statement.provenance.disputed, "evidence": statement.provenance.evidence.word(),
            "sources": statement.provenance.sources, "cases": shown.into_iter().map(case).collect::<Vec<_>>(),
        })
    };
    let instrument = |instrument: &Instrument| {
        let statements: Vec<Value> = instrument.statements.iter().map(|s| statement(instrument, s)).collect();
        json!({ "id": instrument.id, "title": instrument.title, "cite": instrument.cite, "statements": statements })
    };
    json!({ "edition": docket.edition(), "instruments": chosen.map(instrument).collect::<Vec<_>>() })
}

fn origin(docket: &Docket, instrument: &Instrument, statement: &Statement) -> Option<Origin> {
    let n = docket.corpus().instruments.iter().position(|known| known.id == instrument.id)?;
    let m = instrument.statements.iter().position(|known| known.id == statement.id)?;
    Some(Origin { instrument: n, statement: m })
}

/// One instrument: its statements with words, encoding and cases.
/// `link` gives the address of another instrument, if the page can reach it.
pub(crate) fn woven(docket: &Docket, instrument: &Instrument, link: &dyn Fn(&str) -> Option<String>) -> Markup {
    html! {
        dl {
            dt { "id" } dd class="mono" { (instrument.id) }
            @if let Some(cite) = &instrument.cite { dt { "citation" } dd { (cite) } }
            @if let Some(authority) = &instrument.authority { dt { "issued by" } dd { (authority) } }
            dt { "issued" } dd { (moment(&instrument.issued)) }
            dt { "public" } dd { (moment(&instrument.public)) @if let Some(basis) = &instrument.public_basis { " (" (basis) ")" } }
            @if !instrument.under.is_empty() { dt { "rests on" } dd { @for r in &instrument.under { (reference(r, link)) " " } } }
            dt { "evidence" } dd { (instrument.provenance.evidence.word()) (sources(&instrument.provenance.sources)) }
            @for note in &instrument.provenance.notes { dt { "note" } dd { (prose(note)) } }
            @for point in &instrument.provenance.disputed { dt { "disputed" } dd { (prose(point)) } }
        }
        div class="woven head" aria-hidden="true" { p { "The words" } p { "What they were understood to say" } p { "Cases" } }
        @for statement in &instrument.statements {
            section class="woven" {
                h3 id={ (instrument.id) "-" (statement.id) } { span class="mono" { (statement.id) } " " (heading(&statement.kind)) }
                div class="words" { @match &statement.text { Some(text) => { blockquote { "“" (text) "”" } } None => { p class="quiet" { "No words quoted." } } }
                    @for note in &statement.provenance.notes { p class="quiet" { (prose(note)) } }
                    @for point in &statement.provenance.disputed { p class="disputed" { strong { "Disputed: " } (prose(point)) } } }
                div { ul { @for line in encoding(instrument, statement) { li { (line) } } } p class="quiet" { "Evidence: " (statement.provenance.evidence.word()) (sources(&statement.provenance.sources)) } }
                div { (cases(docket, instrument, statement)) }
            }
        }
    }
}

/// Where it was read, by host; only what is a web address becomes a link.
pub(crate) fn sources(sources: &[String]) -> Markup {
    html! { @for source in sources {
        " · "
        @match source.strip_prefix("https://").or(source.strip_prefix("http://")) {
            Some(rest) => { a href=(source) rel="noreferrer" title=(source) { (rest.split('/').next().unwrap_or(rest)) } }
            None => { (source) }
        }
    } }
}

fn moment(moment: &Moment) -> String {
    if moment.earliest == moment.latest {
        instant(moment.earliest)
    } else {
        format!("{} (between {} and {})", moment.written, instant(moment.earliest), instant(moment.latest))
    }
}

fn name(reference: &Reference) -> String {
    reference
        .statement
        .as_ref()
        .map_or_else(|| reference.instrument.clone(), |s| format!("{}:{s}", reference.instrument))
}

fn reference(reference: &Reference, link: &dyn Fn(&str) -> Option<String>) -> Markup {
    html! { @match link(&reference.instrument) {
        Some(href) => { a class="mono" href=(href) { (name(reference)) } }
        None => { span class="mono" { (name(reference)) } }
    } }
}

const fn heading(kind: &Kind) -> &'static str {
    match kind {
        Kind::Prohibit(_) => "prohibits",
        Kind::Permit(_) => "takes out",
        Kind::Require(_) => "requires",
        Kind::Enable => "enables",
        Kind::Reserve => "reserves",
        Kind::Effect(action) => match action.verb {
            Verb::Suspend => "suspends",
            Verb::Remove => "removes",
            Verb::Revoke => "revokes",
            Verb::Delay => "delays",
            Verb::Extend => "extends",
            Verb::Unenforced => "is not to be enforced",
        },
        Kind::Denies(_) => "refuses relief",
        Kind::Condition { .. } => "condition",
        Kind::Attest { .. } => "attests",
    }
}

/// What a statement was understood to say, in plain sentences.
fn encoding(instrument: &Instrument, statement: &Statement) -> Vec<String> {
    let mut lines = Vec::new();
    let from = statement.from.as_ref().map_or_else(
        || format!("from {} (when issued)", instant(instrument.issued.earliest)),
        |m| format!("from {}", moment(m)),
    );
    match &statement.kind {
        Kind::Prohibit(_) | Kind::Permit(_) | Kind::Effect(_) | Kind::Attest { .. } => {
            lines.push(
                statement.until.as_ref().map_or(from.clone(), |until| format!("{from}, until {}", moment(until))),
            );
        }
        Kind::Require(duty) => lines.push(duty.clone()),
        Kind::Enable | Kind::Reserve | Kind::Denies(_) | Kind::Condition { .. } => {}
    }
    let many = statement.scopes.len() > 1;
    for (n, scope) in statement.scopes.iter().enumerate() {
        let prefix = if many { format!("({}) ", n + 1) } else { String::new() };
        lines.extend(reach(scope).into_iter().map(|line| format!("{prefix}{line}")));
    }
    let list = |references: &[Reference]| references.iter().map(name).collect::<Vec<_>>().join(", ");
    match &statement.kind {
        Kind::Prohibit(edges) | Kind::Permit(edges) => {
            if !edges.overrides.is_empty() {
                lines.push(format!("prevails over {}", list(&edges.overrides)));
            }
            if !edges.subject_to.is_empty() {
                lines.push(format!("yields to {}", list(&edges.subject_to)));
            }
            lines.extend(edges.until_met.iter().map(|c| format!("no force once {} is met", name(c))));
            lines.extend(edges.while_met.iter().map(|c| format!("only while {} is met", name(c))));
        }
        Kind::Effect(Action { targets, dependents_kept, .. }) => {
            lines.push(format!("acts on {}", list(targets)));
            if *dependents_kept {
                lines.push(String::from("what rests on it keeps its force"));
            }
        }
        Kind::Denies(targets) => lines.push(format!("concerns {}", list(targets))),
        Kind::Attest { meets, relies_on } => {
            lines.push(format!("meets {}", list(meets)));
            if !relies_on.is_empty() {
                lines.push(format!("relies on {}", list(relies_on)));
            }
        }
        Kind::Condition { open, decides } => {
            lines.extend(decides.iter().map(|who| format!("decided by {who}")));
            if *open {
                lines.push(String::from("whether what is attested suffices is open"));
            }
        }
        Kind::Require(_) | Kind::Enable | Kind::Reserve => {}
    }
    lines
}

fn reach(scope: &Scope) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, words: Vec<String>| {
        if !words.is_empty() {
            lines.push(format!("{what} {}", words.join(", ")))
        }
    };
    say("acts:", scope.acts.iter().map(|a| a.word().to_owned()).collect());
    say("apps:", scope.apps.clone());
    say("and all apps of:", scope.apps_of.clone());
    say("binds:", scope.actors.iter().map(|a| a.word().to_owned()).collect());
    say("governments:", scope.governments.clone());
    say("roles:", scope.roles.iter().map(|r| r.word().to_owned()).collect());
    say("parties:", scope.parties.clone());
    say("where:", scope.places.iter().map(ToString::to_string).collect());
    say("but not in:", scope.not_places.iter().map(ToString::to_string).collect());
    for limit in &scope.facts {
        say(
            if limit.negated { "unless" } else { "only if" },
            vec![format!("{} is {}", limit.fact.word(), limit.values.join(" or "))],
        );
    }
    say("open:", scope.open.clone());
    lines
}

fn cases(docket: &Docket, instrument: &Instrument, statement: &Statement) -> Markup {
    let shown = origin(docket, instrument, statement).map(|origin| shown_by(docket, origin)).unwrap_or_default();
    let more = shown.len().saturating_sub(CASES_MAX);
    html! {
        @if shown.is_empty() { p class="quiet" { "No case rests on it." } }
        @else { ul { @for (case, holds) in shown.into_iter().take(CASES_MAX) {
            li { @if holds { span class="mark permitted" { "✓ holds " } } @else { span class="mark prohibited" { "✗ fails " } } (case.title) ": " span class="mono" { (case.expect.iter().map(status_word).collect::<Vec<_>>().join(" or ")) } }
        } } }
        @if more > 0 { p class="quiet" { "and " (more) " more" } }
    }
}

//! The first page: what is in force, what changes next, what changed last.

use crate::layout::{distance, instant, page as whole, tag};
use docket::Docket;
use docket::docket::Stretch;
use docket::finding::Posture;
use docket::inquiry::{Actor, Inquiry, Resource};
use docket::order::{Kind, Statement};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, Fact, ResourceKind};
use law::Time;
use law::time::FOREVER;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Questions listed under what changed last; those of one app and document share a row.
const RECENT_MAX: usize = 24;

/// A question the orders themselves suggest: each prohibition's own scope, as somebody it binds would ask.
pub(crate) fn suggested(docket: &Docket, now: Time) -> Vec<Inquiry<'static>> {
    let mut seen = BTreeSet::new();
    let mut inquiries = Vec::new();
    for statement in docket.corpus().instruments.iter().flat_map(|i| &i.statements) {
        if !matches!(statement.kind, Kind::Prohibit(_)) {
            continue;
        }
        for scope in &statement.scopes {
            for (app, act) in scope.apps.iter().flat_map(|app| scope.acts.iter().map(move |act| (app, *act))) {
                let inquiry = ask(statement, app, act, now);
                if seen.insert((
                    app.clone(),
                    act,
                    inquiry.place.map(|p| p.to_string()),
                    inquiry.actor.government.clone(),
                )) {
                    inquiries.push(inquiry);
                }
            }
        }
    }
    inquiries
}

fn ask(statement: &Statement, app: &str, act: Act, now: Time) -> Inquiry<'static> {
    let none = docket::order::Scope::default();
    let scope = statement.scopes.first().unwrap_or(&none);
    let mut facts = docket::inquiry::Facts::new();
    for limit in scope.facts.iter().filter(|limit| !limit.negated) {
        let value: Vec<&str> = limit.values.iter().take(1).map(String::as_str).collect();
        if let Ok(stated) = docket::inquiry::stated(limit.fact, &value) {
            facts.push((limit.fact, stated.into_owned()));
        }
    }
    if !facts.iter().any(|(fact, _)| *fact == Fact::TribalLand)
        && scope.facts.iter().any(|l| l.fact == Fact::TribalLand)
    {
        facts.push((Fact::TribalLand, docket::inquiry::Stated::Bool(false)));
    }
    let mobile = docket::inquiry::Stated::Word("mobile".into());
    if matches!(act, Act::AppDistribute | Act::AppUpdate) && !facts.iter().any(|(fact, _)| *fact == Fact::Form) {
        facts.push((Fact::Form, mobile));
    }
    let government = scope.governments.first().cloned();
    let place = scope.places.first().copied().or_else(|| {
        let code = government.as_deref().map(|g| g.split("-federal").next().unwrap_or(g).trim_end_matches("-local"));
        code.and_then(|code| Place::parse(code).ok()).or_else(|| Place::parse("US").ok())
    });
    Inquiry {
        actor: Actor {
            kind: scope.actors.first().copied().unwrap_or(ActorKind::Business),
            id: scope.parties.first().cloned().unwrap_or_default().into(),
            role: None,
            government: government.map(Into::into),
        },
        act,
        resource: Resource { kind: ResourceKind::App, id: app.to_owned().into() },
        valid_at: now,
        known_at: None,
        place,
        facts,
    }
}

/// What a lane or row is about, in words.
pub(crate) fn subject_of(docket: &Docket, inquiry: &Inquiry<'_>) -> String {
    let name = docket.registry().get(&inquiry.resource.id).map_or(inquiry.resource.id.as_ref(), |s| s.name());
    name.to_owned()
}

/// Who and where, in words.
pub(crate) fn reach_of(inquiry: &Inquiry<'_>) -> String {
    let place = inquiry.place.map_or_else(|| String::from("place not known"), |place| format!("in {place}"));
    match (&inquiry.actor.government, inquiry.place) {
        (Some(government), Some(place)) if government.starts_with(place.code()) => format!("government {government}"),
        (Some(government), _) => format!("government {government}, {place}"),
        (None, _) => format!("{}, {place}", inquiry.actor.kind.word()),
    }
}

struct Row {
    inquiry: Inquiry<'static>,
    current: Stretch,
    previous: Option<Stretch>,
}

fn rows(docket: &Docket, now: Time) -> Vec<Row> {
    suggested(docket, now)
        .into_iter()
        .filter_map(|inquiry| {
            let stretches = docket.timeline(&inquiry, Posture::default()).ok()?;
            let n = stretches.iter().position(|s| s.from <= now && now < s.until)?;
            let current = stretches.get(n)?.clone();
            let previous = n.checked_sub(1).and_then(|n| stretches.get(n)).cloned();
            Some(Row { inquiry, current, previous })
        })
        .collect()
}

pub(crate) fn page(docket: &Docket, now: Time) -> Markup {
    let rows = rows(docket, now);
    let burdened = |row: &&Row| {
        let possible = row.current.finding.possible;
        possible.may_be_unlawful() || possible.contains(law::Status::Stayed)
    };
    let mut force: Vec<&Row> = rows.iter().filter(burdened).collect();
    force.sort_by_key(|row| (std::cmp::Reverse(row.current.finding.possible.0), subject_of(docket, &row.inquiry)));
    let mut coming: Vec<&Row> = rows.iter().filter(|row| row.current.until < FOREVER).collect();
    coming.sort_by_key(|row| row.current.until);
    let mut recent: Vec<&Row> = rows.iter().filter(|row| row.previous.is_some()).collect();
    recent.sort_by_key(|row| std::cmp::Reverse(row.current.from));
    whole(
        docket,
        "/",
        "In force now",
        html! {
            h1 { "In force now" }
            p class="lede" { "What the orders on file say at " (instant(now)) ", all that is known counted. " (docket.corpus().instruments.len()) " instruments, " (docket.registry().subjects().len()) " subjects." }
            ul class="counts" { @for status in law::Status::ALL.into_iter().rev().map(law::Statuses::only) {
                @let count = rows.iter().filter(|row| row.current.finding.possible == status).count();
                @if count > 0 && !status.contains(law::Status::Permitted) { li { strong { (count) } " " (tag(status)) } }
            } }
            p class="quiet" { "Each app, act and kind of actor that an order binds, counted once." }
            h2 { "What changes next" }
            @if coming.is_empty() { p { "Nothing on file has an end or a beginning ahead. A new order, stay or lifting changes the answers the moment it is filed." } }
            @else { (table(docket, &coming, |row| format!("{} (in {})", instant(row.current.until), distance(now, row.current.until)), "changes")) }
            h2 { "Restricted today" }
            p class="quiet" { "Prohibited, not enforced or stayed, asked as somebody each order binds would ask. What is not listed is permitted or excepted as far as the orders on file go." }
            (table(docket, &force, |row| instant(row.current.from), "since"))
            h2 { "What changed last" }
            (table(docket, &recent.iter().take(RECENT_MAX).copied().collect::<Vec<_>>(), |row| instant(row.current.from), "since"))
        },
    )
}

/// Rows that differ in the act alone, as one.
struct Group<'r> {
    row: &'r Row,
    when: String,
    documents: Vec<String>,
    acts: Vec<Act>,
}

fn grouped<'r>(rows: &[&'r Row], when: impl Fn(&Row) -> String) -> Vec<Group<'r>> {
    let mut groups: Vec<Group<'r>> = Vec::new();
    for row in rows {
        let (at, documents) = (when(row), documents(row));
        let same = |group: &&mut Group<'_>| {
            group.row.inquiry.resource == row.inquiry.resource
                && group.row.inquiry.actor == row.inquiry.actor
                && group.row.inquiry.place == row.inquiry.place
                && group.row.current.finding.possible == row.current.finding.possible
                && group.when == at
                && group.documents == documents
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.acts.push(row.inquiry.act),
            None => groups.push(Group { row, when: at, documents, acts: vec![row.inquiry.act] }),
        }
    }
    groups
}

fn table(docket: &Docket, rows: &[&Row], when: impl Fn(&Row) -> String, heading: &str) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(heading) { table class="dense cards" {
            thead { tr { th scope="col" { "app" } th scope="col" { "acts" } th scope="col" { "who, where" } th scope="col" { "status" } th scope="col" { (heading) } th scope="col" { "by" } } }
            tbody { @for Group { row, when, documents, acts } in grouped(rows, when) {
                tr {
                    th scope="row" { a href={ "/subjects/" (row.inquiry.resource.id) } { (subject_of(docket, &row.inquiry)) } }
                    td class="mono" { @for (n, act) in acts.iter().enumerate() { @if n > 0 { " " } (act.word()) } }
                    td { (reach_of(&row.inquiry)) }
                    td class="status" { (tag(row.current.finding.possible)) }
                    td class="when" data-head=(heading) { (when) }
                    td { @for cited in documents { a class="mono" href={ "/orders/" (cited) } { (cited) } " " } }
                }
            } }
        } }
    }
}

fn documents(row: &Row) -> Vec<String> {
    let cited = docket::check::cited_by(&row.current.finding);
    let ids: BTreeSet<String> = cited.iter().map(|c| c.split(':').next().unwrap_or(c).to_owned()).collect();
    ids.into_iter().collect()
}

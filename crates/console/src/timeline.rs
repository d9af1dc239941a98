//! Lanes per app and act over time, as known at a chosen date.

use crate::Params;
use crate::layout::{instant, page as whole, prose, tag};
use crate::now::{reach_of, subject_of, suggested};
use crate::picture::{Frame, Lane, lanes};
use axum::http::StatusCode;
use docket::Docket;
use docket::finding::Posture;
use docket::moment::{format_rfc3339, parse_rfc3339};
use law::Time;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Lanes shown when nothing is chosen: enough to see the shape, few enough to read.
const LANES_MAX: usize = 40;

pub(crate) fn page(docket: &Docket, params: &Params, now: Time) -> (StatusCode, Markup) {
    let chosen = params.get("app").map_or("tiktok", String::as_str);
    let written = params.get("known").map(String::as_str).unwrap_or_default();
    let known = match written {
        "" => Ok(None),
        day if day.len() == 10 => parse_rfc3339(&format!("{day}T23:59:59Z")).map(Some),
        instant => parse_rfc3339(instant).map(Some),
    };
    let inquiries = suggested(docket, now).into_iter().filter(|inquiry| inquiry.resource.id == chosen).take(LANES_MAX);
    let known_at = known.clone().unwrap_or(None);
    let mut shown: Vec<Lane> = inquiries
        .filter_map(|mut inquiry| {
            inquiry.known_at = known_at;
            let (group, name) = (reach_of(&inquiry), inquiry.act.word().to_owned());
            Some(Lane { group, name, stretches: docket.timeline(&inquiry, Posture::default()).ok()? })
        })
        .collect();
    shown.sort_by(|a, b| a.group.cmp(&b.group));
    let apps: BTreeMap<String, String> =
        suggested(docket, now).iter().map(|i| (i.resource.id.to_string(), subject_of(docket, i))).collect();
    let frame = Frame::around(&shown, known_at.unwrap_or(now).min(now));
    let status = if known.is_err() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let html = whole(
        docket,
        "/timeline",
        "Timeline",
        html! {
            h1 { "Timeline" }
            p class="lede" { "Each lane asks one question, as somebody the order binds would ask it, at every instant. Choose a date to see what was known then: later stays, delays and lifting vanish." }
            form class="ask" method="get" action="/timeline" {
                div { label for="app" { "App" } select id="app" name="app" {
                    @for (id, name) in &apps { option value=(id) selected[id == chosen] { (name) } }
                } }
                div { label for="known" { "As known on (empty: all that is known)" } input id="known" name="known" type="date" value=(written.get(..10).unwrap_or(written)); }
                button type="submit" { "Show" }
            }
            @if let Err(message) = &known { p class="problem" role="alert" { (prose(message)) } }
            p class="legend" { @for set in legend() { (tag(set)) } }
            @if shown.is_empty() { p { "No order on file binds anyone in respect of this app." } }
            @else {
                div class="scroll picture" tabindex="0" role="region" aria-label="Picture" { (lanes(&shown, frame, now)) }
                h2 { "The same as a table" }
                @for lane in &shown {
                    h3 { (lane.group) ": " span class="mono" { (lane.name) } }
                    div class="scroll" tabindex="0" role="region" aria-label={ "Table of " (lane.name) ", " (lane.group) } { table class="cards" {
                        thead { tr { th scope="col" { "from" } th scope="col" { "until" } th scope="col" { "status" } th scope="col" { "by" } } }
                        tbody { @for stretch in &lane.stretches { tr {
                            td class="when" data-head="from" { (instant(stretch.from)) } td class="when" data-head="until" { (instant(stretch.until)) } td class="status" { (tag(stretch.finding.possible)) }
                            td class="mono" { (docket::check::cited_by(&stretch.finding).join(" ")) }
                        } } }
                    } }
                }
            }
            @if let Some(at) = known_at { p class="quiet" { "As known at " (format_rfc3339(at)) "." } }
        },
    );
    (status, html)
}

fn legend() -> Vec<law::Statuses> {
    law::Status::ALL.into_iter().map(law::Statuses::only).collect()
}

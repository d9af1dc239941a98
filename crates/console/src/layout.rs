//! What every page shares: head, navigation, footer, and how statuses and instants are shown.

use docket::Docket;
use docket::finding::status_word;
use docket::moment::format_rfc3339;
use law::time::{ALWAYS, FOREVER};
use law::{Statuses, Time};
use maud::{DOCTYPE, Markup, html};

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("../assets/console.css");

const PAGES: &[(&str, &str)] = &[
    ("/", "Now"),
    ("/timeline", "Timeline"),
    ("/ask", "Ask"),
    ("/orders", "Orders"),
    ("/conditions", "Conditions"),
    ("/decisions", "Decisions"),
    ("/subjects", "Subjects"),
];

/// A whole page.
pub(crate) fn page(docket: &Docket, path: &str, title: &str, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Interdict" }
                link rel="stylesheet" href="/console.css";
                link rel="icon" href="data:,";
            }
            body {
                a class="skip" href="#main" { "Skip to content" }
                header class="site" {
                    p class="name" { a href="/" { "Interdict" } }
                    nav aria-label="Pages" {
                        @for (href, name) in PAGES {
                            @if *href == path { a href=(href) aria-current="page" { (name) } } @else { a href=(href) { (name) } }
                        }
                    }
                }
                main id="main" { (main) }
                footer { "Decided by edition " span class="mono" { (docket.edition()) } ". Engineering data, not legal advice." }
            }
        }
    }
}

/// A page that says what is wrong.
pub(crate) fn problem(docket: &Docket, title: &str, what: &str) -> Markup {
    page(
        docket,
        "",
        title,
        html! { h1 { (title) } p class="lede" { (prose(what)) } p { "Go to " a href="/" { "what is in force now" } ", " a href="/orders" { "the orders" } ", " a href="/decisions" { "the decisions" } " or " a href="/subjects" { "the subjects" } "." } },
    )
}

/// The status word of a set.
pub(crate) fn word(statuses: Statuses) -> &'static str {
    statuses.single().map_or("undetermined", status_word)
}

/// A set of statuses as a label.
pub(crate) fn tag(statuses: Statuses) -> Markup {
    let members: Vec<String> = statuses.iter().map(|s| status_word(s).replace('_', " ")).collect();
    html! { span class={ "tag " (word(statuses)) } { (members.join(" or ")) } }
}

/// An instant, readable.
pub(crate) fn instant(at: Time) -> String {
    match at {
        ALWAYS => String::from("always"),
        FOREVER => String::from("never"),
        _ => {
            let written = format_rfc3339(at);
            let minutes = written.strip_suffix(":00Z").or(written.strip_suffix('Z')).unwrap_or(&written);
            format!("{} UTC", minutes.replace('T', " "))
        }
    }
}

/// A sentence in which back quotes mark words to be typed as they stand.
pub(crate) fn prose(text: &str) -> Markup {
    html! { @for (n, part) in text.split('`').enumerate() { @if n % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// How long until an instant, in words.
pub(crate) fn distance(from: Time, to: Time) -> String {
    let seconds = to.saturating_sub(from).max(0);
    let (count, unit) = match seconds {
        0..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

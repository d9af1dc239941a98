//! A report as one page of HTML that needs nothing else: no script, no picture, nothing fetched.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The whole page: its title once in the head and once above `body`.
pub(crate) fn page(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { h1 { (title) } (body) }
        }
    };
    page.into_string()
}

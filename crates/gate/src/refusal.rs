//! A refusal in the words of HTTP: 451 with whom to ask, by which paragraph, until when, and a page for people
//! (RFC 7725).

use docket::finding::Reason;
use docket::moment::format_rfc3339;
use docket::place::Place;
use docket::{Docket, Finding};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LINK, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use law::Time;
use law::time::FOREVER;
use std::fmt::Write as _;

/// The citation of the paragraph.
pub const ORDER: HeaderName = HeaderName::from_static("interdict-order");
/// The next instant at which the answer could change.
pub const UNTIL: HeaderName = HeaderName::from_static("interdict-until");

/// Who refuses, and where its orders can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocker {
    /// A URI that identifies whoever runs the gate: RFC 7725 § 4 wants the one who blocks, not the one who orders it.
    pub uri: Option<String>,
    /// Where orders can be read: `{orders}/orders/{id}` is the page of one.
    pub orders: Option<String>,
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The citations of the provisions that prohibit it; never empty for what an order forbids.
    pub provisions: Vec<String>,
    /// One line for each: the instrument's title, its authority, and why.
    pub reasons: Vec<String>,
    /// The name of what it belongs to.
    pub subject: String,
    /// The country where it has effect.
    pub place: Option<Place>,
    /// Until when, at least.
    pub until: Time,
}

impl Refusal {
    /// The refusal that a finding calls for.
    #[must_use]
    pub fn of(docket: &Docket, finding: &Finding, place: Option<Place>) -> Self {
        let unlawful = |reason: &&Reason| reason.status.is_unlawful();
        let mut grounds: Vec<&Reason> = finding.grounds.iter().filter(unlawful).collect();
        if grounds.is_empty() {
            grounds = finding.grounds.iter().collect();
        }
        let told = |reason: &&Reason| {
            let (id, _) = reason.provision.split_once(':').unwrap_or((&reason.provision, ""));
            let issued = docket.corpus().instruments.iter().find(|instrument| instrument.id == id);
            let authority = issued.and_then(|issued| issued.authority.as_deref());
            authority.map_or_else(|| reason.why.clone(), |authority| format!("{authority}: {}", reason.why))
        };
        let id = finding.subject.as_deref().unwrap_or_default();
        Self {
            provisions: grounds.iter().map(|reason| reason.provision.clone()).collect(),
            reasons: grounds.iter().map(told).collect(),
            subject: docket.registry().get(id).map_or(id, |subject| subject.name()).to_owned(),
            place: place.and_then(|place| Place::parse(place.country()).ok()),
            until: finding.until,
        }
    }

    /// The header fields of the answer, the body's type apart.
    #[must_use]
    pub fn headers(&self, by: &Blocker) -> HeaderMap {
        /// Above any list of citations that an answer needs; a reader has the page.
        const CITATIONS_MAX: usize = 8;
        let mut headers = HeaderMap::new();
        // RFC 7725 § 3 lets a cache keep a 451: it would then be served to those whom no order reaches.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(VARY, HeaderValue::from_static("*"));
        let mut add = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        };
        if let Some(uri) = &by.uri {
            add(LINK, format!("<{uri}>; rel=\"blocked-by\""));
        }
        if let (Some(page), Some(citation)) = (&by.orders, self.provisions.first()) {
            let (id, _) = citation.split_once(':').unwrap_or((citation, ""));
            add(LINK, format!("<{page}/orders/{id}>; rel=\"describedby\""));
        }
        let cited: Vec<&str> = self.provisions.iter().take(CITATIONS_MAX).map(String::as_str).collect();
        add(ORDER, cited.join(", "));
        if self.until < FOREVER {
            add(UNTIL, format_rfc3339(self.until));
        }
        headers
    }

    /// Status, header fields and page.
    #[must_use]
    pub fn answer(&self, by: &Blocker) -> (StatusCode, HeaderMap, String) {
        let mut headers = self.headers(by);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        (StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, headers, self.page(by))
    }

    /// The page a person sees: what is refused, where, by which order, until when, and whom to ask.
    #[must_use]
    pub fn page(&self, by: &Blocker) -> String {
        let mut page = String::with_capacity(1024);
        page.push_str(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>Unavailable for legal reasons</title>\
             <style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>\
             <h1>Unavailable for legal reasons</h1><p>A government order forbids this service to provide ",
        );
        escape(&mut page, if self.subject.is_empty() { "this" } else { &self.subject });
        if let Some(place) = self.place {
            write!(page, " to users in <b>{place}</b>").unwrap_or_default();
        }
        page.push_str(". Nothing here says that anything else is unavailable, or that you did anything wrong.<ul>");
        for (citation, reason) in self.provisions.iter().zip(&self.reasons) {
            page.push_str("<li><code>");
            escape(&mut page, citation);
            page.push_str("</code><br>");
            escape(&mut page, reason);
        }
        page.push_str("</ul><p>");
        if self.until < FOREVER {
            let until = format_rfc3339(self.until);
            write!(page, "This can change on <time datetime=\"{until}\">{until}</time>. ").unwrap_or_default();
        } else {
            page.push_str("No end is known. ");
        }
        if let Some(uri) = &by.uri {
            page.push_str("If you think this is a mistake, ask <a href=\"");
            escape(&mut page, uri);
            page.push_str("\">whoever runs this service</a>.");
        }
        page.push_str("</html>\n");
        page
    }
}

/// Writes text so that no character of it is markup.
pub(crate) fn escape(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            '"' => page.push_str("&quot;"),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocker, Refusal};
    use docket::place::Place;

    #[test]
    fn a_refusal_names_the_blocker_the_order_and_the_end_and_is_never_cached() {
        let refusal = Refusal {
            provisions: vec![String::from("zz:1(a)"), String::from("yy:2")],
            reasons: vec![String::from("An <agency>: it is forbidden"), String::from("a \"court\"")],
            subject: String::from("A & B"),
            place: Place::parse("US-PR").ok(),
            until: 1_600_718_400,
        };
        let by = Blocker {
            uri: Some(String::from("https://host.example/legal")),
            orders: Some(String::from("https://orders.example")),
        };
        let (status, headers, page) = refusal.answer(&by);
        assert_eq!(status.as_u16(), 451);
        let links: Vec<_> = headers.get_all("link").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(
            links,
            [
                "<https://host.example/legal>; rel=\"blocked-by\"",
                "<https://orders.example/orders/zz>; rel=\"describedby\""
            ]
        );
        assert_eq!(headers["cache-control"], "private, no-store");
        assert_eq!(headers["interdict-order"], "zz:1(a), yy:2");
        assert_eq!(headers["interdict-until"], "2020-09-21T20:00:00Z");
        assert!(page.contains("An &lt;agency&gt;") && page.contains("A &amp; B"), "{page}");
        let bare = Refusal { until: law::time::FOREVER, ..refusal }.headers(&Blocker::default());
        assert!(bare.get("link").is_none() && bare.get("interdict-until").is_none());
    }
}

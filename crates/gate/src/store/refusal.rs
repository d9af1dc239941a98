//! The answer to a request refused: 451 (RFC 7725), who refuses, by which order and paragraph, until when, in words a
//! person understands.

use super::judge::{Judgement, UNCLEARED};
use crate::refusal::{Blocker, Refusal};
use axum::body::Body;
use axum::response::Response;
use docket::Docket;
use docket::finding::{Finding, Reason};
use docket::moment::format_rfc3339;
use docket::order::{Instrument, Statement};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use std::fmt::Write as _;

/// Who refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// A name.
    pub name: String,
    /// Where to object: an address of any kind.
    pub contact: Option<String>,
    /// The same for programs.
    pub blocker: Blocker,
}

/// What stands behind a refusal.
struct Behind<'d> {
    reason: &'d Reason,
    instrument: Option<&'d Instrument>,
    statement: Option<&'d Statement>,
}

/// The answer to a request that is refused.
#[must_use]
pub fn refusal(docket: &Docket, judged: &Judgement, operator: &Operator, headers: &HeaderMap) -> Response {
    let (finding, place) = (&judged.finding, judged.place);
    let because = judged.because.as_deref().map(|what| Held { what, is_found: judged.from != UNCLEARED });
    let behind: Vec<Behind<'_>> = reasons(finding).map(|reason| behind(docket, reason)).collect();
    let (kind, body) = match wanted(headers) {
        Wanted::Html => ("text/html; charset=utf-8", page(docket, finding, &behind, operator, because)),
        Wanted::Json => ("application/json", machine(finding, &behind, operator, because).to_string()),
        Wanted::Text => ("text/plain; charset=utf-8", text(docket, finding, &behind, operator, because)),
    };
    let mut set = Refusal::of(docket, finding, place).headers(&operator.blocker);
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS;
    *response.headers_mut() = set;
    response
}

/// The grounds that stand in the way.
fn reasons(finding: &Finding) -> impl Iterator<Item = &Reason> {
    finding.grounds.iter().filter(|reason| reason.status.is_unlawful())
}

fn behind<'d>(docket: &'d Docket, reason: &'d Reason) -> Behind<'d> {
    let (order, paragraph) = reason.provision.split_once(':').unwrap_or((&reason.provision, ""));
    let instrument = docket.corpus().instruments.iter().find(|instrument| instrument.id == order);
    let statement = instrument.and_then(|i| i.statements.iter().find(|statement| statement.id == paragraph));
    Behind { reason, instrument, statement }
}

impl Behind<'_> {
    fn paragraph(&self) -> &str {
        self.reason.provision.split_once(':').map_or("", |(_, paragraph)| paragraph)
    }

    /// What the order is called, or at least where it stands.
    fn title(&self) -> &str {
        self.instrument.map_or(self.reason.provision.as_str(), |instrument| instrument.title.as_str())
    }

    fn source(&self) -> Option<&str> {
        let own = self.statement.and_then(|statement| statement.provenance.sources.first());
        own.or_else(|| self.instrument?.provenance.sources.first()).map(String::as_str)
    }
}

enum Wanted {
    Html,
    Json,
    Text,
}

/// What the asker reads: a browser names HTML, a program that names JSON gets it, and everybody else gets lines.
fn wanted(headers: &HeaderMap) -> Wanted {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accepted.contains("text/html") {
        Wanted::Html
    } else if accepted.contains("json") {
        Wanted::Json
    } else {
        Wanted::Text
    }
}

fn name<'d>(docket: &'d Docket, finding: &'d Finding) -> &'d str {
    let id = finding.subject.as_deref().unwrap_or("this app");
    docket.registry().get(id).map_or(id, docket::subject::Subject::name)
}

fn machine(
    finding: &Finding,
    behind: &[Behind<'_>],
    operator: &Operator,
    because: Option<Held<'_>>,
) -> serde_json::Value {
    let grounds: Vec<_> = behind
        .iter()
        .map(|one| {
            json!({
                "order": one.reason.provision.split(':').next(),
                "title": one.instrument.map(|i| &i.title),
                "provision": one.reason.provision,
                "text": one.statement.and_then(|s| s.text.as_ref()),
                "why": one.reason.why,
                "source": one.source(),
            })
        })
        .collect();
    json!({
        "status": 451,
        "app": finding.subject,
        "verdict": finding.verdict.word(),
        "blocked_by": { "name": operator.name, "uri": operator.blocker.uri, "contact": operator.contact },
        "grounds": grounds,
        "held_for": because.map(|held| held.what),
        "until": (finding.until < law::time::FOREVER).then(|| format_rfc3339(finding.until)),
        "edition": finding.edition,
    })
}

/// What does not change, and what can be done: the same in every form.
fn remarks(operator: &Operator) -> [String; 3] {
    [
        String::from("A copy you have installed stays as it is; nothing is removed from your device."),
        String::from("No other app is affected, and users whom the order does not reach get this one as before."),
        match &operator.contact {
            Some(contact) => format!("If you think that this is wrong, or that you are not where we think: {contact}"),
            None => {
                format!("If you think that this is wrong, or that you are not where we think, ask {}.", operator.name)
            }
        },
    ]
}

/// Why a package that is not called so is held.
#[derive(Clone, Copy)]
struct Held<'j> {
    what: &'j str,
    /// Whether code was found, or could not be looked for.
    is_found: bool,
}

impl Held<'_> {
    fn told(self, docket: &Docket, finding: &Finding) -> String {
        let (app, what) = (name(docket, finding), self.what);
        let why = match self.is_found {
            true => format!("and code of {app} was found in it ({what})"),
            false => format!("and whether code of {app} is in it cannot be told ({what})"),
        };
        format!("This file does not call itself {app}, {why}; it is held until a person has looked.")
    }
}

fn text(
    docket: &Docket,
    finding: &Finding,
    behind: &[Behind<'_>],
    operator: &Operator,
    because: Option<Held<'_>>,
) -> String {
    let mut text = format!(
        "451 Unavailable For Legal Reasons\n\n{} may not offer {} here for download or update.\n",
        operator.name,
        name(docket, finding)
    );
    if let Some(held) = because {
        writeln!(text, "\n{}", held.told(docket, finding)).unwrap_or_default();
    }
    for one in behind {
        let title = one.title();
        writeln!(text, "\nOrder: {title}\nParagraph: {} ({})", one.paragraph(), one.reason.provision)
            .unwrap_or_default();
        if let Some(words) = one.statement.and_then(|statement| statement.text.as_ref()) {
            writeln!(text, "Its words: {words}").unwrap_or_default();
        }
        if let Some(source) = one.source() {
            writeln!(text, "Source: {source}").unwrap_or_default();
        }
    }
    let until = if finding.until < law::time::FOREVER {
        format!("Until: {} at least, under the law as known today", format_rfc3339(finding.until))
    } else {
        String::from("Until: no end is known")
    };
    writeln!(text, "\n{until}\n\n{}", remarks(operator).join("\n")).unwrap_or_default();
    text
}

fn page(
    docket: &Docket,
    finding: &Finding,
    behind: &[Behind<'_>],
    operator: &Operator,
    because: Option<Held<'_>>,
) -> String {
    let app = escape(name(docket, finding));
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{app} is not available here</title><style>body{{font:1.05em/1.5 system-ui,sans-serif;max-width:42em;margin:3em auto;padding:0 1em}}\
         blockquote{{border-left:.25em solid;margin:1em 0;padding:0 1em}}dt{{font-weight:600}}</style>\
         <h1>{app} is not available here</h1><p>{} may not offer it where you seem to be, for download or update, because of a legal order.</p>",
        escape(&operator.name)
    );
    if let Some(held) = because {
        write!(html, "<p>{}", escape(&held.told(docket, finding))).unwrap_or_default();
    }
    for one in behind {
        let title = one.title();
        let cite = one.instrument.and_then(|i| i.cite.as_deref()).unwrap_or("");
        let title = match one.source() {
            Some(source) if source.starts_with("https://") || source.starts_with("http://") => {
                format!("<a rel=\"noreferrer\" href=\"{}\">{}</a>", escape(source), escape(title))
            }
            Some(_) | None => escape(title),
        };
        write!(html, "<dl><dt>Order<dd>{title} {}<dt>Paragraph<dd>{}", escape(cite), escape(one.paragraph()))
            .unwrap_or_default();
        if let Some(words) = one.statement.and_then(|statement| statement.text.as_ref()) {
            write!(html, "<dt>Its words<dd><blockquote>{}</blockquote>", escape(words)).unwrap_or_default();
        }
        html.push_str("</dl>");
    }
    if finding.until < law::time::FOREVER {
        let until = format_rfc3339(finding.until);
        let words = until.replace('T', ", ").replace('Z', " UTC");
        write!(html, "<p>This holds until <time datetime=\"{until}\">{words}</time>, under the law as known today.")
            .unwrap_or_default();
    } else {
        html.push_str("<p>No end of this is known.");
    }
    for remark in remarks(operator) {
        write!(html, "<p>{}", escape(&remark)).unwrap_or_default();
    }
    html.push_str("</html>\n");
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    crate::refusal::escape(&mut escaped, text);
    escaped
}

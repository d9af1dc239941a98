//! Every page is well-formed, labelled, within its own policy, and shows text as text.

use crate::receipts::sound;
use crate::served::{PAGES, get, serve, shipped};
use docket::docket::Source;
use std::collections::BTreeSet;

/// One tag: its name, its attributes, whether it closes.
struct Tag<'p> {
    name: &'p str,
    attributes: Vec<(&'p str, &'p str)>,
    closing: bool,
}

impl<'p> Tag<'p> {
    fn attribute(&self, name: &str) -> Option<&'p str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// The tags of a page in order. Stricter than HTML: every attribute quoted, no `<` or `>` elsewhere.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let html = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        assert!(!rest[..open].contains('>'), "a bare `>` near {:?}", &rest[..open]);
        let after = &rest[open + 1..];
        let closing = after.starts_with('/');
        let mut text = after.strip_prefix('/').unwrap_or(after);
        let end = text.find(|c: char| c.is_whitespace() || c == '>').expect("a tag that ends");
        let name = &text[..end];
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "a tag name, not {name:?}");
        text = &text[end..];
        let mut attributes = Vec::new();
        loop {
            text = text.trim_start();
            if let Some(after) = text.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = text.find(['=', ' ', '>']).expect("an attribute that ends");
            let (key, after) = (&text[..end], &text[end..]);
            let Some(quoted) = after.strip_prefix("=\"") else {
                attributes.push((key, ""));
                text = after;
                continue;
            };
            let close = quoted.find('"').expect("a closing quote");
            attributes.push((key, &quoted[..close]));
            text = &quoted[close + 1..];
        }
        tags.push(Tag { name, attributes, closing });
    }
    tags
}

const VOID: &[&str] = &["meta", "link", "input", "br"];

fn well_formed(path: &str, html: &str) {
    let tags = tags(html);
    let mut open: Vec<&str> = Vec::new();
    for tag in &tags {
        if tag.closing {
            assert_eq!(open.pop(), Some(tag.name), "{path}: closed in order");
        } else if !VOID.contains(&tag.name) {
            open.push(tag.name);
        }
    }
    assert!(open.is_empty(), "{path}: left open {open:?}");
    let all = |name: &str| tags.iter().filter(|t| !t.closing && t.name == name).collect::<Vec<_>>();
    assert_eq!(all("html").first().and_then(|tag| tag.attribute("lang")), Some("en"), "{path}");
    for once in ["h1", "main"] {
        assert_eq!(all(once).len(), 1, "{path}: one {once}");
    }
    // Below the head, a title is the tooltip of a stretch of a picture.
    let head = tags.iter().take_while(|tag| tag.name != "body");
    assert_eq!(head.filter(|tag| tag.name == "title" && !tag.closing).count(), 1, "{path}: one title");
    let labelled: BTreeSet<&str> = all("label").iter().filter_map(|label| label.attribute("for")).collect();
    let shown = |field: &&&Tag<'_>| field.attribute("type") != Some("hidden");
    for field in all("input").into_iter().filter(|field| shown(&field)).chain(all("select")).chain(all("textarea")) {
        let id = field.attribute("id").expect("a field has an id");
        assert!(labelled.contains(id), "{path}: `{id}` has a label");
    }
    let mut ids = BTreeSet::new();
    for tag in tags.iter().filter(|tag| !tag.closing) {
        if let Some(id) = tag.attribute("id") {
            assert!(ids.insert(id), "{path}: `{id}` is one element");
        }
        for (name, value) in &tag.attributes {
            assert!(*name != "style" && !name.starts_with("on"), "{path}: {name} is against the policy");
            assert!(!value.trim_start().starts_with("javascript:"), "{path}: {value}");
        }
        assert!(!["style", "iframe", "object", "base"].contains(&tag.name), "{path}: {}", tag.name);
        if tag.name == "script" {
            assert_eq!(tag.attribute("src"), Some("/decision.js"), "{path}: the one script");
        }
        if ["link", "img"].contains(&tag.name) {
            let href = tag.attribute("href").or(tag.attribute("src")).unwrap_or_default();
            assert!(href.starts_with('/') || href == "data:,", "{path}: {href} is of this origin");
        }
    }
    for heading in all("th") {
        assert!(heading.attribute("scope").is_some(), "{path}: a heading says what it heads");
    }
}

#[test]
fn pages_are_well_formed_and_say_what_they_should() {
    for (path, words) in PAGES {
        let (status, head, body) = get(shipped(), path);
        assert_eq!(status, 200, "{path}");
        assert!(head.contains("content-security-policy: default-src 'none'; style-src 'self'"), "{path}: {head}");
        assert!(head.contains("frame-ancestors 'none'"), "{path}");
        assert!(!head.contains("unsafe-inline"), "{path}");
        assert_eq!(head.contains("script-src 'self'"), body.contains("<script"), "{path}: only where there is one");
        well_formed(path, &body);
        for word in *words {
            assert!(body.contains(word), "{path} shows {word:?}");
        }
    }
}

#[test]
fn a_decision_is_found_by_what_it_was_about_by_its_day_and_by_its_number() {
    let listed = |query: &str| {
        let (status, head, body) = get(shipped(), &format!("/decisions{query}"));
        if status == 200 {
            well_formed(query, &body);
        }
        (status, head + &body)
    };
    let (all, day) = (listed("").1, "2026-11-24");
    assert!(all.contains("href=\"/decisions/5\"") && all.contains("Look on before entry 4000"), "{all}");
    let found = listed(&format!("?about=wechat&day={day}&before=4000")).1;
    assert!(found.contains("href=\"/decisions/5\"") && found.contains("value=\"wechat\""), "{found}");
    let other = listed("?about=nothing+of+it").1;
    assert!(
        !other.contains("href=\"/decisions/5\"") && other.contains("name=\"about\" value=\"nothing of it\""),
        "{other}"
    );
    assert!(listed("?day=2001-01-01").1.contains("None among those looked through so far"));
    assert!(!listed("?before=5").1.contains("href=\"/decisions/5\""));
    let (status, one) = listed("?entry=5");
    assert!(status == 303 && one.contains("location: /decisions/5"), "{one}");
    for wrong in ["?day=tomorrow", "?entry=the+last", "?before=-1"] {
        assert_eq!(listed(wrong).0, 400, "{wrong}");
    }
}

#[test]
fn the_receipt_and_the_entry_can_be_saved_from_the_page() {
    let (_, _, page) = get(shipped(), "/decisions/5");
    let saved = |name: &str| -> Vec<u8> {
        let tags = tags(&page);
        let link = tags.iter().find(|tag| tag.attribute("download") == Some(name)).expect("a link");
        let data = link.attribute("href").and_then(|href| href.strip_prefix("data:application/octet-stream,%"));
        let bytes = data.expect("its bytes").split('%').map(|byte| u8::from_str_radix(byte, 16).expect("a byte"));
        bytes.collect()
    };
    assert_eq!(String::from_utf8(saved("5.tlog-proof")).expect("text"), sound().receipt);
    let entry: String = saved("5.entry").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(entry, sound().entry);
}

#[test]
fn every_link_within_the_console_leads_somewhere() {
    let mut seen: BTreeSet<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let mut waiting: Vec<String> = seen.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let (status, _, body) = get(shipped(), &path);
        assert_eq!(status, 200, "{path}");
        well_formed(&path, &body);
        // Every order and subject is linked from its list; questions lead out of bounds.
        for link in tags(&body).iter().filter(|tag| tag.name == "a").filter_map(|tag| tag.attribute("href")) {
            let inside = link.starts_with('/') && !link.contains('?');
            if inside && seen.insert(link.to_owned()) {
                waiting.push(link.to_owned());
            }
        }
    }
    assert!(seen.len() > 100, "{} pages", seen.len());
}

#[test]
fn what_is_wrong_is_said() {
    for (path, status, words) in [
        ("/nowhere", 404, "There is no such page"),
        ("/decisions/77", 404, "There is no decision"),
        ("/decisions/-1", 404, "There is no decision"),
        ("/decisions/999", 500, "the disk &lt;is&gt; gone"),
        ("/decisions/202", 202, "within a second or two"),
        ("/decisions/204", 202, "in the way of that: the signer is &lt;gone&gt;"),
        ("/decisions/205", 410, "not handed out any more"),
        ("/orders/none", 404, "There is no order"),
        ("/subjects/none", 404, "There is no subject"),
        ("/ask?act=app.sell&id=wechat", 400, "unknown act"),
        ("/ask?act=app.distribute", 400, "say to what"),
        ("/ask?act=app.distribute&id=wechat&at=2020-09-31T12:00:00Z", 400, "The question cannot be put"),
        ("/ask?act=app.distribute&id=wechat&at=2020-09-20T12:00:00", 400, "offset"),
        ("/ask?act=app.distribute&id=wechat&place=Narnia", 400, "Narnia"),
        ("/ask?act=app.distribute&id=wechat&form=floppy", 400, "floppy"),
        ("/timeline?known=yesterday", 400, "yesterday"),
        ("/timeline?known=2020-02-30", 400, "2020-02-30"),
    ] {
        let (got, _, body) = get(shipped(), path);
        assert_eq!(got, status, "{path}");
        well_formed(path, &body);
        assert!(body.contains(words), "{path} says {words:?}");
    }
}

#[test]
fn a_question_names_its_thing_by_any_identifier() {
    for id in ["com.tencent.mm", "wechat", "WeChat", "weixin.qq.com"] {
        let id: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let asked = format!("act=app.distribute&id={id}&place=US-NY&form=mobile&at=2020-09-21T12:00:00-04:00");
        let (status, _, body) = get(shipped(), &format!("/ask?{asked}"));
        assert_eq!(status, 200, "{id}");
        assert!(body.contains("us-doc-wechat-id:1") && body.contains("stayed"), "{id}");
    }
}

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'";

/// `HOSTILE` as a query carries it.
const HOSTILE_QUERY: &str = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3Dalert(2)%3E%27";

#[test]
fn query_parameters_are_text() {
    for name in ["act", "type", "id", "place", "at", "known", "actor", "name", "role", "government", "form", "operator"]
    {
        let path = format!("/ask?act=app.distribute&id=wechat&{name}={HOSTILE_QUERY}")
            .replace(if name == "act" { "act=app.distribute&" } else { "\0" }, "");
        let (_, _, body) = get(shipped(), &path);
        well_formed(&path, &body);
    }
    for path in ["/timeline?app=", "/timeline?known=", "/orders/", "/subjects/", "/"] {
        let path = format!("{path}{HOSTILE_QUERY}");
        let (_, _, body) = get(shipped(), &path);
        well_formed(&path, &body);
    }
}

#[test]
fn names_and_quotations_are_text() {
    let words = HOSTILE.replace('"', "\\\"");
    let order = format!(
        r#"instrument zz {{
  title "{words}"
  jurisdiction US ; rank agency ; authority "{words}" ; zone UTC
  issued 2020-01-01 ; public 2020-01-01
  evidence seen ; source "javascript:alert(3)" ; note "{words}"
  prohibit 1 from 2020-02-01 {{ app evil ; act app.distribute ; actor business ; users-in US ; text """{HOSTILE}""" ; disputed "{words}" }}
}}
case "{words}" {{ act app.distribute ; resource app evil ; actor business ; place US ; at 2020-03-01T00:00Z ; expect prohibited }}
"#
    );
    let subject = format!(
        r#"app evil {{ name "{words}" ; name "{words} again" ; domain evil.example ; not "{words}" "{words}" ; evidence seen ; source "https://example.org/{words}" ; note "{words}" }}"#
    );
    let source = |path: &str, text: String| Source { path: path.to_owned(), text };
    let address = serve(vec![source("orders/zz.order", order), source("subjects/zz.subject", subject)]);
    for path in [
        "/",
        "/timeline?app=evil",
        "/ask?act=app.distribute&id=evil&place=US&at=2021-01-01T00:00:00Z",
        "/orders",
        "/orders/zz",
        "/subjects",
        "/subjects/evil",
    ] {
        let (status, _, body) = get(address, path);
        assert_eq!(status, 200, "{path}");
        well_formed(path, &body);
        assert!(body.contains("&lt;script&gt;"), "{path} shows the name as it is written");
    }
}

#[test]
fn the_style_sheet_is_served_and_serves_both_schemes_and_paper() {
    let (status, head, css) = get(shipped(), "/console.css");
    assert_eq!(status, 200);
    assert!(head.contains("text/css"));
    for part in ["prefers-color-scheme: dark", "@media print", ":focus-visible"] {
        assert!(css.contains(part), "{part}");
    }
    assert!(!css.contains("url(") && !css.contains("@import"), "nothing from elsewhere");
}

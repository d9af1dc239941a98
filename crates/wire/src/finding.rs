//! The answer as JSON: members in a fixed order, the same bytes for the same answer.

use docket::Finding;
use docket::finding::{Verdict, status_word};
use docket::moment::format_rfc3339;
use law::Time;
use law::time::{ALWAYS, FOREVER};

/// Writes a finding as an AuthZEN evaluation response. `known_at` is what counted as known.
#[must_use]
pub fn to_json(finding: &Finding, known_at: Time) -> String {
    let mut json = String::with_capacity(1024);
    write(&mut json, finding, known_at);
    json
}

/// The same, appended to a buffer.
pub fn write(json: &mut String, finding: &Finding, known_at: Time) {
    let status = finding.possible.single().map_or("undetermined", status_word);
    json.push_str("{\"decision\":");
    json.push_str(if finding.verdict == Verdict::Permit { "true" } else { "false" });
    json.push_str(",\"context\":{\"verdict\":\"");
    json.push_str(finding.verdict.word());
    json.push_str("\",\"status\":\"");
    json.push_str(status);
    json.push_str("\",\"possible\":");
    list(json, finding.possible.iter(), |json, status| string(json, status_word(status)));
    json.push_str(",\"grounds\":");
    list(json, &finding.grounds, |json, reason| {
        json.push_str("{\"provision\":");
        string(json, &reason.provision);
        json.push_str(",\"status\":");
        string(json, status_word(reason.status));
        json.push_str(",\"by\":");
        list(json, &reason.by, |json, by| string(json, by));
        json.push_str(",\"why\":");
        string(json, &reason.why);
        json.push('}');
    });
    json.push_str(",\"until\":");
    instant(json, finding.until);
    json.push_str(",\"needs\":");
    list(json, &finding.needs, |json, fact| string(json, fact));
    json.push_str(",\"unless\":");
    list(json, &finding.unless, |json, claim| {
        let mut facts = claim.facts.iter();
        let (fact, is) = facts.next().map_or(("", ""), |(fact, is)| (fact.as_str(), is.as_str()));
        json.push_str("{\"fact\":");
        string(json, fact);
        json.push_str(",\"is\":");
        string(json, is);
        if facts.len() > 0 {
            json.push_str(",\"and\":");
            list(json, facts, |json, (fact, is)| {
                json.push_str("{\"fact\":");
                string(json, fact);
                json.push_str(",\"is\":");
                string(json, is);
                json.push('}');
            });
        }
        json.push_str(",\"then\":\"excepted\",\"by\":");
        string(json, &claim.by);
        json.push('}');
    });
    json.push_str(",\"caveats\":");
    list(json, &finding.caveats, |json, caveat| string(json, caveat));
    if let Some(overruled) = &finding.overruled {
        json.push_str(&format!(",\"override\":{{\"entry\":{},\"by\":", overruled.entry));
        list(json, &overruled.by, |json, by| string(json, by));
        json.push_str(",\"until\":");
        instant(json, overruled.until);
        if let Some(since) = overruled.unread_since {
            json.push_str(",\"unread_since\":");
            instant(json, since);
        }
        json.push('}');
    }
    json.push_str(",\"law\":{\"edition\":");
    string(json, &finding.edition);
    json.push_str(",\"known_at\":");
    instant(json, known_at);
    json.push_str("}}}");
}

fn list<T>(json: &mut String, items: impl IntoIterator<Item = T>, each: impl Fn(&mut String, T)) {
    json.push('[');
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            json.push(',');
        }
        each(json, item);
    }
    json.push(']');
}

/// An instant, or null at either end of time.
fn instant(json: &mut String, at: Time) {
    if at == FOREVER || at == ALWAYS {
        json.push_str("null");
    } else {
        json.push('"');
        json.push_str(&format_rfc3339(at));
        json.push('"');
    }
}

/// Whether a JSON string can hold the text as it is. Looks at many bytes at a time, which nearly every text rewards.
fn is_plain(text: &str) -> bool {
    let special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    !text.as_bytes().chunks(32).any(|some| some.iter().fold(false, |found, byte| found | special(byte)))
}

/// A JSON string.
pub(crate) fn string(json: &mut String, text: &str) {
    json.push('"');
    if is_plain(text) {
        json.push_str(text);
        json.push('"');
        return;
    }
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => {
                json.push_str(text.get(plain..at).unwrap_or(""));
                json.push_str(&format!("\\u{byte:04x}"));
                plain = at + 1;
                continue;
            }
            _ => continue,
        };
        json.push_str(text.get(plain..at).unwrap_or(""));
        json.push_str(escape);
        plain = at + 1;
    }
    json.push_str(text.get(plain..).unwrap_or(""));
    json.push('"');
}

//! What `scan` found, as a table for people, as JSON, and as SARIF 2.1.0 for code hosts.

use crate::scan::{Found, FoundCode, FoundFunction, Scanned};
use crate::scan_references::Library;
use crate::scan_waiver::Waivers;
use docket::finding::Verdict as LegalVerdict;
use serde_json::{Value, json};
use similarity::verdict::Verdict;

/// Functions shown of one finding in the table; `--json` has more.
const FUNCTIONS_SHOWN: usize = 8;
/// Subjects of which a bound is told for each file; `--json` has all.
const BOUNDS_SHOWN: usize = 6;
/// Files without a finding that are listed one by one.
const CLEAR_SHOWN: usize = 20;

pub(crate) const fn word(code: &FoundCode) -> &'static str {
    match code.judgement.verdict {
        Verdict::Contains => "contains",
        Verdict::Unsure => "may contain",
        Verdict::DoesNotContain { .. } => "does not contain",
    }
}

pub(crate) fn verdict(file: &Scanned) -> &'static str {
    if file.found.iter().any(Found::is_sure) {
        "contains"
    } else if !file.found.is_empty() || !file.unclear.is_empty() {
        "cannot clear"
    } else {
        "does not contain"
    }
}

/// How much of whose code could be there unseen, most first.
pub(crate) fn unseen(file: &Scanned) -> String {
    let mut bounds: Vec<(&String, &f32)> = file.bounds.iter().collect();
    bounds.sort_by(|a, b| b.1.total_cmp(a.1));
    let told = |(subject, bound): &(&String, &f32)| format!("{subject} {:.0} %", **bound * 100.0);
    let shown: Vec<String> = bounds.iter().take(BOUNDS_SHOWN).map(told).collect();
    let rest = bounds.len().saturating_sub(BOUNDS_SHOWN);
    let more = if rest > 0 { format!(" and less of {rest} more") } else { String::new() };
    if shown.is_empty() {
        return String::from("by its names; it holds no code that was compared");
    }
    format!("at most unseen, at 95 %: {}{more}", shown.join(", "))
}

/// In how many of a million artefacts so much would be found by chance.
pub(crate) fn by_chance(code: &FoundCode) -> String {
    const TOLD_MIN: f32 = 1e-30;
    let expected = code.judgement.expected_per_million;
    if expected < TOLD_MIN { format!("less than {TOLD_MIN:.0e}") } else { format!("{expected:.1e}") }
}

/// What a verdict does not cover, in words.
pub(crate) fn uncompared(file: &Scanned) -> Option<String> {
    let n = file.uncompared;
    (n > 0).then(|| format!("not compared: {n} of the files of code in it, of a kind of which there is no reference"))
}

/// Why two functions are the same, in words.
pub(crate) fn why(pair: &FoundFunction) -> String {
    let shared: Vec<String> = pair.reasons.iter().map(|(family, n)| format!("{n} × {family}")).collect();
    if shared.is_empty() { format!("by {}", pair.via) } else { shared.join(", ") }
}

/// The table a person reads.
pub(crate) fn table(scanned: &[Scanned], library: &Library, waivers: Option<&Waivers>) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    let mut clear = 0;
    for file in scanned {
        if file.found.is_empty() && file.unclear.is_empty() {
            clear += usize::from(file.looked);
            if file.looked && clear <= CLEAR_SHOWN {
                line(format!("does not contain  {}  ({})", file.path, unseen(file)));
                uncompared(file).into_iter().for_each(|words| line(format!("    {words}")));
            }
            continue;
        }
        line(format!("{:<17} {}", verdict(file), file.path));
        for (n, found) in file.found.iter().enumerate() {
            found_lines(found, is_first_of_subject(&file.found, n), &mut line);
        }
        for why in &file.unclear {
            line(format!("    cannot be cleared: {why}"));
        }
        uncompared(file).into_iter().for_each(|words| line(format!("    {words}")));
        if let Some(reason) = &file.unclear_waived {
            line(format!("    waived: {reason}"));
        }
    }
    if clear > CLEAR_SHOWN {
        line(format!("does not contain  {} more files", clear - CLEAR_SHOWN));
    }
    for expired in waivers.map(|waivers| &waivers.expired[..]).unwrap_or_default() {
        line(format!("waiver expired: {expired}"));
    }
    let with_code = scanned.iter().filter(|file| file.looked).count();
    line(format!(
        "{} files, {with_code} with code or names, looked for in {} references",
        scanned.len(),
        library.references().count()
    ));
    line(String::from(
        "Server-side code, code written anew from a description, and translations into another language leave no trace here.",
    ));
    text
}

/// Whether nothing before it is of the same subject: the law of a subject needs telling once.
pub(crate) fn is_first_of_subject(found: &[Found], n: usize) -> bool {
    let subject = found.get(n).map(|found| &found.subject);
    !found.iter().take(n).any(|before| Some(&before.subject) == subject)
}

fn found_lines(found: &Found, with_law: bool, line: &mut impl FnMut(String)) {
    match &found.code {
        None => line(format!("    {} by {}: {}", found.subject, found.basis.word(), found.what)),
        Some(code) => {
            line(format!(
                "    {} code of {}: {} ({}), probability {:.3}, {:.0} % of its distinct code",
                word(code),
                found.subject,
                code.reference,
                code.language,
                code.judgement.probability,
                code.containment * 100.0
            ));
            line(format!(
                "      distinct evidence {:.0} in {} functions of {} classes; common {:.0}; expected by chance in {} of a million artefacts",
                code.distinct,
                code.functions,
                code.classes,
                code.common,
                by_chance(code)
            ));
            for pair in code.pairs.iter().take(FUNCTIONS_SHOWN) {
                line(format!(
                    "        {} = {}  {:.0} %, distinct {:.0}, common {:.0} ({})",
                    pair.reference,
                    pair.program,
                    pair.similarity * 100.0,
                    pair.distinct,
                    pair.common,
                    why(pair)
                ));
            }
            if code.pairs.len() > FUNCTIONS_SHOWN {
                line(format!("        and {} more", code.pairs.len() - FUNCTIONS_SHOWN));
            }
        }
    }
    for ruling in found.rulings.iter().filter(|_| with_law) {
        line(format!("      {} {}: {}", ruling.verdict.word(), ruling.act, ruling.statuses.join(" or ")));
        ruling.grounds.iter().for_each(|(provision, why)| line(format!("        {provision}: {why}")));
    }
    if let Some(reason) = &found.waived {
        line(format!("      waived: {reason}"));
    }
}

/// Every function that was found, with both its names and why.
fn matches(code: &FoundCode) -> Vec<Value> {
    let pair = |pair: &FoundFunction| {
        let reasons: serde_json::Map<String, Value> =
            pair.reasons.iter().map(|(family, n)| ((*family).to_owned(), json!(n))).collect();
        json!({ "reference": pair.reference, "found": pair.program, "similarity": pair.similarity, "distinct": pair.distinct,
                "common": pair.common, "via": pair.via, "shared": reasons })
    };
    code.pairs.iter().map(pair).collect()
}

fn found_json(found: &Found) -> Value {
    let code = found.code.as_ref().map(|code| {
        json!({
            "verdict": word(code), "kind": code.language, "reference": code.reference, "source": code.source,
            "probability": code.judgement.probability, "expected_per_million": code.judgement.expected_per_million,
            "distinct": code.distinct, "common": code.common, "containment": code.containment,
            "functions": code.functions, "classes": code.classes,
            "matches": matches(code),
        })
    });
    let rulings: Vec<Value> = found.rulings.iter().map(|ruling| {
        let grounds: Vec<Value> = ruling.grounds.iter().map(|(p, why)| json!({ "provision": p, "why": why })).collect();
        json!({ "act": ruling.act, "verdict": ruling.verdict.word(), "possible": ruling.statuses, "grounds": grounds })
    }).collect();
    json!({ "subject": found.subject, "basis": found.basis.word(), "what": found.what, "code": code, "law": rulings, "waived": found.waived })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// JSON.
pub(crate) fn json(scanned: &[Scanned], library: &Library) -> String {
    let files: Vec<Value> = scanned
        .iter()
        .filter(|file| file.looked || !file.unclear.is_empty())
        .map(|file| {
            let bounds: serde_json::Map<String, Value> =
                file.bounds.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            json!({
                "path": file.path, "sha256": file.sha256, "verdict": verdict(file),
                "found": file.found.iter().map(found_json).collect::<Vec<_>>(),
                "unclear": file.unclear, "unclear_waived": file.unclear_waived, "unseen_at_most": bounds, "uncompared": file.uncompared,
                "builds": file.builds,
            })
        })
        .collect();
    pretty(&json!({ "files_read": scanned.len(), "references": library.references().count(), "files": files }))
}

const RULES: [(&str, &str); 3] = [
    ("listed-code", "The artefact contains code of a subject that orders name"),
    ("listed-name", "The artefact names itself as a subject that orders name"),
    ("cannot-clear", "The artefact could not be looked into wholly"),
];

/// SARIF 2.1.0.
pub(crate) fn sarif(scanned: &[Scanned]) -> String {
    let mut results = Vec::new();
    for file in scanned {
        for found in &file.found {
            results.push(sarif_found(file, found));
        }
        for why in &file.unclear {
            results.push(sarif_result("cannot-clear", "warning", why, file, file.unclear_waived.as_deref()));
        }
    }
    let rules: Vec<Value> =
        RULES.iter().map(|(id, words)| json!({ "id": id, "shortDescription": { "text": words } })).collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "interdict", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
        }],
    }))
}

fn sarif_found(file: &Scanned, found: &Found) -> Value {
    let worst = found.rulings.iter().map(|ruling| ruling.verdict).max().unwrap_or(LegalVerdict::Refer);
    let level = match worst {
        LegalVerdict::Permit => "note",
        LegalVerdict::Forbid if found.is_sure() => "error",
        LegalVerdict::Refer | LegalVerdict::Forbid => "warning",
    };
    let law: Vec<String> =
        found.rulings.iter().map(|r| format!("{} {} ({})", r.verdict.word(), r.act, r.statuses.join(" or "))).collect();
    let (rule, what) = match &found.code {
        None => ("listed-name", format!("{} by {} {}", found.subject, found.basis.word(), found.what)),
        Some(code) => (
            "listed-code",
            format!(
                "{} code of {} ({}): {} functions, distinct evidence {:.0}, probability {:.3}",
                word(code),
                found.subject,
                code.reference,
                code.functions,
                code.distinct,
                code.judgement.probability
            ),
        ),
    };
    let message = format!("{what}. {}", law.join("; "));
    let mut result = sarif_result(rule, level, &message, file, found.waived.as_deref());
    if let (Some(code), Some(members)) = (&found.code, result.as_object_mut()) {
        let about = json!({ "expected_per_million": code.judgement.expected_per_million, "matches": matches(code) });
        members.insert(String::from("properties"), about);
    }
    result
}

fn sarif_result(rule: &str, level: &str, message: &str, file: &Scanned, waived: Option<&str>) -> Value {
    let location = json!({ "physicalLocation": { "artifactLocation": { "uri": uri(&file.path) } } });
    let mut result = json!({ "ruleId": rule, "level": level, "message": { "text": message }, "locations": [location] });
    if let (Some(reason), Some(members)) = (waived, result.as_object_mut()) {
        let suppression = json!([{ "kind": "external", "status": "accepted", "justification": reason }]);
        members.insert(String::from("suppressions"), suppression);
    }
    result
}

/// A path as a relative or absolute URI reference (RFC 3986): what is not unreserved is escaped.
fn uri(path: &str) -> String {
    let escaped: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    if path.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

//! Answers known from elsewhere, and the exceptions to them: inquiries as JSON lines, each with what must come out.

use docket::Docket;
use docket::finding::{Posture, status_word};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How the answers of a corpus compare with those that are known.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    asked: usize,
    /// Answers that are not the known ones, for a reason that is on file: id and reason.
    excepted: Vec<(String, String)>,
    /// Answers that are the known ones.
    given: usize,
    /// What is wrong: answers that differ without a reason, and reasons without such an answer.
    pub(crate) wrong: Vec<String>,
}

/// One line of a file of answers.
#[derive(Deserialize)]
struct Known<'a> {
    id: String,
    #[serde(borrow)]
    inquiry: &'a RawValue,
    expect: Expected,
    /// Where several statuses are possible, which.
    #[serde(default)]
    alt_status: Vec<String>,
}

#[derive(Deserialize)]
struct Expected {
    status: String,
    /// Citations, or their beginnings, that must be among the grounds.
    provisions: Vec<String>,
}

/// Asks everything that a folder knows the answer to. A file of exceptions says which are answered otherwise, and why.
pub(crate) fn compare(docket: &Docket, folder: &Path, excepted: Option<&Path>) -> Result<Answers, String> {
    let from = excepted.map(|path| path.display().to_string()).unwrap_or_default();
    let entries = fs::read_dir(folder).map_err(|error| unread(folder, error))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(|error| unread(folder, error))?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    files.sort();
    let mut reasons = excepted.map_or_else(|| Ok(BTreeMap::new()), exceptions)?;
    let mut answers = Answers::default();
    for path in &files {
        let text = fs::read_to_string(path).map_err(|error| unread(path, error))?;
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{}:{}", path.display(), n + 1);
            let known: Known<'_> = serde_json::from_str(line).map_err(|error| format!("{place}: {error}"))?;
            answers.asked += 1;
            let difference = differs(docket, &known).map_err(|message| format!("{place}: {message}"))?;
            answers.given += usize::from(difference.is_none());
            match (difference, reasons.remove(&known.id)) {
                (None, None) => {}
                (Some(_), Some(reason)) => answers.excepted.push((known.id, reason)),
                (Some(difference), None) => answers.wrong.push(format!("{place}: {}: {difference}", known.id)),
                (None, Some(_)) => answers
                    .wrong
                    .push(format!("{from}: `{}` is answered as it is known to be; take the exception out", known.id)),
            }
        }
    }
    if answers.asked == 0 {
        return Err(format!("{}: no known answers; they are lines of files named *.jsonl", folder.display()));
    }
    answers.wrong.extend(reasons.keys().map(|id| format!("{from}: no answer `{id}` is known")));
    Ok(answers)
}

fn unread(path: &Path, error: std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Ids and reasons, a line each; `#` begins a comment.
fn exceptions(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(path).map_err(|error| unread(path, error))?;
    let told = |(n, line): (usize, &str)| match line.trim().split_once(char::is_whitespace) {
        Some((id, reason)) => Ok((id.to_owned(), reason.trim().to_owned())),
        None => Err(format!("{}:{}: `{}` has no reason; write it after the id", path.display(), n + 1, line.trim())),
    };
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')).map(told).collect()
}

/// How the answer differs from the known one.
fn differs(docket: &Docket, known: &Known<'_>) -> Result<Option<String>, String> {
    let inquiry = wire::inquiry::parse(known.inquiry.get().as_bytes(), crate::clock::now());
    let inquiry = inquiry.map_err(|malformed| format!("inquiry.{malformed}"))?;
    let finding = docket.find(&inquiry, Posture::default()).map_err(|problem| problem.to_string())?;
    let possible: BTreeSet<&str> = finding.possible.iter().map(status_word).collect();
    let expected: BTreeSet<&str> = match known.expect.status.as_str() {
        "undetermined" => known.alt_status.iter().map(String::as_str).collect(),
        status => BTreeSet::from([status]),
    };
    let several = known.expect.status == "undetermined" && expected.is_empty() && possible.len() > 1;
    let words = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(" or ");
    if possible != expected && !several {
        return Ok(Some(format!("answers {}, not {}", words(&possible), words(&expected))));
    }
    let cited = docket::check::cited_by(&finding);
    let missing = known.expect.provisions.iter().find(|wanted| !cited.iter().any(|c| c.starts_with(wanted.as_str())));
    Ok(missing.map(|wanted| format!("is not grounded in {wanted} but in {}", cited.join(", "))))
}

impl Answers {
    /// A line for the whole, and one for each exception.
    pub(crate) fn summary(&self) -> String {
        let (given, asked, excepted) = (self.given, self.asked, self.excepted.len());
        let mut text = format!("{given} of {asked} known answers given, {excepted} excepted\n");
        for (id, reason) in &self.excepted {
            text.push_str(&format!("  excepted {id}: {reason}\n"));
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        let excepted = self.excepted.iter().map(|(id, reason)| json!({ "id": id, "reason": reason }));
        json!({ "asked": self.asked, "given": self.given, "excepted": excepted.collect::<Vec<_>>(), "wrong": self.wrong })
    }
}

//! AuthZEN 1.0 evaluations of many: defaults, and the three ways to stop.

use crate::finding;
use crate::inquiry::{Malformed, Members, RawAction, RawContext, RawResource, RawSubject, read, resolve};
use docket::finding::{Posture, Verdict};
use docket::{Docket, Finding, Inquiry};
use law::Time;
use serde::Deserialize;

/// More questions than this in one batch are refused.
pub const EVALUATIONS_MAX: usize = 20_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow, default)]
    subject: Option<RawSubject<'a>>,
    #[serde(borrow, default)]
    action: Option<RawAction<'a>>,
    #[serde(borrow, default)]
    resource: Option<RawResource<'a>>,
    #[serde(borrow, default)]
    context: Option<RawContext<'a>>,
    #[serde(borrow, default)]
    evaluations: Option<Vec<Members<'a>>>,
    #[serde(default)]
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    evaluations_semantic: Semantic,
}

/// When a batch stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    /// After the last question.
    #[default]
    ExecuteAll,
    /// After the first answer that is no permit.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// Answers one question, written as JSON. Question and finding are given to `seen` before.
///
/// # Errors
/// What is wrong with the question.
pub fn one(
    docket: &Docket,
    json: &[u8],
    posture: Posture,
    now: Time,
    seen: impl FnOnce(&Inquiry<'_>, &mut Finding),
) -> Result<String, Malformed> {
    let inquiry = crate::inquiry::parse(json, now)?;
    let mut out = String::with_capacity(1024);
    answer(docket, &inquiry, posture, now, &mut out, seen)?;
    Ok(out)
}

/// Answers a batch; a request without `evaluations` is a batch of one, answered as one. Every question
/// and its finding are given to `seen`.
///
/// # Errors
/// What is wrong with the request or with any of its questions: nothing is answered then.
pub fn many(
    docket: &Docket,
    json: &[u8],
    posture: Posture,
    now: Time,
    mut seen: impl FnMut(&Inquiry<'_>, &mut Finding),
) -> Result<String, Malformed> {
    let batch: Batch<'_> = read(json)?;
    let Batch { subject, action, resource, context, evaluations, options } = batch;
    let defaults = Members { subject, action, resource, context };
    let Some(evaluations) = evaluations.filter(|list| !list.is_empty()) else {
        let mut out = String::new();
        answer(docket, &resolve(defaults, now)?, posture, now, &mut out, seen)?;
        return Ok(out);
    };
    if evaluations.len() > EVALUATIONS_MAX {
        let message = format!("more than {EVALUATIONS_MAX} questions in one batch");
        return Err(Malformed { at: String::from("evaluations"), message });
    }
    let mut out = String::with_capacity(evaluations.len() * 512);
    out.push_str("{\"evaluations\":[");
    for (n, own) in evaluations.into_iter().enumerate() {
        let path = |malformed: Malformed| {
            let dot = if malformed.at.is_empty() { "" } else { "." };
            Malformed { at: format!("evaluations[{n}]{dot}{}", malformed.at), ..malformed }
        };
        let members = Members {
            subject: own.subject.or_else(|| defaults.subject.clone()),
            action: own.action.or_else(|| defaults.action.clone()),
            resource: own.resource.or_else(|| defaults.resource.clone()),
            context: own.context.or_else(|| defaults.context.clone()),
        };
        if n > 0 {
            out.push(',');
        }
        let inquiry = resolve(members, now).map_err(path)?;
        let verdict = answer(docket, &inquiry, posture, now, &mut out, &mut seen).map_err(path)?;
        let stop = match options.evaluations_semantic {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => verdict != Verdict::Permit,
            Semantic::PermitOnFirstPermit => verdict == Verdict::Permit,
        };
        if stop {
            break;
        }
    }
    out.push_str("]}");
    Ok(out)
}

fn answer(
    docket: &Docket,
    inquiry: &Inquiry<'_>,
    posture: Posture,
    now: Time,
    out: &mut String,
    seen: impl FnOnce(&Inquiry<'_>, &mut Finding),
) -> Result<Verdict, Malformed> {
    let mut found = docket.find(inquiry, posture).map_err(Malformed::from)?;
    seen(inquiry, &mut found);
    finding::write(out, &found, inquiry.known_at.unwrap_or(now));
    Ok(found.verdict)
}

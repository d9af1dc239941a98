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

/// What comes of a question, for whoever keeps count.
#[derive(Debug)]
pub enum Seen<'a, 'i> {
    /// It was answered.
    Answered(&'a Inquiry<'i>, &'a mut Finding),
    /// It is wrong.
    Refused(&'a Malformed),
}

/// Answers a batch; a request without `evaluations` is a batch of one, answered as one. A question that is wrong is
/// answered in its place by what is wrong with it, as a denial (AuthZEN § 7.2.1). What comes of every question is given to
/// `seen`.
///
/// # Errors
/// What is wrong with the request as a whole: nothing is answered then.
pub fn many(
    docket: &Docket,
    json: &[u8],
    posture: Posture,
    now: Time,
    mut seen: impl FnMut(Seen<'_, '_>),
) -> Result<String, Malformed> {
    let batch: Batch<'_> = read(json)?;
    let Batch { subject, action, resource, context, evaluations, options } = batch;
    let defaults = Members { subject, action, resource, context };
    let Some(evaluations) = evaluations.filter(|list| !list.is_empty()) else {
        let mut out = String::new();
        let answered = |inquiry: &Inquiry<'_>, found: &mut Finding| seen(Seen::Answered(inquiry, found));
        answer(docket, &resolve(defaults, now)?, posture, now, &mut out, answered)?;
        return Ok(out);
    };
    if evaluations.len() > EVALUATIONS_MAX {
        let message = format!("more than {EVALUATIONS_MAX} questions in one batch");
        return Err(Malformed { at: String::from("evaluations"), message });
    }
    let mut out = String::with_capacity(evaluations.len() * 512);
    out.push_str("{\"evaluations\":[");
    for (n, own) in evaluations.into_iter().enumerate() {
        let members = Members {
            subject: own.subject.or_else(|| defaults.subject.clone()),
            action: own.action.or_else(|| defaults.action.clone()),
            resource: own.resource.or_else(|| defaults.resource.clone()),
            context: own.context.or_else(|| defaults.context.clone()),
        };
        if n > 0 {
            out.push(',');
        }
        let answered = resolve(members, now).and_then(|inquiry| {
            answer(docket, &inquiry, posture, now, &mut out, |inquiry, found| seen(Seen::Answered(inquiry, found)))
        });
        let verdict = answered.unwrap_or_else(|malformed| {
            out.push_str(&refused(&malformed));
            seen(Seen::Refused(&malformed));
            Verdict::Forbid
        });
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

/// The place of an answer taken by what is wrong with its question.
fn refused(malformed: &Malformed) -> String {
    let error = serde_json::json!({ "status": 400, "at": malformed.at, "message": malformed.message });
    serde_json::json!({ "decision": false, "context": { "error": error } }).to_string()
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

#[cfg(test)]
mod tests {
    use super::{EVALUATIONS_MAX, Seen, many, one};
    use docket::Docket;
    use docket::docket::Source;
    use docket::finding::Posture;
    use serde_json::Value;

    /// How many requests are tried.
    const REQUESTS: usize = 30_000;
    const NOW: i64 = 1_600_700_000;

    fn docket() -> Docket {
        let order = "instrument zz { title \"T\" ; jurisdiction US ; rank agency ; authority \"A\" ; zone UTC ; issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source \"x\" ; prohibit 1 from 2020-02-01 { app wechat ; act app.distribute ; actor business ; users-in US ; when form mobile } }\n";
        let subject = "app wechat { name \"WeChat\" ; android com.tencent.mm ; domain wechat.com ; evidence seen ; source \"x\" }\n";
        let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        Docket::load(vec![file("a.order", order), file("a.subject", subject)]).unwrap()
    }

    const BATCH: &str = r#"{"subject":{"type":"business","id":"s","properties":{"role":"app-store"}},"action":{"name":"app.distribute"},"resource":{"type":"domain","id":"wechat.com"},"context":{"valid_at":"2020-09-21T12:00:00-04:00","known_at":null,"place":"US-NY","facts":{"form":"mobile","accessible_in":["US","CA"],"for_fee":true}},"evaluations":[{},{"resource":{"type":"app","id":"wechat"}}],"options":{"evaluations_semantic":"execute_all"}}"#;

    /// xorshift: the same requests in every run.
    fn below(state: &mut u64, limit: usize) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 16) as usize % limit.max(1)
    }

    /// A request with bytes changed, taken out, doubled, or put in the place of others.
    fn mutant(state: &mut u64) -> Vec<u8> {
        let mut bytes = BATCH.as_bytes().to_vec();
        for _ in 0..1 + below(state, 4) {
            if bytes.is_empty() {
                break;
            }
            let at = below(state, bytes.len());
            match below(state, 5) {
                0 => bytes[at] = below(state, 256) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at.max(1)),
                3 => bytes[at] = b"{}[]\",:0e\\"[below(state, 10)],
                _ => {
                    let end = (at + below(state, 40)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let to = below(state, bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        bytes
    }

    #[test]
    fn no_request_is_too_broken_to_be_refused() {
        let docket = docket();
        let mut state = 0x1DE_C1DE;
        let (mut answered, mut refused) = (0, 0);
        for _ in 0..REQUESTS {
            let body = mutant(&mut state);
            if let Err(malformed) = one(&docket, &body, Posture::default(), NOW, |_, _| {}) {
                assert!(!malformed.message.is_empty() && malformed.message.len() < 4_000);
            }
            let mut seen = 0;
            match many(&docket, &body, Posture::default(), NOW, |_| seen += 1) {
                Ok(text) => {
                    answered += 1;
                    let value: Value = serde_json::from_str(&text).unwrap();
                    let list = value["evaluations"].as_array().map_or(1, Vec::len);
                    assert_eq!(list, seen, "{text}");
                }
                Err(malformed) => {
                    refused += 1;
                    assert!(!malformed.message.is_empty() && malformed.message.len() < 4_000);
                    assert_eq!(seen, 0, "nothing is decided of what is refused as a whole");
                }
            }
        }
        assert!(answered > REQUESTS / 50 && refused > REQUESTS / 4, "{answered} answered, {refused} refused");
    }

    #[test]
    fn a_wrong_question_is_told_in_its_place_and_counted() {
        let docket = docket();
        let body = BATCH.replace("\"id\":\"wechat\"", "\"id\":\"we chat\"");
        let (mut answered, mut refused) = (0, Vec::new());
        let text = many(&docket, body.as_bytes(), Posture::default(), NOW, |seen| match seen {
            Seen::Answered(..) => answered += 1,
            Seen::Refused(malformed) => refused.push(malformed.at.clone()),
        });
        let value: Value = serde_json::from_str(&text.unwrap()).unwrap();
        assert_eq!((answered, refused.as_slice()), (1, [String::from("resource.id")].as_slice()));
        assert_eq!(value["evaluations"][0]["decision"], false, "prohibited in 2020");
        assert_eq!(value["evaluations"][1]["context"]["error"]["at"], "resource.id");
    }

    #[test]
    fn a_batch_has_an_end() {
        let docket = docket();
        let questions = vec!["{}"; EVALUATIONS_MAX + 1].join(",");
        let body = BATCH.replace("{},{\"resource\":{\"type\":\"app\",\"id\":\"wechat\"}}", &questions);
        let refused = many(&docket, body.as_bytes(), Posture::default(), NOW, |_| {}).unwrap_err();
        assert_eq!(refused.at, "evaluations");
    }
}

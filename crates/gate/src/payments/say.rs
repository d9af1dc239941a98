//! A screened transaction and the accounts of a run as JSON, members in a fixed order.

use super::Outcome;
use super::judge::{Answer, Evidence};
use super::place::Whereabouts;
use super::run::{Accounts, Item, Screened, written};
use docket::finding::status_word;
use docket::moment::format_rfc3339;
use screening::Says;
use serde_json::{Value, json};

/// One item as a JSON object.
#[must_use]
pub fn item(item: &Item<'_>, file: &str, as_if: bool) -> Value {
    match item {
        Item::Payment(screened) => payment(screened, file, as_if),
        Item::Unread(bytes, fault) => json!({
            "file": file,
            "bytes": [bytes.start, bytes.end],
            "outcome": Outcome::Review.word(),
            "unread": { "at": fault.at, "why": fault.why },
            "as_if": as_if,
        }),
    }
}

fn payment(screened: &Screened<'_>, file: &str, as_if: bool) -> Value {
    let judged = screened.judged;
    let [message, instruction, end_to_end, transaction, uetr] = screened.ids();
    let mut value = json!({
        "file": file,
        "transaction": screened.number,
        "bytes": [screened.bytes.start, screened.bytes.end],
        "message_type": screened.message,
        "ids": {
            "message": message,
            "batch": screened.context.batch.any(Says::BatchId),
            "instruction": instruction,
            "end_to_end": end_to_end,
            "transaction": transaction,
            "uetr": uetr,
        },
        "amount": screened.amount.map(|(amount, _)| written(amount)),
        "currency": screened.amount.map(|(_, currency)| currency),
        "outcome": judged.outcome().word(),
        "as_if": as_if,
    });
    let Some(members) = value.as_object_mut() else { return value };
    if let Some(before) = &screened.before {
        members.insert(
            String::from("before"),
            json!({
                "first": format_rfc3339(before.first),
                "outcome": before.outcome.word(),
                "again": before.again,
                "differs": before.differs,
            }),
        );
    }
    if judged.evidence.is_empty() && judged.reasons.is_empty() {
        return value;
    }
    members.insert(String::from("reasons"), json!(judged.reasons));
    let date = judged.date.map(|(date, from)| json!({ "day": date.to_string(), "from": date_source(from) }));
    members.insert(String::from("value_date"), json!(date));
    let party = |at: &Whereabouts, is: super::party::Being| {
        json!({
            "place": at.place.map(|place| place.to_string()),
            "from": at.basis.map(super::place::Basis::words),
            "contradicted": at.contradicted,
            "is": is.word(),
        })
    };
    members.insert(String::from("payer"), party(&judged.payer, judged.payer_is));
    members.insert(String::from("payee"), party(&judged.payee, judged.payee_is));
    members.insert(String::from("evidence"), judged.evidence.iter().map(evidence).collect());
    members.insert(String::from("law"), judged.law.iter().map(|answer| law(answer)).collect());
    value
}

fn date_source(says: Says) -> &'static str {
    if says == Says::ValueDate {
        "value date"
    } else if says == Says::Accepted {
        "acceptance"
    } else {
        "creation of the message"
    }
}

fn evidence(evidence: &Evidence) -> Value {
    json!({
        "subject": evidence.subject,
        "alias": evidence.alias,
        "source": evidence.source,
        "grade": evidence.grade.word(),
        "role": evidence.role.word(),
        "takes_part": evidence.role.takes_part(),
        "moves_money": evidence.moves_money,
        "path": evidence.path,
        "text": evidence.text,
        "matched": [evidence.matched.start, evidence.matched.end],
        "letters": evidence.letters,
        "aligned": evidence.aligned.iter().map(|pair| json!({
            "text": pair.text, "alias": pair.alias, "similarity_permille": pair.similarity_permille,
        })).collect::<Vec<_>>(),
        "unmatched": evidence.unmatched,
        "alias_unmatched": evidence.alias_unmatched,
        "bytes": [evidence.bytes.start, evidence.bytes.end],
        "bytes_are": if evidence.exact_bytes { "the match" } else { "the field" },
    })
}

fn law(answer: &Answer) -> Value {
    let finding = &answer.finding;
    json!({
        "subject": answer.subject,
        "verdict": answer.verdict.word(),
        "possible": answer.possible.iter().map(status_word).collect::<Vec<_>>(),
        "grounds": finding.grounds.iter().map(|ground| json!({
            "provision": ground.provision,
            "status": status_word(ground.status),
            "by": ground.by,
            "why": ground.why,
        })).collect::<Vec<_>>(),
        "day": [format_rfc3339(answer.day.start), format_rfc3339(answer.day.end)],
        "until": (finding.until < law::time::FOREVER).then(|| format_rfc3339(finding.until)),
        "needs": finding.needs,
        "unless": finding.unless.iter().map(|claim| json!({
            "facts": claim.facts.iter().map(|(fact, is)| json!({ "fact": fact, "is": is })).collect::<Vec<_>>(),
            "by": claim.by,
        })).collect::<Vec<_>>(),
        "caveats": finding.caveats,
        "override": finding.overruled.as_ref().map(|by| json!({
            "entry": by.entry, "by": by.by, "until": format_rfc3339(by.until),
            "unread_since": by.unread_since.map(format_rfc3339),
        })),
        "edition": finding.edition,
    })
}

/// What to send to whoever sent a message.
#[must_use]
pub fn answer(answer: &super::answer::Written) -> Value {
    json!({ "answer": { "id": answer.id, "xml": answer.xml } })
}

/// The accounts as a JSON object.
#[must_use]
pub fn accounts(accounts: &Accounts, edition: &str, as_if: bool) -> Value {
    let outcomes: serde_json::Map<String, Value> =
        Outcome::ALL.iter().map(|outcome| (outcome.word().to_owned(), json!(accounts.of(*outcome)))).collect();
    let repeats = accounts.repeats;
    let repeats = repeats.kept.then(|| {
        json!({
            "again": repeats.again,
            "anew": repeats.anew,
            "otherwise": repeats.otherwise,
            "without_ids": repeats.unidentified,
        })
    });
    json!({ "summary": {
        "in": accounts.came_in,
        "outcomes": outcomes,
        "unread": accounts.unread,
        "bytes": accounts.bytes,
        "balance": accounts.balance(),
        "money": accounts.money.iter().map(|((outcome, currency), sum)| json!({
            "outcome": outcome.word(), "currency": currency, "sum": written(*sum),
        })).collect::<Vec<_>>(),
        "provisions": accounts.provisions.iter().map(|((outcome, provision), cited)| json!({
            "outcome": outcome.word(), "provision": provision, "transactions": cited.transactions,
            "money": cited.money.iter().map(|(currency, sum)| json!({
                "currency": currency, "sum": written(*sum),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "by_hand": accounts.by_hand,
        "before": repeats,
        "late": accounts.late,
        "law": edition,
        "as_if": as_if,
    }})
}

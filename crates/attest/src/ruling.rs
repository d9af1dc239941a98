//! What people decided where law left it to them.
//!
//! A ruling is a statement like any other: signed, taken up by a log, taken back by a revocation. It takes the group
//! `override` of the trust document and never fewer than two people, each of whom may decide under every order that is
//! named. It speaks of one decision and ends by itself.

use crate::history::{Record, View};
use crate::json;
use crate::statement::{Type, compose, named_subject};
use crate::timeline::{Time, Timeline, Window};
use serde_json::Value;
use std::collections::BTreeMap;

/// The group of the trust document that decides what law leaves to people.
pub const GROUP: &str = "override";

/// Nobody decides alone.
const PEOPLE_MIN: usize = 2;

/// The decision that a ruling is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The log of decisions it is in.
    pub origin: String,
    /// Its index there.
    pub index: u64,
    /// The hash of its leaf, lower-case hexadecimal.
    pub leaf: String,
}

/// A ruling that counts.
#[derive(Clone, Debug)]
pub struct Ruling<'h> {
    /// Where it is recorded.
    pub record: &'h Record,
    /// What it is about.
    pub decision: Decision,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Who decided.
    pub by: Vec<&'h str>,
    /// From when the log took it up until it ends or is taken back.
    pub window: Window,
}

/// A ruling nobody has signed yet: about a decision under these orders, until an instant, for a reason that is committed
/// to and not told.
#[must_use]
pub fn composed(
    decision: &Decision,
    orders: &[String],
    permits: bool,
    expires: Time,
    reason: &str,
    now: Time,
) -> Value {
    let subjects: Vec<Value> = orders.iter().map(|order| named_subject(&format!("order:{order}"))).collect();
    let predicate = serde_json::json!({
        "timeCreated": json::format_time(now),
        "decision": { "origin": decision.origin, "index": decision.index, "leaf": decision.leaf },
        "ruling": if permits { "permit" } else { "forbid" },
        "expires": json::format_time(expires),
        "reason": reason,
    });
    compose(Type::Override, &subjects, &predicate)
}

/// The rulings that count, in the order in which they were taken up.
#[must_use]
pub fn rulings<'h>(view: &View<'h>) -> Vec<Ruling<'h>> {
    view.of_type(Type::Override).filter_map(|record| weighed(view, record).ok()).collect()
}

/// What a record of this type decides.
///
/// # Errors
/// Why it decides nothing.
pub fn weighed<'r>(view: &View<'r>, record: &'r Record) -> Result<Ruling<'r>, String> {
    let text = |pointer: &str| record.statement.claim(pointer).and_then(Value::as_str);
    let needed = |pointer: &'static str| text(pointer).ok_or_else(|| format!("`{pointer}` is missing"));
    let index =
        record.statement.claim("/decision/index").and_then(Value::as_u64).ok_or("`/decision/index` is missing")?;
    let (origin, leaf) = (needed("/decision/origin")?.to_owned(), needed("/decision/leaf")?.to_owned());
    let permits = match needed("/ruling")? {
        "permit" => true,
        "forbid" => false,
        other => return Err(format!("`{other}` is neither `permit` nor `forbid`")),
    };
    let expires = json::parse_time(needed("/expires")?).ok_or("`/expires` is no instant")?;
    if permits && record.is_late {
        return Err(String::from("the trust document had expired, and nothing is permitted on it"));
    }
    let trust = view.trust();
    if trust.group(GROUP).is_none() {
        return Err(format!("the trust document has no group `{GROUP}`, so nobody decides what law leaves to people"));
    }
    let heard = record.statement.subjects.iter().map(|subject| view.speakers(record, subject));
    let by = heard.reduce(|all, each| all.intersection(&each).copied().collect()).unwrap_or_default();
    let windows: BTreeMap<&str, Timeline> = by
        .iter()
        .map(|person| {
            let until = expires.min(record.statement.not_after).min(view.revoked(record, person));
            (*person, [Window { from: record.time, until }].into_iter().collect())
        })
        .collect();
    let of = |person: &str| windows.get(person).cloned().unwrap_or_default();
    let (enough, several) = (trust.support(GROUP, &of), Timeline::at_least(PEOPLE_MIN, windows.values()));
    // What has been taken back does not come again.
    let window = enough.and(&several).windows().first().copied().filter(|window| window.from == record.time);
    let window = window.ok_or_else(|| {
        let said = if by.is_empty() { String::from("nobody") } else { by.iter().copied().collect::<Vec<_>>().join(", ") };
        format!("it takes `{GROUP}` and {PEOPLE_MIN} people who may decide under all its orders; {said} signed, or it is over")
    })?;
    let decision = Decision { origin, index, leaf };
    Ok(Ruling { record, decision, permits, by: by.into_iter().collect(), window })
}

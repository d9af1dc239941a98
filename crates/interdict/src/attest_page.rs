//! The conditions that were attested to, for the pages of the console.

use crate::attest::told;
use crate::attest_folder::{self, Attestations, Statements};
use attest::History;
use attest::timeline::Time;
use console::Conditions;
use console::conditions::{Act, Condition, Missing, Said, Standing, Taken};
use docket::moment::parse_rfc3339;
use serde_json::Value;
use std::sync::Arc;

/// How the conditions stand, read anew each time. Without statements, the shipped ones with all that they miss.
pub(crate) fn conditions(statements: Option<Statements>) -> Conditions {
    Arc::new(move |now| {
        let read = match &statements {
            Some(statements) => statements.read()?,
            None => Arc::new(Attestations::new(Vec::new(), History::none(), Vec::new())?),
        };
        let conditions = read.conditions.iter().enumerate();
        let conditions = conditions.map(|(number, one)| shown(one, &told(&read, number, now, None, None)));
        Ok(Standing { is_attested: statements.is_some(), conditions: conditions.collect() })
    })
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn said(told: &Value) -> Said {
    let words = |name: &str| -> Vec<String> {
        told.get(name).and_then(Value::as_array).into_iter().flatten().map(word).collect()
    };
    let text = |name: &str| told.get(name).map(word).unwrap_or_default();
    let says = told.get("says").filter(|says| !says.is_null());
    Said {
        entry: told.get("entry").and_then(Value::as_u64).unwrap_or_default(),
        kind: text("type"),
        about: words("about"),
        signed_by: words("signed_by"),
        taken_up: parse_rfc3339(&text("taken_up")).unwrap_or_default(),
        sha256: text("sha256"),
        says: says.and_then(|says| serde_json::to_string_pretty(says).ok()),
        rests: told.get("rests") == Some(&Value::Bool(true)),
    }
}

fn shown(condition: &attest::Condition, told: &Value) -> Condition {
    let at = |value: &Value| -> Option<Time> { parse_rfc3339(value.as_str()?).ok() };
    let is = |name: &str| told.get(name) == Some(&Value::Bool(true));
    let member = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let list = |name: &str| told.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let who = |value: &Value| {
        let (name, members) = (word(&member(value, "name")), member(value, "members"));
        let members: Vec<String> = members.as_array().into_iter().flatten().map(word).collect();
        if members.is_empty() || members == [name.as_str()] { name } else { format!("{name} ({})", members.join(", ")) }
    };
    Condition {
        id: word(&member(told, "condition")),
        order: word(&member(told, "order")),
        is_met: is("met"),
        until: at(&member(told, "until")),
        takes: list("takes")
            .iter()
            .map(|one| Taken {
                requirement: word(&member(one, "requirement")),
                asks: word(&member(one, "asks")),
                by: who(&member(one, "by")),
            })
            .collect(),
        unknown: list("unknown_names").iter().map(word).collect(),
        artefact: told.get("artifact").and_then(Value::as_str).map(str::to_owned),
        holds: list("holds").iter().map(word).collect(),
        missing: list("missing")
            .iter()
            .map(|missing| Missing {
                requirement: word(&member(missing, "requirement")),
                why: word(&member(missing, "why")),
                by: who(&member(missing, "by")),
            })
            .collect(),
        lapses: list("would_lapse")
            .iter()
            .filter_map(|lapse| Some((word(&member(lapse, "requirement")), at(&member(lapse, "until"))?)))
            .collect(),
        acts: list("acts")
            .iter()
            .filter_map(|act| {
                Some(Act {
                    entry: act.get("entry").and_then(Value::as_u64).unwrap_or_default(),
                    verb: word(&member(act, "act")),
                    from: at(&member(act, "from"))?,
                    until: at(&member(act, "until")),
                    is_conditional: member(act, "conditional") == Value::Bool(true),
                })
            })
            .collect(),
        authority: who(&member(told, "authority")),
        needs_artefact: is("needs_artifact"),
        counts: is("counts_in_law"),
        counts_until: at(&member(told, "counts_until")),
        on_lapse: word(&member(told, "on_lapse")),
        instruments: attest_folder::prefix(condition),
        said: list("said").iter().map(said).collect(),
    }
}

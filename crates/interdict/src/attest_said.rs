//! What was said that a condition looks at: the statements it rests on and those it does not, who signed each, and what each
//! says. Whoever asks why an order was lifted walks from here to the signatures.

use crate::attest_folder::Attestations;
use attest::condition::About;
use attest::history::{Record, View};
use attest::statement::{Subject, Type};
use attest::timeline::Time;
use attest::{Condition, json as strict};
use serde_json::{Value, json};

/// Statements that are told of one condition, the newest: what a person reads. Those it rests on come on top of them.
const SAID_MAX: usize = 200;

/// The longest content that is told; a longer one is read where the statement lies.
const SAYS_BYTES_MAX: usize = 4_096;

/// Whether a condition looks at statements like this one.
fn concerns(condition: &Condition, record: &Record) -> bool {
    let (kind, subjects) = (record.statement.kind, &record.statement.subjects);
    let about = |about: &About| match about {
        About::Order => subjects.contains(&condition.order_subject()),
        About::Named(subject) => subjects.contains(subject),
        About::Artifact | About::Joined { .. } => true,
    };
    subjects.contains(&condition.order_subject())
        || condition.requirements().iter().any(|requirement| requirement.kind == kind && about(&requirement.subject))
}

/// The statements, the newest first; `rests` are the entries it rests on now.
pub(crate) fn said(
    read: &Attestations,
    condition: &Condition,
    view: &View<'_>,
    known_at: Option<Time>,
    rests: &[u64],
) -> Vec<Value> {
    let is_rested_on = |record: &Record| rests.contains(&record.index);
    // A revocation is looked at for what it takes back.
    let looked_at = |record: &Record| {
        let taken_back = || read.history.targeted_by(record.index);
        concerns(condition, record)
            || record.statement.kind == Type::Revocation && taken_back().iter().any(|taken| concerns(condition, taken))
    };
    let known = |record: &&Record| known_at.is_none_or(|known_at| record.time <= known_at);
    let mut others = 0;
    let told = read.history.records().iter().rev().filter(known).filter(|record| {
        others += usize::from(!is_rested_on(record) && looked_at(record));
        is_rested_on(record) || looked_at(record) && others <= SAID_MAX
    });
    told.map(|record| told_of(view, record, is_rested_on(record))).collect()
}

fn told_of(view: &View<'_>, record: &Record, is_rested_on: bool) -> Value {
    let subjects: Vec<&str> = record.statement.subjects.iter().map(Subject::text).collect();
    let says = Some(&record.statement.predicate).filter(|says| says.to_string().len() <= SAYS_BYTES_MAX);
    json!({
        "entry": record.index, "type": record.statement.kind.name(), "about": subjects, "signed_by": view.signers(record),
        "taken_up": strict::format_time(record.time), "sha256": record.digest, "says": says, "rests": is_rested_on,
    })
}

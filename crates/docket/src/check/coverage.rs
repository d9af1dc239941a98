//! What the cases show of each statement that forbids, permits or acts on what does: without it one of them fails.

use super::{Report, breaks, silent, spread};
use crate::docket::Docket;
use crate::fault::Fault;
use crate::lower::Origin;
use crate::order::{Case, Kind, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// Adds to the report what is covered and what is not.
pub(super) fn cover(docket: &Docket, citing: &BTreeMap<Origin, Vec<&Case>>, report: &mut Report) {
    let mut acting: Vec<(Origin, &Statement, String)> = Vec::new();
    for (n, instrument) in docket.corpus().instruments.iter().enumerate() {
        for (m, statement) in instrument.statements.iter().enumerate() {
            if matches!(statement.kind, Kind::Prohibit(_) | Kind::Permit(_) | Kind::Effect(_) | Kind::Attest { .. }) {
                let origin = Origin { instrument: n, statement: m };
                let name = format!("{}:{}", instrument.id, statement.id);
                if docket.lowered().reaches(origin) {
                    acting.push((origin, statement, name));
                }
            }
        }
    }
    report.statements = acting.len();
    let removing: Vec<Origin> =
        acting.iter().filter(|(_, statement, _)| silent(statement)).map(|(origin, ..)| *origin).collect();
    let uses = spread(&acting, |(origin, statement, _)| {
        used(docket, *origin, statement, citing.get(origin).map(Vec::as_slice).unwrap_or_default(), &removing)
    });
    let help = "add a case whose answer would be another without it";
    for ((_, statement, name), used) in acting.iter().zip(uses) {
        let fault = |message: String| Fault::error(message, &statement.id_span, "not covered").help(help);
        match used {
            Use::Covered => {}
            Use::Second => report.second += 1,
            Use::Redundant => {
                let (message, why) = (format!("{name} changes no answer at all"), "idle: other law does the same");
                report.redundant.push(Fault::warning(message, &statement.id_span, why));
            }
            Use::Uncited => report.uncited.push(fault(format!("no case shows what {name} does"))),
            Use::Idle => report.idle_in_cases.push(fault(format!("deleting {name} breaks no case"))),
        }
    }
}

/// What the cases show of a statement.
enum Use {
    /// Without it a case fails.
    Covered,
    /// Without it nothing would be different, and a case shows that it would be without the law that is ahead of it.
    Second,
    /// Without it nothing would be different, in any case whatever.
    Redundant,
    /// No case cites it.
    Uncited,
    /// Cases cite it, and none fails without it.
    Idle,
}

fn used(docket: &Docket, origin: Origin, statement: &Statement, citing: &[&Case], silents: &[Origin]) -> Use {
    let less = docket.lowered().without(&BTreeSet::from([origin]));
    let broken = |case: &Case| breaks(docket, &less, case);
    if citing.iter().any(|case| broken(case)) || (silent(statement) && docket.corpus().cases.iter().any(broken)) {
        Use::Covered
    } else if law::compile::equivalent(&docket.lowered().law, &less) == Ok(true) {
        let ahead = |other: &&Origin| **other != origin && shows_second(docket, origin, **other);
        if silents.iter().any(|other| ahead(&other)) { Use::Second } else { Use::Redundant }
    } else if citing.is_empty() {
        Use::Uncited
    } else {
        Use::Idle
    }
}

/// Whether a case holds without `ahead`, which does the same as `origin`, and fails without both.
fn shows_second(docket: &Docket, origin: Origin, ahead: Origin) -> bool {
    let neither = docket.lowered().without(&BTreeSet::from([origin, ahead]));
    let alone = docket.lowered().without(&BTreeSet::from([ahead]));
    docket.corpus().cases.iter().any(|case| breaks(docket, &neither, case) && !breaks(docket, &alone, case))
}

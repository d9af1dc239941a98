//! Is the corpus right? Every case on both engines, what they cover, and what the tables show to be odd.

mod coverage;

use crate::docket::{ALL_THAT_IS_KNOWN, Docket};
use crate::fault::{Fault, Grade};
use crate::finding::{Finding, Posture, status_word};
use crate::lint;
use crate::lower::Origin;
use crate::order::{Case, Kind, Statement};
use law::law::Law;
use law::{Period, Statuses, reference};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

/// What checking a corpus found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases asked.
    pub cases: usize,
    /// Cases whose answer is not the expected one, and what differs.
    pub failed: Vec<(String, Fault)>,
    /// Statements in force over conduct, or acting on them, that no case cites.
    pub uncited: Vec<Fault>,
    /// Cited statements whose deletion breaks no case.
    pub idle_in_cases: Vec<Fault>,
    /// Statements that other law is always ahead of; cases show that they would answer if it were not there.
    pub second: usize,
    /// Statements without which every answer and every proof would be the same.
    pub redundant: Vec<Fault>,
    /// How many statements can be covered.
    pub statements: usize,
    /// What is odd or wrong about the law itself, most of it seen in the compiled tables.
    pub lints: Vec<Fault>,
}

impl Report {
    /// Whether nothing is wrong: every case holds, everything is covered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let wrong = |fault: &Fault| fault.grade == Grade::Error;
        self.failed.is_empty()
            && self.uncited.is_empty()
            && self.idle_in_cases.is_empty()
            && !self.lints.iter().any(wrong)
    }
}

/// Checks a loaded corpus.
#[must_use]
pub fn check(docket: &Docket) -> Report {
    let mut report = Report { cases: docket.corpus().cases.len(), ..Report::default() };
    let mut citing: BTreeMap<Origin, Vec<&Case>> = BTreeMap::new();
    let cases = &docket.corpus().cases;
    for (case, examined) in cases.iter().zip(spread(cases, |case| examine(docket, case))) {
        match examined {
            Ok(cited) => cited.into_iter().for_each(|origin| citing.entry(origin).or_default().push(case)),
            Err(difference) => {
                let fault = Fault::error(difference, &case.span, "expected here");
                report.failed.push((case.title.clone(), fault));
            }
        }
    }
    coverage::cover(docket, &citing, &mut report);
    let weighed: BTreeSet<Origin> = citing.keys().copied().collect();
    report.lints = lint::lints(docket, &weighed);
    // What is never a reason needs no second word that it changes nothing.
    let told: BTreeSet<(usize, usize)> =
        report.lints.iter().map(|lint| (lint.span.file, lint.span.bytes.start)).collect();
    let more = report.redundant.iter().filter(|fault| !told.contains(&(fault.span.file, fault.span.bytes.start)));
    report.lints.extend(more.cloned().collect::<Vec<_>>());
    report
}

/// Asks a case of both engines; returns what the proof cites.
fn examine(docket: &Docket, case: &Case) -> Result<BTreeSet<Origin>, String> {
    let finding = docket.find(&case.inquiry, Posture::default()).map_err(|problem| problem.to_string())?;
    if let Some(difference) = differs(case, &finding) {
        return Err(difference);
    }
    let Some(decision) = docket.decide(&case.inquiry).map_err(|problem| problem.to_string())? else {
        return Ok(BTreeSet::new());
    };
    let outcome = docket.outcome(decision);
    let asked = docket.ask(&case.inquiry).map_err(|problem| problem.to_string())?;
    let known_at = case.inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
    if let Some(numbers) = &asked.case {
        let window = Period { from: decision.from, until: decision.until };
        let agree =
            reference::confirms(&docket.lowered().law, numbers, case.inquiry.valid_at, known_at, &outcome, window);
        if !agree {
            return Err(String::from("the engine and the definition disagree; this is a fault of the program"));
        }
    }
    Ok(docket.cited(&outcome))
}

/// How a finding differs from what a case expects.
#[must_use]
pub fn differs(case: &Case, finding: &Finding) -> Option<String> {
    let cited = cited_by(finding);
    let cites = |wanted: &str| {
        cited.iter().any(|c| c == wanted || c.split(':').next() == Some(wanted) || wanted.split(':').next() == Some(c))
    };
    let grounds = if cited.is_empty() { String::from("nothing") } else { cited.join(", ") };
    if finding.possible != case.expect {
        return Some(format!("`{}` answers {}, grounded in {grounds}", case.title, list(finding.possible)));
    }
    if let Some(missing) = case.by.iter().find(|wanted| !cites(wanted)) {
        return Some(format!("`{}` is not grounded in {missing} but in {grounds}", case.title));
    }
    if let Some(until) = case.until.filter(|until| *until != finding.until) {
        let (wanted, found) = (crate::moment::format_rfc3339(until), crate::moment::format_rfc3339(finding.until));
        return Some(format!("`{}` holds until {found}, not {wanted}", case.title));
    }
    if let Some(from) = case.from.filter(|from| *from != finding.from) {
        let (wanted, found) = (crate::moment::format_rfc3339(from), crate::moment::format_rfc3339(finding.from));
        return Some(format!("`{}` holds since {found}, not {wanted}", case.title));
    }
    if let Some(missing) = case.needs.iter().find(|fact| !finding.needs.contains(fact)) {
        return Some(format!("`{}` does not need {missing} but {}", case.title, finding.needs.join(", ")));
    }
    let claimable: Vec<&str> = finding.unless.iter().map(|claim| claim.by.as_str()).collect();
    let missing = case.unless.iter().find(|wanted| !claimable.contains(&wanted.as_str()))?;
    Some(format!("`{}` would not be excepted by {missing} but by {}", case.title, claimable.join(", ")))
}

/// The cases that show what a statement does, each with whether it holds: those that cite it, and for law that acts by
/// taking other law away, and so stands in no proof, those that would fail without it.
#[must_use]
pub fn shown_by<'d>(docket: &'d Docket, origin: Origin) -> Vec<(&'d Case, bool)> {
    let Some((_, statement)) = docket.origin(origin) else { return Vec::new() };
    let citation = docket.citation(origin);
    let less = silent(statement).then(|| docket.lowered().without(&BTreeSet::from([origin])));
    let examined = |case: &'d Case| {
        let finding = docket.find(&case.inquiry, Posture::default()).ok()?;
        let fails = || less.as_ref().is_some_and(|less| breaks(docket, less, case));
        let concerns = cited_by(&finding).contains(&citation) || case.by.contains(&citation) || fails();
        concerns.then(|| (case, differs(case, &finding).is_none()))
    };
    docket.corpus().cases.iter().filter_map(examined).collect()
}

/// Delays, revocations and met conditions act by taking law away: they stand in no proof.
fn silent(statement: &Statement) -> bool {
    matches!(statement.kind, Kind::Effect(_) | Kind::Attest { .. })
}

/// Every citation of a finding's grounds, provisions first.
#[must_use]
pub fn cited_by(finding: &Finding) -> Vec<String> {
    let provisions = finding.grounds.iter().map(|reason| reason.provision.clone());
    let mut cited: Vec<String> = provisions.chain(finding.grounds.iter().flat_map(|r| r.by.clone())).collect();
    let mut seen = BTreeSet::new();
    cited.retain(|citation| seen.insert(citation.clone()));
    cited
}

pub(crate) fn list(statuses: Statuses) -> String {
    statuses.iter().map(status_word).collect::<Vec<_>>().join(" or ")
}

/// What `each` makes of the items, in their order, made on every processor there is.
fn spread<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Items differ a hundredfold in work, so each worker takes the next one when it is free.
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| {
            let n = next.fetch_add(1, Ordering::Relaxed);
            items.get(n).map(|item| (n, each(item)))
        });
        taken.collect::<Vec<(usize, R)>>()
    };
    let mut made: Vec<(usize, R)> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let finish = |worker: ScopedJoinHandle<'_, Vec<(usize, R)>>| match worker.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        started.into_iter().flat_map(finish).collect()
    });
    made.sort_unstable_by_key(|(n, _)| *n);
    made.into_iter().map(|(_, made)| made).collect()
}

/// Whether a case fails under other law.
fn breaks(docket: &Docket, law: &Law, case: &Case) -> bool {
    let Ok(asked) = docket.ask(&case.inquiry) else { return false };
    let Some(numbers) = asked.case else { return false };
    let known_at = case.inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN);
    let outcome = reference::answer(law, &numbers, case.inquiry.valid_at, known_at);
    if outcome.statuses != case.expect {
        return true;
    }
    let reasons = docket.reasons(&outcome);
    let cited: Vec<&str> =
        reasons.iter().flat_map(|r| r.by.iter().map(String::as_str).chain([r.provision.as_str()])).collect();
    case.by.iter().any(|wanted| {
        !cited
            .iter()
            .any(|c| *c == wanted || c.split(':').next() == Some(wanted) || wanted.split(':').next() == Some(*c))
    })
}

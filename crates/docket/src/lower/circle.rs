//! Provisions that would prevail over one another in a circle: then none of them does.

use super::Lowered;
use crate::fault::Fault;
use crate::order::Corpus;
use law::law::ProvisionId;
use std::collections::BTreeSet;

/// One fault for each circle of `overrides` and `subject-to`.
pub(super) fn circles(lowered: &Lowered, corpus: &Corpus) -> Vec<Fault> {
    let below = yields(lowered);
    let mut settled: BTreeSet<ProvisionId> = BTreeSet::new();
    let mut faults = Vec::new();
    for start in (0..).zip(&below).map(|(p, _)| p) {
        let mut path: Vec<(ProvisionId, usize)> = vec![(start, 0)];
        while let Some((p, next)) = path.last_mut() {
            let (p, over) = (*p, below.get(*p as usize).and_then(|over| over.get(*next)));
            *next += 1;
            match over {
                None => {
                    settled.insert(p);
                    path.pop();
                }
                Some(over) if settled.contains(over) => {}
                Some(over) => match path.iter().position(|(on_path, _)| on_path == over) {
                    None => path.push((*over, 0)),
                    Some(first) => {
                        let circle: Vec<ProvisionId> = path.iter().skip(first).map(|(p, _)| *p).collect();
                        faults.extend(told(lowered, corpus, &circle));
                        settled.extend(circle);
                        path.truncate(first);
                    }
                },
            }
        }
    }
    faults
}

/// What each provision prevails over by its own words or by theirs.
fn yields(lowered: &Lowered) -> Vec<Vec<ProvisionId>> {
    let mut below: Vec<Vec<ProvisionId>> = lowered.law.provisions.iter().map(|p| p.overrides.clone()).collect();
    for (p, provision) in (0..).zip(&lowered.law.provisions) {
        for over in &provision.subject_to {
            below.get_mut(*over as usize).into_iter().for_each(|list| list.push(p));
        }
    }
    below
}

fn told(lowered: &Lowered, corpus: &Corpus, circle: &[ProvisionId]) -> Option<Fault> {
    let statements = circle.iter().filter_map(|p| {
        let origin = lowered.provisions.get(*p as usize)?;
        let document = corpus.instruments.get(origin.instrument)?;
        Some((document, document.statements.get(origin.statement)?))
    });
    let statements: Vec<_> = statements.collect();
    let names: Vec<String> = statements.iter().map(|(document, s)| format!("{}:{}", document.id, s.id)).collect();
    let (_, first) = statements.first()?;
    let message = format!("provisions prevail over one another in a circle: {}", names.join(", then "));
    let fault = Fault::error(message, &first.id_span, "prevails over itself in the end");
    Some(fault.help("take out the `overrides` or `subject-to` that the documents do not say"))
}

//! What is odd or wrong about law that reads well: seen in its compiled tables, its ranks and its sources.

use crate::check::list;
use crate::docket::Docket;
use crate::fault::Fault;
use crate::finding::Posture;
use crate::lower::Origin;
use crate::order::{Evidence, Instrument, Kind, Rank, Span, Statement, Verb};
use crate::vocabulary::Act;
use law::law::{Law, Modality, Provision, ProvisionId, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Everything odd or wrong. `weighed` are the statements that decide a case.
pub(crate) fn lints(docket: &Docket, weighed: &BTreeSet<Origin>) -> Vec<Fault> {
    let image = docket.image();
    let outcomes = u32::try_from(image.outcomes()).unwrap_or(u32::MAX);
    let mut grounding: BTreeSet<Origin> = BTreeSet::new();
    let mut tied: BTreeSet<ProvisionId> = BTreeSet::new();
    for outcome in (0..outcomes).map(|n| image.outcome(n)) {
        grounding.extend(docket.cited(&outcome));
        if outcome.conflict {
            tied.extend(outcome.grounds.iter().map(|ground| ground.provision));
        }
    }
    let mut lints = Vec::new();
    for (n, instrument) in docket.corpus().instruments.iter().enumerate() {
        for (m, statement) in instrument.statements.iter().enumerate() {
            let origin = Origin { instrument: n, statement: m };
            let name = format!("{}:{}", instrument.id, statement.id);
            let span = &statement.id_span;
            match &statement.kind {
                Kind::Prohibit(_) if !grounding.contains(&origin) => {
                    lints.push(Fault::warning(format!("{name} is never the reason for any status"), span, "shadowed"));
                }
                Kind::Permit(_) if !grounding.contains(&origin) => {
                    lints.push(Fault::warning(format!("{name} never takes anything out"), span, "vacuous"));
                }
                Kind::Effect(_) if !docket.lowered().reaches(origin) => {
                    lints.push(Fault::warning(format!("{name} acts on nothing that forbids or permits"), span, "idle"));
                }
                Kind::Effect(action) if !grounding.contains(&origin) && speaks(action.verb) => {
                    lints.push(Fault::warning(format!("{name} never acts on anything in force"), span, "idle"));
                }
                Kind::Prohibit(_)
                | Kind::Permit(_)
                | Kind::Effect(_)
                | Kind::Require(_)
                | Kind::Enable
                | Kind::Reserve
                | Kind::Denies(_)
                | Kind::Condition { .. }
                | Kind::Attest { .. } => {}
            }
            if statement.provenance.evidence == Evidence::Recalled && weighed.contains(&origin) {
                let fault =
                    Fault::warning(format!("{name} decides a case and is only recalled"), span, "weak evidence");
                lints.push(fault.help("read it in a source and raise its grade"));
            }
        }
    }
    lints.extend(conflicts(docket, &tied));
    lints.extend(powerless(docket));
    lints.extend(unsourced(docket));
    lints.extend(gaps(docket));
    lints.extend(orphans(docket));
    lints.extend(slivers(docket));
    lints
}

/// Effects of these kinds appear in proofs when they act; the others take law away.
const fn speaks(verb: Verb) -> bool {
    match verb {
        Verb::Suspend | Verb::Extend | Verb::Unenforced => true,
        Verb::Remove | Verb::Revoke | Verb::Delay => false,
    }
}

/// Prohibitions and exceptions that reach the same act while nothing ranks them, with the edge that the canons of
/// interpretation suggest. They are proposed here and never applied: together they are not even transitive.
fn conflicts(docket: &Docket, tied: &BTreeSet<ProvisionId>) -> Vec<Fault> {
    let law = &docket.lowered().law;
    let mut faults = Vec::new();
    let forbidding = (0..).zip(&law.provisions).filter(|(_, p)| p.modality == Modality::Prohibit);
    for (p, prohibition) in forbidding.filter(|(p, _)| tied.contains(p)) {
        let opposed = (0..).zip(&law.provisions).filter(|(_, q)| q.modality == Modality::Permit);
        for (q, exception) in opposed.filter(|(q, exception)| unranked(law, (p, prohibition), (*q, exception))) {
            if !prohibition.scopes.iter().any(|one| exception.scopes.iter().any(|other| overlap(one, other))) {
                continue;
            }
            let origin = |n: ProvisionId| docket.lowered().provisions.get(n as usize).copied();
            let (Some(from_p), Some(from_q)) = (origin(p), origin(q)) else { continue };
            let Some((_, statement)) = docket.origin(from_p) else { continue };
            let (p, q) = (docket.citation(from_p), docket.citation(from_q));
            let canon = canon((&p, prohibition), (&q, exception));
            let fault = Fault::error(
                format!("{p} and {q} reach the same act, and nothing ranks them"),
                &statement.id_span,
                "conflict",
            );
            faults.push(fault.help(canon));
        }
    }
    faults
}

/// Whether neither prevails over the other, in one jurisdiction.
fn unranked(law: &Law, (p, one): (ProvisionId, &Provision), (q, other): (ProvisionId, &Provision)) -> bool {
    let named =
        |a: &Provision, b: &Provision, (a_id, b_id)| a.overrides.contains(&b_id) || b.subject_to.contains(&a_id);
    let rank = |provision: &Provision| law.instruments.get(provision.instrument as usize).map(|document| document.rank);
    rank(one) == rank(other) && named(one, other, (p, q)) == named(other, one, (q, p))
}

/// The edge that the canons suggest.
fn canon((p, one): (&str, &Provision), (q, other): (&str, &Provision)) -> String {
    let within = |inner: &Provision, outer: &Provision| {
        inner.scopes.iter().all(|scope| outer.scopes.iter().any(|wider| included(scope, wider)))
    };
    let start = |provision: &Provision| provision.force.iter().map(|extent| extent.from.latest).min();
    let edge = |prevails: &str, over: &str, why: &str| {
        format!("{prevails} is {why}: write `overrides {over}` in it if it prevails")
    };
    match (within(one, other), within(other, one)) {
        (true, false) => edge(p, q, "the more special"),
        (false, true) => edge(q, p, "the more special"),
        (true, true) | (false, false) if start(one) > start(other) => edge(p, q, "the later"),
        (true, true) | (false, false) if start(other) > start(one) => edge(q, p, "the later"),
        (true, true) | (false, false) => {
            String::from("neither is more special or later: write `overrides` in the one that prevails")
        }
    }
}

/// Whether some case is in both scopes.
fn overlap(one: &Scope, other: &Scope) -> bool {
    let apps = match (&one.apps, &other.apps) {
        (Some(a), Some(b)) => a.iter().any(|app| b.contains(app)),
        (None, _) | (_, None) => true,
    };
    let limits = one
        .limits
        .iter()
        .all(|(facet, values)| other.limits.iter().all(|(same, admitted)| facet != same || values & admitted != 0));
    apps && one.acts & other.acts != 0 && limits
}

/// Whether every case of `inner` is in `outer`.
fn included(inner: &Scope, outer: &Scope) -> bool {
    let apps = match (&inner.apps, &outer.apps) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.iter().all(|app| b.contains(app)),
    };
    let limits = outer
        .limits
        .iter()
        .all(|(facet, admitted)| inner.limits.iter().any(|(same, values)| facet == same && values & !admitted == 0));
    apps && inner.acts & !outer.acts == 0 && limits
}

/// Instruments whose authority is revoked while they themselves are not, until later.
fn orphans(docket: &Docket) -> Vec<Fault> {
    let mut revoked: BTreeMap<&str, i64> = BTreeMap::new();
    for statement in docket.corpus().instruments.iter().flat_map(|i| &i.statements) {
        let Kind::Effect(action) = &statement.kind else { continue };
        let Some(from) = statement.from.as_ref().filter(|_| action.verb == Verb::Revoke) else { continue };
        for target in action.targets.iter().filter(|target| target.statement.is_none()) {
            let at = revoked.entry(&target.instrument).or_insert(from.earliest);
            *at = (*at).min(from.earliest);
        }
    }
    let mut faults = Vec::new();
    for instrument in &docket.corpus().instruments {
        for authority in &instrument.under {
            let Some(gone) = revoked.get(authority.instrument.as_str()) else { continue };
            let own = revoked.get(instrument.id.as_str()).copied().unwrap_or(law::time::FOREVER);
            if own > *gone {
                let message = format!(
                    "{} stands from {} without {}, which it rests on",
                    instrument.id,
                    crate::moment::format_rfc3339(*gone),
                    authority.instrument
                );
                faults.push(Fault::warning(message, &instrument.id_span, "orphan: no force without authority"));
            }
        }
    }
    faults
}

/// Answers that hold for less than a day between two others: usually an hour misread.
fn slivers(docket: &Docket) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut seen: BTreeSet<(Span0, String)> = BTreeSet::new();
    for case in &docket.corpus().cases {
        let Ok(stretches) = docket.timeline(&case.inquiry, Posture::default()) else { continue };
        for stretch in &stretches {
            let bounded = stretch.from > law::time::ALWAYS && stretch.until < law::time::FOREVER;
            let short = bounded && stretch.until - stretch.from < 86_400;
            if !short || stretch.finding.possible.single().is_none() {
                continue;
            }
            let Some(reason) = stretch.finding.grounds.first() else { continue };
            let Some(span) = span_of(docket, &reason.provision) else { continue };
            let message = format!(
                "{} for {} minutes from {}",
                list(stretch.finding.possible),
                (stretch.until - stretch.from) / 60,
                crate::moment::format_rfc3339(stretch.from)
            );
            if seen.insert(((span.file, span.bytes.start), message.clone())) {
                faults.push(Fault::warning(message, &span, "sliver").help("is the hour right, and the zone?"));
            }
        }
    }
    faults
}

type Span0 = (usize, usize);

fn span_of(docket: &Docket, citation: &str) -> Option<Span> {
    let (document, statement) = citation.split_once(':')?;
    let instrument = docket.corpus().instruments.iter().find(|i| i.id == document)?;
    instrument.statements.iter().find(|s| s.id == statement).map(|s| s.id_span.clone())
}

/// Effects on law that outranks their issuer and gave it no power to act.
fn powerless(docket: &Docket) -> Vec<Fault> {
    let instruments = &docket.corpus().instruments;
    let find = |id: &str| instruments.iter().find(|i| i.id == id || i.aliases.iter().any(|alias| alias == id));
    let mut faults = Vec::new();
    for instrument in instruments {
        // Courts act on rules without outranking them; a record tells of an act, it is none.
        if matches!(instrument.rank, Rank::Court | Rank::Record) {
            continue;
        }
        for statement in &instrument.statements {
            let Kind::Effect(action) = &statement.kind else { continue };
            for target in action.targets.iter().filter_map(|target| find(&target.instrument)) {
                let empowers = |above: &Instrument| above.statements.iter().any(|s| matches!(s.kind, Kind::Enable));
                let rests = instrument.under.iter().filter_map(|r| find(&r.instrument));
                let empowered =
                    empowers(target) || rests.into_iter().any(|above| above.id == target.id || empowers(above));
                // Whoever enforces a law may say that they will not.
                let unlawful = action.verb != Verb::Unenforced && instrument.rank < target.rank && !empowered;
                if unlawful || instrument.jurisdiction.country() != target.jurisdiction.country() {
                    let message = format!(
                        "{}:{} acts on {}, and nothing gives its issuer that power",
                        instrument.id, statement.id, target.id
                    );
                    let fault = Fault::error(message, &statement.id_span, "without power");
                    faults.push(
                        fault.help(
                            "write `enable` in the law that gives the power, and rest this instrument `under` it",
                        ),
                    );
                }
            }
        }
    }
    faults
}

/// Statements said to be read somewhere, with neither a source nor a citation to find them by.
fn unsourced(docket: &Docket) -> Vec<Fault> {
    let statements = docket.corpus().instruments.iter().flat_map(|i| i.statements.iter().map(move |s| (i, s)));
    let bare = statements.filter(|(instrument, statement)| {
        let read = statement.provenance.evidence != Evidence::Recalled;
        read && statement.provenance.sources.is_empty() && instrument.cite.is_none()
    });
    let fault = |(instrument, statement): (&Instrument, &Statement)| {
        let message = format!("{}:{} says no source", instrument.id, statement.id);
        Fault::warning(message, &statement.id_span, "unsourced").help("add `source \"URL\"` and an evidence grade")
    };
    bare.map(fault).collect()
}

/// Acts that are commonly regulated together: who forbids one and is silent on the other may have forgotten it.
const SIBLINGS: &[&[Act]] = &[
    &[Act::AppDistribute, Act::AppUpdate],
    &[Act::HostProvide, Act::CdnProvide, Act::TransitProvide, Act::PeeringProvide],
];

/// Documents that forbid an act with an app and say nothing of its siblings.
fn gaps(docket: &Docket) -> Vec<Fault> {
    let mut faults = Vec::new();
    for instrument in &docket.corpus().instruments {
        let mut spoken: BTreeMap<&str, BTreeSet<Act>> = BTreeMap::new();
        for scope in instrument.statements.iter().flat_map(|statement| &statement.scopes) {
            for app in scope.apps.iter().chain(&scope.apps_of) {
                spoken.entry(app).or_default().extend(&scope.acts);
            }
        }
        let mut silent: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for (app, acts) in &spoken {
            for family in SIBLINGS.iter().filter(|family| family.iter().any(|act| acts.contains(act))) {
                let missing: Vec<&str> =
                    family.iter().filter(|act| !acts.contains(act)).map(|act| act.word()).collect();
                if !missing.is_empty() {
                    silent.entry(missing).or_default().push(app);
                }
            }
        }
        for (missing, apps) in silent {
            let message = format!("{} says nothing of {} for {}", instrument.id, missing.join(", "), some_of(&apps));
            let fault = Fault::warning(message, &instrument.id_span, "gap");
            faults.push(fault.help("right if the text is silent too: what it does not name it does not forbid"));
        }
    }
    faults
}

fn some_of(names: &[&str]) -> String {
    match names {
        [first, second, third, _, rest @ ..] => format!("{first}, {second}, {third} and {} more", rest.len() + 1),
        few => few.join(", "),
    }
}

//! The corpus for other programs: JSON, and one way into Akoma Ntoso and LegalRuleML.

mod akoma_ntoso;
mod legal_rule_ml;

pub use akoma_ntoso::akoma_ntoso;
pub use legal_rule_ml::legal_rule_ml;

use docket::Docket;
use docket::moment::format_rfc3339;
use docket::order::{Instrument, Kind, Moment, Reference, Statement, Verb};
use serde_json::{Value, json};

/// The corpus as JSON.
#[must_use]
pub fn json(docket: &Docket) -> Value {
    let instruments: Vec<Value> = docket.corpus().instruments.iter().map(instrument).collect();
    let subjects: Vec<Value> = docket.registry().subjects().iter().map(|subject| {
        json!({
            "id": subject.id,
            "kind": if subject.is_company { "company" } else { "app" },
            "names": subject.names,
            "operators": subject.operators.iter().map(|o| json!({ "company": o.company, "from": bound(o.from.as_ref()), "until": bound(o.until.as_ref()) })).collect::<Vec<_>>(),
            "identifiers": subject.identifiers.iter().map(|i| json!({
                "type": i.kind.word(), "id": i.id, "shared": i.shared, "evidence": i.provenance.evidence.word(), "sources": i.provenance.sources,
                "from": bound(i.from.as_ref()), "until": bound(i.until.as_ref()) })).collect::<Vec<_>>(),
        })
    }).collect();
    json!({ "edition": docket.edition(), "instruments": instruments, "subjects": subjects })
}

fn bound(moment: Option<&Moment>) -> Value {
    moment.map_or(
        Value::Null,
        |m| json!({ "written": m.written, "earliest": format_rfc3339(m.earliest), "latest": format_rfc3339(m.latest) }),
    )
}

fn cited(reference: &Reference) -> String {
    reference
        .statement
        .as_ref()
        .map_or_else(|| reference.instrument.clone(), |s| format!("{}:{s}", reference.instrument))
}

fn all(references: &[Reference]) -> Vec<String> {
    references.iter().map(cited).collect()
}

fn instrument(instrument: &Instrument) -> Value {
    json!({
        "id": instrument.id, "aliases": instrument.aliases, "title": instrument.title, "cite": instrument.cite,
        "jurisdiction": instrument.jurisdiction.code(), "rank": instrument.rank.word(), "authority": instrument.authority,
        "zone": instrument.zone, "issued": bound(Some(&instrument.issued)), "public": bound(Some(&instrument.public)),
        "public_basis": instrument.public_basis, "retracted": bound(instrument.retracted.as_ref()),
        "under": all(&instrument.under), "evidence": instrument.provenance.evidence.word(),
        "sources": instrument.provenance.sources, "notes": instrument.provenance.notes, "disputed": instrument.provenance.disputed,
        "statements": instrument.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}

fn statement(statement: &Statement) -> Value {
    let mut value = json!({
        "id": statement.id, "kind": kind(&statement.kind), "text": statement.text,
        "from": bound(statement.from.as_ref()), "until": bound(statement.until.as_ref()),
        "evidence": statement.provenance.evidence.word(), "sources": statement.provenance.sources,
        "notes": statement.provenance.notes, "disputed": statement.provenance.disputed,
        "scopes": statement.scopes.iter().map(scope).collect::<Vec<_>>(),
    });
    if let (Some(members), Value::Object(more)) = (value.as_object_mut(), particular(&statement.kind)) {
        members.extend(more);
    }
    value
}

/// What only statements of one kind say.
fn particular(kind: &Kind) -> Value {
    match kind {
        Kind::Prohibit(edges) | Kind::Permit(edges) => json!({
            "overrides": all(&edges.overrides), "subject_to": all(&edges.subject_to),
            "until_met": edges.until_met.as_ref().map(cited), "while_met": edges.while_met.as_ref().map(cited),
        }),
        Kind::Effect(action) => json!({ "targets": all(&action.targets), "dependents_kept": action.dependents_kept }),
        Kind::Require(duty) => json!({ "duty": duty }),
        Kind::Denies(targets) => json!({ "targets": all(targets) }),
        Kind::Condition { open, decides } => json!({ "open": open, "decides": decides }),
        Kind::Attest { meets, relies_on } => json!({ "meets": all(meets), "relies_on": all(relies_on) }),
        Kind::Enable | Kind::Reserve => json!({}),
    }
}

fn scope(scope: &docket::order::Scope) -> Value {
    json!({
        "apps": scope.apps, "apps_of": scope.apps_of,
        "acts": scope.acts.iter().map(|a| a.word()).collect::<Vec<_>>(),
        "actors": scope.actors.iter().map(|a| a.word()).collect::<Vec<_>>(),
        "governments": scope.governments, "roles": scope.roles.iter().map(|r| r.word()).collect::<Vec<_>>(),
        "parties": scope.parties,
        "places": scope.places.iter().map(|p| p.code().to_owned()).collect::<Vec<_>>(),
        "not_places": scope.not_places.iter().map(|p| p.code().to_owned()).collect::<Vec<_>>(),
        "facts": scope.facts.iter().map(|f| json!({ "fact": f.fact.word(), "values": f.values, "negated": f.negated })).collect::<Vec<_>>(),
        "open": scope.open,
    })
}

/// The words of the kinds of statement.
pub const KINDS: [&str; 14] = [
    "prohibit",
    "except",
    "require",
    "enable",
    "reserve",
    "denies",
    "condition",
    "attest",
    "suspend",
    "remove",
    "revoke",
    "delay",
    "extend",
    "unenforced",
];

/// The word of a statement kind.
#[must_use]
pub const fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Prohibit(_) => "prohibit",
        Kind::Permit(_) => "except",
        Kind::Require(_) => "require",
        Kind::Enable => "enable",
        Kind::Reserve => "reserve",
        Kind::Denies(_) => "denies",
        Kind::Condition { .. } => "condition",
        Kind::Attest { .. } => "attest",
        Kind::Effect(action) => verb(action.verb),
    }
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Suspend => "suspend",
        Verb::Remove => "remove",
        Verb::Revoke => "revoke",
        Verb::Delay => "delay",
        Verb::Extend => "extend",
        Verb::Unenforced => "unenforced",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

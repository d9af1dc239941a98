//! The corpus as LegalRuleML 1.0, one way: sources, norms as rules, and which prevails over which. Time and the effects of
//! documents on one another are in the other export.

use super::{cited, escape};
use docket::Docket;
use docket::order::{Edges, Instrument, Kind, Scope, Statement};
use std::fmt::Write;

/// The corpus as statements in compact form.
#[must_use]
pub fn legal_rule_ml(docket: &Docket) -> String {
    let (mut sources, mut rules, mut overrides) = (String::new(), String::new(), String::new());
    for instrument in &docket.corpus().instruments {
        let found = instrument.provenance.sources.first().cloned().unwrap_or_else(|| format!("urn:{}", instrument.id));
        writeln!(sources, "<lrml:LegalSource key=\"{}\" sameAs=\"{}\"/>", key(&instrument.id), escape(&found))
            .unwrap_or_default();
        for statement in &instrument.statements {
            let none = Edges::default();
            let (norm, edges) = match &statement.kind {
                Kind::Prohibit(edges) => ("Prohibition", edges),
                Kind::Permit(edges) => ("Permission", edges),
                Kind::Require(_) => ("Obligation", &none),
                Kind::Enable
                | Kind::Reserve
                | Kind::Effect(_)
                | Kind::Denies(_)
                | Kind::Condition { .. }
                | Kind::Attest { .. } => continue,
            };
            rules.push_str(&rule(instrument, statement, norm));
            let this = format!("{}:{}", instrument.id, statement.id);
            let over = edges.overrides.iter().map(|under| (this.clone(), cited(under)));
            let under = edges.subject_to.iter().map(|over| (cited(over), this.clone()));
            for (over, under) in over.chain(under) {
                writeln!(
                    overrides,
                    "<lrml:OverrideStatement><lrml:Override over=\"#{}\" under=\"#{}\"/></lrml:OverrideStatement>",
                    key(&over),
                    key(&under)
                )
                .unwrap_or_default();
            }
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<lrml:LegalRuleML xmlns:lrml=\"http://docs.oasis-open.org/legalruleml/ns/v1.0/\" xmlns:ruleml=\"http://ruleml.org/spec\">\n\
         <lrml:LegalSources>\n{sources}</lrml:LegalSources>\n<lrml:Statements key=\"statements\">\n{rules}{overrides}</lrml:Statements>\n</lrml:LegalRuleML>\n"
    )
}

/// A norm: if its scope is met, then what it says of the act.
fn rule(instrument: &Instrument, statement: &Statement, norm: &str) -> String {
    let name = key(&format!("{}:{}", instrument.id, statement.id));
    let duty = if let Kind::Require(duty) = &statement.kind { Some(duty.as_str()) } else { None };
    let words = statement.text.as_deref().or(duty);
    let paraphrase =
        words.map(|words| format!("<lrml:Paraphrase>{}</lrml:Paraphrase>", escape(words))).unwrap_or_default();
    let scopes: Vec<String> = statement.scopes.iter().map(scope).filter(|scope| !scope.is_empty()).collect();
    let condition = match scopes.as_slice() {
        [] => String::new(),
        [one] => format!("<ruleml:if>{one}</ruleml:if>"),
        several => format!("<ruleml:if><ruleml:Or>{}</ruleml:Or></ruleml:if>", several.concat()),
    };
    format!(
        "<lrml:PrescriptiveStatement key=\"{name}\">{paraphrase}<ruleml:Rule key=\":rule-{name}\" closure=\"universal\">{condition}\
         <ruleml:then><lrml:{norm}>{}</lrml:{norm}></ruleml:then></ruleml:Rule></lrml:PrescriptiveStatement>\n",
        atom("does", "")
    )
}

/// The limits of a scope, each a disjunction of what it admits.
fn scope(scope: &Scope) -> String {
    let codes =
        |places: &[docket::place::Place]| places.iter().map(|place| place.code().to_owned()).collect::<Vec<_>>();
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let mut limits = vec![
        any("app", &scope.apps),
        any("operated-by", &scope.apps_of),
        any("act", &words(&scope.acts.iter().map(|act| act.word()).collect::<Vec<_>>())),
        any("actor", &words(&scope.actors.iter().map(|actor| actor.word()).collect::<Vec<_>>())),
        any("government", &scope.governments),
        any("role", &words(&scope.roles.iter().map(|role| role.word()).collect::<Vec<_>>())),
        any("party", &scope.parties),
        any("place", &codes(&scope.places)),
        not(any("place", &codes(&scope.not_places))),
    ];
    for limit in &scope.facts {
        let values = any(limit.fact.word(), &limit.values);
        limits.push(if limit.negated { not(values) } else { values });
    }
    limits.extend(scope.open.iter().map(|term| atom("open-term", term)));
    limits.retain(|limit| !limit.is_empty());
    match limits.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        several => format!("<ruleml:And>{}</ruleml:And>", several.concat()),
    }
}

fn any(relation: &str, values: &[String]) -> String {
    match values {
        [] => String::new(),
        [one] => atom(relation, one),
        several => {
            format!("<ruleml:Or>{}</ruleml:Or>", several.iter().map(|value| atom(relation, value)).collect::<String>())
        }
    }
}

fn not(what: String) -> String {
    if what.is_empty() { what } else { format!("<ruleml:Neg>{what}</ruleml:Neg>") }
}

/// A relation of the act `X`, to a value where there is one.
fn atom(relation: &str, value: &str) -> String {
    let value = match value {
        "" => String::new(),
        value => format!("<ruleml:Ind>{}</ruleml:Ind>", escape(value)),
    };
    format!("<ruleml:Atom><ruleml:Rel>{relation}</ruleml:Rel><ruleml:Var>X</ruleml:Var>{value}</ruleml:Atom>")
}

/// A citation as XML names are written: no colon, no parentheses.
fn key(citation: &str) -> String {
    let name: String = citation
        .chars()
        .map(|c| match c {
            ':' => '.',
            c if c.is_alphanumeric() || c == '-' || c == '_' => c,
            _ => '_',
        })
        .collect();
    format!("k-{name}")
}

//! The statement table: which keyword may stand where, what follows it, what it means.
//!
//! Diagnostics, completion and the printed grammar all come from here.

use crate::finding::status_word;
use crate::vocabulary::{Act, ActorKind, BRANCHES, Fact, FactKind, ResourceKind, Role};
use std::fmt::Write;

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// At the top of an order or case file.
    File,
    /// In an instrument.
    Instrument,
    /// In `prohibit`, `except`, `authorize` or `require`.
    Provision,
    /// In one alternative of a provision.
    Either,
    /// In `suspend`, `remove`, `revoke`, `delay`, `extend` or `unenforced`.
    Effect,
    /// In `enable`, `reserve`, `denies`, `condition` or `attest`.
    Remark,
    /// In a case.
    Case,
    /// In `expect`.
    Expect,
    /// At the top of a subject file.
    Subjects,
    /// In an app or company.
    Subject,
    /// In an identifier of a subject.
    Identifier,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The keyword.
    pub keyword: &'static str,
    /// What follows it, in the notation of the printed grammar.
    pub arguments: &'static str,
    /// Where it may stand.
    pub contexts: &'static [Context],
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

const fn rule(
    keyword: &'static str,
    arguments: &'static str,
    contexts: &'static [Context],
    meaning: &'static str,
) -> Rule {
    Rule { keyword, arguments, contexts, meaning }
}

use Context::{Case, Effect, Either, Expect, File, Identifier, Instrument, Provision, Remark, Subject, Subjects};

const SCOPED: &[Context] = &[Instrument, Provision, Either, Effect];
const SOURCED: &[Context] = &[Instrument, Provision, Effect, Remark, Subject, Identifier];

/// Every statement of the language.
pub const RULES: &[Rule] = &[
    rule("instrument", "ID { … }", &[File], "One issued document."),
    rule("case", "\"TITLE\" { … }", &[File], "A question with its known answer."),
    rule("title", "\"TEXT\"", &[Instrument], "The title of the document."),
    rule("cite", "\"TEXT\"", &[Instrument], "Its citation."),
    rule("jurisdiction", "PLACE", &[Instrument], "Whose law it is; ranks compare within one jurisdiction."),
    rule(
        "rank",
        "court|record|guidance|agency|executive-order|statute|constitution",
        &[Instrument],
        "Where it stands; courts and records act on rules and outrank nothing.",
    ),
    rule("authority", "\"TEXT\"", &[Instrument], "Who issued it."),
    rule("zone", "ZONE", &[Instrument], "The time zone of its civil times, by its name in the time zone database."),
    rule("issued", "INSTANT", &[Instrument], "When it was made."),
    rule("public", "INSTANT [basis WORD]", &[Instrument], "The earliest moment the bound public could know it."),
    rule("retracted", "INSTANT", &[Instrument], "When our record of it was withdrawn."),
    rule("under", "REFERENCE…", &[Instrument], "What it rests on: without authority, no force."),
    rule("alias", "ID…", &[Instrument], "Ids it used to have."),
    rule("evidence", "seen|secondary|computed|recalled", SOURCED, "How far the statement can be trusted."),
    rule("source", "\"URL\"…", SOURCED, "Where it was read."),
    rule("note", "\"TEXT\"", SOURCED, "A remark."),
    rule("disputed", "\"TEXT\"", SOURCED, "A point on which sources disagree; told with every answer it grounds."),
    rule("prohibit", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Forbids."),
    rule("except", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Takes out of a prohibition."),
    rule("authorize", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Allows: a licence."),
    rule("require", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Commands; told beside answers."),
    rule("enable", "ID [from INSTANT] { … }", &[Instrument], "Gives power to issue further law; no effect on conduct."),
    rule("reserve", "ID { … }", &[Instrument], "Nothing until exercised."),
    rule("suspend", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Stay or injunction."),
    rule("remove", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Vacatur or dissolution, for all time."),
    rule("revoke", "ID [from INSTANT] { … }", &[Instrument], "Revocation, rescission or repeal from a date on."),
    rule("delay", "ID to INSTANT { … }", &[Instrument], "Moves a start: no force until then."),
    rule("extend", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Adds force."),
    rule("unenforced", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Unlawful still, not to be enforced."),
    rule(
        "denies",
        "ID { target … }",
        &[Instrument],
        "Relief refused; no effect, kept because it defeats an inference.",
    ),
    rule("condition", "ID { … }", &[Instrument], "Something met or not met, by attestation."),
    rule("attest", "ID [from INSTANT] [until INSTANT] { … }", &[Instrument], "Says that conditions were met."),
    rule("text", "\"\"\"QUOTATION\"\"\"", &[Provision, Effect, Remark], "The words of the document."),
    rule("duty", "\"TEXT\"", &[Provision], "What a `require` commands, in our words."),
    rule("app", "SUBJECT…|any", SCOPED, "The apps it names."),
    rule("apps-of", "COMPANY…", SCOPED, "A company and every app it operates."),
    rule("act", "ACT…", SCOPED, "The acts it reaches."),
    rule("actor", "business|consumer|government|contractor…|any", SCOPED, "Whom it binds."),
    rule("government", "GOVERNMENT…", SCOPED, "Which governments and their contractors."),
    rule("role", "ROLE…", SCOPED, "In what role."),
    rule("party", "COMPANY…", SCOPED, "Which party, by name."),
    rule("users-in", "PLACE…|any", SCOPED, "Where the users are."),
    rule("performed-in", "PLACE…|any", SCOPED, "Where the act is performed."),
    rule("not-in", "PLACE…", SCOPED, "Not in these places."),
    rule("payer-in", "PLACE…", SCOPED, "Where the payer is."),
    rule("payee-in", "PLACE…", SCOPED, "Where the payee is."),
    rule("developed-in", "PLACE…", SCOPED, "Where software is developed; any of its places counts."),
    rule("accessible-in", "PLACE…", SCOPED, "Where software is accessible; any of its places counts."),
    rule("when", "FACT [VALUE…]", SCOPED, "Only if the fact has one of the values (`yes` if none is written)."),
    rule("unless", "FACT [VALUE…]", SCOPED, "Only if the fact has none of the values."),
    rule(
        "open",
        "\"TERM\"",
        &[Provision, Effect, Remark],
        "A term, or a condition, that cannot be read with certainty.",
    ),
    rule("either", "{ … }", &[Provision, Effect], "One alternative; write it at least twice."),
    rule("overrides", "STATEMENT…", &[Provision], "Prevails over these."),
    rule("subject-to", "STATEMENT…", &[Provision], "Yields to these."),
    rule("until-met", "CONDITION", &[Provision], "No force where the condition is met."),
    rule("while-met", "CONDITION", &[Provision], "Force only where the condition is met."),
    rule(
        "target",
        "INSTRUMENT [STATEMENT…]|STATEMENT…",
        &[Effect, Remark],
        "What it acts on; its own statements by id alone.",
    ),
    rule("dependents", "kept", &[Effect], "A saving clause: what rests on the target keeps its force."),
    rule("reach", "WORDS…", &[Effect], "How far a court's order reaches, in its words."),
    rule("binds", "WORDS…", &[Effect], "Whom a court's order restrains, in its words."),
    rule("decides", "\"TEXT\"", &[Remark], "Who may say that a condition is met."),
    rule("meets", "INSTRUMENT CONDITION…", &[Remark], "Which conditions an attestation meets."),
    rule("relies-on", "REFERENCE…", &[Remark], "What gives an attestation its weight."),
    rule("act", "ACT", &[Case], "What is done."),
    rule("resource", "KIND ID", &[Case], "To what."),
    rule("actor", "KIND [NAME]", &[Case], "By whom."),
    rule("role", "ROLE", &[Case], "In what role."),
    rule("government", "GOVERNMENT", &[Case], "For which government."),
    rule("place", "PLACE|unknown", &[Case], "Where it has effect."),
    rule("fact", "FACT VALUE…|unknown", &[Case], "What else is stated."),
    rule("at", "INSTANT", &[Case], "When it happens; an offset is required."),
    rule("known", "INSTANT|all", &[Case], "As known when; absent counts all that is known."),
    rule("expect", "STATUS… { … }", &[Case], "The statuses expected."),
    rule("by", "CITATION…", &[Expect], "Citations among the grounds; an instrument stands for any of its statements."),
    rule("from", "INSTANT|always", &[Expect], "Since when the answer has held."),
    rule("until", "INSTANT|never", &[Expect], "When it could next change."),
    rule("needs", "FACT…", &[Expect], "What must be among the facts needed."),
    rule("unless", "CITATION…", &[Expect], "Exceptions that, claimed, would take the act out."),
    rule("app", "ID { … }", &[Subjects], "An app or service."),
    rule("company", "ID { … }", &[Subjects], "A company."),
    rule("name", "\"NAME\"", &[Subject], "A name in any script; the first is shown."),
    rule("operator", "COMPANY [from INSTANT] [until INSTANT]", &[Subject], "Who operates it."),
    rule("parent", "COMPANY", &[Subject], "Who owns it."),
    rule("place", "PLACE…", &[Subject], "Where it is established."),
    rule("not", "\"NAME\" \"WHY\"", &[Subject], "A near miss worth telling a person."),
    rule("android", "PACKAGE [shared] [from …] [until …]", &[Subject], "An Android package name."),
    rule("ios", "BUNDLE [shared]", &[Subject], "An iOS bundle identifier."),
    rule("app-store", "DIGITS [shared]", &[Subject], "An App Store id."),
    rule("domain", "NAME [exact] [shared]", &[Subject], "A domain and what lies below it."),
    rule("asn", "ASNUMBER [shared]", &[Subject], "An autonomous system."),
    rule("cert-sha256", "HEX [shared]", &[Subject], "A signing certificate."),
    rule("code-sha256", "HEX [shared]", &[Subject], "A file."),
    rule("purl", "PURL [shared]", &[Subject], "A package by package URL."),
    rule("wallet", "\"BRAND\" [shared]", &[Subject], "A payment brand."),
    rule("form", "mobile|desktop|web|tv", &[Identifier], "The form of app the identifier belongs to."),
];

/// The keywords that may stand in `context`, in the order of the table.
pub fn keywords(context: Context) -> impl Iterator<Item = &'static str> + Clone {
    RULES.iter().filter(move |rule| rule.contexts.contains(&context)).map(|rule| rule.keyword)
}

/// The row for `keyword` in `context`.
#[must_use]
pub fn find(context: Context, keyword: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.keyword == keyword && rule.contexts.contains(&context))
}

/// Where statements stand, in the order they are told.
pub const GROUPS: [(Context, &str); 11] = [
    (File, "At the top of an .order or .cases file"),
    (Instrument, "In an instrument"),
    (Provision, "In prohibit, except, authorize, require"),
    (Either, "In either"),
    (Effect, "In suspend, remove, revoke, delay, extend, unenforced"),
    (Remark, "In enable, reserve, denies, condition, attest"),
    (Case, "In a case"),
    (Expect, "In expect"),
    (Subjects, "At the top of a .subject file"),
    (Subject, "In an app or company"),
    (Identifier, "In an identifier"),
];

/// The whole table and vocabulary as text, grouped by where statements stand.
#[must_use]
pub fn render() -> String {
    let mut text = format!("The order language\n\n{LEXIS}");
    for (context, heading) in GROUPS {
        text.push_str(&format!("\n{heading}\n"));
        for rule in RULES.iter().filter(|rule| rule.contexts.contains(&context)) {
            let head = format!("{} {}", rule.keyword, rule.arguments);
            if head.len() <= 38 {
                writeln!(text, "  {head:<38} {}", rule.meaning)
            } else {
                writeln!(text, "  {head}\n  {:<38} {}", "", rule.meaning)
            }
            .unwrap_or_default();
        }
    }
    text.push_str("\nVocabulary\n");
    for (word, values) in vocabulary() {
        writeln!(text, "  {word:<20} {values}").unwrap_or_default();
    }
    text
}

/// The same as a page of Markdown.
#[must_use]
pub fn render_markdown() -> String {
    let mut text = format!("# The order language\n\n```\n{LEXIS}```\n");
    for (context, heading) in GROUPS {
        text.push_str(&format!("\n## {heading}\n\n| statement | meaning |\n|---|---|\n"));
        for rule in RULES.iter().filter(|rule| rule.contexts.contains(&context)) {
            let head = format!("{} {}", rule.keyword, rule.arguments).replace('|', "\\|");
            writeln!(text, "| `{}` | {} |", head.trim_end(), rule.meaning).unwrap_or_default();
        }
    }
    text.push_str("\n## Vocabulary\n\n| | words |\n|---|---|\n");
    for (word, values) in vocabulary() {
        writeln!(text, "| {word} | {} |", values.replace('|', "\\|")).unwrap_or_default();
    }
    text
}

/// Each kind of word with all its words.
#[must_use]
pub fn vocabulary() -> Vec<(String, String)> {
    let list = |words: &[&str]| words.join(" ");
    let acts: Vec<&str> = Act::ALL.iter().map(|act| act.word()).collect();
    let actors: Vec<&str> = ActorKind::ALL.iter().map(|actor| actor.word()).collect();
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
    let kinds: Vec<&str> = ResourceKind::ALL.iter().map(|kind| kind.word()).collect();
    let statuses: Vec<&str> = law::Status::ALL.iter().map(|status| status_word(*status)).collect();
    let governments = format!("{}, a place, or a place and `-local`", BRANCHES.join(" "));
    let mut rows = vec![
        (String::from("act"), list(&acts)),
        (String::from("actor"), list(&actors)),
        (String::from("role"), list(&roles)),
        (String::from("government"), governments),
        (String::from("kind of resource"), list(&kinds)),
        (String::from("status"), list(&statuses)),
    ];
    rows.extend(Fact::ALL.iter().map(|fact| {
        let values = match fact.kind() {
            FactKind::Choice(words) => list(words),
            FactKind::Bool => String::from("yes no"),
            FactKind::Place => String::from("a place"),
            FactKind::PlaceOrNone => String::from("a place, or none"),
            FactKind::Places => String::from("places"),
            FactKind::Operator => String::from("a company of the subject files"),
        };
        (format!("fact {}", fact.word()), values)
    }));
    rows
}

const LEXIS: &str = "  file      = statement*
  statement = word+ ( newline | \";\" | \"{\" statement* \"}\" )
  word      = bare | \"string\" | \"\"\"quotation\"\"\"
  comment   = # to the end of the line

Instants: 2020-09-20 · 2020-09-20T23:59 · 2020-09-20T23:59-04:00, then any of
  zone ZONE           read in another zone than the instrument's
  precision day|hour  the hour (minute) is not stated: both ends are readings
  reading ZONE        may be repeated: the same civil time read in each zone or offset

References: INSTRUMENT or INSTRUMENT:STATEMENT; inside an instrument its own statements by id alone.
";

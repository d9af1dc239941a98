//! Scopes: whom, what, where and with which facts, with an instrument's defaults folded in.

use super::{Defaults, Elaborator};
use crate::fault::{Fault, did_you_mean, nearest};
use crate::grammar::Context;
use crate::order::{FactLimit, Scope};
use crate::place::Place;
use crate::syntax::{Statement, Word};
use crate::vocabulary::{Act, ActorKind, Fact, FactKind, Role, government};

/// Keywords of scope statements.
const SCOPE: &[&str] = &[
    "app",
    "apps-of",
    "act",
    "actor",
    "government",
    "role",
    "party",
    "users-in",
    "performed-in",
    "not-in",
    "payer-in",
    "payee-in",
    "developed-in",
    "accessible-in",
    "when",
    "unless",
];

pub(super) fn is_scope(keyword: &str) -> bool {
    SCOPE.contains(&keyword)
}

/// What a statement limits: two statements with the same subject replace each other as defaults.
fn subject(statement: &Statement) -> String {
    let fact = || statement.arguments().first().map_or("", |word| word.text.as_str());
    match statement.keyword() {
        "when" | "unless" => format!("fact {}", fact()),
        "app" | "apps-of" => String::from("app"),
        "users-in" | "performed-in" => String::from("place"),
        "payer-in" => String::from("fact payer_place"),
        "payee-in" => String::from("fact payee_place"),
        "developed-in" => String::from("fact developed_in"),
        "accessible-in" => String::from("fact accessible_in"),
        other => other.to_owned(),
    }
}

impl Elaborator<'_> {
    /// The alternatives of a block. Exceptions inherit only what they are about: app, actor and place
    /// limits of a prohibition narrow an exception as well, facts do not.
    pub(super) fn scopes(&mut self, block: &[Statement], defaults: &Defaults<'_>, forbids: bool) -> Vec<Scope> {
        let own: Vec<&Statement> = block.iter().filter(|s| is_scope(s.keyword())).collect();
        let restated: Vec<String> = own.iter().map(|s| subject(s)).collect();
        let mut common = Scope::default();
        for statement in defaults.iter().filter(|s| !restated.contains(&subject(s))) {
            if forbids || !matches!(statement.keyword(), "when" | "unless") {
                self.limit(&mut common, statement);
            }
        }
        for statement in own {
            self.limit(&mut common, statement);
        }
        for statement in block.iter().filter(|s| s.keyword() == "open") {
            common.open.extend(statement.arguments().iter().map(|word| word.text.clone()));
        }
        let alternatives: Vec<&Statement> = block.iter().filter(|s| s.keyword() == "either").collect();
        if alternatives.is_empty() {
            return vec![common];
        }
        let mut scopes = Vec::new();
        for alternative in alternatives {
            self.known(Context::Either, &alternative.block);
            let mut scope = common.clone();
            for statement in &alternative.block {
                self.limit(&mut scope, statement);
            }
            scopes.push(scope);
        }
        scopes
    }

    fn limit(&mut self, scope: &mut Scope, statement: &Statement) {
        let arguments = statement.arguments();
        if arguments.is_empty() {
            self.argument(statement);
            return;
        }
        if let [only] = arguments
            && only.text == "any"
            && !matches!(statement.keyword(), "when" | "unless")
        {
            return;
        }
        let texts = || arguments.iter().map(|word| word.text.clone());
        match statement.keyword() {
            "app" | "apps-of" => {
                self.subjects(arguments);
                let into = if statement.keyword() == "app" { &mut scope.apps } else { &mut scope.apps_of };
                into.extend(texts());
            }
            "party" => scope.parties.extend(texts()),
            "act" => self.vocabulary(arguments, "act", Act::ALL, Act::word, &mut scope.acts),
            "actor" => self.vocabulary(arguments, "actor", ActorKind::ALL, ActorKind::word, &mut scope.actors),
            "role" => self.vocabulary(arguments, "role", Role::ALL, Role::word, &mut scope.roles),
            "government" => {
                for word in arguments {
                    if self.government(word) {
                        scope.governments.push(word.text.clone());
                    }
                }
            }
            "users-in" | "performed-in" => scope.places.extend(self.places(arguments)),
            "not-in" => scope.not_places.extend(self.places(arguments)),
            "payer-in" => self.place_fact(scope, Fact::PayerPlace, statement),
            "payee-in" => self.place_fact(scope, Fact::PayeePlace, statement),
            "developed-in" => self.place_fact(scope, Fact::DevelopedIn, statement),
            "accessible-in" => self.place_fact(scope, Fact::AccessibleIn, statement),
            "when" => self.fact_limit(scope, statement, false),
            "unless" => self.fact_limit(scope, statement, true),
            _ => {}
        }
    }

    /// Faults at words that no subject file declares.
    fn subjects(&mut self, words: &[Word]) {
        let Some(registry) = self.registry else { return };
        for word in words.iter().filter(|word| registry.get(&word.text).is_none()) {
            let ids = registry.subjects().iter().map(|subject| subject.id.as_str());
            let fault =
                Fault::error(format!("unknown subject `{}`", word.text), &word.span, "not in the subject files");
            let help = nearest(&word.text, ids).map_or_else(
                || String::from("declare it in a .subject file; `interdict subjects` lists those there are"),
                |near| format!("did you mean `{near}`?"),
            );
            self.faults.push(fault.help(help));
        }
    }

    pub(super) fn vocabulary<T: Copy>(
        &mut self,
        words: &[Word],
        what: &str,
        all: &'static [T],
        name: fn(T) -> &'static str,
        into: &mut Vec<T>,
    ) {
        for word in words {
            match all.iter().copied().find(|item| name(*item) == word.text) {
                Some(item) => into.push(item),
                None => {
                    let help = did_you_mean(&word.text, all.iter().map(|item| name(*item)));
                    self.error_help(word, format!("unknown {what} `{}`", word.text), "not in the vocabulary", help);
                }
            }
        }
    }

    /// Whether a word names a government: a branch of the United States, or a place, or its localities.
    pub(super) fn government(&mut self, word: &Word) -> bool {
        let message = match government(&word.text) {
            Ok(()) => return true,
            Err(message) => message,
        };
        self.error(word, message, "not a government");
        false
    }

    fn places(&mut self, words: &[Word]) -> Vec<Place> {
        words.iter().filter_map(|word| self.place(word)).collect()
    }

    fn place_fact(&mut self, scope: &mut Scope, fact: Fact, statement: &Statement) {
        let values = self.places(statement.arguments()).iter().map(ToString::to_string).collect();
        scope.facts.push(FactLimit { fact, values, negated: false, span: statement.span.clone() });
    }

    fn fact_limit(&mut self, scope: &mut Scope, statement: &Statement, negated: bool) {
        let Some((name, values)) = statement.arguments().split_first() else { return };
        let Some(fact) = self.fact_name(name) else { return };
        if let [only] = values
            && only.text == "any"
        {
            return;
        }
        let mut written: Vec<String> = Vec::new();
        for value in values {
            match fact_value(fact, &value.text) {
                Ok(()) => written.push(value.text.clone()),
                Err((message, help)) => self.error_help(value, message, "not in the vocabulary", help),
            }
        }
        if values.is_empty() {
            if fact.kind() == FactKind::Bool {
                written.push(String::from("yes"));
            } else {
                self.error(name, format!("`{}` needs a value", name.text), "expected after this");
            }
        }
        scope.facts.push(FactLimit { fact, values: written, negated, span: statement.span.clone() });
    }

    pub(super) fn fact_name(&mut self, word: &Word) -> Option<Fact> {
        let fact = Fact::from_word(&word.text);
        if fact.is_none() {
            let help = did_you_mean(&word.text, Fact::ALL.iter().map(|f| f.word()));
            self.error_help(word, format!("unknown fact `{}`", word.text), "not in the vocabulary", help);
        }
        fact
    }
}

/// Whether `value` is a word the fact may take; operators are checked against the subject files later.
pub(super) fn fact_value(fact: Fact, value: &str) -> Result<(), (String, String)> {
    let unknown = |help: String| Err((format!("`{}` cannot be `{value}`", fact.word()), help));
    let place = || Place::parse(value).map(|_| ());
    match fact.kind() {
        FactKind::Bool if matches!(value, "yes" | "no") => Ok(()),
        FactKind::Bool => unknown(String::from("write `yes` or `no`")),
        FactKind::Choice(words) if words.contains(&value) => Ok(()),
        FactKind::Choice(words) => unknown(did_you_mean(value, words.iter().copied())),
        FactKind::PlaceOrNone if value == "none" => Ok(()),
        FactKind::PlaceOrNone | FactKind::Place | FactKind::Places => place().or_else(unknown),
        FactKind::Operator => Ok(()),
    }
}

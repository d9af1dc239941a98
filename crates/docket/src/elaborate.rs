//! From statements to the typed tree: every word gets its meaning, or a fault at the word.

pub mod case;
pub mod scope;

use crate::docket::Source;
use crate::fault::{Fault, Grade, did_you_mean};
use crate::grammar::{self, Context};
use crate::moment;
use crate::order::{
    Action, Corpus, Edges, Instrument, Kind, Moment, Provenance, Rank, Reference, Scope, Span, Statement as Sentence,
    Verb,
};
use crate::place::Place;
use crate::subject::Registry;
use crate::syntax::{self, Statement, Word};
use std::collections::{BTreeMap, BTreeSet};

/// What was read, and everything wrong with it.
#[derive(Debug)]
pub struct Read {
    /// The typed tree of all that could be understood.
    pub corpus: Corpus,
    /// Faults and warnings; the corpus may be used only if none is an error.
    pub faults: Vec<Fault>,
}

impl Read {
    /// Whether the corpus may be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.iter().all(|fault| fault.grade == Grade::Warning)
    }
}

/// Reads order and case files; other files are passed over. Without a registry, whom they name is not checked.
#[must_use]
pub fn read(sources: &[Source], registry: Option<&Registry>) -> Read {
    let mut reader = Elaborator { registry, declared: BTreeSet::new(), own: Default::default(), faults: Vec::new() };
    let mut corpus = Corpus::default();
    for (file, source) in sources.iter().enumerate() {
        if !(source.path.ends_with(".order") || source.path.ends_with(".cases")) {
            continue;
        }
        let (statements, faults) = syntax::parse(file, &source.text);
        reader.faults.extend(faults);
        for statement in &statements {
            match statement.keyword() {
                "instrument" => corpus.instruments.extend(reader.instrument(statement)),
                "case" => corpus.cases.extend(reader.case(statement)),
                _ => reader.unknown(Context::File, statement),
            }
        }
    }
    corpus.instruments.sort_by(|a, b| a.id.cmp(&b.id));
    reader.duplicates(&corpus);
    reader.references(&corpus);
    let mut told = BTreeSet::new();
    // What an instrument states for all its provisions is read, and found wrong, once for each.
    let mut faults = reader.faults;
    faults.retain(|fault| told.insert((fault.span.file, fault.span.bytes.start, fault.message.clone())));
    Read { corpus, faults }
}

struct Elaborator<'r> {
    registry: Option<&'r Registry>,
    /// Instruments that are written, even if so faultily that the tree lacks them.
    declared: BTreeSet<String>,
    /// The instrument being read and the ids of its statements.
    own: (String, BTreeSet<String>),
    faults: Vec<Fault>,
}

/// The scope statements of an instrument, inherited by provisions that do not restate them.
type Defaults<'s> = Vec<&'s Statement>;

impl Elaborator<'_> {
    fn error(&mut self, word: &Word, message: impl Into<String>, label: &str) {
        self.faults.push(Fault::error(message, &word.span, label));
    }

    fn error_help(&mut self, word: &Word, message: impl Into<String>, label: &str, help: impl Into<String>) {
        self.faults.push(Fault::error(message, &word.span, label).help(help));
    }

    fn unknown(&mut self, context: Context, statement: &Statement) {
        let Some(word) = statement.words.first() else { return };
        let place = match context {
            Context::File => "at the top of an order file",
            Context::Instrument => "in an instrument",
            Context::Provision => "in a provision",
            Context::Either => "in an alternative",
            Context::Effect => "in an effect",
            Context::Remark => "here",
            Context::Case => "in a case",
            Context::Expect => "in an expectation",
            Context::Subjects => "at the top of a subject file",
            Context::Subject => "in a subject",
            Context::Identifier => "in an identifier",
        };
        let help = did_you_mean(&word.text, grammar::keywords(context));
        self.error_help(word, format!("`{}` is not a statement {place}", word.text), "unknown keyword", help);
    }

    /// Whether every statement of a block is known there; unknown ones are faults.
    fn known(&mut self, context: Context, block: &[Statement]) {
        for statement in block {
            if grammar::find(context, statement.keyword()).is_none() {
                self.unknown(context, statement);
            }
        }
    }

    /// The single argument of a statement.
    fn argument<'s>(&mut self, statement: &'s Statement) -> Option<&'s Word> {
        let first = statement.arguments().first();
        match (first, statement.arguments().get(1)) {
            (Some(_), None) => {}
            (None, _) => {
                if let Some(keyword) = statement.words.first() {
                    self.error(keyword, format!("`{}` says nothing", keyword.text), "expected a value after this");
                }
            }
            (Some(_), Some(second)) => {
                self.error_help(
                    second,
                    "one word too many",
                    "not expected here",
                    "put words that belong together in quotes",
                );
            }
        }
        first
    }

    fn instrument(&mut self, statement: &Statement) -> Option<Instrument> {
        let id = self.id(statement)?;
        self.declared.insert(id.text.clone());
        let numbered = statement.block.iter().filter(|inner| !inner.block.is_empty());
        let inner = numbered.filter_map(|inner| Some(inner.arguments().first()?.text.clone())).collect();
        self.own = (id.text.clone(), inner);
        self.known(Context::Instrument, &statement.block);
        let mut zone = self.child_text(statement, "zone").unwrap_or_else(|| String::from("UTC"));
        if let Some(word) = child(statement, "zone").and_then(|s| s.arguments().first())
            && let Err((message, help)) = moment::zone(&word.text)
        {
            self.error_help(word, message, "here", help.unwrap_or_default());
            // Told once; the instants are read on for faults of their own.
            zone = String::from("UTC");
        }
        let provenance = self.provenance(&statement.block, &Provenance::default());
        let public_statement = child(statement, "public");
        let rank = self.rank(statement);
        let jurisdiction = self.jurisdiction(statement);
        let title = self.required_text(statement, "title", "a title");
        let issued = self.required_moment(statement, "issued", &zone, "add for example `issued 2020-09-18`");
        let public = self.required_moment(
            statement,
            "public",
            &zone,
            "add for example `public 2020-09-18T08:45`; `known_at` questions depend on it",
        );
        let mut instrument = Instrument {
            id: id.text.clone(),
            aliases: words(statement, "alias"),
            title: title?,
            cite: self.child_text(statement, "cite"),
            jurisdiction: jurisdiction?,
            rank: rank?,
            authority: self.child_text(statement, "authority"),
            issued: issued?,
            public: public?,
            public_basis: public_statement.and_then(|s| after(s, "basis")).map(|word| word.text.clone()),
            retracted: child(statement, "retracted").and_then(|s| self.moment(s.arguments(), &zone)).map(|(m, _)| m),
            under: self.references_of(statement, "under", &id.text),
            zone,
            provenance,
            statements: Vec::new(),
            span: statement.span.clone(),
            id_span: id.span.clone(),
        };
        let defaults: Defaults = statement.block.iter().filter(|s| scope::is_scope(s.keyword())).collect();
        for inner in &statement.block {
            let sentence = self.sentence(inner, &instrument, &defaults);
            instrument.statements.extend(sentence);
        }
        Some(instrument)
    }

    fn id<'s>(&mut self, statement: &'s Statement) -> Option<&'s Word> {
        let keyword = statement.words.first()?;
        let Some(id) = statement.arguments().first() else {
            self.error(keyword, format!("`{}` without an id", keyword.text), "expected an id after this");
            return None;
        };
        // Statements keep the numbering of their document, `2(a)(1)(A)` included.
        let upper = statement.keyword() == "instrument" && id.text.chars().any(char::is_uppercase);
        if upper || id.text.chars().any(|c| c.is_whitespace() || c == ':') {
            self.error_help(
                id,
                format!("`{}` is not an id", id.text),
                "here",
                "ids are lower case, with hyphens and without `:`",
            );
        }
        Some(id)
    }

    fn rank(&mut self, statement: &Statement) -> Option<Rank> {
        let word = self.required(statement, "rank", "add for example `rank agency`")?;
        let found = Rank::ALL.iter().copied().find(|rank| rank.word() == word.text);
        if found.is_none() {
            let help = did_you_mean(&word.text, Rank::ALL.iter().map(|rank| rank.word()));
            self.error_help(word, format!("unknown rank `{}`", word.text), "not a rank", help);
        }
        found
    }

    fn jurisdiction(&mut self, statement: &Statement) -> Option<Place> {
        let word = self.required(statement, "jurisdiction", "add for example `jurisdiction US`")?;
        self.place(word)
    }

    fn place(&mut self, word: &Word) -> Option<Place> {
        Place::parse(&word.text).map_err(|message| self.error(word, message, "not a place")).ok()
    }

    fn required<'s>(&mut self, statement: &'s Statement, keyword: &str, help: &str) -> Option<&'s Word> {
        match child(statement, keyword) {
            Some(found) => self.argument(found),
            None => {
                if let Some(id) = statement.words.get(1) {
                    let message = format!("instrument does not say its `{keyword}`");
                    self.error_help(id, message, &format!("needs `{keyword}`"), help);
                }
                None
            }
        }
    }

    fn required_text(&mut self, statement: &Statement, keyword: &str, what: &str) -> Option<String> {
        self.required(statement, keyword, &format!("add `{keyword} \"…\"`: {what}")).map(|word| word.text.clone())
    }

    fn required_moment(&mut self, statement: &Statement, keyword: &str, zone: &str, help: &str) -> Option<Moment> {
        match child(statement, keyword) {
            Some(found) => self.moment(found.arguments(), zone).map(|(moment, _)| moment),
            None => {
                if let Some(id) = statement.words.get(1) {
                    let message = match keyword {
                        "public" => String::from("instrument does not say when it became public"),
                        _ => format!("instrument does not say when it was {keyword}"),
                    };
                    self.error_help(id, message, &format!("needs `{keyword}`"), help);
                }
                None
            }
        }
    }

    fn child_text(&mut self, statement: &Statement, keyword: &str) -> Option<String> {
        child(statement, keyword).and_then(|found| self.argument(found)).map(|word| word.text.clone())
    }

    fn moment(&mut self, words: &[Word], zone: &str) -> Option<(Moment, usize)> {
        moment::read(words, zone).map_err(|fault| self.faults.push(*fault)).ok()
    }

    fn provenance(&mut self, block: &[Statement], outer: &Provenance) -> Provenance {
        crate::subject::provenance(block, outer, &mut self.faults)
    }

    /// A numbered statement of an instrument; `None` for the ones that describe the instrument itself.
    fn sentence(
        &mut self,
        statement: &Statement,
        instrument: &Instrument,
        defaults: &Defaults<'_>,
    ) -> Option<Sentence> {
        let keyword = statement.keyword();
        let context = match keyword {
            "prohibit" | "except" | "authorize" | "require" => Context::Provision,
            "suspend" | "remove" | "revoke" | "delay" | "extend" | "unenforced" => Context::Effect,
            "enable" | "reserve" | "denies" | "condition" | "attest" => Context::Remark,
            _ => return None,
        };
        let id = self.id(statement)?;
        self.known(context, &statement.block);
        let window = self.window(statement, &instrument.zone);
        let (scopes, kind) = if context == Context::Provision {
            let scopes = self.scopes(&statement.block, defaults, keyword == "prohibit");
            (scopes, self.conduct(statement, &instrument.id))
        } else if context == Context::Effect {
            let scopes = self.scopes(&statement.block, &Vec::new(), false);
            (scopes, Kind::Effect(self.action(statement)))
        } else {
            (vec![Scope::default()], self.remark(statement, instrument))
        };
        Some(Sentence {
            id: id.text.clone(),
            kind,
            text: self.child_text(statement, "text"),
            from: window.from,
            until: window.until.or(window.to),
            public: window.public,
            scopes,
            provenance: self.provenance(&statement.block, &instrument.provenance),
            span: statement.span.clone(),
            id_span: id.span.clone(),
        })
    }

    fn window(&mut self, statement: &Statement, zone: &str) -> Window {
        let mut window = Window::default();
        let mut rest = statement.arguments().get(1..).unwrap_or_default();
        while let Some(keyword) = rest.first() {
            rest = rest.get(1..).unwrap_or_default();
            let slot = match keyword.text.as_str() {
                "from" => &mut window.from,
                "until" => &mut window.until,
                "to" => &mut window.to,
                "public" => &mut window.public,
                _ => {
                    let help = did_you_mean(&keyword.text, ["from", "until", "to", "public"]);
                    self.error_help(keyword, format!("`{}` is not expected here", keyword.text), "unknown word", help);
                    continue;
                }
            };
            if rest.is_empty() {
                self.error(keyword, "an instant is missing", "expected after this");
                break;
            }
            match moment::read(rest, zone) {
                Ok((moment, taken)) => {
                    *slot = Some(moment);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                Err(fault) => {
                    self.faults.push(*fault);
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        if let (Some(from), Some(until)) = (&window.from, &window.until)
            && until.latest <= from.earliest
        {
            let help = format!("it begins {}", from.written);
            self.faults.push(Fault::error("ends before it begins", &until.span, "not after `from`").help(help));
        }
        window
    }

    fn conduct(&mut self, statement: &Statement, instrument: &str) -> Kind {
        let one = |references: Vec<Reference>| references.into_iter().next();
        let edges = Edges {
            overrides: self.references_of(statement, "overrides", instrument),
            subject_to: self.references_of(statement, "subject-to", instrument),
            until_met: one(self.references_of(statement, "until-met", instrument)),
            while_met: one(self.references_of(statement, "while-met", instrument)),
        };
        match statement.keyword() {
            "prohibit" => Kind::Prohibit(edges),
            "require" => Kind::Require(self.child_text(statement, "duty").unwrap_or_default()),
            _ => Kind::Permit(edges),
        }
    }

    fn action(&mut self, statement: &Statement) -> Action {
        let targets = self.targets(statement);
        if targets.is_empty()
            && let Some(keyword) = statement.words.first()
        {
            let help = "add for example `target us-doc-wechat-id 1 2`";
            self.error_help(keyword, format!("`{}` has no target", keyword.text), "needs `target`", help);
        }
        let verb = match statement.keyword() {
            "suspend" => Verb::Suspend,
            "revoke" => Verb::Revoke,
            "delay" => Verb::Delay,
            "extend" => Verb::Extend,
            "unenforced" => Verb::Unenforced,
            _ => Verb::Remove,
        };
        Action { verb, targets, dependents_kept: child(statement, "dependents").is_some() }
    }

    fn remark(&mut self, statement: &Statement, instrument: &Instrument) -> Kind {
        match statement.keyword() {
            "enable" => Kind::Enable,
            "reserve" => Kind::Reserve,
            "denies" => Kind::Denies(self.targets(statement)),
            "condition" => Kind::Condition {
                open: child(statement, "open").is_some(),
                decides: self.child_text(statement, "decides"),
            },
            _ => Kind::Attest {
                meets: self.pairs(statement, "meets"),
                relies_on: self.references_of(statement, "relies-on", &instrument.id),
            },
        }
    }

    fn targets(&mut self, statement: &Statement) -> Vec<Reference> {
        self.pairs(statement, "target")
    }

    /// `target instrument [statement…]`: a reference to each statement, or to the whole instrument. A first word
    /// that is a statement of the same instrument stands for that statement, as those after it do.
    fn pairs(&mut self, statement: &Statement, keyword: &str) -> Vec<Reference> {
        let mut references = Vec::new();
        for target in statement.block.iter().filter(|s| s.keyword() == keyword) {
            let Some((instrument, statements)) = target.arguments().split_first() else {
                self.argument(target);
                continue;
            };
            let (own, ids) = &self.own;
            if ids.contains(&instrument.text) {
                references.extend(target.arguments().iter().map(|word| reference(own, Some(&word.text), word)));
                continue;
            }
            if let Some((document, inner)) = instrument.text.split_once(':') {
                references.push(reference(document, Some(inner), instrument));
            } else if statements.is_empty() {
                references.push(reference(&instrument.text, None, instrument));
            }
            references.extend(statements.iter().map(|word| reference(&instrument.text, Some(&word.text), word)));
        }
        references
    }

    /// References after `keyword`: `instrument:statement`, a bare statement of `own`, or (for `under` and
    /// `relies-on`) a whole instrument.
    fn references_of(&mut self, statement: &Statement, keyword: &str, own: &str) -> Vec<Reference> {
        let whole = matches!(keyword, "under" | "relies-on");
        let found = statement.block.iter().filter(|s| s.keyword() == keyword);
        found
            .flat_map(Statement::arguments)
            .map(|word| match word.text.split_once(':') {
                Some((document, inner)) => reference(document, Some(inner), word),
                None if whole => reference(&word.text, None, word),
                None => reference(own, Some(&word.text), word),
            })
            .collect()
    }

    fn duplicates(&mut self, corpus: &Corpus) {
        let mut ids: BTreeMap<&str, &Span> = BTreeMap::new();
        for instrument in &corpus.instruments {
            if ids.insert(&instrument.id, &instrument.id_span).is_some() {
                let message = format!("instrument `{}` is written twice", instrument.id);
                self.faults.push(Fault::error(message, &instrument.id_span, "again here"));
            }
            let mut inner: BTreeMap<&str, &Span> = BTreeMap::new();
            for sentence in &instrument.statements {
                if inner.insert(&sentence.id, &sentence.id_span).is_some() {
                    let message = format!("`{}` has two statements `{}`", instrument.id, sentence.id);
                    self.faults.push(Fault::error(message, &sentence.id_span, "again here"));
                }
            }
        }
    }

    fn references(&mut self, corpus: &Corpus) {
        for instrument in &corpus.instruments {
            self.check_references(corpus, &instrument.under);
            for sentence in &instrument.statements {
                match &sentence.kind {
                    Kind::Prohibit(edges) | Kind::Permit(edges) => {
                        let conditions = edges.until_met.iter().chain(&edges.while_met).cloned().collect::<Vec<_>>();
                        self.check_references(corpus, &edges.overrides);
                        self.check_references(corpus, &edges.subject_to);
                        self.check_references(corpus, &conditions);
                    }
                    Kind::Effect(action) => self.check_references(corpus, &action.targets),
                    Kind::Denies(targets) => self.check_references(corpus, targets),
                    Kind::Attest { meets, relies_on } => {
                        self.check_references(corpus, meets);
                        self.check_references(corpus, relies_on);
                    }
                    Kind::Require(_) | Kind::Enable | Kind::Reserve | Kind::Condition { .. } => {}
                }
            }
        }
        for case in &corpus.cases {
            let cited = case.by.iter().chain(&case.unless);
            let references = cited.map(|citation| {
                let (document, inner) =
                    citation.split_once(':').map_or((citation.as_str(), None), |(d, i)| (d, Some(i)));
                Reference {
                    instrument: document.to_owned(),
                    statement: inner.map(str::to_owned),
                    span: case.span.clone(),
                }
            });
            self.check_references(corpus, &references.collect::<Vec<_>>());
        }
    }

    fn check_references(&mut self, corpus: &Corpus, references: &[Reference]) {
        for reference in references {
            let named = |i: &&Instrument| i.id == reference.instrument || i.aliases.contains(&reference.instrument);
            let Some(instrument) = corpus.instruments.iter().find(named) else {
                if self.declared.contains(&reference.instrument) {
                    continue;
                }
                let message = format!("no instrument `{}`", reference.instrument);
                let ids = corpus.instruments.iter().map(|i| i.id.as_str());
                let near = crate::fault::nearest(&reference.instrument, ids).map(|id| format!("did you mean `{id}`?"));
                let advice =
                    || String::from("write the instrument's id, or the id of a statement of the same instrument");
                let help = near.or_else(|| Some(advice()));
                let fault = Fault::error(message, &reference.span, "dangling reference");
                self.faults.push(Fault { help, ..fault });
                continue;
            };
            let Some(wanted) = &reference.statement else { continue };
            if !instrument.statements.iter().any(|s| s.id == *wanted) {
                let message = format!("`{}` has no statement `{wanted}`", instrument.id);
                let ids = instrument.statements.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(", ");
                let fault = Fault::error(message, &reference.span, "dangling reference");
                self.faults.push(fault.help(format!("it has {ids}")));
            }
        }
    }
}

#[derive(Default)]
struct Window {
    from: Option<Moment>,
    until: Option<Moment>,
    to: Option<Moment>,
    public: Option<Moment>,
}

fn reference(instrument: &str, statement: Option<&str>, word: &Word) -> Reference {
    Reference { instrument: instrument.to_owned(), statement: statement.map(str::to_owned), span: word.span.clone() }
}

fn child<'s>(statement: &'s Statement, keyword: &str) -> Option<&'s Statement> {
    statement.block.iter().find(|s| s.keyword() == keyword)
}

/// The word after `keyword` on the statement's own line.
fn after<'s>(statement: &'s Statement, keyword: &str) -> Option<&'s Word> {
    let at = statement.words.iter().position(|word| !word.quoted && word.text == keyword)?;
    statement.words.get(at + 1)
}

fn words(statement: &Statement, keyword: &str) -> Vec<String> {
    let found = statement.block.iter().filter(|s| s.keyword() == keyword);
    found.flat_map(Statement::arguments).map(|word| word.text.clone()).collect()
}

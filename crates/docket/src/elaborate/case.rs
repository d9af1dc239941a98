//! Cases: questions with known answers, in the grammar of orders.

use super::{Elaborator, child};
use crate::finding::status_word;
use crate::grammar::Context;
use crate::inquiry::{Actor, Facts, Inquiry, Resource, stated};
use crate::moment::parse_rfc3339;
use crate::order::Case;
use crate::syntax::{Statement, Word};
use crate::vocabulary::{Act, ActorKind, ResourceKind, Role};
use law::{Status, Statuses, Time};
use std::borrow::Cow;

impl Elaborator<'_> {
    pub(super) fn case(&mut self, statement: &Statement) -> Option<Case> {
        let keyword = statement.words.first()?;
        self.known(Context::Case, &statement.block);
        let Some(title) = statement.arguments().first() else {
            self.error(keyword, "case without a title", "expected a title after this");
            return None;
        };
        let act = self.one(statement, "act", Act::ALL, Act::word);
        let actor = self.actor(statement);
        let resource = self.resource(statement);
        let valid_at = child(statement, "at").and_then(|s| self.argument(s)).and_then(|word| self.instant(word));
        if child(statement, "at").is_none() {
            self.error_help(
                title,
                "case does not say when",
                "needs `at`",
                "add for example `at 2020-09-25T12:00-04:00`",
            );
        }
        let known = child(statement, "known").and_then(|s| self.argument(s)).filter(|word| word.text != "all");
        let known_at = known.and_then(|word| self.instant(word));
        let place = child(statement, "place").and_then(|s| self.argument(s)).filter(|word| word.text != "unknown");
        let place = place.and_then(|word| self.place(word));
        let facts = self.stated_facts(statement);
        let inquiry =
            Inquiry { actor: actor?, act: act?, resource: resource?, valid_at: valid_at?, known_at, place, facts };
        let expectation = child(statement, "expect");
        if expectation.is_none() {
            self.error(title, "case without an expectation", "needs `expect`");
        }
        self.expectation(title.text.clone(), inquiry, expectation?)
    }

    fn expectation(&mut self, title: String, inquiry: Inquiry<'static>, expect: &Statement) -> Option<Case> {
        self.known(Context::Expect, &expect.block);
        let mut statuses = Vec::new();
        self.vocabulary(expect.arguments(), "status", &Status::ALL, status_word, &mut statuses);
        let texts = |keyword: &str| super::words(expect, keyword);
        let (by, needs, unless) = (texts("by"), texts("needs"), texts("unless"));
        let until = self.bound(expect, "until", "never", law::time::FOREVER);
        let from = self.bound(expect, "from", "always", law::time::ALWAYS);
        let expected: Statuses = statuses.into_iter().collect();
        (expected != Statuses::default()).then(|| Case {
            title,
            inquiry,
            expect: expected,
            by,
            until,
            from,
            needs,
            unless,
            span: expect.span.clone(),
        })
    }

    fn bound(&mut self, expect: &Statement, keyword: &str, word: &str, end: Time) -> Option<Time> {
        let written = child(expect, keyword).and_then(|s| self.argument(s))?;
        if written.text == word { Some(end) } else { self.instant(written) }
    }

    fn instant(&mut self, word: &Word) -> Option<Time> {
        parse_rfc3339(&word.text).map_err(|message| self.error(word, message, "not an instant")).ok()
    }

    fn one<T: Copy>(
        &mut self,
        statement: &Statement,
        keyword: &str,
        all: &'static [T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let mut found = Vec::new();
        match child(statement, keyword).and_then(|s| self.argument(s)) {
            Some(word) => self.vocabulary(std::slice::from_ref(word), keyword, all, name, &mut found),
            None => {
                if let Some(title) = statement.words.get(1) {
                    self.error(title, format!("case does not say its `{keyword}`"), "incomplete");
                }
            }
        }
        found.first().copied()
    }

    fn actor(&mut self, statement: &Statement) -> Option<Actor<'static>> {
        let Some(written) = child(statement, "actor") else {
            return self.one(statement, "actor", ActorKind::ALL, ActorKind::word).map(|kind| Actor {
                kind,
                id: Cow::Borrowed(""),
                role: None,
                government: None,
            });
        };
        let mut kinds = Vec::new();
        let (kind, name) = written.arguments().split_first()?;
        self.vocabulary(std::slice::from_ref(kind), "actor", ActorKind::ALL, ActorKind::word, &mut kinds);
        let mut roles = Vec::new();
        if let Some(role) = child(statement, "role").and_then(|s| self.argument(s)) {
            self.vocabulary(std::slice::from_ref(role), "role", Role::ALL, Role::word, &mut roles);
        }
        let government = child(statement, "government").and_then(|s| self.argument(s));
        let government = government.filter(|word| self.government(word)).map(|word| Cow::Owned(word.text.clone()));
        Some(Actor {
            kind: kinds.first().copied()?,
            id: name.first().map(|word| Cow::Owned(word.text.clone())).unwrap_or_default(),
            role: roles.first().copied(),
            government,
        })
    }

    fn resource(&mut self, statement: &Statement) -> Option<Resource<'static>> {
        let Some(written) = child(statement, "resource") else {
            let title = statement.words.get(1)?;
            let help = "add for example `resource android-package com.tencent.mm`";
            self.error_help(title, "case does not say its `resource`", "incomplete", help);
            return None;
        };
        let (kind, id) = written.arguments().split_first()?;
        let mut kinds = Vec::new();
        let all = ResourceKind::ALL;
        self.vocabulary(std::slice::from_ref(kind), "kind of resource", all, ResourceKind::word, &mut kinds);
        let Some(id) = id.first() else {
            self.error(kind, "a resource is a kind and an id", "the id is missing");
            return None;
        };
        Some(Resource { kind: kinds.first().copied()?, id: Cow::Owned(id.text.clone()) })
    }

    fn stated_facts(&mut self, statement: &Statement) -> Facts<'static> {
        let mut facts = Facts::new();
        for written in statement.block.iter().filter(|s| s.keyword() == "fact") {
            let Some((name, values)) = written.arguments().split_first() else {
                self.argument(written);
                continue;
            };
            let Some(fact) = self.fact_name(name) else { continue };
            if facts.iter().any(|(known, _)| *known == fact) {
                self.error(name, format!("`{}` is stated twice", name.text), "again here");
                continue;
            }
            let texts: Vec<&str> = values.iter().map(|word| word.text.as_str()).collect();
            match stated(fact, &texts) {
                Ok(value) => facts.push((fact, value.into_owned())),
                Err((message, help)) => self.error_help(values.first().unwrap_or(name), message, "here", help),
            }
        }
        facts
    }
}

//! A decision allocates nothing, from the words of the question on.

use crate::shipped::DOCKET;
use docket::identifier::canonical;
use docket::inquiry::{Inquiry, Stated, Words};
use std::borrow::Cow;

/// What the columns of a row would hold for an inquiry.
pub(crate) fn with_words<R>(inquiry: &Inquiry<'_>, then: impl FnOnce(&Words<'_>) -> R) -> R {
    let value = |stated: &Stated<'_>| match stated {
        Stated::Unknown => String::from("unknown"),
        Stated::Word(word) => word.to_string(),
        Stated::Bool(yes) => String::from(if *yes { "yes" } else { "no" }),
        Stated::Place(place) => place.to_string(),
        Stated::NoPlace => String::from("none"),
        Stated::Places(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    let values: Vec<String> = inquiry.facts.iter().map(|(_, stated)| value(stated)).collect();
    let facts: Vec<(&str, &str)> =
        inquiry.facts.iter().zip(&values).map(|((fact, _), value)| (fact.word(), value.as_str())).collect();
    let place = inquiry.place.map(|place| place.to_string());
    then(&Words {
        actor: inquiry.actor.kind.word(),
        actor_id: &inquiry.actor.id,
        role: inquiry.actor.role.map(|role| role.word()),
        government: inquiry.actor.government.as_deref(),
        act: inquiry.act.word(),
        resource: inquiry.resource.kind.word(),
        resource_id: &inquiry.resource.id,
        place: place.as_deref(),
        facts: &facts,
        valid_at: inquiry.valid_at,
        known_at: inquiry.known_at,
    })
}

#[test]
fn deciding_allocates_nothing() {
    let mut counted = 0;
    for case in &DOCKET.corpus().cases {
        let inquiry: &Inquiry<'_> = &case.inquiry;
        // Unless the identifier is written in a way of its own.
        if !matches!(canonical(inquiry.resource.kind, &inquiry.resource.id), Ok(Cow::Borrowed(_))) {
            continue;
        }
        counted += 1;
        let read = allocation_counter::measure(|| {
            DOCKET.decide(inquiry).expect("a sound question");
        });
        assert_eq!(read.count_total, 0, "{}", case.title);
        let words = with_words(inquiry, |words| {
            allocation_counter::measure(|| {
                DOCKET.decide_words(words).expect("a sound question");
            })
        });
        assert_eq!(words.count_total, 0, "{}: from words", case.title);
    }
    assert!(counted > 200, "{counted} cases");
}

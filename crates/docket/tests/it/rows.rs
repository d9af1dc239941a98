//! A question decided from its words is the question read and then decided, sound or not.

use crate::allocation::with_words;
use crate::shipped::DOCKET;
use docket::inquiry::{Inquiry, Words};

#[test]
fn every_shipped_case_reads_back_and_decides_alike() {
    for case in &DOCKET.corpus().cases {
        with_words(&case.inquiry, |words| {
            let read = Inquiry::read(words).expect("a sound question");
            assert_eq!(read.clone().into_owned(), case.inquiry, "{}", case.title);
            assert_eq!(DOCKET.decide_words(words), DOCKET.decide(&read), "{}", case.title);
        });
    }
}

#[test]
fn what_is_wrong_is_said_in_the_same_words() {
    let sound = Words {
        actor: "business",
        actor_id: "",
        role: None,
        government: None,
        act: "app.distribute",
        resource: "app",
        resource_id: "wechat",
        place: Some("US"),
        facts: &[],
        valid_at: 1_600_700_000,
        known_at: None,
    };
    let nobody = Words { resource_id: "no-such-app", ..sound };
    for base in [sound, nobody] {
        for (words, told) in [
            (Words { actor: "firm", ..base }, "subject.type: unknown subject type `firm`"),
            (Words { role: Some("shop"), ..base }, "subject.properties.role: unknown role `shop`"),
            (Words { government: Some("US-federal-executiv"), ..base }, "did you mean `US-federal-executive`?"),
            (Words { act: "app.sell", ..base }, "did you mean `app.resell`?"),
            (Words { resource: "apk", ..base }, "resource.type: unknown resource type `apk`"),
            (
                Words { resource: "domain", resource_id: "localhost", ..base },
                "resource.id: `localhost` is not a domain",
            ),
            (Words { place: Some("us"), ..base }, "context.place: place codes are upper case: write `US`"),
            (Words { facts: &[("colour", "red")], ..base }, "context.facts.colour: unknown fact `colour`"),
            (Words { facts: &[("purpose", "wage")], ..base }, "did you mean `wages`?"),
            (Words { facts: &[("for_fee", "maybe")], ..base }, "write `yes` or `no`"),
            (Words { facts: &[("for_fee", "yes"), ("for_fee", "no")], ..base }, "`for_fee` is stated twice"),
            (Words { facts: &[("accessible_in", "US,Narnia")], ..base }, "`Narnia` is not an ISO 3166 code"),
        ] {
            let read = Inquiry::read(&words).and_then(|inquiry| DOCKET.decide(&inquiry));
            let decided = DOCKET.decide_words(&words);
            assert_eq!(decided, read);
            let message = decided.map_err(|problem| problem.to_string()).expect_err(told);
            assert!(message.contains(told), "{message} says {told}");
        }
    }
}

//! People who want more than they may.

use crate::world::{APK, OTHER, World, condition, principal, small_trust, spki, t};
use attest::statement::Type;
use attest::{Standing, Trust};
use serde_json::{Value, json};

const DAY: &str = "2020-10-01T00:00:00Z";

fn need() -> Value {
    json!({ "req": "built", "type": "build-reproduced", "subject": "artifact", "by": "rebuilders",
        "claims": [["/level", "in", ["L0", "L1"]]], "maxAge": "P10D", "veto": "agency" })
}

fn met(world: &World, at: &str) -> bool {
    let history = world.history();
    let at = t(at);
    Standing::new(&condition(need()), &history.at(at), Some(APK)).answer(at).met
}

fn built(world: &mut World, at: &str, by: &[&str]) -> (u64, String) {
    world.say(at, by, Type::BuildReproduced, &format!("artifact:{APK}"), json!({ "level": "L1" }))
}

fn after(by: &[&[&str]]) -> bool {
    let mut world = World::new(small_trust());
    for signers in by {
        built(&mut world, DAY, signers);
    }
    met(&world, DAY)
}

#[test]
fn thresholds_count_organisations_not_signatures() {
    assert!(after(&[&["r1", "g"]]), "two organisations on one statement");
    assert!(after(&[&["r1"], &["g"]]), "two organisations, a statement each");
    assert!(!after(&[&["r1"]]), "one");
    assert!(!after(&[&["r1", "r1", "r1"]]), "one, three times");
    assert!(!after(&[&["r1"], &["r1"]]), "one, twice");
    assert!(!after(&[&["r1", "r2"]]), "two people of one organisation");
    assert!(!after(&[&["r1", "auditor"]]), "one who may not say this");
    assert!(!after(&[&["r1", "stranger"]]), "one whom nobody knows");
}

#[test]
fn a_statement_counts_for_what_it_says_and_about_what() {
    let said = |about: &str, claims: Value| {
        let mut world = World::new(small_trust());
        world.say(DAY, &["r1", "g"], Type::BuildReproduced, &format!("artifact:{about}"), claims);
        met(&world, DAY)
    };
    assert!(said(APK, json!({ "level": "L0" })));
    assert!(!said(APK, json!({ "level": "L2" })));
    assert!(!said(APK, json!({})));
    assert!(!said(OTHER, json!({ "level": "L0" })));
    assert!(said(APK, json!({ "level": "L0", "order": "o" })));
    assert!(!said(APK, json!({ "level": "L0", "order": "another" })));
    assert!(!said(APK, json!({ "level": "L0", "order": ["another"] })));
}

#[test]
fn what_somebody_may_object_to_does_not_hold_while_nobody_knows_who_that_is() {
    let mut world = World::new(small_trust());
    built(&mut world, DAY, &["r1", "g"]);
    let answer = |veto: &str| {
        let mut need = need();
        need["veto"] = json!(veto);
        Standing::new(&condition(need), &world.history().now(), Some(APK)).answer(t(DAY))
    };
    assert!(answer("agency").met);
    let answer = answer("agencies");
    assert!(!answer.met && answer.missing[0].1.contains("`agencies` may object"), "{answer:?}");
}

#[test]
fn trust_documents_in_which_one_key_has_two_owners_do_not_load() {
    let why = |change: &dyn Fn(&mut Value)| {
        let mut trust = small_trust();
        change(&mut trust);
        Trust::read(&trust).unwrap_err().why
    };
    let key = json!({ "spki": spki("r1") });
    assert!(why(&|trust| trust["principals"][2]["keys"] = json!([key])).contains("already listed"));
    assert!(why(&|trust| trust["principals"][0]["keys"] = json!([key, key])).contains("already listed"));
    // The same key in PEM is the same key.
    let pem = json!({ "spki": format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", spki("r1")) });
    assert!(why(&|trust| trust["principals"][2]["keys"] = json!([pem])).contains("already listed"));
    assert!(why(&|trust| trust["principals"][2] = principal("r1", "x")).contains("already listed"));
    let group = |members: Value, need: Value| json!({ "name": "n", "need": need, "members": members });
    let with = |group: Value| why(&|trust| trust["groups"].as_array_mut().unwrap().push(group.clone()));
    assert!(with(group(json!(["n"]), json!("any"))).contains("contains itself"));
    assert!(with(group(json!(["r1", "r1"]), json!(2))).contains("twice"));
    assert!(with(group(json!(["r1", "anyone"]), json!(2))).contains("twice"));
    assert!(with(group(json!(["r1"]), json!(2))).contains("between 1"));
    assert!(with(group(json!(["r1"]), json!(0))).contains("between 1"));
    assert!(with(group(json!([]), json!("all"))).contains("nobody"));
    assert!(with(group(json!(["nobody"]), json!("all"))).contains("nobody is called"));
    let mut orgs = group(json!(["r1", "r2"]), json!(2));
    orgs["distinct"] = json!("org");
    assert!(with(orgs).contains("needs 2 organisations and has 1"));
    assert!(why(&|trust| trust["accept"][0]["typ"] = json!(1)).contains("not known"));
    assert!(why(&|trust| trust["principals"][1]["org"] = json!("Red ")).contains("in two spellings"));
    for org in ["Re\u{200d}d", "\u{200c}red"] {
        assert!(why(&|trust| trust["principals"][1]["org"] = json!(org)).contains("in two spellings"), "{org:?}");
    }
    let unseen = ["\u{61c}", "\u{200b}", "\u{2060}", "\u{feff}", "\u{ad}", "\u{e0041}"].map(|c| ("org", c));
    for (name, value) in [("id", "a\nb"), ("org", "a\u{202e}b")].into_iter().chain(unseen) {
        assert!(why(&|trust| trust["principals"][1][name] = json!(value)).contains("in one line"), "{name}");
    }
    assert!(why(&|trust| trust["groups"][1]["name"] = json!("a\"b")).contains("in one line"));
    assert!(
        why(&|trust| {
            trust["principals"][1]["keys"][0]["notBefore"] = json!(DAY);
            trust["principals"][1]["keys"][0]["notAfter"] = json!(DAY);
        })
        .contains("could never be used")
    );
}

#[test]
fn keys_count_in_their_time_only() {
    let mut trust = small_trust();
    trust["principals"][2]["keys"][0]["notAfter"] = json!(DAY);
    let mut world = World::new(trust.clone());
    built(&mut world, "2020-09-30T23:59:59Z", &["r1", "g"]);
    assert!(met(&world, DAY));
    let mut world = World::new(trust);
    built(&mut world, DAY, &["r1", "g"]);
    assert!(!met(&world, DAY));
}

#[test]
fn a_stolen_key_cannot_write_into_the_past() {
    let mut trust = small_trust();
    trust["principals"][2]["keys"][0]["revokedSince"] = json!("2020-10-02T00:00:00Z");
    let mut world = World::new(trust);
    let claims = json!({ "level": "L1", "timeCreated": "2020-10-01T12:00:00Z" });
    world.say("2020-10-03T00:00:00Z", &["r1", "g"], Type::BuildReproduced, &format!("artifact:{APK}"), claims);
    assert!(!met(&world, "2020-10-03T00:00:00Z"));
    for (made, counts) in [
        ("2020-09-26T00:00:00Z", true),
        ("2020-09-25T23:59:59Z", false),
        ("2020-10-03T00:05:00Z", true),
        ("2020-10-03T00:05:01Z", false),
    ] {
        let mut world = World::new(small_trust());
        let claims = json!({ "level": "L1", "timeCreated": made });
        world.say("2020-10-03T00:00:00Z", &["r1", "g"], Type::BuildReproduced, &format!("artifact:{APK}"), claims);
        assert_eq!(met(&world, "2020-10-03T00:00:01Z"), counts, "{made}");
    }
}

#[test]
fn revocation_acts_from_its_place_in_the_log() {
    let revoked = |by: &str, target: &dyn Fn(&str) -> Value| {
        let mut world = World::new(small_trust());
        let (_, digest) = built(&mut world, DAY, &["r1", "g"]);
        let at = "2020-10-02T00:00:00Z";
        let claims = json!({ "targets": [target(&digest)], "reason": "found wrong" });
        world.say(at, &[by], Type::Revocation, "order:o", claims);
        // Once taken back, the same statement cannot be brought again.
        let again = world.entries[0].envelope.clone();
        world.push("2020-10-03T00:00:00Z", again);
        assert!(met(&world, "2020-10-01T23:59:59Z"), "before");
        let after = met(&world, at);
        assert_eq!(after, met(&world, "2020-10-03T00:00:01Z"));
        !after
    };
    let by_digest = |digest: &str| json!({ "sha256": digest });
    assert!(revoked("r1", &by_digest), "the signer");
    assert!(revoked("agency", &by_digest), "the signer's superior");
    assert!(!revoked("b", &by_digest), "somebody else");
    assert!(!revoked("stranger", &by_digest), "nobody");
    let range = |until: &'static str| move |_: &str| json!({ "principal": "r1", "type": "build-reproduced", "from": "2020-09-01T00:00:00Z", "until": until });
    assert!(revoked("r1", &range("2020-10-01T00:00:01Z")));
    assert!(!revoked("r1", &range(DAY)));
    assert!(!revoked("r1", &|_| json!({ "principal": "r1", "type": "build-reproduced", "from": "soon" })));
}

#[test]
fn a_finding_stands_until_it_is_resolved() {
    let mut world = World::new(small_trust());
    built(&mut world, DAY, &["r1", "g"]);
    let (_, finding) = world.say("2020-10-02T00:00:00Z", &["agency"], Type::AdverseFinding, "order:o", json!({}));
    world.say("2020-10-03T00:00:00Z", &["auditor"], Type::Resolution, "order:o", json!({ "finding": finding }));
    world.say("2020-10-04T00:00:00Z", &["agency"], Type::Resolution, "order:o", json!({ "finding": finding }));
    for (at, expected) in [
        ("2020-10-01T23:59:59Z", true),
        ("2020-10-02T00:00:00Z", false),
        ("2020-10-03T00:00:01Z", false),
        ("2020-10-04T00:00:00Z", true),
    ] {
        assert_eq!(met(&world, at), expected, "{at}");
    }
    let mut world = World::new(small_trust());
    built(&mut world, DAY, &["r1", "g"]);
    world.say(DAY, &["auditor"], Type::AdverseFinding, "order:o", json!({}));
    world.say(DAY, &["agency"], Type::AdverseFinding, "order:another", json!({}));
    world.say(DAY, &["agency"], Type::AdverseFinding, "order:o", json!({ "requirements": ["another"] }));
    assert!(met(&world, DAY));
}

#[test]
fn a_resolution_ends_a_finding_while_it_stands_and_only_what_was_said_in_time() {
    let day = |day: u32| format!("2020-10-{day:02}T00:00:00Z");
    let mut trust = small_trust();
    let resolved = |trust: Value| {
        let mut world = World::new(trust);
        built(&mut world, DAY, &["r1", "g"]);
        let (_, finding) = world.say(&day(2), &["agency"], Type::AdverseFinding, "order:o", json!({}));
        let claims = json!({ "finding": finding });
        let (_, resolution) = world.say(&day(3), &["agency"], Type::Resolution, "order:o", claims);
        (world, resolution)
    };
    let (mut world, resolution) = resolved(trust.clone());
    let answer = Standing::new(&condition(need()), &world.history().now(), Some(APK)).answer(t(&day(2)));
    assert_eq!(answer.missing[0].1, "entry 1 is a finding against it, until `agency` resolves that");
    // The same finding once more, by whoever has a copy of it.
    let again = world.entries[1].envelope.clone();
    world.push(&day(4), again);
    assert!(met(&world, &day(4)), "it is the finding that was resolved");
    world.say(&day(5), &["agency"], Type::Revocation, "order:o", json!({ "targets": [{ "sha256": resolution }] }));
    assert!(met(&world, "2020-10-04T23:59:59Z"));
    assert!(!met(&world, &day(5)), "what resolved it was taken back");
    trust["expires"] = json!(day(3));
    let (world, _) = resolved(trust);
    assert!(!met(&world, &day(3)), "the trust document had expired");
}

#[test]
fn a_new_trust_document_needs_the_root_of_both() {
    let renewed = |by: &[&str], version: u64| {
        let mut world = World::new(small_trust());
        let mut next = small_trust();
        next["version"] = json!(version);
        next["groups"][0]["need"] = json!(1);
        world.say(DAY, by, Type::TrustDocument, "order:o", json!({ "trust": next }));
        built(&mut world, "2020-10-02T00:00:00Z", &["r1"]);
        met(&world, "2020-10-02T00:00:00Z")
    };
    assert!(renewed(&["agency", "chief"], 2));
    assert!(!renewed(&["agency"], 2));
    assert!(!renewed(&["agency", "chief"], 3));
    assert!(!renewed(&["agency", "chief"], 1));
}

#[test]
fn what_forbids_outlives_the_key_it_was_signed_with_unless_that_was_in_other_hands() {
    let renewed = |window: Option<Value>| {
        let mut world = World::new(small_trust());
        built(&mut world, DAY, &["r1", "g"]);
        world.say("2020-10-02T00:00:00Z", &["agency"], Type::AdverseFinding, "order:o", json!({}));
        let mut next = small_trust();
        next["version"] = json!(2);
        let mut keys = vec![json!({ "spki": spki("new") })];
        keys.extend(window.map(|since| json!({ "spki": spki("agency"), "revokedSince": since })));
        next["principals"][5]["keys"] = json!(keys);
        assert_eq!(next["principals"][5]["id"], "agency");
        let at = "2020-10-02T12:00:00Z";
        world.say(at, &["agency", "new", "chief"], Type::TrustDocument, "order:o", json!({ "trust": next }));
        built(&mut world, "2020-10-03T00:00:00Z", &["r1", "g"]);
        let finding = attest::dsse::hex(&world.entries[1].envelope.statement_digest());
        assert_eq!(world.history().ignored(), []);
        let before = met(&world, "2020-10-03T00:00:00Z");
        world.say("2020-10-04T00:00:00Z", &["new"], Type::Resolution, "order:o", json!({ "finding": finding }));
        (before, met(&world, "2020-10-04T00:00:00Z"))
    };
    assert_eq!(renewed(None), (false, true), "it stands until whoever said it resolves it with the new key");
    let kept = json!("2020-10-02T12:00:01Z");
    assert_eq!(renewed(Some(kept)), (false, true));
    let stolen = json!("2020-10-01T00:00:00Z");
    assert_eq!(renewed(Some(stolen)), (true, true), "the agency says that others had its key");
}

#[test]
fn what_is_more_than_anybody_needs_is_refused_before_any_work() {
    let requirement = |name: usize| json!({ "req": name.to_string(), "type": "audit-report", "subject": "system:x", "by": "auditor" });
    let million: Vec<Value> = (0..1_000_000).map(|_| json!({ "req": "a" })).collect();
    let text = json!({ "need": { "all": million } }).to_string();
    assert!(attest::json::parse(text.as_bytes()).unwrap_err().why.contains("longer than"));
    let many: Vec<Value> = (0..10_000).map(requirement).collect();
    let value = json!({ "order": "o", "condition": "c", "effect": "monitor-only", "onLapse": { "act": "alert" },
        "authority": "agency", "need": { "all": many } });
    assert!(attest::Condition::read(&value).unwrap_err().why.contains("more than"));

    let read = |principals: Vec<Value>, groups: Vec<Value>| {
        Trust::read(&json!({ "version": 1, "principals": principals, "groups": groups })).unwrap_err().to_string()
    };
    let group = |name: String, members: &[String]| json!({ "name": name, "need": "any", "members": members });
    let people = || vec![principal("r1", "red"), principal("g", "green")];
    let many = (0..=attest::trust::GROUPS_MAX).map(|n| group(format!("g{n}"), &["r1".into()])).collect();
    assert!(read(people(), many).contains("more than"));
    let below = |n: usize| if n == 0 { String::from("r1") } else { format!("g{}", n - 1) };
    let deep = (0..attest::trust::DEPTH_MAX + 2).map(|n| group(format!("g{n}"), &[below(n)])).collect();
    assert!(read(people(), deep).contains("deeper"));
    // Each level holds the one below twice: two to the thirtieth ways down, of which the second is refused.
    let twice = |n: usize| [group(format!("a{n}"), &[below(n)]), group(format!("g{n}"), &[below(n), format!("a{n}")])];
    assert!(read(people(), (0..30).flat_map(twice).collect()).contains("twice"));

    let subject = attest::statement::named_subject("system:x");
    let subjects = vec![subject; attest::statement::SUBJECTS_MAX + 1];
    let said = attest::statement::compose(Type::AuditReport, &subjects, &json!({ "timeCreated": DAY }));
    let why = attest::Statement::parse(said.to_string().as_bytes()).unwrap_err().to_string();
    assert!(why.contains("/subject") && why.contains("are needed"), "{why}");
    let mut envelope = crate::world::sign(&said, &["r1"]);
    let one = envelope.signatures.first().cloned().unwrap();
    envelope.signatures = vec![one; attest::dsse::SIGNATURES_MAX + 1];
    assert!(attest::Envelope::from_value(&envelope.to_value()).unwrap_err().why.contains("are needed"));
}

//! Statements that the gov log takes up: they reach the law while the service runs, a revocation names what rested on
//! what it takes back, a lift waits for witnesses, and whose word counts is changed by those who may.

use crate::desk::{Desk, digest_of, key, pkcs8};
use crate::gov_log::{ask, ask_at, gov, kinds};
use crate::log_service::{Log, until};
use crate::log_witnesses::{Witness, log as new_log};
use crate::program::{Folder, Serving, run};
use crate::service::SUBJECTS;
use attest::statement::Type;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn statements_are_taken_up_by_the_log_and_reach_the_law_while_the_service_runs() {
    let desk = Desk::new();
    let log = Log::new();
    let (home, socket) = (log.path("log"), log.path("socket"));
    let attest = |words: &[&str]| run(&[&["--attestations", home.as_str(), "attest"][..], words].concat(), b"");
    let status = |code: i32| {
        let ran = attest(&["status", "mitigation-2020"]);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    };
    let folder = desk.folder.path().display().to_string();
    let adopted = attest(&["adopt", &folder, "--signer", &socket, "--json"]);
    assert_eq!(adopted.code, 0, "{}", adopted.err);
    let files =
        ["trust.json", "conditions/audited.json", "artifacts"].map(|file| json!({ "file": file, "gone": false }));
    assert_eq!(adopted.json(), json!({ "adopted": files }));
    assert_eq!(attest(&["adopt", &folder, "--signer", &socket]).out, "the log has all of it\n");
    status(1);
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    let added = attest(&["add", &signed, "--signer", &socket]);
    assert_eq!(added.code, 0, "{}", added.err);
    let audit: u64 = added.out.trim().parse().expect("an index");
    let twice = attest(&["add", &signed, "--signer", &socket]);
    assert!(twice.code == 2 && twice.err.contains(&format!("as entry {audit}")), "{}", twice.err);
    status(0);

    // The service counts what its own log says, without being told where.
    let mut serving = log.serve(&[]);
    let conditions = |serving: &Serving| serving.get("/conditions/us-doc-tiktok-id-v2/mitigation-2020").2;
    assert!(conditions(&serving).contains(">met</span>"));
    let state = |met: bool| {
        let said = |entry: &&Value| entry["kind"] == "condition-state" && entry["condition"] == "mitigation-2020";
        gov(&log).iter().filter(said).any(|entry| entry["met"] == met)
    };
    until("the log says that it is met", || state(true));
    // Somebody else follows the same log from its address, and believes its key alone.
    let url = format!("http://{}/log/gov", serving.address);
    let (key, other) = (log.key("gov"), log.key("dec"));
    let follow = |key: &[&str]| {
        run(&[&["--attestations", &url][..], key, &["attest", "status", "mitigation-2020"]].concat(), b"")
    };
    assert_eq!(follow(&["--attestations-key", &key]).code, 0);
    let distrusted = follow(&["--attestations-key", &other]);
    assert_eq!(distrusted.code, 2, "{}", distrusted.out);
    let unnamed = follow(&[]);
    assert!(unnamed.code == 2 && unnamed.err.contains("--attestations-key"), "{}", unnamed.err);

    let (before, ..) = ask(&serving, "tiktok", Some("US"));
    let digest = digest_of(&signed);
    let targets = json!({ "targets": [{ "sha256": digest }] });
    let revocation = desk.say(Type::Revocation, "order:us-doc-tiktok-id-v2", targets, &["auditor"]);
    let revoked = attest(&["add", &revocation]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    serving.hears("law in force");
    assert!(conditions(&serving).contains(">not met</span>"));
    until("the log says that it is not met any more", || state(false));
    status(1);
    let (after, ..) = ask(&serving, "tiktok", Some("US"));
    assert_eq!(serving.stop(), Some(0));

    // What the revocation touches, out of the log of decisions itself.
    let index = revoked.out.trim();
    let ran = attest(&["impact", index, "--decisions", &home, "--since", "2000-01-01T00:00:00Z", "--json"]);
    assert_ne!(ran.code, 2, "{}", ran.err);
    println!("decisions {before} and {after}: {}", ran.out);
    let entries = gov(&log);
    let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((of("trust-policy"), of("attestation"), of("revocation")), (1, 1, 1), "{:?}", kinds(&entries));
    let taken = entries.iter().find(|entry| entry["kind"] == "attestation").expect("one");
    assert_eq!((&taken["says"], &taken["by"]), (&json!("audit-report"), &json!(["auditor"])));
    log.fsck();
}

/// An order that a condition lifts by itself while an audit counts.
const AUDITED: &str = r#"instrument zz {
  title "An order" ; jurisdiction US ; rank agency ; authority "An agency" ; zone UTC
  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source "https://example.org/"
  prohibit 1 from 2020-02-01T00:00 { app brook ; act app.distribute ; actor business ; users-in US ; until-met audited }
  condition audited { decides "An agency" }
}
"#;

#[test]
fn a_revocation_names_the_decisions_of_the_log_that_rested_on_what_it_takes_back_and_no_others() {
    let (desk, log, corpus) = (Desk::new(), Log::new(), Folder::new());
    corpus.write("subjects/all.subject", SUBJECTS);
    corpus.write("orders/zz.order", AUDITED);
    let condition = json!({ "order": "zz", "condition": "audited", "effect": "automatic-pause", "onLapse": { "act": "alert" },
        "authority": "secretary-of-commerce",
        "need": { "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" } });
    desk.folder.write("conditions/audited.json", &condition.to_string());
    let (home, corpus) = (log.path("log"), corpus.path().display().to_string());
    let attest = |words: &[&str]| run(&[&["--attestations", home.as_str(), "attest"][..], words].concat(), b"");
    let adopted = attest(&["adopt", &desk.folder.path().display().to_string(), "--signer", &log.path("socket")]);
    assert_eq!(adopted.code, 0, "{}", adopted.err);
    let serving = log.serve_with(&["--corpus", &corpus], &[]);
    let mut permitted = BTreeSet::new();
    let mut ask = || {
        let (index, verdict, _) =
            ask_at(&serving, "s", "brook", Some("US"), &attest::json::format_time(crate::lab::now()));
        permitted.extend((verdict == "permit").then_some(index));
        verdict
    };
    assert_eq!(ask(), "forbid");
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    let added = attest(&["add", &signed]);
    assert_eq!(added.code, 0, "{}", added.err);
    until("the audit lifts it", || ask() == "permit");
    assert_eq!(ask(), "permit");
    // From the second on in which it is taken back nothing rests on it.
    let asked = crate::lab::now();
    until("the second is over", || crate::lab::now() > asked);
    let targets = json!({ "targets": [{ "sha256": digest_of(&signed) }] });
    let revocation = desk.say(Type::Revocation, "order:zz", targets, &["auditor"]);
    let revoked = attest(&["add", &revocation]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    until("it stands again", || ask() == "forbid");
    assert_eq!(serving.stop(), Some(0));
    let ran = attest(&["impact", revoked.out.trim(), "--decisions", &home, "--json"]);
    assert_eq!(ran.code, 1, "some would have come out otherwise: {}{}", ran.out, ran.err);
    let mut named = BTreeSet::new();
    for line in ran.out.lines() {
        let found: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!((&found["condition"], &found["turns"]), (&json!("audited"), &json!(true)), "{line}");
        assert_eq!(found["entry"].to_string(), added.out.trim());
        named.insert(found["decision"].as_str().expect("an index").parse::<u64>().expect("a number"));
    }
    // The second or so until the law follows belongs to the old law, and to neither of the others.
    assert!(permitted.iter().take(2).all(|index| named.contains(index)), "{named:?} {permitted:?}");
    assert!(!named.contains(&0) && named.iter().max() == permitted.iter().nth(1), "{named:?} {permitted:?}");
}

#[test]
fn what_a_log_takes_over_from_a_folder_is_named() {
    let desk = Desk::new();
    let (_folder, home, _keys) = new_log("log.example/adopting");
    // A log that has entries already: those of a service's life.
    assert_eq!(Serving::start_with(&[], &["--log", &home]).stop(), Some(0));
    let source = desk.folder.path().display().to_string();
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(run(&["--attestations", &source, "attest", "add", &signed], b"").code, 0);
    let adopt = || run(&["--attestations", &home, "attest", "adopt", &source, "--json"], b"").json();
    let adopted = adopt();
    let last = adopted["adopted"].as_array().and_then(|all| all.last()).expect("the statement");
    assert!(last["statement"] == 0 && last["entry"].as_u64() > Some(2), "{adopted}");
    std::fs::remove_file(desk.folder.path().join("artifacts")).expect("removed");
    assert_eq!(adopt(), json!({ "adopted": [{ "file": "artifacts", "gone": true }] }));
    assert_eq!(adopt(), json!({ "adopted": [] }));
}

#[test]
fn a_lift_counts_once_a_quorum_of_witnesses_has_signed_it_and_an_end_of_it_at_once() {
    let desk = Desk::new();
    let (folder, home, [gov, dec]) = new_log("log.example/lifted");
    let witness = Witness::start(&folder, "w", &[&gov, &dec]);
    let address = witness.address.clone();
    let policy = format!("log {gov}\nlog {dec}\nwitness w {} http://{address}\nquorum w\n", witness.key);
    folder.write("log/policy", &policy);
    let attest = |words: &[&str]| run(&[&["--attestations", home.as_str(), "attest"][..], words].concat(), b"");
    let counts = || {
        let ran = attest(&["status", "mitigation-2020", "--json"]);
        let told: Value = serde_json::from_str(ran.out.trim()).expect("JSON");
        (told["acts"].as_array().map_or(0, Vec::len), told["counts_in_law"] == true)
    };
    assert_eq!(attest(&["adopt", &desk.folder.path().display().to_string()]).code, 0);
    drop(witness);
    let (order, at) = ("order:us-doc-tiktok-id-v2", "2020-11-01T00:00:00Z");
    let lift = desk.say(Type::Act, order, json!({ "act": "lift", "from": at }), &["commerce"]);
    let added = attest(&["add", &lift]);
    assert!(added.code == 0 && added.err.contains("once the log says that a quorum"), "{}{}", added.out, added.err);
    assert_eq!(counts(), (0, false), "logged, durable, signed by the log, and not witnessed");

    // Whatever is logged next brings the witness a checkpoint that covers the lift.
    let witness = Witness::start_at(&address, &folder, "w", &[&gov, &dec]);
    let other = desk.say(Type::AuditReport, "system:y", json!({}), &["auditor"]);
    assert_eq!(attest(&["add", &other]).code, 0);
    assert_eq!(counts(), (1, true));
    let cat = run(&["log", "cat", &format!("{home}/gov"), "--count", "1000", "--key", &gov], b"").out;
    assert!(cat.contains(r#""kind":"witnessed""#) && cat.contains(r#""act":"lift""#), "{cat}");

    // What ends it permits less: no witness has to be there.
    drop(witness);
    let back = json!({ "act": "reinstate", "from": desk.now });
    let back = desk.say(Type::Act, order, back, &["commerce"]);
    let added = attest(&["add", &back]);
    assert!(added.code == 0 && added.err.is_empty(), "{}{}", added.out, added.err);
    assert_eq!(counts(), (2, false));
}

/// A trust document in which two may say whose word counts from then on.
fn trusted(version: u64, names: &[&str]) -> Value {
    let principals: Vec<Value> = names
        .iter()
        .map(|name| json!({ "id": name, "org": name, "keys": [{ "spki": key(name).key().spki() }] }))
        .collect();
    let accept = |name: &&str| json!({ "by": name, "type": "audit-report", "subject": "*" });
    json!({ "version": version, "principals": principals, "accept": names.iter().map(accept).collect::<Vec<_>>(),
        "groups": [{ "name": "root", "need": "all", "members": ["one", "two"] }] })
}

#[test]
fn whose_word_counts_is_changed_by_those_who_may_and_keys_have_a_history() {
    let (folder, now) = (Folder::new(), attest::json::format_time(crate::lab::now()));
    let home = folder.path().join("log").display().to_string();
    assert_eq!(run(&["log", "new", &home, "--name", "log.example/trust"], b"").code, 0);
    let attest = |words: &[&str]| run(&[&["--attestations", home.as_str(), "attest"][..], words].concat(), b"");
    let first = folder.write("first/trust.json", &trusted(1, &["one", "two"]).to_string());
    assert_eq!(attest(&["adopt", first.trim_end_matches("/trust.json")]).code, 0);
    let second = folder.write("second/trust.json", &trusted(2, &["one", "two", "three"]).to_string());
    let refused = attest(&["adopt", second.trim_end_matches("/trust.json")]);
    assert!(refused.code == 2 && refused.err.contains("sign the next version"), "{}", refused.err);

    let say = |kind: Type, claims: &Value, by: &[&str]| {
        let mut claims = claims.clone();
        claims["timeCreated"] = json!(now);
        let subject = attest::statement::named_subject("system:x");
        let statement = attest::statement::compose(kind, &[subject], &claims);
        let mut file = folder.write("statement.json", &statement.to_string());
        for (place, name) in by.iter().enumerate() {
            let secret = folder.path().join("key.der");
            std::fs::write(&secret, pkcs8(name)).expect("written");
            let signed = folder.path().join(format!("{}-{place}.json", kind.name())).display().to_string();
            let ran = attest(&["sign", &file, "--key", &secret.display().to_string(), "-o", &signed]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            file = signed;
        }
        attest(&["add", &file])
    };
    let audit =
        json!({ "opinion": "unqualified", "periodStart": "2026-01-01T00:00:00Z", "periodEnd": "2026-02-01T00:00:00Z" });
    let stranger = say(Type::AuditReport, &audit, &["three"]);
    assert!(stranger.code == 2 && stranger.err.contains("count for nothing"), "{}", stranger.err);
    let next = json!({ "trust": trusted(2, &["one", "two", "three"]) });
    let alone = say(Type::TrustDocument, &next, &["one"]);
    assert!(alone.code == 2 && alone.err.contains("not signed by `root`"), "{}", alone.err);
    let both = say(Type::TrustDocument, &next, &["one", "two"]);
    assert_eq!(both.code, 0, "{}", both.err);
    let known = say(Type::AuditReport, &audit, &["three"]);
    assert_eq!(known.code, 0, "{}", known.err);

    let path = folder.path().join("log/dec/public/vkey");
    let dec = std::fs::read_to_string(path).expect("a key");
    let words = ["log", "key-event", &home, "compromised", dec.trim(), "--since", "2026-01-01T00:00:00Z"];
    let event = run(&[&words[..], &["--json"]].concat(), b"");
    assert_eq!(event.code, 0, "{}", event.err);
    let logged = event.json()["logged"].clone();
    assert_eq!(run(&["log", "key-event", &home, "stolen", dec.trim()], b"").code, 1);
    let gov = std::fs::read_to_string(folder.path().join("log/gov/public/vkey")).expect("a key");
    let cat = run(&["log", "cat", &format!("{home}/gov"), "--key", gov.trim()], b"").out;
    let entries: Vec<Value> = cat.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let policies: Vec<(&Value, bool)> = entries
        .iter()
        .filter(|entry| entry["kind"] == "trust-policy")
        .map(|entry| (&entry["version"], entry["signed"].is_string()))
        .collect();
    assert_eq!(policies, [(&json!(1), false), (&json!(2), true)], "the first on its keeper's word: {cat}");
    let event = entries.iter().find(|entry| entry["kind"] == "key-event").expect("one");
    assert_eq!((&logged["entry"], &logged["state"]), (&event["index"], &json!("counts")), "{logged}");
    assert_eq!((&event["event"], &event["since"]), (&json!("compromised"), &json!("2026-01-01T00:00:00Z")));
    for entry in entries.iter().filter(|entry| entry["sha256"].is_string()) {
        let digest = entry["sha256"].as_str().expect("hexadecimal");
        let blob = folder.path().join("log/gov/public/blob/sha256").join(&digest[..2]).join(digest);
        assert!(blob.exists(), "{entry}: what the log took up is published beside it");
    }
}

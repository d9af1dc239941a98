//! `interdict attest`: what is signed, checked, taken up or refused, and what is told of it.

use crate::attestations::inquiry;
use crate::desk::{Desk, digest_of, key, pkcs8, signed, trust};
use crate::log_service::until;
use crate::program::{Folder, Serving, run};
use attest::Envelope;
use attest::statement::{Type, compose, named_subject};
use serde_json::{Value, json};

#[test]
fn what_is_signed_and_taken_up_is_told() {
    let desk = Desk::new();
    let ran = desk.attest(&["status", "mitigation-2020", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["missing"][0]["requirement"], "audit");
    assert_eq!(told["authority"]["members"], json!(["commerce"]));

    // A key made for a log prints a public half, and nobody trusts it.
    let secret = desk.folder.path().join("log.key").display().to_string();
    assert_eq!(run(&["log", "key", "stranger.example", "-o", &secret], b"").code, 0);
    let key = desk.attest(&["key", &secret]).out;
    assert_eq!(key.trim().len(), 60, "base64 of 44 bytes");
    assert_eq!(desk.attest(&["key", &secret, "--json"]).json(), json!({ "spki": key.trim() }));
    let statement = desk.say(Type::AuditReport, "system:x", json!({}), &[]);
    for words in [["add", &statement], ["verify", &statement]] {
        let unsigned = desk.attest(&words);
        assert!(unsigned.code == 2 && unsigned.err.contains("nobody has signed this statement"), "{}", unsigned.err);
    }
    let undated = desk.attest(&["status", "--at", "yesterday"]);
    assert!(undated.err.contains("`yesterday` is no instant; write it as `2020-"), "{}", undated.err);
    let by_stranger = desk.folder.path().join("stranger.json").display().to_string();
    let told = desk.attest(&["sign", &statement, "--key", &secret, "-o", &by_stranger, "--json"]).json();
    let digest = digest_of(&by_stranger);
    assert_eq!(told, json!({ "file": by_stranger, "type": "audit-report", "spki": key.trim(), "digest": digest }));
    assert_eq!(desk.attest(&["verify", &by_stranger]).code, 3);
    let refused = desk.attest(&["add", &by_stranger]);
    assert!(refused.code == 2 && refused.err.contains("count for nothing"), "{}", refused.err);

    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["verify", &signed]).code, 0);
    let added = desk.attest(&["add", &signed, "--json"]);
    assert_eq!(added.json(), json!({ "entry": 0, "awaits_witnesses": false }), "{}", added.err);
    let ran = desk.attest(&["status", "mitigation-2020"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("who could lift: secretary-of-commerce (commerce)"), "{}", ran.out);
    assert!(ran.out.contains("in law it counts as met until"), "{}", ran.out);
    let rests = "rests on entry 0: audit-report about system:x, signed by auditor, taken up 2";
    assert!(ran.out.contains(rests), "{}", ran.out);
    let said = &desk.attest(&["status", "mitigation-2020", "--json"]).json()["said"][0];
    assert_eq!((&said["sha256"], &said["rests"]), (&json!(digest_of(&signed)), &json!(true)), "{said}");
}

#[test]
fn what_the_help_shows_can_be_signed_and_trusted_as_it_stands() {
    let desk = Desk::new();
    let help = desk.attest(&["sign", "--help"]).out;
    let shown = help.split_once("{\n  \"_type\"").and_then(|(_, rest)| rest.split_once("\n}\n")).unwrap().0;
    let shown = desk.folder.write("shown.json", &format!("{{\n  \"_type\"{shown}\n}}\n"));
    let der = desk.folder.path().join("key.der");
    std::fs::write(&der, pkcs8("auditor")).unwrap();
    assert_eq!(desk.attest(&["sign", &shown, "--key", &der.display().to_string()]).code, 0);
    let help = desk.attest(&["add", "--help"]).out;
    let shown = help.split_once("{\n  \"version\"").and_then(|(_, rest)| rest.split_once("\n}\n")).unwrap().0;
    let shown: Value = serde_json::from_str(&format!("{{\n  \"version\"{shown}\n}}")).unwrap();
    let trust = attest::Trust::read(&shown).unwrap();
    assert!(trust.accepts("one", Type::AuditReport, "system:x") && trust.knows("root"));
}

#[test]
fn what_would_count_for_nothing_is_refused_and_it_is_said_why() {
    let desk = Desk::new();
    let order = "order:us-doc-tiktok-id-v2";
    let refused = |file: &str, why: &str| {
        let ran = desk.attest(&["add", file]);
        assert!(ran.code == 2 && ran.err.contains(why), "{why}: {} {}", ran.code, ran.err);
    };
    // Signed by somebody, and not by enough or by those whom it takes.
    let lift = json!({ "act": "lift", "from": desk.now });
    refused(
        &desk.say(Type::Act, order, lift.clone(), &["jv"]),
        "it takes `secretary-of-commerce` on one statement; jv",
    );
    refused(
        &desk.say(Type::Act, "order:us-pafaca", json!({ "act": "lift", "from": desk.now }), &["jv"]),
        "`president`",
    );
    refused(&desk.say(Type::Act, "order:us-eo-13942", lift, &["commerce"]), "the order of no condition");
    let audit = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["add", &audit]).code, 0);
    refused(&audit, "as entry 0");
    let taken = |by: &str| {
        let targets = json!({ "targets": [{ "sha256": digest_of(&audit) }] });
        desk.say(Type::Revocation, order, targets, &[by])
    };
    refused(&taken("jv"), "takes nothing back");
    let before = json!({ "notAfter": "2020-10-01T00:00:00Z" });
    refused(&desk.say(Type::AuditReport, "system:x", before, &["monitor"]), "it held until 2020-10-01T00:00:00Z");
    let mut trust = trust();
    trust["accept"][10]["subject"] = json!("system:y");
    assert_eq!(trust["accept"][10]["type"], "audit-report");
    desk.folder.write("trust.json", &trust.to_string());
    refused(
        &desk.say(Type::AuditReport, "system:x", json!({}), &["monitor"]),
        "monitor may not say `audit-report` about",
    );

    // What cannot be taken at its word nobody signs, and nobody who is asked vouches for.
    let statement = desk.say(Type::Act, order, json!({ "act": "lift", "from": desk.now, "untill": desk.now }), &[]);
    let der = desk.folder.path().join("key.der");
    std::fs::write(&der, pkcs8("commerce")).unwrap();
    let ran = desk.attest(&["sign", &statement, "--key", &der.display().to_string()]);
    assert!(ran.code == 2 && ran.err.contains("`/predicate/untill`"), "{}", ran.err);
    let mut envelope = Envelope::parse(&std::fs::read(&audit).unwrap()).unwrap();
    envelope.payload_type = String::from("text/plain");
    envelope.signatures.clear();
    key("auditor").sign(&mut envelope);
    let ran = desk.attest(&["verify", &desk.folder.write("plain.json", &envelope.to_value().to_string())]);
    assert!(ran.code == 2 && ran.err.contains("`/payloadType`"), "{}{}", ran.out, ran.err);

    // Of two subjects one is somebody else's to speak of.
    let two = compose(
        Type::AuditReport,
        &[named_subject("system:y"), named_subject("system:x")],
        &json!({ "timeCreated": desk.now }),
    );
    let two = signed(&desk.folder, &desk.folder.write("two.json", &two.to_string()), "two", &["auditor"]);
    let ran = desk.attest(&["verify", &two]);
    assert!(ran.code == 3 && ran.out.contains("nobody of them may say so about system:x"), "{}{}", ran.out, ran.err);
    assert_eq!(desk.attest(&["verify", &two, "--json"]).json()["unheard"], json!(["system:x"]));

    let ran = desk.attest(&["status", "mitigation-2020", "--artifact", "abc"]);
    assert!(ran.code == 2 && ran.err.contains("`abc` is no SHA-256"), "{}", ran.err);
    let early = json!({ "targets": [{ "sha256": "0".repeat(64) }] });
    let early = desk.say(Type::Revocation, order, early, &["auditor"]);
    assert_eq!(desk.attest(&["add", &early]).out, "1\n", "what it takes back may be yet to come");
    let journal = desk.folder.write("none.ndjson", "");
    let ran = desk.attest(&["impact", "1", "--decisions", &journal]);
    assert!(ran.code == 2 && ran.err.contains("takes nothing back"), "{}{}", ran.out, ran.err);
    let mut without = self::trust();
    without["groups"].as_array_mut().unwrap().retain(|group| group["name"] != "justice");
    desk.folder.write("trust.json", &without.to_string());
    let ran = desk.attest(&["status", "qualified-divestiture"]);
    assert!(ran.out.contains("the trust document does not say who this is: justice"), "{}", ran.out);
    assert!(ran.out.contains("`justice` may object"), "{}", ran.out);
}

#[test]
fn a_folder_takes_up_no_more_than_it_can_read_again() {
    let desk = Desk::new();
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    let envelope = Envelope::parse(&std::fs::read(&signed).unwrap()).unwrap().to_value();
    // So many that nobody signed: they count for nothing, and are read all the same.
    let mut empty = envelope.clone();
    empty["payload"] = json!("e30=");
    let line = |index: u32| json!({ "index": index, "time": desk.now, "envelope": empty }).to_string() + "\n";
    desk.folder.write("entries.ndjson", &(0..10_000).map(line).collect::<String>());
    let ran = desk.attest(&["add", &signed]);
    assert!(ran.code == 2 && ran.err.contains("is full (10000 entries"), "{}", ran.err);
    assert_eq!(desk.attest(&["status", "mitigation-2020"]).code, 1, "it can still be read");
}

#[test]
fn an_oscal_assessment_becomes_a_statement_and_is_compared_with_what_was_signed() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| folder.write(name, text);
    let results = json!({ "assessment-results": {
        "uuid": "a", "metadata": { "oscal-version": "1.1.3" },
        "results": [{ "start": "2026-01-01T00:00:00Z",
            "observations": [{ "uuid": "o", "collected": "2026-01-02T00:00:00Z" }],
            "findings": [{ "target": { "type": "objective-id", "target-id": "ac-2.a", "status": { "state": "satisfied" } },
                "related-observations": [{ "observation-uuid": "o" }] }] }]
    }});
    let file = write("results.json", &results.to_string());
    let required = write("required", "ac-2.a\n");
    let made = run(&["attest", "oscal", &file, "--system", "app", "--framework", "f", "--required", &required], b"");
    assert_eq!(made.code, 0, "{}", made.err);
    let said: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&said["predicate"]["satisfied"], &said["subject"][0]["name"]), (&json!(true), &json!("system:app")));
    let statement = write("statement.json", &made.out);
    let secret = folder.path().join("key").display().to_string();
    let signed = folder.path().join("signed.json").display().to_string();
    assert_eq!(run(&["log", "key", "assessor.example", "-o", &secret], b"").code, 0);
    assert_eq!(run(&["attest", "sign", &statement, "--key", &secret, "-o", &signed], b"").code, 0);
    let against = ["--required", &required, "--against", &signed];
    let compared = |file: &str| run(&[&["attest", "oscal", file], &against[..]].concat(), b"");
    let in_json = |file: &str| run(&[&["attest", "oscal", file, "--json"], &against[..]].concat(), b"");
    let same = compared(&file);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert_eq!(in_json(&file).json(), json!({ "same": true, "differences": [] }));
    let other = write("other.json", &results.to_string().replace("\"satisfied\"", "\"not-satisfied\""));
    let differs = compared(&other);
    assert_eq!(differs.code, 1, "{}{}", differs.out, differs.err);
    assert_eq!(
        differs.out,
        "differs from what the assessment comes to: document, satisfied, unsatisfied, unsatisfiedCount\n"
    );
    let differs = in_json(&other);
    assert_eq!((differs.code, &differs.json()["differences"][0]), (1, &json!("document")), "{}", differs.out);
    let broken = write("broken.json", &results.to_string().replace("2026-01-02T00:00:00Z", "lately"));
    let refused = compared(&broken);
    assert!(
        refused.code == 2 && refused.err.contains("/assessment-results/results/0/observations/0/collected"),
        "{}",
        refused.err
    );
}

/// A decision that rested on a statement under two conditions is one decision.
fn one_under_two_conditions(desk: &Desk, journal: &str) {
    let conditions = desk.folder.path().join("conditions");
    let first = std::fs::read_dir(&conditions).unwrap().next().unwrap().unwrap().path();
    let second = std::fs::read_to_string(first).unwrap().replace("mitigation-2020", "mitigation-2021");
    std::fs::write(conditions.join("second.json"), second).unwrap();
    let ran = desk.attest(&["impact", "0", "--decisions", journal]);
    assert_eq!(ran.out.matches("while: ").count(), 2, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("\n1 of 3 decisions rested on it\n"), "{}", ran.out);
    std::fs::remove_file(conditions.join("second.json")).unwrap();
}

/// What was revoked was believed by a decision made before, be it about what is still to come, and by none made since.
fn believed_before(desk: &Desk, said_at: i64, since: &str, later: &str) {
    let made = attest::json::format_time(said_at);
    let made = json!({ "id": "made", "time": made, "data": { "app": "tiktok", "valid_at": later } });
    let journal = desk.folder.write("d.ndjson", &format!("{since}\n{made}\n"));
    let ran = desk.attest(&["impact", "1", "--decisions", &journal]);
    assert_eq!(ran.out.lines().last(), Some("1 of 2 decisions rested on it"), "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("made: would have come out otherwise"), "{}", ran.out);
}

/// What is there and cannot be read is not none.
fn unread(desk: &Desk) {
    for name in ["conditions", "artifacts", "entries.ndjson"] {
        let path = desk.folder.path().join(name);
        let aside = desk.folder.path().join("aside");
        let there = std::fs::rename(&path, &aside).is_ok();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let ran = desk.attest(&["status"]);
        assert!(ran.code == 2 && ran.err.contains(&format!("{name}: No such file")), "{name}: {}{}", ran.out, ran.err);
        std::fs::remove_file(&path).unwrap();
        if there {
            std::fs::rename(&aside, &path).unwrap();
        }
    }
}

#[test]
fn a_revocation_names_the_decisions_it_touches_and_reaches_the_service() {
    let desk = Desk::new();
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["add", &signed]).code, 0);
    let said_at = crate::lab::now();
    // Which decisions rested on it: the one made while it held, about what the order is about.
    let later = attest::json::format_time(crate::lab::now() + 86_400);
    let event = |id: &str, at: &str, by: &[&str]| {
        json!({ "id": id, "time": at, "data": { "app": "tiktok", "valid_at": at, "provisions": [], "by": by } })
            .to_string()
    };
    let events = [
        event("before", "2020-10-01T00:00:00Z", &[]),
        event("while", &later, &[]),
        event("other", &later, &["us-pafaca"]),
    ];
    let journal = desk.folder.write("d.ndjson", &format!("{}\n", events.join("\n")));
    let said: Vec<Value> = vec![json!({ "sha256": digest_of(&signed) })];
    let revocation = desk.say(Type::Revocation, "order:us-doc-tiktok-id-v2", json!({ "targets": said }), &["auditor"]);
    let ran = desk.attest(&["impact", "0", "--decisions", &journal, "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("\"while\"") && !ran.out.contains("\"before\"") && !ran.out.contains("\"other\""),
        "{}",
        ran.out
    );

    one_under_two_conditions(&desk, &journal);

    // The service, live: the condition of the operator's pauses the list, and a revocation ends that.
    let mut serving = Serving::start(&["--attestations", &desk.attestations]);
    let edition = |serving: &Serving| {
        let body = inquiry("app.distribute", "2020-10-01T00:00:00Z", None).to_string();
        let (status, _, body) = serving.post("/access/v1/evaluation", body.as_bytes());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["context"]["law"]["edition"].clone()
    };
    let page = |serving: &Serving, path: &str| {
        let (status, _, body) = serving.get(path);
        assert_eq!(status, 200, "{body}");
        body
    };
    assert!(page(&serving, "/conditions").contains("/conditions/us-doc-tiktok-id-v2/mitigation-2020"));
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">met</span>"), "{standing}");
    // From the order to what it rests on by links: the instrument, the condition, the statement, who signed it.
    assert!(
        page(&serving, "/orders/us-doc-tiktok-id-v2")
            .contains("/orders/attested-us-doc-tiktok-id-v2-mitigation-2020-0")
    );
    let made = page(&serving, "/orders/attested-us-doc-tiktok-id-v2-mitigation-2020-0");
    assert!(made.contains("/conditions/us-doc-tiktok-id-v2/mitigation-2020"), "{made}");
    assert!(standing.contains(&digest_of(&signed)) && standing.contains(">auditor</td>"), "{standing}");
    let before = edition(&serving);
    until("a second passes", || crate::lab::now() > said_at);
    let added = desk.attest(&["add", &revocation]);
    assert_eq!(added.out, "1\n", "{}", added.err);
    serving.hears("law in force");
    assert_ne!(edition(&serving), before, "what counts as met is part of the law that answers");
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">not met</span>"), "{standing}");
    assert!(standing.contains("revocation about") && standing.contains("no requirement rests on it now"), "{standing}");
    assert_eq!(serving.stop(), Some(0));
    assert_eq!(desk.attest(&["status", "mitigation-2020"]).code, 1, "revoked");
    believed_before(&desk, said_at, &events[1], &later);

    // Without statements, what it would take.
    let serving = Serving::start(&[]);
    assert!(page(&serving, "/conditions").contains("No attestations are supplied here"));
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">not met</span>") && standing.contains("reviewers"), "{standing}");
    assert_eq!(serving.stop(), Some(0));

    unread(&desk);
    std::fs::write(desk.folder.path().join("entries.ndjson"), "{\"index\":0").unwrap();
    let ran = desk.attest(&["status"]);
    assert!(ran.code == 2 && ran.err.contains("cut off"), "{}", ran.err);
}

//! What changes the rules, in the gov log: each decision names the law it was made under, people decide what the law left
//! to them, statements are taken up and taken back while the service runs, and signers end with whoever started them.

use crate::attestations::{Desk, digest_of, key, pkcs8, signed, trust};
use crate::log_service::{Log, until};
use crate::log_witnesses::{Witness, log as new_log};
use crate::program::{Folder, Serving, run};
use crate::repository::{CA, MAKERS, NOWHERE, Nginx, US, has, published};
use crate::service::{SUBJECTS, order};
use crate::store;
use attest::statement::{Type, compose, named_subject};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Asks about an app in a place, if it is known; the index of the decision, the verdict and the edition.
fn ask(serving: &Serving, app: &str, place: Option<&str>) -> (u64, String, String) {
    ask_as(serving, "s", app, place)
}

/// The same, asked by somebody.
fn ask_as(serving: &Serving, who: &str, app: &str, place: Option<&str>) -> (u64, String, String) {
    ask_at(serving, who, app, place, "2025-01-01T00:00:00Z")
}

/// The same, of an act at some instant.
fn ask_at(serving: &Serving, who: &str, app: &str, place: Option<&str>, at: &str) -> (u64, String, String) {
    let body = question(who, app, place, at);
    let (status, head, body) = serving.post("/access/v1/evaluation", body.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let index = head.lines().find_map(|line| line.strip_prefix("interdict-log-index: ")).expect("an index");
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let word = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).expect("a word").to_owned();
    (index.parse().expect("a number"), word("/context/verdict"), word("/context/law/edition"))
}

fn question(who: &str, app: &str, place: Option<&str>, at: &str) -> Value {
    json!({ "subject": { "type": "business", "id": who, "properties": { "role": "app-store" } },
        "action": { "name": "app.distribute" }, "resource": { "type": "app", "id": app },
        "context": { "place": place, "valid_at": at } })
}

/// The entries of the gov log, each as JSON.
fn gov(log: &Log) -> Vec<Value> {
    let ran = run(&["log", "cat", &log.path("log/gov"), "--count", "100000", "--key", &log.key("gov")], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = entries.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn each_decision_names_the_law_it_was_made_under_and_that_can_be_written_out() {
    let log = Log::new();
    let corpus = Folder::new();
    corpus.write("subjects/all.subject", SUBJECTS);
    corpus.write("orders/zz.order", &order("2030-01-01T00:00"));
    let mut serving = log.serve_with(&["--corpus", &corpus.path().display().to_string()], &[]);
    let before = ask(&serving, "brook", Some("US"));
    assert_eq!(before.1, "forbid");
    corpus.write("orders/zz.order", &order("2022-01-01T00:00"));
    serving.hears("law in force");
    let after = ask(&serving, "brook", Some("US"));
    assert_eq!(after.1, "permit");
    assert_eq!(serving.stop(), Some(0));

    // Another life of the service, with the same law and more entries in the gov log.
    let serving = log.serve_with(&["--corpus", &corpus.path().display().to_string()], &[]);
    let again = ask(&serving, "brook", Some("US"));
    assert_eq!((again.1.as_str(), &again.2), ("permit", &after.2));
    assert_eq!(serving.stop(), Some(0));

    let home = log.path("log");
    for (name, (index, verdict, edition)) in [("before", &before), ("after", &after), ("again", &again)] {
        let output = log.path(name);
        let written = run(&["log", "law", &home, "--decision", &index.to_string(), "--output", &output], b"");
        assert_eq!(written.code, 0, "{}{}", written.out, written.err);
        assert!(written.out.contains(edition) && written.out.contains("that the decision names"), "{}", written.out);
        let words = ["decide", "--corpus", &output, "--act", "app.distribute", "--app", "brook", "--place", "US"];
        let asked = [&words[..], &["--role", "app-store", "--at", "2025-01-01T00:00:00Z", "--json"]].concat();
        let decided = run(&asked, b"");
        let answer: Value = serde_json::from_str(&decided.out).expect("JSON");
        assert_eq!(answer["context"]["verdict"].as_str(), Some(verdict.as_str()), "{name}: {}", decided.out);
        assert_eq!(answer["context"]["law"]["edition"].as_str(), Some(edition.as_str()), "{name}");
    }
    let output = log.path("again");
    let told =
        run(&["log", "law", &home, "--decision", &again.0.to_string(), "--output", &output, "--json"], b"").json();
    assert_eq!(
        told,
        json!({ "folder": output, "files": 2, "edition": again.2, "decision": again.0, "is_the_edition_named": true })
    );
    // The gov log of one entry less has not the law of the decision, or none.
    let ran = run(&["log", "cat", &log.path("log/dec"), "--count", "10", "--key", &log.key("dec")], b"");
    let sizes: Vec<u64> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["gov_size"].as_u64().expect("a size"))
        .collect();
    assert_eq!(sizes.len(), 3);
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    let entries = gov(&log);
    let amended = entries.iter().position(|entry| entry["change"] == "amend").expect("the edit") as u64;
    assert!(sizes[0] <= amended && amended < sizes[1], "the edit is entry {amended}; {sizes:?}");
    let first = ["genesis", "engine-release", "document"];
    assert_eq!(&kinds(&entries)[..3], first, "{entries:?}");
    let engines = entries.iter().filter(|entry| entry["kind"] == "engine-release").count();
    assert_eq!(engines, 1, "the same program is not news");
    log.fsck();
}

/// A gate of each kind before law that says nothing of people elsewhere, and somebody who decides what that leaves open.
struct Bench {
    log: Log,
    desk: Folder,
    corpus: Folder,
}

impl Bench {
    fn new() -> Self {
        let corpus = Folder::new();
        corpus.write("subjects/all.subject", SUBJECTS);
        corpus.write(
            "orders/zz.order",
            &order("2990-01-01T00:00").replace("act app.distribute", "act app.distribute host.provide"),
        );
        Self::under(corpus)
    }

    fn under(corpus: Folder) -> Self {
        let (log, desk) = (Log::new(), Folder::new());
        desk.write("trust.json", &trust().to_string());
        desk.write("settings.toml", "[edge]\nacts = [\"host.provide\"]\nblocked_by = \"https://host.example/legal\"\n");
        let bench = Self { log, desk, corpus };
        let adopted =
            bench.attest(&["adopt", &bench.desk.path().display().to_string(), "--signer", &bench.log.path("socket")]);
        assert_eq!(adopted.code, 0, "{}", adopted.err);
        bench
    }

    fn serve(&self) -> Serving {
        let settings = self.desk.path().join("settings.toml").display().to_string();
        let corpus = self.corpus.path().display().to_string();
        self.log.serve_with(&["--corpus", &corpus], &["--show-decisions", "--settings", &settings])
    }

    fn attest(&self, words: &[&str]) -> crate::program::Ran {
        run(&[&["--attestations", &self.log.path("log"), "attest"][..], words].concat(), b"")
    }

    fn overrule(&self, index: u64, ruling: &str, expires: &str) -> crate::program::Ran {
        let index = index.to_string();
        let words = ["log", "override", &self.log.path("log"), &index, ruling, "--reason", "Ms. Rivers called"];
        let output = self.desk.path().join("ruling.json").display().to_string();
        run(&[&words[..], &["--expires", expires, "--output", &output, "--json"]].concat(), b"")
    }

    /// Decides and has it taken up; where the gov log says so, and the digest of the statement.
    fn decide(&self, index: u64, ruling: &str, expires: &str) -> (u64, String) {
        let written = self.overrule(index, ruling, expires);
        assert_eq!(written.code, 0, "{}", written.err);
        let statement = self.desk.path().join("ruling.json").display().to_string();
        let told = written.json();
        assert_eq!((&told["file"], &told["decision"]), (&json!(statement), &json!(index)), "{told}");
        assert_eq!((&told["ruling"], &told["expires"]), (&json!(ruling), &json!(expires)), "{told}");
        let signed = signed(&self.desk, &statement, "override", &["counsel", "registrar"]);
        let added = self.attest(&["add", &signed]);
        assert_eq!(added.code, 0, "{}", added.err);
        (added.out.trim().parse().expect("an index"), digest_of(&signed))
    }
}

/// What a hosting provider is told of a host asked for from who knows where.
fn edge(serving: &Serving) -> (u16, u64) {
    let (status, head, _) = serving.exchange(
        "GET /edge/authorize HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-host: brook.example\r\n\r\n",
        b"",
    );
    let index = head.lines().find_map(|line| line.strip_prefix("interdict-log-index: ")).expect("an index");
    (status, index.parse().expect("a number"))
}

#[test]
fn what_the_law_left_to_people_gates_answer_as_two_of_them_decided() {
    let bench = Bench::new();
    let serving = bench.serve();
    let (left, verdict, _) = ask(&serving, "brook", None);
    assert_eq!(verdict, "refer", "nobody said where");
    let (clear, verdict, _) = ask(&serving, "brook", Some("US"));
    assert_eq!(verdict, "forbid");
    let (status, hosted) = edge(&serving);
    assert_eq!(status, 200, "what is left to a person is served meanwhile");
    let path = format!("/log/dec/override/{left}");
    assert_eq!(serving.get(&path).0, 404);
    until("it is published", || serving.get(&format!("/log/dec/receipt/{hosted}")).0 == 200);

    let refused = bench.overrule(clear, "permit", "2999-01-01T00:00:00Z");
    assert!(refused.code == 1 && refused.err.contains("came out `forbid`"), "{}", refused.err);
    let over = bench.overrule(left, "permit", "2001-01-01T00:00:00Z");
    assert!(over.code == 1 && over.err.contains("that is over"), "{}", over.err);
    // Nobody decides alone, and nobody decides who may not.
    assert_eq!(bench.overrule(left, "permit", "2999-01-01T00:00:00Z").code, 0);
    let statement = bench.desk.path().join("ruling.json").display().to_string();
    for (name, by) in [("alone", &["counsel"][..]), ("others", &["doj", "commerce"])] {
        let added = bench.attest(&["add", &signed(&bench.desk, &statement, name, by)]);
        assert!(added.code == 2 && added.err.contains("it takes `override` and 2 people"), "{name}: {}", added.err);
    }
    assert_eq!(ask(&serving, "brook", None).1, "refer");

    let (entry, _) = bench.decide(left, "permit", "2999-01-01T00:00:00Z");
    until("gates answer so", || ask(&serving, "brook", None).1 == "permit");
    let (_, _, body) = serving.get(&path);
    let told: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&told["ruling"], &told["holds"], &told["entry"]), (&json!("permit"), &json!(true), &json!(entry)));
    assert_eq!((&told["by"], &told["about"]), (&json!(["counsel", "registrar"]), &json!(["zz"])));
    assert_eq!(serving.get(&format!("/log/gov/receipt/{entry}")).0, 200, "what counts can be proven");
    // The very same question, and no other: what law forbids stays forbidden, and whoever else asks asks anew.
    assert_eq!(ask(&serving, "brook", Some("US")).1, "forbid");
    let (other, verdict, _) = ask_as(&serving, "somebody-else", "brook", None);
    assert_eq!(verdict, "refer");
    assert_eq!(edge(&serving).0, 200);
    let (again, ..) = ask(&serving, "brook", None);
    until("it is published", || serving.get(&format!("/log/dec/receipt/{again}")).0 == 200);
    let shown = |index: u64| -> Value {
        let shown = run(&["log", "disclose", &bench.log.path("log"), &index.to_string(), "--field", "outcome"], b"");
        let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
        serde_json::from_str(shown["value"].as_str().expect("a text")).expect("JSON")
    };
    assert_eq!(
        shown(again),
        json!({ "outcome": "permit", "verdict": "refer", "possible": ["permitted", "prohibited"], "override": entry })
    );
    assert_eq!(shown(other)["override"], Value::Null);
    // Whoever keeps the log is told the same on the command line.
    let corpus = bench.corpus.path().display().to_string();
    let question = bench.desk.write("question.json", &question("s", "brook", None, "2025-01-01T00:00:00Z").to_string());
    let words = ["--corpus", &corpus, "--attestations", &bench.log.path("log"), "explain", &question];
    let explained = run(&words, b"");
    let note = format!("counsel and registrar decided, entry {entry} of the gov log");
    assert!(explained.code == 0 && explained.out.contains(&note), "{}{}", explained.out, explained.err);
    let (status, _, page) = serving.get(&format!("/decisions/{left}"));
    assert!(status == 200 && page.contains("Decided by hand: permit") && page.contains("Gates answer so"), "{page}");
    let (_, _, page) = serving.get(&format!("/decisions/{again}"));
    assert!(page.contains(&format!("as people had decided: entry {entry} of the gov log")), "{page}");
    let (_, _, list) = serving.get("/decisions");
    assert!(list.contains("app.distribute, brook") && list.contains(">permit<"), "{list}");

    assert_eq!(serving.stop(), Some(0));
    assert!(!found_in(Path::new(&bench.log.path("log/gov/public")), b"Rivers"), "the reason is about a person");
    assert!(found_in(Path::new(&bench.log.path("log/gov/private")), b"Rivers"));
    bench.log.fsck();
}

#[test]
fn a_store_answers_for_one_file_as_people_decided_and_for_no_other() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let bench = Bench::under(Folder::new());
    let (home, socket) = (bench.log.path("log"), bench.log.path("socket"));
    let recorded = format!("[log]\nfolder = \"{home}\"\nsigner = \"{socket}\"\n\n[territory]");
    let gated = store::gate(store::law(|order| order), &nginx.url(), &[("[territory]", recorded.as_str())]);
    // From who knows where, so that it is left to a person, and served meanwhile.
    let served = |path: &str| store::status(NOWHERE, gated.port, path);
    assert_eq!(served(store::LISTED), 200);
    until("it is published", || gated.serving.get("/log/dec/receipt/0").0 == 200);
    bench.decide(0, "forbid", "2999-01-01T00:00:00Z");
    until("the store refuses it", || served(store::LISTED) == 451);
    assert_eq!(served(store::LISTED_BEFORE), 200, "of another file nobody has decided anything");
    assert_eq!(store::status(CA, gated.port, store::LISTED), 200, "where the order does not reach");
    assert_eq!(store::status(US, gated.port, store::LISTED_BEFORE), 451, "where it does");
    // Of two rulings about the same question the later one counts.
    let (entry, _) = bench.decide(0, "permit", "2999-01-01T00:00:00Z");
    until("the store serves it", || served(store::LISTED) == 200);
    assert_eq!(gated.serving.stop(), Some(0));
    let outcome = |index: u64| -> Value {
        let shown = run(&["log", "disclose", &home, &index.to_string(), "--field", "outcome"], b"").json();
        serde_json::from_str(shown["value"].as_str().expect("a text")).expect("JSON")
    };
    let (first, last) = (outcome(0), outcome(bench.log.size() - 1));
    assert_eq!((&first["verdict"], &first["override"]), (&json!("refer"), &Value::Null), "{first}");
    assert_eq!(
        (&last["verdict"], &last["outcome"], &last["override"]),
        (&json!("refer"), &json!("permit"), &json!(entry)),
        "{last}"
    );
    bench.log.fsck();
}

#[test]
fn what_people_decided_ends_when_it_is_taken_back_is_over_or_is_erased() {
    let bench = Bench::new();
    let serving = bench.serve();
    let (left, ..) = ask(&serving, "brook", None);
    let (clear, ..) = ask(&serving, "brook", Some("US"));
    let (_, hosted) = edge(&serving);
    until("it is published", || serving.get(&format!("/log/dec/receipt/{hosted}")).0 == 200);
    let (_, digest) = bench.decide(left, "permit", "2999-01-01T00:00:00Z");
    until("gates answer so", || ask(&serving, "brook", None).1 == "permit");
    // Another gate, another question, the other way.
    bench.decide(hosted, "forbid", "2999-01-01T00:00:00Z");
    until("the edge refuses", || edge(&serving).0 == 451);

    // Taken back, by one of those who decided.
    let taken = compose(
        Type::Revocation,
        &[named_subject("order:zz")],
        &json!({ "timeCreated": attest::json::format_time(crate::lab::now()), "targets": [{ "sha256": digest }] }),
    );
    let taken = signed(&bench.desk, &bench.desk.write("taken.json", &taken.to_string()), "revocation", &["registrar"]);
    let added = bench.attest(&["add", &taken]);
    assert_eq!(added.code, 0, "{}", added.err);
    let asked_now =
        |serving: &Serving| ask_at(serving, "s", "brook", None, &attest::json::format_time(crate::lab::now())).1;
    until("it does not hold any more", || asked_now(&serving) == "refer");
    let told: Value = serde_json::from_str(&serving.get(&format!("/log/dec/override/{left}")).2).expect("JSON");
    assert_eq!(told["holds"], false);

    // Over by itself, to the second, and what happened before was permitted.
    let (now_left, ..) = ask_at(&serving, "s", "brook", None, &attest::json::format_time(crate::lab::now()));
    until("it is published", || serving.get(&format!("/log/dec/receipt/{now_left}")).0 == 200);
    let end = crate::lab::now() + 6;
    bench.decide(now_left, "permit", &attest::json::format_time(end));
    let at = |at: i64| ask_at(&serving, "s", "brook", None, &attest::json::format_time(at)).1;
    until("gates answer so", || at(end - 1) == "permit");
    assert_eq!(at(end), "refer");
    let answered = serving.stop();
    assert_eq!(answered, Some(0));

    // Another life of the service knows it from the log, and what is erased has no effect any more.
    let serving = bench.serve();
    until("the edge refuses", || edge(&serving).0 == 451);
    let home = bench.log.path("log");
    assert_eq!(run(&["log", "erase", &home, &hosted.to_string(), "--reason", "asked for"], b"").code, 0);
    let first = (left + 1).to_string();
    let retained = run(&["log", "retain", &home, "--from", &first, "--reason", "ninety days", "--json"], b"");
    assert_eq!(retained.json()["logged"]["state"], "handed_in", "{}", retained.err);
    until("the edge serves", || edge(&serving).0 == 200);
    assert_eq!(serving.get(&format!("/decisions/{left}")).0, 410);
    assert_eq!(serving.get(&format!("/decisions/{clear}")).0, 200);
    assert_eq!(serving.stop(), Some(0));

    let entries = gov(&bench.log);
    assert_eq!(entries.iter().filter(|entry| entry["kind"] == "override").count(), 3);
    assert!(entries.iter().any(|entry| entry["kind"] == "retention" && entry["reason"] == "ninety days"));
    bench.log.fsck();
}

#[test]
fn what_people_decided_permits_for_a_while_after_the_log_that_says_so_cannot_be_read_and_what_it_forbids_stays() {
    let bench = Bench::new();
    let edge_settings = std::fs::read_to_string(bench.desk.path().join("settings.toml")).expect("settings");
    let first = bench.serve();
    let (left, ..) = ask(&first, "brook", None);
    let (_, hosted) = edge(&first);
    until("it is published", || first.get(&format!("/log/dec/receipt/{hosted}")).0 == 200);
    let (entry, _) = bench.decide(left, "permit", "2999-01-01T00:00:00Z");
    bench.decide(hosted, "forbid", "2999-01-01T00:00:00Z");
    until("gates answer so", || ask(&first, "brook", None).1 == "permit" && edge(&first).0 == 451);

    // Long enough to be seen, whatever the setting: a quarter of an hour.
    let health = |serving: &Serving| -> Value { serde_json::from_str(&serving.get("/healthz").2).expect("JSON") };
    assert_eq!(health(&first)["overrides_unread"], Value::Null);
    let (checkpoint, kept) = (bench.log.path("log/gov/public/checkpoint"), bench.log.path("checkpoint"));
    std::fs::rename(&checkpoint, &kept).expect("renamed");
    until("it is said", || health(&first)["overrides_unread"].is_object() && health(&first)["status"] != "ok");
    let told = health(&first);
    let (since, permits) = (&told["overrides_unread"]["since"], &told["overrides_unread"]["permits"]);
    assert_eq!(permits, "counted as they were read last", "{told}");
    assert!(told["overrides_unread"]["why"].as_str().expect("a text").contains("no checkpoint"), "{told}");
    until("it is counted", || !first.get("/metrics").2.contains("\ninterdict_overrides_unread_seconds 0\n"));
    let (index, verdict, _) = ask(&first, "brook", None);
    assert_eq!(verdict, "permit");
    until("it is published", || first.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    let shown = run(&["log", "disclose", &bench.log.path("log"), &index.to_string(), "--field", "outcome"], b"").json();
    let shown: Value = serde_json::from_str(shown["value"].as_str().expect("a text")).expect("JSON");
    assert_eq!((&shown["override"], &shown["override_unread_since"]), (&json!(entry), since), "{shown}");
    let (_, _, page) = first.get(&format!("/decisions/{index}"));
    assert!(page.contains("it could not be read whether that still holds"), "{page}");
    std::fs::rename(&kept, &checkpoint).expect("renamed");
    until("it is read again", || health(&first)["status"] == "ok");
    assert_eq!(first.stop(), Some(0));

    // Where that is over, nothing is permitted by what nobody can check, and nothing that was forbidden is let through.
    let brief = format!("{edge_settings}[log]\noverrides_unread_seconds_max = 0\n");
    bench.desk.write("settings.toml", &brief);
    let second = bench.serve();
    until("gates answer so", || ask(&second, "brook", None).1 == "permit" && edge(&second).0 == 451);
    std::fs::rename(&checkpoint, &kept).expect("renamed");
    until("a person is asked again", || ask(&second, "brook", None).1 == "refer");
    assert_eq!(health(&second)["overrides_unread"]["permits"], "not counted");
    assert_eq!(edge(&second).0, 451);
    std::fs::rename(&kept, &checkpoint).expect("renamed");
    until("gates answer so again", || ask(&second, "brook", None).1 == "permit");
    assert_eq!(second.stop(), Some(0));
    bench.log.fsck();
}

/// A message with one payment to the app's company, from who knows where, and what the gate answers.
fn pay(ids: &str, amount: &str) -> String {
    format!(
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08'><FIToFICstmrCdtTrf><GrpHdr><MsgId>M1</MsgId></GrpHdr><CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>{ids}</TxId></PmtId><IntrBkSttlmAmt Ccy='USD'>{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>2025-01-06</IntrBkSttlmDt><Dbtr><Nm>Acme LLC</Nm></Dbtr><Cdtr><Nm>Brook LLC</Nm></Cdtr></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>"
    )
}

fn screened(serving: &Serving, message: &str) -> Vec<Value> {
    let (status, _, body) = serving.post("/payments/v1/screen?rail=iso", message.as_bytes());
    assert_eq!(status, 200, "{body}");
    body.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect()
}

#[test]
fn a_payment_left_to_people_is_answered_as_two_of_them_decided_until_one_takes_it_back() {
    let corpus = Folder::new();
    corpus.write("subjects/all.subject", SUBJECTS);
    let law = order("2990-01-01T00:00").replace("act app.distribute", "act payment.process");
    corpus.write("orders/zz.order", &law.replace("users-in US", "users-in any ; payer-in US"));
    let bench = Bench::under(corpus);
    let serving = bench.serve();
    let outcome = |message: &str| screened(&serving, message)[0]["outcome"].clone();
    // How many decisions can be proven.
    let recorded = || {
        let log = bench.log.path("log/dec");
        let entries = run(&["log", "cat", &log, "--count", "1000", "--key", &bench.log.key("dec")], b"").out;
        entries.lines().filter(|line| line.contains("\"decision\"")).count() as u64
    };
    let left = |message: &str| {
        let told = screened(&serving, message);
        assert_eq!(told[0]["outcome"], "review", "{told:?}");
        assert_eq!(told[0]["law"][0]["verdict"], "refer");
        let index = told[0]["log"][0].as_u64().expect("an index");
        until("it is published", || recorded() > index);
        index
    };
    let (first, second) = (pay("T1", "10.00"), pay("T2", "10.00"));
    let (of_first, of_second) = (left(&first), left(&second));
    let (entry, digest) = bench.decide(of_first, "permit", "2999-01-01T00:00:00Z");
    until("the payment goes on", || outcome(&first) == "pass");
    let told = screened(&serving, &first);
    let reason = told[0]["reasons"][0].as_str().expect("a reason");
    assert!(reason.contains(&format!("counsel and registrar decided, entry {entry} of the gov log")), "{reason}");
    let by = &told[0]["law"][0]["override"];
    assert_eq!((&by["entry"], &by["by"]), (&json!(entry), &json!(["counsel", "registrar"])), "{by}");
    let accounts = &told.last().expect("accounts")["summary"];
    assert_eq!((&accounts["by_hand"], &accounts["balance"], &accounts["in"]), (&json!(1), &json!(true), &json!(1)));
    // That payment, and none with other ids or another amount.
    assert_eq!(outcome(&second), "review");
    assert_eq!(outcome(&pay("T1", "10.01")), "review");
    let shown = |index: u64| -> Value {
        let words = ["log", "disclose", &bench.log.path("log"), &index.to_string(), "--field", "outcome"];
        let shown = run(&words, b"").json();
        serde_json::from_str(shown["value"].as_str().expect("a text")).expect("JSON")
    };
    let as_decided =
        json!({ "outcome": "permit", "verdict": "refer", "possible": ["permitted", "prohibited"], "override": entry });
    let index = screened(&serving, &first)[0]["log"][0].as_u64().expect("an index");
    until("it is published", || recorded() > index);
    assert_eq!(shown(index), as_decided);
    // On the command line too, and for people.
    let file = bench.desk.write("first.xml", &first);
    let (folder, page) = (bench.corpus.path().display().to_string(), bench.desk.path().join("page.html"));
    let log = bench.log.path("log");
    let page_at = page.display().to_string();
    let words = ["--corpus", &folder, "--attestations", &log, "pay", "screen", "--html", &page_at, &file];
    let ran = run(&words, b"");
    assert!(ran.code == 0 && ran.out.contains("decided by hand"), "{}{}", ran.out, ran.err);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("decided by hand") && page.contains("counsel and registrar decided"), "{page}");

    bench.decide(of_second, "forbid", "2999-01-01T00:00:00Z");
    until("the other is returned", || outcome(&second) == "reject");
    let told = screened(&serving, &second);
    assert!(told[1]["answer"]["xml"].as_str().expect("an answer").contains("<Cd>RR04</Cd>"), "{told:?}");
    // Taken back, it waits for a person again, though the day it takes effect on is long past.
    let taken = compose(
        Type::Revocation,
        &[named_subject("order:zz")],
        &json!({ "timeCreated": attest::json::format_time(crate::lab::now()), "targets": [{ "sha256": digest }] }),
    );
    let taken = signed(&bench.desk, &bench.desk.write("taken.json", &taken.to_string()), "revocation", &["registrar"]);
    assert_eq!(bench.attest(&["add", &taken]).code, 0);
    until("a person is asked again", || outcome(&first) == "review");
    assert_eq!(serving.stop(), Some(0));
    let ran = run(&words, b"");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    bench.log.fsck();
}

fn found_in(folder: &Path, words: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("readable").path();
        let has = |path: &Path| std::fs::read(path).expect("readable").windows(words.len()).any(|part| part == words);
        if path.is_dir() { found_in(&path, words) } else { has(&path) }
    })
}

#[test]
fn erasing_needs_no_signer_of_its_own_where_a_service_runs_and_says_whose_it_lacks_where_none_does() {
    let log = Log::new();
    let serving = log.serve(&[]);
    let (index, ..) = ask(&serving, "wechat", Some("US"));
    until("it is published", || serving.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    let home = log.path("log");
    let erase = || run(&["log", "erase", &home, &index.to_string(), "--reason", "asked for"], b"");
    let erased = erase();
    assert!(
        erased.code == 0 && erased.out.contains("the running service has logged it"),
        "{}{}",
        erased.out,
        erased.err
    );
    assert!(serving.get(&format!("/decisions/{index}")).2.contains("was erased"));
    assert_eq!(serving.stop(), Some(0));
    let without = erase();
    assert_eq!(without.code, 1);
    assert!(
        without.err.contains("another signer holds the keys") && without.err.contains("--signer"),
        "{}",
        without.err
    );
    assert!(gov(&log).iter().any(|entry| entry["kind"] == "erasure"));
}

/// Processes that were started with this word among theirs.
fn running(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}

#[test]
fn a_signer_ends_with_whoever_started_it_and_is_started_again_if_it_ends_alone() {
    let folder = Folder::new();
    let home = folder.path().join("log").display().to_string();
    assert_eq!(run(&["log", "new", &home, "--name", "log.example/alone"], b"").code, 0);
    let socket = format!("{home}/signer/socket");
    let serving = Serving::start_with(&[], &["--log", &home]);
    assert_eq!(ask(&serving, "wechat", Some("US")).0, 0);
    assert_eq!(running(&socket), 1);
    serving.signal("KILL");
    until("the signer is gone", || running(&socket) == 0);
    drop(serving);

    let serving = Serving::start_with(&[], &["--log", &home]);
    let pid = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok).find(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == socket.as_bytes())
    });
    let pid = pid.expect("a signer").file_name().into_string().expect("a number");
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill runs");
    assert!(killed.success());
    let (index, ..) = ask(&serving, "wechat", Some("US"));
    until("it is signed all the same", || serving.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    assert_eq!(serving.stop(), Some(0));
    until("the signer is gone", || running(&socket) == 0);
}

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
fn a_sealed_log_goes_on_in_another_and_whoever_reads_statements_follows() {
    let desk = Desk::new();
    let folder = Folder::new();
    let home = folder.path().join("log").display().to_string();
    assert_eq!(run(&["log", "new", &home, "--name", "log.example/rolled"], b"").code, 0);
    let key = |log: &str| {
        let path = folder.path().join(format!("log/{log}/public/vkey"));
        std::fs::read_to_string(path).expect("a key").trim().to_owned()
    };
    let cat = |log: &str, key: &str| {
        let log = folder.path().join("log").join(log).display().to_string();
        let ran = run(&["log", "cat", &log, "--count", "100000", "--key", key], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        lines
    };
    let attest = |words: &[&str]| run(&[&["--attestations", home.as_str(), "attest"][..], words].concat(), b"");
    let (old_gov, old_dec) = (key("gov"), key("dec"));
    assert_eq!(attest(&["adopt", &desk.folder.path().display().to_string()]).code, 0);
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(attest(&["add", &signed]).code, 0);
    let serving = Serving::start_with(&[], &["--log", &home]);
    assert_eq!(ask(&serving, "tiktok", Some("US")).0, 0);
    let busy = run(&["log", "roll", &home], b"");
    assert!(busy.code == 1 && busy.err.contains("end the service first"), "{}", busy.err);
    assert_eq!(serving.stop(), Some(0), "a roll that could not begin leaves the service as it was");

    let rolled = run(&["log", "roll", &home, "--json"], b"");
    assert_eq!(rolled.code, 0, "{}{}", rolled.out, rolled.err);
    assert_eq!(rolled.json(), json!({ "folder": home, "keys": { "gov": key("gov"), "dec": key("dec") } }));
    assert!(rolled.out.contains("rolled/gov/2+") && rolled.out.contains("rolled/dec/2+"), "{}", rolled.out);
    assert_ne!((key("gov"), key("dec")), (old_gov.clone(), old_dec.clone()));
    for (log, before) in [("gov", &old_gov), ("dec", &old_dec)] {
        let ended = cat(&format!("past/{log}/1"), before).pop().expect("an entry");
        assert_eq!((&ended["kind"], &ended["next"]), (&json!("seal"), &json!(key(log))), "{log}");
        let begun = cat(log, &key(log)).remove(0);
        let last = std::fs::read_to_string(folder.path().join(format!("log/past/{log}/1/public/checkpoint")));
        assert_eq!((&begun["kind"], &begun["previous"]), (&json!("genesis"), &json!(last.expect("a checkpoint"))));
    }
    assert_eq!(attest(&["status", "mitigation-2020"]).code, 0, "what was said before still counts");

    let serving = Serving::start_with(&[], &["--log", &home, "--show-decisions"]);
    shown_from_the_end(&serving);
    let (index, _, edition) = ask(&serving, "tiktok", Some("US"));
    assert_eq!(index, 1, "the first entry of the new log says where it goes on from");
    until("it is published", || serving.get("/log/dec/receipt/1").0 == 200);
    let url = format!("http://{}/log/gov", serving.address);
    let follow = |key: &str| {
        run(&["--attestations", &url, "--attestations-key", key, "attest", "status", "mitigation-2020"], b"")
    };
    for key in [&old_gov, &key("gov")] {
        let ran = follow(key);
        assert_eq!(ran.code, 0, "{key}: {}{}", ran.out, ran.err);
    }
    assert_eq!(follow(&old_dec).code, 2);
    erased_from_the_end(&serving, &home);
    let targets = json!({ "targets": [{ "sha256": digest_of(&signed) }] });
    let revocation = desk.say(Type::Revocation, "order:us-doc-tiktok-id-v2", targets, &["auditor"]);
    let revoked = attest(&["add", &revocation]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    let before = cat("past/gov/1", &old_gov).len() as u64;
    assert!(revoked.out.trim().parse::<u64>().expect("an index") > before, "{}: counted on", revoked.out);
    assert_eq!(attest(&["status", "mitigation-2020"]).code, 1);
    assert_eq!(follow(&old_gov).code, 1);
    assert_eq!(serving.stop(), Some(0));
    let output = folder.path().join("law").display().to_string();
    let law = run(&["log", "law", &home, "--decision", "1", "--output", &output], b"");
    assert!(law.code == 0 && law.out.contains(&edition), "{}{}", law.out, law.err);

    keys_are_gone(&home);
    let again = attest(&["status", "mitigation-2020"]);
    assert_eq!(again.code, 1, "{}", again.err);
    let law = run(&["log", "law", &home, "--sealed", "2", "--decision", "1", "--output", &format!("{output}-2")], b"");
    assert!(law.code == 0 && law.out.contains(&edition), "{}{}", law.out, law.err);
}

#[test]
fn what_has_ended_is_checked_with_what_goes_on_and_what_is_withheld_stays_so() {
    let (folder, home, [_, dec]) = new_log("log.example/kept");
    let lines: String = (0..300).map(|number| format!("entry {number}\n")).collect();
    assert_eq!(run(&["log", "append", &home], lines.as_bytes()).code, 0);
    assert_eq!(run(&["log", "retain", &home, "--from", "256", "--reason", "ninety days"], b"").code, 0);
    assert_eq!(run(&["log", "roll", &home], b"").code, 0);
    let serving = Serving::start_with(&[], &["--log", &home]);
    // Bundles and tiles are no text, so only their heads are asked for.
    let head = |path: &str| format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let past = |path: &str| serving.exchange(&head(&format!("/log/past/dec/1/{path}")), b"").0;
    assert_eq!([past("tile/entries/000"), past("tile/entries/001.p/45"), past("tile/0/000")], [410, 200, 200]);
    let far = "/log/dec/tile/entries/x999/x999/x999/x999/x999/999";
    assert_eq!(serving.get(far).0, 404);
    // What cannot be read is not said to be missing.
    let public = folder.path().join("log/past/dec/1/public");
    std::fs::remove_file(public.join("vkey")).expect("removed");
    std::fs::create_dir(public.join("vkey")).expect("a folder");
    assert_eq!(past("vkey"), 500);
    let url = format!("http://{}/log", serving.address);
    let without = run(&["log", "verify", &url], b"");
    assert!(without.code == 0 && without.err.contains("past/dec/1 has ended, is not there"), "{}", without.err);
    std::fs::remove_dir(public.join("vkey")).expect("removed");
    std::fs::write(public.join("vkey"), format!("{dec}\n")).expect("written");
    let withheld = run(&["log", "verify", &url], b"");
    assert!(withheld.code == 6 && withheld.out.contains("the server answers 410"), "{}", withheld.out);
    assert!(withheld.out.contains("past/gov/1: sound"), "{}", withheld.out);
    assert_eq!(serving.stop(), Some(0));

    let fsck = |more: &[&str]| run(&[&["log", "fsck", home.as_str()][..], more].concat(), b"");
    let sound = fsck(&[]);
    assert!(sound.code == 0 && sound.out.contains("past/dec/1/public: sound, 301 entries"), "{}", sound.out);
    let bundle = public.join("tile/entries/000");
    let mut bytes = std::fs::read(&bundle).expect("readable");
    bytes[30] ^= 1;
    std::fs::write(&bundle, bytes).expect("written");
    let damaged = fsck(&[]);
    assert!(damaged.code == 5 && damaged.out.contains("(index 3)"), "{}", damaged.out);
    let policy: String = ["gov", "dec"].map(|log| format!("log {}", vkey(&home, log))).join("\n");
    let policy = folder.write("policy", &format!("{policy}\nquorum none\n"));
    let named = fsck(&["--policy", &policy]);
    assert!(named.code == 0 && named.err.contains("past/dec/1/public has ended and is not checked"), "{}", named.err);
    std::fs::remove_dir_all(public).expect("removed");
    let gone = fsck(&[]);
    assert!(gone.code == 6 && gone.err.contains("no log lies here"), "{}", gone.err);
}

fn vkey(home: &str, log: &str) -> String {
    std::fs::read_to_string(format!("{home}/{log}/public/vkey")).expect("a key").trim().to_owned()
}

/// Who hands something in while another has the log open is not told that it is logged before it is, whoever that other is.
#[test]
fn what_is_handed_in_to_whoever_does_not_take_it_up_is_logged_once_the_log_is_free() {
    let (folder, home, [gov, _]) = new_log("log.example/handed");
    assert_eq!(run(&["log", "append", &home], b"one\n").code, 0);
    let mut other = std::process::Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["log", "append", &home, "--to", "gov"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let input = other.stdin.as_mut().expect("a pipe");
    std::io::Write::write_all(input, b"a line\n").expect("written");
    let mut told = [0; 2];
    std::io::Read::read_exact(other.stdout.as_mut().expect("a pipe"), &mut told).expect("it has the log");
    let inbox = folder.path().join("log/gov/inbox");
    let retained = std::thread::scope(|scope| {
        let retain = || run(&["log", "retain", &home, "--from", "1", "--reason", "ninety days", "--json"], b"");
        let handing = scope.spawn(retain);
        until("it is handed in", || std::fs::read_dir(&inbox).is_ok_and(|mut files| files.next().is_some()));
        std::fs::write(inbox.join("0"), "no entry").expect("written");
        drop(other.stdin.take());
        handing.join().expect("it ends")
    });
    assert!(other.wait().expect("it ends").success());
    assert_eq!(retained.json()["logged"], json!({ "entry": 1, "state": "counts" }), "{}", retained.err);
    // What is no entry is in nobody's way, and is not thrown away.
    assert!(retained.err.contains("gov/unread/0"), "{}", retained.err);
    assert_eq!(std::fs::read(folder.path().join("log/gov/unread/0")).expect("kept"), b"no entry");
    let cat = run(&["log", "cat", &format!("{home}/gov"), "--key", &gov], b"");
    assert_eq!(cat.out.matches("\"retention\"").count(), 1, "{}", cat.out);
}

/// What a gov log says is believed only as it was signed, also by its own keeper.
#[test]
fn a_gov_log_that_is_not_what_was_signed_is_no_ground_for_anything() {
    let (folder, home, _) = new_log("log.example/damaged");
    let lines: String = (0..300).map(|number| format!("entry {number}\n")).collect();
    assert_eq!(run(&["log", "append", &home, "--to", "gov"], lines.as_bytes()).code, 0);
    assert_eq!(run(&["log", "append", &home], b"one\n").code, 0);
    let bundle = folder.path().join("log/gov/public/tile/entries/000");
    let whole = std::fs::read(&bundle).expect("readable");
    let retain = || run(&["log", "retain", &home, "--from", "1", "--reason", "r"], b"");
    let mut flipped = whole.clone();
    flipped[30] ^= 1;
    for (bytes, code) in [(flipped.as_slice(), 5), (&whole[..whole.len() - 1], 6)] {
        std::fs::write(&bundle, bytes).expect("written");
        let refused = retain();
        assert!(refused.code == code && refused.err.contains("entries/000"), "{}{}", refused.out, refused.err);
        let serve = run(&["serve", "--listen", "127.0.0.1:0", "--log", &home], b"");
        assert!(serve.code == 2 && serve.err.contains("gov/public"), "{}{}", serve.out, serve.err);
    }
    std::fs::write(&bundle, whole).expect("written");
    assert_eq!(retain().code, 0);
}

/// The pages of a log that has ended, in the service that goes on from it.
fn shown_from_the_end(serving: &Serving) {
    let (status, _, page) = serving.get("/decisions/sealed/1/0");
    assert!(status == 200 && page.contains("It is in log 1, which has ended"), "{page}");
    let law = "log law LOG --sealed 1 --decision 0";
    assert!(page.contains("download=\"0.tlog-proof\"") && page.contains(law), "{page}");
    assert_eq!(["/decisions/sealed/1/1", "/decisions/sealed/2/0"].map(|path| serving.get(path).0), [404, 404]);
    let (_, _, list) = serving.get("/decisions");
    assert!(list.contains("/decisions/sealed/1/0") && list.contains("Log 1 has ended with 2 entries"), "{list}");
}

/// What was decided in a log that has ended can be shown, and erased, as in the one that goes on.
fn erased_from_the_end(serving: &Serving, home: &str) {
    let law = ["log", "law", home, "--sealed", "1", "--decision", "0", "--output", &format!("{home}-law")];
    let law = run(&law, b"");
    assert!(law.code == 0 && law.out.contains("the edition that the decision names"), "{}{}", law.out, law.err);
    let disclose = || run(&["log", "disclose", home, "0", "--sealed", "1", "--field", "outcome"], b"");
    assert!(disclose().out.contains("permit"), "{}", disclose().err);
    let erased = run(&["log", "erase", home, "0", "--sealed", "1", "--reason", "asked for"], b"");
    assert!(erased.code == 0 && erased.out.contains("logged it"), "{}{}", erased.out, erased.err);
    assert!(disclose().err.contains("was erased"), "{}", disclose().err);
    assert!(serving.get("/decisions/sealed/1/0").2.contains("was erased"));
    assert_eq!(std::fs::read_dir(format!("{home}/past/dec/1/wal")).expect("a folder").count(), 0);
}

/// Keys that are gone cannot seal; the log that goes on says so, and what was proven before still is.
fn keys_are_gone(home: &str) {
    let key =
        |log: &str| std::fs::read_to_string(format!("{home}/{log}/public/vkey")).expect("a key").trim().to_owned();
    for (word, dated) in [("lost", false), ("compromised", true)] {
        let rolled = run(&["log", "roll", home, "--without-seal", word], b"");
        assert_eq!(rolled.code, 0, "{}", rolled.err);
        let cat = run(&["log", "cat", &format!("{home}/gov"), "--count", "9", "--key", &key("gov")], b"");
        let begun: Vec<Value> = cat.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(kinds(&begun), ["genesis", "key-event"], "{}", cat.err);
        assert_eq!((&begun[1]["event"], begun[1]["since"].is_string()), (&json!(word), dated));
    }
    for log in ["past/gov/1", "past/gov/2", "past/gov/3", "past/dec/1", "past/dec/2", "past/dec/3"] {
        let proof = format!("{home}/{}.proof", log.replace('/', "-"));
        let made = run(&["log", "prove", &format!("{home}/{log}"), "0", "--key", &key(log), "--output", &proof], b"");
        assert_eq!(made.code, 0, "{}", made.err);
        let verified = run(&["log", "verify", &proof, &proof.replace(".proof", ".entry"), "--key", &key(log)], b"");
        assert_eq!(verified.code, 0, "{log}: {}", verified.err);
    }
}

/// A roll, killed in the middle of the nth call of a kind.
fn rolled_until(home: &str, call: &str, nth: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let watched = format!("trace={call}");
    let words = ["-f", "-qq", "-o", "/dev/null", "-e", &watched, "-e", &inject];
    let mut strace = std::process::Command::new("strace");
    let strace = strace.args(words).arg(env!("CARGO_BIN_EXE_interdict")).args(["log", "roll", home]);
    let ran = strace.output().expect("strace runs");
    ran.status.success()
}

#[test]
fn a_roll_that_is_killed_anywhere_is_ended_by_the_next_and_loses_nothing() {
    if !crate::log_faults::there("/usr/bin/strace", "strace") {
        return;
    }
    let (mut killed, mut whole) = (0, BTreeSet::new());
    let few = crate::log_faults::Tried::chosen().is_few();
    for nth in (1..60).filter(|nth| !few || [1, 2, 3, 5, 8, 13, 21, 55].contains(nth)) {
        for call in ["rename", "unlink", "mkdir"] {
            if whole.contains(call) {
                continue;
            }
            let folder = Folder::new();
            let home = folder.path().join("log").display().to_string();
            assert_eq!(run(&["log", "new", &home, "--name", "log.example/killed"], b"").code, 0);
            for log in ["gov", "dec"] {
                let added = run(&["log", "append", &home, "--to", log], b"one\ntwo\n");
                assert_eq!(added.code, 0, "{}", added.err);
            }
            if rolled_until(&home, call, nth) {
                whole.insert(call);
                continue;
            }
            killed += 1;
            let ended = run(&["log", "roll", &home], b"");
            assert_eq!(ended.code, 0, "{call} {nth}: {}{}", ended.out, ended.err);
            // Twice where the first was killed after it was done with its work.
            for log in ["gov", "dec"] {
                let past = folder.path().join(format!("log/past/{log}/1"));
                let key =
                    |log: &Path| std::fs::read_to_string(log.join("public/vkey")).expect("a key").trim().to_owned();
                let cat = run(&["log", "cat", &past.display().to_string(), "--count", "9", "--key", &key(&past)], b"");
                let entries: Vec<Value> =
                    cat.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
                assert_eq!(
                    entries.iter().filter(|entry| entry["kind"] == "seal").count(),
                    1,
                    "{call} {nth} {log}: {entries:?}"
                );
                let now = folder.path().join(format!("log/{log}"));
                let checked = run(&["log", "fsck", &now.display().to_string(), "--key", &key(&now)], b"");
                assert_eq!(checked.code, 0, "{call} {nth} {log}: {}{}", checked.out, checked.err);
            }
        }
    }
    assert!(killed > 8 && whole.len() == 3, "{killed} {whole:?}");
    println!("killed {killed} times");
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

//! What people decide where law left something to them: each kind of gate answers so, for the very same question, until
//! it is taken back, is over, is erased or cannot be read any more.

use crate::desk::{digest_of, signed, trust};
use crate::gov_log::{ask, ask_as, ask_at, gov, question};
use crate::log_service::{Log, until};
use crate::program::{Folder, Ran, Serving, run};
use crate::repository::{CA, MAKERS, NOWHERE, Nginx, US, has, published};
use crate::service::{SUBJECTS, order};
use crate::store;
use attest::statement::{Type, compose, named_subject};
use serde_json::{Value, json};
use std::path::Path;

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

    fn attest(&self, words: &[&str]) -> Ran {
        run(&[&["--attestations", &self.log.path("log"), "attest"][..], words].concat(), b"")
    }

    fn overrule(&self, index: u64, ruling: &str, expires: &str) -> Ran {
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
    // Gates go by the checkpoint as soon as it is there, and the log a moment later by what it knows of it.
    until("it is told", || serving.get(&path).0 == 200);
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
    let end = crate::lab::now() + 3_600;
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
    // On a slow machine the log publishes its minute's anchor meanwhile.
    let hide = || {
        if Path::new(&checkpoint).exists() {
            std::fs::rename(&checkpoint, &kept).expect("renamed")
        }
    };
    let restore = || {
        if !Path::new(&checkpoint).exists() {
            std::fs::rename(&kept, &checkpoint).expect("renamed")
        }
    };
    until("it is said", || {
        hide();
        health(&first)["overrides_unread"].is_object() && health(&first)["status"] != "ok"
    });
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
    restore();
    until("it is read again", || health(&first)["status"] == "ok");
    assert_eq!(first.stop(), Some(0));

    // Where that is over, nothing is permitted by what nobody can check, and nothing that was forbidden is let through.
    let brief = format!("{edge_settings}[log]\noverrides_unread_seconds_max = 0\n");
    bench.desk.write("settings.toml", &brief);
    let second = bench.serve();
    until("gates answer so", || ask(&second, "brook", None).1 == "permit" && edge(&second).0 == 451);
    until("a person is asked again", || {
        hide();
        ask(&second, "brook", None).1 == "refer"
    });
    assert_eq!(health(&second)["overrides_unread"]["permits"], "not counted");
    assert_eq!(edge(&second).0, 451);
    restore();
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

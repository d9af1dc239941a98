//! What the gov log says of each decision and each change of the log itself: the law a decision was made under can be
//! written out, what is handed in is logged once, and nothing is believed but what was signed.

use crate::log_service::{Log, until};
use crate::log_witnesses::log as new_log;
use crate::program::{Folder, Serving, run};
use crate::service::{SUBJECTS, order};
use serde_json::{Value, json};

/// Asks about an app in a place, if it is known; the index of the decision, the verdict and the edition.
pub(crate) fn ask(serving: &Serving, app: &str, place: Option<&str>) -> (u64, String, String) {
    ask_as(serving, "s", app, place)
}

/// The same, asked by somebody.
pub(crate) fn ask_as(serving: &Serving, who: &str, app: &str, place: Option<&str>) -> (u64, String, String) {
    ask_at(serving, who, app, place, "2025-01-01T00:00:00Z")
}

/// The same, of an act at some instant.
pub(crate) fn ask_at(serving: &Serving, who: &str, app: &str, place: Option<&str>, at: &str) -> (u64, String, String) {
    let body = question(who, app, place, at);
    let (status, head, body) = serving.post("/access/v1/evaluation", body.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let index = head.lines().find_map(|line| line.strip_prefix("interdict-log-index: ")).expect("an index");
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let word = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).expect("a word").to_owned();
    (index.parse().expect("a number"), word("/context/verdict"), word("/context/law/edition"))
}

pub(crate) fn question(who: &str, app: &str, place: Option<&str>, at: &str) -> Value {
    json!({ "subject": { "type": "business", "id": who, "properties": { "role": "app-store" } },
        "action": { "name": "app.distribute" }, "resource": { "type": "app", "id": app },
        "context": { "place": place, "valid_at": at } })
}

/// The entries of the gov log, each as JSON.
pub(crate) fn gov(log: &Log) -> Vec<Value> {
    let ran = run(&["log", "cat", &log.path("log/gov"), "--count", "100000", "--key", &log.key("gov")], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn kinds(entries: &[Value]) -> Vec<&str> {
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

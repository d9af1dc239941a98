//! A service that records in a log: what it answered is there after kill -9, once and in order; what a full queue or a
//! disk that fails does to answers; a decision proven, shown and erased while it serves.

use crate::log_faults::Tried;
use crate::program::{Folder, Serving, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// Times the service is killed, with all faults or with few, and answers each of its lives gives at least.
const KILLS: usize = 200;
const KILLS_FEW: usize = 3;
const ANSWERS_MIN: usize = 60;

/// Clients at once: records of several reach the disk together.
const CLIENTS: usize = 6;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(10);

/// Answers after which a system call that fails must have been made.
const ANSWERS_MAX: u64 = 100;

/// A log with a signer of its own, which outlives the service as it does where it matters.
pub(crate) struct Log {
    pub(crate) folder: Folder,
    signer: Child,
}

impl Log {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let home = folder.path().join("log").display().to_string();
        let made = run(&["log", "new", &home, "--name", "log.example/served"], b"");
        assert_eq!(made.code, 0, "{}", made.err);
        let signer = signer(&folder);
        Self { folder, signer }
    }

    /// Ends the signer, as where it fails alone.
    pub(crate) fn end_signer(&mut self) {
        self.signer.kill().and_then(|()| self.signer.wait()).expect("gone");
    }

    pub(crate) fn signer_id(&self) -> String {
        self.signer.id().to_string()
    }

    /// Starts another signer in the place of one that is gone.
    pub(crate) fn start_signer(&mut self) {
        self.signer = signer(&self.folder);
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn key(&self, log: &str) -> String {
        let path = self.path(&format!("log/{log}/public/vkey"));
        std::fs::read_to_string(path).expect("a key").trim().to_owned()
    }

    pub(crate) fn serve(&self, more: &[&str]) -> Serving {
        self.serve_as(Command::new(env!("CARGO_BIN_EXE_interdict")), &[], more)
    }

    /// The same with words before those of `serve`.
    pub(crate) fn serve_with(&self, words: &[&str], more: &[&str]) -> Serving {
        self.serve_as(Command::new(env!("CARGO_BIN_EXE_interdict")), words, more)
    }

    pub(crate) fn serve_as(&self, binary: Command, words: &[&str], more: &[&str]) -> Serving {
        let (home, socket) = (self.path("log"), self.path("socket"));
        let options = [&["--log", &home, "--log-signer", &socket], more].concat();
        Serving::start_as(binary, words, &options)
    }

    pub(crate) fn fsck(&self) {
        for log in ["gov", "dec"] {
            self.fsck_one(log);
        }
    }

    pub(crate) fn fsck_one(&self, log: &str) {
        let checked = run(&["log", "fsck", &self.path(&format!("log/{log}")), "--key", &self.key(log)], b"");
        assert_eq!(checked.code, 0, "{log}: {}{}", checked.out, checked.err);
    }

    pub(crate) fn size(&self) -> u64 {
        let checkpoint = std::fs::read_to_string(self.path("log/dec/public/checkpoint")).expect("a checkpoint");
        checkpoint.lines().nth(1).expect("a size").parse().expect("a number")
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.signer.kill().expect("killed");
        self.signer.wait().expect("gone");
    }
}

fn signer(folder: &Folder) -> Child {
    let path = |name: &str| folder.path().join(name);
    let signer = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["log", "sign", "--key"])
        .arg(path("log/keys/gov.key"))
        .arg("--key")
        .arg(path("log/keys/dec.key"))
        .arg("--state")
        .arg(path("log/signer"))
        .arg("--socket")
        .arg(path("socket"))
        .stdout(Stdio::null())
        .spawn()
        .expect("the signer starts");
    until("the signer listens", || std::os::unix::net::UnixStream::connect(path("socket")).is_ok());
    signer
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut left = PATIENCE.as_millis() / STEP.as_millis();
    while !holds() {
        assert!(left > 0, "{what}: not within {PATIENCE:?}");
        left -= 1;
        std::thread::sleep(STEP);
    }
}

const QUESTION: &str = r#"{"subject":{"type":"business","id":"s","properties":{"role":"app-store"}},"action":{"name":"app.distribute"},"resource":{"type":"app","id":"wechat"},"context":{"place":"US"}}"#;

/// Asks once under a key; the index of the decision, if there was an answer.
pub(crate) fn ask(address: &str, key: &str) -> Option<u64> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-request-id: {key}\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{QUESTION}",
        QUESTION.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    // A torn answer is none.
    serde_json::from_str::<serde_json::Value>(body).ok()?;
    let index = head.lines().find_map(|line| line.strip_prefix("interdict-log-index: "))?;
    head.starts_with("HTTP/1.1 200").then(|| index.parse().expect("an index"))
}

#[test]
fn every_answer_is_in_the_log_once_and_in_order_after_kill_9() {
    let log = Log::new();
    // What each client journals: the index it was told for its nth question. It asks that one again until it is told.
    let journals: Vec<Mutex<Vec<u64>>> = (0..CLIENTS).map(|_| Mutex::default()).collect();
    let told = || journals.iter().map(|journal| journal.lock().expect("held").len()).sum::<usize>();
    let kills = if Tried::chosen().is_few() { KILLS_FEW } else { KILLS };
    for _ in 0..kills {
        let serving = log.serve(&[]);
        let before = told();
        std::thread::scope(|scope| {
            for (client, journal) in journals.iter().enumerate() {
                let address = serving.address.as_str();
                scope.spawn(move || {
                    let mut number = journal.lock().expect("held").len();
                    while let Some(index) = ask(address, &format!("{client}-{number}")) {
                        journal.lock().expect("held").push(index);
                        number += 1;
                    }
                });
            }
            until("answers", || told() >= before + ANSWERS_MIN);
            serving.signal("KILL");
        });
    }
    let serving = log.serve(&[]);
    for (client, journal) in journals.iter().enumerate() {
        let mut journal = journal.lock().expect("held");
        let key = format!("{client}-{}", journal.len());
        let index = ask(&serving.address, &key).expect("the last question is answered");
        assert_eq!(ask(&serving.address, &key), Some(index), "asked again, it is the same record");
        journal.push(index);
    }
    // However long the key is.
    let key = "key".repeat(60);
    let index = ask(&serving.address, &key).expect("an answer");
    assert_eq!(ask(&serving.address, &key), Some(index), "asked again, it is the same record");
    journals[0].lock().expect("held").push(index);
    assert_eq!(serving.stop(), Some(0));
    log.fsck();
    let mut indexes = BTreeSet::new();
    for journal in &journals {
        let journal = journal.lock().expect("held");
        assert!(journal.is_sorted_by(|one, next| one < next), "in order: {journal:?}");
        assert!(journal.iter().all(|index| indexes.insert(*index)), "one index, one decision");
    }
    // Every question was asked until it was answered, so what the log has is what was answered.
    assert_eq!(indexes, (0..log.size()).collect(), "each once, and nothing else");
    for (client, journal) in journals.iter().enumerate() {
        let (number, index) = (0, journal.lock().expect("held")[0]);
        let shown = run(&["log", "disclose", &log.path("log"), &index.to_string(), "--field", "record"], b"");
        let request = format!("{client}-{number}");
        assert!(shown.out.contains(&format!(r#"\"request\":\"{request}\""#)), "{}{}", shown.out, shown.err);
    }
    println!("{} answers over {kills} kills, all there", indexes.len());
}

#[test]
fn a_decision_is_found_by_what_it_was_about_and_by_its_day() {
    let log = Log::new();
    let serving = log.serve(&["--show-decisions"]);
    let (status, _, list) = serving.get("/decisions");
    assert!(status == 200 && list.contains("Nothing has been decided and published yet"), "{list}");
    for id in ["com.tencent.mm", "com.zhiliaoapp.musically", "example.unknown"] {
        let question = serde_json::json!({ "subject": { "type": "business", "id": "store" }, "action": { "name": "app.distribute" },
            "resource": { "type": "android-package", "id": id }, "context": { "place": "US" } });
        assert_eq!(serving.post("/access/v1/evaluation", question.to_string().as_bytes()).0, 200);
    }
    until("all are published", || serving.get("/log/dec/receipt/2").0 == 200);
    let home = log.path("log");
    let find = |words: &[&str]| run(&[&["log", "find", &home], words].concat(), b"");
    let indexes = |words: &[&str]| {
        let found = find(words);
        let index = |line: &str| line.split('\t').next().and_then(|index| index.parse::<u64>().ok()).expect("an index");
        (found.code, found.out.lines().map(index).collect::<Vec<_>>())
    };
    // A package, a domain and a name of the same app find the same.
    for about in ["com.tencent.mm", "wechat.com", "wechat"] {
        assert_eq!(indexes(&[about]), (0, vec![0]), "{about}");
    }
    assert_eq!(indexes(&[]), (0, vec![0, 1, 2]));
    let found = find(&["tiktok", "--json"]).json();
    assert_eq!((&found["index"], &found["resource"]["app"]), (&1.into(), &"tiktok".into()), "{found}");
    let day = found["at"].as_str().expect("an instant").split('T').next().expect("a day").to_owned();
    assert_eq!(indexes(&["tiktok", "--on", &day]), (0, vec![1]));
    let none = find(&["tiktok", "--on", "2020-09-20"]);
    assert!(none.code == 1 && none.err.contains("none of 0 decisions of that time"), "{}", none.err);
    let wrong = find(&["--on", "yesterday"]);
    assert!(wrong.code == 2 && wrong.err.contains("`yesterday` is no day"), "{}", wrong.err);
    // The list of the console looks as well.
    let listed = serving.get(&format!("/decisions?about=wechat.com&day={day}")).2;
    assert!(listed.contains("href=\"/decisions/0\"") && !listed.contains("href=\"/decisions/1\""), "{listed}");
    assert_eq!(
        run(&["log", "erase", &home, "0", "--reason", "asked for", "--signer", &log.path("socket")], b"").code,
        0
    );
    until("the page says on what ground", || serving.get("/decisions/0").2.contains("On the ground: asked for."));
    let erased = find(&["wechat"]);
    assert!(erased.code == 1 && erased.err.contains("1 more were erased"), "{}{}", erased.out, erased.err);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_decision_is_proven_shown_and_erased_while_the_service_runs() {
    let log = Log::new();
    let records = log.path("records.ndjson");
    let settings = log.folder.write("settings.toml", "[records]\nfile = \"records.ndjson\"\n");
    let serving = log.serve(&["--settings", &settings]);
    let first = ask(&serving.address, "first").expect("an answer");
    let second = ask(&serving.address, "second").expect("an answer");
    assert_eq!((first, second), (0, 1));
    let receipt = format!("/log/dec/receipt/{second}");
    until("the receipt", || serving.get(&receipt).0 == 200);
    assert_eq!(serving.get("/log/dec/receipt/2").0, 404);
    let (_, _, proof) = serving.get(&receipt);
    let proof_file = log.folder.write("second.tlog-proof", &proof);

    let home = log.path("log");
    let shown = run(&["log", "disclose", &home, "1", "--field", "outcome"], b"");
    assert_eq!(shown.code, 0, "{}", shown.err);
    let disclosure = log.folder.write("outcome.json", &shown.out);
    let key = log.key("dec");
    let verified = run(&["log", "verify", &disclosure, "--key", &key], b"");
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let (proves, open) = verified.out.split_once("it does not prove").expect("both are said");
    assert!(
        proves.contains("is a decision, which its keeper says was made") && proves.contains("`outcome`"),
        "{proves}"
    );
    assert!(open.contains("any other field of the decision") && open.contains("everybody the same"), "{open}");
    let told = run(&["log", "verify", &disclosure, "--key", &key, "--json"], b"").json();
    assert_eq!((&told["index"], &told["size"], &told["field"]), (&1.into(), &2.into(), &"outcome".into()), "{told}");
    assert!(told["value"].as_str().is_some_and(|value| value.contains("permit")), "{told}");
    let forged = log.folder.write("forged.json", &shown.out.replace("permit", "refuse"));
    assert_ne!(run(&["log", "verify", &forged, "--key", &key], b"").code, 0);

    let state = log.path("seen");
    let public = log.path("log/dec/public");
    let monitor = || run(&["log", "monitor", &public, "--key", &key, "--state", &state, "--json"], b"");
    let seen = monitor();
    assert_eq!((seen.code, &seen.json()["size_before"]), (0, &Value::Null), "{}", seen.out);
    let words = ["log", "erase", &home, "1", "--reason", "asked for by the person concerned"];
    let erased = run(&[&words[..], &["--signer", &log.path("socket"), "--json"]].concat(), b"");
    assert_eq!(erased.code, 0, "{}{}", erased.out, erased.err);
    let told = erased.json();
    assert_eq!((&told["erased"], &told["logged"]["state"]), (&1.into(), &"handed_in".into()), "{told}");
    assert_ne!(run(&["log", "disclose", &home, "1", "--field", "outcome"], b"").code, 0, "it cannot be shown");
    assert_eq!(run(&["log", "disclose", &home, "0", "--field", "outcome"], b"").code, 0, "the other can");
    assert_eq!(run(&["log", "verify", &disclosure, "--key", &key], b"").code, 0, "what was shown stays shown");
    let seen = monitor();
    assert_eq!((seen.code, &seen.json()["size_before"]), (0, &2.into()), "{}", seen.out);
    assert_eq!(serving.stop(), Some(0));
    log.fsck();
    let gov = run(&["log", "cat", &log.path("log/gov"), "--count", "100000", "--key", &log.key("gov")], b"");
    assert!(gov.out.contains("asked for by the person concerned") && gov.out.contains(r#""kind":"anchor""#));
    let written = std::fs::read_to_string(&records).expect("the file of records");
    assert_eq!(written.lines().count(), 2, "a file beside the log has the same decisions");
    assert!(Path::new(&proof_file).exists() && proof.starts_with("c2sp.org/tlog-proof@v1"), "{proof}");
}

#[test]
fn whoever_waits_for_a_signer_that_is_gone_is_told_and_a_service_ends_all_the_same() {
    let mut log = Log::new();
    let mut serving = log.serve(&[]);
    log.end_signer();
    assert_eq!(ask(&serving.address, "unsigned"), Some(0), "it is durable without a signature");
    serving.complains("dec is not published");
    let health: Value = serde_json::from_str(&serving.get("/healthz").2).expect("JSON");
    let dec = &health["logs"]["dec"];
    assert_eq!((&dec["durable"], &dec["published"]), (&1.into(), &0.into()), "{health}");
    assert_eq!(health["status"], "what is recorded is durable and not published");
    assert!(dec["unpublished"]["why"].as_str().is_some_and(|why| why.contains("the signer")), "{health}");
    let metrics = serving.get("/metrics").2;
    let told = |name: &str, value| metrics.contains(&format!("interdict_log_{name}{{log=\"dec\"}} {value}\n"));
    assert!(told("entries", 1) && told("published_entries", 0), "{metrics}");
    let (status, _, waits) = serving.get("/log/dec/receipt/0");
    assert!(status == 202 && waits.contains("in the way of that is the signer"), "{waits}");
    assert!(serving.get("/decisions").2.contains("1 decision is on record and durable, and waits for its receipt"));
    let (status, _, none) = serving.get("/log/dec/receipt/1");
    assert!(status == 404 && none.contains("no entry 1: it has 1"), "{none}");
    serving.signal("TERM");
    until("the service ends", || serving.ended());
    log.start_signer();
    let serving = log.serve(&[]);
    assert_eq!(ask(&serving.address, "signed"), Some(1));
    assert_eq!(serving.stop(), Some(0));
    log.fsck();
}

#[test]
fn a_signer_whom_others_left_no_connection_signs_once_there_is_one() {
    let mut log = Log::new();
    log.end_signer();
    let (keys, socket) = (log.path("log/keys"), log.path("socket"));
    let words = format!(
        "ulimit -n 16; exec \"$1\" log sign --key {keys}/gov.key --key {keys}/dec.key --state {} --socket {socket}",
        log.path("log/signer")
    );
    let mut signer = Command::new("sh");
    signer.args(["-c", &words, "sh", env!("CARGO_BIN_EXE_interdict")]).stdout(Stdio::null());
    let connect = || std::os::unix::net::UnixStream::connect(&socket);
    let mut signer = signer.spawn().expect("the signer starts");
    until("it listens", || connect().is_ok());
    let held: Vec<_> = (0..32).map(|_| connect().expect("it is queued")).collect();
    drop(held);
    let appended = run(&["log", "append", &log.path("log"), "--signer", &socket], b"one\n");
    signer.kill().and_then(|()| signer.wait()).expect("gone");
    assert_eq!(appended.code, 0, "{}", appended.err);
}

#[test]
fn a_private_record_that_is_not_what_was_committed_to_is_shown_to_nobody() {
    let log = Log::new();
    let serving = log.serve(&[]);
    assert_eq!([ask(&serving.address, "one"), ask(&serving.address, "two")], [Some(0), Some(1)]);
    until("both are published", || serving.get("/log/dec/receipt/1").0 == 200);
    assert_eq!(serving.stop(), Some(0));
    let disclose = || run(&["log", "disclose", &log.path("log"), "0", "--field", "record"], b"");
    assert_eq!(disclose().code, 0);
    // Each with the seed and the record of the other.
    let seeds = log.path("log/dec/private/seeds/000.p/2");
    let bytes = std::fs::read(&seeds).expect("readable");
    std::fs::write(&seeds, [&bytes[32..], &bytes[..32]].concat()).expect("written");
    let records = log.path("log/dec/private/records/000.p/2");
    let bytes = std::fs::read(&records).expect("readable");
    let first = 4 + u32::from_be_bytes(bytes[..4].try_into().expect("four")) as usize;
    std::fs::write(&records, [&bytes[first..], &bytes[..first]].concat()).expect("written");
    let swapped = disclose();
    assert!(swapped.code == 5 && swapped.out.is_empty(), "{}{}", swapped.out, swapped.err);
    assert!(swapped.err.contains("is not what the entry commits to"), "{}", swapped.err);
    // Nor is anything decided by it, or told of what rested on what.
    let until = ["--reason", "r", "--expires", "2999-01-01T00:00:00Z"];
    let decided = run(&[&["log", "override", &log.path("log"), "0", "permit"][..], &until].concat(), b"");
    assert!(decided.code == 5 && decided.err.contains("is not what the entry commits to"), "{}", decided.err);
}

/// Runs the service so that a system call fails, and asks until it refuses.
fn failing(log: &Log, inject: &str) -> (u64, bool) {
    // Only calls on the segments of the log of decisions: where a service writes otherwise is not meant here.
    let segments = std::fs::read_dir(log.path("log/dec/wal")).expect("segments");
    let segments = segments.map(|entry| entry.expect("readable").path());
    let is_segment = |path: &std::path::PathBuf| path.file_stem().is_some_and(|stem| stem.len() == 20);
    let last = segments.filter(is_segment).max().expect("a segment");
    let serving = log.serve(&[]);
    let pid = serving.id().to_string();
    let trace = log.path("trace");
    let mut strace = Command::new("strace")
        .args(["-f", "-p", &pid, "-o", &trace, "-P"])
        .arg(&last)
        .args(["-e", inject])
        .stderr(Stdio::null())
        .spawn()
        .expect("strace");
    until("strace is attached", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    });
    let mut answered = 0;
    while ask(&serving.address, &format!("{inject}-{answered}")).is_some() {
        answered += 1;
        assert!(answered < ANSWERS_MAX, "{inject}: it goes on as if nothing had failed");
    }
    // Once it failed, it says so and answers nothing, and the process is there.
    let alive = serving.get("/healthz").0 == 200;
    serving.signal("KILL");
    strace.wait().expect("strace ends with it");
    (answered, alive)
}

#[test]
fn what_a_failing_disk_did_not_keep_was_not_answered() {
    if !Path::new("/usr/bin/strace").exists() {
        assert!(std::env::var_os("CI").is_none(), "strace is not installed");
        eprintln!("skipped: strace is not installed; ./test installs it");
        return;
    }
    let log = Log::new();
    let serving = log.serve(&[]);
    assert_eq!(ask(&serving.address, "before"), Some(0));
    assert_eq!(serving.stop(), Some(0));
    let mut answered = 1;
    for inject in [
        "inject=fdatasync:error=EIO:when=4+",
        "inject=pwrite64:error=EIO:when=4+",
        "inject=pwrite64:error=ENOSPC:when=4+",
        "inject=fdatasync:error=ENOSPC:when=4+",
    ] {
        let (more, alive) = failing(&log, inject);
        assert!(alive, "{inject}: it says what is wrong instead of ending");
        answered += more;
        // The next start reads the log again: what was answered is there, and indexes go on.
        let serving = log.serve(&[]);
        let next = ask(&serving.address, &format!("{inject}-after")).expect("it answers again");
        assert!(next >= answered, "{inject}: {next} is the index of one of {answered} that were answered");
        answered = next + 1;
        assert_eq!(serving.stop(), Some(0));
        log.fsck();
        assert_eq!(log.size(), answered, "{inject}");
    }
}

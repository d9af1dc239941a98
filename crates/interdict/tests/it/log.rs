//! The log as its keepers and strangers use it: made, written under kill -9, checked, proven, shown, erased.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Times the writer is killed in one test run, and lines it has written by then at least.
const KILLS: u64 = 8;
const LINES_MIN: u64 = 9;

/// The folder of a new log, gone when the test is.
struct Log(PathBuf);

impl Log {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("interdict-log-{}-{name}", std::process::id()));
        let made = run(&["log", "new", text(&folder), "--name", "log.example/test"]);
        assert!(made.status.success(), "{}", said(&made));
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        text(&self.0.join(name)).to_owned()
    }

    fn key(&self, log: &str) -> String {
        fs::read_to_string(self.0.join(log).join("public/vkey")).expect("a key").trim().to_owned()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn interdict() -> Command {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
}

fn run(arguments: &[&str]) -> Output {
    interdict().args(arguments).output().expect("it runs")
}

fn code(arguments: &[&str]) -> Option<i32> {
    run(arguments).status.code()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn append(log: &Log, lines: &str) -> Output {
    let mut child = interdict()
        .args(["log", "append", text(&log.0)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[test]
fn whoever_was_told_an_index_finds_the_entry_there_after_kill_9() {
    let log = Log::new("kill");
    let mut told: Vec<(u64, String)> = Vec::new();
    for round in 0..KILLS {
        let mut child = interdict()
            .args(["log", "append", text(&log.0)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = output.lines();
        for number in 0..u64::MAX {
            let line = format!("round {round} line {number}");
            if writeln!(input, "{line}").and_then(|()| input.flush()).is_err() {
                break;
            }
            // In the middle of writing that one, wherever it is by then.
            if number == LINES_MIN + round {
                let killed = Command::new("kill").args(["-9", &child.id().to_string()]).status().expect("kill");
                assert!(killed.success());
            }
            match lines.next() {
                Some(Ok(index)) => told.push((index.parse().expect("an index"), line)),
                Some(Err(_)) | None => break,
            }
        }
        child.wait().expect("it ended");
    }
    let last = append(&log, "the last\n");
    assert!(last.status.success(), "{}", said(&last));
    assert!(told.len() as u64 >= KILLS * LINES_MIN, "{} acknowledged", told.len());
    let mut before = None;
    let cat = run(&["log", "cat", &log.path("dec"), "--count", "1000000", "--key", &log.key("dec")]);
    let entries: Vec<String> = said(&cat)
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let hex = value["hex"].as_str().expect("an entry").as_bytes().to_vec();
            let pairs = hex.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16));
            String::from_utf8(pairs.collect::<Result<_, _>>().expect("hex")).expect("text")
        })
        .collect();
    for (index, line) in &told {
        assert!(before < Some(*index), "in order");
        before = Some(*index);
        assert_eq!(entries.get(usize::try_from(*index).expect("small")), Some(line), "index {index}");
        assert_eq!(entries.iter().filter(|entry| *entry == line).count(), 1, "once");
    }
    assert_eq!(code(&["log", "fsck", &log.path("dec"), "--key", &log.key("dec")]), Some(0));
    println!("{} acknowledged over {KILLS} kills, all there", told.len());
}

#[test]
fn each_way_to_fail_has_its_code() {
    let log = Log::new("codes");
    let appended = append(&log, &(0..300).map(|number| format!("entry {number}\n")).collect::<String>());
    assert!(appended.status.success(), "{}", said(&appended));
    let (dec, key, other) = (log.path("dec"), log.key("dec"), log.key("gov"));
    let checked = run(&["log", "fsck", text(&log.0), "--json"]);
    let checked = String::from_utf8(checked.stdout).expect("UTF-8");
    let sizes: Vec<Option<u64>> = checked
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["size"].as_u64())
        .collect();
    assert_eq!(sizes, [Some(0), Some(300)], "nothing is published in the gov log: {checked}");
    let (proof, entry) = (log.path("p.tlog-proof"), log.path("p.entry"));
    let proven = run(&["log", "prove", &dec, "77", "--key", &key, "-o", &proof, "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said(&proven)).expect("JSON");
    let origin = key.split('+').next();
    assert_eq!(told, serde_json::json!({ "log": origin, "index": 77, "size": 300, "proof": proof, "entry": entry }),);
    assert_eq!(fs::read(&entry).expect("the entry"), b"entry 77");
    assert_eq!(code(&["log", "prove", &dec, "300", "--key", &key, "-o", &proof]), Some(1));
    let verified = run(&["log", "verify", &proof, &entry, "--key", &key, "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said(&verified)).expect("JSON");
    assert_eq!(told, serde_json::json!({ "log": origin, "index": 77, "size": 300 }));
    assert_eq!(code(&["log", "verify", &proof, &entry, "--key", &other]), Some(3));
    assert_eq!(code(&["log", "verify", &proof, &entry]), Some(3), "nobody is trusted by default");
    assert_eq!(code(&["log", "verify", &entry, &entry, "--key", &key]), Some(2));
    fs::write(&entry, "entry 78").expect("written");
    assert_eq!(code(&["log", "verify", &proof, &entry, "--key", &key]), Some(5));
    let policy = log.path("strict");
    let witness = run(&["log", "key", "w.example", "--witness", "-o", &log.path("w.key"), "--json"]);
    let witness: serde_json::Value = serde_json::from_str(&said(&witness)).expect("JSON");
    let lines = format!("log {key}\nwitness w {}\nquorum w\n", witness["key"].as_str().expect("a key"));
    fs::write(&policy, lines).expect("written");
    assert_eq!(code(&["log", "fsck", &dec, "--policy", &policy]), Some(7));
    let state = log.path("seen");
    assert_eq!(code(&["log", "monitor", &dec, "--key", &key, "--state", &state]), Some(0));
    let copy = log.path("copy");
    assert!(Command::new("cp").args(["-r", &dec, &copy]).status().expect("cp").success());
    assert!(append(&log, "one more\n").status.success());
    assert_eq!(code(&["log", "monitor", &dec, "--key", &key, "--state", &state]), Some(0));
    let rolled_back = run(&["log", "monitor", &copy, "--key", &key, "--state", &state]);
    assert_eq!(rolled_back.status.code(), Some(4), "{}", said(&rolled_back));
    assert!(said(&rolled_back).contains("it had 301 entries and has 300 now"), "{}", said(&rolled_back));
    // The old copy in the place of the log: its signer has seen more.
    fs::remove_dir_all(&dec).expect("removed");
    fs::rename(&copy, &dec).expect("renamed");
    let old = append(&log, "another history\n");
    assert_eq!(old.status.code(), Some(4), "{}", said(&old));
    let tile = log.path("dec/public/tile/entries/000");
    let mut bytes = fs::read(&tile).expect("a bundle");
    *bytes.get_mut(30).expect("a byte") ^= 1;
    fs::write(&tile, bytes).expect("written");
    let damaged = run(&["log", "fsck", &dec, "--key", &key]);
    assert_eq!(damaged.status.code(), Some(5));
    assert!(said(&damaged).contains("(index 3)"), "{}", said(&damaged));
    fs::remove_file(&tile).expect("removed");
    assert_eq!(code(&["log", "fsck", &dec, "--key", &key]), Some(6));
}

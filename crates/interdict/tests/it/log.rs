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

/// What is asked of a log that is not there, not whole, or has nothing of the kind, is said; and why.
#[test]
fn what_is_not_there_is_not_sound_and_what_is_asked_of_it_says_why() {
    let log = Log::new("missing");
    let asked = |words: &[&str], code: i32, why: &str| {
        let output = run(&[&["log"][..], words].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(why), "{words:?}: {said}");
    };
    let (home, dec, key) = (log.path("."), log.path("dec"), log.key("dec"));
    asked(&["fsck", &log.path("nowhere"), "--key", &key], 6, "no log lies here");
    asked(&["fsck", &home], 0, "nothing is published yet");
    let served = run(&["serve", "--listen", "127.0.0.1:0", "--log", &log.path("nowhere")]);
    assert!(said(&served).contains("nowhere holds no log; make one with"), "{}", said(&served));
    assert!(append(&log, &(0..300).map(|number| format!("entry {number}\n")).collect::<String>()).status.success());
    asked(&["cat", &dec, "--key", &key, "--from", "301"], 1, "300 entries are published; 301 is beyond them");
    asked(&["cat", &dec, "--key", &key, "--from", "300"], 0, "");
    asked(&["prove", &dec, "300", "--key", &key, "-o", &log.path("p")], 1, "so there is none with index 300");
    asked(&["prove", &dec, "3", "--key", &key, "-o", &log.path("p.entry")], 1, "name another file");
    asked(&["erase", &home, "300", "--reason", "r"], 1, "could be erased yet");
    asked(&["erase", &home, "3", "--reason", "r"], 2, "entry 3 is no decision");
    asked(&["disclose", &home, "3", "--field", "act"], 2, "entry 3 is no decision");
    asked(&["verify", &dec, "--key", &key], 1, "interdict log fsck");
    let (proof, entry) = (log.path("p3"), log.path("p4.entry"));
    asked(&["prove", &dec, "3", "--key", &key, "-o", &proof], 0, "");
    asked(&["prove", &home, "3", "-o", &proof], 1, "/dec, the decisions");
    asked(&["cat", &home], 1, "/gov, what changes the rules");
    asked(&["erase", &dec, "3", "--reason", "r"], 1, "name the folder that has both");
    asked(&["disclose", &dec, "3", "--field", "act"], 1, "name the folder that has both");
    // Of two logs that were made at once one is gone.
    std::fs::rename(&dec, log.path("aside")).expect("moved");
    asked(&["fsck", &home], 6, "/dec/public");
    std::fs::rename(log.path("aside"), &dec).expect("moved");
    // Whoever was sent a file and nothing else is told what it claims, and what it takes to check that.
    asked(&["verify", &proof], 3, "says that it is of entry 3 of log.example/test/dec/1, of 300 entries");
    asked(&["verify", &proof], 3, "say whom to believe");
    let secret = log.path("keys/dec.key");
    asked(&["key", "w.example", "--output", &secret], 1, "no key is overwritten");
    asked(&["verify", &proof, "--key", &key], 1, "`.entry`");
    asked(&["prove", &dec, "4", "--key", &key, "-o", &log.path("p4")], 0, "");
    asked(&["verify", &proof, &entry, "--key", &key], 5, &format!("{proof} with {entry}: "));
    asked(&["verify", &proof, &entry, "--key", &key], 5, "this entry is not entry 3 of log.example/test/dec/1");
    let other = log.key("gov");
    asked(&["verify", &proof, &entry, "--key", &other], 3, "the key that was named is of log.example/test/gov/1");
    // What has no end is not read to it.
    asked(&["verify", "/dev/zero", &entry, "--key", &key], 2, "/dev/zero: longer than");
    asked(&["verify", &proof, "/dev/zero", "--key", &key], 2, "/dev/zero: longer than");
    // A file where a folder should be: what is there cannot be read, and that is not that there is nothing.
    asked(&["disclose", &log.path("p3"), "0", "--field", "act"], 6, "Not a directory");
    asked(&["erase", &log.path("p3"), "0", "--reason", "r"], 6, "Not a directory");
    let state = log.path("seen");
    let monitor = ["monitor", &dec, "--key", &key, "--state", &state];
    asked(&monitor, 0, "300 entries, seen for the first time");
    asked(&monitor, 0, "grown from the 300 it had");
    let here = ["log", "monitor", "dec", "--key", &key, "--state", "seen-here"];
    let here = interdict().current_dir(&log.0).args(here).output().expect("it runs");
    assert!(here.status.success() && log.0.join("seen-here").exists(), "{}", said(&here));
    fs::remove_file(log.path("dec/public/tile/entries/000")).expect("removed");
    fs::remove_file(log.path("dec/public/tile/0/000")).expect("removed");
    let monitored = run(&[&["log"][..], &monitor].concat());
    assert_eq!(monitored.status.code(), Some(6), "as the check of the files has it: {}", said(&monitored));
    assert!(said(&monitored).contains("entries/000") && said(&monitored).contains("0/000"), "{}", said(&monitored));
    for file in ["checkpoint", "tile"] {
        let path = PathBuf::from(log.path(&format!("dec/public/{file}")));
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.expect("removed");
    }
    asked(&["fsck", &home], 6, "its signer has signed 300 entries, and no file of them is here");
    let signed = fs::read_dir(log.path("signer/latest")).expect("a folder").next().expect("a file").expect("readable");
    fs::write(signed.path(), "no checkpoint").expect("written");
    asked(&["fsck", &home], 6, "what its signer has signed cannot be read");
}

/// A name or a key of the wrong kind is named, and nothing of it is in the way of the right one.
#[test]
fn a_wrong_name_or_key_is_named_and_leaves_nothing_behind() {
    let log = Log::new("wrong");
    let other = log.path("other");
    let named = |name: &str| run(&["log", "new", &other, "--name", name]);
    let spaced = named("two words");
    assert_eq!(spaced.status.code(), Some(1));
    assert!(said(&spaced).contains("--name `two words/gov/1`"), "{}", said(&spaced));
    assert!(named("log.example/other").status.success(), "{}", said(&named("log.example/other")));
    fs::remove_file(log.path("other/dec/public/vkey")).expect("removed");
    let half = named("log.example/other");
    assert!(said(&half).contains("was not made whole: remove it"), "{}", said(&half));

    let (witness, state) = (log.path("w.key"), log.path("state"));
    assert_eq!(code(&["log", "key", "w.example", "--witness", "-o", &witness]), Some(0));
    let (dec, socket) = (log.path("keys/dec.key"), log.path("socket"));
    let sign = |keys: &[&str]| {
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
        run(&[&["log", "sign", "--state", &state, "--socket", &socket, "--with-input"][..], &keys].concat())
    };
    let cosigner = sign(&[&witness]);
    assert!(cosigner.status.code() == Some(1) && said(&cosigner).contains(&witness), "{}", said(&cosigner));
    let twice = sign(&[&dec, &dec]);
    assert!(twice.status.code() == Some(1) && said(&twice).contains("another key of this log"), "{}", said(&twice));
    // What lies where the socket is to be is not removed for it.
    let taken = run(&["log", "sign", "--state", &state, "--socket", &witness, "--with-input", "--key", &dec]);
    assert!(taken.status.code() == Some(6) && said(&taken).contains("something else of this name"), "{}", said(&taken));
    assert!(fs::read_to_string(&witness).expect("still there").starts_with("PRIVATE+KEY+"));
    let listen = ["--listen", "127.0.0.1:0", "--log", &log.key("dec"), "--state", &state];
    let witnessed = run(&[&["log", "witness", "--key", &dec][..], &listen].concat());
    assert!(witnessed.status.code() == Some(1), "{}", said(&witnessed));
    assert!(said(&witnessed).contains(&dec) && said(&witnessed).contains("--witness"), "{}", said(&witnessed));
    // Witnesses that are named and cannot be read are not none.
    let policy = log.path("policy");
    std::os::unix::fs::symlink(log.path("nowhere"), &policy).expect("linked");
    let unread = append(&log, "one\n");
    assert!(unread.status.code() == Some(6) && said(&unread).contains(&policy), "{}", said(&unread));
    fs::remove_file(&policy).expect("removed");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(&dec, open).expect("changed");
    let appended = append(&log, "one\n");
    let said = said(&appended);
    assert!(appended.status.success() && said.contains("chmod 600") && said.contains("dec.key"), "{said}");
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
    assert_eq!(told, serde_json::json!({ "log": origin, "index": 77, "size": 300, "entry": null, "witnesses": [] }));
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
    // Beside where it is asked for, and what cannot be looked at is not what was never seen.
    let near =
        interdict().current_dir(&log.0).args(["log", "monitor", "dec", "--key", &key, "--state", "near"]).output();
    assert_eq!(near.expect("it runs").status.code(), Some(0));
    assert!(fs::read(log.path("near")).expect("remembered").starts_with(b"log.example/test/dec/1\n301\n"));
    assert_eq!(code(&["log", "monitor", &dec, "--key", &key, "--state", &log.path("near/state")]), Some(6));
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

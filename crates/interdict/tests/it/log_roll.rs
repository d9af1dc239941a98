//! A log that is sealed and goes on in another: readers follow, what ended is still checked, shown and erased, keys that
//! are gone are said to be, and a roll that is killed is ended by the next.

use crate::desk::{Desk, digest_of};
use crate::gov_log::{ask, kinds};
use crate::log_faults::{Tried, there};
use crate::log_service::until;
use crate::log_witnesses::log as new_log;
use crate::program::{Folder, Serving, run};
use attest::statement::Type;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

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
    // Without the key beside it, neither what has ended nor what goes on hides anything.
    let (aside, ours) = (folder.path().join("aside"), folder.path().join("log/dec/public/vkey"));
    std::fs::rename(&ours, &aside).expect("renamed");
    let hidden = fsck(&["--policy", &policy]);
    assert!(hidden.err.contains("past/dec/1/public has ended and is not checked"), "{}", hidden.err);
    std::fs::rename(&aside, &ours).expect("renamed");
    std::fs::rename(public.join("vkey"), &aside).expect("renamed");
    let nobodys = fsck(&["--policy", &policy]);
    assert!(nobodys.code == 6 && nobodys.err.contains("past/dec/1/public/vkey"), "{}", nobodys.err);
    std::fs::rename(&aside, public.join("vkey")).expect("renamed");
    std::fs::remove_dir_all(public).expect("removed");
    let gone = fsck(&[]);
    assert!(gone.code == 6 && gone.err.contains("no log lies here"), "{}", gone.err);
}

/// Whoever serves a log names it as they like, also as the last of more logs than there can be.
#[test]
fn nobody_looks_for_more_logs_than_anybody_keeps() {
    let key = tlog::note::SigningKey::from_seed("x/18446744073709551615", tlog::note::Kind::Text, &[1; 32]);
    let key = key.expect("a key").public().to_string();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut asked) = (stream.expect("a connection"), [0; 4096]);
            let read = std::io::Read::read(&mut stream, &mut asked).unwrap_or(0);
            let is_there = [&b"GET /gov/vkey "[..], b"GET /gov/checkpoint "].iter().any(|path| asked.starts_with(path));
            let status = if is_there { "200 OK" } else { "404 Not Found" };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{key}", key.len());
            let _gone = read == 0 || std::io::Write::write_all(&mut stream, head.as_bytes()).is_err();
        }
    });
    let verified = run(&["log", "verify", &format!("http://{address}")], b"");
    assert!(verified.code == 2 && verified.out.contains("/gov/checkpoint"), "{}{}", verified.out, verified.err);
    assert!(verified.err.matches("has ended, is not there").count() <= 256, "{}", verified.err);
}

fn vkey(home: &str, log: &str) -> String {
    std::fs::read_to_string(format!("{home}/{log}/public/vkey")).expect("a key").trim().to_owned()
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
    if !there("/usr/bin/strace", "strace") {
        return;
    }
    let (mut killed, mut whole) = (0, BTreeSet::new());
    let few = Tried::chosen().is_few();
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

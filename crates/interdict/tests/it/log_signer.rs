//! Whose signer signs: one that a service or a command started ends with it, and another's is asked for and not replaced.

use crate::gov_log::{ask, gov};
use crate::log_service::{Log, until};
use crate::program::{Folder, Serving, run};

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

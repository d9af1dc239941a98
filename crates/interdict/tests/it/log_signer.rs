//! Whose signer signs: one that a service or a command started ends with it, another's is asked for and not replaced, and
//! one that hangs is told.

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

    // Handed in again, as where the power went between logging it and taking it off the list, it is logged once.
    let inbox = log.path("log/gov/inbox");
    let origin = log.key("dec").split('+').next().expect("a name").to_owned();
    for (name, reason) in ["asked for", "asked for by a court"].into_iter().enumerate() {
        let entry = wire::entry::Entry::Erasure { at: 0, origin: origin.clone(), index, reason: reason.to_owned() };
        std::fs::write(format!("{inbox}/{name}.tmp"), entry.to_bytes()).expect("written");
        std::fs::rename(format!("{inbox}/{name}.tmp"), format!("{inbox}/{name}")).expect("renamed");
        until("it is taken up", || std::fs::read_dir(&inbox).expect("a folder").count() == 0);
    }
    assert_eq!(serving.stop(), Some(0));
    let without = erase();
    assert_eq!(without.code, 1);
    assert!(
        without.err.contains("another signer holds the keys") && without.err.contains("--signer"),
        "{}",
        without.err
    );
    assert_eq!(gov(&log).iter().filter(|entry| entry["kind"] == "erasure").count(), 2);
}

/// Processes that were started with this word among theirs.
fn running(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}

/// The process that was started with this word among its own, besides those of whoever looks.
fn process_of(word: &str) -> String {
    let mut processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let found = processes.find(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
    });
    found.expect("it runs").file_name().into_string().expect("a number")
}

fn signal(pid: &str, name: &str) {
    assert!(std::process::Command::new("kill").args([&format!("-{name}"), pid]).status().expect("kill runs").success());
}

#[test]
fn a_signer_that_hangs_is_told_by_health_and_metrics_until_it_signs_again() {
    let folder = Folder::new();
    let home = folder.path().join("log").display().to_string();
    assert_eq!(run(&["log", "new", &home, "--name", "log.example/hangs"], b"").code, 0);
    let serving = Serving::start_with(&[], &["--log", &home]);
    let (index, ..) = ask(&serving, "wechat", Some("US"));
    until("it is published", || serving.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    let health = || -> serde_json::Value { serde_json::from_str(&serving.get("/healthz").2).expect("JSON") };
    let sound = serde_json::json!({ "durable": 1, "published": 1, "witnesses_missing": 0, "unpublished": null });
    assert_eq!((&health()["status"], &health()["logs"]["dec"]), (&"ok".into(), &sound));

    let signer = process_of(&format!("{home}/signer/socket"));
    signal(&signer, "STOP");
    let (index, ..) = ask(&serving, "wechat", Some("US"));
    until("it is said", || health()["logs"]["dec"]["unpublished"].is_object());
    let told = health();
    assert_eq!(told["status"], "what is recorded is durable and not published");
    let dec = &told["logs"]["dec"];
    assert_eq!((&dec["durable"], &dec["published"]), (&2.into(), &1.into()), "{told}");
    let dec = &dec["unpublished"];
    assert!(dec["why"].as_str().is_some_and(|why| why.contains("no answer within 10 seconds")), "{told}");
    assert!(dec["since"].as_str().is_some_and(|since| since.starts_with('2') && since.ends_with('Z')), "{told}");
    let counted = |line: &str| serving.get("/metrics").2.contains(line);
    let entries = index + 1;
    assert!(counted(&format!("interdict_log_entries{{log=\"dec\"}} {entries}\n")));
    assert!(counted(&format!("interdict_log_published_entries{{log=\"dec\"}} {index}\n")));
    until("seconds are counted", || !counted("interdict_log_unpublished_seconds{log=\"dec\"} 0\n"));

    signal(&signer, "CONT");
    until("it is published", || serving.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    until("nothing is in the way", || health()["status"] == "ok");
    assert!(counted("interdict_log_unpublished_seconds{log=\"dec\"} 0\n"));
    assert_eq!(serving.stop(), Some(0));
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
    signal(&process_of(&socket), "KILL");
    let (index, ..) = ask(&serving, "wechat", Some("US"));
    until("it is signed all the same", || serving.get(&format!("/log/dec/receipt/{index}")).0 == 200);
    assert_eq!(serving.stop(), Some(0));
    until("the signer is gone", || running(&socket) == 0);
}

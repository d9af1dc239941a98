//! Answers known before any order was encoded are given, and one that is not is told of.

use crate::program::{Folder, run};
use serde_json::Value;
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpora/known-answers");

fn lines(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("us-2020-2026.jsonl")).expect("known answers");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_known_answer_is_given() {
    let ran = run(&["check", "--answers", FOLDER], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let asked = lines(Path::new(FOLDER)).len();
    assert!(
        asked >= 80 && ran.out.contains(&format!("{asked} of {asked} known answers given, 0 excepted")),
        "{}",
        ran.out
    );
}

/// Where the folder that the answers were settled in is at hand, these are all of them, unchanged.
#[test]
fn they_are_the_answers_as_they_were_settled() {
    let named = std::env::var_os("INTERDICT_SHARED").map(std::path::PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let settled = named.unwrap_or(beside).join("cases");
    if !settled.is_dir() {
        return eprintln!("skipped: no folder of settled answers; set INTERDICT_SHARED to one");
    }
    let (ours, settled) = (lines(Path::new(FOLDER)), lines(&settled));
    assert_eq!(ours.len(), settled.len());
    for (ours, settled) in ours.iter().zip(&settled) {
        for member in ["id", "inquiry", "expect", "alt_status"] {
            assert_eq!(ours[member], settled[member], "{}", ours["id"]);
        }
    }
}

#[test]
fn another_answer_is_told_of_unless_there_is_a_reason() {
    let folder = Folder::new();
    let known = &lines(Path::new(FOLDER))[1..3];
    let mut changed = known.to_vec();
    changed[1]["expect"]["status"] = Value::from("permitted");
    let text: String = changed.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.path().display().to_string();
    folder.write("some.jsonl", &text);
    let id = known[1]["id"].as_str().expect("an id");

    let ran = run(&["check", "--answers", &path], b"");
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains(&format!("some.jsonl:2: {id}: answers prohibited, not permitted")), "{}", ran.err);
    assert!(ran.out.contains("1 of 2 known answers given, 0 excepted"), "{}", ran.out);

    folder.write("exceptions.txt", &format!("# one\n{id} the text was read otherwise\n"));
    let ran = run(&["check", "--answers", &path], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("excepted {id}: the text was read otherwise")), "{}", ran.out);
    let json = run(&["check", "--json", "--answers", &path], b"").out;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["answers"]["excepted"][0]["id"], id);

    // An exception that is none, and one to an answer that nobody knows.
    let other = known[0]["id"].as_str().expect("an id");
    folder.write("exceptions.txt", &format!("{id} a reason\n{other} a reason\nX1 a reason\n"));
    let ran = run(&["check", "--answers", &path], b"");
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains(&format!("`{other}` is answered as it is known to be")), "{}", ran.err);
    assert!(ran.err.contains("no answer `X1` is known"), "{}", ran.err);
    folder.write("exceptions.txt", id);
    assert_eq!(run(&["check", "--answers", &path], b"").code, 2, "an exception without a reason");
}

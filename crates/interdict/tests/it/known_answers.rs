//! Answers known from outside this project are given, where its folder of them is at hand, and one that is not is told of.

use crate::program::{Folder, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpora/known-answers.txt");

/// `INTERDICT_SHARED`, or the folder beside the checkout.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("INTERDICT_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let found = named.or(Some(beside)).map(|folder| folder.join("cases")).filter(|folder| folder.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no folder of known answers");
        eprintln!("skipped: no folder of known answers; set INTERDICT_SHARED to one");
    }
    found
}

#[test]
fn every_known_answer_is_given() {
    let Some(folder) = folder() else { return };
    let ran = run(&["check", "--json", "--answers", &folder.display().to_string(), "--exceptions", EXCEPTIONS], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    let asked = told["answers"]["asked"].as_u64().expect("a number");
    let excepted = told["answers"]["excepted"].as_array().expect("a list").len() as u64;
    assert!(asked >= 80 && told["answers"]["given"] == asked - excepted, "{}", told["answers"]);
}

/// Two questions about the WeChat order on the day after it was to begin, and their answers.
const KNOWN: &str = r#"{"id":"one","inquiry":{"subject":{"type":"business","id":"a-store"},"action":{"name":"app.distribute"},"resource":{"type":"android-package","id":"com.tencent.mm"},"context":{"valid_at":"2020-09-21T12:00:00-04:00","known_at":null,"place":"US-NY"}},"expect":{"status":"stayed","provisions":["us-doc-wechat-id:1"]}}
{"id":"two","inquiry":{"subject":{"type":"business","id":"a-store"},"action":{"name":"app.distribute"},"resource":{"type":"android-package","id":"com.tencent.mm"},"context":{"valid_at":"2020-09-21T12:00:00-04:00","known_at":"2020-09-19T12:00:00-04:00","place":"US-NY"}},"expect":{"status":"prohibited","provisions":["us-doc-wechat-id:1"]}}
"#;

#[test]
fn another_answer_is_told_of_unless_there_is_a_reason() {
    let folder = Folder::new();
    let path = folder.path().display().to_string();
    let exceptions = folder.path().join("exceptions.txt").display().to_string();
    let asked = |more: &[&str]| run(&[&["check", "--answers", &path], more].concat(), b"");

    folder.write("some.jsonl", KNOWN);
    let ran = asked(&[]);
    assert!(ran.code == 0 && ran.out.contains("2 of 2 known answers given, 0 excepted"), "{}{}", ran.out, ran.err);

    folder.write("some.jsonl", &KNOWN.replace("\"status\":\"prohibited\"", "\"status\":\"permitted\""));
    let ran = asked(&[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains("some.jsonl:2: two: answers prohibited, not permitted"), "{}", ran.err);
    assert!(ran.out.contains("1 of 2 known answers given, 0 excepted"), "{}", ran.out);

    folder.write("exceptions.txt", "# one\ntwo the text was read otherwise\n");
    let ran = asked(&["--exceptions", &exceptions]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("excepted two: the text was read otherwise"), "{}", ran.out);
    let json: Value = serde_json::from_str(&asked(&["--json", "--exceptions", &exceptions]).out).expect("JSON");
    assert_eq!(json["answers"]["excepted"][0]["id"], "two");

    // An exception that is none, one to an answer that nobody knows, one without a reason, and none at all.
    folder.write("exceptions.txt", "one a reason\ntwo a reason\nX1 a reason\n");
    let ran = asked(&["--exceptions", &exceptions]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains("`one` is answered as it is known to be"), "{}", ran.err);
    assert!(ran.err.contains("no answer `X1` is known"), "{}", ran.err);
    folder.write("exceptions.txt", "two");
    assert_eq!(asked(&["--exceptions", &exceptions]).code, 2);
    assert_eq!(asked(&["--exceptions", "/nowhere"]).code, 2);
}

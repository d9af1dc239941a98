//! Answers known from outside this project, where its folder of them is at hand.

use crate::program::run;
use serde_json::Value;
use std::path::{Path, PathBuf};

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
    let mut asked = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|kind| kind != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let inquiries: String = cases.iter().map(|case| format!("{}\n", case["inquiry"])).collect();
        let ran = run(&["decide", "--json", "-"], inquiries.as_bytes());
        assert_ne!(ran.code, 2, "{}", ran.err);
        let answers: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(answers.len(), cases.len());
        for (case, answer) in cases.iter().zip(&answers) {
            let (id, context) = (&case["id"], &answer["context"]);
            assert_eq!(context["status"], case["expect"]["status"], "{id}: {answer}");
            if let Some(possible) = case["alt_status"].as_array().filter(|_| case["expect"]["status"] == "undetermined")
            {
                let words = |list: &[Value]| {
                    let mut words: Vec<String> =
                        list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect();
                    words.sort_unstable();
                    words
                };
                assert_eq!(words(context["possible"].as_array().expect("a list")), words(possible), "{id}");
            }
            let grounds = context["grounds"].to_string();
            for cited in case["expect"]["provisions"].as_array().expect("a list") {
                let cited = cited.as_str().expect("a citation");
                assert!(grounds.contains(&format!("\"{cited}")), "{id} cites {cited}: {grounds}");
            }
            asked += 1;
        }
    }
    assert!(asked >= 80, "{asked} known answers");
}

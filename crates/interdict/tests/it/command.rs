//! The command line: answers, exit codes, and what it says of bad input.

use crate::program::{Folder, run};

const WECHAT: &str = r#"{"subject":{"type":"business","id":"a-store","properties":{"role":"app-store"}},"action":{"name":"app.distribute"},"resource":{"type":"android-package","id":"com.tencent.mm"},"context":{"valid_at":"2020-09-21T12:00:00-04:00","known_at":"2020-09-21T12:00:00-04:00","place":"US-NY","facts":{"purpose":"general","intended_outside":"none","form":"mobile"}}}"#;

fn on(words: &str) -> Vec<&str> {
    words.split(' ').collect()
}

#[test]
fn exit_codes_follow_the_verdicts() {
    let decide = "decide --act app.distribute --place US --fact form=mobile";
    for (rest, code, words) in [
        ("--app wechat --at 2020-09-21T12:00-04:00", 0, "permit: stayed"),
        ("--app tiktok --at 2025-01-19T12:00-05:00 --known-at 2025-01-19T12:00-05:00", 1, "forbid: prohibited"),
        ("--app tiktok --at 2025-06-01T12:00-04:00", 3, "refer: not_enforced"),
        ("--app tiktok --at 2025-06-01T12:00-04:00 --not-enforced permit", 0, "permit: not_enforced"),
        ("--app tiktok --at 2025-06-01T12:00-04:00 --not-enforced forbid", 1, "forbid: not_enforced"),
        ("--app org.example.nothing --at 2020-09-21T12:00-04:00", 0, "permit: permitted"),
    ] {
        let line = format!("{decide} {rest}");
        let ran = run(&on(&line), b"");
        assert_eq!(ran.code, code, "{line}\n{}{}", ran.out, ran.err);
        assert!(ran.out.starts_with(words), "{line}\n{}", ran.out);
    }
}

#[test]
fn inquiries_come_from_files_standard_input_arrays_and_lines() {
    let folder = Folder::new();
    let spread = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(WECHAT).expect("JSON"));
    let spread = spread.expect("JSON");
    let file = folder.write("one.json", &spread);
    let alone = run(&["decide", "--json", &file], b"");
    assert_eq!(alone.code, 0, "{}", alone.err);
    let answer: serde_json::Value = serde_json::from_str(&alone.out).expect("one answer a line");
    assert_eq!(answer["context"]["status"], "stayed");
    assert_eq!(answer["context"]["grounds"][0]["provision"], "us-doc-wechat-id:1");
    let lines = format!("{WECHAT}\n\n{WECHAT}\n");
    let array = format!("[{WECHAT},\n{spread}]");
    for (input, answers) in [(WECHAT, 1), (spread.as_str(), 1), (lines.as_str(), 2), (array.as_str(), 2)] {
        for words in [vec!["decide", "--json", "-"], vec!["decide", "--json"]] {
            let ran = run(&words, input.as_bytes());
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert_eq!(ran.out, alone.out.repeat(answers), "the same bytes for the same question");
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let question = |from: &str, to: &str| {
        assert!(WECHAT.contains(from), "{from}");
        WECHAT.replace(from, to)
    };
    let valid = "2020-09-21T12:00:00-04:00\",\"known";
    let braces = "{".repeat(10_000_000);
    for (input, told) in [
        (question(valid, "2020-09-31T12:00:00-04:00\",\"known"), "context.valid_at"),
        (question(valid, "2020-02-30T12:00:00Z\",\"known"), "context.valid_at"),
        (question(valid, "2020-09-21T12:00:00\",\"known"), "offset"),
        (question(valid, "2020-09-21T25:00:00Z\",\"known"), "context.valid_at"),
        (question("app.distribute", "app.distribue"), "did you mean `app.distribute`?"),
        (question("android-package", "apk"), "resource.type"),
        (question("US-NY", "US-XX"), "context.place"),
        (question("US-NY", "us-ny"), "write `US-NY`"),
        (question("\"general\"", "\"genral\""), "did you mean `general`?"),
        (question("\"mobile\"", "true"), "context.facts.form"),
        (question("\"form\"", "\"from\""), "did you mean `form`?"),
        (question("\"place\":\"US-NY\",", "\"plaice\":\"US-NY\","), "plaice"),
        (question("\"form\":\"mobile\"", "\"form\":\"mobile\",\"form\":\"web\""), "stated twice"),
        (question("com.tencent.mm", "wechat"), "resource.id"),
        (question("\"id\":\"a-store\",", ""), "id"),
        (format!("{WECHAT}\n{{\"subject\":1}}\n"), "-:2:"),
        (format!("[{WECHAT},{{}}]"), "[1]"),
        (WECHAT[..200].to_owned(), "-:"),
        (String::from("nonsense"), "-:"),
        (String::new(), "nothing was asked"),
        (braces, "-:"),
    ] {
        let ran = run(&["decide", "-"], input.as_bytes());
        let shown: String = ran.err.chars().take(400).collect();
        assert_eq!(ran.code, 2, "{told}: {shown}");
        assert!(ran.err.contains(told), "{shown} says {told}");
        assert!(ran.err.len() < 4_000, "an error is no copy of the input");
    }
}

#[test]
fn options_that_are_wrong_are_named() {
    for (line, told) in [
        ("decide --app wechat", "--act"),
        ("decide --act app.distribute", "--app"),
        ("decide --act app.sell --app wechat", "--act: unknown act `app.sell`; did you mean `app.resell`?"),
        ("decide --act app.use --app wechat --place Narnia", "--place"),
        ("decide --act app.use --app wechat --at 2020-09-31", "--at"),
        ("decide --act app.use --app wechat --at 2020-09-21T12:00", "offset"),
        ("decide --act app.use --app wechat --actor firm", "--actor"),
        ("decide --act app.use --app wechat --role shop", "--role"),
        ("decide --act app.use --app wechat --government Utopia", "--government"),
        ("decide --act app.use --app wechat --fact form", "FACT=VALUE"),
        ("decide --act app.use --app wechat --fact form=floppy", "form"),
        ("decide --act app.use --resource wechat", "KIND:ID"),
        ("decide --act app.use --resource pkg:wechat", "--resource"),
        ("decide /nowhere/at/all.json", "/nowhere/at/all.json"),
        ("decide --corpus /nowhere --act app.use --app wechat", "/nowhere"),
        ("decide --image /nowhere --act app.use --app wechat", "/nowhere"),
        ("serve --listen 0.0.0.0:0", "--listen-publicly"),
        ("serve --settings /nowhere/at/all.toml", "/nowhere/at/all.toml"),
        ("orders no-such-order", "no-such-order"),
    ] {
        let ran = run(&on(line), b"");
        assert_eq!(ran.code, 2, "{line}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(told), "{line}: {} says {told}", ran.err);
    }
}

#[test]
fn the_shipped_orders_hold() {
    let ran = run(&["check"], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("0 failed"), "{}", ran.out);
}

#[test]
fn quotations_are_looked_for_in_the_documents() {
    let folder = Folder::new();
    folder.write("us-eo-13942.txt", "Nothing of what is quoted.");
    let path = folder.path().display().to_string();
    let ran = run(&["check", "--documents", &path], b"");
    let quotes = run(&["orders", "us-eo-13942"], b"").out.contains("text ");
    assert_eq!(ran.code, i32::from(quotes), "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.contains("us-eo-13942.txt"), quotes, "{}", ran.err);
    let nowhere = run(&["check", "--documents", "/nowhere"], b"");
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.contains("/nowhere"), "{}", nowhere.err);
}

#[test]
fn orders_and_subjects_are_laid_out_as_the_formatter_does() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let ran = run(&["fmt", "--check", &format!("{root}/orders"), &format!("{root}/subjects")], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_changed_order_is_told_as_boxes() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = Folder::new();
    let mut changed = 0;
    for kind in ["orders", "subjects"] {
        let mut waiting = vec![std::path::PathBuf::from(root).join(kind)];
        while let Some(at) = waiting.pop() {
            for entry in std::fs::read_dir(&at).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("text");
                let name = path.strip_prefix(root).expect("below the root").display().to_string();
                let without = text.replace("jurisdiction NP", "jurisdiction BT").replace("users-in NP", "users-in BT");
                changed += usize::from(without != text);
                folder.write(&name, &without);
            }
        }
    }
    assert!(changed > 0);
    let ran = run(&["diff", "shipped", &folder.path().display().to_string()], b"");
    assert!(ran.out.contains("NP") && ran.out.contains("BT"), "{}{}", ran.out, ran.err);
    let same = run(&["diff", "shipped", "shipped"], b"");
    assert_eq!(same.code, 0, "{}", same.err);
    assert!(!same.out.contains("→"), "{}", same.out);
}

#[test]
fn every_command_explains_itself() {
    let help = run(&["--help"], b"");
    assert_eq!(help.code, 0);
    let commands: Vec<&str> = help
        .out
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 12, "{commands:?}");
    for command in commands.iter().filter(|name| **name != "help") {
        let ran = run(&[command, "--help"], b"");
        assert_eq!(ran.code, 0, "{command}");
        assert!(ran.out.contains("Usage:"), "{command}: {}", ran.out);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell], b"").out.contains("interdict"), "{shell}");
    }
    let folder = Folder::new();
    let man = run(&["man", &folder.path().display().to_string()], b"");
    assert_eq!(man.code, 0, "{}", man.err);
    assert!(std::fs::read_dir(folder.path()).expect("a folder").count() > 10);
}

#[test]
fn a_compiled_image_is_used_only_for_the_sources_it_was_made_from() {
    let folder = Folder::new();
    let image = folder.path().join("law.image").display().to_string();
    let made = run(&["compile", "-o", &image], b"");
    assert_eq!(made.code, 0, "{}", made.err);
    let words = on("decide --act app.distribute --app wechat --place US --at 2020-09-21T12:00-04:00 --json --image");
    let plain = run(&words[..words.len() - 1], b"");
    let from_image = run(&[words.as_slice(), &[image.as_str()]].concat(), b"");
    assert_eq!(from_image.code, 0, "{}", from_image.err);
    let settled = |text: &str| text.split("\"law\"").next().map(str::to_owned);
    assert_eq!(settled(&from_image.out), settled(&plain.out));
    let mut bytes = std::fs::read(&image).expect("the image");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&image, bytes).expect("written");
    let forged = run(&[words.as_slice(), &[image.as_str()]].concat(), b"");
    assert_eq!(forged.code, 2, "{}", forged.out);
    assert!(forged.err.contains("law.image"), "{}", forged.err);
}

#[test]
fn exports_are_written() {
    let json = run(&["export", "--json"], b"");
    let value: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert!(value["instruments"].as_array().is_some_and(|list| list.len() > 60), "{}", json.err);
    for (format, root) in [("akn", "<akomaNtoso"), ("legalruleml", "LegalRuleML")] {
        let ran = run(&["export", "--format", format], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.contains(root), "{format}");
    }
    let weave = run(&["weave", "us-pafaca"], b"");
    assert!(weave.out.contains("<!DOCTYPE html>") && weave.out.contains("2(a)(1)(A)"), "{}", weave.err);
}

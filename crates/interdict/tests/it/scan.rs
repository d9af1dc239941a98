//! `scan` as a build uses it: code under another name is found, other code is not, the law decides, hooks refuse.

use crate::program::{Folder, Ran, run, tool};
use std::path::Path;
use std::process::Command;

/// Writes a class file whose methods do the same whatever they are called.
mod class_file {
    pub(super) struct Names<'a> {
        pub(super) class: &'a str,
        pub(super) method: &'a str,
    }

    struct Pool {
        bytes: Vec<u8>,
        count: u16,
    }

    impl Pool {
        fn put(&mut self, entry: &[&[u8]]) -> u16 {
            self.bytes.extend(entry.concat());
            self.count += 1;
            self.count
        }

        fn text(&mut self, text: &str) -> u16 {
            self.put(&[&[1], &(text.len() as u16).to_be_bytes(), text.as_bytes()])
        }

        fn class(&mut self, name: &str) -> u16 {
            let name = self.text(name);
            self.put(&[&[7], &name.to_be_bytes()])
        }

        fn string(&mut self, text: &str) -> u16 {
            let text = self.text(text);
            self.put(&[&[8], &text.to_be_bytes()])
        }

        fn method(&mut self, class: &str, name: &str) -> u16 {
            let (class, name, kind) = (self.class(class), self.text(name), self.text("()V"));
            let both = self.put(&[&[12], &name.to_be_bytes(), &kind.to_be_bytes()]);
            self.put(&[&[10], &class.to_be_bytes(), &both.to_be_bytes()])
        }
    }

    /// `seed` chooses what the code does.
    pub(super) fn make(names: &Names<'_>, seed: u64, methods: u16) -> Vec<u8> {
        let mut pool = Pool { bytes: Vec::new(), count: 0 };
        let (this, parent, code) = (pool.class(names.class), pool.class("java/lang/Object"), pool.text("Code"));
        let mut state = seed;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut body = Vec::new();
        for n in 0..methods {
            let mut instructions = Vec::new();
            for _ in 0..24 {
                match next(6) {
                    0 => {
                        let text = format!("message {}", next(1 << 30));
                        instructions.push(0x13);
                        instructions.extend(pool.string(&text).to_be_bytes());
                    }
                    1 | 2 => {
                        let classes = ["java/util/List", "java/io/File", "java/net/URL"];
                        let class = classes.get(next(3) as usize).expect("one of three");
                        instructions.push(0xb6);
                        instructions.extend(pool.method(class, &format!("call{}", next(200))).to_be_bytes());
                    }
                    3 => instructions.push(0x60 + next(20) as u8),
                    4 => {
                        instructions.push(0x11);
                        instructions.extend((1_000 + next(20_000) as u16).to_be_bytes());
                    }
                    _ => instructions.extend([0x99, 0, 3]),
                }
            }
            instructions.push(0xb1);
            let (name, kind) = (pool.text(&format!("{}{n}", names.method)), pool.text("()V"));
            let inner =
                [&[0, 9, 0, 9][..], &(instructions.len() as u32).to_be_bytes(), &instructions, &[0, 0, 0, 0]].concat();
            body.extend([0, 9]);
            body.extend(name.to_be_bytes());
            body.extend(kind.to_be_bytes());
            body.extend([0, 1]);
            body.extend(code.to_be_bytes());
            body.extend((inner.len() as u32).to_be_bytes());
            body.extend(inner);
        }
        [
            &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52][..],
            &(pool.count + 1).to_be_bytes(),
            &pool.bytes,
            &[0, 1],
            &this.to_be_bytes(),
            &parent.to_be_bytes(),
            &[0, 0, 0, 0],
            &methods.to_be_bytes(),
            &body,
            &[0, 0],
        ]
        .concat()
    }
}

/// A zip archive of stored entries.
fn jar(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let (offset, size) = ((out.len() as u32).to_le_bytes(), (content.len() as u32).to_le_bytes());
        let length = (name.len() as u16).to_le_bytes();
        let about = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &length, &[0, 0]].concat();
        out.extend([&b"PK\x03\x04"[..], &about, name.as_bytes(), content].concat());
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &about, &[0; 10], &offset, name.as_bytes()].concat());
    }
    let (start, size, count) = (out.len() as u32, directory.len() as u32, entries.len() as u16);
    out.extend(&directory);
    out.extend(
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count.to_le_bytes(),
            &count.to_le_bytes(),
            &size.to_le_bytes(),
            &start.to_le_bytes(),
            &[0, 0],
        ]
        .concat(),
    );
    out
}

/// Six classes of one library, under names of its own or of somebody else.
fn library(package: &str, method: &str, seed: u64) -> Vec<(String, Vec<u8>)> {
    let class = |n: u64| {
        let name = format!("{package}/C{n}");
        (format!("{name}.class"), class_file::make(&class_file::Names { class: &name, method }, seed + n * 1_000, 8))
    };
    (0..6).map(class).collect()
}

pub(crate) struct World {
    folder: Folder,
    pub(crate) store: String,
}

impl World {
    /// A store that knows one library of `subject`.
    fn of(subject: &str) -> Self {
        Self::under(&[], subject)
    }

    /// The same, of a subject of other law.
    pub(crate) fn under(law: &[&str], subject: &str) -> Self {
        let folder = Folder::new();
        let store = folder.path().join("store").display().to_string();
        let sdk = put(&folder, "sdk.jar", &jar(&library("com/vendor/sdk", "share", 7)));
        let words = ["similarity", "add", &sdk, "--subject", subject, "--label", "vendor sdk 1", "--store", &store];
        let added = run(&[law, &words].concat(), b"");
        assert_eq!(added.code, 0, "{}", added.err);
        Self { folder, store }
    }

    fn scan(&self, path: &str, more: &[&str]) -> Ran {
        let words = [&["scan", path, "--references", &self.store, "--only-references"], more].concat();
        run(&words, b"")
    }

    /// An app that holds the library under other names, among code of its own.
    pub(crate) fn renamed(&self) -> String {
        let mut entries = library("a/b", "x", 7);
        entries.extend(library("org/shop", "pay", 900_000));
        put(&self.folder, "apps/renamed.jar", &jar(&entries))
    }

    pub(crate) fn clean(&self) -> String {
        put(&self.folder, "clean/clean.jar", &jar(&library("org/shop", "pay", 900_000)))
    }

    /// The same with a file in it that only its name tells something of.
    pub(crate) fn clean_with(&self, name: &str) -> String {
        let mut entries = library("org/shop", "pay", 900_000);
        entries.push((name.to_owned(), b"nothing that is read".to_vec()));
        put(&self.folder, &format!("clean/with-{}.jar", name.replace('/', "-")), &jar(&entries))
    }
}

fn put(folder: &Folder, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("below")).expect("a folder");
    std::fs::write(&path, bytes).expect("written");
    path.display().to_string()
}

#[test]
fn code_under_another_name_is_found_with_both_names() {
    let world = World::of("wechat");
    let ran = world.scan(&world.renamed(), &["--json", "--fail-on-evidence"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let found = &report["files"][0]["found"][0];
    assert_eq!(found["subject"], "wechat");
    assert_eq!(found["code"]["verdict"], "contains");
    let matches = found["code"]["matches"].as_array().expect("a list");
    assert!(matches.len() >= 40, "{} of 48 functions", matches.len());
    for pair in matches {
        let (reference, here) = (pair["reference"].as_str().expect("a name"), pair["found"].as_str().expect("a name"));
        let number = |name: &str| name.rsplit(|c: char| !c.is_ascii_digit()).next().map(str::to_owned);
        assert!(reference.starts_with("com.vendor.sdk.C") && here.starts_with("a.b.C"), "{pair}");
        assert_eq!(number(reference), number(here), "{pair}");
    }
}

#[test]
fn two_artefacts_stand_side_by_side_and_a_page_shows_them() {
    let world = World::of("wechat");
    let (sdk, app) = (world.folder.path().join("sdk.jar").display().to_string(), world.renamed());
    let page = world.folder.path().join("page.html");
    let ran = run(&["compare", &sdk, &app, "--json", "--html", &page.display().to_string()], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let code = &report["code"][0];
    let share = |side: &str| code[side].as_f64().expect("a share");
    assert!(share("a_in_b") > 0.95, "all of the library is in the app: {code}");
    assert!((0.3..0.7).contains(&share("b_in_a")), "half of the app is the library: {code}");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("com.vendor.sdk.C0: 8 of 8") && page.contains("org.shop.C0: 0 of 8"), "{page}");
    let page = world.folder.path().join("scan.html");
    let ran = world.scan(&app, &["--html", &page.display().to_string()]);
    assert!(ran.out.contains("contains"), "{}", ran.out);
    let page = std::fs::read_to_string(page).expect("a page");
    for wanted in [
        "wechat, by code (bytecode)",
        "<th class=\"n\">distinct</th><th class=\"n\">common</th>",
        "expected by chance in ",
        "1 × whole body",
        "com.vendor.sdk.C0.share0",
    ] {
        assert!(page.contains(wanted) && !page.contains("<script"), "{wanted} in {page}");
    }
}

#[test]
fn a_minified_script_is_found_and_one_without_references_is_not_cleared() {
    let world = World::of("wechat");
    let script = |names: [&str; 3]| {
        let function = |n: usize| {
            let [function, argument, local] = names;
            format!(
                "function {function}{n}({argument}){{var {local}={argument}.item{n}.split(\"part {n} of it\");window.store{n}.put{n}({local}.length,{}*{argument}.rate{n});{argument}.done{n}(\"message number {n}\")}}\n",
                1_000 + n
            )
        };
        (0..60).map(function).collect::<String>()
    };
    let ours = put(&world.folder, "sdk.js", script(["work", "customer", "parts"]).as_bytes());
    let theirs = put(&world.folder, "bundle.js", script(["a", "b", "c"]).replace('\n', "").as_bytes());
    assert_eq!(world.scan(&theirs, &[]).code, 3, "there is no reference of that kind yet");
    let added = run(&["similarity", "add", &ours, "--subject", "wechat", "--store", &world.store], b"");
    assert_eq!(added.code, 0, "{}", added.err);
    let ran = world.scan(&theirs, &["--fail-on-evidence", "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(report["files"][0]["found"][0]["code"]["kind"], "script");
}

#[test]
fn other_code_is_not_and_the_bound_is_told() {
    let world = World::of("wechat");
    let ran = world.scan(&world.clean(), &["--json", "--fail-on-evidence"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(report["files"][0]["verdict"], "does not contain");
    let bound = report["files"][0]["unseen_at_most"]["wechat"].as_f64().expect("a share");
    assert!(bound > 0.0 && bound < 0.5, "{bound}");
}

#[test]
fn the_law_decides_not_the_finding() {
    // Kaspersky's code may not be integrated from 29 September 2024 on; before it could.
    let world = World::of("kaspersky");
    let app = world.renamed();
    let during = ["--place", "US", "--at", "2025-03-01T12:00-05:00"];
    let ran = world.scan(&app, &during);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("forbid code.use"), "{}", ran.out);
    let ran = world.scan(&app, &["--place", "US", "--at", "2019-03-01T12:00-05:00"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("contains"), "found all the same: {}", ran.out);
}

/// A file that a subject lists is known by its content, wherever it lies.
#[test]
fn a_listed_file_is_known_within_another() {
    use sha2::Digest as _;
    let world = World::of("wechat");
    let sdk = std::fs::read(world.folder.path().join("sdk.jar")).expect("the library");
    let digest: String = sha2::Sha256::digest(&sdk).iter().map(|byte| format!("{byte:02x}")).collect();
    let subject = format!("app brook {{\n  name \"Brook\"\n  code-sha256 {digest}\n  evidence seen\n}}\n");
    world.folder.write("law/subjects/brook.subject", &subject);
    world.folder.write("law/orders/.keep", "");
    let law = world.folder.path().join("law").display().to_string();
    let app = put(&world.folder, "apps/shop.aar", &jar(&[(String::from("libs/sdk.jar"), sdk)]));
    for path in [&app, &world.folder.path().join("sdk.jar").display().to_string()] {
        let ran = run(&["--corpus", &law, "scan", path, "--json"], b"");
        let found = &ran.json()["files"][0]["found"][0];
        assert_eq!(
            (&found["subject"], &found["basis"]),
            (&"brook".into(), &"file hash".into()),
            "{}{}",
            ran.out,
            ran.err
        );
    }
    let ran = run(&["--corpus", &law, "scan", &world.clean(), "--json"], b"");
    assert_eq!(ran.json()["files"][0]["found"], serde_json::json!([]), "{}{}", ran.out, ran.err);
}

/// Names stay where bodies are hidden, and anybody may call his classes so.
#[test]
fn classes_that_are_only_called_so_are_a_hint_and_no_finding() {
    let world = World::of("kaspersky");
    let app = put(&world.folder, "apps/stub.jar", &jar(&library("com/vendor/sdk", "share", 900_000)));
    let during = ["--place", "US", "--at", "2025-03-01T12:00-05:00"];
    let ran = world.scan(&app, &[&during[..], &["--json"]].concat());
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let file = &ran.json()["files"][0];
    assert_eq!(file["verdict"], "cannot clear", "{file}");
    let found = &file["found"][0];
    assert_eq!((&found["basis"], &found["what"]), (&"class names".into(), &"6 of 6 of vendor sdk 1".into()), "{file}");
    let sarif = world.scan(&app, &[&during[..], &["--sarif"]].concat()).json();
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning", "{sarif}");
    assert_eq!(world.scan(&app, &[&during[..], &["--fail-on-evidence"]].concat()).code, 3, "no evidence by itself");
    let before = ["--place", "US", "--at", "2019-03-01T12:00-05:00"];
    assert_eq!(world.scan(&app, &before).code, 0, "what is permitted even if it is there needs nobody's look");
    assert_eq!(world.scan(&app, &[&before[..], &["--fail-on-evidence"]].concat()).code, 3, "a policy of one's own");
}

#[test]
fn code_that_was_compared_with_nothing_is_told() {
    let world = World::of("wechat");
    let mut entries = library("org/shop", "pay", 900_000);
    entries
        .push((String::from("assets/shop.js"), b"function pay(a) { return shop.pay(a, 'the customer') }\n".repeat(8)));
    let app = put(&world.folder, "apps/mixed.jar", &jar(&entries));
    let page = world.folder.path().join("scan.html");
    let ran = world.scan(&app, &["--html", &page.display().to_string()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let page = std::fs::read_to_string(page).expect("a page");
    for told in [&ran.out, &page] {
        assert!(told.contains("not compared: 1 of the files of code in it"), "{told}");
    }
}

/// On a terminal it is seen how far a scan is; elsewhere nothing is written beside the findings.
#[test]
fn a_terminal_shows_how_far_it_is() {
    let world = World::of("wechat");
    (0..3).for_each(|n| drop(put(&world.folder, &format!("apps/{n}.jar"), &jar(&library("org/shop", "pay", 900_000)))));
    let apps = world.folder.path().join("apps").display().to_string();
    let line = format!("{} scan {apps}", env!("CARGO_BIN_EXE_interdict"));
    let told = Command::new("script").args(["-qec", &line, "/dev/null"]).output().expect("util-linux is installed");
    let shown = String::from_utf8_lossy(&told.stdout);
    let steps = "\r[##########....................] 1 of 3 files\r[####################..........] 2 of 3 files\r[##############################] 3 of 3 files";
    assert!(shown.contains(steps), "{shown:?}");
    assert_eq!(world.scan(&apps, &[]).err, "");
}

#[test]
fn what_cannot_be_read_is_not_cleared() {
    let world = World::of("wechat");
    for (name, bytes) in [
        ("cut.dex", &b"dex\n035\0cut short"[..]),
        ("future.dex", b"dex\n099\0"),
        ("cut.apk", b"PK\x03\x04 and no end"),
        ("hermes.bundle", b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f rest"),
        ("lib.so", b"\x7fELF alone"),
    ] {
        let file = put(&world.folder, &format!("odd/{name}"), bytes);
        let ran = world.scan(&file, &[]);
        assert_eq!(ran.code, 3, "{name}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("cannot be cleared"), "{name}: {}", ran.out);
    }
}

/// A file that takes too long stops no other, and is not cleared.
#[test]
fn what_takes_longer_than_it_may_is_not_cleared() {
    let world = World::of("kaspersky");
    put(&world.folder, "apps/clean.jar", &jar(&library("org/shop", "pay", 900_000)));
    world.renamed();
    let apps = world.folder.path().join("apps").display().to_string();
    let when = ["--place", "US", "--at", "2025-03-01T12:00-05:00"];
    let ran = world.scan(&apps, &[&when[..], &["--time-limit", "0"]].concat());
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out.matches("exceeds the time that was set for it").count(), 2, "{}", ran.out);
    let ran = world.scan(&apps, &[&when[..], &["--time-limit", "300"]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
}

#[test]
fn a_waiver_holds_until_its_day_and_not_after() {
    let world = World::of("kaspersky");
    let app = world.renamed();
    let waiver = |until: &str, reason: &str| {
        let text =
            format!(r#"[{{"path":"apps/renamed.jar","subject":"kaspersky","until":"{until}","reason":"{reason}"}}]"#);
        world.folder.write("waivers.json", &text)
    };
    let scan =
        |waivers: &str| world.scan(&app, &["--place", "US", "--at", "2025-03-01T12:00-05:00", "--waivers", waivers]);
    let held = scan(&waiver("2026-01-01T00:00:00Z", "licence 1"));
    assert_eq!(held.code, 0, "{}{}", held.out, held.err);
    assert!(held.out.contains("waived: licence 1"), "{}", held.out);
    let ended = scan(&waiver("2025-01-01T00:00:00Z", "licence 1"));
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("waiver expired"), "{}", ended.out);
    let bare = scan(&waiver("2026-01-01T00:00:00Z", " "));
    assert_eq!(bare.code, 2);
    assert!(bare.err.contains("reason"), "{}", bare.err);
}

#[test]
fn bills_of_materials_are_read_by_package_url() {
    let folder = Folder::new();
    let purl = "pkg:maven/com.tencent.mm.opensdk/wechat-sdk-android@6.8.0";
    let cyclonedx = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.7","components":[{{"purl":"pkg:npm/a@1","components":[{{"purl":"{purl}"}}]}}]}}"#
    );
    let spdx = format!(
        r#"{{"spdxVersion":"SPDX-2.3","packages":[{{"externalRefs":[{{"referenceType":"purl","referenceLocator":"{purl}"}}]}}]}}"#
    );
    let graph = format!(
        r#"{{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{{"type":"CreationInfo"}},
            {{"type":"software_Package","externalIdentifier":[{{"externalIdentifierType":"packageUrl","identifier":"{purl}"}}]}}]}}"#
    );
    let marked = format!("\u{feff}{cyclonedx}");
    let main = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{{"component":{{"components":[{{"purl":"{purl}"}}]}}}}}}"#
    );
    let cut = [&cyclonedx, &spdx, &graph].map(|text| text[..text.len() - 2].to_owned());
    for text in [cyclonedx, marked, main, spdx, graph] {
        let file = folder.write("bom.json", &text);
        let ran = run(&["scan", &file, "--json", "--fail-on-evidence"], b"");
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(report["files"][0]["found"][0]["subject"], "wechat");
        assert_eq!(report["files"][0]["found"][0]["basis"], "package URL");
    }
    let deep = format!("{}{}", r#"{"components":["#.repeat(40), "]}".repeat(40));
    for text in [
        r#"<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components/></bom>"#.to_owned(),
        String::from("SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n"),
        String::from(r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#),
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{deep}]}}"#),
        // Deeper than the reader of JSON goes.
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","x":{}1{}}}"#, "[".repeat(200), "]".repeat(200)),
    ]
    .into_iter()
    .chain(cut)
    {
        let ran = run(&["scan", &folder.write("bom.txt", &text)], b"");
        assert_eq!(ran.code, 3, "{text}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn sarif_names_file_rule_and_level() {
    let world = World::of("kaspersky");
    let ran = world.scan(&world.renamed(), &["--place", "US", "--at", "2025-03-01T12:00-05:00", "--sarif"]);
    let log: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"listed-code".into(), &"error".into()), "{result}");
    let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a URI");
    assert!(uri.starts_with("file:///") && uri.ends_with("apps/renamed.jar"), "{uri}");
    let matches = result["properties"]["matches"].as_array().expect("functions");
    assert_eq!(matches.len(), 48, "every one of them");
    let whole = |one: &serde_json::Value| one["shared"]["whole body"] == 1 && one["found"].is_string();
    assert!(matches.iter().all(whole), "{matches:?}");
}

/// The public schema of the format, as an npm package carries it.
fn sarif_schema() -> Option<std::path::PathBuf> {
    const PACKAGE: &str = "@microsoft/jest-sarif@1.0.0-beta.0";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sarif");
    let schema = folder.join("package/lib/schemas/sarif-2.1.0-rtm.5.json");
    if schema.exists() {
        return Some(schema);
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    let packed = Command::new("npm").args(["pack", "--silent", PACKAGE]).current_dir(&folder).output();
    let name = packed.ok().filter(|told| told.status.success()).and_then(|told| String::from_utf8(told.stdout).ok());
    let unpacked = name.is_some_and(|name| {
        let name = name.trim().to_owned();
        Command::new("tar").args(["-xzf", &name]).current_dir(&folder).status().is_ok_and(|status| status.success())
    });
    if unpacked && schema.exists() {
        return Some(schema);
    }
    assert!(std::env::var_os("CI").is_none(), "{PACKAGE} cannot be fetched");
    eprintln!("skipped: {PACKAGE} cannot be fetched here");
    None
}

#[test]
fn sarif_is_valid_by_the_public_schema() {
    let (Some(validator), Some(schema)) = (tool("check-jsonschema"), sarif_schema()) else { return };
    let world = World::of("kaspersky");
    let waivers = world.folder.write(
        "waivers.json",
        r#"[{"path":"apps/renamed.jar","subject":"kaspersky","until":"2026-01-01T00:00:00Z","reason":"licence 1"}]"#,
    );
    // The schema has a pattern that only Python takes for one.
    let words = ["--regex-variant", "python", "--schemafile"];
    let validate = |file: &str| Command::new(&validator).args(words).arg(&schema).arg(file).output().expect("it runs");
    let damaged = put(&world.folder, "odd/cut.apk", b"PK\x03\x04 and no end");
    let (found, clean) = (world.renamed(), world.clean());
    for (path, more) in [(&found, &[][..]), (&found, &["--waivers", &waivers]), (&damaged, &[]), (&clean, &[])] {
        let words = [&["--place", "US", "--at", "2025-03-01T12:00-05:00", "--sarif"], more].concat();
        let ran = world.scan(path, &words);
        let written = world.folder.write("out.sarif", &ran.out);
        let told = validate(&written);
        assert!(told.status.success(), "{path} {more:?}: {}", String::from_utf8_lossy(&told.stdout));
    }
    let out = world.scan(&found, &["--sarif"]).out;
    let broken = world.folder.write("out.sarif", &out.replace("\"runs\"", "\"run\""));
    assert!(!validate(&broken).status.success(), "a file that is none passes");
}

/// Machine code that a compiler makes here, without names.
fn machine_code(world: &World, name: &str, prefix: &str, seed: u64) -> String {
    let mut source = String::from("#include <stdio.h>\n#include <string.h>\n");
    let mut state = seed;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for n in 0..40 {
        let (one, two, three) = (next(1 << 24), next(1 << 20), 3 + next(60));
        source.push_str(&format!(
            "unsigned {prefix}{n}(unsigned a, const char *s) {{ if (strstr(s, \"part {one}\")) a = a * {two} + {three};\n for (unsigned i = 0; i < a % {three}; i++) a ^= s[i] << {};\n if (a > {one}) puts(\"state {two} of {one}\"); return a / {three}; }}\n",
            next(7)
        ));
    }
    let text = world.folder.write(&format!("{name}.c"), &source);
    let out = world.folder.path().join(format!("{name}.so"));
    let told = Command::new("cc").args(["-O2", "-fPIC", "-shared", "-s", &text, "-o"]).arg(&out).output();
    assert!(told.expect("a C compiler").status.success());
    out.display().to_string()
}

#[test]
fn machine_code_is_found_under_another_name_and_is_not_cleared_without_references() {
    let world = World::of("wechat");
    let (ours, theirs) = (machine_code(&world, "sdk", "sdk_", 1), machine_code(&world, "renamed", "zq", 1));
    let other = machine_code(&world, "other", "sdk_", 99);
    assert_eq!(world.scan(&theirs, &[]).code, 3, "there is no reference of that kind yet");
    let added = run(&["similarity", "add", &ours, "--subject", "wechat", "--store", &world.store], b"");
    assert_eq!(added.code, 0, "{}", added.err);
    let ran = world.scan(&theirs, &["--fail-on-evidence", "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let code = &report["files"][0]["found"][0]["code"];
    assert!(["x86-64", "arm64"].contains(&code["kind"].as_str().expect("a kind")), "{code}");
    let ran = world.scan(&other, &["--fail-on-evidence"]);
    assert_ne!(ran.code, 1, "the same kinds of statements with other strings and numbers: {}{}", ran.out, ran.err);
}

#[test]
fn bundles_and_apps_for_ios_say_their_names() {
    let world = World::of("wechat");
    let message = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let package = message(4, &[message(2, b"package"), message(3, b"com.tencent.mm")].concat());
    let manifest = message(1, &[message(3, b"manifest"), package].concat());
    let bundle = jar(&[(String::from("base/manifest/AndroidManifest.xml"), manifest)]);
    let plist = "<plist><dict><key>CFBundleIdentifier</key><string>com.tencent.xin</string></dict></plist>";
    let app = jar(&[(String::from("Payload/Shop.app/Info.plist"), plist.into())]);
    for (name, bytes, basis) in [("shop.aab", bundle, "package name"), ("shop.ipa", app, "bundle id")] {
        let file = put(&world.folder, &format!("named/{name}"), &bytes);
        let ran = world.scan(&file, &["--fail-on-evidence", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let found = &report["files"][0]["found"][0];
        assert_eq!((&found["subject"], &found["basis"]), (&"wechat".into(), &basis.into()), "{name}: {report}");
    }
}

#[test]
fn the_exported_table_is_what_other_engines_read() {
    let world = World::of("wechat");
    let file = world.folder.path().join("table.parquet").display().to_string();
    let ran = run(&["similarity", "export", "--store", &world.store, "--parquet", &file, "--json"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let table = run(&["similarity", "export", "--store", &world.store], b"").out;
    let told = ran.json();
    let bytes = std::fs::metadata(&file).expect("the file").len();
    assert_eq!(told, serde_json::json!({ "file": file, "rows": table.lines().count() - 1, "bytes": bytes }));
    let Some(python) = tool("python") else { return };
    let script = "import sys, csv, pyarrow.parquet as p\n\
        file = p.ParquetFile(sys.argv[1])\n\
        out = csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC, lineterminator='\\n')\n\
        print(','.join(file.schema.names))\n\
        for row in file.read().to_pylist():\n\
        \x20   first, *rest = row.values()\n\
        \x20   print(f'{first:016x},', end=''); out.writerow(rest)\n\
        group = file.metadata.row_group(0)\n\
        assert group.column(0).statistics.min <= group.column(0).statistics.max\n\
        assert group.sorting_columns[0].column_index == 0\n";
    let told = Command::new(python).args(["-c", script, &file]).output().expect("it runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(String::from_utf8(told.stdout).expect("UTF-8"), table, "the same rows in the same order");
}

#[test]
fn references_are_listed_exported_and_removed() {
    let world = World::of("wechat");
    let listed = run(&["similarity", "list", "--store", &world.store], b"");
    assert!(listed.out.contains("vendor sdk 1"), "{}", listed.out);
    let table = run(&["similarity", "export", "--store", &world.store], b"");
    let hashes: Vec<&str> = table.out.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert!(hashes.len() > 100 && hashes.is_sorted(), "{} rows", hashes.len());
    let removed = run(&["similarity", "remove", "vendor sdk 1", "--store", &world.store, "--json"], b"");
    assert_eq!(removed.code, 0, "{}", removed.err);
    let told = removed.json();
    assert_eq!(told["removed"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(run(&["similarity", "remove", "vendor sdk 1", "--store", &world.store], b"").code, 2);
    let (sdk, store) = (world.folder.path().join("sdk.jar"), world.folder.path().join("common"));
    let (sdk, store) = (sdk.display().to_string(), store.display().to_string());
    let told = run(&["similarity", "common", &sdk, "--store", &store, "--json"], b"").json();
    let file = format!("{store}/common.bloom");
    let bytes = std::fs::metadata(&file).expect("the background").len();
    assert_eq!((&told["artefacts"], &told["written"][0]["file"]), (&1.into(), &file.into()), "{told}");
    assert_eq!(told["written"][0]["bytes"], bytes, "{told}");
    let told = run(&["similarity", "add", &sdk, "--subject", "wechat", "--store", &store, "--json"], b"").json();
    let written = &told["written"][0];
    assert!(Path::new(written["file"].as_str().expect("a path")).is_file(), "{told}");
    assert!(written["functions"].as_u64() > Some(0) && written["fingerprints"].as_u64() > Some(100), "{told}");
    assert_eq!((&told["subject"], &told["label"]), (&"wechat".into(), &"sdk.jar".into()), "{told}");
    let unknown = run(&["similarity", "add", "Cargo.toml", "--subject", "nobody", "--store", &world.store], b"");
    assert!(unknown.code == 2 && unknown.err.contains("no subject `nobody`"), "{}", unknown.err);
}

#[test]
fn a_hunt_finds_the_apps_and_reads_only_what_it_must() {
    let world = World::of("wechat");
    let contains = world.renamed();
    for n in 0..40 {
        let own = jar(&library(&format!("org/shop{n}"), "pay", 1_000_000 + n * 7_919));
        put(&world.folder, &format!("apps/clean-{n}.jar"), &own);
    }
    let (apps, sketches) = (world.folder.path().join("apps"), world.folder.path().join("sketches"));
    let hunt = |more: &[&str]| {
        let (apps, sketches) = (apps.display().to_string(), sketches.display().to_string());
        let words = ["similarity", "hunt", &apps, "--sketches", &sketches, "--references", &world.store];
        let ran = run(&[&words[..], &["--only-references", "--json"], more].concat(), b"");
        let report = serde_json::from_str::<serde_json::Value>(&ran.out).unwrap_or_default();
        (ran.code, report, ran.err)
    };
    let (code, report, err) = hunt(&[]);
    assert_eq!(code, 1, "{report}{err}");
    assert_eq!(report["found"].as_array().map(Vec::len), Some(1), "{report}");
    let canonical = std::fs::canonicalize(&contains).expect("there");
    assert_eq!(report["found"][0]["path"], canonical.display().to_string());
    assert_eq!(report["found"][0]["subject"], "wechat");
    assert_eq!((&report["apps"], &report["cost"]["sketched"]), (&41.into(), &41.into()), "{report}");
    let again = report["cost"]["read_again"].as_u64().expect("a number");
    assert!((1..=4).contains(&again), "{again} of 41 apps read again");

    // What is known is not read again; what changed is; what is gone is not told.
    put(&world.folder, "apps/clean-0.jar", &std::fs::read(&contains).expect("there"));
    std::fs::remove_file(&contains).expect("removed");
    let (code, report, err) = hunt(&["--subject", "wechat"]);
    assert_eq!(code, 1, "{report}{err}");
    assert_eq!((&report["apps"], &report["cost"]["sketched"]), (&40.into(), &1.into()), "{report}");
    let path = report["found"][0]["path"].as_str().expect("a path");
    assert!(report["found"].as_array().map(Vec::len) == Some(1) && path.ends_with("clean-0.jar"), "{report}");

    // An app that cannot be opened is not cleared, and damaged sketches are no answer.
    put(&world.folder, "apps/clean-0.jar", b"PK\x03\x04 and then nothing");
    let (code, report, _) = hunt(&[]);
    assert_eq!(code, 3, "{report}");
    assert_eq!(report["cannot_clear"].as_array().map(Vec::len), Some(1), "{report}");
    let table = sketches.join("apps-0000.idt");
    let bytes = std::fs::read(&table).expect("there");
    std::fs::write(&table, &bytes[..bytes.len() - 1]).expect("written");
    let (code, _, err) = hunt(&[]);
    assert!(code == 2 && err.contains("apps-0000.idt") && err.contains("remove the folder"), "{err}");
    let (code, _, err) = hunt(&["--subject", "nobody"]);
    assert!(code == 2 && err.contains("no reference to look for"), "{err}");
}

fn git(folder: &Path, options: &str, words: &[&str]) -> (bool, String) {
    let ran = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(folder)
        .env("INTERDICT", env!("CARGO_BIN_EXE_interdict"))
        .env("INTERDICT_SCAN", options)
        .output()
        .expect("git runs");
    (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn hooks_refuse_the_code_and_pass_without_it() {
    let world = World::of("kaspersky");
    let options = format!("--references {} --only-references --place US --at 2025-03-01T12:00-05:00", world.store);
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/build");
    let (server, work) = (world.folder.path().join("server.git"), world.folder.path().join("work"));
    for (folder, words) in [(&server, &["init", "--bare", "."][..]), (&work, &["init", "."])] {
        std::fs::create_dir_all(folder).expect("a folder");
        assert!(git(folder, "", words).0);
    }
    std::fs::copy(hooks.join("pre-commit"), work.join(".git/hooks/pre-commit")).expect("copied");
    std::fs::copy(hooks.join("pre-receive"), server.join("hooks/pre-receive")).expect("copied");
    std::fs::copy(world.clean(), work.join("clean.jar")).expect("copied");
    assert!(git(&work, "", &["add", "."]).0);
    let (passed, said) = git(&work, &options, &["commit", "-m", "clean"]);
    assert!(passed, "{said}");
    let url = server.display().to_string();
    let (passed, said) = git(&work, &options, &["push", &url, "HEAD:main"]);
    assert!(passed, "{said}");
    // What stood there as a link is a file now, and is to be left out of archives.
    std::os::unix::fs::symlink("clean.jar", work.join("lib.jar")).expect("a link");
    std::fs::write(work.join(".gitattributes"), "lib.jar export-ignore\n").expect("written");
    assert!(git(&work, "", &["add", "."]).0);
    let (passed, said) = git(&work, &options, &["commit", "-m", "link"]);
    assert!(passed, "{said}");
    std::fs::remove_file(work.join("lib.jar")).expect("removed");
    std::fs::copy(world.renamed(), work.join("lib.jar")).expect("copied");
    assert!(git(&work, "", &["add", "."]).0);
    let (passed, said) = git(&work, &options, &["commit", "-m", "sdk"]);
    assert!(!passed && said.contains("an order forbids"), "{said}");
    assert!(git(&work, &options, &["commit", "--no-verify", "-m", "sdk"]).0);
    let (passed, said) = git(&work, &options, &["push", &url, "HEAD:main"]);
    assert!(!passed && said.contains("refused"), "{said}");
}

/// The very line that the example runs, with the references and the day of this test.
#[test]
fn the_job_fails_on_the_code_and_passes_without_it() {
    let world = World::of("kaspersky");
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/build/ci.yml");
    let text = std::fs::read_to_string(&job).expect("the example");
    let line = text.lines().find_map(|line| line.trim().strip_prefix("- run: interdict scan ")).expect("it scans");
    let interdict = env!("CARGO_BIN_EXE_interdict");
    let line =
        format!("{interdict} scan --references {} --only-references --at 2025-03-01T12:00-05:00 {line}", world.store);
    world.folder.write(".interdict/waivers.json", "[]");
    let outputs = world.folder.path().join("app/build/outputs");
    std::fs::create_dir_all(&outputs).expect("a folder");
    for (artefact, code, level) in [(world.clean(), 0, None), (world.renamed(), 1, Some("error"))] {
        std::fs::copy(artefact, outputs.join("app.jar")).expect("copied");
        // As a runner does it.
        let told = Command::new("bash").args(["-e", "-c", &line]).current_dir(world.folder.path()).output();
        assert_eq!(told.expect("it runs").status.code(), Some(code));
        let log = std::fs::read_to_string(world.folder.path().join("listed-code.sarif")).expect("SARIF");
        let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["level"].as_str(), level, "{log}");
        if level.is_some() {
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(uri, "app/build/outputs/app.jar", "relative to what is checked out");
        }
    }
    let Some(validator) = tool("check-jsonschema") else { return };
    let told = Command::new(validator).args(["--builtin-schema", "vendor.github-workflows"]).arg(&job).output();
    let told = told.expect("it runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
}

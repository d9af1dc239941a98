//! Two packages compared as `apksigcopier` and `apksigner` compare them: every way of signing by every way of changing.

use crate::program::{Folder, run};
use crate::repository::{has, run as tool};
use apk::{Archive, Budgets};
use std::path::Path;
use std::process::Command;

const TOOLS: &[&str] = &["aapt", "zipalign", "apksigner", "apksigcopier", "keytool"];
const SCHEMES: [(&str, [bool; 3]); 4] =
    [("v1", [true, false, false]), ("v2", [false, true, false]), ("v3", [false, false, true]), ("all", [true; 3])];

/// A file of an archive: its local part and its record in the directory.
#[derive(Clone)]
struct Part {
    local: Vec<u8>,
    record: Vec<u8>,
}

fn parts(bytes: &[u8]) -> Vec<Part> {
    let archive = Archive::open(bytes, &Budgets::default()).expect("a package");
    let part = |entry: &apk::Entry<'_>| Part {
        local: archive.span(&entry.extent).to_vec(),
        record: archive.span(&entry.central).to_vec(),
    };
    archive.entries().iter().map(part).collect()
}

/// An archive of these parts, with `between` after the first.
fn assemble(parts: &[Part], between: &[u8], comment: &[u8]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (n, part) in parts.iter().enumerate() {
        let mut record = part.record.clone();
        record[42..46].copy_from_slice(&u32::try_from(bytes.len()).expect("small").to_le_bytes());
        directory.extend(record);
        bytes.extend(&part.local);
        if n == 0 {
            bytes.extend(between);
        }
    }
    let (start, size, count) = (bytes.len() as u32, directory.len() as u32, parts.len() as u16);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for number in [count, count] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [size, start] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((comment.len() as u16).to_le_bytes());
    bytes.extend(comment);
    bytes
}

/// A stored file of this name and content.
fn stored(name: &str, content: &[u8], padding: usize) -> Part {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut middle = [0_u8; 16];
    middle[4..8].copy_from_slice(&crc.sum().to_le_bytes());
    for at in [8, 12] {
        middle[at..at + 4].copy_from_slice(&u32::try_from(content.len()).expect("small").to_le_bytes());
    }
    // 1 January 1980, no attributes.
    middle[2..4].copy_from_slice(&[0x21, 0]);
    let name_length = u16::try_from(name.len()).expect("short").to_le_bytes();
    let extra = u16::try_from(padding).expect("short").to_le_bytes();
    let local =
        [&b"PK\x03\x04\x0a\0\0\0\0\0"[..], &middle, &name_length, &extra, name.as_bytes(), &vec![0; padding], content];
    let record = [&b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0"[..], &middle, &name_length, &[0; 16], name.as_bytes()];
    Part { local: local.concat(), record: record.concat() }
}

/// The package as somebody else might have built it, by what is other about it.
fn variants(base: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let parts = parts(base);
    let dex = parts.iter().position(|part| part.record.ends_with(b"classes.dex")).expect("code");
    let content = {
        let archive = Archive::open(base, &Budgets::default()).expect("a package");
        archive.read_named("classes.dex").expect("code").bytes.into_owned()
    };
    let with = |part: Part| {
        let mut parts = parts.clone();
        parts[dex] = part;
        assemble(&parts, b"", b"")
    };
    let mut flipped = content.clone();
    flipped[100] ^= 1;
    let mut reordered = parts.clone();
    reordered.swap(0, dex);
    let more = |part: Part| [&parts[..], &[part]].concat();
    let two_ends = assemble(&parts, b"", &assemble(&[], b"", b""));
    vec![
        ("same", assemble(&parts, b"", b"")),
        ("one bit of code", with(stored("classes.dex", &flipped, 0))),
        ("a file more", assemble(&more(stored("assets/more", b"more", 0)), b"", b"")),
        ("reordered", assemble(&reordered, b"", b"")),
        ("recompressed", with(stored("classes.dex", &content, 0))),
        ("hidden bytes", assemble(&parts, b"hidden!!", b"")),
        ("re-aligned", with(stored("classes.dex", &content, 7))),
        ("a name twice", assemble(&more(stored("classes.dex", &flipped, 0)), b"", b"")),
        ("two ends", two_ends),
    ]
}

/// A package, and signed in each way.
fn base(folder: &Path) -> Vec<u8> {
    let manifest = "<manifest xmlns:android=\"http://schemas.android.com/apk/res/android\" package=\"org.example.seal\" \
                    android:versionCode=\"1\"><uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"28\"/>\
                    <application android:label=\"Seal\"/></manifest>";
    std::fs::write(folder.join("AndroidManifest.xml"), manifest).expect("written");
    // Nothing that compresses well: the other tools stumble over packages of less than a kilobyte.
    let code: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.join("classes.dex"), code).expect("written");
    let framework = "/usr/share/android-framework-res/framework-res.apk";
    tool(folder, "aapt", &["package", "-f", "-M", "AndroidManifest.xml", "-I", framework, "-F", "a.apk"]);
    tool(folder, "aapt", &["add", "a.apk", "classes.dex"]);
    tool(folder, "zipalign", &["-f", "4", "a.apk", "base.apk"]);
    let key = ["-genkeypair", "-alias", "a", "-dname", "CN=x", "-validity", "10000", "-keyalg", "RSA"];
    let store = ["-keystore", "k.jks", "-storepass", "password", "-keypass", "password"];
    tool(folder, "keytool", &[&key[..], &store].concat());
    for (name, schemes) in SCHEMES {
        let enabled: Vec<String> =
            (1..).zip(schemes).map(|(n, is_on)| format!("--v{n}-signing-enabled={is_on}")).collect();
        let out = format!("{name}.apk");
        let mut words = vec!["sign", "--ks", "k.jks", "--ks-pass", "pass:password", "--v4-signing-enabled=false"];
        words.extend(enabled.iter().map(String::as_str));
        words.extend(["--out", &out, "base.apk"]);
        tool(folder, "apksigner", &words);
    }
    std::fs::read(folder.join("base.apk")).expect("made")
}

/// Whether the signature of the first fits the second, by `apksigcopier` and `apksigner`.
fn fits(folder: &Path, signed: &str, other: &str) -> bool {
    let compared = Command::new("apksigcopier")
        .args(["compare", signed, "--unsigned", other])
        .current_dir(folder)
        .output()
        .expect("it runs");
    compared.status.success()
}

#[test]
fn packages_are_judged_as_their_signatures_judge_them() {
    if !has(TOOLS) {
        return;
    }
    let folder = Folder::new();
    let base = base(folder.path());
    let variants = variants(&base);
    let mut told = Vec::new();
    for (number, (what, bytes)) in variants.iter().enumerate() {
        let other = format!("other-{number}.apk");
        std::fs::write(folder.path().join(&other), bytes).expect("written");
        for (scheme, _) in SCHEMES {
            let signed = format!("{scheme}.apk");
            let path = |name: &str| folder.path().join(name).display().to_string();
            let ran = run(&["apk", "compare", &path(&signed), &path(&other), "--json"], b"");
            let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_default();
            let level = report["level"].as_str().unwrap_or("-").to_owned();
            let oracle = fits(folder.path(), &signed, &other);
            told.push(format!("{what:16} {scheme:4} {level:3} exit {} oracle {oracle}", ran.code));
            let ours = ran.code == 0;
            // The first scheme signs contents alone: to it, what is kept otherwise is the same, hidden bytes and all.
            let by_contents = scheme == "v1" && (level == "L2" || *what == "hidden bytes");
            assert_eq!(ours || by_contents, oracle, "{what}, {scheme}: {level} {}{}", ran.out, ran.err);
        }
    }
    println!("{}", told.join("\n"));
    assert_eq!(told.len(), 36);
    assert!(told.iter().filter(|line| line.contains("oracle true")).count() == 8, "{told:#?}");
}

#[test]
fn what_is_left_out_is_named_and_a_copy_is_no_rebuild() {
    let folder = Folder::new();
    let write = |name: &str, parts: &[Part]| {
        let path = folder.path().join(name);
        std::fs::write(&path, assemble(parts, b"", b"")).expect("written");
        path.display().to_string()
    };
    let code = stored("classes.dex", b"code", 0);
    let (first, more) =
        (write("a", std::slice::from_ref(&code)), write("b", &[code, stored("META-INF/MORE.RSA", b"no signature", 0)]));
    let ran = run(&["apk", "compare", &first, &more], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("left out of the second: META-INF/MORE.RSA") && !ran.err.contains("very same"),
        "{}",
        ran.out
    );
    let told = run(&["apk", "compare", &first, &more, "--json"], b"").json();
    assert_eq!(told["left_out"], serde_json::json!({ "first": [], "second": ["META-INF/MORE.RSA"] }));
    assert!(ran.out.contains("the first is signed by nobody"), "{}", ran.out);
    // A package names its files, and writes no lines of the report.
    let name = "x\n  the first is signed (v3, verified) by the certificate 00\u{1b}[2J";
    let odd = write("c", &[stored("classes.dex", b"code", 0), stored(name, b"", 0)]);
    let twice = write("d", &[stored(name, b"", 0), stored(name, b"", 0)]);
    for told in [run(&["apk", "compare", &odd, &first], b"").out, run(&["apk", "compare", &twice, &first], b"").err] {
        assert!(told.contains(r"x\n  the first is signed") && told.contains(r"\u{1b}[2J"), "{told}");
    }
    let copy = run(&["apk", "compare", &first, &first], b"");
    assert!(copy.code == 0 && copy.err.contains("the very same file"), "{}", copy.err);
    let refused = run(&["apk", "compare", &more, &first], b"");
    assert!(refused.code == 2 && refused.err.contains("no signer certificate"), "{}{}", refused.out, refused.err);
}

#[test]
fn what_a_rebuilder_found_can_be_signed() {
    if !has(TOOLS) {
        return;
    }
    let folder = Folder::new();
    base(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    folder.write("recipe", "gradle assembleRelease");
    let words = ["apk", "compare", &path("all.apk"), &path("base.apk"), "--statement", &path("statement.json")];
    let refused = run(&[&words[..], &["--source-digest", "main"]].concat(), b"");
    assert!(refused.code == 2 && refused.err.contains("40 or 64 hexadecimal digits"), "{}", refused.err);
    let ran = run(&[&words[..], &["--recipe", &path("recipe"), "--source-digest", &"AB".repeat(20)]].concat(), b"");
    assert_eq!(
        (ran.code, ran.out.lines().next()),
        (0, Some("reproduced: identical without the files of the signature (L1)"))
    );
    for said in
        ["the first is signed (v3, verified) by the certificate ", "statement.json, for `interdict attest sign`"]
    {
        assert!(ran.out.contains(said), "{}", ran.out);
    }
    let read = |name: &str| std::fs::read_to_string(path(name)).expect("written");
    let statement: serde_json::Value = serde_json::from_str(&read("statement.json")).expect("JSON");
    let predicate = &statement["predicate"];
    assert_eq!((&predicate["level"], &predicate["result"]), (&"L1".into(), &"reproduced".into()));
    assert_eq!(predicate["recipe"].as_str().map(str::len), Some(64));
    assert_eq!(predicate["sourceDigest"], "ab".repeat(20), "as reviews spell it");
    let schemes: Vec<_> =
        predicate["signed"].as_array().expect("a list").iter().map(|one| (&one["scheme"], &one["verified"])).collect();
    assert_eq!(schemes, [(&"v3".into(), &true.into()), (&"v2".into(), &true.into())], "{predicate}");
    let listed = tool(folder.path(), "sha256sum", &["all.apk"]);
    assert!(listed.starts_with(statement["subject"][0]["digest"]["sha256"].as_str().expect("a digest")), "{statement}");
    let made = run(&["log", "key", "rebuilder.example", "--output", &path("key")], b"");
    assert_eq!(made.code, 0, "{}", made.err);
    let signed = run(&["attest", "sign", &path("statement.json"), "--key", &path("key")], b"");
    assert_eq!(signed.code, 0, "{}", signed.err);
    assert!(signed.out.contains("\"payloadType\""), "{}", signed.out);

    // What Android would not install is not compared, whatever it is the same as.
    let mut changed = std::fs::read(path("v2.apk")).expect("made");
    let code = changed.len() / 2;
    changed[code] ^= 1;
    std::fs::write(path("changed.apk"), changed).expect("written");
    let ran = run(&["apk", "compare", &path("changed.apk"), &path("base.apk")], b"");
    assert!(ran.code == 2 && ran.err.contains("Android would not install it"), "{}{}", ran.out, ran.err);
    let ran = run(&["apk", "compare", &path("v1.apk"), &path("base.apk"), "--json"], b"");
    assert!(ran.code == 0 && ran.err.contains("neither the second nor the third"), "{}", ran.err);

    std::fs::write(path("broken.apk"), "no package").expect("written");
    let ran = run(&["apk", "compare", &path("all.apk"), &path("broken.apk")], b"");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("broken.apk"), "{}", ran.err);
}

//! Packages made by Android's own tools.

use apk::{Archive, Budgets, Manifest, Scheme};
use std::path::{Path, PathBuf};
use std::process::Command;

const FRAMEWORK: &str = "/usr/share/android-framework-res/framework-res.apk";

const MANIFEST: &str = r#"<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="org.example.seal"
    android:versionCode="42" android:versionName="@string/version">
  <uses-sdk android:minSdkVersion="21" android:targetSdkVersion="29"/>
  <uses-permission android:name="android.permission.INTERNET"/>
  <application android:label="@string/name" android:debuggable="true">
    <activity android:name=".Main"/>
    <service android:name="a.b.C"/>
  </application>
</manifest>"#;

/// Runs a tool to its end and gives what it printed; says why not if it is not there.
fn run(directory: &Path, command: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(command).args(arguments).current_dir(directory).output() else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{command} is not installed");
        eprintln!("skipped: {command} is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command} {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A package with two languages, signed with an RSA and with an elliptic-curve key; and its signer as `apksigner` prints it.
fn signed(directory: &Path, key: &[&str]) -> Option<(Vec<u8>, String)> {
    write(directory, "AndroidManifest.xml", MANIFEST);
    write(directory, "classes.dex", &"dex".repeat(1_000));
    let strings = r#"<resources><string name="version">4.2 😀</string><string name="name">Seal</string></resources>"#;
    write(directory, "res/values/strings.xml", strings);
    write(directory, "res/values-de/strings.xml", &strings.replace("Seal", "Robbe"));
    if !Path::new(FRAMEWORK).exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{FRAMEWORK} is not installed");
        eprintln!("skipped: {FRAMEWORK} is not installed");
        return None;
    }
    let package = ["package", "-f", "-M", "AndroidManifest.xml", "-S", "res", "-I", FRAMEWORK, "-F", "a.apk"];
    run(directory, "aapt", &package)?;
    run(directory, "aapt", &["add", "a.apk", "classes.dex"])?;
    run(directory, "zipalign", &["-f", "4", "a.apk", "b.apk"])?;
    let store = ["-keystore", "k.jks", "-storepass", "password", "-keypass", "password"];
    let generate = ["-genkeypair", "-alias", "a", "-dname", "CN=x", "-validity", "10000"];
    run(directory, "keytool", &[&generate[..], &store, key].concat())?;
    let sign = ["sign", "--ks", "k.jks", "--ks-pass", "pass:password", "--out", "s.apk", "b.apk"];
    run(directory, "apksigner", &sign)?;
    let printed = run(directory, "apksigner", &["verify", "--print-certs", "s.apk"])?;
    let line = printed.lines().find_map(|line| line.strip_prefix("Signer #1 certificate SHA-256 digest: "));
    Some((std::fs::read(directory.join("s.apk")).unwrap(), String::from(line.unwrap())))
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&directory));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn a_package_of_the_real_tools_is_read_as_they_read_it() {
    let keys = [("rsa", ["-keyalg", "RSA", "-keysize", "2048"]), ("ec", ["-keyalg", "EC", "-groupname", "secp256r1"])];
    for (name, key) in keys {
        let Some((bytes, expected)) = signed(&directory(name), &key) else { return };
        let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
        assert!(archive.oddities().iter().all(|oddity| oddity.kind.innocent()), "{:?}", archive.oddities());
        for entry in archive.entries() {
            assert!(archive.read(entry).unwrap().crc_matches, "{}", entry.name);
        }
        let manifest = Manifest::read(&archive).unwrap();
        assert_eq!(manifest.package, "org.example.seal");
        assert_eq!(manifest.version_code, Some(42));
        assert_eq!(manifest.version_name.as_deref(), Some("4.2 😀"));
        assert_eq!(manifest.label.as_deref(), Some("Seal"));
        assert_eq!((manifest.min_sdk, manifest.target_sdk, manifest.debuggable), (Some(21), Some(29), true));
        assert_eq!(manifest.permissions, ["android.permission.INTERNET"]);
        assert_eq!(manifest.components, ["org.example.seal.Main", "a.b.C"]);
        let signers = apk::signing::signers(&archive).unwrap();
        let schemes: Vec<_> = signers.iter().map(|signer| signer.scheme).collect();
        assert_eq!(schemes, [Scheme::V3, Scheme::V2, Scheme::V1], "{name}");
        for signer in signers {
            let hex: String = signer.certificate_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{name} {}", signer.scheme.name());
        }
    }
}

/// What `apksigner` says of a package for platforms that know the second and third scheme.
fn believed(directory: &Path, bytes: &[u8]) -> bool {
    let path = directory.join("mutant.apk");
    std::fs::write(&path, bytes).unwrap();
    let ran = Command::new("apksigner").args(["verify", "--min-sdk-version", "24"]).arg(&path).output().unwrap();
    ran.status.success()
}

fn verified(bytes: &[u8]) -> Result<Vec<apk::verified::Verified>, String> {
    let archive = Archive::open(bytes, &Budgets::default()).map_err(|fault| fault.to_string())?;
    apk::verified::verified(&archive).map_err(|why| why.to_string())
}

/// The package with one bit changed in each of many places: in the content, in what is signed, in signatures, keys,
/// certificates and sizes, in the directory and the end.
fn mutants(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let archive = Archive::open(bytes, &Budgets::default()).unwrap();
    let layout = archive.layout();
    let block = layout.signing.clone().unwrap();
    let mut places = vec![40, block.start / 2, block.start - 1, layout.central.start + 30, layout.end.start + 4];
    // The pairs, from their sizes on; past them lies padding, which signs nothing.
    let used: usize = apk::signing::pairs(&archive).unwrap().iter().take(2).map(|(_, value)| value.len() + 12).sum();
    places.extend((0..36).map(|n| block.start + 8 + n * used / 36));
    let flipped = |place: usize| {
        let mut bytes = bytes.to_vec();
        bytes[place] ^= 1;
        (place, bytes)
    };
    places.into_iter().map(flipped).collect()
}

#[test]
fn signatures_are_believed_where_the_real_tools_believe_them() {
    let keys = [
        ("v-rsa", &["-keyalg", "RSA", "-keysize", "2048"][..]),
        ("v-long", &["-keyalg", "RSA", "-keysize", "4096"]),
        ("v-ec", &["-keyalg", "EC", "-groupname", "secp256r1"]),
    ];
    let (mut refused, mut shown, mut signers) = (0, 0, Vec::new());
    for (name, key) in keys {
        let directory = directory(name);
        let Some((bytes, certificate)) = signed(&directory, key) else { return };
        let found = verified(&bytes).unwrap();
        assert_eq!(found.iter().map(|one| one.scheme).collect::<Vec<_>>(), [Scheme::V3, Scheme::V2], "{name}");
        let hex: String = found[0].certificate_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, certificate, "{name}");
        assert_eq!(found[0].content, found[1].content);
        assert!(believed(&directory, &bytes));
        signers.push((directory.clone(), bytes.clone()));
        // Every mutant of one is shown to the other tool, which takes a second for each.
        for (place, mutant) in mutants(&bytes) {
            let ours = verified(&mutant);
            assert!(ours.is_err(), "{name}: byte {place} changed and still believed");
            // A block that readers divide in two ways is refused here, and there for some of those ways.
            let is_divided = ours == Err(String::from("the signing block cannot be read"));
            if name == "v-ec" && !is_divided {
                assert!(!believed(&directory, &mutant), "{place}: {ours:?}");
                shown += 1;
            }
            refused += 1;
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(verified(&longer).is_err() && !believed(&directory, &longer));
    }
    assert!(refused == 3 * 41 && shown > 30, "{refused} {shown}");
    // One whose later signature was taken away, and one with the block of another.
    let (directory, bytes) = &signers[2];
    let stripped = without(bytes, 0xf053_68c0);
    assert_eq!(verified(&stripped).unwrap_err(), "a later signature that is spoken of is gone");
    assert!(!believed(directory, &stripped));
    let unsigned = std::fs::read(directory.join("b.apk")).unwrap();
    assert_eq!(verified(&unsigned).unwrap_err(), "neither the second nor the third signature scheme signed it");
}

/// The package with the pair of this id under a number that no scheme has.
fn without(bytes: &[u8], id: u32) -> Vec<u8> {
    let archive = Archive::open(bytes, &Budgets::default()).unwrap();
    let block = archive.layout().signing.clone().unwrap();
    let place = bytes[block.clone()].windows(4).position(|four| four == id.to_le_bytes()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[block.start + place] ^= 0xff;
    bytes
}

#[test]
fn a_key_that_was_rotated_is_vouched_for_by_the_one_before() {
    let directory = directory("v-rotated");
    let Some((_, _)) = signed(&directory, &["-keyalg", "RSA", "-keysize", "2048"]) else { return };
    let store = ["-keystore", "n.jks", "-storepass", "password", "-keypass", "password"];
    let generate = [
        "-genkeypair",
        "-alias",
        "a",
        "-dname",
        "CN=y",
        "-validity",
        "10000",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
    ];
    run(&directory, "keytool", &[&generate[..], &store].concat()).unwrap();
    let old = ["--ks", "k.jks", "--ks-pass", "pass:password"];
    let new = ["--ks", "n.jks", "--ks-pass", "pass:password"];
    let rotate = [&["rotate", "--out", "lineage", "--old-signer"][..], &old, &["--new-signer"], &new].concat();
    run(&directory, "apksigner", &rotate).unwrap();
    let sign =
        [&["sign", "--lineage", "lineage"][..], &old, &["--next-signer"], &new, &["--out", "r.apk", "b.apk"]].concat();
    run(&directory, "apksigner", &sign).unwrap();
    let bytes = std::fs::read(directory.join("r.apk")).unwrap();
    let found = verified(&bytes).unwrap();
    assert!(believed(&directory, &bytes) && found.iter().any(|one| one.scheme == Scheme::V3), "{found:?}");
    // The chain itself is under the signature of the new key; a chain that vouches for nobody is refused before that.
    let certificates: std::collections::BTreeSet<_> = found.iter().map(|one| one.certificate_sha256).collect();
    assert_eq!(certificates.len(), 2, "the new key in the third scheme, the old one in the second");
}

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

//! Envelopes and statements that packages nobody here wrote have signed and composed, and ours before them.

use crate::world::{key, sign, spki, t};
use attest::dsse::{Envelope, IN_TOTO, Key};
use attest::statement::{Statement, Type};
use attest::{Trust, history::Entry, history::History};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "whether a test may be skipped is a setting of the machine it runs on")]
fn nothing_skipped() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The Python of the test tools, with the packages that are compared with.
pub(crate) fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/python3");
    let has = |python: &PathBuf| {
        let asked = Command::new(python).args(["-c", "import trestle, in_toto_attestation, securesystemslib"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let found = Some(python).filter(has);
    if found.is_none() {
        assert!(!nothing_skipped(), "compliance-trestle, in-toto-attestation and securesystemslib are not installed");
        eprintln!("skipped: the Python packages that are compared with are not installed; ./test installs them");
    }
    found
}

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/envelopes.py")
}

/// A trust document in which one principal with this key may say all of it about artefacts.
fn trust(spki: &str) -> Trust {
    let accept = |kind: &str| json!({ "by": "builder", "type": kind, "subject": "artifact:*" });
    let value = json!({
        "version": 1,
        "principals": [{ "id": "builder", "org": "b", "keys": [{ "spki": spki }] }],
        "groups": [{ "name": "root", "need": "all", "members": ["builder"] }],
        "accept": [accept("slsa-provenance"), accept("slsa-vsa"), accept("svr")]
    });
    Trust::read(&value).unwrap()
}

#[test]
fn what_others_compose_and_sign_is_read_and_counted() {
    let Some(python) = python() else { return };
    let place = Place::new("signed");
    let output = Command::new(python).arg(script()).arg("sign").arg(&place.0).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for kind in ["ed25519", "p256"] {
        let spki = String::from_utf8(place.read(&format!("{kind}.spki"))).unwrap();
        let keys = [Key::from_text(&spki).unwrap()];
        let wanted = [
            (Type::SlsaProvenance, "2026-03-01T11:00:00Z", "/runDetails/builder/id", "https://build.example/one"),
            (Type::SlsaSummary, "2026-03-02T00:00:00Z", "/verificationResult", "PASSED"),
            (Type::VerificationResult, "2026-03-03T00:00:00Z", "/verifier/id", "https://verifier.example"),
        ];
        let mut entries = Vec::new();
        for (index, (wanted, created, pointer, value)) in (0..).zip(wanted) {
            let bytes = place.read(&format!("{}.{kind}.json", wanted.name()));
            let envelope = Envelope::parse(&bytes).unwrap();
            assert_eq!(envelope.payload_type, IN_TOTO);
            assert_eq!(envelope.signed_by(&keys).len(), 1, "{kind} {}", wanted.name());
            let statement = Statement::parse(&envelope.payload).unwrap();
            assert_eq!((statement.kind, statement.created), (wanted, t(created)));
            assert_eq!(statement.subjects[0].text(), format!("artifact:{}", "ab".repeat(32)));
            assert_eq!(statement.claim(pointer), Some(&json!(value)));
            let mut changed = envelope.clone();
            let middle = changed.payload.len() / 2;
            changed.payload[middle] ^= 1;
            assert!(changed.signed_by(&keys).is_empty());
            entries.push(Entry { index, time: t("2026-03-03T12:00:00Z"), envelope });
        }
        let history = History::new(trust(&spki), entries).unwrap();
        assert_eq!((history.records().len(), history.ignored()), (3, &[][..]));
        // They count one key under two ids as two signers; here a key is a key.
        assert!(told.contains(&format!("{kind}: one key under two ids counts as 2")), "{told}");
        let twice = Envelope::parse(&place.read(&format!("twice.{kind}.json"))).unwrap();
        assert_eq!((twice.signatures.len(), twice.signed_by(&keys).len()), (2, 1));
    }
}

#[test]
fn what_we_sign_others_verify_and_refuse_when_it_is_changed() {
    let Some(python) = python() else { return };
    let place = Place::new("verified");
    let statement = json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": Type::AuditReport.uri(),
        "subject": [{ "digest": { "sha256": "ab".repeat(32) } }], "predicate": { "timeCreated": "2026-03-01T00:00:00Z" } });
    let envelope = sign(&statement, &["auditor", "agency"]);
    let verify = |envelope: &Envelope, keys: &[String]| {
        let path = place.0.join("envelope.json");
        std::fs::write(&path, envelope.to_value().to_string()).unwrap();
        let output = Command::new(&python).arg(script()).arg("verify").arg(path).args(keys).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), told)
    };
    let keys = [spki("auditor"), spki("agency")];
    assert_eq!(verify(&envelope, &keys), (Some(0), String::new()));
    let mut changed = envelope.clone();
    changed.payload[10] ^= 1;
    assert_eq!(verify(&changed, &keys).0, Some(1));
    assert_eq!(verify(&envelope, &[spki("auditor"), spki("chief")]).0, Some(1), "one of them is another's");
    assert_eq!(key("auditor").key().spki(), keys[0]);
}

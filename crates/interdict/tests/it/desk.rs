//! People who sign statements, the trust document that knows them all, and a folder to which they hand things in.

use crate::program::{Folder, Ran, run};
use attest::Envelope;
use attest::dsse::Signer;
use attest::statement::{Type, compose, named_subject};
use serde_json::{Value, json};

pub(crate) const APK: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) const SOURCE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// The Ed25519 key of a name, in PKCS #8: the same on every run.
pub(crate) fn pkcs8(name: &str) -> Vec<u8> {
    let mut seed = [b'.'; 32];
    for (place, byte) in seed.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    [&head[..], &seed].concat()
}

pub(crate) fn key(name: &str) -> Signer {
    Signer::from_pkcs8(&pkcs8(name)).unwrap()
}

/// Everybody of both conditions, each of an organisation of its own.
pub(crate) fn trust() -> Value {
    let names = [
        "oracle-ttp",
        "auditor",
        "monitor",
        "inspector",
        "rebuilder-1",
        "rebuilder-2",
        "treasury",
        "doj",
        "commerce",
        "counsel",
        "registrar",
        "jv",
        "white-house",
    ];
    let principals: Vec<Value> = names
        .iter()
        .map(|name| json!({ "id": name, "org": format!("org-{name}"), "keys": [{ "spki": key(name).key().spki() }] }))
        .collect();
    let group = |name: &str, members: &[&str]| json!({ "name": name, "need": "all", "members": members });
    let groups = [
        group("custodian-and-auditor", &["oracle-ttp", "auditor"]),
        group("operator-and-monitor", &["oracle-ttp", "monitor"]),
        group("accredited-auditors", &["auditor"]),
        group("reviewers", &["oracle-ttp", "inspector"]),
        group("rebuilders", &["rebuilder-1", "rebuilder-2"]),
        group("treasury-and-justice", &["treasury", "doj"]),
        group("cfius-monitors", &["monitor"]),
        group("agencies", &["treasury", "doj", "commerce"]),
        group("secretary-of-commerce", &["commerce"]),
        group("president", &["white-house"]),
        group("counsel-and-registrar", &["counsel", "registrar"]),
        group("venture-and-security-partner", &["jv", "oracle-ttp"]),
        group("security-partner", &["oracle-ttp"]),
        group("justice", &["doj"]),
        group("everybody", &names),
        group("override", &["counsel", "registrar"]),
    ];
    let accept: Vec<Value> =
        Type::ALL.iter().map(|kind| json!({ "by": "everybody", "type": kind.name(), "subject": "*" })).collect();
    json!({ "version": 1, "principals": principals, "groups": groups, "accept": accept })
}

pub(crate) fn folder(entries: &str) -> Folder {
    let folder = Folder::new();
    folder.write("trust.json", &trust().to_string());
    folder.write("artifacts", &format!("{APK}  # what the stores have\n"));
    if !entries.is_empty() {
        folder.write("entries.ndjson", entries);
    }
    folder
}

/// A folder with a condition of the operator's own: an audit pauses the list by itself.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    pub(crate) attestations: String,
    pub(crate) now: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = folder("");
        folder.write(
            "conditions/audited.json",
            &json!({ "order": "us-doc-tiktok-id-v2", "condition": "mitigation-2020", "effect": "automatic-pause",
                "onLapse": { "act": "alert" }, "authority": "secretary-of-commerce",
                "need": { "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" } })
            .to_string(),
        );
        let attestations = folder.path().display().to_string();
        Self { folder, attestations, now: attest::json::format_time(crate::lab::now()) }
    }

    pub(crate) fn attest(&self, words: &[&str]) -> Ran {
        run(&[&["--attestations", self.attestations.as_str(), "attest"][..], words].concat(), b"")
    }

    /// A statement made now, signed by each of these in turn with the command.
    pub(crate) fn say(&self, kind: Type, about: &str, mut claims: Value, by: &[&str]) -> String {
        claims["timeCreated"] = json!(self.now);
        let file = self.folder.write("statement.json", &compose(kind, &[named_subject(about)], &claims).to_string());
        signed(&self.folder, &file, kind.name(), by)
    }
}

/// A statement in a file, signed by each of these in turn with the command.
pub(crate) fn signed(folder: &Folder, statement: &str, kind: &str, by: &[&str]) -> String {
    let mut file = statement.to_owned();
    for name in by {
        let der = folder.path().join("key.der");
        std::fs::write(&der, pkcs8(name)).unwrap();
        let signed = folder.path().join(format!("signed-{kind}-{name}.json")).display().to_string();
        let ran = run(&["attest", "sign", &file, "--key", &der.display().to_string(), "-o", &signed], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        file = signed;
    }
    file
}

/// The digest of a signed statement, as revocations name it.
pub(crate) fn digest_of(path: &str) -> String {
    attest::dsse::hex(&Envelope::parse(&std::fs::read(path).unwrap()).unwrap().statement_digest())
}

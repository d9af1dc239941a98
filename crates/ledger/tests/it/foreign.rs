//! Our logs before a verifier whose Merkle tree and signatures nobody here wrote: the Go team's, from Debian.

use crate::{Place, key, settings, signers};
use ledger::disk::{Disk, Folder};
use ledger::log;
use ledger::wal::Record;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tlog::checkpoint::Checkpoint;
use tlog::note::Note;
use tlog::proof::Proof;
use tlog::reader::Reader;

/// Where Debian puts the source of Go packages.
const PACKAGES: &str = "/usr/share/gocode";

#[expect(clippy::disallowed_methods, reason = "whether a test may be skipped is a setting of the machine it runs on")]
pub(crate) fn nothing_skipped() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Builds the verifier with Debian's compiler, or says that it cannot be.
fn verifier(place: &Place) -> Option<PathBuf> {
    let compiler = Path::new("/usr/lib/go/bin/go");
    if !compiler.exists() || !Path::new(PACKAGES).join("src/golang.org/x/mod/sumdb/tlog").exists() {
        assert!(!nothing_skipped(), "golang-go and golang-golang-x-mod-dev are not installed");
        eprintln!("skipped: golang-go and golang-golang-x-mod-dev are not installed");
        return None;
    }
    let program = place.0.join("verify");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/verify.go");
    let built = Command::new(compiler)
        .args(["build", "-o"])
        .arg(&program)
        .arg(source)
        .env("GO111MODULE", "off")
        .env("GOPATH", PACKAGES)
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .env("GOFLAGS", "")
        .env_remove("GOROOT")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// One of the logs that others made, unpacked.
pub(crate) fn kept_elsewhere(place: &Place, name: &str) -> Option<PathBuf> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/tlog/{name}.tar.gz"));
    if !archive.exists() {
        assert!(!nothing_skipped(), "{} is not there", archive.display());
        eprintln!("skipped: {} is not there", archive.display());
        return None;
    }
    let folder = place.0.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let unpacked = Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
    assert!(unpacked.success());
    Some(std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path())
}

fn run(program: &Path, folder: &Path, proofs: &[PathBuf]) -> Output {
    Command::new(program).arg(folder).args(proofs).output().unwrap()
}

/// A published log of so many entries.
pub(crate) fn published(place: &Place, count: u64) -> Folder {
    let disk = place.folder("log");
    let mut signers = signers(place);
    let (mut wal, mut publisher) = log::open(&disk, key().public(), settings(), &mut signers).unwrap();
    let records: Vec<Record> = (0..count)
        .map(|number| Record {
            entry: format!("entry {number}").repeat(1 + number as usize % 5).into_bytes(),
            private: vec![],
        })
        .collect();
    for some in records.chunks(20_000) {
        wal.append(some).unwrap();
        while publisher.publish(wal.next(), &mut signers).unwrap().is_some() {}
    }
    std::fs::write(disk.path().join("public/vkey"), key().public().to_string()).unwrap();
    disk
}

#[test]
fn the_go_implementation_accepts_our_logs_and_proofs_and_refuses_changed_ones() {
    let place = Place::new();
    let Some(program) = verifier(&place) else { return };
    let disk = published(&place, 70_000);
    let public = disk.path().join("public");
    let note = Note::parse(&disk.read("public/checkpoint").unwrap()).unwrap();
    let checkpoint = Checkpoint::parse(&note.text).unwrap();
    let mut reader = Reader::new(&checkpoint, |tile| disk.read(&format!("public/{tile}"))).unwrap();
    let mut proofs = Vec::new();
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_999] {
        let proof =
            Proof { extra: None, index, hashes: reader.prove_inclusion(index).unwrap(), checkpoint: note.clone() };
        let path = place.0.join(format!("{index}.tlog-proof"));
        std::fs::write(&path, proof.to_string()).unwrap();
        let entry = format!("entry {index}").repeat(1 + index as usize % 5);
        std::fs::write(path.with_extension("entry"), entry).unwrap();
        proofs.push(path);
    }
    let output = run(&program, &public, &proofs);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert_eq!(text, "verified: 70000 entries, 277 tiles, 7 proofs\n");
    std::fs::write(proofs[3].with_extension("entry"), "entry 257").unwrap();
    assert!(!run(&program, &public, &proofs).status.success());
    for path in ["tile/0/100", "tile/1/000", "tile/2/000.p/1", "tile/entries/273.p/112", "checkpoint", "vkey"] {
        let path = public.join(path);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = whole.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(!run(&program, &public, &[]).status.success(), "{}", path.display());
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn the_go_implementation_and_ours_agree_on_the_good_and_the_forged_log() {
    let place = Place::new();
    let Some(program) = verifier(&place) else { return };
    for (name, sound) in [("good_log_1000", true), ("forged_log_1000", false)] {
        let Some(public) = kept_elsewhere(&place, name) else { return };
        assert_eq!(run(&program, &public, &[]).status.success(), sound, "{name}");
        let vkey = std::fs::read_to_string(public.join("vkey")).unwrap();
        let policy = tlog::policy::Policy::of_log(tlog::note::VerifierKey::parse(vkey.trim()).unwrap());
        let report = ledger::fsck::check(&Folder::new(&public), "", &policy, 2);
        assert_eq!(report.damages.is_empty(), sound, "{name}");
        let named = report.damages.iter().any(|damage| damage.indexes.contains(&300));
        assert_eq!(named, !sound, "{name}: {:?}", report.damages);
    }
}

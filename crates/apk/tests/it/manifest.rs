//! Manifests and signing blocks, plain and disguised.

use crate::builder::{Says, chunk, deflated, document, framed, pool, signing_block, stored, table, v2_signer, zip};
use apk::axml;
use apk::resources::{REFERENCES_MAX, Resources, TABLE_BYTES_MAX};
use apk::{Archive, Budgets, Fault, Manifest, Scheme};

const VERSION_CODE: u32 = 0x0101_021b;
const VERSION_NAME: u32 = 0x0101_021c;
const VERSION_CODE_MAJOR: u32 = 0x0101_0576;
const NAME: u32 = 0x0101_0003;

fn manifest(utf8: bool, stride: usize) -> Vec<u8> {
    let root = vec![
        (VERSION_CODE, "", Says::Int(7)),
        (VERSION_CODE_MAJOR, "versionCodeMajor", Says::Int(1)),
        (VERSION_NAME, "versionCode", Says::Text("1.0 ünï")),
        (0, "package", Says::Text("org.example.seal")),
        (0, "split", Says::Text("config.de")),
    ];
    let nodes = [
        (0, "manifest", root),
        (1, "uses-permission", vec![(NAME, "name", Says::Text("android.permission.INTERNET"))]),
        (1, "application", vec![(NAME, "name", Says::Text("App"))]),
        (2, "activity", vec![(NAME, "name", Says::Text(".Main"))]),
        (3, "activity", vec![(NAME, "name", Says::Text("not.One"))]),
        (1, "queries", vec![]),
        (2, "provider", vec![(NAME, "name", Says::Text("not.Ours"))]),
    ];
    document(&nodes, utf8, stride)
}

#[test]
fn attributes_are_known_by_resource_id_whatever_their_name() {
    for (utf8, stride) in [(true, 20), (false, 20), (true, 36)] {
        let manifest = Manifest::parse(&manifest(utf8, stride), None).unwrap();
        assert_eq!(manifest.package, "org.example.seal");
        assert_eq!(manifest.version_code, Some((1 << 32) + 7));
        assert_eq!(manifest.version_name.as_deref(), Some("1.0 ünï"));
        assert_eq!(manifest.split.as_deref(), Some("config.de"));
        assert_eq!(manifest.permissions, ["android.permission.INTERNET"]);
        assert_eq!(manifest.components, ["org.example.seal.App", "org.example.seal.Main"]);
    }
}

#[test]
fn disorder_that_android_reads_past() {
    let plain = manifest(true, 20);
    let mut odd_type = plain.clone();
    odd_type[0] = 0;
    let mut unknown = plain.clone();
    unknown.extend(chunk(0x7777, &[], b"junk"));
    let size = u32::try_from(unknown.len()).unwrap().to_le_bytes();
    unknown[4..8].copy_from_slice(&size);
    let mut second = plain.clone();
    second.extend(pool(&["decoy"; 40], true));
    let size = u32::try_from(second.len()).unwrap().to_le_bytes();
    second[4..8].copy_from_slice(&size);
    let mut trailing = plain.clone();
    trailing.extend([0; 9]);
    for disordered in [odd_type, unknown, second, trailing] {
        assert_eq!(Manifest::parse(&disordered, None), Manifest::parse(&plain, None));
    }
}

#[test]
fn what_is_no_manifest_is_a_fault() {
    let why = |bytes: &[u8]| match Manifest::parse(bytes, None).unwrap_err() {
        Fault::Format { why, .. } => why,
        other => panic!("{other}"),
    };
    assert_eq!(why(b""), "no chunk");
    assert_eq!(why(b"<manifest/>"), "no chunk");
    assert_eq!(why(&chunk(3, &[], &pool(&[], true))), "no element");
    assert_eq!(why(&document(&[(0, "manifest", vec![])], true, 20)), "no package name");
    assert_eq!(why(&document(&[(0, "resources", vec![])], true, 20)), "the first element is not `manifest`");
    let reference = vec![(0, "package", Says::Ref(0x7f01_0000))];
    assert_eq!(why(&document(&[(0, "manifest", reference)], true, 20)), "no package name");
}

#[test]
fn each_budget_is_reached() {
    let budget = |bytes: &[u8]| match axml::elements(bytes).unwrap_err() {
        Fault::Budget { budget, .. } => budget,
        other => panic!("{other}"),
    };
    assert_eq!(budget(&vec![0; axml::DOCUMENT_BYTES_MAX + 1]), "DOCUMENT_BYTES_MAX");
    let nodes: Vec<_> = (0..=axml::DEPTH_MAX).map(|depth| (depth, "a", vec![])).collect();
    assert_eq!(budget(&document(&nodes, true, 20)), "DEPTH_MAX");
    let mut header = (axml::STRINGS_MAX as u32 + 1).to_le_bytes().to_vec();
    header.extend([0; 16]);
    assert_eq!(budget(&chunk(3, &[], &chunk(1, &header, &[]))), "STRINGS_MAX");
    // Every string of the pool is the same long one.
    let long = "x".repeat(0x7fff);
    let count = axml::TEXT_BYTES_MAX / long.len() + 1;
    let mut body = vec![0; count * 4];
    body.extend([0xff, 0xff, 0xff, 0xff]);
    body.extend(long.bytes());
    body.push(0);
    let mut header = u32::try_from(count).unwrap().to_le_bytes().to_vec();
    header.extend([0; 4]);
    header.extend(256_u32.to_le_bytes());
    header.extend(u32::try_from(28 + count * 4).unwrap().to_le_bytes());
    header.extend([0; 4]);
    assert_eq!(budget(&chunk(3, &[], &chunk(1, &header, &body))), "TEXT_BYTES_MAX");
    let wide: Vec<_> = (0..300).map(|_| (NAME, "name", Says::Int(0))).collect();
    let nodes: Vec<_> = (0..axml::NODES_MAX / 300 + 1).map(|at| (at.min(1), "a", wide.clone())).collect();
    let many = document(&nodes, true, 20);
    assert_eq!(budget(&many), if many.len() > axml::DOCUMENT_BYTES_MAX { "DOCUMENT_BYTES_MAX" } else { "NODES_MAX" });
}

#[test]
fn certificates_of_the_signing_block() {
    let mut files = zip([deflated("AndroidManifest.xml", &manifest(true, 20)), stored("META-INF/x/A.RSA", b"no")]);
    let v3_signed = [framed(&[]), framed(&framed(b"three")), vec![28, 0, 0, 0, 32, 0, 0, 0], framed(&[])].concat();
    let v3 = framed(&framed(&[framed(&v3_signed), vec![0; 8], framed(&[]), framed(&[])].concat()));
    files.signing = signing_block(&[(0x7109_871a, v2_signer(b"two")), (0x4272_6577, vec![0; 9]), (0xf053_68c0, v3)]);
    let bytes = files.build();
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    let signers = apk::signing::signers(&archive).unwrap();
    let found: Vec<_> =
        signers.iter().map(|signer| (signer.scheme, &signer.certificate[..], signer.sdk.clone())).collect();
    assert_eq!(found, [(Scheme::V3, &b"three"[..], Some(28..=32)), (Scheme::V2, b"two", None)]);
}

#[test]
fn references_lead_to_the_text_they_stand_for() {
    let values = [Says::Text("4.2"), Says::Ref(0x7f01_0000), Says::Ref(0x7f01_0002), Says::Int(9)];
    let table = table(&["x", "4.2"], &values);
    let resources = Resources::read(&table).unwrap();
    let texts: Vec<_> = (0..5).map(|entry| resources.text(0x7f01_0000 | entry)).collect();
    assert_eq!(texts, [Some("4.2".into()), Some("4.2".into()), None, None, None]);
    assert_eq!(resources.text(0x7f02_0000), None);
    let root = vec![
        (0, "package", Says::Text("org.example")),
        (VERSION_NAME, "versionName", Says::Ref(0x7f01_0001)),
        (VERSION_CODE, "versionCode", Says::Ref(0x7f01_0003)),
    ];
    let manifest = Manifest::parse(&document(&[(0, "manifest", root)], true, 20), Some(&resources)).unwrap();
    assert_eq!((manifest.version_name.as_deref(), manifest.version_code), (Some("4.2"), Some(9)));
}

#[test]
fn a_circle_of_references_ends() {
    let chain = |length: u32| {
        let mut values: Vec<_> = (1..=length).map(|next| Says::Ref(0x7f01_0000 | next)).collect();
        values.push(Says::Text("end"));
        Resources::read(&table(&["end"], &values)).unwrap().text(0x7f01_0000)
    };
    let longest = u32::try_from(REFERENCES_MAX).unwrap();
    assert_eq!(chain(longest), Some("end".into()));
    assert_eq!(chain(longest + 1), None);
    assert!(matches!(Resources::read(&vec![0; TABLE_BYTES_MAX + 1]), Err(Fault::Budget { .. })));
}

//! Excerpts of archives that are too long to hold: what they say of themselves is what the whole says.

use crate::builder::{File, Says, Zip, deflated, document, signing_block, stored, v2_signer, zip};
use apk::excerpt::{Excerpt, READS_MAX, Ranges, excerpt};
use apk::{Archive, Budgets, Manifest, signing};
use std::convert::Infallible;
use std::ops::Range;

/// Bytes, and how much of them was asked for.
struct Counted<'a> {
    bytes: &'a [u8],
    asked: usize,
    reads: usize,
}

impl Ranges for Counted<'_> {
    type Fault = Infallible;

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Infallible> {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        self.asked += range.len();
        self.reads += 1;
        Ok(self.bytes[range].to_vec())
    }
}

const ROOM: u64 = 1 << 20;

fn made(bytes: &[u8]) -> (Excerpt, Counted<'_>) {
    let mut counted = Counted { bytes, asked: 0, reads: 0 };
    let Ok(made) = excerpt(&mut counted, ROOM);
    (made, counted)
}

fn manifest() -> Vec<u8> {
    document(&[(0, "manifest", vec![(0, "package", Says::Text("org.example.seal"))])], true, 20)
}

/// A package with a signature, code, and assets that are most of it.
fn package() -> Zip {
    let noise: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut zip = zip([
        stored("assets/before", &noise),
        deflated("AndroidManifest.xml", &manifest()),
        File { descriptor: Some(true), flags: 8, local_flags: 8, ..deflated("classes.dex", &[7; 10_000]) },
        stored("assets/behind", &noise),
        stored("lib/arm64-v8a/libseal.so", b"\x7fELF"),
        stored("res/one.png", b"picture"),
    ]);
    zip.signing = signing_block(&[(0x7109_871a, v2_signer(b"certificate"))]);
    zip
}

/// Reads an excerpt as a package.
fn read(made: Excerpt) -> (String, Vec<[u8; 32]>, Vec<String>) {
    let Excerpt::Archive(Some(bytes)) = made else { panic!("{made:?}") };
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    for entry in archive.entries() {
        assert!(archive.read(entry).unwrap().crc_matches, "{}", entry.name);
    }
    let signers = signing::signers(&archive).unwrap().into_iter().map(|signer| signer.certificate_sha256).collect();
    let names = archive.entries().iter().map(|entry| entry.name.to_owned()).collect();
    (Manifest::read(&archive).unwrap().package, signers, names)
}

#[test]
fn an_excerpt_says_what_the_whole_says_and_leaves_out_what_is_large() {
    let whole = package().build();
    let (made, counted) = made(&whole);
    assert!(counted.asked < whole.len() / 10, "{} of {}", counted.asked, whole.len());
    let (package, signers, names) = read(made);
    assert_eq!((package.as_str(), signers.len()), ("org.example.seal", 1));
    assert_eq!(names, ["AndroidManifest.xml", "classes.dex", "lib/arm64-v8a/libseal.so"]);
}

/// The same archive with every number where ZIP64 puts it.
fn zip64(mut zip: Zip) -> Vec<u8> {
    let plain = zip.build();
    let mut at = 0_u64;
    for file in &mut zip.files {
        let length = 30 + file.local_name.len() + file.kept.len() + if file.descriptor.is_some() { 16 } else { 0 };
        let numbers = [u64::from(file.size), file.kept.len() as u64, at].map(u64::to_le_bytes).concat();
        file.central_extra = [&[1, 0, 24, 0][..], &numbers].concat();
        at += length as u64;
    }
    let start = plain.len() - 22;
    let end = |start: u64, size: u64, at: u64| {
        let mut out = b"PK\x06\x06".to_vec();
        out.extend(44_u64.to_le_bytes());
        out.extend([0; 12]);
        out.extend((zip.files.len() as u64).to_le_bytes());
        out.extend((zip.files.len() as u64).to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(at.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out
    };
    let directory_at = u64::from(u32::from_le_bytes(plain[start + 16..start + 20].try_into().unwrap()));
    let grown: usize = zip.files.iter().map(|file| file.central_extra.len()).sum();
    let size = start as u64 - directory_at + grown as u64;
    let ends = end(directory_at, size, directory_at + size);
    let files: Vec<File> = zip.files.clone();
    // Sizes of local headers stay: only the directory is believed, and it sends to the extra fields.
    let mut out = plain[..usize::try_from(directory_at).unwrap()].to_vec();
    let mut records = &plain[usize::try_from(directory_at).unwrap()..start];
    for file in &files {
        let length = 46 + file.name.len();
        let (record, rest) = records.split_at(length);
        let mut record = record.to_vec();
        for at in [20, 24, 42] {
            record[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        record[30..32].copy_from_slice(&u16::try_from(file.central_extra.len()).unwrap().to_le_bytes());
        out.extend(record);
        out.extend(&file.central_extra);
        records = rest;
    }
    out.extend(ends);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([0xff; 12]);
    out.extend([0; 2]);
    out
}

#[test]
fn zip64_says_the_same() {
    let whole = zip64(package());
    assert!(Archive::open(&whole, &Budgets::default()).is_err(), "Android reads none of it");
    let (package, signers, names) = read(made(&whole).0);
    assert_eq!((package.as_str(), signers.len(), names.len()), ("org.example.seal", 1, 3));
}

#[test]
fn what_has_no_sound_directory_is_told_apart_from_what_is_no_package() {
    let whole = package().build();
    let mut two = whole.clone();
    two.extend_from_slice(&whole[whole.len() - 22..]);
    // The first could be meant, with the second as its comment.
    two[whole.len() - 2] = 22;
    let cut = &whole[..whole.len() - 5];
    let mut behind = whole.clone();
    behind.push(0);
    let mut outside = whole.clone();
    let at = outside.len() - 6;
    outside[at..at + 4].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
    for unsound in [&two[..], cut, &behind, &outside, b"", b"PK\x05\x06", &[0; 100_000]] {
        assert!(matches!(made(unsound).0, Excerpt::Unsound), "{} bytes", unsound.len());
    }
    let other = zip([stored("a.txt", b"text"), stored("b.txt", b"text")]).build();
    assert!(matches!(made(&other).0, Excerpt::Archive(None)));
}

#[test]
fn a_bundle_keeps_its_packages_and_what_is_too_much_is_left_out() {
    let inner = zip([stored("AndroidManifest.xml", &manifest())]).build();
    let huge = vec![1; usize::try_from(ROOM).unwrap()];
    let bundle = zip([stored("huge.apk", &huge), stored("base.apk", &inner), stored("main.obb", &huge)]).build();
    let Excerpt::Archive(Some(bytes)) = made(&bundle).0 else { panic!("it has packages") };
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    assert_eq!(archive.entries().iter().map(|entry| entry.name).collect::<Vec<_>>(), ["base.apk"]);
    let many: Vec<File> = (0..2 * READS_MAX).map(|n| stored(&format!("{n}.dex"), b"dex")).collect();
    let many = zip([&[stored("AndroidManifest.xml", &manifest())][..], &many].concat()).build();
    let (package, _, names) = read(made(&many).0);
    assert_eq!((package.as_str(), names.len()), ("org.example.seal", READS_MAX));
    assert!(made(&many).1.reads < READS_MAX + 8);
}

#[test]
fn noise_and_single_changed_bytes_break_nothing() {
    let whole = package().build();
    let (head, tail) = (package().files[0].kept.len() + 30, whole.len() - 700);
    let mut seed = 3_u64;
    for at in (tail..whole.len()).chain(head..head + 300) {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut changed = whole.clone();
        changed[at] ^= (seed >> 33) as u8 | 1;
        if let Excerpt::Archive(Some(bytes)) = made(&changed).0 {
            let _read = Archive::open(&bytes, &Budgets::default()).map(|archive| Manifest::read(&archive).is_ok());
        }
    }
}

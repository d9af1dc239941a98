//! Damage at random, from a fixed seed: nothing panics, nothing exceeds its budget.

use crate::builder::{Says, deflated, document, signing_block, stored, table, v2_signer, zip};
use apk::{Archive, Budgets, Manifest};

const ROUNDS: u64 = 20_000;

/// A linear congruential generator: the same damage on every machine.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

fn sample() -> Vec<u8> {
    let nodes = [(0, "manifest", vec![(0, "package", Says::Text("org.example")), (0x0101_021b, "v", Says::Int(3))])];
    let mut zip = zip([
        deflated("AndroidManifest.xml", &document(&nodes, true, 20)),
        stored("classes.dex", &[7; 99]),
        deflated("res/a.png", &[1; 3_000]),
        stored("META-INF/CERT.RSA", &[0x30, 0x80]),
    ]);
    zip.signing = signing_block(&[(0x7109_871a, v2_signer(b"certificate"))]);
    zip.build()
}

fn damage(seed: &mut Seed, bytes: &mut Vec<u8>) {
    for _ in 0..=seed.below(4) {
        let at = seed.below(bytes.len());
        match seed.below(6) {
            0 => bytes[at] ^= 1 << seed.below(8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80][seed.below(4)],
            2 => bytes.truncate(at.max(1)),
            3 => bytes.insert(at, seed.below(256) as u8),
            4 => {
                let from = seed.below(bytes.len());
                let piece = bytes[from..bytes.len().min(from + 40)].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.splice(at..bytes.len().min(at + 4), u32::MAX.to_le_bytes())),
        }
    }
}

/// Reads everything there is to read.
fn read_all(bytes: &[u8], budgets: &Budgets) -> bool {
    let Ok(archive) = Archive::open(bytes, budgets) else { return false };
    let mut total = 0;
    for entry in archive.entries() {
        if let Ok(content) = archive.read(entry) {
            assert_eq!(content.bytes.len() as u64, entry.size);
            total += content.bytes.len() as u64;
        }
    }
    assert!(total <= budgets.total_bytes_max);
    let signers = apk::signing::signers(&archive).is_ok();
    Manifest::read(&archive).is_ok() && signers
}

#[test]
fn damaged_packages_never_panic() {
    let sample = sample();
    let budgets = Budgets { total_bytes_max: 64 << 10, ..Budgets::default() };
    let mut seed = Seed(6);
    let mut survived = 0;
    for _ in 0..ROUNDS {
        let mut bytes = sample.clone();
        damage(&mut seed, &mut bytes);
        survived += u32::from(read_all(&bytes, &budgets));
    }
    assert!(survived > 0, "some damage must leave the package readable, or the test reaches nothing");
}

#[test]
fn damaged_documents_and_tables_never_panic() {
    let root = vec![(0, "package", Says::Text("org.example")), (0x0101_021c, "v", Says::Ref(0x7f01_0000))];
    let document = document(&[(0, "manifest", root), (1, "application", vec![])], false, 20);
    let table = table(&["1.0"], &[Says::Text("1.0"), Says::Ref(0x7f01_0000)]);
    let mut seed = Seed(7);
    let mut survived = 0;
    for _ in 0..ROUNDS {
        let (mut bytes, mut table) = (document.clone(), table.clone());
        damage(&mut seed, &mut bytes);
        damage(&mut seed, &mut table);
        let resources = apk::resources::Resources::read(&table);
        survived += u32::from(Manifest::parse(&bytes, resources.as_ref().ok()).is_ok());
    }
    assert!(survived > 0);
}

#[test]
fn every_truncation_is_a_fault() {
    let sample = sample();
    for length in 0..sample.len() {
        assert!(Archive::open(&sample[..length], &Budgets::default()).is_err(), "{length}");
    }
}

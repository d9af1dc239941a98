//! Packages that differ in how they keep what is in them, compared by many at once.

use crate::builder::{deflated, stored, zip};
use apk::compare::{Difference, Level, compare};
use apk::{Archive, Budgets, Fault};

/// The same content in many files, small and large, of which one has another last byte in the second package.
fn compared(other: Option<usize>) -> (Option<Level>, Vec<Difference>) {
    let size = |number: usize| if number < 2 { (16 << 20) + 1 } else { 1_000 * number };
    let content = |number: usize| -> Vec<u8> { (0..size(number)).map(|n| (n >> 9) as u8 ^ number as u8).collect() };
    let name = |number: usize| format!("assets/{number:02}");
    let first: Vec<_> = (0..40).map(|number| stored(&name(number), &content(number))).collect();
    let second = (0..40).map(|number| {
        let mut content = content(number);
        if let Some(last) = content.last_mut().filter(|_| other == Some(number)) {
            *last ^= 1;
        }
        deflated(&name(number), &content)
    });
    let (first, second) = (zip(first).build(), zip(second.collect::<Vec<_>>()).build());
    let open = |bytes| Archive::open(bytes, &Budgets::default()).unwrap();
    let found = compare(&open(&first), &open(&second)).unwrap();
    (found.level, found.differences)
}

#[test]
fn what_is_kept_otherwise_has_the_same_content_to_the_last_byte() {
    let (level, differences) = compared(None);
    assert_eq!((level, differences.len()), (Some(Level::L2), 40));
    // Held and compared, and by digests where it is too large to be held.
    for number in [0, 2, 39] {
        let (level, differences) = compared(Some(number));
        let content: Vec<&Difference> =
            differences.iter().filter(|difference| matches!(difference, Difference::Content(_))).collect();
        assert_eq!(content, [&Difference::Content(format!("assets/{number:02}"))]);
        assert_eq!((level, differences.len()), (None, 40), "in the order of their names");
    }
}

#[test]
fn the_first_file_by_name_that_cannot_be_inflated_is_told() {
    let packed = |name: &str| {
        let mut file = deflated(name, &[7; 5_000]);
        file.kept.truncate(file.kept.len() / 2);
        file
    };
    let names: Vec<String> = (0..30).map(|number| format!("assets/{number:02}")).collect();
    let first: Vec<_> = names.iter().map(|name| stored(name, &[7; 5_000])).collect();
    let second: Vec<_> = names.iter().rev().map(|name| packed(name)).collect();
    let (first, second) = (zip(first).build(), zip(second).build());
    let open = |bytes| Archive::open(bytes, &Budgets::default()).unwrap();
    for _ in 0..10 {
        assert_eq!(compare(&open(&first), &open(&second)), Err(Fault::Inflate(String::from("assets/00"))));
    }
}

#[test]
fn what_android_does_not_take_for_a_signature_is_content() {
    let judged = |more: &str| {
        let rebuilt = stored("classes.dex", &[7; 500]);
        let (first, second) = (zip([rebuilt.clone(), stored(more, b"more")]).build(), zip([rebuilt]).build());
        let open = |bytes| Archive::open(bytes, &Budgets::default()).unwrap();
        compare(&open(&first), &open(&second)).unwrap().level
    };
    for signature in ["META-INF/MANIFEST.MF", "META-INF/CERT.SF", "META-INF/CERT.rsa"] {
        assert_eq!(judged(signature), Some(Level::L1), "{signature}");
    }
    for content in ["meta-inf/MANIFEST.MF", "META-inf/CERT.SF", "Meta-Inf/CERT.RSA", "META-INF/a/CERT.SF", "CERT.SF"] {
        assert_eq!(judged(content), Some(Level::L3), "{content}");
    }
}

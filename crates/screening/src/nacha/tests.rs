//! Files of fixed-width records read by batch and entry, and what is damaged in them.

use super::*;

fn sample(name: &str) -> Option<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/screening/nacha/").to_owned() + name;
    let read = std::fs::read(path).ok();
    if read.is_none() {
        assert_ne!(option_env!("CI"), Some("true"), "{name} is not there");
        println!("skipped: no {name} beside the repository");
    }
    read
}

fn parts(bytes: &[u8]) -> (Vec<Part>, Vec<String>) {
    let mut reader = Reader::new(bytes);
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(part) = reader.next_part() {
        assert_eq!(part.bytes().start, at, "{part:?}");
        at = part.bytes().end;
        if matches!(part, Part::Payment(_)) {
            let payment = reader.payment();
            names.extend(payment.fields.iter().filter(|f| f.says == Says::Name).map(|f| payment.text_of(f).to_owned()));
        }
        parts.push(part);
    }
    assert_eq!(at, bytes.len() as u64);
    (parts, names)
}

#[test]
fn entries_with_their_addenda_are_payments() {
    for (name, least) in
        [("ppd-debit.ach", 1), ("ppd-mixedDebitCredit.ach", 2), ("iat-debit.ach", 1), ("iat-mixedDebitCredit.ach", 2)]
    {
        let Some(bytes) = sample(name) else { continue };
        let (parts, names) = parts(&bytes);
        let payments = parts.iter().filter(|part| matches!(part, Part::Payment(_))).count();
        assert!(payments >= least, "{name}: {parts:?}");
        assert!(!parts.iter().any(|part| matches!(part, Part::Unread(..))), "{name}: {parts:?}");
        assert!(names.len() >= payments, "{name}: {names:?}");
    }
}

#[test]
fn cut_anywhere_no_byte_is_lost() {
    let Some(bytes) = sample("iat-debit.ach") else { return };
    for cut in 0..bytes.len() {
        parts(&bytes[..cut]);
    }
    assert!(matches!(parts(b"hello").0[0], Part::Unread(..)));
}

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
    for name in
        ["ppd-debit.ach", "ppd-mixedDebitCredit.ach", "iat-debit.ach", "iat-mixedDebitCredit.ach", "20110805A.ach"]
    {
        let Some(bytes) = sample(name) else { continue };
        for cut in 0..bytes.len() {
            let (parts, _) = parts(&bytes[..cut]);
            let unread = parts.iter().filter(|part| matches!(part, Part::Unread(..))).count();
            let control = bytes[..cut].split(|byte| *byte == b'\n').any(|line| line.len() >= 55 && line[0] == b'9');
            assert!(unread > 0 || cut == 0 || control, "{name} cut at {cut} is taken for whole");
        }
    }
    assert!(matches!(parts(b"hello").0[0], Part::Unread(..)));
}

/// A file of two entries with totals that hold.
fn file() -> String {
    let entry = |code: &str, bank: &str, cents: u32, name: &str, trace: u32| {
        format!("6{code}{bank}1{:<17}{cents:010}{:<15}{name:<22}  0{trace:015}", "12345", "ID")
    };
    let rows = [
        format!("101 076401251 0764012512009251000A094101{:<23}{:<23}{:<8}", "BANK", "COMPANY", ""),
        format!("5200{:<16}{:<20}{:<10}PPD{:<10}200925200925   1076401250000001", "ACME", "", "1", "BILL"),
        entry("22", "07640125", 1_050, "BOB", 1),
        entry("27", "99999999", 200, "EVE", 2),
        format!("82000000020107640124{:012}{:012}{:<10}{:<25}076401250000001", 200, 1_050, "1", ""),
        format!("9000001000001000000020107640124{:012}{:012}{:<39}", 200, 1_050, ""),
        "9".repeat(94),
    ];
    rows.map(|row| row + "\n").concat()
}

fn faults(text: &str) -> Vec<(u64, String)> {
    let unread = |part: &Part| match part {
        Part::Unread(_, fault) => Some((fault.at, fault.why.clone())),
        Part::Frame(_) | Part::Payment(_) => None,
    };
    parts(text.as_bytes()).0.iter().filter_map(unread).collect()
}

#[test]
fn totals_that_do_not_agree_are_for_a_person_and_reading_goes_on() {
    let whole = file();
    assert!(whole.lines().all(|line| line.len() == RECORD), "{whole}");
    assert_eq!(faults(&whole), []);
    let payments = |text: &str| parts(text.as_bytes()).0.iter().filter(|p| matches!(p, Part::Payment(_))).count();
    let rows: Vec<&str> = whole.split_inclusive('\n').collect();
    let control = whole.find("\n8200").map_or(0, |n| n as u64 + 1);
    for (from, to, told) in [
        ("0000001050ID", "0000001051ID", "sum of credits is `000000001050` in positions 33 to 44, and 1051 came"),
        ("0000000200ID", "0000000300ID", "sum of debits is `000000000200` in positions 21 to 32, and 300 came"),
        ("2207640125", "2207640126", "entry hash is `0107640124` in positions 11 to 20, and 107640125 came"),
    ] {
        let text = whole.replace(from, to);
        let faults = faults(&text);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(faults[0].0, control);
        assert!(faults[0].1.contains("the totals of batch 0000001") && faults[0].1.contains(told), "{}", faults[0].1);
        assert!(faults[1].1.starts_with("the totals of the file do not agree"), "{}", faults[1].1);
        assert_eq!(payments(&text), 2, "every entry keeps its verdict");
    }
    // An entry was dropped on the way, a batch, the end.
    let without = |n: usize| rows.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, row)| *row).collect::<String>();
    assert!(faults(&without(3))[0].1.contains("count is `000002` in positions 5 to 10, and 1 came"));
    assert!(faults(&rows[..4].concat())[0].1.contains("within a batch"));
    assert!(faults(&rows[..5].concat())[0].1.contains("without its control record"));
    assert!(
        faults(&[rows[0], rows[5]].concat())[0].1.contains("batch count is `000001` in positions 2 to 7, and 0 came")
    );
    for odd in [without(1), without(4), without(0), whole.clone() + rows[1], rows[0].to_owned() + rows[0]] {
        assert!(!faults(&odd).is_empty(), "{odd}");
    }
}

#[test]
fn samples_have_totals_that_hold_but_for_one_that_lacks_a_batch() {
    for name in ["ppd-debit.ach", "ppd-mixedDebitCredit.ach", "iat-debit.ach", "iat-mixedDebitCredit.ach"] {
        let Some(bytes) = sample(name) else { continue };
        assert_eq!(faults(&String::from_utf8(bytes).unwrap()), [], "{name}");
    }
    // Its batches are numbered 1, 3, 4 and 5.
    let Some(bytes) = sample("20110805A.ach") else { return };
    let faults = faults(&String::from_utf8(bytes).unwrap());
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].1.ends_with("batch count is `000005` in positions 2 to 7, and 4 came"), "{faults:?}");
}

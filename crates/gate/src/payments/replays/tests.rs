//! The journal cut, damaged, shared, full and expired.

use super::*;
use crate::payments::judge::{Judge, Settings};
use crate::payments::known;
use crate::payments::run::{Accounts, Item, run};
use docket::Docket;
use docket::finding::Posture;
use jiff::tz::TimeZone;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file of its own, removed afterwards.
struct Journal(PathBuf);

impl Journal {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("interdict-replays-{}-{made}", std::process::id())))
    }

    fn open(&self) -> Replays {
        Replays::open(&self.0, Keeping::default(), first_day()).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap_or_default();
    }
}

fn first_day() -> Time {
    1_600_000_000
}

fn later() -> Time {
    first_day() + 31 * DAY_SECONDS
}

fn message(id: &str, transactions: &[String]) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>{id}</MsgId>\
         <CreDtTm>2020-09-01T10:00:00Z</CreDtTm></GrpHdr>{}</FIToFICstmrCdtTrf></Document>",
        transactions.concat()
    )
}

fn transaction(ids: &str, payee: &str) -> String {
    format!(
        "<CdtTrfTxInf><PmtId>{ids}</PmtId><IntrBkSttlmDt>2020-09-25</IntrBkSttlmDt><Cdtr><Nm>{payee}</Nm></Cdtr></CdtTrfTxInf>"
    )
}

fn numbered(number: usize, payee: &str) -> String {
    transaction(&format!("<EndToEndId>E</EndToEndId><TxId>T{number}</TxId>"), payee)
}

type Seen = (Outcome, Option<Before>);

/// Screens a message in one session, which is committed unless somebody does it later.
fn look(session: &Session<'_>, xml: &str) -> (Vec<Seen>, Accounts) {
    let docket = Docket::load(Vec::new()).unwrap();
    let known = known::Known::of(&docket).unwrap();
    let settings = Settings { known_at: None, zone: TimeZone::UTC, posture: Posture::default() };
    let mut judge = Judge::new(&docket, &known, settings);
    let mut seen = Vec::new();
    let mut sink = |item: &Item<'_>| {
        if let Item::Payment(screened) = item {
            seen.push((screened.judged.outcome(), screened.before.clone()));
        }
        Ok(())
    };
    let mut reader = screening::iso20022::Reader::new(xml.as_bytes());
    let accounts = run(&mut reader, &mut judge, Some(session), &mut sink).unwrap();
    (seen, accounts)
}

fn screen(replays: &Replays, xml: &str, now: fn() -> Time) -> (Vec<Seen>, Accounts) {
    let session = replays.session("this law", now).unwrap();
    let done = look(&session, xml);
    session.commit().unwrap();
    done
}

fn again(seen: &[Seen]) -> Vec<bool> {
    seen.iter().map(|(_, before)| before.as_ref().is_some_and(|before| before.again)).collect()
}

#[test]
fn the_same_is_known_again_and_another_content_is_for_a_person() {
    let journal = Journal::new();
    let replays = journal.open();
    let xml = message("M", &[numbered(1, "Bob"), numbered(2, "Eve")]);
    let (seen, accounts) = screen(&replays, &xml, first_day);
    assert_eq!(seen, [(Outcome::Pass, None), (Outcome::Pass, None)]);
    assert_eq!(accounts.repeats, Repeats { kept: true, ..Repeats::default() });
    let len = journal.bytes().len();
    // Sent again at another time, with marks of that.
    let resent = xml.replace("2020-09-01T10", "2020-09-02T11");
    for replays in [replays, journal.open()] {
        assert_eq!(again(&screen(&replays, &resent, later).0), [true, true]);
    }
    assert_eq!(journal.bytes().len(), len, "nothing is recorded twice");

    let replays = journal.open();
    let other = xml.replace("Eve", "Mallory");
    for repeated in [false, true] {
        let (seen, accounts) = screen(&replays, &other, first_day);
        assert_eq!(seen[0].0, Outcome::Pass);
        let (outcome, Some(before)) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!((*outcome, before.again, before.outcome), (Outcome::Review, repeated, Outcome::Pass));
        let at = other.find("Mallory").unwrap();
        assert_eq!(before.differs, [format!("Cdtr/Nm now says “Mallory” (bytes {at}–{})", at + 7)]);
        assert!(before.reason().unwrap().contains("first at 2020-09-13T12:26:40Z (pass)"));
        assert_eq!(accounts.repeats.otherwise, 1);
        assert_eq!((accounts.of(Outcome::Review), accounts.balance()), (1, true));
    }
    let cut = xml.replace("<Cdtr><Nm>Eve</Nm></Cdtr>", "");
    let (seen, _) = screen(&replays, &cut, first_day);
    assert_eq!(seen[1].1.as_ref().unwrap().differs, ["1 field is gone"]);
    // The first is still itself.
    assert_eq!(again(&screen(&replays, &xml, first_day).0), [true, true]);
    // Another law decides anew, about the same.
    let session = replays.session("another law", first_day).unwrap();
    let (seen, accounts) = look(&session, &xml);
    assert!(seen.iter().all(|(outcome, before)| *outcome == Outcome::Pass && !before.as_ref().unwrap().again));
    assert_eq!(accounts.repeats.anew, 2);
}

#[test]
fn ids_that_need_not_differ_count_with_their_place() {
    let journal = Journal::new();
    let replays = journal.open();
    let salary = |payee: &str| transaction("<EndToEndId>SALARY</EndToEndId>", payee);
    let none = transaction("<EndToEndId>NOTPROVIDED</EndToEndId>", "Bob");
    let xml = message("M", &[salary("Bob"), salary("Eve"), none.clone(), none]);
    let (seen, accounts) = screen(&replays, &xml, first_day);
    assert!(seen.iter().all(|(outcome, before)| *outcome == Outcome::Pass && before.is_none()), "{seen:?}");
    assert_eq!(accounts.repeats.unidentified, 2);
    assert_eq!(again(&screen(&replays, &xml, first_day).0), [true, true, false, false]);
    assert_eq!(again(&screen(&replays, &xml.replace("<MsgId>M", "<MsgId>N"), first_day).0), [false; 4]);
}

#[test]
fn what_a_sudden_end_tore_off_is_cut_away_and_nothing_else() {
    let journal = Journal::new();
    let replays = journal.open();
    let (first, second) = (message("M", &[numbered(1, "Bob")]), message("M", &[numbered(2, "Eve")]));
    screen(&replays, &first, first_day);
    let one = journal.bytes().len();
    screen(&replays, &second, first_day);
    let whole = journal.bytes();
    drop(replays);
    for cut in 0..whole.len() {
        std::fs::write(&journal.0, &whole[..cut]).unwrap();
        let replays = journal.open();
        assert_eq!(replays.len(), usize::from(cut >= one), "cut at {cut}");
        assert_eq!(again(&screen(&replays, &first, first_day).0), [cut >= one]);
        assert_eq!(again(&screen(&replays, &second, first_day).0), [false]);
        assert_eq!(journal.open().len(), 2);
    }
    // The last line is whole but for what it says: nobody was told of it.
    let mut damaged = whole.clone();
    damaged[whole.len() - 2] ^= 1;
    std::fs::write(&journal.0, &damaged).unwrap();
    assert_eq!(journal.open().len(), 1);
    // A line that others follow was told.
    let mut damaged = whole.clone();
    damaged[one - 2] ^= 1;
    std::fs::write(&journal.0, &damaged).unwrap();
    let error = Replays::open(&journal.0, Keeping::default(), first_day()).unwrap_err();
    assert!(error.contains(&format!("the line at byte {} is damaged", HEAD.len())), "{error}");
    assert_eq!(journal.bytes(), damaged);
    std::fs::write(&journal.0, "<Document>something of somebody's</Document>, and more of it").unwrap();
    let error = Replays::open(&journal.0, Keeping::default(), first_day()).unwrap_err();
    assert!(error.contains("name another file"), "{error}");
    assert!(Replays::open(Path::new("/nowhere/at/all"), Keeping::default(), first_day()).is_err());
}

#[test]
fn what_is_too_old_is_forgotten_and_cut_from_the_file() {
    let journal = Journal::new();
    let replays = journal.open();
    let many: Vec<String> = (0..7_000).map(|n| numbered(n, "Bob")).collect();
    let xml = message("M", &many);
    screen(&replays, &xml, first_day);
    let full = journal.bytes().len();
    assert!(full as u64 > EXPIRED_BYTES_MIN, "{full}");
    let other = journal.open();
    assert_eq!(again(&screen(&other, &message("M", &many[..2]), first_day).0), [true, true]);
    // A month later one program starts anew and shortens the file, while two others have the long one open.
    let fresh = Replays::open(&journal.0, Keeping::default(), later()).unwrap();
    assert_eq!((fresh.len(), journal.bytes().len()), (0, HEAD.len()));
    assert_eq!(again(&screen(&other, &message("M", &many[..2]), later).0), [false, false]);
    assert_eq!(again(&screen(&fresh, &message("M", &many[..3]), later).0), [true, true, false]);
    assert_eq!(again(&screen(&replays, &message("M", &many[..3]), later).0), [true; 3]);
    assert_eq!(journal.open().len(), 3);
}

#[test]
fn more_than_may_be_held_is_refused_or_pushes_out_the_oldest() {
    for on_full in [OnFull::Refuse, OnFull::ForgetOldest] {
        let journal = Journal::new();
        let keeping = Keeping { transactions_max: 2, on_full, ..Keeping::default() };
        let replays = Replays::open(&journal.0, keeping, first_day()).unwrap();
        let one = |n| message("M", &[numbered(n, "Bob")]);
        screen(&replays, &one(1), first_day);
        screen(&replays, &one(2), first_day);
        let session = replays.session("this law", first_day).unwrap();
        look(&session, &one(3));
        let done = session.commit();
        assert_eq!(replays.len(), 2);
        match on_full {
            OnFull::Refuse => {
                assert!(done.unwrap_err().contains("nothing more is screened"));
                // It is no fault of those that are known.
                assert_eq!(again(&screen(&replays, &one(1), first_day).0), [true]);
            }
            OnFull::ForgetOldest => {
                done.unwrap();
                assert_eq!(again(&screen(&replays, &one(3), first_day).0), [true]);
                assert_eq!(again(&screen(&replays, &one(1), first_day).0), [false]);
            }
        }
        let session = replays.session("this law", later).unwrap();
        look(&session, &one(9));
        session.commit().unwrap();
        assert_eq!(replays.len(), 1, "what has expired makes room");
    }
}

#[test]
fn two_at_the_same_moment_do_not_both_decide() {
    let journal = Journal::new();
    let (here, there) = (journal.open(), journal.open());
    let xml = message("M", &[numbered(1, "Bob")]);
    let (one, two) = (here.session("law", first_day).unwrap(), there.session("law", first_day).unwrap());
    look(&one, &xml);
    look(&two, &xml);
    one.commit().unwrap();
    assert!(two.commit().unwrap_err().contains("screen this again"));
    let after = there.session("law", first_day).unwrap();
    assert_eq!(again(&look(&after, &xml).0), [true]);
    after.commit().unwrap();
    assert_eq!(journal.open().len(), 1);
    // Within one message, too, before anything is on disk.
    let twice = message("N", &[numbered(1, "Bob"), numbered(1, "Bob"), numbered(1, "Eve")]);
    let (seen, _) = screen(&here, &twice, first_day);
    assert_eq!(again(&seen), [false, true, false]);
    assert_eq!(seen[2].0, Outcome::Review);
}

#[test]
fn anything_that_is_no_line_is_none() {
    let entry = Entry { at: 1, ids: 2, content: 3, verdict: 4, outcome: Outcome::Block, fields: vec![(5, 6), (7, 8)] };
    let line = entry.line();
    assert_eq!(Entry::read(line.trim_end()), Some(entry));
    for n in 0..line.len() - 1 {
        assert_eq!(Entry::read(&line[..n]), None);
        let mut other = line.trim_end().to_owned().into_bytes();
        other[n] ^= 0x11;
        if let Ok(other) = String::from_utf8(other) {
            assert_eq!(Entry::read(&other), None, "{other}");
        }
    }
}

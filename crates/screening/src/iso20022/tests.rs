//! Messages read as streams: spans, envelopes, damage.

use super::*;
use crate::parts::{Part, Parts};
use crate::payment::{Role, Whom};
use std::io::Cursor;
use std::path::PathBuf;

const TWO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="urn:x"><h:AppHdr xmlns:h="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><h:BizMsgIdr>B</h:BizMsgIdr></h:AppHdr>
<p:Document xmlns:p="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><p:FIToFICstmrCdtTrf>
<p:GrpHdr><p:MsgId>M1</p:MsgId><p:NbOfTxs>2</p:NbOfTxs><p:IntrBkSttlmDt>2020-09-25</p:IntrBkSttlmDt></p:GrpHdr>
<p:CdtTrfTxInf><p:PmtId><p:EndToEndId>E1</p:EndToEndId></p:PmtId><p:IntrBkSttlmAmt Ccy="USD">12.50</p:IntrBkSttlmAmt>
<p:Dbtr><p:Nm>Smith &amp; Sons</p:Nm><p:PstlAdr><p:Ctry>US</p:Ctry></p:PstlAdr></p:Dbtr>
<p:Cdtr><p:Nm><![CDATA[WeChat Pay]]></p:Nm></p:Cdtr>
<p:CdtrAcct><p:Id><p:Othr><p:Id>123</p:Id></p:Othr></p:Id><p:Prxy><p:Tp><p:Cd>EWAL</p:Cd></p:Tp><p:Id>wxp://f2f0</p:Id></p:Prxy></p:CdtrAcct>
<p:RmtInf><p:Ustrd>for lunch</p:Ustrd></p:RmtInf></p:CdtTrfTxInf>
<p:CdtTrfTxInf><p:PmtId><p:EndToEndId>E2</p:EndToEndId></p:PmtId></p:CdtTrfTxInf>
</p:FIToFICstmrCdtTrf></p:Document></env:Envelope>
"#;

/// Reads it all: every byte must be in exactly one part, in order.
fn parts(bytes: &[u8]) -> Vec<Part> {
    let mut reader = Reader::new(Cursor::new(bytes));
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(part) = reader.next_part() {
        let Range { start, end } = part.bytes();
        assert_eq!(start, at, "a gap or an overlap before {part:?}");
        assert!(end >= start, "{part:?}");
        if matches!(part, Part::Payment(_)) {
            let text = &bytes[start as usize..end as usize];
            assert!(text.starts_with(b"<") && text.ends_with(b">"), "{}", String::from_utf8_lossy(text));
        }
        at = end;
        parts.push(part);
    }
    assert_eq!(at, bytes.len() as u64, "bytes left over");
    parts
}

fn payments(parts: &[Part]) -> usize {
    parts.iter().filter(|part| matches!(part, Part::Payment(_))).count()
}

fn fault(parts: &[Part]) -> Option<&str> {
    parts.iter().find_map(|part| match part {
        Part::Unread(_, fault) => Some(fault.why.as_str()),
        Part::Frame(_) | Part::Payment(_) => None,
    })
}

fn said(payment: &Payment, whom: Whom, says: Says) -> Vec<&str> {
    payment.all(whom, says).collect()
}

#[test]
fn fields_have_their_roles() {
    let mut reader = Reader::new(TWO.as_bytes());
    while !matches!(reader.next_part().expect("a payment"), Part::Payment(_)) {}
    assert_eq!(reader.kind(), Some(Kind::CustomerTransfer));
    assert_eq!(reader.message(), "pacs.008.001.08");
    assert_eq!(reader.header().any(Says::MessageId), Some("M1"));
    assert_eq!(reader.header().any(Says::ValueDate), Some("2020-09-25"));
    let payment = reader.payment();
    assert_eq!(said(payment, Whom::Debtor, Says::Name), ["Smith & Sons"]);
    assert_eq!(said(payment, Whom::Debtor, Says::Country), ["US"]);
    assert_eq!(said(payment, Whom::Creditor, Says::Name), ["WeChat Pay"]);
    assert_eq!(said(payment, Whom::Creditor, Says::ProxyId), ["wxp://f2f0"]);
    assert_eq!(said(payment, Whom::Creditor, Says::ProxyKind), ["EWAL"]);
    assert_eq!(payment.any(Says::Amount), Some("12.50 USD"));
    let note = payment.fields.iter().find(|field| payment.text_of(field) == "for lunch").expect("remittance");
    assert_eq!((note.role, reader.paths().words(note.path).as_str()), (Role::Mention, "RmtInf/Ustrd"));
    assert!(note.plain);
    assert_eq!(&TWO[note.bytes.start as usize..note.bytes.end as usize], "for lunch");
}

#[test]
fn names_in_telegraphic_code_are_read_in_han_letters_too() {
    let text = TWO.replace("<![CDATA[WeChat Pay]]>", "1792 0207 2388 0102");
    let mut reader = Reader::new(text.as_bytes());
    while !matches!(reader.next_part().expect("a payment"), Part::Payment(_)) {}
    let payment = reader.payment();
    assert_eq!(said(payment, Whom::Creditor, Says::Name), ["1792 0207 2388 0102", "微信支付"]);
    let field = payment.fields.iter().find(|field| payment.text_of(field) == "微信支付").expect("read");
    assert!(!field.plain);
    assert_eq!(&text[field.bytes.start as usize..field.bytes.end as usize], "1792 0207 2388 0102");
}

#[test]
fn a_byte_order_mark_moves_nothing() {
    let with = [b"\xef\xbb\xbf", TWO.as_bytes()].concat();
    assert_eq!(payments(&parts(&with)), 2);
    let first = |bytes: &[u8]| parts(bytes).into_iter().find(|p| matches!(p, Part::Payment(_))).expect("one").bytes();
    assert_eq!(first(&with).start, first(TWO.as_bytes()).start + 3);
}

#[test]
fn what_was_closed_before_a_fault_stands() {
    let ends: Vec<usize> = TWO.match_indices("</p:CdtTrfTxInf>").map(|(n, tag)| n + tag.len()).collect();
    for cut in 0..TWO.len() {
        let parts = parts(&TWO.as_bytes()[..cut]);
        let closed = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(payments(&parts), closed, "cut at {cut}");
        let whole = TWO[..cut].ends_with("</env:Envelope>");
        assert_eq!(fault(&parts).is_none(), cut == 0 || whole, "cut at {cut}: {parts:?}");
    }
}

#[test]
fn hostile_files_are_refused_whole_or_from_the_fault_on() {
    let first =
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn><PmtInf><CdtTrfTxInf/>";
    let refused = |rest: &str| {
        let text = format!("{first}{rest}");
        let parts = parts(text.as_bytes());
        assert_eq!(payments(&parts), 1, "{rest}");
        fault(&parts).map(str::to_owned).unwrap_or_default()
    };
    assert!(refused(&"<a>".repeat(DEPTH_MAX + 1)).contains("nested"));
    assert!(refused(&format!("<{}>", "a".repeat(NAME_BYTES_MAX + 1))).contains("element name"));
    assert!(refused(&format!("<a b='{}'>", "x".repeat(ATTRIBUTES_BYTES_MAX))).contains("attributes"));
    let large = crate::door::PIECE_BYTES_MAX as usize * 4;
    assert!(refused(&format!("<a>{}</a>", "x".repeat(large))).contains("one tag or text"));
    assert!(refused(&format!("<a {}", "x".repeat(large))).contains("one tag or text"));
    assert!(refused("<CdtTrfTxInf><Nm>&wechat;</Nm>").contains("&wechat;"));
    assert!(refused("<CdtTrfTxInf><CdtTrfTxInf>").contains("within another"));
    assert!(refused("</PmtInf></PmtInf>").contains("mismatched") || !refused("</PmtInf></PmtInf>").is_empty());
    assert!(refused("</PmtInf></CstmrCdtTrfInitn></Document><more/>").contains("more after"));
    let pieces = "<CdtTrfTxInf>".to_owned() + &"<Nm>x</Nm>".repeat(PAYMENT_FIELDS_MAX + 1);
    assert!(refused(&pieces).contains("too much"));
    let bomb = "<!DOCTYPE d [<!ENTITY a 'aa'>]>".to_owned() + TWO;
    assert_eq!(payments(&parts(bomb.as_bytes())), 0);
    assert!(fault(&parts(bomb.as_bytes())).expect("refused").contains("document type"));
    let inner =
        TWO.replace("for lunch", "<![CDATA[<Document><CdtTrfTxInf></CdtTrfTxInf></Document> and so on and so forth]]>");
    assert!(fault(&parts(inner.as_bytes())).expect("refused").contains("inside a text"));
}

#[test]
fn what_is_no_transfer_is_not_thereby_clear() {
    let other = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.07'><BkToCstmrStmt/></Document>";
    assert!(fault(&parts(other.as_bytes())).expect("unread").contains("camt.053.001.07"));
    assert!(fault(&parts(b"hello")).is_some());
    assert!(fault(&parts(&[0xff, 0xfe, b'<', 0, b'a', 0])).is_some());
    assert_eq!(parts(b""), []);
}

#[test]
fn a_document_of_another_kind_beside_a_transfer_is_for_a_person_and_says_nothing_of_the_transfer() {
    let transfer = TWO.split_once("<p:Document").map(|(_, rest)| format!("<p:Document{rest}")).expect("a document");
    let transfer = transfer.trim_end().trim_end_matches("</env:Envelope>");
    let debit = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.003.001.08'><FIToFICstmrDrctDbt><Cdtr><Nm>WeChat Pay</Nm></Cdtr></FIToFICstmrDrctDbt></Document>";
    for text in [
        format!("<E>{transfer}{debit}</E>"),
        format!("<E>{debit}{transfer}</E>"),
        format!("<E>{debit}{transfer}{debit}</E>"),
    ] {
        let mut reader = Reader::new(text.as_bytes());
        let (mut read, mut unread) = (0, 0);
        while let Some(part) = reader.next_part() {
            match part {
                Part::Unread(bytes, fault) => {
                    unread += 1;
                    assert!(fault.why.starts_with("pacs.003.001.08 is not read"), "{fault:?}");
                    assert!(text[..bytes.end as usize].ends_with("</FIToFICstmrDrctDbt></Document>"));
                }
                Part::Payment(_) => {
                    read += 1;
                    assert_eq!(reader.header().any(Says::Name), None);
                    assert_eq!(reader.header().any(Says::MessageId), Some("M1"));
                    assert_eq!(reader.message(), "pacs.008.001.08");
                }
                Part::Frame(_) => {}
            }
        }
        assert_eq!((read, unread), (2, text.matches("pacs.003").count()), "{text}");
        parts(text.as_bytes());
    }
}

#[test]
fn bytes_that_are_no_text_are_marked_and_keep_their_place() {
    let mut bytes = TWO.as_bytes().to_vec();
    let at = TWO.find("for lunch").expect("there");
    bytes[at] = 0xe9;
    let mut reader = Reader::new(Cursor::new(bytes));
    while !matches!(reader.next_part().expect("a payment"), Part::Payment(_)) {}
    assert!(reader.payment().undecodable);
    let latin = TWO.replace("UTF-8", "ISO-8859-1").replace("for lunch", "caf#");
    let latin: Vec<u8> = latin.bytes().map(|b| if b == b'#' { 0xe9 } else { b }).collect();
    let mut reader = Reader::new(Cursor::new(latin));
    while !matches!(reader.next_part().expect("a payment"), Part::Payment(_)) {}
    assert!(!reader.payment().undecodable);
    assert_eq!(reader.payment().fields.last().map(|f| reader.payment().text_of(f)), Some("cafe"));
}

/// A small generator with a fixed seed: the same inputs in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

#[test]
fn no_damage_loses_a_byte() {
    let mut seeded = Seeded(20_200_920);
    let mut damaged = 0;
    let mut samples = vec![TWO.as_bytes().to_vec()];
    samples.extend(sample_files().into_iter().map(|path| std::fs::read(path).expect("readable")));
    for sample in &samples {
        for _ in 0..40 {
            let mut bytes = sample.clone();
            match seeded.below(4) {
                0 => {
                    let (a, b) = (seeded.below(bytes.len()), seeded.below(bytes.len()));
                    bytes.swap(a, b);
                }
                1 => {
                    let at = seeded.below(bytes.len());
                    bytes[at] = seeded.below(256) as u8;
                }
                2 => bytes.truncate(seeded.below(sample.len())),
                _ => {
                    // A second end tag after one that is there.
                    let ends: Vec<usize> = (0..bytes.len() - 1).filter(|n| bytes[*n..].starts_with(b"</")).collect();
                    let Some(at) = ends.get(seeded.below(ends.len())).copied() else { continue };
                    let to = at + bytes[at..].iter().position(|b| *b == b'>').map_or(0, |n| n + 1);
                    let tag = bytes[at..to].to_vec();
                    bytes.splice(to..to, tag);
                }
            }
            parts(&bytes);
            damaged += 1;
        }
    }
    println!("{damaged} damaged files, no byte lost");
}

/// Samples up to this length are cut at every byte, longer ones at every so many: all cuts of all are eleven gigabytes
/// to read, which is left to whoever asks for it.
const CUT_EVERYWHERE_BYTES_MAX: usize = 9_000;
const CUT_STEP: usize = 61;

#[test]
fn sample_files_cut_short_lose_nothing() {
    cut_samples(|length| if length <= CUT_EVERYWHERE_BYTES_MAX { 1 } else { CUT_STEP });
}

#[test]
#[ignore = "reads eleven gigabytes: cargo test --release -p screening -- --ignored"]
fn sample_files_cut_at_every_byte_lose_nothing() {
    cut_samples(|_| 1);
}

/// Cuts every sample at every so many bytes, on two threads.
fn cut_samples(step: impl Fn(usize) -> usize + Sync) {
    let samples: Vec<Vec<u8>> = sample_files().into_iter().map(|path| std::fs::read(path).expect("readable")).collect();
    let cut_all = |from: usize| {
        let mut cuts = 0;
        for sample in &samples {
            let step = step(sample.len());
            for cut in (from * step..sample.len()).step_by(2 * step) {
                parts(&sample[..cut]);
                cuts += 1;
            }
        }
        cuts
    };
    let cuts: usize = std::thread::scope(|scope| {
        let cut_all = &cut_all;
        let threads = [0, 1].map(|from| scope.spawn(move || cut_all(from)));
        threads.map(|thread| thread.join().expect("no cut panics")).iter().sum()
    });
    println!("{} files, {cuts} cuts", samples.len());
}

#[test]
fn an_end_tag_twice_loses_nothing() {
    for sample in sample_files().into_iter().map(|path| std::fs::read(path).expect("readable")) {
        let step = if sample.len() <= CUT_EVERYWHERE_BYTES_MAX { 1 } else { 7 };
        for at in (0..sample.len() - 1).filter(|n| sample[*n..].starts_with(b"</")).step_by(step) {
            let to = at + sample[at..].iter().position(|b| *b == b'>').map_or(0, |n| n + 1);
            let parts = parts(&[&sample[..to], &sample[at..to], &sample[to..]].concat());
            assert!(fault(&parts).is_some(), "a second {}", String::from_utf8_lossy(&sample[at..to]));
        }
    }
}

/// The messages that lie beside the repository, where they do.
fn sample_files() -> Vec<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/screening/iso20022"));
    if !folder.exists() {
        assert_ne!(option_env!("CI"), Some("true"), "the sample messages are not there");
        println!("skipped: no sample messages beside the repository");
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "xml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn sample_transfers_are_read_whole() {
    for path in sample_files() {
        let name = path.display().to_string();
        let transfer = ["pacs.008", "pacs.009", "pain.001"]
            .iter()
            .any(|kind| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(kind)));
        let parts = parts(&std::fs::read(&path).expect("readable"));
        if transfer && !name.contains("violators") {
            assert!(payments(&parts) > 0, "{name}: {parts:?}");
            assert_eq!(fault(&parts), None, "{name}");
        }
    }
}

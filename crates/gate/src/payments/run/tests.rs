//! Whatever is done to a file, of any format: every byte is in one part, and what came in is what went out.

use super::*;
use crate::payments::judge::Settings;
use crate::payments::known::Known;
use crate::payments::say;
use crate::payments::table::{Form, ISO_8583, Mapping, Rows};
use docket::Docket;
use docket::finding::Posture;
use jiff::tz::TimeZone;
use screening::ahead::Ahead;

const MT: &str = "{1:F01CHASUS33AXXX0000000000}{2:I103BKCHCNBJXXXXN}{4:\r\n:20:REF1\r\n:32A:200925USD12,50\r\n:50K:/123\r\nACME SUPPLIES LLC\r\n:59F:/6222\r\n1/1792 0207 2388 0102\r\n3/CN/SHENZHEN\r\n:72:/ACC/VIA TENPAY\r\n-}\r\n";
const ISO: &str = "<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08'><FIToFICstmrCdtTrf><GrpHdr><MsgId>M</MsgId></GrpHdr><CdtTrfTxInf><PmtId><TxId>1</TxId></PmtId><IntrBkSttlmAmt Ccy='USD'>12.50</IntrBkSttlmAmt><Cdtr><Nm>Smith &amp; Sons</Nm></Cdtr></CdtTrfTxInf><CdtTrfTxInf><PmtId><TxId>2</TxId></PmtId><Cdtr><Nm><![CDATA[微信]]></Nm></Cdtr></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>";
const CSV: &str = "payee,amount,ccy,note\n\"WeChat Pay, Ltd\",12.50,USD,\"two\nlines\"\n\nBob,1,EUR,x\n";
const JSON: &str = "{\"DE43\":\"WEIXIN*MEITUAN SHENZHEN CN\",\"4\":\"12.00\",\"DE49\":\"USD\"}\n{\"DE43\":\"BOB\"}\n";
const MAPPING: &str = "payee = Cdtr/Nm\namount = IntrBkSttlmAmt\nccy = currency\nnote = RmtInf/Ustrd\n";

fn nacha() -> String {
    let rows = [
        format!("101 076401251 0764012512009251000A094101{:<54}", ""),
        format!("5200{:<16}{:<30}PPD{:<10}200925200925   1076401250000001", "ACME", "", "BILL"),
        format!("622076401251{:<17}{:010}{:<15}{:<22}  0{:015}", "12345", 1_050, "ID", "WECHAT PAY", 1),
        format!("8200000001{:010}{:012}{:012}{:<35}076401250000001", 7_640_125, 0, 1_050, ""),
        format!("9000001000001{:08}{:010}{:012}{:012}{:<39}", 1, 7_640_125, 0, 1_050, ""),
    ];
    rows.map(|row| row + "\n").concat()
}

fn formats() -> Vec<(&'static str, String)> {
    let samples = [("iso20022", ISO), ("mt103", MT), ("csv", CSV), ("iso8583", JSON)];
    let mut samples: Vec<(&str, String)> = samples.map(|(name, text)| (name, text.to_owned())).into();
    samples.push(("nacha", nacha()));
    samples
}

fn reader<'b>(format: &str, bytes: impl std::io::Read + Send + 'b) -> Box<dyn Parts + Send + 'b> {
    let mapping = |text| Mapping::read(text).unwrap();
    match format {
        "iso20022" => Box::new(screening::iso20022::Reader::new(bytes)),
        "mt103" => Box::new(screening::mt103::Reader::new(bytes)),
        "nacha" => Box::new(screening::nacha::Reader::new(bytes)),
        "csv" => Box::new(Rows::new(bytes, Form::Csv, mapping(MAPPING))),
        _ => Box::new(Rows::new(bytes, Form::Json, mapping(ISO_8583))),
    }
}

struct Desk {
    docket: Docket,
    known: Known,
}

impl Desk {
    fn new() -> Self {
        let docket = Docket::load(Vec::new()).unwrap();
        let known = Known::of(&docket).unwrap();
        Self { docket, known }
    }

    /// Takes bytes through, read ahead and not: what is told is the same. [`run`] itself fails where parts leave a gap or
    /// the books do not balance.
    fn run(&self, format: &str, bytes: &[u8]) -> Accounts {
        let (accounts, told) = self.take(format, &mut *reader(format, bytes));
        let owned = std::io::Cursor::new(bytes.to_vec());
        let (ahead, told_ahead) = self.take(format, &mut Ahead::read(reader(format, owned)).unwrap());
        assert_eq!(accounts, ahead, "{format}");
        assert_eq!(told, told_ahead, "{format}");
        assert_eq!(accounts.bytes, bytes.len() as u64, "{format}");
        accounts
    }

    fn take(&self, format: &str, parts: &mut dyn Parts) -> (Accounts, Vec<String>) {
        let settings = Settings { known_at: None, zone: TimeZone::UTC, posture: Posture::default() };
        let mut judge = Judge::new(&self.docket, &self.known, settings);
        let (mut told, mut at) = (Vec::new(), 0);
        let mut sink = |item: &Item<'_>| {
            let bytes = match item {
                Item::Payment(screened) => screened.bytes.clone(),
                Item::Unread(bytes, _) => bytes.clone(),
            };
            assert!(at <= bytes.start && bytes.start <= bytes.end, "{format}: {bytes:?} after {at}");
            at = bytes.end;
            told.push(say::item(item, "", false).to_string());
            Ok(())
        };
        let accounts = run(parts, &mut judge, None, &mut sink).unwrap();
        assert_eq!(accounts.came_in, told.len() as u64, "{format}");
        assert_eq!(accounts.came_in, accounts.outcomes.iter().sum::<u64>());
        assert!(accounts.of(Outcome::Review) >= accounts.unread);
        (accounts, told)
    }
}

#[test]
fn whole_files_are_read_whole() {
    let desk = Desk::new();
    for (format, text) in formats() {
        let accounts = desk.run(format, text.as_bytes());
        assert!(accounts.unread == 0 && accounts.came_in > 0, "{format}: {accounts:?}");
    }
}

#[test]
fn cut_at_every_byte_nothing_is_lost_and_what_was_closed_stays() {
    let desk = Desk::new();
    for (format, text) in formats() {
        let mut before = 0;
        for cut in 0..=text.len() {
            let accounts = desk.run(format, &text.as_bytes()[..cut]);
            let read = accounts.came_in - accounts.unread;
            // A row without its end is a row; a message without its end is none.
            assert!(read >= before || matches!(format, "csv" | "iso8583"), "{format} cut at {cut}");
            before = read;
        }
    }
}

#[test]
fn no_swap_or_doubled_piece_loses_a_byte() {
    let desk = Desk::new();
    let mut state = 20_200_920_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n.max(1)
    };
    for (format, text) in formats() {
        for round in 0..600 {
            let mut bytes = text.clone().into_bytes();
            match round % 3 {
                0 => {
                    let (a, b) = (below(bytes.len()), below(bytes.len()));
                    bytes.swap(a, b);
                }
                1 => {
                    let at = below(bytes.len());
                    bytes[at] = below(256) as u8;
                }
                _ => {
                    let (from, at) = (below(bytes.len()), below(bytes.len()));
                    let to = (from + below(120)).min(bytes.len());
                    let piece = bytes[from..to].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            desk.run(format, &bytes);
        }
    }
}

#[test]
fn bombs_are_for_a_person() {
    let desk = Desk::new();
    let inside = |what: &str| ISO.replace("<Cdtr><Nm>Smith", &format!("{what}<Cdtr><Nm>Smith"));
    let entities =
        format!("<!DOCTYPE d [<!ENTITY a \"{0}\"><!ENTITY b \"{1}\">]>{ISO}", "a".repeat(10_000), "&a;".repeat(1_000));
    let attributes: String = (0..100_000).map(|n| format!(" a{n}='x'")).collect();
    let bombs = [
        inside(&"<a>".repeat(100_000)),
        entities,
        inside("&lol;"),
        inside(&format!("<a{attributes}/>")),
        inside(&format!("<{}/>", "n".repeat(1 << 20))),
        inside(&"<a/>".repeat(1 << 18)),
        inside(&format!("<a>{}</a>", "x".repeat(4 << 20))),
        inside(&"<Nm>x</Nm>".repeat(100_000)),
    ];
    for bomb in bombs {
        let accounts = desk.run("iso20022", bomb.as_bytes());
        let closed = accounts.came_in - accounts.unread;
        // Empty elements are no danger, and are read.
        assert!(accounts.unread == 1 || closed == 2, "{closed} {}", &bomb[..200]);
    }
    for (format, text) in [
        ("mt103", format!("{{1:F01}}{{2:I103}}{{4:\n{}", ":70:X\n".repeat(100_000))),
        ("mt103", "{1:".repeat(1 << 20)),
        ("nacha", "7".repeat(4 << 20)),
        ("csv", format!("payee,amount\n\"{}", "x\n".repeat(1 << 20))),
        ("iso8583", "[".repeat(1 << 20)),
        ("iso8583", format!("{{\"DE43\":{}", "{\"a\":".repeat(10_000))),
    ] {
        let accounts = desk.run(format, text.as_bytes());
        assert!(accounts.unread > 0, "{format}: {accounts:?}");
    }
}

/// Gives some bytes, then fails.
struct Failing<'b>(&'b [u8]);

impl std::io::Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() { Err(std::io::Error::other("the disk went away")) } else { self.0.read(into) }
    }
}

#[test]
fn what_could_not_be_read_is_not_taken_for_the_end() {
    let desk = Desk::new();
    let settings = Settings { known_at: None, zone: TimeZone::UTC, posture: Posture::default() };
    let mut judge = Judge::new(&desk.docket, &desk.known, settings);
    for (format, text) in formats() {
        let mut parts = reader(format, Failing(text.as_bytes()));
        let mut why = String::new();
        let mut sink = |item: &Item<'_>| {
            if let Item::Unread(_, fault) = item {
                why.clone_from(&fault.why);
            }
            Ok(())
        };
        let accounts = run(&mut *parts, &mut judge, None, &mut sink).unwrap();
        assert_eq!(accounts.unread, 1, "{format}");
        assert!(why.contains("the disk went away"), "{format}: {why}");
    }
}

/// Hands out parts as it is told, whatever they leave out.
struct Told(std::collections::VecDeque<Part>, screening::Payment, screening::iso20022::Paths);

impl Parts for Told {
    fn next_part(&mut self) -> Option<Part> {
        self.0.pop_front()
    }

    fn payment(&self) -> &screening::Payment {
        &self.1
    }

    fn exchange(&mut self, payment: &mut screening::Payment) {
        std::mem::swap(&mut self.1, payment);
    }

    fn message(&self) -> &str {
        "told"
    }

    fn paths(&self) -> &screening::iso20022::Paths {
        &self.2
    }
}

#[test]
fn a_byte_in_no_part_or_in_two_ends_the_run() {
    let desk = Desk::new();
    for (second, is_sound) in [(5..9, true), (6..9, false), (4..9, false)] {
        let settings = Settings { known_at: None, zone: TimeZone::UTC, posture: Posture::default() };
        let mut judge = Judge::new(&desk.docket, &desk.known, settings);
        let parts = [Part::Payment(0..5), Part::Payment(second.clone())];
        let mut told = Told(parts.into(), screening::Payment::default(), screening::iso20022::Paths::default());
        let ran = run(&mut told, &mut judge, None, &mut |_| Ok(()));
        assert_eq!(ran.is_ok(), is_sound, "{second:?}: {ran:?}");
        assert!(is_sound || matches!(ran, Err(Broken::Books(_))), "{second:?}");
    }
    let lost = Accounts { came_in: 2, outcomes: [1, 0, 0, 0, 0], ..Accounts::default() };
    assert!(!lost.balance());
}

//! What is read ahead is what is read, and no more of it is held than is said.

use super::*;
use crate::iso20022::Reader;
use crate::payment::Says;
use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Messages of batches of ever other sizes, with headers that grow, and elements of their own in most transactions.
fn messages() -> String {
    let mut text = String::from("<Messages>");
    for message in 0..3 {
        write!(
            text,
            "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.0{message}'><CstmrCdtTrfInitn><GrpHdr><MsgId>M{message}</MsgId></GrpHdr>"
        )
        .unwrap();
        for batch in 0..40 {
            write!(text, "<PmtInf><PmtInfId>B{batch}</PmtInfId><Dbtr><Nm>{}</Nm></Dbtr>", "n".repeat(batch * 900))
                .unwrap();
            for n in 0..batch {
                writeln!(
                    text,
                    "<CdtTrfTxInf><PmtId><EndToEndId>E{n}</EndToEndId></PmtId><Cdtr><Nm>Name {n}</Nm></Cdtr><SplmtryData><Own{batch}><A{n}>x</A{n}></Own{batch}></SplmtryData></CdtTrfTxInf>"
                )
                .unwrap();
            }
            text.push_str("<ReqdExctnDt>2020-09-25</ReqdExctnDt></PmtInf>");
        }
        text.push_str("</CstmrCdtTrfInitn></Document>");
    }
    text.push_str("</Messages>");
    text
}

/// All that can be seen of a file, part by part.
fn seen(parts: &mut dyn Parts) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let part = parts.next_part();
        let ended = part.is_none();
        let payment = matches!(part, Some(Part::Payment(_))).then(|| parts.payment());
        let words =
            payment.map(|payment| payment.fields.iter().map(|f| parts.paths().words(f.path)).collect::<Vec<_>>());
        let framed = matches!(part, Some(Part::Frame(_)));
        let headings =
            (!framed).then(|| (parts.header(), parts.batch(), parts.message(), parts.messages(), parts.batches()));
        seen.push(format!("{part:?} {payment:?} {words:?} {headings:?}"));
        if ended {
            return seen;
        }
    }
}

#[test]
fn read_ahead_or_not_the_same_is_seen() {
    let text = messages();
    for damage in [0, 1, 1_000, text.len() / 2] {
        let bytes = text.as_bytes()[..text.len() - damage].to_vec();
        let direct = seen(&mut Reader::new(bytes.as_slice()));
        let ahead = seen(&mut Ahead::read(Box::new(Reader::new(Cursor::new(bytes)))).unwrap());
        assert!(direct.len() > SHEAF_PARTS_MAX * 10, "{}", direct.len());
        assert_eq!(direct.len(), ahead.len());
        for (direct, ahead) in direct.iter().zip(&ahead) {
            assert_eq!(direct, ahead);
        }
    }
}

/// Transactions without end.
struct Endless {
    begun: bool,
    each: Vec<u8>,
    left: Vec<u8>,
    given: Arc<AtomicU64>,
    gone: SyncSender<()>,
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.gone.send(()).unwrap_or_default();
    }
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            let begun = std::mem::replace(&mut self.begun, true);
            self.left = if begun { self.each.clone() } else { b"<Document><FIToFICstmrCdtTrf>".to_vec() };
        }
        let count = self.left.len().min(into.len());
        into[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        self.given.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What is read of an endless file while nobody decides, and whether reading ends when nobody will.
fn read_of(each: String) -> u64 {
    let given = Arc::new(AtomicU64::new(0));
    let (gone, ended) = sync_channel(1);
    let source = Endless { begun: false, each: each.into_bytes(), left: Vec::new(), given: Arc::clone(&given), gone };
    let mut ahead = Ahead::read(Box::new(Reader::new(source))).unwrap();
    while !matches!(ahead.next_part(), Some(Part::Payment(_))) {}
    assert_eq!(ahead.payment().any(Says::EndToEndId), Some("E"));
    let mut before = 0;
    loop {
        match ended.recv_timeout(Duration::from_millis(200)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => panic!("it ended by itself"),
        }
        let now = given.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    drop(ahead);
    ended.recv_timeout(Duration::from_secs(60)).expect("reading ends");
    before
}

#[test]
fn no_more_is_read_ahead_than_there_is_room_for() {
    let transaction = |note: &str| {
        format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId></PmtId><RmtInf><Ustrd>{note}</Ustrd></RmtInf></CdtTrfTxInf>"
        )
    };
    // The one waited for, those waiting, and the one being filled.
    let sheaves = SHEAVES_MAX as u64 + 2;
    let chunk = 64 * 1024;
    let small = transaction("x");
    let each = small.len() as u64;
    let read = read_of(small);
    let parts = SHEAF_PARTS_MAX as u64 * sheaves;
    assert!(read > parts * each / 2 && read <= parts * each + 2 * chunk, "{read}");
    let large = transaction(&"x".repeat(60_000));
    let each = large.len() as u64;
    let read = read_of(large);
    let bytes = (SHEAF_BYTES_MAX as u64 + each) * sheaves;
    assert!(read > bytes / 2 && read <= bytes + 2 * chunk, "{read}");
}

#[test]
fn room_that_grew_is_given_back() {
    let name = format!("<Nm>{}</Nm>", "n".repeat(60_000));
    let large = format!("<CdtTrfTxInf><Dbtr>{name}</Dbtr><Cdtr>{name}</Cdtr></CdtTrfTxInf>").repeat(4);
    let text = format!("<Document><FIToFICstmrCdtTrf>{large}");
    let mut reader = Reader::new(text.as_bytes());
    let (mut sheaf, mut headings) = (Sheaf::default(), Headings::default());
    assert!(sheaf.fill(&mut reader, &mut headings));
    assert!(sheaf.payments.iter().any(|payment| payment.text.capacity() >= 120_000));
    sheaf.fill(&mut reader, &mut headings);
    assert!(sheaf.payments.iter().all(|payment| payment.text.capacity() <= ROOM_BYTES_MAX));
}

/// A defect of a reader.
struct Defect;

impl Read for Defect {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        panic!("a defect of the reader")
    }
}

#[test]
#[should_panic(expected = "a defect of the reader")]
fn a_defect_is_not_taken_for_the_end() {
    let mut ahead = Ahead::read(Box::new(Reader::new(Defect))).unwrap();
    while ahead.next_part().is_some() {}
}

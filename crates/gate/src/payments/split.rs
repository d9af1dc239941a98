//! Splits an ISO 20022 file into what goes on and what is held, by byte spans: no transaction is written anew, only the
//! counts and sums in the headers are, and the message gets another identification.
//!
//! It refuses rather than guess: where something is signed, where the totals do not hold, where supplementary data
//! speaks of the whole message, where part of the file could not be read. Then the whole file is for a person.

use super::run::{decimal, written};
use screening::iso20022::{Paths, Reader};
use screening::parts::{Part, Parts};
use screening::{Field, Payment, Says};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::ops::Range;

/// A header longer than this is none: it is held in memory to be written anew.
const FRAME_BYTES_MAX: u64 = 1 << 20;
/// Batches of one file.
const BATCHES_MAX: usize = 100_000;
/// Identifications have at most this many characters.
const ID_LETTERS_MAX: usize = 35;

/// What a file is made of, as far as splitting needs to know.
#[derive(Debug, Default)]
pub struct Plan {
    /// Every stretch, in order.
    pieces: Vec<Piece>,
    /// What stands in each header, batch by batch; the message's own come first.
    totals: Vec<Totals>,
}

#[derive(Debug)]
enum Piece {
    Frame(Frame),
    Payment { bytes: Range<u64>, batch: usize, number: u64, amount: i128 },
}

/// Headers and closing tags between two transactions.
#[derive(Debug)]
struct Frame {
    bytes: Range<u64>,
    edits: Vec<Edit>,
    /// The batch that goes on at its beginning, and the one that goes on at its end; 0 is none.
    batches: (usize, usize),
    /// Where the first of them ends in it, and where the second begins.
    edges: (Option<u64>, Option<u64>),
}

/// A field of a header that another number goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    says: Says,
    bytes: Range<u64>,
    batch: usize,
    text: String,
}

#[derive(Clone, Debug, Default)]
struct Totals {
    count: u64,
    sum: i128,
}

/// One side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What goes on.
    Released,
    /// What is held.
    Held,
}

impl Plan {
    /// Reads a file and finds out whether it can be split.
    ///
    /// # Errors
    /// Why it may not be.
    pub fn read<R: Read>(source: R) -> Result<Self, String> {
        let mut reader = Reader::new(source);
        let mut plan = Self { pieces: Vec::new(), totals: vec![Totals::default()] };
        let (mut number, mut header_seen, mut batch_seen, mut open, mut ended) = (0, 0, 0, 0, false);
        while let Some(part) = reader.next_part() {
            let batch = usize::try_from(reader.batches()).unwrap_or(usize::MAX);
            if batch > BATCHES_MAX {
                return Err(format!("more than {BATCHES_MAX} batches"));
            }
            if reader.messages() > 1 {
                return Err(String::from("several messages in one file"));
            }
            plan.totals.resize(plan.totals.len().max(batch + 1), Totals::default());
            match part {
                Part::Unread(bytes, fault) => {
                    return Err(format!("bytes {} to {} cannot be read: {}", bytes.start, bytes.end, fault.why));
                }
                Part::Frame(bytes) => {
                    if bytes.end - bytes.start > FRAME_BYTES_MAX {
                        return Err(String::from("a header longer than any is"));
                    }
                    if batch > open + 1 {
                        return Err(String::from("a batch without transactions"));
                    }
                    if supplements(reader.header(), reader.paths(), header_seen) {
                        return Err(String::from("supplementary data speaks of the whole message"));
                    }
                    let mut edits = edits(reader.header(), reader.paths(), header_seen, 0);
                    header_seen = reader.header().fields.len();
                    let (begins, ends) = reader.batch_edges();
                    let inside = |edge: u64| Some(edge).filter(|edge| bytes.contains(edge) && *edge > 0);
                    let edges =
                        (if open > 0 { inside(ends) } else { None }, if batch > open { inside(begins) } else { None });
                    if batch > open {
                        batch_seen = 0;
                    }
                    edits.extend(self::edits(reader.batch(), reader.paths(), batch_seen, batch));
                    batch_seen = reader.batch().fields.len();
                    let before = if ended { 0 } else { open };
                    ended = edges.0.is_some() && batch == open;
                    plan.pieces.push(Piece::Frame(Frame { bytes, edits, batches: (before, batch), edges }));
                    open = batch;
                }
                Part::Payment(bytes) => {
                    number += 1;
                    let amount =
                        reader.payment().any(Says::Amount).and_then(super::run::amount).map_or(0, |(amount, _)| amount);
                    for at in if batch > 0 { vec![0, batch] } else { vec![0] } {
                        if let Some(total) = plan.totals.get_mut(at) {
                            total.count += 1;
                            total.sum += amount;
                        }
                    }
                    if reader.payment().signed {
                        return Err(format!("transaction {number} is signed"));
                    }
                    plan.pieces.push(Piece::Payment { bytes, batch, number, amount });
                }
            }
            if reader.header().signed || reader.batch().signed {
                return Err(String::from("the message is signed"));
            }
        }
        plan.hold_true()?;
        Ok(plan)
    }

    /// Whether the totals stated are the ones there are.
    fn hold_true(&self) -> Result<(), String> {
        for piece in &self.pieces {
            let Piece::Frame(frame) = piece else { continue };
            for edit in &frame.edits {
                let Some(total) = self.totals.get(edit.batch) else { continue };
                let stated = edit.text.split(' ').next().unwrap_or("").trim();
                let right = if edit.says == Says::Count {
                    stated.parse() == Ok(total.count)
                } else {
                    edit.says != Says::Sum || decimal(stated) == Some(total.sum)
                };
                if !right {
                    return Err(format!(
                        "the header says `{stated}` at byte {}, which is not what follows",
                        edit.bytes.start
                    ));
                }
            }
        }
        Ok(())
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.totals.first().map_or(0, |total| total.count)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The identification of the message, and the one a side has; the same where that side is the file as it came.
    #[must_use]
    pub fn identification(&self, side: Side, held: u64) -> Option<(String, String)> {
        let edits = self.pieces.iter().flat_map(|piece| match piece {
            Piece::Frame(frame) => frame.edits.as_slice(),
            Piece::Payment { .. } => &[],
        });
        let was = edits.into_iter().find(|edit| edit.says == Says::MessageId)?.text.trim();
        let is = if held == 0 || held == self.len() { was.to_owned() } else { renamed(was, side) };
        Some((was.to_owned(), is))
    }

    /// Writes one side; `held` are the numbers of the transactions held. A batch left empty is left out. A side that all
    /// are on is the file as it came, and the other is empty: nothing is parted, so nothing is written anew.
    ///
    /// # Errors
    /// Reading or writing fails.
    pub fn write<R: Read>(&self, source: R, side: Side, held: &HashSet<u64>, out: &mut dyn Write) -> io::Result<u64> {
        let mine = |number: &u64| held.contains(number) == (side == Side::Held);
        let mut totals = vec![Totals::default(); self.totals.len()];
        for piece in &self.pieces {
            let Piece::Payment { batch, number, amount, .. } = piece else { continue };
            for at in if *batch > 0 { vec![0, *batch] } else { vec![0] } {
                if let Some(total) = totals.get_mut(at).filter(|_| mine(number)) {
                    total.count += 1;
                    total.sum += amount;
                }
            }
        }
        let count = totals.first().map_or(0, |total| total.count);
        if count == 0 || count == self.len() {
            if count > 0 {
                io::copy(&mut { source }, out)?;
            }
            return Ok(count);
        }
        let kept = |batch: usize| totals.get(batch).is_some_and(|total| total.count > 0);
        let mut source = Exact { inner: source, at: 0 };
        for piece in &self.pieces {
            match piece {
                Piece::Payment { bytes, number, .. } => {
                    let bytes = source.take(bytes)?;
                    if mine(number) {
                        out.write_all(&bytes)?;
                    }
                }
                Piece::Frame(frame) => {
                    let text = source.take(&frame.bytes)?;
                    for stretch in frame.kept(&kept) {
                        out.write_all(&rewrite(&text, frame.bytes.start, &stretch, &frame.edits, &totals, side))?;
                    }
                }
            }
        }
        Ok(count)
    }
}

/// Fields of a header that a split changes.
fn edits(header: &Payment, paths: &Paths, from: usize, batch: usize) -> Vec<Edit> {
    // The envelope has the message's identification again, and those of related messages, which stay.
    let is_envelopes = |field: &Field| {
        let words = paths.words(field.path);
        words.ends_with("BizMsgIdr") && !words.split('/').any(|name| name == "Rltd")
    };
    let changes = |field: &&Field| {
        matches!(field.says, Says::Count | Says::Sum | Says::MessageId | Says::BatchId) || is_envelopes(field)
    };
    let fields = header.fields.iter().skip(from).filter(changes);
    fields
        .map(|field| Edit {
            says: field.says,
            bytes: field.bytes.clone(),
            batch,
            text: header.text_of(field).to_owned(),
        })
        .collect()
}

/// Whether a header says something besides, which may be about transactions that are then elsewhere.
fn supplements(header: &Payment, paths: &Paths, from: usize) -> bool {
    let mut fields = header.fields.iter().skip(from);
    fields.any(|field| paths.words(field.path).split('/').any(|name| name == "SplmtryData"))
}

impl Frame {
    /// What of it stays, where batches without transactions are left out.
    fn kept(&self, kept: &dyn Fn(usize) -> bool) -> Vec<Range<u64>> {
        let Range { start, end } = self.bytes;
        let stays = |batch: usize| batch == 0 || kept(batch);
        match (self.batches, self.edges) {
            // One batch all through.
            ((before, after), (None, None)) if before == after => {
                std::iter::once(start..end).filter(|_| stays(before)).collect()
            }
            ((before, after), (ends, begins)) => {
                let ends = ends.unwrap_or(start);
                let begins = begins.unwrap_or(end);
                let mut stretches = Vec::new();
                if stays(before) {
                    stretches.push(start..ends);
                }
                stretches.push(ends..begins);
                if begins < end && stays(after) {
                    stretches.push(begins..end);
                }
                stretches
            }
        }
    }
}

fn rewrite(text: &[u8], start: u64, stretch: &Range<u64>, edits: &[Edit], totals: &[Totals], side: Side) -> Vec<u8> {
    let within = |n: u64| usize::try_from(n.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(text.len());
    let mut at = within(stretch.start);
    for edit in edits.iter().filter(|edit| stretch.contains(&edit.bytes.start)) {
        let (from, to) = (within(edit.bytes.start), within(edit.bytes.end));
        let (Some(before), Some(total)) = (text.get(at..from), totals.get(edit.batch)) else { continue };
        out.extend_from_slice(before);
        let new = if edit.says == Says::Count {
            total.count.to_string()
        } else if edit.says == Says::Sum {
            like(edit.text.split(' ').next().unwrap_or(""), total.sum)
        } else {
            renamed(edit.text.trim(), side)
        };
        out.extend_from_slice(new.as_bytes());
        at = to;
    }
    out.extend_from_slice(text.get(at..within(stretch.end)).unwrap_or_default());
    out
}

/// A sum as the one in its place was written: in whole numbers where those suffice, since not every currency has cents.
fn like(stated: &str, sum: i128) -> String {
    if !stated.contains('.') && sum % 100_000 == 0 { (sum / 100_000).to_string() } else { written(sum) }
}

/// The identification of a part: the original's with a letter behind it, so that no two messages share one. What has to
/// give way to the letter is told by a digest, since others may begin alike.
fn renamed(id: &str, side: Side) -> String {
    const DIGEST_BYTES: usize = 5;
    let letter = match side {
        Side::Released => "-R",
        Side::Held => "-H",
    };
    if id.chars().count() + letter.len() <= ID_LETTERS_MAX {
        return format!("{id}{letter}");
    }
    let digest = Sha256::digest(id);
    let digest: String = digest.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = id.chars().take(ID_LETTERS_MAX - letter.len() - digest.len()).collect();
    format!("{kept}{digest}{letter}")
}

/// Reads stretches that follow each other.
struct Exact<R> {
    inner: R,
    at: u64,
}

impl<R: Read> Exact<R> {
    fn take(&mut self, bytes: &Range<u64>) -> io::Result<Vec<u8>> {
        if bytes.start != self.at {
            return Err(io::Error::other("stretches that do not follow each other"));
        }
        let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
        let mut text = vec![0; length];
        self.inner.read_exact(&mut text)?;
        self.at = bytes.end;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIN: &str = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn><GrpHdr><MsgId>M1</MsgId><NbOfTxs>4</NbOfTxs><CtrlSum>10.5</CtrlSum></GrpHdr>
<PmtInf><PmtInfId>B1</PmtInfId><NbOfTxs>2</NbOfTxs><CtrlSum>3</CtrlSum><CdtTrfTxInf><Amt><InstdAmt Ccy='USD'>1</InstdAmt></Amt></CdtTrfTxInf>
 <CdtTrfTxInf><Amt><InstdAmt Ccy='USD'>2.00</InstdAmt></Amt><!-- odd  --></CdtTrfTxInf></PmtInf>
<PmtInf><PmtInfId>B2</PmtInfId><CdtTrfTxInf><Amt><InstdAmt Ccy='USD'>3.5</InstdAmt></Amt></CdtTrfTxInf></PmtInf>
<PmtInf><PmtInfId>B3</PmtInfId><CdtTrfTxInf><Amt><InstdAmt Ccy='USD'>4</InstdAmt></Amt></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>
";

    /// The digests of the transactions of a file, sorted.
    fn transactions(text: &[u8]) -> Vec<[u8; 32]> {
        let mut reader = Reader::new(text);
        let mut found = Vec::new();
        while let Some(part) = reader.next_part() {
            assert!(!matches!(part, Part::Unread(..)), "{part:?} in {}", String::from_utf8_lossy(text));
            if let Part::Payment(bytes) = part {
                found.push(Sha256::digest(&text[bytes.start as usize..bytes.end as usize]).into());
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn both_sides_have_the_originals_transactions_byte_for_byte_and_totals_that_hold() {
        let plan = Plan::read(PAIN.as_bytes()).expect("it can be split");
        assert_eq!(plan.len(), 4);
        for choice in 0..16_u64 {
            let held: HashSet<u64> = (1..=4).filter(|n| choice >> (n - 1) & 1 == 1).collect();
            let (mut released, mut kept) = (Vec::new(), Vec::new());
            let a = plan.write(PAIN.as_bytes(), Side::Released, &held, &mut released).expect("written");
            let b = plan.write(PAIN.as_bytes(), Side::Held, &held, &mut kept).expect("written");
            assert_eq!((a, b), (4 - held.len() as u64, held.len() as u64));
            for side in [&released, &kept] {
                let whole = transactions(side).len() == 4;
                assert!(!whole || *side == PAIN.as_bytes(), "what is not parted is as it came");
            }
            let mut both = [transactions(&released), transactions(&kept)].concat();
            both.sort_unstable();
            assert_eq!(both, transactions(PAIN.as_bytes()));
            for side in [&released, &kept] {
                // A part can itself be split: its totals hold.
                if !transactions(side).is_empty() {
                    Plan::read(side.as_slice())
                        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(side)));
                }
            }
        }
    }

    #[test]
    fn an_emptied_batch_is_left_out() {
        let plan = Plan::read(PAIN.as_bytes()).expect("it can be split");
        let mut out = Vec::new();
        plan.write(PAIN.as_bytes(), Side::Released, &HashSet::from([3]), &mut out).expect("written");
        let out = String::from_utf8(out).expect("UTF-8");
        assert!(
            out.contains("B1-R") && !out.contains("B2") && out.contains("B3-R") && out.contains("<NbOfTxs>3</NbOfTxs>"),
            "{out}"
        );
        assert!(out.contains("<CtrlSum>7.00</CtrlSum>"), "{out}");
    }

    #[test]
    fn the_envelope_is_renamed_with_the_message_and_related_ones_are_not() {
        let header = "<AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'><BizMsgIdr>M1</BizMsgIdr><Rltd><BizMsgIdr>M0</BizMsgIdr></Rltd></AppHdr>";
        let text = format!("<Envelope>{header}{}</Envelope>", PAIN.trim_end());
        let plan = Plan::read(text.as_bytes()).expect("it can be split");
        let mut out = Vec::new();
        plan.write(text.as_bytes(), Side::Held, &HashSet::from([1]), &mut out).expect("written");
        let out = String::from_utf8(out).expect("UTF-8");
        assert!(out.contains("<BizMsgIdr>M1-H<") && out.contains("<MsgId>M1-H<"), "{out}");
        assert!(out.contains("<Rltd><BizMsgIdr>M0<"), "{out}");
        let renamed = |held| plan.identification(Side::Held, held).expect("an identification").1;
        assert_eq!((renamed(1), renamed(4)), (String::from("M1-H"), String::from("M1")));
    }

    #[test]
    fn long_identifications_that_begin_alike_stay_apart_and_within_bounds() {
        let ids: Vec<String> = (0..300).map(|n| renamed(&format!("{:032}{n:03}", 7), Side::Held)).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == ID_LETTERS_MAX && id.ends_with("-H")), "{ids:?}");
        assert_eq!(renamed(&"x".repeat(33), Side::Released), format!("{}-R", "x".repeat(33)));
    }

    #[test]
    fn sums_of_currencies_without_cents_have_none() {
        let yen = PAIN.replace("10.5", "10").replace("3.5", "3").replace("USD", "JPY");
        let plan = Plan::read(yen.as_bytes()).expect("it can be split");
        let mut out = Vec::new();
        plan.write(yen.as_bytes(), Side::Held, &HashSet::from([1, 2]), &mut out).expect("written");
        let out = String::from_utf8(out).expect("UTF-8");
        assert_eq!(out.matches("<CtrlSum>3</CtrlSum>").count(), 2, "{out}");
    }

    #[test]
    fn what_may_not_be_split_is_refused() {
        let refused = |text: &str| Plan::read(text.as_bytes()).expect_err("refused");
        assert!(refused(&PAIN.replace("<NbOfTxs>4", "<NbOfTxs>5")).contains("not what follows"));
        assert!(refused(&PAIN.replace("<CtrlSum>10.5", "<CtrlSum>10.51")).contains("not what follows"));
        assert!(refused(&PAIN.replace("</GrpHdr>", "</GrpHdr><Sgntr/>")).contains("signed"));
        assert!(refused(&PAIN[..PAIN.len() - 30]).contains("cannot be read"));
        let besides = "<SplmtryData><Envlp><Note>all but the first are urgent</Note></Envlp></SplmtryData>";
        let whole = PAIN.replace("</CstmrCdtTrfInitn>", &format!("{besides}</CstmrCdtTrfInitn>"));
        assert!(refused(&whole).contains("supplementary data"));
        let own = PAIN.replace("</CdtTrfTxInf></PmtInf>", &format!("{besides}</CdtTrfTxInf></PmtInf>"));
        Plan::read(own.as_bytes()).expect("what speaks of one transaction goes with it");
    }
}

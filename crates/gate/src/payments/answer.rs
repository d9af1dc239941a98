//! Tells whoever sent a message what becomes of its transactions: pacs.002 for banks, pain.002 for customers.
//!
//! The status and its reason are the rail's: a table, so that another rail is another row. What was met and
//! why stays in our own record; the answer carries no names.

use super::Outcome;
use super::run::{Accounts, Item, Screened};
use docket::moment::format_rfc3339;
use law::Time;
use screening::Says;
use screening::iso20022::Paths;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Held transactions answered in one run; beyond it the run fails rather than leave one without an answer.
pub const ANSWERS_MAX: usize = 200_000;

/// The schema both answers are written in: the versions CBPR+ and the instant rails settled on.
const PACS_002: &str = "pacs.002.001.10";
const PAIN_002: &str = "pain.002.001.10";

/// How a rail says what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// One message for each transaction, in an envelope with a business header.
    pub cross_border: bool,
    /// Status of what a person is to decide.
    pub review: &'static str,
    /// Reason of a rejection under an order.
    pub reject_reason: &'static str,
    /// Words that go with a reason given in words.
    pub narrative: Option<&'static str>,
}

/// Every rail known, the usual one first.
pub const PROFILES: [Profile; 5] = [
    Profile { name: "iso", cross_border: false, review: "PDNG", reject_reason: "RR04", narrative: None },
    Profile { name: "cbpr+", cross_border: true, review: "PDNG", reject_reason: "RR04", narrative: None },
    // An instant rail has no pending: it is accepted without posting until somebody has decided.
    Profile { name: "sct-inst", cross_border: false, review: "ACWP", reject_reason: "RR04", narrative: None },
    Profile { name: "fednow", cross_border: false, review: "ACWP", reject_reason: "RR04", narrative: None },
    // The Clearing House gives regulatory reasons in words.
    Profile {
        name: "tch",
        cross_border: false,
        review: "ACWP",
        reject_reason: "NARR",
        narrative: Some("Regulatory reason"),
    },
];

impl Profile {
    /// The rail of this name.
    ///
    /// # Errors
    /// None has it.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = PROFILES.into_iter().find(|profile| profile.name == name);
        found.ok_or_else(|| format!("`{name}` is none of {}", PROFILES.map(|profile| profile.name).join(", ")))
    }
}

/// Gathers what is to be answered.
#[derive(Debug)]
pub struct Answers {
    profile: Profile,
    created: String,
    messages: Vec<Message>,
    rows: usize,
}

#[derive(Debug, Default)]
struct Message {
    id: String,
    kind: String,
    total: u64,
    batches: Vec<Batch>,
    counts: [u64; 5],
}

#[derive(Debug, Default)]
struct Batch {
    id: String,
    total: u64,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    outcome: Outcome,
    instruction: Option<String>,
    end_to_end: Option<String>,
    transaction: Option<String>,
    uetr: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its identification.
    pub id: String,
    /// The message.
    pub xml: String,
}

impl Answers {
    /// Answers in the way of a rail, written at `created`.
    #[must_use]
    pub fn new(profile: Profile, created: Time) -> Self {
        // ISO 20022 wants the offset in numbers.
        let created = format_rfc3339(created).replace('Z', "+00:00");
        Self { profile, created, messages: Vec::new(), rows: 0 }
    }

    /// Takes an item of a run.
    ///
    /// # Errors
    /// More are held than one answer takes.
    pub fn take(&mut self, item: &Item<'_>) -> Result<(), String> {
        let Item::Payment(screened) = item else { return Ok(()) };
        let id = screened.context.header.any(Says::MessageId).unwrap_or("NOTPROVIDED");
        if self.messages.last().is_none_or(|message| message.id != id || message.kind != screened.message) {
            let kind = screened.message.to_owned();
            self.messages.push(Message { id: id.to_owned(), kind, ..Message::default() });
        }
        let Some(message) = self.messages.last_mut() else { return Ok(()) };
        message.total += 1;
        let outcome = screened.judged.outcome();
        if let Some(count) = message.counts.get_mut(outcome as usize) {
            *count += 1;
        }
        let batch = screened.context.batch.any(Says::BatchId).unwrap_or("NOTPROVIDED");
        if message.batches.last().is_none_or(|known| known.id != batch) {
            message.batches.push(Batch { id: batch.to_owned(), ..Batch::default() });
        }
        let Some(batch) = message.batches.last_mut() else { return Ok(()) };
        batch.total += 1;
        if outcome.passes() {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > ANSWERS_MAX {
            return Err(format!("more than {ANSWERS_MAX} transactions are held: split the file to have them answered"));
        }
        batch.rows.push(Row::of(screened, outcome));
        Ok(())
    }

    /// The messages to send; none where everything passes. What could not be read is told of no transaction,
    /// so it is answered by nobody but a person.
    #[must_use]
    pub fn write(&self, accounts: &Accounts) -> Vec<Written> {
        let held = self.messages.iter().filter(|message| message.batches.iter().any(|batch| !batch.rows.is_empty()));
        let whole = accounts.unread == 0;
        held.flat_map(|message| {
            if message.kind.starts_with("pain.") {
                vec![self.customer(message, whole)]
            } else if self.profile.cross_border {
                message.rows().enumerate().map(|(n, row)| self.cross_border(message, row, n)).collect()
            } else {
                vec![self.bank(message, whole)]
            }
        })
        .collect()
    }

    fn status(&self, outcome: Outcome) -> (&'static str, Option<&'static str>) {
        match outcome {
            Outcome::Pass | Outcome::PassByException => ("ACTC", None),
            Outcome::Review => (self.profile.review, None),
            Outcome::Reject => ("RJCT", Some(self.profile.reject_reason)),
            Outcome::Block => ("BLCK", Some("AM07")),
        }
    }

    fn id(&self, message: &Message, n: usize) -> String {
        let digest = Sha256::digest(format!("{}\n{}\n{n}\n{}", message.id, message.kind, self.created));
        digest.iter().take(14).fold(String::from("IDT"), |mut id, byte| {
            write!(id, "{byte:02X}").unwrap_or_default();
            id
        })
    }

    /// What the whole group comes to, where its transactions agree; `PART` where they do not.
    fn group_status(&self, message: &Message, whole: bool) -> &'static str {
        let mut met = Outcome::ALL.into_iter().zip(message.counts).filter(|(_, count)| *count > 0);
        match (met.next(), met.next()) {
            (Some((only, _)), None) if whole => self.status(only).0,
            _ => "PART",
        }
    }

    fn bank(&self, message: &Message, whole: bool) -> Written {
        let id = self.id(message, 0);
        let mut xml = Xml::new();
        xml.open(&format!("Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{PACS_002}\""));
        xml.open("FIToFIPmtStsRpt");
        xml.group(&id, &self.created);
        self.original(&mut xml, message, whole);
        for row in message.rows() {
            xml.open("TxInfAndSts");
            self.ids(&mut xml, row, true);
            xml.close("TxInfAndSts");
        }
        xml.close("FIToFIPmtStsRpt");
        xml.close("Document");
        Written { id, xml: xml.text }
    }

    fn original(&self, xml: &mut Xml, message: &Message, whole: bool) {
        xml.open("OrgnlGrpInfAndSts");
        xml.leaf("OrgnlMsgId", &message.id);
        xml.leaf("OrgnlMsgNmId", &message.kind);
        xml.leaf("OrgnlNbOfTxs", &message.total.to_string());
        xml.leaf("GrpSts", self.group_status(message, whole));
        xml.close("OrgnlGrpInfAndSts");
    }

    fn customer(&self, message: &Message, whole: bool) -> Written {
        let id = self.id(message, 0);
        let mut xml = Xml::new();
        xml.open(&format!("Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{PAIN_002}\""));
        xml.open("CstmrPmtStsRpt");
        xml.group(&id, &self.created);
        self.original(&mut xml, message, whole);
        for batch in message.batches.iter().filter(|batch| !batch.rows.is_empty()) {
            xml.open("OrgnlPmtInfAndSts");
            xml.leaf("OrgnlPmtInfId", &batch.id);
            xml.leaf("OrgnlNbOfTxs", &batch.total.to_string());
            let first = batch.rows.first().map_or(Outcome::Review, |row| row.outcome);
            let one = batch.rows.len() as u64 == batch.total && batch.rows.iter().all(|row| row.outcome == first);
            xml.leaf("PmtInfSts", if one { self.status(first).0 } else { "PART" });
            for row in &batch.rows {
                xml.open("TxInfAndSts");
                self.ids(&mut xml, row, false);
                xml.close("TxInfAndSts");
            }
            xml.close("OrgnlPmtInfAndSts");
        }
        xml.close("CstmrPmtStsRpt");
        xml.close("Document");
        Written { id, xml: xml.text }
    }

    /// The original's identifications, the status and its reason, in the order of the schemas.
    fn ids(&self, xml: &mut Xml, row: &Row, between_banks: bool) {
        xml.maybe("OrgnlInstrId", row.instruction.as_deref());
        xml.maybe("OrgnlEndToEndId", row.end_to_end.as_deref());
        if between_banks {
            xml.maybe("OrgnlTxId", row.transaction.as_deref());
        }
        xml.maybe("OrgnlUETR", row.uetr.as_deref());
        let (status, reason) = self.status(row.outcome);
        xml.leaf("TxSts", status);
        if let Some(reason) = reason {
            xml.open("StsRsnInf");
            xml.open("Rsn");
            xml.leaf("Cd", reason);
            xml.close("Rsn");
            if reason == self.profile.reject_reason {
                xml.maybe("AddtlInf", self.profile.narrative);
            }
            xml.close("StsRsnInf");
        }
    }

    /// One transaction, between the agents of the original the other way round.
    fn cross_border(&self, message: &Message, row: &Row, n: usize) -> Written {
        let id = self.id(message, n);
        let (from, to) = (row.to.as_deref().unwrap_or("NOTPROVD"), row.from.as_deref().unwrap_or("NOTPROVD"));
        let mut xml = Xml::new();
        xml.open("Envelope");
        xml.open("AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"");
        for (side, bic) in [("Fr", from), ("To", to)] {
            xml.open(side);
            xml.open("FIId");
            xml.open("FinInstnId");
            xml.leaf("BICFI", bic);
            xml.close("FinInstnId");
            xml.close("FIId");
            xml.close(side);
        }
        xml.leaf("BizMsgIdr", &id);
        xml.leaf("MsgDefIdr", PACS_002);
        xml.leaf("BizSvc", "swift.cbprplus.03");
        xml.leaf("CreDt", &self.created);
        xml.close("AppHdr");
        xml.open(&format!("Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{PACS_002}\""));
        xml.open("FIToFIPmtStsRpt");
        xml.group(&id, &self.created);
        xml.open("TxInfAndSts");
        xml.open("OrgnlGrpInf");
        xml.leaf("OrgnlMsgId", &message.id);
        xml.leaf("OrgnlMsgNmId", &message.kind);
        xml.close("OrgnlGrpInf");
        self.ids(&mut xml, row, true);
        for (side, bic) in [("InstgAgt", from), ("InstdAgt", to)] {
            xml.open(side);
            xml.open("FinInstnId");
            xml.leaf("BICFI", bic);
            xml.close("FinInstnId");
            xml.close(side);
        }
        xml.close("TxInfAndSts");
        xml.close("FIToFIPmtStsRpt");
        xml.close("Document");
        xml.close("Envelope");
        Written { id, xml: xml.text }
    }
}

impl Message {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.batches.iter().flat_map(|batch| &batch.rows)
    }
}

impl Row {
    fn of(screened: &Screened<'_>, outcome: Outcome) -> Self {
        let [_, instruction, end_to_end, transaction, uetr] = screened.ids().map(|id| id.map(str::to_owned));
        let agent = |side: &str| agent(screened, side);
        Self { outcome, instruction, end_to_end, transaction, uetr, from: agent("InstgAgt"), to: agent("InstdAgt") }
    }
}

/// The code of the instructing or instructed agent, in the transaction or in the header.
fn agent(screened: &Screened<'_>, side: &str) -> Option<String> {
    let paths: &Paths = screened.context.paths;
    [screened.payment, screened.context.header].into_iter().find_map(|source| {
        let codes = source.fields.iter().filter(|field| field.says == Says::Bic);
        let mut own = codes.filter(|field| paths.words(field.path).split('/').any(|name| name == side));
        own.next().map(|field| source.text_of(field).trim().to_owned())
    })
}

/// Elements, indented.
struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    fn new() -> Self {
        Self { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), depth: 0 }
    }

    fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn open(&mut self, tag: &str) {
        self.line(&format!("<{tag}>"));
        self.depth += 1;
    }

    fn close(&mut self, tag: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(&format!("</{tag}>"));
    }

    fn leaf(&mut self, tag: &str, text: &str) {
        let mut safe = String::with_capacity(text.len());
        for letter in text.trim().chars() {
            match letter {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                _ if letter.is_control() => safe.push(' '),
                _ => safe.push(letter),
            }
        }
        self.line(&format!("<{tag}>{safe}</{tag}>"));
    }

    fn maybe(&mut self, tag: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.leaf(tag, text);
        }
    }

    fn group(&mut self, id: &str, created: &str) {
        self.open("GrpHdr");
        self.leaf("MsgId", id);
        self.leaf("CreDtTm", created);
        self.close("GrpHdr");
    }
}

//! NACHA files of the American clearing house: PPD, CCD and IAT. An entry and its addenda are one payment.
//!
//! A batch and the file end with what they should have had in them. Where that does not agree with what came, the
//! control record is unread, saying what differs, and reading goes on: what was dropped or altered on the way nobody
//! knows.
//!
//! Positions are those of the Nacha Operating Rules, counted from one there and here.

use crate::iso20022::Paths;
use crate::parts::{Line, Lines, Part, Parts};
use crate::payment::{Field, Payment, Role, Says, Whom};
use std::io::Read;
use std::ops::Range;

/// Every record has this many characters.
const RECORD: usize = 94;
/// Addenda of one entry: IAT has at most twelve, CTX 9,999.
const ADDENDA_MAX: usize = 9_999;

/// Reads one file.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    paths: Paths,
    header: Payment,
    batch: Payment,
    payment: Payment,
    batches: u64,
    international: bool,
    batch_company: Option<String>,
    /// What has come of the batch under way, and of the file.
    in_batch: Option<Totals>,
    in_file: Totals,
    stage: Stage,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing of it yet.
    Before,
    /// Its header.
    Begun,
    /// Its control record.
    Closed,
}

/// What control records sum up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    batches: u64,
    records: u64,
    hash: u64,
    debits: u64,
    credits: u64,
}

/// Hashes have ten digits.
const HASH_MODULUS: u64 = 10_000_000_000;

impl Totals {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.hash = (self.hash + other.hash) % HASH_MODULUS;
        self.debits = self.debits.saturating_add(other.debits);
        self.credits = self.credits.saturating_add(other.credits);
    }

    /// What a control record says otherwise; fields by name, position and what came.
    fn against(self, line: &str, fields: &[(&str, usize, usize, u64)]) -> Option<String> {
        let differing = fields.iter().filter_map(|(name, from, to, came)| {
            let says = cut(line, *from, *to);
            let same = says.len() == to - from + 1 && says.parse::<u64>().is_ok_and(|says| says == *came);
            (!same).then(|| format!("{name} is `{says}` in positions {from} to {to}, and {came} came"))
        });
        let differing: Vec<String> = differing.collect();
        (!differing.is_empty()).then(|| differing.join("; "))
    }
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            lines: Lines::new(inner),
            paths: Paths::default(),
            header: Payment::default(),
            batch: Payment::default(),
            payment: Payment::default(),
            batches: 0,
            international: false,
            batch_company: None,
            in_batch: None,
            in_file: Totals::default(),
            stage: Stage::Before,
        }
    }

    /// The file's own identification: who made it, when, and which of that day's it is.
    fn file_header(&mut self, line: &Line) {
        self.stage = Stage::Begun;
        let path = self.paths.child(Paths::ROOT, "1/immediate origin and creation");
        let text = cut(&line.text, 14, 34).to_owned();
        let bytes = line.bytes.start + 13..line.bytes.start + 13 + text.len() as u64;
        let (says, whom, role) = (Says::MessageId, Whom::Payment, Role::Mention);
        self.header.push(Field { says, whom, role, path, text: 0..0, bytes, plain: true }, &text);
    }

    /// The end of a batch; what does not agree with it.
    fn batch_control(&mut self, line: &Line) -> Option<String> {
        let Some(totals) = self.in_batch.take() else {
            return Some(String::from("a batch control record without a batch"));
        };
        self.in_file.add(totals);
        self.in_file.batches += 1;
        let differs = totals.against(
            &line.text,
            &[
                ("entry and addenda count", 5, 10, totals.records),
                ("entry hash", 11, 20, totals.hash),
                ("sum of debits", 21, 32, totals.debits),
                ("sum of credits", 33, 44, totals.credits),
            ],
        )?;
        let number = cut(&line.text, 88, 94);
        Some(format!("the totals of batch {number} do not agree with its entries: {differs}"))
    }

    /// The end of the file; what does not agree with it.
    fn file_control(&mut self, line: &Line) -> Option<String> {
        self.stage = Stage::Closed;
        let totals = self.in_file;
        let differs = totals.against(
            &line.text,
            &[
                ("batch count", 2, 7, totals.batches),
                ("entry and addenda count", 14, 21, totals.records),
                ("entry hash", 22, 31, totals.hash),
                ("sum of debits", 32, 43, totals.debits),
                ("sum of credits", 44, 55, totals.credits),
            ],
        )?;
        Some(format!("the totals of the file do not agree with its batches: {differs}"))
    }

    /// What should come before the file ends.
    fn missing(&self) -> Option<&'static str> {
        match (self.stage, self.in_batch) {
            (Stage::Before, _) => Some("no NACHA file: no record 1"),
            (Stage::Begun, Some(_)) => Some("the file ends within a batch: no record 8"),
            (Stage::Begun, None) => Some("the file ends without its control record 9"),
            (Stage::Closed, _) => None,
        }
    }

    fn put(&mut self, into: Into, line: &Line, from: usize, to: usize, what: (Says, Whom, Role, &str)) {
        let text = cut(&line.text, from, to);
        if text.is_empty() {
            return;
        }
        let start = line.bytes.start + (from as u64 - 1);
        self.say(into, text, start..start + text.len() as u64, what);
    }

    fn say(&mut self, into: Into, text: &str, bytes: Range<u64>, (says, whom, role, name): (Says, Whom, Role, &str)) {
        let path = self.paths.child(Paths::ROOT, name);
        let field = Field { says, whom, role, path, text: 0..0, bytes, plain: true };
        let payment = match into {
            Into::Batch => &mut self.batch,
            Into::Payment => &mut self.payment,
        };
        payment.push(field, text);
    }

    fn batch_header(&mut self, line: &Line) {
        self.batch.clear();
        self.batches += 1;
        self.international = cut(&line.text, 51, 53) == "IAT";
        let bytes = line.bytes.start + 69..line.bytes.start + 75;
        let date = cut(&line.text, 70, 75).to_owned();
        if let [y, m, d] = [date.get(..2), date.get(2..4), date.get(4..6)].map(Option::unwrap_or_default)
            && date.len() == 6
        {
            let day = format!("20{y}-{m}-{d}");
            self.say(
                Into::Batch,
                &day,
                bytes,
                (Says::ValueDate, Whom::Payment, Role::Mention, "5/effective entry date"),
            );
        }
        let entry = cut(&line.text, 54, 63).to_owned();
        let place = line.bytes.start + 53..line.bytes.start + 63;
        self.say(Into::Batch, &entry, place.clone(), (Says::Text, Whom::Payment, Role::Mention, "5/entry description"));
        if ["PAYROLL", "SALARY", "WAGES"].contains(&entry.to_uppercase().as_str()) {
            self.say(Into::Batch, "PAYR", place, (Says::Purpose, Whom::Payment, Role::Mention, "5/entry description"));
        }
        if !self.international {
            self.put(
                Into::Batch,
                line,
                41,
                50,
                (Says::BatchId, Whom::Payment, Role::Mention, "5/company identification"),
            );
        }
    }

    /// An entry; `line` is its record 6, the addenda follow.
    fn entry(&mut self, line: &Line, batch_line: Option<String>) -> Result<u64, &'static str> {
        self.payment.clear();
        let credit = matches!(cut(&line.text, 2, 3).chars().nth(1), Some('1'..='4'));
        self.count(line, credit);
        let (own, other) = if credit { (Whom::Debtor, Whom::Creditor) } else { (Whom::Creditor, Whom::Debtor) };
        let (own_bank, other_bank) =
            if credit { (Whom::DebtorAgent, Whom::CreditorAgent) } else { (Whom::CreditorAgent, Whom::DebtorAgent) };
        let here = line.bytes.start..line.bytes.start;
        if let Some(company) = batch_line.filter(|_| !self.international) {
            self.say(Into::Payment, &company, here.clone(), (Says::Name, own, Role::Party, "5/company name"));
            self.say(
                Into::Payment,
                "company",
                here.clone(),
                (Says::OrganisationId, own, Role::Party, "5/company name"),
            );
        }
        if let Ok(cents) = cut(&line.text, 30, 39).parse::<u64>() {
            let amount = format!("{}.{:02} USD", cents / 100, cents % 100);
            self.say(
                Into::Payment,
                &amount,
                line.bytes.start + 29..line.bytes.start + 39,
                (Says::Amount, Whom::Payment, Role::Mention, "6/amount"),
            );
        }
        self.put(Into::Payment, line, 80, 94, (Says::TransactionId, Whom::Payment, Role::Mention, "6/trace number"));
        self.say(Into::Payment, "USABA", here.clone(), (Says::Clearing, own_bank, Role::Agent, "6/clearing system"));
        if self.international {
            self.put(Into::Payment, line, 40, 74, (Says::AccountId, other, Role::Account, "6/account"));
        } else {
            self.say(Into::Payment, "USABA", here, (Says::Clearing, other_bank, Role::Agent, "6/clearing system"));
            self.put(Into::Payment, line, 13, 29, (Says::AccountId, other, Role::Account, "6/account"));
            self.put(
                Into::Payment,
                line,
                40,
                54,
                (Says::EndToEndId, Whom::Payment, Role::Mention, "6/identification number"),
            );
            self.put(Into::Payment, line, 55, 76, (Says::Name, other, Role::Party, "6/receiver name"));
        }
        self.payment.undecodable = line.undecodable;
        let mut end = line.bytes.end;
        for _ in 0..ADDENDA_MAX {
            let Some(next) = self.lines.next_line() else { break };
            if !next.text.starts_with('7') {
                self.lines.take_back(next);
                break;
            }
            if next.text.chars().count() != RECORD {
                return Err("an addenda record that has not 94 characters");
            }
            self.in_batch.get_or_insert_default().records += 1;
            self.addenda(&next, (own, own_bank), (other, other_bank));
            self.payment.undecodable |= next.undecodable;
            end = next.bytes.end;
        }
        Ok(end)
    }

    /// Counts an entry into its batch's totals.
    fn count(&mut self, line: &Line, credit: bool) {
        let number = |from, to| cut(&line.text, from, to).parse::<u64>().unwrap_or(0);
        let cents = number(30, 39);
        let (debits, credits) = if credit { (0, cents) } else { (cents, 0) };
        let entry = Totals { batches: 0, records: 1, hash: number(4, 11), debits, credits };
        self.in_batch.get_or_insert_default().add(entry);
    }

    fn addenda(&mut self, line: &Line, (own, own_bank): (Whom, Whom), (other, other_bank): (Whom, Whom)) {
        let into = Into::Payment;
        let party = |whom| (Says::Name, whom, Role::Party);
        let (name, address) = ((own, Role::Party), (own, Role::Address));
        match cut(&line.text, 2, 3) {
            "05" | "17" => {
                self.put(into, line, 4, 83, (Says::Text, Whom::Payment, Role::Mention, "7/payment information"))
            }
            "10" => {
                let (says, whom, role) = party(other);
                self.put(into, line, 47, 81, (says, whom, role, "710/receiver name"));
                let purpose = match cut(&line.text, 4, 6) {
                    "SAL" => "SALA",
                    "PEN" => "PENS",
                    _ => "OTHR",
                };
                let place = line.bytes.start + 3..line.bytes.start + 6;
                self.say(into, purpose, place, (Says::Purpose, Whom::Payment, Role::Mention, "710/transaction type"));
            }
            "11" => {
                self.put(into, line, 4, 38, (Says::Name, name.0, name.1, "711/originator name"));
                self.put(into, line, 39, 73, (Says::Address, address.0, address.1, "711/originator street"));
            }
            "12" => {
                self.put(into, line, 4, 38, (Says::Address, own, Role::Address, "712/originator city"));
                self.put(into, line, 39, 40, (Says::Country, own, Role::Address, "712/originator country"));
            }
            "13" => self.put(into, line, 4, 38, (Says::Name, own_bank, Role::Agent, "713/originating bank")),
            "14" => self.put(into, line, 4, 38, (Says::Name, other_bank, Role::Agent, "714/receiving bank")),
            "15" => self.put(into, line, 19, 53, (Says::Address, other, Role::Address, "715/receiver street")),
            "16" => {
                self.put(into, line, 4, 38, (Says::Address, other, Role::Address, "716/receiver city"));
                self.put(into, line, 39, 40, (Says::Country, other, Role::Address, "716/receiver country"));
            }
            "18" => {
                self.put(into, line, 4, 38, (Says::Name, Whom::Intermediary, Role::Agent, "718/correspondent bank"))
            }
            _ => self.put(into, line, 4, 94, (Says::Text, Whom::Payment, Role::Mention, "7/addenda")),
        }
    }
}

impl<R: Read> Reader<R> {
    /// One record; the part it ends, if it ends one.
    fn record(&mut self, line: Line) -> Option<Part> {
        let at = line.bytes.start;
        if line.text.is_empty() {
            return None;
        }
        // File headers and control records are often written without the spaces they end with.
        let letters = line.text.chars().count();
        let short = letters < RECORD && line.text.starts_with(['1', '8', '9']);
        if !(letters == RECORD || short) || !line.whole {
            return Some(self.lines.unread(at, "a record that has not 94 characters"));
        }
        let differs = match (line.text.chars().next(), self.stage) {
            // A file is filled up to a multiple of ten records.
            (Some('9'), Stage::Closed) if line.text.bytes().all(|b| b == b'9') => None,
            (Some('1'), Stage::Before) => {
                self.file_header(&line);
                None
            }
            (Some('5'), Stage::Begun) if self.in_batch.is_none() => {
                self.in_batch = Some(Totals::default());
                self.batch_header(&line);
                self.batch_company = Some(cut(&line.text, 5, 20).to_owned()).filter(|name| !name.is_empty());
                None
            }
            (Some('6'), Stage::Begun) if self.in_batch.is_some() => {
                if let Some(frame) = self.lines.seam.frame(at) {
                    self.lines.take_back(line);
                    return Some(frame);
                }
                let company = self.batch_company.clone();
                return Some(match self.entry(&line, company) {
                    Ok(end) => self.lines.seam.payment(end),
                    Err(why) => self.lines.unread(at, why),
                });
            }
            (Some('8'), Stage::Begun) => self.batch_control(&line),
            (Some('9'), Stage::Begun) if self.in_batch.is_none() => self.file_control(&line),
            _ => return Some(self.lines.unread(at, "a record of no known type, or outside its place")),
        };
        differs.map(|why| self.lines.seam.unread(line.bytes.end, at, why))
    }
}

/// Where a field goes.
#[derive(Clone, Copy)]
enum Into {
    Batch,
    Payment,
}

/// The characters from one position to another, counted from one, without spaces around.
fn cut(text: &str, from: usize, to: usize) -> &str {
    let mut starts = text.char_indices().map(|(n, _)| n).chain([text.len()]);
    let Some(start) = starts.nth(from - 1) else { return "" };
    let end = starts.nth(to - from).unwrap_or(text.len());
    text.get(start..end).unwrap_or("").trim()
}

impl<R: Read> Parts for Reader<R> {
    fn next_part(&mut self) -> Option<Part> {
        while !self.lines.seam.is_last() {
            let Some(line) = self.lines.next_line() else {
                return self.lines.rest(self.missing());
            };
            if let Some(part) = self.record(line) {
                return Some(part);
            }
        }
        None
    }

    fn payment(&self) -> &Payment {
        &self.payment
    }

    fn exchange(&mut self, payment: &mut Payment) {
        std::mem::swap(&mut self.payment, payment);
    }

    fn batch(&self) -> &Payment {
        &self.batch
    }

    fn header(&self) -> &Payment {
        &self.header
    }

    fn batches(&self) -> u64 {
        self.batches
    }

    fn messages(&self) -> u64 {
        1
    }

    fn message(&self) -> &str {
        if self.international { "NACHA IAT" } else { "NACHA" }
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }
}

#[cfg(test)]
mod tests;

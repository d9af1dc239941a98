//! NACHA files of the American clearing house: PPD, CCD and IAT. An entry and its addenda are one payment.
//!
//! Positions are those of the Nacha Operating Rules, counted from one there and here.

use crate::iso20022::Paths;
use crate::parts::{Fault, Line, Lines, Part, Parts};
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
    ahead: Option<Line>,
    paths: Paths,
    header: Payment,
    batch: Payment,
    payment: Payment,
    batches: u64,
    international: bool,
    batch_company: Option<String>,
    part: u64,
    started: bool,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            lines: Lines::new(inner),
            ahead: None,
            paths: Paths::default(),
            header: Payment::default(),
            batch: Payment::default(),
            payment: Payment::default(),
            batches: 0,
            international: false,
            batch_company: None,
            part: 0,
            started: false,
            done: false,
        }
    }

    fn line(&mut self) -> Option<Line> {
        self.ahead.take().or_else(|| self.lines.next_line())
    }

    /// Everything from `from` on, unread.
    fn unread(&mut self, from: u64, at: u64, why: &str) -> Part {
        self.done = true;
        while self.lines.next_line().is_some() {}
        Part::Unread(from..self.lines.passed, Fault { at, why: why.to_owned() })
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
            let Some(next) = self.line() else { break };
            if !next.text.starts_with('7') {
                self.ahead = Some(next);
                break;
            }
            if next.text.chars().count() != RECORD {
                return Err("an addenda record that has not 94 characters");
            }
            self.addenda(&next, (own, own_bank), (other, other_bank));
            self.payment.undecodable |= next.undecodable;
            end = next.bytes.end;
        }
        Ok(end)
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
        if self.done {
            return None;
        }
        let from = self.part;
        let part = loop {
            let Some(line) = self.line() else {
                self.done = true;
                let end = self.lines.passed;
                let why = self
                    .lines
                    .failed
                    .take()
                    .or_else(|| (!self.started).then(|| String::from("no NACHA file: no record 1")));
                if end == from {
                    return None;
                }
                break match why {
                    Some(why) => Part::Unread(from..end, Fault { at: from, why }),
                    None => Part::Frame(from..end),
                };
            };
            let at = line.bytes.start;
            if line.text.is_empty() {
                continue;
            }
            // File headers and control records are often written without the spaces they end with.
            let letters = line.text.chars().count();
            let short = letters < RECORD && line.text.starts_with(['1', '8', '9']);
            if !(letters == RECORD || short) || !line.whole {
                break self.unread(from, at, "a record that has not 94 characters");
            }
            match line.text.chars().next() {
                Some('1') => self.started = true,
                Some('5') => self.batch_header(&line),
                Some('6') if self.started => {
                    if at > from {
                        self.ahead = Some(line);
                        break Part::Frame(from..at);
                    }
                    let company = self.batch_company.clone();
                    match self.entry(&line, company) {
                        Ok(end) => break Part::Payment(at..end),
                        Err(why) => break self.unread(from, at, why),
                    }
                }
                Some('8' | '9') if self.started => {}
                _ => break self.unread(from, at, "a record of no known type, or outside its place"),
            }
            if line.text.starts_with('5') {
                self.batch_company = Some(cut(&line.text, 5, 20).to_owned()).filter(|name| !name.is_empty());
            }
        };
        self.part = part.bytes().end;
        Some(part)
    }

    fn payment(&self) -> &Payment {
        &self.payment
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

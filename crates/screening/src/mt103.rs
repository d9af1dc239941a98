//! MT103 customer transfers, one or many in a file.
//!
//! Han letters in Chinese telegraphic code are four-digit groups; they are not decoded.

use crate::iso20022::Paths;
use crate::parts::{Fault, Line, Lines, Part, Parts};
use crate::payment::{Field, Payment, Role, Says, Whom};
use std::io::Read;

/// Lines of one message: the standard allows some 10,000 characters in all.
const LINES_MAX: usize = 1_000;

/// Reads one file.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    ahead: Option<Line>,
    paths: Paths,
    none: Payment,
    payment: Payment,
    part: u64,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            lines: Lines::new(inner),
            ahead: None,
            paths: Paths::default(),
            none: Payment::default(),
            payment: Payment::default(),
            part: 0,
            done: false,
        }
    }

    fn line(&mut self) -> Option<Line> {
        self.ahead.take().or_else(|| self.lines.next_line())
    }

    fn unread(&mut self, from: u64, at: u64, why: &str) -> Part {
        self.done = true;
        while self.lines.next_line().is_some() {}
        Part::Unread(from..self.lines.passed, Fault { at, why: why.to_owned() })
    }

    /// A message from its first line on; where it ends.
    fn message(&mut self, first: &Line) -> Result<u64, (u64, &'static str)> {
        self.payment.clear();
        self.payment.undecodable = first.undecodable;
        self.blocks(first);
        let mut tag = String::new();
        let mut row = 0;
        let mut end = first.bytes.end;
        if is_over(&first.text) {
            return Ok(end);
        }
        for _ in 0..LINES_MAX {
            let Some(line) = self.line() else { return Err((end, "the file ends within a message")) };
            if !line.whole {
                return Err((line.bytes.start, "a line longer than any of a message"));
            }
            end = line.bytes.end;
            self.payment.undecodable |= line.undecodable;
            if is_over(&line.text) {
                return Ok(end);
            }
            if line.text.contains("{1:") {
                return Err((line.bytes.start, "a message within another"));
            }
            let mut text = line.text.as_str();
            if let Some((name, rest)) = text.strip_prefix(':').and_then(|rest| rest.split_once(':'))
                && (2..=3).contains(&name.len())
            {
                name.clone_into(&mut tag);
                text = rest;
                row = 0;
            } else {
                row += 1;
            }
            let start = line.bytes.start + (line.text.len() - text.len()) as u64;
            self.tagged(&tag, row, text, start);
        }
        Err((end, "a message of more lines than there are"))
    }

    /// The header blocks: the UETR in block 3.
    fn blocks(&mut self, first: &Line) {
        if let Some((before, rest)) = first.text.split_once("{121:") {
            let uetr = rest.split('}').next().unwrap_or("");
            let start = first.bytes.start + before.len() as u64 + 5;
            self.put((Says::Uetr, Whom::Payment, Role::Mention), "121", uetr, start);
        }
    }

    fn put(&mut self, (says, whom, role): (Says, Whom, Role), name: &str, text: &str, start: u64) {
        let text = text.trim_end();
        if !text.is_empty() {
            let path = self.paths.child(Paths::ROOT, name);
            let bytes = start..start + text.len() as u64;
            self.payment.push(Field { says, whom, role, path, text: 0..0, bytes, plain: true }, text);
        }
    }

    /// One line of a field.
    fn tagged(&mut self, tag: &str, row: usize, text: &str, start: u64) {
        let number = tag.get(..2).unwrap_or("");
        let option = tag.get(2..).unwrap_or("");
        let agent = |whom| (whom, Role::Agent);
        match number {
            "20" => self.put((Says::TransactionId, Whom::Payment, Role::Mention), tag, text, start),
            "21" => self.put((Says::EndToEndId, Whom::Payment, Role::Mention), tag, text, start),
            "32" => self.money(tag, text, start),
            "50" => self.party(tag, option, row, text, start, (Whom::Debtor, Role::Party)),
            "51" | "53" | "54" | "55" | "56" => self.party(tag, option, row, text, start, agent(Whom::Intermediary)),
            "52" => self.party(tag, option, row, text, start, agent(Whom::DebtorAgent)),
            "57" => self.party(tag, option, row, text, start, agent(Whom::CreditorAgent)),
            "59" => self.party(tag, option, row, text, start, (Whom::Creditor, Role::Party)),
            "23" if option == "E" && text.starts_with("SALA") => {
                self.put((Says::Purpose, Whom::Payment, Role::Mention), tag, "SALA", start);
            }
            "72" => self.put((Says::Instruction, Whom::Payment, Role::Routing), tag, text, start),
            _ => self.put((Says::Text, Whom::Payment, Role::Mention), tag, text, start),
        }
    }

    /// `200925USD12,50`
    fn money(&mut self, tag: &str, text: &str, start: u64) {
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or("");
        if tag == "32A" {
            let day = format!("20{}-{}-{}", part(0, 2), part(2, 4), part(4, 6));
            self.put((Says::ValueDate, Whom::Payment, Role::Mention), tag, &day, start);
            let amount =
                format!("{} {}", text.get(9..).unwrap_or("").trim_end_matches(',').replace(',', "."), part(6, 9));
            self.put((Says::Amount, Whom::Payment, Role::Mention), tag, &amount, start);
        }
    }

    fn party(&mut self, tag: &str, option: &str, row: usize, text: &str, start: u64, (whom, role): (Whom, Role)) {
        if let Some(account) = text.strip_prefix('/') {
            self.put((Says::AccountId, whom, Role::Account), tag, account, start + 1);
            return;
        }
        if option == "A" {
            self.put((Says::Bic, whom, role), tag, text, start);
            return;
        }
        let numbered = text.split_once('/').filter(|(number, _)| option == "F" && number.len() == 1);
        match numbered {
            Some(("1", name)) => self.put((Says::Name, whom, role), tag, name, start + 2),
            Some(("3", rest)) => {
                let (country, town) = rest.split_once('/').unwrap_or((rest, ""));
                self.put((Says::Country, whom, Role::Address), tag, country, start + 2);
                self.put((Says::Address, whom, Role::Address), tag, town, start + 3 + country.len() as u64);
            }
            Some((_, rest)) => self.put((Says::Address, whom, Role::Address), tag, rest, start + 2),
            // The first line that is no account is the name; the name may go on where no address is told apart.
            None if row <= 1 && self.payment.first(whom, Says::Name).is_none() => {
                self.put((Says::Name, whom, role), tag, text, start);
            }
            None => self.put((Says::Address, whom, Role::Address), tag, text, start),
        }
    }
}

fn is_over(text: &str) -> bool {
    text.starts_with("-}")
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
                if end == from {
                    return None;
                }
                let why = self.lines.failed.take().unwrap_or_else(|| String::from("no MT103 in it"));
                let nothing = from == 0 || self.lines.failed.is_some();
                break if nothing { Part::Unread(from..end, Fault { at: from, why }) } else { Part::Frame(from..end) };
            };
            let at = line.bytes.start;
            if line.text.trim().is_empty() {
                continue;
            }
            if !line.text.contains("{1:") {
                break self.unread(from, at, "text outside any message");
            }
            if !(line.text.contains("{2:I103") || line.text.contains("{2:O103")) {
                break self.unread(from, at, "a message of another type than MT103");
            }
            if at > from {
                self.ahead = Some(line);
                break Part::Frame(from..at);
            }
            match self.message(&line) {
                Ok(end) => break Part::Payment(at..end),
                Err((at, why)) => break self.unread(from, at, why),
            }
        };
        self.part = part.bytes().end;
        Some(part)
    }

    fn payment(&self) -> &Payment {
        &self.payment
    }

    fn batch(&self) -> &Payment {
        &self.none
    }

    fn header(&self) -> &Payment {
        &self.none
    }

    fn batches(&self) -> u64 {
        0
    }

    fn messages(&self) -> u64 {
        1
    }

    fn message(&self) -> &str {
        "MT103"
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }
}

#[cfg(test)]
mod tests;

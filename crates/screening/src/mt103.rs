//! MT103 customer transfers, one or many in a file.

use crate::iso20022::Paths;
use crate::parts::{Line, Lines, Part, Parts};
use crate::payment::{Field, Payment, Role, Says, Whom};
use std::io::Read;

/// Lines of one message: the standard allows some 10,000 characters in all.
const LINES_MAX: usize = 1_000;

/// The path of the bank that sent the message.
pub const SENDER: &str = "sender";
/// The path of the bank it was sent to.
pub const RECEIVER: &str = "receiver";

/// Reads one file.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    paths: Paths,
    payment: Payment,
    met: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self { lines: Lines::new(inner), paths: Paths::default(), payment: Payment::default(), met: false }
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
            let Some(line) = self.lines.next_line() else { return Err((end, "the file ends within a message")) };
            if !line.whole {
                return Err((line.bytes.start, "a line longer than any of a message"));
            }
            end = line.bytes.end;
            self.payment.undecodable |= line.undecodable;
            if is_over(&line.text) {
                self.banks();
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

    /// The header blocks: who sends and receives in blocks 1 and 2, the UETR in block 3.
    fn blocks(&mut self, first: &Line) {
        let is_sent = first.text.contains("{2:I");
        // A terminal of twelve letters: the code's eight, the terminal's own, the branch's three.
        for (tag, from, is_sender) in [("{1:", 3, is_sent), ("{2:I", 3, false), ("{2:O", 13, true)] {
            let Some((before, rest)) = first.text.split_once(tag) else { continue };
            let (Some(bank), Some(branch)) = (rest.get(from..from + 8), rest.get(from + 9..from + 12)) else {
                continue;
            };
            let start = first.bytes.start + (before.len() + tag.len() + from) as u64;
            let code = if branch == "XXX" { bank.to_owned() } else { format!("{bank}{branch}") };
            if code.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
                let name = if is_sender { SENDER } else { RECEIVER };
                let path = self.paths.child(Paths::ROOT, name);
                let (bytes, plain) = (start..start + 12, false);
                let (says, whom, role) = (Says::Bic, Whom::Intermediary, Role::Agent);
                self.payment.push(Field { says, whom, role, path, text: 0..0, bytes, plain }, &code);
            }
        }
        if let Some((before, rest)) = first.text.split_once("{121:") {
            let uetr = rest.split('}').next().unwrap_or("");
            let start = first.bytes.start + before.len() as u64 + 5;
            self.put((Says::Uetr, Whom::Payment, Role::Mention), "121", uetr, start);
        }
    }

    /// Whose banks the sender and the receiver are: fields 52 and 57 name others only where there are others.
    fn banks(&mut self) {
        for (name, whom) in [(SENDER, Whom::DebtorAgent), (RECEIVER, Whom::CreditorAgent)] {
            let path = self.paths.child(Paths::ROOT, name);
            if self.payment.fields.iter().all(|field| field.whom != whom) {
                let own = self.payment.fields.iter_mut().filter(|field| field.path == path);
                own.for_each(|field| field.whom = whom);
            }
        }
    }

    fn put(&mut self, (says, whom, role): (Says, Whom, Role), name: &str, text: &str, start: u64) {
        let text = text.trim_end();
        if !text.is_empty() {
            let path = self.paths.child(Paths::ROOT, name);
            let bytes = start..start + text.len() as u64;
            let field = Field { says, whom, role, path, text: 0..0, bytes, plain: true };
            self.payment.push(field, text);
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
        if self.lines.seam.is_last() {
            return None;
        }
        loop {
            let Some(line) = self.lines.next_line() else {
                return self.lines.rest((!self.met).then_some("no MT103 in it"));
            };
            let at = line.bytes.start;
            if line.text.trim().is_empty() {
                continue;
            }
            if !line.text.contains("{1:") {
                return Some(self.lines.unread(at, "text outside any message"));
            }
            if !(line.text.contains("{2:I103") || line.text.contains("{2:O103")) {
                return Some(self.lines.unread(at, "a message of another type than MT103"));
            }
            if let Some(frame) = self.lines.seam.frame(at) {
                self.lines.take_back(line);
                return Some(frame);
            }
            self.met = true;
            return Some(match self.message(&line) {
                Ok(end) => self.lines.seam.payment(end),
                Err((at, why)) => self.lines.unread(at, why),
            });
        }
    }

    fn payment(&self) -> &Payment {
        &self.payment
    }

    fn exchange(&mut self, payment: &mut Payment) {
        std::mem::swap(&mut self.payment, payment);
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

//! Identifiers that name somebody without any guessing: bank codes, entity identifiers, accounts, links to a
//! wallet, and the prefixes by which card descriptors say who collects.

use crate::payment::{Field, Payment, Role, Says};
use foldhash::HashMap;
use std::ops::Range;

/// Whose an identifier is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The holder's number, whatever its keeper counts by.
    pub holder: u32,
    /// Where that is from.
    pub source: String,
    /// Whether the keeper says that the holder's property is frozen.
    pub freezes: bool,
}

/// Identifiers and whose they are.
#[derive(Clone, Debug, Default)]
pub struct Identifiers {
    /// Bank and business codes, by their first eight letters.
    bics: HashMap<String, Known>,
    /// LEIs, accounts, registration numbers: letters and digits alone.
    numbers: HashMap<String, Known>,
    /// Hosts of links, and schemes with `://`.
    links: HashMap<String, Known>,
    /// What card descriptors put before a star.
    descriptors: HashMap<String, Known>,
}

/// An identifier met in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met<'i> {
    /// In which field.
    pub field: usize,
    /// What of its text.
    pub text: Range<usize>,
    /// Whose it is.
    pub known: &'i Known,
}

impl Identifiers {
    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bics.is_empty() && self.numbers.is_empty() && self.links.is_empty() && self.descriptors.is_empty()
    }

    /// Adds a business identifier code; branches of the same institution share it.
    pub fn add_bic(&mut self, code: &str, known: Known) {
        let code = code.trim().to_ascii_uppercase();
        if let Some(institution) = code.get(..8) {
            self.bics.entry(institution.to_owned()).or_insert(known);
        }
    }

    /// Adds an LEI, an account or another number.
    pub fn add_number(&mut self, number: &str, known: Known) {
        let number = squeezed(number);
        if number.len() >= 6 {
            self.numbers.entry(number).or_insert(known);
        }
    }

    /// Adds a host (`qr.alipay.com`) or a scheme (`wxp://`).
    pub fn add_link(&mut self, link: &str, known: Known) {
        self.links.entry(link.trim().to_ascii_lowercase()).or_insert(known);
    }

    /// Adds what a card descriptor puts before its star (`WEIXIN`).
    pub fn add_descriptor(&mut self, prefix: &str, known: Known) {
        self.descriptors.entry(prefix.trim().to_ascii_lowercase()).or_insert(known);
    }

    /// Every identifier met in a payment.
    pub fn scan<'i>(&'i self, payment: &Payment, into: &mut Vec<Met<'i>>) {
        if self.is_empty() {
            return;
        }
        for (number, field) in payment.fields.iter().enumerate() {
            if let Some((known, text)) = self.look(field, payment.text_of(field)) {
                into.push(Met { field: number, text, known });
            }
        }
    }

    fn look(&self, field: &Field, text: &str) -> Option<(&Known, Range<usize>)> {
        match field.says {
            Says::Bic if !self.bics.is_empty() => {
                let code = text.get(..8)?;
                let known = self.bics.get(code).or_else(|| self.bics.get(&code.to_ascii_uppercase()))?;
                Some((known, 0..text.len()))
            }
            Says::Lei | Says::AccountId | Says::OrganisationId | Says::PrivateId | Says::Member => {
                let number = || self.numbers.get(&squeezed(text)).map(|known| (known, 0..text.len()));
                let found = if self.numbers.is_empty() { None } else { number() };
                found.or_else(|| self.link(text))
            }
            Says::ProxyId | Says::Text | Says::Instruction => self.link(text),
            Says::Name if field.role == Role::CardAcceptor => {
                let (prefix, _) = text.split_once('*')?;
                let known = self.descriptors.get(&prefix.trim().to_ascii_lowercase())?;
                Some((known, 0..prefix.len()))
            }
            Says::Name
            | Says::Bic
            | Says::Clearing
            | Says::ProxyKind
            | Says::Country
            | Says::Subdivision
            | Says::Residence
            | Says::Address
            | Says::Purpose
            | Says::MessageId
            | Says::BatchId
            | Says::InstructionId
            | Says::EndToEndId
            | Says::TransactionId
            | Says::Uetr
            | Says::Amount
            | Says::ValueDate
            | Says::Accepted
            | Says::Created
            | Says::Count
            | Says::Sum
            | Says::Code => None,
        }
    }

    /// A link by its scheme or by its host or a domain above it.
    fn link(&self, text: &str) -> Option<(&Known, Range<usize>)> {
        let colon = text.find("://")?;
        let before = text.get(..colon)?;
        let scheme_at = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |n| n + 1);
        let scheme = text.get(scheme_at..colon + 3)?.to_ascii_lowercase();
        let rest = text.get(colon + 3..)?;
        let host_length =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(rest.len());
        if let Some(known) = self.links.get(&scheme) {
            return Some((known, scheme_at..text.len()));
        }
        let host = rest.get(..host_length)?.to_ascii_lowercase();
        let mut domain = host.as_str();
        loop {
            if let Some(known) = self.links.get(domain) {
                return Some((known, scheme_at..colon + 3 + host_length));
            }
            (_, domain) = domain.split_once('.')?;
        }
    }
}

/// Letters and digits alone, upper case.
fn squeezed(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests;

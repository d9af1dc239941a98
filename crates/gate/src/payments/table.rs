//! Payments in rows: comma-separated columns, and JSON objects one a line or in a list, such as fields of ISO 8583. A
//! mapping says for each column or member where it would stand in an ISO 20022 message; its role follows from that.
//!
//! Rows stand alone: one that cannot be read is unread by itself, and the next is read again. Where a list of objects
//! breaks off, nobody knows where the next begins, and the rest is unread.

use super::once::Once;
use screening::iso20022::{Class, Paths};
use screening::parts::{Line, Lines, Part, Parts, RECORD_BYTES_MAX};
use screening::{Field, Payment, Role, Says, Whom};
use serde_json::Value;
use std::io::Read;
use std::ops::Range;

/// Columns or members a mapping may name.
pub const MAPPED_MAX: usize = 512;

/// Fields of ISO 8583 as members named `DE43` or `43`. Its dates have no year, so `received` says when that was.
pub const ISO_8583: &str = "\
received = AccptncDtTm
DE4 = minor-amount
DE7 = AccptncDtTm
DE15 = IntrBkSttlmDt
DE19 = DbtrAgt/FinInstnId/PstlAdr/Ctry
DE32 = InstgAgt/FinInstnId/ClrSysMmbId/MmbId
DE33 = InstdAgt/FinInstnId/ClrSysMmbId/MmbId
DE37 = PmtId/TxId
DE41 = PmtId/InstrId
DE42 = CdtrAcct/Id/Othr/Id
DE43 = card-acceptor
DE48 = RmtInf/Ustrd
DE49 = currency
DE62 = CdtrAcct/Prxy/Id
payer_country = Dbtr/PstlAdr/Ctry
";

/// In what rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated, the first row names the columns.
    Csv,
    /// JSON objects, one a line, or in one list.
    Json,
}

/// Which column or member means what.
#[derive(Clone, Debug)]
pub struct Mapping {
    rows: Vec<(String, Target)>,
}

#[derive(Clone, Debug)]
enum Target {
    Path(String),
    CardAcceptor,
    Currency,
    MinorAmount,
}

impl Mapping {
    /// Reads lines of `column = path` (`creditor_name = Cdtr/Nm`); `card-acceptor`, `currency` and `minor-amount` (an
    /// amount without a point, in the currency's smallest unit) are paths too.
    /// A member within others is written with slashes (`payee/name`).
    ///
    /// # Errors
    /// The line that cannot be read, and why.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut rows = Vec::new();
        let lines =
            (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        for (number, line) in lines {
            let (column, path) = line
                .split_once('=')
                .ok_or_else(|| format!("line {number}: write it as `column = path`, for example `payee = Cdtr/Nm`"))?;
            let target = match path.trim() {
                "card-acceptor" => Target::CardAcceptor,
                "currency" => Target::Currency,
                "minor-amount" => Target::MinorAmount,
                path => {
                    if class(&mut Paths::default(), path).says == Says::Text && !path.starts_with("RmtInf") {
                        return Err(format!(
                            "line {number}: `{path}` is no field this reads; for example Cdtr/Nm, CdtrAcct/Prxy/Id, RmtInf/Ustrd"
                        ));
                    }
                    Target::Path(path.to_owned())
                }
            };
            rows.push((column.trim().to_owned(), target));
            if rows.len() > MAPPED_MAX {
                return Err(format!("more than {MAPPED_MAX} columns"));
            }
        }
        if rows.is_empty() { Err(String::from("no column is mapped")) } else { Ok(Self { rows }) }
    }
}

/// What a path below a transaction makes of its text.
fn class(paths: &mut Paths, path: &str) -> Class {
    let mut at = Paths::ROOT;
    for name in ["FIToFICstmrCdtTrf", "CdtTrfTxInf"].into_iter().chain(path.split('/')) {
        at = paths.child(at, name);
    }
    paths.class(at)
}

/// Reads rows.
#[derive(Debug)]
pub struct Rows<R> {
    lines: Lines<R>,
    form: Form,
    mapping: Mapping,
    columns: Option<Vec<String>>,
    /// Whether the objects are in a list, once anything was read.
    listed: Option<bool>,
    paths: Paths,
    payment: Payment,
}

impl<R: Read> Rows<R> {
    /// Reads from `inner`.
    pub fn new(inner: R, form: Form, mapping: Mapping) -> Self {
        Self {
            lines: Lines::new(inner),
            form,
            mapping,
            columns: None,
            listed: None,
            paths: Paths::default(),
            payment: Payment::default(),
        }
    }

    /// A record: one line, or as many as a quoted cell goes over.
    fn record(&mut self) -> Option<Result<Line, (u64, u64, &'static str)>> {
        let mut record = self.lines.next_line()?;
        if self.form == Form::Csv {
            while record.text.matches('"').count() % 2 == 1 {
                let from = record.bytes.start;
                if record.text.len() > RECORD_BYTES_MAX {
                    return Some(Err((from, record.bytes.end, "a quotation mark that nothing closes")));
                }
                let Some(next) = self.lines.next_line() else {
                    return Some(Err((from, record.bytes.end, "a quotation mark that nothing closes")));
                };
                record.text.push('\n');
                record.text.push_str(&next.text);
                record.bytes.end = next.bytes.end;
                record.undecodable |= next.undecodable;
                record.whole &= next.whole;
            }
        }
        if !record.whole {
            return Some(Err((record.bytes.start, record.bytes.end, "a row longer than any is")));
        }
        Some(Ok(record))
    }

    /// The next object of a list.
    fn member(&mut self) -> Option<Part> {
        Some(match self.lines.next_object() {
            None => return self.lines.rest(None),
            Some(Err((at, why))) => self.lines.unread(at, why),
            Some(Ok(record)) => match self.fill(&record) {
                Ok(()) => self.lines.seam.payment(record.bytes.end),
                Err(why) => self.lines.seam.unread(record.bytes.end, record.bytes.start, why),
            },
        })
    }

    /// The cells of a row under the names the mapping knows them by.
    fn cells(&self, text: &str) -> Result<Vec<(String, String)>, String> {
        match self.form {
            Form::Csv => {
                let cells = split(text);
                let columns = self.columns.as_deref().unwrap_or_default();
                if cells.len() != columns.len() {
                    return Err(format!("{} cells under {} columns", cells.len(), columns.len()));
                }
                Ok(columns.iter().cloned().zip(cells).collect())
            }
            Form::Json => {
                let Once(value) = serde_json::from_str(text).map_err(|error| match error.is_data() {
                    true => error.to_string(),
                    false => format!("{error}; each object is on a line, or all are in one list"),
                })?;
                if !value.is_object() {
                    return Err(String::from("no object: write one on each line, or all in one list"));
                }
                let found = self.mapping.rows.iter().filter_map(|(name, _)| {
                    let plain = name.strip_prefix("DE").filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
                    let short = plain.and_then(|plain| value.get(plain).map(|member| (plain, member)));
                    match (value.pointer(&format!("/{name}")), short) {
                        (Some(_), Some((plain, _))) => {
                            Some(Err(format!("`{name}` and `{plain}` are one field, said twice")))
                        }
                        (Some(member), None) | (None, Some((_, member))) => Some(Ok((name.clone(), written(member)))),
                        (None, None) => None,
                    }
                });
                found.collect()
            }
        }
    }

    fn fill(&mut self, record: &Line) -> Result<(), String> {
        let cells = self.cells(&record.text)?;
        self.payment.clear();
        self.payment.undecodable = record.undecodable;
        let cell = |name: &str| cells.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.trim());
        let currency = self.mapping.rows.iter().find(|(_, target)| matches!(target, Target::Currency));
        let currency = currency.and_then(|(name, _)| cell(name)).unwrap_or("");
        for (name, target) in &self.mapping.rows {
            let Some(text) = cell(name).filter(|text| !text.is_empty()) else { continue };
            let path = self.paths.child(Paths::ROOT, name);
            // Cells may be escaped, so the bytes are the row's.
            let field = |says, whom, role| Field {
                says,
                whom,
                role,
                path,
                text: 0..0,
                bytes: record.bytes.clone(),
                plain: false,
            };
            match target {
                Target::Currency => {}
                Target::CardAcceptor => {
                    if let Some(country) = acceptors_country(cells_of(&cells, name)) {
                        self.payment.push(field(Says::Country, Whom::Creditor, Role::Address), country);
                    }
                    self.payment.push(field(Says::Name, Whom::Creditor, Role::CardAcceptor), text);
                }
                Target::MinorAmount => {
                    let text = format!("{} {currency}", of_minor_units(text, currency));
                    self.payment.push(field(Says::Amount, Whom::Payment, Role::Mention), &text);
                }
                Target::Path(to) => {
                    let class = class(&mut Paths::default(), to);
                    let text = if class.says == Says::Amount { format!("{text} {currency}") } else { text.to_owned() };
                    self.payment.push(field(class.says, class.whom, class.role), &text);
                }
            }
        }
        Ok(())
    }
}

fn cells_of<'c>(cells: &'c [(String, String)], name: &str) -> &'c str {
    cells.iter().find(|(known, _)| known == name).map_or("", |(_, cell)| cell.as_str())
}

/// The country in a field 43 of its full width: name in 25 characters, city in 13, country in 2.
fn acceptors_country(field: &str) -> Option<&str> {
    let country = field.get(38..40).filter(|_| field.len() == 40)?;
    country.bytes().all(|letter| letter.is_ascii_alphabetic()).then_some(country)
}

/// An amount in whole units of its currency; what has a point is one already.
fn of_minor_units(text: &str, currency: &str) -> String {
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.to_owned();
    }
    let decimals = decimals(currency);
    let padded = format!("{text:0>width$}", width = decimals + 1);
    let (whole, part) = padded.split_at(padded.len() - decimals);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// Decimals of a currency by its letters or its number, ISO 4217.
fn decimals(currency: &str) -> usize {
    match currency {
        "BIF" | "108" | "CLP" | "152" | "KMF" | "174" | "DJF" | "262" | "GNF" | "324" | "ISK" | "352" | "JPY"
        | "392" | "KRW" | "410" | "PYG" | "600" | "RWF" | "646" | "UGX" | "800" | "VND" | "704" | "VUV" | "548"
        | "XAF" | "950" | "XOF" | "952" | "XPF" | "953" => 0,
        "BHD" | "048" | "IQD" | "368" | "JOD" | "400" | "KWD" | "414" | "LYD" | "434" | "OMR" | "512" | "TND"
        | "788" => 3,
        _ => 2,
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The cells of a comma-separated row; a doubled quotation mark in a quoted cell is one.
fn split(text: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(cell) = cells.last_mut() else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                cell.push('"');
                letters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cell.push(letter),
        }
    }
    cells
}

impl<R: Read> Parts for Rows<R> {
    fn next_part(&mut self) -> Option<Part> {
        if self.lines.seam.is_last() {
            return None;
        }
        if *self.listed.get_or_insert_with(|| self.form == Form::Json && self.lines.is_list()) {
            return self.member();
        }
        let record = match self.record() {
            None => return self.lines.rest(None),
            Some(Err((at, end, why))) => return Some(self.lines.seam.unread(end, at, why)),
            Some(Ok(record)) => record,
        };
        let Range { start, end } = record.bytes.clone();
        let text = record.text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return self.lines.seam.frame(end);
        }
        if self.form == Form::Csv && self.columns.is_none() {
            let columns: Vec<String> = split(text).into_iter().map(|name| name.trim().to_owned()).collect();
            let mapped = |name: &str| self.mapping.rows.iter().any(|(known, _)| known == name);
            let twice =
                (1..).zip(&columns).find(|(n, name)| mapped(name) && columns.iter().skip(*n).any(|c| c == *name));
            if let Some((_, name)) = twice {
                return Some(
                    self.lines.unread(start, format!("two columns are called `{name}`: which of them counts?")),
                );
            }
            self.columns = Some(columns);
            return self.lines.seam.frame(end);
        }
        Some(match self.fill(&record) {
            Ok(()) => self.lines.seam.payment(end),
            Err(why) => self.lines.seam.unread(end, start, why),
        })
    }

    fn payment(&self) -> &Payment {
        &self.payment
    }

    fn exchange(&mut self, payment: &mut Payment) {
        std::mem::swap(&mut self.payment, payment);
    }

    fn message(&self) -> &str {
        match self.form {
            Form::Csv => "CSV",
            Form::Json => "JSON",
        }
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, form: Form, mapping: &str) -> (Vec<Part>, Vec<String>) {
        let mut rows = Rows::new(text.as_bytes(), form, Mapping::read(mapping).expect("a mapping"));
        let (mut parts, mut said, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = rows.next_part() {
            assert_eq!(part.bytes().start, at);
            at = part.bytes().end;
            if matches!(part, Part::Payment(_)) {
                let payment = rows.payment();
                said.extend(
                    payment.fields.iter().map(|f| format!("{} {:?} {}", f.role.word(), f.says, payment.text_of(f))),
                );
            }
            parts.push(part);
        }
        assert_eq!(at, text.len() as u64);
        (parts, said)
    }

    const MAPPING: &str = "payee = Cdtr/Nm\namount = IntrBkSttlmAmt\nccy = currency\nnote = RmtInf/Ustrd\n";

    #[test]
    fn rows_are_payments() {
        let csv = "payee,amount,ccy,note\n\"WeChat Pay, Ltd\",12.50,USD,\"two\nlines\"\n\nBob,1,EUR,x\n";
        let (parts, said) = parts(csv, Form::Csv, MAPPING);
        assert_eq!(parts.iter().filter(|part| matches!(part, Part::Payment(_))).count(), 2);
        assert_eq!(said[..3], ["party Name WeChat Pay, Ltd", "mention Amount 12.50 USD", "mention Text two\nlines"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_unread_by_itself() {
        let count = |parts: &[Part]| {
            let unread = parts.iter().filter(|part| matches!(part, Part::Unread(..))).count();
            (parts.iter().filter(|part| matches!(part, Part::Payment(_))).count(), unread)
        };
        assert_eq!(count(&parts("payee,amount,ccy,note\na,1,USD\nb,1,USD,x\n", Form::Csv, MAPPING).0), (1, 1));
        assert_eq!(count(&parts("{\"payee\":\"a\"}\n{broken\n{\"payee\":\"b\"}\n", Form::Json, MAPPING).0), (2, 1));
        assert_eq!(count(&parts("payee,amount,ccy,note\n\"a,1", Form::Csv, MAPPING).0), (0, 1));
        // Which of two counts, whoever pays may see otherwise.
        let twice = "{\"payee\":\"WeChat Pay\",\"payee\":\"b\"}\n{\"payee\":\"b\"}\n";
        assert_eq!(count(&parts(twice, Form::Json, MAPPING).0), (1, 1));
        let within = "{\"x\":[{\"y\":1,\"y\":2}],\"payee\":\"b\"}\n";
        assert_eq!(count(&parts(within, Form::Json, MAPPING).0), (0, 1));
        let other = "{\"DE43\":\"A\",\"43\":\"WEIXIN*SHOP\"}\n{\"43\":\"WEIXIN*SHOP\"}\n";
        assert_eq!(count(&parts(other, Form::Json, ISO_8583).0), (1, 1));
        assert_eq!(count(&parts("payee,payee\nWeChat Pay,b\n", Form::Csv, MAPPING).0), (0, 1));
        assert_eq!(count(&parts("payee,other,other\nb,1,2\n", Form::Csv, MAPPING).0), (1, 0));
    }

    #[test]
    fn objects_of_a_list_are_payments_however_they_are_laid_out() {
        let flat = "[{\"payee\":\"a]}\\\"\"},{\"payee\":\"b\",\"more\":[{\"x\":1}]}]";
        let laid = "\u{feff}[\n  {\n    \"payee\": \"a]}\\\"\"\n  },\n  {\n    \"payee\": \"b\",\n    \"more\": [\n      {\n        \"x\": 1\n      }\n    ]\n  }\n]\n";
        for text in [flat, laid] {
            let (parts, said) = parts(text, Form::Json, MAPPING);
            assert_eq!(said, ["party Name a]}\"", "party Name b"], "{text}");
            assert!(!parts.iter().any(|part| matches!(part, Part::Unread(..))), "{parts:?}");
            // Cut anywhere, what was closed before stays what it was, and the rest is for a person.
            let ends: Vec<u64> =
                parts.iter().filter(|part| matches!(part, Part::Payment(_))).map(|part| part.bytes().end).collect();
            for cut in (1..text.trim_end().len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (parts, _) = self::parts(&text[..cut], Form::Json, MAPPING);
                let whole = ends.iter().filter(|end| **end <= cut as u64).count();
                let payments = parts.iter().filter(|part| matches!(part, Part::Payment(_))).count();
                assert_eq!(payments, whole, "{cut}: {parts:?}");
                assert!(
                    text[..cut].trim_start_matches('\u{feff}').is_empty()
                        || matches!(parts.last(), Some(Part::Unread(..))),
                    "{cut}: {parts:?}"
                );
            }
        }
        for (text, payments) in [
            ("[]", 0),
            ("[{\"payee\":\"a\"} {\"payee\":\"b\"}]", 1),
            ("[{\"payee\":\"a\"},]", 1),
            ("[{\"payee\":\"a\"},7]", 1),
            ("[{\"payee\":\"a\"}] {\"payee\":\"b\"}", 1),
            ("[{\"payee\":nothing},{\"payee\":\"b\"}]", 1),
        ] {
            let (parts, _) = parts(text, Form::Json, MAPPING);
            assert_eq!(parts.iter().filter(|part| matches!(part, Part::Payment(_))).count(), payments, "{text}");
            assert_eq!(parts.iter().any(|part| matches!(part, Part::Unread(..))), text != "[]", "{text}: {parts:?}");
        }
        let long = format!("[{{\"payee\":\"{}\"}},{{\"payee\":\"b\"}}]", "x".repeat(RECORD_BYTES_MAX));
        let (parts, _) = parts(&long, Form::Json, MAPPING);
        assert!(
            matches!(parts.as_slice(), [Part::Unread(bytes, fault)] if bytes.end == long.len() as u64 && fault.at == 1)
        );
        let many = format!("[{}]", vec!["{\"payee\":\"a\"}"; 20_000].join(","));
        let (parts, said) = self::parts(&many, Form::Json, MAPPING);
        assert_eq!((said.len(), parts.len()), (20_000, 20_001));
    }

    #[test]
    fn card_fields_have_their_roles() {
        let line = "{\"DE43\":\"WEIXIN*MEITUAN SHENZHEN CN\",\"4\":\"12.00\",\"DE49\":\"USD\"}\n";
        let (_, said) = parts(line, Form::Json, ISO_8583);
        assert!(said.contains(&String::from("card acceptor Name WEIXIN*MEITUAN SHENZHEN CN")), "{said:?}");
        assert!(said.contains(&String::from("mention Amount 12.00 USD")), "{said:?}");
        // As the standard writes them: no point in the amount, the country at the end of 40 characters.
        for (digits, currency, amount) in
            [("000000001250", "840", "12.50 840"), ("000000001250", "392", "1250 392"), ("5", "414", "0.005 414")]
        {
            let line = format!(
                "{{\"DE43\":\"{:<25}{:<13}US\",\"4\":\"{digits}\",\"49\":\"{currency}\"}}\n",
                "TENPAY*SHOP", "AUSTIN"
            );
            let (_, said) = parts(&line, Form::Json, ISO_8583);
            assert!(said.contains(&format!("mention Amount {amount}")), "{said:?}");
            assert!(said.contains(&String::from("address Country US")), "{said:?}");
        }
    }

    #[test]
    fn a_mapping_says_what_is_wrong_with_it() {
        for (text, why) in [("", "no column"), ("payee", "column = path"), ("payee = Nonsense/Here", "no field")] {
            assert!(Mapping::read(text).expect_err(text).contains(why), "{text}");
        }
    }
}

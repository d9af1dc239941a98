//! Lists as their keepers publish them: OFAC's comma-separated files, the consolidated list of the United Nations,
//! and plain text with one name a line. What names somebody without any guessing (bank codes, identifiers of legal
//! entities) is taken out of the remarks.

use super::list::{Builder, Entry};
use super::name::Kind;
use foldhash::HashMap;
use quick_xml::events::Event;

/// What OFAC writes before a code, and what the code is.
const CODES: [(&str, CodeKind); 4] = [
    ("SWIFT/BIC ", CodeKind::Bic),
    ("BIC (RU) ", CodeKind::Number),
    ("Legal Entity Number ", CodeKind::Number),
    ("LEI ", CodeKind::Number),
];

/// What a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A business identifier code.
    Bic,
    /// A number of which no two are given.
    Number,
}

/// Somebody on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The first name the list has.
    pub name: String,
    /// The list, and its number there.
    pub source: String,
    /// Codes that are nobody else's.
    pub codes: Vec<(CodeKind, String)>,
}

/// Lists, read.
#[derive(Debug, Default)]
pub struct Published {
    /// Every name; an entry's party is a place in `parties`.
    pub names: Builder,
    /// Whom the names name.
    pub parties: Vec<Party>,
    /// OFAC's numbers, which its files share.
    numbered: HashMap<String, (u32, Kind)>,
}

impl Published {
    /// Reads one list more, `called` so.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(&mut self, bytes: &[u8], called: &str) -> Result<(), String> {
        let latin;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                // OFAC's legacy files are Latin-1.
                latin = bytes.iter().map(|b| char::from(*b)).collect::<String>();
                &latin
            }
        };
        let text = text.trim_start_matches('\u{feff}');
        let before = self.names.len();
        if text.trim_start().starts_with('<') {
            self.united_nations(text, called)?;
        } else {
            for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                self.line(line, called);
            }
        }
        if self.names.len() == before {
            return Err(String::from(
                "no names in it; expected OFAC's sdn.csv or alt.csv, the UN's XML, or one name a line",
            ));
        }
        Ok(())
    }

    fn party(&mut self, name: &str, source: String) -> u32 {
        let place = u32::try_from(self.parties.len()).unwrap_or(u32::MAX);
        self.parties.push(Party { name: name.to_owned(), source, codes: Vec::new() });
        place
    }

    /// OFAC's comma-separated files, or one name a line.
    fn line(&mut self, line: &str, called: &str) {
        let cells = cells(line);
        let is_alias = |kind: &str| matches!(kind, "aka" | "fka" | "nka");
        match cells.as_slice() {
            // sdn.csv: number, name, kind, …, remarks
            [number, name, kind, _, _, ..] if number.bytes().all(|b| b.is_ascii_digit()) && !is_alias(kind) => {
                let kind = if kind == "individual" { Kind::Person } else { Kind::Company };
                let party = self.party(name, format!("{called} {number}"));
                self.numbered.insert(number.clone(), (party, kind));
                self.names.add(name, Entry { party, kind });
                if let (Some(party), Some(remarks)) = (self.parties.last_mut(), cells.last()) {
                    party.codes.extend(codes(remarks));
                }
            }
            // alt.csv: number, number of the alias, kind of alias, name, remarks
            [number, _, kind, name, ..] if is_alias(kind) => {
                let known = self.numbered.get(number).copied();
                let (party, kind) =
                    known.unwrap_or_else(|| (self.party(name, format!("{called} {number}")), Kind::Company));
                self.numbered.entry(number.clone()).or_insert((party, kind));
                self.names.add(name, Entry { party, kind });
            }
            _ => {
                let (kind, name) = match line.split_once('\t') {
                    Some((kind, name)) if kind.eq_ignore_ascii_case("person") => (Kind::Person, name),
                    Some((_, name)) => (Kind::Company, name),
                    None => (Kind::Person, line),
                };
                let party = self.party(name, called.to_owned());
                self.names.add(name, Entry { party, kind });
            }
        }
    }

    /// The consolidated list of the United Nations Security Council.
    fn united_nations(&mut self, text: &str, called: &str) -> Result<(), String> {
        let mut reader = quick_xml::Reader::from_str(text);
        let (mut kind, mut parts, mut element) = (Kind::Person, String::new(), String::new());
        let mut party = None;
        loop {
            match reader.read_event().map_err(|error| format!("at byte {}: {error}", reader.error_position()))? {
                Event::Start(tag) => {
                    let name = tag.local_name();
                    element = AsRef::<str>::as_ref(&name).to_owned();
                    if matches!(element.as_str(), "INDIVIDUAL" | "ENTITY") {
                        kind = if element == "INDIVIDUAL" { Kind::Person } else { Kind::Company };
                        party = None;
                    }
                    if matches!(element.as_str(), "ALIAS_NAME" | "INDIVIDUAL_ALIAS" | "ENTITY_ALIAS") {
                        self.flush(&mut parts, &mut party, kind, called);
                    }
                }
                Event::Text(said) => {
                    if matches!(
                        element.as_str(),
                        "FIRST_NAME" | "SECOND_NAME" | "THIRD_NAME" | "FOURTH_NAME" | "ALIAS_NAME"
                    ) {
                        let said: &str = &said;
                        parts.push_str(said.trim());
                        parts.push(' ');
                    }
                }
                Event::End(tag) => {
                    let name = tag.local_name();
                    let name: &str = name.as_ref();
                    if matches!(name, "ALIAS_NAME" | "INDIVIDUAL" | "ENTITY") {
                        self.flush(&mut parts, &mut party, kind, called);
                    }
                    element.clear();
                }
                Event::Eof => return Ok(()),
                Event::DocType(_) => return Err(String::from("a document type declaration, which is refused")),
                Event::Empty(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn flush(&mut self, parts: &mut String, party: &mut Option<u32>, kind: Kind, called: &str) {
        let name = parts.split_whitespace().collect::<Vec<_>>().join(" ");
        parts.clear();
        if !name.is_empty() {
            let party = *party.get_or_insert_with(|| self.party(&name, called.to_owned()));
            self.names.add(&name, Entry { party, kind });
        }
    }
}

/// Codes in OFAC's remarks.
fn codes(remarks: &str) -> impl Iterator<Item = (CodeKind, String)> {
    remarks.split(';').map(|remark| remark.trim().trim_start_matches("alt. ")).filter_map(|remark| {
        let (before, kind) = CODES.iter().find(|(before, _)| remark.starts_with(before))?;
        let code: String = remark.get(before.len()..)?.chars().take_while(char::is_ascii_alphanumeric).collect();
        (code.len() >= 8).then_some((*kind, code))
    })
}

/// The cells of a line, quotation marks taken off.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(letter);
                }
            }
        }
    }
    cells.iter_mut().for_each(|cell| *cell = cell.trim().to_owned());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_keep_their_names_and_codes() {
        let mut published = Published::default();
        let sdn = "906,\"HAVIN BANK LIMITED\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"SWIFT/BIC HAVIGB2L; Website www.example.org.\"\n\
                   7,\"DOE, John\",\"individual\",\"X\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"DOB 1960.\"\n";
        published.read(sdn.as_bytes(), "sdn.csv").unwrap();
        published.read(b"906,57,\"aka\",\"HAVANA INTERNATIONAL BANK, LTD.\",-0- \n", "alt.csv").unwrap();
        let un = "<LIST><INDIVIDUALS><INDIVIDUAL><FIRST_NAME>JOHN</FIRST_NAME><SECOND_NAME>ROE</SECOND_NAME><INDIVIDUAL_ALIAS><ALIAS_NAME>Johnny Roe</ALIAS_NAME></INDIVIDUAL_ALIAS></INDIVIDUAL></INDIVIDUALS></LIST>";
        published.read(un.as_bytes(), "un.xml").unwrap();
        assert_eq!(published.parties[0].codes, [(CodeKind::Bic, String::from("HAVIGB2L"))]);
        assert_eq!(published.parties[2], Party { name: "JOHN ROE".into(), source: "un.xml".into(), codes: Vec::new() });
        let list = published.names.finish();
        let entries: Vec<(u32, &str)> = (0..5).map(|n| (list.entry(n).unwrap().party, list.text(n))).collect();
        let expected = [(0, "HAVIN BANK LIMITED"), (1, "DOE, John"), (0, "HAVANA INTERNATIONAL BANK, LTD.")];
        assert_eq!(entries[..3], expected);
        assert_eq!(entries[3..], [(2, "JOHN ROE"), (2, "Johnny Roe")]);
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        for text in ["", "# nothing\n", "<!DOCTYPE x><x/>", "<x></y>", "<x/>"] {
            assert!(Published::default().read(text.as_bytes(), "x").is_err(), "{text}");
        }
    }
}

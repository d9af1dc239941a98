//! Countries and their subdivisions by ISO 3166 code; United States territories lie inside `US`.

use std::fmt;

/// ISO 3166-1 alpha-2 codes officially assigned.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI \
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS \
IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA \
RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT \
TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Subdivisions of the United States: states, the District and the territories.
const US_PARTS: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY \
NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR UM VI";

/// Territories that have a country code of their own and lie inside the United States.
const US_TERRITORIES: &[&str] = &["AS", "GU", "MP", "PR", "UM", "VI"];

/// One bit per pair of letters.
type Codes = [u32; 26];

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling, where out of bounds is an error")]
const fn codes(list: &str) -> Codes {
    let bytes = list.as_bytes();
    let mut codes = [0; 26];
    let mut at = 0;
    while at + 1 < bytes.len() {
        codes[(bytes[at] - b'A') as usize] |= 1 << (bytes[at + 1] - b'A');
        at += 3;
    }
    codes
}

static COUNTRY_CODES: Codes = codes(COUNTRIES);
static US_PART_CODES: Codes = codes(US_PARTS);

fn is_among(codes: &Codes, text: &str) -> bool {
    let [first, second] = text.as_bytes() else { return false };
    let row = codes.get(usize::from(first.wrapping_sub(b'A')));
    second.is_ascii_uppercase() && row.is_some_and(|row| row >> (second - b'A') & 1 == 1)
}

fn is_country_code(text: &str) -> bool {
    is_among(&COUNTRY_CODES, text)
}

fn is_us_part(text: &str) -> bool {
    is_among(&US_PART_CODES, text)
}

/// A country (`US`) or subdivision (`US-NY`) by its ISO 3166 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    bytes: [u8; 6],
    len: u8,
}

impl Place {
    /// Reads a code. `PR`, `GU`, `VI`, `AS`, `MP` and `UM` are read as `US-PR` and so on.
    ///
    /// # Errors
    /// A sentence saying why `code` is no place.
    pub fn parse(code: &str) -> Result<Self, String> {
        if code.len() == 2 && US_TERRITORIES.contains(&code) {
            let mut place = Self::new("US-");
            place.push(code);
            return Ok(place);
        }
        let (country, part) = code.split_once('-').map_or((code, None), |(country, part)| (country, Some(part)));
        if !is_country_code(country) {
            let upper = code.to_ascii_uppercase();
            if upper != code && Self::parse(&upper).is_ok() {
                return Err(format!("place codes are upper case: write `{upper}`"));
            }
            let hint = if country == "UK" { "; the United Kingdom is `GB`" } else { "" };
            return Err(format!("`{code}` is not an ISO 3166 code{hint}"));
        }
        match part {
            None => {}
            Some(part) if country == "US" && is_us_part(part) => {}
            Some(part) if country == "US" => {
                let upper = part.to_ascii_uppercase();
                if upper != part && is_us_part(&upper) {
                    return Err(format!("place codes are upper case: write `US-{upper}`"));
                }
                return Err(format!("`{code}` is not a state, district or territory of the United States"));
            }
            Some(part) => {
                let shaped =
                    (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
                if !shaped {
                    return Err(format!("`{code}` is not an ISO 3166-2 code"));
                }
            }
        }
        Ok(Self::new(code))
    }

    fn new(code: &str) -> Self {
        let mut place = Self { bytes: [0; 6], len: 0 };
        place.push(code);
        place
    }

    fn push(&mut self, text: &str) {
        for (slot, byte) in self.bytes.iter_mut().skip(usize::from(self.len)).zip(text.bytes()) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// The country part.
    #[must_use]
    pub fn country(&self) -> &str {
        self.code().get(..2).unwrap_or("")
    }

    /// Whether this is a whole country.
    #[must_use]
    pub const fn is_country(&self) -> bool {
        self.len == 2
    }

    /// Whether `other` is this place or lies inside it.
    #[must_use]
    pub fn contains(&self, other: Self) -> bool {
        *self == other || (self.is_country() && self.country() == other.country())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn territories_lie_inside_the_united_states() {
        let us = Place::parse("US").unwrap();
        for (code, read) in [("PR", "US-PR"), ("US-GU", "US-GU"), ("US-NY", "US-NY")] {
            let place = Place::parse(code).unwrap();
            assert_eq!(place.code(), read);
            assert!(us.contains(place), "{code}");
        }
        for code in ["FM", "MH", "PW", "CA", "MX"] {
            assert!(!us.contains(Place::parse(code).unwrap()), "{code}");
        }
        assert!(!Place::parse("US-NY").unwrap().contains(us));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for code in ["", "U", "USA", "XX", "US-", "US-XX", "us", "UK", "US-NYC", "IN-abc", "US-NY-1", "日本"] {
            assert!(Place::parse(code).is_err(), "{code}");
        }
        assert_eq!(Place::parse("us-ny").unwrap_err(), "place codes are upper case: write `US-NY`");
    }
}

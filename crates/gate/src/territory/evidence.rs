//! What each source says of a user's place, and the rule by which an order reads it.
//!
//! Orders differ in what they ask: one reaches users *within the land or maritime borders*, which a storefront does not
//! show; another was applied by storefront and presence together. A rule names the sources that count, and how many
//! must speak. Those that speak must agree; where they do not, the place is not known.

use super::{Doubt, Sighting};
use docket::place::Place;
use http::{HeaderMap, HeaderName};
use std::str::FromStr;

/// A source of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The country of the storefront the account belongs to.
    Storefront,
    /// The country of the billing address.
    Billing,
    /// Where the network address is.
    Address,
    /// The country of the SIM.
    Sim,
    /// The country the Wi-Fi network announces.
    Wifi,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] = [Self::Storefront, Self::Billing, Self::Address, Self::Sim, Self::Wifi];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Billing => "billing",
            Self::Address => "address",
            Self::Sim => "sim",
            Self::Wifi => "wifi",
        }
    }
}

/// What each source says; `None` where there was no such evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    said: [Option<Sighting>; Source::ALL.len()],
}

impl Evidence {
    /// Nothing but where an address is.
    #[must_use]
    pub fn of_address(sighting: Sighting) -> Self {
        Self::default().with(Source::Address, sighting)
    }

    /// The same, with what a source says.
    #[must_use]
    pub fn with(mut self, source: Source, sighting: Sighting) -> Self {
        if let Some(slot) = self.said.get_mut(source as usize) {
            *slot = Some(sighting);
        }
        self
    }

    /// What a source says.
    #[must_use]
    pub fn of(&self, source: Source) -> Option<Sighting> {
        self.said.get(source as usize).copied().flatten()
    }

    /// The sources that spoke, for the record: which kinds, never what was looked at.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(|source| self.of(*source).is_some())
    }
}

/// Headers in which the proxies in front say what else is known of a user's place: a country by its ISO 3166 code.
///
/// They are read only from a proxy somebody named, which must replace them where a client wrote them itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Which header tells of which source.
    pub told: Vec<(Source, HeaderName)>,
}

impl Headers {
    /// Adds what a request's headers say. An absent or empty header says nothing; one that comes twice, or names no place,
    /// speaks and cannot tell.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap, evidence: Evidence) -> Evidence {
        self.told.iter().fold(evidence, |evidence, (source, name)| {
            let mut values = headers.get_all(name).iter();
            let (first, second) = (values.next(), values.next());
            let Some(value) = first.filter(|value| !value.is_empty() || second.is_some()) else { return evidence };
            let code = value.to_str().ok().filter(|_| second.is_none()).map(|code| code.trim().to_ascii_uppercase());
            let place = code.and_then(|code| Place::parse(&code).ok());
            evidence.with(*source, place.ok_or(Doubt::Unlisted))
        })
    }
}

/// How evidence is read: `address`, `storefront address`, `address sim wifi least 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    counts: [bool; Source::ALL.len()],
    least: usize,
}

impl Default for Rule {
    /// Where the user is in the flesh, as far as a network shows it: the address, the SIM, the Wi-Fi network.
    fn default() -> Self {
        Self { counts: [false, false, true, true, true], least: 1 }
    }
}

impl Rule {
    /// Where the user is by this rule.
    ///
    /// A source that spoke and could not tell (an anonymiser) counts as not having told, so that another may.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn read(&self, evidence: &Evidence) -> Sighting {
        let counting = Source::ALL.into_iter().zip(self.counts).filter(|(_, counts)| *counts);
        let mut place: Option<Place> = None;
        let mut doubt = Doubt::Nothing;
        let mut told = 0;
        for sighting in counting.filter_map(|(source, _)| evidence.of(source)) {
            match (sighting, place) {
                (Ok(here), Some(there)) if here.country() != there.country() => return Err(Doubt::Disagreement),
                (Ok(here), _) => {
                    told += 1;
                    place = Some(common(place, here));
                }
                (Err(why), _) => doubt = doubt.max(why),
            }
        }
        match place {
            Some(place) if told >= self.least => Ok(place),
            Some(_) => Err(Doubt::TooFew),
            None => Err(doubt),
        }
    }
}

/// What two sources in one country have in common: the part, if only one knows it; the country, if they differ in it.
fn common(known: Option<Place>, here: Place) -> Place {
    match known {
        Some(known) if known == here || here.contains(known) => known,
        Some(known) if !known.contains(here) => Place::parse(here.country()).unwrap_or(here),
        Some(_) | None => here,
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rule = Self { counts: [false; Source::ALL.len()], least: 1 };
        let mut words = text.split([' ', ',', '+']).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if word == "least" {
                let number = words.next().and_then(|number| number.parse().ok());
                rule.least = number.ok_or("`least` takes the number of sources that must speak")?;
                continue;
            }
            let source = Source::ALL.into_iter().find(|source| source.word() == word);
            let source = source.ok_or_else(|| {
                format!("`{word}` is no source of evidence: write {}", Source::ALL.map(Source::word).join(", "))
            })?;
            if let Some(counts) = rule.counts.get_mut(source as usize) {
                *counts = true;
            }
        }
        let sources = rule.counts.iter().filter(|counts| **counts).count();
        if sources == 0 {
            return Err(String::from("a rule names at least one source of evidence"));
        }
        if rule.least == 0 || rule.least > sources {
            return Err(format!("`least` is 1 to {sources}, the sources the rule names"));
        }
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Headers, Rule, Source};
    use crate::territory::{Doubt, Place, Sighting};

    fn said(text: &str) -> Sighting {
        match text {
            "anonymiser" => Err(Doubt::Anonymiser),
            "unlisted" => Err(Doubt::Unlisted),
            "moving" => Err(Doubt::Moving),
            code => Ok(Place::parse(code).unwrap()),
        }
    }

    #[test]
    fn a_rule_reads_what_it_names_and_never_guesses() {
        for (rule, evidence, expected) in [
            ("address", "address=US", "US"),
            ("address", "address=PR", "US-PR"),
            ("address", "", "nothing"),
            ("address", "storefront=US", "nothing"),
            ("address", "address=anonymiser", "anonymiser"),
            ("address", "address=moving storefront=US", "moving"),
            ("address", "address=CA storefront=US", "CA"),
            ("storefront", "address=CA storefront=US", "US"),
            ("storefront address", "address=CA storefront=US", "disagreement"),
            ("storefront address", "address=anonymiser storefront=US", "US"),
            ("storefront address least 2", "address=anonymiser storefront=US", "too-few"),
            ("storefront address least 2", "address=US storefront=US", "US"),
            ("address sim wifi least 2", "address=US sim=US", "US"),
            ("address sim wifi least 2", "address=US sim=US wifi=CA", "disagreement"),
            ("address,sim,wifi", "address=unlisted sim=anonymiser", "anonymiser"),
            ("address sim", "address=US sim=PR", "US-PR"),
            ("address sim", "address=PR sim=GU", "US"),
            ("address sim wifi", "address=US-NY sim=US wifi=US-NY", "US-NY"),
        ] {
            let rule: Rule = rule.parse().unwrap();
            let mut seen = Evidence::default();
            for (source, what) in evidence.split(' ').filter_map(|word| word.split_once('=')) {
                let source = Source::ALL.into_iter().find(|known| known.word() == source).unwrap();
                seen = seen.with(source, said(what));
            }
            let read = match rule.read(&seen) {
                Ok(place) => place.code().to_owned(),
                Err(doubt) => doubt.word().to_owned(),
            };
            assert_eq!(read, expected, "{rule:?} {evidence}");
        }
    }

    #[test]
    fn a_header_says_one_country_or_cannot_tell() {
        let headers = Headers { told: vec![(Source::Sim, "x-sim".parse().unwrap())] };
        let read = |lines: &[&str]| {
            let mut map = http::HeaderMap::new();
            for line in lines {
                map.append("x-sim", http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            headers.read(&map, Evidence::default()).of(Source::Sim)
        };
        for (lines, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["US"], Some(said("US"))),
            (&[" pr "], Some(said("PR"))),
            (&["US-NY"], Some(said("US-NY"))),
            (&["United States"], Some(said("unlisted"))),
            (&["XX"], Some(said("unlisted"))),
            (&["é"], Some(said("unlisted"))),
            (&["US", "US"], Some(said("unlisted"))),
            (&["", "CA"], Some(said("unlisted"))),
            (&["US, CA"], Some(said("unlisted"))),
        ] {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "least 1", "gnss", "address least", "address least 2", "address least 0", "address least x"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
        assert_eq!("address sim wifi".parse::<Rule>(), Ok(Rule::default()));
    }
}

//! Where a party is: by its country, then its subdivision, then bank codes, then the clearing system.

use docket::place::Place;
use screening::{Payment, Says, Whom};

/// What the place was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The country of its address.
    Country,
    /// The subdivision of its address.
    Subdivision,
    /// Its country of residence.
    Residence,
    /// Its own business identifier code.
    OwnBic,
    /// Its bank's business identifier code.
    AgentBic,
    /// The clearing system its bank is a member of.
    Clearing,
}

impl Basis {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Country => "country of address",
            Self::Subdivision => "country subdivision",
            Self::Residence => "country of residence",
            Self::OwnBic => "BIC of the party",
            Self::AgentBic => "BIC of its bank",
            Self::Clearing => "clearing system of its bank",
        }
    }
}

/// Where a party is, as far as the message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Whereabouts {
    /// The place; `None` is not known.
    pub place: Option<Place>,
    /// What it was read from.
    pub basis: Option<Basis>,
    /// The message contradicts itself, so nothing is known.
    pub contradicted: bool,
}

/// Where `party` is; `agent` is its bank.
#[must_use]
pub fn whereabouts(sources: &[&Payment], party: Whom, agent: Whom) -> Whereabouts {
    let read = |place: Option<Place>, basis| {
        place.map(|place| Whereabouts { place: Some(place), basis: Some(basis), contradicted: false })
    };
    let first = |whom, says| sources.iter().find_map(|source| source.first(whom, says));
    let country = first(party, Says::Country).and_then(country);
    let part = first(party, Says::Subdivision).map(str::trim).filter(|part| !part.is_empty());
    match (country, part) {
        (Some(country), Some(part)) => {
            let code = if part.contains('-') { part.to_owned() } else { format!("{}-{part}", country.country()) };
            // A subdivision by name, or in a scheme of its own, says no more than the country.
            return match Place::parse(&code.to_ascii_uppercase()) {
                Ok(place) if place.country() == country.country() => read(Some(place), Basis::Subdivision),
                Ok(_) => Some(Whereabouts { place: None, basis: Some(Basis::Subdivision), contradicted: true }),
                Err(_no_code) => read(Some(country), Basis::Country),
            }
            .unwrap_or_default();
        }
        (Some(country), None) => return read(Some(country), Basis::Country).unwrap_or_default(),
        (None, Some(part)) if part.contains('-') => {
            if let Some(found) = read(Place::parse(&part.to_ascii_uppercase()).ok(), Basis::Subdivision) {
                return found;
            }
        }
        (None, Some(_) | None) => {}
    }
    read(first(party, Says::Residence).and_then(self::country), Basis::Residence)
        .or_else(|| read(first(party, Says::Bic).and_then(bic), Basis::OwnBic))
        .or_else(|| read(first(agent, Says::Bic).and_then(bic), Basis::AgentBic))
        .or_else(|| read(first(agent, Says::Clearing).and_then(clearing), Basis::Clearing))
        .unwrap_or_default()
}

fn country(code: &str) -> Option<Place> {
    Place::parse(&code.trim().to_ascii_uppercase()).ok()
}

/// Letters 5 and 6 of a business identifier code, ISO 9362.
fn bic(code: &str) -> Option<Place> {
    let code = code.trim();
    if !matches!(code.len(), 8 | 11) {
        return None;
    }
    country(code.get(4..6)?)
}

/// External clearing system codes begin with a country: `USABA`, `CNAPS`.
fn clearing(code: &str) -> Option<Place> {
    let code = code.trim();
    if code.len() != 5 {
        return None;
    }
    country(code.get(..2)?)
}

//! Where a user is, from evidence that says so, or that it is not known.
//!
//! [`hops`] finds the client's address behind proxies somebody named, [`countries`] is the shipped table of which
//! country a registry delegated an address to, [`databases`] reads the geolocation files an operator has,
//! [`networks`] is the operator's own list, and [`evidence`] weighs an address against a storefront, a billing
//! address, a SIM and a Wi-Fi country, by a rule an order may have of its own.
//!
//! It answers with a country, never with a state, and it never guesses: an anonymiser, a satellite terminal, an
//! address of no country and evidence that disagrees are all *not known*.

pub mod countries;
pub mod databases;
pub mod evidence;
pub mod hops;
pub mod networks;
mod prefix;
mod ranges;

pub use countries::Countries;
pub use databases::Database;
pub use evidence::{Evidence, Headers, Rule, Source};
pub use hops::Hops;
pub use networks::Networks;
pub use prefix::Prefix;

use docket::place::Place;
use networks::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A place, or why it is not known.
pub type Sighting = Result<Place, Doubt>;

/// Why a place is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// No address, or none of the evidence a rule asks for.
    Nothing,
    /// An address that stands for no place: private, loopback, multicast, a translation prefix.
    Placeless,
    /// No source knows the address.
    Unlisted,
    /// A proxy, a hosting network, a Tor exit: the user is somewhere else.
    Anonymiser,
    /// A satellite terminal, a ship, an aircraft, an address announced everywhere.
    Moving,
    /// Sources name different countries.
    Disagreement,
    /// Fewer sources speak than the rule wants.
    TooFew,
}

impl Doubt {
    /// One word for records and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Placeless => "placeless",
            Self::Unlisted => "unlisted",
            Self::Anonymiser => "anonymiser",
            Self::Moving => "moving",
            Self::Disagreement => "disagreement",
            Self::TooFew => "too-few",
        }
    }
}

/// Everything that is consulted about an address.
///
/// The operator's own list comes first and is taken at its word. Geolocation files replace the table of delegations
/// where there are any, since they answer another question (where the address is used, not to whom it was given);
/// files that name different countries are a disagreement.
#[derive(Debug)]
pub struct Locator {
    countries: Countries,
    databases: Vec<Database>,
    networks: Networks,
}

impl Locator {
    /// What is consulted.
    #[must_use]
    pub const fn new(countries: Countries, databases: Vec<Database>, networks: Networks) -> Self {
        Self { countries, databases, networks }
    }

    /// The shipped table alone.
    ///
    /// # Errors
    /// The table cannot be read: the program is damaged.
    pub fn shipped() -> Result<Self, String> {
        Ok(Self::new(Countries::shipped()?, Vec::new(), Networks::default()))
    }

    /// The country an address is in.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn locate(&self, address: IpAddr) -> Sighting {
        let address = address.to_canonical();
        match self.networks.of(address) {
            Some(Entry::In(place)) => return Ok(place),
            Some(Entry::Doubt(doubt)) => return Err(doubt),
            None => {}
        }
        if is_placeless(address) {
            return Err(Doubt::Placeless);
        }
        let mut found: Option<Place> = None;
        let mut located = false;
        for database in &self.databases {
            located |= database.locates();
            match (database.of(address)?, found) {
                (Some(place), Some(other)) if place.country() != other.country() => return Err(Doubt::Disagreement),
                (Some(place), _) => found = Some(place),
                (None, _) => {}
            }
        }
        if !located {
            found = self.countries.of(address);
        }
        found.ok_or(Doubt::Unlisted)
    }
}

/// Whether an address belongs to no network of anybody's, or to one whose users can be anywhere.
fn is_placeless(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_placeless_v4(v4),
        IpAddr::V6(v6) => is_placeless_v6(v6),
    }
}

fn is_placeless_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_link_local()
        || v4.is_documentation()
        // RFC 6598, shared by carriers; RFC 2544, benchmarks; RFC 6890, protocol assignments; RFC 7526, 6to4 relays.
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || a == 0
        || a == 127
        || a >= 224
}

fn is_placeless_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    // Only 2000::/3 is given out. Within it: Teredo, benchmarks, ORCHID and documentation (2001::/23, RFC 2928; 2001:db8::/32;
    // 3fff::/20, RFC 9637) and 6to4, whose users sit behind a relay.
    a >> 13 != 1 || (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::{Countries, Database, Doubt, Locator, Networks, Place};
    use std::net::IpAddr;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_nobody_are_nowhere() {
        let locator = Locator::shipped().unwrap();
        for text in [
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "64:ff9b::808:808",
            "2001::1",
            "2001:db8::1",
            "2002:808:808::1",
            "3fff::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(locator.locate(at(text)), Err(Doubt::Placeless), "{text}");
        }
    }

    #[test]
    fn an_address_written_as_the_other_family_is_the_same_address() {
        let locator = Locator::shipped().unwrap();
        let plain = locator.locate(at("8.8.8.8"));
        assert_eq!(plain.map(|place| place.country().to_owned()), Ok(String::from("US")));
        assert_eq!(locator.locate(at("::ffff:8.8.8.8")), plain);
    }

    #[test]
    fn the_operators_own_list_comes_first() {
        let networks =
            Networks::parse("127.1.0.0/16 US\n8.8.8.0/24 anonymiser\n8.8.4.0/24 CA\n9.9.9.9 satellite").unwrap();
        let locator = Locator::new(Countries::shipped().unwrap(), Vec::new(), networks);
        assert_eq!(locator.locate(at("127.1.2.3")), Ok(Place::parse("US").unwrap()));
        assert_eq!(locator.locate(at("8.8.8.8")), Err(Doubt::Anonymiser));
        assert_eq!(locator.locate(at("8.8.4.4")), Ok(Place::parse("CA").unwrap()));
        assert_eq!(locator.locate(at("9.9.9.9")), Err(Doubt::Moving));
        assert_eq!(locator.locate(at("127.2.0.1")), Err(Doubt::Placeless));
    }

    /// A file of the MaxMind test data, or `None` with a word about it.
    fn sample(name: &str) -> Option<Database> {
        let path = format!("{}/../../../shared/data/gates/maxmind-test/{name}", env!("CARGO_MANIFEST_DIR"));
        match std::fs::read(&path) {
            Ok(bytes) => Some(Database::read(bytes).unwrap()),
            Err(error) => {
                assert_ne!(std::env::var_os("CI").as_deref(), Some(std::ffi::OsStr::new("true")), "{path}: {error}");
                eprintln!("skipped: {path}: {error}");
                None
            }
        }
    }

    #[test]
    fn geolocation_files_replace_the_table_and_must_agree() {
        let (Some(country), Some(city), Some(anonymous)) = (
            sample("GeoIP2-Country-Test.mmdb"),
            sample("GeoIP2-City-Test.mmdb"),
            sample("GeoIP2-Anonymous-IP-Test.mmdb"),
        ) else {
            return;
        };
        let locator = Locator::new(Countries::shipped().unwrap(), vec![country, city, anonymous], Networks::default());
        let place = |code| Ok(Place::parse(code).unwrap());
        assert_eq!(locator.locate(at("2.125.160.216")), place("GB"));
        assert_eq!(locator.locate(at("89.160.20.112")), place("SE"));
        assert_eq!(locator.locate(at("1.124.213.1")), Err(Doubt::Anonymiser));
        assert_eq!(locator.locate(at("8.8.8.8")), Err(Doubt::Unlisted), "the files do not know it, and they decide");
        // What an army holds abroad is not at home: the file says Brazil-like places for location only.
        let guam = locator.locate(at("2001:220::1"));
        assert_eq!(guam, place("KR"));
    }
}

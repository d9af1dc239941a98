//! Geolocation files in the MaxMind DB format, as far as an operator has any: country files and anonymiser files of
//! any vendor.

use super::{Doubt, Place, prefix};
use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;
use std::net::IpAddr;

/// One file, in memory.
pub struct Database {
    reader: Reader<Vec<u8>>,
    locates: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("type", &self.reader.metadata().database_type).finish_non_exhaustive()
    }
}

/// What is read of a record. Vendors put the country in a record of its own or beside the rest. Only where the address
/// is counts: not where it is registered, nor the army it belongs to.
#[derive(Deserialize)]
struct Record {
    country: Option<Country>,
    country_code: Option<String>,
    #[serde(default)]
    traits: Traits,
    #[serde(flatten)]
    own: Traits,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Country {
    Record { iso_code: Option<String> },
    Code(String),
}

#[derive(Default, Deserialize)]
struct Traits {
    #[serde(default)]
    is_anonymous: bool,
    #[serde(default)]
    is_anonymous_proxy: bool,
    #[serde(default)]
    is_anonymous_vpn: bool,
    #[serde(default)]
    is_hosting_provider: bool,
    #[serde(default)]
    is_public_proxy: bool,
    #[serde(default)]
    is_residential_proxy: bool,
    #[serde(default)]
    is_tor_exit_node: bool,
    #[serde(default)]
    is_satellite_provider: bool,
    #[serde(default)]
    is_anycast: bool,
}

impl Traits {
    fn doubt(&self) -> Option<Doubt> {
        let hidden = self.is_anonymous
            || self.is_anonymous_proxy
            || self.is_anonymous_vpn
            || self.is_hosting_provider
            || self.is_public_proxy
            || self.is_residential_proxy
            || self.is_tor_exit_node;
        if hidden {
            return Some(Doubt::Anonymiser);
        }
        (self.is_satellite_provider || self.is_anycast).then_some(Doubt::Moving)
    }
}

impl Database {
    /// Takes the bytes of a file.
    ///
    /// # Errors
    /// It is no file of this format, or a damaged one.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(|error| format!("no MaxMind DB file: {error}"))?;
        let kind = reader.metadata().database_type.to_ascii_lowercase();
        // Files of anonymisers and of networks say nothing of countries, so their silence is none either.
        let locates = !["anonymous", "asn", "isp", "domain", "connection"].iter().any(|word| kind.contains(word));
        Ok(Self { reader, locates })
    }

    /// Whether it says where addresses are.
    #[must_use]
    pub const fn locates(&self) -> bool {
        self.locates
    }

    /// Where another record may begin, as numbers.
    ///
    /// # Errors
    /// The tree of the file is damaged.
    pub(super) fn starts(&self) -> Result<Vec<u128>, String> {
        let damaged = |error| format!("a geolocation file cannot be read whole: {error}");
        let mut starts = Vec::new();
        for found in self.reader.networks(WithinOptions::default()).map_err(damaged)? {
            let network = found.and_then(|found| found.network()).map_err(damaged)?;
            let (first, width) = (network.ip(), if network.is_ipv4() { 32 } else { 128 });
            let first = prefix::number(first);
            starts.push(first);
            // What comes after it may be in no record at all.
            starts.extend(
                1_u128.checked_shl(width - u32::from(network.prefix())).and_then(|size| first.checked_add(size)),
            );
        }
        Ok(starts)
    }

    /// The country of an address, if it knows one.
    ///
    /// # Errors
    /// It says that the address tells nothing, or its record cannot be read.
    pub fn of(&self, address: IpAddr) -> Result<Option<Place>, Doubt> {
        let decoded = self.reader.lookup(address).and_then(|found| found.decode::<Record>());
        let record = match decoded {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            // A file of IPv4 alone is silent about IPv6; a damaged record says nothing that could be relied on.
            Err(_unreadable) => return Ok(None),
        };
        if let Some(doubt) = record.traits.doubt().or(record.own.doubt()) {
            return Err(doubt);
        }
        let code = match record.country {
            Some(Country::Record { iso_code }) => iso_code,
            Some(Country::Code(code)) => Some(code),
            None => record.country_code,
        };
        Ok(code.and_then(|code| Place::parse(&code).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::Database;

    #[test]
    fn what_is_no_such_file_is_refused() {
        for bytes in [&b""[..], b"x", &[0xff; 4096], b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe1\x41"] {
            assert!(Database::read(bytes.to_vec()).is_err());
        }
    }
}

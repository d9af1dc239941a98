//! The tables read back, for a helper that a proxy starts: is this host refused to this address at this instant?

use crate::territory::{Countries, Locator, Networks};
use docket::place::Place;
use docket::vocabulary::ResourceKind;
use law::Time;
use std::collections::HashMap;
use std::net::IpAddr;

/// `hosts.map` and `places.map`.
#[derive(Debug)]
pub struct Lookup {
    hosts: HashMap<String, (Time, Time, String)>,
    locator: Locator,
}

impl Lookup {
    /// Reads both tables.
    ///
    /// # Errors
    /// The first line that is none of ours.
    pub fn read(hosts: &str, places: &str) -> Result<Self, String> {
        let mut table = HashMap::new();
        for (n, line) in (1..).zip(hosts.lines()) {
            let entry = entry(line).ok_or_else(|| format!("hosts.map:{n}: not an entry"))?;
            table.insert(entry.0, entry.1);
        }
        let networks = Networks::parse(places).map_err(|why| format!("places.map: {why}"))?;
        Ok(Self { hosts: table, locator: Locator::new(Countries::default(), Vec::new(), networks) })
    }

    /// The paragraph by which `host` is refused to `client` at `at`, if it is. What is no host is nobody's.
    #[must_use]
    pub fn refused(&self, host: &str, client: Option<IpAddr>, at: Time) -> Option<&str> {
        let place = client.and_then(|client| self.locator.locate(client).ok());
        self.refused_in(host, place, at)
    }

    /// The same of a place.
    #[must_use]
    pub fn refused_in(&self, host: &str, place: Option<Place>, at: Time) -> Option<&str> {
        let host = docket::identifier::canonical(ResourceKind::Domain, host).ok()?;
        let place = place.as_ref().map_or("-", Place::code);
        let exactly = self.hosts.get(&format!("|.{host}/{place}"));
        let widely =
            || docket::identifier::domain_and_above(&host).find_map(|d| self.hosts.get(&format!(".{d}/{place}")));
        let (from, until, order) = exactly.or_else(widely)?;
        (*from <= at && at < *until).then_some(order.as_str())
    }
}

fn entry(line: &str) -> Option<(String, (Time, Time, String))> {
    let (key, value) = line.split_once(' ')?;
    let mut parts = value.splitn(3, ';');
    let (from, until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((key.to_owned(), (from, until, parts.next()?.to_owned())))
}

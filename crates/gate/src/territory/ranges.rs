//! The networks of some places, written out for programs that know addresses only by prefix.

use super::networks::NETWORKS_MAX;
use super::{Locator, prefix};
use docket::place::Place;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where IPv6 maps IPv4.
const MAPPED: u128 = 0xffff << 32;

/// Where addresses that stand for no place begin and end: geolocation files may lie about what is in them.
const PLACELESS_EDGES: [&str; 36] = [
    "1.0.0.0",
    "10.0.0.0",
    "11.0.0.0",
    "100.64.0.0",
    "100.128.0.0",
    "127.0.0.0",
    "128.0.0.0",
    "169.254.0.0",
    "169.255.0.0",
    "172.16.0.0",
    "172.32.0.0",
    "192.0.0.0",
    "192.0.1.0",
    "192.0.2.0",
    "192.0.3.0",
    "192.88.99.0",
    "192.88.100.0",
    "192.168.0.0",
    "192.169.0.0",
    "198.18.0.0",
    "198.20.0.0",
    "198.51.100.0",
    "198.51.101.0",
    "203.0.113.0",
    "203.0.114.0",
    "224.0.0.0",
    "2000::",
    "2001::",
    "2001:200::",
    "2001:db8::",
    "2001:db9::",
    "2002::",
    "2003::",
    "3fff::",
    "3fff:1000::",
    "4000::",
];

impl Locator {
    /// Every network of the wanted places, in order, as [`Locator::locate`] finds them.
    ///
    /// # Errors
    /// A geolocation file is damaged, or there are more than [`networks::NETWORKS_MAX`](super::networks::NETWORKS_MAX).
    pub fn networks_of(&self, wanted: &BTreeSet<Place>) -> Result<Vec<(String, Place)>, String> {
        let listed = self.networks.starts();
        let is_v4 = |number: &u128| (MAPPED..=MAPPED | u128::from(u32::MAX)).contains(number);
        let mut v4: BTreeSet<u128> = self.countries.starts_v4().map(|start| MAPPED | u128::from(start)).collect();
        v4.extend(listed.clone().filter(is_v4));
        v4.insert(MAPPED);
        let mut v6: BTreeSet<u128> = self.countries.starts_v6().map(|start| u128::from(start) << 64).collect();
        v6.extend(listed.filter(|number| !is_v4(number)));
        for database in &self.databases {
            for start in database.starts()? {
                if is_v4(&start) {
                    v4.insert(start)
                } else {
                    v6.insert(start)
                };
            }
        }
        for edge in PLACELESS_EDGES {
            let start = edge.parse().map_or(0, prefix::number);
            if is_v4(&start) {
                v4.insert(start)
            } else {
                v6.insert(start)
            };
        }
        let mut networks = Vec::new();
        self.runs(&v4, MAPPED | u128::from(u32::MAX), wanted, &mut networks);
        self.runs(&v6, u128::MAX, wanted, &mut networks);
        if networks.len() > NETWORKS_MAX {
            let count = networks.len();
            return Err(format!("{count} networks to tell apart; a proxy is given {NETWORKS_MAX} at most"));
        }
        Ok(networks)
    }

    fn runs(&self, starts: &BTreeSet<u128>, last: u128, wanted: &BTreeSet<Place>, into: &mut Vec<(String, Place)>) {
        let mut open: Option<(u128, Place)> = None;
        for start in starts {
            let place = self.locate(address(*start)).ok().filter(|place| wanted.contains(place));
            if open.map(|(_, place)| place) == place {
                continue;
            }
            if let Some((from, place)) = open.take() {
                prefixes(from, *start - 1, |prefix| into.push((prefix, place)));
            }
            open = place.map(|place| (*start, place));
        }
        if let Some((from, place)) = open {
            prefixes(from, last, |prefix| into.push((prefix, place)));
        }
    }
}

fn address(number: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(number)).to_canonical()
}

/// The fewest prefixes that make up a range.
fn prefixes(mut from: u128, last: u128, mut each: impl FnMut(String)) {
    loop {
        // As many addresses as both the alignment of `from` and the end allow.
        let mut host = if from == 0 { 127 } else { from.trailing_zeros().min(127) };
        while host > 0 && last - from < (1_u128 << host) - 1 {
            host -= 1;
        }
        match u32::try_from(from ^ MAPPED) {
            Ok(v4) => each(format!("{}/{}", Ipv4Addr::from_bits(v4), 32_u32.saturating_sub(host))),
            Err(_v6) => each(format!("{}/{}", Ipv6Addr::from_bits(from), 128 - host)),
        }
        match from.checked_add(1 << host) {
            Some(next) if next <= last => from = next,
            Some(_) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::prefix::number;
    use super::super::{Countries, Database, Locator, Networks, Prefix};
    use super::{MAPPED, prefixes};
    use docket::place::Place;
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    #[test]
    fn a_range_is_the_fewest_prefixes() {
        let of = |from: &str, last: &str| {
            let number = |text: &str| number(text.parse().unwrap());
            let mut found = Vec::new();
            prefixes(number(from), number(last), |prefix| found.push(prefix));
            found.join(" ")
        };
        assert_eq!(of("10.0.0.0", "10.255.255.255"), "10.0.0.0/8");
        assert_eq!(of("10.0.0.1", "10.0.0.6"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32");
        assert_eq!(of("0.0.0.0", "255.255.255.255"), "0.0.0.0/0");
        assert_eq!(of("255.255.255.255", "255.255.255.255"), "255.255.255.255/32");
        assert_eq!(of("2001:db8::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff"), "2001:db8::/47");
        assert!(number("1.2.3.4".parse::<IpAddr>().unwrap()) > MAPPED);
    }

    /// Whether the networks written out say of many addresses what the locator says of them.
    fn is_same(locator: &Locator, addresses: impl Iterator<Item = IpAddr>) -> usize {
        let wanted: BTreeSet<Place> =
            ["US", "PR", "GB", "SE", "KR", "JP"].iter().map(|code| Place::parse(code).unwrap()).collect();
        let written = locator.networks_of(&wanted).unwrap();
        let mut sorted: Vec<(Prefix, Place)> = written.iter().map(|(p, place)| (p.parse().unwrap(), *place)).collect();
        sorted.sort_by_key(|(prefix, _)| prefix.ends().0);
        let of = |address: IpAddr| {
            let at = sorted.partition_point(|(prefix, _)| prefix.ends().0 <= number(address));
            let (prefix, place) = sorted.get(at.checked_sub(1)?)?;
            prefix.contains(address).then_some(*place)
        };
        let mut inside = 0;
        for address in addresses {
            let found = locator.locate(address).ok().filter(|place| wanted.contains(place));
            assert_eq!(of(address), found, "{address}");
            inside += usize::from(found.is_some());
        }
        inside
    }

    #[test]
    fn geolocation_files_are_written_out_as_they_are_found() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/gates/maxmind-test/");
        let file = |name: &str| std::fs::read(format!("{folder}{name}")).ok().map(|file| Database::read(file).unwrap());
        let (Some(country), Some(anonymous)) =
            (file("GeoIP2-Country-Test.mmdb"), file("GeoIP2-Anonymous-IP-Test.mmdb"))
        else {
            assert_ne!(std::env::var_os("CI").as_deref(), Some(std::ffi::OsStr::new("true")), "{folder}");
            eprintln!("skipped: no test files in {folder}");
            return;
        };
        let mut edges: Vec<u128> = country.starts().unwrap();
        edges.extend(anonymous.starts().unwrap());
        assert!(edges.len() > 200, "{}", edges.len());
        let list = Networks::parse("2.125.160.216/32 US\n81.2.69.0/24 anonymiser").unwrap();
        let locator = Locator::new(Countries::shipped().unwrap(), vec![country, anonymous], list);
        let near = edges.iter().flat_map(|edge| [edge.saturating_sub(1), *edge, edge.saturating_add(1)]);
        let inside = is_same(&locator, near.map(super::address));
        assert!(inside > 50, "{inside}");
    }

    #[test]
    fn what_is_written_out_is_what_is_found() {
        let list = "10.0.0.0/8 US\n10.1.0.0/16 CA\n10.1.2.0/24 anonymiser\n2001:db8::/32 PR\n192.0.2.7/32 US";
        let countries = Countries::shipped().unwrap();
        let locator = Locator::new(countries, Vec::new(), Networks::parse(list).unwrap());
        let mut seed = 3_u64;
        let addresses = (0..60_000_u64).map(|n| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = (seed >> 32) as u32;
            match n % 3 {
                0 => std::net::Ipv4Addr::from_bits(bits).into(),
                1 => std::net::Ipv4Addr::from_bits(10 << 24 | bits & 0x3_ffff).into(),
                _ => std::net::Ipv6Addr::from_bits(0x2600 << 112 | u128::from(seed) << 50).into(),
            }
        });
        let inside = is_same(&locator, addresses);
        assert!(inside > 10_000, "{inside}");
    }
}

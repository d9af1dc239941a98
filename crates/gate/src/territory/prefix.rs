//! A network by its prefix, and overlapping prefixes laid flat.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network: every address that begins with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    first: u128,
    last: u128,
}

/// The number of an address; IPv4 stands where IPv6 maps it, so that both share one line of numbers.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Prefix {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&number(address))
    }

    /// Its first and last address, as numbers.
    pub(crate) const fn ends(&self) -> (u128, u128) {
        (self.first, self.last)
    }

    /// Whether it is one of IPv4.
    pub(crate) fn is_v4(&self) -> bool {
        Ipv6Addr::from_bits(self.first).to_ipv4_mapped().is_some() && self.last - self.first <= u128::from(u32::MAX)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_error| format!("`{text}` is no address or prefix"))?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= width)
                .ok_or_else(|| format!("`{text}`: the length of a prefix is 0 to {width}"))?,
        };
        let host = u128::MAX.checked_shr(128 - width + bits).unwrap_or(0);
        let first = number(address);
        if first & host != 0 {
            return Err(format!("`{text}` has bits beyond its length"));
        }
        Ok(Self { first, last: first | host })
    }
}

/// Where a value begins to hold, in order; it holds until the next begins.
pub(crate) type Points = Vec<(u128, u8)>;

/// Lays prefixes flat: inside another, the narrower prevails; the same prefix with two values has value 0.
pub(crate) fn flatten(mut prefixes: Vec<(Prefix, u8)>) -> Points {
    prefixes.sort_unstable_by_key(|(prefix, _)| (prefix.first, u128::MAX - prefix.last));
    prefixes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same && later.1 != earlier.1 {
            earlier.1 = 0;
        }
        same
    });
    let mut points = Points::new();
    let mut open: Vec<(u128, u8)> = Vec::new();
    for (prefix, value) in prefixes {
        close_before(Some(prefix.first), &mut open, &mut points);
        open.push((prefix.last, value));
        begin(prefix.first, value, &mut points);
    }
    close_before(None, &mut open, &mut points);
    points
}

/// Ends every open prefix that ends before `at` (`None`: all of them).
fn close_before(at: Option<u128>, open: &mut Vec<(u128, u8)>, points: &mut Points) {
    while let Some((last, _)) = open.pop_if(|(last, _)| at.is_none_or(|at| *last < at)) {
        if let Some(next) = last.checked_add(1) {
            begin(next, open.last().map_or(0, |(_, value)| *value), points);
        }
    }
}

fn begin(at: u128, value: u8, points: &mut Points) {
    if points.last().is_some_and(|(last, _)| *last == at) {
        points.pop();
    }
    if points.last().map_or(0, |(_, value)| *value) != value {
        points.push((at, value));
    }
}

#[cfg(test)]
mod tests {
    use super::{Prefix, flatten, number};

    #[test]
    fn prefixes_are_read_and_what_is_none_is_refused() {
        let prefix: Prefix = "10.0.0.0/8".parse().unwrap();
        assert!(prefix.contains("10.255.1.2".parse().unwrap()) && !prefix.contains("11.0.0.0".parse().unwrap()));
        assert!(prefix.is_v4() && !"::/0".parse::<Prefix>().unwrap().is_v4());
        assert!("0.0.0.0/0".parse::<Prefix>().unwrap().contains("255.255.255.255".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<Prefix>().unwrap().contains("::1".parse().unwrap()));
        assert!("::/0".parse::<Prefix>().unwrap().contains("2a00::".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "::/129", "10.0.0.0/", "10/8", "x", "10.0.0.0/-1"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_narrower_prevails_whatever_the_order() {
        let mut listed: Vec<(Prefix, u8)> = [
            ("10.0.0.0/8", 1),
            ("10.1.0.0/16", 2),
            ("10.1.2.0/24", 3),
            ("10.1.2.3", 4),
            ("10.255.255.0/24", 5),
            ("11.0.0.0/8", 1),
            ("12.0.0.0/8", 6),
            ("12.0.0.0/8", 7),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8),
        ]
        .map(|(prefix, value)| (prefix.parse().unwrap(), value))
        .to_vec();
        for _ in 0..listed.len() {
            listed.rotate_left(1);
            let points = flatten(listed.clone());
            for (address, expected) in [
                ("9.255.255.255", 0),
                ("10.0.0.0", 1),
                ("10.1.0.0", 2),
                ("10.1.2.2", 3),
                ("10.1.2.3", 4),
                ("10.1.2.4", 3),
                ("10.1.3.0", 2),
                ("10.2.0.0", 1),
                ("10.255.255.9", 5),
                ("11.0.0.0", 1),
                ("12.0.0.0", 0),
                ("13.0.0.0", 0),
                ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0),
                ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8),
            ] {
                let number = number(address.parse().unwrap());
                let at = points.partition_point(|(start, _)| *start <= number);
                assert_eq!(at.checked_sub(1).map_or(0, |n| points[n].1), expected, "{address}");
            }
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
        }
    }
}

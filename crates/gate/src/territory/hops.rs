//! The client's address: the peer's, or what proxies somebody named say of it, and nothing anybody else says.

use super::prefix::Prefix;
use http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// Proxies between a client and us are few; a longer list was made to be read.
pub const HOPS_MAX: usize = 32;

/// The proxies in front of us, by their addresses.
#[derive(Clone, Debug, Default)]
pub struct Hops {
    trusted: Vec<Prefix>,
}

impl Hops {
    /// The named proxies.
    #[must_use]
    pub const fn new(trusted: Vec<Prefix>) -> Self {
        Self { trusted }
    }

    /// Whether this address is one of them.
    #[must_use]
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|prefix| prefix.contains(address))
    }

    /// Whose request it is.
    ///
    /// Each proxy appends whom it heard from, so the list is read from its end for as long as its writer is one of
    /// ours; what a client wrote itself stands before that and is never reached. `None` where one of ours names nobody,
    /// or names something that is no address.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer.to_canonical();
        if !self.is_trusted(client) {
            return Some(client);
        }
        let fields = headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>();
        let written = fields.iter().rev().flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
        for element in written.take(HOPS_MAX) {
            client = address(element)?;
            if !self.is_trusted(client) {
                return Some(client);
            }
        }
        None
    }
}

/// An element of the list: an address, with a port where a proxy adds one.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with| with.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::{HOPS_MAX, Hops};
    use http::HeaderMap;
    use std::net::IpAddr;

    fn client(trusted: &[&str], peer: &str, lines: &[&str]) -> Option<String> {
        let hops = Hops::new(trusted.iter().map(|prefix| prefix.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        hops.client(peer.parse().unwrap(), &headers).map(|address: IpAddr| address.to_string())
    }

    #[test]
    fn only_named_proxies_are_believed() {
        let ours = &["10.0.0.0/8", "2001:db8:1::/48"];
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            // A stranger is who they are, whatever they write.
            ("203.0.113.7", &["8.8.8.8"], Some("203.0.113.7")),
            ("203.0.113.7", &[], Some("203.0.113.7")),
            // One of ours says who came; what that client had written stands before and is not reached.
            ("10.0.0.1", &["203.0.113.7"], Some("203.0.113.7")),
            ("10.0.0.1", &["8.8.8.8, 203.0.113.7"], Some("203.0.113.7")),
            ("10.0.0.1", &["8.8.8.8", "203.0.113.7"], Some("203.0.113.7")),
            ("10.0.0.1", &["8.8.8.8, 203.0.113.7, 10.2.3.4"], Some("203.0.113.7")),
            ("10.0.0.1", &["8.8.8.8,203.0.113.7", "10.2.3.4 , 10.9.9.9"], Some("203.0.113.7")),
            // A client that writes one of our addresses gains nothing: its own stands after that.
            ("10.0.0.1", &["10.2.3.4, 203.0.113.7"], Some("203.0.113.7")),
            ("10.0.0.1", &["[2001:db8:2::7]:443"], Some("2001:db8:2::7")),
            ("10.0.0.1", &["[2001:db8:2::7]"], Some("2001:db8:2::7")),
            ("10.0.0.1", &["203.0.113.7:51000"], Some("203.0.113.7")),
            ("10.0.0.1", &["::ffff:203.0.113.7"], Some("203.0.113.7")),
            ("::ffff:10.0.0.1", &["203.0.113.7"], Some("203.0.113.7")),
            ("2001:db8:1::1", &["203.0.113.7"], Some("203.0.113.7")),
            // Nobody named, or nothing that is an address.
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[""], None),
            ("10.0.0.1", &["unknown"], None),
            ("10.0.0.1", &["8.8.8.8, _hidden"], None),
            ("10.0.0.1", &["8.8.8.8, 203.0.113.7,"], None),
            ("10.0.0.1", &["10.1.1.1"], None),
            ("10.0.0.1", &["é"], None),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(client(ours, peer, lines).as_deref(), *expected, "{peer} {lines:?}");
        }
        assert_eq!(client(&[], "10.0.0.1", &["8.8.8.8"]).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let long = |ours: usize| format!("203.0.113.7{}", ", 10.0.0.2".repeat(ours));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[&long(HOPS_MAX - 1)]).as_deref(), Some("203.0.113.7"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[&long(HOPS_MAX)]), None);
    }
}

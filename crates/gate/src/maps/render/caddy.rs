//! A table in the words of Caddy, which compares an address with networks one by one: so it is given them as a tree.

use super::{Files, UNKNOWN, bounds, groups, line, windows};
use crate::maps::{Entry, Table};
use docket::place::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many networks stand in one list. To compare so many takes three microseconds; a list more is more to read for Caddy,
/// each time that law changes.
const LIST_MAX: usize = 512;

/// Bits told apart at each branch.
const BRANCH_BITS: u32 = 4;

/// So few are no branch of their own.
const BRANCH_MIN: usize = 128;

/// What `{vars.interdict_place}` is for a place that no entry names.
const OTHER: &str = "other";

/// `interdict.caddy`, a snippet `(interdict)` to import where requests are served, which answers those that are
/// refused by handing them to a snippet `(interdict_refuse)` of the operator's own with the paragraph as its argument, and
/// others for the same hosts to `(interdict_serve)`; and a snippet `(interdict_known)`, a matcher of that name for hosts
/// of somebody whom law may speak of.
#[must_use]
pub fn caddy(table: &Table, networks: &[(String, Place)]) -> Files {
    let mut text = String::from("(interdict) {\n");
    let refused = table.entries.iter().filter(|entry| entry.refused.is_some());
    if let Some(hosts) = pattern(refused.map(|entry| (entry.domain.as_str(), entry.exact))) {
        let groups = groups(table);
        let words = words(&groups);
        line(&mut text, format_args!("\t@interdict_listed header_regexp Host \"{hosts}\""));
        line(
            &mut text,
            format_args!("\thandle @interdict_listed {{\n\t\troute {{\n\t\t\tvars interdict_place {UNKNOWN}"),
        );
        Tree { text: &mut text, names: 0 }.write(&placed(&words, networks));
        refusals(&mut text, table, &groups, &words);
        text.push_str("\t\t\thandle {\n\t\t\t\timport interdict_serve\n\t\t\t}\n\t\t}\n\t}\n");
    }
    text.push_str("}\n(interdict_known) {\n");
    match pattern(table.concerned().into_iter()) {
        Some(hosts) => line(&mut text, format_args!("\t@interdict_known header_regexp Host \"{hosts}\"")),
        None => text.push_str("\t@interdict_known expression `false`\n"),
    }
    text.push_str("}\n");
    vec![("interdict.caddy", text)]
}

/// What `{vars.interdict_place}` is for each place that entries name; places that share their entries share it, and one
/// that no network leads to is the unknown one.
fn words<'g>(groups: &'g [(Vec<String>, Vec<&Entry>)]) -> BTreeMap<&'g str, String> {
    let word = |n: usize, places: &[String]| match places.iter().any(|place| place == UNKNOWN) {
        true => String::from(UNKNOWN),
        false => format!("g{n}"),
    };
    let named = groups.iter().enumerate().map(|(n, (places, _))| (places, word(n, places)));
    named.flat_map(|(places, word)| places.iter().map(move |place| (place.as_str(), word.clone()))).collect()
}

/// For each group and window a block that refuses; what it does not refuse goes on to the next.
fn refusals(text: &mut String, table: &Table, groups: &[(Vec<String>, Vec<&Entry>)], words: &BTreeMap<&str, String>) {
    let windows = windows(table);
    let mut count = 0;
    for (places, entries) in groups {
        let Some(word) = places.first().and_then(|place| words.get(place.as_str())) else { continue };
        for window in windows.keys() {
            let (own, others): (Vec<&Entry>, Vec<&Entry>) =
                entries.iter().partition(|entry| entry.refused.as_ref() == Some(window));
            let names =
                |entries: Vec<&Entry>| pattern(entries.iter().map(|entry| (entry.domain.as_str(), entry.exact)));
            let (Some(hosts), others) = (names(own), names(others)) else { continue };
            count += 1;
            let (from, until) = bounds(window);
            line(text, format_args!("\t\t\t@interdict_{count} {{\n\t\t\t\theader_regexp Host \"{hosts}\""));
            if let Some(others) = others {
                line(text, format_args!("\t\t\t\tnot header_regexp Host \"{others}\""));
            }
            line(text, format_args!("\t\t\t\tvars interdict_place {word}\n\t\t\t}}"));
            line(text, format_args!("\t\t\troute @interdict_{count} {{"));
            let now = "int({time.now.unix})";
            line(text, format_args!("\t\t\t\t@now expression `{now} >= {from} && {now} < {until}`"));
            line(text, format_args!("\t\t\t\thandle @now {{\n\t\t\t\t\timport interdict_refuse \"{}\"", window.order));
            text.push_str("\t\t\t\t}\n\t\t\t}\n");
        }
    }
}

/// A network that makes a difference.
struct Network<'n> {
    /// Its address, the first bit highest whichever the family.
    first: u128,
    /// How many bits of it count.
    bits: u32,
    is_v4: bool,
    written: &'n str,
    word: &'n str,
}

/// The networks whose places are told apart from the unknown one, in order.
fn placed<'n>(words: &'n BTreeMap<&str, String>, networks: &'n [(String, Place)]) -> Vec<Network<'n>> {
    // Whether it matters that a place is known and is none of those.
    let other = if words.contains_key(UNKNOWN) { OTHER } else { UNKNOWN };
    let network = |(written, place): &'n (String, Place)| {
        let (address, bits) = written.split_once('/')?;
        let (first, is_v4) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
            IpAddr::V6(address) => (address.to_bits(), false),
        };
        let word = words.get(place.code()).map_or(other, String::as_str);
        (word != UNKNOWN).then_some(Network { first, bits: bits.parse().ok()?, is_v4, written, word })
    };
    let mut placed: Vec<Network<'n>> = networks.iter().filter_map(network).collect();
    placed.sort_by_key(|network| (!network.is_v4, network.first));
    placed
}

/// Writes networks as branches by their first bits, with short lists at the ends.
struct Tree<'t> {
    text: &'t mut String,
    names: u32,
}

impl Tree<'_> {
    fn write(&mut self, networks: &[Network<'_>]) {
        for family in networks.chunk_by(|a, b| a.is_v4 == b.is_v4) {
            self.branch(family, 0);
        }
    }

    /// `networks` have their first `shared` bits in common.
    fn branch(&mut self, networks: &[Network<'_>], shared: u32) {
        let (Some(first), Some(last)) = (networks.first(), networks.last()) else { return };
        if networks.len() <= LIST_MAX {
            self.list(networks.iter());
            return;
        }
        // Bits in which they agree need no branch.
        let bits = (first.first ^ last.first).leading_zeros().max(shared) + BRANCH_BITS;
        let top = |network: &Network<'_>| network.first.checked_shr(128 - bits.min(128)).unwrap_or(0);
        let apart = networks.chunk_by(|a, b| a.bits >= bits && b.bits >= bits && top(a) == top(b));
        let (many, few): (Vec<_>, Vec<_>) = apart.partition(|branch| branch.len() >= BRANCH_MIN);
        self.list(few.into_iter().flatten());
        for branch in many {
            let Some(one) = branch.first() else { continue };
            let below = u128::MAX.checked_shr(bits).unwrap_or(0);
            let name = self.name();
            line(self.text, format_args!("\t\t\t@{name} remote_ip {}/{bits}", address(one.first & !below, one.is_v4)));
            line(self.text, format_args!("\t\t\troute @{name} {{"));
            self.branch(branch, bits);
            self.text.push_str("\t\t\t}\n");
        }
    }

    /// For each word a list of its networks.
    fn list<'n>(&mut self, networks: impl Iterator<Item = &'n Network<'n>>) {
        let mut lists: BTreeMap<&str, String> = BTreeMap::new();
        for network in networks {
            let list = lists.entry(network.word).or_default();
            list.push(' ');
            list.push_str(network.written);
        }
        for (word, list) in lists {
            let name = self.name();
            line(self.text, format_args!("\t\t\t@{name} remote_ip{list}\n\t\t\tvars @{name} interdict_place {word}"));
        }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("interdict_in_{}", self.names)
    }
}

fn address(first: u128, is_v4: bool) -> IpAddr {
    match u32::try_from(first >> 96) {
        Ok(bits) if is_v4 => Ipv4Addr::from_bits(bits).into(),
        Ok(_) | Err(_) => Ipv6Addr::from_bits(first).into(),
    }
}

/// A pattern that matches the `Host` field of these names, in any spelling a client may use.
fn pattern<'e>(names: impl Iterator<Item = (&'e str, bool)>) -> Option<String> {
    let escaped = |(domain, exact): (&str, bool)| {
        let below = if exact { "" } else { "(?:[^/]*[.])?" };
        format!("{below}{}", domain.replace('.', "[.]"))
    };
    let names: BTreeSet<String> = names.map(escaped).collect();
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() { None } else { Some(format!("(?i)^(?:{})[.]?(?::[0-9]+)?$", names.join("|"))) }
}

#[cfg(test)]
mod tests {
    use super::{Network, Tree};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    const WORDS: [&str; 3] = ["g0", "g1", "other"];

    fn contains(network: &str, address: IpAddr) -> bool {
        let (first, bits) = network.split_once('/').unwrap();
        let bits: u32 = bits.parse().unwrap();
        match (first.parse().unwrap(), address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// What Caddy makes of the text, and how many networks it compares for it.
    fn asked(text: &str, address: IpAddr) -> (&str, usize) {
        let (mut place, mut compared) = ("-", 0);
        let mut matched = std::collections::HashMap::new();
        // Depth below a branch not taken.
        let mut passed = 0;
        for line in text.lines().map(str::trim) {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["route", _, "{"] if passed > 0 => passed += 1,
                ["}"] if passed > 0 => passed -= 1,
                _ if passed > 0 => {}
                [name, "remote_ip", networks @ ..] => {
                    compared += networks.len();
                    assert_eq!(matched.insert(*name, networks.iter().any(|network| contains(network, address))), None);
                }
                ["route", name, "{"] => passed = usize::from(!matched[name]),
                ["vars", name, "interdict_place", word] => place = if matched[name] { *word } else { place },
                ["}"] => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(passed, 0, "every branch is closed");
        (place, compared)
    }

    #[test]
    fn a_tree_says_what_a_list_says_and_compares_less() {
        let mut state = 1_u64;
        let mut chance = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u128::from(state)
        };
        let mut written: Vec<(u128, u32, bool, String, &str)> = Vec::new();
        let mut from = 0_u128;
        while from < 1 << 32 {
            // Dense and thin stretches, networks of all lengths, each where one of its length may begin.
            let bits = 32 - (chance() % if (from >> 28).is_multiple_of(2) { 12 } else { 22 }) as u32;
            let size = 1_u128 << (32 - bits);
            from = from.next_multiple_of(size);
            if from < 1 << 32 && chance() % 4 > 0 && written.len() < 12_000 {
                let address = Ipv4Addr::from_bits(from as u32);
                written.push((from << 96, bits, true, format!("{address}/{bits}"), WORDS[(chance() % 3) as usize]));
            }
            from += size * if written.len().is_multiple_of(64) { 3_000 } else { 1 };
        }
        for n in 0..1_000_u128 {
            let (first, bits) = ((0x2001 << 112) + ((n * n) << 88), 40 + (n % 8) as u32);
            let address = Ipv6Addr::from_bits(first);
            written.push((first, bits, false, format!("{address}/{bits}"), WORDS[(n % 3) as usize]));
        }
        let networks: Vec<Network<'_>> = written
            .iter()
            .map(|(first, bits, is_v4, written, word)| Network {
                first: *first,
                bits: *bits,
                is_v4: *is_v4,
                written,
                word,
            })
            .collect();
        let mut text = String::new();
        Tree { text: &mut text, names: 0 }.write(&networks);
        let mut most = 0;
        for n in 0..300 {
            let near = &networks[chance() as usize % networks.len()];
            let shift = if near.is_v4 { 96 } else { 64 };
            let edge = [0, 1, 1 << (128 - near.bits - shift), u128::MAX][n % 4];
            let number = (near.first >> shift).wrapping_add(edge);
            let address: IpAddr = match near.is_v4 {
                true => Ipv4Addr::from_bits(number as u32).into(),
                false => Ipv6Addr::from_bits(number << shift).into(),
            };
            let listed = networks.iter().find(|network| contains(network.written, address));
            let (place, compared) = asked(&text, address);
            assert_eq!(place, listed.map_or("-", |network| network.word), "{address}");
            most = most.max(compared);
        }
        assert!(most < networks.len() / 4, "{most} of {} networks compared", networks.len());
    }
}

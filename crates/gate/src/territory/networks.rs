//! The operator's own list: networks whose country they know better, anonymisers and satellite providers.
//!
//! One network a line, then a country code or one of `anonymiser`, `satellite`, `unknown`; `#` begins a remark.
//! Lists of Tor exits and of VPN providers are of this form once a word is added.

use super::prefix::{self, Points, Prefix};
use super::{Doubt, Place};
use std::net::IpAddr;

/// Far above the longest public list of VPN networks (some 30,000) and what the finest files say of one country (some
/// 300,000); a longer one is a mistake.
pub const NETWORKS_MAX: usize = 2_000_000;

/// Faults told of one file; the first ones show what is wrong with it.
const FAULTS_MAX: usize = 20;

/// What the list says of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is in this place.
    In(Place),
    /// It cannot be placed.
    Doubt(Doubt),
}

/// A list of networks.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    points: Points,
    entries: Vec<Entry>,
}

impl Networks {
    /// Reads a list.
    ///
    /// # Errors
    /// Every faulty line, up to twenty, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut networks = Self::default();
        let (mut listed, mut faults) = (Vec::new(), Vec::new());
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or("").trim();
            if text.is_empty() {
                continue;
            }
            match networks.line(text) {
                Ok(network) if listed.len() < NETWORKS_MAX => listed.push(network),
                Ok(_) => return Err(format!("more than {NETWORKS_MAX} networks")),
                Err(why) => faults.push(format!("line {line}: {why}")),
            }
            if faults.len() == FAULTS_MAX {
                break;
            }
        }
        if !faults.is_empty() {
            return Err(faults.join("\n"));
        }
        networks.points = prefix::flatten(listed);
        Ok(networks)
    }

    /// Where another entry may begin.
    pub(super) fn starts(&self) -> impl Iterator<Item = u128> + Clone {
        self.points.iter().map(|(start, _)| *start)
    }

    fn line(&mut self, text: &str) -> Result<(Prefix, u8), String> {
        let (network, word) = text
            .split_once(|c: char| c.is_whitespace() || c == ',')
            .ok_or_else(|| format!("`{text}`: write a network and what it is, as in `192.0.2.0/24 CA`"))?;
        let entry = match word.trim() {
            "anonymiser" | "anonymizer" => Entry::Doubt(Doubt::Anonymiser),
            "satellite" => Entry::Doubt(Doubt::Moving),
            "unknown" => Entry::Doubt(Doubt::Unlisted),
            code => Entry::In(
                Place::parse(code)
                    .map_err(|why| format!("{why}; write a country code, or `anonymiser`, `satellite` or `unknown`"))?,
            ),
        };
        let position = match self.entries.iter().position(|known| *known == entry) {
            Some(position) => position,
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        let value = u8::try_from(position + 1).map_err(|_many| String::from("more than 254 different places"))?;
        Ok((network.parse()?, value))
    }

    /// What it says of an address. Nothing where the same network stands in it with two meanings.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Entry> {
        let number = prefix::number(address);
        let at = self.points.partition_point(|(start, _)| *start <= number).checked_sub(1)?;
        let (_, value) = self.points.get(at)?;
        self.entries.get(usize::from(*value).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Networks};
    use crate::territory::{Doubt, Place};

    #[test]
    fn every_faulty_line_is_told() {
        let text = "# a list\n10.0.0.0/8 US # ours\n\n10.1.0.0/16,CA\n1.2.3.4 unknown\nx US\n10.0.0.1/8 US\n10.0.0.0/8\n10.0.0.0/8 us";
        let faults = Networks::parse(text).unwrap_err();
        let lines: Vec<&str> = faults.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["line 6", "line 7", "line 8", "line 9"], "{faults}");
        let sound = Networks::parse(&text.lines().take(5).collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(sound.of("10.1.2.3".parse().unwrap()), Some(Entry::In(Place::parse("CA").unwrap())));
        assert_eq!(sound.of("1.2.3.4".parse().unwrap()), Some(Entry::Doubt(Doubt::Unlisted)));
        assert_eq!(sound.of("1.2.3.5".parse().unwrap()), None);
    }
}

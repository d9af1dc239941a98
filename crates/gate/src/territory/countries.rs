//! The shipped table: to which country a regional registry delegated an address.
//!
//! It is a floor, there without any configuration; its [provenance](Countries::provenance) says from what it was made. The
//! file is gzip: a line of provenance, then columns. Columns of like things compress to a third of what lines would.

use super::Place;
use super::prefix::{self, Prefix};
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;

/// The table the program was built with.
const SHIPPED: &[u8] = include_bytes!("../../data/countries.gz");

/// Begins the line of provenance.
const MAGIC: &str = "interdict countries 1; ";

/// A table of every address delegated has 1 MB unpacked; one of tens of megabytes is none of ours.
const UNPACKED_BYTES_MAX: u64 = 32 << 20;

/// The lines of every registry together have 5 MB.
const SOURCE_BYTES_MAX: u64 = 256 << 20;

/// Where countries begin, in order; each holds until the next.
#[derive(Clone, Debug, Default)]
struct Column<N> {
    starts: Vec<N>,
    codes: Vec<u8>,
}

impl<N: Ord> Column<N> {
    fn of(&self, number: N) -> u8 {
        let at = self.starts.partition_point(|start| *start <= number);
        at.checked_sub(1).and_then(|at| self.codes.get(at)).copied().unwrap_or(0)
    }
}

/// Countries by address.
#[derive(Clone, Debug, Default)]
pub struct Countries {
    provenance: String,
    /// Value 0 is no country.
    places: Vec<Place>,
    v4: Column<u32>,
    /// By the upper half of an address: nothing smaller than a /64 is delegated.
    v6: Column<u64>,
    /// Where in `v4` the addresses with the same first two bytes begin.
    heads: Vec<u32>,
}

/// What was built, and what could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The file.
    pub file: Vec<u8>,
    /// Prefixes read.
    pub prefixes: usize,
    /// Countries named.
    pub countries: usize,
    /// Stretches of addresses of one country, of both families.
    pub stretches: usize,
}

impl Countries {
    /// The table the program was built with.
    ///
    /// # Errors
    /// It cannot be read: the program is damaged.
    pub fn shipped() -> Result<Self, String> {
        Self::read(SHIPPED)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// It is no such table, or a damaged one.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let unpacked = GzDecoder::new(file).take(UNPACKED_BYTES_MAX).read_to_end(&mut bytes);
        unpacked.map_err(|error| format!("the table of countries cannot be unpacked: {error}"))?;
        let damaged = || String::from("the table of countries is damaged");
        let line = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let (head, rest) = bytes.split_at_checked(line).ok_or_else(damaged)?;
        let head = std::str::from_utf8(head).map_err(|_error| damaged())?;
        let provenance = head.strip_prefix(MAGIC).ok_or("no table of countries, or one of another version")?;
        let mut reader = Columns { rest: rest.get(1..).unwrap_or_default() };
        let codes = reader.number().and_then(|count| reader.bytes(count.checked_mul(2)?)).ok_or_else(damaged)?;
        let parse = |code: &[u8]| Place::parse(std::str::from_utf8(code).unwrap_or_default());
        let places = codes.chunks_exact(2).map(parse).collect::<Result<Vec<_>, _>>()?;
        let v4 = reader.column(places.len(), |n| u32::try_from(n).ok()).ok_or_else(damaged)?;
        let v6 = reader.column(places.len(), Some).ok_or_else(damaged)?;
        let mut heads = Vec::with_capacity((1 << 16) + 1);
        for head in 0..=u32::from(u16::MAX) {
            heads.push(v4.starts.partition_point(|start| *start < head << 16) as u32);
        }
        heads.push(v4.starts.len() as u32);
        Ok(Self { provenance: provenance.to_owned(), places, v4, v6, heads })
    }

    /// From what it was made.
    #[must_use]
    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    /// Where, among addresses of IPv4, another country may begin.
    pub(super) fn starts_v4(&self) -> impl Iterator<Item = u32> {
        self.v4.starts.iter().copied()
    }

    /// The same of IPv6, by the upper half of an address.
    pub(super) fn starts_v6(&self) -> impl Iterator<Item = u64> {
        self.v6.starts.iter().copied()
    }

    /// The country of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Place> {
        let value = match address.to_canonical() {
            IpAddr::V4(v4) => self.of_v4(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.of((v6.to_bits() >> 64) as u64),
        };
        self.places.get(usize::from(value).checked_sub(1)?).copied()
    }

    fn of_v4(&self, number: u32) -> u8 {
        let head = (number >> 16) as usize;
        let (Some(from), Some(to)) = (self.heads.get(head), self.heads.get(head + 1)) else { return 0 };
        let (from, to) = (*from as usize, *to as usize);
        let within = self.v4.starts.get(from..to).unwrap_or_default().partition_point(|start| *start <= number);
        (from + within).checked_sub(1).and_then(|at| self.v4.codes.get(at)).copied().unwrap_or(0)
    }

    /// Builds a table from lines `CC,PREFIX`; `#` begins a remark. Inside another prefix the narrower prevails; a prefix
    /// given to two countries is in neither.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn build(lines: &str, provenance: &str) -> Result<Built, String> {
        let (mut codes, mut v4, mut v6) = (Vec::<&str>::new(), Vec::new(), Vec::new());
        let mut listed = Vec::new();
        for (n, line) in (1..).zip(lines.lines()) {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let fault = |why: String| format!("line {n}: {why}");
            let (code, prefix) = line.split_once(',').ok_or_else(|| fault(String::from("write `CC,PREFIX`")))?;
            Place::parse(code).map_err(fault)?;
            let prefix: Prefix = prefix.parse().map_err(fault)?;
            if !prefix.is_v4() && prefix.ends().1 - prefix.ends().0 < u128::from(u64::MAX) {
                return Err(fault(format!("`{line}` is smaller than a /64")));
            }
            listed.push((code, prefix));
            codes.push(code);
        }
        codes.sort_unstable();
        codes.dedup();
        for (code, prefix) in &listed {
            let position = codes.binary_search(code).unwrap_or_default() + 1;
            let value = u8::try_from(position).map_err(|_many| String::from("more than 255 countries"))?;
            if prefix.is_v4() { v4.push((*prefix, value)) } else { v6.push((*prefix, value)) }
        }
        let (mut v4, v6) = (prefix::flatten(v4), prefix::flatten(v6));
        // What ends with the last IPv4 address ends with the column.
        v4.retain(|(start, _)| start >> 32 == 0xffff);
        let stretches = v4.len() + v6.len();
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC.as_bytes());
        bytes.extend_from_slice(provenance.replace('\n', " ").as_bytes());
        bytes.push(b'\n');
        varint(&mut bytes, codes.len() as u64);
        codes.iter().for_each(|code| bytes.extend_from_slice(code.as_bytes()));
        column(&mut bytes, v4.iter().map(|(start, value)| (u64::from(*start as u32), *value)));
        column(&mut bytes, v6.iter().map(|(start, value)| ((start >> 64) as u64, *value)));
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
        let file = packed.write_all(&bytes).and_then(|()| packed.finish()).map_err(|error| error.to_string())?;
        Ok(Built { file, prefixes: listed.len(), countries: codes.len(), stretches })
    }

    /// The same from the bytes of a file, plain or gzip; without other provenance, the remark it begins with is it.
    ///
    /// # Errors
    /// As [`Countries::build`]; or it cannot be unpacked, or says nothing of its provenance.
    pub fn build_packed(file: &[u8], provenance: Option<&str>) -> Result<Built, String> {
        let mut text = String::new();
        let read = if file.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(file).take(SOURCE_BYTES_MAX).read_to_string(&mut text)
        } else {
            file.take(SOURCE_BYTES_MAX).read_to_string(&mut text)
        };
        read.map_err(|error| format!("cannot be read: {error}"))?;
        let remark = || text.lines().next().and_then(|line| line.strip_prefix('#')).map(str::trim);
        let provenance = provenance.or_else(remark).filter(|provenance| !provenance.is_empty());
        let provenance = provenance.ok_or("it does not say where it is from: add --provenance")?;
        Self::build(&text, provenance)
    }

    /// The number of IPv4 addresses of each place, for whoever wants to know what a table covers.
    #[must_use]
    pub fn census(&self) -> String {
        let mut count = vec![0_u64; self.places.len() + 1];
        let ends = self.v4.starts.iter().skip(1).map(|start| u64::from(*start)).chain([1 << 32]);
        for ((start, end), value) in self.v4.starts.iter().zip(ends).zip(&self.v4.codes) {
            if let Some(count) = count.get_mut(usize::from(*value)) {
                *count += end - u64::from(*start);
            }
        }
        let mut text = String::new();
        for (place, count) in self.places.iter().zip(count.iter().skip(1)) {
            writeln!(text, "{place:<6} {count:>12}").unwrap_or_default();
        }
        text
    }
}

/// Starts as distances from the one before, then values.
fn column(bytes: &mut Vec<u8>, points: impl ExactSizeIterator<Item = (u64, u8)> + Clone) {
    varint(bytes, points.len() as u64);
    let mut last = 0;
    for (start, _) in points.clone() {
        varint(bytes, start - last);
        last = start;
    }
    bytes.extend(points.map(|(_, value)| value));
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

struct Columns<'b> {
    rest: &'b [u8],
}

impl<'b> Columns<'b> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, count: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn column<N>(&mut self, places: usize, narrow: impl Fn(u64) -> Option<N>) -> Option<Column<N>> {
        let count = self.number()?;
        let mut starts = Vec::new();
        let mut last = 0_u64;
        for n in 0..count {
            let step = self.number()?;
            if n > 0 && step == 0 {
                return None;
            }
            last = last.checked_add(step)?;
            starts.push(narrow(last)?);
        }
        let codes = self.bytes(count)?.to_vec();
        codes.iter().all(|code| usize::from(*code) <= places).then_some(Column { starts, codes })
    }
}

#[cfg(test)]
mod tests {
    use super::Countries;
    use crate::territory::Place;
    use std::net::IpAddr;

    fn country(countries: &Countries, address: &str) -> String {
        let place = countries.of(address.parse().unwrap());
        place.map_or_else(|| String::from("-"), |place| place.code().to_owned())
    }

    const LINES: &str = "# made up\nUS,8.0.0.0/8\nCA,8.1.0.0/16\nPR,8.1.2.0/24\nFR,2a01::/32\nDE,2a01:0:8000::/33\nFR,9.0.0.0/8\nDE,9.0.0.0/8\nAU,255.0.0.0/8\n";

    #[test]
    fn what_is_built_is_read_back() {
        let built = Countries::build(LINES, "made up\nfor a test").unwrap();
        assert_eq!((built.prefixes, built.countries), (8, 6));
        let countries = Countries::read(&built.file).unwrap();
        assert_eq!(countries.provenance(), "made up for a test");
        for (address, expected) in [
            ("7.255.255.255", "-"),
            ("8.0.0.0", "US"),
            ("8.1.0.0", "CA"),
            ("8.1.2.255", "US-PR"),
            ("8.1.3.0", "CA"),
            ("8.255.255.255", "US"),
            ("9.1.1.1", "-"),
            ("254.0.0.0", "-"),
            ("255.255.255.255", "AU"),
            ("2a01::1", "FR"),
            ("2a01:0:7fff:ffff:ffff::", "FR"),
            ("2a01:0:8000::", "DE"),
            ("2a01:1::", "-"),
            ("::", "-"),
        ] {
            assert_eq!(country(&countries, address), expected, "{address}");
        }
        assert_eq!(Countries::build(LINES, "made up\nfor a test").unwrap(), built, "same input, same bytes");
    }

    #[test]
    fn what_is_no_line_is_refused_with_its_number() {
        for line in ["US", "XX,8.0.0.0/8", "US,8.0.0.1/8", "US,8.0.0.0/40", "US,2a01::/65", "us,8.0.0.0/8"] {
            let why = Countries::build(&format!("US,7.0.0.0/8\n{line}"), "").unwrap_err();
            assert!(why.starts_with("line 2: "), "{line}: {why}");
        }
    }

    #[test]
    fn a_damaged_table_is_refused_and_never_panics() {
        let built = Countries::build(LINES, "x").unwrap().file;
        for cut in 0..built.len() {
            assert!(Countries::read(&built[..cut]).is_err(), "{cut}");
        }
        let mut seed = 3_u64;
        for _ in 0..2_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut file = built.clone();
            let at = (seed >> 33) as usize % file.len();
            file[at] ^= 1 << (seed >> 8 & 7);
            // gzip's header has bits that say nothing of the content; all others are covered by its checksum.
            if let Ok(read) = Countries::read(&file) {
                assert_eq!(country(&read, "8.1.2.3"), "US-PR");
            }
        }
    }

    #[test]
    fn the_shipped_table_knows_the_territories_of_the_united_states() {
        let countries = Countries::shipped().unwrap();
        assert!(countries.provenance().contains("CC0"), "{}", countries.provenance());
        let us = Place::parse("US").unwrap();
        let mut outside: u64 = 0;
        let census = countries.census();
        for line in census.lines() {
            let (code, count) = line.split_once(' ').unwrap();
            if us.contains(Place::parse(code).unwrap()) && code != "US" {
                outside += count.trim().parse::<u64>().unwrap();
            }
        }
        // What a test for the code `US` alone would leave out.
        assert_eq!(outside, 1_144_832, "{census}");
        for (address, expected) in [("8.8.8.8", "US"), ("133.1.1.1", "JP"), ("2a01:e00::1", "FR"), ("24.48.0.1", "CA")]
        {
            assert_eq!(country(&countries, address), expected, "{address}");
        }
    }

    #[test]
    fn it_says_what_its_source_says() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/gates/ipverse-country/rir-country-prefixes.csv.gz"
        );
        let Ok(packed) = std::fs::read(path) else {
            assert_ne!(std::env::var_os("CI").as_deref(), Some(std::ffi::OsStr::new("true")), "{path}");
            eprintln!("skipped: {path} is not there");
            return;
        };
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text).unwrap();
        let countries = Countries::shipped().unwrap();
        let (mut asked, mut seed) = (0, 9_u128);
        for (code, prefix) in text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(','))
        {
            let expected = Place::parse(code).unwrap();
            let parsed: crate::territory::Prefix = prefix.parse().unwrap();
            let (first, last) = parsed.ends();
            seed = seed.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            let inside = first + seed % (last - first + 1);
            for number in [first, inside, last] {
                let address = IpAddr::V6(std::net::Ipv6Addr::from_bits(number)).to_canonical();
                assert_eq!(countries.of(address), Some(expected), "{address} in {prefix}");
                asked += 1;
            }
        }
        assert!(asked > 700_000, "{asked}");
    }
}

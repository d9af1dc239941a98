//! Where addresses are: what is consulted, asked by hand, and the table built anew from registry data.

use crate::commands::{Done, print, print_json, tell};
use crate::whole_file;
use clap::{Args, Subcommand};
use gate::territory::{Countries, Database, Locator, Networks};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

/// What to do with the tables of places.
#[derive(Debug, Subcommand)]
pub(crate) enum Territory {
    /// Say which country addresses are in, or why that is not known
    Of {
        /// Addresses
        #[arg(required = true)]
        addresses: Vec<IpAddr>,
        /// Write JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        consulted: Consulted,
    },
    /// Count the IPv4 addresses of each country in the table
    Census {
        /// Write JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        consulted: Consulted,
    },
    /// Build a table from lines `CC,PREFIX` (plain or gzip), such as the published country blocks of the registries
    #[command(
        after_help = "The shipped table is built so, from a CC0 file of registry delegations:\n  interdict territory build rir-country-prefixes.csv.gz --provenance \"…; CC0-1.0\" -o crates/gate/data/countries.gz"
    )]
    Build {
        /// The lines
        source: PathBuf,
        /// From where the lines are, and on what terms; without it, the remark they begin with
        #[arg(long)]
        provenance: Option<String>,
        /// Where to write the table
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
}

/// What is consulted about where an address is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Consulted {
    /// A table of delegations built by `territory build`, instead of the shipped one
    #[arg(long, value_name = "FILE")]
    pub(crate) countries: Option<PathBuf>,
    /// A geolocation or anonymiser file in the MaxMind DB format; may be repeated, and replaces the table
    #[arg(long, value_name = "FILE")]
    pub(crate) geo: Vec<PathBuf>,
    /// Your own list of networks: a prefix and a country, `anonymiser`, `satellite` or `unknown` a line
    #[arg(long, value_name = "FILE")]
    pub(crate) networks: Option<PathBuf>,
}

impl Consulted {
    /// Reads what is consulted.
    pub(crate) fn locator(&self) -> Result<Locator, String> {
        let read = |path: &PathBuf| fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        let told = |path: &PathBuf, why: String| format!("{}: {why}", path.display());
        let countries = match &self.countries {
            None => Countries::shipped()?,
            Some(path) => Countries::read(&read(path)?).map_err(|why| told(path, why))?,
        };
        let database = |path: &PathBuf| Database::read(read(path)?).map_err(|why| told(path, why));
        let databases = self.geo.iter().map(database).collect::<Result<_, _>>()?;
        let networks = match &self.networks {
            None => Networks::default(),
            Some(path) => {
                let text =
                    String::from_utf8(read(path)?).map_err(|_error| told(path, String::from("not UTF-8 text")))?;
                Networks::parse(&text).map_err(|why| told(path, why))?
            }
        };
        Ok(Locator::new(countries, databases, networks))
    }
}

/// Where an address is, or why that is not known.
fn located(locator: &Locator, address: IpAddr) -> Value {
    match locator.locate(address) {
        Ok(place) => json!({ "address": address.to_string(), "place": place.to_string() }),
        Err(doubt) => json!({ "address": address.to_string(), "place": null, "why": doubt.word() }),
    }
}

pub(crate) fn run(command: &Territory) -> Done {
    match command {
        Territory::Of { addresses, json, consulted } => {
            let locator = consulted.locator()?;
            if *json {
                return print_json(&addresses.iter().map(|address| located(&locator, *address)).collect());
            }
            let mut text = String::new();
            for address in addresses {
                match locator.locate(*address) {
                    Ok(place) => writeln!(text, "{address} {place}"),
                    Err(doubt) => writeln!(text, "{address} not known: {}", doubt.word()),
                }
                .unwrap_or_default();
            }
            print(&text)
        }
        Territory::Census { json, consulted } => {
            let countries = match &consulted.countries {
                None => Countries::shipped()?,
                Some(path) => {
                    let file = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                    Countries::read(&file)?
                }
            };
            let census = countries.census();
            if *json {
                let count = |line: &str| {
                    let (place, count) = line.split_once(' ')?;
                    Some((place.to_owned(), Value::from(count.trim().parse::<u64>().ok()?)))
                };
                let counts: serde_json::Map<String, Value> = census.lines().filter_map(count).collect();
                return print_json(&json!({ "provenance": countries.provenance(), "addresses": counts }));
            }
            print(&format!("# {}\n{census}", countries.provenance()))
        }
        Territory::Build { source, provenance, output, json } => {
            let bytes = fs::read(source).map_err(|error| format!("cannot read {}: {error}", source.display()))?;
            let built = Countries::build_packed(&bytes, provenance.as_deref());
            let built = built.map_err(|why| format!("{}: {why}", source.display()))?;
            whole_file::write(output, &built.file)
                .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
            let (prefixes, countries, stretches, bytes) =
                (built.prefixes, built.countries, built.stretches, built.file.len());
            let facts = json!({
                "file": output.display().to_string(), "prefixes": prefixes, "countries": countries, "stretches": stretches, "bytes": bytes,
            });
            let words =
                format!("{prefixes} prefixes of {countries} countries in {stretches} stretches, {bytes} bytes\n");
            tell(*json, &facts, &words)
        }
    }
}

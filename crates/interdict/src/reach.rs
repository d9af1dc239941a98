//! Which gates an order reaches, and what a gate may be given to enforce it: what it may not is refused with the reason.

use crate::commands::{Done, Loading, print};
use crate::settings::{Proxy, Settings};
use crate::{agent, clock};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use gate::maps::Table;
use gate::typed::{self, Artefact};
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Options of `reach`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 the order reaches the gate, 1 it does not and nothing is made, 2 the question was wrong."
)]
pub(crate) struct Reach {
    /// An instrument id
    order: String,
    /// Only this gate; its artefact is refused if the order does not reach it
    #[arg(long, value_parser = gate())]
    gate: Option<Artefact>,
    /// Write the tables of this proxy for this order alone, by the settings' `[edge]` and `[territory]`
    #[arg(long, value_enum, requires = "output", conflicts_with = "gate")]
    tables: Option<Proxy>,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The folder to write tables to
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// The words of the gates there are.
fn gate() -> impl TypedValueParser<Value = Artefact> {
    PossibleValuesParser::new(Artefact::ALL.map(Artefact::word))
        .try_map(|word| Artefact::ALL.into_iter().find(|artefact| artefact.word() == word).ok_or("no such gate"))
}

pub(crate) fn reach(loading: &Loading, options: &Reach) -> Done {
    let docket = loading.docket()?;
    let (reaches, forbidden) = typed::reach(&docket, &options.order)?;
    let wanted = options.tables.map(|_| Artefact::Edge).or(options.gate);
    let mut code = 0;
    let mut text = String::new();
    let mut list = Vec::new();
    for reach in reaches.iter().filter(|reach| wanted.is_none_or(|wanted| wanted == reach.artefact)) {
        let word = reach.artefact.word();
        let why = reach.provisions.is_empty().then(|| typed::refused(&options.order, reach.artefact, &forbidden));
        match &why {
            None => writeln!(text, "{word:<13} {}", reach.provisions.join(", ")).unwrap_or_default(),
            Some(why) => writeln!(text, "{word:<13} no: {why}").unwrap_or_default(),
        }
        let blind = reach.artefact.does_not_see().filter(|_| why.is_none());
        if let Some(blind) = blind {
            writeln!(text, "              does not see {blind}").unwrap_or_default();
        }
        code = if wanted.is_some() && why.is_some() { 1 } else { code };
        list.push(json!({ "gate": word, "reached": why.is_none(), "provisions": reach.provisions, "why": why, "does_not_see": blind }));
    }
    if options.json {
        print(&format!("{}\n", json!({ "order": options.order, "gates": list })))?;
    } else {
        print(&text)?;
    }
    if let (Some(proxy), Some(folder), 0) = (options.tables, &options.output, code) {
        let settings = options.settings.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        let edge = settings.edge.clone().unwrap_or_default().chosen()?;
        let of = |order: &str| order.split_once(':').is_some_and(|(order, _)| order == options.order);
        let mut table = Table::build(&docket, &edge, clock::now())?;
        table.entries.retain(|entry| entry.refused.as_ref().is_none_or(|window| of(&window.order)));
        let networks = settings.locator()?.networks_of(&table.places())?;
        agent::write_tables(proxy, folder, &table, &networks, &edge)?;
        print(&format!("written to {}: {table}\n", folder.display()))?;
    }
    Ok(code)
}

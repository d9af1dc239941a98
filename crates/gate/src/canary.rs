//! Names that must never be refused: what resembles a refused domain and is nobody's, and refused domains asked for from
//! where no order reaches. A gate that refuses one of them blocks the innocent.

use crate::maps::lookup::Lookup;
use crate::maps::{Table, render};
use docket::Docket;
use docket::place::Place;
use docket::subject::Attribution;
use docket::vocabulary::ResourceKind;
use law::Time;
use std::collections::BTreeSet;

/// One round asks for no more names than this from each place: a probe is a request that somebody serves.
pub const NAMES_MAX: usize = 48;

/// The names to ask for from a place, sorted.
#[must_use]
pub fn names(docket: &Docket, table: &Table, place: Option<Place>, at: Time) -> Vec<String> {
    let Ok(lookup) = Lookup::read(&render::hosts(table), "") else { return Vec::new() };
    let refused = table.entries.iter().filter(|entry| entry.refused.is_some());
    let domains: BTreeSet<&str> = refused.map(|entry| entry.domain.as_str()).collect();
    let nobody = |name: &String| {
        matches!(
            docket.registry().resolve(ResourceKind::Domain, name),
            Ok(Attribution::Nobody | Attribution::Shared(_))
        )
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for domain in domains {
        let alike =
            [format!("not{domain}"), format!("{domain}.example"), format!("{}.example", domain.replace('.', "-"))];
        names.extend(alike.into_iter().filter(nobody));
        if lookup.refused_in(domain, place, at).is_none() {
            names.insert(domain.to_owned());
        }
        // What belongs to nobody is asked for even where nothing resembles it any more.
        if names.len() >= NAMES_MAX {
            break;
        }
    }
    names.into_iter().take(NAMES_MAX).collect()
}

//! What a proxy in front of the gate refuses by itself while the gate is away: packages by their paths, for each place,
//! until the refusal's own end.
//!
//! It is made of what is known by then: what the index says of each file, and what the file was found to be where somebody
//! has asked for it. A proxy knows a user's address and nothing else, and the rules for places are applied to that.

use super::Store;
use super::judge::Clue;
use crate::maps::{ENTRIES_MAX, Entry, Table, Window, places};
use crate::shadow::Mode;
use crate::territory::{Doubt, Evidence};
use docket::Docket;
use docket::place::Place;
use docket::subject::Attribution;
use docket::vocabulary::ResourceKind;
use law::Time;
use law::time::FOREVER;
use std::collections::{BTreeMap, BTreeSet};
use wire::record::Outcome;

/// Changes of an answer that are followed into the future; an order, its delays and its stays have fewer.
const CHANGES_MAX: usize = 64;

/// What is refused of one package, place by place.
type Refused = Vec<(Option<Place>, Window)>;

impl Store {
    /// What is refused by path from `now` on, and every path that is known; `None` before the index is read.
    ///
    /// # Errors
    /// More than [`ENTRIES_MAX`] entries.
    pub fn standby(&self, docket: &Docket, now: Time) -> Result<Option<Table>, String> {
        let index = self.index.load_full();
        if index.format().is_empty() {
            return Ok(None);
        }
        let writable = |path: &str| !path.chars().any(char::is_control);
        let known: BTreeSet<(String, bool)> =
            index.iter().filter(|(path, _)| writable(path)).map(|(path, _)| (path.to_owned(), true)).collect();
        let mut table = Table { edition: docket.edition().to_owned(), entries: Vec::new(), known };
        if self.chosen.stance.mode == Mode::Shadow {
            return Ok(Some(table));
        }
        let mut answered: BTreeMap<Vec<(ResourceKind, String)>, Refused> = BTreeMap::new();
        for (path, listed) in index.iter().filter(|(path, _)| writable(path)) {
            let identity = self.identities.last(path);
            let found = identity.as_deref().into_iter().flat_map(Clue::found);
            let clues: Vec<Clue<'_>> =
                Clue::listed(listed).chain(found).filter(|clue| is_somebodys(docket, clue)).collect();
            if clues.is_empty() {
                continue;
            }
            let key = clues.iter().map(|clue| (clue.kind, clue.id.clone().into_owned())).collect();
            let refused = answered.entry(key).or_insert_with(|| self.refused(docket, &clues, now));
            if table.entries.len() + refused.len() > ENTRIES_MAX {
                return Err(format!("more than {ENTRIES_MAX} packages and places to refuse"));
            }
            table.entries.extend(refused.iter().map(|(place, window)| Entry {
                domain: path.to_owned(),
                exact: true,
                place: *place,
                refused: Some(window.clone()),
            }));
        }
        table.entries.sort();
        Ok(Some(table))
    }

    /// The networks of these places, as the gate itself would find them.
    ///
    /// # Errors
    /// A file of networks cannot be read through.
    pub fn networks_of(&self, places: &BTreeSet<Place>) -> Result<Vec<(String, Place)>, String> {
        self.chosen.locator.networks_of(places)
    }

    /// The present or next stretch of refusal in each place.
    fn refused(&self, docket: &Docket, clues: &[Clue<'_>], now: Time) -> Refused {
        let in_place = |place: Option<Place>| Some((place, self.stretch(docket, clues, place, now)?));
        places().into_iter().filter_map(in_place).collect()
    }

    fn stretch(&self, docket: &Docket, clues: &[Clue<'_>], place: Option<Place>, now: Time) -> Option<Window> {
        let evidence = Evidence::of_address(place.ok_or(Doubt::Unlisted));
        let mut window: Option<Window> = None;
        let mut at = now;
        for _ in 0..CHANGES_MAX {
            // The answer is that of the strictest clue and may change when that of any does.
            let judged =
                clues.iter().filter_map(|clue| self.judge(docket, std::iter::once(clue.clone()), &evidence, at));
            let until = judged.map(|judgement| judgement.finding.until).min().unwrap_or(FOREVER);
            let strictest = self.judge(docket, clues.iter().cloned(), &evidence, at);
            let refused =
                strictest.filter(|found| self.chosen.stance.outcome(found.finding.verdict) == Outcome::Refuse);
            match (refused, &mut window) {
                (Some(_), Some(window)) => window.until = until,
                (Some(found), None) => {
                    let ground = found.finding.grounds.iter().find(|ground| ground.status.is_unlawful());
                    let ground = ground.or(found.finding.grounds.first());
                    let order = ground.map_or_else(String::new, |ground| ground.provision.clone());
                    window = Some(Window { from: found.finding.from, until, order });
                }
                (None, Some(_)) => break,
                (None, None) => {}
            }
            if until == FOREVER || until <= at {
                break;
            }
            at = until;
        }
        window
    }
}

/// Whether a clue leads to somebody, now or ever.
fn is_somebodys(docket: &Docket, clue: &Clue<'_>) -> bool {
    docket.registry().resolve(clue.kind, &clue.id).is_ok_and(|found| matches!(found, Attribution::Subject(..)))
}

//! Keeps the tables by which the proxy in front of a store refuses while the gate is away: written anew when the law, the
//! hour or the repository changes what they say.

use crate::agent::{reload, write};
use crate::clock;
use crate::settings::Settings;
use docket::Docket;
use docket::place::Place;
use gate::live::Live;
use gate::maps::{Table, render};
use gate::store::Store;
use law::Time;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often law and clock are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Seconds after which the repository and what was found in its files are looked at again.
const AGAIN_SECONDS: Time = 5;
/// Seconds after which what could not be done is tried again.
const RETRY_SECONDS: Time = 1;

/// `[store.standby]`: nginx in front of the gate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standby {
    /// Where its tables are written.
    folder: PathBuf,
    /// The command that makes it read them again.
    #[serde(default)]
    reload: Vec<String>,
}

impl Standby {
    /// With its folder where the settings are.
    pub(crate) fn placed(&self, settings: &Settings) -> Self {
        Self { folder: settings.path(&self.folder), ..self.clone() }
    }
}

/// Keeps the tables for ever, if there is somebody to keep them for.
pub(crate) async fn keep(store: Arc<Store>, live: Arc<Live>, standby: Option<Standby>) -> Infallible {
    let Some(standby) = standby else { return std::future::pending().await };
    let mut keeping = Keeping { store, standby, applied: None, fault: None, networks: Default::default() };
    loop {
        let docket = live.current();
        let seen = Arc::clone(&docket);
        let now = clock::now();
        // Files and commands block.
        let round = tokio::task::spawn_blocking(move || {
            let next = keeping.round(&seen, now);
            (keeping, next)
        });
        let next = match round.await {
            Ok((kept, next)) => {
                keeping = kept;
                next.min(now + AGAIN_SECONDS)
            }
            Err(error) => {
                eprintln!("standby tables stay as they are: {error}");
                return std::future::pending().await;
            }
        };
        while Arc::ptr_eq(&docket, &live.current()) && clock::now() < next {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

struct Keeping {
    store: Arc<Store>,
    standby: Standby,
    applied: Option<Table>,
    fault: Option<String>,
    networks: (BTreeSet<Place>, Vec<(String, Place)>),
}

impl Keeping {
    /// Writes what is to be written and tells once what cannot be; when to look again.
    fn round(&mut self, docket: &Docket, now: Time) -> Time {
        let done = self.store.standby(docket, now).and_then(|table| {
            // Until the repository is read, the tables of before say more.
            let Some(table) = table else { return Ok(now + RETRY_SECONDS) };
            let next = table.next_change(now);
            self.apply(table).map(|()| next)
        });
        match done {
            Ok(next) => {
                self.fault = None;
                next
            }
            Err(why) => {
                if self.fault.as_ref() != Some(&why) {
                    eprintln!("standby tables stay as they are: {why}");
                }
                self.fault = Some(why);
                now + RETRY_SECONDS
            }
        }
    }

    fn apply(&mut self, table: Table) -> Result<(), String> {
        if self.applied.as_ref().is_some_and(|last| last.is_same(&table)) {
            return Ok(());
        }
        // Places are kept once they are known: a stay must not cost a rewrite of a hundred thousand networks.
        let places: BTreeSet<Place> = self.networks.0.union(&table.places()).copied().collect();
        if self.networks.0 != places {
            self.networks = (places.clone(), self.store.networks_of(&places)?);
        }
        for (name, text) in render::nginx_store(&table, &self.networks.1) {
            let path = self.standby.folder.join(name);
            write(&path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        reload(&self.standby.reload)?;
        let refused: BTreeSet<&str> = table.entries.iter().map(|entry| entry.domain.as_str()).collect();
        println!("standby   {} of {} packages are refused somewhere", refused.len(), table.known.len());
        self.applied = Some(table);
        Ok(())
    }
}

//! The gate of an app store: a reverse proxy in front of a repository in F-Droid's format.
//!
//! In *mirror mode* the signed index stays as it is and a listed app's package is answered with 451 to those whom an order
//! reaches; everything else passes byte for byte. Nothing here removes anything from anybody's device.
//!
//! In *variant mode* a store that owns the key of its index shows each user one without what is refused to them.
//!
//! [`index`] reads what the repository says of its files, [`identity`] what a package says of itself, [`judge`] asks the
//! docket about both, [`code`] is what whoever knows code found in it, [`variant`] keeps the variants of the index, [`upstream`] fetches, [`proxy`] is the way of one
//! request, `examine` finds out what the file behind it is, [`large`] reads files too long to hold, [`refusal`] the answer to one refused.
//! [`canary`] says what must never be refused, `standby` what a proxy refuses while the gate is away.
//! [`access_log`] and [`replay`] say what would have become of requests of the past.

pub mod access_log;
pub mod canary;
pub mod code;
mod examine;
pub mod identity;
pub mod index;
pub mod judge;
pub mod large;
pub mod proxy;
pub mod refusal;
pub mod replay;
mod standby;
pub mod upstream;
pub mod variant;

use crate::http::Clock;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::recorder::Recorder;
use crate::shadow::Stance;
use crate::territory::{Headers, Hops, Locator};
use arc_swap::{ArcSwap, ArcSwapOption};
use identity::Identities;
use index::Index;
use judge::Rules;
use refusal::Operator;
use std::sync::Arc;
use upstream::Upstream;
use variant::Publication;
use variant::originals::{Originals, Unread};

/// What somebody chose about the gate.
#[derive(Debug)]
pub struct Chosen {
    /// Its name in records and metrics.
    pub name: String,
    /// Where the repository is.
    pub upstream: Upstream,
    /// What is consulted about addresses.
    pub locator: Locator,
    /// Proxies in front.
    pub hops: Hops,
    /// What those proxies say of a user's place besides the address.
    pub headers: Headers,
    /// How evidence of a place is read, order by order.
    pub rules: Rules,
    /// How verdicts are treated.
    pub stance: Stance,
    /// Who refuses.
    pub operator: Operator,
    /// Who looks for listed code in packages, if anybody does.
    pub search: Option<code::Search>,
    /// Where a file is kept while it is read that is too long to hold.
    pub spool: large::Spool,
}

/// The gate.
#[derive(Debug)]
pub struct Store {
    pub(crate) chosen: Chosen,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recorder: Recorder,
    pub(crate) index: ArcSwap<Index>,
    pub(crate) identities: Identities,
    pub(crate) publication: ArcSwapOption<Publication>,
}

impl Store {
    /// A gate that knows no index yet: until it does, packages speak for themselves.
    #[must_use]
    pub fn new(chosen: Chosen, live: Arc<Live>, clock: Clock, metrics: Arc<Metrics>, recorder: Recorder) -> Self {
        let index = ArcSwap::from_pointee(Index::default());
        Self {
            chosen,
            live,
            clock,
            metrics,
            recorder,
            index,
            identities: Identities::default(),
            publication: ArcSwapOption::empty(),
        }
    }

    /// Reads the repository's index if it has changed since. Returns what is now known, if anything changed.
    ///
    /// # Errors
    /// Why it cannot be read; the last one that could stays.
    pub async fn refresh(&self) -> Result<Option<Arc<Index>>, String> {
        let known = self.index.load_full();
        match index::fetch(&self.chosen.upstream, &known).await? {
            None => Ok(None),
            Some(index) => {
                let index = Arc::new(index);
                self.index.store(Arc::clone(&index));
                Ok(Some(index))
            }
        }
    }

    /// Reads what the repository publishes, unless it is what is known.
    ///
    /// # Errors
    /// Why it cannot be read as a whole.
    pub async fn originals(&self, known: Option<&Arc<Originals>>) -> Result<Option<Originals>, Unread> {
        Originals::fetch(&self.chosen.upstream, known).await
    }
}

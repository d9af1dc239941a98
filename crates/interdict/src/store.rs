//! The store gate of a running process: its section of the settings, its listener, and the index read again as it
//! changes.

use crate::settings::{Network, Settings, StanceChoice};
use crate::store_code::{self, Uncleared};
use crate::store_standby::{self, Standby};
use crate::store_variant::{self, Signer};
use crate::{clock, listen};
use clap::Args;
use gate::http::Clock;
use gate::live::Live;
use gate::metrics::Metrics;
use gate::recorder::Recorder;
use gate::refusal::Blocker;
use gate::shadow::Mode;
use gate::store::judge::Rules;
use gate::store::large::Spool;
use gate::store::refusal::Operator;
use gate::store::upstream::Upstream;
use gate::store::{Chosen, Store, proxy};
use gate::territory::{Headers, Hops, Rule, Source};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// How often the repository is asked whether its index changed: a request without a body, mostly answered 304.
const INDEX_EVERY: Duration = Duration::from_secs(5);

/// Options of the store gate; the settings file has the rest.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// Stand in front of the F-Droid repository at this URL, the folder that holds its index
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Where clients of the repository come [default: 127.0.0.1:8643]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) store_listen: Option<SocketAddr>,
}

/// `[store]`: the gate in front of an app repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// The URL of the folder that holds the repository's index.
    repository: String,
    /// Where its clients come.
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    /// Whose word about client addresses is taken.
    #[serde(default)]
    trusted_proxies: Vec<Network>,
    /// The headers in which those proxies say a user's country, by the source it is known from.
    #[serde(default, deserialize_with = "headers")]
    evidence: Headers,
    /// Who refuses, on the page that users see.
    #[serde(default = "default_operator")]
    operator: String,
    /// Where users can object.
    contact: Option<String>,
    /// A URI that identifies whoever runs this gate.
    blocked_by: Option<String>,
    /// Where this service's pages can be read from outside.
    orders: Option<String>,
    /// How a user's place is read: sources that must agree, and how many must speak.
    #[serde(default, deserialize_with = "rule")]
    place: Rule,
    /// The same for single orders, by their ids.
    #[serde(default)]
    places: BTreeMap<String, Read>,
    /// Whose code is looked for in packages: `shipped`, `none`, or a folder of references.
    #[serde(default = "shipped")]
    code: PathBuf,
    /// What becomes of a package that cannot be cleared of that code.
    #[serde(default)]
    uncleared: Uncleared,
    /// The folder where packages lie while they are read that are too long to hold, at a repository without ranges.
    #[serde(default = "default_spool")]
    spool: PathBuf,
    /// How verdicts are treated.
    #[serde(default)]
    stance: StanceChoice,
    /// The key of the index, for a store that owns it: each user then sees an index without what is refused to them.
    variants: Option<store_variant::Section>,
    /// Tables for the proxy in front, which it refuses by while this gate is away.
    standby: Option<Standby>,
}

/// A rule, as `address sim least 2`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Read(#[serde(deserialize_with = "rule")] Rule);

fn rule<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

fn headers<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Headers, D::Error> {
    let written = BTreeMap::<String, String>::deserialize(from)?;
    let read = |(source, name): (String, String)| {
        let known = Source::ALL.into_iter().find(|known| known.word() == source && *known != Source::Address);
        let known = known.ok_or_else(|| {
            format!("`{source}` is no source that a header tells of: write storefront, billing, sim or wifi")
        })?;
        let name = name.parse().map_err(|error| format!("`{name}` is no name of a header: {error}"))?;
        Ok::<_, String>((known, name))
    };
    let told = written.into_iter().map(read).collect::<Result<_, _>>().map_err(serde::de::Error::custom)?;
    Ok(Headers { told })
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8643))
}

fn shipped() -> PathBuf {
    PathBuf::from(store_code::SHIPPED)
}

fn default_spool() -> PathBuf {
    PathBuf::from("/var/tmp")
}

/// Files in a folder that nobody finds there, and that end with whoever holds them.
fn spool(folder: PathBuf) -> Spool {
    let made = AtomicU64::new(0);
    Spool::new(move || {
        let number = made.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".interdict-{}-{number}", std::process::id()));
        let within = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(within)?;
        fs::remove_file(&path).map_err(within)?;
        Ok(file)
    })
}

fn default_operator() -> String {
    String::from("This store")
}

impl Section {
    /// What is set for a repository by nothing but its URL.
    fn of(repository: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            listen: default_listen(),
            trusted_proxies: Vec::new(),
            evidence: Headers::default(),
            operator: default_operator(),
            contact: None,
            blocked_by: None,
            orders: None,
            place: Rule::default(),
            places: BTreeMap::new(),
            code: shipped(),
            uncleared: Uncleared::default(),
            spool: default_spool(),
            stance: StanceChoice::default(),
            variants: None,
            standby: None,
        }
    }

    /// In the gate's words. Without another, the gate's own address is the URI of who refuses.
    fn chosen(&self, settings: &Settings, address: SocketAddr) -> Result<Chosen, String> {
        if !self.evidence.told.is_empty() && self.trusted_proxies.is_empty() {
            return Err(String::from(
                "[store] `evidence` is taken from nobody: name the proxies that write these headers in `trusted_proxies`",
            ));
        }
        let own = self.places.iter().map(|(id, rule)| (id.clone(), rule.0)).collect();
        let uri = self.blocked_by.clone().or_else(|| Some(format!("http://{address}/")));
        Ok(Chosen {
            name: String::from("store"),
            upstream: Upstream::new(&self.repository)?,
            locator: settings.locator()?,
            hops: Hops::new(self.trusted_proxies.iter().map(|network| network.0).collect()),
            headers: self.evidence.clone(),
            rules: Rules { all: self.place, own },
            stance: self.stance.chosen(),
            search: store_code::search(settings, &self.code, self.uncleared)?,
            spool: spool(settings.path(&self.spool)),
            operator: Operator {
                name: self.operator.clone(),
                contact: self.contact.clone(),
                blocker: Blocker { uri, orders: self.orders.clone() },
            },
        })
    }
}

/// A store gate, bound and ready.
pub(crate) struct Gate {
    store: Arc<Store>,
    listener: TcpListener,
    live: Arc<Live>,
    signer: Option<Signer>,
    standby: Option<Standby>,
}

impl Gate {
    /// Binds the gate that options or settings ask for, if they ask for one.
    pub(crate) async fn bind(
        options: &StoreArgs,
        settings: &Settings,
        live: &Arc<Live>,
        metrics: &Arc<Metrics>,
        recorder: &Recorder,
    ) -> Result<Option<Self>, String> {
        let mut section = match (&options.store, &settings.store) {
            (None, None) => return Ok(None),
            (None, Some(section)) => section.clone(),
            (Some(url), Some(section)) => Section { repository: url.clone(), ..section.clone() },
            (Some(url), None) => Section::of(url),
        };
        section.listen = options.store_listen.unwrap_or(section.listen);
        let cannot = |error| format!("cannot listen on {}: {error}", section.listen);
        let listener = TcpListener::bind(section.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let chosen = section.chosen(settings, address)?;
        let signer = section.variants.as_ref().map(|variants| variants.signer(settings)).transpose()?;
        let standby = section.standby.as_ref().map(|standby| standby.placed(settings));
        // A gate that only watches changes nothing anybody sees.
        let is_watching = chosen.stance.mode == Mode::Shadow;
        if signer.is_some() && is_watching {
            println!("variants  none in shadow mode");
        }
        let signer = signer.filter(|_| !is_watching);
        let clock = Clock { now: clock::now, nanos: clock::nanos };
        let store = Store::new(chosen, Arc::clone(live), clock, Arc::clone(metrics), recorder.clone());
        println!("store     http://{address}/ in front of {}", section.repository);
        Ok(Some(Self { store: Arc::new(store), listener, live: Arc::clone(live), signer, standby }))
    }

    /// The gate itself, for those who ask what it would do.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Serves until `stop` resolves.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let watching = watch(Arc::clone(&self.store));
        let varying = async {
            match self.signer {
                Some(signer) => store_variant::keep(Arc::clone(&self.store), Arc::clone(&self.live), signer).await,
                None => std::future::pending().await,
            }
        };
        let standing = store_standby::keep(Arc::clone(&self.store), Arc::clone(&self.live), self.standby);
        tokio::select! {
            () = listen::serve(self.listener, proxy::router(Arc::clone(&self.store)), stop) => {},
            never = varying => match never {},
            never = watching => match never {},
            never = standing => match never {},
        }
    }
}

/// Reads the index again whenever it changes; says once what it found, and once what went wrong.
async fn watch(store: Arc<Store>) -> std::convert::Infallible {
    let mut fault: Option<String> = None;
    loop {
        match store.refresh().await {
            Ok(changed) => {
                if fault.take().is_some() {
                    println!("repository: it can be read again");
                }
                if let Some(index) = changed {
                    let (files, apps, format) = (index.files(), index.apps(), index.format());
                    println!("repository: {files} packages of {apps} apps by its {format}");
                }
            }
            Err(why) if fault.as_ref() == Some(&why) => {}
            Err(why) => {
                eprintln!("repository not read, what is known of it stays: {why}");
                fault = Some(why);
            }
        }
        tokio::time::sleep(INDEX_EVERY).await;
    }
}

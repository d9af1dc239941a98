//! Asks each gate, as its users do, for hosts or packages it must never refuse, and raises an alarm if it does.

use crate::clock;
use crate::settings::Settings;
use docket::Docket;
use docket::place::Place;
use gate::canary;
use gate::edge::Edge;
use gate::live::Live;
use gate::maps::Table;
use gate::metrics::Metrics;
use gate::store::Store;
use serde::Deserialize;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// A gate that does not answer a canary by then has not refused it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Gates follow a change of law within a second, on a machine under load within a few: a refusal that is gone by then was
/// a change on its way and not a fault.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// The head of an answer; the rest of it is nobody's concern.
const HEAD_BYTES_MAX: u64 = 16 << 10;

/// `[[canary]]`: a gate that is asked for what it must never refuse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    /// The name of the gate in metrics and alarms. `store` is this service's own store gate, which is asked for packages.
    gate: String,
    /// Where its users reach it, over plain HTTP.
    target: SocketAddr,
    /// Addresses of this machine to ask from, each in a place of its own.
    #[serde(default)]
    from: Vec<IpAddr>,
    /// How often.
    #[serde(default = "every_seconds")]
    every_seconds: NonZeroU64,
}

const fn every_seconds() -> NonZeroU64 {
    match NonZeroU64::new(60) {
        Some(every) => every,
        None => NonZeroU64::MIN,
    }
}

/// From where to ask: an address of this machine, if one is named, and the place it stands for.
type Post = (Option<IpAddr>, Option<Place>);

/// Every canary of a process.
pub(crate) struct Canaries {
    canaries: Vec<(Canary, Vec<Post>)>,
    edge: Edge,
    store: Option<Arc<Store>>,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Probe {
    host: String,
    path: String,
}

impl Canaries {
    /// What settings say to probe.
    ///
    /// # Errors
    /// Settings that do not go together.
    pub(crate) fn new(
        settings: &Settings,
        store: Option<Arc<Store>>,
        live: Arc<Live>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let edge = settings.edge.clone().unwrap_or_default().chosen()?;
        let mut canaries = Vec::new();
        let locator = if settings.canary.is_empty() { None } else { Some(settings.locator()?) };
        for canary in &settings.canary {
            let place = |from: &IpAddr| locator.as_ref().and_then(|locator| locator.locate(*from).ok());
            let mut places: Vec<Post> = canary.from.iter().map(|from| (Some(*from), place(from))).collect();
            if places.is_empty() {
                places.push((None, place(&canary.target.ip())));
            }
            canaries.push((canary.clone(), places));
        }
        Ok(Self { canaries, edge, store, live, metrics })
    }

    /// Probes for ever.
    pub(crate) async fn sing(self) -> Infallible {
        let each = self.canaries.iter().map(|(canary, places)| self.watch(canary, places));
        let all: Vec<_> = each.collect();
        futures_join(all).await;
        std::future::pending().await
    }

    async fn watch(&self, canary: &Canary, places: &[Post]) {
        let mut was_alarmed = None;
        loop {
            let refused = self.round(canary, places).await;
            let is_alarmed = !refused.is_empty();
            self.metrics.alarm(&canary.gate, is_alarmed);
            if is_alarmed && was_alarmed != Some(true) {
                eprintln!("ALARM: {} refuses what no order reaches: {}", canary.gate, refused.join(", "));
            }
            if !is_alarmed && was_alarmed == Some(true) {
                eprintln!("{} refuses no canary any more", canary.gate);
            }
            was_alarmed = Some(is_alarmed);
            tokio::time::sleep(Duration::from_secs(canary.every_seconds.get())).await;
        }
    }

    /// What was refused and still is when every gate has had time to follow the law, with the place it was asked from.
    /// A law that changes meanwhile makes the round void: the next one asks anew.
    async fn round(&self, canary: &Canary, posts: &[Post]) -> Vec<String> {
        let docket = self.live.current();
        let mut suspects = Vec::new();
        for (post, probe) in self.probes(canary, &docket, posts) {
            match ask(canary.target, post, &probe).await {
                Some(true) => suspects.push((post, probe)),
                Some(false) => self.metrics.probed(&canary.gate, false),
                None => {}
            }
        }
        if suspects.is_empty() {
            return Vec::new();
        }
        tokio::time::sleep(SETTLED_AFTER).await;
        // Time alone changes what is reached, too.
        let unreached = self.probes(canary, &docket, posts);
        suspects.retain(|suspect| unreached.contains(suspect));
        let mut refused = Vec::new();
        for (post, probe) in suspects {
            let is_refused = ask(canary.target, post, &probe).await == Some(true);
            if !Arc::ptr_eq(&docket, &self.live.current()) {
                return Vec::new();
            }
            self.metrics.probed(&canary.gate, is_refused);
            if is_refused {
                let place = post.1.map_or_else(String::new, |place| format!(" from {place}"));
                let name = if probe.path == "/" { &probe.host } else { &probe.path };
                refused.push(format!("{name}{place}"));
            }
        }
        refused
    }

    /// What no gate may refuse now, and from where to ask.
    fn probes(&self, canary: &Canary, docket: &Docket, posts: &[Post]) -> Vec<(Post, Probe)> {
        let now = clock::now();
        if let Some(store) = self.store.as_ref().filter(|_| canary.gate == "store") {
            let file = |path: String| Probe { host: canary.target.to_string(), path };
            let each = posts.iter().map(|post| (*post, store.canaries(docket, post.1)));
            return each.flat_map(|(post, paths)| paths.into_iter().map(move |path| (post, file(path)))).collect();
        }
        let Ok(table) = Table::build(docket, &self.edge, now) else { return Vec::new() };
        let site = |host: String| Probe { host, path: String::from("/") };
        let each = posts.iter().map(|post| (*post, canary::names(docket, &table, post.1, now)));
        each.flat_map(|(post, names)| names.into_iter().map(move |name| (post, site(name)))).collect()
    }
}

/// Whether a gate refuses what is asked for; nothing if it does not answer.
async fn ask(target: SocketAddr, post: Post, asked: &Probe) -> Option<bool> {
    tokio::time::timeout(ANSWER_TIME_MAX, probe(target, post.0, asked)).await.ok()?.ok()
}

/// Waits for futures that all go on for ever.
async fn futures_join(all: Vec<impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(move |context| {
        for future in &mut all {
            let _still_going = future.as_mut().poll(context).is_pending();
        }
        std::task::Poll::<()>::Pending
    })
    .await;
}

/// Whether a gate refuses it in the name of the law.
async fn probe(target: SocketAddr, from: Option<IpAddr>, asked: &Probe) -> io::Result<bool> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let mut stream = socket.connect(target).await?;
    let Probe { host, path } = asked;
    let request =
        format!("HEAD {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: interdict-canary\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(HEAD_BYTES_MAX).read_to_end(&mut answer).await?;
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    Ok(head.get(9..12) == Some("451") || head.contains("\r\ninterdict-order:"))
}

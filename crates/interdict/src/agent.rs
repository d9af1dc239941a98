//! Keeps the tables of proxies as the law is: writes them when law or time changes them, and has each proxy take them up.
//!
//! It holds the law and the clock. Where it fails, files and proxies stay as they are, which refuse what they refused and
//! end it on time by themselves; it says so, and tries again.

use crate::commands::{Done, Loading};
use crate::settings::{Maps, Proxy, Settings};
use crate::{clock, serve, whole_file};
use clap::Args;
use docket::Docket;
use docket::place::Place;
use gate::edge::Edge;
use gate::live::Live;
use gate::maps::{Table, render};
use gate::metrics::Metrics;
use gate::territory::Locator;
use law::Time;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How often law and clock are looked at: well within the second by which gates follow.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long to wait before what failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A proxy answers its socket at once or is in trouble.
const SOCKET_TIME_MAX: Duration = Duration::from_secs(5);
/// HAProxy takes commands of up to its buffer size, 16 KiB unless told otherwise.
const COMMAND_BYTES_MAX: usize = 8 << 10;
/// Enough of what a command said to know what is wrong.
const SAID_BYTES_MAX: usize = 2_000;

/// Options of `agent`.
#[derive(Debug, Args)]
pub(crate) struct Agent {
    /// The settings file: its `[edge]`, `[territory]` and `[[maps]]` are used
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// Write the tables and end, as is done before a proxy starts
    #[arg(long)]
    write: bool,
}

pub(crate) fn agent(loading: &Loading, options: &Agent) -> Done {
    let settings = Settings::read(&options.settings)?;
    let loading = &settings.loading(loading, None)?;
    let docket = loading.docket()?;
    let sources = docket.sources().to_vec();
    let live = Arc::new(Live::new(docket));
    let metrics = Arc::new(Metrics::default());
    let mut keeping = Keeping::new(&settings, Arc::clone(&live), Arc::clone(&metrics))?;
    if keeping.proxies.is_empty() {
        return Err(format!("{} names no [[maps]] to keep", options.settings.display()));
    }
    if options.write {
        for kept in &mut keeping.proxies {
            (kept.maps.reload, kept.socket) = (Vec::new(), None);
        }
        return keeping.round(&live.current()).map(|_| 0);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))?.block_on(async {
        tokio::select! {
            never = keeping.keep() => match never {},
            never = serve::watch(loading, &live, &metrics, sources, (None, serve::hangup())) => match never {},
            () = serve::stop() => Ok(0),
        }
    })
}

/// The proxies of one process and what they were last given.
pub(crate) struct Keeping {
    edge: Edge,
    locator: Option<Locator>,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    proxies: Vec<Kept>,
    networks: (BTreeSet<Place>, Vec<(String, Place)>),
}

/// A proxy.
struct Kept {
    maps: Maps,
    folder: PathBuf,
    socket: Option<PathBuf>,
    applied: Option<Table>,
    failed: Option<String>,
    /// Files that are written and not yet taken up.
    waiting: BTreeSet<&'static str>,
}

impl Keeping {
    /// What settings say to keep.
    ///
    /// # Errors
    /// Settings that do not go together.
    pub(crate) fn new(settings: &Settings, live: Arc<Live>, metrics: Arc<Metrics>) -> Result<Self, String> {
        let kept = |maps: &Maps| Kept {
            folder: settings.path(&maps.folder),
            socket: maps.socket.as_deref().map(|socket| settings.path(socket)),
            maps: maps.clone(),
            applied: None,
            failed: None,
            waiting: BTreeSet::new(),
        };
        let proxies: Vec<Kept> = settings.maps.iter().map(kept).collect();
        let edge = match (&settings.edge, proxies.is_empty()) {
            (Some(edge), _) => edge.chosen()?,
            (None, true) => crate::settings::Edge::default().chosen()?,
            (None, false) => {
                return Err(String::from("[[maps]] says where, and [edge] must say what is refused: add it"));
            }
        };
        let locator = if proxies.is_empty() { None } else { Some(settings.locator()?) };
        Ok(Self { edge, locator, live, metrics, proxies, networks: Default::default() })
    }

    /// Keeps them for ever.
    pub(crate) async fn keep(mut self) -> Infallible {
        if self.proxies.is_empty() {
            std::future::pending::<()>().await;
        }
        let live = Arc::clone(&self.live);
        loop {
            // Files and commands block; nothing else of this task goes on meanwhile, and nothing must.
            let docket = live.current();
            let seen = Arc::clone(&docket);
            let round = tokio::task::spawn_blocking(move || {
                let done = self.round(&seen);
                (self, done)
            });
            match round.await {
                Ok((kept, Ok(next))) => {
                    self = kept;
                    while Arc::ptr_eq(&docket, &live.current()) && clock::now() < next {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                }
                Ok((kept, Err(_told))) => {
                    self = kept;
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => {
                    eprintln!("the agent failed, tables stay as they are: {error}");
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Gives every proxy what it should have now; the next instant at which that changes.
    ///
    /// # Errors
    /// What could not be done, told already.
    fn round(&mut self, docket: &Docket) -> Result<Time, String> {
        let now = clock::now();
        let generation = self.metrics.generation();
        let table =
            Table::build(docket, &self.edge, now).inspect_err(|why| eprintln!("tables stay as they are: {why}"))?;
        self.metrics.sunsets(table.sunsets(now));
        // Places are kept once they are known: a stay must not cost a rewrite of a hundred thousand networks.
        let places: BTreeSet<Place> = self.networks.0.union(&table.places()).copied().collect();
        if let Some(locator) = self.locator.as_ref().filter(|_| self.networks.0 != places) {
            self.networks = (places.clone(), locator.networks_of(&places)?);
        }
        let mut failed = None;
        for kept in &mut self.proxies {
            if kept.failed.is_none() && kept.applied.as_ref().is_some_and(|last| last.is_same(&table)) {
                self.metrics.applied(kept.maps.proxy.word(), generation);
                continue;
            }
            match kept.apply(&table, &self.networks.1, &self.edge) {
                Ok(()) => {
                    println!("{} refuses {table}", kept.maps.proxy.word());
                    self.metrics.applied(kept.maps.proxy.word(), generation);
                    kept.failed = None;
                    kept.applied = Some(table.clone());
                }
                Err(message) => {
                    if kept.failed.as_ref() != Some(&message) {
                        eprintln!("{} keeps its last tables: {message}", kept.maps.proxy.word());
                    }
                    kept.failed = Some(message.clone());
                    failed = Some(message);
                }
            }
        }
        failed.map_or(Ok(table.next_change(now)), Err)
    }
}

/// The header fields every refusal has, for proxies that are given them with their tables.
fn headers(edge: &Edge) -> Vec<(String, String)> {
    let mut headers = vec![
        (String::from("cache-control"), String::from("private, no-store")),
        (String::from("content-type"), String::from("text/plain; charset=utf-8")),
    ];
    if let Some(uri) = &edge.blocker.uri {
        headers.push((String::from("link"), format!("<{uri}>; rel=\"blocked-by\"")));
    }
    headers
}

/// The files of a proxy.
fn files(proxy: Proxy, table: &Table, networks: &[(String, Place)], edge: &Edge) -> render::Files {
    match proxy {
        Proxy::Haproxy => render::haproxy(table, networks),
        Proxy::Nginx => render::nginx(table, networks),
        Proxy::Caddy => render::caddy(table, networks),
        Proxy::Envoy => render::envoy(table, networks, &headers(edge)),
        Proxy::Squid => render::squid(table, networks),
    }
}

/// Writes the files of a proxy and applies nothing.
pub(crate) fn write_tables(
    proxy: Proxy,
    folder: &Path,
    table: &Table,
    networks: &[(String, Place)],
    edge: &Edge,
) -> Result<(), String> {
    for (name, text) in files(proxy, table, networks, edge) {
        let path = folder.join(name);
        write(&path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

impl Kept {
    fn apply(&mut self, table: &Table, networks: &[(String, Place)], edge: &Edge) -> Result<(), String> {
        let files = files(self.maps.proxy, table, networks, edge);
        for (name, text) in &files {
            let path = self.folder.join(name);
            if write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))? {
                self.waiting.insert(name);
            }
        }
        // Whether a proxy has taken up what was there before this process, nobody knows. Squid has read its list when it
        // started, and one that reads it again closes its door meanwhile.
        if self.applied.is_none() && self.maps.proxy != Proxy::Squid {
            self.waiting.extend(files.iter().map(|(name, _)| *name));
        }
        if let Some(socket) = &self.socket {
            for (name, text) in files.iter().filter(|(name, _)| self.waiting.contains(name)) {
                swap(socket, &self.folder.join(name), text)
                    .map_err(|error| format!("{}: {error}", socket.display()))?;
            }
        }
        let is_read = |name: &&str| self.maps.proxy != Proxy::Squid || *name == "known.squid";
        if self.waiting.iter().any(is_read) {
            reload(&self.maps.reload)?;
        }
        self.waiting.clear();
        Ok(())
    }
}

/// Writes a file beside its place and moves it there, unless it is so already. Whether it was not.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|known| known == text.as_bytes()) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    whole_file::write(path, text.as_bytes()).map(|()| true)
}

/// Replaces a map of a running HAProxy in one step.
fn swap(socket: &Path, map: &Path, text: &str) -> Result<(), String> {
    let map = map.display();
    let said = ask(socket, &format!("prepare map {map}\n"))?;
    let version = said.trim().rsplit(' ').next().filter(|version| version.parse::<u32>().is_ok());
    let version = version.ok_or_else(|| format!("HAProxy has no map {map}: {}", said.trim()))?;
    let mut lines = String::new();
    let add = |lines: &mut String| -> Result<(), String> {
        if lines.is_empty() {
            return Ok(());
        }
        let said = ask(socket, &format!("add map @{version} {map} <<\n{lines}\n"))?;
        lines.clear();
        if said.trim().is_empty() { Ok(()) } else { Err(said.trim().to_owned()) }
    };
    for line in text.lines() {
        if lines.len() + line.len() >= COMMAND_BYTES_MAX {
            add(&mut lines)?;
        }
        lines.push_str(line);
        lines.push('\n');
    }
    add(&mut lines)?;
    let said = ask(socket, &format!("commit map @{version} {map}\n"))?;
    if said.trim().is_empty() { Ok(()) } else { Err(said.trim().to_owned()) }
}

fn ask(socket: &Path, command: &str) -> Result<String, String> {
    let asked = || -> io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(SOCKET_TIME_MAX))?;
        stream.set_write_timeout(Some(SOCKET_TIME_MAX))?;
        stream.write_all(command.as_bytes())?;
        let mut said = String::new();
        stream.take(SAID_BYTES_MAX as u64).read_to_string(&mut said)?;
        Ok(said)
    };
    asked().map_err(|error| error.to_string())
}

/// Runs the command that makes a proxy read its files again.
pub(crate) fn reload(command: &[String]) -> Result<(), String> {
    let Some((program, words)) = command.split_first() else { return Ok(()) };
    let ran = Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).output();
    let ran = ran.map_err(|error| format!("cannot run {program}: {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said: String = said.chars().take(SAID_BYTES_MAX).collect();
    Err(format!("{program} ended with {}: {}", ran.status, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::{reload, write};

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("interdict-agent-{}", std::process::id()));
        let path = folder.join("below/hosts.map");
        assert!(write(&path, "one\n").unwrap());
        assert!(!write(&path, "one\n").unwrap(), "it is so already");
        assert!(write(&path, "two\n").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(write(std::path::Path::new("/proc/nowhere/hosts.map"), "").is_err());
    }

    #[test]
    fn a_command_that_fails_says_what_it_said() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(reload(&[]), Ok(()));
        assert_eq!(reload(&words(&["true"])), Ok(()));
        assert!(reload(&words(&["sh", "-c", "echo because >&2; exit 3"])).unwrap_err().contains("because"));
        assert!(reload(&words(&["/nowhere/at/all"])).unwrap_err().contains("/nowhere/at/all"));
    }
}

//! A running process: the decision API and the console on one address, the law reloaded when files change.

use crate::agent::Keeping;
use crate::canary::Canaries;
use crate::cli::Serve;
use crate::commands::{Done, Loading};
use crate::log_serve::Kept;
use crate::recording::{Name, Recording};
use crate::settings::Settings;
use crate::{attest_page, clock, listen, log_page, log_rulings, question};
use docket::Docket;
use docket::docket::Source;
use docket::fault::report;
use gate::http::{Clock, Gate};
use gate::live::Live;
use gate::metrics::Metrics;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often files are looked at: an edit is in force within a second.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// Where to listen if nothing says.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8642);

pub(crate) fn serve(loading: &Loading, options: &Serve) -> Done {
    let settings = options.settings.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
    let listen = options.listen.or(settings.listen).unwrap_or(LISTEN);
    if !listen.ip().is_loopback() && !options.listen_publicly && !settings.listen_publicly {
        return Err(format!(
            "{listen} can be reached by other machines, and this service asks nobody who they are; \
             add --listen-publicly if that is what you want"
        ));
    }
    let log = settings.log.folder(options, &settings);
    let loading = &settings.loading(loading, log.as_deref())?;
    let docket = loading.docket()?;
    println!(
        "{} instruments, {} subjects, edition {}",
        docket.corpus().instruments.len(),
        docket.registry().subjects().len(),
        docket.edition()
    );
    let recording = Recording::open(options, &settings, &docket, loading.attestations.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(run(loading, options, &settings, listen, docket, &recording));
    // The last gate goes with the runtime; the keeper then writes what is left and ends.
    drop(runtime);
    match recording.end() {
        Ok(()) => done,
        Err(failed) => Err(failed),
    }
}

async fn run(
    loading: &Loading,
    options: &Serve,
    settings: &Settings,
    listen: SocketAddr,
    docket: Docket,
    recording: &Recording,
) -> Done {
    // Before anybody is told that the service is there, so that nobody who then asks it to end kills it.
    let (hangup, ends) = (hangup(), [stop(), stop(), stop()]);
    let (listener, base) = bind(listen).await?;
    let sources = docket.sources().to_vec();
    let live = Arc::new(Live::new(docket));
    let metrics = Arc::new(Metrics::default());
    metrics.confirmed(clock::now());
    let clock = Clock { now: clock::now, nanos: clock::nanos };
    let gate = Gate {
        live: Arc::clone(&live),
        posture: question::posture(options.posture),
        clock,
        metrics: Arc::clone(&metrics),
        recorder: recording.of(Name::Api),
        base: base.clone(),
    };
    let console = console(loading, options, settings, &live, recording);
    let mut routes = gate::http::router(gate.clone()).merge(console::router(console));
    let provided = crate::pay_keep::Section::provided(settings, &gate.recorder)?;
    routes = routes.merge(gate::payments::http::router(gate, provided));
    if let Some(kept) = &recording.log {
        routes = routes.merge(kept.router());
        println!("log       {base}/log/dec/checkpoint");
    }
    let store = crate::store::Gate::bind(&options.store, settings, &live, &metrics, &recording.of(Name::Store)).await?;
    let mut apart = None;
    if let Some((chosen, asked)) = edge(settings, &live, &metrics, recording)? {
        let told = match chosen {
            Some(address) => {
                let (listener, base) = bind(address).await?;
                apart = Some((listener, asked));
                base
            }
            None => {
                routes = routes.merge(asked);
                base.clone()
            }
        };
        println!("edge      {told}/edge/authorize");
    }
    announce(&base);
    let [ends, edge_ends, store_ends] = ends;
    let edge = async {
        if let Some((listener, asked)) = apart {
            listen::serve_apart(listener, asked, edge_ends).await;
        }
    };
    let shop = store.as_ref().map(|store| store.store());
    let canaries = Canaries::new(settings, shop, Arc::clone(&live), Arc::clone(&metrics))?;
    let store = async {
        if let Some(store) = store {
            store.serve(store_ends).await;
        }
    };
    let maps = Keeping::new(settings, Arc::clone(&live), Arc::clone(&metrics))?;
    let unread_seconds_max = settings.log.overrides_unread_seconds_max();
    let ruling = log_rulings::keep(recording.log.clone(), unread_seconds_max, &live, &metrics);
    let watching = watch(loading, &live, &metrics, sources, (recording.log.clone(), hangup));
    tokio::select! {
        never = canaries.sing() => match never {},
        never = maps.keep() => match never {},
        ((), (), ()) = async { tokio::join!(listen::serve(listener, routes, ends), edge, store) } => Ok(0),
        never = watching => match never {},
        never = ruling => match never {},
    }
}

/// What proxies ask, if settings say so, and the address of its own if it has one.
fn edge(
    settings: &Settings,
    live: &Arc<Live>,
    metrics: &Arc<Metrics>,
    recording: &Recording,
) -> Result<Option<(Option<SocketAddr>, axum::Router)>, String> {
    let Some(edge) = &settings.edge else { return Ok(None) };
    let gate = gate::edge::Gate {
        edge: Arc::new(edge.chosen()?),
        live: Arc::clone(live),
        locator: Arc::new(settings.locator()?),
        clock: Clock { now: clock::now, nanos: clock::nanos },
        metrics: Arc::clone(metrics),
        recorder: recording.of(Name::Edge),
    };
    Ok(Some((edge.listen, gate::forward::router(gate))))
}

/// The pages for people.
fn console(
    loading: &Loading,
    options: &Serve,
    settings: &Settings,
    live: &Arc<Live>,
    recording: &Recording,
) -> console::Console {
    let shown = Arc::clone(live);
    let shows = options.show_decisions || settings.log.show_decisions;
    console::Console {
        docket: Arc::new(move || shown.current()),
        now: clock::now,
        conditions: attest_page::conditions(loading.attestations.clone()),
        decisions: log_page::decisions(recording.log.clone(), shows),
    }
}

/// Says where what everybody gets is found.
fn announce(base: &str) {
    println!(
        "console   {base}/\ndecisions {base}/access/v1/evaluation\nmetrics   {base}/metrics\nstop with Ctrl-C; SIGHUP reads the orders again"
    );
}

/// Listens, and says how clients reach it.
async fn bind(address: SocketAddr) -> Result<(TcpListener, String), String> {
    let cannot = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, format!("http://{bound}")))
}

/// Listens for a signal from now on.
fn heard(kind: SignalKind, name: &str) -> Option<Signal> {
    signal(kind).inspect_err(|error| eprintln!("cannot listen for {name}: {error}")).ok()
}

/// Resolves when the process is asked to end; whoever asks between this call and the first wait is heard, too.
pub(crate) fn stop() -> impl Future<Output = ()> {
    let mut terminate = heard(SignalKind::terminate(), "SIGTERM");
    let mut interrupt = heard(SignalKind::interrupt(), "Ctrl-C");
    async move {
        tokio::select! {
            () = received(&mut terminate) => {}
            () = received(&mut interrupt) => {}
        }
    }
}

/// When the process is asked to read the orders again, from now on.
pub(crate) fn hangup() -> Option<Signal> {
    heard(SignalKind::hangup(), "SIGHUP")
}

/// Puts changed orders in force; a faulty edit is refused with its diagnostics and the old law stays.
pub(crate) async fn watch(
    loading: &Loading,
    live: &Live,
    metrics: &Metrics,
    mut last: Vec<Source>,
    (kept, mut hangup): (Option<Arc<Kept>>, Option<Signal>),
) -> std::convert::Infallible {
    // What was wrong with the last edit, while other things are in the way of looking.
    let (mut refused, mut is_unread) = (None, false);
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => false,
            () = received(&mut hangup) => true,
        };
        if loading.corpus.is_none() && loading.attestations.is_none() && !asked {
            continue;
        }
        // Conditions are worked out over all of their history, which may take a while too.
        let reading = loading.clone();
        let read = tokio::task::spawn_blocking(move || reading.sources()).await;
        let sources = match read.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(sources) => sources,
            Err(message) => {
                if live.refused().as_deref() != Some(message.as_str()) {
                    eprintln!("orders not read, the law in force stays: {message}");
                    live.refuse(message);
                    metrics.reloaded(false);
                }
                is_unread = true;
                continue;
            }
        };
        metrics.confirmed(clock::now());
        if std::mem::take(&mut is_unread) {
            live.recall(refused.clone());
        }
        if sources == last && !asked {
            continue;
        }
        last.clone_from(&sources);
        // Compiling takes seconds; requests go on with the law in force meanwhile.
        let kept = kept.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            // Also told by the service's health, so without colours wherever it is printed.
            let docket = Docket::load(sources.clone()).map_err(|faults| report(&faults, &sources, false))?;
            // Logged before it is in force: a decision names the entry that says so.
            if let Some(kept) = kept {
                kept.in_force(docket.edition(), docket.sources()).map_err(|problem| problem.message)?;
            }
            Ok::<_, String>(docket)
        })
        .await;
        refused = match loaded.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(docket) => {
                println!("law in force: {}", docket.edition());
                live.replace(docket);
                metrics.reloaded(true);
                None
            }
            Err(report) => {
                eprintln!("edit refused, the law in force stays:\n{report}");
                live.refuse(report.clone());
                metrics.reloaded(false);
                Some(report)
            }
        };
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

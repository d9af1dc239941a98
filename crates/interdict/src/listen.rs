//! Connections: accepted up to a limit, cut off when a request does not come or its answer is not read, and finished before the process ends.

mod stall;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use stall::Stalling;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Somebody who has not sent a whole request head by then holds a connection others need.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Somebody who takes nothing of an answer for so long holds a connection others need, and so does who is behind us.
const STALL_TIME_MAX: Duration = Duration::from_secs(60);

/// Open connections; each costs some tens of kilobytes. Those beyond wait in the listener's own queue.
const CONNECTIONS_MAX: usize = 10_000;

/// How long requests under way may take once the process is asked to end.
const FINISH_TIME_MAX: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` resolves, then lets what has begun finish.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
    let answering = Answering::new(routes);
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            accepted = accept(&listener, &open) => if let Some(accepted) = accepted { answering.begin(accepted) },
            () = &mut stop => break,
        }
    }
    drop(listener);
    answering.finish().await;
}

/// As [`serve`], for a gate that a program asks before each of its own answers: connections are dealt out to threads of
/// their own, each of which answers without waking another. A wake-up costs more than the answer does, and at a proxy on
/// the same machine it comes at the worst moment.
pub(crate) async fn serve_apart(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let started = (0..(cores / 2).max(1)).map(|_| Apart::start(routes.clone())).collect::<Result<Vec<_>, _>>();
    let threads = match started {
        Ok(threads) => threads,
        Err(error) => {
            eprintln!("no threads for a gate of its own, it shares those of the service: {error}");
            return serve(listener, routes, stop).await;
        }
    };
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    let mut turns = threads.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &open) => accepted,
            () = &mut stop => break,
        };
        if let (Some(accepted), Some(thread)) = (accepted, turns.next()) {
            thread.deal(accepted);
        }
    }
    drop(listener);
    let ending = tokio::task::spawn_blocking(|| threads.into_iter().for_each(Apart::end));
    if let Err(error) = ending.await {
        eprintln!("a thread of a gate failed: {error}");
    }
}

/// A thread that answers the connections dealt to it.
struct Apart {
    dealt: Sender<(std::net::TcpStream, SocketAddr, OwnedSemaphorePermit)>,
    thread: JoinHandle<()>,
}

impl Apart {
    fn start(routes: Router) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (dealt, mut taken) = channel(CONNECTIONS_MAX);
        let thread = std::thread::Builder::new().name(String::from("gate")).spawn(move || {
            runtime.block_on(async move {
                let answering = Answering::new(routes);
                while let Some((stream, peer, held)) = taken.recv().await {
                    match TcpStream::from_std(stream) {
                        Ok(stream) => answering.begin((stream, peer, held)),
                        Err(error) => eprintln!("a connection is lost: {error}"),
                    }
                }
                answering.finish().await;
            });
        })?;
        Ok(Self { dealt, thread })
    }

    fn deal(&self, (stream, peer, held): Accepted) {
        let dealt = stream.into_std().map(|stream| self.dealt.try_send((stream, peer, held)).is_ok());
        if !matches!(dealt, Ok(true)) {
            eprintln!("a connection is lost: its thread has ended");
        }
    }

    fn end(self) {
        drop(self.dealt);
        if self.thread.join().is_err() {
            eprintln!("a thread of a gate failed");
        }
    }
}

/// Connections under way.
struct Answering {
    builder: Builder<TokioExecutor>,
    routes: Router,
    graceful: GracefulShutdown,
}

impl Answering {
    fn new(routes: Router) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIME_MAX);
        Self { builder, routes, graceful: GracefulShutdown::new() }
    }

    /// Answers a connection, on the runtime that this is called on.
    fn begin(&self, (stream, peer, held): Accepted) {
        let routed = TowerToHyperService::new(self.routes.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            routed.call(request)
        });
        let connection = self.builder.serve_connection(TokioIo::new(Stalling::new(stream, STALL_TIME_MAX)), service);
        let connection = self.graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            // A peer that breaks off or speaks no HTTP has been answered as far as it can be.
            let _ended = connection.await;
            drop(held);
        });
    }

    async fn finish(self) {
        if tokio::time::timeout(FINISH_TIME_MAX, self.graceful.shutdown()).await.is_err() {
            eprintln!("some requests did not finish within {} seconds", FINISH_TIME_MAX.as_secs());
        }
    }
}

/// A connection, whose it is, and the place it holds among [`CONNECTIONS_MAX`].
type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, open: &Arc<Semaphore>) -> Option<Accepted> {
    let held = Arc::clone(open).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            if let Err(error) = stream.set_nodelay(true) {
                eprintln!("a connection without TCP_NODELAY: {error}");
            }
            Some((stream, peer, held))
        }
        Err(error) => {
            eprintln!("cannot accept a connection: {error}");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

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
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIME_MAX);
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &open) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, held)) = accepted else { continue };
        let routed = TowerToHyperService::new(routes.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            routed.call(request)
        });
        let connection = builder.serve_connection(TokioIo::new(Stalling::new(stream, STALL_TIME_MAX)), service);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            // A peer that breaks off or speaks no HTTP has been answered as far as it can be.
            let _ended = connection.await;
            drop(held);
        });
    }
    drop(listener);
    if tokio::time::timeout(FINISH_TIME_MAX, graceful.shutdown()).await.is_err() {
        eprintln!("some requests did not finish within {} seconds", FINISH_TIME_MAX.as_secs());
    }
}

async fn accept(
    listener: &TcpListener,
    open: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
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

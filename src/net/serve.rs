//! Accepting: a connection takes its permit before it is accepted, so that overload waits in the kernel's queue.

use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Limits;

/// Pause after a connection could not be accepted: out of descriptors, most likely; some will be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `socket` on the current runtime until `stop` turns true, then lets running requests finish.
pub async fn serve<S, B>(socket: TcpListener, limits: Limits, service: S, mut stop: watch::Receiver<bool>)
where
    S: HttpService<Incoming, ResBody = B> + Clone + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a serving thread cannot listen");
            return;
        }
    };
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    while let Some((stream, permit)) = next(&listener, &permits, &mut stop).await {
        // Without it every small chunk of a stream may wait for the client's acknowledgement.
        stream.set_nodelay(true).ok();
        tokio::spawn(connection(stream, limits, service.clone(), stop.clone(), permit));
    }
    drop(listener);
    // Every connection holds a permit to its end.
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.drain_time, permits.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests were cut off by the shutdown");
    }
}

/// The next connection and its permit; `None` once the program is to stop.
async fn next(
    listener: &tokio::net::TcpListener,
    permits: &Arc<Semaphore>,
    stop: &mut watch::Receiver<bool>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = permits.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, permit))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        match accepted? {
            (Ok((stream, _)), permit) => return Some((stream, permit)),
            (Err(error), _) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection to its end: once the program is to stop that is the end of the running request.
async fn connection<S, B>(
    stream: TcpStream,
    limits: Limits,
    service: S,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) where
    S: HttpService<Incoming, ResBody = B> + Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    // Who told of it is gone: then nobody will.
    let told = async { drop(stop.wait_for(|stop| *stop).await) };
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => ended,
        () = told => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(permit);
}

//! Accepting: a connection takes its permit before it is accepted, so that overload waits in the kernel's queue.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{Limits, Socket, Tls};

/// Pause after a connection could not be accepted: out of descriptors, most likely; some will be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// First byte of a TLS client's first record: a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// Of a request in plain HTTP where TLS is spoken; enough for its headers.
const UNREAD_BYTES: usize = 8 << 10;
/// The answer to a client that speaks plain HTTP where TLS is spoken.
const USE_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 50\r\n\r\nTLS is spoken here: the address begins with https\n";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What answers the requests of a connection; every service of hyper's that can be handed to another task does.
pub trait Answering:
    HttpService<
        Incoming,
        ResBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Send
    + 'static
{
}

impl<S> Answering for S where
    S: HttpService<
            Incoming,
            ResBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Send
        + 'static
{
}

/// Serves `socket` on the current runtime until `stop` turns true, then lets running requests finish.
pub async fn serve(socket: Socket, limits: Limits, service: impl Answering + Clone, mut stop: watch::Receiver<bool>) {
    let Socket { tcp, tls } = socket;
    let listener = match tokio::net::TcpListener::from_std(tcp) {
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
        let (service, stop) = (service.clone(), stop.clone());
        match tls.clone() {
            None => tokio::spawn(connection(stream, limits, service, stop, permit)),
            Some(tls) => tokio::spawn(secured(stream, tls, limits, service, stop, permit)),
        };
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

/// One connection that begins with a handshake. Whoever is silent in it is not waited for, neither long nor at the end.
async fn secured(
    stream: TcpStream,
    tls: Arc<Tls>,
    limits: Limits,
    service: impl Answering,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(limits.header_time, handshake(stream, &tls)) => shaken,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    match shaken {
        Ok(Ok(stream)) => connection(stream, limits, service, stop, permit).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

async fn handshake(
    mut stream: TcpStream,
    tls: &Tls,
) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        // What lies unread when a connection is closed resets it, and the client would not see the answer.
        let _ = stream.read(&mut [0; UNREAD_BYTES]).await?;
        stream.write_all(USE_TLS).await?;
        return Err(std::io::Error::other("the client does not speak TLS"));
    }
    tls.accept(stream).await
}

/// One connection to its end: once the program is to stop that is the end of the running request.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: Limits,
    service: impl Answering,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
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

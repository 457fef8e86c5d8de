//! Where connections come in: one listening socket and one single-threaded runtime per serving thread.
//!
//! A connection takes its permit before it is accepted, so that overload waits in the kernel's queue.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{Semaphore, watch};

use crate::teacher::Upstream;
use crate::{Gateway, GatewayError, handle, limits};

/// Waiting connections in the kernel.
const BACKLOG: i32 = 1024;

/// The listening sockets of all serving threads.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Binds one socket per thread to the same address; port 0 lets the system choose.
    ///
    /// # Errors
    /// [`GatewayError::Listen`] when the address is taken, also by another copy of this program.
    pub fn bind(address: SocketAddr, threads: usize) -> Result<Self, GatewayError> {
        let failed = |source| GatewayError::Listen { address, source };
        // Shared ports would let a second copy take half of the traffic in silence: ask for the port alone first.
        drop(socket(address, false).map_err(failed)?);
        let first = socket(address, true).map_err(failed)?;
        let address = first.local_addr().map_err(failed)?;
        let mut sockets = vec![first];
        for _ in 1..threads.max(1) {
            sockets.push(socket(address, true).map_err(failed)?);
        }
        Ok(Self { sockets, address })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until `stop` turns true, then lets running requests finish.
///
/// # Errors
/// When a thread or the way to the teacher cannot be set up.
pub fn serve(
    gateway: &Arc<Gateway>,
    listeners: Listeners,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, GatewayError> {
    let mut threads = Vec::new();
    for (number, socket) in listeners.sockets.into_iter().enumerate() {
        // Made here so that a wrong certificate file stops the start, not a thread.
        let upstream = Upstream::new(&gateway.teacher)?;
        let (gateway, stop) = (gateway.clone(), stop.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(GatewayError::Thread)?;
        let run = move || runtime.block_on(accept(gateway, upstream, socket, stop));
        let thread = thread::Builder::new().name(format!("serve-{number}")).spawn(run);
        threads.push(thread.map_err(GatewayError::Thread)?);
    }
    Ok(threads)
}

async fn accept(gateway: Arc<Gateway>, upstream: Upstream, socket: TcpListener, mut stop: watch::Receiver<bool>) {
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a serving thread cannot listen");
            return;
        }
    };
    let (graceful, permits) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits::CONNECTIONS_MAX)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits::HEADER_TIME);
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: wait for some to be given back.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it every small chunk of a stream may wait for the client's acknowledgement.
        stream.set_nodelay(true).ok();
        let (gateway, upstream) = (gateway.clone(), upstream.clone());
        let service = service_fn(move |request| {
            let answer = handle::handle(gateway.clone(), upstream.clone(), request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits::DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off by the shutdown");
    }
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Restarting must not wait for the last connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
    }
    Ok(socket.into())
}

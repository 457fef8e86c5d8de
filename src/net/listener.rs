//! Binding: sockets that share one address, so that each serving thread accepts for itself.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Type};

use crate::Tls;

/// Waiting connections in the kernel.
const BACKLOG: i32 = 1024;

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; stop what uses that port or choose another address")]
pub struct ListenError {
    pub address: SocketAddr,
    pub source: std::io::Error,
}

/// Listening sockets of one address.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

/// One of them, and what is spoken on it.
#[derive(Debug)]
pub struct Socket {
    pub(crate) tcp: TcpListener,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Binds `sockets` sockets (at least one) to the same address; port 0 lets the system choose.
    ///
    /// # Errors
    /// [`ListenError`] when the address is taken, also by another copy of this program.
    pub fn bind(address: SocketAddr, sockets: usize) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        // Shared ports would let a second copy take half of the traffic in silence: ask for the port alone first.
        drop(socket(address, false).map_err(failed)?);
        let first = socket(address, true).map_err(failed)?;
        let address = first.local_addr().map_err(failed)?;
        let mut all = vec![first];
        for _ in 1..sockets.max(1) {
            all.push(socket(address, true).map_err(failed)?);
        }
        Ok(Self { sockets: all, address, tls: None })
    }

    /// With a certificate nothing but TLS is spoken.
    #[must_use]
    pub fn secured(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn into_sockets(self) -> Vec<Socket> {
        let Self { sockets, tls, .. } = self;
        sockets.into_iter().map(|tcp| Socket { tcp, tls: tls.clone() }).collect()
    }
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
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

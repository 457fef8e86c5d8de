//! The serving threads: a single-threaded runtime, a socket and a pool of teacher connections for each.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::service::service_fn;
use net::Listener;
use tokio::sync::watch;

use crate::handle::handle;
use crate::{Gateway, GatewayError, Pulse};

/// The serving threads, and whether they still take turns.
pub struct Serving {
    pub threads: Vec<JoinHandle<()>>,
    pub pulse: Arc<Pulse>,
}

/// Serves until `stop` turns true, then lets running requests finish.
///
/// # Errors
/// When a thread or the way to the teacher cannot be set up.
pub fn serve(
    gateway: &Arc<Gateway>,
    listener: Listener,
    stop: &watch::Receiver<bool>,
) -> Result<Serving, GatewayError> {
    let (mut threads, pulse) = (Vec::new(), Arc::<Pulse>::default());
    for (number, socket) in listener.into_sockets().into_iter().enumerate() {
        // Made here so that a wrong certificate file stops the start, not a thread.
        let client = teacher::Client::new(&gateway.endpoint)?;
        let (gateway, stop, connections) = (gateway.clone(), stop.clone(), gateway.connections);
        let service = service_fn(move |request| {
            let (gateway, client) = (gateway.clone(), client.clone());
            async move { Ok::<_, Infallible>(handle(gateway, client, request).await) }
        });
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(GatewayError::Thread)?;
        runtime.spawn(pulse.beat().answer());
        let run = move || runtime.block_on(net::serve(socket, connections, service, stop));
        let thread = thread::Builder::new().name(format!("serve-{number}")).spawn(run);
        threads.push(thread.map_err(GatewayError::Thread)?);
    }
    Ok(Serving { threads, pulse })
}

//! The connections to the teacher that wait for the next request. Belongs to the runtime that it is used on.

use std::sync::Arc;

use http::{Request, Uri};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower_service::Service;

use crate::connection::{Connection, Connector};
use crate::{Outgoing, limits};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// The teacher has seen nothing of the request.
    #[error(transparent)]
    Connect(Box<dyn std::error::Error + Send + Sync>),
    #[error("its connection ended")]
    Broken(#[source] hyper::Error),
}

/// Connections by the time since which they wait, the oldest first.
#[derive(Default)]
struct Waiting {
    connections: Vec<(Instant, Connection)>,
    /// Somebody looks after those that wait for too long.
    is_swept: bool,
}

/// A pool; clones share it.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    connector: Connector,
    origin: Uri,
    waiting: Mutex<Waiting>,
}

impl Pool {
    pub(crate) fn new(connector: Connector, origin: Uri) -> Self {
        Self(Arc::new(Shared { connector, origin, waiting: Mutex::default() }))
    }

    /// Sends `request` and reads the head of its answer.
    pub(crate) async fn request(
        &self,
        mut request: Request<Outgoing>,
    ) -> Result<(http::Response<Incoming>, Connection), PoolError> {
        loop {
            let waited = self.take();
            let is_fresh = waited.is_none();
            let mut connection = match waited {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match connection.send(request).await {
                Ok(answer) => return Ok((answer, connection)),
                Err(mut error) => match error.take_message() {
                    // The teacher closed it while it waited, and nothing was sent.
                    Some(unsent) if !is_fresh => request = unsent,
                    _ => return Err(PoolError::Broken(error.into_error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Connection, PoolError> {
        // Ready as long as nobody limits it.
        let Shared { connector, origin, .. } = &*self.0;
        let io = connector.clone().call(origin.clone()).await.map_err(PoolError::Connect)?;
        Connection::open(io).await.map_err(PoolError::Broken)
    }

    /// The connection that was used last of those that still stand.
    fn take(&self) -> Option<Connection> {
        loop {
            let (since, mut connection) = self.0.waiting.lock().connections.pop()?;
            if since.elapsed() < limits::IDLE_TIME && connection.is_free() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose answer is over, if it can be used again.
    pub(crate) fn put(&self, mut connection: Connection) {
        if !connection.is_free() {
            return;
        }
        let mut waiting = self.0.waiting.lock();
        if waiting.connections.len() < limits::IDLE_CONNECTIONS_MAX {
            waiting.connections.push((Instant::now(), connection));
        }
        if !std::mem::replace(&mut waiting.is_swept, true) {
            tokio::spawn(sweep(self.0.clone()));
        }
    }
}

/// Closes what has waited for too long, until nothing waits.
async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(limits::IDLE_TIME).await;
        let mut waiting = shared.waiting.lock();
        waiting.connections.retain(|(since, _)| since.elapsed() < limits::IDLE_TIME);
        if waiting.connections.is_empty() {
            waiting.is_swept = false;
            return;
        }
    }
}

//! A connector that has only so much time, for every step of a connection: name, TCP, TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// `connector`, under a limit.
#[derive(Clone)]
pub(crate) struct Within<C> {
    pub(crate) connector: C,
    pub(crate) time: Duration,
}

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, time) = (self.connector.call(uri), self.time);
        Box::pin(async move {
            let late = |_| {
                io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {time:?} (teacher.connect_s)"))
            };
            tokio::time::timeout(time, connecting).await.map_err(late)?.map_err(Into::into)
        })
    }
}

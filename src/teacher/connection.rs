//! One connection to the teacher, driven by whoever waits for its answer: no task of its own, so nothing is handed from one to the
//! other on the way, and dropping it ends it at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use crate::connect::Within;
use crate::{Outgoing, limits};

/// What makes connections.
pub(crate) type Connector = Within<HttpsConnector<HttpConnector>>;
type Io = <Connector as Service<Uri>>::Response;

/// A connection that carries one request after the other.
pub(crate) struct Connection {
    sender: SendRequest<Outgoing>,
    /// Absent once it has ended.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl Connection {
    pub(crate) async fn open(io: Io) -> hyper::Result<Self> {
        let (sender, driver) = Builder::new().max_headers(limits::ANSWER_HEADERS_MAX).handshake(io).await?;
        Ok(Self { sender, driver: Some(Box::pin(driver.with_upgrades())) })
    }

    /// Sends a request and reads the head of its answer. Dropping the future ends the connection with the request.
    ///
    /// # Errors
    /// With the request, where nothing of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, Box<TrySendError<Request<Outgoing>>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer.map_err(Box::new));
            }
            self.drive(context);
            answer.as_mut().poll(context).map_err(Box::new)
        })
        .await
    }

    /// Goes on with whatever can go on: what was asked is written, what has come is read.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) {
        let Some(driver) = &mut self.driver else { return };
        // Why it ended is told to whoever waits for the answer or its body.
        if let Poll::Ready(ended) = driver.as_mut().poll(context) {
            ended.unwrap_or_default();
            self.driver = None;
        }
    }

    /// Whether the last answer is over and the next request can be sent.
    pub(crate) fn is_free(&mut self) -> bool {
        // Nobody waits: what is heard meanwhile is looked at when the next request comes.
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

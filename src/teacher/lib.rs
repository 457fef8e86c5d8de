//! The way to the teacher: one HTTP/1.1 client with a pool of connections, TLS by rustls.
//!
//! - [`Endpoint`]: where the teacher is and how it is asked;
//! - [`Resilience`], [`Breaker`]: its time limits, retries and circuit;
//! - [`Client`]: bytes in, bytes out, for the gateway: nothing that client or teacher said is written anew;
//! - [`headers`]: which headers go on;
//! - [`secured`]: whose certificates are believed;
//! - [`Prices`]: what it charges; [`LastQuota`]: how much it still lets be asked;
//! - [`TeacherModel`]: the same teacher as a [`wire::ChatModel`], for judges and makers of data.
//!
//! The only member that links the TLS client. Keeps nothing, and sends again only what the teacher has not seen.

mod answer;
mod breaker;
mod client;
mod connect;
mod connection;
mod endpoint;
mod error;
pub mod headers;
pub mod limits;
mod model;
mod outgoing;
mod pool;
mod prices;
mod quota;
mod resilience;
mod tls;

pub use answer::{AnswerBody, AnswerError};
pub use breaker::{Breaker, Circuit};
pub use client::Client;
pub use endpoint::{Called, Endpoint};
pub use error::TeacherError;
pub use model::TeacherModel;
pub use outgoing::Outgoing;
pub use prices::{Price, Prices, day};
pub use quota::{LastQuota, Limit, Quota};
pub use resilience::{BreakerSettings, Resilience, Timeouts};
pub use tls::{Secured, secured};

#[cfg(test)]
mod tests;

//! The way to the teacher: one pooled HTTP/1.1 client, TLS by rustls.
//!
//! - [`Endpoint`]: where the teacher is and how it is asked;
//! - [`Client`]: bytes in, bytes out, for the gateway: nothing that client or teacher said is written anew;
//! - [`headers`]: which headers go on;
//! - [`secured`]: whose certificates are believed;
//! - [`Prices`]: what it charges;
//! - [`TeacherModel`]: the same teacher as a [`wire::ChatModel`], for judges and makers of data.
//!
//! The only member that links the TLS client. Keeps nothing, decides nothing, retries nothing.

mod client;
mod endpoint;
mod error;
pub mod headers;
pub mod limits;
mod model;
mod prices;
mod tls;

pub use client::{Client, Outgoing};
pub use endpoint::Endpoint;
pub use error::TeacherError;
pub use model::TeacherModel;
pub use prices::{Price, Prices, day};
pub use tls::{Secured, secured};

#[cfg(test)]
mod tests;

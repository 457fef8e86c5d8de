//! Where connections come in: one listener for every port of the program.
//!
//! - [`Listener`]: bound sockets, one for each serving thread;
//! - [`serve`]: accepts, hands requests to a service, drains when told to stop;
//! - [`Limits`]: what a connection may take; [`OwnHosts`]: by which names a listener may be reached;
//!   [`bearer`]: the token that a request offers;
//! - [`Tls`]: the certificate of a listener, replaced while it is in use.
//!
//! The only member that runs hyper's server, and TLS on it. Knows nothing of what is served.

mod bearer;
mod hosts;
mod limits;
mod listener;
mod serve;
mod tls;

pub use bearer::bearer;
pub use hosts::OwnHosts;
pub use limits::Limits;
pub use listener::{ListenError, Listener, Socket};
pub use serve::serve;
pub use tls::{Tls, TlsError, certificates_end};

#[cfg(test)]
mod tests;

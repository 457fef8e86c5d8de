//! Where connections come in: one listener for every port of the program.
//!
//! - [`Listener`]: bound sockets, one for each serving thread;
//! - [`serve`]: accepts, hands requests to a service, drains when told to stop;
//! - [`Limits`]: what a connection may take; [`OwnHosts`]: by which names a listener may be reached;
//!   [`bearer`]: the token that a request offers.
//!
//! The only member that runs hyper's server. Knows nothing of what is served; a transport that wraps the
//! stream (TLS) goes in at one place, `serve::connection`.

mod bearer;
mod hosts;
mod limits;
mod listener;
mod serve;

pub use bearer::bearer;
pub use hosts::OwnHosts;
pub use limits::Limits;
pub use listener::{ListenError, Listener};
pub use serve::serve;

#[cfg(test)]
mod tests;

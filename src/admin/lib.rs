//! Steering and watching: the admin API.
//!
//! - [`auth`]: who may ask; [`routes`]: the table of paths; [`sites`]: looking and steering;
//! - `openapi.json`: the API's description, served as it lies here.
//!
//! Answers requests and opens no socket: the program mounts [`router`] on its own listener, the loopback
//! interface by default. Everything it does the command line does through it.

mod auth;
mod routes;
mod sites;

use std::sync::Arc;

use cycle::{Board, Requests};
use ledger::Ledger;
use telemetry::Metrics;

pub use auth::Token;
pub use routes::router;

/// What the admin API works with.
#[derive(Clone)]
pub struct Admin {
    pub ledger: Arc<Ledger>,
    pub board: Board,
    pub lessons: Requests,
    pub metrics: Arc<Metrics>,
    pub token: Token,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

#[cfg(test)]
mod tests;

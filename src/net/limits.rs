//! What the connections of one socket may take.

use std::time::Duration;

/// The limits of one listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long a client may take to send its headers, and stay idle between requests.
    pub header_time: Duration,
    /// How long running requests may take once the program is asked to stop.
    pub drain_time: Duration,
}

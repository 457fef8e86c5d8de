//! Every limit of the way to the teacher, by name.

use std::time::Duration;

/// How long the teacher may take to accept a connection.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: shorter than load balancers keep theirs.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// How long the teacher may take to begin its answer.
pub const FIRST_BYTE_TIME: Duration = Duration::from_secs(600);
/// Largest answer that is read whole; a longer one can only be passed on.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;

//! Every limit of the way to the teacher, by name; those that are settings are in `Resilience`.

use std::time::Duration;

/// How long a connection is kept for the next request: shorter than load balancers keep theirs.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// Largest answer that is read whole; a longer one can only be passed on.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Header lines that an answer may have.
pub const ANSWER_HEADERS_MAX: usize = 256;
/// Connections of one serving thread that wait for the next request.
pub const IDLE_CONNECTIONS_MAX: usize = 1_024;
/// Bytes of an answer that have come already and go on together.
pub const GATHERED_BYTES_MAX: usize = 64 << 10;

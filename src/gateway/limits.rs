//! Every limit of the data plane, by name.

use std::time::Duration;

/// Largest chat request.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Largest answer that is kept for capture and audits; a longer one passes through but is not kept.
pub const KEPT_BYTES_MAX: usize = 4 << 20;
/// Connections of one serving thread.
pub const CONNECTIONS_MAX: usize = 8_192;
/// How long a client may take to send its headers, and stay idle between requests.
pub const HEADER_TIME: Duration = Duration::from_secs(60);
/// How long the teacher may take to accept a connection.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long a connection to the teacher is kept for the next request: shorter than load balancers keep theirs.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// How long the teacher may take to begin its answer.
pub const FIRST_BYTE_TIME: Duration = Duration::from_secs(600);
/// How long running requests may take once the program is asked to stop.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Audits that may wait; further ones are lost and counted.
pub const AUDITS_MAX: usize = 256;
/// How long a request waits for a free student before it goes to the teacher.
pub const LOCAL_WAIT: Duration = Duration::from_secs(1);
/// Tokens of a student's answer when the client names no limit and the site neither.
pub const ANSWER_TOKENS_MAX: u32 = 512;

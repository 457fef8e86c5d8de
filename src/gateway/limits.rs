//! Every limit of the data plane, by name. Those of the way to the teacher are `teacher::limits`.

use std::time::Duration;

/// What the data plane's connections may take.
pub const CONNECTIONS: net::Limits =
    net::Limits { connections_max: 8_192, header_time: Duration::from_secs(60), drain_time: Duration::from_secs(10) };
/// Largest chat request.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Largest answer that is remembered, for the exchange log and for audits; a longer one passes through and is counted.
pub const CAPTURED_BYTES_MAX: usize = capture::limits::EXCHANGE_BYTES_MAX;
/// Audits that may wait; further ones are lost and counted.
pub const AUDITS_MAX: usize = 256;
/// Audited requests of one site that may be under way, slow answers included.
pub const AUDIT_PLACES_MAX: usize = 4_096;
/// How long an audit may hold up those that were planned after it.
pub const AUDIT_PLACE_TIME: Duration = Duration::from_secs(180);
/// Audits that are worked on at the same time.
pub const AUDITS_AT_ONCE: usize = 4;

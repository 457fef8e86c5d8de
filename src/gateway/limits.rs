//! Every limit of the data plane that is no setting, by name. Those of the way to the teacher are `teacher::limits`.

use std::time::Duration;

/// How long a client may pause within a request's body.
pub const BODY_PAUSE_TIME: Duration = Duration::from_secs(60);
/// Connections that have changed their protocol (WebSockets), at a time.
pub const UPGRADES_MAX: usize = 1_024;
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

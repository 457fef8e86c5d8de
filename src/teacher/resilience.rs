//! How patient the proxy is with a teacher, how often it tries to reach it, and when it stops asking for a while.

use std::time::Duration;

/// The settings of one teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resilience {
    pub timeouts: Timeouts,
    /// How often a request is sent once more of which the teacher has seen nothing.
    pub retries_max: u32,
    pub breaker: BreakerSettings,
}

/// Apart for every phase of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To accept a connection, the TLS handshake included; no retry begins later.
    pub connect: Duration,
    /// From the request's first byte to the answer's head.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For the whole of an answer.
    pub total: Duration,
}

/// When the circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Requests in a row that got no answer; 0 keeps it closed for ever.
    pub failures: u32,
    /// How long nothing is asked then, before one request may try.
    pub open: Duration,
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            timeouts: Timeouts {
                connect: Duration::from_secs(10),
                // What OpenAI's own clients wait.
                first_byte: Duration::from_secs(600),
                // A model that thinks between two events may be silent for minutes.
                idle: Duration::from_secs(300),
                total: Duration::from_secs(3_600),
            },
            retries_max: 2,
            breaker: BreakerSettings { failures: 5, open: Duration::from_secs(10) },
        }
    }
}

/// How long to wait before the `number`th retry, from 1: twice as long each time, and by `die`, in [0, 1), somewhere in the upper half
/// of that, so that clients which failed together do not come back together.
#[must_use]
pub(crate) fn backoff(number: u32, die: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);
    let full = FIRST.saturating_mul(1 << number.saturating_sub(1).min(10)).min(LONGEST);
    full.mul_f64(0.5 + die.clamp(0.0, 1.0) / 2.0)
}

//! The circuit breaker: after several requests in a row without any answer the teacher is not asked for a while, so that clients hear at
//! once what they would hear after a time-out; then one request at a time tries.
//!
//! Only the way to the teacher counts. Whatever it answers, an error too, is an answer. Reads no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::BreakerSettings;

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Requests go to the teacher.
    Closed,
    /// None do.
    Open,
    /// One is trying.
    HalfOpen,
}

/// One circuit, shared by everybody who asks the same teacher.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// In a row.
    failures: u32,
    /// When the next request may try; absent while the circuit is closed.
    open_until: Option<Instant>,
    probing: bool,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        let state = State { failures: 0, open_until: None, probing: false };
        Self { settings, state: Arc::new(Mutex::new(state)) }
    }

    #[must_use]
    pub fn circuit(&self) -> Circuit {
        let state = self.state.lock();
        match state.open_until {
            None => Circuit::Closed,
            Some(_) if state.probing => Circuit::HalfOpen,
            Some(_) => Circuit::Open,
        }
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// How long nothing will be asked.
    pub(crate) fn admit(&self, now: Instant) -> Result<Permit, Duration> {
        let mut state = self.state.lock();
        let is_probe = match state.open_until {
            None => false,
            Some(until) if now < until => return Err(until - now),
            // Whoever tries will know soon.
            Some(_) if state.probing => return Err(Duration::from_secs(1)),
            Some(_) => true,
        };
        state.probing |= is_probe;
        Ok(Permit { breaker: self.clone(), is_probe })
    }
}

/// The leave to ask. Dropped without a word (the client left) it says nothing of the teacher.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Breaker,
    is_probe: bool,
}

impl Permit {
    /// The teacher answered.
    pub(crate) fn answered(self) {
        let mut state = self.breaker.state.lock();
        (state.failures, state.open_until) = (0, None);
    }

    /// It did not; says whether the circuit opened by that.
    pub(crate) fn failed(self, now: Instant) -> bool {
        let mut state = self.breaker.state.lock();
        state.failures = state.failures.saturating_add(1);
        let BreakerSettings { failures, open } = self.breaker.settings;
        let was_closed = state.open_until.is_none();
        // What was sent before the circuit opened does not keep it open for longer.
        let opens = failures > 0 && state.failures >= failures && (was_closed || self.is_probe);
        if opens {
            state.open_until = Some(now + open);
        }
        opens && was_closed
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state.lock().probing = false;
        }
    }
}

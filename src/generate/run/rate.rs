//! When the next call may begin: calls are spread evenly over a minute. Pure: the time is an argument.

use std::time::Duration;

/// A limit of calls a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    gap: Duration,
    /// When the next call may begin, after the run's start.
    next: Duration,
}

impl Rate {
    /// `per_minute` 0 is no limit.
    pub(crate) fn new(per_minute: u32) -> Self {
        let gap = if per_minute == 0 { Duration::ZERO } else { Duration::from_secs(60) / per_minute };
        Self { gap, next: Duration::ZERO }
    }

    /// How long a call that is ready at `now` (after the run's start) has to wait; its place is taken.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        let at = self.next.max(now);
        self.next = at + self.gap;
        at - now
    }
}

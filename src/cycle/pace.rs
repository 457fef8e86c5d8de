//! When a lesson stands still because the proxy is busy, and when it goes on all the same. Pure: rate and time are arguments.

use std::time::Duration;

use crate::settings::Pause;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stand {
    /// At work; however busy the proxy is until `spared`.
    Works {
        spared: Duration,
    },
    Stands {
        since: Duration,
    },
}

/// One process's pace; times are since its start.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    settings: Pause,
    stand: Stand,
}

/// What is to be done with the process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    Stop,
    /// After it has stood so long.
    GoOn(Duration),
}

impl Pace {
    pub(crate) fn new(settings: Pause) -> Self {
        Self { settings, stand: Stand::Works { spared: Duration::ZERO } }
    }

    /// What `requests_per_s` of the last moments call for. Once it stands it goes on when no more than half of what
    /// stopped it is left, or for a slice of time when it has stood for as long as it may.
    pub(crate) fn turn(&mut self, requests_per_s: f64, now: Duration) -> Option<Turn> {
        let Pause { requests_per_s: busy, max_s, slice_s } = self.settings;
        if busy == 0.0 {
            return None;
        }
        match self.stand {
            Stand::Works { spared } if now >= spared && requests_per_s > busy => {
                self.stand = Stand::Stands { since: now };
                Some(Turn::Stop)
            }
            Stand::Works { .. } => None,
            Stand::Stands { since } => {
                let stood = now.saturating_sub(since);
                let enough = stood.as_secs_f64() >= max_s;
                if !enough && requests_per_s > busy / 2.0 {
                    return None;
                }
                let slice = if enough { Duration::from_secs_f64(slice_s) } else { Duration::ZERO };
                self.stand = Stand::Works { spared: now + slice };
                Some(Turn::GoOn(stood))
            }
        }
    }
}

#[cfg(test)]
mod tests;

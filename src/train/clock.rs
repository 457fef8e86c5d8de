//! The time that a run was at work. While its process is stopped (SIGSTOP: the proxy is busy) the wall clock goes on and
//! this one does not: what nobody could use is not what `max_seconds` limits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(250);
/// A longer time between two looks is taken for this much: the process was stopped, or the machine asleep.
const LONGEST: Duration = Duration::from_secs(1);

/// A clock that a thread looks at as long as it lives.
pub(crate) struct WorkClock {
    worked: Arc<Mutex<Worked>>,
    ended: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

/// Time summed from look to look.
struct Worked {
    total: Duration,
    last: Instant,
}

impl Worked {
    fn at(&mut self, now: Instant) -> Duration {
        self.total += now.saturating_duration_since(self.last).min(LONGEST);
        self.last = now;
        self.total
    }
}

impl WorkClock {
    /// Starts at nothing.
    pub(crate) fn start() -> std::io::Result<Self> {
        let worked = Arc::new(Mutex::new(Worked { total: Duration::ZERO, last: Instant::now() }));
        let ended = Arc::new(AtomicBool::new(false));
        let (clock, until) = (worked.clone(), ended.clone());
        let look = move || {
            while !until.load(Ordering::Relaxed) {
                seconds(&clock);
                std::thread::park_timeout(LOOK);
            }
        };
        let looking = std::thread::Builder::new().name("clock".to_owned()).spawn(look)?;
        Ok(Self { worked, ended, looking: Some(looking) })
    }

    /// Seconds at work since the start.
    pub(crate) fn seconds(&self) -> f64 {
        seconds(&self.worked)
    }
}

fn seconds(worked: &Mutex<Worked>) -> f64 {
    worked.lock().unwrap_or_else(PoisonError::into_inner).at(Instant::now()).as_secs_f64()
}

impl Drop for WorkClock {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.thread().unpark();
            // It cannot have failed: it only reads a clock.
            looking.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;

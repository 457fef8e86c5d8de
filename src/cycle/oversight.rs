//! Somebody who keeps an eye on a process of a lesson: stops it while the proxy is busy, and ends it in good order when the
//! program ends.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::pace::{Pace, Turn};
use crate::settings::Pause;

/// How often the proxy is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What goes on around a lesson.
pub struct Surroundings {
    /// Requests a second of the last moments.
    pub requests_per_s: Box<dyn Fn() -> f64 + Send + Sync>,
    /// Turns true when the program is to end.
    pub stop: watch::Receiver<bool>,
}

impl Surroundings {
    /// Waits until the program is to end.
    pub(crate) async fn end(&self) {
        // Nobody who could say so any more is an end, too.
        drop(self.stop.clone().wait_for(|stop| *stop).await);
    }

    pub(crate) fn is_end(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }
}

/// How one process is overseen.
pub(crate) struct Oversight<'a> {
    pub(crate) surroundings: &'a Surroundings,
    /// `None` for a process whose own clock is part of its result.
    pub(crate) pause: Option<Pause>,
    /// Hears when it stands still, and when it goes on how long it has.
    pub(crate) on_turn: &'a (dyn Fn(Turn) + Send + Sync),
}

impl Oversight<'_> {
    /// Oversees `process`, which must not be reaped meanwhile, for as long as it is polled.
    pub(crate) async fn of(&self, process: Pid) -> Infallible {
        tokio::select! {
            never = self.keep_pace(process) => never,
            () = self.surroundings.end() => {
                // A process that stands still hears it when it goes on.
                send(process, Signal::TERM);
                send(process, Signal::CONT);
                std::future::pending().await
            }
        }
    }

    async fn keep_pace(&self, process: Pid) -> Infallible {
        let Some(pause) = self.pause.filter(|pause| pause.requests_per_s > 0.0) else {
            return std::future::pending().await;
        };
        let (mut pace, started) = (Pace::new(pause), Instant::now());
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(turn) = pace.turn((self.surroundings.requests_per_s)(), started.elapsed()) else { continue };
            send(process, if turn == Turn::Stop { Signal::STOP } else { Signal::CONT });
            (self.on_turn)(turn);
        }
    }
}

fn send(process: Pid, signal: Signal) {
    if let Err(error) = kill_process(process, signal) {
        tracing::warn!(%error, ?signal, "a process of the lesson could not be told");
    }
}

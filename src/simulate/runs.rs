//! Many runs of one scenario on several threads. What comes back is in the order of the runs, whatever the threads did.

use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha8Rng;

use crate::chance;

/// How much is simulated, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Runs of the rows about false promotion; other rows use a stated part of it.
    pub runs: u64,
    pub seed: u64,
    /// Threads; results do not depend on it.
    pub threads: usize,
}

impl Size {
    /// One part in `part` of the runs, at least 10.
    #[must_use]
    pub(crate) fn part(self, part: u64) -> Self {
        Self { runs: (self.runs / part).max(10).min(self.runs.max(1)), ..self }
    }

    /// Every run of `scenario` with its own generator.
    pub(crate) fn map<T: Send>(self, scenario: &str, run: impl Fn(&mut ChaCha8Rng) -> T + Sync) -> Vec<T> {
        let next = AtomicU64::new(0);
        let work = || {
            let mut found = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.runs {
                    return found;
                }
                found.push((number, run(&mut chance::generator(self.seed, scenario, number))));
            }
        };
        let mut found: Vec<(u64, T)> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            let mut found = work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => found.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            found
        });
        found.sort_unstable_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, value)| value).collect()
    }
}

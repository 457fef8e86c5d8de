//! Programs that mean harm: each ends in an outcome that is allowed for it, within its time, and the pool goes on.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use sandbox::{Limits, Outcome, Pool, Settings};
use serde::Deserialize;

use crate::common::{TIME_MS, name, one, settings};

/// Programs at once; most of their time is a limit that they wait for.
const AT_ONCE: usize = 4;
/// For a program that has to end by itself; one that prints for ever takes all of it.
const PATIENT_MS: u64 = 10_000;
/// Beyond three limits: starting a worker on a machine that does much else.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Corpus {
    program: Vec<Program>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Program {
    name: String,
    allowed: Vec<String>,
    source: Option<String>,
    prefix: String,
    unit: String,
    times: usize,
    suffix: String,
    closing: String,
    never_true: bool,
}

impl Program {
    fn text(&self) -> String {
        let built = || {
            let (open, close) = (self.unit.repeat(self.times), self.closing.repeat(self.times));
            format!("{}{open}{}{close}", self.prefix, self.suffix)
        };
        self.source.clone().unwrap_or_else(built)
    }
}

impl Program {
    /// The clock may end it, so that it is given little time. Any other has to end by itself, however slow the machine is.
    fn clock_may_end_it(&self) -> bool {
        self.allowed.iter().any(|outcome| outcome == "time_limit")
    }

    async fn failure(&self, hasty: &Pool, patient: &Pool) -> Option<String> {
        let pool = if self.clock_may_end_it() { hasty } else { patient };
        let start = Instant::now();
        let outcome = one(pool, &self.text(), "a response").await;
        let took = start.elapsed();
        let forbidden = !self.allowed.contains(&name(&outcome)) || (self.never_true && outcome == Outcome::Value(true));
        if forbidden {
            Some(format!("{}: {outcome:?}", self.name))
        } else if took > Duration::from_millis(3 * TIME_MS) + MARGIN {
            Some(format!("{}: took {took:?}", self.name))
        } else {
            None
        }
    }
}

#[tokio::test]
async fn every_hostile_program_ends_as_it_may_and_the_pool_goes_on() {
    let corpus: Corpus = toml::from_str(include_str!("hostile.toml")).unwrap();
    assert!(corpus.program.len() >= 60);
    let hasty = Pool::start(Settings { workers: AT_ONCE, ..settings() }).await.unwrap();
    let limits = Limits { time_ms: PATIENT_MS, ..Limits::default() };
    let patient = Pool::start(Settings { workers: AT_ONCE, limits, ..settings() }).await.unwrap();
    let runs = stream::iter(&corpus.program).map(|program| program.failure(&hasty, &patient));
    let failures: Vec<String> = runs.buffer_unordered(AT_ONCE).filter_map(async |failure| failure).collect().await;
    assert!(failures.is_empty(), "{failures:#?}");
    let honest = "def evaluate(response):\n    return response == 'yes'";
    for pool in [hasty, patient] {
        assert_eq!(one(&pool, honest, "yes").await, Outcome::Value(true));
        assert_eq!(one(&pool, honest, "no").await, Outcome::Value(false));
    }
}

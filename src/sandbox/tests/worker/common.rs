//! A pool around the worker that cargo built for these tests.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sandbox::{Limits, Outcome, Pool, Settings};
use tempfile::TempDir;

/// Small enough that an endless loop costs little, and no test's verdict depends on what else fits in it.
pub(crate) const TIME_MS: u64 = 500;

pub(crate) fn settings() -> Settings {
    let limits = Limits { time_ms: TIME_MS, ..Limits::default() };
    Settings { limits, ..Settings::new(PathBuf::from(env!("CARGO_BIN_EXE_apprentice-verify"))) }
}

/// Limits that no honest function meets, however loaded the machine is.
pub(crate) fn patient() -> Settings {
    let limits = Limits { time_ms: 20_000, ..Limits::default() };
    Settings { limits, ..settings() }
}

pub(crate) async fn one(pool: &Pool, source: &str, input: &str) -> Outcome {
    pool.evaluate(source, "evaluate", &[input.to_owned()]).await.unwrap().remove(0)
}

/// The outcome's name, as the protocol spells it.
pub(crate) fn name(outcome: &Outcome) -> String {
    match serde_json::to_value(outcome).unwrap() {
        serde_json::Value::Object(fields) => fields.keys().next().unwrap().clone(),
        name => name.as_str().unwrap().to_owned(),
    }
}

/// The worker under a name of this test's own, so that its processes can be told from those of other tests.
pub(crate) struct OwnWorker {
    folder: TempDir,
}

impl OwnWorker {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let own = Self { folder };
        let original = env!("CARGO_BIN_EXE_apprentice-verify");
        if fs::hard_link(original, own.program()).is_err() {
            fs::copy(original, own.program()).unwrap();
        }
        own
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("apprentice-verify")
    }

    /// Its processes that run, without those that are dead and not yet waited for.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let numbers =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let is_ours = |id: &u32| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == self.program());
        numbers.filter(is_ours).collect()
    }

    /// Waits until just `count` of its processes run.
    pub(crate) async fn until_processes(&self, count: usize) {
        for _ in 0..3_000 {
            if self.processes().len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} processes expected, {:?} run", self.processes());
    }

    /// Waits until the process `id` has used the processor for a while: it is in its loop.
    pub(crate) async fn until_busy(&self, id: u32) {
        const TICKS: u64 = 20;
        loop {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
            // The 14th field, counted from the end of the name in parentheses: user time.
            let user_ticks: u64 = stat.rsplit(") ").next().unwrap().split(' ').nth(11).unwrap().parse().unwrap();
            if user_ticks > TICKS {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

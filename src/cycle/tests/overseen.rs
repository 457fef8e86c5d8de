//! A real process, stopped and continued by load and ended with the program.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::*;
use crate::oversight::Oversight;
use crate::pace::Turn;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that says its id as a step and goes on until it is asked to stop, as the trainer does.
fn program(dir: &Path) -> PathBuf {
    let path = dir.join("program");
    let script = r#"#!/bin/sh
trap 'echo "{\"event\":\"interrupted\",\"step\":7}"; exit 75' TERM
echo "{\"event\":\"checkpoint\",\"step\":$$}"
while :; do sleep 0.02; done
"#;
    std::fs::write(&path, script).unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&path, permissions).unwrap();
    path
}

/// The state letter of a process: `T` is stopped.
fn state(id: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stands_still_while_the_proxy_is_busy_and_ends_in_good_order_with_the_program_even_then() {
    let dir = tempfile::tempdir().unwrap();
    let program = program(dir.path());
    let (stop, stopped) = watch::channel(false);
    let rate = Arc::new(AtomicU64::new(0));
    let asked = rate.clone();
    let surroundings = Surroundings {
        requests_per_s: Box::new(move || f64::from(u32::try_from(asked.load(Ordering::Relaxed)).unwrap())),
        stop: stopped,
    };
    let metrics = Arc::new(Metrics::new().unwrap());
    let (status, shop) = (LessonStatus::new(PathBuf::new(), metrics.clone()), site("shop"));
    let turns = Mutex::new(Vec::new());
    let on_turn = |turn| {
        status.turn(&shop, turn);
        turns.lock().push(turn);
    };
    let (id, said) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let oversight = Oversight { surroundings: &surroundings, pause: Some(Pause::default()), on_turn: &on_turn };
    let runs = child::run_overseen(&program, "training", &[], 0, Some(oversight), |line| {
        if let Progress::Checkpoint { step } = line {
            id.store(*step, Ordering::Relaxed);
        }
        said.lock().push(line.clone());
    });
    let steers = async {
        until("the process", || id.load(Ordering::Relaxed) > 0).await;
        let process = id.load(Ordering::Relaxed);
        rate.store(9, Ordering::Relaxed);
        until("it stands still", || state(process) == Some('T')).await;
        assert!(status.lesson(&shop).unwrap().paused);
        rate.store(1, Ordering::Relaxed);
        until("it goes on", || state(process) != Some('T')).await;
        assert_eq!(turns.lock().len(), 2);
        let lesson = status.lesson(&shop).unwrap();
        assert!(!lesson.paused && lesson.paused_s > 0.0);
        assert!((metrics.lesson_paused_seconds("shop").get() - lesson.paused_s).abs() < 1e-9);
        rate.store(9, Ordering::Relaxed);
        until("it stands still again", || state(process) == Some('T')).await;
        stop.send(true).unwrap();
        process
    };
    let (ended, process) = tokio::join!(runs, steers);
    assert!(matches!(ended, Err(CycleError::Ended)), "{ended:?}");
    assert_eq!(said.lock().last(), Some(&Progress::Interrupted { step: 7 }));
    assert_eq!(state(process), None, "nothing is left of it");
    assert!(matches!(turns.lock()[..], [Turn::Stop, Turn::GoOn(_), Turn::Stop]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_somebody_else_asked_to_stop_is_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let (program, ids) = (program(dir.path()), Mutex::new(Vec::new()));
    let runs = child::run(&program, "training", &[], 0, |line| {
        if let Progress::Checkpoint { step } = line {
            ids.lock().push(*step);
            let process = rustix::process::Pid::from_raw(i32::try_from(*step).unwrap()).unwrap();
            rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        }
    });
    let message = runs.await.unwrap_err().to_string();
    assert!(message.contains("signal 15, 3 times"), "{message}");
    assert_eq!(ids.lock().len(), 3);
}

//! How workers come and go.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sandbox::{Limits, Outcome, Pool, SandboxError, Settings};

use crate::common::{OwnWorker, one, patient, settings};

const YES: &str = "def evaluate(response):\n    return response != 'no'";
const ENDLESS: &str = "def evaluate(response):\n    while response == 'loop':\n        pass\n    return True";

fn inputs(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn kill(id: u32) {
    kill_process(Pid::from_raw(id.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

fn own_settings(own: &OwnWorker) -> Settings {
    Settings { program: own.program(), ..patient() }
}

#[tokio::test]
async fn each_input_has_its_outcome_in_order() {
    let pool = Pool::start(patient()).await.unwrap();
    let outcomes = pool.evaluate(YES, "evaluate", &inputs(&["a", "no", "b"])).await.unwrap();
    assert_eq!(outcomes, [Outcome::Value(true), Outcome::Value(false), Outcome::Value(true)]);
    assert_eq!(pool.evaluate(YES, "evaluate", &[]).await.unwrap(), []);
}

#[tokio::test]
async fn what_does_not_compile_is_unsupported_for_every_input() {
    let pool = Pool::start(patient()).await.unwrap();
    let outcomes = pool.evaluate("def evaluate(", "evaluate", &inputs(&["a", "b"])).await.unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Unsupported { .. }, Outcome::Unsupported { .. }]), "{outcomes:?}");
}

#[tokio::test]
async fn one_worker_is_used_again_and_replaced_after_its_functions() {
    let own = OwnWorker::new();
    let pool = Pool::start(Settings { functions_per_worker: 3, ..own_settings(&own) }).await.unwrap();
    let first = own.processes();
    for _ in 0..2 {
        assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
        assert_eq!(own.processes(), first);
    }
    assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
    own.until_processes(0).await;
    assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
    assert_ne!(own.processes(), first);
}

#[tokio::test]
async fn no_more_workers_run_than_the_pool_has() {
    let own = OwnWorker::new();
    let limits = Limits { time_ms: 700, ..Limits::default() };
    let pool = Arc::new(Pool::start(Settings { limits, workers: 2, ..own_settings(&own) }).await.unwrap());
    let run = |pool: Arc<Pool>| tokio::spawn(async move { one(&pool, ENDLESS, "loop").await });
    let runs: Vec<_> = (0..4).map(|_| run(Arc::clone(&pool))).collect();
    let mut most = 0;
    while runs.iter().any(|run| !run.is_finished()) {
        most = most.max(own.processes().len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(most, 2);
}

#[tokio::test]
async fn a_full_queue_is_said_and_an_empty_one_takes_again() {
    let limits = Limits { time_ms: 1_000, ..Limits::default() };
    let pool = Arc::new(Pool::start(Settings { limits, workers: 1, queue: 1, ..patient() }).await.unwrap());
    let run = |pool: Arc<Pool>| tokio::spawn(async move { one(&pool, ENDLESS, "loop").await });
    let (first, second) = (run(Arc::clone(&pool)), run(Arc::clone(&pool)));
    tokio::task::yield_now().await;
    let refused = pool.evaluate(YES, "evaluate", &inputs(&["a"])).await.unwrap_err();
    assert!(matches!(refused, SandboxError::Busy { waiting: 1 }), "{refused}");
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Outcome::TimeLimit, Outcome::TimeLimit));
    assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
}

#[tokio::test]
async fn a_worker_killed_while_it_is_idle_is_not_noticed() {
    let own = OwnWorker::new();
    let pool = Pool::start(own_settings(&own)).await.unwrap();
    for _ in 0..3 {
        kill(own.processes()[0]);
        assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
    }
}

#[tokio::test]
async fn a_worker_killed_at_work_costs_the_input_it_was_at_and_no_other() {
    let own = OwnWorker::new();
    let pool = Arc::new(Pool::start(own_settings(&own)).await.unwrap());
    let running = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.evaluate(ENDLESS, "evaluate", &inputs(&["a", "loop", "b", "c"])).await.unwrap() }
    });
    let id = own.processes()[0];
    own.until_busy(id).await;
    kill(id);
    let outcomes = running.await.unwrap();
    assert_eq!(outcomes[0], Outcome::Value(true));
    assert_eq!(outcomes[1], Outcome::Crashed { how: "ended by signal 9".to_owned() });
    assert_eq!(outcomes[2..], [Outcome::Value(true), Outcome::Value(true)]);
}

#[tokio::test]
async fn an_input_that_takes_the_memory_of_the_process_costs_no_other() {
    let pool = Pool::start(patient()).await.unwrap();
    let source =
        "def evaluate(response):\n    n = int(response)\n    return len([[0 for x in range(n)] for y in range(n)]) > 0";
    let outcomes = pool.evaluate(source, "evaluate", &inputs(&["3", "1000000", "2"])).await.unwrap();
    assert_eq!(outcomes, [Outcome::Value(true), Outcome::MemoryLimit, Outcome::Value(true)]);
}

#[tokio::test]
async fn a_call_that_the_interpreter_cannot_break_off_is_broken_off_by_the_pool() {
    let own = OwnWorker::new();
    let pool = Pool::start(Settings { program: own.program(), ..settings() }).await.unwrap();
    let first = own.processes();
    let source = "def evaluate(response):\n    if response == 'slow':\n        return pow(3, 10 ** 5000, 10 ** 5000) > 0\n    return True";
    let outcomes = pool.evaluate(source, "evaluate", &inputs(&["slow", "fast"])).await.unwrap();
    assert_eq!(outcomes, [Outcome::TimeLimit, Outcome::Value(true)]);
    own.until_processes(1).await;
    assert_ne!(own.processes(), first);
}

#[tokio::test]
async fn a_dropped_request_takes_its_worker_with_it_and_the_pool_goes_on() {
    let own = OwnWorker::new();
    let pool = Pool::start(Settings { workers: 1, ..own_settings(&own) }).await.unwrap();
    let first = own.processes();
    let looping = inputs(&["loop"]);
    let dropped = tokio::time::timeout(Duration::from_millis(200), pool.evaluate(ENDLESS, "evaluate", &looping)).await;
    assert!(dropped.is_err());
    own.until_processes(0).await;
    assert_eq!(one(&pool, YES, "no").await, Outcome::Value(false));
    assert_ne!(own.processes(), first);
}

#[tokio::test]
async fn a_dropped_pool_leaves_no_process() {
    let own = OwnWorker::new();
    let pool = Pool::start(own_settings(&own)).await.unwrap();
    assert_eq!(one(&pool, YES, "a").await, Outcome::Value(true));
    drop(pool);
    own.until_processes(0).await;
}

#[tokio::test]
async fn a_worker_whose_parent_is_gone_ends_in_the_midst_of_a_function() {
    use sandbox::frame::encode;
    use sandbox::protocol::{Greeting, PROTOCOL, Request};
    use std::io::Write;
    use std::process::{Command, Stdio};

    let own = OwnWorker::new();
    let limits = Limits { time_ms: 3_600_000, ..Limits::default() };
    let mut child = Command::new(own.program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&encode(&Greeting { protocol: PROTOCOL, limits }).unwrap()).unwrap();
    let looping = inputs(&["loop"]);
    let request = Request { source: ENDLESS.into(), function: "evaluate".into(), inputs: looping.into() };
    stdin.write_all(&encode(&request).unwrap()).unwrap();
    own.until_busy(child.id()).await;
    assert!(child.try_wait().unwrap().is_none());
    drop(stdin);
    for _ in 0..3_000 {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().unwrap();
    panic!("it still runs");
}

#[tokio::test]
async fn what_one_function_leaves_behind_is_not_seen_by_the_next() {
    let pool = Pool::start(Settings { workers: 1, ..patient() }).await.unwrap();
    let source = "seen = []\ndef evaluate(response):\n    seen.append(response)\n    return len(seen) == 1";
    let outcomes = pool.evaluate(source, "evaluate", &inputs(&["a", "b"])).await.unwrap();
    assert_eq!(outcomes, [Outcome::Value(true), Outcome::Value(true)]);
    let other = "def evaluate(response):\n    return len(seen) == 0";
    assert!(matches!(one(&pool, other, "a").await, Outcome::Raised { exception, .. } if exception == "NameError"));
}

#[tokio::test]
async fn answers_are_read_as_models_write_them() {
    let pool = Pool::start(patient()).await.unwrap();
    let not_bool = |repr: &str| Outcome::NotBool { repr: repr.to_owned() };
    for (value, outcome) in [
        ("True", Outcome::Value(true)),
        ("'true'", Outcome::Value(true)),
        ("' False '", Outcome::Value(false)),
        ("None", Outcome::Value(false)),
        ("1", not_bool("1")),
        ("'yes'", not_bool("'yes'")),
        ("[True]", not_bool("[True]")),
        ("'x' * 1000", not_bool(&format!("'{}'", "x".repeat(300)))),
        ("[1] * 1000", not_bool(&format!("[{}", "1, ".repeat(100)).chars().take(300).collect::<String>())),
    ] {
        assert_eq!(one(&pool, &format!("def evaluate(response):\n    return {value}"), "").await, outcome, "{value}");
    }
}

#[tokio::test]
async fn print_is_allowed_up_to_its_bound() {
    let limits = Limits { output_bytes: 10, ..patient().limits };
    let pool = Pool::start(Settings { limits, ..patient() }).await.unwrap();
    let source = "def evaluate(response):\n    print(response)\n    return True";
    assert_eq!(one(&pool, source, "123456789").await, Outcome::Value(true));
    assert_eq!(one(&pool, source, "1234567890").await, Outcome::OutputLimit);
}

#[tokio::test]
async fn memory_is_allowed_up_to_its_bound_whatever_the_request_holds() {
    let limits = Limits { memory_bytes: 8 * 1024 * 1024, ..patient().limits };
    let pool = Pool::start(Settings { limits, ..patient() }).await.unwrap();
    let source = "def evaluate(response):\n    return len('a' * (int(response[0]) * 1024 * 1024)) > 0";
    let carried = inputs(&["5", "6", &"x".repeat(3_900_000)]);
    let outcomes = pool.evaluate(source, "evaluate", &carried).await.unwrap();
    assert_eq!(outcomes[..2], [Outcome::Value(true), Outcome::Value(true)]);
    assert_eq!(one(&pool, source, "9").await, Outcome::MemoryLimit);
}

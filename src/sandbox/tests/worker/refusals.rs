//! What the pool refuses: programs that are no workers, and requests that are too much.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sandbox::{Limits, Pool, SandboxError, Settings, beside_current_exe};
use tempfile::TempDir;

use crate::common::{patient, settings};

async fn error_of(program: PathBuf) -> SandboxError {
    match Pool::start(Settings { program, ..settings() }).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

/// A program that writes `said` and waits for its input's end.
fn script(folder: &Path, said: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\nprintf '{said}'\nexec cat >/dev/null\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_build() {
    let error = error_of(PathBuf::from("/nowhere/apprentice-verify")).await;
    assert!(matches!(error, SandboxError::Missing { .. }));
    let text = error.to_string();
    assert!(text.contains("/nowhere/apprentice-verify") && text.contains("cargo build -p sandbox"), "{text}");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named_with_the_reason() {
    let error = error_of(PathBuf::from("/etc/passwd")).await;
    assert!(matches!(error, SandboxError::Start { .. }), "{error}");
}

#[tokio::test]
async fn programs_that_are_no_workers_are_told_from_workers() {
    let folder = TempDir::new().unwrap();
    let garbage = script(folder.path(), "garbage that goes on and on");
    for program in [PathBuf::from("/bin/true"), PathBuf::from("/bin/cat"), garbage] {
        let error = error_of(program.clone()).await;
        assert!(matches!(error, SandboxError::NotAWorker { .. }), "{}: {error}", program.display());
    }
}

#[tokio::test]
async fn a_worker_of_another_protocol_is_no_worker_of_ours() {
    let hello = |protocol: u32| {
        let text = format!(
            r#"{{"protocol":{protocol},"protections":{{"system_calls_filtered":false,"files_closed":false,"network_closed":false}}}}"#
        );
        format!("\\000\\000\\000\\{:03o}{text}", text.len())
    };
    let folder = TempDir::new().unwrap();
    let error = error_of(script(folder.path(), &hello(9))).await;
    assert!(error.to_string().contains("protocol 9"), "{error}");
    let program = script(folder.path(), &hello(1));
    assert!(Pool::start(Settings { program, ..settings() }).await.is_ok());
}

#[tokio::test]
async fn a_source_is_accepted_up_to_its_bound_and_a_hundred_megabytes_are_refused_unsent() {
    let pool = Pool::start(settings()).await.unwrap();
    let source = |bytes: usize| format!("evaluate = len\n{}", "#".repeat(bytes - 15));
    let input = ["x".to_owned()];
    assert!(pool.evaluate(&source(64 * 1024), "evaluate", &input).await.is_ok());
    for bytes in [64 * 1024 + 1, 100_000_000] {
        let refused = pool.evaluate(&source(bytes), "evaluate", &input).await.unwrap_err();
        assert!(matches!(refused, SandboxError::SourceTooLong { bytes: said, .. } if said == bytes), "{refused}");
    }
}

#[tokio::test]
async fn inputs_are_accepted_up_to_their_bound_together() {
    let pool = Pool::start(patient()).await.unwrap();
    let half = "\u{1}".repeat(2 * 1024 * 1024);
    let source = "def evaluate(response):\n    return len(response) == 2 * 1024 * 1024";
    let fits = pool.evaluate(source, "evaluate", &[half.clone(), half.clone()]).await.unwrap();
    assert_eq!(fits, [sandbox::Outcome::Value(true), sandbox::Outcome::Value(true)]);
    let refused = pool.evaluate(source, "evaluate", &[half.clone(), half, "x".to_owned()]).await.unwrap_err();
    assert!(matches!(refused, SandboxError::InputsTooLong { .. }), "{refused}");
}

#[tokio::test]
async fn only_names_of_functions_are_names() {
    let pool = Pool::start(settings()).await.unwrap();
    let source = "def _f2(response):\n    return True";
    assert!(pool.evaluate(source, "_f2", &["x".to_owned()]).await.is_ok());
    for name in ["", "2f", "f()", "f\n", "print(1);f", "é", &"f".repeat(65)] {
        let refused = pool.evaluate(source, name, &["x".to_owned()]).await.unwrap_err();
        assert!(matches!(refused, SandboxError::FunctionName { .. }), "{name}: {refused}");
    }
}

#[tokio::test]
async fn settings_of_nothing_are_refused_by_name() {
    let nothing = Limits { time_ms: 0, ..Limits::default() };
    for (key, zero) in [
        ("workers", Settings { workers: 0, ..settings() }),
        ("functions_per_worker", Settings { functions_per_worker: 0, ..settings() }),
        ("limits.time_ms", Settings { limits: nothing, ..settings() }),
    ] {
        assert!(matches!(Pool::start(zero).await, Err(SandboxError::Zero { key: said }) if said == key), "{key}");
    }
}

#[test]
fn the_worker_is_found_in_the_folder_of_the_programs() {
    assert_eq!(beside_current_exe().unwrap(), Path::new(env!("CARGO_BIN_EXE_apprentice-verify")));
}

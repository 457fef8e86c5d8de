//! `apprentice train JOB.toml`: one training job; progress as JSON lines on standard output.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use jobs::Progress;

/// Runs the job; how it went is the last line.
pub(crate) fn train(path: &Path) -> ExitCode {
    let mut out = std::io::stdout().lock();
    // A reader that went away does not end a lesson.
    let mut line = |progress: &Progress| {
        let text = serde_json::to_string(progress).unwrap_or_default();
        writeln!(out, "{text}").and_then(|()| out.flush()).unwrap_or_default();
    };
    match train::load_job(path).and_then(|job| train::run(&job, &mut line)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            line(&Progress::Failed { error: error.to_string() });
            ExitCode::FAILURE
        }
    }
}

//! The program: arguments to command, command to exit code.

mod app;
mod cli;
mod commands;
mod finding;
mod output;
mod settings;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};
use output::eprint_line;
use rustix::fs::Mode;
use settings::environment;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with: any error is one message for a person.
pub(crate) type Outcome = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    // What this program writes is its owner's alone; said before there is a second thread.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let arguments = Arguments::parse();
    let log = environment::variable(environment::LOG);
    let filter = log.as_deref().map(EnvFilter::try_new).transpose().unwrap_or_else(|error| {
        eprint_line(&format!("apprentice: {} is not followed: {error}", environment::LOG));
        None
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(default_log(&arguments.command))))
        .with_writer(std::io::stderr)
        // A log that cannot be written (a full disk) must not end a request: saying so on the same disk would panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if let Some(nice) = arguments.nice {
        commands::lower_priority(nice);
    }
    commands::run(arguments.command).unwrap_or_else(|error| {
        eprint_line(&format!("apprentice: {error}"));
        ExitCode::FAILURE
    })
}

/// Practice shows its own progress; its log would only scroll it away.
fn default_log(command: &Command) -> &'static str {
    if matches!(command, Command::Practice(_)) { "error" } else { "info" }
}

//! The program: arguments to command, command to exit code.

mod app;
mod cli;
mod lesson_steps;
mod run_practice;
mod serve;
mod settings;
mod setup;
mod steer;
mod students;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with: any error is one message for a person.
pub(crate) type Outcome = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("APPRENTICE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default_log(&arguments.command))),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if let Some(nice) = arguments.nice {
        lesson_steps::step_back(nice);
    }
    run(arguments.command).unwrap_or_else(|error| {
        say(&format!("apprentice: {error}"));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(config) => serve::serve(&config.config),
        Command::Practice(practice) => run_practice::practice(practice),
        Command::Init { path } => setup::init(&path),
        Command::Check(config) => setup::check(&config.config),
        Command::Sites(sites) => steer::sites(sites),
        Command::Train { job } => Ok(lesson_steps::train(&job)),
        Command::Export(export) => lesson_steps::export(&export),
        Command::Exam { paper } => lesson_steps::exam(&paper),
        Command::PracticeBase(base) => lesson_steps::practice_base(&base),
        Command::PracticePairs(pairs) => lesson_steps::practice_pairs(&pairs),
    }
}

/// Practice shows its own progress; its log would only scroll it away.
fn default_log(command: &Command) -> &'static str {
    if matches!(command, Command::Practice(_)) { "error" } else { "info" }
}

/// A line for the person at the terminal, on standard error.
#[expect(clippy::print_stderr, reason = "the one place that speaks to a person")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// A line of the command's result, on standard output.
#[expect(clippy::print_stdout, reason = "the one place that prints results")]
pub(crate) fn print(line: &str) {
    println!("{line}");
}

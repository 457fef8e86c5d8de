//! What can end a run. What is wrong with one item never does: it is dropped with its reason.

use std::path::PathBuf;

/// Why a run ended before its end. Whatever was paid is in the run's folder: the same command goes on with it.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    File(#[from] files::FileError),
    #[error(transparent)]
    Data(#[from] dataset::DatasetError),
    #[error("{} holds another run: {differs}; name another folder, or give the arguments it was begun with", path.display())]
    OtherRun { path: PathBuf, differs: String },
    #[error("another process is at work on the run in {}", .0.display())]
    RunInUse(PathBuf),
    #[error("{key} = {value} {wanted}")]
    Setting { key: &'static str, value: String, wanted: &'static str },
    #[error("the prompt template `{name}`: {problem}")]
    Template { name: String, problem: String },
    #[error(
        "the money cap is reached: ${spent:.4} of ${cap:.4} are spent and the next call may cost ${next:.4}; a higher cap goes on from here"
    )]
    Cap { spent: f64, cap: f64, next: f64 },
    #[error("{model} gave {failures} failures in a row, the last: {last}; the same command goes on from here")]
    Unreachable { model: String, failures: u32, last: String },
    /// A call that a run without a model would have to pay for.
    #[error("a call of stage `{0}` was not answered before, and this command pays for none")]
    WouldPay(&'static str),
    /// The student repeats itself; what was kept before stays.
    #[error(
        "round {round} was stopped: {why}; the student has begun to repeat itself: grow less, or teach it more first"
    )]
    Collapsed { round: u32, why: String },
    #[error(transparent)]
    Verifier(#[from] verify::VerifierError),
    #[error("the functions cannot be run: {0}")]
    Sandbox(String),
    #[error("entailment cannot be judged: {0}")]
    Nli(String),
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
    #[error("{0}")]
    Nothing(String),
}

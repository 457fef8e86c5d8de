//! Why a lesson did not come to its end.

use callsite::SiteId;

/// A failure of the cycle.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// A person ended it; the text says who, and why.
    #[error("cancelled {0}")]
    Cancelled(String),
    #[error("the {step} process ended with {status}: {message}")]
    Child { step: &'static str, status: String, message: String },
    #[error(transparent)]
    Curriculum(#[from] curriculum::CurriculumError),
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The message names what was tried and the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the training job cannot be written: {0}")]
    Job(String),
    #[error("the {step} process was killed by signal {signal}, {times} times; check for out-of-memory kills")]
    Killed { step: &'static str, signal: i32, times: u32 },
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    #[error("`{0}` is past the limit of call sites and has no state of its own")]
    NotAdmitted(SiteId),
    /// It goes on at the next start.
    #[error("the program ends")]
    Ended,
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// It goes on when the site's next lesson is due or asked for, or at the next start.
    #[error("the {step} waits: {message}")]
    Waits { step: &'static str, message: String },
    #[error("the exam job cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error("only {found} examples could be drawn from the exchanges of `{site}`, {needed} are needed: {left_out}")]
    TooFew { site: SiteId, found: usize, needed: u64, left_out: String },
}

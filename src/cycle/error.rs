//! Why a lesson did not come to its end.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the cycle.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    #[error("the {step} process ended with {status}: {message}")]
    Child { step: &'static str, status: String, message: String },
    #[error("the {step} process was killed by signal {signal}, {times} times; is memory short?")]
    Killed { step: &'static str, signal: i32, times: u32 },
    #[error(transparent)]
    Curriculum(#[from] curriculum::CurriculumError),
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("a file of the lesson cannot be read or written: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    #[error(transparent)]
    Site(#[from] callsite::BadSite),
    #[error("a job cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error("only {found} examples could be drawn from the exchanges of `{site}`, {needed} are needed: {left_out}")]
    TooFew { site: String, found: usize, needed: u64, left_out: String },
}

impl CycleError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

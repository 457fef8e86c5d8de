//! Why the ledger did not do what it was asked.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use callsite::{SiteId, VersionId};

/// A failure of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Action(#[from] handover::ActionError),
    #[error("somebody else wrote to the hand-over log: record {expected} was to follow, {found} is next")]
    Conflict { expected: u64, found: u64 },
    #[error("request `{0}` is rated already, and a rating stands")]
    AlreadyRated(String),
    #[error("version `{version}` was discarded at call site `{site}` and is not tried again; train a new one")]
    Discarded { site: SiteId, version: VersionId },
    #[error("the hand-over log {} is in use by another process; stop that one or choose another directory", .0.display())]
    InUse(PathBuf),
    #[error("cannot {what}: {source}")]
    Io { what: &'static str, source: io::Error },
    #[error(
        "the hand-over log cannot be opened or written, every call site is with the teacher: free its disk or mend it"
    )]
    LogUnavailable,
    #[error("points are from 1 to 5, for fun, structure and adherence; not {0:?}")]
    Points([u8; 3]),
    #[error("a record of the hand-over log cannot be put as JSON: {0}")]
    Record(#[from] serde_json::Error),
    #[error("request `{0}` was answered by the teacher: rate what the student said")]
    NotTheStudents(String),
    #[error("request `{request}` was answered by version `{by}`, not by `{named}`")]
    OtherVersion { request: String, by: VersionId, named: VersionId },
    #[error(
        "no audit of request `{0}` is among the newest; name the version that answered it, as `x-apprentice-model` \
         said behind the `@`"
    )]
    UnknownRequest(String),
    #[error("the {what} has {bytes} bytes; {} to {} are allowed", .allowed.start(), .allowed.end())]
    Text { what: &'static str, bytes: usize, allowed: RangeInclusive<usize> },
    #[error(
        "a record holds a number that the hand-over log could not give back; it is not written and changes nothing"
    )]
    Unreadable,
    #[error("no call site `{0}` is known; a site exists from its first request on")]
    UnknownSite(SiteId),
    #[error("version `{version}` does not serve at call site `{site}`: a rating of its answers changes nothing")]
    NotServing { site: SiteId, version: VersionId },
}

/// `map_err` with what was tried.
pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> LedgerError {
    move |source| LedgerError::Io { what, source }
}

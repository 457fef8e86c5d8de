//! Why the ledger did not do what it was asked.

/// A failure of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("a record of the hand-over log cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    #[error(transparent)]
    Steer(#[from] handover::SteerError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("no call site `{0}` is known; a site exists from its first request on")]
    UnknownSite(String),
}

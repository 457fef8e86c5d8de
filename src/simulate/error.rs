//! What can be wrong with what a simulation is given.

/// One message for a person each.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A row or an entry that cannot be used, by file and line (rows) or place in the list (entries).
    #[error("{file}:{line}: {problem}")]
    Row { file: String, line: u64, problem: String },
    #[error("{file}: {problem}")]
    File { file: String, problem: String },
    #[error("the policy: {0}")]
    Policy(String),
}

//! What can go wrong with a frozen matrix.

/// Every variant says what and where.
#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{path} ends before the {bytes} bytes at {offset}")]
    Outside { path: String, offset: usize, bytes: usize },
    #[error("rows of {inn} numbers are not whole blocks of {block}: {format} cannot hold them")]
    Block { inn: usize, block: usize, format: &'static str },
}

//! Why a curriculum could not be drawn.

/// A failure of a curriculum.
#[derive(Debug, thiserror::Error)]
pub enum CurriculumError {
    #[error(transparent)]
    Capture(#[from] capture::CaptureError),
    #[error(transparent)]
    Dataset(#[from] dataset::DatasetError),
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The message names what was tried and the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{} is damaged: it does not hold the signatures that were written; remove it to begin anew", .0.display())]
    Signatures(std::path::PathBuf),
    #[error("nothing is left to learn from; left out: {0}")]
    Empty(String),
    #[error("{strata} strata cannot each have at most {share} of all")]
    Quota { strata: usize, share: f64 },
}

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
}

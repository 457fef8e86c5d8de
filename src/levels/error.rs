//! Why a file could not be read as a level, or written as one.

/// What failed, where, and what would do.
#[derive(Debug, thiserror::Error)]
pub enum LevelsError {
    /// The text does not have its form at all; the problem names line and column where they are known.
    #[error("not {form}: {problem}")]
    Syntax { form: &'static str, problem: String },
    #[error("{form}: {place}: {problem}")]
    Content { form: &'static str, place: String, problem: String },
    #[error("a text of {bytes} bytes; a level is written in at most {max}")]
    TooLong { bytes: usize, max: usize },
    #[error("{what} of {width} x {height} cells; each side must be {min} to {max}")]
    Size { what: String, width: i64, height: i64, min: i64, max: i64 },
    #[error("{players} players stand on the map, one must")]
    Players { players: usize },
    #[error("`{0}` is no form of levels; the forms are jac, ascii, tmx, tmj, ldtk, svg, png")]
    UnknownForm(String),
    #[error("{0} is only written, not read")]
    WriteOnly(&'static str),
    #[error("a map that cannot be put on a grid cannot be written as {form}: {problem}")]
    NotOnGrid { form: &'static str, problem: String },
    #[error("the picture could not be encoded: {0}")]
    Png(#[from] png::EncodingError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl LevelsError {
    pub(crate) fn content(form: &'static str, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Content { form, place: place.into(), problem: problem.into() }
    }
}

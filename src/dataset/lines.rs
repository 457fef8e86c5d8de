//! Files of one JSON object a line, whatever the object says.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A failure with a data file.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{} line {line}: {problem}", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
}

/// Reads the lines of a file, empty ones passed over; `problem` says what is wrong with an example that parses.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    problem: impl Fn(&T) -> Option<&'static str>,
) -> Result<Vec<T>, DatasetError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))?;
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line): (usize, &str)| {
        let failed = |problem: String| DatasetError::Line { path: path.to_owned(), line: at + 1, problem };
        let example: T = serde_json::from_str(line).map_err(|error| failed(error.to_string()))?;
        match problem(&example) {
            Some(problem) => Err(failed(problem.to_owned())),
            None => Ok(example),
        }
    };
    numbered.map(parse).collect()
}

pub(crate) fn lines<'a, T: Serialize + 'a>(examples: impl IntoIterator<Item = &'a T>) -> Result<Vec<u8>, DatasetError> {
    let mut lines = Vec::new();
    for example in examples {
        serde_json::to_writer(&mut lines, example).map_err(std::io::Error::from)?;
        lines.write_all(b"\n")?;
    }
    Ok(lines)
}

/// Replaces `path` by the lines of `examples`, durably.
pub(crate) fn write<'a, T: Serialize + 'a>(
    path: &Path,
    examples: impl IntoIterator<Item = &'a T>,
) -> Result<(), DatasetError> {
    Ok(files::replace(path, &lines(examples)?)?)
}

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

/// `records` as lines.
///
/// # Errors
/// When one of them cannot be put as JSON.
pub fn json_lines(records: impl IntoIterator<Item = impl Serialize>) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    write_to(&mut lines, records)?;
    Ok(lines)
}

/// Replaces `path` by the lines of `records`, durably; they are never all in memory.
///
/// # Errors
/// When one of them cannot be put as JSON, or the file cannot be written.
pub fn write_json_lines(path: &Path, records: impl IntoIterator<Item = impl Serialize>) -> std::io::Result<()> {
    files::replace_with(path, |mut file| write_to(&mut file, records))
}

fn write_to(out: &mut impl Write, records: impl IntoIterator<Item = impl Serialize>) -> std::io::Result<()> {
    for record in records {
        serde_json::to_writer(&mut *out, &record)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

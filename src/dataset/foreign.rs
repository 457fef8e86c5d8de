//! The lines of a JSONL file that somebody else wrote: bounded memory, whatever the file holds.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use fs_err as fs;

/// Longest line that is read; a longer one is refused and passed over without being held.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    #[error("is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("is not UTF-8: the first wrong byte is number {0}")]
    NotText(usize),
    #[error("does not end with a line break and is no whole record: {0}")]
    Torn(String),
    #[error("{0}")]
    Form(String),
}

/// The lines of a reader, numbered from 1; empty ones are passed over.
pub struct Lines<R> {
    reader: BufReader<R>,
    number: usize,
}

/// Opens `path`.
///
/// # Errors
/// When it cannot be opened; the message names it.
pub fn open_lines(path: &Path) -> io::Result<Lines<fs::File>> {
    Ok(Lines::new(fs::File::open(path)?))
}

/// One line: its number, whether a line break ends it, its text or why it has none.
pub type Line = (usize, bool, Result<String, LineProblem>);

impl<R: Read> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), number: 0 }
    }

    /// The next line that is not empty.
    fn advance(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let limit = LINE_BYTES_MAX as u64 + 1;
            if (&mut self.reader).take(limit).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let ended = bytes.ends_with(b"\n");
            if !ended && bytes.len() > LINE_BYTES_MAX {
                let ended = skip_line(&mut self.reader)?;
                return Ok(Some((self.number, ended, Err(LineProblem::TooLong))));
            }
            let text =
                String::from_utf8(bytes).map_err(|error| LineProblem::NotText(error.utf8_error().valid_up_to() + 1));
            match text {
                Ok(text) if text.trim().is_empty() => {}
                // A byte order mark is no part of the first record.
                Ok(text) => return Ok(Some((self.number, ended, Ok(text.trim_start_matches('\u{feff}').to_owned())))),
                Err(problem) => return Ok(Some((self.number, ended, Err(problem)))),
            }
        }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Reads past the end of the line; whether there was one.
fn skip_line(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffered = reader.fill_buf()?;
        if buffered.is_empty() {
            return Ok(false);
        }
        let end = buffered.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffered.len(), |at| at + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

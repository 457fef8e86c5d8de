//! What a person or a pipe gets to read. Nothing here panics: a reader that has gone is no fault of the command's.

use std::io::{self, ErrorKind, Write};

/// Whether somebody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    Gone,
}

/// A line of the command's result, on standard output. A closed pipe takes it silently: the command ends as it would
/// have, with its own exit code.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub(crate) fn print_line(line: &str) -> io::Result<()> {
    print_while_read(line).map(drop)
}

/// The same for a command that goes on until somebody ends it: it hears when its reader has gone.
///
/// # Errors
/// As [`print_line`].
pub(crate) fn print_while_read(line: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(io::Error::new(error.kind(), format!("standard output cannot be written: {error}"))),
    }
}

/// A line for the person at the terminal, on standard error. Where it cannot be written there is nobody to tell.
pub(crate) fn eprint_line(line: &str) {
    writeln!(io::stderr().lock(), "{line}").unwrap_or_default();
}

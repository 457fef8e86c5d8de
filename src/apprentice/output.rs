//! What a person or a pipe gets to read. Nothing here panics: a reader that has gone is no fault of the command's.
//!
//! Every line passes [`safe`]: what a model, a client or a server wrote must not steer a terminal. Only this file writes escape sequences.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::settings::environment;

/// Whether somebody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    Gone,
}

/// A colour that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
}

/// Above what is said next: the cursor at home, all below it gone.
const CLEARED: &str = "\u{1b}[H\u{1b}[J";

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
    write_out(&safe(line))
}

/// A line whose first word is coloured where [`has_colour`].
///
/// # Errors
/// As [`print_line`].
pub(crate) fn print_marked(colour: Colour, word: &str, rest: &str) -> io::Result<()> {
    let (word, rest) = (safe(word), safe(rest));
    if !has_colour(io::stdout().is_terminal(), environment::variable(environment::NO_COLOR).is_some()) {
        return write_out(&format!("{word}{rest}")).map(drop);
    }
    let code = match colour {
        Colour::Green => 32,
        Colour::Yellow => 33,
        Colour::Red => 31,
    };
    write_out(&format!("\u{1b}[{code}m{word}\u{1b}[0m{rest}")).map(drop)
}

/// Lines in place of those before on a terminal; elsewhere behind them.
///
/// # Errors
/// As [`print_line`].
pub(crate) fn print_anew(lines: &[String]) -> io::Result<Reader> {
    let cleared = if io::stdout().is_terminal() { CLEARED } else { "" };
    write_out(&format!("{cleared}{}", safe(&lines.join("\n"))))
}

fn has_colour(is_terminal: bool, no_color: bool) -> bool {
    is_terminal && !no_color
}

fn write_out(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(io::Error::new(error.kind(), format!("standard output cannot be written: {error}"))),
    }
}

/// Asks whoever sits at the terminal; nothing where no more is said.
///
/// # Errors
/// When the question cannot be written or the answer not be read.
pub(crate) fn ask(question: &str) -> io::Result<Option<String>> {
    let mut out = io::stdout().lock();
    write!(out, "{}", safe(question)).and_then(|()| out.flush())?;
    let mut answer = String::new();
    Ok((io::stdin().read_line(&mut answer)? > 0).then(|| answer.trim().to_owned()))
}

/// A line for the person at the terminal, on standard error. Where it cannot be written there is nobody to tell.
pub(crate) fn eprint_line(line: &str) {
    writeln!(io::stderr().lock(), "{}", safe(line)).unwrap_or_default();
}

/// `text` with every character written out that would steer a terminal (escape sequences of both kinds, carriage returns) or show what follows in
/// another order than it stands in. Line ends and tabs stay. The spelling is JSON's, `\u001b`: JSON says the same as before.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let steers = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) {
            safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests;

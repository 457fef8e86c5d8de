//! How long an answer would take: what is to be done before it, at the pace at which the student has been working.
//!
//! One thread does everything, so an answer is whole about when all that was there before it, and it, are done. Where nothing has been
//! measured yet nothing is said to take time: a guess must not keep requests away from a student that nobody has tried.

use std::time::Duration;

use blake3::Hash;

use crate::sites::Sites;

/// Share of the newest measurement.
const NEWEST: f64 = 0.1;
/// Numbers of rows that are told apart: 1, 2 to 3, 4 to 7 and so on.
const SIZES: usize = 17;

/// What is left to do for some answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    pub(crate) answers: usize,
    /// Of prompts.
    pub(crate) bytes: f64,
    /// Of answers.
    pub(crate) tokens: f64,
}

impl Work {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            answers: self.answers + other.answers,
            bytes: self.bytes + other.bytes,
            tokens: self.tokens + other.tokens,
        }
    }
}

/// The pace, and what is under way.
#[derive(Default)]
pub(crate) struct Forecast {
    /// Seconds of reading for a byte of a prompt, beginnings that were known and took none included.
    read_s: Average,
    /// By the number of rows: seconds of writing for a token.
    token_s: [Average; SIZES],
    /// Tokens of an answer.
    lengths: Sites<Average>,
    pub(crate) under_way: Work,
}

/// The average of what was lately.
#[derive(Clone, Copy, Default)]
struct Average(Option<f64>);

impl Average {
    fn note(&mut self, value: f64) {
        self.0 = Some(self.0.map_or(value, |average| average + NEWEST * (value - average)));
    }
}

impl Forecast {
    /// A prompt of so many bytes was read.
    pub(crate) fn note_reading(&mut self, bytes: usize, took: Duration) {
        if bytes > 0 {
            self.read_s.note(took.as_secs_f64() / bytes as f64);
        }
    }

    /// So many tokens of so many rows were written.
    pub(crate) fn note_writing(&mut self, rows: usize, tokens: usize, took: Duration) {
        if let (Some(average), 1..) = (self.token_s.get_mut(size(rows)), tokens) {
            average.note(took.as_secs_f64() / tokens as f64);
        }
    }

    /// An answer was written.
    pub(crate) fn note_answer(&mut self, adapter: Option<Hash>, tokens: usize) {
        self.lengths.entry(adapter).note(tokens as f64);
    }

    /// What is to do for the answer to a prompt.
    pub(crate) fn work(&self, adapter: Option<Hash>, bytes: usize, max_tokens: u32) -> Work {
        let usual = self.lengths.get(adapter).and_then(|length| length.0).unwrap_or_default();
        Work { answers: 1, bytes: bytes as f64, tokens: usual.min(f64::from(max_tokens)) }
    }

    /// What is left of an answer that has so many tokens and room for so many more.
    pub(crate) fn left(&self, adapter: Option<Hash>, written: usize, room: usize) -> Work {
        let usual = self.lengths.get(adapter).and_then(|length| length.0).unwrap_or_default();
        Work { answers: 1, bytes: 0.0, tokens: (usual - written as f64).max(1.0).min(room as f64) }
    }

    /// Whether `own` would be late, after `waiting` and with `rows` written together, only because of what is there before it: it would be
    /// whole within the time if it were alone.
    pub(crate) fn is_late(&self, own: Work, waiting: Work, rows: usize, within: Duration) -> bool {
        let all = waiting.plus(self.under_way).plus(own);
        let within = within.as_secs_f64();
        self.seconds(all, rows) > within && self.seconds(own, rows) <= within
    }

    fn seconds(&self, work: Work, rows: usize) -> f64 {
        self.read_s.0.unwrap_or_default() * work.bytes + self.token_s(work.answers.min(rows)) * work.tokens
    }

    /// Seconds for a token where so many rows are written. More rows than were seen are taken to cost what fewer do: all wait for the same
    /// weights.
    fn token_s(&self, rows: usize) -> f64 {
        let size = size(rows);
        let known = |at: usize| self.token_s.get(at).and_then(|average| average.0);
        let fewer = (0..=size).rev().find_map(|at| Some(known(at)? / f64::from(1_u32 << (size - at))));
        fewer.or_else(|| (size + 1..SIZES).find_map(known)).unwrap_or_default()
    }
}

fn size(rows: usize) -> usize {
    (rows.max(1).ilog2() as usize).min(SIZES - 1)
}

#[cfg(test)]
mod tests;

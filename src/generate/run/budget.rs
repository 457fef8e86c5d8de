//! The money cap of a run: every call reserves the most it may cost before it is made. Pure but for the lock.

use parking_lot::Mutex;
use wire::{Prompt, Usage};

use crate::GenerateError;

/// Letters in a token, at least: what a prompt costs is reserved by this, so that it is never less than it turns out.
const LETTERS_PER_TOKEN: usize = 2;

/// Dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Price {
    pub input: f64,
    pub output: f64,
}

impl Price {
    /// Dollars for so many tokens read and written.
    #[must_use]
    pub fn of(&self, usage: Usage) -> f64 {
        (f64::from(usage.prompt_tokens) * self.input + f64::from(usage.completion_tokens) * self.output) / 1e6
    }

    /// The most that `prompt` may cost.
    #[must_use]
    pub fn most(&self, prompt: &Prompt) -> f64 {
        let letters: usize = prompt.turns.iter().map(|turn| turn.text.len() + 16).sum();
        let prompt_tokens = u32::try_from(letters / LETTERS_PER_TOKEN).unwrap_or(u32::MAX);
        self.of(Usage { prompt_tokens, completion_tokens: prompt.max_tokens })
    }
}

/// What is spent, what is reserved, and how much may be.
#[derive(Debug)]
pub(crate) struct Budget {
    cap: Option<f64>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    spent: f64,
    reserved: f64,
}

impl Budget {
    /// `spent` is what earlier parts of the run paid.
    pub(crate) fn new(cap: Option<f64>, spent: f64) -> Self {
        Self { cap, used: Mutex::new(Used { spent, reserved: 0.0 }) }
    }

    /// Sets `most` aside, to be given back by [`settle`](Self::settle).
    pub(crate) fn reserve(&self, most: f64) -> Result<(), GenerateError> {
        let mut used = self.used.lock();
        match self.cap {
            Some(cap) if used.spent + used.reserved + most > cap => {
                Err(GenerateError::Cap { spent: used.spent, cap, next: most })
            }
            _ => {
                used.reserved += most;
                Ok(())
            }
        }
    }

    /// Ends a reservation of `most` that cost `paid`.
    pub(crate) fn settle(&self, most: f64, paid: f64) {
        let mut used = self.used.lock();
        used.reserved -= most;
        used.spent += paid;
    }

    pub(crate) fn spent(&self) -> f64 {
        self.used.lock().spent
    }
}

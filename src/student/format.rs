//! How prompts are read and answers are written: the tokenizer, where an answer ends, what fits.

use gemma::{Tokenizer, normalise};
use packed::Kernel;
use wire::{Ineligible, Role, Turn};

/// Tokens that the chat format puts around a turn, and before the answer, at most.
const FRAME_TOKENS: usize = 16;

/// The same for all answers of a base.
pub(crate) struct Format {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) stop_ids: Vec<u32>,
    /// Tokens of prompt and answer together.
    pub(crate) context: usize,
    /// What the figures over an answer's logits are computed with.
    pub(crate) kernel: Kernel,
}

/// What a prompt's length in bytes says about its length in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    Unsettled,
}

impl Format {
    /// Checks what can be checked without tokenising: who speaks last, and that the prompt is not longer than any
    /// prompt that fits.
    pub(crate) fn screen(&self, turns: &[Turn]) -> Result<Fit, Ineligible> {
        if turns.last().is_none_or(|turn| turn.role != Role::User) {
            return Err(Ineligible::LastTurn);
        }
        let turns = normalise(turns);
        let bytes: usize = turns.iter().map(|turn| turn.text.len()).sum();
        let least = self.tokenizer.tokens_at_least(bytes);
        if least > self.context {
            return Err(Ineligible::TooLong { tokens: least, limit: self.context });
        }
        // No token stands for less than a byte.
        let most = bytes + (turns.len() + 1) * FRAME_TOKENS;
        Ok(if most <= self.context { Fit::Fits } else { Fit::Unsettled })
    }

    /// Whether a prompt of `tokens` tokens has room.
    pub(crate) fn check_length(&self, tokens: usize) -> Result<(), Ineligible> {
        if tokens > self.context { Err(Ineligible::TooLong { tokens, limit: self.context }) } else { Ok(()) }
    }
}

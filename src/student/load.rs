//! What the student's thread has done and who waits for it, for whoever counts.

/// One round: a piece of a prompt, and a token of every answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Answers that are being written after it.
    pub rows: usize,
    /// Prompts that wait, the one that is being read not included.
    pub waiting: usize,
    /// Tokens of prompts that were read.
    pub read_tokens: usize,
    /// Tokens of prompts that were known from an earlier one.
    pub known_tokens: usize,
    /// Tokens of answers that were read by the model in order to go on, those that a form forced included.
    pub answer_tokens: usize,
    /// Tokens of drafts that were read with them, and those of these that were accepted.
    pub drafted_tokens: usize,
    pub accepted_tokens: usize,
    /// Tokens that were chosen of the whole vocabulary in order to check a call site's list of it: those on it, and those that are not.
    pub listed_tokens: usize,
    pub unlisted_tokens: usize,
}

/// Hears of every round.
pub type Observer = Box<dyn Fn(&Round) + Send>;

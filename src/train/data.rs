//! The run's examples: chat lines to tokens.

use std::path::Path;

use gemma::{TokenisedExample, Tokenizer, example_ids};

use crate::error::TrainError;

/// The examples of one file.
pub(crate) struct Examples {
    pub(crate) list: Vec<TokenisedExample>,
    /// Number of those that were longer than allowed.
    pub(crate) dropped: usize,
}

impl Examples {
    /// Reads chat lines. An example of more than `max_tokens` is dropped, never cut: its answer's end
    /// is what it has to teach.
    pub(crate) fn read(path: &Path, tokenizer: &Tokenizer, max_tokens: usize) -> Result<Self, TrainError> {
        let mut examples = Self { list: Vec::new(), dropped: 0 };
        for chat in dataset::read_chat(path)? {
            // `read_chat` has refused what does not split.
            let Some((prompt, answer)) = chat.split() else { continue };
            let example = example_ids(tokenizer, prompt, &answer.text)?;
            if example.ids.len() > max_tokens {
                examples.dropped += 1;
            } else {
                examples.list.push(example);
            }
        }
        if examples.list.is_empty() {
            return Err(TrainError::Empty { path: path.to_path_buf(), max_tokens });
        }
        Ok(examples)
    }

    /// Tokens of the longest example.
    pub(crate) fn longest(&self) -> usize {
        self.list.iter().map(|example| example.ids.len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;

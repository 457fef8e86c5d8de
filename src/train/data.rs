//! The run's examples: lines of a data file to tokens.

use std::path::Path;

use gemma::{Tokenizer, example_ids};
use jobs::{Method, TrainingArguments};

use crate::batch::fixed_batches;
use crate::error::TrainError;
use crate::item::{Item, pair_mismatched};

/// The examples of one file.
pub(crate) struct Examples {
    pub(crate) list: Vec<Item>,
    /// Number of those that were longer than allowed.
    pub(crate) dropped: usize,
    /// The batches of a run by preferences, which are the same in every epoch; else empty.
    pub(crate) fixed: Vec<Vec<usize>>,
}

impl Examples {
    /// Reads the lines that `method` learns from. An example of more than `max_tokens` is dropped, never cut: its
    /// answer's end is what it has to teach.
    pub(crate) fn read(
        path: &Path,
        tokenizer: &Tokenizer,
        method: Method,
        arguments: &TrainingArguments,
    ) -> Result<Self, TrainError> {
        let max_tokens = arguments.max_tokens as usize;
        let mut list = items(path, tokenizer, method)?;
        let all = list.len();
        list.retain(|item| item.longest() <= max_tokens);
        let mut examples = Self { dropped: all - list.len(), list, fixed: Vec::new() };
        let least = if method == Method::Kto { 2 } else { 1 };
        match examples.list.len() {
            0 => return Err(TrainError::Empty { path: path.to_path_buf(), max_tokens }),
            few if few < least => return Err(TrainError::Alone { path: path.to_path_buf(), max_tokens }),
            _ => {}
        }
        if method.is_preference() {
            let (size, count) = (arguments.batch_size as usize, examples.list.len());
            examples.fixed = fixed_batches(count, size, least, arguments.seed);
        }
        if method == Method::Kto {
            pair_mismatched(&mut examples.list, &examples.fixed, max_tokens);
        }
        Ok(examples)
    }

    /// Tokens of the longest sequence.
    pub(crate) fn longest(&self) -> usize {
        self.list.iter().map(Item::longest).max().unwrap_or(0)
    }

    /// Sequences of the largest item.
    pub(crate) fn sequences(&self) -> usize {
        self.list.iter().map(|item| item.sequences.len()).max().unwrap_or(1)
    }
}

fn items(path: &Path, tokenizer: &Tokenizer, method: Method) -> Result<Vec<Item>, TrainError> {
    let mut items = Vec::new();
    match method {
        Method::Sft | Method::Pretrain => {
            for chat in dataset::read_chat(path)? {
                // `read_chat` has refused what does not split.
                let Some((prompt, answer)) = chat.split() else { continue };
                items.push(Item::single(example_ids(tokenizer, prompt, &answer.text)?, true));
            }
        }
        Method::Kto => {
            for example in dataset::read_labelled(path)? {
                let [completion] = &example.completion;
                let tokens = example_ids(tokenizer, &example.prompt, &completion.text)?;
                items.push(Item::single(tokens, example.label));
            }
        }
        Method::Dpo => {
            for example in dataset::read_preferences(path)? {
                let ([chosen], [rejected]) = (&example.chosen, &example.rejected);
                let tokens = |text: &str| example_ids(tokenizer, &example.prompt, text);
                items.push(Item::pair(tokens(&chosen.text)?, tokens(&rejected.text)?));
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests;

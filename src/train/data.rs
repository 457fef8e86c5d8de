//! The run's examples: lines of a data file to tokens.

use std::path::Path;

use gemma::{Tokenizer, example_ids};
use jobs::{Method, TrainingArguments};

use crate::batch::{epoch_batches, fixed_batches};
use crate::error::TrainError;
use crate::item::{Item, pair_mismatched};

/// Lines that an error names, at most.
const LINES_SAID: usize = 32;

/// The examples of one file.
pub(crate) struct Examples {
    pub(crate) list: Vec<Item>,
    /// By item, the number of the line that it stands on, from 1.
    lines: Vec<usize>,
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
        let found = items(path, tokenizer, method)?;
        let all = found.len();
        let short = filled_lines(path)?.into_iter().zip(found).filter(|(_, item)| item.longest() <= max_tokens);
        let (lines, list): (Vec<usize>, Vec<Item>) = short.unzip();
        let mut examples = Self { dropped: all - list.len(), list, lines, fixed: Vec::new() };
        let least = if method == Method::Kto { 2 } else { 1 };
        match examples.list.len() {
            0 if all == 0 => return Err(TrainError::Empty { path: path.to_path_buf() }),
            0 => return Err(TrainError::TooLong { path: path.to_path_buf(), all, max_tokens }),
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

    /// The batches of one pass over the examples.
    pub(crate) fn batches(&self, arguments: &TrainingArguments, epoch: u64) -> Vec<Vec<usize>> {
        if !self.fixed.is_empty() {
            return self.fixed.clone();
        }
        let lengths: Vec<usize> = self.list.iter().map(Item::longest_learnt).collect();
        epoch_batches(&lengths, arguments.batch_size as usize, arguments.seed, epoch)
    }

    /// Where the items at `places` stand in the file `path`, in words.
    pub(crate) fn whereabouts(&self, path: &Path, places: &[usize]) -> String {
        let mut lines: Vec<usize> = places.iter().filter_map(|at| self.lines.get(*at).copied()).collect();
        lines.sort_unstable();
        let said: Vec<String> = lines.iter().take(LINES_SAID).map(usize::to_string).collect();
        let more = match lines.len().saturating_sub(LINES_SAID) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let lines = if lines.len() == 1 { "line" } else { "lines" };
        format!("{lines} {}{more} of {}", said.join(", "), path.display())
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

/// The numbers of the lines that hold an example.
fn filled_lines(path: &Path) -> Result<Vec<usize>, TrainError> {
    let text = fs_err::read_to_string(path)?;
    Ok((1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).map(|(number, _)| number).collect())
}

fn items(path: &Path, tokenizer: &Tokenizer, method: Method) -> Result<Vec<Item>, TrainError> {
    let mut items = Vec::new();
    match method {
        Method::Sft | Method::Pretrain => {
            for chat in dataset::read_chat(path)? {
                // `read_chat` has refused what does not split: every filled line is an item.
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

//! The run's examples: lines of a data file to tokens.

use std::collections::BTreeMap;
use std::path::Path;

use dataset::TaughtExample;
use gemma::{TeacherToken, Tokenizer, example_ids, soft_targets};
use jobs::{Method, TrainingArguments};

use crate::batch::{epoch_batches, fixed_batches};
use crate::error::TrainError;
use crate::item::{Item, pair_mismatched};
use crate::soft::Soft;

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

    /// Gives what the teacher thought its part of the loss, from 0 to 1; 0 forgets it.
    pub(crate) fn weigh(&mut self, kl_weight: f64) {
        for sequence in self.list.iter_mut().flat_map(|item| &mut item.sequences) {
            if kl_weight == 0.0 {
                sequence.soft.clear();
            }
            sequence.soft.values_mut().for_each(|soft| soft.weight = kl_weight);
        }
    }

    /// Completion tokens of which it is known what the teacher thought.
    pub(crate) fn soft_targets(&self) -> usize {
        self.list.iter().flat_map(|item| &item.sequences).map(|sequence| sequence.soft.len()).sum()
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
        Method::Sft => {
            for example in dataset::read_taught(path)? {
                // `read_taught` has refused what does not split.
                let Some((prompt, answer)) = example.chat.split() else { continue };
                let mut item = Item::single(example_ids(tokenizer, &prompt, &answer.text)?, true);
                if let Some(sequence) = item.sequences.first_mut() {
                    sequence.soft = soft(tokenizer, &answer.text, &example, sequence.tokens.completion.start)?;
                }
                items.push(item);
            }
        }
        Method::Pretrain => {
            for chat in dataset::read_chat(path)? {
                // `read_chat` has refused what does not split: every filled line is an item.
                let Some((prompt, answer)) = chat.split() else { continue };
                items.push(Item::single(example_ids(tokenizer, &prompt, &answer.text)?, true));
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

/// What the teacher thought of a completion's tokens, by their places among all tokens; the completion begins at `start`.
fn soft(
    tokenizer: &Tokenizer,
    answer: &str,
    example: &TaughtExample,
    start: usize,
) -> Result<BTreeMap<usize, Soft>, TrainError> {
    let teacher: Vec<TeacherToken<'_>> = example
        .tokens()
        .iter()
        .map(|token| TeacherToken {
            bytes: token.own.bytes(),
            considered: std::iter::once(&token.own)
                .chain(&token.top_logprobs)
                .map(|token| (token.bytes(), token.logprob))
                .collect(),
        })
        .collect();
    let found = soft_targets(tokenizer, answer, &teacher)?;
    Ok(found.into_iter().map(|soft| (start + soft.at, Soft { weight: 0.0, known: soft.known })).collect())
}

#[cfg(test)]
mod tests;

//! Which examples are trained on and which are kept apart. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dataset::ChatExample;
use serde::{Deserialize, Serialize};

/// How a curriculum is drawn; `[lessons.dataset]` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetSettings {
    /// The newest examples are taken, at most this many.
    pub examples_max: usize,
    /// Share of the prompts kept apart for the exam, chosen by their hash.
    pub held_out_fraction: f64,
    /// The exam asks at most this many, the newest.
    pub held_out_max: usize,
}

impl Default for DatasetSettings {
    fn default() -> Self {
        Self { examples_max: 5_000, held_out_fraction: 0.10, held_out_max: 200 }
    }
}

impl DatasetSettings {
    /// What is wrong with the numbers, each with its key, value and range; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.examples_max == 0 {
            problems.push("examples_max = 0 must be at least 1".to_owned());
        }
        if !(self.held_out_fraction > 0.0 && self.held_out_fraction < 1.0) {
            let value = self.held_out_fraction;
            problems.push(format!("held_out_fraction = {value} must lie strictly between 0 and 1"));
        }
        if self.held_out_max == 0 {
            problems.push("held_out_max = 0 must be at least 1: without an exam no version can be tried".to_owned());
        }
        problems
    }
}

/// Both sides of a split, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) train: Vec<ChatExample>,
    pub(crate) held_out: Vec<ChatExample>,
    /// Kept apart, and more than the exam asks: on neither side.
    pub(crate) surplus: usize,
}

/// Splits the newest of `examples` (prompt hash -> place in time, example). A prompt's side depends on its hash
/// alone, so it never changes sides from one lesson to the next.
pub(crate) fn split(examples: BTreeMap<[u8; 32], (usize, ChatExample)>, settings: DatasetSettings) -> Split {
    let mut newest: Vec<([u8; 32], (usize, ChatExample))> = examples.into_iter().collect();
    newest.sort_by_key(|(_, (seen, _))| Reverse(*seen));
    newest.truncate(settings.examples_max);
    let mut split = Split::default();
    for (hash, (_, example)) in newest {
        let [first, second, ..] = hash;
        let place = f64::from(u16::from_le_bytes([first, second])) / 65_536.0;
        if place >= settings.held_out_fraction {
            split.train.push(example);
        } else if split.held_out.len() < settings.held_out_max {
            split.held_out.push(example);
        } else {
            split.surplus += 1;
        }
    }
    split.train.reverse();
    split.held_out.reverse();
    split
}

//! Which new instructions and examples stay. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use super::task::Instance;
use crate::item::Check;

/// Thresholds of the filters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Words of an instruction: fewer or more drop it.
    pub words_min: usize,
    pub words_max: usize,
    /// ROUGE-L F1 with the nearest task of the pool above which an instruction is not new.
    pub rouge_max: f64,
}

impl Default for Thresholds {
    /// The released code drops instructions of at most 3 and more than 150 words.
    fn default() -> Self {
        Self { words_min: 4, words_max: 150, rouge_max: 0.7 }
    }
}

/// What no character of a fantasy game can be asked for: other media, tools, our own world. The released list's "map", "draw",
/// "file" and "go to" are ordinary words there and stay.
const BLACKLIST: &[&str] = &[
    r"\b(?:images?|photos?|photographs?|graphs?|charts?|plots? (?:a|the) (?:graph|chart)|spreadsheets?|videos?|audio)\b",
    r"\b(?:websites?|web ?pages?|urls?|e-?mails?|tweets?|hashtags?|blog ?posts?|youtube|google|wikipedia|internet|online)\b",
    r"\b(?:python|javascript|java|html|css|sql|json|xml|source code|programming)\b",
    r"\b(?:as an ai|language models?|chatbots?|chatgpt|openai|gpt-?\d*)\b",
    r"\b(?:smartphones?|computers?|laptops?|televisions?|airplanes?|cars?|electricity)\b",
];

fn blacklist() -> Option<&'static RegexSet> {
    static SET: OnceLock<Option<RegexSet>> = OnceLock::new();
    SET.get_or_init(|| RegexSetBuilder::new(BLACKLIST).case_insensitive(true).build().ok()).as_ref()
}

/// The first forbidden word of `text`.
fn forbidden(text: &str) -> Option<String> {
    let place = blacklist()?.matches(text).iter().next()?;
    let found = Regex::new(&format!("(?i){}", BLACKLIST.get(place)?)).ok()?.find(text)?.as_str().to_owned();
    Some(found)
}

/// The checks of an instruction, in order, all of them; `nearest` is the nearest task of the pool, with its likeness.
pub(super) fn instruction(text: &str, thresholds: Thresholds, nearest: Option<(f64, &str)>) -> Vec<Check> {
    #[expect(clippy::cast_precision_loss, reason = "word counts")]
    let count = |count: usize| count as f64;
    let words = count(text.split_whitespace().count());
    let first = text.chars().next();
    let (rouge, near) = nearest.unwrap_or_default();
    let novelty = Check::at_most("novelty", rouge, thresholds.rouge_max);
    vec![
        Check::at_least("words-min", words, count(thresholds.words_min)),
        Check::at_most("words-max", words, count(thresholds.words_max)),
        Check::plain("first-character", first.is_some_and(|letter| letter.is_ascii_alphanumeric())),
        Check::plain("not-language", is_language(text)),
        Check::plain("several-tasks", !is_list(text)),
        Check::plain("program", !is_program(text)),
        match forbidden(text) {
            Some(word) => Check::plain("blacklist", false).because(word),
            None => Check::plain("blacklist", true),
        },
        if novelty.pass { novelty } else { novelty.because(format!("{rouge:.3} like: {near}")) },
    ]
}

/// Whether at least half of the words have a letter: a small model that loses its thread writes lists of numbers.
fn is_language(text: &str) -> bool {
    let words = text.split_whitespace();
    let (lettered, other): (Vec<&str>, Vec<&str>) = words.partition(|word| word.chars().any(char::is_alphabetic));
    lettered.len() >= other.len()
}

/// Whether numbers within the text make a list of it: several tasks in one line.
fn is_list(text: &str) -> bool {
    let number = |word: &&str| word.strip_suffix(['.', ')']).is_some_and(|digits| digits.parse::<u8>().is_ok());
    // A number may end a sentence; a second one makes it a list.
    text.split_whitespace().filter(number).count() > 1
}

/// Whether a program is asked for: nothing that a character says. A programme is.
fn is_program(text: &str) -> bool {
    let text = text.to_lowercase();
    let rest = text.strip_prefix("write a program");
    rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Why an example is none; `None` for a good one.
pub(super) fn degenerate(instance: &Instance) -> Option<&'static str> {
    let Instance { input, output } = instance;
    if output.is_empty() {
        Some("empty-output")
    } else if input == output {
        Some("echo")
    } else if input.ends_with(':') || output.ends_with(':') {
        Some("unfinished")
    } else {
        None
    }
}

/// What becomes of every example of one task, in order: `Ok` or the reason. Two outputs for the same input make all of the task
/// doubtful: none of them stays.
pub(super) fn examples(instances: &[Instance]) -> Vec<Result<(), &'static str>> {
    let mut outputs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Instance { input, output } in instances.iter().filter(|instance| degenerate(instance).is_none()) {
        if !input.is_empty() {
            outputs.entry(input).or_default().insert(output);
        }
    }
    let conflicting = outputs.values().any(|outputs| outputs.len() > 1);
    let mut seen = BTreeSet::new();
    let verdict = |instance: &Instance| {
        if let Some(reason) = degenerate(instance) {
            return Err(reason);
        }
        if conflicting {
            return Err("conflict");
        }
        if seen.insert((instance.input.clone(), instance.output.clone())) { Ok(()) } else { Err("duplicate") }
    };
    instances.iter().map(verdict).collect()
}

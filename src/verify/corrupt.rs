//! Copies of an answer with one wrong fact: what a judge must see before its word counts.
//!
//! Deterministic, and never a copy that the facts' own rules would let pass.

use std::collections::BTreeSet;

use crate::common_words::{is_common, is_negation};
use crate::facts::wrong_fact;
use crate::words::{Sort, Token, digit, tokens};

/// Verbs that `not` may follow.
const AUXILIARIES: [&str; 14] =
    ["is", "are", "was", "were", "will", "would", "can", "could", "should", "must", "may", "shall", "has", "have"];

/// `answer` with a number changed; else with a name exchanged for another of the prompt; else with a negation taken away
/// or put in. `None` where there is nothing to change.
#[must_use]
pub fn corrupt(prompt: &str, answer: &str) -> Option<String> {
    let wrong = |copy: &String| wrong_fact(prompt, copy, answer, Some(answer)).is_some();
    let other_number = || other_number(prompt, answer).filter(wrong);
    let other_name = || other_name(prompt, answer).filter(wrong);
    other_number().or_else(other_name).or_else(|| other_negation(answer).filter(wrong))
}

/// The first run of digits, changed to a number that neither text holds.
fn other_number(prompt: &str, answer: &str) -> Option<String> {
    let known: BTreeSet<String> = [prompt, answer].into_iter().flat_map(tokens).map(|token| token.key).collect();
    let start = answer.find(|letter| digit(letter).is_some())?;
    let (before, rest) = answer.split_at_checked(start)?;
    let end = rest.find(|letter: char| digit(letter).is_none()).unwrap_or(rest.len());
    let (run, after) = rest.split_at_checked(end)?;
    let value: u64 = run.chars().filter_map(digit).collect::<String>().parse().ok()?;
    // Half as much again, as a careless model would err; one more until nobody has said it.
    let first = value.checked_add(value / 2)?.checked_add(1)?;
    let fresh = (first..first.checked_add(1000)?).find(|value| !known.contains(&value.to_string()))?;
    Some(format!("{before}{fresh}{after}"))
}

/// The first name that the prompt has too, exchanged for the first other name of the prompt everywhere.
fn other_name(prompt: &str, answer: &str) -> Option<String> {
    let is_name =
        |token: &Token| token.is_capital() && !token.opens && !is_common(&token.text) && token.text.chars().count() > 1;
    let names: Vec<Token> = tokens(prompt).into_iter().filter(is_name).collect();
    let said = tokens(answer);
    let says = |name: &Token| said.iter().any(|token| token.key == name.key);
    let old = names.iter().find(|name| says(name))?;
    let new = names.iter().find(|name| !says(name))?;
    Some(answer.replace(&old.text, &new.text))
}

/// Without its first negation, or with a `not` after the first verb that takes one.
fn other_negation(answer: &str) -> Option<String> {
    let negation = |word: &str| tokens(word).iter().any(|token| token.sort == Sort::Word && is_negation(&token.text));
    let words: Vec<&str> = answer.split(' ').collect();
    if let Some(at) = words.iter().position(|word| negation(word)) {
        let word = *words.get(at)?;
        let positive = word.strip_suffix("n't").or_else(|| word.strip_suffix("n’t"));
        let kept = words.iter().enumerate().filter(|(index, _)| *index != at || positive.is_some());
        let kept = kept.map(|(index, word)| if index == at { positive.unwrap_or_default() } else { word });
        return Some(kept.collect::<Vec<_>>().join(" "));
    }
    let at = words.iter().position(|word| AUXILIARIES.contains(&word.to_lowercase().as_str()))?;
    let (before, after) = words.split_at_checked(at + 1)?;
    Some(format!("{} not {}", before.join(" "), after.join(" ")).trim_end().to_owned())
}

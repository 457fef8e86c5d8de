//! Rules for answers, Python functions that check them, and answers that keep them or do not; with the faults of a model: constructs
//! that a small interpreter lacks, functions and cases that are wrong, words that say the opposite of a function.

mod python;
mod rules;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use rules::Rule;

/// Shares of what a model gets wrong: repeats a rule that it was shown, forgets the form of an answer, marks a case wrongly, puts a function
/// into the wrong words, breaks a rule, gives no score.
const REPEATS: f64 = 0.08;
const FORMLESS: f64 = 0.03;
const WRONG_CASE: f64 = 0.03;
const WRONG_WORDS: f64 = 0.04;
const BREAKS_RULE: f64 = 0.35;
const NO_SCORE: f64 = 0.04;
/// A function that could not run is written the same again.
const STUBBORN: f64 = 0.15;

/// Scores, as often as they stand here.
const SCORES: [u8; 10] = [10, 9, 9, 8, 8, 8, 7, 6, 5, 2];

/// More rules, with a remark before them now and then.
pub(super) fn instructions(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let count: usize = asked.split_once("Write ")?.1.split(' ').next()?.parse().ok()?;
    let (_, shown) = asked.split_once("without comment.")?;
    let shown: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
    let mut lines = Vec::new();
    if rng.random_bool(0.5) {
        lines.push("Here are the rules:".to_owned());
    }
    for number in 1..=count {
        let repeated = if rng.random_bool(REPEATS) { shown.choose(rng).copied() } else { None };
        let rule = repeated.map_or_else(|| Rule::draw(rng).wording(rng), str::to_owned);
        lines.push(if rng.random_bool(0.3) { format!("{number}. {rule}") } else { rule });
    }
    Some(lines.join("\n"))
}

/// A function and its cases as JSON, in fences now and then.
pub(super) fn function(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let text = line_after(asked, "Rule: ")?;
    let count: usize = asked.split_once("Then write ")?.1.split(' ').next()?.parse().ok()?;
    if rng.random_bool(FORMLESS) {
        return Some("You could count the words of the answer.".to_owned());
    }
    let rule = Rule::read(text);
    let source = match &rule {
        Some(rule) => python::function(rule, rng),
        None => python::guessed(rng),
    };
    let cases: Vec<_> = (0..count)
        .map(|at| {
            let keep = if at < 2 { at == 0 } else { rng.random_bool(0.5) };
            let input = written(rule.as_ref(), keep, rng);
            json!({ "input": input, "output": keep != rng.random_bool(WRONG_CASE) })
        })
        .collect();
    let object = json!({ "func": source, "cases": cases }).to_string();
    Some(if rng.random_bool(0.2) { format!("```json\n{object}\n```") } else { object })
}

/// The function within what the interpreter knows, or the same again.
pub(super) fn repair(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let rule = Rule::read(line_after(asked, "Rule: ")?);
    let again = asked.split_once("The function:\n")?.1.split_once("\n\nWhat is wrong:")?.0;
    let source = match rule {
        Some(rule) if !rng.random_bool(STUBBORN) => python::plain(&rule, rng),
        _ => again.to_owned(),
    };
    Some(json!({ "func": source }).to_string())
}

/// The rule that the function's comment names, or its opposite.
pub(super) fn translation(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let (_, source) = asked.split_once("\n\n")?;
    let Some(rule) = line_after(source, python::COMMENT).and_then(Rule::read) else {
        return Some("Write a good answer.".to_owned());
    };
    let rule = if rng.random_bool(WRONG_WORDS) { rule.opposite() } else { rule };
    Some(rule.wording(rng))
}

/// One of three words, or none of them.
pub(super) fn relation(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let (first, second) = (Rule::read(line_after(asked, "First: ")?), Rule::read(line_after(asked, "Second: ")?));
    if rng.random_bool(FORMLESS) {
        return Some("Both are about the form.".to_owned());
    }
    let word = match (first, second) {
        (Some(first), Some(second)) if first == second => "entailment",
        (Some(first), Some(second)) if first.opposite() == second => "contradiction",
        _ => "neutral",
    };
    Some(word.to_owned())
}

/// An answer that keeps its rule, mostly.
pub(super) fn response(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let rule = Rule::read(line_after(asked, "Rule: ")?);
    let keep = !rng.random_bool(BREAKS_RULE);
    Some(written(rule.as_ref(), keep, rng))
}

/// An answer that keeps the rule, or breaks it; any sentence for a rule that was not understood.
fn written(rule: Option<&Rule>, keep: bool, rng: &mut ChaCha8Rng) -> String {
    match rule {
        Some(rule) => rule.answer(keep, rng),
        None => rules::sentence(rng),
    }
}

/// A reason and a score.
pub(super) fn score(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    line_after(asked, "Answer: ")?;
    if rng.random_bool(NO_SCORE) {
        return Some("A fine answer.".to_owned());
    }
    let score = SCORES.choose(rng).copied().unwrap_or_default();
    Some(format!("The answer speaks about the request.\nScore: {score}"))
}

/// What stands behind `mark` in the first line that has it.
fn line_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark)?.1.lines().next()
}

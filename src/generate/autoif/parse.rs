//! Reading what a model wrote: a list of instructions, a function with its cases, a relation, a score. Total: what cannot be read is
//! not there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tools::Relation;

/// Opening brackets at which a JSON value is looked for: a text of nothing but brackets must not cost a try for each.
const STARTS_MAX: usize = 64;

/// A text and whether the function must pass it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) input: String,
    pub(super) output: bool,
}

/// The instructions of a list, one a line, without numbers, bullets and quotation marks; headings and remarks that end with a colon are none.
pub(super) fn instructions(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("```") && !line.starts_with('#'));
    let bare = lines.map(|line| {
        let line = line.trim_start_matches(['-', '*', '•', ' ']);
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let numbered = line.get(digits..).filter(|_| digits > 0).and_then(|rest| rest.strip_prefix(['.', ')', ':']));
        let line = numbered.unwrap_or(line).trim().trim_matches('*').trim();
        let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        let line = inner.filter(|inner| !inner.contains('"')).unwrap_or(line);
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    bare.filter(|line| !line.is_empty() && !line.ends_with(':')).collect()
}

/// The function's source and its cases, from the first JSON object that has a `func`.
pub(super) fn function(text: &str) -> Option<(String, Vec<Case>)> {
    let value = objects(text).find(|value| value.get("func").is_some_and(Value::is_string))?;
    let source = value.get("func").and_then(Value::as_str)?;
    let cases = value.get("cases").and_then(Value::as_array);
    let cases = cases.into_iter().flatten().filter_map(case).collect();
    Some((unfenced(source), cases))
}

fn case(value: &Value) -> Option<Case> {
    let output = match value.get("output")? {
        Value::Bool(output) => *output,
        Value::String(word) if word.trim().eq_ignore_ascii_case("true") => true,
        Value::String(word) if word.trim().eq_ignore_ascii_case("false") => false,
        _ => return None,
    };
    Some(Case { input: value.get("input")?.as_str()?.to_owned(), output })
}

/// Every JSON object of `text` that begins at one of its first brackets.
fn objects(text: &str) -> impl Iterator<Item = Value> + '_ {
    let starts = text.match_indices('{').take(STARTS_MAX);
    starts.filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<Value>();
        values.next()?.ok()
    })
}

/// `source` without the fences of Markdown.
fn unfenced(source: &str) -> String {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("```"));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The rule that a function was put back into: the first line that is one.
pub(super) fn translation(text: &str) -> Option<String> {
    instructions(text).into_iter().next()
}

/// The first of the three words that stands in the answer.
pub(super) fn relation(text: &str) -> Option<Relation> {
    let words = text.split(|letter: char| !letter.is_alphabetic()).map(str::to_lowercase);
    words.into_iter().find_map(|word| match word.as_str() {
        "entailment" | "entails" => Some(Relation::Entailment),
        "neutral" => Some(Relation::Neutral),
        "contradiction" | "contradicts" => Some(Relation::Contradiction),
        _ => None,
    })
}

/// The last `Score: N` of an answer, 0 to 10.
pub(super) fn score(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.rsplit_once("score")?;
    let rest = rest.trim_start_matches([':', '*', ' ', '=', '[']);
    let digits: String = rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    let score: f64 = digits.trim_end_matches('.').parse().ok()?;
    (0.0..=10.0).contains(&score).then_some(score)
}

//! Reading what a model wrote: numbered tasks, and worked examples in both orders. Total: what cannot be read is not there.

use super::task::Instance;

/// The tasks of a numbered list that goes on from `first`; text before the first number belongs to it, and smaller numbers are parts of a
/// task. A list that begins with a smaller number is one of its own: chat models count from 1 again. White space is collapsed and the first
/// letter made a capital.
pub(super) fn tasks(text: &str, first: usize) -> Vec<String> {
    let begin = text.lines().map(str::trim).find(|line| !line.is_empty()).and_then(numbered);
    let first = begin.map_or(first, |(number, _)| if number < first { 0 } else { first });
    let mut found: Vec<String> = vec![String::new()];
    for line in text.lines() {
        let line = line.trim();
        match numbered(line) {
            // The list may begin with the number that the prompt ended with, or behind it.
            Some((number, rest)) if number >= first => found.push(unnumbered(rest).to_owned()),
            _ => {
                if let Some(last) = found.last_mut() {
                    last.push(' ');
                    last.push_str(line);
                }
            }
        }
    }
    found.iter().map(|task| tidy(task)).filter(|task| !task.is_empty()).collect()
}

/// `12. text`, `12) text`, `Task 12: text`.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start_matches(['*', '#', ' ']);
    let line = line.strip_prefix("Task ").unwrap_or(line);
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at_checked(digits)?;
    let rest = rest.strip_prefix(['.', ')', ':'])?;
    Some((number.parse().ok()?, rest.trim()))
}

/// `text` without the numbers before it: `1. 1. text` is a list in a list.
fn unnumbered(text: &str) -> &str {
    numbered(text).map_or(text, |(_, rest)| unnumbered(rest))
}

fn tidy(text: &str) -> String {
    let collapsed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let trimmed = collapsed.trim_matches(|letter: char| letter == '*' || letter == '"' || letter.is_whitespace());
    let mut letters = trimmed.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Worked examples, input first. A reply without `Example` lines is one example.
pub(super) fn input_first(text: &str) -> Vec<Instance> {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        if is_example_line(line) {
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    blocks.iter().filter_map(|block| input_then_output(&block.join("\n"))).collect()
}

fn is_example_line(line: &str) -> bool {
    let line = line.trim().trim_matches(['*', '#', ' ']);
    line.strip_prefix("Example").is_some_and(|rest| rest.trim().trim_end_matches(':').parse::<usize>().is_ok())
}

fn input_then_output(block: &str) -> Option<Instance> {
    let (before, output) = block.split_once("Output:")?;
    let input = before.split_once("Input:").map_or("", |(_, input)| input);
    Some(Instance { input: input.trim().to_owned(), output: output.trim().to_owned() })
}

/// Worked examples, label first.
pub(super) fn output_first(text: &str) -> Vec<Instance> {
    let blocks = text.split("Class label:").skip(1);
    let instance = |block: &str| {
        let (label, input) = block.split_once("Input:").unwrap_or((block, ""));
        // A label is one line; whatever follows without being an input is not part of it.
        let label = label.trim().lines().next().unwrap_or_default();
        Instance { input: input.trim().to_owned(), output: label.trim().to_owned() }
    };
    blocks.map(instance).collect()
}

/// Whether the model said yes.
pub(super) fn is_yes(text: &str) -> bool {
    let word: String = text.trim().chars().take_while(|letter| letter.is_alphabetic()).collect();
    word.eq_ignore_ascii_case("yes")
}

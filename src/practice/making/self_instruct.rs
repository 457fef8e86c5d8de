//! New writing tasks, whether they classify, and their examples.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::phrases::{FORMS, LABELS, LISTENERS, SENTENCES, SORTED, SPEAKERS, SUBJECTS};

/// Shares of what a model gets wrong: repeats a task that it was shown, says too little, leaves the world, forgets the form.
const REPEATS: f64 = 0.08;
const TOO_SHORT: f64 = 0.04;
const OTHER_WORLD: f64 = 0.05;
const BROKEN: f64 = 0.06;
/// Share of new tasks that sort something.
const CLASSIFYING: f64 = 0.25;

const SORT: [&str; 4] = ["Decide whether", "Say whether", "Judge if", "Tell whether"];
const WRITE: [&str; 6] = ["Write", "Compose", "Invent", "Give", "Draft", "Phrase"];

/// Goes on with the numbered list.
pub(super) fn instructions(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let (first, last) = (number_after(asked, "Go on from number ")?, number_after(asked, "stop after number ")?);
    let shown: Vec<&str> = asked.lines().filter_map(|line| Some(line.split_once(". ")?.1)).collect();
    let lines = (first..=last).map(|number| {
        let task = if rng.random_bool(REPEATS) {
            shown.choose(rng).map_or_else(String::new, |task| (*task).to_owned())
        } else {
            task(rng)
        };
        if number == first { task } else { format!("{number}. {task}") }
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

fn number_after(text: &str, mark: &str) -> Option<usize> {
    let rest = text.split_once(mark)?.1;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

fn task(rng: &mut impl Rng) -> String {
    if rng.random_bool(TOO_SHORT) {
        return "Say hello.".to_owned();
    }
    if rng.random_bool(OTHER_WORLD) {
        return format!("Write a blog post about {} and add a photo.", pick(rng, &SUBJECTS));
    }
    if rng.random_bool(CLASSIFYING) {
        let (question, _) = LABELS.choose(rng).copied().unwrap_or_default();
        let (sort, sorted, subject) = (pick(rng, &SORT), pick(rng, &SORTED), pick(rng, &SUBJECTS));
        return format!("{sort} {sorted} about {subject} is {question}.");
    }
    let (write, form, speaker) = (pick(rng, &WRITE), pick(rng, &FORMS), pick(rng, &SPEAKERS));
    format!("{write} {form} by {speaker} about {}, {}.", pick(rng, &SUBJECTS), pick(rng, &LISTENERS))
}

/// Yes for what begins as a sorting task does.
pub(super) fn classification(asked: &str, _: &mut ChaCha8Rng) -> Option<String> {
    let task = last_task(asked)?;
    let sorts =
        SORT.iter().any(|begin| task.starts_with(begin)) || LABELS.iter().any(|(labels, _)| task.contains(labels));
    Some(if sorts { "Yes" } else { "No" }.to_owned())
}

fn last_task(asked: &str) -> Option<&str> {
    asked.rsplit_once("Task: ")?.1.lines().next()
}

/// Inputs and outputs, sometimes degenerate.
pub(super) fn input_first(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    last_task(asked)?;
    let count = rng.random_range(1..=4);
    let examples = (1..=count).map(|number| {
        let (input, output) = (input(rng), spoken(rng));
        let output = match rng.random_range(0.0..1.0) {
            wrong if wrong < BROKEN / 2.0 => String::new(),
            wrong if wrong < BROKEN => "Here is the line:".to_owned(),
            _ => output,
        };
        format!("Example {number}\nInput: {input}\nOutput: {output}")
    });
    Some(examples.collect::<Vec<_>>().join("\n"))
}

fn input(rng: &mut impl Rng) -> String {
    format!("{} asks {}: {}", capital(pick(rng, &SPEAKERS)), pick(rng, &SPEAKERS), pick(rng, &SENTENCES))
}

fn spoken(rng: &mut impl Rng) -> String {
    format!("{} {}", pick(rng, &SENTENCES), pick(rng, &SENTENCES))
}

/// Every label with an input; now and then two labels for the same input.
pub(super) fn output_first(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let task = last_task(asked)?;
    let labels =
        LABELS.iter().find(|(question, _)| task.contains(question)).map_or(&["yes", "no"][..], |(_, labels)| labels);
    let same = rng.random_bool(BROKEN).then(|| input(rng));
    let blocks = labels.iter().map(|label| {
        let input = same.clone().unwrap_or_else(|| input(rng));
        format!("Class label: {label}\nInput: {input}")
    });
    Some(blocks.collect::<Vec<_>>().join("\n"))
}

fn pick<'a>(rng: &mut impl Rng, words: &[&'a str]) -> &'a str {
    words.choose(rng).copied().unwrap_or_default()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

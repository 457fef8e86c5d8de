//! How an example is worded as a question: several ways, so that a student does not hang on one. Chance is an argument.

use rand::{Rng, RngExt};

use super::task::Instance;

/// Ways to put an instruction with an input; a few only name the parts, a few say more.
const WITH_INPUT: &[&str] = &[
    "{instruction}\n\n{input}",
    "{instruction}\nInput: {input}",
    "{instruction}\n\nInput:\n{input}",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "{input}\n\n{instruction}",
    "{instruction}\n\n{input}\n\nAnswer:",
    "Here is a task and its material.\n\nTask: {instruction}\n\nMaterial: {input}",
];
const WITHOUT_INPUT: &[&str] = &[
    "{instruction}",
    "{instruction}\n\nAnswer:",
    "Task: {instruction}",
    "Task: {instruction}\nOutput:",
    "{instruction}\nOutput:",
    "Here is a task.\n\n{instruction}",
];

/// The question of an example.
pub(super) fn question(rng: &mut impl Rng, instruction: &str, instance: &Instance) -> String {
    let forms = if instance.input.is_empty() { WITHOUT_INPUT } else { WITH_INPUT };
    let form = forms.get(rng.random_range(0..forms.len())).copied().unwrap_or_default();
    // Half of the inputs lose the name of their field and their empty lines, as the released recipe does.
    let input = if rng.random_bool(0.5) { without_field(&instance.input) } else { instance.input.clone() };
    // The instruction last: it may itself hold the text of a slot.
    form.split("{input}").map(|part| part.replace("{instruction}", instruction)).collect::<Vec<_>>().join(&input)
}

/// `text` without a single leading `Field:` and with single line breaks.
fn without_field(text: &str) -> String {
    let field = |name: &str| !name.is_empty() && name.len() < 30 && name.chars().all(|c| c.is_alphabetic() || c == ' ');
    let rest = match text.split_once(':') {
        Some((name, rest)) if field(name) && !rest.contains(':') => rest.trim_start(),
        _ => text,
    };
    rest.replace("\n\n", "\n")
}

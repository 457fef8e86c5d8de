//! The body of a request: a prompt in the words of chat completions, with what these servers want beside them.

use serde_json::{Map, Value};
use wire::{Api, Ineligible, Prompt, Role, Sampling, Turn};

/// Alternatives of every token that are asked for. The best two give the margin, the others make the entropy better;
/// each costs some 80 bytes of answer a token.
pub(crate) const ALTERNATIVES: u32 = 5;

/// What Gemma's template puts between the texts. A server that reads them in a text takes them for the template's own;
/// here nobody can tell it not to.
const CONTROL: [&str; 7] =
    ["<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<start_of_image>", "<end_of_image>"];

/// Whether `prompt` can be put to a server at all. How long it may be only the server knows.
pub(crate) fn check(prompt: &Prompt) -> Result<(), Ineligible> {
    if prompt.turns.last().is_none_or(|turn| turn.role != Role::User) {
        return Err(Ineligible::LastTurn);
    }
    if prompt.turns.iter().any(|turn| CONTROL.iter().any(|control| turn.text.contains(control))) {
        return Err(Ineligible::Content("control-token".to_owned()));
    }
    // Its log-probabilities are read for how sure it was, and of one answer. No server can be told that an answer is calls of these
    // functions in their canonical text, or any other text.
    let calls = prompt.form.tools().is_some();
    for (asked, field) in [(calls, "tools"), (prompt.logprobs.is_some(), "logprobs"), (prompt.choices > 1, "n")] {
        if asked {
            return Err(Ineligible::Field(field.to_owned()));
        }
    }
    Ok(())
}

/// The request's body; `model` is whom it asks for.
pub(crate) fn write(model: &str, prompt: &Prompt) -> Map<String, Value> {
    let prompt = Prompt { turns: alternating(&prompt.turns), ..prompt.clone() };
    let mut body: Map<String, Value> =
        serde_json::from_slice(&Api::Chat.write_request(model, &prompt)).unwrap_or_default();
    // Older servers know this name alone.
    body.insert("max_tokens".to_owned(), prompt.max_tokens.into());
    body.insert("logprobs".to_owned(), true.into());
    body.insert("top_logprobs".to_owned(), ALTERNATIVES.into());
    // The servers have defaults of their own, or the model's, where nothing is said.
    match prompt.sampling {
        Sampling::Greedy => drop(body.insert("temperature".to_owned(), 0.into())),
        Sampling::Random { .. } => {
            body.entry("top_k").or_insert_with(|| (-1).into());
            body.entry("min_p").or_insert_with(|| 0.into());
        }
    }
    body
}

/// The conversation as the base was taught it and as its template takes it: one system text before users and
/// assistants in turns. Templates of Gemma refuse any other.
fn alternating(turns: &[Turn]) -> Vec<Turn> {
    let (systems, others): (Vec<&Turn>, Vec<&Turn>) = turns.iter().partition(|turn| turn.role == Role::System);
    let others: Vec<Turn> = others.into_iter().cloned().collect();
    let systems: Vec<&str> = systems.into_iter().map(|turn| turn.text.as_str()).collect();
    let system = (!systems.is_empty()).then(|| Turn::new(Role::System, systems.join("\n\n")));
    system.into_iter().chain(gemma::normalise(&others)).collect()
}

//! The example that an exchange holds, or why it holds none. Pure.

use capture::{Distillable, Exchange, Source};
use dataset::ChatExample;
use wire::{Role, Turn};

/// What can be learnt from an exchange.
pub(crate) struct Drawn {
    pub(crate) example: ChatExample,
    /// The answering model, as it named itself.
    pub(crate) teacher: String,
    /// Made or brought, not asked by a client.
    pub(crate) made: bool,
}

/// Reads an exchange; or why nothing is learnt from it, as the key under `left_out`.
pub(crate) fn drawn(exchange: &Exchange) -> Result<Drawn, &'static str> {
    let made = match &exchange.source {
        Source::Teacher => false,
        Source::Student(_) => return Err("not-the-teacher"),
        Source::Generated(_) | Source::Imported(_) => true,
    };
    if exchange.distillable != Distillable::Yes {
        return Err("terms-not-accepted");
    }
    if exchange.status != 200 || !exchange.complete {
        return Err("incomplete");
    }
    let summary = exchange.api.read(exchange.stream, exchange.response.as_bytes()).ok_or("unreadable-answer")?;
    if !summary.is_trainable() {
        return Err("no-plain-answer");
    }
    let request = exchange.api.parse(exchange.request.as_bytes()).map_err(|_| "unreadable-request")?;
    let prompt = request.prompt(1, wire::Sampling::Greedy).map_err(|_| "not-for-students")?;
    // The functions that may be called are kept as what they are, not as a student is told of them.
    let mut messages = request.turns().map_err(|_| "not-for-students")?;
    messages.push(Turn { role: Role::Assistant, text: summary.text });
    Ok(Drawn { example: ChatExample { messages, form: prompt.form }, teacher: summary.spent.model, made })
}

/// BLAKE3 over the roles and texts of everything but the answer, as a student sees them: equal prompts are one example.
pub(crate) fn prompt_hash(example: &ChatExample) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let asked = example.messages.split_last().map_or_else(Vec::new, |(_, asked)| example.form.shown(asked));
    for turn in asked.iter().rev() {
        hasher.update(&[turn.role as u8]).update(&turn.text.len().to_le_bytes()).update(turn.text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

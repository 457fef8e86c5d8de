//! The practice teacher as a writer of training data: it knows the prompts of every maker and answers them from a small grammar,
//! now and then badly, as a model does, so that every filter has something to do. Asked over the wire like any model.

mod autoif;
mod dialogue;
mod levels;
mod phrases;
mod self_instruct;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Answers a maker's prompt; one and the same draw always gives the same. Arguments: the whole text of the last turn, its dice.
type Writer = fn(&str, &mut ChaCha8Rng) -> Option<String>;

/// Which template is answered by what.
const WRITERS: &[(&str, Writer)] = &[
    ("autoif/instructions", autoif::instructions),
    ("autoif/function", autoif::function),
    ("autoif/repair", autoif::repair),
    ("autoif/translation", autoif::translation),
    ("autoif/relation", autoif::relation),
    ("autoif/response", autoif::response),
    ("autoif/score", autoif::score),
    ("dialogue/scene", dialogue::scene),
    ("self_play/request", dialogue::request),
    ("levels/level", levels::level),
    ("levels/map", levels::map),
    ("self_instruct/instructions", self_instruct::instructions),
    ("self_instruct/classification", self_instruct::classification),
    ("self_instruct/input_first", self_instruct::input_first),
    ("self_instruct/output_first", self_instruct::output_first),
];

/// What the practice teacher writes when `asked` is a maker's prompt; `None` when it is none.
pub(crate) fn answer(asked: &str, seed: u64) -> Option<String> {
    let begins = |(name, _): &&(&str, Writer)| {
        let opening = generate::prompts::opening(name);
        !opening.is_empty() && asked.starts_with(opening)
    };
    let (_, write) = WRITERS.iter().find(begins)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(asked.as_bytes());
    write(asked, &mut ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests;

//! Which prompts are one and the same, so that each is evidence once. The keys stand in logs and are compared across
//! machines and releases: what they are made of may only change under another name.

use wire::{Prompt, Role};

/// Stands where a word with a digit stood.
const MASK: &str = "#";

/// The texts of all turns, one below the other: what answers are held to.
#[must_use]
pub fn text(prompt: &Prompt) -> String {
    prompt.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Fingerprint of what a model sees: the roles and their texts, white space at the ends apart; not the limits.
#[must_use]
pub fn key(prompt: &Prompt) -> u64 {
    let turns = prompt.turns.iter().map(|turn| (role(turn.role), turn.text.trim().to_owned()));
    fingerprint(b"apprentice prompt 1", turns)
}

/// The same for a prompt with its answer, where words that hold a digit, letter case and spacing make no difference:
/// requests that differ in a counter or a time alone, and get the same answer, have one key.
#[must_use]
pub fn near_key(prompt: &Prompt, teacher: &str) -> u64 {
    let turns = prompt.turns.iter().map(|turn| (role(turn.role), masked(&turn.text)));
    fingerprint(b"apprentice near prompt 1", turns.chain([(b't', masked(teacher))]))
}

fn role(role: Role) -> u8 {
    match role {
        Role::Assistant => b'a',
        Role::System => b's',
        Role::User => b'u',
    }
}

fn masked(text: &str) -> String {
    let mask = |word: &str| if word.chars().any(char::is_numeric) { MASK.to_owned() } else { word.to_lowercase() };
    text.split_whitespace().map(mask).collect::<Vec<_>>().join(" ")
}

/// The first eight bytes, little-endian, of BLAKE3 over the parts, each with its length before it.
fn fingerprint(domain: &[u8], parts: impl Iterator<Item = (u8, String)>) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(domain);
    for (name, text) in parts {
        hash.update(&[name]);
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        hash.update(&length.to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hash.finalize().as_bytes()) {
        *to = *from;
    }
    u64::from_le_bytes(first)
}

//! Stub.
use wire::Prompt;

fn fold(text: &str, seed: u64) -> u64 {
    text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
#[must_use]
pub fn key(prompt: &Prompt) -> u64 {
    prompt.turns.iter().fold(7, |hash, turn| fold(&turn.text, hash))
}
#[must_use]
pub fn near_key(prompt: &Prompt, teacher: &str) -> u64 {
    fold(teacher, key(prompt))
}

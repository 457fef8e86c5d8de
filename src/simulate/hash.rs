//! Keys of texts and numbers. Not the keys of a running proxy (those are BLAKE3 over its prompts): nothing here is kept.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a with a last mix: the memory of prompts looks at one half of a key.
#[must_use]
pub(crate) fn text(text: &str) -> u64 {
    number(text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

/// Spreads a number over 64 bits (the finaliser of SplitMix64, Steele et al. 2014): different numbers, different keys.
#[must_use]
pub(crate) fn number(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// `words` with every word that holds a digit masked and in lower case: requests that differ in a number alone.
#[must_use]
pub(crate) fn masked(words: &str) -> String {
    let mask = |word: &str| if word.chars().any(char::is_numeric) { "#".to_owned() } else { word.to_lowercase() };
    words.split_whitespace().map(mask).collect::<Vec<_>>().join(" ")
}

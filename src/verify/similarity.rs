//! How alike two texts are worded, in [0, 1]. Knows nothing of facts: two prices are as alike as two adjectives.

use std::collections::BTreeMap;

use crate::words::is_unspaced;

/// ROUGE-L F1 of two texts (Lin, "ROUGE", 2004). Words are runs of letters and digits, lower-cased; each letter of a
/// script without spaces is a word. Texts without any word ("...", an emoji) are alike when they are equal after white
/// space is collapsed and not empty.
#[must_use]
pub fn rouge_l(left: &str, right: &str) -> f64 {
    // Words become numbers so that the inner loop compares integers.
    let mut ids = BTreeMap::new();
    let mut numbers = |text: &str| -> Vec<usize> {
        words(text)
            .into_iter()
            .map(|part| {
                let next = ids.len();
                *ids.entry(part).or_insert(next)
            })
            .collect()
    };
    let (left_ids, right_ids) = (numbers(left), numbers(right));
    if left_ids.is_empty() && right_ids.is_empty() {
        let equal = left.split_whitespace().eq(right.split_whitespace());
        return f64::from(u8::from(equal && !left.trim().is_empty()));
    }
    let common = longest_common_subsequence(&left_ids, &right_ids);
    #[expect(clippy::cast_precision_loss, reason = "word counts")]
    let score = 2.0 * common as f64 / (left_ids.len() + right_ids.len()) as f64;
    score
}

/// The words of a text, as [`rouge_l`] counts them.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        let alone = is_unspaced(letter);
        if (alone || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if alone {
            words.push(letter.to_string());
        } else if letter.is_alphanumeric() {
            word.push(letter);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Length of the longest common subsequence, O(|left| |right|) time, O(|right|) memory.
fn longest_common_subsequence(left: &[usize], right: &[usize]) -> usize {
    let mut row = vec![0; right.len() + 1];
    for word in left {
        let mut diagonal = 0;
        let mut before = 0;
        for (cell, other) in row.iter_mut().skip(1).zip(right) {
            let above = *cell;
            *cell = if word == other { diagonal + 1 } else { above.max(before) };
            diagonal = above;
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

//! Which examples of a set are held out: a share of every stratum, and never both sides of one group. Pure.

use std::collections::BTreeMap;

use dataset::ChatExample;
use serde::{Deserialize, Serialize};

/// An example with what the filters need to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) chat: ChatExample,
    pub(crate) hash: [u8; 32],
    /// The last text of the user's.
    pub(crate) asked: String,
    pub(crate) stratum: String,
    pub(crate) user: Option<String>,
}

/// What must not stand on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Equal prompts, which are one example anyway.
    #[default]
    Prompt,
    /// Prompts of one template: equal but for numbers and names.
    Template,
    /// Whatever one user asked.
    User,
}

/// The group of an example.
pub(crate) fn group(example: &Example, grouping: Grouping) -> [u8; 32] {
    match (grouping, &example.user) {
        (Grouping::User, Some(user)) => *blake3::hash(user.as_bytes()).as_bytes(),
        (Grouping::Prompt | Grouping::User, _) => example.hash,
        (Grouping::Template, _) => *blake3::hash(template(&example.asked).as_bytes()).as_bytes(),
    }
}

/// `text` with every number as `#` and every name as `*`: a word with a capital that opens no sentence.
fn template(text: &str) -> String {
    let mut opens = true;
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let is_number = bare.chars().next().is_some_and(char::is_numeric);
        let is_name = !opens && bare.chars().next().is_some_and(char::is_uppercase);
        opens = word.ends_with(['.', '!', '?', ':']);
        words.push(if is_number {
            "#".to_owned()
        } else if is_name {
            "*".to_owned()
        } else {
            bare.to_lowercase()
        });
    }
    words.join(" ")
}

/// Which of `examples` are held out: whole groups, in the order of their hashes, until each stratum has given `share` of its examples. A
/// group goes with the stratum of its first example.
pub(crate) fn held_out(examples: &[Example], grouping: Grouping, share: f64) -> Vec<bool> {
    let mut groups: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (at, example) in examples.iter().enumerate() {
        groups.entry(group(example, grouping)).or_default().push(at);
    }
    let mut wanted: BTreeMap<&str, f64> = BTreeMap::new();
    examples.iter().for_each(|example| *wanted.entry(&example.stratum).or_default() += share);
    let mut apart = vec![false; examples.len()];
    for members in groups.values() {
        let stratum = members.first().and_then(|at| examples.get(*at)).map_or("", |example| &example.stratum);
        let Some(wanted) = wanted.get_mut(stratum) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "numbers of examples")]
        let size = members.len() as f64;
        // At most half of a group too many.
        if *wanted >= size / 2.0 {
            *wanted -= size;
            members.iter().for_each(|at| apart[*at] = true);
        }
    }
    apart
}

/// How many examples of each stratum stay when none may have more than `share` of all that stay: the largest number for which that holds;
/// `None` when no number does.
pub(crate) fn quota(counts: &BTreeMap<&str, usize>, share: f64) -> Option<usize> {
    let most = counts.values().copied().max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "numbers of examples")]
    let holds = |cap: usize| {
        let all: usize = counts.values().map(|count| (*count).min(cap)).sum();
        cap as f64 <= share * all as f64 + 1e-9
    };
    (1..=most).rev().find(|cap| holds(*cap))
}

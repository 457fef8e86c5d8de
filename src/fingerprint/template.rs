//! What the prompts of one call site have in common: the words that do not vary, in the order in which they stand.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::shape::Shape;
use crate::text::{END, Part, START, Token, edge, edges, hash_of, tokens};

/// Edges of a chunk, at most.
const CHUNK_EDGES_MAX: usize = 16;
/// Characters of a value that is shown, at most, and values of a slot.
const VALUE_CHARS_MAX: usize = 80;
const VALUES_MAX: usize = 3;
/// Fixed words that are shown in front of a slot.
const CONTEXT_WORDS: usize = 3;

/// The template of a call site's prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub(crate) shape: Shape,
    pub(crate) system: Fixed,
    pub(crate) user: Fixed,
    /// Words that other sites' prompts have too, where the templates were told apart behind a common beginning.
    #[serde(default)]
    pub(crate) preface: Vec<String>,
}

/// What is fixed in one text of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fixed {
    /// Rows of neighbouring words; a row begins anew with a line and after sixteen words, and repeats the word before it
    /// where that is its neighbour.
    pub(crate) chunks: Vec<Vec<String>>,
    /// Words beside the fixed ones: as usual, and at most.
    pub(crate) varying_usual: u32,
    pub(crate) varying_max: u32,
}

/// A place in a template whose text varies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// The fixed words before it.
    pub after: String,
    pub values: Vec<String>,
}

impl Fixed {
    /// The fixed words of `text`, given the edges that are fixed, in order.
    pub(crate) fn of(part: Part, text: &str, fixed: &[u32]) -> Self {
        let (mut chunks, mut open) = (Vec::new(), Vec::new());
        let mut before = START;
        edges(part, text, |edge, token| {
            let (word, starts_line) = token.map_or((END, false), |token| (token.word, token.starts_line));
            let is_fixed = fixed.binary_search(&edge).is_ok();
            if !is_fixed || (starts_line && open.len() > 1) || open.len() > CHUNK_EDGES_MAX {
                chunks.extend((open.len() > 1).then(|| std::mem::take(&mut open)));
                open.clear();
            }
            if is_fixed {
                if open.is_empty() {
                    open.push(before.to_owned());
                }
                open.push(word.to_owned());
            }
            before = word;
        });
        chunks.extend((open.len() > 1).then_some(open));
        Self { chunks, ..Self::default() }
    }

    /// How many edges it has.
    fn count(&self, part: Part) -> usize {
        self.edges(part).map(|edges| edges.len()).sum()
    }

    /// Leaves only the edges in `kept`, which are in order.
    fn keep(&mut self, part: Part, kept: &[u32]) {
        let mut chunks = Vec::new();
        for chunk in &self.chunks {
            let mut open: Vec<String> = chunk.first().cloned().into_iter().collect();
            for (edge, word) in chunk_edges(part, chunk).iter().zip(chunk.iter().skip(1)) {
                if kept.binary_search(edge).is_err() {
                    chunks.extend((open.len() > 1).then(|| std::mem::take(&mut open)));
                    open.clear();
                }
                open.push(word.clone());
            }
            chunks.extend((open.len() > 1).then_some(open));
        }
        self.chunks = chunks;
    }

    /// The edges of every chunk.
    pub(crate) fn edges(&self, part: Part) -> impl Iterator<Item = Vec<u32>> {
        self.chunks.iter().map(move |chunk| chunk_edges(part, chunk))
    }
}

/// The edges of a chunk.
pub(crate) fn chunk_edges(part: Part, chunk: &[String]) -> Vec<u32> {
    chunk.windows(2).filter_map(|pair| Some(edge(part, hash_of(pair.first()?), hash_of(pair.last()?)))).collect()
}

impl Template {
    pub(crate) fn fixed(&self, part: Part) -> &Fixed {
        if part == Part::System { &self.system } else { &self.user }
    }

    /// All its edges, each once, in order.
    pub(crate) fn edges(&self) -> Vec<u32> {
        let mut all: Vec<u32> = Part::BOTH.iter().flat_map(|part| self.fixed(*part).edges(*part).flatten()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether nearly all of `words` are among the fixed ones.
    pub(crate) fn has_words(&self, words: &[String]) -> bool {
        let fixed: BTreeSet<&String> = self.system.chunks.iter().chain(&self.user.chunks).flatten().collect();
        words.iter().filter(|word| fixed.contains(word)).count() * 10 >= words.len() * 9
    }

    pub(crate) fn varying_usual(&self) -> u32 {
        self.system.varying_usual.saturating_add(self.user.varying_usual)
    }

    /// Lets it fit what `other` fits too; says whether that changed it.
    pub(crate) fn widen(&mut self, other: &Self) -> bool {
        let (before, edges) = (self.clone(), other.edges());
        for (part, fixed, other) in
            [(Part::System, &mut self.system, &other.system), (Part::User, &mut self.user, &other.user)]
        {
            let (before, others) = (fixed.count(part), other.count(part));
            fixed.keep(part, &edges);
            let after = fixed.count(part);
            // What was fixed may vary from now on.
            let max = |max: u32, edges: usize| {
                max.saturating_add(u32::try_from(edges - after.min(edges)).unwrap_or(u32::MAX))
            };
            fixed.varying_max = max(fixed.varying_max, before).max(max(other.varying_max, others));
            fixed.varying_usual = fixed.varying_usual.max(other.varying_usual);
        }
        *self != before
    }

    /// The fixed words as a person reads them: `…` for what varies, `#` for numbers, `""` for what is quoted.
    #[must_use]
    pub fn shown(&self) -> (String, String) {
        (self.system.shown(), self.user.shown())
    }

    /// Where the samples vary, and how.
    #[must_use]
    pub fn slots(&self, samples: &[(String, String)]) -> Vec<Slot> {
        let mut found: BTreeMap<(Part, usize), Slot> = BTreeMap::new();
        let mut places: BTreeMap<(Part, String, usize), usize> = BTreeMap::new();
        let fixed = self.edges();
        for (system, user) in samples {
            for (part, text) in [(Part::System, system), (Part::User, user)] {
                let mut before: BTreeMap<String, usize> = BTreeMap::new();
                for (after, value) in values(part, text, &fixed) {
                    let again = before.entry(after.clone()).or_default();
                    *again += 1;
                    let next = places.len();
                    let place = *places.entry((part, after.clone(), *again)).or_insert(next);
                    let slot = found.entry((part, place)).or_insert_with(|| Slot { after, values: Vec::new() });
                    if slot.values.len() < VALUES_MAX && !slot.values.contains(&value) {
                        slot.values.push(value);
                    }
                }
            }
        }
        found.into_values().filter(|slot| slot.values.len() > 1 || samples.len() == 1).collect()
    }
}

impl Fixed {
    fn shown(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        for chunk in &self.chunks {
            let goes_on = words.last().copied() == chunk.first().map(String::as_str) && !words.is_empty();
            if !goes_on && chunk.first().is_some_and(|word| word != START) {
                words.push("…");
            }
            let new = chunk.iter().map(String::as_str).filter(|word| *word != START);
            words.extend(new.skip(usize::from(goes_on)));
        }
        match words.last().copied() {
            Some(END) => drop(words.pop()),
            Some(_) => words.push("…"),
            None => {}
        }
        words.join(" ")
    }
}

/// The texts between the fixed words, each with the words before it.
fn values(part: Part, text: &str, fixed: &[u32]) -> Vec<(String, String)> {
    let all: Vec<Token<'_>> = tokens(text).collect();
    let mut is_fixed = vec![false; all.len() + 1];
    let mut at = 0_usize;
    edges(part, text, |edge, _| {
        if fixed.binary_search(&edge).is_ok() {
            // An edge leads from the token before `at` to the one at it.
            at.checked_sub(1).and_then(|before| is_fixed.get_mut(before)).into_iter().for_each(|flag| *flag = true);
            is_fixed.get_mut(at).into_iter().for_each(|flag| *flag = true);
        }
        at += 1;
    });
    let (mut found, mut context, mut open): (Vec<_>, Vec<&str>, Option<(usize, usize)>) =
        (Vec::new(), Vec::new(), None);
    let mut close = |context: &mut Vec<&str>, open: &mut Option<(usize, usize)>| {
        if let Some(value) = open.take().and_then(|(begin, end)| text.get(begin..end)) {
            let after = context.iter().rev().take(CONTEXT_WORDS).rev().copied().collect::<Vec<_>>().join(" ");
            found.push((after, value.chars().take(VALUE_CHARS_MAX).collect()));
            context.clear();
        }
    };
    for (token, is_fixed) in all.iter().zip(is_fixed) {
        if is_fixed && !token.stands_for_a_value() {
            close(&mut context, &mut open);
            context.push(token.word);
        } else {
            open = Some((open.map_or(token.at, |(begin, _)| begin), token.ends));
        }
    }
    close(&mut context, &mut open);
    found
}

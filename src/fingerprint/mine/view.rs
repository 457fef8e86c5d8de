//! A prompt that is mined, as edges; what prompts have in common, as words.

use std::collections::{BTreeMap, BTreeSet};

use crate::name;
use crate::pool::Doc;
use crate::template::Fixed;
use crate::text::{Part, edges, tokens};

/// Something is common to a set when it stands in so many of a hundred prompts.
pub(crate) const COMMON_PERCENT: usize = 95;
/// Edges that say something.
pub(crate) const EDGES_MIN: usize = 3;

/// A prompt as edges.
pub(crate) struct View<'a> {
    pub(crate) doc: &'a Doc,
    pub(crate) system: Marked,
    pub(crate) user: Marked,
}

/// One text of a prompt as edges.
pub(crate) struct Marked {
    /// In the order of the text.
    pub(crate) edges: Vec<u32>,
    /// Each once, in their own order.
    pub(crate) unique: Vec<u32>,
    pub(crate) tokens: usize,
}

impl Marked {
    pub(crate) fn of(part: Part, text: &str) -> Self {
        let mut in_order = Vec::new();
        let tokens = edges(part, text, |edge, _| in_order.push(edge));
        let mut unique = in_order.clone();
        unique.sort_unstable();
        unique.dedup();
        Self { edges: in_order, unique, tokens }
    }

    /// In how many rows of neighbours `edges` stand in this text.
    pub(crate) fn places(&self, edges: &[u32]) -> usize {
        let mut count = 0;
        let mut before = false;
        for edge in &self.edges {
            let stands = edges.binary_search(edge).is_ok();
            count += usize::from(stands && !before);
            before = stands;
        }
        count.max(1)
    }

    /// Words beside the fixed ones.
    pub(crate) fn varying(&self, common: &[u32]) -> usize {
        let fixed = self.unique.iter().filter(|edge| common.binary_search(edge).is_ok()).count();
        self.tokens.saturating_sub(fixed)
    }
}

impl View<'_> {
    pub(crate) fn part(&self, part: Part) -> &Marked {
        if part == Part::System { &self.system } else { &self.user }
    }

    pub(crate) fn text(&self, part: Part) -> &str {
        if part == Part::System { &self.doc.system } else { &self.doc.user }
    }
}

pub(crate) fn view<'a, 'b>(views: &'a [View<'b>], member: u32) -> Option<&'a View<'b>> {
    usize::try_from(member).ok().and_then(|at| views.get(at))
}

/// The words that nearly all of `members` have, each once.
pub(crate) fn common_words(views: &[View<'_>], members: &[u32], part: Part) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for view in members.iter().filter_map(|member| view(views, *member)) {
        let words: BTreeSet<&str> = tokens(view.text(part)).map(|token| token.word).collect();
        words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let common = counts.into_iter().filter(|(_, count)| count * 100 >= members.len() * COMMON_PERCENT);
    common.map(|(word, _)| word.to_owned()).collect()
}

/// Whether `fixed` is enough of a text, and has a word that tells something, in the prompts of `members`.
pub(crate) fn says_something(views: &[View<'_>], members: &[u32], part: Part, fixed: &[u32]) -> bool {
    let first = members.first().and_then(|member| view(views, *member));
    fixed.len() >= EDGES_MIN && first.is_some_and(|view| has_content(view, part, fixed))
}

/// Whether the first of `members` has a word at `edges` that tells something.
pub(crate) fn tells_something(views: &[View<'_>], members: &[u32], part: Part, edges: &[u32]) -> bool {
    let first = members.first().and_then(|member| view(views, *member));
    first.is_some_and(|view| has_content(view, part, edges))
}

fn has_content(view: &View<'_>, part: Part, fixed: &[u32]) -> bool {
    let chunks = Fixed::of(part, view.text(part), fixed).chunks;
    chunks.iter().flatten().any(|word| name::tells_something(word))
}

//! One look at a set of prompts: which edges nearly all of them have, and which bundles of edges tell a part of them apart.
//!
//! The edges of a fixed text stand in exactly the same prompts. So edges are put together by the set of prompts that they
//! stand in: the more edges share a set, the surer it is that these prompts were made from one text. Nothing here depends
//! on the order of the prompts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::sets::Set;
use super::view::{COMMON_PERCENT, View, view};
use crate::shape::mix;
use crate::text::Part;

/// Bundles that are looked at, the heaviest first.
const BUNDLES_MAX: usize = 1_500;
/// Edges in exactly the same prompts that a bundle begins with, at least, if it must have so many.
const SEED_EDGES_MIN: usize = 3;
/// An edge may stand in one more prompt for each so many of its bundle.
const MORE_SHARE: usize = 6;

/// Edges that stand in the same prompts.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Their prompts, in order.
    pub(crate) members: Vec<u32>,
    pub(crate) set: Set,
    /// In order.
    pub(crate) edges: Vec<u32>,
    /// In how many places of a prompt they stand.
    pub(crate) places: usize,
    /// Words between other text that they amount to.
    pub(crate) words: usize,
}

/// What one look shows.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The edges that nearly all prompts have, in order.
    pub(crate) common: Vec<u32>,
    /// The others by prompts, those with a heavy text first.
    pub(crate) bundles: Vec<Bundle>,
}

/// Looks at one text of `members`; `edges_min` says, given the common edges, how many a bundle must have to be of interest.
pub(crate) fn survey(
    views: &[View<'_>],
    members: &[u32],
    part: Part,
    edges_min: impl FnOnce(&[u32]) -> usize,
) -> Survey {
    let mut rows: Vec<(u32, u32)> = Vec::new();
    for member in members {
        let unique = view(views, *member).into_iter().flat_map(|view| &view.part(part).unique);
        rows.extend(unique.map(|edge| (*edge, *member)));
    }
    rows.sort_unstable();
    let (mut common, mut lists) = (Vec::new(), Vec::new());
    for group in rows.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((edge, first)) = group.first().copied() else { continue };
        if group.len() * 100 >= members.len() * COMMON_PERCENT {
            common.push(edge);
        } else if group.len() > 1 {
            lists.push(List { edge, first, rows: group });
        }
    }
    let least = edges_min(&common);
    let mut bundles: Vec<_> =
        seeds(views.len(), &lists, least).into_iter().map(|seed| seed.bundle(views, part)).collect();
    bundles.retain(|bundle| bundle.edges.len() >= least);
    Survey { common, bundles }
}

/// The prompts that an edge stands in.
struct List<'a> {
    edge: u32,
    first: u32,
    rows: &'a [(u32, u32)],
}

/// Edges that stand in exactly the same prompts, and then those that stand in a few more: words of a fixed text that
/// somebody else says too.
struct Seed<'a> {
    rows: &'a [(u32, u32)],
    set: Set,
    edges: Vec<u32>,
}

fn seeds<'a>(size: usize, lists: &[List<'a>], least: usize) -> Vec<Seed<'a>> {
    let mut by_set: BTreeMap<(usize, u64), Vec<&List<'a>>> = BTreeMap::new();
    let mut by_first: BTreeMap<(u32, usize), Vec<&List<'a>>> = BTreeMap::new();
    for list in lists {
        let mark = list.rows.iter().fold(0, |sum: u64, (_, member)| sum.wrapping_add(mix(u64::from(*member), 1)));
        by_set.entry((list.rows.len(), mark)).or_default().push(list);
        by_first.entry((list.first, list.rows.len())).or_default().push(list);
    }
    let mut seeds: Vec<_> = by_set.into_iter().filter(|(_, same)| same.len() >= least.min(SEED_EDGES_MIN)).collect();
    // All by what they explain; ties by what is the same in every order.
    seeds.sort_by_key(|((count, mark), same)| (Reverse(count * same.len()), *mark));
    seeds.truncate(BUNDLES_MAX);
    let seed = |((count, _), same): ((usize, u64), Vec<&List<'a>>)| {
        let (rows, first) = same.first().map_or_else(Default::default, |list| (list.rows, list.first));
        let set = Set::new(size, rows.iter().map(|(_, member)| *member));
        let mut edges: Vec<u32> = same.iter().map(|list| list.edge).collect();
        let more = by_first.range((first, count + 1)..=(first, count + count.div_ceil(MORE_SHARE)));
        let is_near = |list: &&&List<'a>| list.rows.iter().filter(|(_, member)| set.contains(*member)).count() == count;
        edges.extend(more.flat_map(|(_, lists)| lists).filter(is_near).map(|list| list.edge));
        edges.sort_unstable();
        Seed { rows, set, edges }
    };
    seeds.into_iter().map(seed).collect()
}

impl Seed<'_> {
    fn bundle(self, views: &[View<'_>], part: Part) -> Bundle {
        let Self { rows, set, edges } = self;
        let members: Vec<u32> = rows.iter().map(|(_, member)| *member).collect();
        let places =
            members.first().and_then(|member| view(views, *member)).map_or(1, |view| view.part(part).places(&edges));
        Bundle { members, set, words: edges.len().saturating_sub(places).max(1), edges, places }
    }
}

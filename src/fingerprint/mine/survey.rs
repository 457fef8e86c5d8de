//! One look at a set of prompts: which edges nearly all of them have, and which bundles of edges tell a part of them apart.
//!
//! The edges of a fixed text stand in exactly the same prompts. So edges are put together by the set of prompts that they
//! stand in: the more edges share a set, the surer it is that these prompts were made from one text. Nothing here depends
//! on the order of the prompts.

use std::collections::BTreeMap;

use super::View;
use super::sets::Set;
use crate::text::Part;

/// An edge is common to a set when it stands in so many of a hundred prompts.
pub(super) const COMMON_PERCENT: usize = 95;
/// Bundles that are looked at, the heaviest first.
const BUNDLES_MAX: usize = 1_500;

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
    let mut common = Vec::new();
    let mut by_set: BTreeMap<(usize, u64), (usize, Vec<u32>)> = BTreeMap::new();
    let mut begin = 0;
    for group in rows.chunk_by(|(one, _), (other, _)| one == other) {
        let at = begin;
        begin += group.len();
        let Some((edge, _)) = group.first() else { continue };
        if group.len() * 100 >= members.len() * COMMON_PERCENT {
            common.push(*edge);
        } else if group.len() > 1 {
            let mark = group.iter().fold(0, |sum: u64, (_, member)| sum.wrapping_add(crate::shape::mix(u64::from(*member), 1)));
            by_set.entry((group.len(), mark)).or_insert_with(|| (at, Vec::new())).1.push(*edge);
        }
    }
    let least = edges_min(&common);
    let mut bundles: Vec<_> = by_set.into_iter().filter(|(_, (_, edges))| edges.len() >= least).collect();
    // All by what they explain; ties by what is the same in every order.
    bundles.sort_by_key(|((count, mark), (_, edges))| (std::cmp::Reverse(count * edges.len()), *mark));
    bundles.truncate(BUNDLES_MAX);
    let bundle = |((count, _), (at, edges)): ((usize, u64), (usize, Vec<u32>))| {
        let members: Vec<u32> = rows.iter().skip(at).take(count).map(|(_, member)| *member).collect();
        let places = members.first().and_then(|member| view(views, *member)).map_or(1, |view| view.part(part).places(&edges));
        let set = Set::new(views.len(), &members);
        Bundle { members, set, words: edges.len().saturating_sub(places).max(1), edges, places }
    };
    Survey { common, bundles: bundles.into_iter().map(bundle).collect() }
}

pub(crate) fn view<'a, 'b>(views: &'a [View<'b>], member: u32) -> Option<&'a View<'b>> {
    usize::try_from(member).ok().and_then(|at| views.get(at))
}

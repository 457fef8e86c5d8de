//! How a group of prompts falls apart into those of single templates.
//!
//! A group whose prompts share a text either has one template, and what differs are values in its slots, or several that
//! begin with the same preface. It is several when most of its prompts belong to a few alternatives that exclude each other
//! and are told apart by more than a value: by a long text or by several places that change together. So two functions
//! that share a page of instructions are two; two hundred characters that share a sentence are one; and so is a
//! paragraph that is there or not.

use super::sets::Set;
use super::survey::{Bundle, Survey, survey};
use super::view::{EDGES_MIN, View, common_words, says_something, tells_something};
use crate::split::Split;
use crate::text::Part;

/// Alternatives that are call sites of their own; what has more is a value.
const ALTERNATIVES_MAX: usize = 32;
/// Percent of the prompts that the alternatives must cover.
const COVERED_PERCENT: usize = 80;
/// Words of a text in one place that are more than a value; in several places that change together.
const WORDS_IN_ONE_PLACE: usize = 16;
const WORDS_IN_PLACES: usize = 6;
/// The same of the user's text where the system's text already tells its call site.
const WORDS_BESIDE_A_TEMPLATE: usize = 12;
/// Percent that two sets may overlap and still exclude each other.
const OVERLAP_PERCENT: usize = 5;
/// How deep prefaces are nested.
const DEPTH_MAX: usize = 6;

/// The prompts of one template, by one of their texts.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) members: Vec<u32>,
    /// The edges that nearly all of them have, in order.
    pub(crate) common: Vec<u32>,
    /// Words that the prompts of other templates have too, which begin alike.
    pub(crate) preface: Vec<String>,
}

/// What tells alternatives apart at a place of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Nothing is known of the prompts: whatever shares a text belongs together.
    Open,
    /// The other text is always the same: a user's text tells templates apart if most have one.
    Constant,
    /// The other text is a template.
    Templated,
}

/// What a bundle must have to tell an alternative.
#[derive(Clone, Copy, Debug)]
enum Weight {
    Edges(usize),
    Words(usize),
    /// More than a value, or as many edges as all have in common.
    More {
        than: usize,
    },
}

impl Weight {
    fn edges_min(self) -> usize {
        match self {
            Self::Edges(edges) => edges,
            Self::Words(words) => words + 1,
            Self::More { than } => than.min(WORDS_IN_PLACES + 1),
        }
    }

    fn suffices(self, bundle: &Bundle) -> bool {
        match self {
            Self::Edges(edges) => bundle.edges.len() >= edges,
            Self::Words(words) => bundle.words >= words,
            Self::More { than } => {
                let in_places = bundle.places > 1 && bundle.words >= WORDS_IN_PLACES;
                in_places || bundle.words >= WORDS_IN_ONE_PLACE || bundle.edges.len() >= than
            }
        }
    }
}

/// Puts the leaves of `members` into `leaves`. What is in none is noise, or not yet seen often enough.
pub(crate) fn grow(
    views: &[View<'_>],
    members: Vec<u32>,
    (part, ground, split): (Part, Ground, Split),
    preface: &[String],
    depth: usize,
    leaves: &mut Vec<Leaf>,
) {
    let says_nothing = |common: &[u32]| !says_something(views, &members, part, common);
    let weight = |common: &[u32]| match (split, ground) {
        (Split::Templates, Ground::Templated) => Weight::Words(WORDS_BESIDE_A_TEMPLATE),
        (Split::Templates, _) if !says_nothing(common) => Weight::More { than: common.len().max(EDGES_MIN) },
        (_, Ground::Open) => Weight::Edges(EDGES_MIN - 1),
        _ => Weight::Edges(EDGES_MIN),
    };
    let Survey { common, bundles } = survey(views, &members, part, |common| weight(common).edges_min());
    let (says_nothing, weight) = (says_nothing(&common), weight(&common));
    let weighs =
        |bundle: &Bundle| weight.suffices(bundle) && tells_something(views, &bundle.members, part, &bundle.edges);
    let alternatives = alternatives(views.len(), members.len(), bundles.into_iter().filter(weighs).collect());
    let covered: usize = alternatives.iter().map(|bundle| bundle.members.len()).sum();
    let is_mixed = !alternatives.is_empty()
        && depth < DEPTH_MAX
        && match split {
            Split::Texts => true,
            Split::Templates if says_nothing && ground == Ground::Open => true,
            Split::Templates => {
                (2..=ALTERNATIVES_MAX).contains(&alternatives.len()) && covered * 100 >= members.len() * COVERED_PERCENT
            }
        };
    if is_mixed {
        // What the outermost of them share: it is the same whichever of the others are found already.
        let common = || common_words(views, &members, part);
        let preface = if preface.is_empty() && !says_nothing { common() } else { preface.to_vec() };
        for bundle in alternatives {
            grow(views, bundle.members, (part, ground, split), &preface, depth + 1, leaves);
        }
    } else if !says_nothing || ground != Ground::Open {
        leaves.push(Leaf { members, common, preface: preface.to_vec() });
    }
}

/// The largest sets that are nested in no other and exclude each other. Of sets that cross, the one stays that belongs to
/// a partition of most prompts; of two such, the one that explains more text.
fn alternatives(size: usize, prompts: usize, bundles: Vec<Bundle>) -> Vec<Bundle> {
    let part_of_a_whole = |bundle: &Bundle| {
        let mut whole = bundle.set.clone();
        bundles
            .iter()
            .filter(|other| relation(bundle, other) == Relation::Apart)
            .for_each(|other| whole.add(&other.set));
        whole.len() * 4 >= prompts * 3
    };
    let ranks: Vec<bool> = bundles.iter().map(part_of_a_whole).collect();
    let mut ranked: Vec<(bool, Bundle)> = ranks.into_iter().zip(bundles).collect();
    // A stable sort: within a rank they stay in the order of what they explain.
    ranked.sort_by_key(|(part_of_a_whole, _)| !part_of_a_whole);
    let mut kept: Vec<Bundle> = Vec::new();
    for (_, bundle) in ranked {
        if kept.iter().all(|other| relation(&bundle, other) != Relation::Crossing) {
            kept.push(bundle);
        }
    }
    kept.sort_by_key(|bundle| (std::cmp::Reverse(bundle.members.len()), std::cmp::Reverse(bundle.edges.len())));
    let mut taken = Set::new(size, std::iter::empty());
    let mut largest: Vec<Bundle> = Vec::new();
    for bundle in kept {
        if bundle.set.shared(&taken) * 100 <= bundle.members.len() * OVERLAP_PERCENT {
            taken.add(&bundle.set);
            largest.push(bundle);
        }
    }
    largest
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Apart,
    Nested,
    Crossing,
}

fn relation(one: &Bundle, other: &Bundle) -> Relation {
    let (shared, smaller) = (one.set.shared(&other.set), one.members.len().min(other.members.len()));
    if shared * 100 <= smaller * OVERLAP_PERCENT {
        Relation::Apart
    } else if shared * 100 >= smaller * (100 - OVERLAP_PERCENT) {
        Relation::Nested
    } else {
        Relation::Crossing
    }
}

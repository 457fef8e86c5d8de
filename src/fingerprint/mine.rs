//! From prompts that belong to no known call site to the templates of new ones: a function of the set of prompts, whatever
//! their order.
//!
//! - `survey`: what a set of prompts has in common, `tree`: how it falls apart, `sets`: sets of prompts.

mod sets;
mod survey;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use crate::name;
use crate::pool::Doc;
use crate::shape::{Shape, mix};
use crate::template::{Fixed, Template};
use crate::text::{Part, edges, tokens};
use survey::Bundle;
use tree::{EDGES_MIN, Ground, Leaf, grow};

/// Prompts that a call site needs before it exists: where its texts vary little, and where they vary much.
pub(crate) const SUPPORT_MIN: usize = 32;
pub(crate) const SUPPORT_MAX: usize = 96;
/// The most that those need which were told apart from others behind the same preface.
const SUPPORT_TOLD_APART: usize = 48;
/// Words beside the fixed ones that are little, and what each further one asks for.
const VARYING_WORDS: usize = 16;
const SUPPORT_PER_WORD: usize = 4;
/// Words more than twice what nearly all prompts have, at most, that another prompt may have.
const VARYING_SLACK: usize = 24;

/// How finely call sites are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By their templates: what is filled in is a value, however long.
    #[default]
    Templates,
    /// By every text that is said again and again: each character of a game is a call site.
    Texts,
}

/// A new call site.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) template: Template,
    /// Words to name it by.
    pub(crate) words: Vec<String>,
    /// Some of its prompts.
    pub(crate) samples: Vec<(String, String)>,
}

/// A prompt as edges.
pub(crate) struct View<'a> {
    doc: &'a Doc,
    system: Marked,
    user: Marked,
}

/// One text of a prompt as edges.
pub(crate) struct Marked {
    /// In the order of the text.
    edges: Vec<u32>,
    /// Each once, in their own order.
    pub(crate) unique: Vec<u32>,
    tokens: usize,
}

impl Marked {
    fn of(part: Part, text: &str) -> Self {
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
    fn varying(&self, common: &[u32]) -> usize {
        let fixed = self.unique.iter().filter(|edge| common.binary_search(edge).is_ok()).count();
        self.tokens.saturating_sub(fixed)
    }
}

impl View<'_> {
    pub(crate) fn part(&self, part: Part) -> &Marked {
        if part == Part::System { &self.system } else { &self.user }
    }

    fn text(&self, part: Part) -> &str {
        if part == Part::System { &self.doc.system } else { &self.doc.user }
    }
}

/// Finds the call sites of `docs`; `known` are the templates that exist already.
pub(crate) fn mine<'a>(docs: impl Iterator<Item = &'a Doc>, known: &[Template], split: Split) -> Vec<Cluster> {
    let mut groups: BTreeMap<Shape, Vec<&Doc>> = BTreeMap::new();
    docs.for_each(|doc| groups.entry(doc.shape).or_default().push(doc));
    let mut clusters = Vec::new();
    for (shape, mut docs) in groups.into_iter().filter(|(_, docs)| docs.len() >= SUPPORT_MIN) {
        docs.sort_by_key(|doc| doc.id);
        let mark = |doc| -> View<'a> {
            let doc: &'a Doc = doc;
            View { doc, system: Marked::of(Part::System, &doc.system), user: Marked::of(Part::User, &doc.user) }
        };
        let views: Vec<View<'_>> = docs.into_iter().map(mark).collect();
        let known: Vec<&Template> = known.iter().filter(|template| template.shape == shape).collect();
        clusters.extend(found(&views, split).into_iter().filter_map(|found| found.cluster(&views, &known)));
    }
    clusters
}

/// The prompts of one template, by both texts.
struct Found {
    members: Vec<u32>,
    system: Vec<u32>,
    user: Vec<u32>,
    preface: Vec<String>,
    /// The system's text is always the same and the user's shares nothing.
    says_little: bool,
}

fn found(views: &[View<'_>], split: Split) -> Vec<Found> {
    let all = || (0..).zip(views).map(|(at, view): (u32, _)| (at, view));
    let (with, without): (Vec<_>, Vec<_>) = all().partition(|(_, view)| view.system.tokens > 0);
    let members = |views: Vec<(u32, &View<'_>)>| views.into_iter().map(|(at, _)| at).collect::<Vec<_>>();
    let (with, mut rest) = (members(with), members(without));
    let mut leaves = Vec::new();
    grow(views, with.clone(), (Part::System, Ground::Open, split), &[], 0, &mut leaves);
    let mut found = Vec::new();
    let mut in_leaves: Vec<u32> = Vec::new();
    for leaf in leaves {
        in_leaves.extend(&leaf.members);
        found.extend(by_user(views, leaf, split));
    }
    in_leaves.sort_unstable();
    // A system text that shares nothing with any other tells nothing: such prompts may share what the user says.
    rest.extend(with.into_iter().filter(|member| in_leaves.binary_search(member).is_err()));
    rest.sort_unstable();
    let mut leaves = Vec::new();
    grow(views, rest, (Part::User, Ground::Open, split), &[], 0, &mut leaves);
    found.extend(leaves.into_iter().map(|Leaf { members, common, preface }| Found {
        members,
        system: Vec::new(),
        user: common,
        preface,
        says_little: false,
    }));
    found
}

/// The prompts of a system template by what the user says.
fn by_user(views: &[View<'_>], leaf: Leaf, split: Split) -> Vec<Found> {
    let mut texts: BTreeMap<u64, usize> = BTreeMap::new();
    for view in leaf.members.iter().filter_map(|member| survey::view(views, *member)) {
        let mark = view.system.edges.iter().fold(0, |mark, edge| mix(mark, u64::from(*edge)));
        *texts.entry(mark).or_default() += 1;
    }
    let most = texts.values().copied().max().unwrap_or_default();
    let is_constant = most * 100 >= leaf.members.len() * 95;
    let (ground, split) = if is_constant { (Ground::Constant, split) } else { (Ground::Templated, Split::Templates) };
    let mut leaves = Vec::new();
    grow(views, leaf.members, (Part::User, ground, split), &[], 0, &mut leaves);
    let found = |user: Leaf| {
        let says_little = is_constant && !says_something(views, &user.members, Part::User, &user.common);
        let preface = [leaf.preface.as_slice(), &user.preface].concat();
        Found { members: user.members, system: leaf.common.clone(), user: user.common, preface, says_little }
    };
    leaves.into_iter().map(found).collect()
}

impl Found {
    /// The call site, if there are prompts enough.
    fn cluster(self, views: &[View<'_>], known: &[&Template]) -> Option<Cluster> {
        let members: Vec<&View<'_>> = self.members.iter().filter_map(|member| survey::view(views, *member)).collect();
        let varying = |part: Part, common: &[u32]| {
            let mut words: Vec<usize> = members.iter().map(|view| view.part(part).varying(common)).collect();
            words.sort_unstable();
            let at = |percent: usize| words.get(words.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
            (at(50), at(98) * 2 + VARYING_SLACK)
        };
        let (system, user) = (varying(Part::System, &self.system), varying(Part::User, &self.user));
        let wanted = SUPPORT_MIN + (system.0 + user.0).saturating_sub(VARYING_WORDS) * SUPPORT_PER_WORD;
        let most = if self.preface.is_empty() { SUPPORT_MAX } else { SUPPORT_TOLD_APART };
        let wanted = if self.says_little { SUPPORT_MAX } else { wanted.min(most) };
        let says = says_something(views, &self.members, Part::System, &self.system)
            || says_something(views, &self.members, Part::User, &self.user);
        if members.len() < wanted || !says {
            return None;
        }
        let fixed = |view: &&&View<'_>| {
            let of = |part: Part, common: &[u32]| view.part(part).tokens.saturating_sub(view.part(part).varying(common));
            of(Part::System, &self.system) + of(Part::User, &self.user)
        };
        // The first of those that have the most of it.
        let whole = members.iter().rev().max_by_key(fixed)?;
        let small = |(usual, max): (usize, usize), fixed: Fixed| Fixed {
            varying_usual: u32::try_from(usual).unwrap_or(u32::MAX),
            varying_max: u32::try_from(max).unwrap_or(u32::MAX),
            ..fixed
        };
        let mut template = Template {
            shape: whole.doc.shape,
            system: small(system, Fixed::of(Part::System, &whole.doc.system, &self.system)),
            user: small(user, Fixed::of(Part::User, &whole.doc.user, &self.user)),
            preface: self.preface.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
        };
        let samples = members.iter().take(3).map(|view| (view.doc.system.to_string(), view.doc.user.to_string()));
        // The preface of a site that was found before, if this one has it too: while more of them were unknown they shared less.
        if let Some(earlier) = known.iter().find(|other| !other.preface.is_empty() && template.has_words(&other.preface)) {
            template.preface.clone_from(&earlier.preface);
        }
        let words = name::words(&template);
        Some(Cluster { words, samples: samples.collect(), template })
    }
}

/// The words that nearly all of `members` have, each once.
fn common_words(views: &[View<'_>], members: &[u32], part: Part) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for view in members.iter().filter_map(|member| survey::view(views, *member)) {
        let words: BTreeSet<&str> = tokens(view.text(part)).map(|token| token.word).collect();
        words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let common = counts.into_iter().filter(|(_, count)| count * 100 >= members.len() * survey::COMMON_PERCENT);
    common.map(|(word, _)| word.to_owned()).collect()
}

/// Whether `fixed` is enough of a text, and has a word that tells something, in the prompts of `members`.
fn says_something(views: &[View<'_>], members: &[u32], part: Part, fixed: &[u32]) -> bool {
    let first = members.first().and_then(|member| survey::view(views, *member));
    fixed.len() >= EDGES_MIN && first.is_some_and(|view| has_content(view, part, fixed))
}

/// Whether a bundle has such a word.
fn has_content_of(views: &[View<'_>], bundle: &Bundle, part: Part) -> bool {
    let first = bundle.members.first().and_then(|member| survey::view(views, *member));
    first.is_some_and(|view| has_content(view, part, &bundle.edges))
}

fn has_content(view: &View<'_>, part: Part, fixed: &[u32]) -> bool {
    let chunks = Fixed::of(part, view.text(part), fixed).chunks;
    chunks.iter().flatten().any(|word| name::tells_something(word))
}

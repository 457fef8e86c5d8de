//! From prompts that belong to no known call site to the templates of new ones: a function of the set of prompts, whatever
//! their order.
//!
//! - `view`: a prompt as edges; `survey`: what a set of prompts has in common, `tree`: how it falls apart, `sets`: sets of prompts.

mod sets;
mod survey;
mod tree;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use crate::name;
use crate::pool::{Doc, KEPT_MAX};
use crate::shape::{Shape, mix};
use crate::split::Split;
use crate::template::{Fixed, Template};
use crate::text::Part;
use tree::{Ground, Leaf, grow};
use view::{COMMON_PERCENT, Marked, View, says_something, view};

/// Prompts that a call site needs before it exists: where its texts vary little, and where they vary much.
pub(crate) const SUPPORT_MIN: usize = 32;
pub(crate) const SUPPORT_MAX: usize = 96;
/// The most that those need which were told apart from others behind the same preface.
const SUPPORT_TOLD_APART: usize = 48;
/// The most where the sample is nearly as large as it can be.
const SUPPORT_CROWDED: usize = 72;
/// Words beside the fixed ones that are little, and what each further one asks for.
const VARYING_WORDS: usize = 16;
const SUPPORT_PER_WORD: usize = 4;
/// Words more than twice what nearly all prompts have, at most, that another prompt may have.
const VARYING_SLACK: usize = 24;

/// A new call site.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) template: Template,
    /// Words to name it by.
    pub(crate) words: Vec<String>,
    /// Some of its prompts.
    pub(crate) samples: Vec<(String, String)>,
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
        clusters.extend(found(&views, split).into_iter().filter_map(|found| found.cluster(&views, &known, split)));
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
    for view in leaf.members.iter().filter_map(|member| view(views, *member)) {
        let mark = view.system.edges.iter().fold(0, |mark, edge| mix(mark, u64::from(*edge)));
        *texts.entry(mark).or_default() += 1;
    }
    let most = texts.values().copied().max().unwrap_or_default();
    let is_constant = most * 100 >= leaf.members.len() * COMMON_PERCENT;
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
    fn cluster(self, views: &[View<'_>], known: &[&Template], split: Split) -> Option<Cluster> {
        let members: Vec<&View<'_>> = self.members.iter().filter_map(|member| view(views, *member)).collect();
        let varying = |part: Part, common: &[u32]| {
            let mut words: Vec<usize> = members.iter().map(|view| view.part(part).varying(common)).collect();
            words.sort_unstable();
            let at =
                |percent: usize| words.get(words.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
            (at(50), at(98) * 2 + VARYING_SLACK)
        };
        let (system, user) = (varying(Part::System, &self.system), varying(Part::User, &self.user));
        let wanted = SUPPORT_MIN + (system.0 + user.0).saturating_sub(VARYING_WORDS) * SUPPORT_PER_WORD;
        let is_crowded = views.len() * 4 >= KEPT_MAX * 3;
        let most = match (self.preface.is_empty(), is_crowded) {
            (false, _) => SUPPORT_TOLD_APART,
            (true, true) => SUPPORT_CROWDED,
            (true, false) => SUPPORT_MAX,
        };
        let wanted = match split {
            Split::Texts => SUPPORT_MIN,
            Split::Templates if self.says_little => most,
            Split::Templates => wanted.min(most),
        };
        let says = says_something(views, &self.members, Part::System, &self.system)
            || says_something(views, &self.members, Part::User, &self.user);
        if members.len() < wanted || !says {
            return None;
        }
        let fixed = |view: &&&View<'_>| {
            let of =
                |part: Part, common: &[u32]| view.part(part).tokens.saturating_sub(view.part(part).varying(common));
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
        if let Some(earlier) =
            known.iter().find(|other| !other.preface.is_empty() && template.has_words(&other.preface))
        {
            template.preface.clone_from(&earlier.preface);
        }
        let words = name::words(&template);
        Some(Cluster { words, samples: samples.collect(), template })
    }
}

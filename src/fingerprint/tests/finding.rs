//! The partition that is found, against the true one, in many orders.

use std::collections::BTreeSet;

use callsite::SiteId;
use rand::seq::SliceRandom;

use super::corpora::{self, Asked, Corpus};
use crate::{Discover, Finder, FinderSettings, Split, Surroundings, adjusted_rand_index};

pub(super) struct Nothing;

impl Surroundings for Nothing {
    fn keeps(&self, _: &SiteId) -> bool {
        true
    }
    fn is_bare(&self, _: &SiteId) -> bool {
        true
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

pub(super) fn finder() -> Finder {
    Finder::new(FinderSettings { discover: Discover::Learn, split: Split::Templates, sites_max: 256 }, Vec::new())
}

/// Asks everything in this order, mining whenever it is worth it and once at the end.
pub(super) fn ask(finder: &Finder, asked: &[Asked]) {
    for (at, one) in asked.iter().enumerate() {
        finder.look_up(one.shape, &one.system, &one.user, true, at as u64);
        if at % 64 == 63 && finder.is_due() {
            finder.mine(at as u64, &Nothing);
        }
    }
    finder.mine(asked.len() as u64, &Nothing);
}

/// The names that the requests have in the end, in the order of the corpus.
pub(super) fn found(finder: &Finder, corpus: &Corpus) -> Vec<Option<SiteId>> {
    corpus.asked.iter().map(|one| finder.look_up(one.shape, &one.system, &one.user, false, 0)).collect()
}

#[test]
fn the_index_of_equal_partitions_is_one_and_of_unrelated_ones_zero() {
    assert!((adjusted_rand_index([(1, 'a'), (1, 'a'), (2, 'b')].into_iter()) - 1.0).abs() < 1e-12);
    assert!(adjusted_rand_index((0..400).map(|n| (n % 2, n / 2 % 2))).abs() < 0.01);
    // Hubert and Arabie's formula by hand: 24/49 of what is possible.
    let (a, b) = ([0, 0, 1, 1, 2], [0, 0, 1, 2, 2]);
    assert!((adjusted_rand_index(a.into_iter().zip(b)) - (1.0 - 0.4) / (2.0 - 0.4)).abs() < 1e-12);
}

/// The least index of a corpus over so many orders, and the partitions and names that were found.
fn in_orders(corpus: &Corpus, orders: u64) -> (f64, usize, BTreeSet<Vec<String>>) {
    let (mut least, mut partitions, mut names) = (f64::INFINITY, BTreeSet::new(), BTreeSet::new());
    for order in 0..orders {
        let mut shuffled = corpus.asked.clone();
        shuffled.shuffle(&mut corpora::rng(1000 + order));
        let finder = finder();
        ask(&finder, &shuffled);
        let found = found(&finder, corpus);
        let truth = corpus.asked.iter().map(|one| one.truth);
        least = least.min(adjusted_rand_index(truth.zip(found.clone())));
        partitions.insert(found);
        names.insert(finder.sites().into_iter().map(|site| site.name.to_string()).collect());
    }
    (least, partitions.len(), names)
}

fn falls_apart_truly(corpora: &[Corpus], orders: u64, same_names: bool) {
    for corpus in corpora {
        let (least, partitions, names) = in_orders(corpus, orders);
        println!(
            "{:<28} ARI >= {least:.4} in {orders} orders; {partitions} partitions with names: {names:?}",
            corpus.name
        );
        assert!(least >= 0.98, "{}: {least} {names:?}", corpus.name);
        assert!(!same_names || partitions == 1, "{}: {names:?}", corpus.name);
    }
}

#[test]
fn every_corpus_falls_apart_into_its_true_sites_with_the_same_names_whatever_the_order() {
    falls_apart_truly(&corpora::all(7), 20, true);
}

/// Words that hardly ever vary, and long texts, of which only the ends are looked at: a name may tell of either.
#[test]
fn prompts_that_change_over_time_and_long_ones_fall_apart_truly_whatever_the_order() {
    falls_apart_truly(&[corpora::grown(7)], 20, false);
    falls_apart_truly(&[corpora::many(7)], 4, false);
}

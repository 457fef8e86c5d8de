use proptest::prelude::*;

use super::sound_map;
use crate::metrics::{
    Control, Expressive, divergence, diversity, edit_distance, histogram, is_novel, parity, tries_expected, valid_after,
};
use crate::{LevelRules, Request};

/// Levenshtein's definition, without a table.
fn plain_distance(one: &[char], other: &[char]) -> usize {
    match (one, other) {
        ([], rest) | (rest, []) => rest.len(),
        ([a, one @ ..], [b, other @ ..]) if a == b => plain_distance(one, other),
        ([_, left @ ..], [_, right @ ..]) => {
            1 + plain_distance(left, right).min(plain_distance(left, other)).min(plain_distance(one, right))
        }
    }
}

proptest! {
    #[test]
    fn the_banded_distance_is_levenshteins_up_to_its_limit(one in "[ab]{0,7}", other in "[ab]{0,7}", limit in 1_usize..9) {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let plain = plain_distance(&letters(&one), &letters(&other));
        prop_assert_eq!(edit_distance(&one, &other, limit), plain.min(limit));
    }
}

#[test]
fn novelty_begins_at_five_edits() {
    let known = ["..........".to_owned()];
    assert!(!is_novel("BBBB......", &known));
    assert!(is_novel("BBBBB.....", &known));
    assert!(is_novel("anything", &[]));
}

#[test]
fn diversity_is_the_share_of_maps_that_are_all_different() {
    let maps = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let three = maps(&["AAAAAAAA", "BBBBBBBB", "AAAAAAAB", "CCCCCCCC"]);
    // By hand: the first and the third are alike, every other pair is not.
    assert_eq!(diversity(&three, 4), 0.75);
    assert_eq!(diversity(&three, 8), 0.375);
    // A star: the middle is alike to all, the tips are not alike; the largest set leaves the middle out.
    let star = maps(&["........", "AAAA....", "....BBBB", "CC..CC.."]);
    assert_eq!(diversity(&star, 4), 0.75);
    assert_eq!(diversity(&[], 0), 0.0);
}

#[test]
fn retries_add_up_as_independent_tries() {
    // 1 - 0.4^3, and 1 + 0.4 + 0.16 tries.
    assert!((valid_after(0.6, 2) - 0.936).abs() < 1e-12);
    assert!((tries_expected(0.6, 2) - 1.56).abs() < 1e-12);
    assert!((valid_after(0.6, 0) - 0.6).abs() < 1e-12);
}

#[test]
fn control_counts_what_was_asked_and_made() {
    let mut control = Control::default();
    let right = Request { width: 5, height: 4, walls: 1, enemies: 2, difficulty: 9 };
    control.add(&right, &sound_map());
    control.add(&Request { walls: 4, enemies: 1, ..right }, &sound_map());
    let Control { pairs, accurate, size, walls, enemies, walls_off, enemies_off } = control;
    assert_eq!((pairs, accurate, size, walls, enemies, walls_off, enemies_off), (2, 1, 2, 1, 1, 3, 1));
}

#[test]
fn the_expressive_range_of_a_map_drawn_by_hand() {
    // P.B.E      20 cells, 3 blocked. From P the farthest enemy is (5, 1): around the wall 8 steps, straight 4;
    // ..B..      the other at (5, 4): 7 steps both ways.
    // .....      Free neighbours: 2 3 . 2 2 / 3 3 . 3 3 / 3 4 3 4 3 / . 2 3 3 2 = 44.
    // B...E
    let range = Expressive::of(&sound_map(), LevelRules::default()).unwrap();
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    near(range.openness, 0.85);
    near(range.linearity, 0.5);
    near(range.leniency, 1.0 - (1.0 / 9.0 + 1.0 / 8.0) / 2.0);
    near(range.dead_ends, 0.0);
    near(range.branching, DEGREES / 17.0);
}

/// Row by row: P has (2,1) and (1,2); the obstacle at (1,4) and the wall take neighbours away.
const DEGREES: f64 =
    (2 + 2 + 2 + 2) as f64 + (3 + 3 + 3 + 3) as f64 + (2 + 4 + 3 + 4 + 3) as f64 + (2 + 3 + 3 + 2) as f64;

#[test]
fn a_histogram_counts_every_point_once_and_edges_at_the_edge() {
    let counts = histogram([(0.0, 0.0), (0.49, 0.51), (1.0, 1.0), (7.0, -1.0)], 2);
    assert_eq!(counts, [[1, 1], [1, 1]]);
}

#[test]
fn patterns_of_equal_sets_do_not_diverge_and_what_is_lacking_costs_more() {
    let (plain, split) = (vec!["..\n..".to_owned()], vec!["..\n..".to_owned(), "BB\nBB".to_owned()]);
    let same = divergence(&split, &split, 2).unwrap();
    assert!(same.known_generated.abs() < 1e-12 && same.generated_known.abs() < 1e-12);
    let lacking = divergence(&split, &plain, 2).unwrap();
    // Half of the known windows has probability 1e-5 / (1 + 2e-5) among the generated: 0.5 ln(0.5 / q) + 0.5 ln 0.5.
    let q: f64 = 1e-5 / (1.0 + 2e-5);
    let expected = 0.5 * (0.5 / q).ln() + 0.5 * (0.5 / (1.0 - q)).ln();
    assert!((lacking.known_generated - expected).abs() < 1e-6, "{lacking:?}");
    // The other way only the even split costs: ln 2.
    assert!((lacking.generated_known - 2.0_f64.ln()).abs() < 1e-3, "{lacking:?}");
    assert!(divergence(&split, &plain, 3).is_none());
}

#[test]
fn parity_is_the_mean_difference_within_its_resamples() {
    let pairs = [(1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)];
    let mut state = 1_u64;
    let draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from((state >> 33) % below as u64).unwrap()
    };
    let interval = parity(&pairs, 4_000, 0.95, draw).unwrap();
    assert_eq!(interval.mean, 0.5);
    // Means are of four draws of 0 or 1: binomial, 2.5 % lie at 0 (6.25 % of all) and at 1.
    assert_eq!((interval.low, interval.high), (0.0, 1.0));
    let constant = parity(&pairs, 10, 0.95, |_| 1).unwrap();
    assert_eq!((constant.low, constant.high), (0.0, 0.0));
    assert_eq!(parity(&[], 10, 0.95, |_| 0), None);
}

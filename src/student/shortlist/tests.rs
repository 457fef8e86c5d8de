//! When a site is given a list, what is on it, and when it loses it.

use super::{CHECK_EVERY, COMMON, LEARN_TOKENS, Shortlists};
use crate::tiles::Tiles;

/// A site that has said `token` and common ones only.
fn learnt(token: u32) -> Shortlists {
    let mut lists = Shortlists::new(true, 262_144);
    let answer = [vec![token], vec![7; LEARN_TOKENS as usize]].concat();
    lists.note(None, &answer, 0);
    lists
}

#[test]
fn a_site_is_given_a_list_once_its_answers_bring_nothing_new() {
    let mut lists = Shortlists::new(true, 262_144);
    for known in 0..LEARN_TOKENS / 10 {
        assert_eq!(lists.list(None, &[]), None, "after {known} answers");
        lists.note(None, &[9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2);
    }
    let list = lists.list(None, &[200_000, 30]).unwrap();
    assert!(list.contains(COMMON - 1) && list.contains(200_000) && list.contains(200_015) && !list.contains(200_016));
    assert_eq!(lists.list(Some(blake3::hash(b"other")), &[]), None);
    // A new token of its own: the site has to prove itself again.
    lists.note(None, &[150_000], 0);
    assert_eq!(lists.list(None, &[]), None);
    // One that its prompt has is none.
    let mut lists = learnt(100_000);
    lists.note(None, &[180_000, 180_001], 1);
    let list = lists.list(None, &[]).unwrap();
    assert!(list.contains(100_000) && list.contains(180_000), "what was said is listed");
    assert_eq!(Shortlists::new(false, 262_144).list(None, &[]), None);
    let mut off = Shortlists::new(false, 262_144);
    off.note(None, &[7; 5000], 0);
    assert_eq!(off.list(None, &[]), None);
}

#[test]
fn a_site_that_wants_what_is_not_listed_loses_its_list() {
    let mut lists = learnt(100_000);
    let mut list = lists.list(None, &[]).unwrap();
    for token in [120_000, 130_000] {
        assert!(lists.check(None, &mut list, token) && list.contains(token));
        assert!(!lists.check(None, &mut list, token), "it is listed now");
    }
    assert!(lists.list(None, &[]).unwrap().contains(130_000), "two may be chance, and the next answers have them");
    lists.check(None, &mut list, 140_000);
    assert_eq!(lists.list(None, &[]), None, "three of five are more than one in 1,000");
    lists.note(None, &[7; 5000], 0);
    assert_eq!(lists.list(None, &[]), None, "for good");

    let mut lists = learnt(100_000);
    let mut list = lists.list(None, &[]).unwrap();
    assert!((0..4000).all(|_| !lists.check(None, &mut list, 7)));
    for token in [120_000, 130_000, 140_000, 150_000] {
        assert!(lists.list(None, &[]).is_some());
        lists.check(None, &mut list, token);
    }
    assert!(lists.list(None, &[]).is_some(), "four of 4,004 are not");
    lists.check(None, &mut list, 160_000);
    assert_eq!(lists.list(None, &[]), None);
}

#[test]
fn one_run_in_so_many_is_checked() {
    let mut lists = Shortlists::new(true, 262_144);
    let due = (0..CHECK_EVERY * 10).filter(|_| lists.check_is_due()).count();
    assert_eq!(due, 10);
}

#[test]
fn tiles_are_sets_of_sixteen_tokens() {
    let mut tiles = Tiles::below(33);
    assert_eq!(tiles.numbers(), [0, 1, 2]);
    assert!(tiles.insert(16 * 70) && !tiles.insert(16 * 70 + 15) && tiles.insert(16 * 70 + 16));
    assert_eq!(tiles.numbers(), [0, 1, 2, 70, 71]);
    let mut other = Tiles::default();
    assert!(!other.contains(5) && other.numbers().is_empty());
    other.insert(16 * 300);
    other.add(&tiles);
    assert_eq!(other.numbers(), [0, 1, 2, 70, 71, 300]);
    assert!(other.contains(16 * 300 + 3) && !other.contains(16 * 299));
}

#[test]
fn a_small_vocabulary_has_no_lists() {
    for vocab in [10, COMMON as usize] {
        let mut lists = Shortlists::new(true, vocab);
        (0..2000).for_each(|_| lists.note(None, &[1, 2, 3], 1));
        assert_eq!(lists.list(None, &[1]), None, "{vocab}");
    }
}

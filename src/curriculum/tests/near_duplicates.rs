use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{NearDuplicates, Signature};

/// The likeness itself, from the sets.
fn jaccard(left: &str, right: &str) -> f64 {
    let shingles = |text: &str| -> BTreeSet<Vec<String>> {
        let words = verify::similarity::words(text);
        if words.len() < 3 { BTreeSet::from([words]) } else { words.windows(3).map(<[String]>::to_vec).collect() }
    };
    let (left, right) = (shingles(left), shingles(right));
    left.intersection(&right).count() as f64 / left.union(&right).count() as f64
}

fn text(seed: u64, changed: usize) -> String {
    // Words by a fixed rule; the last `changed` of forty differ.
    let word = |at: usize, salt: u64| format!("w{}", (seed * 7919 + at as u64 * 104_729 + salt * 15_485_863) % 5000);
    (0..40).map(|at| word(at, u64::from(at >= 40 - changed))).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_likeness_of_signatures_is_that_of_the_texts() {
    let (mut worst, mut bias) = (0.0_f64, 0.0);
    let cases: Vec<(u64, usize)> = (0..60).flat_map(|seed| [0, 4, 8, 16, 30].map(|changed| (seed, changed))).collect();
    for (seed, changed) in &cases {
        let (left, right) = (text(*seed, 0), text(*seed, *changed));
        let error = Signature::of(&left).likeness(&Signature::of(&right)) - jaccard(&left, &right);
        worst = worst.max(error.abs());
        bias += error / cases.len() as f64;
    }
    // Standard error 1/16 at most: 300 estimates stay within four of them, and their mean within a fifth of one.
    assert!(worst < 0.25 && bias.abs() < 0.0125, "{worst} {bias}");
    assert_eq!(Signature::of("One two").likeness(&Signature::of("one, TWO!")), 1.0);
    assert!(Signature::of("one two").likeness(&Signature::of("two one")) < 0.2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_as_near_as_asked_and_what_is_near_is_found(
        texts in prop::collection::vec((0_u64..12, 0_usize..12), 1..60),
        (seed, changed) in (0_u64..12, 0_usize..12),
    ) {
        let known: Vec<Signature> = texts.iter().map(|(seed, changed)| Signature::of(&text(*seed, *changed))).collect();
        let mut index = NearDuplicates::default();
        known.iter().for_each(|signature| index.insert(*signature));
        let asked = Signature::of(&text(seed, changed));
        let best = known.iter().map(|known| known.likeness(&asked)).fold(0.0, f64::max);
        match index.find(&asked, 0.8) {
            Some(place) => prop_assert!(known[place].likeness(&asked) >= 0.8),
            // Sixteen bands of four: at 0.9 one of 10^7 is missed.
            None => prop_assert!(best < 0.9, "{}", best),
        }
    }
}

#[test]
fn signatures_survive_on_disk_and_a_flipped_bit_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signatures");
    let mut index = NearDuplicates::default();
    (0..20).for_each(|seed| index.insert(Signature::of(&text(seed, 0))));
    index.save(&path).unwrap();
    let read = NearDuplicates::load(&path).unwrap();
    assert_eq!((read.len(), read.find(&Signature::of(&text(7, 0)), 1.0)), (20, Some(7)));
    let bytes = std::fs::read(&path).unwrap();
    for at in [0, 9, 300, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let error = NearDuplicates::load(&path).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("is damaged")), "byte {at}");
    }
    for length in [0, 7, 39, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(NearDuplicates::load(&path).is_err(), "{length} bytes");
    }
}

#[test]
fn a_bucket_of_everything_does_not_make_the_search_quadratic() {
    // All share a band and none is near enough: without a bound 20,000 of them are 200 million comparisons.
    let mut index = NearDuplicates::default();
    for number in 0..20_000_u32 {
        let mut numbers = [0; 64];
        numbers[4..].iter_mut().enumerate().for_each(|(at, one)| *one = number * 64 + at as u32);
        let signature = Signature(numbers);
        assert_eq!(index.find(&signature, 0.8), None);
        index.insert(signature);
    }
    assert_eq!(index.len(), 20_000);
}

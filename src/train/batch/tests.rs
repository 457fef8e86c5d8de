//! Orders, padded batches and their split.

use super::*;

fn example(length: usize, start: usize) -> TokenisedExample {
    TokenisedExample { ids: (10..10 + length as u32).collect(), completion: start..length }
}

#[test]
fn a_batch_is_padded_on_the_right_and_learns_completions_only() {
    let batch = Batch::new(&[&example(5, 3), &example(3, 1)], 0);
    assert_eq!(batch.ids, [10, 11, 12, 13, 14, 10, 11, 12, 0, 0]);
    assert_eq!(batch.rows, [2, 3, 5, 6]);
    assert_eq!(batch.targets, [13, 14, 11, 12]);
}

#[test]
fn an_epoch_holds_every_example_once_and_depends_on_seed_and_epoch() {
    let lengths: Vec<usize> = (0..103).map(|i| 20 + i % 17).collect();
    let batches = epoch_batches(&lengths, 8, 1, 0);
    let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..103).collect::<Vec<_>>());
    assert_eq!(batches, epoch_batches(&lengths, 8, 1, 0));
    assert_ne!(batches, epoch_batches(&lengths, 8, 1, 1));
    assert_ne!(batches, epoch_batches(&lengths, 8, 2, 0));
    let spread = |batch: &Vec<usize>| {
        let of = batch.iter().map(|i| lengths[*i]);
        of.clone().max().unwrap() - of.min().unwrap()
    };
    let mean = batches.iter().map(spread).sum::<usize>() as f64 / batches.len() as f64;
    assert!(mean < 6.0, "batches mix lengths: {mean}");
}

#[test]
fn a_batch_within_the_budget_is_split_evenly_over_the_threads() {
    let sizes: Vec<Geometry> = (0..7).map(|i| Geometry { sequences: 1, positions: 10 + i }).collect();
    for budget in [0, 7 * 16] {
        let rounds = split_microbatches(&sizes, budget, 2);
        assert_eq!(rounds.len(), 1);
        assert_eq!(rounds[0].iter().map(Vec::len).collect::<Vec<_>>(), [4, 3]);
    }
    assert_eq!(split_microbatches(&sizes[..1], 0, 8)[0].len(), 1);
}

#[test]
fn no_more_tokens_than_the_budget_are_at_work_at_once_but_for_one_long_item() {
    let sizes: Vec<Geometry> =
        (0..40).map(|i| Geometry { sequences: 1 + i % 2, positions: 5 + (i * 7) % 23 }).collect();
    for (budget, threads) in [(1, 2), (20, 1), (60, 2), (100, 3), (1000, 2)] {
        let rounds = split_microbatches(&sizes, budget, threads);
        let mut places: Vec<usize> = rounds.iter().flatten().flatten().copied().collect();
        places.sort_unstable();
        assert_eq!(places, (0..40).collect::<Vec<_>>(), "every item once");
        for round in &rounds {
            let padded = |part: &Vec<usize>| {
                let sequences: usize = part.iter().map(|at| sizes[*at].sequences).sum();
                sequences * part.iter().map(|at| sizes[*at].positions).max().unwrap()
            };
            let padded: usize = round.iter().map(padded).sum();
            let alone = round.iter().flatten().count() == 1;
            assert!(padded <= budget || alone, "{padded} of {budget}");
            assert!(round.len() <= threads);
        }
    }
}

#[test]
fn what_is_found_by_row_is_taken_apart_by_sequence() {
    let batch = Batch::new(&[&example(5, 3), &example(3, 3), &example(4, 1)], 0);
    assert_eq!(batch.by_sequence(&[1, 2, 3, 4, 5]), [&[1, 2][..], &[], &[3, 4, 5]]);
}

#[test]
fn fixed_batches_hold_every_item_once_and_no_rest_that_is_too_small() {
    let lengths = |items, size, least| fixed_batches(items, size, least, 1).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(10, 4, 2), [4, 4, 2]);
    assert_eq!(lengths(9, 4, 2), [4, 5], "the rest of one joins the batch before");
    assert_eq!(lengths(9, 4, 1), [4, 4, 1]);
    assert_eq!(lengths(1, 4, 2), [1], "there is none before");
    let batches = fixed_batches(9, 4, 2, 1);
    let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..9).collect::<Vec<_>>());
    assert_eq!(batches, fixed_batches(9, 4, 2, 1));
    assert_ne!(batches, fixed_batches(9, 4, 2, 2));
}

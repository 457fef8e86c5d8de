//! Orders, padded batches and their split.

use super::*;

fn example(length: usize, start: usize) -> TokenisedExample {
    TokenisedExample { ids: (10..10 + length as u32).collect(), completion: start..length }
}

#[test]
fn a_batch_learns_completions_only_and_a_row_that_is_shared_as_often_as_it_is_said() {
    let batch = Batch::new(&[&example(5, 3), &example(3, 1)]);
    assert_eq!(batch.ids, [10, 11, 12, 10, 11, 12, 13, 14], "too little in common to be shared");
    assert_eq!(batch.rows, [5, 6, 0, 1], "sequence after sequence");
    assert_eq!(batch.targets, [13, 14, 11, 12]);
    let other = TokenisedExample { ids: [&example(10, 9).ids[..], &[99]].concat(), completion: 9..11 };
    let batch = Batch::new(&[&example(12, 9), &other]);
    assert_eq!(batch.ids, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 99]);
    assert_eq!((batch.rows, batch.targets), (vec![8, 9, 10, 8, 9], vec![19, 20, 21, 19, 99]));
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

/// Items of one or two sequences that share `shared` tokens.
fn items(count: usize, shared: usize) -> Vec<Vec<Vec<u32>>> {
    let sequence = |item: usize, of: u32| -> Vec<u32> {
        let own = (0..5 + (item * 7) % 23).map(|at| 1000 * (item as u32 + 1) + 100 * of + at as u32);
        (0..shared as u32).chain(own).collect()
    };
    (0..count).map(|item| (0..1 + item as u32 % 2).map(|of| sequence(item, of)).collect()).collect()
}

fn borrowed(items: &[Vec<Vec<u32>>]) -> Vec<Vec<&[u32]>> {
    items.iter().map(|item| item.iter().map(Vec::as_slice).collect()).collect()
}

#[test]
fn a_batch_within_the_budget_is_split_evenly_over_the_threads() {
    let items: Vec<Vec<Vec<u32>>> = (0..7).map(|i| vec![(i * 50..i * 50 + 10 + i).collect()]).collect();
    let items = borrowed(&items);
    for budget in [0, 7 * 16] {
        let rounds = split_microbatches(&items, budget, 2);
        assert_eq!(rounds.len(), 1);
        assert_eq!(rounds[0].iter().map(Vec::len).collect::<Vec<_>>(), [4, 3]);
    }
    assert_eq!(split_microbatches(&items[..1], 0, 8)[0].len(), 1);
    // Whatever their lengths: every thread has something to do.
    let uneven: Vec<Vec<Vec<u32>>> = [400, 3, 3, 3].iter().map(|n| vec![(*n..2 * n).collect()]).collect();
    let parts =
        |threads| split_microbatches(&borrowed(&uneven), 0, threads)[0].iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!((parts(4), parts(3).len(), parts(9)), (vec![1; 4], 3, vec![1; 4]));
}

#[test]
fn what_has_much_in_common_is_one_part_for_all_threads() {
    for (shared, parts) in [(0, 2), (20, 2), (400, 1)] {
        let rounds = split_microbatches(&borrowed(&items(16, shared)), 0, 2);
        assert_eq!((rounds.len(), rounds[0].len()), (1, parts), "{shared} tokens in common");
    }
}

#[test]
fn no_more_tokens_than_the_budget_are_computed_at_once_but_for_one_long_item() {
    for shared in [0, 30] {
        let items = items(40, shared);
        let items = borrowed(&items);
        for (budget, threads) in [(1, 2), (20, 1), (60, 2), (100, 3), (1000, 2)] {
            let rounds = split_microbatches(&items, budget, threads);
            let mut places: Vec<usize> = rounds.iter().flatten().flatten().copied().collect();
            places.sort_unstable();
            assert_eq!(places, (0..40).collect::<Vec<_>>(), "every item once");
            for round in &rounds {
                let computed: usize = round.iter().map(|part| computed(&items, part)).sum();
                assert!(computed <= budget || round.iter().flatten().count() == 1, "{computed} of {budget}");
                assert!(round.len() <= threads && round.iter().all(|part| !part.is_empty()));
            }
        }
        // What is shared leaves room for more.
        let logical: usize = items.iter().flatten().map(|ids| ids.len()).sum();
        let rounds = split_microbatches(&items, 1000, 1);
        assert_eq!(rounds.len() * 1000 < logical, shared > 0, "{} rounds of {logical}", rounds.len());
    }
}

#[test]
fn what_is_found_by_row_is_taken_apart_by_sequence() {
    let batch = Batch::new(&[&example(5, 3), &example(3, 3), &example(4, 1)]);
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

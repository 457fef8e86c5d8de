//! Files, orders and padded batches.

use super::*;
use crate::tests::golden;

fn example(length: usize, start: usize) -> Example {
    Example { ids: (10..10 + length as u32).collect(), completion: start..length }
}

#[test]
fn a_batch_is_padded_on_the_right_and_learns_completions_only() {
    let batch = Batch::new(&[&example(5, 3), &example(3, 1)], 0);
    assert_eq!(batch.ids, [10, 11, 12, 13, 14, 10, 11, 12, 0, 0]);
    assert_eq!(batch.rows, [2, 3, 5, 6]);
    assert_eq!(batch.targets, [13, 14, 11, 12]);
}

#[test]
fn an_order_holds_every_example_once_and_depends_on_seed_and_epoch() {
    let lengths: Vec<usize> = (0..103).map(|i| 20 + i % 17).collect();
    let batches = order(&lengths, 8, 1, 0);
    let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..103).collect::<Vec<_>>());
    assert_eq!(batches, order(&lengths, 8, 1, 0));
    assert_ne!(batches, order(&lengths, 8, 1, 1));
    assert_ne!(batches, order(&lengths, 8, 2, 0));
    let spread = |batch: &Vec<usize>| {
        let of = batch.iter().map(|i| lengths[*i]);
        of.clone().max().unwrap() - of.min().unwrap()
    };
    let mean = batches.iter().map(spread).sum::<usize>() as f64 / batches.len() as f64;
    assert!(mean < 6.0, "batches mix lengths: {mean}");
}

#[test]
fn a_batch_is_dealt_in_equal_shares() {
    let examples: Vec<Example> = (0..7).map(|i| example(10 + i, 2)).collect();
    let parts = deal(&examples.iter().collect::<Vec<_>>(), 2);
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(deal(&[&examples[0]], 8).len(), 1);
}

#[test]
fn lines_that_are_too_long_are_dropped_and_broken_ones_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.jsonl");
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let row = |reply: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":"{reply}"}}],"weight":1}}"#
        )
    };
    std::fs::write(&path, format!("{}\n\n{}\n", row("Yes."), row(&"coins ".repeat(100)))).unwrap();
    let (examples, dropped) = read(&path, &tokenizer, 60).unwrap();
    assert_eq!((examples.len(), dropped), (1, 1));
    assert!(matches!(read(&path, &tokenizer, 5), Err(TrainError::Empty { .. })));
    std::fs::write(&path, format!("{}\n{{\"messages\":[]}}\n", row("Yes."))).unwrap();
    let error = read(&path, &tokenizer, 60).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("assistant"), "{error}");
}

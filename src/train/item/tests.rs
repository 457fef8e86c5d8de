//! Which completion goes with which prompt.

use super::*;

fn item(prompt: u32, completion: u32, length: usize) -> Item {
    let mut ids = vec![prompt; 3];
    ids.extend(vec![completion; length]);
    Item::single(TokenisedExample { completion: 3..ids.len(), ids }, completion.is_multiple_of(2))
}

#[test]
fn every_prompt_of_a_batch_gets_the_completion_of_the_one_before_it() {
    let mut items = [item(1, 11, 2), item(2, 12, 4), item(3, 13, 1), item(4, 14, 2), item(5, 15, 1)];
    pair_mismatched(&mut items, &[vec![2, 0, 4], vec![1, 3]], 6);
    let ids = |at: usize| items[at].mismatched.as_ref().unwrap().tokens.ids.clone();
    assert_eq!(ids(2), [3, 3, 3, 15]);
    assert_eq!(ids(0), [1, 1, 1, 13]);
    assert_eq!(ids(4), [5, 5, 5, 11, 11]);
    assert_eq!(ids(1), [2, 2, 2, 14, 14]);
    assert_eq!(ids(3), [4, 4, 4, 12, 12, 12], "cut at six tokens");
    assert_eq!(items[3].mismatched.as_ref().unwrap().tokens.completion, 3..6);
    assert_eq!((items[3].longest(), items[0].longest()), (6, 5));
}

//! Which tokens are the largest, what they weigh, and which of them are shown.

use wire::{Logprob, TokenLogprob};

use super::{Logprobs, largest};

#[test]
fn the_largest_come_first_and_the_lower_id_of_equals() {
    let logits = [1.0, 5.0, 3.0, 5.0, -2.0, 3.0];
    assert_eq!(largest(&logits, 0), [0_u32; 0]);
    assert_eq!(largest(&logits, 3), [1, 3, 2]);
    assert_eq!(largest(&logits, 9), [1, 3, 2, 5, 0, 4]);
    assert_eq!(largest(&[f32::NEG_INFINITY, 0.0], 2), [1, 0]);
}

#[test]
fn tokens_of_what_is_not_shown_are_left_out() {
    let place = |begin: usize, end: usize| {
        let chosen = TokenLogprob { bytes: vec![b'x'; end - begin], logprob: -0.5 };
        (begin, Logprob { chosen, top: Vec::new(), end })
    };
    let shown = |bytes| {
        let logprobs = Logprobs { top: 0, tokens: vec![place(0, 3), place(3, 3), place(3, 7), place(7, 9)] };
        logprobs.shown(bytes).iter().map(|token| token.end).collect::<Vec<usize>>()
    };
    assert_eq!(shown(9), [3, 3, 7, 9]);
    assert_eq!(shown(7), [3, 3, 7], "the last one is a stop text's");
    assert_eq!(shown(5), [3, 3, 5], "of one that straddles, what is shown");
    assert_eq!(shown(3), [3]);
    assert_eq!(shown(0), [0_usize; 0]);
    assert_eq!(shown(12), [3, 3, 7, 12], "what was left of a character in the end");
}

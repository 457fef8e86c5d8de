//! Which evaluation is the better one.

use super::Evaluation;

#[test]
fn the_lower_loss_is_better_and_exact_replies_only_decide_between_equals() {
    let at = |loss, exact| Evaluation { step: 0, loss, exact };
    // A run on real Gemma 3 270M kept 0.60 exact at loss 0.102 over 0.45 at 0.0275: six of forty answers.
    assert!(at(0.0275, 0.45).is_better_than(&at(0.102, 0.60)));
    assert!(!at(0.102, 0.60).is_better_than(&at(0.0275, 0.45)));
    assert!(at(0.1, 0.6).is_better_than(&at(0.1, 0.5)));
    assert!(!at(0.1, 0.5).is_better_than(&at(0.1, 0.5)));
    assert!(at(9.0, 0.0).is_better_than(&at(f64::NAN, 1.0)));
}

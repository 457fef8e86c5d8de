//! When losses have come apart.

use super::*;

fn ended_at(losses: &[f64]) -> Option<(usize, f64)> {
    let mut health = Health::default();
    losses.iter().enumerate().find_map(|(at, loss)| Some((at, health.note(*loss, f64::INFINITY)?)))
}

#[test]
fn a_loss_that_stays_ten_times_over_its_beginning_ends_the_run_and_a_single_high_one_does_not() {
    assert_eq!(ended_at(&[2.0, 4.0, 31.0, 32.0, 33.0]), Some((4, 3.0)));
    assert_eq!(ended_at(&[2.0, 4.0, 31.0, 32.0, 3.0, 31.0, 32.0]), None);
    // Far above from the second step on: those do not count as the beginning.
    assert_eq!(ended_at(&[3.0, 90.0, 900.0, 9000.0]), Some((3, 3.0)));
    // Ten times nearly nothing is nothing.
    assert_eq!(ended_at(&[0.01, 0.01, 0.4, 0.4, 0.4, 4.9]), None);
}

#[test]
fn only_a_run_whose_last_loss_was_as_before_is_well() {
    let mut health = Health::default();
    for (loss, is_well) in [(1.0, true), (11.0, false), (1.0, true)] {
        assert_eq!((health.note(loss, f64::INFINITY), health.is_well()), (None, is_well));
    }
}

#[test]
fn a_loss_worse_than_guessing_is_far_above_from_twice_its_beginning_on() {
    let far = |loss, guessing| {
        let mut health = Health::default();
        assert_eq!(health.note(3.0, guessing), None);
        health.note(loss, guessing);
        !health.is_well()
    };
    assert_eq!([far(12.4, 12.5), far(12.6, 12.5), far(12.6, f64::INFINITY)], [false, true, false]);
    // What begins near guessing may go up and down.
    assert_eq!([far(5.9, 3.0), far(6.1, 3.0)], [false, true]);
}

//! When it stops, goes on, and works nevertheless.

use super::*;

const PAUSE: Pause = Pause { requests_per_s: 4.0, max_s: 60.0, slice_s: 0.5 };

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn it_stops_above_the_bound_and_goes_on_at_half_of_it() {
    let mut pace = Pace::new(PAUSE);
    assert_eq!(pace.turn(4.0, s(1.0)), None);
    assert_eq!(pace.turn(4.1, s(2.0)), Some(Turn::Stop));
    assert_eq!(pace.turn(9.0, s(3.0)), None, "it is told once");
    // Neither stopped nor continued again and again around the bound.
    assert_eq!(pace.turn(3.0, s(4.0)), None);
    assert_eq!(pace.turn(2.0, s(5.0)), Some(Turn::GoOn(s(3.0))));
    assert_eq!(pace.turn(3.0, s(6.0)), None);
    assert_eq!(pace.turn(5.0, s(6.1)), Some(Turn::Stop));
}

#[test]
fn a_proxy_that_is_always_busy_leaves_it_a_slice_now_and_then() {
    let mut pace = Pace::new(PAUSE);
    let (mut worked, mut stopped_at, mut began) = (0.0, None, 0.0);
    for tick in 0..10_000 {
        let now = f64::from(tick) * 0.05;
        match pace.turn(100.0, s(now)) {
            Some(Turn::Stop) => {
                worked += now - began;
                stopped_at = Some(now);
            }
            Some(Turn::GoOn(stood)) => {
                assert!((60.0..60.1).contains(&stood.as_secs_f64()), "{stood:?}");
                began = now;
            }
            None => {}
        }
    }
    assert!(stopped_at.is_some());
    // Eight minutes and a third: eight slices.
    assert!((4.0..4.6).contains(&worked), "{worked}");
}

#[test]
fn it_never_stops_where_that_is_switched_off() {
    let mut pace = Pace::new(Pause { requests_per_s: 0.0, ..PAUSE });
    assert_eq!(pace.turn(1e9, s(1.0)), None);
}

//! What is late, at a pace that is given.

use std::time::Duration;

use super::{Forecast, Work};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Reads 1,000 bytes a second and writes 10 tokens a second alone, 40 with four rows; answers have 20 tokens.
fn forecast() -> Forecast {
    let mut forecast = Forecast::default();
    forecast.note_reading(500, seconds(0.5));
    forecast.note_writing(1, 10, seconds(1.0));
    forecast.note_writing(4, 4, seconds(0.1));
    forecast.note_answer(None, 20);
    forecast
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

#[test]
fn an_answer_takes_its_reading_and_its_writing() {
    let forecast = forecast();
    let own = forecast.work(None, 1000, 500);
    assert_eq!(own, Work { answers: 1, bytes: 1000.0, tokens: 20.0 });
    near(forecast.seconds(own, 8), 3.0);
    near(forecast.seconds(forecast.work(None, 1000, 5), 8), 1.5);
    near(forecast.seconds(forecast.work(Some(blake3::hash(b"unknown")), 1000, 500), 8), 1.0);
}

#[test]
fn many_are_written_at_the_pace_of_many() {
    let forecast = forecast();
    let four = (0..4).fold(Work::default(), |all, _| all.plus(forecast.work(None, 0, 500)));
    near(forecast.seconds(four, 8), 80.0 / 40.0);
    near(forecast.seconds(four, 1), 80.0 / 10.0);
    // Never seen: two at the price of one, eight at that of four.
    near(forecast.token_s(2), 0.05);
    near(forecast.token_s(8), 0.0125);
    let mut many = Forecast::default();
    many.note_writing(4, 4, seconds(0.1));
    near(many.token_s(1), 0.025);
    many.note_writing(usize::MAX, 4, seconds(0.1));
}

#[test]
fn late_is_what_others_make_late() {
    let mut forecast = forecast();
    let own = forecast.work(None, 1000, 500);
    let late = |forecast: &Forecast, within| forecast.is_late(own, Work::default(), 8, seconds(within));
    assert!(!late(&forecast, 3.1), "alone it takes 3 s");
    assert!(!late(&forecast, 1.0), "nobody is in its way: it is slow, which is to be seen");
    forecast.under_way = Work { answers: 1, bytes: 2000.0, tokens: 0.0 };
    assert!(late(&forecast, 3.1) && !late(&forecast, 5.1));
    let waiting = Work { answers: 3, bytes: 3000.0, tokens: 60.0 };
    assert!(forecast.is_late(own, waiting, 8, seconds(7.9)), "6 s of reading, 2 of writing");
    assert!(!forecast.is_late(own, waiting, 8, seconds(8.1)));
}

#[test]
fn nothing_is_late_before_anything_was_measured() {
    let forecast = Forecast::default();
    let many = Work { answers: 9, bytes: 1e9, tokens: 1e9 };
    assert!(!forecast.is_late(forecast.work(None, 1000, 500), many, 8, seconds(1e-9)));
}

#[test]
fn the_pace_follows_what_is_measured() {
    let mut forecast = forecast();
    (0..60).for_each(|_| forecast.note_reading(1000, seconds(5.0)));
    let read_s = forecast.read_s.0.unwrap();
    assert!((read_s - 0.005).abs() < 2e-5, "{read_s}");
    forecast.note_reading(0, seconds(1.0));
    forecast.note_writing(1, 0, seconds(1.0));
    near(forecast.token_s(1), 0.1);
    assert_eq!(forecast.left(None, 5, 500).tokens, 15.0);
    assert_eq!(forecast.left(None, 5, 7).tokens, 7.0);
    assert_eq!(forecast.left(None, 50, 500).tokens, 1.0);
}

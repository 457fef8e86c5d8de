//! What counts as work.

use super::*;

#[test]
fn a_long_silence_is_not_work() {
    let start = Instant::now();
    let mut worked = Worked { total: Duration::ZERO, last: start };
    let after = |ms| start + Duration::from_millis(ms);
    assert_eq!(worked.at(after(300)), Duration::from_millis(300));
    assert_eq!(worked.at(after(600)), Duration::from_millis(600));
    // A minute in which nobody looked.
    assert_eq!(worked.at(after(60_600)), Duration::from_millis(1_600));
    assert_eq!(worked.at(after(60_700)), Duration::from_millis(1_700));
    assert_eq!(worked.at(after(60_700)), Duration::from_millis(1_700));
}

#[test]
fn the_clock_goes_on_by_itself_however_long_a_step_takes() {
    let clock = WorkClock::start().unwrap();
    let began = Instant::now();
    // Longer than the longest gap that counts, and nobody asks meanwhile.
    while began.elapsed() < LONGEST * 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(clock.seconds() > LONGEST.as_secs_f64() * 1.5);
}

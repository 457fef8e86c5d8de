//! Who waits, who is taken, who has left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use super::{Queue, Wanted};

#[derive(Clone, Default)]
struct Work(u32, Arc<AtomicBool>);

impl Wanted for Work {
    fn left(&self) -> bool {
        self.1.load(SeqCst)
    }
}

/// Nothing goes better than anything else.
fn any(_: &Work) -> bool {
    false
}

fn work(number: u32) -> Work {
    Work(number, Arc::default())
}

#[test]
fn no_more_waits_than_there_are_places_and_the_queue_holds_and_who_leaves_makes_room() {
    let queue = Arc::new(Queue::new(2, 1));
    let second = work(2);
    assert!(queue.push(work(1)).is_ok() && queue.push(second.clone()).is_ok() && queue.push(work(3)).is_ok());
    assert_eq!(queue.push(work(4)).map_err(|work| work.0), Err(4), "two places and one in the queue");
    second.1.store(true, SeqCst);
    assert!(queue.push(work(5)).is_ok());
    assert!(queue.push(work(6)).is_err());
    let taken: Vec<_> = std::iter::from_fn(|| queue.next(&any)).collect();
    assert_eq!(taken.iter().map(|(work, _)| work.0).collect::<Vec<_>>(), [1, 3, 5], "the second has left");
}

#[test]
fn a_place_is_free_again_when_it_is_dropped() {
    let queue = Arc::new(Queue::new(1, 0));
    for round in 0..3 {
        assert!(queue.push(work(round)).is_ok());
        let (taken, place) = queue.next(&any).unwrap();
        assert_eq!(taken.0, round);
        assert!(queue.push(work(9)).is_err(), "no place is free");
        drop(place);
    }
    assert!(queue.next(&any).is_none());
}

#[test]
fn who_left_the_queue_is_never_taken_however_long_it_is() {
    let queue = Arc::new(Queue::new(1, 8));
    let gone = work(1);
    assert!(queue.push(gone.clone()).is_ok() && queue.push(work(2)).is_ok());
    gone.1.store(true, SeqCst);
    let (taken, _place) = queue.next(&any).unwrap();
    assert_eq!(taken.0, 2);
    assert!(queue.next(&any).is_none());
}

#[test]
fn waiting_ends_with_work_and_with_the_end_of_the_queue() {
    let queue = Arc::new(Queue::new(1, 1));
    let other = Arc::clone(&queue);
    let waiter = thread::spawn(move || {
        let first = other.wait();
        drop(other.next(&any));
        (first, other.wait())
    });
    thread::sleep(Duration::from_millis(20));
    assert!(!waiter.is_finished(), "nothing to do yet");
    assert!(queue.push(work(1)).is_ok());
    thread::sleep(Duration::from_millis(20));
    queue.close();
    assert_eq!(waiter.join().unwrap(), (true, false));
    drop(queue.push(work(2)));
    assert!(queue.wait(), "what waits when it is closed is still done");
}

#[test]
fn what_fits_goes_first_but_nobody_is_passed_over_for_ever() {
    let queue = Arc::new(Queue::new(20, 20));
    for number in [1, 20, 2, 21, 22, 3, 23, 24] {
        assert!(queue.push(work(number)).is_ok());
    }
    let order: Vec<u32> = std::iter::from_fn(|| Some(queue.next(&|work: &Work| work.0 >= 20)?.0.0)).collect();
    assert_eq!(order, [20, 21, 22, 1, 23, 2, 24, 3]);
    assert!(queue.push(work(4)).is_ok() && queue.push(work(5)).is_ok());
    assert_eq!(queue.next(&|_| true).unwrap().0.0, 4, "of those that fit the first");
    assert_eq!(queue.look(0, |all, work| all + work.0), 5);
}

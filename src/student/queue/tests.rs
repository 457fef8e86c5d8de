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

fn work(number: u32) -> Work {
    Work(number, Arc::default())
}

#[test]
fn no_more_waits_than_there_are_places_and_the_queue_holds_and_who_leaves_makes_room() {
    let queue = Arc::new(Queue::new(2, 1));
    let second = work(2);
    assert!(queue.push(work(1)) && queue.push(second.clone()) && queue.push(work(3)));
    assert!(!queue.push(work(4)), "two places and one in the queue");
    second.1.store(true, SeqCst);
    assert!(queue.push(work(5)));
    assert!(!queue.push(work(6)));
    let taken: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
    assert_eq!(taken.iter().map(|(work, _)| work.0).collect::<Vec<_>>(), [1, 3, 5], "the second has left");
}

#[test]
fn a_place_is_free_again_when_it_is_dropped() {
    let queue = Arc::new(Queue::new(1, 0));
    for round in 0..3 {
        assert!(queue.push(work(round)));
        let (taken, place) = queue.next().unwrap();
        assert_eq!(taken.0, round);
        assert!(!queue.push(work(9)), "no place is free");
        drop(place);
    }
    assert!(queue.next().is_none());
}

#[test]
fn who_left_the_queue_is_never_taken_however_long_it_is() {
    let queue = Arc::new(Queue::new(1, 8));
    let gone = work(1);
    assert!(queue.push(gone.clone()) && queue.push(work(2)));
    gone.1.store(true, SeqCst);
    let (taken, _place) = queue.next().unwrap();
    assert_eq!(taken.0, 2);
    assert!(queue.next().is_none());
}

#[test]
fn waiting_ends_with_work_and_with_the_end_of_the_queue() {
    let queue = Arc::new(Queue::new(1, 1));
    let other = Arc::clone(&queue);
    let waiter = thread::spawn(move || {
        let first = other.wait();
        drop(other.next());
        (first, other.wait())
    });
    thread::sleep(Duration::from_millis(20));
    assert!(!waiter.is_finished(), "nothing to do yet");
    assert!(queue.push(work(1)));
    thread::sleep(Duration::from_millis(20));
    queue.close();
    assert_eq!(waiter.join().unwrap(), (true, false));
    queue.push(work(2));
    assert!(queue.wait(), "what waits when it is closed is still done");
}

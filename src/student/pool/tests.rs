//! The bounded queue: who waits, who runs, who leaves, who panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use super::Pool;

/// Work that says that it has begun and then waits to be let go.
fn gated(pool: &Pool<u32>) -> (tokio::sync::oneshot::Receiver<u32>, mpsc::Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let receiver = pool.submit(move |worker, _| {
        begun.send(()).unwrap();
        gate.recv().unwrap();
        *worker += 1;
        *worker
    });
    let receiver = receiver.unwrap();
    has_begun.recv().unwrap();
    (receiver, open)
}

#[test]
fn no_more_waits_than_the_queue_holds_and_who_leaves_it_makes_room_and_never_runs() {
    let pool = Pool::new(vec![0_u32], 1).unwrap();
    let (first, open) = gated(&pool);
    let ran = Arc::new(AtomicUsize::new(0));
    let submit = || {
        let ran = Arc::clone(&ran);
        pool.submit(move |_, _| ran.fetch_add(1, SeqCst))
    };
    let second = submit().expect("one place in the queue");
    assert!(submit().is_none(), "the queue is full");
    drop(second);
    let third = submit().expect("the place of who has left");
    assert!(submit().is_none());
    open.send(()).unwrap();
    assert_eq!(first.blocking_recv().unwrap(), 1);
    assert_eq!(third.blocking_recv().unwrap(), 0, "the second ran before the third");
    assert_eq!(ran.load(SeqCst), 1);
}

#[test]
fn work_that_nobody_waits_for_never_runs_however_long_the_queue_is() {
    let pool = Pool::new(vec![0_u32], 8).unwrap();
    let (first, open) = gated(&pool);
    let left = pool.submit(|worker, _| *worker += 100).unwrap();
    let last = pool.submit(|worker, _| *worker).unwrap();
    drop(left);
    open.send(()).unwrap();
    assert_eq!((first.blocking_recv().unwrap(), last.blocking_recv().unwrap()), (1, 1));
}

#[test]
fn without_a_queue_who_has_an_answer_can_ask_again() {
    let pool = Pool::new(vec![0_u32], 0).unwrap();
    for round in 0..2000 {
        let receiver = pool.submit(move |_, _| round).expect("the worker is free");
        assert_eq!(receiver.blocking_recv().unwrap(), round);
    }
    let (first, open) = gated(&pool);
    assert!(pool.submit(|_, _| 0).is_none());
    open.send(()).unwrap();
    first.blocking_recv().unwrap();
}

#[test]
fn work_is_told_that_nobody_waits_and_its_place_is_free_when_it_has_ended() {
    let pool = Pool::new(vec![0_u32], 1).unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel();
    let receiver = pool.submit(move |_, cancelled| {
        begun.send(()).unwrap();
        let asked = (0..100_000_000_u32).find(|_| {
            thread::yield_now();
            cancelled()
        });
        ended.send(asked.is_some()).unwrap();
    });
    has_begun.recv().unwrap();
    drop(receiver);
    let next = pool.submit(|_, cancelled| cancelled()).unwrap();
    assert!(has_ended.recv().unwrap(), "the work was not told");
    assert!(!next.blocking_recv().unwrap(), "somebody waits for the next one");
}

#[test]
fn a_panic_is_an_error_for_who_waits_and_the_worker_goes_on() {
    let pool = Pool::new(vec![1_u32], 4).unwrap();
    for _ in 0..3 {
        assert!(pool.submit(|_, _| -> u32 { panic!("work failed") }).unwrap().blocking_recv().is_err());
        assert_eq!(pool.submit(|worker, _| *worker).unwrap().blocking_recv().unwrap(), 1);
    }
}

#[test]
fn no_more_work_runs_at_once_than_there_are_workers() {
    let pool = Pool::new(vec![0_u32; 2], 400).unwrap();
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let receivers: Vec<_> = (0..400)
        .map(|_| {
            let counts = Arc::clone(&counts);
            let work = move |used: &mut u32, _: &dyn Fn() -> bool| {
                counts.1.fetch_max(counts.0.fetch_add(1, SeqCst) + 1, SeqCst);
                *used += 1;
                thread::yield_now();
                counts.0.fetch_sub(1, SeqCst);
            };
            pool.submit(work).unwrap()
        })
        .collect();
    receivers.into_iter().for_each(|receiver| receiver.blocking_recv().unwrap());
    assert!(counts.1.load(SeqCst) <= 2);
}

#[test]
fn the_last_owner_may_go_away_inside_the_work() {
    let pool = Arc::new(Pool::new(vec![0_u32], 1).unwrap());
    let (open, gate) = mpsc::channel::<()>();
    let owner = Arc::clone(&pool);
    let receiver = pool.submit(move |_, _| {
        gate.recv().unwrap();
        drop(owner);
        7
    });
    drop(pool);
    open.send(()).unwrap();
    assert_eq!(receiver.unwrap().blocking_recv().unwrap(), 7);
}

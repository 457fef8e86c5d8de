use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Pool;

#[test]
fn no_more_work_runs_at_once_than_there_are_workers() {
    let pool = Pool::new(vec![0_u32; 2]);
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    pool.with(|used| {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        *used += 1;
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            });
        }
    });
    assert!(most.into_inner() <= 2);
    let uses = [pool.take(), pool.take()].map(|lease| *lease.worker.lock().unwrap());
    assert_eq!(uses.iter().sum::<u32>(), 400);
}

#[test]
fn a_worker_comes_back_from_work_that_panicked() {
    let pool = Pool::new(vec![1_u32]);
    let panicked = thread::scope(|scope| scope.spawn(|| pool.with(|_| panic!("work failed"))).join().is_err());
    assert!(panicked);
    assert_eq!(pool.with(|worker| *worker), 1);
}

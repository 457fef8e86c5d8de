//! Order, errors and dying workers.

use super::in_parallel;
use crate::error::TrainError;

#[test]
fn results_come_in_the_order_of_the_items() {
    let items: Vec<usize> = (0..17).collect();
    for threads in [0, 1, 2, 5, 40] {
        assert_eq!(in_parallel(&items, threads, |i| Ok(i * i)).unwrap()[16], 256, "{threads} threads");
        assert_eq!(in_parallel(&items, threads, |i| Ok(*i)).unwrap(), items);
    }
    assert!(in_parallel(&[] as &[usize], 2, |i| Ok(*i)).unwrap().is_empty());
}

#[test]
fn an_error_and_a_panic_of_one_worker_end_the_whole() {
    let fails = in_parallel(&[1, 2, 3], 2, |i| if *i == 1 { Err(TrainError::Worker) } else { Ok(()) });
    assert!(fails.is_err());
    let dies = in_parallel(&[1, 2, 3], 2, |i| if *i == 1 { panic!("on purpose") } else { Ok(()) });
    assert!(matches!(dies, Err(TrainError::Worker)));
}

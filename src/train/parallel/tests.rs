//! Order and errors.

use super::{TASK, by_row, in_parallel};
use crate::error::TrainError;

#[test]
fn results_come_in_the_order_of_the_items() {
    let items: Vec<usize> = (0..17).collect();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| assert_eq!(in_parallel(&items, |i| Ok(*i)).unwrap(), items));
    }
    assert!(in_parallel(&[] as &[usize], |i| Ok(*i)).unwrap().is_empty());
}

#[test]
fn an_error_of_one_worker_ends_the_whole() {
    let failure = || TrainError::NotFinite { name: "w".into() };
    assert!(in_parallel(&[1, 2, 3], |i| if *i == 1 { Err(failure()) } else { Ok(()) }).is_err());
}

#[test]
fn every_row_is_worked_on_once_with_its_place() {
    for (rows, width) in [(0, 3), (5, 1), (1, TASK + 1), (3 * TASK / 100, 100)] {
        let mut out = vec![0usize; rows * width];
        by_row(&mut out, width, |at, row| row.iter_mut().for_each(|number| *number += at + 1));
        assert!(out.iter().enumerate().all(|(at, number)| *number == at / width + 1), "{rows} x {width}");
    }
}

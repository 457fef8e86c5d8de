//! Work shared out to the threads of the pool that it runs in; what comes of it does not depend on what the threads did.

use frozen::vectorised;
use rayon::prelude::*;

use crate::error::TrainError;

/// Numbers that are worth a task of their own.
const TASK: usize = 1 << 14;

/// `f` of every item, in the items' order.
pub(crate) fn in_parallel<I: Sync, O: Send>(
    items: &[I],
    f: impl Fn(&I) -> Result<O, TrainError> + Sync + Send,
) -> Result<Vec<O>, TrainError> {
    items.par_iter().with_max_len(1).map(f).collect()
}

/// `f` of every row of `out`, which has `width` numbers, with its place.
#[inline(always)]
pub(crate) fn by_row<T: Send>(out: &mut [T], width: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let (width, rows) = task(width);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(task, part)| {
        vectorised(|| part.chunks_mut(width).enumerate().for_each(|(at, row)| f(task * rows + at, row)));
    });
}

/// The same for two arrays of one shape.
#[inline(always)]
pub(crate) fn by_row_of_two<T: Send>(
    one: &mut [T],
    other: &mut [T],
    width: usize,
    f: impl Fn(usize, &mut [T], &mut [T]) + Sync,
) {
    let (width, rows) = task(width);
    let parts = one.par_chunks_mut(rows * width).zip(other.par_chunks_mut(rows * width));
    parts.enumerate().for_each(|(task, (one, other))| {
        let both = one.chunks_mut(width).zip(other.chunks_mut(width)).enumerate();
        vectorised(|| both.for_each(|(at, (one, other))| f(task * rows + at, one, other)));
    });
}

/// The width of a row, and how many make a task.
fn task(width: usize) -> (usize, usize) {
    let width = width.max(1);
    (width, (TASK / width).max(1))
}

#[cfg(test)]
mod tests;

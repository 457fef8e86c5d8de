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
    let width = width.max(1);
    let rows = (TASK / width).max(1);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(task, part)| {
        vectorised(|| part.chunks_mut(width).enumerate().for_each(|(at, row)| f(task * rows + at, row)));
    });
}

#[cfg(test)]
mod tests;

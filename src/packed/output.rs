//! Where products are written: rows of one array, which several threads fill at once, each its own columns.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Has `work` done for all of `count` places, in `parts` parts at most, which `share` gives out: see [`crate::Product::write`]. `together`
/// places are not torn apart.
pub(crate) fn split(
    count: usize,
    together: usize,
    parts: usize,
    share: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    work: impl Fn(Range<usize>) + Sync,
) {
    let each = count.div_ceil(parts.max(1)).next_multiple_of(together).max(together);
    let parts = count.div_ceil(each);
    let taken = Vec::from_iter((0..parts).map(|_| AtomicBool::new(false)));
    share(parts, &|part| {
        // A part that is given out twice would be written by two threads.
        if taken.get(part).is_some_and(|taken| !taken.swap(true, Ordering::Relaxed)) {
            work(part * each..count.min((part + 1) * each));
        }
    });
}

/// `[rows, columns]`, row after row.
pub(crate) struct Output<'a> {
    start: *mut f32,
    rows: usize,
    columns: usize,
    array: PhantomData<&'a mut [f32]>,
}

#[expect(unsafe_code, reason = "threads write disjoint columns of one array, which no slice can say")]
// SAFETY: nothing is read through it, and every part of a product writes columns of its own, once: see `split`.
unsafe impl Send for Output<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    pub(crate) fn new(values: &'a mut [f32], columns: usize) -> Self {
        let rows = values.len() / columns.max(1);
        Self { start: values.as_mut_ptr(), rows, columns, array: PhantomData }
    }

    /// Writes `sums` from `column` on, as many as there are columns.
    pub(crate) fn put(&self, row: usize, column: usize, sums: &[f32]) {
        if row >= self.rows || column >= self.columns {
            return;
        }
        let count = sums.len().min(self.columns - column);
        #[expect(unsafe_code, reason = "see above")]
        // SAFETY: `row` and `column + count` lie within the array, by the lines above.
        unsafe {
            self.start.add(row * self.columns + column).copy_from_nonoverlapping(sums.as_ptr(), count);
        }
    }
}

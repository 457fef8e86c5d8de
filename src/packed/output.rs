//! Where products are written: rows of one array, which several threads fill at once, each its own columns.

use std::marker::PhantomData;

use crate::LANES;

/// `[rows, columns]`, row after row.
pub(crate) struct Output<'a> {
    start: *mut f32,
    rows: usize,
    columns: usize,
    array: PhantomData<&'a mut [f32]>,
}

#[expect(unsafe_code, reason = "threads write disjoint columns of one array, which no slice can say")]
// SAFETY: nothing is read through it, and every part of a product writes columns of its own, once: see `Product::write`.
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
    pub(crate) fn put(&self, row: usize, column: usize, sums: &[f32; LANES]) {
        if row >= self.rows || column >= self.columns {
            return;
        }
        let count = LANES.min(self.columns - column);
        #[expect(unsafe_code, reason = "see above")]
        // SAFETY: `row` and `column + count` lie within the array, by the lines above.
        unsafe {
            self.start.add(row * self.columns + column).copy_from_nonoverlapping(sums.as_ptr(), count);
        }
    }
}

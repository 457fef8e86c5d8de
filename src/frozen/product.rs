//! Products with a frozen matrix, a tile of it at a time.
//!
//! A tile is widened to `f32` into a buffer that stays in the second-level cache, then all rows are multiplied by it. Tiles are shared out to the
//! threads of rayon's pool by their number alone: with as many threads a product has the same bits, whichever of them does what.

use std::cell::RefCell;
use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

use crate::numbers::Numbers;

/// Numbers of a tile: 1 MiB of them, half of a second-level cache. Four times as many were 15 % slower.
const TILE: usize = 1 << 18;
/// Terms of a backward sum that are added at once: rows of a tile there.
const TERMS: usize = 512;
/// Columns of a tile are multiples of this, a cache line of packed numbers and more.
const COLUMNS: usize = 32;
/// Products of fewer multiplications are not worth sharing out.
const SHARED_MIN: usize = 1 << 21;

thread_local! {
    static BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Numbers that are multiplied here: `f32` for work, `f64` for checks of derivatives.
pub trait Number: Copy + Send + Sync + PartialEq + 'static {
    const ZERO: Self;
    const ONE: Self;
}

impl Number for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

/// What a product is added to.
pub struct Sums<'a, N> {
    values: &'a mut [N],
    /// From the start of a row to that of the next.
    width: usize,
    first: usize,
    columns: usize,
}

impl<'a, N> Sums<'a, N> {
    /// `[n, width]`, row after row.
    #[must_use]
    pub fn rows(values: &'a mut [N], width: usize) -> Self {
        Self { values, width, first: 0, columns: width }
    }

    /// Of its columns those of `range` alone, which ends within them.
    #[must_use]
    pub fn columns(self, range: Range<usize>) -> Self {
        Self { first: self.first + range.start, columns: range.len(), ..self }
    }
}

/// A factor of a product, by the distance between its neighbours.
#[derive(Clone, Copy)]
pub struct Factor<'a, N> {
    values: &'a [N],
    row_step: usize,
    column_step: usize,
}

impl<'a, N> Factor<'a, N> {
    /// `[n, width]`, row after row.
    #[must_use]
    pub fn rows(values: &'a [N], width: usize) -> Self {
        Self { values, row_step: width, column_step: 1 }
    }

    /// The transpose of `[n, width]`: `[width, n]`.
    #[must_use]
    pub fn transposed(values: &'a [N], width: usize) -> Self {
        Self { values, row_step: 1, column_step: width }
    }

    /// What is left of it without its first rows and columns.
    #[must_use]
    pub fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_step + column * self.column_step;
        Self { values: self.values.get(start..).unwrap_or_default(), ..self }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.row_step + (columns - 1) * self.column_step < self.values.len()
    }
}

/// A rectangle of an array, row by row at a distance.
struct Block<N> {
    start: *mut N,
    rows: usize,
    columns: usize,
    row_step: usize,
}

impl<N> Clone for Block<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Block<N> {}

#[expect(unsafe_code, reason = "threads write to disjoint rectangles of one array, which no slice can say")]
// SAFETY: every thread is given a rectangle of its own, see `each`.
unsafe impl<N: Send> Send for Block<N> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl<N: Send> Sync for Block<N> {}

impl<N> Block<N> {
    fn of(sums: Sums<'_, N>) -> Self {
        let rows = sums.values.len() / sums.width.max(1);
        let whole = Self { start: sums.values.as_mut_ptr(), rows, columns: sums.width, row_step: sums.width };
        whole.columns(sums.first, sums.columns)
    }

    fn columns(self, first: usize, columns: usize) -> Self {
        assert!(first + columns <= self.columns, "columns of a block");
        // The last rectangle may begin behind the end of an empty array: nothing is ever read or written there.
        Self { start: self.start.wrapping_add(first), columns, ..self }
    }

    fn rows(self, first: usize, rows: usize) -> Self {
        assert!(first + rows <= self.rows, "rows of a block");
        Self { start: self.start.wrapping_add(first * self.row_step), rows, ..self }
    }
}

/// `y += x Wᵀ`; `x` is `[n, in]`, `y` is `[n, out]`.
pub(crate) fn forward(numbers: &Numbers, (out, inn): (usize, usize), x: &[f32], y: Sums<'_, f32>) {
    let to = Block::of(y);
    each(out, (TILE / inn.max(1)).max(COLUMNS), to.rows * inn * out, |first, rows| {
        with_buffer(rows * inn, |tile| {
            numbers.widen(first * inn, tile);
            multiply(to.columns(first, rows), Factor::rows(x, inn), Factor::transposed(tile, inn), inn, 1.0);
        });
    });
}

/// `dx += dy W`; `dy` is `[n, out]`, `dx` is `[n, in]`.
pub(crate) fn backward(numbers: &Numbers, (out, inn): (usize, usize), dy: &[f32], dx: Sums<'_, f32>) {
    let to = Block::of(dx);
    each(inn, TILE / TERMS, to.rows * inn * out, |first, columns| {
        with_buffer(TERMS.min(out) * columns, |tile| {
            for from in (0..out).step_by(TERMS) {
                let terms = TERMS.min(out - from);
                for (row, values) in tile.chunks_exact_mut(columns).take(terms).enumerate() {
                    numbers.widen((from + row) * inn + first, values);
                }
                let left = Factor::rows(dy, out).from(0, from);
                multiply(to.columns(first, columns), left, Factor::rows(tile, columns), terms, 1.0);
            }
        });
    });
}

/// `sums += scale * left right`, where `left` is `[n, terms]` and `right` is `[terms, width]`.
///
/// # Panics
/// When a factor is smaller than that, or the sums have not so many columns.
pub fn add_product<N: Number>(sums: Sums<'_, N>, left: Factor<'_, N>, right: Factor<'_, N>, terms: usize, scale: N) {
    let to = Block::of(sums);
    let work = to.rows * to.columns * terms;
    if to.rows > to.columns {
        each(to.rows, to.rows, work, |first, rows| {
            multiply(to.rows(first, rows), left.from(first, 0), right, terms, scale)
        });
    } else {
        each(to.columns, to.columns, work, |first, columns| {
            multiply(to.columns(first, columns), left, right.from(0, first), terms, scale);
        });
    }
}

/// `f` of the start and length of pieces of at most `most`; as many as the threads, or a multiple, if the `work` is worth it. Pieces are disjoint.
fn each(whole: usize, most: usize, work: usize, f: impl Fn(usize, usize) + Sync) {
    let threads = if work < SHARED_MIN { 1 } else { rayon::current_num_threads() };
    let count = whole.div_ceil(most.max(1)).next_multiple_of(threads);
    let piece = whole.div_ceil(count.max(1)).next_multiple_of(COLUMNS);
    if piece >= whole {
        f(0, whole);
    } else {
        (0..whole.div_ceil(piece)).into_par_iter().for_each(|at| f(at * piece, piece.min(whole - at * piece)));
    }
}

/// Gives `f` this thread's buffer; what is in it is of no meaning. `f` shares out no work, which might come back to this thread.
fn with_buffer(numbers: usize, f: impl FnOnce(&mut [f32])) {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.len() < numbers {
            buffer.resize(numbers, 0.0);
        }
        f(buffer.get_mut(..numbers).unwrap_or_default());
    });
}

/// `to += scale * left right`, where `left` is `[rows, terms]` and `right` is `[terms, columns]`.
fn multiply<N: Number>(to: Block<N>, left: Factor<'_, N>, right: Factor<'_, N>, terms: usize, scale: N) {
    assert!(left.holds(to.rows, terms) && right.holds(terms, to.columns), "sizes of a product");
    if to.rows == 0 || to.columns == 0 || terms == 0 {
        return;
    }
    #[expect(unsafe_code, reason = "the interface of gemm")]
    // SAFETY: the assertion holds both factors inside their arrays; the block was cut from its own, and is this call's alone.
    unsafe {
        gemm::gemm(
            to.rows,
            to.columns,
            terms,
            to.start,
            1,
            to.row_step as isize,
            true,
            left.values.as_ptr(),
            left.column_step as isize,
            left.row_step as isize,
            right.values.as_ptr(),
            right.column_step as isize,
            right.row_step as isize,
            N::ONE,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

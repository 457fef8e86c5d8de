//! LoRA's first half: activations times A, which leaves a few numbers of a row.

use std::ops::Range;

use crate::output::{Output, split};
use crate::{Kernel, LANES};

/// Rows times A. Rows of several adapters can be in it, whose A's are side by side: a mask leaves each row its own ranks.
#[derive(Clone, Debug)]
pub struct Lowered {
    kernel: Kernel,
    ranks: usize,
    /// `[rows, parts * ranks]`; what a mask takes away is 0.
    values: Vec<f32>,
    columns: usize,
    /// By row: its own of each part's ranks.
    own: Vec<Range<usize>>,
}

/// An A and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Lowering<'a> {
    /// `[parts * ranks, width]`
    pub a: &'a [f32],
    pub width: usize,
    pub parts: usize,
    /// `[rows, parts * ranks]`, a factor on what comes out; or a single one for all.
    pub mask: &'a [f32],
}

impl Lowered {
    /// None yet.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        Self { kernel, ranks: 0, values: Vec::new(), columns: 0, own: Vec::new() }
    }

    /// Takes the product of `x`, `[rows, width]`, in place of what was here before; `parts` and `share` as in [`crate::Product::write`].
    pub fn fill(
        &mut self,
        x: &[f32],
        by: &Lowering<'_>,
        parts: usize,
        share: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        let (rows, kernel) = (x.len() / by.width.max(1), self.kernel);
        self.columns = by.a.len() / by.width.max(1);
        self.ranks = self.columns / by.parts.max(1);
        self.values.clear();
        self.values.resize(rows * self.columns, 0.0);
        self.own.clear();
        self.own.extend((0..rows).map(|row| own(by.mask_of(row, self.columns), self.ranks)));
        let (own, ranks, out) = (&self.own, self.ranks, Output::new(&mut self.values, self.columns));
        // Whoever has few rows waits for A's bytes, so that is what is shared out.
        split(self.columns, TOGETHER, parts, share, |columns| {
            let places = Places { x, by, own, ranks };
            kernel.vectorise(
                #[inline(always)]
                || places.write(columns, kernel.is_wide(), &out),
            );
        });
        if by.mask.len() > 1 {
            self.values.iter_mut().zip(by.mask).for_each(|(value, factor)| *value *= factor);
        }
    }

    /// A row's own numbers of a part, and which of the part's ranks these are.
    pub(crate) fn own(&self, row: usize, part: usize) -> (&[f32], Range<usize>) {
        let own = self.own.get(row).cloned().unwrap_or_default();
        let first = row * self.columns + part * self.ranks;
        (self.values.get(first + own.start..first + own.end).unwrap_or_default(), own)
    }

    /// Of each part.
    pub(crate) fn ranks(&self) -> usize {
        self.ranks
    }
}

impl<'a> Lowering<'a> {
    fn mask_of(&self, row: usize, columns: usize) -> &'a [f32] {
        if self.mask.len() == 1 {
            self.mask
        } else {
            self.mask.get(row * columns..(row + 1) * columns).unwrap_or_default()
        }
    }
}

/// From the first to the last rank that a row's mask leaves in any part.
fn own(mask: &[f32], ranks: usize) -> Range<usize> {
    if let [factor] = mask {
        return if *factor == 0.0 { 0..0 } else { 0..ranks };
    }
    let mut left = (0..mask.len()).filter(|at| mask.get(*at) != Some(&0.0)).map(|at| at % ranks.max(1));
    let first = left.next().unwrap_or(ranks);
    let (least, most) = left.fold((first, first), |(least, most), rank| (least.min(rank), most.max(rank)));
    least..(most + 1).min(ranks)
}

/// Columns, and rows where there are many, that are multiplied at once by a kernel of large registers.
const TOGETHER: usize = 4;

struct Places<'a> {
    x: &'a [f32],
    by: &'a Lowering<'a>,
    own: &'a [Range<usize>],
    ranks: usize,
}

impl Places<'_> {
    /// Rows of the same adapter follow each other, and read a few of A's rows at a time.
    #[inline(always)]
    fn write(&self, columns: Range<usize>, wide: bool, out: &Output<'_>) {
        let mut row = 0;
        for same in self.own.chunk_by(|left, right| left == right) {
            let (rows, own) = (row..row + same.len(), same.first().cloned().unwrap_or_default());
            row = rows.end;
            for part in (0..self.by.parts).map(|part| part * self.ranks) {
                let columns = columns.start.max(part + own.start)..columns.end.min(part + own.end);
                if wide {
                    self.write_some::<TOGETHER, TOGETHER>(rows.clone(), columns, out);
                } else {
                    self.write_some::<2, 2>(rows.clone(), columns, out);
                }
            }
        }
    }

    #[inline(always)]
    fn write_some<const ROWS: usize, const COLUMNS: usize>(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        out: &Output<'_>,
    ) {
        for column in columns.clone().step_by(COLUMNS) {
            let whole = column + COLUMNS <= columns.end;
            let mut row = rows.start;
            while row < rows.end {
                row += match (whole, row + ROWS <= rows.end) {
                    (true, true) => self.write_dots::<ROWS, COLUMNS>(row, column, out),
                    (true, false) => self.write_dots::<1, COLUMNS>(row, column, out),
                    (false, _) => (column..columns.end).fold(1, |_, column| self.write_dots::<1, 1>(row, column, out)),
                };
            }
        }
    }

    /// Says how many rows that were.
    #[inline(always)]
    fn write_dots<const ROWS: usize, const COLUMNS: usize>(
        &self,
        row: usize,
        column: usize,
        out: &Output<'_>,
    ) -> usize {
        let width = self.by.width;
        let (mut x, mut a) = ([&[][..]; ROWS], [&[][..]; COLUMNS]);
        x.iter_mut().zip(self.x.chunks_exact(width).skip(row)).for_each(|(into, row)| *into = row);
        a.iter_mut().zip(self.by.a.chunks_exact(width).skip(column)).for_each(|(into, row)| *into = row);
        for (at, dots) in dots(x, a, width).iter().enumerate() {
            out.put(row + at, column, dots);
        }
        ROWS
    }
}

/// Rows of one matrix times rows of another, lane by lane: the order of a sum depends on nothing but the width.
#[inline(always)]
fn dots<const ROWS: usize, const COLUMNS: usize>(
    x: [&[f32]; ROWS],
    a: [&[f32]; COLUMNS],
    width: usize,
) -> [[f32; COLUMNS]; ROWS] {
    let whole = width / LANES;
    let mut sums = [[[0.0_f32; LANES]; COLUMNS]; ROWS];
    let (x, a) = (x.map(|row| cut(row, whole)), a.map(|row| cut(row, whole)));
    for at in 0..whole {
        for (sums, (x, _)) in sums.iter_mut().zip(&x) {
            for (sums, (a, _)) in sums.iter_mut().zip(&a) {
                add(sums, &x[at], &a[at]);
            }
        }
    }
    for (sums, (_, x)) in sums.iter_mut().zip(&x) {
        for (sums, (_, a)) in sums.iter_mut().zip(&a) {
            add(sums, x, a);
        }
    }
    sums.map(|sums| sums.map(|sums| sums.iter().sum()))
}

/// `count` whole vectors, and what is left with zeros behind it.
#[inline(always)]
fn cut(row: &[f32], count: usize) -> (&[[f32; LANES]], [f32; LANES]) {
    let (whole, rest) = row.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last.iter_mut().zip(rest).for_each(|(into, value)| *into = *value);
    (&whole[..count], last)
}

#[inline(always)]
fn add(sums: &mut [f32; LANES], x: &[f32; LANES], a: &[f32; LANES]) {
    for ((sum, x), a) in sums.iter_mut().zip(x).zip(a) {
        *sum = x.mul_add(*a, *sum);
    }
}

//! Activations times a matrix, in parts that threads may share out.

use std::ops::Range;

use crate::kernel::{Cut, Row};
use crate::low_rank::LowRank;
use crate::output::{Output, split};
use crate::{Activations, LANES, Matrix};

/// Bytes of weights that are read again and again before further ones: a quarter of a second-level cache.
const CACHED_BYTES: usize = 512 << 10;

/// A product that is to be computed.
pub struct Product<'a> {
    pub x: &'a Activations,
    pub matrix: Matrix<'a>,
    /// The tiles whose outputs are wanted, in the order in which they are written; all of them where nothing is said.
    pub tiles: Option<&'a [usize]>,
    /// What is added to it, where all tiles are wanted.
    pub added: Option<LowRank<'a>>,
}

impl Product<'_> {
    /// Numbers of a row of the result.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.tiles.map_or_else(|| self.matrix.shape().outputs, |tiles| tiles.len() * LANES)
    }

    /// Writes the result, `[x.rows(), self.columns()]`. `share` is given a number of parts, `parts` at most, and what computes one by its
    /// number: it has to call that for each, on whichever thread. `x` has to be quantised for the matrix's shape.
    pub fn write(&self, out: &mut [f32], parts: usize, share: impl FnOnce(usize, &(dyn Fn(usize) + Sync))) {
        let tiles = self.tiles.map_or_else(|| self.matrix.shape().tiles(), <[usize]>::len);
        debug_assert_eq!(self.x.bits(), self.matrix.shape().bits, "quantised for another matrix");
        let out = Output::new(out, self.columns());
        split(tiles, 2, parts, share, |tiles| self.write_tiles(tiles, &out));
    }

    /// Tiles that stay in the second-level cache are multiplied by a few rows at a time, which write what lies beside each other.
    fn write_tiles(&self, all: Range<usize>, out: &Output<'_>) {
        let together = (CACHED_BYTES / self.matrix.shape().tile_bytes().max(1)).next_multiple_of(2).max(2);
        for first in all.clone().step_by(together) {
            let (tiles, mut row) = (first..all.end.min(first + together), 0);
            while row < self.x.rows() {
                row += match (self.x.rows() - row).min(self.x.kernel().rows_together()) {
                    1 => self.write_rows::<1>(row, tiles.clone(), out),
                    2 | 3 => self.write_rows::<2>(row, tiles.clone(), out),
                    4 | 5 => self.write_rows::<4>(row, tiles.clone(), out),
                    _ => self.write_rows::<6>(row, tiles.clone(), out),
                };
            }
        }
    }

    /// `ROWS` rows, from `row` on, times some tiles; says how many rows that were.
    fn write_rows<const ROWS: usize>(&self, row: usize, tiles: Range<usize>, out: &Output<'_>) -> usize {
        for place in tiles.clone().step_by(2) {
            match (self.cut(place), self.cut(place + 1).filter(|_| place + 1 < tiles.end)) {
                (Some(left), Some(right)) => self.write_sums::<ROWS, 2>(row, place, [left, right], out),
                (Some(only), None) => self.write_sums::<ROWS, 1>(row, place, [only], out),
                (None, _) => {}
            }
        }
        ROWS
    }

    fn cut(&self, place: usize) -> Option<Cut<'_>> {
        self.matrix.cut(match self.tiles {
            Some(tiles) => *tiles.get(place)?,
            None => place,
        })
    }

    #[inline(always)]
    fn write_sums<const ROWS: usize, const TILES: usize>(
        &self,
        row: usize,
        place: usize,
        tiles: [Cut<'_>; TILES],
        out: &Output<'_>,
    ) {
        let added = self.added.map(|added| added.added(row, place)).unwrap_or_default();
        let mut rows = [Row::default(); ROWS];
        rows.iter_mut().zip(row..).for_each(|(into, row)| *into = self.x.row(row));
        let mut sums = self.x.kernel().multiply(self.x.bits(), rows, tiles, added);
        for tile in 0..TILES {
            let shared = self.added.filter(|added| added.only_part(place + tile).is_none());
            for (row, sums) in (row..).zip(&mut sums) {
                if let Some(added) = shared {
                    added.add_shared(row, place + tile, &mut sums[tile]);
                }
                out.put(row, (place + tile) * LANES, &sums[tile]);
            }
        }
    }
}

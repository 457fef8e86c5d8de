//! LoRA's second half, added while a product's sums are at hand.

use std::ops::Range;

use crate::kernel::{Added, Sums};
use crate::{LANES, Lowered};

/// What is added to a product: to the outputs of part `p`, a row's own numbers of that part times B's.
#[derive(Clone, Copy, Debug)]
pub struct LowRank<'a> {
    pub low: &'a Lowered,
    /// `[tiles, ranks, LANES]`
    pub b: &'a [f32],
    /// Where each part's outputs end.
    pub ends: &'a [usize],
}

impl<'a> LowRank<'a> {
    /// What a kernel adds to the sums of some rows and tiles, each of which is of one part; nothing to a tile that two parts share.
    pub(crate) fn added<const ROWS: usize, const TILES: usize>(
        &self,
        row: usize,
        tile: usize,
    ) -> Added<'a, ROWS, TILES> {
        let mut added = Added::default();
        for at in 0..TILES {
            if let Some(part) = self.only_part(tile + at) {
                for ((low, high), row) in added.low[at].iter_mut().zip(&mut added.high[at]).zip(row..) {
                    (*low, *high) = self.of(row, tile + at, part);
                }
            }
        }
        added
    }

    /// Adds what a kernel leaves out.
    pub(crate) fn add_shared(&self, row: usize, tile: usize, sums: &mut Sums) {
        for (part, lanes) in self.parts(tile) {
            let (low, high) = self.of(row, tile, part);
            for (factor, high) in low.iter().zip(high) {
                for lane in lanes.clone() {
                    sums[lane] = factor.mul_add(high[lane], sums[lane]);
                }
            }
        }
    }

    /// The part that has all outputs of a tile.
    pub(crate) fn only_part(&self, tile: usize) -> Option<usize> {
        let first = tile * LANES;
        let part = self.ends.iter().position(|end| *end > first)?;
        (part + 1 == self.ends.len() || self.ends.get(part)? - first >= LANES).then_some(part)
    }

    /// The parts that have outputs in a tile, and the lanes of these.
    fn parts(&self, tile: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (first, mut start) = (tile * LANES, 0);
        let parts = self.ends.iter().enumerate().map(move |(part, end)| {
            let lanes = start.max(first).saturating_sub(first)..end.saturating_sub(first).min(LANES);
            start = *end;
            (part, lanes)
        });
        parts.filter(|(_, lanes)| !lanes.is_empty())
    }

    /// A row's own numbers of a part, and what a tile has for them.
    fn of(&self, row: usize, tile: usize, part: usize) -> (&'a [f32], &'a [[f32; LANES]]) {
        let (low, own) = self.low.own(row, part);
        let first = tile * self.low.ranks();
        (low, self.b.as_chunks().0.get(first + own.start..first + own.end).unwrap_or_default())
    }
}

//! LoRA's second half, added while a product's sums are at hand.

use crate::LANES;
use crate::kernel::{Added, Sums};

/// What is added to a product: to the outputs of part `p`, the `p`th `ranks` numbers of a row of `low` times `high`.
#[derive(Clone, Copy, Debug)]
pub struct LowRank<'a> {
    /// `[rows, parts * ranks]`
    pub low: &'a [f32],
    /// `[tiles, ranks, LANES]`
    pub high: &'a [f32],
    pub ranks: usize,
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
            let (tile, mut parts) = (tile + at, self.parts(tile + at));
            if let (Some((part, _)), None) = (parts.next(), parts.next()) {
                added.high[at] = self.high(tile);
                for (low, row) in added.low[at].iter_mut().zip(row..) {
                    *low = self.low(row, part);
                }
            }
        }
        added
    }

    /// Adds what a kernel leaves out.
    pub(crate) fn add_shared(&self, row: usize, tile: usize, sums: &mut Sums) {
        if self.parts(tile).count() < 2 {
            return;
        }
        for (part, lanes) in self.parts(tile) {
            for (factor, high) in self.low(row, part).iter().zip(self.high(tile)) {
                for lane in lanes.clone() {
                    sums[lane] = factor.mul_add(high[lane], sums[lane]);
                }
            }
        }
    }

    /// The parts that have outputs in a tile, and the lanes of these.
    fn parts(&self, tile: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let (first, mut start) = (tile * LANES, 0);
        let parts = self.ends.iter().enumerate().map(move |(part, end)| {
            let lanes = start.max(first).saturating_sub(first)..end.saturating_sub(first).min(LANES);
            start = *end;
            (part, lanes)
        });
        parts.filter(|(_, lanes)| !lanes.is_empty())
    }

    fn low(&self, row: usize, part: usize) -> &'a [f32] {
        let first = (row * self.ends.len() + part) * self.ranks;
        self.low.get(first..first + self.ranks).unwrap_or_default()
    }

    fn high(&self, tile: usize) -> &'a [[f32; LANES]] {
        let size = self.ranks * LANES;
        self.high.get(tile * size..(tile + 1) * size).unwrap_or_default().as_chunks().0
    }
}

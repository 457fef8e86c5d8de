//! Plain loops.

use half::f16;

use super::{Added, Cut, Row, Sums};
use crate::{LANES, STEP, STEPS};

pub(super) fn multiply<const ROWS: usize, const TILES: usize>(
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    let mut found = rows.map(|row| tiles.map(|tile| multiply_one(row, tile)));
    for (row, found) in found.iter_mut().enumerate() {
        for (tile, sums) in found.iter_mut().enumerate() {
            for (low, high) in added.low[tile][row].iter().zip(added.high[tile]) {
                sums.iter_mut().zip(high).for_each(|(sum, high)| *sum = low.mul_add(*high, *sum));
            }
        }
    }
    found
}

fn multiply_one(row: Row<'_>, tile: Cut<'_>) -> Sums {
    let mut sums = [0.0; LANES];
    let (words, _) = row.words.as_chunks::<STEPS>();
    let (steps, _) = tile.bytes.as_chunks::<{ LANES * STEP }>();
    let (scales, _) = tile.scales.as_chunks::<LANES>();
    let blocks = words.iter().zip(row.scales).zip(row.offsets).zip(steps.chunks(STEPS).zip(scales));
    for (((words, scale), offset), (steps, scales)) in blocks {
        let mut dots = [*offset; LANES];
        for (word, step) in words.iter().zip(steps) {
            let values = word.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
            let (weights, _) = step.as_chunks::<STEP>();
            for (dot, weights) in dots.iter_mut().zip(weights) {
                *dot += weights.iter().zip(values).map(|(weight, value)| i32::from(*weight) * value).sum::<i32>();
            }
        }
        for ((sum, dot), weight_scale) in sums.iter_mut().zip(dots).zip(scales) {
            *sum = (dot as f32).mul_add(f16::from_bits(*weight_scale).to_f32() * scale, *sum);
        }
    }
    sums
}

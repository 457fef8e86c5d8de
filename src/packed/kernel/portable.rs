//! Plain loops.

use half::f16;

use super::{Added, Cut, Row, Sums};
use crate::{Bits, LANES, STEP, STEPS};

pub(super) fn multiply<const ROWS: usize, const TILES: usize>(
    bits: Bits,
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    let mut found = rows.map(|row| tiles.map(|tile| multiply_one(bits, row, tile)));
    for (row, found) in found.iter_mut().enumerate() {
        for (tile, sums) in found.iter_mut().enumerate() {
            for (low, high) in added.low[tile][row].iter().zip(added.high[tile][row]) {
                sums.iter_mut().zip(high).for_each(|(sum, high)| *sum = low.mul_add(*high, *sum));
            }
        }
    }
    found
}

fn multiply_one(bits: Bits, row: Row<'_>, tile: Cut<'_>) -> Sums {
    let mut sums = [0.0; LANES];
    let (words, _) = row.words.as_chunks::<STEPS>();
    let (steps, _) = tile.bytes.as_chunks::<{ LANES * STEP }>();
    let (scales, _) = tile.scales.as_chunks::<LANES>();
    let blocks = words.iter().zip(row.scales).zip(row.offsets).zip(steps.chunks(STEPS / bits.in_a_byte()).zip(scales));
    for (((words, scale), offset), (steps, scales)) in blocks {
        let mut dots = [*offset; LANES];
        // Of four bits the lower ones first, then the upper ones.
        let (mask, shifts) = match bits {
            Bits::Four => (15, [0, 4].as_slice()),
            Bits::Eight => (255, [0].as_slice()),
        };
        let steps = shifts.iter().flat_map(|shift| steps.iter().map(move |step| (step, shift)));
        for (word, (step, shift)) in words.iter().zip(steps) {
            let values = word.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
            let (weights, _) = step.as_chunks::<STEP>();
            for (dot, weights) in dots.iter_mut().zip(weights) {
                *dot += weights
                    .iter()
                    .zip(values)
                    .map(|(weight, value)| i32::from(weight >> shift & mask) * value)
                    .sum::<i32>();
            }
        }
        for ((sum, dot), weight_scale) in sums.iter_mut().zip(dots).zip(scales) {
            *sum = (dot as f32).mul_add(f16::from_bits(*weight_scale).to_f32() * scale, *sum);
        }
    }
    sums
}

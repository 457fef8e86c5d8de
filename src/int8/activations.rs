//! Activations as 8-bit blocks.

use crate::kernel::{Kernel, Row};
use crate::{BLOCK, MIDDLE, ROUNDER, STEP, STEPS};

/// Rows of activations, each block of which has a scale.
#[derive(Clone, Debug, Default)]
pub struct Activations {
    rows: usize,
    blocks: usize,
    /// Four signed bytes each, by row and block.
    words: Vec<i32>,
    /// By row and block: the largest magnitude / 127.
    scales: Vec<f32>,
    /// By row and block: what weights around 128 instead of 0 add to the sum, negated.
    offsets: Vec<i32>,
}

impl Activations {
    /// Takes `values`, rows of `width`, in place of what was here before. A block that has no numbers makes every sum of its row none.
    pub fn quantise(&mut self, kernel: Kernel, values: &[f32], width: usize) {
        (self.rows, self.blocks) = (values.len() / width.max(1), width.div_ceil(BLOCK));
        let blocks = self.rows * self.blocks;
        self.words.resize(blocks * STEPS, 0);
        self.scales.resize(blocks, 0.0);
        self.offsets.resize(blocks, 0);
        kernel.vectorise(
            #[inline(always)]
            || self.fill(values, width),
        );
    }

    #[inline(always)]
    fn fill(&mut self, values: &[f32], width: usize) {
        let (words, _) = self.words.as_chunks_mut::<STEPS>();
        let mut places = words.iter_mut().zip(&mut self.scales).zip(&mut self.offsets);
        for row in values.chunks_exact(width.max(1)) {
            let (whole, rest) = row.as_chunks::<BLOCK>();
            for (block, ((words, scale), offset)) in whole.iter().zip(&mut places) {
                (*scale, *offset) = steps(block, words);
            }
            if !rest.is_empty()
                && let Some(((words, scale), offset)) = places.next()
            {
                let mut block = [0.0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(into, value)| *into = *value);
                (*scale, *offset) = steps(&block, words);
            }
        }
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let blocks = row * self.blocks..(row + 1) * self.blocks;
        Row {
            words: self.words.get(blocks.start * STEPS..blocks.end * STEPS).unwrap_or_default(),
            scales: self.scales.get(blocks.clone()).unwrap_or_default(),
            offsets: self.offsets.get(blocks).unwrap_or_default(),
        }
    }
}

/// Writes a block as multiples of its scale; that, and the offset.
#[inline(always)]
fn steps(block: &[f32; BLOCK], words: &mut [i32; STEPS]) -> (f32, i32) {
    // Numbers that are none, and infinities, have larger bits than all others.
    let bits = block.iter().fold(0, |largest: u32, value| largest.max(value.abs().to_bits()));
    let largest = f32::from_bits(bits);
    if !largest.is_finite() {
        return (f32::NAN, 0);
    }
    // Zeros keep a scale that divides nothing by zero.
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let inverse = 1.0 / scale;
    let (mut sum, mut bytes) = (0, [0; BLOCK]);
    for (byte, value) in bytes.iter_mut().zip(block) {
        // The lowest bits of this sum are the number rounded to an integer, the even one of two as near.
        let step = (value * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits());
        sum += step.cast_signed();
        *byte = step as u8;
    }
    let (found, _) = bytes.as_chunks::<STEP>();
    words.iter_mut().zip(found).for_each(|(word, bytes)| *word = i32::from_le_bytes(*bytes));
    (scale, -i32::from(MIDDLE) * sum)
}

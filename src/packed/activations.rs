//! Activations as 8-bit blocks.

use crate::kernel::{Kernel, Row};
use crate::{BLOCK, Bits, ROUNDER, STEP, STEPS, Shape};

/// Rows of activations, each block of which has a scale, as one kernel reads them for weights of so many bits.
#[derive(Clone, Debug)]
pub struct Activations {
    kernel: Kernel,
    bits: Bits,
    rows: usize,
    blocks: usize,
    /// By row, block and step; see [`Kernel::words`].
    words: Vec<i32>,
    /// By row and block: the largest magnitude / 127.
    scales: Vec<f32>,
    /// By row and block: what weights around their middle instead of 0 add to the sum, negated.
    offsets: Vec<i32>,
}

impl Activations {
    /// None yet, for products by `kernel`.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            bits: Bits::Eight,
            rows: 0,
            blocks: 0,
            words: Vec::new(),
            scales: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// Takes `values`, rows as wide as a matrix of `shape` reads them, in place of what was here before. A block that has no numbers makes every sum of its row none.
    pub fn quantise(&mut self, values: &[f32], shape: Shape) {
        let (width, words) = (shape.width, self.kernel.words(shape.bits));
        self.bits = shape.bits;
        (self.rows, self.blocks) = (values.len() / width.max(1), width.div_ceil(BLOCK));
        let blocks = self.rows * self.blocks;
        self.words.resize(blocks * STEPS * words, 0);
        self.scales.resize(blocks, 0.0);
        self.offsets.resize(blocks, 0);
        let kernel = self.kernel;
        kernel.vectorise(
            #[inline(always)]
            || match words {
                2 => self.fill::<{ 2 * STEPS }>(values, width, pairs),
                _ => self.fill::<STEPS>(values, width, whole),
            },
        );
    }

    /// A block's bytes become `WORDS` words.
    #[inline(always)]
    fn fill<const WORDS: usize>(
        &mut self,
        values: &[f32],
        width: usize,
        words_of: impl Fn(&[u8; BLOCK], &mut [i32; WORDS]),
    ) {
        let (words, _) = self.words.as_chunks_mut::<WORDS>();
        let mut places = words.iter_mut().zip(&mut self.scales).zip(&mut self.offsets);
        let (middle, mut bytes) = (i32::from(self.bits.middle()), [0; BLOCK]);
        for row in values.chunks_exact(width.max(1)) {
            let (whole, rest) = row.as_chunks::<BLOCK>();
            for (block, ((words, scale), offset)) in whole.iter().zip(&mut places) {
                (*scale, *offset) = steps(block, middle, &mut bytes);
                words_of(&bytes, words);
            }
            if !rest.is_empty()
                && let Some(((words, scale), offset)) = places.next()
            {
                let mut block = [0.0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(into, value)| *into = *value);
                (*scale, *offset) = steps(&block, middle, &mut bytes);
                words_of(&bytes, words);
            }
        }
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    pub(crate) fn bits(&self) -> Bits {
        self.bits
    }

    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let blocks = row * self.blocks..(row + 1) * self.blocks;
        let words = STEPS * self.kernel.words(self.bits);
        Row {
            words: self.words.get(blocks.start * words..blocks.end * words).unwrap_or_default(),
            scales: self.scales.get(blocks.clone()).unwrap_or_default(),
            offsets: self.offsets.get(blocks).unwrap_or_default(),
        }
    }
}

/// Writes a block as multiples of its scale; that, and the offset.
#[inline(always)]
fn steps(block: &[f32; BLOCK], middle: i32, bytes: &mut [u8; BLOCK]) -> (f32, i32) {
    // Numbers that are none, and infinities, have larger bits than all others.
    let bits = block.iter().fold(0, |largest: u32, value| largest.max(value.abs().to_bits()));
    let largest = f32::from_bits(bits);
    if !largest.is_finite() {
        return (f32::NAN, 0);
    }
    // Zeros keep a scale that divides nothing by zero.
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let inverse = 1.0 / scale;
    let mut sum = 0;
    for (byte, value) in bytes.iter_mut().zip(block) {
        // The lowest bits of this sum are the number rounded to an integer, the even one of two as near.
        let step = (value * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits());
        sum += step.cast_signed();
        *byte = step as u8;
    }
    (scale, -middle * sum)
}

/// Four signed bytes a word.
#[inline(always)]
fn whole(bytes: &[u8; BLOCK], words: &mut [i32; STEPS]) {
    let (steps, _) = bytes.as_chunks::<STEP>();
    words.iter_mut().zip(steps).for_each(|(word, step)| *word = i32::from_le_bytes(*step));
}

/// Two signed numbers of 16 bits a word: of four the even ones, then the odd ones.
#[inline(always)]
fn pairs(bytes: &[u8; BLOCK], words: &mut [i32; 2 * STEPS]) {
    let (steps, _) = bytes.as_chunks::<STEP>();
    let (words, _) = words.as_chunks_mut::<2>();
    for (words, step) in words.iter_mut().zip(steps) {
        let [first, second, third, fourth] = step.map(|byte| i32::from(byte.cast_signed()));
        *words = [third << 16 | first & 0xFFFF, fourth << 16 | second & 0xFFFF];
    }
}

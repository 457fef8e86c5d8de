//! NF4 with double quantisation (Dettmers et al. 2023, "QLoRA", section 3): 4 bits a number on the quantiles of a normal distribution, blocks of 64 with
//! one scale each, and these scales in 8 bits about the mean of 256 of them. (The paper packs the scales to 8-bit floats; whole numbers with a
//! scale of their own are as near here.)

use std::sync::LazyLock;

use rayon::prelude::*;

use crate::block::largest;

/// Numbers that share a scale.
const BLOCK: usize = 64;
/// Blocks that are worth a task of their own.
const PART: usize = 128;
/// Scales that share a mean and a scale of their own.
const GROUP: usize = 256;
/// The code's values, ascending (appendix E of the paper).
const VALUES: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The two numbers of every byte.
static PAIRS: LazyLock<[[f32; 2]; 256]> = LazyLock::new(|| {
    let value = |code: usize| VALUES.get(code).copied().unwrap_or_default();
    std::array::from_fn(|byte| [value(byte & 15), value(byte >> 4)])
});

/// Packed numbers.
pub(crate) struct Nf4 {
    /// Two codes a byte, the first one in its low half.
    codes: Vec<u8>,
    /// By block, in steps of its group's.
    scales: Vec<i8>,
    /// By group: the mean of its scales, and their step.
    groups: Vec<(f32, f32)>,
}

impl Nf4 {
    pub(crate) fn pack(values: &[f32]) -> Self {
        let exact: Vec<f32> = values.par_chunks(BLOCK).with_min_len(PART).map(largest).collect();
        let (mut scales, mut groups) = (Vec::with_capacity(exact.len()), Vec::new());
        for group in exact.chunks(GROUP) {
            let mean = group.iter().sum::<f32>() / group.len() as f32;
            let step = group.iter().fold(0.0, |most: f32, scale| most.max((scale - mean).abs())) / 127.0;
            let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
            scales.extend(group.iter().map(|scale| ((scale - mean) * inverse).round() as i8));
            groups.push((mean, step));
        }
        let mut packed = Self { codes: Vec::new(), scales, groups };
        let codes = values.par_chunks(BLOCK).with_min_len(PART).enumerate().flat_map_iter(|(number, block)| {
            let scale = packed.scale(number);
            let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
            let code = move |value: &f32| nearest(value * inverse);
            block.chunks(2).map(move |pair| pair.first().map_or(0, code) | pair.get(1).map_or(0, code) << 4)
        });
        packed.codes = codes.collect();
        packed
    }

    pub(crate) fn bytes(&self) -> usize {
        self.codes.len() + self.scales.len() + 8 * self.groups.len()
    }

    fn scale(&self, block: usize) -> f32 {
        let (mean, step) = self.groups.get(block / GROUP).copied().unwrap_or_default();
        // Rounding must not turn the sign of a block that is much smaller than its neighbours.
        (mean + f32::from(self.scales.get(block).copied().unwrap_or_default()) * step).max(0.0)
    }

    /// Writes the numbers from `first` on, a multiple of 32.
    #[inline(always)]
    pub(crate) fn widen(&self, first: usize, out: &mut [f32]) {
        let pairs = &*PAIRS;
        for (at, out) in out.chunks_mut(BLOCK / 2).enumerate() {
            let from = first + at * BLOCK / 2;
            let scale = self.scale(from / BLOCK);
            let codes = self.codes.get(from / 2..from / 2 + out.len() / 2).unwrap_or_default();
            for (out, code) in out.as_chunks_mut::<2>().0.iter_mut().zip(codes) {
                let [low, high] = pairs[usize::from(*code)];
                *out = [low * scale, high * scale];
            }
        }
    }
}

/// Where the next value is nearer.
const MIDDLES: [f32; 15] = {
    let mut middles = [0.0; 15];
    let mut at = 0;
    while at < middles.len() {
        middles[at] = f32::midpoint(VALUES[at], VALUES[at + 1]);
        at += 1;
    }
    middles
};

/// The code of the value nearest to `value`; all comparisons are made, which is faster than to stop at the right one.
fn nearest(value: f32) -> u8 {
    MIDDLES.iter().map(|middle| u8::from(value > *middle)).sum()
}

//! 256-bit vectors: AVX-VNNI, and AVX2 without it.
//!
//! AVX2 multiplies unsigned with signed bytes and adds up pairs in 16 bits, which saturates for bytes above 128. So both become numbers of
//! 16 bits, whose products it adds up in 32: activations as they are quantised, weights in a register for all rows at once. Of 4 bits a whole
//! block's sum fits in 16: 32 / 2 products of 15 and 127 at most.

use std::arch::x86_64::*;

use super::{Added, Cut, Row, Sums};
use crate::{Bits, LANES, STEP, STEPS};

/// Lanes of a vector: half a tile.
const HALF: usize = LANES / 2;

/// How far ahead weights are asked for, in steps of both halves: a cache line each.
const AHEAD: usize = 24;

/// Proves that this processor has what a kernel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    vnni: bool,
}

impl Token {
    pub(super) fn detect(vnni: bool) -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && (!vnni || is_x86_feature_detected!("avxvnni"));
        has.then_some(Self { vnni })
    }

    pub(super) fn words(self, bits: Bits) -> usize {
        if self.vnni || bits == Bits::Four { 1 } else { 2 }
    }
}

/// `work`, compiled for AVX2.
#[inline(always)]
pub(super) fn vectorise(_: Token, work: impl FnOnce()) {
    #[expect(unsafe_code, reason = "calls what is compiled for instructions that not every processor has")]
    // SAFETY: there is a token only where the processor has them.
    unsafe {
        vectorised(work);
    }
}

/// See [`super::Kernel::multiply`].
pub(super) fn multiply<const ROWS: usize, const TILES: usize>(
    (token, bits): (Token, Bits),
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    let mut sums = [[[0.0; LANES]; TILES]; ROWS];
    for (at, tile) in tiles.into_iter().enumerate() {
        let added = Added { low: [added.low[at]], high: [added.high[at]] };
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: as above.
        let found = unsafe {
            match (bits, token.vnni) {
                (Bits::Four, true) => four_with_vnni(rows, tile, added),
                (Bits::Four, false) => four_without(rows, tile, added),
                (Bits::Eight, true) => eight_with_vnni(rows, tile, added),
                (Bits::Eight, false) => eight_without(rows, tile, added),
            }
        };
        for (sums, found) in sums.iter_mut().zip(found) {
            sums[at] = bytemuck::cast(found);
        }
    }
    sums
}

#[target_feature(enable = "avx2,fma")]
fn vectorised(work: impl FnOnce()) {
    work();
}

/// A kernel for both halves of a tile, whose weights are read once and as they lie: one row alone waits for nothing but them. A step's
/// weights are taken in `$words` parts, each multiplied by a word of every row. A block's weights lie in `$loads` vectors of each half: where these
/// are fewer than its steps, a vector's second part is a later step. Sums of a block begin at `$first` and become whole by `$whole`.
macro_rules! halves {
    ($name:ident, $features:literal, $loads:expr, $words:literal, $part:ident, $dot:ident, $first:ident, $whole:ident) => {
        #[target_feature(enable = $features)]
        fn $name<const ROWS: usize>(
            rows: [Row<'_>; ROWS],
            tile: Cut<'_>,
            added: Added<'_, ROWS, 1>,
        ) -> [[[f32; HALF]; 2]; ROWS] {
            let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
            let words = rows.map(|row| row.words.as_chunks::<$words>().0.as_chunks::<STEPS>().0);
            let steps = tile.bytes.as_chunks::<{ HALF * STEP }>().0.as_chunks::<{ 2 * $loads }>().0;
            let scales = tile.scales.as_chunks::<HALF>().0.as_chunks::<2>().0;
            let blocks = words.iter().map(|words| words.len()).chain([steps.len(), scales.len()]).min().unwrap_or(0);
            for block in 0..blocks {
                let mut dots = rows.map(|row| [$first(row.offsets[block]); 2]);
                for step in 0..STEPS {
                    let load = step % $loads;
                    if load == step {
                        ahead(&steps[block][2 * load]);
                    }
                    let both = [0, 1].map(|half| bytemuck::cast::<[u8; 32], __m256i>(steps[block][2 * load + half]));
                    for word in 0..$words {
                        let weights = both.map(|weights| $part(weights, word + step / $loads));
                        for row in 0..ROWS {
                            let values = _mm256_set1_epi32(words[row][block][step][word]);
                            for half in 0..2 {
                                dots[row][half] = $dot(dots[row][half], weights[half], values);
                            }
                        }
                    }
                }
                for half in 0..2 {
                    let scale = bytemuck::cast::<[u16; 8], __m128i>(scales[block][half]);
                    let scale = _mm256_cvtph_ps(scale);
                    for row in 0..ROWS {
                        let scale = _mm256_mul_ps(scale, _mm256_set1_ps(rows[row].scales[block]));
                        let dots = $whole(dots[row][half], rows[row].offsets[block]);
                        sums[row][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, sums[row][half]);
                    }
                }
            }
            let (shared, [low], [high]) = (added.shared(0), added.low, added.high);
            for rank in 0..shared {
                for row in 0..ROWS {
                    add(&mut sums[row], low[row][rank], &high[row][rank]);
                }
            }
            for row in 0..ROWS {
                low[row].iter().zip(high[row]).skip(shared).for_each(|(low, high)| add(&mut sums[row], *low, high));
            }
            sums.map(|sums| sums.map(bytemuck::cast::<__m256, [f32; HALF]>))
        }
    };
}

/// Asks for the weights that are needed a while after these; past the end of a matrix for nothing.
#[inline]
#[target_feature(enable = "avx2")]
fn ahead(weights: &[u8; 32]) {
    // An address that may be nobody's: a prefetch reads nothing and never faults.
    _mm_prefetch::<_MM_HINT_T0>(weights.as_ptr().wrapping_add(AHEAD * 2 * HALF * STEP).cast());
}

/// A number times a vector of both halves.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add(sums: &mut [__m256; 2], low: f32, high: &[f32; LANES]) {
    for (sum, high) in sums.iter_mut().zip(high.as_chunks::<HALF>().0) {
        *sum = _mm256_fmadd_ps(_mm256_set1_ps(low), bytemuck::cast::<[f32; HALF], __m256>(*high), *sum);
    }
}

halves!(eight_with_vnni, "avx2,fma,f16c,avxvnni", STEPS, 1, all, dot_of_bytes, from_offset, whole);
halves!(eight_without, "avx2,fma,f16c", STEPS, 2, every_other, dot_of_pairs, from_offset, whole);
halves!(four_with_vnni, "avx2,fma,f16c,avxvnni", STEPS / 2, 1, nibbles, dot_of_bytes, from_offset, whole);
halves!(four_without, "avx2,fma,f16c", STEPS / 2, 1, nibbles, short_dot, from_zero, widened);

#[inline]
#[target_feature(enable = "avx2")]
fn all(weights: __m256i, _: usize) -> __m256i {
    weights
}

/// The even bytes or the odd ones, as numbers of 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn every_other(weights: __m256i, word: usize) -> __m256i {
    if word == 0 { _mm256_and_si256(weights, _mm256_set1_epi16(0xFF)) } else { _mm256_srli_epi16::<8>(weights) }
}

/// The lower halves of bytes or the upper ones.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(weights: __m256i, upper: usize) -> __m256i {
    let weights = if upper == 0 { weights } else { _mm256_srli_epi16::<4>(weights) };
    _mm256_and_si256(weights, _mm256_set1_epi8(15))
}

#[inline]
#[target_feature(enable = "avx2")]
fn from_offset(offset: i32) -> __m256i {
    _mm256_set1_epi32(offset)
}

#[inline]
#[target_feature(enable = "avx2")]
fn from_zero(_: i32) -> __m256i {
    _mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2")]
fn whole(sums: __m256i, _: i32) -> __m256i {
    sums
}

/// Neighbouring sums of 16 bits together, and the offset.
#[inline]
#[target_feature(enable = "avx2")]
fn widened(sums: __m256i, offset: i32) -> __m256i {
    _mm256_add_epi32(_mm256_madd_epi16(sums, _mm256_set1_epi16(1)), _mm256_set1_epi32(offset))
}

#[inline]
#[target_feature(enable = "avx2")]
fn short_dot(sum: __m256i, weights: __m256i, values: __m256i) -> __m256i {
    in_register(_mm256_add_epi16(sum, _mm256_maddubs_epi16(weights, values)))
}

#[inline]
#[target_feature(enable = "avx2,avxvnni")]
fn dot_of_bytes(sum: __m256i, weights: __m256i, values: __m256i) -> __m256i {
    _mm256_dpbusd_avx_epi32(sum, weights, values)
}

#[inline]
#[target_feature(enable = "avx2")]
fn dot_of_pairs(sum: __m256i, weights: __m256i, values: __m256i) -> __m256i {
    in_register(_mm256_add_epi32(sum, _mm256_madd_epi16(weights, values)))
}

/// Else the compiler adds up in another order, for which it writes most of the sums to memory in between.
#[inline]
#[target_feature(enable = "avx2")]
fn in_register(mut sum: __m256i) -> __m256i {
    #[expect(unsafe_code, reason = "a sum is said to be in a register")]
    // SAFETY: no instruction is written.
    unsafe {
        std::arch::asm!("/* {} */", inout(ymm_reg) sum, options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

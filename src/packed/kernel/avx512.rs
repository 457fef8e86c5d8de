//! AVX-512 with VNNI: 64 products an instruction.

#![expect(clippy::needless_range_loop, reason = "rows and tiles are places in several arrays, which are registers")]

use std::arch::x86_64::*;

use super::{Added, Cut, Row, Sums};
use crate::{Bits, LANES, STEP, STEPS};

/// How far ahead weights are asked for, in vectors.
const AHEAD: usize = 24;

/// Rows that wait for nothing but the weights: these are read from one tile at a time then, as they lie.
const FEW: usize = 2;

/// Proves that this processor has what the kernel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(());

impl Token {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni");
        has.then_some(Self(()))
    }
}

/// `work`, compiled for AVX-512.
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
    (_, bits): (Token, Bits),
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    if ROWS > FEW {
        return products(bits, rows, tiles, added);
    }
    let mut found = [[[0.0; LANES]; TILES]; ROWS];
    for (at, tile) in tiles.into_iter().enumerate() {
        let added = Added { low: [added.low[at]], high: [added.high[at]] };
        for (found, [sums]) in found.iter_mut().zip(products(bits, rows, [tile], added)) {
            found[at] = sums;
        }
    }
    found
}

#[inline(always)]
fn products<const ROWS: usize, const TILES: usize>(
    bits: Bits,
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: as above.
    unsafe {
        match bits {
            Bits::Four => loaded::<{ STEPS / 2 }, ROWS, TILES>(rows, tiles, added),
            Bits::Eight => loaded::<STEPS, ROWS, TILES>(rows, tiles, added),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn vectorised(work: impl FnOnce()) {
    work();
}

/// A block's weights lie in `LOADS` vectors: each holds a step, or, of four bits, an early one and a late one.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn loaded<const LOADS: usize, const ROWS: usize, const TILES: usize>(
    rows: [Row<'_>; ROWS],
    tiles: [Cut<'_>; TILES],
    added: Added<'_, ROWS, TILES>,
) -> [[Sums; TILES]; ROWS] {
    let mut sums = [[_mm512_setzero_ps(); TILES]; ROWS];
    let words = rows.map(|row| row.words.as_chunks::<STEPS>().0);
    let steps = tiles.map(|tile| tile.bytes.as_chunks::<{ LANES * STEP }>().0.as_chunks::<LOADS>().0);
    let scales = tiles.map(|tile| tile.scales.as_chunks::<LANES>().0);
    let blocks = words.iter().map(|words| words.len()).chain(steps.iter().map(|steps| steps.len())).min().unwrap_or(0);
    for block in 0..blocks {
        let mut dots = [[_mm512_setzero_si512(); TILES]; ROWS];
        for row in 0..ROWS {
            dots[row] = [_mm512_set1_epi32(rows[row].offsets[block]); TILES];
        }
        for step in 0..STEPS {
            let mut weights = [_mm512_setzero_si512(); TILES];
            for tile in 0..TILES {
                weights[tile] = bytemuck::cast::<[u8; 64], __m512i>(steps[tile][block][step % LOADS]);
                if step < LOADS {
                    ahead(&steps[tile][block][step]);
                }
                if LOADS < STEPS {
                    let low = if step < LOADS { weights[tile] } else { _mm512_srli_epi16::<4>(weights[tile]) };
                    weights[tile] = _mm512_and_si512(low, _mm512_set1_epi8(15));
                }
            }
            for row in 0..ROWS {
                let values = _mm512_set1_epi32(words[row][block][step]);
                for tile in 0..TILES {
                    dots[row][tile] = _mm512_dpbusd_epi32(dots[row][tile], weights[tile], values);
                }
            }
        }
        for tile in 0..TILES {
            let scale = _mm512_cvtph_ps(bytemuck::cast::<[u16; 16], __m256i>(scales[tile][block]));
            for row in 0..ROWS {
                let scale = _mm512_mul_ps(scale, _mm512_set1_ps(rows[row].scales[block]));
                sums[row][tile] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[row][tile]), scale, sums[row][tile]);
            }
        }
    }
    for tile in 0..TILES {
        let shared = added.shared(tile);
        let add = |sum, low, high| _mm512_fmadd_ps(_mm512_set1_ps(low), bytemuck::cast::<Sums, __m512>(high), sum);
        for rank in 0..shared {
            for row in 0..ROWS {
                sums[row][tile] = add(sums[row][tile], added.low[tile][row][rank], added.high[tile][row][rank]);
            }
        }
        for row in 0..ROWS {
            for (low, high) in added.low[tile][row].iter().zip(added.high[tile][row]).skip(shared) {
                sums[row][tile] = add(sums[row][tile], *low, *high);
            }
        }
    }
    let mut found = [[[0.0; LANES]; TILES]; ROWS];
    for row in 0..ROWS {
        for tile in 0..TILES {
            found[row][tile] = bytemuck::cast::<__m512, Sums>(sums[row][tile]);
        }
    }
    found
}

/// Asks for the weights that are needed a while after these; past the end of a matrix for nothing.
#[inline]
#[target_feature(enable = "avx512f")]
fn ahead(weights: &[u8; 64]) {
    // An address that may be nobody's: a prefetch reads nothing and never faults.
    _mm_prefetch::<_MM_HINT_T0>(weights.as_ptr().wrapping_add(AHEAD * LANES * STEP).cast());
}

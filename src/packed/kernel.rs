//! The kernels: one for each set of instructions that multiplies bytes, all of which give the same bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::{Bits, LANES};

/// Which instructions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What every processor has.
    Portable,
    /// With AVX-VNNI or without.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Token),
}

/// A row of activations: by block.
#[derive(Clone, Copy, Default)]
pub(crate) struct Row<'a> {
    /// See [`Kernel::words`].
    pub(crate) words: &'a [i32],
    pub(crate) scales: &'a [f32],
    /// What weights around their middle instead of 0 add to a sum, negated.
    pub(crate) offsets: &'a [i32],
}

/// A tile's bytes and scales.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) scales: &'a [u16],
}

/// What is added to every row and tile: the row's numbers times as many vectors of the tile's.
#[derive(Clone, Copy)]
pub(crate) struct Added<'a, const ROWS: usize, const TILES: usize> {
    pub(crate) low: [[&'a [f32]; ROWS]; TILES],
    pub(crate) high: [[&'a [[f32; LANES]]; ROWS]; TILES],
}

impl<const ROWS: usize, const TILES: usize> Default for Added<'_, ROWS, TILES> {
    fn default() -> Self {
        Self { low: [[&[]; ROWS]; TILES], high: [[&[]; ROWS]; TILES] }
    }
}

impl<const ROWS: usize, const TILES: usize> Added<'_, ROWS, TILES> {
    /// Numbers that every row has for a tile: these are added together, since a row's own sum waits for the one before.
    #[inline(always)]
    fn shared(&self, tile: usize) -> usize {
        self.low[tile].iter().zip(&self.high[tile]).map(|(low, high)| low.len().min(high.len())).min().unwrap_or(0)
    }
}

/// What a tile gives for a row.
pub(crate) type Sums = [f32; LANES];

impl Kernel {
    /// What every processor has.
    #[must_use]
    pub fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// What this processor has, by name, the fastest first.
    #[must_use]
    pub fn available() -> Vec<(&'static str, Self)> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = |vnni| avx2::Token::detect(vnni).map(Kind::Avx2);
            let vectors = [
                ("avx512vnni", avx512::Token::detect().map(Kind::Avx512)),
                ("avxvnni", avx2(true)),
                ("avx2", avx2(false)),
            ];
            found.extend(vectors.into_iter().filter_map(|(name, kind)| Some((name, Self(kind?)))));
        }
        found.push(("portable", Self(Kind::Portable)));
        found
    }

    /// Words that a step of a row's activations takes for weights of `bits`: one, of four signed bytes, or two, of two numbers of 16 bits each.
    pub(crate) fn words(self, bits: Bits) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(token) => token.words(bits),
            _ => 1,
        }
    }

    /// Rows that are worked on at once where there are many: as many as the registers hold sums of.
    pub(crate) fn rows_together(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => 4,
            _ => 6,
        }
    }

    /// Whether there are registers for sums of 4 x 4 vectors of [`LANES`] numbers.
    pub(crate) fn is_wide(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => true,
            _ => false,
        }
    }

    /// `work`, compiled for this kernel's instructions. What it calls has to be inlined to be so, too.
    #[inline(always)]
    pub(crate) fn vectorise(self, work: impl FnOnce()) {
        match self.0 {
            Kind::Portable => work(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(token) => avx2::vectorise(token, work),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(token) => avx512::vectorise(token, work),
        }
    }

    /// Rows of activations times tiles of weights of `bits`, and what is added to that.
    pub(crate) fn multiply<const ROWS: usize, const TILES: usize>(
        self,
        bits: Bits,
        rows: [Row<'_>; ROWS],
        tiles: [Cut<'_>; TILES],
        added: Added<'_, ROWS, TILES>,
    ) -> [[Sums; TILES]; ROWS] {
        match self.0 {
            Kind::Portable => portable::multiply(bits, rows, tiles, added),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(token) => avx2::multiply((token, bits), rows, tiles, added),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(token) => avx512::multiply((token, bits), rows, tiles, added),
        }
    }
}

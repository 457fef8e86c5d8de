//! How the numbers of a matrix lie in memory, and their way to `f32`.

use half::f16;
use rayon::prelude::*;

use crate::block::BLOCK;
use crate::map::Part;
use crate::nf4::Nf4;
use crate::vectors::vectorised;

/// A number format of a model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    F32,
    Bf16,
    F16,
}

/// The numbers of a matrix, row after row.
pub(crate) enum Numbers {
    File {
        part: Part,
        format: Format,
    },
    /// Blocks of 32: `code * scale` (ggml's Q8_0).
    Q8_0 {
        codes: Vec<i8>,
        scales: Vec<f16>,
    },
    /// Blocks of 32: `(code - 8) * scale`; the first sixteen codes of a block in the low halves of its bytes (ggml's Q4_0).
    Q4_0 {
        codes: Vec<u8>,
        scales: Vec<f16>,
    },
    Nf4(Nf4),
}

impl Format {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => {
                out.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(to, from)| *to = f32::from_le_bytes(*from));
            }
            Self::Bf16 => {
                let widened = |from: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*from)) << 16);
                out.iter_mut().zip(bytes.as_chunks::<2>().0).for_each(|(to, from)| *to = widened(from));
            }
            Self::F16 => {
                let pairs = bytes.as_chunks::<2>().0;
                out.iter_mut().zip(pairs).for_each(|(to, from)| *to = f16::from_le_bytes(*from).to_f32());
            }
        }
    }

    fn are_finite(self, bytes: &[u8]) -> bool {
        match self {
            Self::F32 => bytes.as_chunks::<4>().0.iter().all(|number| f32::from_le_bytes(*number).is_finite()),
            // No early end, so that it becomes vector code: all numbers are finite but for a broken file.
            Self::Bf16 => {
                let infinite = |number: &[u8; 2]| u16::from_le_bytes(*number) & 0x7F80 == 0x7F80;
                !bytes.as_chunks::<2>().0.iter().fold(false, |any, number| any | infinite(number))
            }
            Self::F16 => bytes.as_chunks::<2>().0.iter().all(|number| f16::from_le_bytes(*number).is_finite()),
        }
    }
}

impl Numbers {
    /// Bytes that it takes: of memory, or of the mapped file.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::File { part, .. } => part.len(),
            Self::Q8_0 { codes, scales } => codes.len() + 2 * scales.len(),
            Self::Q4_0 { codes, scales } => codes.len() + 2 * scales.len(),
            Self::Nf4(numbers) => numbers.bytes(),
        }
    }

    /// Whether none of them is infinite or no number; what was quantised was looked at before.
    pub(crate) fn are_finite(&self) -> bool {
        match self {
            Self::File { part, format } => part.par_chunks(1 << 20).all(|bytes| format.are_finite(bytes)),
            _ => true,
        }
    }

    /// Writes the numbers from `first` on; of packed ones `first` is a multiple of 32.
    pub(crate) fn widen(&self, first: usize, out: &mut [f32]) {
        vectorised(|| self.widen_here(first, out));
    }

    #[inline(always)]
    fn widen_here(&self, first: usize, out: &mut [f32]) {
        match self {
            Self::File { part, format } => {
                let (start, end) = (first * format.bytes(), (first + out.len()) * format.bytes());
                format.widen(part.get(start..end).unwrap_or_default(), out);
            }
            Self::Q8_0 { codes, scales } => {
                let blocks = codes.as_chunks::<BLOCK>().0.iter().zip(scales).skip(first / BLOCK);
                for (out, (codes, scale)) in out.chunks_mut(BLOCK).zip(blocks) {
                    let scale = scale.to_f32();
                    out.iter_mut().zip(codes).for_each(|(to, code)| *to = f32::from(*code) * scale);
                }
            }
            Self::Q4_0 { codes, scales } => {
                let blocks = codes.as_chunks::<{ BLOCK / 2 }>().0.iter().zip(scales).skip(first / BLOCK);
                for (out, (codes, scale)) in out.chunks_mut(BLOCK).zip(blocks) {
                    let scale = scale.to_f32();
                    let (low, high) = out.split_at_mut(out.len().min(BLOCK / 2));
                    low.iter_mut().zip(codes).for_each(|(to, code)| *to = (f32::from(*code & 15) - 8.0) * scale);
                    high.iter_mut().zip(codes).for_each(|(to, code)| *to = (f32::from(*code >> 4) - 8.0) * scale);
                }
            }
            Self::Nf4(numbers) => numbers.widen(first, out),
        }
    }
}

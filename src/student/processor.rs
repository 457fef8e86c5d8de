//! What this processor can do, and which graph format it should therefore be given.
//!
//! Only the choice between formats is made here. ONNX Runtime picks its kernels by itself, so a masked feature is
//! not missing there: masking shows what a lesser processor would be given, not how it would compute.

use gemma::{Config, GraphFormat};

use crate::StudentError;

/// Smaller bases keep single precision: they lie in the processor's caches and take a millisecond a token anyway
/// (measured on AVX2, f32 against u8row: 0.2 ms both at 1 M parameters, 1.2 and 0.7 ms at 5 M, 6.2 and 2.5 ms at
/// 27 M, 230 and 64 ms at 1 B), so 8 bits would only cost accuracy.
const EIGHT_BIT_PARAMETERS_MIN: usize = 10_000_000;

/// What decides between formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Whether this is an x86-64 processor.
    pub x86: bool,
    /// Whether products of unsigned and signed bytes are summed in 32 bits (AVX512-VNNI or AVX-VNNI). An x86
    /// processor without it adds pairs of them in 16 bits first, and two large pairs saturate without a word.
    pub vnni: bool,
}

impl Features {
    /// What this processor has, less what `mask` names: a comma list of `vnni` and `avx512` (which leaves AVX-VNNI).
    ///
    /// # Errors
    /// When the mask names something else.
    pub fn detect(mask: &str) -> Result<Self, StudentError> {
        let mut masked = Vec::new();
        for name in mask.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !["vnni", "avx512"].contains(&name) {
                return Err(StudentError::Mask(name.to_owned()));
            }
            masked.push(name);
        }
        let has = |feature: bool, names: &[&str]| feature && !names.iter().any(|name| masked.contains(name));
        Ok(Self {
            x86: cfg!(target_arch = "x86_64"),
            vnni: has(avx512_vnni(), &["vnni", "avx512"]) || has(avx_vnni(), &["vnni"]),
        })
    }

    /// Whether graphs of `format` are added up exactly.
    #[must_use]
    pub fn sums_exactly(self, format: GraphFormat) -> bool {
        match format {
            GraphFormat::F32 | GraphFormat::U8Row | GraphFormat::I8Block => true,
            GraphFormat::I8Row => self.vnni || !self.x86,
        }
    }

    /// The formats that may be served here.
    #[must_use]
    pub fn formats(self) -> Vec<GraphFormat> {
        GraphFormat::ALL.into_iter().filter(|format| self.sums_exactly(*format)).collect()
    }

    /// What `format = "auto"` means for a base of this shape: single precision for a small one, else blocks of 8 bits, the
    /// only ones of the 8-bit forms that cost next to nothing. Measured on real Gemma 3 270M beside single precision
    /// (`docs/benchmarks/quality.md`, AVX-512 with VNNI): perplexity x 1.000 and 96.4 % of the tokens with the same
    /// most probable successor, where rows have x 1.030 and 85.9 %; a token takes x 0.39 of the time (rows x 0.28 signed,
    /// x 0.35 unsigned), a prompt x 0.90 (rows x 0.42 and x 0.79), the files x 0.29 of the room (rows x 0.42).
    #[must_use]
    pub fn best_format(self, config: &Config) -> GraphFormat {
        let eight_bit = config.parameters() >= EIGHT_BIT_PARAMETERS_MIN && self.sums_exactly(GraphFormat::I8Block);
        if eight_bit { GraphFormat::I8Block } else { GraphFormat::F32 }
    }
}

#[cfg(target_arch = "x86_64")]
fn avx512_vnni() -> bool {
    std::is_x86_feature_detected!("avx512vnni")
}

#[cfg(target_arch = "x86_64")]
fn avx_vnni() -> bool {
    std::is_x86_feature_detected!("avxvnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn avx512_vnni() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn avx_vnni() -> bool {
    false
}

#[cfg(test)]
mod tests;

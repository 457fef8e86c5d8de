//! What our own kernels use of this processor, and which graph format a base is given.

use gemma::{Config, GraphFormat};
use packed::Kernel;

use crate::StudentError;

/// Smaller bases keep single precision: they lie in the processor's caches and take a millisecond a token anyway, so 8 bits would only
/// cost accuracy (measured on AVX2, f32 beside 8 bits: 0.2 ms both at 1 M parameters, 1.2 and 0.7 ms at 5 M, 6.2 and 2.5 ms at 27 M).
const EIGHT_BIT_PARAMETERS_MIN: usize = 10_000_000;

/// Instructions that can be masked, and the kernels that need them.
const MASKS: [(&str, &[&str]); 2] = [("vnni", &["avx512vnni", "avxvnni"]), ("avx512", &["avx512vnni"])];

/// The fastest kernel that this processor has, less those that `mask` rules out: a comma list of `vnni` and `avx512`, to see what a lesser
/// processor does.
///
/// # Errors
/// When the mask names something else.
pub fn kernel(mask: &str) -> Result<Kernel, StudentError> {
    let mut available = Kernel::available();
    for name in mask.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let masked = MASKS.iter().find(|(known, _)| *known == name);
        let (_, kernels) = masked.ok_or_else(|| StudentError::Mask(name.to_owned()))?;
        available.retain(|(kernel, _)| !kernels.contains(kernel));
    }
    Ok(available.first().map_or_else(Kernel::portable, |(_, kernel)| *kernel))
}

/// What a kernel of this processor is called.
#[must_use]
pub fn kernel_name(kernel: Kernel) -> &'static str {
    Kernel::available().into_iter().find(|(_, known)| *known == kernel).map_or("portable", |(name, _)| name)
}

/// What `format = "auto"` means for a base of this shape: single precision for a small one, else packed blocks of 8 bits, which cost next to
/// nothing. Measured on real Gemma 3 270M beside single precision in `docs/benchmarks/quality.md`.
#[must_use]
pub fn best_format(config: &Config) -> GraphFormat {
    if config.parameters() >= EIGHT_BIT_PARAMETERS_MIN { GraphFormat::I8Packed } else { GraphFormat::F32 }
}

#[cfg(test)]
mod tests;

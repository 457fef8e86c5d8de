//! Blocks of numbers that share a scale.

/// Numbers that share a scale in `Q8_0` and `Q4_0`, and the unit in which packed rows are cut.
pub(crate) const BLOCK: usize = 32;

/// The largest magnitude.
pub(crate) fn largest(block: &[f32]) -> f32 {
    block.iter().fold(0.0, |most: f32, value| most.max(value.abs()))
}

//! 8-bit weights with a scale per block of a row, as ONNX Runtime's own operators want them, and a transposed matrix.

/// Weights that share a scale in `i8b32`, beside each other in a row.
pub(crate) const BLOCK: usize = 32;
/// What stands for zero in the unsigned bytes of `i8b32`, and fills the last block of a row.
const MIDDLE: u8 = 128;

/// Weights of a linear layer as unsigned bytes, rows of whole blocks:
/// `w[n][k] ~ (values[n * padded(k_len) + k] - 128) * scales[n * blocks(k_len) + k / BLOCK]`.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) values: Vec<u8>,
    pub(crate) scales: Vec<f32>,
}

impl Blocks {
    /// Quantises `weights`, rows of `width` values, and appends them. The scale of a block is its largest
    /// magnitude / 127.
    pub(crate) fn push(&mut self, weights: &[f32], width: usize) {
        let rows = weights.len() / width.max(1);
        self.values.reserve(rows * blocks(width) * BLOCK);
        for row in weights.chunks(width.max(1)) {
            for block in row.chunks(BLOCK) {
                let scale = scale(block);
                self.scales.push(scale);
                // Flipping the sign bit adds 128.
                self.values.extend(block.iter().map(|weight| step(*weight, scale).cast_unsigned() ^ MIDDLE));
                self.values.extend(std::iter::repeat_n(MIDDLE, BLOCK - block.len()));
            }
        }
    }
}

/// Blocks of a row of `width` weights.
pub(crate) fn blocks(width: usize) -> usize {
    width.div_ceil(BLOCK)
}

/// The scale of weights that share one.
fn scale(weights: &[f32]) -> f32 {
    let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    // Zeros keep a scale that divides nothing by zero.
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

fn step(weight: f32, scale: f32) -> i8 {
    (weight / scale).round().clamp(-127.0, 127.0) as i8
}

/// `[rows, width]` to `[width, rows]`, in tiles that stay in the cache.
pub(crate) fn transpose<T: Copy + Default>(values: &[T], width: usize) -> Vec<T> {
    const TILE: usize = 64;
    let width = width.max(1);
    let rows = values.len() / width;
    let mut out = vec![T::default(); rows * width];
    for row_tile in (0..rows).step_by(TILE) {
        for column_tile in (0..width).step_by(TILE) {
            for column in column_tile..(column_tile + TILE).min(width) {
                for row in row_tile..(row_tile + TILE).min(rows) {
                    out[column * rows + row] = values[row * width + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;

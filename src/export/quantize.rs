//! `i8row`: symmetric 8-bit weights with one scale per output row, and the layouts the kernels want.

/// Weights of a linear layer as 8-bit integers: `w[n][k] ~ values[n * k_len + k] * scales[n]`.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) values: Vec<i8>,
    pub(crate) scales: Vec<f32>,
}

impl Rows {
    /// Quantises `weights`, rows of `width` values, and appends them. The scale of a row is its largest
    /// magnitude / 127, so the error of a weight is at most half a scale.
    pub(crate) fn push(&mut self, weights: &[f32], width: usize) {
        self.values.reserve(weights.len());
        for row in weights.chunks(width.max(1)) {
            let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            // A row of zeros keeps a scale that divides nothing by zero.
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            self.scales.push(scale);
            self.values.extend(row.iter().map(|weight| (weight / scale).round().clamp(-127.0, 127.0) as i8));
        }
    }
}

/// `[rows, width]` to `[width, rows]`, in blocks that stay in the cache.
pub(crate) fn transpose<T: Copy + Default>(values: &[T], width: usize) -> Vec<T> {
    const BLOCK: usize = 64;
    let width = width.max(1);
    let rows = values.len() / width;
    let mut out = vec![T::default(); rows * width];
    for row_block in (0..rows).step_by(BLOCK) {
        for column_block in (0..width).step_by(BLOCK) {
            for column in column_block..(column_block + BLOCK).min(width) {
                for row in row_block..(row_block + BLOCK).min(rows) {
                    out[column * rows + row] = values[row * width + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;

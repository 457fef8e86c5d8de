//! Rounding errors and transposition.

use super::{Rows, transpose};

#[test]
fn a_row_is_scaled_by_its_own_largest_weight() {
    let mut rows = Rows::default();
    rows.push(&[1.27, -0.635, 0.0, 254.0, 2.0, -127.0], 3);
    assert_eq!(rows.scales, [0.01, 2.0]);
    assert_eq!(rows.values, [127, -64, 0, 127, 1, -64]);
}

#[test]
fn a_row_of_zeros_stays_zero_and_finite() {
    let mut rows = Rows::default();
    rows.push(&[0.0, 0.0], 2);
    assert_eq!((rows.values, rows.scales), (vec![0, 0], vec![1.0]));
}

#[test]
fn the_error_of_a_weight_is_at_most_half_a_scale() {
    let weights: Vec<f32> = (0..1000_u16).map(|i| (f32::from(i) * 0.37).sin() * 0.2).collect();
    let mut rows = Rows::default();
    rows.push(&weights, 100);
    for (i, weight) in weights.iter().enumerate() {
        let scale = rows.scales[i / 100];
        let back = f32::from(rows.values[i]) * scale;
        assert!((back - weight).abs() <= scale * 0.5001, "weight {i}: {weight} became {back}");
    }
}

#[test]
fn transposing_swaps_rows_and_columns_across_block_borders() {
    let (rows, width) = (130_usize, 67_usize);
    let values: Vec<usize> = (0..rows * width).collect();
    let turned = transpose(&values, width);
    for row in 0..rows {
        for column in 0..width {
            assert_eq!(turned[column * rows + row], row * width + column);
        }
    }
}

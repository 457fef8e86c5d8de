//! Rounding errors, padding and transposition.

use super::{BLOCK, Blocks, transpose};

#[test]
fn a_block_is_scaled_by_its_own_largest_weight_and_the_last_one_is_filled_with_the_zero_point() {
    let mut weights = [0.0; 2 * (BLOCK + 2)];
    let (first, second) = weights.split_at_mut(BLOCK + 2);
    (first[0], first[1], first[BLOCK], first[BLOCK + 1]) = (1.27, -0.635, -254.0, 2.0);
    second[BLOCK - 1] = -127.0;
    let mut blocks = Blocks::default();
    blocks.push(&weights, BLOCK + 2);
    assert_eq!(blocks.scales, [0.01, 2.0, 1.0, 1.0]);
    let mut wanted = [128_u8; 4 * BLOCK];
    (wanted[0], wanted[1], wanted[BLOCK], wanted[BLOCK + 1], wanted[3 * BLOCK - 1]) = (255, 64, 1, 129, 1);
    assert_eq!(blocks.values, wanted);
}

#[test]
fn the_error_of_a_weight_in_a_block_is_at_most_half_the_blocks_scale() {
    let width = 70;
    let weights: Vec<f32> = (0..700_u16).map(|i| (f32::from(i) * 0.37).sin() * f32::from(i % 13)).collect();
    let mut blocks = Blocks::default();
    blocks.push(&weights, width);
    assert_eq!((blocks.values.len(), blocks.scales.len()), (10 * 3 * BLOCK, 30));
    for (i, weight) in weights.iter().enumerate() {
        let (row, column) = (i / width, i % width);
        let scale = blocks.scales[row * 3 + column / BLOCK];
        let back = (f32::from(blocks.values[row * 3 * BLOCK + column]) - 128.0) * scale;
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

//! How factors of several linears become one pair.

use gemma::LoraPair;

use super::{Panels, Part, join};

fn plain(count: usize, columns: usize) -> Panels {
    Panels { count, columns, tiled: false }
}

#[test]
fn factors_of_joined_linears_lie_side_by_side_and_on_the_diagonal() {
    // Width 2, rank 1: linears of 2, 1 and 1 outputs, the middle one without an adapter.
    let first = LoraPair { a: vec![1.0, 2.0], b: vec![3.0, 4.0] };
    let last = LoraPair { a: vec![5.0, 6.0], b: vec![7.0] };
    let parts = [
        Part { width: 2, out: 2, pair: Some(&first) },
        Part { width: 2, out: 1, pair: None },
        Part { width: 2, out: 1, pair: Some(&last) },
    ];
    let (a, b) = join(&parts, 1, 10.0, (2, plain(3, 4)));
    assert_eq!(a, [1.0, 0.0, 5.0, 2.0, 0.0, 6.0]);
    assert_eq!(b, [30.0, 40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 70.0]);
}

#[test]
fn a_factor_of_higher_rank_is_transposed() {
    let pair = LoraPair { a: vec![1.0, 2.0, 3.0, 4.0], b: vec![5.0, 6.0] };
    let (a, b) = join(&[Part { width: 2, out: 1, pair: Some(&pair) }], 2, 1.0, (2, plain(1, 1)));
    assert_eq!(a, [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(b, [5.0, 6.0]);
}

#[test]
fn our_own_kernels_read_the_outputs_sixteen_at_a_time_without_the_zeros() {
    let first = LoraPair { a: vec![1.0], b: (0..10).map(|at| at as f32).collect() };
    let last = LoraPair { a: vec![2.0], b: (10..20).map(|at| at as f32).collect() };
    let parts = [Part { width: 1, out: 10, pair: Some(&first) }, Part { width: 1, out: 10, pair: Some(&last) }];
    let (a, b) = join(&parts, 1, 1.0, (1, Panels { count: 2, columns: 16, tiled: true }));
    assert_eq!(a, [1.0, 2.0]);
    let wanted: Vec<f32> = (0..20).map(|at| at as f32).chain([0.0; 12]).collect();
    assert_eq!(b, wanted);
}

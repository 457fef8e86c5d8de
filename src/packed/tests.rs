//! Products beside sums in double precision, and kernels beside each other.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const BOTH: [Bits; 2] = [Bits::Eight, Bits::Four];

fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut number = || rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0;
    // Sizes differ by orders of magnitude, as a model's do.
    (0..count).map(|at| number() * [1.0, 0.03, 7.0][at % 3]).collect()
}

fn product(kernel: Kernel, packed: &Packed, x: &[f32], tiles: Option<&[usize]>, parts: usize) -> Vec<f32> {
    let mut activations = Activations::new(kernel);
    activations.quantise(x, packed.shape);
    let matrix = packed.matrix().expect("fits");
    let product = Product { x: &activations, matrix, tiles, added: None };
    let mut out = vec![f32::NAN; activations.rows() * product.columns()];
    product.write(&mut out, parts, |parts, part| (0..parts).rev().for_each(part));
    out
}

/// What the numbers of few bits give, summed exactly.
fn expected(packed: &Packed, x: &[f32]) -> Vec<f64> {
    let matrix = packed.matrix().expect("fits");
    let rows: Vec<Vec<f32>> = (0..packed.shape.outputs).map(|output| matrix.row(output).expect("a row")).collect();
    let mut sums = Vec::new();
    for values in x.chunks(packed.shape.width) {
        let rounded: Vec<f64> = values
            .chunks(BLOCK)
            .flat_map(|block| {
                let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
                block.iter().map(move |value| f64::from((value * (1.0 / scale)).round_ties_even()) * f64::from(scale))
            })
            .collect();
        sums.extend(
            rows.iter()
                .map(|row| row.iter().zip(&rounded).map(|(weight, value)| f64::from(*weight) * value).sum::<f64>()),
        );
    }
    sums
}

proptest! {
    // What fails is shown; a file of it beside the members would be taken for one.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_gives_the_exact_sum(width in 1..200usize, outputs in 1..70usize, rows in 1..10usize, four: bool, seed: u64) {
        let packed = Packed::of(&numbers(seed, width * outputs), width, BOTH[usize::from(four)]);
        let x = numbers(seed ^ 1, rows * width);
        let expected = expected(&packed, &x);
        let first = product(Kernel::available()[0].1, &packed, &x, None, 1);
        for (at, (found, expected)) in first.iter().zip(&expected).enumerate() {
            prop_assert!((f64::from(*found) - expected).abs() <= 2e-6 * width as f64 * 49.0, "{at}: {found} and {expected}");
        }
        for (name, kernel) in Kernel::available() {
            let found = product(kernel, &packed, &x, None, 3);
            prop_assert!(found.iter().zip(&first).all(|(left, right)| left.to_bits() == right.to_bits()), "{name}");
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbours(width in 1..100usize, rows in 2..9usize, four: bool, seed: u64) {
        let packed = Packed::of(&numbers(seed, width * 40), width, BOTH[usize::from(four)]);
        let x = numbers(seed ^ 1, rows * width);
        for (_, kernel) in Kernel::available() {
            let all = product(kernel, &packed, &x, None, 2);
            for (row, values) in x.chunks(width).enumerate() {
                prop_assert_eq!(&product(kernel, &packed, values, None, 1), &all[row * 40..(row + 1) * 40]);
            }
        }
    }

    #[test]
    fn what_is_added_is_a_product_of_single_precision(
        ends in proptest::collection::vec(1..40usize, 1..4), rows in 1..9usize, rank in 0..9usize, adapters in 0..4usize,
        width in 1..70usize, parts in 1..3usize, four: bool, seed: u64
    ) {
        let ends: Vec<usize> = ends.iter().scan(0, |end, outputs| { *end += outputs; Some(*end) }).collect();
        let outputs = ends[ends.len() - 1];
        let packed = Packed::of(&numbers(seed, outputs * width), width, BOTH[usize::from(four)]);
        // Of several adapters each row has one, the next one or none; with 0 of them there is one for all and no mask.
        let ranks = rank * adapters.max(1);
        let (x, columns) = (numbers(1, rows * width), ends.len() * ranks);
        let (a, b) = (numbers(2, columns * width), numbers(3, packed.shape.tiles() * ranks * LANES));
        let own = |row: usize, column: usize| {
            adapters == 0 || (row / 2) % (adapters + 1) == column % ranks / rank
        };
        let mut mask: Vec<f32> =
            (0..rows * columns).map(|at| f32::from(own(at / columns, at % columns))).collect();
        if adapters == 0 {
            mask = vec![1.0];
        }
        let mut seen = None;
        for (name, kernel) in Kernel::available() {
            let plain = product(kernel, &packed, &x, None, 1);
            let (mut activations, mut low) = (Activations::new(kernel), Lowered::new(kernel));
            activations.quantise(&x, packed.shape);
            let by = Lowering { a: &a, width, parts: ends.len(), mask: &mask };
            low.fill(&x, &by, parts, |parts, part| (0..parts).rev().for_each(part));
            let added = Some(LowRank { low: &low, b: &b, ends: &ends });
            let matrix = packed.matrix().expect("fits");
            let mut out = vec![f32::NAN; rows * outputs];
            Product { x: &activations, matrix, tiles: None, added }
                .write(&mut out, parts, |parts, part| (0..parts).for_each(part));
            for (at, (found, plain)) in out.iter().zip(&plain).enumerate() {
                let (row, output) = (at / outputs, at % outputs);
                let part = ends.iter().position(|end| output < *end).expect("a part");
                let lowered = |column: usize| -> f64 {
                    let pairs = x[row * width..][..width].iter().zip(&a[column * width..][..width]);
                    pairs.map(|(x, a)| f64::from(*x) * f64::from(*a)).sum()
                };
                let factor = |rank: usize| f64::from(b[(output / LANES * ranks + rank) * LANES + output % LANES]);
                let own = (0..ranks).filter(|rank| own(row, part * ranks + rank));
                let sum: f64 = own.map(|rank| lowered(part * ranks + rank) * factor(rank)).sum();
                let bound = 1e-5 * (1.0 + f64::from(plain.abs()) + sum.abs() + (width * rank) as f64);
                prop_assert!((f64::from(*found) - f64::from(*plain) - sum).abs() < bound, "{name}: {found}, {plain} and {sum}");
            }
            prop_assert_eq!(seen.get_or_insert_with(|| out.clone()), &out, "{}", name);
        }
    }

    /// What is said of a row's adapter does not depend on its neighbours, nor on whose adapters lie beside it.
    #[test]
    fn a_row_beside_others_is_as_it_is_alone(rows in 2..7usize, rank in 1..7usize, width in 1..70usize, seed: u64) {
        let packed = Packed::of(&numbers(seed, 48 * width), width, Bits::Four);
        let (x, ends) = (numbers(1, rows * width), [20, 48]);
        let adapters: Vec<[Vec<f32>; 2]> =
            (0..3).map(|at| [numbers(10 + at, 2 * rank * width), numbers(20 + at, 3 * rank * LANES)]).collect();
        let added = |x: &[f32], a: &[f32], b: &[f32], mask: &[f32]| {
            let kernel = Kernel::available()[0].1;
            let (mut activations, mut low) = (Activations::new(kernel), Lowered::new(kernel));
            activations.quantise(x, packed.shape);
            low.fill(x, &Lowering { a, width, parts: 2, mask }, 2, |parts, part| (0..parts).for_each(part));
            let matrix = packed.matrix().expect("fits");
            let mut out = vec![f32::NAN; activations.rows() * 48];
            Product { x: &activations, matrix, tiles: None, added: Some(LowRank { low: &low, b, ends: &ends }) }
                .write(&mut out, 1, |parts, part| (0..parts).for_each(part));
            out
        };
        let beside = |place: usize, size: usize, count: usize| -> Vec<f32> {
            (0..count).flat_map(|piece| adapters.iter().flat_map(move |factors| factors[place][piece * size..][..size].to_vec())).collect()
        };
        let (a, b) = (beside(0, rank * width, 2), beside(1, rank * LANES, 3));
        let mask: Vec<f32> = (0..rows * 6 * rank).map(|at| f32::from(at / (6 * rank) % 3 == at / rank % 3)).collect();
        let together = added(&x, &a, &b, &mask);
        for (row, found) in together.chunks(48).enumerate() {
            let [a, b] = &adapters[row % 3];
            prop_assert_eq!(found, &added(&x[row * width..][..width], a, b, &[1.0])[..]);
        }
    }

    #[test]
    fn wanted_tiles_are_those_of_all(wanted in proptest::collection::vec(0..5usize, 1..7), four: bool, seed: u64) {
        let packed = Packed::of(&numbers(seed, 50 * 80), 50, BOTH[usize::from(four)]);
        let x = numbers(seed ^ 1, 5 * 50);
        for (_, kernel) in Kernel::available() {
            let all = product(kernel, &packed, &x, None, 1);
            let some = product(kernel, &packed, &x, Some(&wanted), 2);
            for (row, some) in some.chunks(wanted.len() * LANES).enumerate() {
                for (tile, found) in wanted.iter().zip(some.chunks(LANES)) {
                    prop_assert_eq!(found, &all[row * 80 + tile * LANES..][..LANES]);
                }
            }
        }
    }
}

/// The largest bytes of all: what 16-bit sums would lose.
#[test]
fn the_largest_products_do_not_saturate() {
    let (width, outputs) = (6912, 32);
    // Of 4 bits the largest code, 7 above the middle, has to be reached as well as the least.
    for (bits, weight) in [(Bits::Eight, -1.0), (Bits::Eight, 1.0), (Bits::Four, -1.0), (Bits::Four, 1.0)] {
        let packed = Packed::of(&vec![weight; width * outputs], width, bits);
        for ((name, kernel), value) in
            Kernel::available().into_iter().flat_map(|kernel| [(kernel, 1.0), (kernel, -1.0)])
        {
            let found = product(kernel, &packed, &vec![value; 5 * width], None, 1);
            let expected = width as f32 * weight * value;
            assert!(found.iter().all(|sum| (sum - expected).abs() < 4.0), "{name}, {bits:?}: {expected} and {found:?}");
        }
    }
}

/// An error of half a step of each block's own scale.
#[test]
fn weights_are_kept_to_half_a_step() {
    let weights = numbers(3, 70 * 33);
    let packed = Packed::of(&weights, 70, Bits::Eight);
    let matrix = packed.matrix().expect("fits");
    for (output, row) in weights.chunks(70).enumerate() {
        let stored = matrix.row(output).expect("a row");
        for (block, stored) in row.chunks(BLOCK).zip(stored.chunks(BLOCK)) {
            let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let bound = largest / 127.0 * 0.5 * 1.13;
            assert!(block.iter().zip(stored).all(|(value, stored)| (value - stored).abs() <= bound));
        }
    }
    assert_eq!(matrix.row(33), None);
}

/// Scales that half precision can hardly hold, or not at all.
#[test]
fn tiny_and_huge_weights_stay_numbers_of_their_size() {
    for size in [1e-30_f32, 1e-9, 1e-6, 1e-4, 1e6, 1e30] {
        let packed = Packed::of(&[size, -size / 2.0, 0.0, size / 3.0], 4, Bits::Eight);
        let row = packed.matrix().expect("fits").row(0).expect("a row");
        let wanted = if size < 1e-8 {
            1e-7
        } else if size > 1e7 {
            f32::INFINITY
        } else {
            size * 0.51
        };
        assert!(row.iter().all(|weight| weight.is_finite()), "{size}: {row:?}");
        assert!((row[0] - size).abs() <= wanted && row[2] == 0.0, "{size}: {row:?}");
    }
}

#[test]
fn nothing_and_no_numbers() {
    for (bits, (name, kernel)) in
        BOTH.into_iter().flat_map(|bits| Kernel::available().into_iter().map(move |kernel| (bits, kernel)))
    {
        let packed = Packed::of(&[0.0; 64], 32, bits);
        assert_eq!(product(kernel, &packed, &[0.0; 32], None, 1), [0.0; 2], "{name}");
        let damaged = product(kernel, &packed, &[f32::NAN; 32], None, 1);
        assert!(damaged.iter().all(|sum| sum.is_nan()), "{name}");
        let mut infinite = [1.0; 32];
        infinite[7] = f32::INFINITY;
        assert!(product(kernel, &packed, &infinite, None, 1).iter().all(|sum| sum.is_nan()), "{name}");
        assert_eq!(product(kernel, &packed, &[], None, 1), [0.0; 0], "{name}");
    }
    for bits in BOTH {
        let packed = Packed::of(&[0.0; 64], 32, bits);
        assert!(Matrix::new(Shape { width: 32, outputs: 17, bits }, &packed.bytes, &packed.scales).is_none());
    }
}

/// A part that is given out twice is computed once, and what is not given out is left as it is.
#[test]
fn parts_are_written_once() {
    let packed = Packed::of(&numbers(1, 64 * 32), 32, Bits::Eight);
    let mut activations = Activations::new(Kernel::available()[0].1);
    activations.quantise(&numbers(2, 32), packed.shape);
    let matrix = packed.matrix().expect("fits");
    let product = Product { x: &activations, matrix, tiles: None, added: None };
    let mut out = vec![f32::NAN; 64];
    product.write(&mut out, 2, |parts, part| {
        assert_eq!(parts, 2);
        part(1);
        part(1);
        part(9);
    });
    assert!(out[..32].iter().all(|sum| sum.is_nan()) && out[32..].iter().all(|sum| sum.is_finite()));
}

/// Every code's weight comes back as it was, whatever the block's largest code is, and with it the scale.
#[test]
fn weights_of_four_bits_are_found_again() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (least, most) in [(-8, 7), (-7, 7), (-5, 7), (-8, 3), (-6, 6), (-7, 5), (-5, 5), (-4, 3), (0, 7), (-8, 0)] {
        for scale in [0.0105_f32, -3.25, 6e-4] {
            let scale = half::f16::from_f32(scale).to_f32();
            let block: [f32; BLOCK] = std::array::from_fn(|at| match at {
                3 => least as f32 * scale,
                17 => most as f32 * scale,
                _ => (least + (rng.next_u32() % (most - least + 1) as u32) as i32) as f32 * scale,
            });
            let packed = Packed::of(&block, BLOCK, Bits::Four);
            assert_eq!(packed.matrix().expect("fits").row(0).expect("a row"), block, "{least} to {most} times {scale}");
        }
    }
}

/// As near as Q4_0's own choice of a scale, the largest at -8, in every block, and nearer in most.
#[test]
fn a_block_of_four_bits_has_a_good_scale() {
    let weights = numbers(7, 32 * 400);
    let (mut nearer, mut blocks) = (0, 0);
    for block in weights.as_chunks::<BLOCK>().0 {
        let (scale, codes) = nearest_four(block);
        assert!(codes.iter().all(|code| *code < 16), "{codes:?}");
        let stored = codes.map(|code| (f32::from(code) - 8.0) * scale.to_f32());
        let largest = block.iter().fold(0.0_f32, |most, value| if value.abs() > most.abs() { *value } else { most });
        let plain = half::f16::from_f32(largest / -8.0).to_f32();
        let plainly = block.map(|value| (value / plain).round().clamp(-8.0, 7.0) * plain);
        let error = |stored: [f32; BLOCK]| {
            block.iter().zip(stored).map(|(value, stored)| f64::from(value - stored).powi(2)).sum::<f64>()
        };
        assert!(error(stored) <= error(plainly) * 1.0001);
        nearer += usize::from(error(stored) < 0.95 * error(plainly));
        blocks += 1;
    }
    assert!(nearer > blocks / 3, "{nearer} of {blocks}");
}

/// The largest weight lies at -8, and one as large on the other side has to do with 7.
#[test]
fn four_bits_reach_farther_on_one_side() {
    let mut block = [0.0; BLOCK];
    (block[0], block[1], block[2]) = (-1.0, 1.0, 0.99);
    for sign in [1.0, -1.0] {
        let block = block.map(|value: f32| sign * value);
        let packed = Packed::of(&block, BLOCK, Bits::Four);
        let row = packed.matrix().expect("fits").row(0).expect("a row");
        assert!(block.iter().zip(&row).all(|(value, stored)| (value - stored).abs() < 0.13), "{row:?}");
    }
}

#[test]
fn bits_are_found_by_their_number() {
    for (count, bits) in [(4, Some(Bits::Four)), (8, Some(Bits::Eight)), (0, None), (2, None), (16, None)] {
        assert_eq!(Bits::of(count), bits);
        assert!(bits.is_none_or(|bits| bits.count() == count));
    }
}

/// Numbers that half precision cannot hold, at both ends, and blocks that are not whole.
#[test]
fn odd_blocks_of_four_bits_are_numbers() {
    for size in [0.0_f32, 1e-30, 1e-9, 1e-6, 1e6, 1e30] {
        let row = Packed::of(&[size, -size / 2.0, 0.0], 3, Bits::Four).matrix().expect("fits").row(0).expect("a row");
        assert!(row.iter().all(|weight| weight.is_finite()) && row[2] == 0.0 && row[0] >= 0.0, "{size}: {row:?}");
        if (1e-5..1e5).contains(&size) {
            assert!((row[0] - size).abs() < 0.07 * size, "{size}: {row:?}");
        }
    }
}

use std::io::Write;
use std::path::Path;

use half::{bf16, f16};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{Factor, Format, FrozenError, FrozenMatrix, MappedFile, Quantization, Sums, add_product};

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
}

/// A file with these numbers behind three bytes of something else.
fn written(values: &[f32], format: Format) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"odd").unwrap();
    for value in values {
        match format {
            Format::F32 => file.write_all(&value.to_le_bytes()),
            Format::Bf16 => file.write_all(&bf16::from_f32(*value).to_le_bytes()),
            Format::F16 => file.write_all(&f16::from_f32(*value).to_le_bytes()),
        }
        .unwrap();
    }
    file
}

fn matrix(values: &[f32], format: Format, shape: (usize, usize)) -> FrozenMatrix {
    let file = written(values, format);
    FrozenMatrix::mapped(&MappedFile::open(file.path()).unwrap(), 3, format, shape).unwrap()
}

fn all(matrix: &FrozenMatrix) -> Vec<f32> {
    matrix.rows(&(0..matrix.shape().0 as u32).collect::<Vec<_>>())
}

/// `[n, k] [k, m]` in f64, where `right(k, m)` gives the second factor.
fn product(left: &[f32], (n, k, m): (usize, usize, usize), right: impl Fn(usize, usize) -> f32) -> Vec<f64> {
    let sum = |row: usize, column: usize| {
        (0..k).map(|term| f64::from(left[row * k + term]) * f64::from(right(term, column))).sum()
    };
    (0..n * m).map(|at| sum(at / m, at % m)).collect()
}

fn assert_near(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().map(|value| value * value).sum::<f64>().sqrt();
    let error = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).powi(2)).sum::<f64>().sqrt();
    assert!(error <= 1e-6 * size.max(1e-3), "{what}: {error} of {size}");
}

fn assert_products(matrix: &FrozenMatrix, n: usize, what: &str) {
    let (out, inn) = matrix.shape();
    let w = all(matrix);
    let x = random(n * inn, 1);
    let mut y = vec![0.0; n * out];
    matrix.forward(&x, &mut y);
    assert_near(&y, &product(&x, (n, inn, out), |k, m| w[m * inn + k]), what);
    let (dy, start) = (random(n * out, 2), random(n * inn, 3));
    let mut dx = start.clone();
    matrix.backward(&dy, &mut dx);
    let expected = product(&dy, (n, out, inn), |k, m| w[k * inn + m]);
    let expected: Vec<f64> = expected.iter().zip(&start).map(|(e, s)| e + f64::from(*s)).collect();
    assert_near(&dx, &expected, what);
}

const FORMATS: [Format; 3] = [Format::F32, Format::Bf16, Format::F16];
const QUANTIZATIONS: [Quantization; 3] = [Quantization::Q8_0, Quantization::Q4_0, Quantization::Nf4];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn products_are_those_of_the_widened_numbers(out in 1usize..70, inn in 1usize..70, n in 0usize..9, format in 0usize..3) {
        let w = matrix(&random(out * inn, 7), FORMATS[format], (out, inn));
        assert_products(&w, n, "file");
        let blocks = inn.div_ceil(32) * 32;
        let w = matrix(&random(out * blocks, 7), FORMATS[format], (out, blocks));
        for quantization in QUANTIZATIONS {
            assert_products(&w.quantized(quantization).unwrap(), n, quantization.name());
        }
    }
}

#[test]
fn large_products_are_cut_into_tiles_and_what_a_thread_does_first_changes_no_bit() {
    let shapes = [(1700, 96), (96, 1700), (640, 640)];
    for (out, inn) in shapes {
        let w = matrix(&random(out * inn, 5), Format::Bf16, (out, inn));
        let (x, dy) = (random(40 * inn, 1), random(40 * out, 2));
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let both = || {
                let (mut y, mut dx) = (vec![0.0; 40 * out], vec![0.0; 40 * inn]);
                w.forward(&x, &mut y);
                w.backward(&dy, &mut dx);
                (y, dx)
            };
            pool.install(|| assert_products(&w, 40, "tiles"));
            let first = pool.install(both);
            assert!((0..20).all(|_| pool.install(both) == first), "{out} x {inn}, {threads} threads");
        }
    }
}

#[test]
fn quantized_numbers_are_near_and_small() {
    // As weights are: normal, by the sum of twelve uniform numbers.
    let values: Vec<f32> =
        random(12 * 64 * 1024, 3).chunks(12).map(|twelve| 0.02 * twelve.iter().sum::<f32>()).collect();
    let w = matrix(&values, Format::F32, (64, 1024));
    let size = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    for (quantization, worst, bits) in
        [(Quantization::Q8_0, 0.006, 8.5), (Quantization::Q4_0, 0.1, 4.5), (Quantization::Nf4, 0.095, 4.2)]
    {
        let packed = w.quantized(quantization).unwrap();
        let error = all(&packed).iter().zip(&values).map(|(p, v)| (p - v).powi(2)).sum::<f32>().sqrt() / size;
        assert!(error < worst, "{}: {error}", quantization.name());
        let found = packed.bytes() as f64 * 8.0 / values.len() as f64;
        assert!(found <= bits + 0.01, "{}: {found} bits", quantization.name());
    }
}

#[test]
fn a_matrix_that_was_packed_can_still_be_read_from_its_file() {
    let values = random(96 * 1024, 8);
    let w = matrix(&values, Format::F32, (96, 1024));
    w.quantized(Quantization::Q8_0).unwrap();
    assert_eq!(all(&w), values);
}

#[test]
fn extremes_are_quantized_exactly_or_nearly() {
    let mut values = vec![0.0; 64];
    values[33] = -0.75;
    let w = matrix(&values, Format::F32, (1, 64));
    for quantization in QUANTIZATIONS {
        let packed = all(&w.quantized(quantization).unwrap());
        assert!((packed[33] + 0.75).abs() < 0.01, "{}: {}", quantization.name(), packed[33]);
        assert!(packed.iter().enumerate().all(|(at, v)| at == 33 || *v == 0.0), "{}", quantization.name());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let file = written(&[1.0; 6], Format::F32);
    let file = MappedFile::open(file.path()).unwrap();
    assert!(FrozenMatrix::mapped(&file, 3, Format::F32, (2, 3)).is_ok());
    let refused = FrozenMatrix::mapped(&file, 4, Format::F32, (2, 3)).err().unwrap();
    assert!(refused.to_string().ends_with("ends before the 24 bytes at 4"), "{refused}");
    assert!(FrozenMatrix::mapped(&file, usize::MAX, Format::F32, (2, 3)).is_err());
    let refused = matrix(&[1.0; 6], Format::F32, (2, 3)).quantized(Quantization::Nf4).err().unwrap();
    assert!(matches!(refused, FrozenError::Block { inn: 3, .. }), "{refused}");
    assert!(MappedFile::open(Path::new("/nowhere")).is_err());
}

#[test]
fn a_number_that_is_none_is_found_in_every_format() {
    for format in FORMATS {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = random(300, 4);
            assert!(matrix(&values, format, (3, 100)).is_finite());
            values[299] = bad;
            assert!(!matrix(&values, format, (3, 100)).is_finite(), "{format:?} {bad}");
        }
    }
}

#[test]
fn a_row_that_is_not_there_is_zero() {
    let w = matrix(&[1.0, 2.0, 3.0, 4.0], Format::F32, (2, 2));
    assert_eq!(w.rows(&[1, 9, 0]), [3.0, 4.0, 0.0, 0.0, 1.0, 2.0]);
}

#[test]
fn sums_of_products_are_added_in_every_layout_and_shared_out_along_the_longer_side() {
    for (n, k, m) in [(5, 3, 7), (300, 90, 120), (120, 90, 300)] {
        let (x, w, start) = (random(n * k, 1), random(k * m, 2), random(n * m, 4));
        let turned = |values: &[f32], rows: usize, columns: usize| -> Vec<f32> {
            (0..rows * columns).map(|at| values[at % rows * columns + at / rows]).collect()
        };
        let (x_turned, w_turned) = (turned(&x, n, k), turned(&w, k, m));
        let expected: Vec<f64> = product(&x, (n, k, m), |k, at| w[k * m + at])
            .iter()
            .zip(&start)
            .map(|(p, s)| 0.5 * p + f64::from(*s))
            .collect();
        let lefts = [Factor::rows(&x, k), Factor::transposed(&x_turned, n)];
        let rights = [Factor::rows(&w, m), Factor::transposed(&w_turned, k)];
        for (left, right) in lefts.into_iter().flat_map(|left| rights.map(|right| (left, right))) {
            let mut sums = start.clone();
            add_product(Sums::rows(&mut sums, m), left, right, k, 0.5);
            assert_near(&sums, &expected, "sums");
        }
    }
}

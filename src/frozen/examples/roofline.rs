//! What this processor can do, for the benchmarks: floating-point operations a second of the library's own product, as large as
//! one of Gemma 3 1B's, and of bare multiply-adds in `f32` and in `bf16` where AVX-512 has them.
//!
//! usage: roofline [THREADS]; prints one JSON line, in GF/s of all threads.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::time::Instant;

use frozen::{Factor, Sums, add_product};

/// Rows, terms, columns: 1,024 tokens through an up projection.
const SHAPE: (usize, usize, usize) = (1024, 1152, 6912);
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(2), |text| text.parse())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    // Of the best round: others share this machine.
    let best = |f: &(dyn Fn() -> f64 + Sync)| {
        let rounds = (0..ROUNDS).map(|_| {
            let started = Instant::now();
            pool.install(f) / started.elapsed().as_secs_f64() / 1e9
        });
        rounds.fold(0.0, f64::max)
    };
    let (n, terms, width) = SHAPE;
    let (left, right) = (vec![0.5f32; n * terms], vec![0.25f32; terms * width]);
    let product = best(&|| {
        let mut sums = vec![0.0f32; n * width];
        add_product(Sums::rows(&mut sums, width), Factor::rows(&left, terms), Factor::rows(&right, width), terms, 1.0);
        std::hint::black_box(&sums);
        2.0 * (n * terms * width) as f64
    });
    let mut figures = vec![("product_f32", product)];
    for (name, multiply_adds) in bare::known() {
        figures.push((name, best(&|| rayon::broadcast(|_| multiply_adds()).into_iter().sum())));
    }
    let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("\"{name}\": {figure:.0}")).collect();
    println!("{{\"threads\": {threads}, {}}}", figures.join(", "));
    Ok(())
}

#[cfg(target_arch = "x86_64")]
mod bare {
    use std::arch::x86_64::{__m512bh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_reduce_add_ps, _mm512_set1_ps};

    /// Sums that do not wait for each other: more than the latency of a multiply-add.
    const SUMS: usize = 12;
    const TIMES: usize = 4_000_000;

    /// A name, and what makes some of it and gives back how many operations that were.
    pub(super) type Kind = (&'static str, fn() -> f64);

    /// The kinds that this processor has.
    pub(super) fn known() -> Vec<Kind> {
        let mut known: Vec<Kind> = Vec::new();
        if is_x86_feature_detected!("avx512f") {
            known.push(("bare_f32", f32_multiply_adds));
        }
        if is_x86_feature_detected!("avx512bf16") {
            known.push(("bare_bf16", bf16_multiply_adds));
        }
        known
    }

    #[expect(unsafe_code, reason = "vector instructions")]
    fn f32_multiply_adds() -> f64 {
        // SAFETY: known only where the processor has them.
        unsafe { f32s() }
    }

    #[expect(unsafe_code, reason = "vector instructions")]
    fn bf16_multiply_adds() -> f64 {
        // SAFETY: known only where the processor has them.
        unsafe { bf16s() }
    }

    #[target_feature(enable = "avx512f")]
    fn f32s() -> f64 {
        let (mut sums, a) = ([_mm512_set1_ps(0.0); SUMS], _mm512_set1_ps(1.0));
        for _ in 0..TIMES {
            let b = std::hint::black_box(a);
            sums.iter_mut().for_each(|sum| *sum = _mm512_fmadd_ps(a, b, *sum));
        }
        std::hint::black_box(sums.map(|sum| _mm512_reduce_add_ps(sum)));
        (2 * 16 * SUMS * TIMES) as f64
    }

    #[expect(unsafe_code, reason = "the vector type of bf16 has no constructor")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn bf16s() -> f64 {
        // SAFETY: 64 bytes each way, of which all values are numbers: 0x3f80 is 1.
        let a: __m512bh = unsafe { std::mem::transmute([0x3f80u16; 32]) };
        let mut sums = [_mm512_set1_ps(0.0); SUMS];
        for _ in 0..TIMES {
            let b = std::hint::black_box(a);
            sums.iter_mut().for_each(|sum| *sum = _mm512_dpbf16_ps(*sum, a, b));
        }
        std::hint::black_box(sums.map(|sum| _mm512_reduce_add_ps(sum)));
        (2 * 32 * SUMS * TIMES) as f64
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod bare {
    pub(super) fn known() -> Vec<(&'static str, fn() -> f64)> {
        Vec::new()
    }
}

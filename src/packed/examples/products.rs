//! How fast products at Gemma 3 1B's shapes are, by kernel and by rows of activations, and the softmax of its logits:
//! `products [ROUNDS [KERNEL]]`.
//!
//! Weights are those of several layers, so that they come from memory as a model's do.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "prints a table")]

use packed::{Activations, Bits, Kernel, LowRank, Lowered, Lowering, Packed, Product, Softmax};

/// Rows that are worked on between two looks at the clock.
const AT_LEAST_ROWS: usize = 32;

fn main() {
    let rounds: usize = std::env::args().nth(1).map_or(5, |text| text.parse().expect("rounds"));
    let mut kernels = Kernel::available();
    kernels.retain(|(name, _)| std::env::args().nth(2).is_none_or(|wanted| wanted == *name));
    let (width, outputs, layers) = (1152, 13824, 10);
    let weights: Vec<f32> =
        (0..width * outputs).map(|at| ((at * 2_654_435_761) % 2003) as f32 / 1001.0 - 1.0).collect();
    let packed = [(8, Bits::Eight), (4, Bits::Four)].map(|(number, bits)| {
        let layer = Packed::of(&weights, width, bits);
        (number, vec![layer; layers])
    });
    let (a, b, ends) = (vec![0.125; 2 * 16 * width], vec![0.25; outputs * 16], [outputs / 2, outputs]);
    for ((number, layers), (name, kernel)) in
        packed.iter().flat_map(|bits| kernels.iter().map(move |kernel| (bits, *kernel)))
    {
        let bytes: usize = layers.iter().map(|layer| layer.bytes.len() + 2 * layer.scales.len()).sum();
        for (rows, ranks) in [(1, 0), (1, 16), (2, 0), (4, 0), (6, 0), (8, 0), (16, 0), (128, 0), (128, 16)] {
            let x: Vec<f32> = (0..rows * width).map(|at| (at % 97) as f32 / 48.0 - 1.0).collect();
            let (mut times, mut activations, mut out) =
                (Vec::new(), Activations::new(kernel), vec![0.0; rows * outputs]);
            let (mut low, by) =
                (Lowered::new(kernel), Lowering { a: &a[..2 * ranks * width], width, parts: 2, mask: &[1.0] });
            // Few rows take less than the clock's steps.
            let again = if name == "portable" { 1 } else { AT_LEAST_ROWS.div_ceil(rows) };
            for _ in 0..if name == "portable" { 1 } else { rounds } {
                let began = processor_s();
                for layer in layers.iter().cycle().take(again * layers.len()) {
                    activations.quantise(&x, layer.shape);
                    low.fill(&x, &by, 1, |parts, part| (0..parts).for_each(part));
                    let added = Some(LowRank { low: &low, b: &b[..outputs * ranks], ends: &ends });
                    let product =
                        Product { x: &activations, matrix: layer.matrix().expect("fits"), tiles: None, added };
                    product.write(&mut out, 1, |parts, part| (0..parts).for_each(part));
                    std::hint::black_box(&out);
                }
                times.push((processor_s() - began) / again as f64);
            }
            let least = times.iter().copied().fold(f64::INFINITY, f64::min);
            let products = (rows * width * outputs * layers.len()) as f64;
            println!(
                "{name:>11} {number} bits {rows:>4} rows, rank {ranks:>2}: {:7.2} ms a row, {:6.1} GB/s, {:6.1} G products/s",
                1000.0 * least / rows as f64,
                bytes as f64 / least / 1e9,
                products / least / 1e9
            );
        }
    }
    for (name, kernel) in kernels {
        let logits: Vec<f32> = (0..262_144).map(|at| ((at * 7919) % 1009) as f32 / 50.0).collect();
        let began = processor_s();
        let rounds = 100 * rounds;
        for _ in 0..rounds {
            std::hint::black_box(Softmax::of(kernel, std::hint::black_box(&logits)));
        }
        println!("{name:>11} softmax of {}: {:.2} ms", logits.len(), 1000.0 * (processor_s() - began) / rounds as f64);
    }
}

/// Processor seconds of this process.
fn processor_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).expect("a number") / 1e9
}

//! Logits: the exported graph computes what the references compute.

use std::path::Path;

use gemma::{Adapter, GraphFormat, Linear, SaveAs, Tensor32, Weights};
use packed::{Bits, Packed};

use super::fixture::{
    Tiny, argmax, config, distance, edited_base, expected, golden, ids, runtime, settings, tiny, tiny_of,
};
use crate::{Student, StudentConfig};

/// Single precision against another implementation in single precision: rounding only.
const ROUNDING: f32 = 1e-4;

fn check_against_transformers(adapter: Option<&Path>, reference: &str) {
    let (tiny, ids, wanted) = (tiny(GraphFormat::F32), ids(), expected(reference));
    // All at once; a prompt shorter than the window of 7; one past it; token by token from the start.
    for at_once in [ids.len(), 3, 12, 0] {
        let error = distance(&tiny.student.logits(adapter, &ids, at_once).unwrap(), &wanted);
        println!("{reference}, {at_once} of {} at once: {error:.1e}", ids.len());
        assert!(error <= ROUNDING, "{error} from {reference} with {at_once} tokens at once");
    }
}

#[test]
fn the_base_computes_what_transformers_computes() {
    check_against_transformers(None, "base_logits");
}

#[test]
fn the_base_with_an_adapter_computes_what_peft_computes() {
    check_against_transformers(Some(&golden().join("adapter")), "adapter_logits");
}

/// The golden adapter, changed and written beside the graph.
fn other_adapter(tiny: &Tiny, name: &str, change: impl FnOnce(&mut Adapter)) -> std::path::PathBuf {
    let mut adapter = Adapter::load(&golden().join("adapter"), &config()).unwrap();
    change(&mut adapter);
    let dir = tiny.dir.path().join(name);
    adapter.save(&dir).unwrap();
    dir
}

#[test]
fn adapters_of_one_session_do_not_leak_into_each_other_or_into_the_base() {
    let (tiny, ids) = (tiny(GraphFormat::F32), ids());
    let first = golden().join("adapter");
    let second = other_adapter(&tiny, "second", |adapter| {
        adapter.pairs.values_mut().for_each(|pair| pair.b.iter_mut().for_each(|value| *value = -*value));
    });
    // An adapter of one linear only: the other inputs must fall back to nothing, not to what was bound before.
    let third = other_adapter(&tiny, "third", |adapter| adapter.pairs.retain(|key, _| *key == (1, Linear::V)));
    let orders: [Option<&Path>; 4] = [None, Some(&first), Some(&second), Some(&third)];
    let fresh: Vec<_> = orders
        .iter()
        .map(|adapter| super::fixture::tiny(GraphFormat::F32).student.logits(*adapter, &ids, 9).unwrap())
        .collect();
    for round in [[0, 1, 2, 3], [1, 3, 0, 2], [2, 0, 3, 1]] {
        for which in round {
            assert_eq!(tiny.student.logits(orders[which], &ids, 9).unwrap(), fresh[which], "adapter {which}");
        }
    }
    assert!(
        distance(&fresh[0], &fresh[1]) > 0.1
            && distance(&fresh[1], &fresh[2]) > 0.1
            && distance(&fresh[0], &fresh[3]) > 0.01
    );
}

#[test]
fn adapters_of_different_rank_share_one_session() {
    let (tiny, ids) = (tiny(GraphFormat::F32), ids());
    let first = golden().join("adapter");
    // The same product in a higher rank: rows and columns of zeros, and an alpha that keeps alpha / rank.
    let wider = other_adapter(&tiny, "wider", |adapter| {
        let (rank, wide) = (adapter.rank, 8);
        for pair in adapter.pairs.values_mut() {
            pair.a.resize(pair.a.len() / rank * wide, 0.0);
            let row = |row: &[f32]| [row, &[0.0; 8][rank..]].concat();
            pair.b = pair.b.chunks(rank).flat_map(row).collect();
        }
        adapter.alpha *= wide as f64 / rank as f64;
        adapter.rank = wide;
    });
    for _ in 0..2 {
        let narrow = tiny.student.logits(Some(&first), &ids, 9).unwrap();
        let error = distance(&tiny.student.logits(Some(&wider), &ids, 9).unwrap(), &narrow);
        assert!(error <= ROUNDING, "{error}");
    }
}

#[test]
fn an_adapter_of_some_linears_equals_the_merged_weights() {
    let (tiny, ids, config) = (tiny(GraphFormat::F32), ids(), config());
    let some = |linear: Linear| matches!(linear, Linear::K | Linear::Up | Linear::Down);
    let dir =
        other_adapter(&tiny, "some", |adapter| adapter.pairs.retain(|(layer, linear), _| *layer != 2 && some(*linear)));
    let adapter = Adapter::load(&dir, &config).unwrap();

    let weights = Weights::load(&golden()).unwrap();
    let mut merged: Vec<(String, Tensor32)> =
        weights.names().map(|name| (name.to_owned(), weights.get(name).unwrap())).collect();
    for ((layer, linear), pair) in &adapter.pairs {
        let name = linear.weight_name(*layer);
        let weight = &mut merged.iter_mut().find(|(found, _)| *found == name).unwrap().1.data;
        let (out, width) = linear.shape(&config);
        for n in 0..out {
            for k in 0..width {
                let product: f32 =
                    (0..adapter.rank).map(|r| pair.b[n * adapter.rank + r] * pair.a[r * width + k]).sum();
                weight[n * width + k] += product * adapter.scale() as f32;
            }
        }
    }
    let base = edited_base(|_| {});
    Weights::save(base.path(), merged, SaveAs::F32).unwrap();
    let merged = tiny_of(base.path(), GraphFormat::F32, 1, 64).student.logits(None, &ids, ids.len()).unwrap();
    let bound = tiny.student.logits(Some(&dir), &ids, ids.len()).unwrap();
    assert!(distance(&bound, &merged) <= ROUNDING, "{}", distance(&bound, &merged));
    assert!(distance(&merged, &expected("base_logits")) > 0.1, "the adapter changed nothing");
}

#[test]
fn what_the_cache_held_before_does_not_matter() {
    let (tiny, ids) = (tiny(GraphFormat::F32), ids());
    let short = &ids[..5];
    let fresh = tiny.student.logits(None, short, 2).unwrap();
    let adapter = golden().join("adapter");
    tiny.student.logits(Some(&adapter), &[ids.as_slice(), &ids, &ids].concat(), 40).unwrap();
    assert_eq!(tiny.student.logits(None, short, 2).unwrap(), fresh);
}

#[test]
fn eight_bit_weights_stay_close_to_single_precision() {
    let (exact, ids) = (tiny(GraphFormat::F32), ids());
    for format in [GraphFormat::I8Block, GraphFormat::I8Packed] {
        let quantised = tiny(format);
        for adapter in [None, Some(golden().join("adapter"))] {
            let wanted = exact.student.logits(adapter.as_deref(), &ids, ids.len()).unwrap();
            for at_once in [ids.len(), 4] {
                let found = quantised.student.logits(adapter.as_deref(), &ids, at_once).unwrap();
                let error = error(&found, &wanted);
                let largest = f64::from(distance(&found, &wanted)) / spread(&wanted);
                let agree = |(found, wanted): &(&Vec<f32>, &Vec<f32>)| argmax(found) == argmax(wanted);
                let agreeing = found.iter().zip(&wanted).filter(agree).count();
                println!(
                    "{format}, adapter {}, {at_once} at once: {error:.4}, {largest:.3} at most, {agreeing}/{}",
                    adapter.is_some(),
                    ids.len()
                );
                assert!(error <= BLOCK_ERROR && largest <= LARGEST_ERROR, "{format}: {error}, {largest}");
                assert!(agreeing * 100 >= ids.len() * AGREEMENT_PERCENT, "{format}: {agreeing} of {}", ids.len());
            }
        }
    }
}

/// A base whose linears are numbers of 4 bits already: its graph of 4 bits holds the same weights as that of single precision, and what is left is
/// what 8 bits of activations, embedding and head cost.
#[test]
fn four_bit_weights_are_those_of_the_base_that_was_rounded() {
    let (rounded, ids) = (rounded_base(), ids());
    let exact = tiny_of(rounded.path(), GraphFormat::F32, 1, 128);
    let plain = tiny(GraphFormat::F32).student.logits(None, &ids, ids.len()).unwrap();
    for base in [rounded.path(), &golden()] {
        // Rounded again, the golden base gives the same.
        let packed = tiny_of(base, GraphFormat::I4Packed, 1, 128);
        for adapter in [None, Some(golden().join("adapter"))] {
            let wanted = exact.student.logits(adapter.as_deref(), &ids, ids.len()).unwrap();
            let found = packed.student.logits(adapter.as_deref(), &ids, 4).unwrap();
            let error = error(&found, &wanted);
            println!("adapter {}: {error:.4}", adapter.is_some());
            assert!(error <= BLOCK_ERROR, "{error}");
        }
    }
    let wanted = exact.student.logits(None, &ids, ids.len()).unwrap();
    assert!(error(&wanted, &plain) > 3.0 * BLOCK_ERROR, "{}", error(&wanted, &plain));
}

/// The golden base with its linears as 4-bit blocks have them.
fn rounded_base() -> tempfile::TempDir {
    let (dir, config, weights) = (edited_base(|_| {}), config(), Weights::load(&golden()).unwrap());
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    let linears: Vec<String> =
        (0..config.num_hidden_layers).flat_map(|layer| Linear::ALL.map(|linear| linear.weight_name(layer))).collect();
    let tensors = weights.names().map(|name| {
        let mut tensor = weights.get(name).unwrap();
        if linears.iter().any(|linear| linear == name) {
            let width = tensor.shape[1];
            let packed = Packed::of(&tensor.data, width, Bits::Four);
            let matrix = packed.matrix().unwrap();
            tensor.data = (0..tensor.shape[0]).flat_map(|row| matrix.row(row).unwrap()).collect();
        }
        (name.to_owned(), tensor)
    });
    Weights::save(dir.path(), tensors.collect::<Vec<_>>(), SaveAs::F32).unwrap();
    dir
}

/// Bounds of the 8-bit forms on this model of random weights, with some room over what was measured, in units of the logits'
/// root mean square: of the error's, and of the largest error; and how many of the tokens keep their most probable successor.
const BLOCK_ERROR: f64 = 0.04;
const LARGEST_ERROR: f64 = 0.3;
const AGREEMENT_PERCENT: usize = 85;

fn spread(logits: &[Vec<f32>]) -> f64 {
    let squares = logits.iter().flatten().map(|logit| f64::from(*logit).powi(2));
    (squares.sum::<f64>() / logits.iter().flatten().count() as f64).sqrt()
}

/// The root mean square of the differences in units of the logits'.
fn error(found: &[Vec<f32>], wanted: &[Vec<f32>]) -> f64 {
    let differences = |(found, wanted): (&Vec<f32>, &Vec<f32>)| found.iter().zip(wanted).map(|(f, w)| f - w).collect();
    spread(&found.iter().zip(wanted).map(differences).collect::<Vec<_>>()) / spread(wanted)
}

#[test]
fn a_token_reads_the_same_whatever_its_neighbours_in_the_run() {
    let (tiny, ids) = (tiny(GraphFormat::I8Packed), ids());
    let together = tiny.student.logits(None, &ids, ids.len()).unwrap();
    let single = tiny.student.logits(None, &ids, 0).unwrap();
    // One scale per block of a token; a scale per run would let one outlier disturb all others. The first token has nothing to attend to but
    // itself; sums of attention that differ in their last bit can move an activation of a later one by a step.
    assert!(distance(&together[..1], &single[..1]) <= 1e-5, "{}", distance(&together[..1], &single[..1]));
    assert!(distance(&together, &single) <= 0.1, "{}", distance(&together, &single));
}

#[test]
fn threads_share_a_product_and_give_the_same_bits() {
    let (tiny, ids) = (tiny(GraphFormat::I8Packed), ids());
    let alone = tiny.student.logits(None, &ids, ids.len()).unwrap();
    let settings = StudentConfig { threads: 3, ..settings(&tiny.dir, &golden(), 1, 64) };
    let shared = Student::open(&runtime(), settings, Box::new(|_| {})).unwrap();
    assert!(distance(&shared.logits(None, &ids, ids.len()).unwrap(), &alone) <= 1e-5);
}

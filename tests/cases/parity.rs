//! The training forward and the exported graph compute the same model.

use std::path::Path;

use gemma::{Adapter, Config, Linear, LoraPair};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use student::{Runtime, Student, StudentConfig};

/// An adapter that moves the logits: random A and B on every linear of every layer.
fn random_adapter(config: &Config, seed: u64) -> Adapter {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rank = 4;
    let mut pairs = std::collections::BTreeMap::new();
    for layer in 0..config.num_hidden_layers {
        for linear in Linear::ALL {
            let (out, input) = linear.shape(config);
            let mut values = |count: usize| (0..count).map(|_| rng.random_range(-0.2f32..0.2)).collect();
            pairs.insert((layer, linear), LoraPair { a: values(rank * input), b: values(out * rank) });
        }
    }
    Adapter { rank, alpha: 8.0, base: None, pairs }
}

#[test]
fn the_graph_of_the_practice_base_equals_the_training_forward_with_and_without_an_adapter() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/practice");
    let (config, dir) = (Config::load(&base).unwrap(), tempfile::tempdir().unwrap());
    let adapter = random_adapter(&config, 1);
    let (graph, adapter_dir) = (dir.path().join("graph"), dir.path().join("adapter"));
    adapter.save(&adapter_dir).unwrap();
    export::export_base(&base, &graph, gemma::GraphFormat::F32).unwrap();
    let runtime = Runtime::load(&student::library::find(None, &|name| std::env::var_os(name)).unwrap()).unwrap();
    let settings = StudentConfig {
        graph: graph.join(gemma::GRAPH_FILE),
        base: base.clone(),
        rows: 1,
        queue: 0,
        threads: 1,
        context: 256,
        prefix_bytes: 0,
        draft_tokens: 0,
        shortlist: false,
        kernel: student::kernel("").unwrap(),
    };
    let student = Student::open(&runtime, settings, Box::new(|_| {})).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let vocabulary = u32::try_from(config.vocab_size).unwrap();
    // Past the sliding window.
    let ids: Vec<u32> = (0..config.sliding_window + 40).map(|_| rng.random_range(0..vocabulary)).collect();
    for (trained, served) in [(None, None), (Some(&adapter), Some(adapter_dir.as_path()))] {
        let expected = train::logits(&base, trained, &ids).unwrap();
        let found = student.logits(served, &ids, ids.len() - 5).unwrap();
        let error = expected
            .iter()
            .flatten()
            .zip(found.iter().flatten())
            .map(|(left, right)| (left - right).abs())
            .fold(0.0, f32::max);
        assert_eq!(expected.len(), found.len());
        assert!(error <= 1e-4, "largest error {error}, adapter: {}", served.is_some());
    }
}

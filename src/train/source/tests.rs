//! Packed weights: the model that is learnt with is the one of the widened numbers, and its derivative is exact.

use std::path::{Path, PathBuf};

use gemma::{Config, Weights};
use jobs::Quantize;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Files;
use crate::batch::Batch;
use crate::float::Float;
use crate::model::Model;
use crate::parameters::{Method, Parameter};
use crate::tests::gradients;

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/practice")
}

/// Loss and gradients of a random adapter on the practice base, packed.
fn learnt<T: Float>(batch: &Batch, quantize: Option<Quantize>) -> (f64, Vec<f64>) {
    let (config, method) = (Config::load(&base()).unwrap(), Method::LowRank { rank: 4, scale: 2.0, first: 0 });
    let list = method.parameters(&config, &mut ChaCha8Rng::seed_from_u64(3));
    // B starts at zero, where A has no gradient.
    let moved = |values: &[f32]| values.iter().map(|value| T::from_f64(f64::from(*value) + 0.01)).collect();
    let list: Vec<Parameter<T>> =
        list.into_iter().map(|p| Parameter { values: moved(&p.values), name: p.name, shape: p.shape }).collect();
    let weights = Weights::load(&base()).unwrap();
    let mut model = Model::<T>::build(config, 32, &mut Files::new(&weights, quantize)).unwrap();
    model.bind(method, &list).unwrap();
    let (loss, gradients) = gradients(&model, batch, &list);
    (loss, gradients.iter().flatten().map(|value| value.to_f64()).collect())
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    let size: f64 = other.iter().map(|value| value * value).sum();
    (one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / size).sqrt()
}

#[test]
fn gradients_through_packed_weights_are_those_of_the_widened_ones() {
    let ids: Vec<u32> = (0..30).map(|i| 3 + i * 7 % 200).collect();
    let example = gemma::TokenisedExample { completion: 12..ids.len(), ids };
    let batch = Batch::new(&[&example]);
    let (plain, plain_gradients) = learnt::<f64>(&batch, None);
    for (quantize, near) in [(Quantize::Q8_0, 0.05), (Quantize::Q4_0, 0.6), (Quantize::Nf4, 0.6)] {
        let (loss, ours) = learnt::<f32>(&batch, Some(quantize));
        let (exact, theirs) = learnt::<f64>(&batch, Some(quantize));
        assert!((loss - exact).abs() < 1e-5 * exact, "{quantize:?}: {loss}, in f64 {exact}");
        let error = distance(&ours, &theirs);
        assert!(error < 1e-4, "{quantize:?}: {error}");
        let moved = distance(&theirs, &plain_gradients);
        assert!(moved > 1e-4 && moved < near, "{quantize:?}: packing moves the gradient by {moved}");
        assert!((exact - plain).abs() > 1e-6, "{quantize:?}");
    }
}

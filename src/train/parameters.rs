//! The numbers that a run trains, their order, and how they start.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};
use gemma::{Adapter, Config, EMBEDDING, Linear, LoraPair};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::float::{Float, tensor};

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Method {
    /// A and B of every linear of the layers from `first` on; `scale` is alpha / rank.
    LowRank { rank: usize, scale: f64, first: usize },
    /// Every linear and the embedding, not the norms.
    Full,
}

/// One trained tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter<T> {
    pub(crate) name: String,
    pub(crate) shape: (usize, usize),
    pub(crate) values: Vec<T>,
}

impl<T: Float> Parameter<T> {
    pub(crate) fn tensor(&self) -> Result<Tensor> {
        tensor(self.values.clone(), self.shape)
    }
}

impl Method {
    /// The lowest layer of which something is trained.
    pub(crate) fn first(self) -> usize {
        match self {
            Self::LowRank { first, .. } => first,
            Self::Full => 0,
        }
    }

    /// The trained linears, in the order of their parameters.
    fn places(self, config: &Config) -> impl Iterator<Item = (usize, Linear)> {
        (self.first()..config.num_hidden_layers).flat_map(|layer| Linear::ALL.map(|linear| (layer, linear)))
    }

    /// The parameters as a run starts: A uniform in ±1/sqrt(in) (Kaiming-uniform with a = sqrt 5, as
    /// PEFT does) and B zero; or all weights anew.
    pub(crate) fn parameters(self, config: &Config, rng: &mut ChaCha8Rng) -> Vec<Parameter<f32>> {
        let mut list = Vec::new();
        for (layer, linear) in self.places(config) {
            let (out, inn) = linear.shape(config);
            let bound = 1.0 / (inn as f32).sqrt();
            let mut push = |name, shape: (usize, usize), bound: f32| {
                let values = (0..shape.0 * shape.1).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect();
                list.push(Parameter { name, shape, values });
            };
            match self {
                Self::LowRank { rank, .. } => {
                    push(linear.lora_name(layer, "A"), (rank, inn), bound);
                    push(linear.lora_name(layer, "B"), (out, rank), 0.0);
                }
                // A uniform distribution of variance 1 / in.
                Self::Full => push(linear.weight_name(layer), (out, inn), bound * 3f32.sqrt()),
            }
        }
        if self == Self::Full {
            copy_values(config, &mut list);
            let shape = (config.vocab_size, config.hidden_size);
            let bound = (3.0 / config.hidden_size as f32).sqrt();
            let values = (0..shape.0 * shape.1).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect();
            list.push(Parameter { name: EMBEDDING.to_owned(), shape, values });
        }
        list
    }
}

/// Starts every output projection as the transpose of its value projection, so that a head hands on
/// the very tokens that it attends to. From there attention has only to learn where to look.
fn copy_values(config: &Config, list: &mut [Parameter<f32>]) {
    let (width, group) = (config.head_dim, config.num_attention_heads / config.num_key_value_heads);
    for layer in list.chunks_mut(Linear::ALL.len()) {
        let [_, _, v, o, ..] = layer else { continue };
        let (inputs, columns) = (v.shape.1, o.shape.1);
        for (i, place) in o.values.iter_mut().enumerate() {
            let (feature, column) = (i / columns, i % columns);
            let row = column / width / group * width + column % width;
            *place = v.values.get(row * inputs + feature).copied().unwrap_or_default();
        }
    }
}

/// Puts an adapter's factors in the place of untrained ones; linears that it leaves out stay untrained. The adapter has none
/// below the method's first layer.
pub(crate) fn start_from(list: &mut [Parameter<f32>], method: Method, config: &Config, adapter: Adapter) {
    let mut pairs = adapter.pairs;
    for (place, [a, b]) in method.places(config).zip(list.as_chunks_mut::<2>().0) {
        if let Some(pair) = pairs.remove(&place) {
            (a.values, b.values) = (pair.a, pair.b);
        }
    }
}

/// Low-rank parameters by layer and linear.
pub(crate) fn pairs(method: Method, config: &Config, list: &[Parameter<f32>]) -> BTreeMap<(usize, Linear), LoraPair> {
    let (twos, _) = list.as_chunks::<2>();
    let pair = |(place, [a, b]): ((usize, Linear), &[Parameter<f32>; 2])| {
        (place, LoraPair { a: a.values.clone(), b: b.values.clone() })
    };
    method.places(config).zip(twos).map(pair).collect()
}

#[cfg(test)]
mod tests;

//! A LoRA adapter as the graph takes it, and a table that keeps equal adapters once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use gemma::{Adapter, Config, GraphManifest, Linear, LoraInput, LoraPair};
use ort::value::Tensor;
use parking_lot::Mutex;

use crate::StudentError;

/// A pair of the graph's inputs, and the linears whose LoRA it takes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) names: LoraInput,
    /// In the order of their outputs: layer, linear, its number of outputs.
    parts: Vec<(usize, Linear, usize)>,
    /// Numbers that go into the linears.
    pub(crate) width: usize,
    /// Numbers that come out of them together.
    pub(crate) out: usize,
}

impl Input {
    /// All inputs of a graph of the base `config`.
    pub(crate) fn all(config: &Config, manifest: &GraphManifest) -> Vec<Self> {
        let places: HashMap<String, (usize, Linear)> = (0..config.num_hidden_layers)
            .flat_map(|layer| Linear::ALL.map(|linear| (linear.weight_name(layer), (layer, linear))))
            .collect();
        let input = |names: &LoraInput| {
            let (mut parts, mut width) = (Vec::with_capacity(names.parts.len()), 0);
            for (layer, linear) in names.parts.iter().filter_map(|name| places.get(name).copied()) {
                let (out, wide) = linear.shape(config);
                parts.push((layer, linear, out));
                width = wide;
            }
            let out = parts.iter().map(|part| part.2).sum();
            Self { names: names.clone(), parts, width, out }
        };
        manifest.adapters.iter().map(input).collect()
    }

    /// Ranks of an adapter of `rank`.
    pub(crate) fn ranks(&self, rank: usize) -> usize {
        rank * self.parts.len()
    }
}

/// Values for the graph's LoRA inputs, ready to be bound.
#[derive(Debug)]
pub(crate) struct Bound {
    /// BLAKE3 of its files: what was computed with an adapter may be used again with an equal one only.
    pub(crate) hash: blake3::Hash,
    /// Of one linear; an input has as many ranks for each of its parts.
    pub(crate) rank: usize,
    /// By the graph's inputs; `None` where no linear is adapted.
    pub(crate) inputs: Vec<Option<Factors>>,
}

/// A `[K, parts * rank]` and B `[parts * rank, N]` of an input.
#[derive(Debug)]
pub(crate) struct Factors {
    pub(crate) a: Tensor<f32>,
    pub(crate) b: Tensor<f32>,
}

/// The adapters in use, by the BLAKE3 of their files; dropped with their last user.
#[derive(Debug, Default)]
pub(crate) struct Adapters(Mutex<HashMap<blake3::Hash, Weak<Bound>>>);

impl Adapters {
    /// The adapter of the PEFT folder `dir`.
    pub(crate) fn load(&self, dir: &Path, config: &Config, inputs: &[Input]) -> Result<Arc<Bound>, StudentError> {
        let hash = content_hash(dir)?;
        let mut table = self.0.lock();
        if let Some(bound) = table.get(&hash).and_then(Weak::upgrade) {
            return Ok(bound);
        }
        let bound = Arc::new(bind(hash, &Adapter::load(dir, config)?, inputs)?);
        table.retain(|_, bound| bound.strong_count() > 0);
        table.insert(hash, Arc::downgrade(&bound));
        Ok(bound)
    }
}

fn content_hash(dir: &Path) -> Result<blake3::Hash, StudentError> {
    let mut hasher = blake3::Hasher::new();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let path = dir.join(name);
        let bytes = fs_err::read(&path)?;
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    Ok(hasher.finalize())
}

fn bind(hash: blake3::Hash, adapter: &Adapter, inputs: &[Input]) -> Result<Bound, StudentError> {
    let mut bound = Bound { hash, rank: adapter.rank, inputs: Vec::with_capacity(inputs.len()) };
    for input in inputs {
        let part = |(layer, linear, out): &(usize, Linear, usize)| Part {
            width: input.width,
            out: *out,
            pair: adapter.pairs.get(&(*layer, *linear)),
        };
        let parts: Vec<Part<'_>> = input.parts.iter().map(part).collect();
        if parts.iter().all(|part| part.pair.is_none()) {
            bound.inputs.push(None);
            continue;
        }
        let (ranks, size) = (input.ranks(adapter.rank), (input.width, input.out));
        let (a, b) = join(&parts, adapter.rank, adapter.scale() as f32, (size.0, ranks, size.1));
        let (a, b) = (Tensor::from_array(([size.0, ranks], a))?, Tensor::from_array(([ranks, size.1], b))?);
        bound.inputs.push(Some(Factors { a, b }));
    }
    Ok(bound)
}

impl Bound {
    /// What to bind where every sequence has this adapter.
    pub(crate) fn factors<'a>(&'a self, inputs: &'a [Input]) -> impl Iterator<Item = (&'a str, &'a Tensor<f32>)> {
        let pairs = inputs.iter().zip(&self.inputs).filter_map(|(input, factors)| Some((input, factors.as_ref()?)));
        pairs.flat_map(|(input, factors)| [(input.names.a.as_str(), &factors.a), (input.names.b.as_str(), &factors.b)])
    }
}

/// One linear of an input; `pair` is none if the adapter leaves it alone.
struct Part<'a> {
    width: usize,
    out: usize,
    pair: Option<&'a LoraPair>,
}

/// The input's A `[width, rank]`, the transposed A's side by side, and its B `[rank, out]`, the transposed B's
/// times `scale` on the diagonal: `x A B` is every part's `scale * B_p A_p x` at its place. Zeros where a part has no pair.
fn join(
    parts: &[Part<'_>],
    part_rank: usize,
    scale: f32,
    (width, rank, out): (usize, usize, usize),
) -> (Vec<f32>, Vec<f32>) {
    let (mut a, mut b) = (vec![0.0; width * rank], vec![0.0; rank * out]);
    let (mut first_rank, mut first_out) = (0, 0);
    for part in parts {
        if let Some(pair) = part.pair {
            for (r, row) in pair.a.chunks(part.width).enumerate() {
                for (k, value) in row.iter().enumerate() {
                    a[k * rank + first_rank + r] = *value;
                }
            }
            for (n, row) in pair.b.chunks(part_rank).enumerate() {
                for (r, value) in row.iter().enumerate() {
                    b[(first_rank + r) * out + first_out + n] = value * scale;
                }
            }
        }
        first_rank += part_rank;
        first_out += part.out;
    }
    (a, b)
}

#[cfg(test)]
mod tests;

//! A LoRA adapter as the graph takes it, and a table that keeps equal adapters once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use gemma::{Adapter, Config, GraphManifest, Linear, LoraInput, LoraPair};
use ort::value::Tensor;
use parking_lot::Mutex;

use crate::StudentError;

/// Values for the graph's LoRA inputs, ready to be bound.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) tensors: Vec<(String, Tensor<f32>)>,
}

/// The adapters in use, by the BLAKE3 of their files; dropped with their last user.
#[derive(Debug, Default)]
pub(crate) struct Adapters(Mutex<HashMap<blake3::Hash, Weak<Bound>>>);

impl Adapters {
    /// The adapter of the PEFT folder `dir`.
    pub(crate) fn load(
        &self,
        dir: &Path,
        config: &Config,
        manifest: &GraphManifest,
    ) -> Result<Arc<Bound>, StudentError> {
        let hash = content_hash(dir)?;
        let mut table = self.0.lock();
        if let Some(bound) = table.get(&hash).and_then(Weak::upgrade) {
            return Ok(bound);
        }
        let bound = Arc::new(bind(&Adapter::load(dir, config)?, config, manifest)?);
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

fn bind(adapter: &Adapter, config: &Config, manifest: &GraphManifest) -> Result<Bound, StudentError> {
    let places: HashMap<String, (usize, Linear)> = (0..config.num_hidden_layers)
        .flat_map(|layer| Linear::ALL.map(|linear| (linear.weight_name(layer), (layer, linear))))
        .collect();
    let mut tensors = Vec::with_capacity(manifest.adapters.len() * 2);
    for input in &manifest.adapters {
        let parts: Vec<Part<'_>> = parts(input, &places, adapter, config);
        let rank = adapter.rank * parts.iter().filter(|part| part.pair.is_some()).count();
        if rank > 0 {
            let width = parts.first().map_or(0, |part| part.width);
            let out = parts.iter().map(|part| part.out).sum::<usize>();
            let (a, b) = join(&parts, adapter.rank, adapter.scale() as f32, (width, rank, out));
            tensors.push((input.a.clone(), Tensor::from_array(([width, rank], a))?));
            tensors.push((input.b.clone(), Tensor::from_array(([rank, out], b))?));
        }
    }
    Ok(Bound { tensors })
}

/// One linear of a input; `pair` is none if the adapter leaves it alone.
struct Part<'a> {
    width: usize,
    out: usize,
    pair: Option<&'a LoraPair>,
}

fn parts<'a>(
    input: &LoraInput,
    places: &HashMap<String, (usize, Linear)>,
    adapter: &'a Adapter,
    config: &Config,
) -> Vec<Part<'a>> {
    let place = |name: &String| places.get(name).copied();
    let part = |place: (usize, Linear)| {
        let (out, width) = place.1.shape(config);
        Part { width, out, pair: adapter.pairs.get(&place) }
    };
    input.parts.iter().filter_map(place).map(part).collect()
}

/// The input's A `[width, rank]`, the transposed A's side by side, and its B `[rank, out]`, the transposed B's
/// times `scale` on the diagonal: `x A B` is every part's `scale * B_p A_p x` at its place.
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
            first_rank += part_rank;
        }
        first_out += part.out;
    }
    (a, b)
}

#[cfg(test)]
mod tests;

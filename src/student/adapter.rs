//! A LoRA adapter as the graph takes it, and a table that keeps equal adapters once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use gemma::{Adapter, Config, GraphManifest, Linear, LoraInput, LoraPair, adapter_hash};
use ort::value::Tensor;
use packed::LANES;
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
    out: usize,
    /// Whether A and B are in the order of our own kernels.
    pub(crate) tiled: bool,
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
            Self { names: names.clone(), parts, width, out, tiled: manifest.format.is_packed() }
        };
        manifest.adapters.iter().map(input).collect()
    }

    /// Linears that it takes.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    pub(crate) fn panels(&self) -> Panels {
        let (count, columns) =
            if self.tiled { (self.out.div_ceil(LANES), LANES) } else { (self.parts.len(), self.out) };
        Panels { count, columns, tiled: self.tiled }
    }

    /// The tensors of an adapter, or of several side by side, of `rank` together.
    pub(crate) fn tensors(&self, rank: usize, a: Vec<f32>, b: Vec<f32>) -> Result<Factors, StudentError> {
        let Panels { count, columns, tiled } = self.panels();
        let ranks = self.parts.len() * rank;
        Ok(if tiled {
            let b = Tensor::from_array(([count, rank, columns], b))?;
            Factors { a: Tensor::from_array(([ranks, self.width], a))?, b }
        } else {
            let b = Tensor::from_array(([count * rank, columns], b))?;
            Factors { a: Tensor::from_array(([self.width, ranks], a))?, b }
        })
    }
}

/// How B lies: `[count, rank, columns]`, a panel for each linear with zeros beside its own outputs, or one for each tile of outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels {
    pub(crate) count: usize,
    pub(crate) columns: usize,
    tiled: bool,
}

impl Panels {
    /// Where the factor of an output of the linear at `place` lies.
    fn index(self, place: usize, output: usize, rank: usize, ranks: usize) -> usize {
        let (panel, column) = if self.tiled { (output / LANES, output % LANES) } else { (place, output) };
        (panel * ranks + rank) * self.columns + column
    }
}

/// Values for the graph's LoRA inputs, ready to be bound.
#[derive(Debug)]
pub(crate) struct Bound {
    /// BLAKE3 of its files: what was computed with an adapter may be used again with an equal one only.
    pub(crate) hash: blake3::Hash,
    /// Of each linear.
    pub(crate) rank: usize,
    /// By the graph's inputs; `None` where no linear is adapted.
    pub(crate) inputs: Vec<Option<Factors>>,
}

/// A `[K, parts * rank]`, or `[parts * rank, K]` for our own kernels, and B `[panels, rank, columns]` of an input, see [`Input::panels`].
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
        let hash = adapter_hash(dir)?;
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
        let (a, b) = join(&parts, adapter.rank, adapter.scale() as f32, (input.width, input.panels()));
        bound.inputs.push(Some(input.tensors(adapter.rank, a, b)?));
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

/// The input's A, the transposed A's side by side, and its B `[panels, rank, columns]`, the transposed B's times
/// `scale`: `x A B` is every part's `scale * B_p A_p x` at its place. Zeros where a part has no pair.
fn join(parts: &[Part<'_>], rank: usize, scale: f32, (width, panels): (usize, Panels)) -> (Vec<f32>, Vec<f32>) {
    let ranks = parts.len() * rank;
    let (mut a, mut b) = (vec![0.0; width * ranks], vec![0.0; panels.count * rank * panels.columns]);
    let mut first = 0;
    for (place, part) in parts.iter().enumerate() {
        if let Some(pair) = part.pair {
            for (r, row) in pair.a.chunks(part.width).enumerate() {
                for (k, value) in row.iter().enumerate() {
                    a[if panels.tiled { (place * rank + r) * width + k } else { k * ranks + place * rank + r }] =
                        *value;
                }
            }
            for (output, row) in (first..).zip(pair.b.chunks(rank)) {
                for (r, value) in row.iter().enumerate() {
                    b[panels.index(place, output, r, rank)] = value * scale;
                }
            }
        }
        first += part.out;
    }
    (a, b)
}

#[cfg(test)]
mod tests;

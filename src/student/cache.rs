//! Keys and values of the sequences in one batch, and moving a sequence's from one batch to another.

use std::ops::Range;

use ort::memory::Allocator;
use ort::value::Tensor;

use crate::StudentError;

/// Sizes of a graph's cache and of its logits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) vocab: usize,
    /// Tokens that a sequence can have.
    pub(crate) capacity: usize,
    /// Whether the graph can compute a part of the vocabulary's logits.
    pub(crate) tiled_head: bool,
}

/// The cache of `slots` sequences. What lies behind a sequence's length is never read.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) tensors: Vec<CacheTensor>,
    pub(crate) slots: usize,
    pub(crate) shape: Shape,
}

/// Keys or values of a layer, `[slots, kv_heads, capacity, head_dim]`: bound as past and as present at once, which makes the
/// graph append in place.
#[derive(Debug)]
pub(crate) struct CacheTensor {
    pub(crate) past: String,
    pub(crate) present: String,
    pub(crate) tensor: Tensor<f32>,
}

impl Cache {
    /// Room for `slots` sequences; the memory is used as they grow.
    pub(crate) fn new(shape: Shape, slots: usize) -> Result<Self, StudentError> {
        let allocator = Allocator::default();
        let mut tensors = Vec::with_capacity(shape.layers * 2);
        for layer in 0..shape.layers {
            for part in ["key", "value"] {
                tensors.push(CacheTensor {
                    past: format!("past_key_values.{layer}.{part}"),
                    present: format!("present.{layer}.{part}"),
                    tensor: Tensor::new(&allocator, [slots, shape.kv_heads, shape.capacity, shape.head_dim])?,
                });
            }
        }
        Ok(Self { tensors, slots, shape })
    }

    /// What a token of a sequence takes.
    pub(crate) fn token_bytes(&self) -> usize {
        self.tensors.len() * self.shape.kv_heads * self.shape.head_dim * size_of::<f32>()
    }

    /// Makes the first `tokens` tokens of `slot` those of `from`'s slot `source`.
    pub(crate) fn copy(&mut self, slot: usize, from: &Self, source: usize, tokens: usize) {
        for (target, origin) in self.tensors.iter_mut().zip(&from.tensors) {
            let (values, into) = (origin.tensor.extract_tensor().1, target.tensor.extract_tensor_mut().1);
            for (target, origin) in self.shape.spans(slot, tokens).zip(from.shape.spans(source, tokens)) {
                if let (Some(into), Some(values)) = (into.get_mut(target), values.get(origin)) {
                    into.copy_from_slice(values);
                }
            }
        }
    }

    /// The first `tokens` tokens of `slot`.
    pub(crate) fn save(&self, slot: usize, tokens: usize) -> Snapshot {
        let heads = |cached: &CacheTensor| {
            let values = cached.tensor.extract_tensor().1;
            self.shape.spans(slot, tokens).map(|span| values.get(span).unwrap_or_default().to_vec()).collect()
        };
        Snapshot { heads: self.tensors.iter().map(heads).collect() }
    }

    /// Makes the first `tokens` tokens of `slot` those of `snapshot`, which has as many at least.
    pub(crate) fn restore(&mut self, slot: usize, snapshot: &Snapshot, tokens: usize) {
        for (cached, heads) in self.tensors.iter_mut().zip(&snapshot.heads) {
            let into = cached.tensor.extract_tensor_mut().1;
            for (span, values) in self.shape.spans(slot, tokens).zip(heads) {
                if let (Some(values), Some(into)) = (values.get(..span.len()), into.get_mut(span)) {
                    into.copy_from_slice(values);
                }
            }
        }
    }
}

impl Shape {
    /// Where the first `tokens` tokens of a slot lie in a tensor of the cache, head by head.
    fn spans(self, slot: usize, tokens: usize) -> impl Iterator<Item = Range<usize>> {
        (0..self.kv_heads).map(move |head| {
            let start = (slot * self.kv_heads + head) * self.capacity * self.head_dim;
            start..start + tokens * self.head_dim
        })
    }
}

/// The keys and values of a sequence's first tokens: by tensor of the cache and head, `[tokens, head_dim]`.
#[derive(Debug)]
pub(crate) struct Snapshot {
    heads: Vec<Vec<Vec<f32>>>,
}

impl Snapshot {
    /// What it takes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.heads.iter().flatten().map(|values| size_of_val(values.as_slice())).sum()
    }

    /// All numbers, one after another.
    #[cfg(test)]
    pub(crate) fn values(&self) -> Vec<f32> {
        self.heads.iter().flatten().flatten().copied().collect()
    }

    /// Leaves the first `tokens` of its `from` tokens.
    pub(crate) fn shorten(&mut self, from: usize, tokens: usize) {
        for values in self.heads.iter_mut().flatten() {
            values.truncate(values.len() / from.max(1) * tokens);
            values.shrink_to_fit();
        }
    }
}

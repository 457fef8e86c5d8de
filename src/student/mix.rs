//! Adapters side by side: what LoRA's inputs are where the sequences of one run have different adapters.

use std::collections::BTreeMap;
use std::sync::Arc;

use ort::value::Tensor;

use crate::StudentError;
use crate::adapter::{Bound, Input};

/// Some adapters in one: every input's A's are side by side and its B's one below another, so that a mask over the ranks
/// leaves each token its own (S-LoRA's batches, Sheng et al. 2023, without a kernel of their own).
#[derive(Debug)]
pub(crate) struct Mix {
    members: Vec<Arc<Bound>>,
    factors: Vec<(String, Tensor<f32>)>,
}

impl Mix {
    /// `inputs` are the graph's.
    pub(crate) fn new(members: Vec<Arc<Bound>>, inputs: &[Input]) -> Result<Self, StudentError> {
        let mut factors = Vec::with_capacity(inputs.len() * 2);
        for (place, input) in inputs.iter().enumerate() {
            let (a, b) = join(&members, place, input);
            let ranks = b.len() / input.out.max(1);
            factors.push((input.names.a.clone(), Tensor::from_array(([input.width, ranks], a))?));
            factors.push((input.names.b.clone(), Tensor::from_array(([ranks, input.out], b))?));
        }
        Ok(Self { members, factors })
    }

    /// Whether all of these are among its members.
    pub(crate) fn has_all(&self, adapters: &[Arc<Bound>]) -> bool {
        adapters.iter().all(|adapter| self.place(adapter).is_some())
    }

    pub(crate) fn factors(&self) -> impl Iterator<Item = (&str, &Tensor<f32>)> {
        self.factors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The masks for a run of one token a sequence, by the sequences' adapters: `[sequences, ranks]`, with 1 in an adapter's own.
    pub(crate) fn masks(
        &self,
        inputs: &[Input],
        adapters: &[Option<Arc<Bound>>],
    ) -> Result<BTreeMap<String, Tensor<f32>>, StudentError> {
        let mut masks = BTreeMap::new();
        for input in inputs {
            if masks.contains_key(&input.names.mask) {
                continue;
            }
            let mut mask = Vec::new();
            for adapter in adapters {
                let own = adapter.as_ref().and_then(|adapter| self.place(adapter));
                for (place, member) in self.members.iter().enumerate() {
                    let share = if own == Some(place) { 1.0_f32 } else { 0.0 };
                    mask.resize(mask.len() + input.ranks(member.rank), share);
                }
            }
            let ranks = mask.len() / adapters.len().max(1);
            masks.insert(input.names.mask.clone(), Tensor::from_array(([adapters.len(), ranks], mask))?);
        }
        Ok(masks)
    }

    fn place(&self, adapter: &Arc<Bound>) -> Option<usize> {
        self.members.iter().position(|member| Arc::ptr_eq(member, adapter))
    }
}

/// A `[width, ranks]` and B `[ranks, out]` of all members; zeros where one leaves the linears alone.
fn join(members: &[Arc<Bound>], place: usize, input: &Input) -> (Vec<f32>, Vec<f32>) {
    let total: usize = members.iter().map(|member| input.ranks(member.rank)).sum();
    let (mut a, mut b) = (vec![0.0; input.width * total], Vec::with_capacity(total * input.out));
    let mut first = 0;
    for member in members {
        let ranks = input.ranks(member.rank);
        if let Some(factors) = member.inputs.get(place).and_then(Option::as_ref) {
            let from = factors.a.extract_tensor().1;
            for (into, from) in a.chunks_mut(total.max(1)).zip(from.chunks(ranks.max(1))) {
                if let Some(into) = into.get_mut(first..first + ranks) {
                    into.copy_from_slice(from);
                }
            }
            b.extend_from_slice(factors.b.extract_tensor().1);
        } else {
            b.resize(b.len() + ranks * input.out, 0.0);
        }
        first += ranks;
    }
    (a, b)
}

//! Adapters side by side: what LoRA's inputs are where the sequences of one run have different adapters.

use std::collections::BTreeMap;
use std::sync::Arc;

use gemma::LoraInput;
use ort::value::Tensor;

use crate::StudentError;
use crate::adapter::{Bound, Factors, Input};

/// Some adapters in one: every linear's A's are side by side and its B's one below another, so that a mask over the ranks leaves each
/// token its own (S-LoRA's batches, Sheng et al. 2023).
#[derive(Debug)]
pub(crate) struct Mix {
    members: Vec<Arc<Bound>>,
    /// By the graph's inputs.
    factors: Vec<(LoraInput, Factors)>,
}

impl Mix {
    /// `inputs` are the graph's.
    pub(crate) fn new(members: Vec<Arc<Bound>>, inputs: &[Input]) -> Result<Self, StudentError> {
        let mut factors = Vec::with_capacity(inputs.len());
        let rank = members.iter().map(|member| member.rank).sum();
        for (place, input) in inputs.iter().enumerate() {
            let (a, b) = (join(&members, place, input, a_rows), join(&members, place, input, b_rows));
            factors.push((input.names.clone(), input.tensors(rank, a, b)?));
        }
        Ok(Self { members, factors })
    }

    /// Whether all of these are among its members.
    pub(crate) fn has_all(&self, adapters: &[Arc<Bound>]) -> bool {
        adapters.iter().all(|adapter| self.place(adapter).is_some())
    }

    pub(crate) fn factors(&self) -> impl Iterator<Item = (&str, &Tensor<f32>)> {
        self.factors.iter().flat_map(|(names, Factors { a, b })| [(names.a.as_str(), a), (names.b.as_str(), b)])
    }

    /// The masks for a run of one token a sequence, by the sequences' adapters: `[sequences, parts * ranks]`, with 1 in an adapter's own.
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
                for _ in 0..input.parts() {
                    for (place, member) in self.members.iter().enumerate() {
                        let share = if own == Some(place) { 1.0_f32 } else { 0.0 };
                        mask.resize(mask.len() + member.rank, share);
                    }
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

/// How a member's factor is cut into pieces, which alternate with the others': their number, and numbers for each rank.
struct Pieces<'a> {
    count: usize,
    each: usize,
    values: Option<&'a [f32]>,
}

/// A `[width, parts, rank]`, or `[parts, rank, width]` for our own kernels.
fn a_rows<'a>(input: &Input, own: Option<&'a Factors>) -> Pieces<'a> {
    let (count, each) = if input.tiled { (input.parts(), input.width) } else { (input.width * input.parts(), 1) };
    Pieces { count, each, values: own.map(|factors| factors.a.extract_tensor().1) }
}

/// B `[panels, rank, columns]`.
fn b_rows<'a>(input: &Input, own: Option<&'a Factors>) -> Pieces<'a> {
    let panels = input.panels();
    Pieces { count: panels.count, each: panels.columns, values: own.map(|factors| factors.b.extract_tensor().1) }
}

/// A factor of all members, piece by piece; zeros where one leaves the linears alone.
fn join(
    members: &[Arc<Bound>],
    place: usize,
    input: &Input,
    pieces: for<'a> fn(&Input, Option<&'a Factors>) -> Pieces<'a>,
) -> Vec<f32> {
    let members: Vec<(usize, Pieces<'_>)> = members
        .iter()
        .map(|member| (member.rank, pieces(input, member.inputs.get(place).and_then(Option::as_ref))))
        .collect();
    let count = members.first().map_or(0, |(_, pieces)| pieces.count);
    let mut joined = Vec::new();
    for piece in 0..count {
        for (rank, Pieces { each, values, .. }) in &members {
            let size = rank * each;
            match values.and_then(|values| values.get(piece * size..(piece + 1) * size)) {
                Some(values) => joined.extend_from_slice(values),
                None => joined.resize(joined.len() + size, 0.0),
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests;

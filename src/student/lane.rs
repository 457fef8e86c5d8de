//! A batch of sequences in the graph: a cache, and runs that append to it in place.

use ort::memory::MemoryInfo;
use ort::session::{IoBinding, Session};
use ort::value::Tensor;

use crate::StudentError;
use crate::cache::{Cache, Shape};

/// A cache and what is bound beside it.
pub(crate) struct Lane {
    pub(crate) cache: Cache,
    binding: IoBinding,
}

/// What a run reads. ONNX Runtime takes several tokens at once for one sequence only, and of many one each.
pub(crate) struct Step<'a> {
    /// `[slots, tokens]`: the new tokens of every sequence.
    pub(crate) ids: &'a [u32],
    /// By slot: tokens of the sequence, the new ones included.
    pub(crate) lengths: &'a [usize],
    /// Which of `ids` are to have their logits computed, ascending.
    pub(crate) wanted: &'a [usize],
}

impl Lane {
    /// Empty sequences in `slots` places, of the base alone.
    pub(crate) fn new(session: &Session, shape: Shape, slots: usize) -> Result<Self, StudentError> {
        let mut cache = Cache::new(shape, slots)?;
        let binding = bind(session, &mut cache)?;
        Ok(Self { cache, binding })
    }

    /// Gives the following runs these values for LoRA's inputs and no others. A binding keeps what was bound before,
    /// so there is a new one.
    pub(crate) fn adapt<'a>(
        &mut self,
        session: &Session,
        inputs: impl IntoIterator<Item = (&'a str, &'a Tensor<f32>)>,
    ) -> Result<(), StudentError> {
        self.binding = bind(session, &mut self.cache)?;
        for (name, tensor) in inputs {
            self.binding.bind_input(name, tensor)?;
        }
        Ok(())
    }

    /// Runs the graph and hands out the wanted logits, `[vocab]` each, in their order.
    pub(crate) fn run(
        &mut self,
        session: &mut Session,
        step: &Step<'_>,
        mut logits: impl FnMut(usize, &[f32]) -> Result<(), StudentError>,
    ) -> Result<(), StudentError> {
        self.bind_tokens(step)?;
        let outputs = session.run_binding(&self.binding)?;
        let missing = || StudentError::Runtime("the graph gave no logits".to_owned());
        let (_, values) = outputs.get("logits").ok_or_else(missing)?.try_extract_tensor::<f32>()?;
        values.chunks(self.cache.shape.vocab.max(1)).enumerate().try_for_each(|(at, row)| logits(at, row))
    }

    fn bind_tokens(&mut self, step: &Step<'_>) -> Result<(), StudentError> {
        let (slots, Shape { capacity, vocab, .. }) = (self.cache.slots, self.cache.shape);
        let longest = step.lengths.iter().copied().max().unwrap_or_default();
        if longest > capacity {
            return Err(StudentError::TooLong(longest, capacity));
        }
        if let Some(unknown) = step.ids.iter().find(|id| **id as usize >= vocab) {
            return Err(StudentError::UnknownToken(*unknown, vocab));
        }
        let ids: Vec<i64> = step.ids.iter().map(|id| i64::from(*id)).collect();
        let mask: Vec<i64> =
            step.lengths.iter().flat_map(|length| (0..longest).map(|at| i64::from(at < *length))).collect();
        let wanted: Vec<i64> = step.wanted.iter().map(|at| *at as i64).collect();
        self.binding.bind_input("input_ids", &Tensor::from_array(([slots, ids.len() / slots.max(1)], ids))?)?;
        self.binding.bind_input("attention_mask", &Tensor::from_array(([slots, longest], mask))?)?;
        // The graph declares one row; more than that only come in a buffer that ONNX Runtime allocates anew.
        self.binding.bind_output_to_device("logits", &MemoryInfo::default())?;
        self.binding.bind_input("rows", &Tensor::from_array(([wanted.len()], wanted))?)?;
        Ok(())
    }
}

fn bind(session: &Session, cache: &mut Cache) -> Result<IoBinding, StudentError> {
    let mut binding = session.create_binding()?;
    for cached in &mut cache.tensors {
        binding.bind_input(cached.past.as_str(), &cached.tensor)?;
        binding.bind_output(cached.present.as_str(), &mut cached.tensor)?;
    }
    Ok(binding)
}

//! A batch of sequences in the graph: a cache, and runs that append to it in place.

use gemma::HEAD_TILES;
use ort::memory::MemoryInfo;
use ort::session::{IoBinding, Session};
use ort::value::Tensor;
use packed::LANES;

use crate::StudentError;
use crate::cache::{Cache, Shape};

/// A cache and what is bound beside it.
pub(crate) struct Lane {
    pub(crate) cache: Cache,
    binding: IoBinding,
    /// Logits of the whole vocabulary, where only a part was computed.
    spread: Vec<f32>,
}

/// What a run says about the next token.
#[derive(Clone, Copy)]
pub(crate) struct Logits<'a> {
    /// By token; minus infinity where none was computed.
    pub(crate) values: &'a [f32],
    /// Whether all were computed.
    pub(crate) whole: bool,
}

/// What a run reads. ONNX Runtime takes several tokens at once for one sequence only, and of many one each.
pub(crate) struct Step<'a> {
    /// `[slots, tokens]`: the new tokens of every sequence.
    pub(crate) ids: &'a [u32],
    /// By slot: tokens of the sequence, the new ones included.
    pub(crate) lengths: &'a [usize],
    /// Which of `ids` are to have their logits computed, ascending.
    pub(crate) wanted: &'a [usize],
    /// The tiles of the vocabulary whose logits are computed; all of them where nothing is said or the graph cannot choose.
    pub(crate) tiles: Option<&'a [i64]>,
}

impl Lane {
    /// Empty sequences in `slots` places, of the base alone.
    pub(crate) fn new(session: &Session, shape: Shape, slots: usize) -> Result<Self, StudentError> {
        let mut cache = Cache::new(shape, slots)?;
        let binding = bind(session, &mut cache)?;
        Ok(Self { cache, binding, spread: Vec::new() })
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

    /// Runs the graph and hands out the wanted logits in their order.
    pub(crate) fn run(
        &mut self,
        session: &mut Session,
        step: &Step<'_>,
        mut logits: impl FnMut(usize, Logits<'_>) -> Result<(), StudentError>,
    ) -> Result<(), StudentError> {
        self.bind_tokens(step)?;
        let outputs = session.run_binding(&self.binding)?;
        let missing = || StudentError::Runtime("the graph gave no logits".to_owned());
        let (_, values) = outputs.get("logits").ok_or_else(missing)?.try_extract_tensor::<f32>()?;
        let vocab = self.cache.shape.vocab;
        let Some(tiles) = step.tiles.filter(|_| self.cache.shape.tiled_head) else {
            let mut rows = values.chunks(vocab.max(1)).enumerate();
            return rows.try_for_each(|(at, values)| logits(at, Logits { values, whole: true }));
        };
        for (at, row) in values.chunks((tiles.len() * LANES).max(1)).enumerate() {
            self.spread.clear();
            self.spread.resize(vocab, f32::NEG_INFINITY);
            for (tile, values) in tiles.iter().zip(row.chunks(LANES)) {
                let into = self.spread.iter_mut().skip(*tile as usize * LANES);
                into.zip(values).for_each(|(into, value)| *into = *value);
            }
            logits(at, Logits { values: &self.spread, whole: false })?;
        }
        Ok(())
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
        if self.cache.shape.tiled_head {
            let tiles = step.tiles.unwrap_or_default().to_vec();
            self.binding.bind_input(HEAD_TILES, &Tensor::from_array(([tiles.len()], tiles))?)?;
        }
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

//! Running the graph over one sequence: the prompt in pieces, then token by token, the cache written in place.

use ort::memory::MemoryInfo;
use ort::session::IoBinding;
use ort::value::Tensor;

use crate::StudentError;
use crate::adapter::Bound;
use crate::session::Worker;

/// Prompt tokens per run: the bound on the memory of activations, and on what is computed for nobody after the asker
/// has left. Longer ones are no faster (measured at the 1B shape: 64 to 256 within 5 %).
const PIECE: usize = 128;

/// One sequence on one worker. Starts empty; what the worker's cache held before is out of reach.
pub(crate) struct Sequence<'a> {
    worker: &'a mut Worker,
    binding: IoBinding,
    length: usize,
}

impl<'a> Sequence<'a> {
    /// Binds the cache and the adapter. A binding lives as long as its sequence, so no adapter outlives it.
    pub(crate) fn start(worker: &'a mut Worker, adapter: Option<&Bound>) -> Result<Self, StudentError> {
        let mut binding = worker.session.create_binding()?;
        for cached in &mut worker.cache {
            binding.bind_input(cached.past.as_str(), &cached.tensor)?;
            binding.bind_output(cached.present.as_str(), &mut cached.tensor)?;
        }
        for (name, tensor) in adapter.iter().flat_map(|bound| &bound.tensors) {
            binding.bind_input(name.as_str(), tensor)?;
        }
        binding.bind_output("logits", &mut worker.logits)?;
        Ok(Self { worker, binding, length: 0 })
    }

    /// Tokens read so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Whether the cache has no room for another token.
    pub(crate) fn full(&self) -> bool {
        self.length >= self.worker.capacity
    }

    /// Reads `ids` and returns the logits `[vocab]` after the last of them; gives up between two pieces once
    /// `cancelled` says so.
    pub(crate) fn read(&mut self, ids: &[u32], cancelled: &dyn Fn() -> bool) -> Result<&[f32], StudentError> {
        for piece in ids.chunks(PIECE) {
            if cancelled() {
                return Err(StudentError::Cancelled);
            }
            self.run(piece)?;
        }
        Ok(self.worker.logits.extract_tensor().1)
    }

    /// Reads `ids` in one run and returns the logits after each of them.
    pub(crate) fn read_all(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, StudentError> {
        let rows: Vec<i64> = (0..ids.len() as i64).collect();
        self.binding.bind_input("rows", &Tensor::from_array(([rows.len()], rows))?)?;
        // The graph declares one row; more than that only come in a buffer that ONNX Runtime allocates itself.
        self.binding.bind_output_to_device("logits", &MemoryInfo::default())?;
        self.bind_tokens(ids)?;
        let outputs = self.worker.session.run_binding(&self.binding)?;
        let missing = || StudentError::Runtime("the graph gave no logits".to_owned());
        let (_, values) = outputs.get("logits").ok_or_else(missing)?.try_extract_tensor::<f32>()?;
        let logits = values.chunks(self.worker.vocab.max(1)).map(<[f32]>::to_vec).collect();
        drop(outputs);
        self.length += ids.len();
        self.binding.bind_input("rows", &Tensor::from_array(([1], vec![-1_i64]))?)?;
        self.binding.bind_output("logits", &mut self.worker.logits)?;
        Ok(logits)
    }

    fn run(&mut self, ids: &[u32]) -> Result<(), StudentError> {
        self.bind_tokens(ids)?;
        self.worker.session.run_binding(&self.binding)?;
        self.length += ids.len();
        Ok(())
    }

    fn bind_tokens(&mut self, ids: &[u32]) -> Result<(), StudentError> {
        let total = self.length + ids.len();
        if total > self.worker.capacity {
            return Err(StudentError::TooLong(total, self.worker.capacity));
        }
        if let Some(unknown) = ids.iter().find(|id| **id as usize >= self.worker.vocab) {
            return Err(StudentError::UnknownToken(*unknown, self.worker.vocab));
        }
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        self.binding.bind_input("input_ids", &Tensor::from_array(([1, ids.len()], ids))?)?;
        self.binding.bind_input("attention_mask", &Tensor::from_array(([1, total], vec![1_i64; total]))?)?;
        Ok(())
    }
}

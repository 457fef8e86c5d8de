//! What computes a run's batches: the model on the CPU, or the composed one on a device.
//!
//! Whoever learns from batches (`passes`) knows this trait alone. What is trained lives on the host whatever computes:
//! values go in with `bind`, derivatives come out of `learn`.

use candle_core::{DType, Device, Result, Tensor};
use gemma::{Config, Weights};
use jobs::{Device as JobDevice, TrainJob};

use crate::batch::Batch;
use crate::composed::{Composed, Place};
use crate::error::TrainError;
use crate::float::Float;
use crate::linear::Gradients;
use crate::model::{Learning, Model, Score};
use crate::output::Untrained;
use crate::parameters::{Method, Parameter};
use crate::source::Files;

/// Takes the log-probability of every target (nats, by row), and says what each sequence's negative log-likelihood counts.
pub(crate) type Judge<'a> = dyn FnMut(&[f64]) -> Vec<f64> + 'a;

pub(crate) trait Engine<T>: Send + Sync {
    fn config(&self) -> &Config;
    /// Parts of a round that go through it side by side, where `threads` could.
    fn parts(&self, threads: usize) -> usize;
    /// Puts the trained parameters' current values in place.
    fn bind(&mut self, method: Method, parameters: &[Parameter<T>]) -> Result<()>;
    /// What the layers that are not trained make of a batch, `[n, hidden]` by row of its tree, on the host.
    fn lower(&self, batch: &Batch) -> Result<Tensor>;
    /// How well each example of the batch is predicted; `chunk` rows of the head at a time.
    fn score(&self, batch: &Batch, chunk: usize) -> Result<Vec<Score>>;
    /// The derivative of what `judge` weighs by each of `parameters` trained parameters.
    fn learn(&self, batch: &Batch, how: Learning, parameters: usize, judge: &mut Judge<'_>) -> Result<Gradients>;
}

impl<T: Float> Engine<T> for Model<T> {
    fn config(&self) -> &Config {
        &self.config
    }

    fn parts(&self, threads: usize) -> usize {
        threads
    }

    fn bind(&mut self, method: Method, parameters: &[Parameter<T>]) -> Result<()> {
        self.bind(method, parameters)
    }

    fn lower(&self, batch: &Batch) -> Result<Tensor> {
        self.lower(batch)
    }

    fn score(&self, batch: &Batch, chunk: usize) -> Result<Vec<Score>> {
        self.score(batch, chunk)
    }

    fn learn(&self, batch: &Batch, how: Learning, parameters: usize, judge: &mut Judge<'_>) -> Result<Gradients> {
        Ok(self.learn(batch, how, parameters, |said| (judge(said), ()))?.1)
    }
}

impl<T: Float> Engine<T> for Composed {
    fn config(&self) -> &Config {
        &self.config
    }

    /// A device is busy with one part, and more in common is computed once.
    fn parts(&self, _: usize) -> usize {
        1
    }

    fn bind(&mut self, method: Method, parameters: &[Parameter<T>]) -> Result<()> {
        self.bind(method, parameters)
    }

    fn lower(&self, batch: &Batch) -> Result<Tensor> {
        self.lower::<T>(batch)
    }

    fn score(&self, batch: &Batch, chunk: usize) -> Result<Vec<Score>> {
        self.score(batch, chunk)
    }

    fn learn(&self, batch: &Batch, how: Learning, parameters: usize, judge: &mut Judge<'_>) -> Result<Gradients> {
        self.learn::<T>(batch, how, parameters, judge)
    }
}

/// Whether this build can compute on `device` at all; whether the machine has it is seen when it is opened.
///
/// # Errors
/// When it was built without.
pub(crate) fn check(device: JobDevice) -> std::result::Result<(), TrainError> {
    match device {
        JobDevice::Cuda if !crate::CUDA => Err(TrainError::NoCuda),
        JobDevice::Cpu | JobDevice::Cuda => Ok(()),
    }
}

/// The base of `job` with its weights, for sequences of up to `positions` tokens.
///
/// # Errors
/// When the base cannot be read or is damaged, or the device cannot be had.
pub(crate) fn load(
    job: &TrainJob,
    config: Config,
    method: Method,
    positions: usize,
) -> std::result::Result<Box<dyn Engine<f32>>, TrainError> {
    let arguments = &job.arguments;
    if method == Method::Full {
        return Ok(Box::new(Model::build(config, positions, &mut Untrained)?));
    }
    let weights = Weights::load(&job.base)?;
    let mut files = Files::new(&weights, arguments.quantize);
    match arguments.device {
        JobDevice::Cpu => {
            let mut model = Model::build(config, positions, &mut files)?;
            model.recompute = arguments.recompute.unwrap_or(false);
            Ok(Box::new(model))
        }
        JobDevice::Cuda => {
            let device = Device::new_cuda(0).map_err(TrainError::Device)?;
            let products = if config.dtype == "float32" { DType::F32 } else { DType::BF16 };
            Ok(Box::new(Composed::build::<f32>(config, positions, Place { device, products }, &mut files)?))
        }
    }
}

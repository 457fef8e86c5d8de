//! Reading a job file, and what its arguments come to: the number of steps, the learning rate of each.
//!
//! The process that runs a job should be started with `RAYON_NUM_THREADS=1` (the run has threads of its own; candle must not
//! start others beside them), `CANDLE_BARRIER_POOL_SPIN_LIMIT=1` (a background run must not spin on cores that serve) and
//! `MIMALLOC_PURGE_DELAY=-1` (memory that a step gives back is kept for the next one).

use std::path::Path;

use fs_err as fs;
use gemma::{Adapter, Config};
use jobs::{Method as JobMethod, Schedule, TrainJob, TrainingArguments};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::error::TrainError;
use crate::parameters::{Method, Parameter, start_from};

/// Stream of the random numbers that a run starts with; orders of epochs use the small ones.
const START_STREAM: u64 = 1 << 40;

/// Reads and checks the job file at `path`; its relative paths become relative to its folder.
///
/// # Errors
/// When it cannot be read, has an unknown key, or a setting is outside its range.
pub fn load_job(path: &Path) -> Result<TrainJob, TrainError> {
    let text = fs::read_to_string(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    TrainJob::parse(&text, folder).map_err(|problem| TrainError::Job { path: path.to_path_buf(), problem })
}

/// What of the model a job trains.
///
/// # Errors
/// When it adapts more layers than there are.
pub(crate) fn trained(job: &TrainJob, config: &Config) -> Result<Method, TrainError> {
    let TrainingArguments { rank, alpha, layers, .. } = job.arguments;
    if job.method == JobMethod::Pretrain {
        return Ok(Method::Full);
    }
    let all = config.num_hidden_layers;
    let adapted = layers.map_or(all, |layers| layers as usize);
    let first = all.checked_sub(adapted).ok_or(TrainError::Layers { layers: adapted, all })?;
    Ok(Method::LowRank { rank: rank as usize, scale: alpha / f64::from(rank), first })
}

/// The parameters with which a job starts: anew, or the reference's.
pub(crate) fn starting_parameters(
    job: &TrainJob,
    method: Method,
    config: &Config,
) -> Result<Vec<Parameter<f32>>, TrainError> {
    let mut rng = ChaCha8Rng::seed_from_u64(job.arguments.seed);
    rng.set_stream(START_STREAM);
    let mut parameters = method.parameters(config, &mut rng);
    if let Some(path) = &job.reference {
        let adapter = Adapter::load(path, config)?;
        let given = (job.arguments.rank, job.arguments.alpha);
        if (adapter.rank, adapter.alpha) != (given.0 as usize, given.1) {
            let (rank, alpha) = (adapter.rank, adapter.alpha);
            return Err(TrainError::Reference { path: path.clone(), rank, alpha, given });
        }
        if let Some((lowest, _)) = adapter.pairs.keys().next().filter(|(layer, _)| *layer < method.first()) {
            let needed = config.num_hidden_layers - lowest;
            return Err(TrainError::ReferenceLayers { path: path.clone(), needed });
        }
        start_from(&mut parameters, method, config, adapter);
    }
    Ok(parameters)
}

/// Steps at most: `max_steps`, or fewer when `epochs` says so.
pub(crate) fn step_count(arguments: &TrainingArguments, steps_per_epoch: usize) -> usize {
    let max_steps = arguments.max_steps as usize;
    if arguments.epochs > 0.0 {
        max_steps.min((arguments.epochs * steps_per_epoch as f64).ceil() as usize).max(1)
    } else {
        max_steps
    }
}

/// The factor of the learning rates at `step` (from 0) of `steps`.
pub(crate) fn rate_factor(arguments: &TrainingArguments, step: usize, steps: usize) -> f64 {
    let warm = ((step + 1) as f64 / f64::from(arguments.warmup_steps.max(1))).min(1.0);
    let decay = match arguments.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos()),
    };
    warm * decay
}

#[cfg(test)]
mod tests;

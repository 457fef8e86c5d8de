//! A job with everything read that it names but the base's weights: whether it can be run is known before they are loaded.

use std::sync::Arc;

use gemma::{Config, Tokenizer};
use jobs::TrainJob;

use crate::checkpoint;
use crate::data::Examples;
use crate::engine;
use crate::error::TrainError;
use crate::fingerprint::{self, Hashes};
use crate::job::{starting_parameters, trained};
use crate::memory::{Largest, limit_mb};
use crate::parameters::{Method, Parameter};
use crate::plan::{Need, Split};

/// What a run begins with.
pub(crate) struct Ready {
    /// With what it left open filled in.
    pub(crate) job: Arc<TrainJob>,
    pub(crate) config: Config,
    pub(crate) train: Examples,
    pub(crate) held_out: Examples,
    pub(crate) bos: u32,
    pub(crate) method: Method,
    /// Tokens of the longest sequence.
    pub(crate) longest: usize,
    pub(crate) split: Split,
    pub(crate) parameters: Vec<Parameter<f32>>,
    pub(crate) hashes: Hashes,
}

impl Ready {
    pub(crate) fn new(job: &TrainJob) -> Result<Self, TrainError> {
        let arguments = &job.arguments;
        engine::check(arguments.device)?;
        let config = Config::load(&job.base)?;
        let tokenizer = Tokenizer::load(&job.base)?;
        tokenizer.check_fits(config.vocab_size)?;
        let mut train = Examples::read(&job.train, &tokenizer, job.method, arguments)?;
        let mut held_out = Examples::read(&job.held_out, &tokenizer, job.method, arguments)?;
        train.weigh(job.objective.kl_weight);
        // Held-out examples say how well the answers are predicted, whatever is minimised.
        held_out.weigh(0.0);
        let method = trained(job, &config)?;
        let largest = largest(arguments.batch_size as usize, &[&train, &held_out]);
        let need = Need { config: &config, arguments, method, largest, limit_mb: limit_mb(arguments) };
        let mut split = need.split(None)?;
        let parameters = starting_parameters(job, method, &config)?;
        let hashes = fingerprint::of(job, &train, &held_out, &parameters)?;
        // In other pieces the sums would be rounded otherwise: a run goes on in those that it began with.
        if let Some(before) = checkpoint::began_with(&job.checkpoint, &hashes.run) {
            split = need.split(Some(before)).unwrap_or(split);
        }
        let (bos, longest, mut job) = (tokenizer.special.bos, largest.longest, job.clone());
        (job.arguments.micro_batch_tokens, job.arguments.recompute) = (Some(split.budget), Some(split.recompute));
        let job = Arc::new(job);
        Ok(Self { job, config, train, held_out, bos, method, longest, split, parameters, hashes })
    }
}

/// What the data of a run ask for at most.
fn largest(batch_size: usize, examples: &[&Examples]) -> Largest {
    let fixed = examples.iter().flat_map(|examples| &examples.fixed).map(Vec::len);
    Largest {
        longest: examples.iter().map(|examples| examples.longest()).max().unwrap_or(0),
        item: examples.iter().map(|examples| examples.sequences()).max().unwrap_or(1),
        batch: fixed.chain([batch_size]).max().unwrap_or(1),
    }
}

//! What can go wrong in a training run.

use std::path::PathBuf;

/// Errors of reading a job and its data, of computing, and of writing what was learnt.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Gemma(#[from] gemma::GemmaError),
    #[error(transparent)]
    Data(#[from] dataset::DatasetError),
    #[error("the computation failed: {0}")]
    Compute(#[from] candle_core::Error),
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    File(#[from] files::FileError),
    #[error("job {}: {problem}", path.display())]
    Job { path: PathBuf, problem: String },
    #[error("{} holds no example of at most {max_tokens} tokens; raise max_tokens or give other data", path.display())]
    Empty { path: PathBuf, max_tokens: usize },
    #[error(
        "{} holds one example of at most {max_tokens} tokens; kto needs two, as it pairs prompts with others' completions",
        path.display()
    )]
    Alone { path: PathBuf, max_tokens: usize },
    #[error(
        "the reference {} has rank {rank} and alpha {alpha}, the job says {} and {}: set arguments.rank = {rank} and \
         arguments.alpha = {alpha}", path.display(), given.0, given.1
    )]
    Reference {
        path: PathBuf,
        rank: usize,
        alpha: f64,
        /// Rank and alpha of the job.
        given: (u32, f64),
    },
    #[error("cannot put the run's state into a checkpoint: {0}")]
    Checkpoint(String),
    #[error("the base's tensor `{name}` holds values that are not finite: the base is damaged, fetch it again")]
    NotFinite { name: String },
    #[error(
        "the run would need about {needed_mb} MB of memory and {limit_mb} MB may be used ({tokens} tokens at once){}",
        advice(*recomputed_mb, *limit_mb)
    )]
    Memory {
        needed_mb: u64,
        limit_mb: u64,
        /// Tokens that are computed at once.
        tokens: usize,
        /// What it would need with `recompute`; `None` when that is on already.
        recomputed_mb: Option<u64>,
    },
    #[error("the loss is {loss} at step {step}; lower the learning rate")]
    Diverged { step: usize, loss: f64 },
    #[error("a worker thread died")]
    Worker,
}

fn advice(recomputed_mb: Option<u64>, limit_mb: u64) -> String {
    match recomputed_mb {
        Some(mb) if mb <= limit_mb => {
            format!("; it fits with recompute = true, at about {mb} MB, or lower micro_batch_tokens and max_tokens")
        }
        Some(_) => "; lower micro_batch_tokens and max_tokens, set recompute = true, or raise memory_max_mb".to_owned(),
        None => "; lower micro_batch_tokens and max_tokens, or raise memory_max_mb".to_owned(),
    }
}

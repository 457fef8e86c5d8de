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
    #[error("{} holds no example at all: give it lines of examples", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{} holds {all} examples, none of at most {max_tokens} tokens; raise max_tokens or give other data", path.display()
    )]
    TooLong { path: PathBuf, all: usize, max_tokens: usize },
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
    #[error("the reference {} adapts the upper {needed} layers: set arguments.layers = {needed}, or leave it out", path.display())]
    ReferenceLayers { path: PathBuf, needed: usize },
    #[error("arguments.layers = {layers}, and the base has {all}: leave it out to adapt all of them")]
    Layers { layers: usize, all: usize },
    #[error(
        "what the lower layers make of the data takes {mb} MB in {}, which cannot be kept: {problem}; make room there, or \
         leave arguments.layers out", folder.display()
    )]
    LowerStates { folder: PathBuf, mb: u64, problem: std::io::Error },
    #[error("cannot put the run's state into a checkpoint: {0}")]
    Checkpoint(String),
    #[error("the base's tensor `{name}` holds values that are not finite: the base is damaged, fetch it again")]
    NotFinite { name: String },
    #[error(
        "the run would need about {needed_mb} MB of memory and {limit_mb} MB may be used ({tokens} tokens at once){}",
        advice(*recomputed_mb, *limit_mb, *smallest)
    )]
    Memory {
        needed_mb: u64,
        limit_mb: u64,
        /// Tokens that are computed at once.
        tokens: usize,
        /// Whether they are one example's, so that there cannot be fewer.
        smallest: bool,
        /// What it would need with `recompute`; `None` when that is on already.
        recomputed_mb: Option<u64>,
    },
    /// Of the step before it the numbers are good, and so is the checkpoint.
    #[error(
        "{what} at step {step}, which learns from {examples}: lower the learning rate, or look at these examples; what \
         was written down before is kept"
    )]
    Diverged { step: usize, what: String, examples: String },
    /// Asked to stop, the run has written down where it stands.
    #[error("the run was asked to stop after step {step}; started again, it goes on from there")]
    Interrupted { step: usize },
    #[error("the threads of the run cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error(
        "arguments.device = \"cuda\", but this program was built without CUDA: build it with `--features apprentice/cuda`, which \
         needs the CUDA toolkit, or set arguments.device = \"cpu\""
    )]
    NoCuda,
    #[error(
        "arguments.device = \"cuda\", but the first CUDA device cannot be opened: {0}; look what `nvidia-smi` says, or set \
         arguments.device = \"cpu\""
    )]
    Device(candle_core::Error),
    #[error(transparent)]
    Frozen(#[from] frozen::FrozenError),
}

fn advice(recomputed_mb: Option<u64>, limit_mb: u64, smallest: bool) -> String {
    let lower = if smallest { "lower max_tokens" } else { "lower micro_batch_tokens and max_tokens" };
    match recomputed_mb {
        Some(mb) if mb <= limit_mb => format!("; it fits with recompute = true, at about {mb} MB, or {lower}"),
        Some(_) => format!("; {lower}, set recompute = true, or raise memory_max_mb"),
        None => format!("; {lower}, or raise memory_max_mb"),
    }
}

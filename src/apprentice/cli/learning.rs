//! The arguments of `apprentice sweep` and `apprentice merge`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args)]
pub(crate) struct Sweep {
    /// A job as `train` takes it. Its `out` becomes the sweep's folder, with a folder for every combination. A sweep that
    /// was killed goes on where it stood.
    pub(crate) job: PathBuf,
    /// Learning rates to try; the job's own without.
    #[arg(long, value_name = "RATE", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) learning_rate: Vec<f64>,
    /// Ranks to try; the job's own without. `alpha` goes along, so that the scale alpha / rank stays the job's.
    #[arg(long, value_name = "RANK", value_delimiter = ',')]
    pub(crate) rank: Vec<u32>,
}

#[derive(Args)]
pub(crate) struct Merge {
    /// Model folder in Hugging Face's layout.
    #[arg(long)]
    pub(crate) base: PathBuf,
    /// Adapter folder of that base: a lesson's, a version's of the registry, or one that PEFT wrote.
    #[arg(long)]
    pub(crate) adapter: PathBuf,
    /// Folder of the merged model; it must be empty or not there.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Weights are split into files of at most so many MB.
    #[arg(long, value_name = "MB", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) file_mb: u64,
}

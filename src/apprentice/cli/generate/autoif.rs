//! The arguments of `apprentice generate autoif`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Making;

/// Whose thresholds hold.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Preset {
    /// The paper's, with the seed's numbers.
    Paper,
    /// The released code's.
    StrictReleaseCompat,
}

#[derive(Args)]
pub(crate) struct AutoIf {
    #[command(flatten)]
    pub(crate) making: Making,
    /// Whose thresholds hold where nothing else is said.
    #[arg(long, value_enum, default_value = "paper")]
    pub(crate) preset: Preset,
    /// TOML file with keys of the maker's settings (such as score_min = 9.0) that go before the preset's.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Calls for new rules, each for 50: 400, or 4 with --practice.
    #[arg(long)]
    pub(crate) calls: Option<usize>,
    /// Rules for answers to begin with, in place of the built-in ones: a text file, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) instructions: Option<PathBuf>,
    /// Queries of players in place of the built-in ones: JSON lines with `query`, or ShareGPT's `conversations`.
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,
    /// Folder of the model that judges entailment (model.onnx, tokenizer.json, config.json); the teacher is asked otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) nli: Option<PathBuf>,
    /// The program that runs the functions; apprentice-verify beside this program otherwise.
    #[arg(long, value_name = "PATH")]
    pub(crate) verifier: Option<PathBuf>,
    /// Milliseconds that a function may take for one text: 1000 where nothing else is said.
    #[arg(long, value_name = "MS")]
    pub(crate) verifier_limit_ms: Option<u64>,
}

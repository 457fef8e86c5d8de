//! The arguments of `apprentice dataset`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dataset::Form;

use super::AdminAccess;

/// What is done with data files.
#[derive(Subcommand)]
pub(crate) enum Dataset {
    /// Put files together into a frozen, filtered, split set with its lineage.
    Build(Build),
    /// Write a file in another form.
    Convert {
        file: PathBuf,
        /// openai-chat, openai-dpo, alpaca, sharegpt, trl-prompt-completion, trl-preference, trl-kto, conversations or flywheel.
        #[arg(long)]
        to: Form,
        #[arg(long)]
        out: PathBuf,
        /// The file's own form; by its lines' keys otherwise.
        #[arg(long)]
        from: Option<Form>,
    },
    /// Put a file's examples into the exchange log of a call site.
    Import {
        file: PathBuf,
        #[arg(long)]
        site: String,
        #[arg(long)]
        from: Option<Form>,
        #[arg(long, short, default_value = "apprentice.toml")]
        config: PathBuf,
        #[command(flatten)]
        access: AdminAccess,
    },
    /// Write what a call site would learn from; the proxy must not be running.
    Export {
        #[arg(long)]
        site: String,
        #[arg(long)]
        to: Form,
        #[arg(long)]
        out: PathBuf,
        #[arg(long, short, default_value = "apprentice.toml")]
        config: PathBuf,
    },
}

/// What must not stand on both sides.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GroupBy {
    Prompt,
    Template,
    User,
}

/// How a set is filtered and split.
#[derive(Args)]
pub(crate) struct Filters {
    /// The folder of the set's versions.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Likeness from which on a text is nearly one before it; above 1 nothing is.
    #[arg(long, default_value_t = 0.8)]
    pub(crate) near_duplicate_min: f64,
    /// What must not be learnt: a frozen set's folder (its held-out side), or a file of records such as a benchmark.
    #[arg(long, value_name = "PATH")]
    pub(crate) against: Vec<PathBuf>,
    /// Likeness to one of those from which on an example is left out.
    #[arg(long, default_value_t = 0.8)]
    pub(crate) contaminated_min: f64,
    #[arg(long, default_value_t = 0.1)]
    pub(crate) held_out_share: f64,
    /// What must not stand on both sides.
    #[arg(long, default_value = "prompt")]
    pub(crate) group_by: GroupBy,
    /// What one site, role and act may be of everything; 1 is no limit.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) stratum_share_max: f64,
}

#[derive(Args)]
pub(crate) struct Build {
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The files' form; by their lines' keys otherwise.
    #[arg(long)]
    pub(crate) from: Option<Form>,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

//! The arguments of the commands that a newcomer begins with.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Config;

#[derive(Args)]
pub(crate) struct Init {
    #[arg(default_value = "apprentice.toml")]
    pub(crate) path: PathBuf,
    /// Ask nothing: what no flag says is the default. So it is where no terminal is, too.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The teacher's address, any OpenAI-compatible base URL.
    #[arg(long, value_name = "URL")]
    pub(crate) teacher: Option<String>,
    /// The teacher's model that makers of training data ask; clients name their own.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The environment variable that holds the teacher's key: its name, never the key.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) key_env: Option<String>,
    /// Whether the teacher's terms allow a model to be trained on its answers: yes, no or unknown.
    #[arg(long, value_name = "WORD")]
    pub(crate) distillable: Option<String>,
    /// Folder of the base model, Gemma 3 in Hugging Face's layout; `none` passes through and captures only.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<String>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) config: Config,
    /// One JSON object instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}

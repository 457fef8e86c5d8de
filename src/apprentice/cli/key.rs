//! The arguments of `apprentice key`.

use std::num::NonZeroU32;

use clap::Args;

#[derive(Args)]
pub(crate) struct NewKey {
    /// What it is called in the configuration and in messages.
    pub(crate) name: String,
    /// The call site that it stands for.
    #[arg(long)]
    pub(crate) site: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) requests_per_minute: Option<NonZeroU32>,
    #[arg(long, value_name = "N")]
    pub(crate) tokens_per_day: Option<u64>,
}

//! The arguments of `apprentice capture`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::AdminAccess;

#[derive(Args)]
pub(crate) struct Capture {
    #[arg(long, short, global = true, default_value = "apprentice.toml")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) access: AdminAccess,
    #[command(subcommand)]
    pub(crate) action: CaptureAction,
}

/// What is done with the exchange log: by this command where nobody has it open, else by the proxy that has.
#[derive(Subcommand)]
pub(crate) enum CaptureAction {
    /// How much there is of each call site.
    Stats {
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Exchanges that fit, the oldest first, as JSON lines: the newest thousand, of as much of the log as ten seconds can read.
    Search(Search),
    /// Read every exchange; the exit code says whether all of it is whole.
    Verify,
    /// Copy everything into a folder, as JSON lines (`.jsonl.zst`) with checksums for `sha256sum -c`; the segment that is written to is
    /// closed first.
    Export {
        #[arg(long)]
        out: PathBuf,
    },
    /// Erase exchanges for good, from the log, its copies in `capture.export_dir` and the data of lessons.
    Erase(Erase),
}

/// What is looked for; what is not said leaves all in.
#[derive(Args)]
pub(crate) struct Search {
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) site: String,
    /// What the request or the answer says, letter by letter.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// Not before this minute (UTC), such as 2026-11-30T14:05.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) from: String,
    /// Not after it.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) to: String,
    /// 2xx, or 4xx and 5xx, or not complete.
    #[arg(long, value_parser = ["ok", "bad", "cut"])]
    pub(crate) status: Option<String>,
    /// Who answered; `made` is generated or imported.
    #[arg(long, value_parser = ["teacher", "student", "made"])]
    pub(crate) source: Option<String>,
}

#[derive(Args)]
pub(crate) struct Erase {
    /// All of this user, as requests name it (`safety_identifier` or `user`).
    #[arg(long, group = "subject")]
    pub(crate) user: Option<String>,
    /// One exchange, by its `x-apprentice-request-id`, and every other one of its site that asks the same.
    #[arg(long, group = "subject")]
    pub(crate) exchange: Option<Uuid>,
    /// All of this call site.
    #[arg(long, group = "subject")]
    pub(crate) site: Option<String>,
    /// Only what is older than this day (UTC), such as 2026-05-01.
    #[arg(long)]
    pub(crate) before: Option<String>,
    /// Also remove segments that were set aside as damaged: they cannot be searched.
    #[arg(long)]
    pub(crate) set_aside: bool,
}

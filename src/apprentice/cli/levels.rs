//! The arguments of `apprentice levels`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use levels::Form;

/// What is done with levels.
#[derive(Subcommand)]
pub(crate) enum LevelsAction {
    /// Say everything that is wrong with every level, one JSON line a level; exit 1 when one has an error.
    Check {
        #[command(flatten)]
        reading: Reading,
        /// Drop duplicate obstacles and swap reversed walls first, and say so.
        #[arg(long)]
        repair: bool,
    },
    /// Write every level in another form, beside its file.
    Convert {
        #[command(flatten)]
        reading: Reading,
        /// jac, ascii, tmx, tmj or ldtk.
        #[arg(long)]
        to: Form,
        /// The folder to write into.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Draw every level with what is wrong with it, beside its file.
    Draw {
        #[command(flatten)]
        reading: Reading,
        /// svg or png.
        #[arg(long, default_value = "svg")]
        to: Form,
        /// The folder to write into.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Which levels, and how they are read.
#[derive(Args)]
pub(crate) struct Reading {
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The files' form: jac, ascii, tmx, tmj or ldtk; by the files' names otherwise.
    #[arg(long)]
    pub(crate) from: Option<Form>,
    /// The first coordinate of a side: 0 or 1.
    #[arg(long, default_value_t = 1)]
    pub(crate) base: u8,
    /// Neighbours of a cell: 4 or 8.
    #[arg(long, default_value_t = 4)]
    pub(crate) connectivity: u8,
    /// What the letters of ASCII maps are: {"tiles": {"X": ["solid"], ...}}.
    #[arg(long, value_name = "FILE")]
    pub(crate) legend: Option<PathBuf>,
}

//! `apprentice merge`: a base and an adapter as one model folder.

use std::process::ExitCode;

use crate::Outcome;
use crate::cli::Merge;
use crate::commands::progress::Bar;
use crate::output::eprint_line;

pub(crate) fn merge(arguments: &Merge) -> Outcome {
    let Merge { base, adapter, out, file_mb } = arguments;
    let bar = Bar::new("merging");
    let merged = gemma::merge(base, adapter, out, file_mb * 1_000_000)?;
    drop(bar);
    eprint_line(&format!(
        "{}: {} tensors, {} of them changed by the adapter, {} bytes in {} files",
        out.display(),
        merged.tensors,
        merged.changed,
        merged.bytes,
        merged.files
    ));
    Ok(ExitCode::SUCCESS)
}

//! `apprentice init`: a configuration to begin with.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::Outcome;
use crate::output::print_line;

/// Writes the commented defaults to a new file.
pub(crate) fn init(path: &Path) -> Outcome {
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            format!("cannot write {}: {error}; choose another name or remove the file", path.display())
        })?;
    file.write_all(include_bytes!("../../../policies/default.toml"))?;
    print_line(&format!("{} written.", path.display()))?;
    print_line(
        "Next: read [teacher] in it (may its answers be learnt from?), then `apprentice check` and `apprentice serve`.",
    )?;
    Ok(ExitCode::SUCCESS)
}

//! `apprentice export-encoder`: a sentence encoder's ONNX graph, and whether it can be used here.

use std::process::ExitCode;

use student::{Encoder, Runtime};

use crate::Outcome;
use crate::cli::ExportEncoder;
use crate::output::eprint_line;
use crate::settings::environment;

/// Writes the graph unless an unchanged one is there.
pub(crate) fn export_encoder(arguments: &ExportEncoder) -> Outcome {
    let exported = export::export_encoder(&arguments.base, &arguments.out)?;
    let done = if exported.written { "written" } else { "unchanged" };
    let graph = exported.dir.join(gemma::GRAPH_FILE);
    eprint_line(&format!("{} {done}: {} bytes, made from {}", graph.display(), exported.bytes, exported.fingerprint));
    if arguments.open {
        let library = student::library::find(arguments.onnxruntime.as_deref(), &environment::raw)?;
        let encoder = Encoder::open(&Runtime::load(&library)?, &exported.dir)?;
        let width = encoder.embed(&["How much is the rope?"])?.first().map_or(0, Vec::len);
        let positions = encoder.positions();
        eprint_line(&format!("it can be used on this machine: {width} numbers for a text of up to {positions} tokens"));
    }
    Ok(ExitCode::SUCCESS)
}

//! `apprentice export`: a base's ONNX graph, and whether it can be served here.

use std::process::ExitCode;

use student::{Runtime, Student};

use crate::cli::Export;
use crate::commands::progress::Bar;
use crate::output::eprint_line;
use crate::settings::environment;
use crate::{Outcome, app};

/// Writes the graph unless an unchanged one is there.
pub(crate) fn export(arguments: &Export) -> Outcome {
    let bar = Bar::new("writing the graph");
    let exported = export::export_base(&arguments.base, &arguments.out, arguments.format)?;
    drop(bar);
    let done = if exported.written { "written" } else { "unchanged" };
    let graph = exported.dir.join(gemma::GRAPH_FILE);
    eprint_line(&format!("{} {done}: {} bytes, made from {}", graph.display(), exported.bytes, exported.fingerprint));
    if arguments.open {
        let bar = Bar::new("opening the graph");
        let library = student::library::find(arguments.onnxruntime.as_deref(), &environment::raw)?;
        let runtime = Runtime::load(&library)?;
        Student::check_graph(&runtime, &graph, &arguments.base, app::kernel()?)?;
        drop(bar);
        eprint_line("the graph can be served on this machine");
    }
    Ok(ExitCode::SUCCESS)
}

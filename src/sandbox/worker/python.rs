//! The interpreter: one source compiled, one input evaluated, under limits of time, memory and output.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use monty::MontyRun;
use monty_types::{
    BASELINE_MEMORY, CompileOptions, ExcType, LIVE_MEMORY, MontyException, MontyObject, PrintWriter,
    PrintWriterCallback, ResourceLimits, ResourceTracker,
};
use sandbox::protocol::{Limits, Outcome};

use crate::verdict;

/// The global variable that holds the input.
const INPUT: &str = "_apprentice_input";

/// A call of the function after the source, as the module's last value. The blank line ends whatever the source left open.
///
/// # Errors
/// The interpreter's words for a source that it does not take.
pub(crate) fn compile(source: &str, function: &str, limits: Limits) -> Result<MontyRun, String> {
    let code = format!("{source}\n\n{function}({INPUT})\n");
    limit_memory(limits);
    MontyRun::new(code, "verifier.py", vec![INPUT.to_owned()], CompileOptions::default())
        .map_err(|error| verdict::cut(&error.summary()))
}

/// Runs the whole source afresh with one input.
pub(crate) fn evaluate(program: &MontyRun, function: &str, input: &str, limits: Limits) -> Outcome {
    let memory_bytes = limit_memory(limits);
    let resources =
        ResourceLimits::default().max_duration(Duration::from_millis(limits.time_ms)).max_memory(memory_bytes);
    let mut output = Output { bytes_left: limits.output_bytes, exceeded: false };
    let inputs = vec![MontyObject::String(input.to_owned())];
    let result = program.run(inputs, ResourceTracker::new(resources), PrintWriter::Callback(&mut output));
    if output.exceeded {
        return Outcome::OutputLimit;
    }
    match result {
        Ok(value) => verdict::of_value(&value),
        Err(error) => verdict::of_exception(&error, function),
    }
}

/// Does `work` with no limit on memory: what the parent sends is not the function's to answer for.
pub(crate) fn unlimited<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    monty_alloc::set_limit(None, false).map_err(io::Error::other)?;
    work()
}

/// Allows `limits.memory_bytes` beyond what is held now; gives back that bound, counted from the idle worker.
fn limit_memory(limits: Limits) -> usize {
    let held = LIVE_MEMORY.load(Ordering::Relaxed).saturating_sub(BASELINE_MEMORY.load(Ordering::Relaxed));
    let bound = held.saturating_add(limits.memory_bytes);
    // It fails where the allocator is not installed, which `unlimited` has reported before the first request.
    let _armed = monty_alloc::set_limit(Some(bound), false);
    bound
}

/// Counts what is printed and keeps none of it.
struct Output {
    bytes_left: usize,
    exceeded: bool,
}

impl Output {
    fn take(&mut self, bytes: usize) -> Result<(), MontyException> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => {
                self.exceeded = true;
                Err(MontyException::new(ExcType::OSError, Some("output limit exceeded".to_owned())))
            }
        }
    }
}

impl PrintWriterCallback for Output {
    fn stdout_write(&mut self, output: Cow<'_, str>) -> Result<(), MontyException> {
        self.take(output.len())
    }

    fn stdout_push(&mut self, end: char) -> Result<(), MontyException> {
        self.take(end.len_utf8())
    }
}

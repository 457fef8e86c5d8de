//! What the examples take of the processor.

/// Processor time of all threads that live, in seconds, from the scheduler's nanosecond counters.
pub(crate) fn cpu_s() -> std::io::Result<f64> {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().unwrap_or("0").parse::<f64>().unwrap_or(f64::NAN);
    }
    Ok(nanoseconds / 1e9)
}

//! Runs a job and compares the memory it took with what was estimated before it began.
//!
//! usage: peak JOB.toml

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::path::Path;

use jobs::Progress;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("usage: peak JOB.toml")?;
    let job = train::load_job(Path::new(&path))?;
    let mut estimate = 0;
    train::run(&job, &mut |event| match event {
        Progress::Start { memory_mb, micro_batches, .. } => {
            estimate = *memory_mb;
            println!("estimate {memory_mb} MB, {micro_batches} micro-batches");
        }
        Progress::Step { step, loss, tokens_per_s, .. } => {
            println!("step {step}: loss {loss:.3}, {tokens_per_s:.0} tokens/s");
        }
        _ => {}
    })?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel says no peak")?;
    let peak_kib: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    let peak_mb = peak_kib * 1024.0 / 1e6;
    println!("peak {peak_mb:.0} MB, estimate / peak {:.2}", f64::from(u32::try_from(estimate)?) / peak_mb);
    Ok(())
}

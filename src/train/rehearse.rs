//! A job looked at before it is run: what it learns from, whether it fits, how long it may take. One real step is made and
//! forgotten; nothing is written.

use std::time::Instant;

use jobs::TrainJob;

use crate::error::TrainError;
use crate::passes::Plan;
use crate::run::Run;

/// What a job would come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    pub examples: usize,
    pub held_out: usize,
    /// Examples that are longer than `max_tokens`, of each.
    pub dropped: usize,
    pub held_out_dropped: usize,
    /// Of one pass over the examples: tokens, those that go through the model, those that are learnt.
    pub tokens: usize,
    pub computed_tokens: usize,
    pub learnt_tokens: usize,
    /// At most: a run may end early.
    pub steps: usize,
    /// Tokens that are computed at once, at most, and whether layers are computed twice.
    pub tokens_at_once: usize,
    pub recompute: bool,
    /// The estimated peak, and what may be taken if somebody says.
    pub memory_mb: u64,
    pub memory_limit_mb: Option<u64>,
    /// What the first step took, and the process's peak with it where the kernel says.
    pub step_seconds: f64,
    pub peak_mb: Option<u64>,
    /// All steps at that speed; looks at the held-out examples come on top.
    pub seconds: f64,
}

/// Reads what `job` reads and makes its first step.
///
/// # Errors
/// As `run` before its second step.
pub fn rehearse(job: &TrainJob) -> Result<Rehearsal, TrainError> {
    let mut run = Run::new(job)?;
    let Plan { tokens, computed, learnt, .. } = run.plan();
    let first = run.plan_of_next().computed;
    run.bind()?;
    let started = Instant::now();
    run.step()?;
    let step_seconds = started.elapsed().as_secs_f64();
    // Batches are not of one size.
    let mean = computed as f64 / run.steps_per_epoch as f64 / first.max(1) as f64;
    let arguments = &run.job.arguments;
    Ok(Rehearsal {
        examples: run.train.list.len(),
        held_out: run.held_out.list.len(),
        dropped: run.train.dropped,
        held_out_dropped: run.held_out.dropped,
        tokens,
        computed_tokens: computed,
        learnt_tokens: learnt,
        steps: run.steps,
        tokens_at_once: run.split.at_once,
        recompute: run.split.recompute,
        memory_mb: run.split.memory_mb,
        memory_limit_mb: run.split.limit_mb,
        step_seconds,
        peak_mb: peak_mb(),
        seconds: (step_seconds * mean * run.steps as f64).min(arguments.max_seconds),
    })
}

/// The most memory that this process has held.
fn peak_mb() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}

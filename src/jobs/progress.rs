//! What a training run says while it goes on: one JSON object a line, on standard output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    /// The data was read and fits: `dropped` and `held_out_dropped` examples were longer than `max_tokens`;
    /// `parameters` are trained; a batch goes through the model in `micro_batches` at most.
    Start {
        examples: u64,
        held_out: u64,
        dropped: u64,
        held_out_dropped: u64,
        parameters: u64,
        steps: u64,
        micro_batches: u64,
        /// Estimated peak of the memory.
        memory_mb: u64,
    },
    /// The run goes on from its checkpoint.
    Resumed {
        step: u64,
    },
    /// There was a checkpoint that is not of this job or is damaged; the run begins afresh.
    Restarted {
        reason: String,
    },
    /// `loss` is the step's own, nats a completion token, before its update.
    Step {
        step: u64,
        of: u64,
        loss: f64,
        tokens_per_s: f64,
        seconds: f64,
    },
    HeldOut {
        step: u64,
        loss: f64,
        exact: f64,
    },
    Checkpoint {
        step: u64,
    },
    /// The end; the held-out figures are those of the parameters that were written to `out`.
    Done {
        steps: u64,
        seconds: f64,
        held_out_loss: f64,
        held_out_exact: f64,
        out: PathBuf,
    },
    /// The end without a result.
    Failed {
        error: String,
    },
}

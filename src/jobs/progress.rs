//! What a training run says while it goes on: one JSON object a line, on standard output; and how its process ends.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The exit code of a training process that was asked to stop and will go on when it is started again (`EX_TEMPFAIL`).
pub const INTERRUPTED: u8 = 75;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    /// The data was read and fits: `dropped` and `held_out_dropped` examples were longer than `max_tokens`;
    /// `parameters` are trained; a batch goes through the model in `micro_batches` at most. Of the first epoch's tokens `computed_tokens` go through
    /// the model, because what examples have in common is computed once, and `learnt_tokens` are completions.
    Start {
        examples: u64,
        held_out: u64,
        dropped: u64,
        held_out_dropped: u64,
        parameters: u64,
        steps: u64,
        micro_batches: u64,
        tokens: u64,
        computed_tokens: u64,
        learnt_tokens: u64,
        /// Tokens that are computed at once, at most.
        tokens_at_once: u64,
        /// Whether layers are computed twice to save memory.
        recompute: bool,
        /// Estimated peak of the memory.
        memory_mb: u64,
        /// What the run may take; `None` where nobody says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory_limit_mb: Option<u64>,
    },
    /// What the `layers` that are not trained make of the data is computed, and kept on the disk for the run.
    LowerLayers {
        layers: u64,
        /// Those that examples have in common are there once.
        tokens: u64,
        mb: u64,
        seconds: f64,
    },
    /// The run goes on from its checkpoint.
    Resumed {
        step: u64,
        /// Why it goes on in other pieces than it began with, which changes the rounding of its sums.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split_anew: Option<String>,
    },
    /// There was a checkpoint that is not of this job or is damaged; the run begins afresh.
    Restarted {
        reason: String,
    },
    /// `loss` is the step's own before its update: nats a completion token, or the mean of a preference objective.
    Step {
        step: u64,
        of: u64,
        loss: f64,
        tokens_per_s: f64,
        seconds: f64,
    },
    /// After each step of a preference objective, TRL's names: `beta` times the mean log-ratio of the desirable (chosen)
    /// and the undesirable (rejected) completions, where the batch has any; `kl` is KTO's z0, nats.
    Rewards {
        step: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewards_chosen: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewards_rejected: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewards_margins: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kl: Option<f64>,
    },
    /// `loss` is what is minimised. A preference objective says more: the share of right preferences, and what the
    /// desirable completions cost a token (nats).
    HeldOut {
        step: u64,
        loss: f64,
        exact: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewards_accuracies: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sft_loss: Option<f64>,
    },
    /// The run ends early because it has begun to do harm.
    Stopped {
        step: u64,
        reason: String,
    },
    Checkpoint {
        step: u64,
    },
    /// A checkpoint could not be written; said once until one can be. The run goes on without.
    CheckpointFailed {
        step: u64,
        error: String,
    },
    /// The end because somebody asked for it (SIGTERM): the run goes on after `step` when it is started again.
    Interrupted {
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

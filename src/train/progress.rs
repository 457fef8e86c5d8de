//! What a run says while it goes on, one JSON object a line, and what it says at the end.

use std::path::PathBuf;

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    /// `dropped` examples were longer than `max_tokens`; `parameters` are trained.
    Start {
        examples: usize,
        held_out: usize,
        dropped: usize,
        parameters: usize,
        steps: usize,
    },
    /// `loss` is the step's own, nats a completion token, before its update.
    Step {
        step: usize,
        of: usize,
        loss: f64,
        tokens_per_s: f64,
        seconds: f64,
    },
    HeldOut {
        step: usize,
        loss: f64,
        exact: f64,
    },
    Checkpoint {
        step: usize,
    },
    Resumed {
        step: usize,
    },
    Done {
        steps: usize,
        seconds: f64,
        held_out_loss: f64,
        held_out_exact: f64,
        adapter: PathBuf,
    },
}

/// What a run came to. Held-out figures are those of the parameters that were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub steps: usize,
    pub seconds: f64,
    /// Nats a completion token.
    pub held_out_loss: f64,
    /// Share of held-out replies that greedy decoding gives exactly.
    pub held_out_exact: f64,
    /// The adapter folder, or the model folder of a pretraining run.
    pub adapter: PathBuf,
}

//! What a run minimises, as a function of the log-probabilities of completions.
//!
//! A batch's loss depends on the model through one sum for every sequence, so an objective gives the loss and its slope
//! by each sum, and the model's backward pass scales by the slopes.

mod dpo;
mod kto;
mod sft;

use jobs::{Method, ObjectiveArguments};

pub(crate) use kto::z0;

/// A sequence that has gone through the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scored<'a> {
    /// Of the completion's tokens, or only their sum; nats.
    pub(crate) log_probabilities: &'a [f64],
    /// The sum under the reference, nats.
    pub(crate) reference: f64,
    pub(crate) desirable: bool,
}

impl Scored<'_> {
    /// How much more probable the completion is than under the reference, nats.
    pub(crate) fn log_ratio(&self) -> f64 {
        self.log_probabilities.iter().sum::<f64>() - self.reference
    }
}

/// What sequences add to a batch's loss, before its [`Objective::weight`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) loss: f64,
    /// By sequence: minus the derivative of the loss by its log-probability.
    pub(crate) slopes: Vec<f64>,
    /// Items that are preferred as they should be.
    pub(crate) right: usize,
}

/// A loss.
pub(crate) trait Objective: Sync {
    /// What every term of a batch counts: the mean over its tokens or its items.
    fn weight(&self, items: usize, targets: usize) -> f64;

    /// The terms of whole items, one after another; `z0` is the batch's, for KTO.
    fn terms(&self, sequences: &[Scored<'_>], z0: f64) -> Terms;
}

/// The objective of a job.
pub(crate) fn of(method: Method, arguments: ObjectiveArguments) -> Box<dyn Objective> {
    match method {
        Method::Sft | Method::Pretrain => Box::new(sft::Sft),
        Method::Kto => Box::new(kto::Kto(arguments)),
        Method::Dpo => Box::new(dpo::Dpo { beta: arguments.beta }),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One over a count that may be 0.
fn share(count: usize) -> f64 {
    1.0 / count.max(1) as f64
}

#[cfg(test)]
mod tests;

//! Whether a run still learns. A loss that stays far above where it began does not come back: the learning rate is too
//! high, or the data is not what it should be.

use serde::{Deserialize, Serialize};

/// Steps whose mean says where the loss began; those that are far above it do not count.
const FIRST: u32 = 5;
/// So many times the beginning is far above it ...
const FACTOR: f64 = 10.0;
/// ... which is taken for no less than this (nats): a loss near nothing may well be ten times as high in another batch.
const LEAST: f64 = 0.5;
/// A loss that is worse than guessing is far above the beginning from so many times on: logits that norms hold together
/// rise no further.
const FACTOR_WORSE_THAN_GUESSING: f64 = 2.0;
/// So many steps in a row end the run.
const STEPS: u32 = 3;

/// What the losses were like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Health {
    sum: f64,
    counted: u32,
    /// The last steps that were far above the beginning.
    high: u32,
}

impl Health {
    /// Notes a step's loss; gives back where the losses began when this one and those before it are far above. `guessing`
    /// is what a model that knows nothing comes to.
    fn note(&mut self, loss: f64, guessing: f64) -> Option<f64> {
        let began = self.sum / f64::from(self.counted.max(1));
        let far = (FACTOR * began.max(LEAST)).min((FACTOR_WORSE_THAN_GUESSING * began).max(guessing));
        if self.counted > 0 && loss > far {
            self.high += 1;
        } else {
            self.high = 0;
            if self.counted < FIRST {
                self.sum += loss;
                self.counted += 1;
            }
        }
        (self.high >= STEPS).then_some(began)
    }

    /// Notes a step's loss and its gradient's length; in words, what of them ends the run.
    pub(crate) fn problem(&mut self, loss: f64, gradient: f64, guessing: f64) -> Option<String> {
        if !loss.is_finite() {
            return Some(format!("the loss is {loss}"));
        }
        if !gradient.is_finite() {
            return Some(format!("the gradient's length is {gradient} (the loss {loss})"));
        }
        let began = self.note(loss, guessing)?;
        Some(format!(
            "the loss is {loss:.3} and, as {} steps before, far above the {began:.3} of the beginning",
            STEPS - 1
        ))
    }

    /// Whether the last step's loss was not far above the beginning.
    pub(crate) fn is_well(&self) -> bool {
        self.high == 0
    }
}

#[cfg(test)]
mod tests;

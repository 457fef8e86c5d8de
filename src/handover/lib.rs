//! May the student answer here? One machine per call site: `Teacher -> Shadow -> Canary -> Student`,
//! with `Held` and rollback edges, moved by anytime-valid evidence.
//!
//! - [`policy`], [`basis`]: the numbers a site is held to, and what else evidence depends on;
//! - [`betting`], [`tally`]: e-processes and confidence bounds for a mean; [`gate`]: risk, quality and coverage of every
//!   confidence threshold, `cells`: the counts it shows; [`drift`]: the detector that watches what is served;
//! - [`memory`]: which prompts were evidence already;
//! - [`health`]: budgets of failures and of time;
//! - [`record`]: what is written down; the log of records is the truth;
//! - [`trial`]: the evidence of one version, under the policy recorded with it;
//! - [`site`]: the state that a log replays to; `due` and `action`: which switch evidence, failures, rules or a
//!   person call for;
//! - [`plan`]: what happens to the next request; `explain`: a policy in words.
//!
//! Pure: no I/O, no clock, no chance. Time and dice are arguments. No traffic moves to a student
//! without recorded evidence; a rollback needs none and always wins.

pub mod action;
pub mod basis;
pub mod betting;
mod cells;
pub mod drift;
mod due;
mod explain;
pub mod gate;
pub mod health;
pub mod memory;
pub mod plan;
pub mod policy;
pub mod record;
pub mod site;
pub mod tally;
pub mod trial;

pub use action::{ActionError, OperatorAction};
pub use basis::Basis;
pub use health::Health;
pub use plan::{Because, Dice, Plan, Route};
pub use policy::{Policy, Ratings, Sticky};
pub use record::{
    Audit, AuditOutcome, Candidate, Cause, Compared, Entry, Numbers, Points, Rating, Record, Role, State, Switch,
};
pub use site::{Measuring, Site};
pub use trial::Trial;

#[cfg(test)]
mod tests;

/// Logarithm of the mean of `exp(x)`, stable for large and for very negative values.
pub(crate) fn log_mean_exp(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a handful of components")]
    let count = values.len() as f64;
    log_sum_exp(values) - count.ln()
}

/// Logarithm of the sum of `exp(x)`, as stable.
pub(crate) fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

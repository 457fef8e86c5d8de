//! The contracts of the child processes: what a training job and an exam are told, what they report, and
//! what they come to. Shared by whoever writes a job and whoever does it.
//!
//! - [`train`]: `apprentice train JOB.toml`; [`progress`]: the JSON lines that it prints;
//! - [`report`]: the file that it leaves beside its output;
//! - [`exam`]: `apprentice exam JOB.toml` and the result file that it writes;
//! - [`server`]: where the students of both answer.
//!
//! Data only: no I/O, no clock, no chance, nothing of models or stores.

pub mod exam;
pub mod progress;
pub mod report;
pub mod server;
pub mod train;

pub use exam::{EvalJob, EvalResult, Score, WAITS};
pub use progress::{INTERRUPTED, Progress};
pub use report::{Curve, DataReport, HeldOutPoint, LossPoint, Tokens, TrainReport};
pub use server::{Backend, Served, Server};
pub use train::{Device, Method, ObjectiveArguments, Pretraining, Quantize, Schedule, TrainJob, TrainingArguments};

#[cfg(test)]
mod tests;

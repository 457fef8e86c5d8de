//! Training: an own Gemma 3 forward and backward in candle, LoRA or full weights, jobs that survive a kill.
//!
//! The only member that links candle. `run` does one job (`jobs::TrainJob`); `logits` is the oracle
//! that other implementations of the model are compared with.
//!
//! A tensor is candle's; a product with a weight is `frozen`'s, attention's are candle's. The passes around them are in
//! `kernels`, with their derivatives, because candle's fused ones have none. The backward pass is written
//! out by layer (`layer`), so a frozen weight costs no gradient.

mod attention;
mod batch;
mod checkpoint;
mod clock;
mod composed;
mod curve;
mod data;
mod engine;
mod error;
mod evaluate;
mod fingerprint;
mod float;
mod head;
mod health;
mod induction;
mod item;
mod job;
mod kernels;
mod layer;
mod linear;
mod lower;
mod memory;
mod model;
mod objective;
mod optim;
mod output;
mod parallel;
mod parameters;
mod passes;
mod plan;
mod ready;
mod reference;
mod rehearse;
mod run;
mod soft;
mod source;
mod spent;
mod tree;
mod weight;

pub use error::TrainError;
pub use job::load_job;
pub use memory::available_bytes;
pub use rehearse::{Rehearsal, rehearse};
pub use run::{Summary, run, run_until};

use std::path::Path;

use gemma::{Adapter, Config, Weights};

/// Whether this build can compute on a CUDA device (the feature `cuda`).
pub const CUDA: bool = cfg!(feature = "cuda");

/// The logits after every token of `ids`, in f32: `ids.len()` rows of `vocab_size`.
///
/// # Errors
/// When the model folder is broken or an id is outside the vocabulary.
pub fn logits(base: &Path, adapter: Option<&Adapter>, ids: &[u32]) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut model = model::Model::<f32>::load(Config::load(base)?, &Weights::load(base)?, ids.len())?;
    if let Some(adapter) = adapter {
        model.attach(adapter)?;
    }
    Ok(model.logits(ids)?)
}

#[cfg(test)]
mod tests;

//! What a run's numbers depend on, as one hash: a checkpoint is only good for the run that wrote it.

use jobs::{Method, TrainJob, TrainingArguments};

use crate::data::Examples;
use crate::error::TrainError;
use crate::parameters::Parameter;

/// Part of every fingerprint; raise it when the same job gives other numbers.
const VERSION: u32 = 1;

/// BLAKE3, in hex, of the job's arguments, its base and its tokens; by preferences also of the objective, the labels and
/// `start`, the reference's numbers.
pub(crate) fn of(
    job: &TrainJob,
    train: &Examples,
    held_out: &Examples,
    start: &[Parameter<f32>],
) -> Result<String, TrainError> {
    let text = |error: serde_json::Error| TrainError::Checkpoint(error.to_string());
    let settings = (VERSION, job.method, numeric(&job.arguments), job.pretraining);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&settings).map_err(text)?);
    let base = match job.method {
        Method::Sft | Method::Kto | Method::Dpo => gemma::base_hash(&job.base)?,
        Method::Pretrain => gemma::config_hash(&job.base)?,
    };
    hasher.update(base.as_bytes());
    for sequence in train.list.iter().chain(&held_out.list).flat_map(|item| &item.sequences) {
        let example = &sequence.tokens;
        let bounds = [example.ids.len(), example.completion.start, example.completion.end];
        bounds.iter().for_each(|bound| {
            hasher.update(&(*bound as u64).to_le_bytes());
        });
        example.ids.iter().for_each(|id| {
            hasher.update(&id.to_le_bytes());
        });
    }
    // The boundary of the two lists.
    hasher.update(&(train.list.len() as u64).to_le_bytes());
    if job.method.is_preference() {
        hasher.update(&serde_json::to_vec(&job.objective).map_err(text)?);
        let labels = train.list.iter().chain(&held_out.list).flat_map(|item| &item.sequences);
        labels.for_each(|sequence| {
            hasher.update(&[u8::from(sequence.desirable)]);
        });
        start.iter().flat_map(|parameter| &parameter.values).for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The arguments without those that change how a run goes and not what comes of it. Tokens at once that the job leaves
/// open are in the checkpoint itself.
fn numeric(arguments: &TrainingArguments) -> TrainingArguments {
    let free = TrainingArguments::default();
    TrainingArguments {
        recompute: free.recompute,
        memory_max_mb: free.memory_max_mb,
        checkpoint_every_s: free.checkpoint_every_s,
        max_seconds: free.max_seconds,
        ..arguments.clone()
    }
}

//! What a run's numbers depend on, as one hash: a checkpoint is only good for the run that wrote it.

use jobs::{Method, TrainJob, TrainingArguments};

use crate::data::Examples;
use crate::error::TrainError;
use crate::parameters::Parameter;

/// Part of every fingerprint; raise it when the same job gives other numbers.
const VERSION: u32 = 1;

/// BLAKE3, in hex, of a run and of what it is made of.
pub(crate) struct Hashes {
    /// Of everything that follows and the job's arguments.
    pub(crate) run: String,
    pub(crate) base: String,
    /// Of the tokens of either side.
    pub(crate) train: String,
    pub(crate) held_out: String,
}

/// What the job depends on: its arguments, its objective, its base and its tokens; by preferences also the labels and
/// `start`, the reference's numbers.
pub(crate) fn of(
    job: &TrainJob,
    train: &Examples,
    held_out: &Examples,
    start: &[Parameter<f32>],
) -> Result<Hashes, TrainError> {
    let text = |error: serde_json::Error| TrainError::Checkpoint(error.to_string());
    let settings = (VERSION, job.method, numeric(&job.arguments), job.pretraining);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&settings).map_err(text)?);
    let base = match job.method {
        Method::Sft | Method::Kto | Method::Dpo => gemma::base_hash(&job.base)?,
        Method::Pretrain => gemma::config_hash(&job.base)?,
    };
    let sides = [of_examples(train), of_examples(held_out)];
    hasher.update(base.as_bytes());
    sides.iter().for_each(|side| {
        hasher.update(side.as_bytes());
    });
    hasher.update(&serde_json::to_vec(&job.objective).map_err(text)?);
    if job.method.is_preference() {
        let labels = train.list.iter().chain(&held_out.list).flat_map(|item| &item.sequences);
        labels.for_each(|sequence| {
            hasher.update(&[u8::from(sequence.desirable)]);
        });
        start.iter().flat_map(|parameter| &parameter.values).for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
    }
    let [train, held_out] = sides.map(|side| side.to_hex().to_string());
    Ok(Hashes { run: hasher.finalize().to_hex().to_string(), base: base.to_hex().to_string(), train, held_out })
}

fn of_examples(examples: &Examples) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for sequence in examples.list.iter().flat_map(|item| &item.sequences) {
        let example = &sequence.tokens;
        let bounds = [example.ids.len(), example.completion.start, example.completion.end];
        bounds.iter().for_each(|bound| {
            hasher.update(&(*bound as u64).to_le_bytes());
        });
        example.ids.iter().for_each(|id| {
            hasher.update(&id.to_le_bytes());
        });
        for (at, soft) in &sequence.soft {
            hasher.update(&(*at as u64).to_le_bytes());
            for (id, p) in &soft.known {
                hasher.update(&id.to_le_bytes()).update(&p.to_le_bytes());
            }
        }
    }
    hasher.finalize()
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

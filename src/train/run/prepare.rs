//! What a run does before its first step, beside reading.

use std::path::Path;
use std::time::Instant;

use jobs::{Progress, TrainingArguments};

use super::{Before, Run};
use crate::checkpoint::{self, Found, TrainState};
use crate::error::TrainError;
use crate::float::Float;
use crate::item::Sequence;
use crate::lower::LowerStates;
use crate::passes::Passes;
use crate::plan::TOKENS;
use crate::reference;

/// What the layers that are not trained make of `sequences`.
pub(crate) fn compute<T: Float>(
    passes: &Passes<'_, T>,
    sequences: &[&Sequence],
    folder: &Path,
) -> Result<LowerStates, TrainError> {
    let kept = LowerStates::reserve(sequences, passes.model.config().hidden_size, folder)?;
    let alone: Vec<&[Sequence]> = sequences.iter().map(|sequence| std::slice::from_ref(*sequence)).collect();
    let keep = |places: &[usize], sequences: &[&Sequence]| {
        let batch = Passes::<T>::batch(sequences);
        kept.write::<T>(places, &batch, &passes.model.lower(&batch)?)
    };
    passes.each(&alone, keep, |()| Ok(()))?;
    Ok(kept)
}

impl Run {
    /// Computes what the layers that are not trained make of the data, where there are such layers.
    pub(super) fn keep_lower(&mut self) -> Result<Option<Progress>, TrainError> {
        let layers = self.method.first();
        if layers == 0 {
            return Ok(None);
        }
        let started = Instant::now();
        self.bind()?;
        let sequences = self.train.list.iter_mut().chain(&mut self.held_out.list);
        for (place, sequence) in
            sequences.flat_map(|item| item.sequences.iter_mut().chain(&mut item.mismatched)).enumerate()
        {
            sequence.kept = Some(place);
        }
        let items = self.train.list.iter().chain(&self.held_out.list);
        let sequences: Vec<&Sequence> = items.flat_map(|item| item.sequences.iter().chain(&item.mismatched)).collect();
        // A run that never splits a batch means a batch, not all the data.
        let budget = self.job.arguments.micro_batch_tokens.filter(|tokens| *tokens > 0).unwrap_or(TOKENS);
        let arguments = TrainingArguments { micro_batch_tokens: Some(budget), ..self.job.arguments.clone() };
        let passes = Passes { arguments: &arguments, ..self.passes() };
        let kept = compute(&passes, &sequences, &self.job.checkpoint)?;
        let (tokens, mb, seconds) = (kept.tokens as u64, kept.mb(), started.elapsed().as_secs_f64());
        self.lower = Some(kept);
        Ok(Some(Progress::LowerLayers { layers: layers as u64, tokens, mb, seconds }))
    }

    /// By preferences: what the parameters that the run starts from give the completions.
    pub(super) fn measure_reference(&mut self) -> Result<(), TrainError> {
        if !self.job.method.is_preference() {
            return Ok(());
        }
        self.bind()?;
        let Self { model, job, pool, lower, train, held_out, .. } = self;
        let passes = Passes { model: model.as_ref(), arguments: &job.arguments, pool, lower: lower.as_ref() };
        for examples in [train, held_out] {
            reference::measure(&passes, &mut examples.list, &examples.fixed)?;
        }
        self.reference_loss = reference::desirable_loss(&self.held_out.list);
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<Found, TrainError> {
        let job = self.job.clone();
        let fingerprint = self.state.fingerprint.clone();
        let found = checkpoint::load(&job.checkpoint, &fingerprint, self.numbers())?;
        if let Found::State(state) = &found {
            let TrainState { seconds, processor_s, energy_j, .. } = *state;
            self.before = Before { seconds, processor_s, energy_j };
            self.state = TrainState { budget: self.split.budget, ..state.clone() };
        }
        Ok(found)
    }
}

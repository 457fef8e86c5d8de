//! Passes of a batch through the model, in rounds that keep the bound on memory.

use jobs::{Progress, TrainingArguments};
use rayon::ThreadPool;

use crate::batch::{Batch, split_microbatches};
use crate::engine::Engine;
use crate::error::TrainError;
use crate::float::Float;
use crate::item::{Item, Sequence, tokens};
use crate::linear::Gradients;
use crate::lower::LowerStates;
use crate::model::{Learning, Score};
use crate::objective::{Objective, Scored, z0};
use crate::parallel::in_parallel;
use crate::parameters::Parameter;

/// A model and how much goes through it at once: whoever leaves `micro_batch_tokens` out has it decided before (`plan`).
pub(crate) struct Passes<'a, T> {
    pub(crate) model: &'a dyn Engine<T>,
    pub(crate) arguments: &'a TrainingArguments,
    pub(crate) pool: &'a ThreadPool,
    /// What the layers that are not trained made of the data.
    pub(crate) lower: Option<&'a LowerStates>,
}

/// What a batch was like before it was learnt from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Learnt {
    pub(crate) loss: f64,
    /// By sequence, in the order of the passes: its log-ratio to the reference, and whether it is desirable.
    pub(crate) log_ratios: Vec<(f64, bool)>,
}

impl Learnt {
    /// The rewards of a step, by TRL's names.
    pub(crate) fn rewards(&self, step: u64, beta: f64, z0: Option<f64>) -> Progress {
        let mean = |wanted: bool| {
            let of = || self.log_ratios.iter().filter(|(_, desirable)| *desirable == wanted).map(|(ratio, _)| ratio);
            let count = of().count();
            (count > 0).then(|| beta * of().sum::<f64>() / count as f64)
        };
        let (chosen, rejected) = (mean(true), mean(false));
        Progress::Rewards {
            step,
            rewards_chosen: chosen,
            rewards_rejected: rejected,
            rewards_margins: chosen.zip(rejected).map(|(chosen, rejected)| chosen - rejected),
            kl: z0,
        }
    }
}

/// What batches cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The most of one batch.
    pub(crate) micro_batches: usize,
    /// Tokens of the sequences, those of them that are computed, and those that are learnt.
    pub(crate) tokens: usize,
    pub(crate) computed: usize,
    pub(crate) learnt: usize,
}

impl Plan {
    pub(crate) fn add(&mut self, other: &Self) {
        self.micro_batches = self.micro_batches.max(other.micro_batches);
        self.tokens += other.tokens;
        self.computed += other.computed;
        self.learnt += other.learnt;
    }
}

/// Items by their places in a batch, one list for each thread, round after round.
pub(crate) type Rounds = Vec<Vec<Vec<usize>>>;

impl<T: Float> Passes<'_, T> {
    /// How a batch is split; an item stays whole.
    pub(crate) fn rounds(&self, items: &[&[Sequence]]) -> Rounds {
        let tokens: Vec<_> = items.iter().map(|item| tokens(item)).collect();
        split_microbatches(
            &tokens,
            self.arguments.micro_batch_tokens.unwrap_or(0) as usize,
            self.model.parts(self.arguments.threads as usize),
        )
    }

    /// What one batch costs.
    pub(crate) fn plan(&self, items: &[&[Sequence]]) -> Plan {
        let sequences = || items.iter().copied().flatten();
        let (tokens, learnt) =
            (sequences().map(|s| s.tokens.ids.len()).sum(), sequences().map(Sequence::targets).sum());
        let mut plan = Plan { tokens, learnt, ..Plan::default() };
        for part in self.rounds(items).iter().flatten() {
            plan.micro_batches += 1;
            plan.computed += Self::batch(&sequences_at(items, part)).tree.tokens();
        }
        plan
    }

    /// `f` of every micro-batch; the results of one round after another.
    pub(crate) fn each<O: Send>(
        &self,
        items: &[&[Sequence]],
        f: impl Fn(&[usize], &[&Sequence]) -> Result<O, TrainError> + Sync,
        mut take: impl FnMut(O) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        for round in self.rounds(items) {
            let part = |places: &Vec<usize>| f(places, &sequences_at(items, places));
            for output in self.pool.install(|| in_parallel(&round, part))? {
                take(output)?;
            }
        }
        Ok(())
    }

    pub(crate) fn batch(sequences: &[&Sequence]) -> Batch {
        Batch::new(&sequences.iter().map(|s| &s.tokens).collect::<Vec<_>>())
    }

    /// The batch, with what is kept of the lower layers.
    fn filled_batch(&self, sequences: &[&Sequence]) -> Result<Batch, TrainError> {
        let mut batch = Self::batch(sequences);
        if let Some(lower) = self.lower {
            batch.lower = lower.read::<T>(&batch, sequences)?;
        }
        Ok(batch)
    }

    /// How the model predicts each sequence of each item, with the item's place. The order is that of the passes.
    pub(crate) fn scores(&self, items: &[&[Sequence]]) -> Result<Vec<(usize, Vec<Score>)>, TrainError> {
        let mut found = Vec::with_capacity(items.len());
        let score = |places: &[usize], sequences: &[&Sequence]| {
            let mut scores =
                self.model.score(&self.filled_batch(sequences)?, self.arguments.head_chunk as usize)?.into_iter();
            let of = |at: &usize| (*at, scores.by_ref().take(items.get(*at).map_or(0, |item| item.len())).collect());
            Ok(places.iter().map(of).collect::<Vec<_>>())
        };
        self.each(items, score, |part| {
            found.extend(part);
            Ok(())
        })?;
        Ok(found)
    }

    /// The reference point of a batch, nats; `None` where its items have no mismatched completions.
    pub(crate) fn z0(&self, items: &[&Item]) -> Result<Option<f64>, TrainError> {
        let mismatched: Vec<&Sequence> = items.iter().filter_map(|item| item.mismatched.as_ref()).collect();
        if mismatched.is_empty() {
            return Ok(None);
        }
        let alone: Vec<&[Sequence]> = mismatched.iter().map(|sequence| std::slice::from_ref(*sequence)).collect();
        let ratio = |(at, scores): &(usize, Vec<Score>)| {
            let reference = mismatched.get(*at).map_or(0.0, |sequence| sequence.reference);
            scores.iter().map(|score| -score.loss).sum::<f64>() - reference
        };
        Ok(Some(z0(&self.scores(&alone)?.iter().map(ratio).collect::<Vec<_>>())))
    }

    /// The loss of a batch, and its derivative by every parameter. The rounds go through the model one after another,
    /// so that only one of them is in memory.
    pub(crate) fn gradients(
        &self,
        objective: &dyn Objective,
        items: &[&Item],
        z0: f64,
        parameters: &[Parameter<T>],
    ) -> Result<(Learnt, Vec<Vec<T>>), TrainError> {
        let targets = items.iter().flat_map(|item| &item.sequences).map(Sequence::targets).sum();
        let weight = objective.weight(items.len(), targets);
        let how = Learning { weight, chunk: self.arguments.head_chunk as usize };
        let mut gradients: Vec<Vec<T>> = parameters.iter().map(|p| vec![T::default(); p.values.len()]).collect();
        let mut learnt = Learnt::default();
        let whole: Vec<&[Sequence]> = items.iter().map(|item| item.sequences.as_slice()).collect();
        let learn = |_: &[usize], sequences: &[&Sequence]| self.learn(objective, sequences, how, z0, parameters.len());
        self.each(&whole, learn, |(part, slopes): (Learnt, Gradients)| {
            learnt.loss += part.loss;
            learnt.log_ratios.extend(part.log_ratios);
            Ok(slopes.add_to(&mut gradients)?)
        })?;
        Ok((learnt, gradients))
    }

    fn learn(
        &self,
        objective: &dyn Objective,
        sequences: &[&Sequence],
        how: Learning,
        z0: f64,
        parameters: usize,
    ) -> Result<(Learnt, Gradients), TrainError> {
        let mut batch = self.filled_batch(sequences)?;
        if sequences.iter().any(|sequence| !sequence.soft.is_empty()) {
            batch.soft = sequences.iter().flat_map(|sequence| sequence.soft_targets()).collect();
        }
        let mut learnt = Learnt::default();
        let mut judge = |log_probabilities: &[f64]| {
            let scored: Vec<Scored<'_>> = batch
                .by_sequence(log_probabilities)
                .into_iter()
                .zip(sequences)
                .map(|(log_probabilities, sequence)| sequence.scored(log_probabilities))
                .collect();
            let terms = objective.terms(&scored, z0);
            let log_ratios = scored.iter().map(|s| (s.log_ratio(), s.desirable)).collect();
            learnt = Learnt { loss: terms.loss * how.weight, log_ratios };
            terms.slopes
        };
        let gradients = self.model.learn(&batch, how, parameters, &mut judge)?;
        Ok((learnt, gradients))
    }
}

/// The sequences of the items at `places`.
fn sequences_at<'a>(items: &[&'a [Sequence]], places: &[usize]) -> Vec<&'a Sequence> {
    places.iter().filter_map(|at| items.get(*at).copied()).flatten().collect()
}

#[cfg(test)]
mod tests;

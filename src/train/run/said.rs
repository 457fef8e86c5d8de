//! What a run says before its first step.

use jobs::Progress;

use super::Run;
use crate::checkpoint::TrainState;

impl Run {
    pub(super) fn start(&mut self) -> Progress {
        let plan = self.plan();
        self.planned = plan;
        Progress::Start {
            examples: self.train.list.len() as u64,
            held_out: self.held_out.list.len() as u64,
            dropped: self.train.dropped as u64,
            held_out_dropped: self.held_out.dropped as u64,
            parameters: self.parameters.iter().map(|p| p.values.len() as u64).sum(),
            steps: self.steps as u64,
            micro_batches: plan.micro_batches as u64,
            tokens: plan.tokens as u64,
            computed_tokens: plan.computed as u64,
            learnt_tokens: plan.learnt as u64,
            tokens_at_once: self.split.at_once as u64,
            recompute: self.split.recompute,
            memory_mb: self.split.memory_mb,
            memory_limit_mb: self.split.limit_mb,
        }
    }

    /// What is said of a run that goes on from `before`.
    pub(super) fn resumed(&self, before: &TrainState) -> Progress {
        let (began, now) = (before.budget, self.split.budget);
        let split_anew = (began != now).then(|| {
            format!("{began} tokens at once, with which it began, no longer fit the memory: it goes on with {now}")
        });
        Progress::Resumed { step: before.step as u64, split_anew }
    }
}

//! What a run says of itself beside its output, as far as it has come.

use jobs::report::{curve_path, report_path};
use jobs::{DataReport, HeldOutPoint, Tokens, TrainReport};

use super::Run;
use crate::curve;
use crate::data::Examples;
use crate::error::TrainError;
use crate::evaluate::Evaluation;

impl Run {
    /// Replaces the report and its drawing; `ended` says why the run is over.
    pub(super) fn write_report(&mut self, ended: Option<String>) -> Result<(), TrainError> {
        self.note_spent();
        let (report, out) = (self.report(ended), &self.job.out);
        if let Some(folder) = out.parent() {
            fs_err::create_dir_all(folder)?;
        }
        files::replace(&curve_path(out), curve::drawing(&report).svg.as_bytes())?;
        Ok(files::replace_json(&report_path(out), &report)?)
    }

    /// Notes what has been taken so far; often enough for the counters of energy.
    pub(super) fn note_spent(&mut self) {
        let energy_j = self.meter.energy_j().map(|joules| joules + self.before.energy_j.unwrap_or(0.0));
        let processor_s = self.before.processor_s + self.meter.processor_s();
        let seconds = self.seconds();
        let state = &mut self.state;
        (state.seconds, state.processor_s, state.energy_j) = (seconds, processor_s, energy_j);
    }

    fn report(&self, ended: Option<String>) -> TrainReport {
        let (job, state, planned, seconds) = (&self.job, &self.state, self.planned, self.seconds());
        let side = |path: &std::path::Path, blake3: &str, examples: &Examples| DataReport {
            path: path.to_path_buf(),
            blake3: blake3.to_owned(),
            examples: examples.list.len() as u64,
            dropped: examples.dropped as u64,
            soft_targets: examples.soft_targets() as u64,
        };
        TrainReport {
            ended,
            method: job.method,
            base: job.base.clone(),
            base_blake3: self.hashes.base.clone(),
            reference: job.reference.clone(),
            train: side(&job.train, &self.hashes.train, &self.train),
            held_out: side(&job.held_out, &self.hashes.held_out, &self.held_out),
            arguments: job.arguments.clone(),
            objective: job.objective,
            parameters: self.parameters.iter().map(|p| p.values.len() as u64).sum(),
            memory_mb: self.split.memory_mb,
            epoch: Tokens {
                logical: planned.tokens as u64,
                computed: planned.computed as u64,
                learnt: planned.learnt as u64,
            },
            steps: state.step as u64,
            steps_max: self.steps as u64,
            tokens: state.tokens as u64,
            seconds,
            processor_s: state.processor_s,
            energy_j: state.energy_j,
            tokens_per_s: if seconds > 0.0 { state.tokens as f64 / seconds } else { 0.0 },
            curve: state.curve.clone(),
            kept: state.best.as_ref().map(point),
        }
    }

    /// Why the run is over, in words.
    pub(super) fn ending(&self) -> String {
        let (arguments, state) = (&self.job.arguments, &self.state);
        let last = state.curve.held_out.last();
        let reached = |enough: Option<f64>, is: &dyn Fn(&HeldOutPoint, f64) -> bool| {
            enough.zip(last).filter(|(enough, last)| is(last, *enough)).map(|(enough, _)| enough)
        };
        if let Some(reason) = &self.stopped {
            return reason.clone();
        }
        if let Some(enough) = reached(arguments.stop_exact, &|last, enough| last.exact >= enough) {
            return format!("held-out replies are exact enough (stop_exact = {enough})");
        }
        if let Some(enough) = reached(arguments.stop_loss, &|last, enough| last.loss <= enough) {
            return format!("the held-out loss is low enough (stop_loss = {enough})");
        }
        let patience = arguments.patience as usize;
        if state.step >= self.steps {
            return format!("all {} steps are done", self.steps);
        }
        if patience > 0 && state.evals_since_best >= patience {
            return format!("no better evaluation among the last {} (patience = {patience})", state.evals_since_best);
        }
        format!("the time is over (max_seconds = {})", arguments.max_seconds)
    }
}

/// An evaluation as the curve has it.
pub(super) fn point(found: &Evaluation) -> HeldOutPoint {
    HeldOutPoint { step: found.step as u64, loss: found.loss, exact: found.exact }
}

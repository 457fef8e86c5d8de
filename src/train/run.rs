//! One job from start, or from its checkpoint, to the written adapter.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gemma::EMBEDDING;
use jobs::{Progress, TrainJob};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::checkpoint::{self, Found, Numbers, TrainState};
use crate::clock::WorkClock;
use crate::data::Examples;
use crate::engine::{self, Engine};
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::fingerprint::Hashes;
use crate::induction::Mixture;
use crate::item::{Item, Sequence};
use crate::job::{rate_factor, step_count};
use crate::lower::LowerStates;
use crate::objective::{self, Objective};
use crate::optim::{Optimizer, Rates, Rule, clip};
use crate::parameters::{Method, Parameter};
use crate::passes::{Learnt, Passes, Plan};
use crate::plan::Split;
use crate::ready::Ready;
use crate::spent::Meter;
use crate::{curve, output};

pub(crate) mod prepare;
mod report;
mod said;

/// What a run came to. Held-out figures are those of the parameters that were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub steps: u64,
    pub seconds: f64,
    /// What was minimised: nats a completion token, or a preference objective's mean.
    pub held_out_loss: f64,
    /// Share of (desirable) held-out replies that greedy decoding gives exactly.
    pub held_out_exact: f64,
    /// The adapter folder, or the model folder of a pretraining run.
    pub out: PathBuf,
}

/// Runs `job` to its end and writes the adapter (or, when everything is trained, the model) of its
/// best evaluation on the held-out examples. If the checkpoint folder holds a state of the same run,
/// it goes on from there and gives the same numbers as one that was never stopped.
///
/// # Errors
/// When data or model cannot be read, the run would not fit the memory, the loss is no number or far above where it
/// began, or what was learnt cannot be written.
pub fn run(job: &TrainJob, on_progress: &mut dyn FnMut(&Progress)) -> Result<Summary, TrainError> {
    run_until(job, &AtomicBool::new(false), on_progress)
}

/// The same, until `stop` is true: then the step at hand is finished and a checkpoint written.
///
/// # Errors
/// As [`run`], and [`TrainError::Interrupted`] when it was stopped.
pub fn run_until(
    job: &TrainJob,
    stop: &AtomicBool,
    on_progress: &mut dyn FnMut(&Progress),
) -> Result<Summary, TrainError> {
    let mut run = Run::new(job)?;
    on_progress(&run.start());
    if let Some(kept) = run.keep_lower()? {
        on_progress(&kept);
    }
    run.measure_reference()?;
    match run.resume()? {
        Found::Nothing => {}
        Found::State(before) => on_progress(&run.resumed(&before)),
        Found::Unusable(reason) => on_progress(&Progress::Restarted { reason }),
    }
    run.work(stop, on_progress)?;
    let summary = run.finish()?;
    on_progress(&Progress::Done {
        steps: summary.steps,
        seconds: summary.seconds,
        held_out_loss: summary.held_out_loss,
        held_out_exact: summary.held_out_exact,
        out: summary.out.clone(),
    });
    Ok(summary)
}

/// What the parts of a run before this one took.
#[derive(Clone, Copy, Default)]
struct Before {
    seconds: f64,
    processor_s: f64,
    energy_j: Option<f64>,
}

pub(crate) struct Run {
    /// With what it left open filled in.
    pub(crate) job: Arc<TrainJob>,
    model: Box<dyn Engine<f32>>,
    pool: ThreadPool,
    lower: Option<LowerStates>,
    method: Method,
    objective: Box<dyn Objective>,
    /// What the desirable held-out completions cost the reference, nats a token.
    reference_loss: Option<f64>,
    parameters: Vec<Parameter<f32>>,
    optimizer: Optimizer,
    best: Vec<Vec<f32>>,
    pub(crate) train: Examples,
    pub(crate) held_out: Examples,
    bos: u32,
    pub(crate) split: Split,
    pub(crate) steps_per_epoch: usize,
    pub(crate) steps: usize,
    planned: Plan,
    hashes: Hashes,
    /// Why it ended early, where it had begun to do harm.
    stopped: Option<String>,
    /// The epoch whose batches are at hand.
    epoch: Option<u64>,
    batches: Vec<Vec<usize>>,
    state: TrainState,
    clock: WorkClock,
    meter: Meter,
    /// What the parts before this one took.
    before: Before,
    /// The last checkpoint could not be written.
    unsaved: bool,
}

impl Run {
    pub(crate) fn new(job: &TrainJob) -> Result<Self, TrainError> {
        let (clock, meter) = (WorkClock::start()?, Meter::start());
        let Ready { job, config, train, held_out, bos, method, longest, split, parameters, hashes } = Ready::new(job)?;
        let arguments = &job.arguments;
        let pool = ThreadPoolBuilder::new().num_threads(arguments.threads as usize).build()?;
        let model = pool.install(|| engine::load(&job, config, method, longest))?;
        let is_matrix = |parameter: &Parameter<f32>| method == Method::Full && parameter.name != EMBEDDING;
        let rules = parameters.iter().map(|p| if is_matrix(p) { Rule::Muon } else { Rule::AdamW }).collect();
        let optimizer = Optimizer::new(rules, &parameters, arguments.weight_decay as f32);
        let steps_per_epoch = train.batches(arguments, 0).len();
        let state = TrainState { fingerprint: hashes.run.clone(), budget: split.budget, ..TrainState::default() };
        Ok(Self {
            objective: objective::of(job.method, job.objective),
            model,
            pool,
            lower: None,
            method,
            reference_loss: None,
            parameters,
            optimizer,
            best: Vec::new(),
            train,
            held_out,
            bos,
            split,
            planned: Plan::default(),
            hashes,
            stopped: None,
            steps_per_epoch,
            steps: step_count(arguments, steps_per_epoch),
            epoch: None,
            batches: Vec::new(),
            state,
            clock,
            meter,
            before: Before::default(),
            unsaved: false,
            job,
        })
    }

    /// What the first epoch costs; the others are much the same.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        self.train.batches(&self.job.arguments, 0).iter().for_each(|batch| plan.add(&self.plan_of(batch)));
        plan
    }

    fn plan_of(&self, batch: &[usize]) -> Plan {
        let items = batch.iter().filter_map(|i| self.train.list.get(*i));
        let items: Vec<&[Sequence]> = items.map(|item| item.sequences.as_slice()).collect();
        self.passes().plan(&items)
    }

    fn passes(&self) -> Passes<'_, f32> {
        let Self { model, job, pool, lower, .. } = self;
        Passes { model: model.as_ref(), arguments: &job.arguments, pool, lower: lower.as_ref() }
    }

    /// Puts the parameters into the model.
    pub(crate) fn bind(&mut self) -> Result<(), TrainError> {
        Ok(self.model.bind(self.method, &self.parameters)?)
    }

    fn numbers(&mut self) -> Numbers<'_> {
        Numbers { parameters: &mut self.parameters, optimizer: &mut self.optimizer, best: &mut self.best }
    }

    /// Time at work, that of the parts before this one included.
    fn seconds(&self) -> f64 {
        self.before.seconds + self.clock.seconds()
    }

    fn work(&mut self, stop: &AtomicBool, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
        let job = self.job.clone();
        let arguments = &job.arguments;
        self.bind()?;
        let mut saved_at = self.seconds();
        let every = arguments.evaluate_every_steps as usize;
        let mut evaluated = false;
        // What a run by preferences starts from is worth keeping until it has found better.
        if self.job.method.is_preference() && self.state.step == 0 {
            self.evaluate(on_progress)?;
        }
        while self.state.step < self.steps && self.seconds() < arguments.max_seconds {
            let (learnt, z0) = self.step()?;
            let loss = learnt.loss;
            let step = self.state.step as u64;
            curve::add_step(&mut self.state.curve, step, loss);
            let seconds = self.seconds();
            let tokens_per_s = self.state.tokens as f64 / seconds;
            on_progress(&Progress::Step { step, of: self.steps as u64, loss, tokens_per_s, seconds });
            if self.job.method.is_preference() {
                on_progress(&learnt.rewards(step, self.job.objective.beta, z0));
            }
            evaluated = every > 0 && self.state.step.is_multiple_of(every);
            if evaluated && self.evaluate(on_progress)? {
                break;
            }
            let (now, asked_to_stop) = (self.seconds(), stop.load(Ordering::Relaxed));
            // A state whose loss has gone astray is none to go on from.
            if (asked_to_stop || now - saved_at >= arguments.checkpoint_every_s) && self.state.health.is_well() {
                saved_at = now;
                self.save(on_progress);
            }
            if asked_to_stop {
                return Err(TrainError::Interrupted { step: self.state.step });
            }
        }
        if !evaluated {
            self.evaluate(on_progress)?;
        }
        Ok(())
    }

    /// Writes a checkpoint. A full disk costs what was learnt since the last one if the run is killed, and nothing else:
    /// it goes on, and tries again when the next one is due.
    fn save(&mut self, on_progress: &mut dyn FnMut(&Progress)) {
        self.note_spent();
        let (job, state, step) = (self.job.clone(), self.state.clone(), self.state.step as u64);
        let saved = checkpoint::save(&job.checkpoint, &state, &self.numbers());
        match saved.and_then(|()| self.write_report(None)) {
            Ok(()) => {
                self.unsaved = false;
                on_progress(&Progress::Checkpoint { step });
            }
            Err(error) if !self.unsaved => {
                self.unsaved = true;
                on_progress(&Progress::CheckpointFailed { step, error: error.to_string() });
            }
            Err(_) => {}
        }
    }

    /// The places of the next step's examples.
    fn next_batch(&mut self) -> Vec<usize> {
        let step = self.state.step;
        let epoch = (step / self.steps_per_epoch) as u64;
        if self.epoch != Some(epoch) {
            self.batches = self.train.batches(&self.job.arguments, epoch);
            self.epoch = Some(epoch);
        }
        self.batches.get(step % self.steps_per_epoch).cloned().unwrap_or_default()
    }

    /// The examples at `places`; in pretraining some are rows of the copy curriculum instead.
    fn items(&self, places: &[usize]) -> Vec<Item> {
        let mut items: Vec<Item> = places.iter().filter_map(|i| self.train.list.get(*i).cloned()).collect();
        if self.method == Method::Full {
            let (arguments, pretraining, step) = (&self.job.arguments, self.job.pretraining, self.state.step);
            let first = (step as f64) < pretraining.copy_first_part * f64::from(arguments.max_steps);
            let share = if first { pretraining.copy_share_first } else { pretraining.copy_share_after };
            let vocabulary = self.model.config().vocab_size as u32;
            Mixture { share, seed: arguments.seed, step, bos: self.bos, vocabulary }.into_items(&mut items);
        }
        items
    }

    /// What the next step costs.
    pub(crate) fn plan_of_next(&mut self) -> Plan {
        let places = self.next_batch();
        self.plan_of(&places)
    }

    /// One step; what its batch was like before it, and the batch's reference point.
    pub(crate) fn step(&mut self) -> Result<(Learnt, Option<f64>), TrainError> {
        let places = self.next_batch();
        let items = self.items(&places);
        let job = self.job.clone();
        let arguments = &job.arguments;
        let batch: Vec<&Item> = items.iter().collect();
        let passes = self.passes();
        let z0 = passes.z0(&batch)?;
        let (learnt, mut gradients) =
            passes.gradients(self.objective.as_ref(), &batch, z0.unwrap_or(0.0), &self.parameters)?;
        let (step, loss) = (self.state.step, learnt.loss);
        let vocabulary = self.model.config().vocab_size as f64;
        let guessing = if job.method.is_preference() { f64::INFINITY } else { vocabulary.ln() };
        // Before anything is changed: what the step began with is good.
        let norm = clip(&mut gradients, arguments.clip_norm);
        if let Some(what) = self.state.health.problem(loss, norm, guessing) {
            let examples = self.train.whereabouts(&job.train, &places);
            return Err(TrainError::Diverged { step: step + 1, what, examples });
        }
        let factor = rate_factor(arguments, step, self.steps);
        let rates = Rates {
            adam: (arguments.learning_rate * factor) as f32,
            muon: (self.job.pretraining.matrix_learning_rate * factor) as f32,
        };
        let (optimizer, parameters) = (&mut self.optimizer, &mut self.parameters);
        self.pool.install(|| optimizer.step(parameters, &gradients, rates, step + 1))?;
        self.bind()?;
        self.state.step += 1;
        self.state.tokens += items.iter().flat_map(|item| &item.sequences).map(|s| s.tokens.ids.len()).sum::<usize>();
        Ok((learnt, z0))
    }

    /// Evaluates on the held-out examples; says whether that ends the run.
    fn evaluate(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<bool, TrainError> {
        let job = self.job.clone();
        let arguments = &job.arguments;
        let (passes, step, held_out) = (self.passes(), self.state.step, &self.held_out);
        let found = if self.job.method.is_preference() {
            Evaluation::of_preferences(&passes, self.objective.as_ref(), &held_out.list, &held_out.fixed, step)?
        } else {
            Evaluation::of(&passes, &held_out.list, step)?
        };
        on_progress(&found.progress());
        curve::add_evaluation(&mut self.state.curve, report::point(&found));
        if let Some(reason) = found.harm(self.reference_loss, self.job.objective.beta) {
            on_progress(&Progress::Stopped { step: step as u64, reason: reason.clone() });
            self.stopped = Some(reason);
            return Ok(true);
        }
        if self.state.best.is_none_or(|best| found.is_better_than(&best)) {
            self.state.best = Some(found);
            self.state.evals_since_best = 0;
            self.best = self.parameters.iter().map(|p| p.values.clone()).collect();
        } else {
            self.state.evals_since_best += 1;
        }
        // A full disk ends no run; the report is written again.
        self.write_report(None).ok();
        let patience = arguments.patience as usize;
        Ok(arguments.stop_exact.is_some_and(|enough| found.exact >= enough)
            || arguments.stop_loss.is_some_and(|enough| found.loss <= enough)
            || (patience > 0 && self.state.evals_since_best >= patience))
    }

    fn finish(mut self) -> Result<Summary, TrainError> {
        for (parameter, best) in self.parameters.iter_mut().zip(std::mem::take(&mut self.best)) {
            parameter.values = best;
        }
        output::write(&self.job, self.method, self.model.config(), &self.parameters)?;
        self.write_report(Some(self.ending()))?;
        let (held_out_loss, held_out_exact) = self.state.best.map_or((f64::NAN, 0.0), |b| (b.loss, b.exact));
        let (steps, seconds) = (self.state.step as u64, self.seconds());
        Ok(Summary { steps, seconds, held_out_loss, held_out_exact, out: self.job.out.clone() })
    }
}

#[cfg(test)]
mod tests;

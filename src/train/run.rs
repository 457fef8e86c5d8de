//! One job from start, or from its checkpoint, to the written adapter.

use std::path::PathBuf;
use std::time::Instant;

use gemma::{Config, EMBEDDING, Tokenizer, Weights};
use jobs::{Curve, Progress, TrainJob};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::epoch_batches;
use crate::checkpoint::{self, Found, Numbers, TrainState};
use crate::data::Examples;
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::fingerprint::Hashes;
use crate::item::{Item, Sequence};
use crate::job::{rate_factor, starting_parameters, step_count, trained};
use crate::memory::{Largest, Load, limit_mb};
use crate::model::Model;
use crate::objective::{self, Objective};
use crate::optim::{Optimizer, Rates, Rule, clip};
use crate::parameters::{Method, Parameter};
use crate::passes::{Learnt, Passes, Plan};
use crate::{curve, fingerprint, induction, output, reference};

mod report;

/// Stream of the copy curriculum's random numbers, with the step added.
const COPY_STREAM: u64 = 1 << 41;
/// Ids below this are control tokens in every Gemma-like tokenizer that is trained here.
const FIRST_TEXT_TOKEN: u32 = 8;

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
/// When data or model cannot be read, the run would not fit the memory, the loss is no number, or
/// something cannot be written.
pub fn run(job: &TrainJob, on_progress: &mut dyn FnMut(&Progress)) -> Result<Summary, TrainError> {
    let mut run = Run::new(job)?;
    on_progress(&run.start());
    run.measure_reference()?;
    match run.resume()? {
        Found::Nothing => {}
        Found::State(_) => on_progress(&Progress::Resumed { step: run.state.step as u64 }),
        Found::Unusable(reason) => on_progress(&Progress::Restarted { reason }),
    }
    run.work(on_progress)?;
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

struct Run<'a> {
    job: &'a TrainJob,
    model: Model<f32>,
    method: Method,
    objective: Box<dyn Objective>,
    /// What the desirable held-out completions cost the reference, nats a token.
    reference_loss: Option<f64>,
    parameters: Vec<Parameter<f32>>,
    optimizer: Optimizer,
    best: Vec<Vec<f32>>,
    train: Examples,
    held_out: Examples,
    bos: u32,
    memory_mb: u64,
    planned: Plan,
    hashes: Hashes,
    /// Why it ended early, where it had begun to do harm.
    stopped: Option<String>,
    steps_per_epoch: usize,
    steps: usize,
    /// The epoch whose batches are at hand.
    epoch: Option<u64>,
    batches: Vec<Vec<usize>>,
    state: TrainState,
    started: Instant,
    /// Seconds of the parts before this one.
    before: f64,
}

impl<'a> Run<'a> {
    fn new(job: &'a TrainJob) -> Result<Self, TrainError> {
        let started = Instant::now();
        let arguments = &job.arguments;
        let config = Config::load(&job.base)?;
        let tokenizer = Tokenizer::load(&job.base)?;
        tokenizer.check_fits(config.vocab_size)?;
        let mut train = Examples::read(&job.train, &tokenizer, job.method, arguments)?;
        let mut held_out = Examples::read(&job.held_out, &tokenizer, job.method, arguments)?;
        train.weigh(job.objective.kl_weight);
        // Held-out examples say how well the answers are predicted, whatever is minimised.
        held_out.weigh(0.0);
        let method = trained(job);
        let largest = largest(arguments.batch_size as usize, &[&train, &held_out]);
        let load = match method {
            Method::LowRank { rank, .. } => Load::new(arguments, config.lora_parameters(rank), largest, rank),
            Method::Full => Load::new(arguments, config.parameters(), largest, 0),
        };
        let memory_mb = load.check(&config, arguments.recompute, limit_mb(arguments))?;
        let parameters = starting_parameters(job, &config)?;
        let hashes = fingerprint::of(job, &train, &held_out, &parameters)?;
        let mut model = match method {
            Method::LowRank { .. } => Model::load(config, &Weights::load(&job.base)?, largest.longest)?,
            Method::Full => {
                Model::build(config, largest.longest, &mut |name, shape| Ok(output::initial_norm(name, shape)))?
            }
        };
        model.recompute = arguments.recompute;
        let rules = parameters
            .iter()
            .map(|p| if method == Method::Full && p.name != EMBEDDING { Rule::Muon } else { Rule::AdamW })
            .collect();
        let optimizer = Optimizer::new(rules, &parameters, arguments.weight_decay as f32);
        let steps_per_epoch = match train.fixed.len() {
            0 => train.list.len().div_ceil(arguments.batch_size as usize),
            fixed => fixed,
        };
        let fingerprint = hashes.run.clone();
        let curve = Curve::default();
        let state =
            TrainState { fingerprint, step: 0, seconds: 0.0, tokens: 0, best: None, evals_since_best: 0, curve };
        Ok(Self {
            job,
            model,
            method,
            objective: objective::of(job.method, job.objective),
            reference_loss: None,
            parameters,
            optimizer,
            best: Vec::new(),
            train,
            held_out,
            bos: tokenizer.special.bos,
            memory_mb,
            planned: Plan::default(),
            hashes,
            stopped: None,
            steps_per_epoch,
            steps: step_count(arguments, steps_per_epoch),
            epoch: None,
            batches: Vec::new(),
            state,
            started,
            before: 0.0,
        })
    }

    fn start(&mut self) -> Progress {
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
            memory_mb: self.memory_mb,
        }
    }

    /// What the first epoch costs; the others are much the same.
    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        for batch in self.epoch_batches(0) {
            let items = batch.iter().filter_map(|i| self.train.list.get(*i));
            let items: Vec<&[Sequence]> = items.map(|item| item.sequences.as_slice()).collect();
            plan.add(&self.passes().plan(&items));
        }
        plan
    }

    fn epoch_batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        if !self.train.fixed.is_empty() {
            return self.train.fixed.clone();
        }
        let lengths: Vec<usize> = self.train.list.iter().map(|item| item.longest_learnt()).collect();
        epoch_batches(&lengths, self.job.arguments.batch_size as usize, self.job.arguments.seed, epoch)
    }

    fn passes(&self) -> Passes<'_, f32> {
        Passes { model: &self.model, arguments: &self.job.arguments }
    }

    /// By preferences: what the parameters that the run starts from give the completions.
    fn measure_reference(&mut self) -> Result<(), TrainError> {
        if !self.job.method.is_preference() {
            return Ok(());
        }
        self.model.bind(self.method, &self.parameters)?;
        let passes = Passes { model: &self.model, arguments: &self.job.arguments };
        for examples in [&mut self.train, &mut self.held_out] {
            reference::measure(&passes, &mut examples.list, &examples.fixed)?;
        }
        self.reference_loss = reference::desirable_loss(&self.held_out.list);
        Ok(())
    }

    fn numbers(&mut self) -> Numbers<'_> {
        Numbers { parameters: &mut self.parameters, optimizer: &mut self.optimizer, best: &mut self.best }
    }

    fn resume(&mut self) -> Result<Found, TrainError> {
        let folder = &self.job.checkpoint;
        let fingerprint = self.state.fingerprint.clone();
        let found = checkpoint::load(folder, &fingerprint, self.numbers())?;
        if let Found::State(state) = &found {
            self.before = state.seconds;
            self.state = state.clone();
        }
        Ok(found)
    }

    fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    fn work(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
        let arguments = &self.job.arguments;
        self.model.bind(self.method, &self.parameters)?;
        let mut saved_at = self.started.elapsed().as_secs_f64();
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
            let now = self.started.elapsed().as_secs_f64();
            if now - saved_at >= arguments.checkpoint_every_s {
                saved_at = now;
                self.state.seconds = self.seconds();
                let (job, state) = (self.job, self.state.clone());
                checkpoint::save(&job.checkpoint, &state, &self.numbers())?;
                self.write_report(None)?;
                on_progress(&Progress::Checkpoint { step });
            }
        }
        if !evaluated {
            self.evaluate(on_progress)?;
        }
        Ok(())
    }

    /// The examples of the next step; in pretraining some are rows of the copy curriculum.
    fn next_items(&mut self) -> Vec<Item> {
        let (arguments, pretraining, step) = (&self.job.arguments, self.job.pretraining, self.state.step);
        let epoch = (step / self.steps_per_epoch) as u64;
        if self.epoch != Some(epoch) {
            self.batches = self.epoch_batches(epoch);
            self.epoch = Some(epoch);
        }
        let indices = self.batches.get(step % self.steps_per_epoch).map_or(&[][..], Vec::as_slice);
        let mut items: Vec<Item> = indices.iter().filter_map(|i| self.train.list.get(*i).cloned()).collect();
        if self.method == Method::Full {
            let first = (step as f64) < pretraining.copy_first_part * f64::from(arguments.max_steps);
            let share = if first { pretraining.copy_share_first } else { pretraining.copy_share_after };
            let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
            rng.set_stream(COPY_STREAM + step as u64);
            let vocabulary = self.model.config.vocab_size as u32;
            let tokens = FIRST_TEXT_TOKEN.min(vocabulary - 1)..vocabulary;
            for Sequence { tokens: example, .. } in items.iter_mut().flat_map(|item| &mut item.sequences) {
                if rng.random::<f64>() < share {
                    *example = induction::row(&mut rng, self.bos, tokens.clone(), example.ids.len());
                }
            }
        }
        items
    }

    /// One step; what its batch was like before it, and the batch's reference point.
    fn step(&mut self) -> Result<(Learnt, Option<f64>), TrainError> {
        let items = self.next_items();
        let arguments = &self.job.arguments;
        let batch: Vec<&Item> = items.iter().collect();
        let passes = self.passes();
        let z0 = passes.z0(&batch)?;
        let (learnt, mut gradients) =
            passes.gradients(self.objective.as_ref(), &batch, z0.unwrap_or(0.0), &self.parameters)?;
        let (step, loss) = (self.state.step, learnt.loss);
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: step + 1, loss });
        }
        clip(&mut gradients, arguments.clip_norm);
        let factor = rate_factor(arguments, step, self.steps);
        let rates = Rates {
            adam: (arguments.learning_rate * factor) as f32,
            muon: (self.job.pretraining.matrix_learning_rate * factor) as f32,
        };
        self.optimizer.step(&mut self.parameters, &gradients, rates, step + 1, arguments.threads as usize)?;
        self.model.bind(self.method, &self.parameters)?;
        self.state.step += 1;
        self.state.tokens += items.iter().flat_map(|item| &item.sequences).map(|s| s.tokens.ids.len()).sum::<usize>();
        Ok((learnt, z0))
    }

    /// Evaluates on the held-out examples; says whether that ends the run.
    fn evaluate(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<bool, TrainError> {
        let arguments = &self.job.arguments;
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
        self.write_report(None)?;
        let patience = arguments.patience as usize;
        Ok(arguments.stop_exact.is_some_and(|enough| found.exact >= enough)
            || arguments.stop_loss.is_some_and(|enough| found.loss <= enough)
            || (patience > 0 && self.state.evals_since_best >= patience))
    }

    fn finish(mut self) -> Result<Summary, TrainError> {
        for (parameter, best) in self.parameters.iter_mut().zip(std::mem::take(&mut self.best)) {
            parameter.values = best;
        }
        match self.method {
            Method::LowRank { .. } => output::write_adapter(self.job, &self.model.config, &self.parameters)?,
            Method::Full => output::write_model(self.job, &self.model.config, &self.parameters)?,
        }
        self.write_report(Some(self.ending()))?;
        let (held_out_loss, held_out_exact) = self.state.best.map_or((f64::NAN, 0.0), |b| (b.loss, b.exact));
        let (steps, seconds) = (self.state.step as u64, self.seconds());
        Ok(Summary { steps, seconds, held_out_loss, held_out_exact, out: self.job.out.clone() })
    }
}

/// What the data of a run ask for at most.
fn largest(batch_size: usize, examples: &[&Examples]) -> Largest {
    let fixed = examples.iter().flat_map(|examples| &examples.fixed).map(Vec::len);
    Largest {
        longest: examples.iter().map(|examples| examples.longest()).max().unwrap_or(0),
        item: examples.iter().map(|examples| examples.sequences()).max().unwrap_or(1),
        batch: fixed.chain([batch_size]).max().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests;

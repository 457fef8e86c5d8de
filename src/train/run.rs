//! One job from start, or from its checkpoint, to the written adapter.

use std::path::PathBuf;
use std::time::Instant;

use gemma::{Config, EMBEDDING, TokenisedExample, Tokenizer, Weights};
use jobs::{Method as JobMethod, Progress, TrainJob};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::{Batch, epoch_batches, split_microbatches};
use crate::checkpoint::{self, Found, Numbers, TrainState};
use crate::data::Examples;
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::job::{rate_factor, step_count};
use crate::memory::{Load, limit_mb};
use crate::model::{Learning, Model};
use crate::optim::{Optimizer, Rates, Rule, clip};
use crate::parallel::in_parallel;
use crate::parameters::{Method, Parameter};
use crate::{fingerprint, induction, output};

/// Streams of the run's random numbers; orders of epochs use the small ones.
const START_STREAM: u64 = 1 << 40;
const COPY_STREAM: u64 = 1 << 41;
/// Ids below this are control tokens in every Gemma-like tokenizer that is trained here.
const FIRST_TEXT_TOKEN: u32 = 8;

/// What a run came to. Held-out figures are those of the parameters that were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub steps: u64,
    pub seconds: f64,
    /// Nats a completion token.
    pub held_out_loss: f64,
    /// Share of held-out replies that greedy decoding gives exactly.
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
    parameters: Vec<Parameter<f32>>,
    optimizer: Optimizer,
    best: Vec<Vec<f32>>,
    train: Examples,
    held_out: Examples,
    bos: u32,
    pad: u32,
    memory_mb: u64,
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
        let max_tokens = arguments.max_tokens as usize;
        let config = Config::load(&job.base)?;
        let tokenizer = Tokenizer::load(&job.base)?;
        tokenizer.check_fits(config.vocab_size)?;
        let train = Examples::read(&job.train, &tokenizer, max_tokens)?;
        let held_out = Examples::read(&job.held_out, &tokenizer, max_tokens)?;
        let rank = arguments.rank as usize;
        let method = match job.method {
            JobMethod::Sft => Method::LowRank { rank, scale: arguments.alpha / f64::from(arguments.rank) },
            JobMethod::Pretrain => Method::Full,
        };
        let longest = train.longest().max(held_out.longest());
        let load = match job.method {
            JobMethod::Sft => Load::new(arguments, config.lora_parameters(rank), longest, rank),
            JobMethod::Pretrain => Load::new(arguments, config.parameters(), longest, 0),
        };
        let memory_mb = load.check(&config, arguments.recompute, limit_mb(arguments))?;
        let fingerprint = fingerprint::of(job, &train, &held_out)?;
        let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
        rng.set_stream(START_STREAM);
        let parameters = method.parameters(&config, &mut rng);
        let mut model = match job.method {
            JobMethod::Sft => Model::load(config, &Weights::load(&job.base)?, longest)?,
            JobMethod::Pretrain => {
                Model::build(config, longest, &mut |name, shape| Ok(output::initial_norm(name, shape)))?
            }
        };
        model.recompute = arguments.recompute;
        let rules = parameters
            .iter()
            .map(|p| if method == Method::Full && p.name != EMBEDDING { Rule::Muon } else { Rule::AdamW })
            .collect();
        let optimizer = Optimizer::new(rules, &parameters, arguments.weight_decay as f32);
        let steps_per_epoch = train.list.len().div_ceil(arguments.batch_size as usize);
        let state = TrainState { fingerprint, step: 0, seconds: 0.0, tokens: 0, best: None, evals_since_best: 0 };
        Ok(Self {
            job,
            model,
            method,
            parameters,
            optimizer,
            best: Vec::new(),
            train,
            held_out,
            bos: tokenizer.special.bos,
            pad: tokenizer.special.pad,
            memory_mb,
            steps_per_epoch,
            steps: step_count(arguments, steps_per_epoch),
            epoch: None,
            batches: Vec::new(),
            state,
            started,
            before: 0.0,
        })
    }

    fn start(&self) -> Progress {
        Progress::Start {
            examples: self.train.list.len() as u64,
            held_out: self.held_out.list.len() as u64,
            dropped: self.train.dropped as u64,
            held_out_dropped: self.held_out.dropped as u64,
            parameters: self.parameters.iter().map(|p| p.values.len() as u64).sum(),
            steps: self.steps as u64,
            micro_batches: self.micro_batches_max() as u64,
            memory_mb: self.memory_mb,
        }
    }

    /// The most that a batch of the first epoch is split into; the other epochs' are much the same.
    fn micro_batches_max(&self) -> usize {
        let arguments = &self.job.arguments;
        let count = |batch: &Vec<usize>| {
            let examples: Vec<&TokenisedExample> = batch.iter().filter_map(|i| self.train.list.get(*i)).collect();
            let rounds =
                split_microbatches(&examples, arguments.micro_batch_tokens as usize, arguments.threads as usize);
            rounds.iter().map(Vec::len).sum::<usize>()
        };
        self.epoch_batches(0).iter().map(count).max().unwrap_or(0)
    }

    fn epoch_batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths: Vec<usize> = self.train.list.iter().map(|e| e.ids.len()).collect();
        epoch_batches(&lengths, self.job.arguments.batch_size as usize, self.job.arguments.seed, epoch)
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
        while self.state.step < self.steps && self.seconds() < arguments.max_seconds {
            let loss = self.step()?;
            let step = self.state.step as u64;
            let seconds = self.seconds();
            let tokens_per_s = self.state.tokens as f64 / seconds;
            on_progress(&Progress::Step { step, of: self.steps as u64, loss, tokens_per_s, seconds });
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
                on_progress(&Progress::Checkpoint { step });
            }
        }
        if !evaluated {
            self.evaluate(on_progress)?;
        }
        Ok(())
    }

    /// The examples of the next step; in pretraining some are rows of the copy curriculum.
    fn next_examples(&mut self) -> Vec<TokenisedExample> {
        let (arguments, pretraining, step) = (&self.job.arguments, self.job.pretraining, self.state.step);
        let epoch = (step / self.steps_per_epoch) as u64;
        if self.epoch != Some(epoch) {
            self.batches = self.epoch_batches(epoch);
            self.epoch = Some(epoch);
        }
        let indices = self.batches.get(step % self.steps_per_epoch).map_or(&[][..], Vec::as_slice);
        let mut examples: Vec<TokenisedExample> =
            indices.iter().filter_map(|i| self.train.list.get(*i).cloned()).collect();
        if self.method == Method::Full {
            let first = (step as f64) < pretraining.copy_first_part * f64::from(arguments.max_steps);
            let share = if first { pretraining.copy_share_first } else { pretraining.copy_share_after };
            let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
            rng.set_stream(COPY_STREAM + step as u64);
            let vocabulary = self.model.config.vocab_size as u32;
            let tokens = FIRST_TEXT_TOKEN.min(vocabulary - 1)..vocabulary;
            for example in &mut examples {
                if rng.random::<f64>() < share {
                    *example = induction::row(&mut rng, self.bos, tokens.clone(), example.ids.len());
                }
            }
        }
        examples
    }

    fn step(&mut self) -> Result<f64, TrainError> {
        let examples = self.next_examples();
        let arguments = &self.job.arguments;
        let threads = arguments.threads as usize;
        let references: Vec<&TokenisedExample> = examples.iter().collect();
        let rounds = split_microbatches(&references, arguments.micro_batch_tokens as usize, threads);
        let (loss, mut gradients) = self.gradients(&rounds)?;
        let step = self.state.step;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: step + 1, loss });
        }
        clip(&mut gradients, arguments.clip_norm);
        let factor = rate_factor(arguments, step, self.steps);
        let rates = Rates {
            adam: (arguments.learning_rate * factor) as f32,
            muon: (self.job.pretraining.matrix_learning_rate * factor) as f32,
        };
        self.optimizer.step(&mut self.parameters, &gradients, rates, step + 1, threads)?;
        self.model.bind(self.method, &self.parameters)?;
        self.state.step += 1;
        self.state.tokens += examples.iter().map(|e| e.ids.len()).sum::<usize>();
        Ok(loss)
    }

    /// The mean loss a completion token of a batch (nats), and its derivative by every parameter. The rounds
    /// go through the model one after another, so that only one of them is in memory.
    fn gradients(&self, rounds: &[Vec<Vec<&TokenisedExample>>]) -> Result<(f64, Vec<Vec<f32>>), TrainError> {
        let arguments = &self.job.arguments;
        let completion: usize = rounds.iter().flatten().flatten().map(|e| targets(e)).sum();
        let how = Learning { weight: 1.0 / completion.max(1) as f64, chunk: arguments.head_chunk as usize };
        let mut gradients: Vec<Vec<f32>> = self.parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
        let mut loss = 0.0;
        for round in rounds {
            let learn = |part: &Vec<&TokenisedExample>| {
                Ok(self.model.learn(&Batch::new(part, self.pad), how, self.parameters.len())?)
            };
            for (sum, part) in in_parallel(round, arguments.threads as usize, learn)? {
                loss += sum * how.weight;
                part.add_to(&mut gradients)?;
            }
        }
        Ok((loss, gradients))
    }

    /// Evaluates on the held-out examples; says whether that ends the run.
    fn evaluate(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<bool, TrainError> {
        let arguments = &self.job.arguments;
        let found = Evaluation::of(&self.model, &self.held_out.list, self.pad, arguments, self.state.step)?;
        on_progress(&Progress::HeldOut { step: found.step as u64, loss: found.loss, exact: found.exact });
        if self.state.best.is_none_or(|best| found.is_better_than(&best)) {
            self.state.best = Some(found);
            self.state.evals_since_best = 0;
            self.best = self.parameters.iter().map(|p| p.values.clone()).collect();
        } else {
            self.state.evals_since_best += 1;
        }
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
        let (held_out_loss, held_out_exact) = self.state.best.map_or((f64::NAN, 0.0), |b| (b.loss, b.exact));
        let (steps, seconds) = (self.state.step as u64, self.seconds());
        Ok(Summary { steps, seconds, held_out_loss, held_out_exact, out: self.job.out.clone() })
    }
}

/// Completion tokens that have a token before them: what an example teaches.
fn targets(example: &TokenisedExample) -> usize {
    example.completion.clone().filter(|at| *at > 0).count()
}

#[cfg(test)]
mod tests;

//! One job from start, or from its checkpoint, to the written adapter.

use std::time::Instant;

use gemma::{Config, EMBEDDING, Example, SaveAs, Tensor32, Tokenizer, Weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::{Batch, deal, order, read};
use crate::checkpoint::{self, Best, Numbers, State};
use crate::copying;
use crate::error::TrainError;
use crate::job::{Job, JobMethod};
use crate::model::{Learning, Model, Score};
use crate::optim::{Optimizer, Rates, Rule, clip};
use crate::parallel::in_parallel;
use crate::parameters::{Method, Parameter, adapter};
use crate::progress::{Progress, Summary};

/// Examples in one piece of an evaluation.
const EVALUATION_BATCH: usize = 16;

/// Streams of the run's random numbers; orders of epochs use the small ones.
const START_STREAM: u64 = 1 << 40;
const COPY_STREAM: u64 = 1 << 41;

/// Runs `job` to its end and writes the adapter (or, when everything is trained, the model) of its
/// best look at the held-out examples. If the checkpoint folder holds a state of the same job, the
/// run goes on from there and gives the same numbers as one that was never stopped.
///
/// # Errors
/// When data or model cannot be read, the loss is no number, or something cannot be written.
pub fn run(job: &Job, on_progress: &mut dyn FnMut(&Progress)) -> Result<Summary, TrainError> {
    let mut run = Run::new(job)?;
    on_progress(&Progress::Start {
        examples: run.train.len(),
        held_out: run.held_out.len(),
        dropped: run.dropped,
        parameters: run.parameters.iter().map(|p| p.values.len()).sum(),
        steps: run.steps,
    });
    if run.resume()? {
        on_progress(&Progress::Resumed { step: run.state.step });
    }
    run.work(on_progress)?;
    let summary = run.finish()?;
    on_progress(&Progress::Done {
        steps: summary.steps,
        seconds: summary.seconds,
        held_out_loss: summary.held_out_loss,
        held_out_exact: summary.held_out_exact,
        adapter: summary.adapter.clone(),
    });
    Ok(summary)
}

struct Run<'a> {
    job: &'a Job,
    model: Model<f32>,
    method: Method,
    parameters: Vec<Parameter<f32>>,
    optimizer: Optimizer,
    best: Vec<Vec<f32>>,
    train: Vec<Example>,
    held_out: Vec<Example>,
    dropped: usize,
    bos: u32,
    pad: u32,
    steps_per_epoch: usize,
    steps: usize,
    /// The epoch whose order is at hand.
    epoch: Option<u64>,
    order: Vec<Vec<usize>>,
    state: State,
    started: Instant,
    /// Seconds of the parts before this one.
    before: f64,
}

impl<'a> Run<'a> {
    fn new(job: &'a Job) -> Result<Self, TrainError> {
        let started = Instant::now();
        let config = Config::load(&job.base)?;
        let tokenizer = Tokenizer::load(&job.base)?;
        let (train, dropped) = read(&job.train, &tokenizer, job.max_tokens)?;
        let (held_out, _) = read(&job.held_out, &tokenizer, job.max_tokens)?;
        let method = match job.method {
            JobMethod::Sft => Method::LowRank { rank: job.lora.rank, scale: job.lora.alpha / job.lora.rank as f64 },
            JobMethod::Pretrain => Method::Full,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(job.seed);
        rng.set_stream(START_STREAM);
        let parameters = method.parameters(&config, &mut rng);
        let mut model = match job.method {
            JobMethod::Sft => Model::load(config, &Weights::load(&job.base)?, job.max_tokens)?,
            JobMethod::Pretrain => Model::build(config, job.max_tokens, &mut |name, shape| Ok(blank(name, shape)))?,
        };
        model.recompute = job.recompute;
        let rules = parameters
            .iter()
            .map(|p| if method == Method::Full && p.name != EMBEDDING { Rule::Muon } else { Rule::AdamW })
            .collect();
        let optimizer = Optimizer::new(rules, &parameters, job.optim.weight_decay as f32);
        let steps_per_epoch = train.len().div_ceil(job.optim.batch_size);
        let fingerprint = format!(
            "{method:?} seed {} batch {} threads {} data {:016x} held out {}",
            job.seed,
            job.optim.batch_size,
            job.threads,
            digest(&train),
            held_out.len()
        );
        let state = State { fingerprint, step: 0, seconds: 0.0, tokens: 0, best: None, since_best: 0 };
        Ok(Self {
            job,
            model,
            method,
            parameters,
            optimizer,
            best: Vec::new(),
            train,
            held_out,
            dropped,
            bos: tokenizer.special.bos,
            pad: tokenizer.special.pad,
            steps_per_epoch,
            steps: job.steps(steps_per_epoch),
            epoch: None,
            order: Vec::new(),
            state,
            started,
            before: 0.0,
        })
    }

    fn numbers(&mut self) -> Numbers<'_> {
        Numbers { parameters: &mut self.parameters, optimizer: &mut self.optimizer, best: &mut self.best }
    }

    fn resume(&mut self) -> Result<bool, TrainError> {
        let job = self.job;
        let fingerprint = self.state.fingerprint.clone();
        let Some(state) = checkpoint::load(&job.checkpoint, &fingerprint, self.numbers())? else {
            return Ok(false);
        };
        self.before = state.seconds;
        self.state = state;
        Ok(true)
    }

    fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    fn work(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
        self.model.bind(self.method, &self.parameters)?;
        let mut saved_at = self.started.elapsed().as_secs_f64();
        let every = self.job.evaluate.every_steps;
        let mut looked = false;
        while self.state.step < self.steps && self.seconds() < self.job.optim.max_seconds {
            let loss = self.step()?;
            let step = self.state.step;
            let seconds = self.seconds();
            let tokens_per_s = self.state.tokens as f64 / seconds;
            on_progress(&Progress::Step { step, of: self.steps, loss, tokens_per_s, seconds });
            looked = every > 0 && step.is_multiple_of(every);
            if looked && self.look(on_progress)? {
                break;
            }
            let now = self.started.elapsed().as_secs_f64();
            if now - saved_at >= self.job.checkpoint_every_s {
                saved_at = now;
                self.state.seconds = self.seconds();
                let (job, state) = (self.job, self.state.clone());
                checkpoint::save(&job.checkpoint, &state, &self.numbers())?;
                on_progress(&Progress::Checkpoint { step });
            }
        }
        if !looked {
            self.look(on_progress)?;
        }
        Ok(())
    }

    /// The examples of the next step; in pretraining some are rows of the copy curriculum.
    fn next_examples(&mut self) -> Vec<Example> {
        let (job, step) = (self.job, self.state.step);
        let epoch = (step / self.steps_per_epoch) as u64;
        if self.epoch != Some(epoch) {
            let lengths: Vec<usize> = self.train.iter().map(|e| e.ids.len()).collect();
            self.order = order(&lengths, job.optim.batch_size, job.seed, epoch);
            self.epoch = Some(epoch);
        }
        let indices = self.order.get(step % self.steps_per_epoch).map_or(&[][..], Vec::as_slice);
        let mut examples: Vec<Example> = indices.iter().filter_map(|i| self.train.get(*i).cloned()).collect();
        if self.method == Method::Full {
            let first = (step as f64) < job.pretrain.copy_first_part * job.optim.max_steps as f64;
            let share = if first { job.pretrain.copy_share_first } else { job.pretrain.copy_share_after };
            let mut rng = ChaCha8Rng::seed_from_u64(job.seed);
            rng.set_stream(COPY_STREAM + step as u64);
            let vocabulary = self.model.config.vocab_size as u32;
            for example in &mut examples {
                if rng.random::<f64>() < share {
                    *example = copying::row(
                        &mut rng,
                        self.bos,
                        FIRST_TEXT_TOKEN.min(vocabulary - 1)..vocabulary,
                        example.ids.len(),
                    );
                }
            }
        }
        examples
    }

    fn step(&mut self) -> Result<f64, TrainError> {
        let examples = self.next_examples();
        let job = self.job;
        let references: Vec<&Example> = examples.iter().collect();
        let parts: Vec<Batch> = deal(&references, job.threads).iter().map(|part| Batch::new(part, self.pad)).collect();
        let completion: usize = parts.iter().map(|b| b.targets.len()).sum();
        let how = Learning { weight: 1.0 / completion.max(1) as f64, chunk: job.head_chunk };
        let (model, parameters) = (&self.model, self.parameters.len());
        let passes = in_parallel(&parts, job.threads, |batch| Ok(model.learn(batch, how, parameters)?))?;
        let mut gradients: Vec<Vec<f32>> = self.parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
        let mut loss = 0.0;
        for (sum, part) in &passes {
            loss += sum * how.weight;
            part.add_to(&mut gradients)?;
        }
        let step = self.state.step;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: step + 1, loss });
        }
        clip(&mut gradients, job.optim.clip_norm);
        let factor = job.rate_factor(step, self.steps);
        let rates = Rates {
            adam: (job.optim.learning_rate * factor) as f32,
            muon: (job.pretrain.matrix_learning_rate * factor) as f32,
        };
        self.optimizer.step(&mut self.parameters, &gradients, rates, step + 1, job.threads)?;
        self.model.bind(self.method, &self.parameters)?;
        self.state.step += 1;
        self.state.tokens += examples.iter().map(|e| e.ids.len()).sum::<usize>();
        Ok(loss)
    }

    /// Looks at the held-out examples; says whether that ends the run.
    fn look(&mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<bool, TrainError> {
        let (loss, exact) = evaluate(&self.model, &self.held_out, self.pad, self.job)?;
        on_progress(&Progress::HeldOut { step: self.state.step, loss, exact });
        let better = self.state.best.is_none_or(|b| exact > b.exact || (exact >= b.exact && loss < b.loss));
        if better {
            self.state.best = Some(Best { step: self.state.step, loss, exact });
            self.state.since_best = 0;
            self.best = self.parameters.iter().map(|p| p.values.clone()).collect();
        } else {
            self.state.since_best += 1;
        }
        let rule = self.job.evaluate;
        Ok(rule.stop_exact.is_some_and(|enough| exact >= enough)
            || rule.stop_loss.is_some_and(|enough| loss <= enough)
            || (rule.patience > 0 && self.state.since_best >= rule.patience))
    }

    fn finish(mut self) -> Result<Summary, TrainError> {
        for (parameter, best) in self.parameters.iter_mut().zip(std::mem::take(&mut self.best)) {
            parameter.values = best;
        }
        let job = self.job;
        match self.method {
            Method::LowRank { rank, .. } => {
                let base = job.base.file_name().map(|n| n.to_string_lossy().into_owned());
                adapter(&self.model.config, rank, job.lora.alpha, base, &self.parameters).save(&job.out)?;
            }
            Method::Full => self.save_model()?,
        }
        let (held_out_loss, held_out_exact) = self.state.best.map_or((f64::NAN, 0.0), |b| (b.loss, b.exact));
        let (steps, seconds) = (self.state.step, self.seconds());
        Ok(Summary { steps, seconds, held_out_loss, held_out_exact, adapter: job.out.clone() })
    }

    /// The model folder in the number format that its `config.json` names.
    fn save_model(&self) -> Result<(), TrainError> {
        let (job, config) = (self.job, &self.model.config);
        std::fs::create_dir_all(&job.out).map_err(TrainError::write(&job.out))?;
        let mut tensors: Vec<(String, Tensor32)> = norm_names(config)
            .into_iter()
            .map(|(name, width)| {
                let data = blank(&name, &[width]);
                (name, Tensor32 { shape: vec![width], data })
            })
            .collect();
        tensors.extend(
            self.parameters
                .iter()
                .map(|p| (p.name.clone(), Tensor32 { shape: vec![p.shape.0, p.shape.1], data: p.values.clone() })),
        );
        let save_as = if config.dtype == "bfloat16" { SaveAs::Bf16 } else { SaveAs::F32 };
        Weights::save(&job.out, tensors, save_as)?;
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            let (from, to) = (job.base.join(name), job.out.join(name));
            match std::fs::read(&from) {
                Ok(bytes) => std::fs::write(&to, bytes).map_err(TrainError::write(&to))?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(TrainError::read(&from)(e)),
            }
        }
        Ok(())
    }
}

/// Ids below this are control tokens in every Gemma-like tokenizer that is trained here.
const FIRST_TEXT_TOKEN: u32 = 8;

/// FNV-1a over the examples' tokens: tells whether a checkpoint is of the same data.
fn digest(examples: &[Example]) -> u64 {
    let ids = examples.iter().flat_map(|e| e.ids.iter().chain([&u32::MAX]));
    ids.fold(0xcbf2_9ce4_8422_2325, |h, id| (h ^ u64::from(*id)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The fixed norm weights of a model that is trained from nothing, and zeros for the rest. The norms
/// behind attention and feed-forward halve their output, so that at the start the residual stream
/// still says which token it belongs to.
fn blank(name: &str, shape: &[usize]) -> Vec<f32> {
    let post = name.contains("post_attention") || name.contains("post_feedforward");
    vec![if post { -0.5 } else { 0.0 }; shape.iter().product()]
}

fn norm_names(config: &Config) -> Vec<(String, usize)> {
    let layers = (0..config.num_hidden_layers)
        .flat_map(|layer| gemma::Norm::ALL.map(|norm| (norm.weight_name(layer), norm.width(config))));
    layers.chain([(gemma::FINAL_NORM.to_owned(), config.hidden_size)]).collect()
}

/// Mean loss a completion token (nats) and share of exact replies.
fn evaluate(model: &Model<f32>, examples: &[Example], pad: u32, job: &Job) -> Result<(f64, f64), TrainError> {
    let mut sorted: Vec<&Example> = examples.iter().collect();
    sorted.sort_by_key(|e| e.ids.len());
    let pieces: Vec<&[&Example]> = sorted.chunks(EVALUATION_BATCH).collect();
    let scores: Vec<Vec<Score>> =
        in_parallel(&pieces, job.threads, |piece| Ok(model.score(&Batch::new(piece, pad), job.head_chunk)?))?;
    let scores: Vec<Score> = scores.into_iter().flatten().collect();
    let tokens: usize = scores.iter().map(|s| s.tokens).sum();
    let loss: f64 = scores.iter().map(|s| s.loss).sum();
    let exact = scores.iter().filter(|s| s.exact).count();
    Ok((loss / tokens.max(1) as f64, exact as f64 / scores.len().max(1) as f64))
}

#[cfg(test)]
mod tests;

//! A base model, opened: the sessions, the tokenizer and the adapters that answers are made with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gemma::{Config, GraphManifest, Tokenizer};
use wire::ChatModel;

use crate::adapter::Adapters;
use crate::decode::Sequence;
use crate::engine::Engine;
use crate::features::Features;
use crate::model::Model;
use crate::pool::Pool;
use crate::session::Worker;
use crate::{Runtime, StudentError, manifest};

/// What to open and how much of the machine to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudentConfig {
    /// `model.onnx` of an exported folder.
    pub graph: PathBuf,
    /// The base's folder: `config.json` and `tokenizer.json` are read.
    pub base: PathBuf,
    /// Answers decoded at the same time; each worker holds the weights once.
    pub workers: usize,
    /// Prompts that may wait while all workers are at work; beyond them the student is busy.
    pub queue: usize,
    /// Threads per worker. One is the robust choice where other work shares the cores.
    pub threads: usize,
    /// Tokens of prompt and answer together.
    pub context: usize,
    /// What decides whether the graph's format may be served here.
    pub features: Features,
}

/// An opened base. Its workers end with the last model made from it.
pub struct Student {
    pub(crate) engine: Arc<Engine>,
    config: Config,
    manifest: GraphManifest,
    adapters: Adapters,
}

impl Student {
    /// Opens the graph once per worker.
    ///
    /// # Errors
    /// When a file is missing or damaged, when the graph was exported from another base or cannot be added up
    /// exactly on this processor, when the tokenizer is of another model, or when a setting is out of range.
    pub fn open(runtime: &Runtime, settings: StudentConfig) -> Result<Arc<Self>, StudentError> {
        let config = Config::load(&settings.base)?;
        let tokenizer = Tokenizer::load(&settings.base)?;
        tokenizer.check_fits(config.vocab_size)?;
        let manifest = manifest::load(&settings.graph, &config, settings.features)?;
        check("workers", settings.workers, usize::MAX)?;
        check("threads", settings.threads, usize::MAX)?;
        check("context", settings.context, manifest.positions)?;
        let open = |_| Worker::open(runtime, &settings.graph, &manifest, settings.threads, settings.context);
        let workers = (0..settings.workers).map(open).collect::<Result<Vec<_>, _>>()?;
        let mut stop_ids = vec![tokenizer.special.eos, tokenizer.special.end_of_turn];
        stop_ids.extend(&config.eos_token_ids);
        let pool = Pool::new(workers, settings.queue)?;
        let engine = Arc::new(Engine { pool, tokenizer, stop_ids, context: settings.context });
        Ok(Arc::new(Self { engine, config, manifest, adapters: Adapters::default() }))
    }

    /// Proves that a graph can be served: opens it and reads one token. Costs what opening costs.
    ///
    /// # Errors
    /// As [`Student::open`], and when the graph fails or computes no numbers.
    pub fn check_graph(runtime: &Runtime, graph: &Path, base: &Path, features: Features) -> Result<(), StudentError> {
        let (graph, base) = (graph.to_path_buf(), base.to_path_buf());
        let settings = StudentConfig { graph, base, workers: 1, queue: 0, threads: 1, context: 1, features };
        let student = Self::open(runtime, settings)?;
        let logits = student.logits(None, &[student.engine.tokenizer.special.bos], 0)?;
        if logits.iter().flatten().all(|logit| logit.is_finite()) { Ok(()) } else { Err(StudentError::NotFinite(1)) }
    }

    /// A model that answers with the PEFT adapter in `adapter`, or with the base alone. Models share the
    /// student's workers and queue, and equal adapters are held once.
    ///
    /// # Errors
    /// When the adapter is missing or damaged, or does not fit the base.
    pub fn model(&self, name: String, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, StudentError> {
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.manifest)).transpose()?;
        Ok(Arc::new(Model { name, engine: Arc::clone(&self.engine), adapter }))
    }

    /// The logits `[ids.len()][vocab]` after every token of `ids`: the first `at_once` tokens in one run, the
    /// others one at a time, as an answer is decoded. For comparing the graph with other implementations; blocks,
    /// so it must not be called on a runtime's thread.
    ///
    /// # Errors
    /// When the adapter cannot be loaded, when `ids` do not fit the context, when the student is busy, or when the
    /// graph fails.
    pub fn logits(&self, adapter: Option<&Path>, ids: &[u32], at_once: usize) -> Result<Vec<Vec<f32>>, StudentError> {
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.manifest)).transpose()?;
        let ids = ids.to_vec();
        self.blocking(move |worker, cancelled| {
            let mut sequence = Sequence::start(worker, adapter.as_deref())?;
            let (prompt, rest) = ids.split_at(at_once.min(ids.len()));
            let mut logits = if prompt.is_empty() { Vec::new() } else { sequence.read_all(prompt)? };
            for id in rest {
                logits.push(sequence.read(&[*id], cancelled)?.to_vec());
            }
            Ok(logits)
        })
    }

    /// Runs `work` on a worker and waits for it.
    pub(crate) fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker, &dyn Fn() -> bool) -> Result<R, StudentError> + Send + 'static,
    ) -> Result<R, StudentError> {
        let failed = |what: &str| StudentError::Runtime(what.to_owned());
        let receiver = self.engine.pool.submit(work).ok_or_else(|| failed("every worker is at work"))?;
        receiver.blocking_recv().map_err(|_| failed("the worker panicked"))?
    }
}

fn check(key: &'static str, value: usize, most: usize) -> Result<(), StudentError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    let wanted = if most == usize::MAX { "at least 1".to_owned() } else { format!("from 1 to {most}") };
    Err(StudentError::Setting { key, value, wanted })
}

impl fmt::Debug for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Student").field("context", &self.engine.context).finish_non_exhaustive()
    }
}

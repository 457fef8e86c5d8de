//! A base model, opened: the sessions, the tokenizer and the adapters that answers are made with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gemma::{Config, Tokenizer};
use wire::ChatModel;

use crate::adapter::Adapters;
use crate::decode::Sequence;
use crate::manifest::{Manifest, exact_sums};
use crate::model::Model;
use crate::pool::Pool;
use crate::session::Worker;
use crate::{Runtime, StudentError};

/// What to open and how much of the machine to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudentConfig {
    /// `model.onnx` of an exported folder.
    pub graph: PathBuf,
    /// The base's folder: `config.json` and `tokenizer.json` are read.
    pub base: PathBuf,
    /// Answers decoded at the same time; each worker holds the weights once.
    pub workers: usize,
    /// Threads per worker. One is the robust choice where other work shares the cores.
    pub threads: usize,
    /// Tokens of prompt and answer together.
    pub context: usize,
}

/// An opened base. Dropped with the last model made from it.
pub struct Student {
    pub(crate) pool: Pool<Worker>,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) stop_ids: Vec<u32>,
    pub(crate) context: usize,
    config: Config,
    manifest: Manifest,
    adapters: Adapters,
}

impl Student {
    /// Opens the graph once per worker.
    ///
    /// # Errors
    /// When a file is missing or damaged, when the graph was exported from another base, or when a setting is
    /// out of range.
    pub fn open(runtime: &Runtime, settings: StudentConfig) -> Result<Arc<Self>, StudentError> {
        let config = Config::load(&settings.base)?;
        let tokenizer = Tokenizer::load(&settings.base)?;
        let manifest = Manifest::load(&settings.graph, &config)?;
        manifest.check_processor(exact_sums())?;
        check("workers", settings.workers, usize::MAX)?;
        check("threads", settings.threads, usize::MAX)?;
        check("context", settings.context, manifest.positions)?;
        let open = |_| Worker::open(runtime, &settings.graph, &manifest, settings.threads, settings.context);
        let workers = (0..settings.workers).map(open).collect::<Result<Vec<_>, _>>()?;
        let mut stop_ids = vec![tokenizer.special.eos, tokenizer.special.end_of_turn];
        stop_ids.extend(&config.eos_token_ids);
        let pool = Pool::new(workers);
        Ok(Arc::new(Self {
            pool,
            tokenizer,
            stop_ids,
            context: settings.context,
            config,
            manifest,
            adapters: Adapters::default(),
        }))
    }

    /// A model that answers with the PEFT adapter in `adapter`, or with the base alone. Models share the
    /// student's workers, and equal adapters are held once.
    ///
    /// # Errors
    /// When the adapter is missing or damaged, or does not fit the base.
    pub fn model(self: &Arc<Self>, name: String, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, StudentError> {
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.manifest)).transpose()?;
        Ok(Arc::new(Model { name, student: Arc::clone(self), adapter }))
    }

    /// The logits `[ids.len()][vocab]` after every token of `ids`: the first `at_once` tokens in one run, the
    /// others one at a time, as an answer is decoded. For comparing the graph with other implementations.
    ///
    /// # Errors
    /// When the adapter cannot be loaded, when `ids` do not fit the context, or when the graph fails.
    pub fn logits(&self, adapter: Option<&Path>, ids: &[u32], at_once: usize) -> Result<Vec<Vec<f32>>, StudentError> {
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.manifest)).transpose()?;
        self.pool.with(|worker| {
            let mut sequence = Sequence::start(worker, adapter.as_deref())?;
            let (prompt, rest) = ids.split_at(at_once.min(ids.len()));
            let mut logits = if prompt.is_empty() { Vec::new() } else { sequence.read_all(prompt)? };
            for id in rest {
                logits.push(sequence.read(&[*id])?.to_vec());
            }
            Ok(logits)
        })
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
        f.debug_struct("Student").field("context", &self.context).finish_non_exhaustive()
    }
}

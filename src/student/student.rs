//! A base model, opened: the session, the tokenizer and the adapters that answers are made with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gemma::{Config, Tokenizer};
use packed::Kernel;
use wire::ChatModel;

use crate::adapter::{Adapters, Input};
use crate::engine::Engine;
use crate::form::Forms;
use crate::format::Format;
use crate::load::Observer;
use crate::model::Model;
use crate::scheduler::Scheduler;
use crate::serving::{Limits, Serving};
use crate::{Runtime, StudentError, manifest, session};

/// What to open and how much of the machine to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudentConfig {
    /// `model.onnx` of an exported folder.
    pub graph: PathBuf,
    /// The base's folder: `config.json` and `tokenizer.json` are read.
    pub base: PathBuf,
    /// Answers written at the same time, whichever call sites' they are: a run of the graph gives each a token.
    pub rows: usize,
    /// Prompts that may wait beyond them; further ones find the student busy.
    pub queue: usize,
    /// Threads of a run. One is the robust choice where other work shares the cores.
    pub threads: usize,
    /// Tokens of prompt and answer together.
    pub context: usize,
    /// Memory for what prompts begin with in common; 0 keeps none.
    pub prefix_bytes: usize,
    /// Tokens that an answer which is written alone is given to read ahead of itself, at most; 0 for none.
    pub draft_tokens: usize,
    /// Whether a call site's answers may be chosen from the part of the vocabulary that it has been using.
    pub shortlist: bool,
    /// What our own operators are computed with.
    pub kernel: Kernel,
}

/// An opened base. Its thread ends with the last model made from it.
pub struct Student {
    pub(crate) engine: Arc<Engine>,
    config: Config,
    inputs: Arc<Vec<Input>>,
    adapters: Adapters,
}

impl Student {
    /// Opens the graph; `observer` hears what its thread does.
    ///
    /// # Errors
    /// When a file is missing or damaged, when the graph was exported from another base, when the tokenizer is of another model, or
    /// when a setting is out of range.
    pub fn open(runtime: &Runtime, settings: StudentConfig, observer: Observer) -> Result<Arc<Self>, StudentError> {
        let (serving, config, inputs, format) = Self::serving(runtime, &settings)?;
        let places = (settings.rows, settings.queue);
        let scheduler = Scheduler::new(serving, Forms::new(Arc::clone(&format)), places, observer)?;
        let engine = Arc::new(Engine { scheduler, format });
        Ok(Arc::new(Self { engine, config, inputs, adapters: Adapters::default() }))
    }

    /// What the student's thread works with.
    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    pub(crate) fn serving(
        runtime: &Runtime,
        settings: &StudentConfig,
    ) -> Result<(Serving, Config, Arc<Vec<Input>>, Arc<Format>), StudentError> {
        let config = Config::load(&settings.base)?;
        let tokenizer = Tokenizer::load(&settings.base)?;
        tokenizer.check_fits(config.vocab_size)?;
        let manifest = manifest::load(&settings.graph, &config)?;
        check("rows", settings.rows, usize::MAX)?;
        check("threads", settings.threads, usize::MAX)?;
        check("context", settings.context, manifest.positions)?;
        let session = session::open(runtime, &settings.graph, settings.threads, settings.kernel)?;
        let mut stop_ids = vec![tokenizer.special.eos, tokenizer.special.end_of_turn];
        stop_ids.extend(&config.eos_token_ids);
        let format = Arc::new(Format { tokenizer, stop_ids, context: settings.context, kernel: settings.kernel });
        let inputs = Arc::new(Input::all(&config, &manifest));
        let shape = session::shape(&manifest, settings.context);
        let StudentConfig { rows, prefix_bytes, draft_tokens, shortlist, .. } = *settings;
        let limits = Limits { rows, prefix_bytes, draft_tokens, shortlist };
        let serving = Serving::new(session, Arc::clone(&inputs), shape, Arc::clone(&format), limits)?;
        Ok((serving, config, inputs, format))
    }

    /// Proves that a graph can be served: opens it and reads one token. Costs what opening costs.
    ///
    /// # Errors
    /// As [`Student::open`], and when the graph fails or computes no numbers.
    pub fn check_graph(runtime: &Runtime, graph: &Path, base: &Path, kernel: Kernel) -> Result<(), StudentError> {
        let (graph, base) = (graph.to_path_buf(), base.to_path_buf());
        let settings = StudentConfig {
            graph,
            base,
            rows: 1,
            queue: 0,
            threads: 1,
            context: 1,
            prefix_bytes: 0,
            draft_tokens: 0,
            shortlist: false,
            kernel,
        };
        let student = Self::open(runtime, settings, Box::new(|_| {}))?;
        let logits = student.logits(None, &[student.engine.format.tokenizer.special.bos], 0)?;
        if logits.iter().flatten().all(|logit| logit.is_finite()) { Ok(()) } else { Err(StudentError::NotFinite(1)) }
    }

    /// A model that answers with the PEFT adapter in `adapter`, or with the base alone. Models share the
    /// student's thread and queue, and equal adapters are held once.
    ///
    /// # Errors
    /// When the adapter is missing or damaged, or does not fit the base.
    pub fn model(&self, name: String, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, StudentError> {
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.inputs)).transpose()?;
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
        let adapter = adapter.map(|dir| self.adapters.load(dir, &self.config, &self.inputs)).transpose()?;
        let busy = || StudentError::Runtime("every place is taken".to_owned());
        let scores = self.engine.scheduler.score(adapter, ids.to_vec(), at_once).ok_or_else(busy)?;
        scores.blocking_recv().map_err(|_| StudentError::Runtime("the student's thread panicked".to_owned()))?
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
        f.debug_struct("Student").field("context", &self.engine.format.context).finish_non_exhaustive()
    }
}

//! The student as a maker asks it: the base with an adapter that lies somewhere, or one that is taught here first.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataset::ChatExample;
use gemma::GraphFormat;
use jobs::{Method, ObjectiveArguments, Pretraining, Progress, TrainJob};
use student::{Runtime, Student};
use wire::ChatModel;

use crate::output::eprint_line;
use crate::settings::Settings;
use crate::app;

/// Of ten examples of a lesson one is kept apart.
const HELD_OUT_EVERY: usize = 10;

/// A base, ready to be taught and asked.
pub(super) struct Pupil {
    settings: Settings,
    format: GraphFormat,
    graph: PathBuf,
}

impl Pupil {
    /// The configured base, or `base`.
    pub(super) fn new(settings: &Settings, base: Option<&Path>) -> Result<Self, app::Error> {
        let mut settings = settings.clone();
        if let Some(base) = base {
            settings.student.base = base.to_owned();
        }
        let config = app::student::base(&settings)?;
        let format = app::student::format(&settings, &config)?;
        let graph = settings.data.dir.join(format!("graph-{}", format.name()));
        Ok(Self { settings, format, graph })
    }

    /// Teaches the base `examples` and gives back the adapter; a lesson whose adapter is there is not held again.
    pub(super) async fn learn(&self, folder: &Path, examples: Vec<ChatExample>) -> Result<PathBuf, app::Error> {
        let folder = std::path::absolute(folder)?;
        let adapter = folder.join("adapter");
        if adapter.join("adapter_config.json").is_file() {
            return Ok(adapter);
        }
        files::create_private_dir(&folder)?;
        let (held_out, train): (Vec<_>, Vec<_>) =
            examples.into_iter().enumerate().partition(|(at, _)| at % HELD_OUT_EVERY == 0);
        let side = |examples: Vec<(usize, ChatExample)>| examples.into_iter().map(|(_, example)| example).collect();
        let (held_out, train): (Vec<ChatExample>, Vec<ChatExample>) = (side(held_out), side(train));
        dataset::write_chat(&folder.join("train.jsonl"), &train)?;
        dataset::write_chat(&folder.join("held_out.jsonl"), &held_out)?;
        let mut arguments = self.settings.lessons.train.clone();
        // A scene with the scenes before it is longer than an exchange.
        arguments.max_tokens = u32::try_from(self.settings.student.context)?;
        let job = TrainJob {
            method: Method::Sft,
            base: std::path::absolute(&self.settings.student.base)?,
            train: folder.join("train.jsonl"),
            held_out: folder.join("held_out.jsonl"),
            out: adapter.clone(),
            checkpoint: folder.join("checkpoint"),
            arguments,
            pretraining: Pretraining::default(),
            reference: None,
            objective: ObjectiveArguments::default(),
        };
        self.train(&folder.join("train.toml"), &job).await?;
        Ok(adapter)
    }

    /// Runs a training job in a child process, as every lesson is.
    async fn train(&self, path: &Path, job: &TrainJob) -> Result<(), app::Error> {
        files::replace(path, job.to_toml()?.as_bytes())?;
        let program = std::env::current_exe()?;
        let arguments: [&OsStr; 2] = ["train".as_ref(), path.as_os_str()];
        cycle::child::run(&program, "training", &arguments, self.settings.lessons.nice, |progress| match progress {
            Progress::HeldOut { step, loss, exact, .. } => {
                eprint_line(&format!("lesson: step {step}, held-out loss {loss:.3}, exact {exact:.2}"));
            }
            Progress::Start { examples, dropped, .. } => {
                eprint_line(&format!("lesson: {examples} examples, {dropped} too long for the student"));
            }
            _ => {}
        })
        .await?;
        Ok(())
    }

    /// Opens the base with `adapter`; its graph is written first where there is none.
    pub(super) async fn open(&self, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, app::Error> {
        let name = match adapter {
            None => "base".to_owned(),
            Some(folder) => {
                let weights = std::fs::read(folder.join("adapter_model.safetensors"))
                    .map_err(|error| format!("no adapter in {}: {error}", folder.display()))?;
                blake3::hash(&weights).to_hex().chars().take(12).collect()
            }
        };
        let (settings, graph, format) = (self.settings.clone(), self.graph.clone(), self.format);
        let adapter = adapter.map(Path::to_owned);
        tokio::task::spawn_blocking(move || {
            export::export_base(&settings.student.base, &graph, format)?;
            let runtime = Runtime::load(&app::student::library(&settings)?)?;
            let student = Student::open(&runtime, app::student::config(&settings, &graph)?)?;
            Ok(student.model(format!("student@{name}"), adapter.as_deref())?)
        })
        .await?
    }
}

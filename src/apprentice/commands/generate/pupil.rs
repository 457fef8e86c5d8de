//! The student as a maker asks it: the base with an adapter that lies somewhere, or one that is taught here first.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataset::{ChatExample, LabelledExample};
use gemma::GraphFormat;
use jobs::{Method, ObjectiveArguments, Pretraining, Progress, TrainJob};
use student::{Runtime, Student};
use wire::ChatModel;

use crate::app;
use crate::output::eprint_line;
use crate::settings::Settings;

/// Of so many examples of a lesson one is kept apart; odd, because a KTO file alternates.
const HELD_OUT_EVERY: usize = 9;

/// How KTO goes.
#[derive(Clone, Copy)]
pub(super) struct Kto {
    pub(super) learning_rate: f64,
    pub(super) beta: f64,
}

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
        let format = app::student::format(&settings, &config);
        let graph = settings.data.dir.join(format!("graph-{}", format.name()));
        Ok(Self { settings, format, graph })
    }

    /// Teaches the base `examples` and gives back the adapter; a lesson whose adapter is there is not held again.
    pub(super) async fn learn(&self, folder: &Path, examples: Vec<ChatExample>) -> Result<PathBuf, app::Error> {
        let mut job = self.job(folder, Method::Sft)?;
        if is_learnt(&job.out) {
            return Ok(job.out);
        }
        let (train, held_out) = apart(examples, HELD_OUT_EVERY);
        dataset::write_chat(&job.train, &train)?;
        dataset::write_chat(&job.held_out, &held_out)?;
        // A scene with the scenes before it is longer than an exchange.
        job.arguments.max_tokens = u32::try_from(self.settings.student.context)?;
        self.train(&folder.join("train.toml"), &job).await?;
        Ok(job.out)
    }

    /// Goes on from the adapter `reference` by KTO on labelled answers.
    pub(super) async fn prefer(
        &self,
        folder: &Path,
        examples: Vec<LabelledExample>,
        reference: &Path,
        kto: Kto,
    ) -> Result<PathBuf, app::Error> {
        let mut job = self.job(folder, Method::Kto)?;
        if is_learnt(&job.out) {
            return Ok(job.out);
        }
        let (train, held_out) = apart(examples, HELD_OUT_EVERY);
        dataset::write_labelled(&job.train, &train)?;
        dataset::write_labelled(&job.held_out, &held_out)?;
        job.reference = Some(reference.to_owned());
        job.objective = ObjectiveArguments { beta: kto.beta, ..ObjectiveArguments::default() };
        let arguments = &mut job.arguments;
        arguments.learning_rate = kto.learning_rate;
        arguments.max_tokens = u32::try_from(self.settings.student.context)?;
        // One pass: a preference is an opinion, not a text to learn by heart.
        (arguments.epochs, arguments.warmup_steps) = (1.0, 0);
        (arguments.stop_loss, arguments.stop_exact) = (None, None);
        self.train(&folder.join("train.toml"), &job).await?;
        Ok(job.out)
    }

    /// A job in `folder` with the settings of every lesson.
    fn job(&self, folder: &Path, method: Method) -> Result<TrainJob, app::Error> {
        let folder = std::path::absolute(folder)?;
        files::create_private_dir(&folder)?;
        Ok(TrainJob {
            method,
            base: std::path::absolute(&self.settings.student.base)?,
            train: folder.join("train.jsonl"),
            held_out: folder.join("held_out.jsonl"),
            out: folder.join("adapter"),
            checkpoint: folder.join("checkpoint"),
            arguments: self.settings.lessons.train.clone(),
            pretraining: Pretraining::default(),
            reference: None,
            objective: ObjectiveArguments::default(),
        })
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
            Progress::Stopped { step, reason } => eprint_line(&format!("lesson: stopped at step {step}: {reason}")),
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
            let student = Student::open(&runtime, app::student::config(&settings, &graph)?, Box::new(|_| {}))?;
            Ok(student.model(format!("student@{name}"), adapter.as_deref())?)
        })
        .await?
    }
}

fn is_learnt(adapter: &Path) -> bool {
    adapter.join("adapter_config.json").is_file()
}

/// Every `every`-th example is kept apart: for learning, and held out.
fn apart<T>(examples: Vec<T>, every: usize) -> (Vec<T>, Vec<T>) {
    let (held_out, train): (Vec<_>, Vec<_>) = examples.into_iter().enumerate().partition(|(at, _)| at % every == 0);
    let plain = |side: Vec<(usize, T)>| side.into_iter().map(|(_, example)| example).collect();
    (plain(train), plain(held_out))
}

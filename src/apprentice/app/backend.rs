//! Where students answer, and the one way to open them: for serving and for exams alike, so that what an exam says is
//! said of whoever serves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cycle::StudentPaths;
use gemma::GraphFormat;
use jobs::{Backend, EvalJob, Served};
use remote::{Folders, Protocol, Remote, RemoteSettings};
use student::{Round, Runtime, Student, StudentConfig};
use telemetry::Metrics;
use wire::ChatModel;

use crate::app::{Error, student as here};
use crate::settings::Settings;
use crate::settings::environment;

/// Answers of an exam that are written at the same time.
pub(crate) const EXAM_ROWS: usize = 8;
/// Memory for what an exam's prompts begin with in common: they are one call site's.
const EXAM_PREFIX_BYTES: usize = 64 << 20;
/// Folder of adapters that are being examined, in the registry's: the server sees that one. No call site's name begins so.
const EXAMINED: &str = ".exam";

/// Who computes the students' answers, as this machine is configured.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// This program, by a graph of this format in this folder.
    Here {
        format: GraphFormat,
        graph: PathBuf,
    },
    Served(Served),
}

impl Place {
    /// What is configured, where a student is enabled at all; `data` is the data folder.
    ///
    /// # Errors
    /// When the base is needed here and cannot be read.
    pub(crate) fn of(settings: &Settings, data: &Path) -> Result<Option<Self>, Error> {
        let student = &settings.student;
        if !student.enabled {
            return Ok(None);
        }
        if student.backend != Backend::Local {
            if settings.learns() {
                here::base(settings).map_err(|error| {
                    format!("{error}; answers come from {}, but lessons train here: set lessons.enabled = false to learn nothing", student.remote.url)
                })?;
            }
            let (server, registry) = (student.remote.clone(), std::path::absolute(&settings.data.registry)?);
            return Ok(Some(Self::Served(Served { backend: student.backend, server, registry })));
        }
        let format = here::format(settings, &here::base(settings)?);
        Ok(Some(Self::Here { format, graph: data.join(format!("graph-{}", format.name())) }))
    }

    /// The number format of the graph, or the server's kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Here { format, .. } => format.name(),
            Self::Served(served) => served.backend.name(),
        }
    }

    /// The part of every site's evidence that depends on who answers, by name.
    ///
    /// # Errors
    /// When the base cannot be read.
    pub(crate) fn basis(&self, settings: &Settings) -> std::io::Result<BTreeMap<String, String>> {
        let student = &settings.student;
        let parts = match self {
            Self::Here { format, .. } => [
                ("graph_format", format.name().to_owned()),
                ("base", here::base_identity(&student.base)?),
                ("context", student.context.to_string()),
            ],
            // Its weights and its number format are not to be seen from here: they are the server's, by its address.
            Self::Served(Served { backend, server, .. }) => [
                ("student_backend", backend.name().to_owned()),
                ("student_url", server.url.clone()),
                ("student_model", server.model.clone()),
            ],
        };
        Ok(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// What the processes of a lesson are told.
    pub(crate) fn paths(&self, settings: &Settings) -> std::io::Result<StudentPaths> {
        let student = &settings.student;
        let (graph, format) = match self {
            Self::Here { format, graph } => (graph.clone(), format.name().to_owned()),
            Self::Served(_) => (PathBuf::new(), String::new()),
        };
        Ok(StudentPaths {
            base: std::path::absolute(&student.base)?,
            graph,
            format,
            onnxruntime: student.onnxruntime.clone(),
            encoder: settings.similarity.encoder.as_deref().map(std::path::absolute).transpose()?,
            context: student.context,
            threads: student.threads,
            served: self.served().cloned(),
        })
    }

    pub(crate) fn served(&self) -> Option<&Served> {
        match self {
            Self::Here { .. } => None,
            Self::Served(served) => Some(served),
        }
    }

    /// How it is opened for serving. What can be seen to be wrong without opening anything is said now.
    pub(crate) fn opening(&self, settings: &Settings) -> Result<Opening, Error> {
        let student = &settings.student;
        Ok(match self {
            Self::Here { graph, .. } => Opening::Here(here::library(settings)?, here::config(settings, graph)?),
            Self::Served(served) => Opening::Served(remote_settings(served, student.rows, student.queue)?),
        })
    }
}

/// How students are opened.
pub(crate) enum Opening {
    /// By ONNX Runtime's library.
    Here(PathBuf, StudentConfig),
    Served(RemoteSettings),
}

impl Opening {
    /// How an exam opens its student.
    pub(crate) fn of_exam(job: &EvalJob) -> Result<Self, Error> {
        if let Some(served) = &job.served {
            return Ok(Self::Served(remote_settings(served, EXAM_ROWS, 1)?));
        }
        let library = student::library::find(job.onnxruntime.as_deref(), &environment::raw)?;
        let config = StudentConfig {
            graph: job.graph.join(gemma::GRAPH_FILE),
            base: job.base.clone(),
            rows: EXAM_ROWS,
            queue: 1,
            threads: job.threads,
            context: job.context,
            prefix_bytes: EXAM_PREFIX_BYTES,
            // Nobody is alone in an exam, and the exam is what a list would be measured by.
            draft_tokens: 0,
            shortlist: false,
            kernel: here::kernel()?,
        };
        Ok(Self::Here(library, config))
    }

    /// Opens the base; `metrics` count what it does.
    pub(crate) fn open(&self, metrics: Option<Arc<Metrics>>) -> Result<Opened, Error> {
        Ok(match self {
            Self::Here(library, config) => {
                let student = Student::open(
                    &Runtime::load(library)?,
                    config.clone(),
                    Box::new(move |round: &Round| {
                        if let Some(metrics) = &metrics {
                            counted(metrics, round);
                        }
                    }),
                )?;
                Opened::Here(student)
            }
            Self::Served(settings) => Opened::Served(Remote::open(
                settings.clone(),
                Box::new(move |load| {
                    let Some(metrics) = &metrics else { return };
                    let read_tokens = load.usage.prompt_tokens as usize;
                    let answer_tokens = load.usage.completion_tokens as usize;
                    let remote::Load { rows, waiting, .. } = *load;
                    counted(metrics, &Round { rows, waiting, read_tokens, answer_tokens, ..Round::default() });
                }),
            )?),
        })
    }
}

/// An opened base.
pub(crate) enum Opened {
    Here(Arc<Student>),
    Served(Remote),
}

impl Opened {
    /// A model that answers with the PEFT adapter in `adapter`, or with the base alone. Blocking.
    pub(crate) fn model(&self, name: String, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, Error> {
        Ok(match self {
            Self::Here(student) => student.model(name, adapter)?,
            Self::Served(remote) => remote.model(name, adapter)?,
        })
    }
}

/// The student of an exam; what was done for it at the server is undone when it is dropped.
pub(crate) struct Examined {
    model: Option<Arc<dyn ChatModel>>,
    opened: Opened,
    /// Where the server sees the adapter.
    staged: Option<PathBuf>,
}

impl Examined {
    /// Opens the job's adapter. Blocking.
    pub(crate) fn open(job: &EvalJob) -> Result<Self, Error> {
        let opened = Opening::of_exam(job)?.open(None)?;
        // A lesson's folder is nobody's but ours; llama.cpp is given a file of the operator's.
        let staged = match &job.served {
            Some(Served { backend: Backend::Vllm, registry, .. }) => Some(staged(&job.adapter, registry)?),
            _ => None,
        };
        let adapter = staged.as_deref().unwrap_or(&job.adapter);
        let mut examined = Self { model: None, opened, staged: staged.clone() };
        examined.model = Some(examined.opened.model("exam".into(), Some(adapter))?);
        Ok(examined)
    }

    pub(crate) fn model(&self) -> Option<&dyn ChatModel> {
        self.model.as_deref()
    }
}

impl Drop for Examined {
    fn drop(&mut self) {
        self.model = None;
        if let Opened::Served(remote) = &self.opened
            && let Err(error) = remote.settle()
        {
            tracing::warn!(%error, "the student's server was not told that the exam is over");
        }
        if let Some(staged) = self.staged.take()
            && let Err(error) = fs_err::remove_dir_all(staged)
        {
            tracing::warn!(%error, "an examined adapter stays in the registry's folder");
        }
    }
}

/// A copy of an adapter where the server can see it.
fn staged(adapter: &Path, registry: &Path) -> Result<PathBuf, Error> {
    let parent = registry.join(EXAMINED);
    let to = parent.join(std::process::id().to_string());
    fs_err::create_dir_all(&to)?;
    for entry in fs_err::read_dir(adapter)? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs_err::copy(&path, to.join(name))?;
        }
    }
    Ok(to)
}

/// The server as it is asked, its key from the environment or the service's credentials.
fn remote_settings(served: &Served, rows: usize, queue: usize) -> Result<RemoteSettings, Error> {
    let Served { backend, server, registry } = served;
    Ok(RemoteSettings {
        protocol: if *backend == Backend::LlamaCpp { Protocol::LlamaCpp } else { Protocol::Vllm },
        url: server.url.clone(),
        key: environment::secret_named(server.key_env.as_deref())?,
        model: server.model.clone(),
        folders: Folders {
            here: registry.clone(),
            there: server.path_prefix.clone().unwrap_or_else(|| registry.clone()),
        },
        rows,
        queue,
        timeout: Duration::from_secs_f64(server.timeout_s),
    })
}

/// Counts what a student has done.
fn counted(metrics: &Metrics, round: &Round) {
    metrics.student_rows().set(round.rows as f64);
    metrics.student_waiting().set(round.waiting as f64);
    for (source, tokens) in [("read", round.read_tokens), ("cache", round.known_tokens)] {
        metrics.student_prompt_tokens_total(source).inc_by(tokens as u64);
    }
    metrics.student_answer_tokens_total().inc_by(round.answer_tokens as u64);
    for (result, tokens) in [("inside", round.listed_tokens), ("outside", round.unlisted_tokens)] {
        metrics.student_shortlist_tokens_total(result).inc_by(tokens as u64);
    }
    let rejected = round.drafted_tokens.saturating_sub(round.accepted_tokens);
    for (result, tokens) in [("accepted", round.accepted_tokens), ("rejected", rejected)] {
        metrics.student_draft_tokens_total(result).inc_by(tokens as u64);
    }
}

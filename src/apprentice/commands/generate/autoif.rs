//! What AutoIF works with: its settings from preset, file and arguments; the sandbox that runs its functions; the judge of entailment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use generate::autoif::{Nli, Pair, Relation, Settings, Tools, Verdict, Verifiers, Working};
use generate::{GenerateError, Run, autoif};
use sandbox::{Limits, Outcome, Pool, SandboxError};
use serde_json::Value;
use student::{Inference, Runtime};

use crate::app;
use crate::cli::generate::{AutoIf, Preset};
use crate::settings::Settings as Configured;

/// The function's name in every prompt.
const FUNCTION: &str = "evaluate";
/// Calls for new rules in a practice run: the whole of it within two minutes.
const PRACTICE_CALLS: usize = 4;

/// The settings that the command line asks for: an argument before the file, the file before the preset.
pub(super) fn settings(arguments: &AutoIf) -> Result<Settings, app::Error> {
    let preset = match arguments.preset {
        Preset::Paper => Settings::default(),
        Preset::StrictReleaseCompat => Settings::strict_release_compat(),
    };
    let preset = Settings { calls: if arguments.making.practice { PRACTICE_CALLS } else { preset.calls }, ..preset };
    let mut settings = match &arguments.settings {
        Some(path) => overlaid(preset, path)?,
        None => preset,
    };
    settings.calls = arguments.calls.unwrap_or(settings.calls);
    settings.verifier_limit_ms = arguments.verifier_limit_ms.unwrap_or(settings.verifier_limit_ms);
    settings.instructions = arguments.instructions.clone().or(settings.instructions);
    settings.queries = arguments.queries.clone().or(settings.queries);
    settings.nli = arguments.nli.clone().or(settings.nli);
    Ok(settings)
}

/// `preset` with the keys of the TOML file at `path`.
fn overlaid(preset: Settings, path: &Path) -> Result<Settings, app::Error> {
    let failed = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let own: serde_json::Map<String, Value> = toml::from_str(&text).map_err(|error| failed(&error))?;
    let mut all = serde_json::to_value(preset)?;
    if let Value::Object(keys) = &mut all {
        keys.extend(own);
    }
    Ok(serde_json::from_value(all).map_err(|error| failed(&error))?)
}

/// What is not part of a run's settings: the same functions say the same elsewhere.
pub(super) struct AutoIfTools {
    pub(super) verifier: Option<PathBuf>,
}

impl AutoIfTools {
    /// Starts the sandbox and makes the run.
    pub(super) async fn make(
        &self,
        run: &mut Run,
        settings: &Settings,
        configured: &Configured,
    ) -> Result<(), GenerateError> {
        settings.check()?;
        let program = self.verifier.clone().map_or_else(sandbox::beside_current_exe, Ok).map_err(gone)?;
        let limits = Limits { time_ms: settings.verifier_limit_ms, ..Limits::default() };
        let pool = Pool::start(sandbox::Settings { limits, ..sandbox::Settings::new(program) }).await.map_err(gone)?;
        let protections = pool.protections();
        tracing::info!(?protections, "the sandbox is ready");
        let judge = settings.nli.as_deref().map(|folder| Judge::open(folder, configured)).transpose()?;
        let nli = judge.as_ref().map(|judge| -> &dyn Nli { judge });
        autoif::make(run, settings, Tools { verifiers: &Sandboxed(pool), nli }).await
    }
}

/// The local judge of entailment as the maker knows it.
struct Judge(Arc<student::Nli>);

impl Judge {
    fn open(folder: &Path, configured: &Configured) -> Result<Self, GenerateError> {
        let library = app::library(configured).map_err(GenerateError::Nli)?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let opened = Runtime::load(&library).and_then(|runtime| student::Nli::open(&runtime, folder, threads));
        Ok(Self(Arc::new(opened.map_err(unjudged)?)))
    }
}

impl Nli for Judge {
    fn judge<'a>(&'a self, pairs: &'a [Pair]) -> Working<'a, Vec<Option<Relation>>> {
        Box::pin(async move {
            let mut relations = Vec::new();
            for (premise, hypothesis) in pairs {
                let (judge, premise, hypothesis) = (self.0.clone(), premise.clone(), hypothesis.clone());
                // One at a time: an interrupted run waits for one pair, not for all.
                let judged = tokio::task::spawn_blocking(move || judge.judge(&premise, &hypothesis)).await;
                relations.push(Some(match judged.map_err(unjudged)?.map_err(unjudged)? {
                    Inference::Entailment => Relation::Entailment,
                    Inference::Neutral => Relation::Neutral,
                    Inference::Contradiction => Relation::Contradiction,
                }));
            }
            Ok(relations)
        })
    }
}

fn unjudged(error: impl std::fmt::Display) -> GenerateError {
    GenerateError::Nli(error.to_string())
}

/// The sandbox as the maker knows it.
struct Sandboxed(Pool);

impl Verifiers for Sandboxed {
    fn subset(&self) -> &str {
        sandbox::SUBSET
    }

    fn apply<'a>(&'a self, source: &'a str, texts: &'a [String]) -> Working<'a, Vec<Verdict>> {
        Box::pin(async move {
            match self.0.evaluate(source, FUNCTION, texts).await {
                Ok(outcomes) => Ok(outcomes.into_iter().map(verdict).collect()),
                // What a model wrote is refused for itself and ends nothing.
                Err(error @ (SandboxError::SourceTooLong { .. } | SandboxError::InputsTooLong { .. })) => {
                    Ok(vec![Verdict::Failed(error.to_string()); texts.len()])
                }
                Err(error) => Err(gone(error)),
            }
        })
    }
}

fn gone(error: SandboxError) -> GenerateError {
    GenerateError::Sandbox(error.to_string())
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Value(true) => Verdict::Yes,
        Outcome::Value(false) => Verdict::No,
        Outcome::Unsupported { message } => Verdict::Unsupported(message),
        Outcome::NoFunction => Verdict::Unsupported(format!("there is no function `{FUNCTION}`")),
        Outcome::NotBool { repr } => Verdict::Failed(format!("it returned {repr}")),
        Outcome::Raised { exception, message } => Verdict::Failed(format!("{exception}: {message}")),
        Outcome::TimeLimit => Verdict::Failed("it took too long".into()),
        Outcome::MemoryLimit => Verdict::Failed("it took too much memory".into()),
        Outcome::OutputLimit => Verdict::Failed("it printed too much".into()),
        Outcome::Crashed { how } => Verdict::Failed(format!("it ended the interpreter: {how}")),
    }
}

//! Opens the students that the ledger names: registry folder to model, each once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use callsite::{SiteId, VersionId};
use parking_lot::{Mutex, RwLock};
use registry::Registry;
use student::{Observer, Round, Runtime, Student, StudentConfig};
use telemetry::Metrics;
use wire::{ChatModel, Ineligible, Prompt};

/// Opened versions that are kept; past that all are let go and opened again when asked for.
const MODELS_MAX: usize = 64;

/// The published versions of every site, on one base.
pub(crate) struct RegistryStudents {
    registry: Registry,
    onnxruntime: PathBuf,
    config: StudentConfig,
    metrics: Arc<Metrics>,
    /// Held while something is read from disk, so that nothing is read twice.
    opening: Mutex<Option<Arc<Student>>>,
    open: RwLock<OpenModels>,
}

/// What has been opened so far.
#[derive(Default)]
struct OpenModels {
    /// The base without an adapter: it knows what fits.
    base: Option<Arc<dyn ChatModel>>,
    versions: HashMap<(SiteId, VersionId), Arc<dyn ChatModel>>,
}

impl RegistryStudents {
    pub(crate) fn new(registry: Registry, onnxruntime: PathBuf, config: StudentConfig, metrics: Arc<Metrics>) -> Self {
        Self { registry, onnxruntime, config, metrics, opening: Mutex::default(), open: RwLock::default() }
    }

    /// The opened base; read from disk the first time.
    fn student(&self, opening: &mut Option<Arc<Student>>) -> Result<Arc<Student>, String> {
        if let Some(student) = opening {
            return Ok(student.clone());
        }
        let runtime = Runtime::load(&self.onnxruntime).map_err(|error| error.to_string())?;
        let student = Student::open(&runtime, self.config.clone(), counted(self.metrics.clone()))
            .map_err(|error| error.to_string())?;
        self.open.write().base = Some(student.model("base".into(), None).map_err(|error| error.to_string())?);
        Ok(opening.insert(student).clone())
    }
}

impl gateway::Students for RegistryStudents {
    fn accepts(&self, prompt: &Prompt) -> Result<(), Ineligible> {
        let base = self.open.read().base.clone();
        base.map_or(Ok(()), |base| base.accepts(prompt))
    }

    fn opened(&self, site: &SiteId, version: &VersionId) -> Option<Arc<dyn ChatModel>> {
        self.open.read().versions.get(&(site.clone(), version.clone())).cloned()
    }

    fn open(&self, site: &SiteId, version: &VersionId) -> Result<Arc<dyn ChatModel>, String> {
        let mut opening = self.opening.lock();
        // Somebody else may have opened it while this one waited.
        if let Some(model) = self.opened(site, version) {
            return Ok(model);
        }
        let student = self.student(&mut opening)?;
        let dir = self.registry.open(site, version).map_err(|error| error.to_string())?;
        let model = student.model(format!("{site}@{version}"), Some(&dir)).map_err(|error| error.to_string())?;
        let mut open = self.open.write();
        if open.versions.len() >= MODELS_MAX {
            open.versions.clear();
        }
        open.versions.insert((site.clone(), version.clone()), model.clone());
        Ok(model)
    }
}

/// Counts what the student's thread does.
fn counted(metrics: Arc<Metrics>) -> Observer {
    Box::new(move |round: &Round| {
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
    })
}

/// Where there is no base: every request is the teacher's.
pub(crate) struct NoStudents;

impl gateway::Students for NoStudents {
    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn opened(&self, _: &SiteId, _: &VersionId) -> Option<Arc<dyn ChatModel>> {
        None
    }

    fn open(&self, _: &SiteId, _: &VersionId) -> Result<Arc<dyn ChatModel>, String> {
        Err("student.enabled is false".into())
    }
}

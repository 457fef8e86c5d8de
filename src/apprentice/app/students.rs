//! Opens the students that the ledger names: registry folder to model, each once.

use std::collections::HashMap;
use std::sync::Arc;

use callsite::{SiteId, VersionId};
use parking_lot::{Mutex, RwLock};
use registry::Registry;
use telemetry::Metrics;
use wire::{ChatModel, Ineligible, Prompt};

use crate::app::backend::{Opened, Opening};

/// Opened versions that are kept; past that all are let go and opened again when asked for.
const MODELS_MAX: usize = 64;

/// The published versions of every site, on one base.
pub(crate) struct RegistryStudents {
    registry: Registry,
    how: Opening,
    metrics: Arc<Metrics>,
    /// Held while something is opened, so that nothing is opened twice.
    opening: Mutex<Option<Opened>>,
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
    pub(crate) fn new(registry: Registry, how: Opening, metrics: Arc<Metrics>) -> Self {
        Self { registry, how, metrics, opening: Mutex::default(), open: RwLock::default() }
    }

    /// The opened base; opened the first time.
    fn student<'a>(&self, opening: &'a mut Option<Opened>) -> Result<&'a Opened, String> {
        if opening.is_none() {
            let opened = self.how.open(Some(self.metrics.clone())).map_err(|error| error.to_string())?;
            self.open.write().base = Some(opened.model("base".into(), None).map_err(|error| error.to_string())?);
            *opening = Some(opened);
        }
        opening.as_ref().ok_or_else(|| "no student is open".to_owned())
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

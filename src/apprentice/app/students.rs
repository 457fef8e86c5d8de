//! Opens the students that the ledger names: registry folder to model, each once.

use std::sync::Arc;

use callsite::{SiteId, VersionId};
use parking_lot::{Mutex, RwLock};
use registry::Registry;
use telemetry::Metrics;
use wire::{ChatModel, Ineligible, Prompt};

use crate::app::backend::{Opened, Opening};
use crate::app::recent::Recent;

/// What says how much of memory an adapter takes: its numbers are in single precision there and here.
const ADAPTER_FILE: &str = "adapter_model.safetensors";

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
struct OpenModels {
    /// The base without an adapter: it knows what fits.
    base: Option<Arc<dyn ChatModel>>,
    /// What is let go is opened again when it is asked for.
    versions: Recent<(SiteId, VersionId), Arc<dyn ChatModel>>,
}

impl RegistryStudents {
    /// Adapters are kept open within `adapter_bytes`.
    pub(crate) fn new(registry: Registry, how: Opening, adapter_bytes: u64, metrics: Arc<Metrics>) -> Self {
        let open = RwLock::new(OpenModels { base: None, versions: Recent::new(adapter_bytes) });
        Self { registry, how, metrics, opening: Mutex::default(), open }
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
        self.open.read().versions.get(&(site.clone(), version.clone()))
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
        let bytes = std::fs::metadata(dir.join(ADAPTER_FILE)).map_err(|error| error.to_string())?.len();
        self.open.write().versions.insert((site.clone(), version.clone()), model.clone(), bytes);
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

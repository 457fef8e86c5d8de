//! Opens the students that the ledger names: registry folder to model, each once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use registry::Registry;
use student::{Runtime, Student, StudentConfig};
use wire::ChatModel;

/// Opened versions that are kept; past that all are let go and opened again when asked for.
const MODELS_MAX: usize = 64;

/// The published versions of every site, on one base.
pub(crate) struct Published {
    pub(crate) registry: Registry,
    pub(crate) onnxruntime: PathBuf,
    pub(crate) config: StudentConfig,
    pub(crate) opened: Mutex<Opened>,
}

/// What has been opened so far.
#[derive(Default)]
pub(crate) struct Opened {
    student: Option<Arc<Student>>,
    models: HashMap<(String, String), Arc<dyn ChatModel>>,
}

impl gateway::Students for Published {
    fn open(&self, site: &str, version: &str) -> Result<Arc<dyn ChatModel>, String> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (site.to_owned(), version.to_owned());
        if let Some(model) = opened.models.get(&key) {
            return Ok(model.clone());
        }
        let student = match &opened.student {
            Some(student) => student.clone(),
            None => {
                let runtime = Runtime::load(&self.onnxruntime).map_err(|error| error.to_string())?;
                let student = Student::open(&runtime, self.config.clone()).map_err(|error| error.to_string())?;
                opened.student.insert(student).clone()
            }
        };
        let dir = self.registry.open(site, version).map_err(|error| error.to_string())?;
        let model = student.model(format!("{site}@{version}"), Some(&dir)).map_err(|error| error.to_string())?;
        if opened.models.len() >= MODELS_MAX {
            opened.models.clear();
        }
        opened.models.insert(key, model.clone());
        Ok(model)
    }
}

/// Where there is no base: every request is the teacher's.
pub(crate) struct Nobody;

impl gateway::Students for Nobody {
    fn open(&self, _: &str, _: &str) -> Result<Arc<dyn ChatModel>, String> {
        Err("student.enabled is false".into())
    }
}

//! ONNX Runtime, loaded once per process.

use std::fmt;
use std::path::{Path, PathBuf};

use ort::environment::Environment;
use ort::logging::LogLevel;
use parking_lot::Mutex;

use crate::StudentError;

/// A process can load one library and create one environment, and never another.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The loaded library. Cheap to clone; loading the same library again gives the same runtime.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// Loads the shared library at `library`.
    ///
    /// # Errors
    /// When there is no such file, when it is no ONNX Runtime or one older than 1.31, or when this process
    /// already uses another.
    pub fn load(library: &Path) -> Result<Self, StudentError> {
        let library = fs_err::canonicalize(library)?;
        let mut loaded = LOADED.lock();
        if let Some((path, environment)) = &*loaded {
            if *path != library {
                return Err(StudentError::LibraryLoaded { loaded: path.clone(), wanted: library });
            }
            return Ok(Self { environment: environment.clone(), path: library });
        }
        let unusable = |reason: String| StudentError::LibraryUnusable { path: library.clone(), reason };
        let builder = ort::init_from(&library).map_err(|error| unusable(error.to_string()))?;
        let environment = builder
            .with_name("apprentice")
            .with_telemetry(false)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        environment.set_log_level(LogLevel::Error);
        *loaded = Some((library.clone(), environment.clone()));
        Ok(Self { environment, path: library })
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("library", &self.path).finish_non_exhaustive()
    }
}

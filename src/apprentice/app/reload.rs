//! The configuration, read again while the program runs: all of it or nothing. The rules of call sites take effect at once; what belongs to a
//! listener, a folder or a model waits for the next start, and is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use telemetry::Metrics;

use crate::app::Error;
use crate::app::found::Found;
use crate::settings::Settings;

/// Sections whose values are the rules of call sites.
const RULES: [&str; 4] = ["handover", "site", "sites", "verifiers"];

/// What of a running program can be replaced, and what tells of it.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) found: Found,
    /// Of every site's evidence: the part that does not change without a restart.
    pub(super) basis: BTreeMap<String, String>,
    pub(super) metrics: Arc<Metrics>,
}

/// The file, and how it read when the program started.
pub(crate) struct Reload {
    path: PathBuf,
    running: toml::Table,
    live: Live,
}

impl Reload {
    /// `path` is the file that the running program was started with.
    pub(super) fn new(path: &Path, live: Live) -> Result<Self, Error> {
        let running = table(path)?;
        live.metrics.config_last_reload_successful().set(1.0);
        Ok(Self { path: path.to_owned(), running, live })
    }

    /// Puts the file's rules in force, or keeps those that are.
    pub(crate) fn again(&self) {
        match self.read() {
            Ok(waiting) => {
                self.live.metrics.config_last_reload_successful().set(1.0);
                let waiting = waiting.join(", ");
                tracing::info!(path = %self.path.display(), waiting, "the rules of call sites were read again; sections that changed besides wait for a restart");
            }
            Err(error) => {
                self.live.metrics.config_last_reload_successful().set(0.0);
                tracing::error!(%error, "the configuration was not read again: what is in force stays");
            }
        }
    }

    /// The sections that have changed and wait for a restart.
    fn read(&self) -> Result<Vec<String>, Error> {
        let settings = Settings::load(&self.path)?;
        let now = table(&self.path)?;
        self.live.found.reconfigure(settings.rules(&self.live.basis)?);
        let sections = now.keys().chain(self.running.keys().filter(|name| !now.contains_key(*name)));
        let changed =
            sections.filter(|name| !RULES.contains(&name.as_str()) && now.get(*name) != self.running.get(*name));
        Ok(changed.cloned().collect())
    }
}

fn table(path: &Path) -> Result<toml::Table, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

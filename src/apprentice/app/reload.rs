//! The configuration, read again while the program runs: all of it or nothing. The rules of call sites take effect at once; what belongs to a
//! listener, a folder or a model waits for the next start, and is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use telemetry::Metrics;

use crate::app::Error;
use crate::app::certificates::Certificates;
use crate::app::found::Found;
use crate::settings::Settings;

/// Sections whose values are the rules of call sites.
const RULES: [&str; 4] = ["handover", "site", "sites", "verifiers"];
/// A key of these sections that is the exchange log's.
const RETENTION: &str = "retention_days";

/// What of a running program can be replaced, and what tells of it.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) found: Found,
    /// Of every site's evidence: the part that does not change without a restart.
    pub(super) basis: BTreeMap<String, String>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) certificates: Certificates,
}

/// The file, and what of it is in force.
pub(crate) struct Reload {
    path: PathBuf,
    started_with: Settings,
    /// As last read whole. Held while it is read, so that two do not read at once.
    read: Mutex<toml::Table>,
    live: Live,
}

impl Reload {
    /// `path` is the file that the running program was started with, `started_with` what it said.
    pub(super) fn new(path: &Path, started_with: Settings, live: Live) -> Result<Self, Error> {
        let read = Mutex::new(started_with.table()?);
        live.metrics.config_last_reload_successful().set(1.0);
        Ok(Self { path: path.to_owned(), started_with, read, live })
    }

    /// Puts the file's rules in force, or keeps those that are; says in JSON which keys have changed, or in words what is wrong. Blocking.
    pub(crate) fn again(&self) -> Result<Value, String> {
        let read = self.read();
        self.live.metrics.config_last_reload_successful().set(f64::from(u8::from(read.is_ok())));
        match read {
            Ok((in_force, waiting)) => {
                let (changed, wait) = (in_force.join(", "), waiting.join(", "));
                tracing::info!(path = %self.path.display(), changed, wait, "the configuration was read again; what waits needs a restart");
                Ok(json!({"path": self.path, "in_force": in_force, "needs_restart": waiting}))
            }
            Err(error) => {
                let error = error.to_string();
                tracing::error!(error, "the configuration was not read again: what is in force stays");
                Err(error)
            }
        }
    }

    /// Every value in force: the rules as last read, everything else as the program was started with.
    ///
    /// # Errors
    /// When a value cannot be said as a file would.
    pub(super) fn in_force(&self) -> Result<toml::Table, toml::ser::Error> {
        let (mut table, read) = (self.started_with.table()?, self.read.lock());
        for section in RULES {
            table.extend(read.get(section).map(|rules| (section.to_owned(), rules.clone())));
        }
        Ok(table)
    }

    /// The keys that have changed since the file was last read and are in force; those that differ from what the program was started with and
    /// wait for a restart.
    fn read(&self) -> Result<(Vec<String>, Vec<String>), Error> {
        let mut last = self.read.lock();
        let settings = Settings::load(&self.path)?;
        let now = settings.table()?;
        let (running, Settings { handover, verifiers, site, sites, .. }) = (self.started_with.clone(), settings);
        let rules = Settings { handover, verifiers, site, sites, ..running }.rules(&self.live.basis)?;
        self.live.certificates.again()?;
        self.live.found.reconfigure(rules);
        let is_rule = |key: &&String| {
            RULES.contains(&key.split('.').next().unwrap_or_default()) && !key.ends_with(&format!(".{RETENTION}"))
        };
        let in_force = differing(&last, &now).iter().filter(is_rule).cloned().collect();
        let waiting = differing(&self.started_with.table()?, &now);
        *last = now;
        Ok((in_force, waiting.iter().filter(|key| !is_rule(key)).cloned().collect()))
    }
}

/// The keys, dotted, whose values are not the same in both.
fn differing(before: &toml::Table, now: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in before.keys().chain(now.keys()) {
        match (before.get(name), now.get(name)) {
            (Some(toml::Value::Table(before)), Some(toml::Value::Table(now))) => {
                found.extend(differing(before, now).into_iter().map(|key| format!("{name}.{key}")));
            }
            (Some(toml::Value::Table(only)), None) | (None, Some(toml::Value::Table(only))) => {
                found.extend(differing(only, &toml::Table::new()).into_iter().map(|key| format!("{name}.{key}")));
            }
            (before, now) if before != now => drop(found.insert(name.clone())),
            _ => {}
        }
    }
    found
}

//! The one reader of the configuration file and the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use capture::Distillable;
use cycle::Lessons;
use handover::Policy;
use serde::{Deserialize, Serialize};
use verify::{Checks, Comparison, Rules};
use wire::Sampling;

/// A configuration that cannot be used; each variant says where to look.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read the configuration {}: {source}\n  `apprentice init` writes a commented one", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {problem}", path.display())]
    Wrong { path: PathBuf, problem: String },
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) proxy: Proxy,
    pub(crate) admin: Admin,
    pub(crate) teacher: Teacher,
    pub(crate) data: Data,
    pub(crate) capture: Capture,
    pub(crate) student: Student,
    pub(crate) lessons: Lessons,
    pub(crate) handover: Policy,
    pub(crate) verify: Rules,
    /// What every call site has unless it says otherwise.
    pub(crate) site: Site,
    pub(crate) sites: BTreeMap<String, Overrides>,
    /// The sites of `sites` with everything filled in.
    #[serde(skip)]
    resolved: BTreeMap<String, Resolved>,
    #[serde(skip)]
    default_site: Resolved,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    /// Serving threads; 0 is one for each processor.
    pub(crate) threads: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
    /// Environment variable with the bearer token; without it one is made and kept in the data folder.
    pub(crate) token_env: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Teacher {
    pub(crate) base_url: String,
    /// Environment variable with the key; when it is unset the clients' own keys are passed on.
    pub(crate) key_env: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) distillable: Distillable,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
    pub(crate) registry: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Capture {
    pub(crate) enabled: bool,
    pub(crate) segment_mb: u64,
    pub(crate) segment_hours: u64,
    pub(crate) retention_days: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Student {
    /// Off: the proxy passes through and captures, and nothing is learnt or served locally.
    pub(crate) enabled: bool,
    pub(crate) base: PathBuf,
    pub(crate) format: GraphFormat,
    /// ONNX Runtime's shared library; without it the places that `make setup` fills are looked at.
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) context: usize,
    pub(crate) workers: usize,
    pub(crate) threads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GraphFormat {
    F32,
    I8row,
}

/// One call site's rules apart from its hand-over and verifiers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Site {
    pub(crate) capture: bool,
    pub(crate) comparison: Comparison,
    pub(crate) max_tokens: u32,
    /// 0 is greedy.
    pub(crate) temperature: f32,
    pub(crate) top_p: f32,
}

/// What a call site says differently; its other keys are those of [`Site`] and are checked there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Overrides {
    handover: toml::Table,
    verify: toml::Table,
    #[serde(flatten)]
    site: toml::Table,
}

/// A call site with everything filled in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) policy: Policy,
    pub(crate) rules: Rules,
    pub(crate) site: Site,
    checks: Arc<Checks>,
}

impl Settings {
    /// Reads and checks a file; relative paths in it are relative to the working directory.
    pub(crate) fn load(path: &Path) -> Result<Self, SettingsError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| SettingsError::Wrong { path: path.to_owned(), problem })
    }

    /// Parses and checks a configuration's text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut settings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.resolve()?;
        Ok(settings)
    }

    /// Fills in every site once more after a setting was changed in the program.
    pub(crate) fn resolve(&mut self) -> Result<(), String> {
        let mut resolved = BTreeMap::new();
        for (name, overrides) in &self.sites {
            callsite::SiteId::new(name).map_err(|error| format!("sites.{name}: {error}"))?;
            resolved
                .insert(name.clone(), self.site_with(overrides).map_err(|problem| format!("sites.{name}: {problem}"))?);
        }
        self.default_site = self.site_with(&Overrides::default())?;
        self.resolved = resolved;
        Ok(())
    }

    /// The rules of a site, named in the file or not.
    pub(crate) fn of(&self, name: &str) -> &Resolved {
        self.resolved.get(name).unwrap_or(&self.default_site)
    }

    fn site_with(&self, overrides: &Overrides) -> Result<Resolved, String> {
        let policy: Policy =
            overlaid(&self.handover, &overrides.handover).map_err(|error| format!("handover: {error}"))?;
        if let Some(problem) = policy.problems().into_iter().next() {
            return Err(format!("handover: {problem}"));
        }
        let rules: Rules = overlaid(&self.verify, &overrides.verify).map_err(|error| format!("verify: {error}"))?;
        let site: Site = overlaid(&self.site, &overrides.site)?;
        let checks = Arc::new(Checks::new(&rules).map_err(|error| error.to_string())?);
        Ok(Resolved { policy, rules, site, checks })
    }
}

/// `base` with the keys of `overrides` in place of its own; an unknown key is an error that names it.
fn overlaid<T: Serialize + serde::de::DeserializeOwned>(base: &T, overrides: &toml::Table) -> Result<T, String> {
    let mut table = toml::Table::try_from(base).map_err(|error| error.to_string())?;
    table.extend(overrides.clone());
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

impl gateway::Sites for Settings {
    fn site(&self, name: &str) -> gateway::Site {
        let Resolved { site, checks, .. } = self.of(name);
        let sampling = if site.temperature > 0.0 {
            Sampling::Random { temperature: site.temperature, top_p: site.top_p, seed: 0 }
        } else {
            Sampling::Greedy
        };
        gateway::Site {
            checks: checks.clone(),
            comparison: site.comparison,
            sampling,
            max_tokens: site.max_tokens,
            capture: site.capture,
        }
    }
}

impl Default for Proxy {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), threads: 0 }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), token_env: "APPRENTICE_ADMIN_TOKEN".into() }
    }
}

impl Default for Teacher {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".into(),
            key_env: "OPENAI_API_KEY".into(),
            ca_file: None,
            distillable: Distillable::Unknown,
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "data".into(), registry: "models/registry".into() }
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self { enabled: true, segment_mb: 1024, segment_hours: 24 * 7, retention_days: 90 }
    }
}

impl Default for Student {
    fn default() -> Self {
        Self {
            enabled: true,
            base: "models/gemma-3-1b-it".into(),
            format: GraphFormat::I8row,
            onnxruntime: None,
            context: 2048,
            workers: 1,
            threads: 1,
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self {
            capture: true,
            comparison: Comparison::default(),
            max_tokens: gateway::limits::ANSWER_TOKENS_MAX,
            temperature: 0.0,
            top_p: 1.0,
        }
    }
}

impl GraphFormat {
    pub(crate) fn name(self) -> &'static str {
        self.export().name()
    }

    pub(crate) fn export(self) -> export::Format {
        match self {
            Self::F32 => export::Format::F32,
            Self::I8row => export::Format::I8Row,
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

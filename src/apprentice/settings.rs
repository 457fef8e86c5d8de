//! The one reader of the configuration file. What it gives back is whole and checked.
//!
//! - [`sections`]: the program's own sections; [`sites`]: the rules of every call site; [`problems`]: ranges;
//! - [`reading`]: from text to settings, with every problem in its place; [`nearest`]: what may have been meant; [`report`]: how it is shown;
//! - [`environment`]: the one reader of the environment; [`reference`]: what every key means, for the documents.

pub(crate) mod environment;
mod nearest;
mod problems;
mod reading;
pub(crate) mod reference;
mod report;
pub(crate) mod sections;
mod sites;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use callsite::MatchRules;
use capture::Distillable;
use cycle::LessonSettings;
use handover::Policy;
use jobs::{Device, Quantize};
use rules::Rules;
use serde::{Deserialize, Serialize};
use verify::VerifierSettings;

pub(crate) use nearest::nearest;
use sections::{Admin, Capture, Data, Proxy, Site, Student, Teacher};
use sites::Overrides;

/// A configuration that cannot be used; each variant says where to look.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read the configuration {}: {source}\n  `apprentice init` writes a commented one", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{report}")]
    Wrong { report: String },
}

/// What is wrong with a configuration's text.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
pub(crate) struct Problems(pub(crate) Vec<reading::Problem>);

/// The whole file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) proxy: Proxy,
    /// Keys of the proxy's own, by name.
    pub(crate) keys: BTreeMap<String, sections::ProxyKey>,
    pub(crate) admin: Admin,
    pub(crate) teacher: Teacher,
    pub(crate) offline: sections::Offline,
    pub(crate) callsites: sections::Callsites,
    pub(crate) data: Data,
    pub(crate) capture: Capture,
    pub(crate) student: Student,
    pub(crate) lessons: LessonSettings,
    pub(crate) handover: Policy,
    pub(crate) verifiers: VerifierSettings,
    pub(crate) similarity: sections::Similarity,
    pub(crate) judge: sections::JudgeSection,
    pub(crate) generate: sections::Generate,
    pub(crate) webhooks: sections::Webhooks,
    pub(crate) traces: sections::Traces,
    /// What every call site has unless it says otherwise.
    pub(crate) site: Site,
    pub(crate) sites: BTreeMap<String, Overrides>,
}

impl Settings {
    /// Reads and checks a file; relative paths in it are relative to the working directory.
    pub(crate) fn load(path: &Path) -> Result<Self, SettingsError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        reading::read(&text).map_err(|problems| SettingsError::Wrong { report: report::report(path, &text, &problems) })
    }

    /// Parses and checks a configuration's text.
    pub(crate) fn parse(text: &str) -> Result<Self, Problems> {
        reading::read(text).map_err(Problems)
    }

    /// Every value, also those that no file names, as a file would say them.
    pub(crate) fn table(&self) -> Result<toml::Table, toml::ser::Error> {
        toml::Table::try_from(self)
    }

    /// Whether lessons may be held: there is a student, lessons are on, and the teacher's terms allow them.
    pub(crate) fn learns(&self) -> bool {
        self.student.enabled && self.lessons.enabled && self.teacher.distillable == Distillable::Yes
    }

    /// Lessons learn beside the numbers that the student serves, unless they are told otherwise.
    fn trained_as_served(mut self) -> Self {
        let train = &mut self.lessons.train;
        if self.student.serves_four_bits() && train.device == Device::Cpu {
            train.quantize.get_or_insert(Quantize::Q4_0);
        }
        self
    }

    /// How long exchanges are kept.
    pub(crate) fn retention(&self) -> Result<sites::RetentionDays, String> {
        sites::retention(self)
    }

    /// The rules by which requests are told apart.
    pub(crate) fn match_rules(&self) -> Result<MatchRules, String> {
        let rules = MatchRules::new(&self.callsites.r#match);
        rules.map_err(|(number, problem)| format!("callsites.match: rule {number}: {problem}"))
    }

    /// The rules of every call site; `common` is the part of their basis that all sites share.
    pub(crate) fn rules(&self, common: &BTreeMap<String, String>) -> Result<Rules, String> {
        sites::rules(self, common)
    }
}

#[cfg(test)]
mod tests;

//! The folder of one lesson: each finished step is a file in it, so that a killed lesson goes on where it stopped.
//!
//! A folder whose files cannot be read is set aside under another name: it costs its own lesson and no other.

use std::io;
use std::path::{Path, PathBuf};

use callsite::{SiteId, VersionId};
use curriculum::Lineage;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::CycleError;

const BEGUN: &str = "begun.json";
const OUTCOME: &str = "outcome.json";
const CURRICULUM: &str = "curriculum";
pub(crate) const ADAPTER: &str = "adapter";

/// One lesson's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) site: SiteId,
    pub(crate) number: u32,
    pub(crate) dir: PathBuf,
}

/// How a lesson ended; its presence ends the lesson for good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The version that passed its exam; absent when training or the exam failed.
    pub(crate) version: Option<VersionId>,
    pub(crate) exam: Option<f64>,
    pub(crate) problem: Option<String>,
}

/// What was asked of the lesson when it was begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Exchanges up to this moment are not drawn.
    pub(crate) after_ms: Option<u64>,
}

/// A lesson and what its small files say.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) folder: Folder,
    /// Absent in a folder that was made but not begun: a crash fell between.
    pub(crate) begun: Option<Begun>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) lineage: Option<Lineage>,
}

impl Folder {
    pub(crate) fn begin(root: &Path, site: &SiteId, begun: &Begun) -> Result<Self, CycleError> {
        // Numbers of folders that were set aside are not given again.
        let number = numbers(&root.join(site.as_str()))?.into_iter().map(|(number, _)| number).max().unwrap_or(0) + 1;
        let dir = root.join(site.as_str()).join(number.to_string());
        fs::create_dir_all(&dir)?;
        let folder = Self { site: site.clone(), number, dir };
        folder.write(BEGUN, begun)?;
        Ok(folder)
    }

    fn summary(self) -> Result<Summary, CycleError> {
        let (begun, outcome) = (self.read(BEGUN)?, self.read(OUTCOME)?);
        let lineage = files::read_json(&self.curriculum().join(curriculum::LINEAGE_FILE))?;
        Ok(Summary { folder: self, begun, outcome, lineage })
    }

    pub(crate) fn begun(&self) -> Result<Option<Begun>, CycleError> {
        self.read(BEGUN)
    }

    pub(crate) fn end(&self, outcome: &Outcome) -> Result<(), CycleError> {
        self.write(OUTCOME, outcome)
    }

    pub(crate) fn curriculum(&self) -> PathBuf {
        curriculum(&self.dir)
    }

    /// Where the adapter is written, until the registry holds it; the training's report lies beside it and stays.
    pub(crate) fn adapter(&self) -> PathBuf {
        self.dir.join(ADAPTER)
    }

    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CycleError> {
        Ok(files::read_json(&self.dir.join(name))?)
    }

    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), CycleError> {
        Ok(files::replace_json(&self.dir.join(name), value)?)
    }

    /// Removes a part of the folder that nothing needs any more; one that stays wastes disk and is said, but is no
    /// reason to lose the lesson.
    pub(crate) fn discard(&self, name: &str) {
        let path = self.dir.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a finished lesson's data could not be removed");
            }
            _ => {}
        }
    }
}

/// Every lesson of `site` in order. A folder that cannot be read is set aside, named in the log, and counted by
/// `damaged`.
///
/// # Errors
/// When the site's folder cannot be listed.
pub(crate) fn lessons(root: &Path, site: &SiteId, damaged: &mut dyn FnMut()) -> Result<Vec<Summary>, CycleError> {
    summaries(root, site, &mut |dir, error| {
        damaged();
        set_aside(dir, error);
    })
}

/// Every lesson of `site` that can be read, in order; changes nothing.
///
/// # Errors
/// When the site's folder cannot be listed.
pub(crate) fn readable(root: &Path, site: &SiteId) -> Result<Vec<Summary>, CycleError> {
    summaries(root, site, &mut |_, _| {})
}

fn summaries(
    root: &Path,
    site: &SiteId,
    unreadable: &mut dyn FnMut(&Path, &CycleError),
) -> Result<Vec<Summary>, CycleError> {
    let mut summaries = Vec::new();
    for (number, dir) in numbers(&root.join(site.as_str()))?.into_iter().filter(|(_, dir)| is_lesson(dir)) {
        let folder = Folder { site: site.clone(), number, dir: dir.clone() };
        match folder.summary() {
            Ok(summary) => summaries.push(summary),
            Err(error) => unreadable(&dir, &error),
        }
    }
    summaries.sort_by_key(|summary| summary.folder.number);
    Ok(summaries)
}

/// Lessons of `site` that could not be read.
///
/// # Errors
/// When the site's folder cannot be listed.
pub(crate) fn damaged(root: &Path, site: &SiteId) -> Result<Vec<PathBuf>, CycleError> {
    let numbered = numbers(&root.join(site.as_str()))?.into_iter().map(|(_, dir)| dir);
    Ok(numbered.filter(|dir| dir.is_dir() && !is_lesson(dir)).collect())
}

/// The data of a lesson's folder.
pub(crate) fn curriculum(dir: &Path) -> PathBuf {
    dir.join(CURRICULUM)
}

/// The data of the lesson whose training's report lies there.
pub(crate) fn curriculum_beside(report: &Path) -> PathBuf {
    report.with_file_name(CURRICULUM)
}

/// The sites that have had lessons.
///
/// # Errors
/// When the folder of lessons cannot be listed.
pub(crate) fn sites(root: &Path) -> Result<Vec<SiteId>, CycleError> {
    let mut sites = Vec::new();
    for entry in entries(root)? {
        sites.extend(SiteId::new(&entry.file_name().to_string_lossy()));
    }
    sites.sort();
    Ok(sites)
}

fn is_lesson(dir: &Path) -> bool {
    dir.extension().is_none() && dir.is_dir()
}

/// The numbered folders of a site, those set aside included.
fn numbers(parent: &Path) -> Result<Vec<(u32, PathBuf)>, CycleError> {
    let number = |path: &Path| path.file_stem()?.to_str()?.parse().ok();
    let paths = entries(parent)?.into_iter().map(|entry| entry.path());
    Ok(paths.filter_map(|path| Some((number(&path)?, path))).collect())
}

/// What a folder holds; nothing when there is none.
fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>, CycleError> {
    match fs::read_dir(dir) {
        Ok(entries) => Ok(entries.collect::<Result<_, _>>()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn set_aside(dir: &Path, why: &CycleError) {
    let kept = dir.with_extension("damaged");
    match fs::rename(dir, &kept) {
        Ok(()) => tracing::error!(error = %why, kept = %kept.display(), "a lesson cannot be read and was set aside"),
        Err(error) => tracing::error!(%error, cause = %why, "a lesson cannot be read nor set aside"),
    }
}

//! The versions of every call site's student: content-hashed folders with a manifest each.
//!
//! `root/{site}/{version}/` holds a published adapter and `apprentice.json`. A version's name is its number and the
//! first 12 hex digits of its content hash. Which version serves is the ledger's to say. Nothing here serves or
//! learns, and a publish that is interrupted leaves only a folder that the next one replaces.

mod error;
mod manifest;

use std::io;
use std::path::{Path, PathBuf};

use callsite::{SiteId, VersionId};
use fs_err as fs;

pub use error::RegistryError;
pub use manifest::{FileHash, Manifest};

const MANIFEST: &str = "apprentice.json";

/// The registry's root folder.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
}

impl Registry {
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Takes the files of `from` as the next version of `site`. Publishing the same content twice gives the same
    /// version.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn publish(&self, site: &SiteId, from: &Path, facts: serde_json::Value) -> Result<VersionId, RegistryError> {
        let files = manifest::hash_files(from)?;
        let hash = manifest::content_hash(&files);
        let known = self.versions(site)?;
        if let Some(same) = known.iter().find(|known| known.as_str().ends_with(&format!("-{hash}"))) {
            return Ok(same.clone());
        }
        let number = known.iter().filter_map(number).max().unwrap_or(0) + 1;
        let version = VersionId::new(&format!("{number}-{hash}"))?;
        let staged = self.site(site).join(".publishing");
        remove_dir(&staged)?;
        fs::create_dir_all(&staged)?;
        for file in &files {
            let to = staged.join(&file.name);
            fs::copy(from.join(&file.name), &to)?;
            fs::File::open(&to)?.sync_all()?;
        }
        let manifest = Manifest { site: site.clone(), version: version.clone(), files, facts };
        files::replace_json(&staged.join(MANIFEST), &manifest)?;
        fs::rename(&staged, self.version_dir(site, &version))?;
        files::sync_dir(&self.site(site))?;
        Ok(version)
    }

    /// The folder of a version after its files were checked against the manifest.
    ///
    /// # Errors
    /// [`RegistryError::Corrupt`] naming the first file that differs.
    pub fn open(&self, site: &SiteId, version: &VersionId) -> Result<PathBuf, RegistryError> {
        let dir = self.version_dir(site, version);
        let manifest: Manifest =
            files::read_json(&dir.join(MANIFEST))?.ok_or_else(|| RegistryError::Missing(dir.join(MANIFEST)))?;
        for file in &manifest.files {
            if manifest::hash_file(&dir.join(&file.name))? != file.blake3 {
                return Err(RegistryError::Corrupt(dir.join(&file.name)));
            }
        }
        Ok(dir)
    }

    /// What a version says of itself; its files are not looked at. `None` for one that is not there.
    ///
    /// # Errors
    /// When its manifest cannot be read.
    pub fn manifest(&self, site: &SiteId, version: &VersionId) -> Result<Option<Manifest>, RegistryError> {
        Ok(files::read_json(&self.version_dir(site, version).join(MANIFEST))?)
    }

    /// Every published version of `site`, in order of their numbers.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn versions(&self, site: &SiteId) -> Result<Vec<VersionId>, RegistryError> {
        let entries = match fs::read_dir(self.site(site)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let version = VersionId::new(&entry?.file_name().to_string_lossy());
            versions.extend(version.ok().filter(|version| number(version).is_some()));
        }
        versions.sort_by_key(number);
        Ok(versions)
    }

    /// Removes a version; one that is not there is removed already. The newest one must stay: numbers go on from it.
    ///
    /// # Errors
    /// When its folder cannot be removed.
    pub fn remove(&self, site: &SiteId, version: &VersionId) -> Result<(), RegistryError> {
        Ok(remove_dir(&self.version_dir(site, version))?)
    }

    fn site(&self, site: &SiteId) -> PathBuf {
        self.root.join(site.as_str())
    }

    fn version_dir(&self, site: &SiteId, version: &VersionId) -> PathBuf {
        self.site(site).join(version.as_str())
    }
}

fn number(version: &VersionId) -> Option<u32> {
    version.as_str().split_once('-').and_then(|(number, _)| number.parse().ok())
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

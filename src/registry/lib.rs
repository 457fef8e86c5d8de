//! The versions of every call site's student: content-hashed folders, a manifest each, and one pointer.
//!
//! `root/{site}/{version}/` holds a published adapter and `apprentice.json`; `root/{site}/current.json`
//! names the current and the previous version and is replaced atomically. A version's name is its number
//! and the first 12 hex digits of its content hash. Nothing here serves or learns, and a publish that is
//! interrupted leaves only a folder that the next one replaces.

mod error;
mod manifest;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::RegistryError;
pub use manifest::{FileHash, Manifest};

const MANIFEST: &str = "apprentice.json";
const POINTER: &str = "current.json";

/// The registry's root folder.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
}

/// Which version a site uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub current: Option<String>,
    pub previous: Option<String>,
}

impl Registry {
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Takes the files of `from` as the next version of `site` and points to it. Publishing the same
    /// content twice gives the same version.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn publish(&self, site: &str, from: &Path, facts: serde_json::Value) -> Result<String, RegistryError> {
        let files = manifest::hash_files(from)?;
        let hash = manifest::content_hash(&files);
        if let Some(known) = self.versions(site)?.into_iter().find(|known| known.ends_with(&format!("-{hash}"))) {
            return Ok(known);
        }
        let number = self.versions(site)?.iter().filter_map(|known| number(known)).max().unwrap_or(0) + 1;
        let version = format!("{number}-{hash}");
        let (staged, published) = (self.site(site).join(".publishing"), self.version_dir(site, &version));
        if staged.try_exists().unwrap_or(true) {
            fs::remove_dir_all(&staged).map_err(RegistryError::io("clear", &staged))?;
        }
        fs::create_dir_all(&staged).map_err(RegistryError::io("create", &staged))?;
        for file in &files {
            copy_synced(&from.join(&file.name), &staged.join(&file.name))?;
        }
        let manifest = Manifest { site: site.to_owned(), version: version.clone(), files, facts };
        write_synced(&staged.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
        fs::rename(&staged, &published).map_err(RegistryError::io("publish", &published))?;
        let previous = self.pointer(site)?.current;
        self.point(site, &Pointer { current: Some(version.clone()), previous })?;
        Ok(version)
    }

    /// The folder of a version after its files were checked against the manifest.
    ///
    /// # Errors
    /// [`RegistryError::Corrupt`] naming the first file that differs.
    pub fn open(&self, site: &str, version: &str) -> Result<PathBuf, RegistryError> {
        let dir = self.version_dir(site, version);
        let text = fs::read(dir.join(MANIFEST)).map_err(RegistryError::io("read", &dir.join(MANIFEST)))?;
        let manifest: Manifest = serde_json::from_slice(&text)?;
        for file in &manifest.files {
            if manifest::hash_file(&dir.join(&file.name))? != file.blake3 {
                return Err(RegistryError::Corrupt(dir.join(&file.name)));
            }
        }
        Ok(dir)
    }

    /// Every published version of `site`, in order of their numbers.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn versions(&self, site: &str) -> Result<Vec<String>, RegistryError> {
        let dir = self.site(site);
        if !dir.try_exists().map_err(RegistryError::io("look for", &dir))? {
            return Ok(Vec::new());
        }
        let mut versions = Vec::new();
        for entry in fs::read_dir(&dir).map_err(RegistryError::io("list", &dir))? {
            let name = entry.map_err(RegistryError::io("list", &dir))?.file_name().to_string_lossy().into_owned();
            versions.extend(number(&name).is_some().then_some(name));
        }
        versions.sort_by_key(|version| number(version));
        Ok(versions)
    }

    /// The pointer of `site`.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn pointer(&self, site: &str) -> Result<Pointer, RegistryError> {
        let path = self.site(site).join(POINTER);
        if !path.try_exists().map_err(RegistryError::io("look for", &path))? {
            return Ok(Pointer::default());
        }
        Ok(serde_json::from_slice(&fs::read(&path).map_err(RegistryError::io("read", &path))?)?)
    }

    fn point(&self, site: &str, pointer: &Pointer) -> Result<(), RegistryError> {
        let path = self.site(site).join(POINTER);
        let staged = path.with_extension("json.new");
        write_synced(&staged, &serde_json::to_vec_pretty(pointer)?)?;
        fs::rename(&staged, &path).map_err(RegistryError::io("replace", &path))
    }

    fn site(&self, site: &str) -> PathBuf {
        self.root.join(site)
    }

    fn version_dir(&self, site: &str, version: &str) -> PathBuf {
        self.site(site).join(version)
    }
}

fn number(version: &str) -> Option<u32> {
    version.split_once('-').and_then(|(number, _)| number.parse().ok())
}

fn copy_synced(from: &Path, to: &Path) -> Result<(), RegistryError> {
    fs::copy(from, to).map_err(RegistryError::io("copy", from))?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(RegistryError::io("sync", to))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(RegistryError::io("write", path))
}

#[cfg(test)]
mod tests;

//! A file in memory, without a copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::File;
use memmap2::{Mmap, UncheckedAdvice};

use crate::error::FrozenError;

/// A mapped file. Whoever shortens it while it is mapped ends the process (SIGBUS): a base model's folder is written once.
#[derive(Clone)]
pub struct MappedFile {
    path: PathBuf,
    bytes: Arc<Mmap>,
}

/// A part of a mapped file.
#[derive(Clone)]
pub(crate) struct Part {
    bytes: Arc<Mmap>,
    start: usize,
    end: usize,
}

impl MappedFile {
    /// Maps the file at `path` for reading.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path) -> Result<Self, FrozenError> {
        let file = File::open(path)?;
        #[expect(unsafe_code, reason = "mapping has no safe form: the file must not be shortened meanwhile, see above")]
        // SAFETY: the map is only read, as bytes, which are valid whatever they are.
        let bytes = unsafe { Mmap::map(&file) }?;
        Ok(Self { path: path.to_path_buf(), bytes: Arc::new(bytes) })
    }

    /// `bytes` bytes from `offset` on.
    pub(crate) fn part(&self, offset: usize, bytes: usize) -> Result<Part, FrozenError> {
        match offset.checked_add(bytes) {
            Some(end) if end <= self.bytes.len() => Ok(Part { bytes: self.bytes.clone(), start: offset, end }),
            _ => Err(FrozenError::Outside { path: self.path.display().to_string(), offset, bytes }),
        }
    }
}

impl Part {
    /// Gives its memory back; whoever reads it again has it from the file.
    pub(crate) fn release(&self) {
        #[expect(unsafe_code, reason = "dropping pages has no safe form")]
        // SAFETY: the map is shared and only read, so that a dropped page is the file's again when it is touched.
        let released =
            unsafe { self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, self.start, self.end - self.start) };
        // It is advice: where it is not taken the kernel takes these pages when it needs memory.
        released.ok();
    }
}

impl std::ops::Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

//! The external weight file: tensors one after another, each on a page boundary so that a reader may map it.

use std::io::{BufWriter, Write};
use std::path::Path;

use fs_err::File;
use gemma::StoredFile;

use crate::ExportError;

/// Bytes; a page on every platform that matters, and what ONNX Runtime wants for mapping.
const ALIGNMENT: u64 = 4096;
/// Values encoded at a time, so that a large tensor is never held a second time as bytes.
const CHUNK: usize = 1 << 16;

/// Where a tensor lies in the file, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The file being written.
#[derive(Debug)]
pub(crate) struct DataFile {
    out: BufWriter<File>,
    length: u64,
    hasher: blake3::Hasher,
}

impl DataFile {
    pub(crate) fn create(path: &Path) -> Result<Self, ExportError> {
        let file = File::create_new(path)?;
        Ok(Self { out: BufWriter::with_capacity(1 << 20, file), length: 0, hasher: blake3::Hasher::new() })
    }

    /// Appends a tensor of floats, little-endian.
    pub(crate) fn put_f32(&mut self, values: &[f32]) -> Result<Span, ExportError> {
        let offset = self.align()?;
        let mut bytes = Vec::with_capacity(CHUNK * 4);
        for chunk in values.chunks(CHUNK) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
            self.write(&bytes)?;
        }
        Ok(Span { offset, length: self.length - offset })
    }

    /// Appends a tensor of bytes.
    pub(crate) fn put_bytes(&mut self, values: impl Iterator<Item = u8>) -> Result<Span, ExportError> {
        let offset = self.align()?;
        let mut bytes = Vec::with_capacity(CHUNK);
        for value in values {
            bytes.push(value);
            if bytes.len() == CHUNK {
                self.write(&bytes)?;
                bytes.clear();
            }
        }
        self.write(&bytes)?;
        Ok(Span { offset, length: self.length - offset })
    }

    /// Flushes the file to the disk and says what it is.
    pub(crate) fn finish(mut self) -> Result<StoredFile, ExportError> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        Ok(StoredFile::new(self.length, self.hasher.finalize()))
    }

    fn align(&mut self) -> Result<u64, ExportError> {
        let padding = self.length.next_multiple_of(ALIGNMENT) - self.length;
        self.write(&vec![0; padding as usize])?;
        Ok(self.length)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

//! Reading and writing a model folder's safetensors files, one tensor at a time.
//!
//! Only the header is kept in memory; a tensor is read when it is asked for, so a 2 GB checkpoint
//! never lies in memory twice.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;

use crate::error::GemmaError;
use crate::stream::{self, Planned, widen};

/// A tensor widened to 32-bit floats, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor32 {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Tensor32 {
    /// The data, if the shape is the expected one.
    ///
    /// # Errors
    /// [`GemmaError::Shape`] otherwise, naming `name`.
    pub fn expect(self, name: &str, shape: &[usize]) -> Result<Vec<f32>, GemmaError> {
        if self.shape == shape {
            return Ok(self.data);
        }
        Err(GemmaError::Shape { name: name.to_owned(), found: self.shape, expected: shape.to_vec() })
    }
}

/// A number format of a checkpoint's floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    F32,
    Bf16,
    F16,
}

/// Where a tensor lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    pub format: NumberFormat,
    /// Bytes from the start of the file.
    pub offset: usize,
}

/// The number format of a written checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveAs {
    Bf16,
    F32,
}

struct Entry {
    path: PathBuf,
    dtype: Dtype,
    shape: Vec<usize>,
    /// Bytes from the start of the file, and their number.
    offset: u64,
    len: usize,
}

impl Entry {
    fn not_floats(&self, name: &str) -> GemmaError {
        GemmaError::safetensors(&self.path, format!("tensor `{name}` is {:?}, not a float format", self.dtype))
    }
}

/// The tensors of a model folder, by name.
pub struct Weights {
    dir: PathBuf,
    entries: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

/// A header longer than this is no header (the format's own limit).
const MAX_HEADER_BYTES: u64 = 100_000_000;

impl Weights {
    /// Reads the headers of `model.safetensors`, or of the shards of `model.safetensors.index.json`.
    ///
    /// # Errors
    /// When a file cannot be read or is no safetensors file.
    pub fn load(dir: &Path) -> Result<Self, GemmaError> {
        let index = dir.join("model.safetensors.index.json");
        let files: Vec<PathBuf> = match fs::read_to_string(&index) {
            Ok(text) => {
                let index: Index =
                    serde_json::from_str(&text).map_err(|source| GemmaError::Json { path: index, source })?;
                let names: std::collections::BTreeSet<String> = index.weight_map.into_values().collect();
                names.into_iter().map(|name| dir.join(name)).collect()
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                vec![dir.join("model.safetensors")]
            }
            Err(error) => return Err(error.into()),
        };
        let mut entries = BTreeMap::new();
        for file in files {
            entries.extend(read_header(&file)?);
        }
        Ok(Self { dir: dir.to_path_buf(), entries })
    }

    /// Reads the header of a single safetensors file.
    pub(crate) fn load_file(path: &Path) -> Result<Self, GemmaError> {
        let entries = read_header(path)?.into_iter().collect();
        Ok(Self { dir: path.to_path_buf(), entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Where the tensor `name` of this shape lies, for whoever maps the file.
    ///
    /// # Errors
    /// When there is none of that name, it has another shape, or it holds something else than floats.
    pub fn place(&self, name: &str, shape: &[usize]) -> Result<Place, GemmaError> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            let found = entry.shape.clone();
            return Err(GemmaError::Shape { name: name.to_owned(), found, expected: shape.to_vec() });
        }
        let format = match entry.dtype {
            Dtype::F32 => NumberFormat::F32,
            Dtype::BF16 => NumberFormat::Bf16,
            Dtype::F16 => NumberFormat::F16,
            _ => return Err(entry.not_floats(name)),
        };
        Ok(Place { path: entry.path.clone(), format, offset: entry.offset as usize })
    }

    fn entry(&self, name: &str) -> Result<&Entry, GemmaError> {
        let missing = || GemmaError::MissingTensor { dir: self.dir.clone(), name: name.to_owned() };
        self.entries.get(name).ok_or_else(missing)
    }

    /// Every tensor as it lies in its file.
    pub(crate) fn planned(&self) -> Vec<Planned> {
        self.entries.iter().map(|(name, entry)| Planned::new(name, entry.dtype, entry.shape.clone())).collect()
    }

    /// The bytes of one tensor, to be read on; `None` when there is none of that name.
    pub(crate) fn bytes(&self, name: &str) -> std::io::Result<Option<impl Read>> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let mut file = File::open(&entry.path)?;
        file.seek(SeekFrom::Start(entry.offset))?;
        Ok(Some(file.take(entry.len as u64)))
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// When there is none of that name, it cannot be read, or it holds something else than floats.
    pub fn get(&self, name: &str) -> Result<Tensor32, GemmaError> {
        let entry = self.entry(name)?;
        let mut file = File::open(&entry.path)?;
        file.seek(SeekFrom::Start(entry.offset))?;
        let mut bytes = vec![0u8; entry.len];
        file.read_exact(&mut bytes)?;
        let data = widen(&bytes, entry.dtype).ok_or_else(|| entry.not_floats(name))?;
        if data.len() != entry.shape.iter().product::<usize>() {
            return Err(GemmaError::safetensors(
                &entry.path,
                format!("tensor `{name}` has {} numbers for shape {:?}", data.len(), entry.shape),
            ));
        }
        Ok(Tensor32 { shape: entry.shape.clone(), data })
    }

    /// Writes `dir/model.safetensors` replacing what is there.
    ///
    /// # Errors
    /// When the file cannot be written or a shape does not match its data.
    pub fn save(
        dir: &Path,
        tensors: impl IntoIterator<Item = (String, Tensor32)>,
        save_as: SaveAs,
    ) -> Result<(), GemmaError> {
        write_file(&dir.join("model.safetensors"), tensors, save_as)
    }
}

/// Replaces `path` by a safetensors file.
pub(crate) fn write_file(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, Tensor32)>,
    save_as: SaveAs,
) -> Result<(), GemmaError> {
    let dtype = match save_as {
        SaveAs::Bf16 => Dtype::BF16,
        SaveAs::F32 => Dtype::F32,
    };
    let mut tensors: Vec<(String, Tensor32)> = tensors.into_iter().collect();
    tensors.sort_by(|(one, _), (other, _)| one.cmp(other));
    let wrong = tensors.iter().find(|(_, tensor)| tensor.data.len() != tensor.shape.iter().product::<usize>());
    if let Some((name, Tensor32 { shape, data })) = wrong {
        let problem = format!("tensor `{name}` has {} numbers for shape {shape:?}", data.len());
        return Err(GemmaError::safetensors(path, problem));
    }
    let planned: Vec<Planned> =
        tensors.iter().map(|(name, tensor)| Planned::new(name, dtype, tensor.shape.clone())).collect();
    let write = |at: usize, out: &mut dyn Write| {
        tensors.get(at).map_or(Ok(()), |(_, tensor)| stream::narrow(&tensor.data, dtype, out))
    };
    Ok(stream::write(path, &planned, write)?)
}

fn read_header(path: &Path) -> Result<Vec<(String, Entry)>, GemmaError> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let mut length = [0u8; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES.min(total) {
        return Err(GemmaError::safetensors(path, format!("its header claims {length} bytes of {total}")));
    }
    let mut header = Vec::new();
    (&mut file).take(length).read_to_end(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| GemmaError::safetensors(path, e))?;
    let wanted = 8 + length + metadata.data_len() as u64;
    if total != wanted {
        return Err(GemmaError::safetensors(path, format!("it has {total} bytes and its header says {wanted}")));
    }
    let entry = |(name, info): (String, &TensorInfo)| {
        let (start, end) = info.data_offsets;
        let offset = 8 + length + start as u64;
        let entry =
            Entry { path: path.to_path_buf(), dtype: info.dtype, shape: info.shape.clone(), offset, len: end - start };
        (name, entry)
    };
    Ok(metadata.tensors().into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests;

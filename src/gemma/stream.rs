//! Writing a safetensors file tensor by tensor: the header is made from shapes alone, so no more than one tensor, or a row
//! of one, need be in memory. And the number formats of its tensors.

use std::io::{self, Write};
use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::json;

/// Numbers that are narrowed at a time.
const PIECE: usize = 8_192;

/// A tensor that will be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Bytes.
    pub(crate) len: u64,
}

impl Planned {
    pub(crate) fn new(name: &str, dtype: Dtype, shape: Vec<usize>) -> Self {
        let len = (shape.iter().product::<usize>() * dtype.bitsize() / 8) as u64;
        Self { name: name.to_owned(), dtype, shape, len }
    }
}

/// Replaces `path` by a file of `tensors`; `bytes` writes those of the tensor at a place, in their order.
///
/// # Errors
/// When the file cannot be written, `bytes` fails, or it writes another number of bytes than planned.
pub(crate) fn write(
    path: &Path,
    tensors: &[Planned],
    mut bytes: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let header = header(tensors)?;
    files::replace_with(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for (at, tensor) in tensors.iter().enumerate() {
            let mut counted = Counted { out, bytes: 0 };
            bytes(at, &mut counted)?;
            if counted.bytes != tensor.len {
                let problem = format!("tensor `{}` has {} bytes, not {}", tensor.name, counted.bytes, tensor.len);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
        }
        Ok(())
    })
}

/// JSON, padded so that the numbers behind it are aligned.
fn header(tensors: &[Planned]) -> io::Result<Vec<u8>> {
    let mut fields = serde_json::Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.len;
        let field = json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]});
        fields.insert(tensor.name.clone(), field);
        start = end;
    }
    let mut header = serde_json::to_vec(&fields)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The numbers of a float format; `None` of another.
pub(crate) fn widen(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    match dtype {
        Dtype::F32 => Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::BF16 => Some(pairs.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::F16 => Some(pairs.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
        _ => None,
    }
}

/// Writes numbers in a float format, each rounded to the nearest once.
pub(crate) fn narrow(values: &[f32], dtype: Dtype, out: &mut dyn Write) -> io::Result<()> {
    for piece in values.chunks(PIECE) {
        let bytes: Vec<u8> = match dtype {
            Dtype::F32 => piece.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::BF16 => piece.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
            Dtype::F16 => piece.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            other => return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{other:?} is no float format"))),
        };
        out.write_all(&bytes)?;
    }
    Ok(())
}

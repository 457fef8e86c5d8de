//! A base and an adapter as one model folder: `W + (alpha / rank) B A` in place of every `W` that the adapter names, the
//! rest as it is. Any program that reads Gemma 3 serves it, without knowing of adapters.
//!
//! A sum is taken in f32 and rounded once to the base's own number format, as PEFT's `merge_and_unload` does. Tensors are
//! written row by row: what is in memory is the adapter and little more. In bf16 a merged model is not the base with its
//! adapter to the last bit: rounding takes what is smaller than a 256th of a weight.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use fs_err as fs;
use safetensors::Dtype;
use serde_json::json;

use crate::config::Config;
use crate::error::GemmaError;
use crate::peft::{Adapter, LoraPair};
use crate::stream::{self, Planned, narrow, widen};
use crate::weights::Weights;

/// What is copied from the base besides its weights, where it has it. The configuration comes last: a folder that has one
/// is complete.
const COPIED: [&str; 9] = [
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "config.json",
];
/// What is read of a base's tensor at a time.
const BUFFER: usize = 1 << 20;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Weights that the adapter changed.
    pub changed: usize,
    pub tensors: usize,
    pub bytes: u64,
    pub files: usize,
}

/// Writes `base` with `adapter` into `out`, in files of `file_bytes` of weights at most (one that is larger alone goes
/// alone).
///
/// # Errors
/// When something cannot be read or written, the adapter does not fit the base, `out` holds something already, or a sum
/// is beyond the base's number format.
pub fn merge(base: &Path, adapter: &Path, out: &Path, file_bytes: u64) -> Result<Merged, GemmaError> {
    let config = Config::load(base)?;
    let (weights, adapter) = (Weights::load(base)?, Adapter::load(adapter, &config)?);
    let changes = changes(base, &config, &weights, &adapter)?;
    fs::create_dir_all(out)?;
    if fs::read_dir(out)?.next().is_some() {
        return Err(GemmaError::NotEmpty { dir: out.to_path_buf() });
    }
    let tensors = weights.planned();
    let merged = Merged {
        changed: changes.len(),
        tensors: tensors.len(),
        bytes: tensors.iter().map(|tensor| tensor.len).sum(),
        files: 0,
    };
    let shards = shards(tensors, file_bytes);
    let mut places = BTreeMap::new();
    for (at, shard) in shards.iter().enumerate() {
        let name = match shards.len() {
            1 => "model.safetensors".to_owned(),
            all => format!("model-{:05}-of-{all:05}.safetensors", at + 1),
        };
        stream::write(&out.join(&name), shard, |at, to| {
            let Some(tensor) = shard.get(at) else { return Ok(()) };
            let Some(mut from) = weights.bytes(&tensor.name)? else { return Ok(()) };
            match changes.get(&tensor.name) {
                Some(change) => change.write(tensor, from, to),
                None => io::copy(&mut from, to).map(drop),
            }
        })?;
        places.extend(shard.iter().map(|tensor| (tensor.name.clone(), name.clone())));
    }
    if shards.len() > 1 {
        let index = json!({"metadata": {"total_size": merged.bytes}, "weight_map": places});
        files::replace(&out.join("model.safetensors.index.json"), format!("{index:#}\n").as_bytes())?;
    }
    copy(base, out)?;
    Ok(Merged { files: shards.len(), ..merged })
}

fn copy(base: &Path, out: &Path) -> Result<(), GemmaError> {
    for name in COPIED {
        match fs::read(base.join(name)) {
            Ok(bytes) => files::replace(&out.join(name), &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What one weight gets.
struct Change<'a> {
    pair: &'a LoraPair,
    rank: usize,
    scale: f32,
}

/// By the name of the weight.
fn changes<'a>(
    base: &Path,
    config: &Config,
    weights: &Weights,
    adapter: &'a Adapter,
) -> Result<BTreeMap<String, Change<'a>>, GemmaError> {
    let planned: BTreeMap<String, Planned> =
        weights.planned().into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let mut changes = BTreeMap::new();
    for ((layer, linear), pair) in &adapter.pairs {
        let (name, (rows, columns)) = (linear.weight_name(*layer), linear.shape(config));
        let found = planned
            .get(&name)
            .ok_or_else(|| GemmaError::MissingTensor { dir: base.to_path_buf(), name: name.clone() })?;
        if found.shape != [rows, columns] {
            return Err(GemmaError::Shape { name, found: found.shape.clone(), expected: vec![rows, columns] });
        }
        if !matches!(found.dtype, Dtype::F32 | Dtype::BF16 | Dtype::F16) {
            return Err(GemmaError::safetensors(
                base,
                format!("tensor `{name}` is {:?}, not a float format", found.dtype),
            ));
        }
        let scale = adapter.scale() as f32;
        changes.insert(name, Change { pair, rank: adapter.rank, scale });
    }
    Ok(changes)
}

impl Change<'_> {
    /// `W + scale B A`, row by row.
    fn write(&self, tensor: &Planned, from: impl Read, to: &mut dyn Write) -> io::Result<()> {
        let columns = tensor.shape.last().copied().unwrap_or_default();
        let mut from = BufReader::with_capacity(BUFFER, from);
        let mut bytes = vec![0; columns * tensor.dtype.bitsize() / 8];
        let mut product = vec![0f32; columns];
        for b in self.pair.b.chunks_exact(self.rank) {
            product.fill(0.0);
            for (b, a) in b.iter().zip(self.pair.a.chunks_exact(columns)) {
                product.iter_mut().zip(a).for_each(|(product, a)| *product += b * a);
            }
            from.read_exact(&mut bytes)?;
            let mut row = widen(&bytes, tensor.dtype).unwrap_or_default();
            row.iter_mut().zip(&product).for_each(|(weight, product)| *weight += self.scale * product);
            let most = if tensor.dtype == Dtype::F16 { half::f16::MAX.to_f32() } else { f32::MAX };
            if row.iter().any(|weight| weight.is_nan() || weight.abs() > most) {
                let problem = format!("a sum of `{}` is beyond the base's {:?}", tensor.name, tensor.dtype);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            narrow(&row, tensor.dtype, to)?;
        }
        Ok(())
    }
}

/// The tensors in their order, in files of `file_bytes` at most.
fn shards(tensors: Vec<Planned>, file_bytes: u64) -> Vec<Vec<Planned>> {
    let mut shards: Vec<Vec<Planned>> = vec![Vec::new()];
    let mut taken = 0;
    for tensor in tensors {
        if taken > 0 && taken + tensor.len > file_bytes {
            shards.push(Vec::new());
            taken = 0;
        }
        taken += tensor.len;
        if let Some(last) = shards.last_mut() {
            last.push(tensor);
        }
    }
    shards
}

#[cfg(test)]
mod tests;

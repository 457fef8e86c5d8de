//! The state of a run in one file, replaced whole, from which the run goes on as if nothing had happened.
//!
//! The file is the BLAKE3 of what follows, then safetensors. It is good only if the hash and the run's
//! fingerprint are right; anything else is a reason to begin afresh, never a failure.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use jobs::Curve;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::health::Health;
use crate::optim::Optimizer;
use crate::parameters::Parameter;

/// The list of a checkpoint's arrays is no longer than this.
const HEADER_BYTES_MAX: u64 = 64 << 20;

/// Everything besides the numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainState {
    /// What run this belongs to.
    pub(crate) fingerprint: String,
    /// Steps done.
    pub(crate) step: usize,
    pub(crate) seconds: f64,
    /// Processor time and, where it is known, energy of all parts of the run so far.
    pub(crate) processor_s: f64,
    pub(crate) energy_j: Option<f64>,
    pub(crate) tokens: usize,
    pub(crate) best: Option<Evaluation>,
    /// Evaluations since the best one.
    pub(crate) evals_since_best: usize,
    /// The budget of tokens at once that it began with (`plan`).
    pub(crate) budget: u32,
    pub(crate) health: Health,
    /// All of it: what a resumed run reports begins at its first step.
    pub(crate) curve: Curve,
}

/// The lists of numbers of a run: what is trained, the optimiser's moments, the best parameters.
pub(crate) struct Numbers<'a> {
    pub(crate) parameters: &'a mut [Parameter<f32>],
    pub(crate) optimizer: &'a mut Optimizer,
    pub(crate) best: &'a mut Vec<Vec<f32>>,
}

/// What was found in a checkpoint folder.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    Nothing,
    /// The numbers are in place.
    State(TrainState),
    /// There is a checkpoint, and why it is of no use. No number was changed.
    Unusable(String),
}

impl Numbers<'_> {
    fn lists(&self) -> Vec<(String, &[f32])> {
        let parameters = self.parameters.iter().map(|p| p.values.as_slice());
        let named = |kind: &'static str| move |(i, values)| (format!("{kind}.{i}"), values);
        let mut lists: Vec<(String, &[f32])> = parameters.enumerate().map(named("parameter")).collect();
        lists.extend(self.optimizer.first.iter().map(Vec::as_slice).enumerate().map(named("first")));
        lists.extend(self.optimizer.second.iter().map(Vec::as_slice).enumerate().map(named("second")));
        lists.extend(self.best.iter().map(Vec::as_slice).enumerate().map(named("best")));
        lists
    }

    /// The same lists, to be written; in the order of [`Numbers::lists`].
    fn lists_mut(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        let parameters = self.parameters.iter_mut().map(|p| &mut p.values);
        let moments = self.optimizer.first.iter_mut().chain(self.optimizer.second.iter_mut());
        parameters.chain(moments).chain(self.best.iter_mut())
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("checkpoint.bin")
}

/// Replaces the checkpoint.
pub(crate) fn save(folder: &Path, state: &TrainState, numbers: &Numbers<'_>) -> Result<(), TrainError> {
    fs_err::create_dir_all(folder)?;
    let failed = |error: &dyn std::fmt::Display| TrainError::Checkpoint(error.to_string());
    let bytes: Vec<(String, Vec<u8>)> = numbers
        .lists()
        .into_iter()
        .map(|(name, values)| (name, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| failed(&e))?;
    let json = serde_json::to_string(state).map_err(|e| failed(&e))?;
    let data =
        safetensors::serialize(views, Some(HashMap::from([("state".to_owned(), json)]))).map_err(|e| failed(&e))?;
    files::replace_with(&file(folder), |out| {
        out.write_all(blake3::hash(&data).as_bytes())?;
        out.write_all(&data)
    })?;
    Ok(())
}

/// The budget of tokens that the run of this fingerprint began with, if there is a checkpoint of it; it is not looked at
/// whether that is whole.
pub(crate) fn began_with(folder: &Path, fingerprint: &str) -> Option<u32> {
    let mut file = std::fs::File::open(file(folder)).ok()?;
    let mut start = [0; blake3::OUT_LEN + 8];
    file.read_exact(&mut start).ok()?;
    let length = u64::from_le_bytes(*start.last_chunk()?);
    let mut header = Vec::new();
    file.take(length.min(HEADER_BYTES_MAX)).read_to_end(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    let state: TrainState = serde_json::from_str(header.get("__metadata__")?.get("state")?.as_str()?).ok()?;
    (state.fingerprint == fingerprint).then_some(state.budget)
}

/// Puts a checkpoint's numbers in place and gives back its state.
///
/// # Errors
/// When there is a file that cannot be read at all.
pub(crate) fn load(folder: &Path, fingerprint: &str, mut numbers: Numbers<'_>) -> Result<Found, TrainError> {
    let data = match fs_err::read(file(folder)) {
        Ok(data) => data,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let best = numbers.parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
    let before = std::mem::replace(numbers.best, best);
    match read(&data, fingerprint, &mut numbers) {
        Ok(state) => Ok(Found::State(state)),
        Err(reason) => {
            *numbers.best = before;
            Ok(Found::Unusable(reason))
        }
    }
}

fn read(data: &[u8], fingerprint: &str, numbers: &mut Numbers<'_>) -> Result<TrainState, String> {
    let damaged = || "the checkpoint is damaged".to_owned();
    let (hash, data) = data.split_at_checked(blake3::OUT_LEN).ok_or_else(damaged)?;
    if blake3::hash(data).as_bytes() != hash {
        return Err(damaged());
    }
    let (_, metadata) = SafeTensors::read_metadata(data).map_err(|e| e.to_string())?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get("state")).ok_or_else(damaged)?;
    let state: TrainState = serde_json::from_str(json).map_err(|e| e.to_string())?;
    if state.fingerprint != fingerprint {
        return Err("the checkpoint is of a run with other arguments, another base or other data".to_owned());
    }
    if state.best.is_none() {
        numbers.best.clear();
    }
    let tensors = SafeTensors::deserialize(data).map_err(|e| e.to_string())?;
    let mut lists = Vec::new();
    for (name, values) in numbers.lists() {
        let tensor = tensors.tensor(&name).map_err(|e| e.to_string())?;
        let list: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if list.len() != values.len() {
            return Err(format!("{name} has {} numbers for {}", list.len(), values.len()));
        }
        lists.push(list);
    }
    for (place, list) in numbers.lists_mut().zip(lists) {
        *place = list;
    }
    Ok(state)
}

#[cfg(test)]
mod tests;

//! The state of a run in one file, replaced atomically, from which the run goes on as if nothing had happened.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::optim::Optimizer;
use crate::parameters::Parameter;

/// Everything besides the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// What job this belongs to.
    pub(crate) fingerprint: String,
    /// Steps done.
    pub(crate) step: usize,
    pub(crate) seconds: f64,
    pub(crate) tokens: usize,
    pub(crate) best: Option<Best>,
    /// Looks at held-out examples since the best one.
    pub(crate) since_best: usize,
}

/// The best look at held-out examples so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) step: usize,
    pub(crate) loss: f64,
    pub(crate) exact: f64,
}

/// The lists of numbers of a run: what is trained, the optimiser's moments, the best parameters.
pub(crate) struct Numbers<'a> {
    pub(crate) parameters: &'a mut [Parameter<f32>],
    pub(crate) optimizer: &'a mut Optimizer,
    pub(crate) best: &'a mut Vec<Vec<f32>>,
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
}

fn file(folder: &Path) -> PathBuf {
    folder.join("checkpoint.safetensors")
}

/// Writes the checkpoint: temporary file, sync, rename.
pub(crate) fn save(folder: &Path, state: &State, numbers: &Numbers<'_>) -> Result<(), TrainError> {
    std::fs::create_dir_all(folder).map_err(TrainError::write(folder))?;
    let path = file(folder);
    let fail = |e: &dyn std::fmt::Display| TrainError::checkpoint(&path, e);
    let bytes: Vec<(String, Vec<u8>)> = numbers
        .lists()
        .into_iter()
        .map(|(name, values)| (name, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| fail(&e))?;
    let json = serde_json::to_string(state).map_err(|e| fail(&e))?;
    let data =
        safetensors::serialize(views, Some(HashMap::from([("state".to_owned(), json)]))).map_err(|e| fail(&e))?;
    let temporary = path.with_extension("tmp");
    let mut out = std::fs::File::create(&temporary).map_err(TrainError::write(&temporary))?;
    out.write_all(&data).map_err(TrainError::write(&temporary))?;
    out.sync_all().map_err(TrainError::write(&temporary))?;
    std::fs::rename(&temporary, &path).map_err(TrainError::write(&path))
}

/// Puts a checkpoint's numbers in place and gives back its state; `None` when there is none.
pub(crate) fn load(folder: &Path, fingerprint: &str, numbers: Numbers<'_>) -> Result<Option<State>, TrainError> {
    let path = file(folder);
    let data = match std::fs::read(&path) {
        Ok(data) => data,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(TrainError::read(&path)(e)),
    };
    let fail = |e: &dyn std::fmt::Display| TrainError::checkpoint(&path, e);
    let (_, metadata) = SafeTensors::read_metadata(&data).map_err(|e| fail(&e))?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get("state"));
    let state: State = serde_json::from_str(json.ok_or_else(|| fail(&"it holds no state"))?).map_err(|e| fail(&e))?;
    if state.fingerprint != fingerprint {
        return Err(fail(&format!("it is of `{}`, this is `{fingerprint}`", state.fingerprint)));
    }
    let tensors = SafeTensors::deserialize(&data).map_err(|e| fail(&e))?;
    let fill = |kind: &str, i: usize, place: &mut [f32]| -> Result<(), TrainError> {
        let tensor = tensors.tensor(&format!("{kind}.{i}")).map_err(|e| fail(&e))?;
        let (words, _) = tensor.data().as_chunks::<4>();
        if words.len() != place.len() {
            return Err(fail(&format!("{kind}.{i} has {} numbers for {}", words.len(), place.len())));
        }
        place.iter_mut().zip(words).for_each(|(p, w)| *p = f32::from_le_bytes(*w));
        Ok(())
    };
    if state.best.is_some() {
        *numbers.best = numbers.parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
    }
    for (i, parameter) in numbers.parameters.iter_mut().enumerate() {
        fill("parameter", i, &mut parameter.values)?;
    }
    for (i, first) in numbers.optimizer.first.iter_mut().enumerate() {
        fill("first", i, first)?;
    }
    for (i, second) in numbers.optimizer.second.iter_mut().enumerate() {
        fill("second", i, second)?;
    }
    for (i, best) in numbers.best.iter_mut().enumerate() {
        fill("best", i, best)?;
    }
    Ok(Some(state))
}

#[cfg(test)]
mod tests;

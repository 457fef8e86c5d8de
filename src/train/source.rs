//! Where a model's weights come from.

use std::collections::HashMap;
use std::path::PathBuf;

use frozen::{Format, FrozenMatrix, MappedFile, Quantization};
use gemma::{EMBEDDING, NumberFormat, Weights};
use jobs::Quantize;

use crate::error::TrainError;
use crate::float::Float;
use crate::weight::Weight;

/// Gives weights by their names in a model folder.
pub(crate) trait Source<T> {
    /// `[out, in]`
    fn matrix(&mut self, name: &str, shape: (usize, usize)) -> Result<Weight, TrainError>;
    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, TrainError>;
}

/// A model folder, its matrices in the files' own memory or, all but the embedding, packed. Everything that it gives is finite.
pub(crate) struct Files<'a> {
    weights: &'a Weights,
    quantization: Option<Quantization>,
    mapped: HashMap<PathBuf, MappedFile>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(weights: &'a Weights, quantize: Option<Quantize>) -> Self {
        let quantization = quantize.map(|quantize| match quantize {
            Quantize::Q8_0 => Quantization::Q8_0,
            Quantize::Q4_0 => Quantization::Q4_0,
            Quantize::Nf4 => Quantization::Nf4,
        });
        Self { weights, quantization, mapped: HashMap::new() }
    }

    fn mapped(&mut self, path: &PathBuf) -> Result<MappedFile, TrainError> {
        if let Some(file) = self.mapped.get(path) {
            return Ok(file.clone());
        }
        let file = MappedFile::open(path)?;
        self.mapped.insert(path.clone(), file.clone());
        Ok(file)
    }
}

impl<T: Float> Source<T> for Files<'_> {
    fn matrix(&mut self, name: &str, (out, inn): (usize, usize)) -> Result<Weight, TrainError> {
        let place = self.weights.place(name, &[out, inn])?;
        let format = match place.format {
            NumberFormat::F32 => Format::F32,
            NumberFormat::Bf16 => Format::Bf16,
            NumberFormat::F16 => Format::F16,
        };
        let matrix = FrozenMatrix::mapped(&self.mapped(&place.path)?, place.offset, format, (out, inn))?;
        if !matrix.is_finite() {
            return Err(TrainError::NotFinite { name: name.to_owned() });
        }
        match self.quantization {
            Some(quantization) if name != EMBEDDING => Ok(Weight::frozen::<T>(matrix.quantized(quantization)?)?),
            _ => Ok(Weight::frozen::<T>(matrix)?),
        }
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, TrainError> {
        let values = self.weights.get(name)?.expect(name, &[len])?;
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(TrainError::NotFinite { name: name.to_owned() })
        }
    }
}

pub(crate) fn widened<T: Float>(values: &[f32]) -> Vec<T> {
    values.iter().map(|v| T::from_f64(f64::from(*v))).collect()
}

#[cfg(test)]
mod tests;

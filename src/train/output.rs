//! What a run leaves behind: an adapter folder, or a whole model's.

use candle_core::{Device, Tensor};
use gemma::{Adapter, Config, SaveAs, Tensor32, Weights};
use jobs::{TrainJob, TrainingArguments};

use crate::error::TrainError;
use crate::float::Float;
use crate::parameters::{Method, Parameter, pairs};
use crate::source::Source;
use crate::weight::Weight;

/// Writes what a run has trained.
pub(crate) fn write(
    job: &TrainJob,
    method: Method,
    config: &Config,
    parameters: &[Parameter<f32>],
) -> Result<(), TrainError> {
    match method {
        Method::LowRank { .. } => write_adapter(job, method, config, parameters),
        Method::Full => write_model(job, config, parameters),
    }
}

/// Writes the adapter folder `job.out`.
fn write_adapter(
    job: &TrainJob,
    method: Method,
    config: &Config,
    parameters: &[Parameter<f32>],
) -> Result<(), TrainError> {
    let base = job.base.file_name().map(|name| name.to_string_lossy().into_owned());
    let TrainingArguments { rank, alpha, .. } = job.arguments;
    let pairs = pairs(method, config, parameters);
    Ok(Adapter { rank: rank as usize, alpha, base, pairs }.save(&job.out)?)
}

/// Writes the model folder `job.out`, in the number format that its `config.json` names.
fn write_model(job: &TrainJob, config: &Config, parameters: &[Parameter<f32>]) -> Result<(), TrainError> {
    fs_err::create_dir_all(&job.out)?;
    let mut tensors: Vec<(String, Tensor32)> = norm_names(config)
        .into_iter()
        .map(|(name, width)| {
            let data = initial_norm(&name, width);
            (name, Tensor32 { shape: vec![width], data })
        })
        .collect();
    tensors.extend(
        parameters
            .iter()
            .map(|p| (p.name.clone(), Tensor32 { shape: vec![p.shape.0, p.shape.1], data: p.values.clone() })),
    );
    let save_as = if config.dtype == "bfloat16" { SaveAs::Bf16 } else { SaveAs::F32 };
    Weights::save(&job.out, tensors, save_as)?;
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        match fs_err::read(job.base.join(name)) {
            Ok(bytes) => files::replace(&job.out.join(name), &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The start of a model that is trained from nothing: fixed norms, and room for matrices that are bound later.
pub(crate) struct Untrained;

impl<T: Float> Source<T> for Untrained {
    fn matrix(&mut self, _: &str, shape: (usize, usize)) -> Result<Weight, TrainError> {
        Ok(Weight::Own(Tensor::zeros(shape, T::DTYPE, &Device::Cpu)?))
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, TrainError> {
        Ok(initial_norm(name, len))
    }
}

/// The norms behind attention and feed-forward halve their output, so that at the start the residual stream still says
/// which token it belongs to.
fn initial_norm(name: &str, width: usize) -> Vec<f32> {
    let post = name.contains("post_attention") || name.contains("post_feedforward");
    vec![if post { -0.5 } else { 0.0 }; width]
}

fn norm_names(config: &Config) -> Vec<(String, usize)> {
    let layers = (0..config.num_hidden_layers)
        .flat_map(|layer| gemma::Norm::ALL.map(|norm| (norm.weight_name(layer), norm.width(config))));
    layers.chain([(gemma::FINAL_NORM.to_owned(), config.hidden_size)]).collect()
}

//! The model out of candle's own tensor operations, on any device and in any number format that candle has: what learns on
//! a GPU.
//!
//! It gives what `model` gives: the same trees of what sequences have in common (`placed`), the same head in chunks, the same
//! derivatives by the same parameters; the tests hold one against the other. Going back, every layer is computed again
//! from its input, and candle's autograd sees one layer at a time. It trains low-rank terms alone and packs nothing.

use candle_core::{DType, Device, Result, Tensor, Var};
use gemma::{Config, EMBEDDING, FINAL_NORM, Linear, Norm};

use crate::batch::Batch;
use crate::error::TrainError;
use crate::float::Float;
use crate::head::Targets;
use crate::linear::Gradients;
use crate::model::{Learning, Score};
use crate::parameters::{Method, Parameter};
use crate::source::Source;
use crate::weight::Weight;

mod head;
mod layer;
mod placed;
mod product;

use head::{Said, head};
use layer::{Layer, Trained, norm};
use placed::{Placed, Rotation};
use product::Matrix;

/// Rows of a weight that are widened on the host at a time.
const ROWS: u32 = 1 << 14;

/// Where it computes, and how.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) device: Device,
    /// The format of weights and of what they are multiplied with. What lies between is [`Place::sums`].
    pub(crate) products: DType,
}

impl Place {
    /// The format of norms, softmaxes, the stream from layer to layer, and what is trained.
    fn sums(&self) -> DType {
        if self.products == DType::F64 { DType::F64 } else { DType::F32 }
    }
}

/// A Gemma 3 text model on a device.
pub(crate) struct Composed {
    pub(crate) config: Config,
    place: Place,
    embedding: Tensor,
    layers: Vec<Layer>,
    final_gain: Tensor,
    local: Rotation,
    global: Rotation,
}

impl Composed {
    /// Takes every weight from `source`, for sequences of up to `positions` tokens.
    pub(crate) fn build<T: Float>(
        config: Config,
        positions: usize,
        place: Place,
        source: &mut impl Source<T>,
    ) -> std::result::Result<Self, TrainError> {
        let embedding = source.matrix(EMBEDDING, (config.vocab_size, config.hidden_size))?;
        let embedding = moved::<T>(&embedding, &place)?;
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for (number, kind) in config.layers.iter().enumerate() {
            let mut matrix = |linear: Linear| {
                let weight = source.matrix(&linear.weight_name(number), linear.shape(&config))?;
                Ok::<_, TrainError>(Matrix::new(moved::<T>(&weight, &place)?))
            };
            let [q, k, v, o] = [matrix(Linear::Q)?, matrix(Linear::K)?, matrix(Linear::V)?, matrix(Linear::O)?];
            let [gate, up, down] = [matrix(Linear::Gate)?, matrix(Linear::Up)?, matrix(Linear::Down)?];
            let mut gain = |norm: Norm| {
                let weights = source.vector(&norm.weight_name(number), norm.width(&config))?;
                Ok::<_, TrainError>(gains(&weights, &place)?)
            };
            layers.push(Layer {
                matrices: [q, k, v, o, gate, up, down],
                input: gain(Norm::Input)?,
                query: gain(Norm::Query)?,
                key: gain(Norm::Key)?,
                post_attention: gain(Norm::PostAttention)?,
                pre_feedforward: gain(Norm::PreFeedforward)?,
                post_feedforward: gain(Norm::PostFeedforward)?,
                eps: config.rms_norm_eps,
                scale: config.query_pre_attn_scalar.powf(-0.5),
                kind: *kind,
                products: place.products,
                sums: place.sums(),
            });
        }
        let final_gain = gains(&source.vector(FINAL_NORM, config.hidden_size)?, &place)?;
        let rotation = |theta| Rotation::new(theta, config.head_dim, positions, place.sums(), &place.device);
        let (local, global) = (rotation(config.rope_theta_local)?, rotation(config.rope_theta_global)?);
        Ok(Self { config, place, embedding, layers, final_gain, local, global })
    }

    /// Puts the trained parameters' current values in place, by their names. A linear without any stays as it is.
    pub(crate) fn bind<T: Float>(&mut self, method: Method, parameters: &[Parameter<T>]) -> Result<()> {
        let Method::LowRank { scale, .. } = method else {
            candle_core::bail!("all weights are trained on the CPU alone");
        };
        let mut bound = 0;
        for (number, layer) in self.layers.iter_mut().enumerate() {
            for (linear, matrix) in Linear::ALL.into_iter().zip(&mut layer.matrices) {
                let named = |factor| {
                    let name = linear.lora_name(number, factor);
                    parameters.iter().position(|parameter| parameter.name == name)
                };
                matrix.trained = match (named("A"), named("B")) {
                    (Some(a), Some(b)) => {
                        bound += 2;
                        let var = |at: usize| variable(parameters, at, &self.place);
                        Some(Trained { a: var(a)?, b: var(b)?, scale, indices: [a, b] })
                    }
                    _ => None,
                };
            }
        }
        if bound != parameters.len() {
            candle_core::bail!("{} parameters are given, {bound} have a place", parameters.len());
        }
        Ok(())
    }

    /// What the layers that are not trained make of a batch, on the host.
    pub(crate) fn lower<T: Float>(&self, batch: &Batch) -> Result<Tensor> {
        self.untrained(&self.place(batch)?)?.to_dtype(T::DTYPE)?.to_device(&Device::Cpu)
    }

    /// The lowest layer of which something is trained.
    fn lowest(&self) -> usize {
        self.layers.iter().position(Layer::is_trained).unwrap_or(self.layers.len())
    }

    fn untrained(&self, placed: &Placed) -> Result<Tensor> {
        let embedded = self.embedding.index_select(&placed.ids, 0)?.to_dtype(self.place.sums())?;
        let mut x = (embedded * self.config.embed_scale)?;
        for layer in self.layers.iter().take(self.lowest()) {
            x = layer.forward(&x, placed.sight(layer.kind), None, false)?;
        }
        Ok(x)
    }

    /// The hidden states of the rows that are learnt, before the last norm; each trained layer's input is put into `inputs`.
    fn forward(&self, batch: &Batch, placed: &Placed, mut inputs: Option<&mut Vec<Tensor>>) -> Result<Tensor> {
        let mut x = match &batch.lower {
            Some(x) => x.to_device(&self.place.device)?.to_dtype(self.place.sums())?,
            None => self.untrained(placed)?,
        };
        let last = self.layers.len().saturating_sub(1);
        for (number, layer) in self.layers.iter().enumerate().skip(self.lowest()) {
            let rows = Some(&placed.rows).filter(|_| number == last);
            let y = layer.forward(&x, placed.sight(layer.kind), rows, false)?;
            if let Some(inputs) = inputs.as_deref_mut() {
                inputs.push(x);
            }
            x = y;
        }
        Ok(x)
    }

    fn place(&self, batch: &Batch) -> Result<Placed> {
        Placed::new(batch, self.config.sliding_window, [&self.local, &self.global], &self.place.device)
    }

    fn normed(&self, x: &Tensor) -> Result<Tensor> {
        norm(x, &self.final_gain, self.config.rms_norm_eps)
    }

    fn head(&self, hidden: &Tensor, targets: Targets<'_>, chunk: usize, derivative: bool) -> Result<Said> {
        let normed = self.normed(hidden)?.to_dtype(self.place.products)?;
        head(&normed, &self.embedding, targets, (chunk, self.place.sums()), derivative)
    }

    /// As [`crate::model::Model::learn`].
    pub(crate) fn learn<T: Float>(
        &self,
        batch: &Batch,
        how: Learning,
        parameters: usize,
        judge: &mut dyn FnMut(&[f64]) -> Vec<f64>,
    ) -> Result<Gradients> {
        let mut gradients = Gradients::new(parameters);
        if batch.rows.is_empty() {
            judge(&[]);
            return Ok(gradients);
        }
        let placed = self.place(batch)?;
        let mut inputs = Vec::with_capacity(self.layers.len());
        let hidden = self.forward(batch, &placed, Some(&mut inputs))?;
        let targets = Targets { ids: &batch.targets, soft: &batch.soft };
        let said = self.head(&hidden, targets, how.chunk, true)?;
        let slopes = judge(&said.log_probabilities);
        let Some(d_hidden) = said.d_hidden else { candle_core::bail!("the head gave no derivative") };
        // The derivative by the hidden states is linear in what a sequence counts.
        let by_sequence = batch.by_sequence(&batch.rows).into_iter().zip(&slopes);
        let counts = by_sequence.flat_map(|(rows, slope)| vec![T::from_f64(slope * how.weight); rows.len()]);
        let counts = Tensor::from_vec(counts.collect::<Vec<T>>(), (batch.rows.len(), 1), &self.place.device)?;
        let d_hidden = d_hidden.broadcast_mul(&counts.to_dtype(self.place.sums())?)?;
        let hidden = Var::from_tensor(&hidden)?;
        let store = (self.normed(hidden.as_tensor())? * d_hidden)?.sum_all()?.backward()?;
        let Some(mut d) = store.get(&hidden).cloned() else { candle_core::bail!("the last norm gave no derivative") };
        let lowest = self.lowest();
        let last = self.layers.len().saturating_sub(1);
        for (number, layer) in self.layers.iter().enumerate().skip(lowest).rev() {
            let Some(x) = inputs.pop() else { candle_core::bail!("layer {number} kept no input") };
            let rows = Some(&placed.rows).filter(|_| number == last);
            d = layer.backward::<T>(&x, &d, placed.sight(layer.kind), rows, &mut gradients)?;
        }
        Ok(gradients)
    }

    /// How well each example of the batch is predicted.
    pub(crate) fn score(&self, batch: &Batch, chunk: usize) -> Result<Vec<Score>> {
        if batch.rows.is_empty() {
            return Ok(Score::by_sequence(batch, &[], &[]));
        }
        let placed = self.place(batch)?;
        let hidden = self.forward(batch, &placed, None)?;
        let said = self.head(&hidden, Targets { ids: &batch.targets, soft: &[] }, chunk, false)?;
        Ok(Score::by_sequence(batch, &said.log_probabilities, &said.greedy))
    }
}

/// A weight on the device; of the host's memory it takes a part at a time.
fn moved<T: Float>(weight: &Weight, place: &Place) -> Result<Tensor> {
    let all: Vec<u32> = (0..weight.shape()?.0 as u32).collect();
    let part = |rows: &[u32]| weight.rows::<T>(rows)?.to_dtype(place.products)?.to_device(&place.device);
    let parts: Vec<Tensor> = all.chunks(ROWS as usize).map(part).collect::<Result<_>>()?;
    Tensor::cat(&parts, 0)
}

/// `1 + weight`.
fn gains(weights: &[f32], place: &Place) -> Result<Tensor> {
    let values: Vec<f64> = weights.iter().map(|weight| 1.0 + f64::from(*weight)).collect();
    Tensor::from_vec(values, weights.len(), &Device::Cpu)?.to_dtype(place.sums())?.to_device(&place.device)
}

fn variable<T: Float>(parameters: &[Parameter<T>], at: usize, place: &Place) -> Result<Var> {
    let Some(parameter) = parameters.get(at) else { candle_core::bail!("there is no parameter {at}") };
    Var::from_tensor(&parameter.tensor()?.to_dtype(place.sums())?.to_device(&place.device)?)
}

#[cfg(test)]
mod tests;

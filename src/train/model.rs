//! The whole model: embedding, layers, head; one pass that learns, one that only scores.

use candle_core::{Result, Tensor};
use gemma::{Adapter, Config, EMBEDDING, FINAL_NORM, LayerKind, Linear, Norm, Weights};

use crate::batch::Batch;
use crate::error::TrainError;
use crate::float::{Float, tensor, view};
use crate::head::{Targets, Want, head};
use crate::kernels::{Rope, rms_norm, rms_norm_backward, scatter_rows};
use crate::layer::{Layer, SavedActivations};
use crate::linear::{Gradients, Matrix, Trained, add_scaled};
use crate::parameters::{Method, Parameter};
use crate::source::{Files, Source, widened};
use crate::weight::Weight;

/// A Gemma 3 text model in memory.
pub(crate) struct Model<T> {
    pub(crate) config: Config,
    embedding: Weight,
    embedding_index: Option<usize>,
    layers: Vec<Layer<T>>,
    final_gain: Vec<T>,
    local: Rope<T>,
    global: Rope<T>,
    /// Longest sequence that it was prepared for, tokens.
    positions: usize,
    /// The lowest layer of which something is trained.
    first: usize,
    /// Checkpointing only each layer's input and compute the rest again on the way back.
    pub(crate) recompute: bool,
}

/// Each layer's input, and what else it saved unless that is to be computed again.
type LayerActivations = Vec<(Tensor, Option<SavedActivations>)>;

/// How one example was predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    /// Negative log-likelihood of the completion, nats.
    pub(crate) loss: f64,
    pub(crate) tokens: usize,
    /// Whether every completion token was the most probable one, so that greedy decoding gives it.
    pub(crate) exact: bool,
}

impl Score {
    /// From what the head said by row.
    pub(crate) fn by_sequence(batch: &Batch, log_probabilities: &[f64], greedy: &[bool]) -> Vec<Self> {
        let mut scores = vec![Self { loss: 0.0, tokens: 0, exact: true }; batch.sequences()];
        let by_sequence = batch.by_sequence(log_probabilities).into_iter().zip(batch.by_sequence(greedy));
        for (score, (log_probabilities, greedy)) in scores.iter_mut().zip(by_sequence) {
            log_probabilities.iter().for_each(|logp| score.loss -= logp);
            score.tokens = log_probabilities.len();
            score.exact = greedy.iter().all(|greedy| *greedy);
        }
        scores
    }
}

/// How the head computes.
#[derive(Clone, Copy)]
pub(crate) struct Learning {
    /// What each completion token's negative log-likelihood counts.
    pub(crate) weight: f64,
    /// Rows of the head at a time.
    pub(crate) chunk: usize,
}

impl<T: Float> Model<T> {
    /// Maps a model folder's weights as they are, for sequences of up to `positions` tokens.
    ///
    /// # Errors
    /// When a tensor is missing, has another shape, or holds a value that is not finite: else the loss would be
    /// none either, and the learning rate would be blamed.
    pub(crate) fn load(config: Config, weights: &Weights, positions: usize) -> std::result::Result<Self, TrainError> {
        Self::build(config, positions, &mut Files::new(weights, None))
    }

    /// Takes every weight from `source`.
    pub(crate) fn build(
        config: Config,
        positions: usize,
        source: &mut impl Source<T>,
    ) -> std::result::Result<Self, TrainError> {
        let embedding = source.matrix(EMBEDDING, (config.vocab_size, config.hidden_size))?;
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for (layer, kind) in config.layers.iter().enumerate() {
            let mut matrix = |linear: Linear| {
                let weight = source.matrix(&linear.weight_name(layer), linear.shape(&config))?;
                Ok::<_, TrainError>(Matrix { weight, trained: Trained::Nothing })
            };
            let [q, k, v, o] = [matrix(Linear::Q)?, matrix(Linear::K)?, matrix(Linear::V)?, matrix(Linear::O)?];
            let [gate, up, down] = [matrix(Linear::Gate)?, matrix(Linear::Up)?, matrix(Linear::Down)?];
            let mut gain = |norm: Norm| source.vector(&norm.weight_name(layer), norm.width(&config)).map(|w| gains(&w));
            layers.push(Layer {
                q,
                k,
                v,
                o,
                gate,
                up,
                down,
                input: gain(Norm::Input)?,
                query: gain(Norm::Query)?,
                key: gain(Norm::Key)?,
                post_attention: gain(Norm::PostAttention)?,
                pre_feedforward: gain(Norm::PreFeedforward)?,
                post_feedforward: gain(Norm::PostFeedforward)?,
                eps: config.rms_norm_eps,
                scale: config.query_pre_attn_scalar.powf(-0.5),
                window: match kind {
                    LayerKind::Local => config.sliding_window,
                    LayerKind::Global => usize::MAX,
                },
            });
        }
        let final_gain = gains(&source.vector(FINAL_NORM, config.hidden_size)?);
        let local = Rope::new(config.rope_theta_local, config.head_dim, positions);
        let global = Rope::new(config.rope_theta_global, config.head_dim, positions);
        Ok(Self {
            config,
            embedding,
            embedding_index: None,
            layers,
            final_gain,
            local,
            global,
            positions,
            first: 0,
            recompute: false,
        })
    }

    /// Puts the trained parameters' current values in place. Their order is [`Method::parameters`]'.
    pub(crate) fn bind(&mut self, method: Method, parameters: &[Parameter<T>]) -> Result<()> {
        let mut next = parameters.iter().enumerate();
        self.first = method.first();
        let mut layers = self.layers.iter_mut();
        let lower = layers.by_ref().take(self.first);
        lower.flat_map(Layer::matrices_mut).for_each(|matrix| matrix.trained = Trained::Nothing);
        for layer in layers {
            for matrix in layer.matrices_mut() {
                let Some((index, first)) = next.next() else { candle_core::bail!("too few parameters") };
                matrix.trained = match method {
                    Method::LowRank { scale, .. } => {
                        let Some((_, second)) = next.next() else { candle_core::bail!("too few parameters") };
                        Trained::LowRank { a: first.tensor()?, b: second.tensor()?, scale, index }
                    }
                    Method::Full => {
                        matrix.weight = Weight::Own(first.tensor()?);
                        Trained::All { index }
                    }
                };
            }
        }
        if let (Method::Full, Some((index, embedding))) = (method, next.next()) {
            self.embedding = Weight::Own(embedding.tensor()?);
            self.embedding_index = Some(index);
        }
        Ok(())
    }

    /// Puts a trained adapter in place; linears that it leaves out stay as they are.
    pub(crate) fn attach(&mut self, adapter: &Adapter) -> Result<()> {
        let scale = adapter.scale();
        for (number, layer) in self.layers.iter_mut().enumerate() {
            for (linear, matrix) in Linear::ALL.into_iter().zip(layer.matrices_mut()) {
                let Some(pair) = adapter.pairs.get(&(number, linear)) else {
                    continue;
                };
                let (out, inn) = linear.shape(&self.config);
                let a = tensor(widened::<T>(&pair.a), (adapter.rank, inn))?;
                let b = tensor(widened::<T>(&pair.b), (out, adapter.rank))?;
                matrix.trained = Trained::LowRank { a, b, scale, index: usize::MAX };
            }
        }
        Ok(())
    }

    fn rope(&self, layer: &Layer<T>) -> &Rope<T> {
        if layer.window == usize::MAX { &self.global } else { &self.local }
    }

    /// What the layers that are not trained make of a batch, `[n, hidden]` by row of the tree: no step changes it.
    pub(crate) fn lower(&self, batch: &Batch) -> Result<Tensor> {
        let longest = batch.tree.positions();
        if longest > self.positions {
            candle_core::bail!("a sequence of {longest} tokens, prepared for {}", self.positions);
        }
        let mut x = (self.embedding.rows::<T>(&batch.ids)? * self.config.embed_scale)?;
        for layer in self.layers.iter().take(self.first) {
            x = layer.forward(&x, &batch.tree, self.rope(layer), None)?.0;
        }
        Ok(x)
    }

    /// The hidden states before the last norm, of `rows` only if given, and what each trained layer saved.
    fn forward(
        &self,
        batch: &Batch,
        rows: Option<&[u32]>,
        checkpointing: Checkpointing,
    ) -> Result<(Tensor, LayerActivations)> {
        let mut x = batch.lower.clone().map_or_else(|| self.lower(batch), Ok)?;
        let mut all = LayerActivations::new();
        for (i, layer) in self.layers.iter().enumerate().skip(self.first) {
            let rows = rows.filter(|_| i + 1 == self.layers.len());
            let (y, saved) = layer.forward(&x, &batch.tree, self.rope(layer), rows)?;
            match checkpointing {
                Checkpointing::Nothing => {}
                Checkpointing::Inputs => all.push((x, None)),
                Checkpointing::All => all.push((x, Some(saved))),
            }
            x = y;
        }
        Ok((x, all))
    }

    fn normed(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, &self.final_gain, self.config.rms_norm_eps, None)
    }

    /// Shows `judge` the log-probability of every target (nats, by row) and takes from it what each sequence's negative
    /// log-likelihood counts besides `how.weight`; gives back what else `judge` says, and the derivative of the
    /// weighted sum by every trained parameter.
    pub(crate) fn learn<S>(
        &self,
        batch: &Batch,
        how: Learning,
        parameters: usize,
        judge: impl FnOnce(&[f64]) -> (Vec<f64>, S),
    ) -> Result<(S, Gradients)> {
        let checkpointing = if self.recompute { Checkpointing::Inputs } else { Checkpointing::All };
        let (hidden, mut activations) = self.forward(batch, Some(&batch.rows), checkpointing)?;
        let want = if self.embedding_index.is_some() { Want::HiddenAndEmbedding } else { Want::Hidden };
        let targets = Targets { ids: &batch.targets, soft: &batch.soft };
        let output = head::<T>(&self.normed(&hidden)?, &self.embedding, targets, how.weight, how.chunk, want)?;
        let mut gradients = Gradients::new(parameters);
        let (slopes, said) = judge(&output.log_probabilities);
        if output.d_embedding.is_some() && slopes.iter().any(|slope| *slope != 1.0) {
            candle_core::bail!("sequences of unequal weight train no embedding");
        }
        let Some(d_hidden) = output.d_hidden else { candle_core::bail!("the head gave no derivative") };
        let d_hidden = scaled_by_sequence::<T>(&d_hidden, batch, &slopes)?;
        let mut d = rms_norm_backward(&hidden, &self.final_gain, self.config.rms_norm_eps, &d_hidden, None)?;
        for (i, layer) in self.layers.iter().enumerate().skip(self.first).rev() {
            let rows = Some(batch.rows.as_slice()).filter(|_| i + 1 == self.layers.len());
            let (tree, rope) = (&batch.tree, self.rope(layer));
            let Some((x, saved)) = activations.pop() else { candle_core::bail!("layer {i} saved nothing") };
            let saved = match saved {
                Some(saved) => saved,
                None => layer.forward(&x, tree, rope, rows)?.1,
            };
            d = layer.backward(&saved, &d, tree, rope, rows, &mut gradients)?;
        }
        if let Some(index) = self.embedding_index {
            let d_input = (scatter_rows::<T>(&d, &batch.ids, self.config.vocab_size)? * self.config.embed_scale)?;
            let total = match output.d_embedding {
                Some(d_output) => add_scaled::<T>(&d_input, &d_output, 1.0)?,
                None => d_input,
            };
            gradients.add(index, total)?;
        }
        Ok((said, gradients))
    }

    /// How well each example of the batch is predicted.
    pub(crate) fn score(&self, batch: &Batch, chunk: usize) -> Result<Vec<Score>> {
        let (hidden, _) = self.forward(batch, Some(&batch.rows), Checkpointing::Nothing)?;
        let targets = Targets { ids: &batch.targets, soft: &[] };
        let output = head::<T>(&self.normed(&hidden)?, &self.embedding, targets, 1.0, chunk, Want::Nothing)?;
        Ok(Score::by_sequence(batch, &output.log_probabilities, &output.greedy))
    }

    /// The logits after every token of one sequence.
    pub(crate) fn logits(&self, ids: &[u32]) -> Result<Vec<Vec<T>>> {
        let batch = Batch::single(ids);
        let (hidden, _) = self.forward(&batch, None, Checkpointing::Nothing)?;
        let logits = self.embedding.forward::<T>(&self.normed(&hidden)?)?;
        Ok(logits.chunks_exact(self.config.vocab_size).map(<[T]>::to_vec).collect())
    }
}

/// What a forward pass keeps for the way back.
#[derive(Clone, Copy)]
enum Checkpointing {
    Nothing,
    Inputs,
    All,
}

/// Every row times the slope of its sequence. The derivative by the hidden states is linear in it, so one pass through
/// the head is enough where the slope depends on what the head says.
fn scaled_by_sequence<T: Float>(d_hidden: &Tensor, batch: &Batch, slopes: &[f64]) -> Result<Tensor> {
    let width = d_hidden.dim(1)?;
    let by_row = view::<T>(d_hidden)?;
    let rows: Vec<&[T]> = by_row.chunks_exact(width).collect();
    let mut values = Vec::with_capacity(by_row.len());
    for (rows, slope) in batch.by_sequence(&rows).into_iter().zip(slopes) {
        let slope = T::from_f64(*slope);
        values.extend(rows.iter().flat_map(|row| row.iter()).map(|value| *value * slope));
    }
    tensor(values, d_hidden.shape())
}

fn gains<T: Float>(weights: &[f32]) -> Vec<T> {
    weights.iter().map(|w| T::from_f64(1.0 + f64::from(*w))).collect()
}

//! The Gemma 3 graph, top to bottom: embedding, layers, head. Each part's nodes stand in its own file.
//!
//! The residual stream is `[T, hidden]` with `T = batch * sequence`; only attention sees the batch.

use gemma::{Config, FINAL_NORM, GraphFormat, LoraInput, Norm, OWN_ADD_NORM, Weights};

use crate::ExportError;
use crate::data::DataFile;
use crate::onnx::{Attr, Dim, Graph, Op, Type};

/// The graph, the weights that go into it, and what has been written so far.
pub(crate) struct Builder<'a> {
    pub(crate) config: &'a Config,
    pub(crate) weights: &'a Weights,
    pub(crate) format: GraphFormat,
    pub(crate) graph: Graph,
    pub(crate) data: DataFile,
    /// Where each adapter's A and B go in.
    pub(crate) adapters: Vec<LoraInput>,
    /// Rows of the rotary tables: the longest context the graph can serve.
    pub(crate) positions: usize,
}

/// A normed value and the residual stream it came from, both `[T, hidden]`.
pub(crate) struct Stream {
    pub(crate) normed: String,
    pub(crate) residual: String,
}

impl Builder<'_> {
    /// Adds everything from `input_ids` to `logits`.
    pub(crate) fn gemma3(&mut self) -> Result<(), ExportError> {
        let inputs = self.step_inputs();
        self.lora_masks();
        let rope = self.rope_tables()?;
        let embedded = self.embedding()?;
        let first = self.norm_weight(&Norm::Input.weight_name(0))?;
        let normed = self.norm("layers.0.input_norm", &embedded, &first);
        let mut stream = Stream { normed, residual: embedded };
        for layer in 0..self.config.num_hidden_layers {
            let attended = self.attention(layer, &stream.normed, &inputs, &rope)?;
            let norms = [Norm::PostAttention, Norm::PreFeedforward].map(|norm| norm.weight_name(layer));
            stream = self.join(&format!("layers.{layer}.attn"), &attended, &stream.residual, norms)?;
            let fed = self.mlp(layer, &stream.normed)?;
            let last = layer + 1 == self.config.num_hidden_layers;
            let next = if last { FINAL_NORM.to_owned() } else { Norm::Input.weight_name(layer + 1) };
            let norms = [Norm::PostFeedforward.weight_name(layer), next];
            stream = self.join(&format!("layers.{layer}.mlp"), &fed, &stream.residual, norms)?;
        }
        self.head(&stream.normed);
        Ok(())
    }

    /// RMSNorm over the last axis of `x` by a stored `1 + w`.
    pub(crate) fn norm(&mut self, name: &str, x: &str, weight: &str) -> String {
        let epsilon = Attr::Float("epsilon", self.config.rms_norm_eps as f32);
        self.graph.op(
            name,
            Op::Standard("SimplifiedLayerNormalization"),
            &[x, weight],
            &[Attr::Int("axis", -1), epsilon, Attr::Int("stash_type", 1)],
        )
    }

    /// `residual + norm(x)`, and the norm of that, by the weights `before` and `after` the sum.
    fn join(
        &mut self,
        prefix: &str,
        x: &str,
        residual: &str,
        [before, after]: [String; 2],
    ) -> Result<Stream, ExportError> {
        let (before, after) = (self.norm_weight(&before)?, self.norm_weight(&after)?);
        let stream = Stream { residual: format!("{prefix}.residual"), normed: format!("{prefix}.next") };
        let epsilon = [Attr::Float("epsilon", self.config.rms_norm_eps as f32)];
        if self.format.is_packed() {
            let outputs = [stream.normed.as_str(), &stream.residual];
            self.graph.node(Op::Own(OWN_ADD_NORM), &[x, &before, residual, &after], &outputs, &epsilon);
            return Ok(stream);
        }
        let x = self.norm(&format!("{prefix}.post_norm"), x, &before);
        // Outputs 1 and 2 (mean and inverse deviation) are left out; output 3 is the sum before the norm.
        let outputs = [stream.normed.as_str(), "", "", &stream.residual];
        let sum = Op::Microsoft("SkipSimplifiedLayerNormalization");
        self.graph.node(sum, &[residual, &x, &after], &outputs, &epsilon);
        Ok(stream)
    }

    /// Stores Gemma's norm weight `w` as the factor `1 + w` and returns the initializer's name.
    pub(crate) fn norm_weight(&mut self, name: &str) -> Result<String, ExportError> {
        let factors: Vec<f32> = self.read(name, None)?.iter().map(|weight| 1.0 + weight).collect();
        Ok(self.graph.constant_f32(name, &[factors.len()], &factors))
    }

    /// The values of one tensor of the base, checked to be finite and, where given, of the wanted shape.
    pub(crate) fn read(&self, name: &str, wanted: Option<&[usize]>) -> Result<Vec<f32>, ExportError> {
        let tensor = self.weights.get(name)?;
        if let Some(wanted) = wanted
            && tensor.shape != wanted
        {
            return Err(ExportError::Shape { name: name.to_owned(), found: tensor.shape, wanted: wanted.to_vec() });
        }
        if tensor.data.iter().any(|value| !value.is_finite()) {
            return Err(ExportError::NotFinite { name: name.to_owned() });
        }
        Ok(tensor.data)
    }

    /// What every step is told: token ids, how many cached tokens count, and which logits are wanted.
    fn step_inputs(&mut self) -> StepInputs {
        let graph = &mut self.graph;
        graph.input("input_ids", Type::I64, &[Dim::Named("batch"), Dim::Named("sequence")]);
        graph.input("attention_mask", Type::I64, &[Dim::Named("batch"), Dim::Named("total")]);
        // By default the last token's row only: the head costs a third of a decode step of the 1B model.
        graph.optional_input("rows", Type::I64, &[Dim::Named("rows")], &[1], &(-1_i64).to_le_bytes());
        let one = graph.constant_i64("one", &[1], &[1]);
        let one_scalar = graph.constant_i64("one.scalar", &[], &[1]);
        let minus_one = graph.constant_i64("minus_one", &[1], &[-1]);
        let to_i32 = [Attr::Int("to", Type::I32 as i64)];

        let lengths =
            graph.op("mask.sum", Op::Standard("ReduceSum"), &["attention_mask", &one], &[Attr::Int("keepdims", 0)]);
        let last = graph.op("mask.last", Op::Standard("Sub"), &[&lengths, &one], &[]);
        let last_position = graph.op("mask.last.i32", Op::Standard("Cast"), &[&last], &to_i32);
        let mask_shape = graph.op("mask.shape", Op::Standard("Shape"), &["attention_mask"], &[]);
        let total = graph.op("mask.total", Op::Standard("Gather"), &[&mask_shape, &one_scalar], &[]);
        let total = graph.op("mask.total.i32", Op::Standard("Cast"), &[&total], &to_i32);
        let ids_shape = graph.op("ids.shape", Op::Standard("Shape"), &["input_ids"], &[]);
        let batched = graph.op("batched", Op::Standard("Concat"), &[&ids_shape, &minus_one], &[Attr::Int("axis", 0)]);
        StepInputs { last_position, total, batched }
    }
}

/// Values that every attention layer reads.
pub(crate) struct StepInputs {
    /// i32 `[batch]`: the position of each row's newest token.
    pub(crate) last_position: String,
    /// i32 scalar: cached and new tokens together.
    pub(crate) total: String,
    /// The shape `[batch, sequence, -1]`.
    pub(crate) batched: String,
}

//! The graph of a BERT encoder, top to bottom: embeddings, layers of attention and feed-forward, each with its norm
//! after the sum. `input_ids` and `attention_mask` `[batch, sequence]` to `last_hidden_state` `[batch, sequence, hidden]`.
//!
//! One text at a time, never a pair: every token is of type 0, whose embedding is added to the positions' table once.
//! Pooling is the reader's.

use gemma::Weights;

use crate::ExportError;
use crate::data::DataFile;
use crate::encoder_config::EncoderConfig;
use crate::onnx::{Attr, Dim, Graph, Op, Type};
use crate::quantize::transpose;

/// Added to the score of a key that the mask leaves out: its softmax is exactly 0.
const MASKED: f32 = -1e9;

/// The graph, the weights that go into it, and what has been written so far.
pub(crate) struct EncoderBuilder<'a> {
    pub(crate) config: &'a EncoderConfig,
    pub(crate) weights: &'a Weights,
    /// What the checkpoint puts before every name: `bert.` where heads were trained beside the encoder.
    pub(crate) prefix: &'static str,
    pub(crate) graph: Graph,
    pub(crate) data: DataFile,
}

impl EncoderBuilder<'_> {
    /// Adds everything from `input_ids` to `last_hidden_state`.
    pub(crate) fn bert(&mut self) -> Result<(), ExportError> {
        let tokens = [Dim::Named("batch"), Dim::Named("sequence")];
        self.graph.input("input_ids", Type::I64, &tokens);
        self.graph.input("attention_mask", Type::I64, &tokens);
        let mask = self.mask();
        let mut x = self.embeddings()?;
        for layer in 0..self.config.num_hidden_layers {
            let name = format!("encoder.layer.{layer}");
            let attended = self.attention(&name, &x, &mask)?;
            x = self.add_and_norm(&format!("{name}.attention.output.LayerNorm"), &attended, &x)?;
            let (hidden, inner) = (self.config.hidden_size, self.config.intermediate_size);
            let inside = self.linear(&format!("{name}.intermediate.dense"), &x, hidden, inner)?;
            // Without an attribute it is the exact form, by the error function.
            let inside = self.graph.op(&format!("{name}.gelu"), Op::Standard("Gelu"), &[&inside], &[]);
            let fed = self.linear(&format!("{name}.output.dense"), &inside, inner, hidden)?;
            x = self.add_and_norm(&format!("{name}.output.LayerNorm"), &fed, &x)?;
        }
        self.graph.op("last_hidden_state", Op::Standard("Identity"), &[&x], &[]);
        let [batch, sequence] = tokens;
        self.graph.output("last_hidden_state", Type::F32, &[batch, sequence, Dim::Fixed(self.config.hidden_size)]);
        Ok(())
    }

    /// 0 for a key that counts and [`MASKED`] for one that does not, `[batch, 1, 1, sequence]`.
    fn mask(&mut self) -> String {
        let graph = &mut self.graph;
        let one = graph.constant_f32("mask.one", &[], &[1.0]);
        let masked = graph.constant_f32("mask.masked", &[], &[MASKED]);
        let axes = graph.constant_i64("mask.axes", &[2], &[1, 2]);
        let to_f32 = [Attr::Int("to", Type::F32 as i64)];
        let mask = graph.op("mask.f32", Op::Standard("Cast"), &["attention_mask"], &to_f32);
        let out = graph.op("mask.inverse", Op::Standard("Sub"), &[&one, &mask], &[]);
        let out = graph.op("mask.scores", Op::Standard("Mul"), &[&out, &masked], &[]);
        graph.op("mask.out", Op::Standard("Unsqueeze"), &[&out, &axes], &[])
    }

    fn embeddings(&mut self) -> Result<String, ExportError> {
        let config = self.config;
        let (hidden, positions) = (config.hidden_size, config.max_position_embeddings);
        let words = self.read("embeddings.word_embeddings.weight", &[config.vocab_size, hidden])?;
        let span = self.data.put_f32(&words)?;
        let words = self.graph.external("words", Type::F32, &[config.vocab_size, hidden], span);

        let mut table = self.read("embeddings.position_embeddings.weight", &[positions, hidden])?;
        let types = self.read("embeddings.token_type_embeddings.weight", &[config.type_vocab_size, hidden])?;
        for row in table.chunks_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(value, of_type)| *value += of_type);
        }
        let span = self.data.put_f32(&table)?;
        let table = self.graph.external("positions", Type::F32, &[positions, hidden], span);

        let graph = &mut self.graph;
        let zero = graph.constant_i64("zero", &[1], &[0]);
        let one = graph.constant_i64("one", &[1], &[1]);
        let shape = graph.op("ids.shape", Op::Standard("Shape"), &["input_ids"], &[]);
        let length = graph.op("ids.length", Op::Standard("Gather"), &[&shape, &one], &[]);
        let places = graph.op("positions.used", Op::Standard("Slice"), &[&table, &zero, &length, &zero], &[]);
        let rows = graph.op("words.rows", Op::Standard("Gather"), &[&words, "input_ids"], &[]);
        self.add_and_norm("embeddings.LayerNorm", &rows, &places)
    }

    /// Softmax attention over all tokens that the mask leaves in, projected back to `[batch, sequence, hidden]`.
    fn attention(&mut self, layer: &str, x: &str, mask: &str) -> Result<String, ExportError> {
        let (hidden, heads, width) = (self.config.hidden_size, self.config.num_attention_heads, self.config.head_dim());
        let name = format!("{layer}.attention");
        let mut split = |part: &str, axes: &'static [i64]| -> Result<String, ExportError> {
            let flat = self.linear(&format!("{name}.self.{part}"), x, hidden, hidden)?;
            let shape = [0, 0, heads as i64, width as i64];
            let shape = self.graph.constant_i64(&format!("{name}.{part}.shape"), &[4], &shape);
            let parted = self.graph.op(&format!("{name}.{part}.heads"), Op::Standard("Reshape"), &[&flat, &shape], &[]);
            let perm = [Attr::Ints("perm", axes)];
            Ok(self.graph.op(&format!("{name}.{part}.turned"), Op::Standard("Transpose"), &[&parted], &perm))
        };
        // Keys lie across, so that the product is one of rows by columns.
        let (q, k, v) = (split("query", &[0, 2, 1, 3])?, split("key", &[0, 2, 3, 1])?, split("value", &[0, 2, 1, 3])?);
        let graph = &mut self.graph;
        let scale = graph.constant_f32(&format!("{name}.scale"), &[], &[(width as f32).sqrt().recip()]);
        let scores = graph.op(&format!("{name}.products"), Op::Standard("MatMul"), &[&q, &k], &[]);
        let scores = graph.op(&format!("{name}.scaled"), Op::Standard("Mul"), &[&scores, &scale], &[]);
        let scores = graph.op(&format!("{name}.scores"), Op::Standard("Add"), &[&scores, mask], &[]);
        let shares = graph.op(&format!("{name}.shares"), Op::Standard("Softmax"), &[&scores], &[Attr::Int("axis", -1)]);
        let mixed = graph.op(&format!("{name}.mixed"), Op::Standard("MatMul"), &[&shares, &v], &[]);
        let back = [Attr::Ints("perm", &[0, 2, 1, 3])];
        let mixed = graph.op(&format!("{name}.turned"), Op::Standard("Transpose"), &[&mixed], &back);
        let shape = graph.constant_i64(&format!("{name}.shape"), &[3], &[0, 0, hidden as i64]);
        let mixed = graph.op(&format!("{name}.joined"), Op::Standard("Reshape"), &[&mixed, &shape], &[]);
        self.linear(&format!("{name}.output.dense"), &mixed, hidden, hidden)
    }

    /// `x W^T + b`, `name` being the checkpoint's.
    fn linear(&mut self, name: &str, x: &str, width: usize, out: usize) -> Result<String, ExportError> {
        let weight = self.read(&format!("{name}.weight"), &[out, width])?;
        let span = self.data.put_f32(&transpose(&weight, width))?;
        let weight = self.graph.external(&format!("{name}.weight"), Type::F32, &[width, out], span);
        let bias = self.vector(&format!("{name}.bias"), out)?;
        let product = self.graph.op(&format!("{name}.product"), Op::Standard("MatMul"), &[x, &weight], &[]);
        Ok(self.graph.op(&format!("{name}.out"), Op::Standard("Add"), &[&product, &bias], &[]))
    }

    /// The layer norm `name` of `x + residual`.
    fn add_and_norm(&mut self, name: &str, x: &str, residual: &str) -> Result<String, ExportError> {
        let hidden = self.config.hidden_size;
        let (weight, bias) =
            (self.vector(&format!("{name}.weight"), hidden)?, self.vector(&format!("{name}.bias"), hidden)?);
        let sum = self.graph.op(&format!("{name}.sum"), Op::Standard("Add"), &[x, residual], &[]);
        let attrs = [Attr::Int("axis", -1), Attr::Float("epsilon", self.config.layer_norm_eps as f32)];
        let norm = Op::Standard("LayerNormalization");
        Ok(self.graph.op(&format!("{name}.out"), norm, &[&sum, &weight, &bias], &attrs))
    }

    /// A tensor of one axis, kept inside `model.onnx`.
    fn vector(&mut self, name: &str, length: usize) -> Result<String, ExportError> {
        let values = self.read(name, &[length])?;
        Ok(self.graph.constant_f32(name, &[length], &values))
    }

    /// The values of one tensor, checked to be of the wanted shape and finite.
    fn read(&self, name: &str, wanted: &[usize]) -> Result<Vec<f32>, ExportError> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self.weights.get(&name)?;
        if tensor.shape != wanted {
            return Err(ExportError::Shape { name, found: tensor.shape, wanted: wanted.to_vec() });
        }
        if tensor.data.iter().any(|value| !value.is_finite()) {
            return Err(ExportError::NotFinite { name });
        }
        Ok(tensor.data)
    }
}

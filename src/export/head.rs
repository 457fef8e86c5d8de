//! The residual stream to logits, for the wanted rows only; the table is the embedding's (tied).

use gemma::{GraphFormat, HEAD_TILES, OWN_HEAD};
use packed::Bits;

use crate::embedding::TABLE;
use crate::graph::Builder;
use crate::linear::{block_names, packed_sizes};
use crate::onnx::{Attr, Dim, Op, Type};

impl Builder<'_> {
    /// `x` [T, hidden] and `rows` [r] (flat token indices, negative from the end) to `logits` [1, r, vocab].
    pub(crate) fn head(&mut self, x: &str) {
        let wanted = self.graph.op("head.rows", Op::Standard("Gather"), &[x, "rows"], &[]);
        let sizes = (self.config.hidden_size, self.config.vocab_size);
        match self.format {
            // The table stays as it is stored: `transB` spares a transposed copy.
            GraphFormat::F32 => {
                let attributes = [Attr::Int("transB", 1)];
                let logits = self.graph.op("head.out", Op::Standard("Gemm"), &[&wanted, TABLE], &attributes);
                self.logits(&logits);
            }
            GraphFormat::I8Block => {
                let logits = self.block_matmul("head", &wanted, TABLE, sizes);
                self.logits(&logits);
            }
            GraphFormat::I8Packed | GraphFormat::I4Packed => {
                let tiles = self.graph.optional_input(HEAD_TILES, Type::I64, &[Dim::Named("tiles")], &[0], &[]);
                let [weight, scales] = block_names(TABLE);
                let inputs = [&wanted, weight.as_str(), &scales, &tiles];
                self.graph.op("logits", Op::Own(OWN_HEAD), &inputs, &packed_sizes(sizes, Bits::Eight));
            }
        }
        // Declared with the one row of the default: onnxruntime-genai gives a buffer for every prompt token unless
        // the model says so. Whoever asks for more rows lets ONNX Runtime allocate them, which only then may exceed it.
        let shape = [Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(self.config.vocab_size)];
        self.graph.output("logits", Type::F32, &shape);
    }
    /// `[r, vocab]` as `logits` [1, r, vocab].
    fn logits(&mut self, rows: &str) {
        let axis = self.graph.constant_i64("head.axis", &[1], &[0]);
        self.graph.op("logits", Op::Standard("Unsqueeze"), &[rows, &axis], &[]);
    }
}

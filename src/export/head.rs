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
        let logits = match self.format {
            // The table stays as it is stored: `transB` spares a transposed copy.
            GraphFormat::F32 => {
                self.graph.op("head.out", Op::Standard("Gemm"), &[&wanted, TABLE], &[Attr::Int("transB", 1)])
            }
            GraphFormat::I8Block => {
                self.block_matmul("head", &wanted, TABLE, (self.config.hidden_size, self.config.vocab_size))
            }
            GraphFormat::I8Packed | GraphFormat::I4Packed => {
                let tiles = self.graph.optional_input(HEAD_TILES, Type::I64, &[Dim::Named("tiles")], &[0], &[]);
                let ([weight, scales], sizes) = (block_names(TABLE), (self.config.hidden_size, self.config.vocab_size));
                let inputs = [&wanted, weight.as_str(), &scales, &tiles];
                self.graph.op("head.out", Op::Own(OWN_HEAD), &inputs, &packed_sizes(sizes, Bits::Eight))
            }
        };
        let axis = self.graph.constant_i64("head.axis", &[1], &[0]);
        self.graph.op("logits", Op::Standard("Unsqueeze"), &[&logits, &axis], &[]);
        // Declared with the one row of the default: onnxruntime-genai gives a buffer for every prompt token unless
        // the model says so. Whoever asks for more rows lets ONNX Runtime allocate them, which only then may exceed it.
        let shape = [Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(self.config.vocab_size)];
        self.graph.output("logits", Type::F32, &shape);
    }
}

//! Token ids to the residual stream: a table row per token, times Gemma's `sqrt(hidden)`.

use gemma::{EMBEDDING, GraphFormat, OWN_ROWS};
use packed::{Bits, Packed};

use crate::ExportError;
use crate::graph::Builder;
use crate::linear::{block_names, packed_sizes};
use crate::onnx::{Attr, Op, Type};
use crate::quantize::{BLOCK, Blocks, blocks};

/// The table as the head multiplies by it, too (tied weights).
pub(crate) const TABLE: &str = "embedding";

impl Builder<'_> {
    /// `input_ids` [batch, sequence] to `[T, hidden]`.
    pub(crate) fn embedding(&mut self) -> Result<String, ExportError> {
        let flat = self.graph.constant_i64("flat", &[1], &[-1]);
        let ids = self.graph.op("ids.flat", Op::Standard("Reshape"), &["input_ids", &flat], &[]);
        match self.format {
            GraphFormat::F32 => self.float_rows(&ids),
            GraphFormat::I8Block => self.block_rows(&ids),
            GraphFormat::I8Packed | GraphFormat::I4Packed => self.packed_rows(&ids),
        }
    }

    /// The base's table, `[vocab, hidden]`.
    pub(crate) fn table(&self) -> Result<Vec<f32>, ExportError> {
        self.read(EMBEDDING, Some(&[self.config.vocab_size, self.config.hidden_size]))
    }

    fn float_rows(&mut self, ids: &str) -> Result<String, ExportError> {
        let span = self.data.put_f32(&self.table()?)?;
        self.graph.external(TABLE, Type::F32, &[self.config.vocab_size, self.config.hidden_size], span);
        let scale = self.graph.constant_f32("embedding.scale", &[], &[self.config.embed_scale as f32]);
        let rows = self.graph.op("embedding.rows", Op::Standard("Gather"), &[TABLE, ids], &[]);
        Ok(self.graph.op("embedding.out", Op::Standard("Mul"), &[&rows, &scale], &[]))
    }

    /// The matrix that the head multiplies by, looked up. Eight bits in any case: 4 would cost most here, where a shortlist spares most of the bytes.
    fn packed_rows(&mut self, ids: &str) -> Result<String, ExportError> {
        let (vocab, hidden) = (self.config.vocab_size, self.config.hidden_size);
        self.store_packed(TABLE, &Packed::of(&self.table()?, hidden, Bits::Eight))?;
        let [weight, scales] = block_names(TABLE);
        let attributes = packed_sizes((hidden, vocab), Bits::Eight);
        let rows = self.graph.op("embedding.rows", Op::Own(OWN_ROWS), &[ids, &weight, &scales], &attributes);
        let scale = self.graph.constant_f32("embedding.scale", &[], &[self.config.embed_scale as f32]);
        Ok(self.graph.op("embedding.out", Op::Standard("Mul"), &[&rows, &scale], &[]))
    }

    /// The blocks that the head multiplies by, looked up: the same bytes in another shape.
    fn block_rows(&mut self, ids: &str) -> Result<String, ExportError> {
        let (vocab, hidden) = (self.config.vocab_size, self.config.hidden_size);
        let mut stored = Blocks::default();
        stored.push(&self.table()?, hidden);
        let span = self.store_blocks(TABLE, &stored, (hidden, vocab))?;
        let padded = blocks(hidden) * BLOCK;
        let rows = self.graph.external("embedding.rows.u8", Type::U8, &[vocab, padded], span);
        let [_, scales] = block_names(TABLE);
        let attributes = [
            Attr::Int("bits", 8),
            Attr::Int("block_size", BLOCK as i64),
            Attr::Int("gather_axis", 0),
            Attr::Int("quantize_axis", 1),
        ];
        let gather = Op::Microsoft("GatherBlockQuantized");
        let mut rows = self.graph.op("embedding.rows", gather, &[&rows, ids, &scales], &attributes);
        if padded > hidden {
            let [zero, end, axis] = [("start", 0), ("end", hidden as i64), ("axis", 1)]
                .map(|(name, value)| self.graph.constant_i64(&format!("embedding.{name}"), &[1], &[value]));
            rows = self.graph.op("embedding.rows.cut", Op::Standard("Slice"), &[&rows, &zero, &end, &axis], &[]);
        }
        // Not in the scales: they are the head's, too.
        let scale = self.graph.constant_f32("embedding.scale", &[], &[self.config.embed_scale as f32]);
        Ok(self.graph.op("embedding.out", Op::Standard("Mul"), &[&rows, &scale], &[]))
    }
}

//! The gated feed-forward part of a layer: `down(gelu_tanh(gate(x)) * up(x))`.

use gemma::OWN_GATE;

use crate::ExportError;
use crate::graph::Builder;
use crate::linear::Projection;
use crate::onnx::{Attr, Op};

impl Builder<'_> {
    /// `x` [T, hidden] to the output [T, hidden] whose norm is added to the residual stream.
    pub(crate) fn mlp(&mut self, layer: usize, x: &str) -> Result<String, ExportError> {
        let prefix = format!("layers.{layer}.mlp");
        let both = self.project(layer, Projection::GateUp, x)?;
        let gated = self.gate(&prefix, &both);
        self.project(layer, Projection::Down, &gated)
    }

    /// `gelu(gate) * up` of `both`, [T, gate beside up]. ONNX Runtime's FastGelu is the tanh form, which is Gemma's.
    fn gate(&mut self, prefix: &str, both: &str) -> String {
        let half = self.config.intermediate_size as i64;
        let gated = format!("{prefix}.gated");
        if self.format.is_packed() {
            return self.graph.op(&gated, Op::Own(OWN_GATE), &[both], &[Attr::Int("width", half)]);
        }
        let (gate, up) = (format!("{prefix}.gate"), format!("{prefix}.up"));
        let sizes = self.graph.constant_i64(&format!("{prefix}.sizes"), &[2], &[half, half]);
        self.graph.node(Op::Standard("Split"), &[both, &sizes], &[&gate, &up], &[Attr::Int("axis", -1)]);
        let gate = self.graph.op(&format!("{prefix}.gelu"), Op::Microsoft("FastGelu"), &[&gate], &[]);
        self.graph.op(&gated, Op::Standard("Mul"), &[&gate, &up], &[])
    }
}

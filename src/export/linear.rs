//! Linear layers: weights shared by all call sites, plus the LoRA A and B that a call site binds.
//!
//! Linears that read the same input are one matrix (q, k, v; gate, up). Their LoRA is one pair as well:
//! A's are put side by side and B's form a block diagonal, which is the same sum in one third of the nodes.
//!
//! LoRA's inputs default to rank 0. A product over an empty inner axis is zero, so the base costs nothing extra.

use gemma::{GraphFormat, Linear, LoraInput};

use crate::ExportError;
use crate::graph::Builder;
use crate::onnx::{Attr, Dim, Op, Type};
use crate::quantize::{Rows, transpose};

/// Linears of a layer that share their input and are multiplied at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Projection {
    Qkv,
    O,
    GateUp,
    Down,
}

impl Projection {
    fn name(self) -> &'static str {
        match self {
            Self::Qkv => "qkv",
            Self::O => "o",
            Self::GateUp => "gate_up",
            Self::Down => "down",
        }
    }

    fn parts(self) -> &'static [Linear] {
        match self {
            Self::Qkv => &[Linear::Q, Linear::K, Linear::V],
            Self::O => &[Linear::O],
            Self::GateUp => &[Linear::Gate, Linear::Up],
            Self::Down => &[Linear::Down],
        }
    }
}

/// The zero point of unsigned bytes, 128: of activations and of unsigned weights.
const MIDDLE: &str = "quant.middle";

/// A stored 8-bit matrix: its initializer and its zero point's, which is empty for zero.
struct ByteWeight {
    name: String,
    zero_point: &'static str,
}

impl Builder<'_> {
    /// `x` [T, K] times the projection's weights, plus its LoRA: [T, N] with N the parts' widths together.
    pub(crate) fn project(&mut self, layer: usize, projection: Projection, x: &str) -> Result<String, ExportError> {
        let name = format!("layers.{layer}.{}", projection.name());
        let width = projection.parts().first().map_or(0, |part| part.shape(self.config).1);
        let out: usize = projection.parts().iter().map(|part| part.shape(self.config).0).sum();
        let base = match self.format {
            GraphFormat::F32 => {
                let mut rows = Vec::with_capacity(out * width);
                for part in projection.parts() {
                    rows.extend(self.part(layer, *part)?);
                }
                self.float_matmul(&name, x, &rows, width)?
            }
            GraphFormat::I8Row | GraphFormat::U8Row => {
                let mut rows = Rows::default();
                for part in projection.parts() {
                    rows.push(&self.part(layer, *part)?, width);
                }
                self.quantised_matmul(&name, x, &rows, width)?
            }
        };
        Ok(self.lora(layer, projection, x, &base, (width, out)))
    }

    fn part(&self, layer: usize, part: Linear) -> Result<Vec<f32>, ExportError> {
        let (out, width) = part.shape(self.config);
        self.read(&part.weight_name(layer), Some(&[out, width]))
    }

    /// `x` [T, width] times `rows` [N, width] in single precision.
    fn float_matmul(&mut self, name: &str, x: &str, rows: &[f32], width: usize) -> Result<String, ExportError> {
        let out = rows.len() / width.max(1);
        let span = self.data.put_f32(&transpose(rows, width))?;
        let weight = self.graph.external(&format!("{name}.weight"), Type::F32, &[width, out], span);
        Ok(self.graph.op(&format!("{name}.out"), Op::Standard("MatMul"), &[x, &weight], &[]))
    }

    /// `x` [T, width] times 8-bit `rows` [N, width]: the activations become unsigned bytes with one scale per
    /// token, so that a token's result depends neither on the batch nor on its neighbours' outliers.
    pub(crate) fn quantised_matmul(
        &mut self,
        name: &str,
        x: &str,
        rows: &Rows,
        width: usize,
    ) -> Result<String, ExportError> {
        let out = rows.scales.len();
        let weight = self.byte_weight(name, &transpose(&rows.values, width), &[width, out])?;
        let span = self.data.put_f32(&rows.scales)?;
        let scales = self.graph.external(&format!("{name}.scales"), Type::F32, &[out], span);
        let [inverse, floor, middle, one, axis] = self.quantisation();

        let op = Op::Standard;
        let graph = &mut self.graph;
        let magnitude = graph.op(&format!("{name}.abs"), op("Abs"), &[x], &[]);
        let largest =
            graph.op(&format!("{name}.max"), op("ReduceMax"), &[&magnitude, axis], &[Attr::Int("keepdims", 0)]);
        let scale = graph.op(&format!("{name}.max.scaled"), op("Mul"), &[&largest, inverse], &[]);
        let scale = graph.op(&format!("{name}.token_scales"), op("Max"), &[&scale, floor], &[]);
        let tokens = graph.op(&format!("{name}.tokens"), op("Shape"), &[&scale], &[]);
        let zeros = graph.op(&format!("{name}.zero_points"), op("Expand"), &[middle, &tokens], &[]);
        let bytes =
            graph.op(&format!("{name}.u8"), op("QuantizeLinear"), &[x, &scale, &zeros], &[Attr::Int("axis", 0)]);
        let product = graph.op(
            &format!("{name}.product"),
            Op::Microsoft("MatMulIntegerToFloat"),
            &[&bytes, &weight.name, one, &scales, middle, weight.zero_point],
            &[],
        );
        let column = graph.op(&format!("{name}.token_scales.column"), op("Unsqueeze"), &[&scale, axis], &[]);
        Ok(graph.op(&format!("{name}.out"), op("Mul"), &[&product, &column], &[]))
    }

    /// Stores 8-bit weights, signed around zero or unsigned around 128: the same numbers, but ONNX Runtime sums
    /// products of two unsigned bytes exactly on every processor.
    fn byte_weight(&mut self, name: &str, values: &[i8], shape: &[usize]) -> Result<ByteWeight, ExportError> {
        let name = format!("{name}.weight");
        let unsigned = self.format == GraphFormat::U8Row;
        let span = self.data.put_bytes(values.iter().map(|value| {
            let byte = value.cast_unsigned();
            // Flipping the sign bit adds 128.
            if unsigned { byte ^ 0x80 } else { byte }
        }))?;
        let (kind, zero_point) = if unsigned { (Type::U8, MIDDLE) } else { (Type::I8, "") };
        Ok(ByteWeight { name: self.graph.external(&name, kind, shape, span), zero_point })
    }

    /// Names of the constants of activation quantisation, written once: 1/127, the smallest scale, the
    /// zero point, one, and the axis of a token's values.
    fn quantisation(&mut self) -> [&'static str; 5] {
        const NAMES: [&str; 5] = ["quant.inverse", "quant.floor", MIDDLE, "quant.one", "quant.axis"];
        if !self.quantisation_written {
            self.quantisation_written = true;
            self.graph.constant_f32(NAMES[0], &[], &[1.0 / 127.0]);
            self.graph.constant_f32(NAMES[1], &[], &[1e-12]);
            self.graph.constant(NAMES[2], Type::U8, &[], &[128]);
            self.graph.constant_f32(NAMES[3], &[], &[1.0]);
            self.graph.constant_i64(NAMES[4], &[1], &[1]);
        }
        NAMES
    }

    /// `base + (x A) B`, with A [K, r] and B [r, N] given by whoever runs the graph.
    fn lora(
        &mut self,
        layer: usize,
        projection: Projection,
        x: &str,
        base: &str,
        (width, out): (usize, usize),
    ) -> String {
        let name = format!("layers.{layer}.{}", projection.name());
        let (a, b) = (format!("{name}.lora_a"), format!("{name}.lora_b"));
        let graph = &mut self.graph;
        graph.optional_input(&a, Type::F32, &[Dim::Fixed(width), Dim::Named("rank")], &[width, 0], &[]);
        graph.optional_input(&b, Type::F32, &[Dim::Named("rank"), Dim::Fixed(out)], &[0, out], &[]);
        let low = graph.op(&format!("{name}.lora_a.out"), Op::Standard("MatMul"), &[x, &a], &[]);
        let high = graph.op(&format!("{name}.lora_b.out"), Op::Standard("MatMul"), &[&low, &b], &[]);
        let sum = graph.op(&format!("{name}.sum"), Op::Standard("Add"), &[base, &high], &[]);
        let parts = projection.parts().iter().map(|part| part.weight_name(layer)).collect();
        self.adapters.push(LoraInput { parts, a, b });
        sum
    }
}

//! Linear layers: weights shared by all call sites, plus the LoRA A and B that a call site binds.
//!
//! Linears that read the same input are one matrix (q, k, v; gate, up). Their LoRA is one pair as well:
//! A's are put side by side and B's form a block diagonal, which is the same sum in one third of the nodes.
//!
//! LoRA's inputs default to rank 0. A product over an empty inner axis is zero, so the base costs nothing extra. Tokens of several
//! call sites can be in one run: their adapters lie side by side, and a mask leaves each token its own ranks.

use gemma::{GraphFormat, Linear, LoraInput};

use crate::ExportError;
use crate::data::Span;
use crate::graph::Builder;
use crate::onnx::{Attr, Dim, Op, Type};
use crate::quantize::{BLOCK, Blocks, Rows, blocks, transpose};

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

/// Linears that are one matrix at most; there is a mask for every number of them.
const PARTS_MAX: usize = 3;

fn mask(parts: usize) -> String {
    format!("lora_mask.{parts}")
}

/// The zero point of unsigned bytes, 128: of activations and of unsigned weights.
const MIDDLE: &str = "quant.middle";

/// Initializers of the blocks that were stored as `matrix`, and of their scales.
pub(crate) fn block_names(matrix: &str) -> [String; 2] {
    [format!("{matrix}.weight"), format!("{matrix}.scales")]
}

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
            GraphFormat::I8Block => {
                let mut blocks = Blocks::default();
                for part in projection.parts() {
                    blocks.push(&self.part(layer, *part)?, width);
                }
                self.store_blocks(&name, &blocks, (width, out))?;
                self.block_matmul(&name, x, &name, (width, out))
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

    /// Stores 8-bit blocks as the matrix of a product from `width` to `out` numbers; says where its bytes lie.
    pub(crate) fn store_blocks(
        &mut self,
        name: &str,
        stored: &Blocks,
        (width, out): (usize, usize),
    ) -> Result<Span, ExportError> {
        let [weight, scales] = block_names(name);
        let values = self.data.put_bytes(stored.values.iter().copied())?;
        self.graph.external(&weight, Type::U8, &[out, blocks(width), BLOCK], values);
        let span = self.data.put_f32(&stored.scales)?;
        self.graph.external(&scales, Type::F32, &[out, blocks(width)], span);
        Ok(values)
    }

    /// `x` [T, width] times the blocks stored as `matrix`. ONNX Runtime makes 8 bits of the activations, too, with a scale
    /// per block of a token; the zero point of the weights is 128 unless one is given.
    pub(crate) fn block_matmul(&mut self, name: &str, x: &str, matrix: &str, (width, out): (usize, usize)) -> String {
        let [weight, scales] = block_names(matrix);
        let attributes = [
            Attr::Int("K", width as i64),
            Attr::Int("N", out as i64),
            Attr::Int("bits", 8),
            Attr::Int("block_size", BLOCK as i64),
            // Products of integers; by default the weights would become floats first.
            Attr::Int("accuracy_level", 4),
        ];
        self.graph.op(&format!("{name}.out"), Op::Microsoft("MatMulNBits"), &[x, &weight, &scales], &attributes)
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

    /// The masks of LoRA's ranks, `[T, r]`; a single 1 unless whoever runs the graph gives one.
    pub(crate) fn lora_masks(&mut self) {
        let dims = [Dim::Named("tokens"), Dim::Named("rank")];
        for parts in 1..=PARTS_MAX {
            self.graph.optional_input(&mask(parts), Type::F32, &dims, &[1, 1], &1.0_f32.to_le_bytes());
        }
    }

    /// `base + ((x A) * mask) B`, with A [K, r] and B [r, N] given by whoever runs the graph.
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
        let mask = mask(projection.parts().len());
        let own = graph.op(&format!("{name}.lora_a.own"), Op::Standard("Mul"), &[&low, &mask], &[]);
        let high = graph.op(&format!("{name}.lora_b.out"), Op::Standard("MatMul"), &[&own, &b], &[]);
        let sum = graph.op(&format!("{name}.sum"), Op::Standard("Add"), &[base, &high], &[]);
        let parts = projection.parts().iter().map(|part| part.weight_name(layer)).collect();
        self.adapters.push(LoraInput { parts, a, b, mask });
        sum
    }
}

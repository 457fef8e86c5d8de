//! Linear layers: weights shared by all call sites, plus the LoRA A and B that a call site binds.
//!
//! Linears that read the same input are one matrix (q, k, v; gate, up). Their LoRA is one pair as well:
//! A's are put side by side and B's form a block diagonal, which is the same sum in one third of the nodes.
//!
//! LoRA's inputs default to rank 0. A product over an empty inner axis is zero, so the base costs nothing extra. Tokens of several
//! call sites can be in one run: their adapters lie side by side, and a mask leaves each token its own ranks.

use gemma::{Config, GraphFormat, Linear, LoraInput, OWN_LINEAR};
use packed::{Bits, LANES, Packed};

use crate::ExportError;
use crate::data::Span;
use crate::graph::Builder;
use crate::onnx::{Attr, Dim, Op, Type};
use crate::quantize::{BLOCK, Blocks, blocks, transpose};

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

    /// Where each part's outputs end.
    fn ends(self, config: &Config) -> Vec<i64> {
        let outputs = self.parts().iter().map(|part| part.shape(config).0 as i64);
        outputs
            .scan(0, |end, outputs| {
                *end += outputs;
                Some(*end)
            })
            .collect()
    }
}

/// Linears that are one matrix at most; there is a mask for every number of them.
const PARTS_MAX: usize = 3;

fn mask(parts: usize) -> String {
    format!("lora_mask.{parts}")
}

/// Initializers of the blocks that were stored as `matrix`, and of their scales.
pub(crate) fn block_names(matrix: &str) -> [String; 2] {
    [format!("{matrix}.weight"), format!("{matrix}.scales")]
}

impl Builder<'_> {
    /// `x` [T, K] times the projection's weights, plus its LoRA: [T, N] with N the parts' widths together.
    pub(crate) fn project(&mut self, layer: usize, projection: Projection, x: &str) -> Result<String, ExportError> {
        let name = format!("layers.{layer}.{}", projection.name());
        let width = projection.parts().first().map_or(0, |part| part.shape(self.config).1);
        let sizes = (width, projection.parts().iter().map(|part| part.shape(self.config).0).sum::<usize>());
        let base = match self.format {
            GraphFormat::F32 => {
                let rows = self.rows(layer, projection)?;
                self.float_matmul(&name, x, &rows, width)?
            }
            GraphFormat::I8Block => {
                let mut blocks = Blocks::default();
                blocks.push(&self.rows(layer, projection)?, width);
                self.store_blocks(&name, &blocks, sizes)?;
                self.block_matmul(&name, x, &name, sizes)
            }
            GraphFormat::I8Packed | GraphFormat::I4Packed => {
                let bits = if self.format == GraphFormat::I4Packed { Bits::Four } else { Bits::Eight };
                self.store_packed(&name, &Packed::of(&self.rows(layer, projection)?, width, bits))?;
                let LoraInput { a, b, mask, .. } = self.lora_input(layer, projection, sizes);
                let [weight, scales] = block_names(&name);
                let inputs = [x, &weight, &scales, &a, &b, &mask];
                let ends = projection.ends(self.config);
                let [k, n, bits] = packed_sizes(sizes, bits);
                let attributes = [k, n, bits, Attr::Ints("ends", &ends)];
                return Ok(self.graph.op(&format!("{name}.out"), Op::Own(OWN_LINEAR), &inputs, &attributes));
            }
        };
        Ok(self.lora(layer, projection, x, &base, sizes))
    }

    /// All weights of a projection, one part's rows below the other's.
    fn rows(&self, layer: usize, projection: Projection) -> Result<Vec<f32>, ExportError> {
        let mut rows = Vec::new();
        for part in projection.parts() {
            rows.extend(self.part(layer, *part)?);
        }
        Ok(rows)
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

    /// Stores a packed matrix.
    pub(crate) fn store_packed(&mut self, name: &str, packed: &Packed) -> Result<(), ExportError> {
        let ([weight, scales], shape) = (block_names(name), packed.shape);
        let span = self.data.put_bytes(packed.bytes.iter().copied())?;
        self.graph.external(&weight, Type::U8, &[shape.tiles(), shape.tile_bytes()], span);
        let span = self.data.put_bytes(packed.scales.iter().flat_map(|scale| scale.to_le_bytes()))?;
        self.graph.external(&scales, Type::U16, &[shape.tiles(), shape.tile_scales()], span);
        Ok(())
    }

    /// The masks of LoRA's ranks, `[T, r]`; a single 1 unless whoever runs the graph gives one.
    pub(crate) fn lora_masks(&mut self) {
        let dims = [Dim::Named("tokens"), Dim::Named("rank")];
        for parts in 1..=PARTS_MAX {
            self.graph.optional_input(&mask(parts), Type::F32, &dims, &[1, 1], &1.0_f32.to_le_bytes());
        }
    }

    /// `base + ((x A) * mask) B`.
    fn lora(&mut self, layer: usize, projection: Projection, x: &str, base: &str, sizes: (usize, usize)) -> String {
        let name = format!("layers.{layer}.{}", projection.name());
        let LoraInput { a, b, mask, .. } = self.lora_input(layer, projection, sizes);
        let graph = &mut self.graph;
        let low = graph.op(&format!("{a}.out"), Op::Standard("MatMul"), &[x, &a], &[]);
        let own = graph.op(&format!("{a}.own"), Op::Standard("Mul"), &[&low, &mask], &[]);
        let high = graph.op(&format!("{b}.out"), Op::Standard("MatMul"), &[&own, &b], &[]);
        graph.op(&format!("{name}.sum"), Op::Standard("Add"), &[base, &high], &[])
    }

    /// The inputs that an adapter's A and B for a projection go into; nothing unless whoever runs the graph gives them.
    fn lora_input(&mut self, layer: usize, projection: Projection, (width, out): (usize, usize)) -> LoraInput {
        let name = format!("layers.{layer}.{}", projection.name());
        let (a, b) = (format!("{name}.lora_a"), format!("{name}.lora_b"));
        let (wide, rank) = (Dim::Fixed(width), Dim::Named("rank"));
        let graph = &mut self.graph;
        if self.format.is_packed() {
            let tiles = out.div_ceil(LANES);
            graph.optional_input(&a, Type::F32, &[rank, wide], &[0, width], &[]);
            graph.optional_input(&b, Type::F32, &[Dim::Fixed(tiles), rank, Dim::Fixed(LANES)], &[tiles, 0, LANES], &[]);
        } else {
            graph.optional_input(&a, Type::F32, &[wide, rank], &[width, 0], &[]);
            graph.optional_input(&b, Type::F32, &[rank, Dim::Fixed(out)], &[0, out], &[]);
        }
        let parts = projection.parts().iter().map(|part| part.weight_name(layer)).collect();
        let input = LoraInput { parts, a, b, mask: mask(projection.parts().len()) };
        self.adapters.push(input.clone());
        input
    }
}

/// What a node says of the packed matrix of a product from `width` to `out` numbers.
pub(crate) fn packed_sizes<'a>((width, out): (usize, usize), bits: Bits) -> [Attr<'a>; 3] {
    [Attr::Int("K", width as i64), Attr::Int("N", out as i64), Attr::Int("bits", bits.count() as i64)]
}

//! Our own operators in ONNX Runtime's graphs: products with packed blocks, rows of them, and the gate between two.
//!
//! The weights are read where ONNX Runtime has them, which is the mapped file. Nothing here knows a model.

use gemma::{OWN_DOMAIN, OWN_GATE, OWN_HEAD, OWN_LINEAR, OWN_ROWS};
use ort::Error;
use ort::operator::{
    BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, ValueRef, ValueRefMut};
use packed::{Activations, Bits, Kernel, LANES, LowRank, Matrix, Product, Shape, gated_gelu};

use crate::StudentError;

/// The operators, for a session with `threads` threads.
pub(crate) fn domain(threads: usize, kernel: Kernel) -> Result<OperatorDomain, StudentError> {
    let domain = OperatorDomain::new(OWN_DOMAIN)?.add(Linear { kernel, threads })?.add(Head { kernel, threads })?;
    Ok(domain.add(Gate { kernel })?.add(Rows)?)
}

/// `x` `[tokens, K]` times a packed matrix, plus a [`LowRank`] of `low` and `high`: `[tokens, N]`.
struct Linear {
    kernel: Kernel,
    threads: usize,
}

impl Operator for Linear {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_LINEAR
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Uint8, Uint16};
        [Float32, Uint8, Uint16, Float32, Float32].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let (shape, threads) = (shape(node)?, self.threads);
        let ends: Vec<usize> =
            node.get::<Vec<i64>>("ends").unwrap_or_default().iter().map(|end| *end as usize).collect();
        if ends.last() != Some(&shape.outputs) || !ends.is_sorted() {
            return Err(Error::new(format!("the attribute ends is {ends:?} and must rise to {}", shape.outputs)));
        }
        let mut activations = Activations::new(self.kernel);
        Ok(Box::new(move |run: &ComputeContext| {
            let [x, weights, scales, low, high] = inputs(run)?;
            activations.quantise(x.try_extract_tensor::<f32>()?.1, shape);
            let (low, high) = (low.try_extract_tensor::<f32>()?.1, high.try_extract_tensor::<f32>()?.1);
            let ranks = high.len() / (shape.tiles() * LANES);
            let added = Some(LowRank { low, high, ranks, ends: &ends });
            let matrix = matrix(shape, &weights, &scales)?;
            write(run, threads, &Product { x: &activations, matrix, tiles: None, added })
        }))
    }
}

/// `x` `[tokens, K]` times a packed matrix, or the wanted tiles of it: `[tokens, N]` or `[tokens, wanted * LANES]`.
struct Head {
    kernel: Kernel,
    threads: usize,
}

impl Operator for Head {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_HEAD
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Int64, Uint8, Uint16};
        [Float32, Uint8, Uint16, Int64].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let (shape, threads) = (shape(node)?, self.threads);
        let (mut activations, mut wanted) = (Activations::new(self.kernel), Vec::new());
        Ok(Box::new(move |run: &ComputeContext| {
            let [x, weights, scales, tiles] = inputs(run)?;
            activations.quantise(x.try_extract_tensor::<f32>()?.1, shape);
            wanted.clear();
            for tile in tiles.try_extract_tensor::<i64>()?.1 {
                let known = usize::try_from(*tile).ok().filter(|tile| *tile < shape.tiles());
                wanted.push(known.ok_or_else(|| Error::new(format!("there is no tile {tile}")))?);
            }
            let tiles = Some(wanted.as_slice()).filter(|tiles| !tiles.is_empty());
            let matrix = matrix(shape, &weights, &scales)?;
            write(run, threads, &Product { x: &activations, matrix, tiles, added: None })
        }))
    }
}

/// Computes a product as a node's output, on the session's threads.
fn write(run: &ComputeContext, threads: usize, product: &Product<'_>) -> ort::Result<()> {
    let mut out = output(run, [product.x.rows(), product.columns()])?;
    let mut shared = Ok(());
    product.write(out.try_extract_tensor_mut::<f32>()?.1, threads, |parts, part| {
        if parts == 1 {
            part(0);
        } else {
            shared = run.par_for(parts, 0, part);
        }
    });
    shared
}

/// `gelu(gate) * up` of `[tokens, gate beside up]`.
struct Gate {
    kernel: Kernel,
}

impl Operator for Gate {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_GATE
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Float32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let (width, kernel) = (size(node, "width")?, self.kernel);
        Ok(Box::new(move |run: &ComputeContext| {
            let [x] = inputs(run)?;
            let x = x.try_extract_tensor::<f32>()?.1;
            let mut out = output(run, [x.len() / width / 2, width])?;
            gated_gelu(kernel, x, width, out.try_extract_tensor_mut::<f32>()?.1);
            Ok(())
        }))
    }
}

/// Rows of a packed matrix, by their number: `[tokens, K]`.
struct Rows;

impl Operator for Rows {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_ROWS
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [TensorElementType::Int64, TensorElementType::Uint8, TensorElementType::Uint16].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let shape = shape(node)?;
        Ok(Box::new(move |run: &ComputeContext| {
            let [ids, weights, scales] = inputs(run)?;
            let (ids, matrix) = (ids.try_extract_tensor::<i64>()?.1, matrix(shape, &weights, &scales)?);
            let mut out = output(run, [ids.len(), shape.width])?;
            let out = out.try_extract_tensor_mut::<f32>()?.1;
            for (id, out) in ids.iter().zip(out.chunks_exact_mut(shape.width)) {
                let row = usize::try_from(*id).ok().and_then(|id| matrix.row(id));
                out.copy_from_slice(&row.ok_or_else(|| Error::new(format!("there is no row {id}")))?);
            }
            Ok(())
        }))
    }
}

/// The sizes that a node's attributes say.
fn shape(node: &KernelContext<'_>) -> ort::Result<Shape> {
    let bits = size(node, "bits")?;
    let bits = Bits::of(bits).ok_or_else(|| Error::new(format!("there are no weights of {bits} bits")))?;
    Ok(Shape { width: size(node, "K")?, outputs: size(node, "N")?, bits })
}

fn size(node: &KernelContext<'_>, name: &str) -> ort::Result<usize> {
    let size = node.get::<i64>(name).and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    size.ok_or_else(|| Error::new(format!("the attribute {name} must be a number above 0")))
}

fn inputs<const COUNT: usize>(run: &ComputeContext) -> ort::Result<[ValueRef<'_>; COUNT]> {
    let mut found = Vec::with_capacity(COUNT);
    for at in 0..COUNT {
        found.push(run.input(at)?.ok_or_else(|| Error::new(format!("input {at} is missing")))?);
    }
    found.try_into().map_err(|_| Error::new("inputs are missing"))
}

fn output(run: &ComputeContext, shape: [usize; 2]) -> ort::Result<ValueRefMut<'_>> {
    run.output(0, shape)?.ok_or_else(|| Error::new("there is no output"))
}

fn matrix<'a>(shape: Shape, weights: &'a ValueRef<'_>, scales: &'a ValueRef<'_>) -> ort::Result<Matrix<'a>> {
    let (bytes, scales) = (weights.try_extract_tensor::<u8>()?.1, scales.try_extract_tensor::<u16>()?.1);
    Matrix::new(shape, bytes, scales).ok_or_else(|| Error::new("the weights are not of the node's shape"))
}

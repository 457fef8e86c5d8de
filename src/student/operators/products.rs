//! Products with packed blocks: a layer's linears with their LoRA, and the head.

use gemma::{OWN_HEAD, OWN_LINEAR};
use ort::Error;
use ort::operator::{BoxedKernel, ComputeContext, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;
use packed::{Activations, Kernel, LANES, LowRank, Lowered, Lowering, Product, Shape};

use super::{inputs, matrix, output, shape};

/// `x` `[.., K]` times a packed matrix, plus the LoRA of `a`, `b` and a mask: `[tokens, N]`.
pub(super) struct Linear {
    pub(super) kernel: Kernel,
    pub(super) threads: usize,
}

impl Operator for Linear {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_LINEAR
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Uint8, Uint16};
        [Float32, Uint8, Uint16, Float32, Float32, Float32].map(OperatorInput::required)
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
        let (mut activations, mut low) = (Activations::new(self.kernel), Lowered::new(self.kernel));
        Ok(Box::new(move |run: &ComputeContext| {
            let [x, weights, scales, a, b, mask] = inputs(run)?;
            let x = x.try_extract_tensor::<f32>()?.1;
            let [a, b, mask] = [&a, &b, &mask].map(|value| value.try_extract_tensor::<f32>().map(|(_, values)| values));
            let (b, by) = (b?, Lowering { a: a?, width: shape.width, parts: ends.len(), mask: mask? });
            check(shape, &by, b, x.len() / shape.width)?;
            activations.quantise(x, shape);
            let mut shared = Ok(());
            low.fill(x, &by, threads, |parts, part| shared = give_out(run, parts, part));
            shared?;
            let matrix = matrix(shape, &weights, &scales)?;
            let product =
                Product { x: &activations, matrix, tiles: None, added: Some(LowRank { low: &low, b, ends: &ends }) };
            let mut out = output(run, 0, [activations.rows(), shape.outputs])?;
            write(run, threads, &product, out.try_extract_tensor_mut::<f32>()?.1)
        }))
    }
}

/// Whether LoRA's factors are for the node's product of `rows` rows.
fn check(shape: Shape, by: &Lowering<'_>, b: &[f32], rows: usize) -> ort::Result<()> {
    let columns = by.a.len() / shape.width;
    let fits = by.a.len() == columns * shape.width
        && columns.is_multiple_of(by.parts)
        && b.len() == shape.tiles() * columns / by.parts * LANES
        && (by.mask.len() == 1 || by.mask.len() == rows * columns);
    let found = [by.a.len(), b.len(), by.mask.len()];
    if fits {
        Ok(())
    } else {
        Err(Error::new(format!(
            "LoRA's A, B and mask are of {found:?} numbers, which do not fit {rows} rows of {shape:?}"
        )))
    }
}

/// `x` `[tokens, K]` times a packed matrix, or the wanted tiles of it: `[1, tokens, N]` or `[1, tokens, wanted * LANES]`.
pub(super) struct Head {
    pub(super) kernel: Kernel,
    pub(super) threads: usize,
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
            let product = Product { x: &activations, matrix, tiles, added: None };
            let mut out = output(run, 0, [1, activations.rows(), product.columns()])?;
            write(run, threads, &product, out.try_extract_tensor_mut::<f32>()?.1)
        }))
    }
}

/// Computes a product on the session's threads.
fn write(run: &ComputeContext, threads: usize, product: &Product<'_>, out: &mut [f32]) -> ort::Result<()> {
    let mut shared = Ok(());
    product.write(out, threads, |parts, part| shared = give_out(run, parts, part));
    shared
}

/// Has the session's threads compute some parts.
fn give_out(run: &ComputeContext, parts: usize, part: &(dyn Fn(usize) + Sync)) -> ort::Result<()> {
    if parts > 1 {
        return run.par_for(parts, 0, part);
    }
    (0..parts).for_each(part);
    Ok(())
}

//! What stands between two products of a layer, an operator each: the norms around the residual stream, those of attention's heads, the gate.

use gemma::{OWN_ADD_NORM, OWN_GATE, OWN_QKV_NORM};
use ort::Error;
use ort::operator::{BoxedKernel, ComputeContext, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, ValueRef};
use packed::{Joined, Kernel, gated_gelu, rms_norm};

use super::{inputs, output, size};

/// `gelu(gate) * up` of `[tokens, gate beside up]`.
pub(super) struct Gate {
    pub(super) kernel: Kernel,
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
            let mut out = output(run, 0, [x.len() / width / 2, width])?;
            gated_gelu(kernel, x, width, out.try_extract_tensor_mut::<f32>()?.1);
            Ok(())
        }))
    }
}

/// `[tokens, q beside k beside v]` as q, k and v, `[batch, sequence, heads * width]` each; every head of q and of k is normed.
pub(super) struct QkvNorm {
    pub(super) kernel: Kernel,
}

impl Operator for QkvNorm {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_QKV_NORM
    }

    /// `qkv`, the norms' weights, and the token ids `[batch, sequence]`, of which only the shape is read.
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Int64};
        [Float32, Float32, Float32, Int64].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 3].map(OperatorOutput::required)
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let (epsilon, kernel) = (epsilon(node)?, self.kernel);
        let [heads, kv_heads, width] = [size(node, "num_heads")?, size(node, "kv_num_heads")?, size(node, "head_dim")?];
        let [q_width, kv_width] = [heads * width, kv_heads * width];
        Ok(Box::new(move |run: &ComputeContext| {
            let [qkv, q_weight, k_weight, ids] = inputs(run)?;
            let (qkv, ids) = (qkv.try_extract_tensor::<f32>()?.1, ids.shape());
            let &[batch, sequence] = &**ids else {
                return Err(Error::new(format!("token ids are of shape {ids:?}")));
            };
            let shape = |width| [batch as usize, sequence as usize, width];
            let (mut q, mut k) = (output(run, 0, shape(q_width))?, output(run, 1, shape(kv_width))?);
            let mut v = output(run, 2, shape(kv_width))?;
            let [q, k, v] = [&mut q, &mut k, &mut v].map(|out| out.try_extract_tensor_mut::<f32>());
            let (q, k, v) =
                (q?.1.chunks_exact_mut(q_width), k?.1.chunks_exact_mut(kv_width), v?.1.chunks_exact_mut(kv_width));
            let [q_weight, k_weight] = [weight(&q_weight, width)?, weight(&k_weight, width)?];
            for (((row, q), k), v) in qkv.chunks_exact(q_width + 2 * kv_width).zip(q).zip(k).zip(v) {
                let (own, kv) = row.split_at(q_width);
                rms_norm(kernel, own, q_weight, epsilon, q);
                let (own, values) = kv.split_at(kv_width);
                rms_norm(kernel, own, k_weight, epsilon, k);
                v.copy_from_slice(values);
            }
            Ok(())
        }))
    }
}

/// A block's output `x` `[tokens, width]`, normed, plus the residual stream; and the norm of that, which the next block reads.
pub(super) struct AddNorm {
    pub(super) kernel: Kernel,
}

impl Operator for AddNorm {
    type Kernel<'a> = BoxedKernel<'a>;

    fn name(&self) -> &str {
        OWN_ADD_NORM
    }

    /// `x`, the weight of its norm, the residual stream, the weight of the sum's norm.
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [TensorElementType::Float32; 4].map(OperatorInput::required)
    }

    /// The sum's norm, and the sum.
    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 2].map(OperatorOutput::required)
    }

    fn create_kernel<'a>(&self, node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
        let (epsilon, kernel) = (epsilon(node)?, self.kernel);
        Ok(Box::new(move |run: &ComputeContext| {
            let [x, before, residual, after] = inputs(run)?;
            let (x, before) = (x.try_extract_tensor::<f32>()?.1, before.try_extract_tensor::<f32>()?.1);
            let (residual, after) = (residual.try_extract_tensor::<f32>()?.1, weight(&after, before.len())?);
            if residual.len() != x.len() || !x.len().is_multiple_of(before.len().max(1)) {
                return Err(Error::new(format!("{} numbers cannot be added to {}", x.len(), residual.len())));
            }
            let shape = [x.len() / before.len().max(1), before.len()];
            let (mut normed, mut sum) = (output(run, 0, shape)?, output(run, 1, shape)?);
            let (normed, sum) = (normed.try_extract_tensor_mut::<f32>()?.1, sum.try_extract_tensor_mut::<f32>()?.1);
            Joined { x, before, residual, after, epsilon }.write(kernel, sum, normed);
            Ok(())
        }))
    }
}

fn epsilon(node: &KernelContext<'_>) -> ort::Result<f32> {
    node.get("epsilon").ok_or_else(|| Error::new("the attribute epsilon is missing"))
}

/// A norm's weight.
fn weight<'a>(value: &'a ValueRef<'_>, width: usize) -> ort::Result<&'a [f32]> {
    let weight = value.try_extract_tensor::<f32>()?.1;
    let found = weight.len();
    Some(weight)
        .filter(|_| found == width)
        .ok_or_else(|| Error::new(format!("a norm's weight is of {found} numbers in place of {width}")))
}

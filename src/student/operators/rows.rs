//! Rows of a packed matrix, by their number: `[tokens, K]`.

use gemma::OWN_ROWS;
use ort::Error;
use ort::operator::{BoxedKernel, ComputeContext, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::{inputs, matrix, output, shape};

pub(super) struct Rows;

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
            let mut out = output(run, 0, [ids.len(), shape.width])?;
            let out = out.try_extract_tensor_mut::<f32>()?.1;
            for (id, out) in ids.iter().zip(out.chunks_exact_mut(shape.width)) {
                let row = usize::try_from(*id).ok().and_then(|id| matrix.row(id));
                out.copy_from_slice(&row.ok_or_else(|| Error::new(format!("there is no row {id}")))?);
            }
            Ok(())
        }))
    }
}

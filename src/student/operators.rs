//! Our own operators in ONNX Runtime's graphs: products with packed blocks, rows of them, and what stands between two products.
//!
//! The weights are read where ONNX Runtime has them, which is the mapped file. Nothing here knows a model.

mod between;
mod products;
mod rows;

use gemma::OWN_DOMAIN;
use ort::Error;
use ort::operator::{ComputeContext, KernelContext, OperatorDomain};
use ort::value::{ValueRef, ValueRefMut};
use packed::{Bits, Kernel, Matrix, Shape};

use crate::StudentError;
use between::{AddNorm, Gate, QkvNorm};
use products::{Head, Linear};
use rows::Rows;

/// The operators, for a session with `threads` threads.
pub(crate) fn domain(threads: usize, kernel: Kernel) -> Result<OperatorDomain, StudentError> {
    let products = OperatorDomain::new(OWN_DOMAIN)?.add(Linear { kernel, threads })?.add(Head { kernel, threads })?;
    Ok(products.add(Gate { kernel })?.add(QkvNorm { kernel })?.add(AddNorm { kernel })?.add(Rows)?)
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

fn output<const DIMS: usize>(run: &ComputeContext, at: usize, shape: [usize; DIMS]) -> ort::Result<ValueRefMut<'_>> {
    run.output(at, shape)?.ok_or_else(|| Error::new(format!("there is no output {at}")))
}

fn matrix<'a>(shape: Shape, weights: &'a ValueRef<'_>, scales: &'a ValueRef<'_>) -> ort::Result<Matrix<'a>> {
    let (bytes, scales) = (weights.try_extract_tensor::<u8>()?.1, scales.try_extract_tensor::<u16>()?.1);
    Matrix::new(shape, bytes, scales).ok_or_else(|| Error::new("the weights are not of the node's shape"))
}

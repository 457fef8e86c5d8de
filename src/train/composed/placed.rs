//! A batch on a device: its tree turned into what dense operations need, positions into rotations and paths into masks.

use candle_core::{DType, Device, Result, Tensor};
use gemma::LayerKind;

use crate::batch::Batch;
use crate::kernels::{first_seen, rope_angles};
use crate::tree::Tree;

/// Added to the score of a key that is not seen; its exponential is 0 in every format.
const UNSEEN: f64 = -1e30;

/// Cosines and sines of the rotary embedding, `[positions, head_dim / 2]` each.
pub(super) struct Rotation {
    cos: Tensor,
    sin: Tensor,
}

/// What a layer of one kind knows of a batch's rows.
pub(super) struct Sight {
    /// `[n, 1, head_dim / 2]`
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
    /// `[n, n]`: 0 where the row sees the key.
    pub(super) mask: Tensor,
}

pub(super) struct Placed {
    /// By row of the tree.
    pub(super) ids: Tensor,
    /// The rows whose next token is learnt.
    pub(super) rows: Tensor,
    local: Sight,
    global: Sight,
}

impl Rotation {
    pub(super) fn new(theta: f64, head_dim: usize, positions: usize, sums: DType, device: &Device) -> Result<Self> {
        let table = |of: fn(f64) -> f64| {
            let values: Vec<f64> = rope_angles(theta, head_dim, positions).map(of).collect();
            Tensor::from_vec(values, (positions, head_dim / 2), &Device::Cpu)?.to_dtype(sums)?.to_device(device)
        };
        Ok(Self { cos: table(f64::cos)?, sin: table(f64::sin)? })
    }
}

impl Placed {
    /// `rotations` are the local layers' and the global ones'.
    pub(super) fn new(batch: &Batch, window: usize, rotations: [&Rotation; 2], device: &Device) -> Result<Self> {
        let tree = &batch.tree;
        let [local, global] = rotations;
        let (longest, prepared) = (tree.positions(), local.cos.dim(0)?);
        if longest > prepared {
            candle_core::bail!("a sequence of {longest} tokens, prepared for {prepared}");
        }
        let positions: Vec<u32> = tree
            .nodes
            .iter()
            .flat_map(|node| (node.position..node.position + node.tokens).map(|at| at as u32))
            .collect();
        let positions = list(&positions, device)?;
        let sight = |rotation: &Rotation, window: usize| {
            let at = |table: &Tensor| table.index_select(&positions, 0)?.unsqueeze(1);
            let n = tree.tokens();
            let unseen = Tensor::from_vec(unseen(tree, window), (n, n), device)?;
            let mask = (unseen.to_dtype(rotation.cos.dtype())? * UNSEEN)?;
            Ok::<_, candle_core::Error>(Sight { cos: at(&rotation.cos)?, sin: at(&rotation.sin)?, mask })
        };
        Ok(Self {
            ids: list(&batch.ids, device)?,
            rows: list(&batch.rows, device)?,
            local: sight(local, window)?,
            global: sight(global, usize::MAX)?,
        })
    }

    pub(super) fn sight(&self, kind: LayerKind) -> &Sight {
        match kind {
            LayerKind::Local => &self.local,
            LayerKind::Global => &self.global,
        }
    }
}

fn list(numbers: &[u32], device: &Device) -> Result<Tensor> {
    Tensor::from_slice(numbers, numbers.len(), device)
}

/// By row and by key, 1 where the row does not see the key: it is on no path to the row, comes later, or lies before its
/// window.
fn unseen(tree: &Tree, window: usize) -> Vec<u8> {
    let n = tree.tokens();
    let mut unseen = vec![1; n * n];
    for (at, node) in tree.nodes.iter().enumerate() {
        let path = tree.path(at);
        let rows = unseen[node.row * n..].chunks_exact_mut(n).take(node.tokens);
        for (position, row) in (node.position..).zip(rows) {
            let seen = first_seen(position, window)..position + 1;
            for run in path.iter().filter_map(|at| tree.nodes.get(*at)) {
                let (from, to) = (seen.start.max(run.position), seen.end.min(run.position + run.tokens));
                if from < to {
                    row[run.row + from - run.position..run.row + to - run.position].fill(0);
                }
            }
        }
    }
    unseen
}

#[cfg(test)]
mod tests;

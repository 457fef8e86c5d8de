//! What the layers below the trained ones make of the data: computed once, kept on the disk, read back by every pass.
//!
//! No step changes these layers, so nothing that is learnt depends on whether it is read or computed. What sequences have in
//! common is kept once, as in a batch. The file has no name, so it is gone with the process; a run that goes on computes it again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use crate::batch::Batch;
use crate::error::TrainError;
use crate::float::{Float, tensor, view};
use crate::item::Sequence;
use crate::tree::lay_out;

const FLOAT: usize = size_of::<f32>();

/// One row of numbers for every token that sequences do not have in common.
pub(crate) struct LowerStates {
    file: File,
    folder: PathBuf,
    /// Numbers of a row.
    width: usize,
    pub(crate) tokens: usize,
    /// By sequence, the row of each of its tokens.
    rows: Vec<Vec<u32>>,
    /// By row, the sequence that writes it: whoever else computes it might round it otherwise.
    writers: Vec<usize>,
}

/// Rows that follow on each other both where they are and where they go.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    from: usize,
    to: usize,
    rows: usize,
}

impl LowerStates {
    /// Room for what is made of `sequences`, `width` numbers a token, in a file in `folder`. They are `kept` by their places here.
    ///
    /// # Errors
    /// When the disk has no room for it.
    pub(crate) fn reserve(sequences: &[&Sequence], width: usize, folder: &Path) -> Result<Self, TrainError> {
        let all: Vec<&[u32]> = sequences.iter().map(|sequence| sequence.tokens.ids.as_slice()).collect();
        let laid = lay_out(&all);
        let tokens = laid.tree.tokens();
        let mut writers = vec![usize::MAX; tokens];
        for (place, rows) in laid.rows.iter().enumerate().rev() {
            for row in rows {
                if let Some(writer) = writers.get_mut(*row as usize) {
                    *writer = place;
                }
            }
        }
        let file = reserved(folder, tokens * width * FLOAT)?;
        Ok(Self { file, folder: folder.to_path_buf(), width, tokens, rows: laid.rows, writers })
    }

    /// Keeps the `states` of a batch, `[n, width]` by its rows, of the sequences at `places`.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn write<T: Float>(&self, places: &[usize], batch: &Batch, states: &Tensor) -> Result<(), TrainError> {
        let states = view::<T>(states)?;
        for (place, computed) in places.iter().zip(&batch.places) {
            let to = self.rows.get(*place).into_iter().flatten();
            let own = computed.iter().zip(to).filter(|(_, to)| self.writers.get(**to as usize) == Some(place));
            for Run { from, to, rows } in runs(own.map(|(from, to)| (*from as usize, *to as usize))) {
                let values = states.get(from * self.width..(from + rows) * self.width).unwrap_or_default();
                let bytes: Vec<u8> = values.iter().flat_map(|v| (v.to_f64() as f32).to_le_bytes()).collect();
                let written = self.file.write_all_at(&bytes, (to * self.width * FLOAT) as u64);
                written.map_err(|problem| full(&self.folder, self.tokens * self.width * FLOAT, problem))?;
            }
        }
        Ok(())
    }

    /// `[n, hidden]` by row of the batch; `None` where something of it is not kept.
    pub(crate) fn read<T: Float>(&self, batch: &Batch, sequences: &[&Sequence]) -> Result<Option<Tensor>, TrainError> {
        let n = batch.tree.tokens();
        let mut from = vec![0; n];
        for (sequence, places) in sequences.iter().zip(&batch.places) {
            let Some(rows) = sequence.kept.and_then(|at| self.rows.get(at)) else { return Ok(None) };
            places.iter().zip(rows).for_each(|(place, row)| from[*place as usize] = *row as usize);
        }
        let mut values = Vec::with_capacity(n * self.width);
        for Run { from, rows, .. } in runs(from.into_iter().zip(0..)) {
            let mut bytes = vec![0; rows * self.width * FLOAT];
            self.file.read_exact_at(&mut bytes, (from * self.width * FLOAT) as u64)?;
            let (numbers, _) = bytes.as_chunks::<FLOAT>();
            values.extend(numbers.iter().map(|number| T::from_f64(f64::from(f32::from_le_bytes(*number)))));
        }
        Ok(Some(tensor(values, (n, self.width))?))
    }

    /// What it takes on the disk, MB.
    pub(crate) fn mb(&self) -> u64 {
        (self.tokens * self.width * FLOAT).div_ceil(1_000_000) as u64
    }
}

/// An empty file without a name, in a folder that has room for so many bytes. Half of what is free stays free: the proxy writes
/// its log there, too.
fn reserved(folder: &Path, bytes: usize) -> Result<File, TrainError> {
    fs_err::create_dir_all(folder)?;
    let failed = |problem| full(folder, bytes, problem);
    let free = rustix::fs::statvfs(folder).map(|disk| disk.f_bavail * disk.f_frsize).unwrap_or(u64::MAX);
    if bytes as u64 > free / 2 {
        let problem = format!("{} MB are free, of which a run takes half at most", free / 1_000_000);
        return Err(failed(std::io::Error::other(problem)));
    }
    let file = tempfile::tempfile_in(folder).map_err(failed)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64) {
        // Where room cannot be reserved it shows while it is written.
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(file),
        Err(errno) => Err(failed(errno.into())),
    }
}

fn full(folder: &Path, bytes: usize, problem: std::io::Error) -> TrainError {
    TrainError::LowerStates { folder: folder.to_path_buf(), mb: bytes.div_ceil(1_000_000) as u64, problem }
}

/// Pairs of rows, from and to, as few runs.
fn runs(pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (from, to) in pairs {
        match runs.last_mut() {
            Some(run) if (run.from + run.rows, run.to + run.rows) == (from, to) => run.rows += 1,
            _ => runs.push(Run { from, to, rows: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests;

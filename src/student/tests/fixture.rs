//! A tiny random Gemma 3 with its adapter (made by `tests/oracle/tiny_gemma.py`), exported and opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use export::export_base;
use gemma::{Config, GraphFormat};
use safetensors::SafeTensors;
use tempfile::TempDir;

use crate::{Kernel, Runtime, Student, StudentConfig, kernel, library};

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")
}

pub(crate) fn runtime() -> Runtime {
    let library = library::find(None, &|name| std::env::var_os(name)).unwrap_or_else(|error| panic!("{error}"));
    Runtime::load(&library).unwrap()
}

/// What this processor has, less what CI masks to see what a lesser one does.
pub(crate) fn own_kernel() -> Kernel {
    kernel(&std::env::var("APPRENTICE_CPU_MASK").unwrap_or_default()).unwrap()
}

/// Waits for a future.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// An opened student and the folder that its graph lies in.
pub(crate) struct Tiny {
    pub(crate) dir: TempDir,
    pub(crate) student: Arc<Student>,
}

/// The golden model in `format`, one answer at a time, a context of 128 tokens.
pub(crate) fn tiny(format: GraphFormat) -> Tiny {
    tiny_of(&golden(), format, 1, 128)
}

pub(crate) fn tiny_of(base: &Path, format: GraphFormat, rows: usize, context: usize) -> Tiny {
    let dir = tempfile::tempdir().unwrap();
    export_base(base, &dir.path().join("graph"), format).unwrap();
    let settings = settings(&dir, base, rows, context);
    Tiny { student: Student::open(&runtime(), settings, Box::new(|_| {})).unwrap(), dir }
}

pub(crate) fn settings(dir: &TempDir, base: &Path, rows: usize, context: usize) -> StudentConfig {
    let graph = dir.path().join("graph/model.onnx");
    let base = base.to_path_buf();
    StudentConfig {
        graph,
        base,
        rows,
        queue: 32,
        threads: 1,
        context,
        prefix_bytes: 0,
        draft_tokens: 0,
        shortlist: false,
        kernel: own_kernel(),
    }
}

/// A copy of the golden model whose `config.json` went through `edit`.
pub(crate) fn edited_base(edit: impl FnOnce(&mut serde_json::Value)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["model.safetensors", "tokenizer.json"] {
        fs::copy(golden().join(name), dir.path().join(name)).unwrap();
    }
    let mut config = serde_json::from_slice(&fs::read(golden().join("config.json")).unwrap()).unwrap();
    edit(&mut config);
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    dir
}

pub(crate) fn config() -> Config {
    Config::load(&golden()).unwrap()
}

/// The first sequence of the fixture: longer than four sliding windows.
pub(crate) fn ids() -> Vec<u32> {
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(golden().join("expected.json")).unwrap()).unwrap();
    expected["ids"][0].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Logits `[tokens][vocab]` that transformers (and PEFT) computed.
pub(crate) fn expected(name: &str) -> Vec<Vec<f32>> {
    let bytes = fs::read(golden().join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let values: Vec<f32> = tensor.data().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    values.chunks(tensor.shape()[1]).map(<[f32]>::to_vec).collect()
}

/// The largest difference of two sets of logits of the same shape.
pub(crate) fn distance(left: &[Vec<f32>], right: &[Vec<f32>]) -> f32 {
    assert_eq!(left.len(), right.len());
    let pairs = left.iter().zip(right).flat_map(|(left, right)| {
        assert_eq!(left.len(), right.len());
        left.iter().zip(right)
    });
    pairs.map(|(left, right)| (left - right).abs()).fold(0.0, |most, difference| {
        assert!(difference.is_finite());
        f32::max(most, difference)
    })
}

/// The place of the largest logit, the first of equals.
pub(crate) fn argmax(logits: &[f32]) -> u32 {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter().position(|logit| *logit == best).unwrap() as u32
}

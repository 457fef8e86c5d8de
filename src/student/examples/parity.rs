//! Compares a base's logits, with its adapter and without, with those that transformers and PEFT gave (`tests/oracle/large_gemma.py`): a line of JSON
//! with the largest difference, in logits and in units of their deviation, and how often both have the same largest one.
//!
//! usage: parity BASE OUT f32|i8b32|i8packed|i4packed EXPECTED.safetensors

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::path::Path;

use export::export_base;
use gemma::{Config, GRAPH_FILE, GraphFormat};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;
use student::{Runtime, Student, StudentConfig, library};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, out, format, expected] = arguments.as_slice() else {
        return Err("usage: parity BASE OUT FORMAT EXPECTED.safetensors".into());
    };
    let (base, format) = (Path::new(base), format.parse::<GraphFormat>()?);
    let exported = export_base(base, Path::new(out), format)?;
    println!("{}", json!({"exported": exported.bytes, "memory_max_kb": memory_max_kb()?}));
    let bytes = std::fs::read(expected)?;
    let expected = SafeTensors::deserialize(&bytes)?;
    let ids: Vec<u32> = integers(&expected, "ids")?.into_iter().map(|id| id as u32).collect();
    let rows = integers(&expected, "rows")?;
    // The last ones one at a time, as an answer is written.
    let at_once = integers(&expected, "at_once")?.first().copied().unwrap_or_default() as usize;
    let settings = StudentConfig {
        graph: exported.dir.join(GRAPH_FILE),
        base: base.to_path_buf(),
        rows: 1,
        queue: 1,
        threads: 2,
        context: ids.len(),
        prefix_bytes: 0,
        draft_tokens: 0,
        shortlist: false,
        kernel: student::kernel(&std::env::var("APPRENTICE_CPU_MASK").unwrap_or_default())?,
    };
    let runtime = Runtime::load(&library::find(None, &|name| std::env::var_os(name))?)?;
    let student = Student::open(&runtime, settings, Box::new(|_| {}))?;
    let vocab = Config::load(base)?.vocab_size;
    for (name, adapter) in [("base", None), ("adapter", Some(base.join("adapter")))] {
        let found = student.logits(adapter.as_deref(), &ids, at_once)?;
        let wanted = floats(&expected, name)?;
        let (mut largest, mut agreed) = (0.0_f32, 0);
        for (row, wanted) in rows.iter().zip(wanted.chunks(vocab)) {
            let found = found.get(*row as usize).ok_or("there is no such row")?;
            largest = found.iter().zip(wanted).map(|(found, wanted)| (found - wanted).abs()).fold(largest, f32::max);
            agreed += usize::from(top(found) == top(wanted));
        }
        let deviation =
            (wanted.iter().map(|logit| f64::from(*logit).powi(2)).sum::<f64>() / wanted.len() as f64).sqrt();
        println!(
            "{}",
            json!({"of": name, "format": format.name(), "tokens": ids.len(), "rows": rows.len(), "at_once": at_once,
                "largest_difference": largest, "of_deviations": f64::from(largest) / deviation, "same_largest": agreed})
        );
    }
    Ok(())
}

fn top(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|left, right| logits[*left].total_cmp(&logits[*right]))
}

fn integers(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<i64>, Failure> {
    let tensor = tensors.tensor(name)?;
    if tensor.dtype() != Dtype::I64 {
        return Err(format!("{name} holds {:?}", tensor.dtype()).into());
    }
    Ok(tensor.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, Failure> {
    let tensor = tensors.tensor(name)?;
    Ok(tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// The most memory that this process has had at a time.
fn memory_max_kb() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

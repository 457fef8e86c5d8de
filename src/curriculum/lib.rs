//! From exchanges to the frozen set that one training run reads: filtered, deduplicated, split, with its lineage.
//!
//! Reads only the exchange log; writes three files into a folder and never looks at them again:
//! `train.jsonl` and `held_out.jsonl` (OpenAI chat fine-tuning lines) and `lineage.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use callsite::SiteId;
use capture::{CaptureStore, Distillable, Exchange, Source};
use serde::{Deserialize, Serialize};
use wire::chat::ChatRequest;
use wire::completion;
use wire::{Role, Turn};

mod error;

pub use error::CurriculumError;

/// How a curriculum is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Draw {
    /// The newest examples are taken, at most this many.
    pub examples_max: usize,
    /// Share of the examples kept apart for the exam, chosen by the prompt's hash.
    pub held_out_share: f64,
    /// At most this many are kept apart.
    pub held_out_max: usize,
}

impl Default for Draw {
    fn default() -> Self {
        Self { examples_max: 5_000, held_out_share: 0.10, held_out_max: 200 }
    }
}

/// One line of a curriculum file: the conversation, its last message the teacher's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub messages: Vec<Turn>,
}

/// Where a curriculum came from and what was left out, with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    pub site: String,
    pub teacher: String,
    pub first: Option<String>,
    pub last: Option<String>,
    pub seen: usize,
    pub train: usize,
    pub held_out: usize,
    pub left_out: BTreeMap<String, usize>,
    /// BLAKE3 of both files, hex.
    pub hash: String,
}

/// Draws the curriculum of `site` from exchanges after `after_ms` (Unix time) into `dir`.
///
/// # Errors
/// When the log cannot be read or a file cannot be written.
pub fn build(
    store: &dyn CaptureStore,
    site: &SiteId,
    after_ms: Option<u64>,
    draw: Draw,
    dir: &Path,
) -> Result<Lineage, CurriculumError> {
    let mut lineage = Lineage { site: site.to_string(), ..Lineage::default() };
    // By the hash of the prompt: a repeated prompt counts once, with the teacher's latest answer.
    let mut examples: BTreeMap<[u8; 32], (usize, Example)> = BTreeMap::new();
    store.scan(site, None, &mut |exchange| {
        if after_ms.is_some_and(|after_ms| exchange.at_ms <= after_ms) {
            return;
        }
        lineage.seen += 1;
        match example(&exchange) {
            Ok((example, teacher)) => {
                lineage.first.get_or_insert_with(|| exchange.id.to_string());
                lineage.last = Some(exchange.id.to_string());
                lineage.teacher = teacher;
                if examples.insert(prompt_hash(&example), (lineage.seen, example)).is_some() {
                    *lineage.left_out.entry("repeated".into()).or_default() += 1;
                }
            }
            Err(reason) => *lineage.left_out.entry(reason.into()).or_default() += 1,
        }
    })?;
    let (train, held_out) = split(examples, draw);
    (lineage.train, lineage.held_out) = (train.len(), held_out.len());
    fs::create_dir_all(dir).map_err(CurriculumError::io("create", dir))?;
    let mut hasher = blake3::Hasher::new();
    for (name, examples) in [("train.jsonl", &train), ("held_out.jsonl", &held_out)] {
        let lines = lines(examples)?;
        hasher.update(&lines);
        write(&dir.join(name), &lines)?;
    }
    lineage.hash = hasher.finalize().to_hex().to_string();
    // Last, so that its presence says that the set is whole.
    write(&dir.join("lineage.json"), &serde_json::to_vec_pretty(&lineage)?)?;
    Ok(lineage)
}

/// Reads a curriculum file.
///
/// # Errors
/// When it cannot be read; the message names the line.
pub fn read(path: &Path) -> Result<Vec<Example>, CurriculumError> {
    let text = fs::read_to_string(path).map_err(CurriculumError::io("read", path))?;
    let parse = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|source| CurriculumError::Line {
            path: path.to_owned(),
            line: at + 1,
            source,
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// The example that an exchange holds, and the teacher's name; or why it holds none.
fn example(exchange: &Exchange) -> Result<(Example, String), &'static str> {
    if exchange.source != Source::Teacher {
        return Err("not-the-teacher");
    }
    if exchange.distillable != Distillable::Yes {
        return Err("terms-not-accepted");
    }
    if exchange.status != 200 || !exchange.complete {
        return Err("incomplete");
    }
    let read = if exchange.stream { completion::read_stream } else { completion::read_whole };
    let said = read(exchange.response.as_bytes()).ok_or("unreadable-answer")?;
    if !said.is_lesson() {
        return Err("no-plain-answer");
    }
    let request = ChatRequest::parse(exchange.request.as_bytes()).map_err(|_| "unreadable-request")?;
    request.prompt(1, wire::Sampling::Greedy).map_err(|_| "not-for-students")?;
    let mut messages = request.turns().map_err(|_| "not-for-students")?;
    messages.push(Turn { role: Role::Assistant, text: said.text });
    Ok((Example { messages }, said.model))
}

fn prompt_hash(example: &Example) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for turn in example.messages.iter().rev().skip(1) {
        hasher.update(&[turn.role as u8]).update(&turn.text.len().to_le_bytes()).update(turn.text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The newest examples, split by the hash of their prompts so that a prompt never changes sides.
fn split(examples: BTreeMap<[u8; 32], (usize, Example)>, draw: Draw) -> (Vec<Example>, Vec<Example>) {
    let mut newest: Vec<([u8; 32], (usize, Example))> = examples.into_iter().collect();
    newest.sort_by_key(|(_, (seen, _))| std::cmp::Reverse(*seen));
    newest.truncate(draw.examples_max);
    newest.reverse();
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (hash, (_, example)) in newest {
        let [first, second, ..] = hash;
        let place = f64::from(u16::from_le_bytes([first, second])) / 65_536.0;
        let apart = place < draw.held_out_share && held_out.len() < draw.held_out_max;
        if apart { held_out.push(example) } else { train.push(example) }
    }
    (train, held_out)
}

fn lines(examples: &[Example]) -> Result<Vec<u8>, CurriculumError> {
    let mut lines = Vec::new();
    for example in examples {
        serde_json::to_writer(&mut lines, example)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CurriculumError> {
    let staged = path.with_extension("new");
    let write = || {
        let mut file = fs::File::create(&staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&staged, path)
    };
    write().map_err(CurriculumError::io("write", path))
}

#[cfg(test)]
mod tests;

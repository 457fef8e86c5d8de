//! Every call that was answered, on disk before its answer is used: a run that is killed pays nothing twice.
//!
//! One JSON object a line: a call, by the hash of what was asked, and the hash of the call. A torn last line is cut off; a line that
//! cannot be read, or is not what was written, is said and its call asked again. One thread writes in groups, because a sync a call would cost more than the call.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use dataset::LineProblem;
use fs_err as fs;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use wire::{Finish, Prompt, Role, Sampling, Usage};

use crate::GenerateError;
use crate::facts::Refused;
use crate::item::Drawn;

/// Answers written in one group, at most.
const GROUP_MAX: usize = 256;

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Hash of model, stage, draw and prompt.
    pub key: String,
    pub stage: String,
    pub model: String,
    pub at_ms: u64,
    pub drawn: Drawn,
    pub usage: Usage,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Call {
    /// What was answered, if anything.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answer { text, .. } => Some(text),
            Outcome::Failed(_) => None,
        }
    }

    /// Whether the answer came to its own end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.outcome, Outcome::Answer { finish: Finish::Stop, .. })
    }
}

/// A line of the journal.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    /// [`hash`] of the call's text.
    hash: Cow<'a, str>,
    #[serde(borrow)]
    call: &'a RawValue,
}

/// The first 16 hex digits of BLAKE3: against a flipped bit, which may leave good JSON behind.
fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

impl Call {
    fn line(&self) -> serde_json::Result<Vec<u8>> {
        let call = serde_json::value::to_raw_value(self)?;
        let mut line = serde_json::to_vec(&Line { hash: hash(call.get()).into(), call: &call })?;
        line.push(b'\n');
        Ok(line)
    }

    fn read(line: &str) -> Result<Self, String> {
        let Line { hash: written, call } = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if hash(call.get()) != written {
            return Err("the call is not what was written: its hash differs".to_owned());
        }
        serde_json::from_str(call.get()).map_err(|error| error.to_string())
    }
}

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Answer { text: String, finish: Finish },
    Failed(String),
}

/// The key of a call: everything that its answer depends on. `draw` tells repeated questions apart.
#[must_use]
pub fn key(model: &str, stage: &str, draw: u64, prompt: &Prompt) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    part(model.as_bytes());
    part(stage.as_bytes());
    part(&draw.to_le_bytes());
    for turn in &prompt.turns {
        part(match turn.role {
            Role::Assistant => b"assistant",
            Role::System => b"system",
            Role::User => b"user",
        });
        part(turn.text.as_bytes());
    }
    part(&prompt.max_tokens.to_le_bytes());
    if let Sampling::Random { temperature, top_p, .. } = prompt.sampling {
        part(&temperature.to_le_bytes());
        part(&top_p.to_le_bytes());
    }
    prompt.stop.iter().for_each(|stop| part(stop.as_bytes()));
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// The journal of a run: what is known, and the thread that adds to it.
pub(crate) struct Journal {
    known: Mutex<HashMap<String, Arc<Call>>>,
    queue: Sender<(Vec<u8>, oneshot::Sender<std::io::Result<()>>)>,
    pub(crate) refused: Vec<Refused>,
}

impl Journal {
    /// Reads `path`, cuts off what a kill left half written, and begins to write behind it.
    pub(crate) fn open(path: &Path) -> Result<Self, GenerateError> {
        let Read { known, refused, whole_bytes, needs_break } = read(path)?;
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(whole_bytes)?;
        let mut file = fs::OpenOptions::new().append(true).open(path)?;
        if needs_break {
            file.write_all(b"\n")?;
        }
        let (queue, waiting) = channel();
        thread::Builder::new().name("journal".into()).spawn(move || write(file, &waiting))?;
        Ok(Self { known: Mutex::new(known), queue, refused })
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<Call>> {
        self.known.lock().get(key).cloned()
    }

    /// What all answered calls cost by `price`.
    pub(crate) fn spent(&self, price: impl Fn(&Call) -> f64) -> f64 {
        self.known.lock().values().map(|call| price(call)).sum()
    }

    /// Keeps `call`; when this returns it survives a crash.
    pub(crate) async fn keep(&self, call: Call) -> Result<Arc<Call>, GenerateError> {
        let line = call.line().map_err(std::io::Error::from)?;
        let gone = || std::io::Error::other("the journal's thread has ended");
        let (kept, on_disk) = oneshot::channel();
        self.queue.send((line, kept)).map_err(|_| gone())?;
        on_disk.await.map_err(|_| gone())??;
        let call = Arc::new(call);
        self.known.lock().insert(call.key.clone(), call.clone());
        Ok(call)
    }
}

/// What a journal holds, and what of it cannot be read.
#[derive(Default)]
struct Read {
    known: HashMap<String, Arc<Call>>,
    refused: Vec<Refused>,
    /// Up to which byte it is whole.
    whole_bytes: u64,
    /// The last record lacks nothing but its line break.
    needs_break: bool,
}

fn read(path: &Path) -> Result<Read, GenerateError> {
    let mut read = match fs::metadata(path) {
        Ok(metadata) => Read { whole_bytes: metadata.len(), ..Read::default() },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Read::default()),
        Err(error) => return Err(error.into()),
    };
    for line in dataset::open_lines(path)? {
        let (number, ended, text) = line?;
        let call = text.and_then(|text| {
            Call::read(&text)
                .map_err(|problem| if ended { LineProblem::Form(problem) } else { LineProblem::Torn(problem) })
        });
        match call {
            Ok(call) => {
                read.needs_break = !ended;
                read.known.insert(call.key.clone(), Arc::new(call));
            }
            Err(problem) => {
                if !ended {
                    read.whole_bytes = last_line_break(path)?;
                }
                let file = path.display().to_string();
                read.refused.push(Refused { file, line: number, reason: problem.to_string() });
            }
        }
    }
    Ok(read)
}

/// The byte behind the last line break of `path`.
fn last_line_break(path: &Path) -> std::io::Result<u64> {
    let bytes = fs::read(path)?;
    Ok(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1))
}

fn write(mut file: fs::File, waiting: &Receiver<(Vec<u8>, oneshot::Sender<std::io::Result<()>>)>) {
    while let Ok(first) = waiting.recv() {
        let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter().take(GROUP_MAX - 1)).collect();
        let bytes: Vec<u8> = group.iter().flat_map(|(line, _)| line.iter().copied()).collect();
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        for (_, kept) in group {
            let said = written.as_ref().copied().map_err(|error| std::io::Error::new(error.kind(), error.to_string()));
            // Whoever stopped waiting has the call on disk all the same.
            kept.send(said).unwrap_or_default();
        }
    }
}

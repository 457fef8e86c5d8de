//! What the number formats cost in quality and in speed on real weights, each beside single precision in the same run.
//!
//! usage: quality BASE OUT TOKENS TEXT FORMAT...
//!
//! TEXT is read in windows of 256 tokens, the first of each being the beginning of a text; TOKENS in all. A JSON line for each
//! format. Both students take turns with every window, so that what else the machine does falls on both alike.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use export::{Exported, export_base};
use gemma::{GRAPH_FILE, GraphFormat, Tokenizer};
use serde_json::json;
use student::{Runtime, Student, StudentConfig, library};
use wire::{ChatModel, Prompt, Role, Sampling, Turn};

mod processor;

use processor::cpu_s;

type Failure = Box<dyn std::error::Error>;

/// Tokens that are read at once and compared.
const WINDOW: usize = 256;
/// Tokens of a window that are read one at a time to time it.
const STEPS: usize = 32;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, out, tokens, text, formats @ ..] = arguments.as_slice() else {
        return Err("usage: quality BASE OUT TOKENS TEXT FORMAT...".into());
    };
    let (base, out) = (PathBuf::from(base), PathBuf::from(out));
    let windows = windows(&base, Path::new(text), tokens.parse()?)?;
    let machine = Machine {
        runtime: Runtime::load(&library::find(None, &|name| std::env::var_os(name))?)?,
        waiting: tokio::runtime::Builder::new_current_thread().build()?,
    };
    let mut exact = Candidate::open(&machine, &base, &out, GraphFormat::F32)?;
    for format in formats {
        let format: GraphFormat = format.parse()?;
        let mut other = Candidate::open(&machine, &base, &out, format)?;
        let mut compared = Compared::default();
        for window in &windows {
            compared.add(window, &exact.read(window)?, &other.read(window)?);
            exact.write(window)?;
            other.write(window)?;
            exact.answer(&machine, window)?;
            other.answer(&machine, window)?;
        }
        println!("{}", compared.line(format, exact.take(), other.take()));
    }
    Ok(())
}

/// The text's windows, as many as make up `tokens`.
fn windows(base: &Path, text: &Path, tokens: usize) -> Result<Vec<Window>, Failure> {
    let tokenizer = Tokenizer::load(base)?;
    let ids = tokenizer.encode(&std::fs::read_to_string(text)?)?;
    let window = |ids: &[u32]| -> Result<Window, Failure> {
        Ok(Window { text: tokenizer.decode(ids)?, ids: [&[tokenizer.special.bos], ids].concat() })
    };
    let wanted = (tokens / WINDOW).max(1);
    let windows = ids.chunks_exact(WINDOW - 1).take(wanted).map(window).collect::<Result<Vec<_>, _>>()?;
    if windows.len() < wanted {
        return Err(format!("the text has {} tokens, and {tokens} are wanted", ids.len()).into());
    }
    Ok(windows)
}

/// A piece of text and its tokens.
struct Window {
    text: String,
    ids: Vec<u32>,
}

struct Machine {
    runtime: Runtime,
    waiting: tokio::runtime::Runtime,
}

/// A format's student and what it has taken, in seconds of processor time.
struct Candidate {
    exported: Exported,
    student: Arc<Student>,
    model: Arc<dyn ChatModel>,
    taken: Taken,
}

#[derive(Default)]
struct Taken {
    /// A window read at once, the logits after every token of it computed.
    reading: Vec<f64>,
    /// A window's text as a prompt, for 256 tokens: only the last one's logits are.
    prompt: Vec<f64>,
    /// A token read by itself, as an answer is written.
    token: Vec<f64>,
}

impl Candidate {
    fn open(machine: &Machine, base: &Path, out: &Path, format: GraphFormat) -> Result<Self, Failure> {
        let exported = export_base(base, &out.join(format.name()), format)?;
        let settings = StudentConfig {
            graph: exported.dir.join(GRAPH_FILE),
            base: base.to_path_buf(),
            rows: 1,
            queue: 0,
            threads: 1,
            // A prompt has the template's tokens as well.
            context: 2 * WINDOW,
            prefix_bytes: 0,
            draft_tokens: 0,
            shortlist: false,
            kernel: student::kernel(&std::env::var("APPRENTICE_CPU_MASK").unwrap_or_default())?,
        };
        let student = Student::open(&machine.runtime, settings, Box::new(|_| {}))?;
        let model = student.model(format.name().to_owned(), None)?;
        Ok(Self { exported, student, model, taken: Taken::default() })
    }

    /// The logits after every token of a window.
    fn read(&mut self, window: &Window) -> Result<Vec<Vec<f32>>, Failure> {
        let before = cpu_s()?;
        let logits = self.student.logits(None, &window.ids, WINDOW)?;
        self.taken.reading.push(cpu_s()? - before);
        Ok(logits)
    }

    fn write(&mut self, window: &Window) -> Result<(), Failure> {
        let ids = window.ids.get(..STEPS).ok_or("a window is too short")?;
        let before = cpu_s()?;
        self.student.logits(None, ids, 1)?;
        self.taken.token.push((cpu_s()? - before) / STEPS as f64);
        Ok(())
    }

    fn answer(&mut self, machine: &Machine, window: &Window) -> Result<(), Failure> {
        let turns = vec![Turn { role: Role::User, text: window.text.clone() }];
        let prompt = Prompt::new(turns, 1, Sampling::Greedy);
        let before = cpu_s()?;
        let answer = machine.waiting.block_on(self.model.answer(prompt))?;
        let seconds = cpu_s()? - before;
        self.taken.prompt.push(seconds * WINDOW as f64 / f64::from(answer.usage.prompt_tokens));
        Ok(())
    }

    /// What was taken since the last call, and the length of the files.
    fn take(&mut self) -> (Taken, u64) {
        (std::mem::take(&mut self.taken), self.exported.bytes)
    }
}

/// Sums over the positions of all windows.
#[derive(Default)]
struct Compared {
    positions: usize,
    /// Positions whose successor is known, and the nats that each format gave it.
    known: usize,
    nats: f64,
    exact_nats: f64,
    same: usize,
    squares: f64,
    logits: usize,
}

impl Compared {
    fn add(&mut self, window: &Window, exact: &[Vec<f32>], other: &[Vec<f32>]) {
        for (at, (exact, other)) in exact.iter().zip(other).enumerate() {
            self.positions += 1;
            self.same += usize::from(largest(exact) == largest(other));
            self.logits += exact.len();
            self.squares += exact.iter().zip(other).map(|(left, right)| f64::from(left - right).powi(2)).sum::<f64>();
            if let Some(next) = window.ids.get(at + 1) {
                self.known += 1;
                self.exact_nats += nats(exact, *next);
                self.nats += nats(other, *next);
            }
        }
    }

    fn line(&self, format: GraphFormat, exact: (Taken, u64), other: (Taken, u64)) -> serde_json::Value {
        let perplexity = |nats: f64| (nats / self.known as f64).exp();
        let speeds = |(taken, bytes): (Taken, u64)| {
            json!({
                "reading_s": median(taken.reading),
                "prompt_s": median(taken.prompt),
                "token_ms": median(taken.token) * 1e3,
                "bytes": bytes,
            })
        };
        json!({
            "format": format,
            "exact": true,
            "tokens": self.positions,
            "perplexity": perplexity(self.nats),
            "perplexity_f32": perplexity(self.exact_nats),
            "perplexity_ratio": perplexity(self.nats) / perplexity(self.exact_nats),
            "same_argmax": self.same as f64 / self.positions as f64,
            "rms_error": (self.squares / self.logits as f64).sqrt(),
            "own": speeds(other),
            "f32": speeds(exact),
        })
    }
}

/// The place of the largest logit.
fn largest(logits: &[f32]) -> Option<usize> {
    logits.iter().enumerate().max_by(|left, right| left.1.total_cmp(right.1)).map(|(place, _)| place)
}

/// How surprised the model is by `next`.
fn nats(logits: &[f32], next: u32) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    sum.ln() + f64::from(most) - logits.get(next as usize).map_or(f64::NAN, |logit| f64::from(*logit))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

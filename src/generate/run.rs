//! One run of a maker: its folder, its models, what came of it.
//!
//! A maker is a function of its arguments, a seed and the answers to its questions. Answers are in the journal, so a run that
//! was killed is walked again from its start, for nothing, up to where it was; then it goes on.
//!
//! - `journal`, `asker`: every paid call, once; `budget`, `rate`: how many and how dear.

mod asker;
mod budget;
mod journal;
mod rate;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use fs_err as fs;
use serde_json::Value;
use wire::ChatModel;

pub use crate::facts::{Facts, Refused};
pub use crate::meter::{Meter, Reading};
use asker::Shared;
pub use asker::{Ask, Asker, Limits};
pub use budget::Price;
pub use journal::{Call, Outcome, key};

use crate::GenerateError;
use crate::funnel::Funnel;
use crate::item::{Check, Item};
use crate::prompts::Prompts;
use crate::records::read_records;
use crate::report::{self, Report};
use journal::Journal;

/// The files of a run.
pub const RUN_FILE: &str = "run.json";
pub const JOURNAL_FILE: &str = "calls.jsonl";
pub const ITEMS_FILE: &str = "items.jsonl";
const LOCK_FILE: &str = "lock";

/// What a run is begun with.
pub struct Start {
    pub folder: PathBuf,
    pub facts: Facts,
    pub teacher: Arc<dyn ChatModel>,
    pub student: Option<Arc<dyn ChatModel>>,
    pub limits: Limits,
    /// Templates that go before the built-in ones.
    pub prompts: Option<PathBuf>,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

/// A run at work.
pub struct Run {
    pub facts: Facts,
    pub teacher: Asker,
    pub student: Option<Asker>,
    pub prompts: Prompts,
    pub meter: Arc<Meter>,
    /// Set it, and the run ends when what is under way has been heard.
    pub stop: Arc<AtomicBool>,
    pub funnel: Funnel,
    folder: PathBuf,
    items: Vec<Item>,
    refused: Vec<Refused>,
    figures: Vec<(String, f64)>,
    began: Instant,
    clock: fn() -> u64,
    /// Held as long as the run.
    _lock: fs::File,
}

impl Run {
    /// Begins a run in its folder, or goes on with the one that is there.
    ///
    /// # Errors
    /// When the folder cannot be used, holds another run, or another process is at work on it.
    pub fn begin(start: Start) -> Result<Self, GenerateError> {
        let Start { folder, facts, teacher, student, limits, prompts, clock } = start;
        files::create_private_dir(&folder)?;
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK_FILE))?;
        lock.file().try_lock().map_err(|_| GenerateError::RunInUse(folder.clone()))?;
        same_run(&folder.join(RUN_FILE), &facts)?;
        let journal = Arc::new(Journal::open(&folder.join(JOURNAL_FILE))?);
        // What the student writes costs nothing.
        let paid = |call: &Call| if call.model == facts.teacher { limits.price.of(call.usage) } else { 0.0 };
        let spent = journal.spent(paid);
        let (meter, stop) = (Arc::new(Meter::default()), Arc::new(AtomicBool::new(false)));
        let shared = Shared { journal: journal.clone(), meter: meter.clone(), stop: stop.clone(), clock };
        let free = Limits { concurrency: limits.concurrency, ..Limits::default() };
        let student = student.map(|model| Asker::new(model, free, 0.0, shared.clone()));
        Ok(Self {
            teacher: Asker::new(teacher, limits, spent, shared),
            student,
            prompts: Prompts::load(prompts.as_deref())?,
            refused: journal.refused.clone(),
            facts,
            meter,
            stop,
            funnel: Funnel::default(),
            folder,
            items: Vec::new(),
            figures: Vec::new(),
            began: Instant::now(),
            clock,
            _lock: lock,
        })
    }

    /// The run's folder, for a maker's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What has been made so far.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// A new item: what `call` answered at `stage`, or the part `raw` of it. Nothing is decided about it yet.
    #[must_use]
    pub fn item(&self, site: &str, stage: &str, call: &Call, raw: &str) -> Item {
        Item {
            id: format!("{}-{:06}", self.facts.pipeline, self.items.len()),
            pipeline: self.facts.pipeline.clone(),
            site: site.to_owned(),
            stage: stage.to_owned(),
            round: 0,
            parents: Vec::new(),
            model: call.model.clone(),
            drawn: call.drawn,
            prompt_hash: call.key.clone(),
            raw_text: raw.to_owned(),
            parsed: Value::Null,
            checks: Vec::new(),
            max_rouge: None,
            nearest_id: None,
            label: None,
            created_at_ms: call.at_ms,
            messages: Vec::new(),
        }
    }

    /// Whether `call` has an answer that can be read, counted at step `step`; `whole` refuses one that was cut off.
    pub fn answered(&mut self, step: &str, call: &Call, whole: bool) -> bool {
        let reason = match &call.outcome {
            Outcome::Failed(_) => Some("no-answer"),
            Outcome::Answer { .. } => (whole && !call.is_whole()).then_some("cut-off"),
        };
        self.funnel.count(step, reason);
        reason.is_none()
    }

    /// Takes an item whose checks are done, kept or not. It is counted at step `step` of the funnel.
    pub fn take(&mut self, step: &str, item: Item) {
        let reason = item.dropped_by().map(|check| check.name.clone());
        self.funnel.count(step, reason.as_deref());
        if reason.is_some() {
            self.meter.dropped(1);
        } else {
            self.meter.kept(1);
        }
        self.items.push(item);
    }

    /// Drops what a round of `stage` has kept, for `check`.
    pub fn drop_round(&mut self, stage: &str, round: u32, check: &Check) {
        let of_round =
            self.items.iter_mut().filter(|item| item.stage == stage && item.round == round && item.is_kept());
        for item in of_round {
            item.checks.push(check.clone());
            self.funnel.revoke(stage, &check.name);
        }
    }

    /// Notes a line of an input file that could not be used; the run goes on without it.
    pub fn refuse(&mut self, refused: Refused) {
        tracing::warn!(file = refused.file, line = refused.line, reason = refused.reason, "line refused");
        self.refused.push(refused);
    }

    /// A figure for the report.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_owned(), value));
    }

    /// A share for the report; none of nothing.
    pub fn figure_share(&mut self, name: &str, part: usize, of: usize) {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        if of > 0 {
            self.figure(name, part as f64 / of as f64);
        }
    }

    /// Writes what has been made and the report; `ended` says why a run stopped before its end.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(self, ended: Option<&GenerateError>) -> Result<Report, GenerateError> {
        let made = report::Made {
            facts: self.facts,
            items: &self.items,
            funnel: self.funnel,
            refused: self.refused,
            figures: self.figures,
            reading: self.meter.read(),
            seconds: self.began.elapsed().as_secs_f64(),
            ended_at_ms: (self.clock)(),
            ended: ended.map(ToString::to_string),
        };
        write(&self.folder, made)
    }
}

/// A kept example as a chat line, with what it is an example of.
fn example(item: &Item) -> Value {
    let mut line = serde_json::json!({ "messages": item.messages, "id": item.id, "site": item.site });
    for name in ["role", "act"] {
        if let Some(value) = item.parsed.get(name).filter(|value| value.is_string()) {
            line[name] = value.clone();
        }
    }
    line
}

/// A run that is made from another one's items.
pub(crate) struct Rewritten {
    pub(crate) facts: Facts,
    pub(crate) items: Vec<Item>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) figures: Vec<(String, f64)>,
    pub(crate) now_ms: u64,
}

/// Writes a run that asked nothing itself; its funnel is counted from its items.
pub(crate) fn rewrite(folder: &Path, rewritten: Rewritten) -> Result<Report, GenerateError> {
    let Rewritten { facts, items, refused, figures, now_ms } = rewritten;
    files::create_private_dir(folder)?;
    same_run(&folder.join(RUN_FILE), &facts)?;
    let mut funnel = Funnel::default();
    for item in &items {
        funnel.count(&item.stage, item.dropped_by().map(|check| check.name.as_str()));
    }
    let (reading, seconds) = (Reading::default(), 0.0);
    let made = report::Made {
        facts,
        items: &items,
        funnel,
        refused,
        figures,
        reading,
        seconds,
        ended_at_ms: now_ms,
        ended: None,
    };
    write(folder, made)
}

/// Writes items, examples and report.
fn write(folder: &Path, made: report::Made<'_>) -> Result<Report, GenerateError> {
    dataset::write_json_lines(&folder.join(ITEMS_FILE), made.items)?;
    let kept = made.items.iter().filter(|item| item.is_kept() && !item.messages.is_empty());
    dataset::write_json_lines(&folder.join(report::EXAMPLES_FILE), kept.map(example))?;
    let report = Report::of(made);
    report.write(folder)?;
    Ok(report)
}

/// Writes what the run is, or holds it against what is there.
fn same_run(path: &Path, facts: &Facts) -> Result<(), GenerateError> {
    match files::read_json::<Value>(path)? {
        None => Ok(files::replace_json(path, facts)?),
        Some(there) => {
            let now = serde_json::to_value(facts).map_err(std::io::Error::from)?;
            let differs = differing("", &there, &now);
            if differs.is_empty() {
                return Ok(());
            }
            Err(GenerateError::OtherRun { path: path.to_owned(), differs: differs.join(", ") })
        }
    }
}

/// The fields in which two values differ, with both.
fn differing(at: &str, there: &Value, now: &Value) -> Vec<String> {
    match (there, now) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let null = Value::Null;
            names
                .into_iter()
                .flat_map(|name| {
                    let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    differing(&at, left.get(name).unwrap_or(&null), right.get(name).unwrap_or(&null))
                })
                .collect()
        }
        _ if there == now => Vec::new(),
        _ => vec![format!("{at} is {there} there and {now} here")],
    }
}

/// The items of a finished run; lines that cannot be read are refused.
///
/// # Errors
/// When the file cannot be read.
pub fn read_items(folder: &Path) -> Result<(Vec<Item>, Vec<Refused>), GenerateError> {
    read_records(&folder.join(ITEMS_FILE))
}

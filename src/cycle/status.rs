//! What the cycle is doing, for people: the admin API, practice's display, the metrics.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callsite::{SiteId, VersionId};
use curriculum::{CurriculumError, Lineage, WorstShown};
use jobs::Progress;
use parking_lot::Mutex;
use serde::Serialize;
use telemetry::Metrics;

use crate::folder::{Outcome, Summary};
use crate::pace::Turn;
use crate::{CycleError, folder};

/// Where a lesson stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LessonStep {
    /// The curriculum is drawn from the exchange log.
    #[default]
    Drawing,
    /// The base's graph is written and opened once.
    Exporting,
    Training,
    Exam,
    Published,
    Failed,
}

impl LessonStep {
    /// Whether something is being done.
    #[must_use]
    pub fn is_running(self) -> bool {
        !matches!(self, Self::Published | Self::Failed)
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Drawing => "drawing",
            Self::Exporting => "exporting",
            Self::Training => "training",
            Self::Exam => "exam",
            Self::Published => "published",
            Self::Failed => "failed",
        }
    }
}

/// A lesson as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LessonView {
    pub number: u32,
    pub step: LessonStep,
    pub examples: u64,
    /// Examples longer than `max_tokens`, of both sides: not learnt from, not asked.
    pub dropped: u64,
    /// Optimizer steps.
    pub steps_done: u64,
    pub steps: u64,
    /// In the mean.
    pub tokens_per_s: f64,
    /// How long its training goes on at this pace, standing still left out; absent before its first step.
    pub left_s: Option<f64>,
    pub loss: Option<f64>,
    pub held_out_loss: Option<f64>,
    pub held_out_exact: Option<f64>,
    pub exam: Option<f64>,
    /// Whether its training stands still because the proxy is busy, and for how long it has so far (without this time).
    pub paused: bool,
    pub paused_s: f64,
    pub problem: Option<String>,
    /// The file that its training leaves: data, arguments, loss curves. There once it has begun.
    pub report: Option<PathBuf>,
}

/// A file that a lesson's training leaves for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LessonFile {
    /// JSON
    Report,
    /// SVG
    Curve,
}

/// A lesson as its folder tells of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LessonRecord {
    pub number: u32,
    /// Whether it is over; of one that is not, the rest stands in [`LessonView`].
    pub ended: bool,
    /// What passed its exam.
    pub version: Option<VersionId>,
    pub exam: Option<f64>,
    pub problem: Option<String>,
    /// What it learnt from; absent before its examples are drawn.
    pub lineage: Option<Lineage>,
}

/// The lessons of every site: the last one as it goes, all of them as their folders tell, and what blocks the next. Clones share it.
#[derive(Clone, Debug)]
pub struct LessonStatus {
    /// The folder of lessons, one folder below for each site.
    root: PathBuf,
    lessons: Arc<Mutex<BTreeMap<SiteId, LessonView>>>,
    blocked: Arc<Mutex<BTreeMap<SiteId, String>>>,
    metrics: Arc<Metrics>,
}

impl LessonStatus {
    /// `root` is the folder of all lessons.
    #[must_use]
    pub fn new(root: PathBuf, metrics: Arc<Metrics>) -> Self {
        Self { root, lessons: Arc::default(), blocked: Arc::default(), metrics }
    }

    /// The last or running lesson of `site`.
    #[must_use]
    pub fn lesson(&self, site: &SiteId) -> Option<LessonView> {
        self.lessons.lock().get(site).cloned()
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Every lesson of `site` that is still there, the newest first; one that cannot be read is left out. Blocking.
    ///
    /// # Errors
    /// When the site's folder cannot be listed.
    pub fn records(&self, site: &SiteId) -> Result<Vec<LessonRecord>, CycleError> {
        let mut lessons = folder::readable(&self.root, site)?;
        lessons.reverse();
        Ok(lessons.into_iter().map(record).collect())
    }

    /// What the last or running lesson of `site` has left of this kind; `None` without one. Blocking.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn file(&self, site: &SiteId, file: LessonFile) -> io::Result<Option<Vec<u8>>> {
        let Some(report) = self.lesson(site).and_then(|lesson| lesson.report) else { return Ok(None) };
        let path = match file {
            LessonFile::Report => report,
            LessonFile::Curve => jobs::report::curve_path_of(&report),
        };
        match fs_err::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the exam of the last lesson of `site` answered worst, as long as its examples are kept. Blocking.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn worst(&self, site: &SiteId) -> Result<Vec<WorstShown>, CurriculumError> {
        let report = self.lesson(site).and_then(|lesson| lesson.report);
        report.map_or_else(|| Ok(Vec::new()), |report| curriculum::read_worst(&folder::curriculum_beside(&report)))
    }

    /// Why no lesson runs at `site`, in words.
    #[must_use]
    pub fn blocked_by(&self, site: &SiteId) -> Option<String> {
        self.blocked.lock().get(site).cloned()
    }

    pub(crate) fn set_blocked(&self, site: &SiteId, why: String) {
        self.blocked.lock().insert(site.clone(), why);
    }

    /// A lesson begins or goes on, or is read from its folder.
    pub(crate) fn replace(&self, site: &SiteId, lesson: LessonView) {
        self.lessons.lock().insert(site.clone(), lesson);
    }

    pub(crate) fn step(&self, site: &SiteId, step: LessonStep) {
        self.change(site, |lesson| lesson.step = step);
    }

    /// Changes the entry of `site` and brings its gauges up to date.
    pub(crate) fn change(&self, site: &SiteId, change: impl FnOnce(&mut LessonView)) {
        let mut lessons = self.lessons.lock();
        let lesson = lessons.entry(site.clone()).or_default();
        change(lesson);
        #[expect(clippy::cast_precision_loss, reason = "step counts")]
        let progress = lesson.steps_done as f64 / lesson.steps.max(1) as f64;
        self.metrics.lesson_progress_ratio(site.as_str()).set(progress);
        if let Some(loss) = lesson.loss {
            self.metrics.lesson_loss(site.as_str()).set(loss);
        }
    }

    /// A lesson's training stops because the proxy is busy, or goes on.
    pub(crate) fn turn(&self, site: &SiteId, turn: Turn) {
        self.change(site, |lesson| match turn {
            Turn::Stop => lesson.paused = true,
            Turn::GoOn(stood) => {
                lesson.paused = false;
                lesson.paused_s += stood.as_secs_f64();
                self.metrics.lesson_paused_seconds(site.as_str()).set(lesson.paused_s);
            }
        });
    }

    /// A lesson has ended: `published`, `failed_exam` or `error`.
    pub(crate) fn ended(&self, site: &SiteId, outcome: &str) {
        self.metrics.lessons_total(site.as_str(), outcome).inc();
        self.metrics.lesson_progress_ratio(site.as_str()).set_or_remove(None);
    }

    /// Notes a line of a training process.
    pub(crate) fn progress(&self, site: &SiteId, progress: &Progress) {
        match progress {
            Progress::Start { dropped, held_out_dropped, .. } if dropped + held_out_dropped > 0 => {
                self.metrics.lesson_examples_dropped_total(site.as_str()).inc_by(dropped + held_out_dropped);
                tracing::warn!(%site, dropped, held_out_dropped, "examples are longer than lessons.train.max_tokens and are left out");
            }
            Progress::Restarted { reason } => tracing::warn!(%site, reason, "the training starts afresh"),
            Progress::Resumed { split_anew: Some(reason), .. } => {
                tracing::warn!(%site, reason, "the training goes on otherwise")
            }
            Progress::CheckpointFailed { step, error } => {
                tracing::error!(%site, step, error, "the training goes on without a checkpoint, which cannot be written");
            }
            Progress::Interrupted { step } => {
                tracing::info!(%site, step, "the training has written down where it stands")
            }
            Progress::Stopped { step, reason } => tracing::warn!(%site, step, reason, "the training ends early"),
            _ => {}
        }
        self.change(site, |lesson| match progress {
            Progress::Start { examples, steps, dropped, held_out_dropped, .. } => {
                (lesson.examples, lesson.steps, lesson.dropped) = (*examples, *steps, dropped + held_out_dropped);
            }
            Progress::Step { step, of, loss, tokens_per_s, seconds } => {
                (lesson.steps_done, lesson.steps, lesson.loss) = (*step, *of, Some(*loss));
                lesson.tokens_per_s = *tokens_per_s;
                #[expect(clippy::cast_precision_loss, reason = "step counts")]
                let (done, left) = ((*step).max(1) as f64, of.saturating_sub(*step) as f64);
                lesson.left_s = Some(left * seconds / done);
            }
            Progress::HeldOut { loss, exact, .. } => {
                (lesson.held_out_loss, lesson.held_out_exact) = (Some(*loss), Some(*exact));
            }
            Progress::Done { steps, held_out_loss, held_out_exact, .. } => {
                (lesson.steps_done, lesson.steps) = (*steps, *steps);
                (lesson.held_out_loss, lesson.held_out_exact) = (Some(*held_out_loss), Some(*held_out_exact));
            }
            Progress::Resumed { step, .. } => lesson.steps_done = *step,
            Progress::Restarted { .. }
            | Progress::LowerLayers { .. }
            | Progress::Rewards { .. }
            | Progress::Stopped { .. }
            | Progress::Checkpoint { .. }
            | Progress::CheckpointFailed { .. }
            | Progress::Interrupted { .. }
            | Progress::Failed { .. } => {}
        });
    }
}

fn record(lesson: Summary) -> LessonRecord {
    let Summary { folder, outcome, lineage, .. } = lesson;
    let (number, ended) = (folder.number, outcome.is_some());
    let Outcome { version, exam, problem } = outcome.unwrap_or_default();
    LessonRecord { number, ended, version, exam, problem, lineage }
}

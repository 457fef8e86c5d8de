//! What the cycle is doing, for people: the admin API, the practice's display, the metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use telemetry::Metrics;

use crate::child::Progress;

/// A lesson as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lesson {
    pub number: u32,
    /// `drawing`, `training`, `exporting`, `exam`, `published`, `failed`
    pub step: &'static str,
    pub examples: u64,
    pub done: u64,
    pub of: u64,
    pub loss: Option<f64>,
    pub held_out_loss: Option<f64>,
    pub held_out_exact: Option<f64>,
    pub exam: Option<f64>,
    pub problem: Option<String>,
}

/// The last lesson of every site, and why the next has not begun.
#[derive(Clone, Debug)]
pub struct Board {
    lessons: Arc<Mutex<BTreeMap<String, Lesson>>>,
    waiting: Arc<Mutex<BTreeMap<String, String>>>,
    metrics: Arc<Metrics>,
}

impl Board {
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { lessons: Arc::default(), waiting: Arc::default(), metrics }
    }

    /// The last or running lesson of `site`.
    #[must_use]
    pub fn lesson(&self, site: &str) -> Option<Lesson> {
        self.lessons.lock().unwrap_or_else(PoisonError::into_inner).get(site).cloned()
    }

    /// Why no lesson runs at `site`.
    #[must_use]
    pub fn waiting(&self, site: &str) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(site).cloned()
    }

    pub(crate) fn waits(&self, site: &str, why: String) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(site.to_owned(), why);
    }

    /// Changes the entry of `site` and brings its gauges up to date.
    pub(crate) fn change(&self, site: &str, change: impl FnOnce(&mut Lesson)) {
        let mut lessons = self.lessons.lock().unwrap_or_else(PoisonError::into_inner);
        let lesson = lessons.entry(site.to_owned()).or_default();
        change(lesson);
        #[expect(clippy::cast_precision_loss, reason = "step counts")]
        let progress = lesson.done as f64 / lesson.of.max(1) as f64;
        self.metrics.lesson_progress.with_label_values(&[site]).set(progress);
        if let Some(loss) = lesson.loss {
            self.metrics.lesson_loss.with_label_values(&[site]).set(loss);
        }
    }

    pub(crate) fn ended(&self, site: &str, outcome: &'static str) {
        self.metrics.lessons.with_label_values(&[site, outcome]).inc();
        self.metrics.lesson_progress.remove_label_values(&[site]).ok();
    }

    /// Notes a line of a training process.
    pub(crate) fn progress(&self, site: &str, progress: &Progress) {
        self.change(site, |lesson| match progress {
            Progress::Start { examples, steps } => (lesson.examples, lesson.of) = (*examples, *steps),
            Progress::Step { step, of, loss } => {
                (lesson.done, lesson.of, lesson.loss) = (*step, *of, Some(*loss));
            }
            Progress::HeldOut { loss, exact } => {
                (lesson.held_out_loss, lesson.held_out_exact) = (Some(*loss), Some(*exact));
            }
            Progress::Done { steps, held_out_loss, held_out_exact } => {
                (lesson.done, lesson.of) = (*steps, *steps);
                (lesson.held_out_loss, lesson.held_out_exact) = (Some(*held_out_loss), Some(*held_out_exact));
            }
            Progress::Failed { .. } | Progress::Other => {}
        });
    }
}

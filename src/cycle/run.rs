//! The background loop: one lesson at a time, unfinished ones first.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callsite::SiteId;
use capture::CaptureStore;
use handover::{Policy, State};
use ledger::{Ledger, SiteView};
use registry::Registry;
use tokio::sync::watch;
use uuid::Uuid;

use crate::lesson::{Begun, Folder, Outcome};
use crate::schedule::{self, Due, Facts};
use crate::{Board, CycleError, Exam, Lessons};

/// How long after its processes this one may be told to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Everything a lesson may touch.
pub struct Cycle {
    pub lessons: Lessons,
    /// This program: lessons are its own subcommands.
    pub program: PathBuf,
    pub base: PathBuf,
    /// Folder of the base's ONNX graph, and its format's name.
    pub graph: PathBuf,
    pub format: String,
    /// Where lessons keep their folders.
    pub root: PathBuf,
    pub captures: Arc<dyn CaptureStore>,
    pub ledger: Arc<Ledger>,
    pub registry: Registry,
    pub board: Board,
    pub requests: Requests,
    pub policy_of: Box<dyn Fn(&str) -> Policy + Send + Sync>,
    /// The exam paper of a site; the lesson fills in its own files.
    pub exam_of: Box<dyn Fn(&str) -> Exam + Send + Sync>,
    /// Mean requests a second over the last so many seconds.
    pub requests_per_s: Box<dyn Fn(u64) -> f64 + Send + Sync>,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

/// Lessons that a person asked for.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<BTreeSet<String>>>);

impl Requests {
    /// Asks for a lesson of `site` as soon as none runs, quiet or not.
    pub fn ask(&self, site: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(site.to_owned());
    }

    fn has(&self, site: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(site)
    }

    fn done(&self, site: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(site);
    }
}

impl Cycle {
    /// Runs until `stop` turns true; a lesson in progress is then killed and goes on at the next start.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let stopped = async move { stop.wait_for(|stop| *stop).await.is_ok() };
        tokio::select! {
            () = self.work() => {}
            _ = stopped => {}
        }
    }

    async fn work(&self) {
        match Folder::unfinished(&self.root) {
            Ok(folders) => {
                for folder in folders {
                    tracing::info!(site = folder.site, lesson = folder.number, "an interrupted lesson goes on");
                    self.hold(&folder).await;
                }
            }
            Err(error) => tracing::error!(%error, "interrupted lessons could not be looked up"),
        }
        loop {
            match tokio::task::block_in_place(|| self.next()) {
                Ok(Some(folder)) => self.hold(&folder).await,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "no lesson could be begun"),
            }
            tokio::time::sleep(Duration::from_millis(self.lessons.check_every_ms.max(10))).await;
        }
    }

    /// Holds one lesson and writes down how it ended.
    async fn hold(&self, folder: &Folder) {
        let (site, number) = (folder.site.as_str(), folder.number);
        tracing::info!(site, lesson = number, "lesson begins");
        match self.walk(folder).await {
            Ok(outcome) => {
                tracing::info!(site, lesson = number, exam = outcome.exam, version = outcome.version, "lesson ended")
            }
            Err(error) => {
                // Ctrl-C and systemd end a whole group of processes. Told to stop meanwhile, this ends here and the
                // lesson stays unfinished; only what fails on its own is written down as failed.
                tokio::time::sleep(STOP_GRACE).await;
                tracing::error!(site, lesson = number, %error, "lesson failed");
                let problem = Some(error.to_string());
                self.board.change(site, |lesson| (lesson.step, lesson.problem) = ("failed", problem.clone()));
                self.board.ended(site, "error");
                if let Err(error) = folder.end(&Outcome { version: None, exam: None, problem }) {
                    tracing::error!(site, %error, "the lesson's end could not be written down");
                }
            }
        }
    }

    /// Begins the lesson that is due, of the site with the most to learn.
    fn next(&self) -> Result<Option<Folder>, CycleError> {
        let mut best: Option<(u64, String, Option<u64>)> = None;
        for view in self.ledger.views() {
            let (facts, after_ms) = self.facts(&view)?;
            let due = schedule::due(&facts, &self.lessons);
            self.board.waits(&view.site, due.to_string());
            let ahead = best.as_ref().is_none_or(|(most, ..)| facts.new_exchanges > *most);
            if due == Due::Now && (ahead || facts.asked) && self.lessons.enabled {
                best = Some((facts.new_exchanges, view.site, after_ms));
            }
        }
        let Some((_, site, after_ms)) = best else { return Ok(None) };
        self.requests.done(&site);
        Folder::begin(&self.root, &site, &Begun { after_ms }).map(Some)
    }

    /// What the schedule needs to know of a site, and from when on its exchanges are of use.
    fn facts(&self, view: &SiteView) -> Result<(Facts, Option<u64>), CycleError> {
        let site = SiteId::new(&view.site)?;
        let wanted = matches!(view.state, State::Teacher | State::Shadow);
        let folders = Folder::all(&self.root, &view.site)?;
        let mut failed_lessons = 0;
        for folder in folders.iter().rev() {
            let passed = folder.outcome()?.is_some_and(|outcome| outcome.version.is_some());
            if passed {
                break;
            }
            failed_lessons += 1;
        }
        let last = folders.last().map(Folder::lineage).transpose()?.flatten().and_then(|lineage| lineage.last);
        let drawn = last.and_then(|id| Uuid::parse_str(&id).ok());
        let stale = view.stale_before_ms.map(|at_ms| Uuid::from_u128(u128::from(at_ms) << 80));
        let after = drawn.max(stale);
        let new_exchanges = if wanted { self.captures.count(&site, after).unwrap_or(0) } else { 0 };
        let facts = Facts {
            state: view.state,
            audits: view.audits,
            new_exchanges,
            failed_lessons,
            asked: self.requests.has(&view.site),
            requests_per_s: (self.requests_per_s)(self.lessons.quiet.window_s),
        };
        Ok((facts, view.stale_before_ms))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

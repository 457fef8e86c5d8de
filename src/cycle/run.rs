//! The background loop: one lesson at a time, unfinished ones first. A fault of one site costs no other its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use capture::Retention;
use curriculum::TrainableCounter;
use handover::State;
use ledger::SiteView;
use parking_lot::Mutex;
use telemetry::Metrics;
use tokio::sync::watch;
use uuid::Uuid;

use crate::folder::{self, Begun, Folder, Outcome, Summary};
use crate::lesson::{self, LessonRunner};
use crate::schedule::{self, Due, ScheduleInput};
use crate::status::{LessonStep, LessonView};
use crate::{CycleError, retention};

/// How long after its processes this one may be told to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// How long a training process may take to finish its step and write down where it stands when the program ends. One
/// that needs longer is killed and goes on from its last checkpoint.
const END_MAX: Duration = Duration::from_secs(5);

/// Decides which lesson is next, and runs it.
pub struct Cycle {
    pub runner: LessonRunner,
    /// How long a lesson's prompts and answers stay: as long as the exchange log keeps them.
    pub retention: Retention,
    /// The name that a site has today.
    pub today: Box<dyn Fn(&SiteId) -> SiteId + Send + Sync>,
    pub requests: LessonRequests,
    pub metrics: Arc<Metrics>,
    /// Mean requests a second over the last so many seconds.
    pub requests_per_s: Box<dyn Fn(u64) -> f64 + Send + Sync>,
}

/// Lessons that an operator asked for, and those that one wants ended. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct LessonRequests {
    wanted: Arc<Mutex<BTreeSet<SiteId>>>,
    /// With who ends it and why.
    cancelled: watch::Sender<BTreeMap<SiteId, String>>,
}

impl LessonRequests {
    /// Asks for a lesson of `site` as soon as none runs, quiet or not.
    pub fn request(&self, site: &SiteId) {
        self.wanted.lock().insert(site.clone());
    }

    fn contains(&self, site: &SiteId) -> bool {
        self.wanted.lock().contains(site)
    }

    fn remove(&self, site: &SiteId) {
        self.wanted.lock().remove(site);
    }

    /// Ends the running lesson of `site`; `why` is kept with it.
    pub fn cancel(&self, site: &SiteId, why: String) {
        self.cancelled.send_modify(|cancelled| drop(cancelled.insert(site.clone(), why)));
    }

    /// What was said of the lesson that begins now was said of another.
    fn begin(&self, site: &SiteId) {
        self.cancelled.send_modify(|cancelled| drop(cancelled.remove(site)));
    }

    /// Waits until somebody ends the lesson of `site`; why.
    async fn is_cancelled(&self, site: &SiteId) -> String {
        let mut heard = self.cancelled.subscribe();
        let said = heard.wait_for(|cancelled| cancelled.contains_key(site)).await;
        said.map_or_else(|_| String::new(), |cancelled| cancelled.get(site).cloned().unwrap_or_default())
    }
}

/// What the loop remembers from round to round.
#[derive(Default)]
pub(crate) struct Memory {
    counters: BTreeMap<SiteId, TrainableCounter>,
    /// The last error of every site, so that a lasting one is said once.
    errors: BTreeMap<SiteId, String>,
}

/// A site, and from when on its exchanges are of use (Unix time).
type Place = (SiteId, Option<u64>);

impl Cycle {
    /// Runs until the program ends; a lesson in progress goes on at the next start. Wants a thread of its own: it reads the log
    /// for seconds, and its processes die with the thread that started them.
    pub async fn run(self: Arc<Self>) {
        let surroundings = &self.runner.surroundings;
        let cut_off = async {
            surroundings.end().await;
            tokio::time::sleep(END_MAX).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = cut_off => {}
        }
    }

    async fn work(&self) {
        for folder in self.restore() {
            tracing::info!(site = %folder.site, lesson = folder.number, "an interrupted lesson goes on");
            self.run_lesson(&folder).await;
            if self.runner.surroundings.is_end() {
                return;
            }
        }
        let mut memory = Memory::default();
        loop {
            match self.next(&mut memory) {
                Ok(Some(folder)) => self.run_watching(&folder, &mut memory).await,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "no lesson could be begun"),
            }
            let next = Duration::from_millis(self.runner.settings.check_every_ms);
            tokio::select! {
                () = tokio::time::sleep(next) => {}
                () = self.runner.surroundings.end() => return,
            }
        }
    }

    /// Shows every site's last lesson and gives back those that have begun and not ended.
    fn restore(&self) -> Vec<Folder> {
        let mut open = Vec::new();
        let sites = folder::sites(self.runner.status.root()).unwrap_or_else(|error| {
            tracing::error!(%error, "interrupted lessons could not be looked up");
            Vec::new()
        });
        for site in sites {
            let lessons = self.lessons(&site).unwrap_or_else(|error| {
                tracing::error!(%site, %error, "the site's lessons could not be looked up");
                Vec::new()
            });
            if let Some(last) = lessons.last() {
                self.runner.status.replace(&site, view(last));
            }
            let unfinished = lessons.into_iter().filter(|lesson| lesson.outcome.is_none() && lesson.begun.is_some());
            open.extend(unfinished.map(|lesson| lesson.folder));
        }
        open
    }

    /// Runs one lesson; what the other sites wait for is looked at meanwhile as often as between lessons, which may be hours apart.
    async fn run_watching(&self, folder: &Folder, memory: &mut Memory) {
        let lesson = self.run_lesson(folder);
        tokio::pin!(lesson);
        let every = Duration::from_millis(self.runner.settings.check_every_ms);
        loop {
            tokio::select! {
                () = &mut lesson => return,
                () = tokio::time::sleep(every) => {
                    drop(self.due(&self.runner.ledger.views(), memory, false));
                }
            }
        }
    }

    /// Runs one lesson and writes down how it ended.
    async fn run_lesson(&self, folder: &Folder) {
        let (site, number) = (&folder.site, folder.number);
        tracing::info!(%site, lesson = number, "lesson begins");
        self.requests.begin(site);
        let walked = tokio::select! {
            walked = self.runner.walk(folder) => walked,
            // Its process dies with the walk.
            why = self.requests.is_cancelled(site) => Err(CycleError::Cancelled(why)),
        };
        match walked {
            Ok(Outcome { version, exam, .. }) => {
                let version = version.as_ref().map(callsite::VersionId::as_str);
                tracing::info!(%site, lesson = number, exam, version, "lesson ended");
            }
            Err(CycleError::Ended) => tracing::info!(%site, lesson = number, "the lesson goes on at the next start"),
            // What was trained is not thrown away for a server that does not answer.
            Err(error @ CycleError::Waits { .. }) => {
                tracing::error!(%site, lesson = number, %error, "the lesson goes on when the site's next one is due or asked for");
                self.runner.status.change(site, |lesson| lesson.problem = Some(error.to_string()));
            }
            Err(error) => {
                // Ctrl-C and systemd end a whole group of processes. Told to stop meanwhile, this ends here and the
                // lesson stays unfinished; only what fails on its own is written down as failed.
                tokio::select! {
                    () = tokio::time::sleep(STOP_GRACE) => {}
                    () = self.runner.surroundings.end() => return,
                }
                tracing::error!(%site, lesson = number, %error, "lesson failed");
                let problem = Some(error.to_string());
                let (status, cancelled) = (&self.runner.status, matches!(error, CycleError::Cancelled(_)));
                status.change(site, |lesson| {
                    (lesson.step, lesson.problem) = (LessonStep::Failed, problem.clone());
                });
                status.ended(site, if cancelled { "cancelled" } else { "error" });
                if cancelled {
                    [lesson::CHECKPOINT, folder::ADAPTER].into_iter().for_each(|part| folder.discard(part));
                }
                if let Err(error) = folder.end(&Outcome { version: None, exam: None, problem }) {
                    tracing::error!(%site, %error, "the lesson's end could not be written down");
                }
            }
        }
    }

    /// Begins the lesson that is due, or goes on with the site's last one that waits.
    pub(crate) fn next(&self, memory: &mut Memory) -> Result<Option<Folder>, CycleError> {
        let views = self.runner.ledger.views();
        self.expire_former(&views)?;
        let due = self.due(&views, memory, true);
        let chosen = schedule::next(due.iter().map(|(input, place)| (input, place)));
        let Some((site, after_ms)) = chosen else { return Ok(None) };
        let waits = self.lessons(site)?.pop().filter(|last| last.begun.is_some() && last.outcome.is_none());
        let folder = match waits {
            Some(waits) => waits.folder,
            None => Folder::begin(self.runner.status.root(), site, &Begun { after_ms: *after_ms })?,
        };
        self.requests.remove(site);
        Ok(Some(folder))
    }

    /// What every site's next lesson waits for, which is shown; gives back those that wait for nothing. `expiring`: what lessons have left for
    /// long enough is removed; none may be running.
    fn due(&self, views: &[SiteView], memory: &mut Memory, expiring: bool) -> Vec<(ScheduleInput, Place)> {
        let mut due = Vec::new();
        for view in views {
            let site = view.site.clone();
            match self.look(view, memory, expiring) {
                Ok((input, after_ms)) => {
                    memory.errors.remove(&site);
                    let decision = schedule::due(&input, &self.runner.settings);
                    self.runner.status.set_blocked(&site, decision.to_string());
                    due.extend((decision == Due::Now).then_some((input, (site, after_ms))));
                }
                Err(error) => {
                    let problem = error.to_string();
                    self.runner.status.set_blocked(&site, format!("blocked by an error: {problem}"));
                    if memory.errors.insert(site.clone(), problem.clone()) != Some(problem) {
                        tracing::error!(%site, %error, "no lesson of this site can be begun");
                    }
                }
            }
        }
        due
    }

    /// Lessons under names that no site has any more keep their data for no longer than others.
    fn expire_former(&self, views: &[SiteView]) -> Result<(), CycleError> {
        let is_former = |site: &SiteId| views.iter().all(|view| view.site != *site);
        for site in folder::sites(self.runner.status.root())?.into_iter().filter(is_former) {
            let kept_ms = self.retention.of(&site, &(self.today)(&site));
            retention::expire_data(&self.lessons(&site)?, (self.runner.clock)(), kept_ms);
        }
        Ok(())
    }

    /// What the schedule needs to know of a site, and from when on its exchanges are of use.
    fn look(
        &self,
        view: &SiteView,
        memory: &mut Memory,
        expiring: bool,
    ) -> Result<(ScheduleInput, Option<u64>), CycleError> {
        let now_ms = (self.runner.clock)();
        let lessons = self.lessons(&view.site)?;
        if expiring {
            retention::expire_data(&lessons, now_ms, self.retention.of(&view.site, &(self.today)(&view.site)));
            let kept = self.runner.settings.versions_kept;
            retention::expire_versions(&self.runner.registry, &view.site, view, kept)?;
        }
        // A clock that ran ahead when drift was found must not stop learning until it is there again.
        let stale_before_ms = view.stale_before_ms.map(|at_ms| at_ms.min(now_ms));
        let drawn = lessons.last().and_then(|lesson| lesson.lineage.as_ref()?.last);
        let stale = stale_before_ms.map(|at_ms| Uuid::from_u128(u128::from(at_ms) << 80));
        let wanted = view.state != State::Held;
        let new_exchanges = if wanted {
            let counter = memory.counters.entry(view.site.clone()).or_default();
            counter.count(self.runner.captures.as_ref(), &view.site, drawn.max(stale))?
        } else {
            0
        };
        let input = ScheduleInput {
            state: view.state,
            coverage_lost: view.coverage_lost,
            audits: view.audits,
            challenger_audits: view.challenger.as_ref().map(|challenger| challenger.audits),
            new_exchanges,
            fruitless_lessons: fruitless(&lessons, view, stale_before_ms),
            requested: self.requests.contains(&view.site),
            requests_per_s: (self.requests_per_s)(self.runner.settings.quiet.window_s),
        };
        Ok((input, stale_before_ms))
    }

    fn lessons(&self, site: &SiteId) -> Result<Vec<Summary>, CycleError> {
        folder::lessons(self.runner.status.root(), site, &mut || {
            self.metrics.lesson_folders_damaged_total(site.as_str()).inc()
        })
    }
}

/// Lessons since the last one whose version was handed over. Those before the teacher's drift say nothing of how hard
/// it is to learn now: the one that drifted has lost its proof, and was not fruitless.
fn fruitless(lessons: &[Summary], view: &SiteView, stale_before_ms: Option<u64>) -> u32 {
    let handed_over = |lesson: &&Summary| {
        let version = lesson.outcome.as_ref().and_then(|outcome| outcome.version.as_ref());
        version.is_some_and(|version| view.handed_over(version))
    };
    let stale = |lesson: &&Summary| lesson.begun.as_ref().and_then(|begun| begun.after_ms) < stale_before_ms;
    let ended = lessons.iter().rev().filter(|lesson| lesson.outcome.is_some());
    u32::try_from(ended.take_while(|lesson| !handed_over(lesson) && !stale(lesson)).count()).unwrap_or(u32::MAX)
}

/// A lesson as its folder tells it.
fn view(lesson: &Summary) -> LessonView {
    let outcome = lesson.outcome.as_ref();
    LessonView {
        number: lesson.folder.number,
        step: match outcome {
            None => LessonStep::Drawing,
            Some(Outcome { version: Some(_), .. }) => LessonStep::Published,
            Some(_) => LessonStep::Failed,
        },
        examples: lesson.lineage.as_ref().map_or(0, |lineage| lineage.train as u64),
        exam: outcome.and_then(|outcome| outcome.exam),
        problem: outcome.and_then(|outcome| outcome.problem.clone()),
        report: Some(jobs::report::report_path(&lesson.folder.adapter())),
        ..LessonView::default()
    }
}

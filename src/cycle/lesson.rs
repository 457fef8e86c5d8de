//! One lesson, walked forward: draw the curriculum, make sure that its version could be served, train, examine,
//! publish, put on trial.
//!
//! Each step ends with a file in the lesson's folder; a step whose file is there is not done again. So a
//! lesson that was killed at any point, with or without the proxy, goes on where it stopped.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use callsite::SiteId;
use capture::CaptureStore;
use curriculum::Lineage;
use handover::Candidate;
use jobs::{EvalJob, EvalResult, Method, ObjectiveArguments, Pretraining, Progress, Served, TrainJob};
use ledger::Ledger;
use registry::Registry;
use rules::LiveRules;
use verify::Measure;

use crate::erase::Drawing;
use crate::folder::{ADAPTER, Folder, Outcome};
use crate::oversight::{Oversight, Surroundings};
use crate::status::{LessonStatus, LessonStep, LessonView};
use crate::{CycleError, LessonSettings, child};

pub(crate) const CHECKPOINT: &str = "checkpoint";
const TRAINED: &str = "trained.json";
pub(crate) const EXAM: &str = "exam.json";

/// Everything that one lesson may touch.
pub struct LessonRunner {
    pub settings: LessonSettings,
    /// This program: the steps of a lesson are its own subcommands.
    pub program: PathBuf,
    pub student: StudentPaths,
    pub captures: Arc<dyn CaptureStore>,
    pub drawing: Drawing,
    pub ledger: Arc<Ledger>,
    pub registry: Registry,
    pub rules: LiveRules,
    pub status: LessonStatus,
    pub surroundings: Surroundings,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

/// What a student is made of, and how it is opened for an exam; paths are absolute.
#[derive(Clone, Debug)]
pub struct StudentPaths {
    pub base: PathBuf,
    /// Folder of the base's ONNX graph, and its format's name.
    pub graph: PathBuf,
    pub format: String,
    pub onnxruntime: Option<PathBuf>,
    /// Folder of the sentence encoder, where one is configured.
    pub encoder: Option<PathBuf>,
    pub context: usize,
    pub threads: usize,
    /// Where a server answers: no graph is needed, and none is named.
    pub served: Option<Served>,
}

impl LessonRunner {
    /// Walks a lesson from where it stands to its outcome.
    pub(crate) async fn walk(&self, folder: &Folder) -> Result<Outcome, CycleError> {
        let site = &folder.site;
        // The ledger knows a site from its first request on; since a restart there may have been none.
        if !self.ledger.register(site) {
            return Err(CycleError::NotAdmitted(site.clone()));
        }
        let report = Some(jobs::report::report_path(&folder.adapter()));
        self.status.replace(site, LessonView { number: folder.number, report, ..LessonView::default() });
        let lineage = self.draw(folder)?;
        self.export(site).await?;
        self.train(folder).await?;
        let result = self.examine(folder).await?;
        self.publish(folder, &lineage, &result)
    }

    fn draw(&self, folder: &Folder) -> Result<Lineage, CycleError> {
        self.status.step(&folder.site, LessonStep::Drawing);
        let _drawing = self.drawing.hold();
        let dir = folder.curriculum();
        if let Some(lineage) = files::read_json(&dir.join(curriculum::LINEAGE_FILE))? {
            return Ok(lineage);
        }
        let after_ms = folder.begun()?.and_then(|begun| begun.after_ms);
        let lineage = curriculum::build(self.captures.as_ref(), &folder.site, after_ms, self.settings.dataset, &dir)?;
        let needed = self.settings.exchanges_min / 2;
        if (lineage.train as u64) < needed || lineage.held_out == 0 {
            let left_out = format!("{:?}", lineage.left_out);
            return Err(CycleError::TooFew { site: folder.site.clone(), found: lineage.train, needed, left_out });
        }
        Ok(lineage)
    }

    /// Writes the base's graph unless it is there, and opens it once: no lesson trains for hours towards a graph
    /// that cannot be served here. Where a server answers, there is none.
    async fn export(&self, site: &SiteId) -> Result<(), CycleError> {
        if self.student.served.is_some() {
            return Ok(());
        }
        self.status.step(site, LessonStep::Exporting);
        let StudentPaths { base, graph, format, onnxruntime, .. } = &self.student;
        let mut arguments: Vec<&OsStr> = vec!["export".as_ref(), "--open".as_ref()];
        arguments.extend::<[&OsStr; 6]>([
            "--base".as_ref(),
            base.as_ref(),
            "--out".as_ref(),
            graph.as_ref(),
            "--format".as_ref(),
            format.as_ref(),
        ]);
        if let Some(library) = onnxruntime {
            arguments.extend::<[&OsStr; 2]>(["--onnxruntime".as_ref(), library.as_ref()]);
        }
        self.run("export", &arguments).await
    }

    async fn train(&self, folder: &Folder) -> Result<(), CycleError> {
        self.status.step(&folder.site, LessonStep::Training);
        if folder.read::<serde_json::Value>(TRAINED)?.is_some() {
            return Ok(());
        }
        let job = TrainJob {
            method: Method::Sft,
            base: self.student.base.clone(),
            train: folder.curriculum().join(curriculum::TRAIN_FILE),
            held_out: folder.curriculum().join(curriculum::HELD_OUT_FILE),
            out: folder.adapter(),
            checkpoint: folder.dir.join(CHECKPOINT),
            reference: None,
            arguments: self.settings.train.clone(),
            objective: ObjectiveArguments::default(),
            pretraining: Pretraining::default(),
        };
        let path = folder.dir.join("train.toml");
        files::replace(&path, job.to_toml().map_err(CycleError::Job)?.as_bytes())?;
        let mut done = None;
        let arguments = ["train".as_ref(), path.as_os_str()];
        let oversight = Oversight {
            surroundings: &self.surroundings,
            pause: Some(self.settings.pause),
            on_turn: &|turn| self.status.turn(&folder.site, turn),
        };
        let (program, nice) = (&self.program, self.settings.nice);
        child::run_overseen(program, "training", &arguments, nice, Some(oversight), |progress| {
            self.status.progress(&folder.site, progress);
            if matches!(progress, Progress::Done { .. }) {
                done = Some(progress.clone());
            }
        })
        .await?;
        folder.write(TRAINED, &done)?;
        // The adapter is there: the state to go on from is of no more use.
        folder.discard(CHECKPOINT);
        Ok(())
    }

    async fn examine(&self, folder: &Folder) -> Result<EvalResult, CycleError> {
        self.status.step(&folder.site, LessonStep::Exam);
        if let Some(result) = folder.read(EXAM)? {
            return Ok(result);
        }
        let rules = self.rules.of(&folder.site);
        let StudentPaths { base, graph, onnxruntime, encoder, context, threads, served, .. } = self.student.clone();
        let job = EvalJob {
            base,
            graph,
            adapter: folder.adapter(),
            held_out: folder.curriculum().join(curriculum::HELD_OUT_FILE),
            out: folder.dir.join(EXAM),
            worst: Some(folder.curriculum().join(curriculum::WORST_FILE)),
            onnxruntime,
            encoder,
            context,
            threads,
            max_tokens: rules.max_tokens,
            measure: self.measure(&folder.site),
            bad_below: rules.policy.bad_below,
            verifiers: rules.verifier_settings.clone(),
            served,
        };
        let path = folder.dir.join("exam.toml");
        files::replace(&path, toml::to_string(&job)?.as_bytes())?;
        let arguments = ["exam".as_ref(), path.as_os_str()];
        self.run("exam", &arguments).await?;
        let missing =
            || CycleError::Child { step: "exam", status: "success".into(), message: "no result was written".into() };
        folder.read(EXAM)?.ok_or_else(missing)
    }

    /// Runs a step whose process is not stopped by the proxy's load: it is short, or its answers' times count.
    async fn run(&self, step: &'static str, arguments: &[&OsStr]) -> Result<(), CycleError> {
        let oversight = Oversight { surroundings: &self.surroundings, pause: None, on_turn: &|_| {} };
        child::run_overseen(&self.program, step, arguments, self.settings.nice, Some(oversight), |_| {}).await
    }

    /// What the site's answers are measured by; while that is not chosen, the facts and ROUGE-L.
    fn measure(&self, site: &SiteId) -> Measure {
        self.ledger.measure(site).map_or(Measure::Similar, |choice| choice.measure)
    }

    /// Takes the adapter as a version and puts it on trial, unless it failed its exam.
    fn publish(&self, folder: &Folder, lineage: &Lineage, result: &EvalResult) -> Result<Outcome, CycleError> {
        let (site, exam) = (&folder.site, result.mean_quality());
        self.status.change(site, |lesson| lesson.exam = Some(exam));
        let facts = serde_json::json!({
            "base": self.student.base, "lesson": folder.number, "lineage": lineage, "exam": exam, "held_out": result.scores.len(),
            "confidence_model": verify::confidence::CONFIDENCE_MODEL,
        });
        // Publishing the same adapter twice gives the same version, so a kill in here does no harm.
        let version = self.registry.publish(site, &folder.adapter(), facts)?;
        let (rules, now_ms) = (self.rules.of(site), (self.clock)());
        let passed = exam >= rules.policy.exam_min;
        if !passed {
            self.ledger.record_failed_exam(site, now_ms, version.clone(), exam)?;
        } else if !self.ledger.view(site)?.names(&version) {
            let (policy, basis) = (rules.policy.clone(), rules.basis.clone());
            let calibration = result.calibration();
            let grid = result.confidence_grid(calibration.as_ref());
            let likely = result.likely_threshold(&grid, calibration.as_ref(), policy.quality_min);
            let (version, measure) = (version.clone(), None);
            let candidate = Candidate { version, grid, likely, exam, measure, calibration, policy, basis };
            self.ledger.add_candidate(site, now_ms, candidate)?;
        }
        let outcome = Outcome { version: passed.then_some(version), exam: Some(exam), problem: None };
        folder.end(&outcome)?;
        // The registry holds the adapter now.
        folder.discard(ADAPTER);
        self.status.step(site, if passed { LessonStep::Published } else { LessonStep::Failed });
        self.status.ended(site, if passed { "published" } else { "failed_exam" });
        Ok(outcome)
    }
}

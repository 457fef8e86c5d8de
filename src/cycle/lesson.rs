//! One lesson, walked forward: draw the curriculum, train, make the graph, examine, publish, put on trial.
//!
//! Each step ends with a file in the lesson's folder; a step whose file is there is not done again. So a
//! lesson that was killed at any point, with or without the proxy, goes on where it stopped.

use std::fs;
use std::path::{Path, PathBuf};

use callsite::SiteId;
use curriculum::Lineage;
use handover::Candidate;
use serde::{Deserialize, Serialize};

use crate::exam::Marks;
use crate::run::Cycle;
use crate::{CycleError, Exam, child};

/// The folder of one lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub site: String,
    pub number: u32,
    pub dir: PathBuf,
}

/// How a lesson ended; its presence ends the lesson for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The published version; absent when training or the exam failed.
    pub version: Option<String>,
    pub exam: Option<f64>,
    pub problem: Option<String>,
}

/// What was asked of the lesson when it was begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Exchanges up to this moment are not drawn.
    pub(crate) after_ms: Option<u64>,
}

impl Folder {
    /// Every lesson of `site` in order.
    pub(crate) fn all(root: &Path, site: &str) -> Result<Vec<Self>, CycleError> {
        let parent = root.join(site);
        let mut folders = Vec::new();
        if parent.try_exists().map_err(CycleError::io("look for", &parent))? {
            for entry in fs::read_dir(&parent).map_err(CycleError::io("list", &parent))? {
                let dir = entry.map_err(CycleError::io("list", &parent))?.path();
                let number = dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
                folders.extend(number.map(|number| Self { site: site.to_owned(), number, dir }));
            }
        }
        folders.sort_by_key(|folder| folder.number);
        Ok(folders)
    }

    /// Every lesson of every site that has begun and not ended.
    pub(crate) fn unfinished(root: &Path) -> Result<Vec<Self>, CycleError> {
        let mut open = Vec::new();
        if root.try_exists().map_err(CycleError::io("look for", root))? {
            for entry in fs::read_dir(root).map_err(CycleError::io("list", root))? {
                let name = entry.map_err(CycleError::io("list", root))?.file_name().to_string_lossy().into_owned();
                for folder in Self::all(root, &name)? {
                    if folder.outcome()?.is_none() && folder.read::<Begun>("begun.json")?.is_some() {
                        open.push(folder);
                    }
                }
            }
        }
        Ok(open)
    }

    pub(crate) fn begin(root: &Path, site: &str, begun: &Begun) -> Result<Self, CycleError> {
        let number = Self::all(root, site)?.last().map_or(0, |last| last.number) + 1;
        let folder = Self { site: site.to_owned(), number, dir: root.join(site).join(number.to_string()) };
        fs::create_dir_all(&folder.dir).map_err(CycleError::io("create", &folder.dir))?;
        folder.write("begun.json", begun)?;
        Ok(folder)
    }

    pub(crate) fn outcome(&self) -> Result<Option<Outcome>, CycleError> {
        self.read("outcome.json")
    }

    pub(crate) fn lineage(&self) -> Result<Option<Lineage>, CycleError> {
        self.read("curriculum/lineage.json")
    }

    pub(crate) fn end(&self, outcome: &Outcome) -> Result<(), CycleError> {
        self.write("outcome.json", outcome)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CycleError> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CycleError::io("read", &path)(error)),
        }
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), CycleError> {
        let (path, staged) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        fs::write(&staged, serde_json::to_vec_pretty(value)?).map_err(CycleError::io("write", &staged))?;
        fs::rename(&staged, &path).map_err(CycleError::io("write", &path))
    }
}

impl Cycle {
    /// Walks a lesson from where it stands to its outcome.
    pub(crate) async fn walk(&self, folder: &Folder) -> Result<Outcome, CycleError> {
        let site = &folder.site;
        // The ledger knows a site from its first request on; since a restart there may have been none.
        if !self.ledger.admits(site) {
            return Err(ledger::LedgerError::UnknownSite(site.clone()).into());
        }
        self.board.change(site, |lesson| {
            (*lesson).clone_from(&crate::Lesson { number: folder.number, ..Default::default() })
        });
        // Reading the log takes a while: the runtime's other work goes on meanwhile.
        let lineage = tokio::task::block_in_place(|| self.draw(folder))?;
        self.train(folder).await?;
        self.make_graph(site).await?;
        let marks = self.examine(folder).await?;
        let (score, policy) = (marks.score(), (self.policy_of)(site));
        self.board.change(site, |lesson| lesson.exam = Some(score));
        let facts = serde_json::json!({
            "base": self.base, "lineage": lineage, "exam": score, "questions": marks.marks.len(),
            "confidence_model": verify::confidence::CONFIDENCE_MODEL,
        });
        // Publishing the same adapter twice gives the same version, so a kill in here does no harm.
        let version = self.registry.publish(site, &folder.dir.join("adapter"), facts)?;
        let passed = score >= policy.exam_min;
        let outcome = Outcome { version: passed.then(|| version.clone()), exam: Some(score), problem: None };
        if passed {
            let known = self.ledger.view(site)?.version.as_ref() == Some(&version);
            if !known {
                self.ledger.candidate(site, self.now_ms(), Candidate { version, grid: marks.grid(), exam: score })?;
            }
        } else {
            self.ledger.failed_exam(site, self.now_ms(), version, score)?;
        }
        folder.end(&outcome)?;
        self.board.change(site, |lesson| lesson.step = if passed { "published" } else { "failed" });
        self.board.ended(site, if passed { "published" } else { "failed-exam" });
        Ok(outcome)
    }

    fn draw(&self, folder: &Folder) -> Result<Lineage, CycleError> {
        self.board.change(&folder.site, |lesson| lesson.step = "drawing");
        if let Some(lineage) = folder.lineage()? {
            return Ok(lineage);
        }
        let begun = folder.read::<Begun>("begun.json")?;
        let site = SiteId::new(&folder.site)?;
        let after_ms = begun.and_then(|begun| begun.after_ms);
        let dir = folder.dir.join("curriculum");
        let lineage = curriculum::build(self.captures.as_ref(), &site, after_ms, self.lessons.draw, &dir)?;
        let needed = self.lessons.exchanges_min / 2;
        if (lineage.train as u64) < needed || lineage.held_out == 0 {
            let left_out = format!("{:?}", lineage.left_out);
            return Err(CycleError::TooFew { site: folder.site.clone(), found: lineage.train, needed, left_out });
        }
        Ok(lineage)
    }

    async fn train(&self, folder: &Folder) -> Result<(), CycleError> {
        self.board.change(&folder.site, |lesson| lesson.step = "training");
        if folder.read::<serde_json::Value>("trained.json")?.is_some() {
            return Ok(());
        }
        let job = folder.dir.join("job.toml");
        fs::write(&job, self.job(folder)?).map_err(CycleError::io("write", &job))?;
        let mut last = None;
        let arguments = ["train".as_ref(), job.as_os_str()];
        child::run(&self.program, "training", &arguments, self.lessons.nice, |progress| {
            self.board.progress(&folder.site, progress);
            if let child::Progress::Done { held_out_loss, held_out_exact, steps } = progress {
                last = Some(serde_json::json!({"steps": steps, "held_out_loss": held_out_loss, "held_out_exact": held_out_exact}));
            }
        })
        .await?;
        folder.write("trained.json", &last)?;
        // The adapter is there: the state to go on from is of no more use. A short lesson never had one, and
        // one that stays is a waste of disk, not a reason to lose the lesson.
        let checkpoint = folder.dir.join("checkpoint");
        match fs::remove_dir_all(&checkpoint) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(checkpoint = %checkpoint.display(), %error, "a checkpoint could not be removed");
            }
            _ => {}
        }
        Ok(())
    }

    /// The job file of `apprentice train`; paths are absolute.
    fn job(&self, folder: &Folder) -> Result<String, CycleError> {
        let hyper = &self.lessons.train;
        let schedule = if hyper.cosine { "cosine" } else { "constant" };
        let mut optim = serde_json::json!({
            "learning_rate": hyper.learning_rate, "batch_size": hyper.batch_size, "max_steps": hyper.max_steps,
            "max_seconds": hyper.max_seconds, "warmup_steps": hyper.warmup_steps, "schedule": schedule,
        });
        let mut evaluate = serde_json::json!({"every_steps": hyper.evaluate_every_steps, "patience": hyper.patience});
        if let (Some(fields), Some(epochs)) = (optim.as_object_mut(), hyper.epochs) {
            fields.insert("epochs".into(), epochs.into());
        }
        if let Some(fields) = evaluate.as_object_mut() {
            fields.extend(hyper.stop_exact.map(|exact| ("stop_exact".into(), exact.into())));
            fields.extend(hyper.stop_loss.map(|loss| ("stop_loss".into(), loss.into())));
        }
        let curriculum = folder.dir.join("curriculum");
        let job = serde_json::json!({
            "method": "sft", "base": self.base, "train": curriculum.join("train.jsonl"),
            "held_out": curriculum.join("held_out.jsonl"), "out": folder.dir.join("adapter"),
            "checkpoint": folder.dir.join("checkpoint"), "seed": hyper.seed, "threads": hyper.threads,
            "max_tokens": hyper.max_tokens, "checkpoint_every_s": hyper.checkpoint_every_s,
            "lora": {"rank": hyper.rank, "alpha": hyper.alpha}, "optim": optim, "evaluate": evaluate,
        });
        Ok(toml::to_string(&job)?)
    }

    /// Writes the base's ONNX graph unless it is there: `apprentice export` does nothing for an unchanged base.
    async fn make_graph(&self, site: &str) -> Result<(), CycleError> {
        self.board.change(site, |lesson| lesson.step = "exporting");
        let arguments = [
            "export".as_ref(),
            "--base".as_ref(),
            self.base.as_os_str(),
            "--out".as_ref(),
            self.graph.as_os_str(),
            "--format".as_ref(),
            self.format.as_ref(),
        ];
        child::run(&self.program, "export", &arguments, self.lessons.nice, |_| {}).await
    }

    async fn examine(&self, folder: &Folder) -> Result<Marks, CycleError> {
        self.board.change(&folder.site, |lesson| lesson.step = "exam");
        if let Some(marks) = folder.read("exam.json")? {
            return Ok(marks);
        }
        let paper = (self.exam_of)(&folder.site);
        let exam = Exam {
            adapter: folder.dir.join("adapter"),
            questions: folder.dir.join("curriculum/held_out.jsonl"),
            out: folder.dir.join("exam.json"),
            ..paper
        };
        let path = folder.dir.join("exam.toml");
        fs::write(&path, toml::to_string(&exam)?).map_err(CycleError::io("write", &path))?;
        let arguments = ["exam".as_ref(), path.as_os_str()];
        child::run(&self.program, "exam", &arguments, self.lessons.nice, |_| {}).await?;
        let missing =
            || CycleError::Child { step: "exam", status: "success".into(), message: "no marks written".into() };
        folder.read("exam.json")?.ok_or_else(missing)
    }
}

//! Whom a maker asks: the configured teacher, or the practice teacher beside it in this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::practice::teacher::Teacher;
use generate::run::{Facts, Limits, Price};
use generate::{Run, Start};
use teacher::{Client, TeacherModel};
use wire::ChatModel;

use crate::app;
use crate::cli::generate::Making;
use crate::commands::practice;
use crate::settings::Settings;

/// The practice base and all of its positions: scenes are longer than what the practice game asks.
const PRACTICE_BASE: &str = "models/practice";
const PRACTICE_CONTEXT: usize = 512;
/// Where practice runs lie.
const PRACTICE_DATA: &str = "data/practice";

/// A teacher that can be asked, and how.
pub(super) struct Opened {
    pub(super) settings: Settings,
    pub(super) model: Arc<TeacherModel>,
    pub(super) limits: Limits,
}

impl Opened {
    /// Reads the configuration, or starts the practice teacher.
    pub(super) async fn new(making: &Making) -> Result<Self, app::Error> {
        let (mut settings, name) = if making.practice {
            let mut settings = Settings::parse(practice::POLICY)?;
            settings.teacher.base_url = Teacher::start(making.seed, Duration::ZERO).await?.base_url();
            settings.data.dir = PRACTICE_DATA.into();
            settings.student.base = PRACTICE_BASE.into();
            settings.student.context = PRACTICE_CONTEXT;
            settings.generate.reasoning_tokens = 0;
            (settings, ::practice::teacher::MODEL.to_owned())
        } else {
            let settings = Settings::load(&making.config)?;
            let name = settings.generate.model.clone();
            (settings, name)
        };
        let name = making.model.clone().unwrap_or(name);
        settings.generate.budget_usd = making.budget_usd.unwrap_or(settings.generate.budget_usd);
        let limits = limits(&settings, &name, making.practice)?;
        let client = Client::new(&app::teacher(&settings)?)?;
        Ok(Self { settings, model: Arc::new(TeacherModel::new(client, &name)), limits })
    }

    /// The same model, held to a JSON schema.
    pub(super) fn with_schema(&self, name: &str, schema: serde_json::Value) -> Arc<dyn ChatModel> {
        Arc::new(TeacherModel::clone(&self.model).with_schema(name, schema))
    }

    /// Begins the run of maker `pipeline` with its `arguments` in `folder`, or goes on with it.
    pub(super) fn begin(
        &self,
        making: &Making,
        (pipeline, arguments): (&str, serde_json::Value),
        folder: &Path,
        student: Option<Arc<dyn ChatModel>>,
    ) -> Result<Run, app::Error> {
        let facts = Facts {
            pipeline: pipeline.to_owned(),
            teacher: self.model.name().to_owned(),
            student: student.as_ref().map(|student| student.name().to_owned()),
            seed: making.seed,
            arguments,
        };
        Ok(Run::begin(Start {
            folder: folder.to_owned(),
            facts,
            teacher: self.model.clone(),
            student,
            limits: self.limits,
            prompts: making.prompts.clone(),
            clock: app::now_ms,
        })?)
    }

    /// The folder of a run.
    pub(super) fn folder(&self, making: &Making, pipeline: &str) -> PathBuf {
        making.run.clone().unwrap_or_else(|| self.settings.data.dir.join(app::GENERATED).join(pipeline))
    }
}

/// The limits of a run. What costs money has a price, or is not begun: a cap that cannot be held is none.
fn limits(settings: &Settings, model: &str, free: bool) -> Result<Limits, app::Error> {
    let section = &settings.generate;
    let price = match app::prices(settings)?.of(model, app::now_ms()) {
        Some(price) => Price { input: price.input, output: price.output },
        None if free => Price::default(),
        None => {
            return Err(format!(
                "no price is known of `{model}`, so generate.budget_usd cannot be held: set teacher.input_price and teacher.output_price (0 for a model of your own)"
            )
            .into());
        }
    };
    Ok(Limits {
        concurrency: section.concurrency,
        per_minute: section.calls_per_minute,
        price,
        cap_usd: Some(section.budget_usd),
        reasoning_tokens: section.reasoning_tokens,
        sampling: section.sends_sampling(model, &settings.teacher.parameters),
    })
}

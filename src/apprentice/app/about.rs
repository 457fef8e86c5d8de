//! What the admin API says of the program itself: the teacher, the configuration in force, the runs that made training data.

use std::io;
use std::path::Path;
use std::sync::Arc;

use admin::{About, FunnelStep, GeneratedRun, SettingView, TeacherChecked, TeacherFacts, TeacherFinding};
use capture::Distillable;
use fs_err as fs;
use generate::Report;
use generate::report::REPORT_FILE;
use teacher::Endpoint;

use crate::app::reload::Reload;
use crate::app::{Error, Shared, now_ms, prices, teacher_check};
use crate::finding::Finding;
use crate::settings::reference::{self, KEYS};
use crate::settings::{Settings, environment};

/// The folder of the makers' runs below the data folder.
pub(crate) const GENERATED: &str = "generate";
/// Keys whose tables hold what nobody needs to see.
const SECRET: [&str; 2] = ["keys", "webhooks.urls"];

impl Shared {
    /// `file` is what the program was started with, and what can be read again.
    pub(super) fn about(
        &self,
        endpoint: &Endpoint,
        key_source: &str,
        file: Option<(&Path, Arc<Reload>)>,
    ) -> Result<Arc<About>, Error> {
        let (settings, generated) = (self.settings.clone(), self.data.join(GENERATED));
        let file = file.map(|(path, reload)| (path.to_owned(), reload));
        Ok(Arc::new(About {
            since_ms: now_ms(),
            teacher: TeacherFacts {
                endpoint: endpoint.clone(),
                key_source: key_source.to_owned(),
                distillable: match settings.teacher.distillable {
                    Distillable::Yes => "yes",
                    Distillable::No => "no",
                    Distillable::Unknown => "unknown",
                },
            },
            prices: prices(&settings)?,
            registry: self.registry.clone(),
            configuration: Box::new(move || {
                let file = file.as_ref();
                let in_force = file.map_or_else(|| settings.table(), |(_, reload)| reload.in_force());
                let text =
                    file.map(|(path, _)| fs::read_to_string(path)).transpose().map_err(|error| error.to_string())?;
                rows(&settings, &in_force.map_err(|error| error.to_string())?, text.as_deref())
            }),
            generated: Box::new(move || runs(&generated).map_err(|error| error.to_string())),
            check_teacher: self.teacher_check(endpoint),
        }))
    }

    fn teacher_check(&self, endpoint: &Endpoint) -> Box<dyn Fn(Vec<String>) -> TeacherChecked + Send + Sync> {
        let (settings, endpoint) = (self.settings.clone(), endpoint.clone());
        Box::new(move |asked_for| {
            let (settings, endpoint) = (settings.clone(), endpoint.clone());
            Box::pin(async move {
                let checked = teacher_check::check(&settings, &endpoint, &asked_for, now_ms() / 1_000).await;
                let told =
                    |Finding { name, state, said, todo }| TeacherFinding { name, state: state.name(), said, todo };
                checked.found.into_iter().map(told).collect()
            })
        })
    }
}

/// Every key of the reference with its value in force; `text` is the file's.
fn rows(settings: &Settings, in_force: &toml::Table, text: Option<&str>) -> Result<Vec<SettingView>, String> {
    let said: toml::Table = text.unwrap_or_default().parse().map_err(|error: toml::de::Error| error.to_string())?;
    let defaults = Settings::default().table().map_err(|error| error.to_string())?;
    let row = |key: &reference::Key| {
        let value = reference::value(in_force, key.key)?;
        let source = if reference::value(&said, key.key).is_some() {
            "file"
        } else if reference::value(&defaults, key.key) == Some(value) {
            "default"
        } else {
            "program"
        };
        let count = value.as_table().map(toml::Table::len).or_else(|| value.as_array().map(Vec::len));
        let shown = match count.filter(|_| SECRET.contains(&key.key)) {
            Some(count) => format!("{count} set"),
            None => value.to_string(),
        };
        Some(SettingView { key: key.key.to_owned(), value: shown, source, meaning: key.meaning })
    };
    let secret = |(key, variable): (&str, &str)| SettingView {
        key: format!("${variable}"),
        value: match environment::secret(variable) {
            Ok(Some(_)) => "set".to_owned(),
            Ok(None) => "not set".to_owned(),
            Err(problem) => problem,
        },
        source: "environment",
        meaning: match key {
            "admin.token_env" => "The admin token; without it the one in the data folder.",
            _ => "A key for a server.",
        },
    };
    let variables = [
        ("admin.token_env", settings.admin.token_env.as_str()),
        ("teacher.key_env", settings.teacher.key_env.as_str()),
    ];
    Ok(KEYS.iter().filter_map(row).chain(variables.map(secret)).collect())
}

/// The runs below `dir` that have a report, the newest first.
fn runs(dir: &Path) -> io::Result<Vec<GeneratedRun>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let entry = entry?;
        let report: Option<Report> = files::read_json(&entry.path().join(REPORT_FILE)).unwrap_or_else(|error| {
            tracing::warn!(%error, "the report of a run cannot be read; the run is not shown");
            None
        });
        runs.extend(report.map(|report| run(entry.file_name().to_string_lossy().into_owned(), report)));
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.ended_at_ms));
    Ok(runs)
}

fn run(name: String, report: Report) -> GeneratedRun {
    let Report { run, ended_at_ms, ended, spent_usd, kept, dropped, funnel, .. } = report;
    let step = |step: generate::funnel::Step| FunnelStep {
        name: step.name,
        came: step.came,
        left: step.left,
        dropped: step.dropped,
    };
    let funnel = funnel.steps.into_iter().map(step).collect();
    GeneratedRun { name, maker: run.pipeline, ended_at_ms, ended, spent_usd, kept, dropped, funnel }
}

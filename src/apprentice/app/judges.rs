//! The judge as the gateway asks it: a model at the teacher's address or another, with what it has spent today kept on
//! disk, so that a restart spends nothing twice.

use std::path::PathBuf;
use std::sync::Arc;

use gateway::{Judging, Opinion};
use judge::{Judge, JudgeError};
use teacher::{Client, Endpoint, TeacherModel};
use telemetry::Metrics;
use wire::Prompt;

use crate::app::Error;
use crate::settings::Settings;
use crate::settings::environment;

/// In the data folder: the day and the money that was spent on it.
const SPENT_FILE: &str = "judge-spent.json";

struct PaidJudge {
    judge: Judge,
    spent_file: PathBuf,
    metrics: Arc<Metrics>,
}

/// The configured judge, if any. Its connections belong to the runtime that this is called on.
pub(crate) fn judge(
    settings: &Settings,
    teacher: &Endpoint,
    data: &std::path::Path,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<dyn Judging>>, Error> {
    if !settings.judge.settings().enabled() {
        return Ok(None);
    }
    let (judge, spent_file) = (open(settings, teacher, data)?, data.join(SPENT_FILE));
    metrics.judge_budget_usd().set(settings.judge.budget_per_day);
    metrics.judge_spent_usd().set(judge.spent().amount);
    Ok(Some(Arc::new(PaidJudge { judge, spent_file, metrics: metrics.clone() })))
}

/// The configured judge by itself. What the proxy has spent today counts; what this one spends the proxy does not know.
pub(crate) fn open(settings: &Settings, teacher: &Endpoint, data: &std::path::Path) -> Result<Judge, Error> {
    let section = &settings.judge;
    let endpoint = match &section.base_url {
        None => teacher.clone(),
        Some(url) => {
            let key = environment::secret_named(section.key_env.as_deref())?;
            Endpoint::new(url, key.as_deref(), None).map_err(|error| format!("judge.base_url: {error}"))?
        }
    };
    let model = TeacherModel::new(Client::new(&endpoint)?, &section.model);
    let judge = Judge::new(Arc::new(model), section.settings())?;
    if let Some(spent) = files::read_json(&data.join(SPENT_FILE))? {
        judge.resume(spent);
    }
    Ok(judge)
}

impl Judging for PaidJudge {
    fn prefer<'a>(&'a self, prompt: &'a Prompt, student: &'a str, teacher: &'a str, now_ms: u64) -> Opinion<'a> {
        Box::pin(async move {
            let verdict = self.judge.prefer(prompt, student, teacher, now_ms).await;
            self.keep_spent().await;
            match verdict {
                Ok(preference) => Ok(preference.quality()),
                Err(error @ JudgeError::BudgetSpent { .. }) => Err(format!("{error}; evidence waits for tomorrow")),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

impl PaidJudge {
    /// A verdict is not given before what it cost is on disk.
    async fn keep_spent(&self) {
        let (spent, path) = (self.judge.spent(), self.spent_file.clone());
        self.metrics.judge_spent_usd().set(spent.amount);
        match tokio::task::spawn_blocking(move || files::replace_json(&path, &spent)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "what the judge has spent cannot be kept"),
            Err(error) => tracing::error!(%error, "what the judge has spent cannot be kept"),
        }
    }
}

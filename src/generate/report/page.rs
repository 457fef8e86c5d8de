//! The report as one HTML page: no script, nothing fetched; whatever a model wrote is escaped.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};

use super::{Report, plots};
use crate::GenerateError;

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn page(report: &Report) -> Result<String, GenerateError> {
    let failed = |error: minijinja::Error| GenerateError::Template {
        name: "report/page.html".into(),
        problem: error.to_string(),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("share", |value: f64| format!("{:.1} %", 100.0 * value));
    environment.add_filter("three", |value: f64| format!("{value:.3}"));
    environment.add_template("page.html", TEMPLATE).map_err(failed)?;
    let slots = context! {
        report => Serde(report),
        funnel_plot => plots::funnel(&report.funnel),
        novelty_plot => plots::histogram(&report.novelty),
        words_plot => plots::histogram(&report.words),
        has_novelty => report.novelty.counts.iter().any(|count| *count > 0),
        arguments => serde_json::to_string(&report.run.arguments).unwrap_or_default(),
    };
    environment.get_template("page.html").and_then(|page| page.render(slots)).map_err(failed)
}

//! What a person reads at a run's end, and before its begin.

use std::path::Path;

use generate::report::{PAGE_FILE, Report};
use generate::{Estimate, Planned};
use wire::ChatModel;

use super::open::Opened;

/// The run in lines.
pub(super) fn lines(report: &Report, folder: &Path) -> Vec<String> {
    let mut lines = vec![format!("{:<24} {:>8} {:>8} {:>7}  dropped", "step", "in", "out", "share")];
    for step in &report.funnel.steps {
        let dropped: Vec<String> = step.dropped.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let share = step.left as f64 / step.came.max(1) as f64;
        let (name, came, left) = (&step.name, step.came, step.left);
        lines.push(format!("{name:<24} {came:>8} {left:>8} {share:>7.3}  {}", dropped.join(", ")));
    }
    let figure = |(name, value): &(String, f64)| format!("{name}: {value:.3}");
    lines.extend(report.figures.iter().map(figure));
    let Report { calls_paid, calls_replayed, calls_failed, spent_usd, seconds, refused, .. } = report;
    lines.push(format!(
        "{calls_paid} calls asked, {calls_replayed} from the journal, {calls_failed} without an answer; {spent_usd:.4} dollars in all; {seconds:.1} s"
    ));
    if *refused > 0 {
        lines.push(format!("{refused} lines of input could not be read; the report names them"));
    }
    lines.push(format!("{} kept, {} dropped; see {}", report.kept, report.dropped, folder.join(PAGE_FILE).display()));
    lines
}

/// What a run would ask.
pub(super) fn estimate(estimate: &Estimate, opened: &Opened) -> Vec<String> {
    let model = opened.model.name();
    let mut lines = vec![format!("{:<24} {:>8} {:>14} {:>14}", "stage", "calls", "prompt tokens", "answer tokens")];
    for Planned { stage, calls, prompt_tokens, answer_tokens } in &estimate.stages {
        lines.push(format!("{stage:<24} {calls:>8} {prompt_tokens:>14} {answer_tokens:>14}"));
    }
    let Estimate { calls, tokens, usd, .. } = estimate;
    let cap = opened.limits.cap_usd.unwrap_or(f64::INFINITY);
    lines.push(format!(
        "about {calls} calls of {model}, {tokens} tokens, {usd:.4} dollars; the run stops at {cap:.2} dollars"
    ));
    lines
}

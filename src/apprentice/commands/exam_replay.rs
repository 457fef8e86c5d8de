//! `apprentice exam replay`: the whole gate over recorded answers. `docs/replay.md` says what the file holds.

use std::process::ExitCode;

use simulate::{Form, Replay as Replayed, ReplayReport, Size};
use verify::Measure;

use crate::Outcome;
use crate::cli::{Replay, ReplayMeasure};
use crate::commands::simulate::{policy, threads};
use crate::output::print_line;

/// Replays and prints.
pub(crate) fn replay(arguments: &Replay) -> Outcome {
    if arguments.orders == 0 {
        return Err("--orders 0 must be at least 1".into());
    }
    let (path, file) = (&arguments.data, arguments.data.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
    let rows = simulate::read_rows(&file, &text, Form::of(&file))?;
    let policy = policy(arguments.policy.as_deref())?;
    let measure = match arguments.measure {
        ReplayMeasure::Value => Measure::Value { tolerance: policy.tolerance },
        ReplayMeasure::Exact => Measure::Exact,
        ReplayMeasure::Similar => Measure::Similar,
    };
    let size = Size { runs: arguments.orders, seed: arguments.seed, threads: threads() };
    let report = simulate::replay_rows(&Replayed { rows: &rows, measure, policy: &policy, size })?;
    print_line(&if arguments.json { serde_json::to_string(&report)? } else { table(&report) })?;
    Ok(ExitCode::SUCCESS)
}

fn table(report: &ReplayReport) -> String {
    let interval = |name: &str, value: simulate::Interval| {
        format!("{name:44}  {:.4}  ({:.4} .. {:.4})", value.mean, value.low, value.high)
    };
    let of_orders = |name: &str, count: usize| format!("{name:44}  {count} of {}", report.orders);
    let mut lines = vec![
        format!(
            "{} rows, {} orders: a fifth (at most 200) is the exam, the rest are requests",
            report.rows, report.orders
        ),
        of_orders("orders that end with the student serving", report.orders_serving),
        interval("served locally, share of requests", report.served),
        interval("differ from the teacher, of those served", report.disagreement_among_served),
        interval("differ from the teacher, of all requests", report.joint_disagreement),
        interval("calls of the teacher, share of requests", report.teacher_calls),
    ];
    if let Some(accuracy) = &report.accuracy {
        lines.push(interval("right by the label, what clients get", accuracy.routed));
        lines.push(format!("{:44}  {:.4}", "right by the label, teacher alone", accuracy.teacher));
        lines.push(format!("{:44}  {:.4}", "right by the label, student alone", accuracy.student));
    }
    let (alpha, delta) = (report.risk_alpha, report.risk_delta);
    lines.push(of_orders(&format!("threshold riskier than {alpha} (delta {delta})"), report.violations_of_threshold));
    lines.push(of_orders(&format!("served more than {alpha} badly"), report.violations_served));
    lines.join("\n")
}

//! What came of a sweep: the table, the drawing, the best and how to use it.

use std::path::{Path, PathBuf};

use jobs::report::report_path;
use jobs::{TrainReport, TrainingArguments};
use plot::{Line, Plot};
use serde::{Deserialize, Serialize};

use super::combination::Combination;
use crate::app;
use crate::output::print_line;

/// One combination as the sweep's files tell it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) rank: u32,
    pub(super) alpha: f64,
    pub(super) learning_rate: f64,
    /// The adapter's folder.
    pub(super) adapter: PathBuf,
    /// Steps done, and the one whose parameters were kept.
    pub(super) steps: Option<u64>,
    pub(super) kept: Option<u64>,
    pub(super) held_out_loss: Option<f64>,
    pub(super) held_out_exact: Option<f64>,
    pub(super) seconds: Option<f64>,
    /// Why there is nothing of it.
    pub(super) problem: Option<String>,
}

impl Tried {
    pub(super) fn done(combination: &Combination, report: TrainReport) -> Self {
        let kept = report.kept;
        Self {
            steps: Some(report.steps),
            kept: kept.map(|kept| kept.step),
            held_out_loss: kept.map(|kept| kept.loss),
            held_out_exact: kept.map(|kept| kept.exact),
            seconds: Some(report.seconds),
            problem: None,
            ..Self::failed(combination, String::new())
        }
    }

    pub(super) fn failed(combination: &Combination, problem: String) -> Self {
        let TrainingArguments { rank, alpha, learning_rate, .. } = combination.job.arguments;
        Self {
            rank,
            alpha,
            learning_rate,
            adapter: combination.job.out.clone(),
            steps: None,
            kept: None,
            held_out_loss: None,
            held_out_exact: None,
            seconds: None,
            problem: Some(problem),
        }
    }

    fn cells(&self) -> [String; 7] {
        let number = |value: Option<f64>, places| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.places$}"));
        let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |count| count.to_string());
        [
            self.rank.to_string(),
            self.learning_rate.to_string(),
            number(self.held_out_loss, 4),
            number(self.held_out_exact, 2),
            count(self.kept),
            count(self.steps),
            number(self.seconds, 1),
        ]
    }
}

const HEAD: [&str; 7] = ["rank", "learning_rate", "held_out_loss", "exact", "kept_step", "steps", "seconds"];

/// The place of the lowest held-out loss; among equals more exact replies, then the earlier.
pub(super) fn best(runs: &[Tried]) -> Option<usize> {
    let done = runs.iter().enumerate().filter_map(|(at, run)| {
        let loss = run.held_out_loss.filter(|loss| loss.is_finite())?;
        Some((at, loss, run.held_out_exact.unwrap_or_default()))
    });
    done.min_by(|one, other| one.1.total_cmp(&other.1).then(other.2.total_cmp(&one.2))).map(|(at, ..)| at)
}

/// Prints the table and the best, and draws every held-out curve over the others.
pub(super) fn report(folder: &Path, runs: &[Tried]) -> Result<(), app::Error> {
    files::replace(&folder.join("sweep.svg"), drawing(runs)?.svg.as_bytes())?;
    for line in table(runs) {
        print_line(&line)?;
    }
    let Some(best) = best(runs).and_then(|at| runs.get(at)) else { return Ok(()) };
    let Tried { rank, alpha, learning_rate, adapter, .. } = best;
    print_line(&format!("best: rank {rank}, learning rate {learning_rate}; its adapter: {}", adapter.display()))?;
    print_line(&format!(
        "to learn like it: rank = {rank}, alpha = {alpha}, learning_rate = {learning_rate} in [arguments] of a job, or in \
         [lessons.train] of the configuration for every lesson"
    ))?;
    Ok(())
}

fn table(runs: &[Tried]) -> Vec<String> {
    let best = best(runs);
    let rows: Vec<[String; 7]> = runs.iter().map(Tried::cells).collect();
    let widths: Vec<usize> = HEAD
        .iter()
        .enumerate()
        .map(|(at, head)| rows.iter().filter_map(|row| row.get(at)).map(String::len).fold(head.len(), usize::max))
        .collect();
    let line = |cells: &[String; 7], end: &str| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        format!("{}{end}", cells.join("  "))
    };
    let mut lines = vec![line(&HEAD.map(str::to_owned), "")];
    for (at, (row, run)) in rows.iter().zip(runs).enumerate() {
        let end = match &run.problem {
            Some(problem) => format!("  failed: {problem}"),
            None if best == Some(at) => "  best".to_owned(),
            None => String::new(),
        };
        lines.push(line(row, &end));
    }
    lines
}

fn drawing(runs: &[Tried]) -> Result<Plot, app::Error> {
    let mut drawn = Vec::new();
    for run in runs.iter().filter(|run| run.problem.is_none()) {
        let Some(report) = files::read_json::<TrainReport>(&report_path(&run.adapter))? else { continue };
        #[expect(clippy::cast_precision_loss, reason = "step counts")]
        let points = report.curve.held_out.iter().map(|point| (point.step as f64, point.loss)).collect();
        let name = format!("rank {}, {}", run.rank, run.learning_rate);
        drawn.push(Line { dots: true, ..Line::new(name, points) });
    }
    let axes = ["step", "held-out loss"];
    Ok(plot::curves("sweep", "Held-out loss by rank and learning rate", axes, &drawn, None))
}

#[cfg(test)]
mod tests;

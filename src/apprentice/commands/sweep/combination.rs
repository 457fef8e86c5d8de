//! One combination of a sweep: its values, its folder, its job, and whether it is done.

use std::fmt;
use std::path::PathBuf;

use jobs::report::report_path;
use jobs::{Method, TrainJob, TrainReport};

use crate::app;

/// What is tried, and where.
pub(super) struct Combination {
    pub(super) rank: u32,
    pub(super) learning_rate: f64,
    pub(super) folder: PathBuf,
    pub(super) job: TrainJob,
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {}, learning rate {}", self.rank, self.learning_rate)
    }
}

/// Every combination, in the order of the values.
///
/// # Errors
/// In words, when a value cannot work or there is nothing to vary.
pub(super) fn combinations(job: &TrainJob, rates: &[f64], ranks: &[u32]) -> Result<Vec<Combination>, app::Error> {
    if rates.is_empty() && ranks.is_empty() {
        return Err("there is nothing to vary: give --learning-rate, --rank or both".into());
    }
    if job.method != Method::Sft && !ranks.is_empty() {
        let why = match job.method {
            Method::Pretrain => "pretrain trains every weight",
            _ => "kto and dpo have their reference's",
        };
        return Err(format!("--rank is only for sft: {why}").into());
    }
    let (rates, ranks) = (distinct(rates, job.arguments.learning_rate), distinct(ranks, job.arguments.rank));
    let mut all = Vec::new();
    for rank in &ranks {
        for learning_rate in &rates {
            let folder = job.out.join(format!("rank-{rank}-learning-rate-{learning_rate}"));
            let mut job =
                TrainJob { out: folder.join("adapter"), checkpoint: folder.join("checkpoint"), ..job.clone() };
            let arguments = &mut job.arguments;
            arguments.alpha *= f64::from(*rank) / f64::from(arguments.rank);
            (arguments.rank, arguments.learning_rate) = (*rank, *learning_rate);
            let problem = arguments.problems().into_iter().next();
            if let Some(problem) = problem {
                return Err(format!("a value of the sweep cannot work: {problem}").into());
            }
            all.push(Combination { rank: *rank, learning_rate: *learning_rate, folder, job });
        }
    }
    Ok(all)
}

/// Each value once, in the order in which they came; the job's own without any.
fn distinct<T: PartialEq + Copy>(values: &[T], own: T) -> Vec<T> {
    if values.is_empty() {
        return vec![own];
    }
    let mut found: Vec<T> = Vec::new();
    for value in values {
        if !found.contains(value) {
            found.push(*value);
        }
    }
    found
}

impl Combination {
    /// The report of its run, if that has ended: the report says so only when the adapter is there.
    pub(super) fn finished(&self) -> Result<Option<TrainReport>, app::Error> {
        let report: Option<TrainReport> = files::read_json(&report_path(&self.job.out))?;
        Ok(report.filter(|report| report.ended.is_some() && report.arguments.fill_in(&self.job.arguments)))
    }
}

#[cfg(test)]
mod tests;

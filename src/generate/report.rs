//! What came of a run: the funnel, the cost, the time, samples of what was kept and dropped. As JSON and as one page that needs
//! nothing else.

mod page;
mod plots;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::GenerateError;
use crate::facts::{Facts, Refused};
use crate::funnel::Funnel;
use crate::item::Item;
use crate::meter::Reading;

/// The report's files, and the kept examples as chat lines.
pub const REPORT_FILE: &str = "report.json";
pub const PAGE_FILE: &str = "report.html";
pub const EXAMPLES_FILE: &str = "examples.jsonl";

/// Samples of either kind, and refused lines that are listed.
const SAMPLES: usize = 20;
const REFUSED_LISTED: usize = 100;
/// Letters of a sample's text.
const SAMPLE_LETTERS: usize = 400;
/// Bars of a histogram.
const BARS: usize = 20;

/// What a report is made of.
pub(crate) struct Made<'a> {
    pub(crate) facts: Facts,
    pub(crate) items: &'a [Item],
    pub(crate) funnel: Funnel,
    pub(crate) refused: Vec<Refused>,
    pub(crate) figures: Vec<(String, f64)>,
    pub(crate) reading: Reading,
    pub(crate) seconds: f64,
    pub(crate) ended_at_ms: u64,
    pub(crate) ended: Option<String>,
}

/// One run, told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub run: Facts,
    pub ended_at_ms: u64,
    /// Why it stopped before its end.
    pub ended: Option<String>,
    /// Of this part of the run.
    pub seconds: f64,
    /// Calls that were asked now, that the journal answered, and that have no answer.
    pub calls_paid: u64,
    pub calls_replayed: u64,
    pub calls_failed: u64,
    /// Of the whole run, its earlier parts included.
    pub spent_usd: f64,
    pub kept: u64,
    pub dropped: u64,
    /// Why items were dropped, by the check that failed.
    pub reasons: BTreeMap<String, u64>,
    pub funnel: Funnel,
    pub figures: Vec<(String, f64)>,
    pub refused: u64,
    /// The first of them.
    pub refused_lines: Vec<Refused>,
    pub kept_samples: Vec<Sample>,
    pub dropped_samples: Vec<Sample>,
    pub novelty: Histogram,
    pub words: Histogram,
}

/// One item, shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub id: String,
    pub stage: String,
    pub text: String,
    /// What dropped it.
    pub reason: Option<String>,
}

/// How many items fall into each of equal ranges from 0 to `most`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    pub most: f64,
    pub counts: Vec<u64>,
}

impl Report {
    pub(crate) fn of(made: Made<'_>) -> Self {
        let Made { facts, items, funnel, mut refused, figures, reading, seconds, ended_at_ms, ended } = made;
        let (kept, dropped): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.is_kept());
        let mut reasons = BTreeMap::new();
        for item in &dropped {
            let reason = item.dropped_by().map_or("", |check| check.name.as_str());
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
        let refused_count = refused.len() as u64;
        refused.truncate(REFUSED_LISTED);
        let novelty: Vec<f64> = items.iter().filter_map(|item| item.max_rouge).collect();
        let words = items.iter().map(|item| item.raw_text.split_whitespace().count());
        #[expect(clippy::cast_precision_loss, reason = "word counts")]
        let words: Vec<f64> = words.map(|count| count as f64).collect();
        Self {
            run: facts,
            ended_at_ms,
            ended,
            seconds,
            calls_paid: reading.paid,
            calls_replayed: reading.replayed,
            calls_failed: reading.failed,
            spent_usd: reading.spent_usd,
            kept: kept.len() as u64,
            dropped: dropped.len() as u64,
            reasons,
            funnel,
            figures,
            refused: refused_count,
            refused_lines: refused,
            kept_samples: spread(&kept),
            dropped_samples: by_reason(&dropped),
            novelty: Histogram::of(&novelty, 1.0),
            words: Histogram::of(&words, words.iter().copied().fold(1.0, f64::max)),
        }
    }

    /// Writes both forms into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), GenerateError> {
        files::replace_json(&folder.join(REPORT_FILE), self)?;
        files::replace(&folder.join(PAGE_FILE), page::page(self)?.as_bytes())?;
        Ok(())
    }
}

impl Sample {
    fn of(item: &Item) -> Self {
        let reason = item.dropped_by().map(|check| match (&check.detail, check.value, check.limit) {
            (Some(detail), _, _) => format!("{}: {detail}", check.name),
            (None, Some(value), Some(limit)) => format!("{}: {value:.3}, limit {limit}", check.name),
            _ => check.name.clone(),
        });
        let text: String = item.raw_text.chars().take(SAMPLE_LETTERS).collect();
        Self { id: item.id.clone(), stage: item.stage.clone(), text, reason }
    }
}

/// Evenly from the first to the last.
fn spread(items: &[&Item]) -> Vec<Sample> {
    let step = items.len().div_ceil(SAMPLES).max(1);
    items.iter().step_by(step).map(|item| Sample::of(item)).collect()
}

/// One of every reason, then the next of every reason, and so on.
fn by_reason(dropped: &[&Item]) -> Vec<Sample> {
    let mut groups: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in dropped {
        groups.entry(item.dropped_by().map_or("", |check| check.name.as_str())).or_default().push(item);
    }
    let rounds = groups.values().map(Vec::len).max().unwrap_or(0);
    let picked = (0..rounds).flat_map(|round| groups.values().filter_map(move |group| group.get(round)));
    picked.take(SAMPLES).map(|item| Sample::of(item)).collect()
}

impl Histogram {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "places of bars"
    )]
    fn of(values: &[f64], most: f64) -> Self {
        let mut counts = vec![0; BARS];
        for value in values {
            let place = ((value / most * BARS as f64) as usize).min(BARS - 1);
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        Self { most, counts }
    }
}

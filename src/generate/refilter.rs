//! Other thresholds for a finished run, without asking anybody: every item carries what each filter found.
//!
//! A value that was found against what had been kept by then, such as likeness to the pool, stays what it was. What was never made because
//! an earlier step dropped its origin (the examples of an instruction) stays unmade: the report says how many instructions have none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;

use crate::GenerateError;
use crate::item::Item;
use crate::report::Report;
use crate::run::{self, Facts, Rewritten};

/// Applies `limits`, by the names of their checks, to the run in `from` and writes the result to `to`.
///
/// # Errors
/// When a file cannot be read or written, or no item has a number of that name.
pub fn refilter(from: &Path, to: &Path, limits: &BTreeMap<String, f64>, now_ms: u64) -> Result<Report, GenerateError> {
    let (mut items, refused) = run::read_items(from)?;
    let numbered: BTreeSet<&str> = items
        .iter()
        .flat_map(|item| &item.checks)
        .filter(|check| check.bound.is_some())
        .map(|check| check.name.as_str())
        .collect();
    if let Some(unknown) = limits.keys().find(|name| !numbered.contains(name.as_str())) {
        let known: Vec<&str> = numbered.into_iter().collect();
        let from = from.display();
        return Err(GenerateError::Nothing(format!(
            "no item of {from} has a number `{unknown}`; there are: {}",
            known.join(", ")
        )));
    }
    let before: Vec<bool> = items.iter().map(Item::is_kept).collect();
    for check in items.iter_mut().flat_map(|item| &mut item.checks) {
        if let Some(limit) = limits.get(&check.name) {
            *check = check.again(*limit);
        }
    }
    let changed =
        |now: bool| items.iter().zip(&before).filter(|(item, before)| item.is_kept() == now && **before != now).count();
    let origins: BTreeSet<&String> = items.iter().flat_map(|item| &item.parents).collect();
    let unmade =
        items.iter().filter(|item| item.is_kept() && item.messages.is_empty() && !origins.contains(&item.id)).count();
    let mut facts: Facts = files::read_json(&from.join(run::RUN_FILE))?
        .ok_or_else(|| GenerateError::Nothing(format!("{} is no run", from.display())))?;
    facts.arguments["refiltered"] = json!(limits);
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let figures = [
        ("newly kept", changed(true)),
        ("newly dropped", changed(false)),
        ("kept, but nothing was made of it", unmade),
    ]
    .map(|(name, count)| (name.to_owned(), count as f64));
    run::rewrite(to, Rewritten { facts, items, refused, figures: figures.to_vec(), now_ms })
}

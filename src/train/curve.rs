//! The loss curves of a run: collected step by step, thinned as they grow, drawn.

use jobs::{Curve, HeldOutPoint, LossPoint, TrainReport};
use plot::{Line, Plot};

/// Points of the training curve, at most: finer than the drawing's pixels.
const POINTS_MAX: usize = 1_024;

/// Adds the loss of `step`. A full curve becomes one of half as many points, each the mean of two; so the points depend
/// on the steps alone, however often the run was interrupted.
pub(crate) fn add_step(curve: &mut Curve, step: u64, loss: f64) {
    let points = &mut curve.train;
    // Every point but the last is full.
    let full = points.first().map_or(1, |point| point.steps);
    match points.last_mut() {
        Some(last) if last.steps < full => *last = joined(*last, LossPoint { step, steps: 1, loss }),
        _ => points.push(LossPoint { step, steps: 1, loss }),
    }
    if points.len() > POINTS_MAX {
        *points = points.chunks(2).filter_map(|pair| pair.iter().copied().reduce(joined)).collect();
    }
}

fn joined(one: LossPoint, other: LossPoint) -> LossPoint {
    let steps = one.steps + other.steps;
    let loss = (one.loss * one.steps as f64 + other.loss * other.steps as f64) / steps as f64;
    LossPoint { step: other.step, steps, loss }
}

/// Adds an evaluation; one of the same step takes its place, because a run that was killed at its end looks again.
pub(crate) fn add_evaluation(curve: &mut Curve, found: HeldOutPoint) {
    curve.held_out.retain(|point| point.step != found.step);
    curve.held_out.push(found);
}

/// The curves as a drawing.
pub(crate) fn drawing(report: &TrainReport) -> Plot {
    let train = report.curve.train.iter().map(|point| (point.step as f64, point.loss)).collect();
    let held_out = report.curve.held_out.iter().map(|point| (point.step as f64, point.loss)).collect();
    let drawn = [Line::new("train", train), Line { dots: true, ..Line::new("held out", held_out) }];
    let unit = if report.method.is_preference() { "loss" } else { "loss, nats a token" };
    let name = report.base.file_name().unwrap_or_default().to_string_lossy();
    let title = format!(
        "{name}, rank {}, learning rate {}: {} examples",
        report.arguments.rank, report.arguments.learning_rate, report.train.examples
    );
    let kept = report.kept.map(|kept| ((kept.step as f64, kept.loss), "kept"));
    plot::curves("curve", &title, ["step", unit], &drawn, kept)
}

#[cfg(test)]
mod tests;

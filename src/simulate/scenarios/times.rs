//! How many audits a good student needs, and the bound that a dashboard would show meanwhile.

use handover::State;
use handover::betting::Betting;
use handover::tally::{Tally, percent};
use plot::{Line, lines};

use crate::chance::{coin, quality};
use crate::driven::{Answer, Driven};
use crate::figures::{Goal, Report, Table};
use crate::scenarios::promotion::{AUDITS, BETS, alone};
use crate::scenarios::{World, time_cell, time_row};
use crate::summary::{Times, size};

/// How much better than asked the students are: .93, .95, .97 and .99 of .90.
const PARTS: [f64; 4] = [0.3, 0.5, 0.7, 0.9];
/// Runs whose bounds are averaged in the plot.
const BOUNDS: u64 = 100;

fn goal(betting: Betting, mean: f64) -> Goal {
    match mean {
        _ if betting != Betting::Mix5 => Goal::None,
        mean if (mean - 0.99).abs() < 1e-9 => Goal::AtMost(45.0),
        mean if (mean - 0.95).abs() < 1e-9 => Goal::AtMost(190.0),
        _ => Goal::None,
    }
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let policy = &world.policy;
    let q0 = policy.quality_min;
    let means = PARTS.map(|part| q0 + (1.0 - q0) * part);
    let about = format!(
        "Audits until the gate lets a student of this quality pass, median / 90 % quantile; q0 = {q0}, a dash where fewer \
         runs got there within {AUDITS} audits. \"Test 1 alone\" has the whole alpha = {}; the whole machine has its first \
         version's share of alpha, most of it at the suggested threshold, and proves the risk beside the quality.",
        policy.promote_alpha
    );
    let head: Vec<String> = means.iter().map(|mean| format!("{mean:.2}")).collect();
    let head: Vec<&str> = std::iter::once("gate").chain(head.iter().map(String::as_str)).collect();
    let mut table = Table::new("Audits until promotion", about, &head);
    let mut report = Report::default();
    for (betting, name) in BETS {
        let mut cells = vec![format!("test 1 alone, {name}")];
        for mean in means {
            let runs = world.with(10).map(&format!("time {name} {mean}"), |rng| alone(rng, policy, betting, mean));
            let times = Times::of(runs.into_iter());
            cells.push(time_cell(&times));
            let title = format!("audits to promote, test 1 alone, {name}, at {mean:.2}");
            report.rows.push(time_row(title, &times, "audits", world.goal(goal(betting, mean))));
        }
        table.push(cells);
    }
    let whole = whole(world, &means);
    for (at, stage) in ["to canary", "to student"].into_iter().enumerate() {
        let mut cells = vec![format!("whole machine, {stage}")];
        for (mean, stages) in means.iter().zip(&whole) {
            let Some(times) = stages.get(at) else { continue };
            cells.push(time_cell(times));
            let title = format!("audits to promote, whole machine {stage}, at {mean:.2}");
            report.rows.push(time_row(title, times, "audits", Goal::None));
        }
        table.push(cells);
    }
    report.tables.push(table);
    report.plots.push(bounds(world));
    report
}

/// Audits to the canary and to the student, for each quality.
fn whole(world: &World, means: &[f64]) -> Vec<[Times; 2]> {
    let policy = &world.policy;
    let of = |mean: f64| {
        let runs = world.with(10).map(&format!("time whole {mean}"), |rng| {
            let mut driven = Driven::plain(policy);
            let canary = driven.until(State::Canary, AUDITS, || Answer::sure(coin(rng, mean)));
            let more = canary.and_then(|_| driven.until(State::Student, AUDITS, || Answer::sure(coin(rng, mean))));
            (canary, canary.zip(more).map(|(canary, more)| canary + more))
        });
        [Times::of(runs.iter().map(|run| run.0)), Times::of(runs.iter().map(|run| run.1))]
    };
    means.iter().map(|mean| of(*mean)).collect()
}

/// The lower bound over audits, averaged over runs.
fn bounds(world: &World) -> plot::Plot {
    let (q0, alpha) = (world.policy.quality_min, world.policy.promote_alpha);
    let mut drawn = vec![Line::level(&format!("asked for: {q0}"), q0, 1_000.0)];
    for mean in [q0 - 0.05, q0, q0 + (1.0 - q0) * 0.5, q0 + (1.0 - q0) * 0.9] {
        let size_of = crate::Size { runs: BOUNDS.min(world.size.runs), ..world.size };
        let runs = size_of.map(&format!("bound {mean}"), |rng| {
            let mut tally = Tally::default();
            let at = |step: u64| {
                (0..20).for_each(|_| tally.add(percent(quality(coin(rng, mean)))));
                (step, tally.lower_bound(alpha))
            };
            (1..=50u64).map(at).collect::<Vec<_>>()
        });
        let mean_at = |step: usize| {
            runs.iter().filter_map(|run| run.get(step)).map(|point| point.1).sum::<f64>() / size(runs.len())
        };
        let points = (0..50usize).map(|step| (20.0 * (size(step) + 1.0), mean_at(step))).collect();
        drawn.push(Line::new(format!("true quality {mean:.2}"), points));
    }
    lines("bound", "Lower bound of quality over audits (mean of runs)", ["audits", "lower bound"], 0.5, &drawn)
}

//! Audits whose probability depends on the confidence: weights keep the error, without them it is lost.

use handover::betting::{mix5_capital, mix5_gains, weighted_gains};
use rand_chacha::ChaCha8Rng;

use crate::chance::{coin, quality};
use crate::figures::{Goal, Report, Table};
use crate::scenarios::{World, share_cell, share_row};
use crate::summary::Times;

/// Requests of a run.
const REQUESTS: u64 = 20_000;
/// Half of the answers are sure. What is asked for is the mean of both; sure ones are better by as much as unsure
/// ones are worse.
const APART: f64 = 0.05;

/// How requests are chosen for audits, and how they are counted.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Probability of an audit of a sure and of an unsure answer.
    sure: f64,
    unsure: f64,
    weighted: bool,
}

/// Requests until the test at `alpha` passes, of a student exactly at the bound.
fn run(rng: &mut ChaCha8Rng, q0: f64, alpha: f64, way: Way) -> Option<u64> {
    let (needed, p_min) = (-alpha.ln(), way.sure.min(way.unsure));
    let mut logs = [0.0; 5];
    (1..=REQUESTS).find(|_| {
        let is_sure = coin(rng, 0.5);
        let x = quality(coin(rng, if is_sure { q0 + APART } else { q0 - APART }));
        let p = if is_sure { way.sure } else { way.unsure };
        if !coin(rng, p) {
            return false;
        }
        let gains = if way.weighted { weighted_gains(x, q0, p, p_min) } else { mix5_gains(x, q0) };
        logs.iter_mut().zip(gains).for_each(|(log, gain)| *log += gain);
        mix5_capital(&logs) >= needed
    })
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let (q0, alpha) = (world.policy.quality_min, world.policy.promote_alpha);
    let about = format!(
        "Test 1 alone (mix5, alpha = {alpha}) of a student whose mean quality is {q0}: sure answers {APART} better, unsure ones \
         {APART} worse; {REQUESTS} requests. The product audits evenly and needs no weights."
    );
    let head = ["audited of sure", "of unsure", "counted", "promoted", "holds the error"];
    let mut table = Table::new("Audits that depend on confidence", about, &head);
    let mut report = Report::default();
    for (sure, unsure, weighted) in
        [(0.1, 0.1, false), (0.2, 0.05, false), (0.2, 0.05, true), (0.05, 0.2, false), (0.05, 0.2, true)]
    {
        let how = if weighted { "by 1/p" } else { "once each" };
        let name = format!("audits {sure} of sure, {unsure} of unsure, counted {how}");
        let way = Way { sure, unsure, weighted };
        let promoted = Times::of(world.with(10).map(&name, |rng| run(rng, q0, alpha, way)).into_iter()).happened();
        let holds = if promoted.share <= alpha { "yes" } else { "NO" };
        table.push([sure.to_string(), unsure.to_string(), how.to_owned(), share_cell(promoted), holds.to_owned()]);
        let goal = if weighted || (sure - unsure).abs() < 1e-9 { Goal::AtMost(alpha) } else { Goal::None };
        report.rows.push(share_row(format!("false promotion, {name}"), promoted, goal));
    }
    report.tables.push(table);
    report
}

//! How often a student that is not better than asked is promoted: the whole machine, the first test alone, and over
//! retrainings.

use handover::Policy;
use handover::betting::Betting;
use handover::gate::{Claims, Gate, Seen};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use verify::Measure;

use crate::chance::{coin, quality};
use crate::driven::{Answer, Driven, Grid};
use crate::figures::{Goal, Report, Table};
use crate::scenarios::{World, share_cell, share_row};
use crate::summary::Times;

/// Audits of a run.
pub(crate) const AUDITS: u64 = 3_000;
/// How far below what is asked for the students are.
const BELOW: [f64; 3] = [0.0, 0.02, 0.05];
/// Versions that one after the other try.
const RETRAINS: u32 = 10;
/// Ways to bet.
pub(crate) const BETS: [(Betting, &str); 3] =
    [(Betting::Mix5, "mix5"), (Betting::Agrapa, "aGRAPA"), (Betting::PrplEb, "PrPl-EB")];

/// Audits after which the whole machine began to serve a student of this quality whose confidence says nothing.
pub(crate) fn whole(rng: &mut ChaCha8Rng, policy: &Policy, mean: f64) -> Option<u64> {
    let mut driven = Driven::plain(policy);
    (1..=AUDITS).find(|_| {
        driven.audit(Answer::sure(coin(rng, mean)));
        driven.is_serving()
    })
}

/// The same with forty thresholds and confidences that say nothing: every threshold is as bad as the other.
fn forty(rng: &mut ChaCha8Rng, policy: &Policy, mean: f64) -> Option<u64> {
    let mut driven = Driven::new(policy, &Grid::even(), &Measure::Exact);
    (1..=AUDITS).find(|_| {
        let confidence = rng.random();
        driven.audit(Answer { confidence, ..Answer::sure(coin(rng, mean)) });
        driven.is_serving()
    })
}

/// Ten versions at the bound, each with its own audits and its share of the budget.
fn retrained(rng: &mut ChaCha8Rng, policy: &Policy, mean: f64) -> Option<u64> {
    let mut driven = Driven::plain(policy);
    (1..=u64::from(RETRAINS) * AUDITS).find(|audit| {
        driven.audit(Answer::sure(coin(rng, mean)));
        let serves = driven.is_serving();
        if !serves && audit.is_multiple_of(AUDITS) {
            let next = u32::try_from(audit / AUDITS).unwrap_or(RETRAINS) + 1;
            driven.candidate(next, &Grid::few(), &Measure::Exact);
        }
        serves
    })
}

/// Audits after which the first test alone, at the whole `promote_alpha`, is passed. Its claim about risk is trivial.
pub(crate) fn alone(rng: &mut ChaCha8Rng, policy: &Policy, betting: Betting, mean: f64) -> Option<u64> {
    let (quality_min, quality_alpha) = (policy.quality_min, policy.promote_alpha);
    let claims =
        Claims { quality: quality_min, quality_alpha, risk: 0.999, risk_delta: 0.1, selective: false, betting };
    let mut gate = Gate::new(&[0.0], None);
    (1..=AUDITS).find(|_| {
        let good = coin(rng, mean);
        gate.observe(Seen { confidence: Some(0.5), quality: quality(good), bad: !good }, &claims);
        gate.proven(&claims).is_some()
    })
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let policy = &world.policy;
    let (q0, alpha) = (policy.quality_min, policy.promote_alpha);
    let about = format!(
        "Share of runs in which a student at or below the bound q0 = {q0} was ever promoted within {AUDITS} audits \
         (95 % interval). alpha = {alpha}. The whole machine spends 6/pi^2 of alpha on a site's first version."
    );
    let mut table = Table::new("False promotion", about, &["gate", "true quality", "runs", "promoted"]);
    let mut report = Report::default();
    let mut add = |gate: &str, mean: f64, times: &[Option<u64>]| {
        let promoted = Times::of(times.iter().copied()).happened();
        table.push([gate.to_owned(), format!("{mean:.2}"), times.len().to_string(), share_cell(promoted)]);
        report.rows.push(share_row(format!("false promotion, {gate}, at {mean:.2}"), promoted, Goal::AtMost(alpha)));
    };
    for mean in BELOW.map(|below| q0 - below) {
        let runs = world.size.map(&format!("whole {mean}"), |rng| whole(rng, policy, mean));
        add("whole machine", mean, &runs);
    }
    let runs = world.with(5).map("forty", |rng| forty(rng, policy, q0));
    add("whole machine, 40 thresholds", q0, &runs);
    let runs = world.with(5).map("retrained", |rng| retrained(rng, policy, q0));
    add("whole machine, 10 retrainings", q0, &runs);
    for (betting, name) in BETS {
        for mean in BELOW.map(|below| q0 - below) {
            let runs = world.size.map(&format!("{name} {mean}"), |rng| alone(rng, policy, betting, mean));
            add(&format!("test 1 alone, {name}"), mean, &runs);
        }
    }
    report.tables.push(table);
    report
}

//! How soon a fall is found after a long healthy time, in audits and in requests, and how rarely a healthy student is
//! sent away.

use handover::{Dice, Health, Policy, State};
use plot::{Bar, bars};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::chance::coin;
use crate::driven::{Answer, Driven};
use crate::figures::{Goal, Report, Row, Table, shown};
use crate::scenarios::{World, share_cell, time_cell, time_row};
use crate::summary::{Times, float, mean_interval};

/// Healthy audits before a fall, hand-over included, and the quality then.
const HEALTHY: u64 = 2_000;
const HEALTHY_QUALITY: f64 = 0.97;
/// Audits after which a fall counts as not found.
const DELAY_MAX: u64 = 20_000;
/// Audits at which a healthy run is ended; longer ones count as so long.
const RUN_MAX: u64 = 50_000;
/// Falls, each with what is asked of its median delay.
const FALLS: [(f64, Goal); 4] =
    [(0.85, Goal::AtMost(400.0)), (0.80, Goal::None), (0.70, Goal::AtMost(50.0)), (0.50, Goal::None)];

/// A site that its evidence has brought to Student; `None` where it did not come so far.
fn serving(policy: &Policy, limit: u64, answer: impl FnMut() -> Answer) -> Option<Driven> {
    let mut driven = Driven::plain(policy);
    driven.until(State::Student, limit, answer).map(|_| driven)
}

/// Audits and requests from the fall to the rollback. `None` where the site was not serving before the fall.
fn delay(rng: &mut ChaCha8Rng, policy: &Policy, fallen: f64) -> Option<(Option<u64>, Option<u64>)> {
    let mut driven = serving(policy, HEALTHY, || Answer::sure(coin(rng, HEALTHY_QUALITY)))?;
    while driven.audits < HEALTHY {
        driven.audit(Answer::sure(coin(rng, HEALTHY_QUALITY)));
    }
    if driven.site.state != State::Student {
        return None;
    }
    let (health, mut requests, before) = (Health::default(), 0u64, driven.audits);
    while driven.audits - before < DELAY_MAX {
        requests += 1;
        let dice = Dice { route: rng.random(), audit: rng.random() };
        if driven.site.plan(policy, None, &health, dice).audit.is_none() {
            continue;
        }
        driven.audit(Answer::sure(coin(rng, fallen)));
        if driven.has_drifted() {
            return Some((Some(driven.audits - before), Some(requests)));
        }
    }
    Some((None, None))
}

/// Audits until a student of this quality is sent away.
fn run_length(rng: &mut ChaCha8Rng, policy: &Policy, mean: f64) -> Option<u64> {
    let mut driven = serving(policy, HEALTHY, || Answer::sure(true))?;
    (1..=RUN_MAX).find(|_| {
        driven.audit(Answer::sure(coin(rng, mean)));
        driven.has_drifted()
    })
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let mut report = delays(world);
    report.join(run_lengths(world));
    report
}

fn delays(world: &World) -> Report {
    let policy = &world.policy;
    let about = format!(
        "After {HEALTHY} audits at {HEALTHY_QUALITY} (hand-over included) the quality falls. Median / 90 % quantile. A request \
         is audited with {} while serving, {} while the detector is in doubt.",
        policy.audit_share_serving, policy.audit_share_doubt
    );
    let head =
        ["quality after the fall", "audits", "requests", "share audited", "not found", "sent away before the fall"];
    let mut table = Table::new("Drift: delay", about, &head);
    let (mut report, mut drawn) = (Report::default(), Vec::new());
    for (fallen, goal) in FALLS {
        let runs = world.with(10).map(&format!("fall {fallen}"), |rng| delay(rng, policy, fallen));
        let (all, served) = (runs.len(), runs.into_iter().flatten().collect::<Vec<_>>());
        let audits = Times::of(served.iter().map(|run| run.0));
        let requests = Times::of(served.iter().map(|run| run.1));
        let shares = served.iter().filter_map(|run| Some(float(run.0?) / float(run.1?))).collect::<Vec<_>>();
        let (share, ..) = mean_interval(&shares);
        table.push([
            format!("{fallen:.2}"),
            time_cell(&audits),
            time_cell(&requests),
            shown(share),
            format!("{:.3}", 1.0 - audits.happened().share),
            format!("{} of {all}", all - served.len()),
        ]);
        let name = format!("drift delay, fall to {fallen:.2}");
        report.rows.push(time_row(name.clone(), &audits, "audits", world.goal(goal)));
        report.rows.push(time_row(name, &requests, "requests", Goal::None));
        drawn.push(Bar::new(format!("{fallen:.2}, audits"), audits.median(), 0));
        drawn.push(Bar::new(format!("{fallen:.2}, requests"), requests.median(), 1));
    }
    report.tables.push(table);
    report.plots.push(bars("drift", "Median delay of the rollback after a fall", "audits or requests", &drawn, None));
    report
}

fn run_lengths(world: &World) -> Report {
    let policy = &world.policy;
    let floor = policy.quality_floor;
    let about = format!(
        "Audits until a student that is still good enough (floor {floor}) is sent away; runs are ended at {RUN_MAX} audits and \
         count as so long, so a mean with ended runs is a lower bound."
    );
    let mut table =
        Table::new("Drift: false alarms", about, &["quality", "mean run length", "95 %", "alarm within the run"]);
    let mut report = Report::default();
    for mean in [floor, floor + (1.0 - floor) * 0.2, floor + (1.0 - floor) * 0.5] {
        let runs = world.with(10).map(&format!("run length {mean}"), |rng| run_length(rng, policy, mean));
        let times = Times::of(runs.into_iter());
        let (length, low, high) = times.mean_censored(RUN_MAX);
        let interval = format!("{} .. {}", shown(low), shown(high));
        table.push([format!("{mean:.2}"), shown(length), interval, share_cell(times.happened())]);
        let goal = if (mean - floor).abs() < 1e-9 { Goal::AtLeast(policy.drift_audits) } else { Goal::None };
        let name = format!("mean healthy run length at {mean:.2}, ended at {RUN_MAX}");
        report.rows.push(Row::new(name, length, "audits", (low, high), goal));
    }
    report.tables.push(table);
    report
}

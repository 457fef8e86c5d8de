//! The risk walk alone, in the setting of its paper figures: accuracy 0.711, AUROC 0.79, joint risk 0.05, delta 0.10.

use handover::betting::Betting;
use handover::gate::{Claims, Gate, Seen};
use plot::{Line, lines};
use rand_chacha::ChaCha8Rng;

use crate::figures::{Goal, Report, Row, Table, shown};
use crate::scenarios::{World, share_cell, share_row};
use crate::student::{Served, Student};
use crate::summary::{Share, float, mean_interval, size};

const ALPHA: f64 = 0.05;
const DELTA: f64 = 0.10;
/// Audits after which the coverage is read.
const READ: [u64; 6] = [100, 200, 500, 1_000, 2_000, 4_000];
/// What is asked of the coverage after 500 audits.
const COVERAGE: f64 = 0.35;

/// One run: the true coverage of the proven threshold at every reading, and whether an unsafe one was ever proven.
fn run(rng: &mut ChaCha8Rng, student: &Student) -> ([f64; 6], bool) {
    // A quality that is always proven: the question here is risk alone.
    let claims = Claims {
        quality: 0.01,
        quality_alpha: 0.9999,
        risk: ALPHA,
        risk_delta: DELTA,
        selective: false,
        betting: Betting::Mix5,
    };
    let grid: Vec<f64> = student.exam(rng, 0.9).taus;
    // The walk of quality begins at the strictest: from any other it would hold that of risk back.
    let strictest = grid.iter().copied().reduce(f64::max);
    let mut gate = Gate::new(&grid, strictest);
    let (mut coverage, mut is_unsafe) = ([0.0; 6], false);
    for audit in 1..=READ[5] {
        let answer = student.answer(rng);
        gate.observe(Seen { confidence: Some(answer.confidence), quality: answer.quality, bad: answer.bad }, &claims);
        let reading = READ.iter().position(|read| *read == audit);
        // What is proven stays proven: it is enough to look at the readings.
        let Some(at) = reading else { continue };
        if let Some(proven) = gate.proven(&claims) {
            let served = student.at(proven.tau);
            is_unsafe |= served.wrong > ALPHA;
            if let Some(coverage) = coverage.get_mut(at) {
                *coverage = served.coverage;
            }
        }
    }
    (coverage, is_unsafe)
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let student = Student::new(0.711, 0.79);
    let oracle = student.oracle(|served: Served| served.wrong <= ALPHA);
    let runs = world.with(5).map("threshold", |rng| run(rng, &student));
    let about = format!(
        "The risk walk alone (quality is trivially true, and its walk begins at the strictest threshold): a student of accuracy 0.711 and AUROC 0.79, joint risk below {ALPHA} \
         with delta = {DELTA}, 40 thresholds from an exam of 200. True coverage of the proven threshold, mean over {} runs; \
         an oracle would serve {oracle:.3}.",
        runs.len()
    );
    let mut table = Table::new("Threshold gate", about, &["audits", "mean coverage", "of the oracle's"]);
    let mut report = Report::default();
    let mut points = vec![(0.0, 0.0)];
    for (at, audits) in READ.into_iter().enumerate() {
        let coverages: Vec<f64> = runs.iter().filter_map(|run| run.0.get(at).copied()).collect();
        let (mean, low, high) = mean_interval(&coverages);
        points.push((float(audits), mean));
        table.push([audits.to_string(), shown(mean), format!("{:.0} %", 100.0 * mean / oracle)]);
        let goal = if audits == 500 { Goal::AtLeast(COVERAGE) } else { Goal::None };
        report.rows.push(Row::new(
            format!("threshold gate, coverage after {audits} audits"),
            mean,
            "share of requests",
            (low, high),
            goal,
        ));
    }
    let violations = Share::of(runs.iter().map(|run| run.1));
    table.push(["ever unsafe".to_owned(), share_cell(violations), format!("delta {DELTA}")]);
    report.rows.push(share_row("threshold gate, ever unsafe within 4,000 audits", violations, Goal::AtMost(DELTA)));
    report.rows.push(Row::new(
        "threshold gate, oracle coverage",
        oracle,
        "share of requests",
        (oracle, oracle),
        Goal::None,
    ));
    report.tables.push(table);
    let drawn = [
        Line::new(format!("proven (mean of {} runs)", size(runs.len())), points),
        Line::level("oracle", oracle, 4_000.0),
    ];
    report.plots.push(lines(
        "coverage",
        "Coverage of the proven threshold",
        ["audits", "share of requests"],
        0.0,
        &drawn,
    ));
    report
}

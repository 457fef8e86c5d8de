//! Sites of which only a part can be learnt, with a confidence that tells more or less well: what share is served.

use handover::Policy;
use handover::State;
use handover::betting::Betting;
use rand_chacha::ChaCha8Rng;
use verify::Measure;

use crate::driven::Driven;
use crate::figures::{Goal, Report, Row, Table};
use crate::scenarios::promotion::alone;
use crate::scenarios::{World, share_cell};
use crate::student::{Served, Student};
use crate::summary::{Share, mean_interval};

/// Audits of a run.
const AUDITS: u64 = 2_000;
const ACCURACIES: [f64; 3] = [0.85, 0.80, 0.70];
const AUROCS: [f64; 2] = [0.98, 0.90];

/// Where a site stands after all audits.
struct Stands {
    /// Share of the requests that it serves, 0 where it serves none.
    local: f64,
    is_student: bool,
    /// Whether what is served is in truth not better than asked, or too risky.
    is_wrong: bool,
}

fn run(rng: &mut ChaCha8Rng, policy: &Policy, student: &Student) -> Stands {
    let grid = student.exam(rng, policy.quality_min);
    let mut driven = Driven::new(policy, &grid, &Measure::Exact);
    (0..AUDITS).for_each(|_| driven.audit(student.answer(rng)));
    let threshold = driven.trial().and_then(|trial| trial.threshold().zip(trial.share()));
    let Some((tau, share)) = threshold.filter(|_| driven.is_serving()) else {
        return Stands { local: 0.0, is_student: false, is_wrong: false };
    };
    let served = student.at(tau);
    let is_wrong = !holds(policy, served);
    Stands { local: share * served.coverage, is_student: driven.site.state == State::Student, is_wrong }
}

fn holds(policy: &Policy, served: Served) -> bool {
    served.quality() > policy.quality_min && served.wrong < policy.risk_alpha
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let policy = &world.policy;
    let about = format!(
        "Whole machine, {AUDITS} audits, grid and suggestion from an exam of 200. Share of all requests served locally \
         (mean, 95 % interval); the oracle knows the loosest threshold at which quality exceeds {} and the joint risk stays \
         below {}. \"Raw student required\" is a gate that asks the same of everything the student says: share of runs in \
         which it opens.",
        policy.quality_min, policy.risk_alpha
    );
    let head = [
        "accuracy",
        "AUROC",
        "served",
        "oracle",
        "runs at Student",
        "runs at a wrong threshold",
        "raw student required",
    ];
    let mut table = Table::new("The routed system", about, &head);
    let mut report = Report::default();
    for accuracy in ACCURACIES {
        for auroc in AUROCS {
            let student = Student::new(accuracy, auroc);
            let runs = world.with(25).map(&format!("routed {accuracy} {auroc}"), |rng| run(rng, policy, &student));
            let locals: Vec<f64> = runs.iter().map(|run| run.local).collect();
            let (mean, low, high) = mean_interval(&locals);
            let oracle = student.oracle(|served| holds(policy, served));
            let at_student = Share::of(runs.iter().map(|run| run.is_student));
            let wrong = Share::of(runs.iter().map(|run| run.is_wrong));
            let raw = world.with(25).map("raw", |rng| alone(rng, policy, Betting::Mix5, accuracy).is_some());
            let raw = Share::of(raw.into_iter());
            table.push([
                format!("{accuracy:.2}"),
                format!("{auroc:.2}"),
                format!("{mean:.3} ({low:.3} .. {high:.3})"),
                format!("{oracle:.3}"),
                format!("{:.2}", at_student.share),
                share_cell(wrong),
                format!("{:.3}", raw.share),
            ]);
            let name = format!("served locally after {AUDITS} audits, accuracy {accuracy:.2}, AUROC {auroc:.2}");
            report.rows.push(Row::new(name, mean, "share of requests", (low, high), Goal::None));
            let name = format!("the same, oracle, accuracy {accuracy:.2}, AUROC {auroc:.2}");
            report.rows.push(Row::new(name, oracle, "share of requests", (oracle, oracle), Goal::None));
        }
    }
    report.tables.push(table);
    report
}
